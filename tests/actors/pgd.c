/* SPDX-License-Identifier: BSD-2-Clause */
/* actor.pgd: other roots see what comes into any area, for root entries never change. */
#include "firmware/arch.h"
#include "mm/frame.h"
#include "mm/kasan.h"
#include "mm/kernel.h"
#include "mm/vmap.h"
#include "tests/actors/views.h"
#include "tests/second_root.h"

/* Root entries as they are: none comes, none goes. */
static void expect_same(struct test_run *t, paddr_t copy)
{
	const uint64_t *now = phys_to_ptr(kernel_table()->root);
	const uint64_t *then = phys_to_ptr(copy);

	for (unsigned i = 0; i < PT_ENTRIES; i++)
		EXPECT(t, now[i] == then[i], "root entry %u is 0x%llx, was 0x%llx", i,
		       (unsigned long long)now[i], (unsigned long long)then[i]);
}

/* Boot memory's shadow has zeros for whoever looks. */
static void see_shadow(struct test_run *t, paddr_t copy, paddr_t pa)
{
	struct region boot = {align_down(pa, SZ_2M), SZ_2M};

	if (kasan_start(boot) != OK)
		return; /* no room: the vmalloc area has to do */
	second_root_read(t, kasan_shadow(direct_va(pa)), copy, 0);
	expect_same(t, copy);
	EXPECT_OK(t, kasan_stop());
}

/*
 * The vmalloc area and the KASAN shadow through a root that was copied before. (Linux:
 * preallocate_pgd_pages_range(); its fault handler's copying was racy, 7d3332be011e.) The direct
 * map and the frame table are hotplug.second_root's.
 */
TEST(actor, pgd)
{
	paddr_t copy = second_root_copy(t);
	struct view v = view_new(t, 0);

	view_map(t, &v, 0);
	second_root_read(t, v.va, copy, v.word);
	expect_same(t, copy);
	see_shadow(t, copy, v.pa);
	view_free(t, &v);
	expect_same(t, copy);
	second_root_drop(copy);
}
