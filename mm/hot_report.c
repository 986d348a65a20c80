/* SPDX-License-Identifier: BSD-2-Clause */
/* What a hot-plug operation did, as people read it. */
#include <stdio.h>

#include "firmware/console.h"
#include "mm/exposure.h"
#include "mm/hotplug.h"

void hot_report_print(const char *what, struct region r, const struct hot_report *rep)
{
	static const char *const names[PT_MAX_LEVELS] = {"4K", "2M", "1G", "512G", "256T"};
	char leaves[160] = "";
	size_t n = 0;

	for (unsigned level = PT_MAX_LEVELS; level-- > 0 && n < sizeof(leaves);) {
		uint64_t set = rep->counts.leaves_set[level];
		uint64_t cleared = rep->counts.leaves_cleared[level];

		/* At most five levels of 2 * 20 digits would not fit; real counts do. */
		if (set != 0)
			n += (size_t)snprintf(leaves + n, sizeof(leaves) - n, " +%llux%s",
					      (unsigned long long)set, names[level]);
		if (cleared != 0 && n < sizeof(leaves))
			n += (size_t)snprintf(leaves + n, sizeof(leaves) - n, " -%llux%s",
					      (unsigned long long)cleared, names[level]);
	}
	note("hot-%s 0x%llx+%llu MiB: leaves%s, tables +%llu -%llu, shootdowns %llu, moved %llu, "
	     "%llu us",
	     what, (unsigned long long)r.start, (unsigned long long)r.size >> 20, leaves,
	     (unsigned long long)rep->counts.tables_linked,
	     (unsigned long long)rep->counts.tables_unlinked, (unsigned long long)rep->shootdowns,
	     (unsigned long long)rep->moved, (unsigned long long)rep->us);
	if (rep->exposed.measured)
		exposure_print(what, r, &rep->exposed);
}
