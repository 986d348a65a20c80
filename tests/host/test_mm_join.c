/* SPDX-License-Identifier: BSD-2-Clause */
/* Hot-added regions that are cut in two and joined again. */
#include <stdlib.h>

#include "mm/hotplug.h"
#include "mm/kernel.h"
#include "mm/map.h"
#include "tests/host/arch_sim_rig.h"
#include "tests/host/tap.h"

#define BLOCK SZ_2M
#define BLOCKS 1024u /* 2 GiB */
#define STEPS 320u

/* Not at a GiB, so that leaves of all sizes are mixed. */
#define WINDOW (UINT64_C(0x180000000) - 3 * BLOCK)

/* Enough for the records of all of the window. */

static struct region region_at(unsigned block, unsigned n)
{
	return (struct region){WINDOW + block * BLOCK, n * BLOCK};
}

/* Regions side by side, cut and joined at will; what each has, it keeps. */
static void cut_and_join(const void *arg)
{
	const struct rig *rig = arg;
	struct rig_accounts before;

	rig_boot(rig);
	before = rig_accounts();
	sim_mem_add(region_at(0, BLOCKS), false);
	for (unsigned s = 0; s < STEPS && rig_failures() == 0; s++) {
		unsigned nth = (unsigned)sim_below(6);
		unsigned block = (unsigned)sim_below(8) * 64;
		struct hot_region *r = hot_first(), *q;
		char when[64];
		enum err err;

		sim_run_on((unsigned)sim_below(rig->harts));
		for (; nth > 0 && r != NULL; nth--)
			r = r->next;
		switch (r == NULL ? 0 : sim_below(5)) {
		case 0: {
			struct region add = region_at(block, 64 * (1 + (unsigned)sim_below(2)));

			err = hot_add(add, PROT_RW, &q, NULL);
			CHECK(err == OK || err == ERR_EXIST || err == ERR_NOMEM, "add: %s",
			      err_name(err));
			snprintf(when, sizeof(when), "step %u: add %u: %s", s, block,
				 err_name(err));
			break;
		}
		case 1: {
			paddr_t at = r->phys.start + sim_below(r->phys.size / BLOCK) * BLOCK;

			err = hot_split(r, at, &q);
			CHECK(err == (at == r->phys.start ? ERR_INVAL : OK), "split: %s",
			      err_name(err));
			snprintf(when, sizeof(when), "step %u: split: %s", s, err_name(err));
			break;
		}
		case 2:
		case 3:
			err = hot_merge(r, NULL);
			CHECK(err == OK || err == ERR_NOENT, "merge: %s", err_name(err));
			snprintf(when, sizeof(when), "step %u: merge: %s", s, err_name(err));
			break;
		default: {
			struct region phys = r->phys;
			bool one_fails = sim_below(2) != 0;

			frame_fail_at(one_fails ? 1 + sim_below(3) : 0);
			err = hot_remove(r, NULL);
			frame_fail_at(0);
			CHECK(err == OK || (one_fails && err == ERR_NOMEM), "remove: %s",
			      err_name(err));
			rig_check_everywhere(direct_va(phys.start),
					     err == OK ? FRAME_NONE : phys.start, "removed");
			snprintf(when, sizeof(when), "step %u: remove: %s", s, err_name(err));
			break;
		}
		}
		rig_check_kernel(when);
		rig_check_silent(when);
		for (q = hot_first(); q != NULL; q = q->next) {
			rig_check_everywhere(direct_va(q->phys.start), q->phys.start, when);
			rig_check_everywhere(direct_va(region_end(q->phys) - PAGE_SIZE),
					     region_end(q->phys) - PAGE_SIZE, when);
		}
	}
	while (hot_first() != NULL && rig_failures() == 0)
		CHECK_ERR(hot_remove(hot_first(), NULL), OK);
	rig_check_kernel("at the end");
	rig_check_accounts(&before, "at the end");
	rig_check_silent("at the end");
}

