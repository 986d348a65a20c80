/* SPDX-License-Identifier: BSD-2-Clause */
/* Hot-add, online, offline, hot-remove: random sequences, errors, and every allocation failing. */
#include <stdlib.h>
#include <string.h>

#include "mm/hotplug.h"
#include "mm/kernel.h"
#include "tests/host/arch_sim_rig.h"
#include "tests/host/tap.h"

#define BLOCK SZ_2M
#define BLOCKS 1024u /* 2 GiB */
#define MAX_HOT 24u
#define STEPS 160u
#define FRAMES 8u

/* Not at a GiB, so that leaves of all sizes are mixed. */
#define WINDOW (UINT64_C(0x180000000) - 3 * BLOCK)

struct hot {
	struct hot_region *r;
	struct region phys;
	unsigned nr_frames; /* allocated in it */
	paddr_t frames[FRAMES];
	unsigned orders[FRAMES];
};

/* Enough for the records of all of the window. */

static struct hot hot[MAX_HOT];
static uint8_t taken[BLOCKS];

static struct region region_at(unsigned block, unsigned n)
{
	return (struct region){WINDOW + block * BLOCK, n * BLOCK};
}

static void mark(struct region r, bool on)
{
	memset(&taken[(r.start - WINDOW) / BLOCK], on, r.size / BLOCK);
}

static bool overlaps(struct region r)
{
	for (uint64_t b = (r.start - WINDOW) / BLOCK; b < (region_end(r) - WINDOW) / BLOCK; b++) {
		if (taken[b])
			return true;
	}
	return false;
}

/* Both ends of it, and both neighbours, on every hart. */
static void probe(struct region r, const char *when)
{
	const paddr_t spots[] = {r.start, region_end(r) - PAGE_SIZE, r.start - PAGE_SIZE,
				 region_end(r), r.start + align_down(sim_below(r.size), PAGE_SIZE)};

	for (unsigned i = 0; i < ARRAY_LEN(spots); i++) {
		paddr_t pa = spots[i];
		bool in = pa >= WINDOW && pa < WINDOW + BLOCKS * BLOCK &&
			  taken[(pa - WINDOW) / BLOCK] != 0;

		rig_check_everywhere(direct_va(pa), in ? pa : FRAME_NONE, when);
		CHECK((hot_find(pa) != NULL) == in, "%s: hot_find(0x%llx)", when,
		      (unsigned long long)pa);
		CHECK(pt_lookup(kernel_table(), frame_record_va(pa)).mapped == in,
		      "%s: the record of 0x%llx is %smapped", when, (unsigned long long)pa,
		      in ? "not " : "");
	}
}

static void step_add(struct hot *h)
{
	unsigned max = sim_below(4) == 0 ? 640 : 40;
	unsigned block = (unsigned)sim_below(BLOCKS);
	unsigned n = 1 + (unsigned)sim_below(min_u64(max, BLOCKS - block));
	struct region r = region_at(block, n);
	bool busy = overlaps(r);
	struct hot_report rep;
	enum err err;

	if (!busy)
		sim_mem_add(r, false);
	err = hot_add(r, PROT_RW, &h->r, &rep);
	if (busy) {
		CHECK_ERR(err, ERR_EXIST);
		return;
	}
	CHECK(err == OK || err == ERR_NOMEM, "add: %s", err_name(err));
	if (err != OK) {
		probe(r, "add failed");
		sim_mem_drop(r);
		return;
	}
	CHECK(rep.shootdowns == 1, "%llu shootdowns", (unsigned long long)rep.shootdowns);
	h->phys = r;
	mark(r, true);
	probe(r, "added");
	/* All of the records are those of frames that nobody asked for. */
	for (paddr_t pa = r.start; pa < region_end(r); pa += PAGE_SIZE * (1 + sim_below(64))) {
		static const struct frame zero;

		CHECK(memcmp(frame_of(pa), &zero, sizeof(zero)) == 0,
		      "record of 0x%llx is not zero", (unsigned long long)pa);
	}
}

