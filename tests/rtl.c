/* SPDX-License-Identifier: BSD-2-Clause */
/* test=rtl: the cheapest test of each kind, and where the first result stands. */
#include "tests/rtl.h"

#include <string.h>

#include "firmware/console.h"
#include "firmware/csr.h"

/* In this order: the first needs nothing but the boot, and what is cheap comes before what is not.
 */
static const struct {
	const char *suite;
	const char *names[5]; /* ends with NULL */
} set[] = {
	{"boot", {"harts", "traps"}},
	{"table", {"errors", "live"}},
	{"tlb", {"remap.4k.load", "remap.4k.fetch", "unmap.4k.store"}},
	{"asid", {"remap.4k.load", "global.4k.load"}},
	{"satp", {"ppn.4k.load"}},
	{"svinval", {"remap.4k.load"}},
	{"fetch", {"straddle.remap_first.4k"}},
	{"rfence", {"remap.4k.load"}},
	{"hotplug", {"block"}},
};

int rtl_place(const struct test *t)
{
	/* Tests of one suite stand together, and most have the same string for its name. */
	static const char *asked;
	static unsigned at;
	const char *const *name;

	if (t->suite != asked) {
		for (at = 0; at < ARRAY_LEN(set) && strcmp(set[at].suite, t->suite) != 0;)
			at++;
		asked = t->suite;
	}
	if (at == ARRAY_LEN(set))
		return -1;
	for (name = set[at].names; *name != NULL; name++) {
		/* The call costs more than the rest, for hundreds of tests. */
		if ((*name)[0] == t->name[0] && strcmp(*name, t->name) == 0)
			return (int)(at * ARRAY_LEN(set[at].names) +
				     (size_t)(name - set[at].names));
	}
	return -1;
}

void rtl_print_first(const struct bench *b)
{
	/* What could be read at the start can be read now. */
	if (b->entry_instret != 0)
		note("insns: %llu from entry to first result",
		     (unsigned long long)(csr_read_instret() - b->entry_instret));
}