/* Leaves grow inside the region that is joined, not into the neighbour's. */
static void join_beside(const void *arg)
{
	struct hot_region *a, *b, *q;
	struct rig_accounts before;

	rig_boot(arg);
	before = rig_accounts();
	sim_mem_add(region_at(3, 512), false);
	/* A GiB of addresses, half of it each. */
	REQUIRE_OK(hot_add(region_at(3, 256), PROT_RW, &a, NULL));
	REQUIRE_OK(hot_add(region_at(259, 256), PROT_RW, &b, NULL));
	rig_check_kernel("added");
	REQUIRE_OK(hot_split(a, a->phys.start + BLOCK, &q));
	REQUIRE_OK(hot_merge(a, NULL));
	rig_check_kernel("joined");
	REQUIRE_OK(hot_split(b, b->phys.start + 255 * BLOCK, &q));
	frame_fail_at(1);
	(void)!hot_remove(q, NULL);
	frame_fail_at(0);
	rig_check_kernel("a removal failed, or not");
	while (hot_first() != NULL && rig_failures() == 0)
		CHECK_ERR(hot_remove(hot_first(), NULL), OK);
	rig_check_kernel("at the end");
	rig_check_accounts(&before, "at the end");
	rig_check_silent("at the end");
}

/* Two halves of a GiB become one leaf where the mode has it, and give their tables back. */
static void grow(const void *arg)
{
	const struct rig *rig = arg;
	struct hot_region *a, *b;
	struct hot_report rep;
	struct rig_accounts before, whole;
	struct pt_lookup l;

	rig_boot(rig);
	before = rig_accounts();
	sim_mem_add(region_at(3, 512), false);
	REQUIRE_OK(hot_add(region_at(3, 512), PROT_RW, &a, NULL));
	whole = rig_accounts();
	REQUIRE_OK(hot_remove(a, NULL));
	REQUIRE_OK(hot_add(region_at(259, 256), PROT_RW, &b, NULL));
	REQUIRE_OK(hot_add(region_at(3, 256), PROT_RW, &a, NULL));
	REQUIRE_OK(hot_merge(a, &rep));
	CHECK(rep.shootdowns <= 1, "%llu shootdowns", (unsigned long long)rep.shootdowns);
	rig_check_kernel("joined");
	rig_check_silent("joined");
	rig_check_accounts(&whole, "joined");
	l = pt_lookup(kernel_table(), direct_va(a->phys.start));
	CHECK(l.level == (mode_max_leaf(rig->mode) > 1 ? 2 : 1), "a leaf of level %u", l.level);
	rig_check_everywhere(direct_va(a->phys.start) + 300 * BLOCK, a->phys.start + 300 * BLOCK,
			     "joined");
	REQUIRE_OK(hot_remove(a, NULL));
	rig_check_kernel("removed");
	rig_check_accounts(&before, "removed");
	rig_check_silent("removed");
}

/* Memory for a split of the map runs out at each step: what was split is whole again. */
static void split_fails(const void *arg)
{
	struct hot_region *a, *b;
	struct rig_accounts before, both;
	enum err err = ERR_NOMEM;

	rig_boot(arg);
	before = rig_accounts();
	sim_mem_add(region_at(3, 512), false);
	REQUIRE_OK(hot_add(region_at(3, 512), PROT_RW, &a, NULL));
	REQUIRE_OK(hot_split(a, a->phys.start + 10 * BLOCK, &b));
	both = rig_accounts();
	for (unsigned k = 1; k < 20 && err == ERR_NOMEM && rig_failures() == 0; k++) {
		frame_fail_at(k);
		err = hot_remove(a, NULL);
		frame_fail_at(0);
		CHECK(err == OK || err == ERR_NOMEM, "k=%u: %s", k, err_name(err));
		if (err == ERR_NOMEM)
			rig_check_accounts(&both, "refused");
		rig_check_kernel("refused, or not");
		rig_check_silent("refused, or not");
	}
	CHECK_ERR(err, OK);
	rig_check_everywhere(direct_va(b->phys.start), b->phys.start, "the other part");
	CHECK_ERR(hot_remove(b, NULL), OK);
	rig_check_kernel("removed");
	rig_check_accounts(&before, "removed");
}