static void step_online(struct hot *h)
{
	uint64_t frames = h->phys.size >> PAGE_SHIFT;

	if (h->r->state == HOT_MAPPED) {
		CHECK_ERR(hot_online(h->r), OK);
		CHECK(h->r->zone.free_frames == frames, "%llu frames came online, due %llu",
		      (unsigned long long)h->r->zone.free_frames, (unsigned long long)frames);
		return;
	}
	if (h->nr_frames < FRAMES) {
		unsigned order = (unsigned)sim_below(10);
		paddr_t pa = zone_alloc(&h->r->zone, order, OWNER_TEST);

		if (pa == FRAME_NONE)
			return;
		CHECK(pa >= h->phys.start && pa + (PAGE_SIZE << order) <= region_end(h->phys),
		      "0x%llx is not of the region", (unsigned long long)pa);
		memset(phys_to_ptr(pa), 0x11, PAGE_SIZE);
		h->frames[h->nr_frames] = pa;
		h->orders[h->nr_frames++] = order;
	}
}

static void step_free(struct hot *h)
{
	if (h->nr_frames == 0)
		return;
	h->nr_frames--;
	frame_free(h->frames[h->nr_frames], h->orders[h->nr_frames], OWNER_TEST);
}

static void step_remove(struct hot *h)
{
	struct region r = h->phys;
	struct hot_report rep;
	struct evacuation e;
	enum err err;

	if (h->r->state == HOT_ONLINE) {
		CHECK_ERR(hot_remove(h->r, &rep), ERR_BUSY);
		err = hot_offline(h->r, &e);
		if (h->nr_frames != 0) {
			bool found = false;

			CHECK_ERR(err, ERR_BUSY);
			for (unsigned i = 0; i < h->nr_frames; i++)
				found |= h->frames[i] == e.stuck.pa;
			CHECK(found, "0x%llx is said to be in use", (unsigned long long)e.stuck.pa);
			return;
		}
		CHECK_ERR(err, OK);
		CHECK(zone_alloc(&h->r->zone, 0, OWNER_TEST) == FRAME_NONE,
		      "a frame came from offline memory");
		if (sim_below(4) == 0)
			return;
	}
	/* It takes no memory, so it cannot fail. */
	frame_fail_at(1);
	err = hot_remove(h->r, &rep);
	frame_fail_at(0);
	CHECK_ERR(err, OK);
	CHECK(rep.shootdowns == 1, "%llu shootdowns", (unsigned long long)rep.shootdowns);
	model_frames_unplugged(r);
	mark(r, false);
	probe(r, "removed");
	sim_mem_drop(r);
	h->r = NULL;
}

static void step(void)
{
	struct hot *h = &hot[sim_below(MAX_HOT)];

	if (h->r == NULL)
		step_add(h);
	else if (sim_below(2) == 0)
		step_online(h);
	else if (sim_below(2) == 0)
		step_free(h);
	else
		step_remove(h);
}

static void finish(void)
{
	for (unsigned i = 0; i < MAX_HOT; i++) {
		while (hot[i].r != NULL && rig_failures() == 0) {
			step_free(&hot[i]);
			if (hot[i].nr_frames == 0)
				step_remove(&hot[i]);
		}
	}
}

static void random_sequence(const void *arg)
{
	const struct rig *rig = arg;
	struct rig_accounts before;

	rig_boot(rig);
	before = rig_accounts();
	for (unsigned s = 0; s < STEPS && rig_failures() == 0; s++) {
		char when[32];

		snprintf(when, sizeof(when), "step %u", s);
		sim_run_on((unsigned)sim_below(rig->harts));
		/* Now and then one allocation fails. */
		frame_fail_at(sim_below(8) == 0 ? 1 + sim_below(12) : 0);
		step();
		frame_fail_at(0);
		if (s % 4 == 0)
			rig_check_kernel(when);
		rig_check_silent(when);
	}
	sim_run_on(0);
	finish();
	CHECK(hot_first() == NULL || rig_failures() != 0, "regions are left");
	rig_check_kernel("at the end");
	rig_check_accounts(&before, "at the end");
	rig_check_silent("at the end");
}

/* Each allocation of an add fails in turn; the add behind is undone completely. */
static void nomem(const void *arg)
{
	const struct region sizes[] = {region_at(0, 1), region_at(1, 70), region_at(3, 512),
				       region_at(100, 500)};

	rig_boot(arg);
	for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
		struct rig_accounts before = rig_accounts();
		struct hot_region *r = NULL;
		unsigned k = 1;
		enum err err;

		sim_mem_add(sizes[i], false);
		do {
			frame_fail_at(k);
			err = hot_add(sizes[i], PROT_RW, &r, NULL);
			frame_fail_at(0);
			CHECK(err == OK || err == ERR_NOMEM, "k=%u: %s", k, err_name(err));
			if (err != OK) {
				rig_check_accounts(&before, "add failed");
				rig_check_kernel("add failed");
				CHECK(hot_first() == NULL, "k=%u: the region stays", k);
				rig_check_everywhere(direct_va(sizes[i].start), FRAME_NONE,
						     "add failed");
			}
			rig_check_silent("add");
			/* A large block that fails is replaced by single frames: many tries. */
			k += k < 40 ? 1 : 37;
		} while (err == ERR_NOMEM && rig_failures() == 0);
		REQUIRE(err == OK, "it never succeeds");
		CHECK_ERR(hot_remove(r, NULL), OK);
		sim_mem_drop(sizes[i]);
		rig_check_accounts(&before, "removed");
		rig_check_silent("removed");
	}
}

