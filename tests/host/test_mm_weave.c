/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs of two and three harts, in every order of their steps: no order goes wrong. */
#include <inttypes.h>
#include <stdlib.h>

#include "tests/host/tap.h"
#include "tests/host/weave_programs.h"

static void run(const struct weave_program *p, uint64_t limit)
{
	struct weave_result r;

	weave_explore(p, NULL, limit, &r);
	/* Asked for less than all, less is enough. */
	tap_ok(r.ran && r.bad == 0 && (r.complete || getenv("WEAVE_MAX") != NULL),
	       "%s: %" PRIu64 " orders%s, %" PRIu64 " cut short, up to %u steps", p->name,
	       r.schedules, r.complete ? ", all" : "", r.cut, r.longest);
	if (r.what[0] != '\0')
		printf("# %s\n", r.what);
	if (r.bad != 0)
		printf("# WEAVE_REPLAY='%s: %s'\n", p->name, r.replay);
}

int main(void)
{
	const char *limit = getenv("WEAVE_MAX");
	const struct weave_program *p;

	for (unsigned i = 0; (p = weave_program_at(i)) != NULL; i++) {
		if (!p->longer || getenv("WEAVE_LONG") != NULL)
			run(p, limit != NULL ? strtoull(limit, NULL, 0) : 100000);
	}
	return tap_done();
}