/* Records of single pages that lie side by side by chance. */
static void join_small_records(const void *arg)
{
	struct hot_region *a, *b;
	struct rig_accounts before;
	static paddr_t kept[16384];
	paddr_t first, last;
	unsigned n = 0;

	rig_boot(arg);
	before = rig_accounts();
	/* The tables first, or they lie between the records. */
	REQUIRE_OK(pt_populate(kernel_table(), direct_va(region_at(3, 1).start), 1));
	REQUIRE_OK(pt_populate(kernel_table(), frame_record_va(region_at(3, 1).start), 0));
	/* Small blocks first, so that pages come in order from a large one. */
	while (n < ARRAY_LEN(kept)) {
		paddr_t pa = frame_alloc(0, OWNER_TEST);

		REQUIRE(pa != FRAME_NONE, "no memory");
		if (is_aligned(pa, SZ_2M)) {
			frame_free(pa, 0, OWNER_TEST);
			break;
		}
		kept[n++] = pa;
	}
	/* 128 MiB of addresses, whose records fill 2 MiB. */
	sim_mem_add(region_at(3, 64), false);
	REQUIRE_OK(hot_add(region_at(3, 32), PROT_RW, &a, NULL));
	REQUIRE_OK(hot_add(region_at(35, 32), PROT_RW, &b, NULL));
	first = pt_lookup(kernel_table(), frame_record_va(a->phys.start)).pa;
	last = pt_lookup(kernel_table(), frame_record_va(b->phys.start) + SZ_2M / 2 - PAGE_SIZE).pa;
	CHECK(is_aligned(first, SZ_2M) && last == first + SZ_2M - PAGE_SIZE,
	      "records from 0x%llx to 0x%llx", (unsigned long long)first, (unsigned long long)last);
	REQUIRE_OK(hot_merge(a, NULL));
	rig_check_kernel("joined");
	CHECK_ERR(hot_remove(a, NULL), OK);
	rig_check_kernel("removed");
	while (n > 0)
		frame_free(kept[--n], 0, OWNER_TEST);
	rig_check_accounts(&before, "at the end");
	rig_check_silent("at the end");
}

/* Every block of the region can be had, once, and none of another's. */
static void take_all(struct hot_region *r)
{
	static paddr_t got[1024];
	uint64_t bytes = 0;
	unsigned n = 0;

	while (n < ARRAY_LEN(got) && (got[n] = zone_alloc(&r->zone, 9, OWNER_TEST)) != FRAME_NONE) {
		CHECK(got[n] >= r->phys.start && got[n] + SZ_2M <= region_end(r->phys),
		      "0x%llx is not of the region", (unsigned long long)got[n]);
		bytes += SZ_2M;
		n++;
	}
	CHECK(bytes == r->phys.size && r->zone.free_frames == 0, "0x%llx bytes of 0x%llx came",
	      (unsigned long long)bytes, (unsigned long long)r->phys.size);
	while (n > 0)
		frame_free(got[--n], 9, OWNER_TEST);
}

/* Cut and joined, free memory is as whole as it was. */
static void whole_again(const void *arg)
{
	struct hot_region *r, *q;
	struct evacuation e;
	paddr_t pa;

	rig_boot(arg);
	sim_mem_add(region_at(3, 512), false);
	REQUIRE_OK(hot_add(region_at(3, 512), PROT_RW, &r, NULL));
	CHECK_ERR(hot_online(r), OK);
	REQUIRE_OK(hot_split(r, r->phys.start + 100 * BLOCK, &q));
	CHECK(frame_owner(q->phys.start) == OWNER_NONE, "somebody owns free memory");
	take_all(r);
	take_all(q);
	pa = zone_alloc(&q->zone, 9, OWNER_TEST);
	CHECK(pa >= q->phys.start && pa < region_end(q->phys), "0x%llx is not of the upper part",
	      (unsigned long long)pa);
	REQUIRE_OK(hot_merge(r, NULL));
	frame_free(pa, 9, OWNER_TEST);
	pa = zone_alloc(&r->zone, FRAME_MAX_ORDER, OWNER_TEST);
	CHECK(pa == r->phys.start, "a free GiB is not found");
	if (pa != FRAME_NONE)
		frame_free(pa, FRAME_MAX_ORDER, OWNER_TEST);
	REQUIRE_OK(hot_offline(r, &e));
	REQUIRE_OK(hot_remove(r, NULL));
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;

	for (unsigned m = 0; m < ARRAY_LEN(mmu_modes); m++) {
		struct rig rig = {.mode = &mmu_modes[m],
				  .shape = &rig_roomy,
				  .harts = 2,
				  .seed = seed,
				  .view = SIM_RANDOM};
		const char *name = rig.mode->name;

		tap_ok(rig_run(cut_and_join, &rig), "%s: regions are cut and joined", name);
		tap_ok(rig_run(join_beside, &rig), "%s: joined beside a neighbour", name);
		tap_ok(rig_run(grow, &rig), "%s: leaves grow", name);
		tap_ok(rig_run(split_fails, &rig), "%s: no memory for a split", name);
		tap_ok(rig_run(join_small_records, &rig), "%s: records side by side", name);
		tap_ok(rig_run(whole_again, &rig), "%s: memory is whole again", name);
	}
	return tap_done();
}