static void errors(const void *arg)
{
	const struct rig *rig = arg;
	struct hot_region *r = NULL, *q;
	struct region can;
	struct rig_accounts before;

	rig_boot(rig);
	before = rig_accounts();
	can = kernel_mappable_range();
	{
		const struct {
			struct region r;
			enum err due;
		} rows[] = {
			{{WINDOW, 0}, ERR_INVAL},
			{{WINDOW + PAGE_SIZE, BLOCK}, ERR_INVAL},
			{{WINDOW, BLOCK + PAGE_SIZE}, ERR_INVAL},
			{{can.start - BLOCK, BLOCK}, ERR_RANGE},
			{{region_end(can), BLOCK}, ERR_RANGE},
			{{region_end(can) - BLOCK, 2 * BLOCK}, ERR_RANGE},
			{{0 - BLOCK, BLOCK}, ERR_RANGE},
			{{WINDOW, 0 - WINDOW + BLOCK}, ERR_RANGE},
			{rig_usual->image, ERR_EXIST},
			{{rig_usual->ram[0].start, BLOCK}, ERR_EXIST},
			{{region_end(rig_usual->ram[0]) - BLOCK, 2 * BLOCK}, ERR_EXIST},
		};

		for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
			enum err err = hot_add(rows[i].r, PROT_RW, &r, NULL);

			CHECK(err == rows[i].due, "row %u: %s, due %s", i, err_name(err),
			      err_name(rows[i].due));
		}
	}
	rig_check_accounts(&before, "refused");
	/* The last that can be mapped, and right behind RAM. */
	sim_mem_add((struct region){region_end(can) - BLOCK, BLOCK}, false);
	sim_mem_add((struct region){region_end(rig_usual->ram[0]), BLOCK}, false);
	REQUIRE_OK(hot_add((struct region){region_end(can) - BLOCK, BLOCK}, PROT_RW, &r, NULL));
	REQUIRE_OK(
		hot_add((struct region){region_end(rig_usual->ram[0]), BLOCK}, PROT_RW, &q, NULL));
	CHECK_ERR(hot_add((struct region){region_end(can) - BLOCK, BLOCK}, PROT_RW, &r, NULL),
		  ERR_EXIST);
	CHECK(hot_first() == q && hot_max_pa() == region_end(can), "order of regions");
	rig_check_kernel("added");
	CHECK_ERR(hot_remove(q, NULL), OK);
	CHECK_ERR(hot_remove(r, NULL), OK);
	rig_check_kernel("removed");
	rig_check_accounts(&before, "removed");
	rig_check_silent("removed");
}

/* What the device tree reserves, in RAM or not, is not the device's to give. */
static void reserved(const void *arg)
{
	struct rig rig = *(const struct rig *)arg;
	struct shape s = *rig_usual;
	struct hot_region *r;

	s.reserved[1] = (struct region){WINDOW + 5 * BLOCK + PAGE_SIZE, PAGE_SIZE};
	s.nr_reserved = 2;
	rig.shape = &s;
	rig_boot(&rig);
	sim_mem_add(region_at(0, 8), false);
	CHECK_ERR(hot_add(region_at(5, 1), PROT_RW, &r, NULL), ERR_EXIST);
	CHECK_ERR(hot_add(region_at(0, 8), PROT_RW, &r, NULL), ERR_EXIST);
	CHECK_ERR(hot_add(region_at(0, 5), PROT_RW, &r, NULL), OK);
	CHECK_ERR(hot_add(region_at(6, 2), PROT_RW, &r, NULL), OK);
	rig_check_everywhere(direct_va(WINDOW + 5 * BLOCK), FRAME_NONE, "reserved");
	rig_check_kernel("beside reserved memory");
}

static void remove_it(void *arg)
{
	struct evacuation e;

	CHECK(hot_offline(arg, &e) != OK || hot_remove(arg, NULL) != OK,
	      "a region in an unknown state was taken away");
}

/* Some hart does not answer: nothing is used again, and nothing falls over later. */
static void no_answer_to_add(const void *arg)
{
	const struct rig *rig = arg;
	struct region a = region_at(0, 4);
	struct hot_region *r = NULL;

	rig_boot(rig);
	sim_mem_add(a, false);
	sim_fail_shootdown(ERR_IO, 1);
	CHECK_ERR(hot_add(a, PROT_RW, &r, NULL), ERR_IO);
	r = hot_find(a.start);
	REQUIRE(r != NULL, "the region is forgotten");
	CHECK_ERR(hot_add(a, PROT_RW, &r, NULL), ERR_EXIST);
	REQUIRE(!sim_panics(remove_it, hot_find(a.start)), "panic: %s", sim_panic_text());
	rig_check_kernel("without an answer");
}

static void no_answer_to_remove(const void *arg)
{
	const struct rig *rig = arg;
	struct region a = region_at(0, 4);
	struct hot_region *r = NULL;

	rig_boot(rig);
	sim_mem_add(a, false);
	REQUIRE_OK(hot_add(a, PROT_RW, &r, NULL));
	sim_fail_shootdown(ERR_TIMEOUT, 1);
	CHECK_ERR(hot_remove(r, NULL), ERR_TIMEOUT);
	REQUIRE(hot_find(a.start) == r, "the region is forgotten");
	CHECK_ERR(hot_add(a, PROT_RW, &r, NULL), ERR_EXIST);
	REQUIRE(!sim_panics(remove_it, r), "panic: %s", sim_panic_text());
	rig_check_kernel("without an answer");
}

/* The last frames of boot memory: records in single frames, then none at all. */
static void little_memory(const void *arg)
{
	const struct rig *rig = arg;
	static paddr_t kept[16384];
	struct rig_accounts before;
	unsigned n = 0;

	rig_boot(rig);
	before = rig_accounts();
	while (n < ARRAY_LEN(kept)) {
		kept[n] = frame_alloc(0, OWNER_TEST);
		if (kept[n] == FRAME_NONE)
			break;
		n++;
	}
	/* In an order of their own, so that no two lie side by side for long. */
	for (unsigned i = n; i > 1; i--) {
		unsigned j = (unsigned)sim_below(i);
		paddr_t pa = kept[i - 1];

		kept[i - 1] = kept[j];
		kept[j] = pa;
	}
	sim_mem_add(region_at(0, 32), false);
	for (unsigned step = 0; n > 0 && rig_failures() == 0; step++) {
		struct hot_region *r;
		struct evacuation e;
		enum err err = hot_add(region_at(0, 32), PROT_RW, &r, NULL);

		CHECK(err == OK || err == ERR_NOMEM, "%s", err_name(err));
		if (err == OK) {
			rig_check_kernel("added");
			CHECK_ERR(hot_online(r), OK);
			CHECK_ERR(hot_offline(r, &e), OK);
			CHECK_ERR(hot_remove(r, NULL), OK);
		}
		rig_check_silent("little memory");
		for (unsigned i = 0; i < 200 && n > 0; i++)
			frame_free(kept[--n], 0, OWNER_TEST);
	}
	rig_check_kernel("at the end");
	rig_check_accounts(&before, "at the end");
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;

	for (unsigned m = 0; m < ARRAY_LEN(mmu_modes); m++) {
		struct rig rig = {.mode = &mmu_modes[m], .seed = seed, .view = SIM_RANDOM};
		const char *name = rig.mode->name;

		for (rig.harts = 1; rig.harts <= SIM_MAX_HARTS; rig.harts++) {
			rig.shape = &rig_roomy;
			rig.backend = rig.harts % 2 != 0 ? SHOOTDOWN_IPI : SHOOTDOWN_SBI;
			tap_ok(rig_run(random_sequence, &rig), "%s: %u harts: random", name,
			       rig.harts);
		}
		rig.harts = 2;
		rig.shape = rig_usual;
		tap_ok(rig_run(nomem, &rig), "%s: allocations fail", name);
		tap_ok(rig_run(errors, &rig), "%s: errors", name);
		tap_ok(rig_run(reserved, &rig), "%s: reserved memory", name);
		tap_ok(rig_run(no_answer_to_add, &rig), "%s: an add is not answered", name);
		tap_ok(rig_run(no_answer_to_remove, &rig), "%s: a remove is not answered", name);
		tap_ok(rig_run(little_memory, &rig), "%s: little memory", name);
	}
	return tap_done();
}
