/* SPDX-License-Identifier: BSD-2-Clause */
/* The frame allocator against a flat reference: who owns each page. */
#include <stdlib.h>

#include "mm/bootmem.h"
#include "mm/zone.h"
#include "tests/host/arch_sim_rig.h"
#include "tests/host/tap.h"

#define MAX_PAGES 16384u
#define STEPS 6000u
#define MAX_ORDER 7u

/* Pages [first, first + n) of memory, and what should be known of each. */
struct reference {
	paddr_t start;
	unsigned n;
	uint8_t owner[MAX_PAGES];
	uint8_t order[MAX_PAGES]; /* of the block that starts here, 0xff: none does */
};

static struct reference ref;

static paddr_t page_pa(unsigned i)
{
	return ref.start + i * PAGE_SIZE;
}

static unsigned page_of(paddr_t pa)
{
	return (unsigned)((pa - ref.start) >> PAGE_SHIFT);
}

/* What is owned before the test begins is not the test's. */
static void ref_init(struct region span)
{
	const struct region *usable;
	unsigned n = bootmem_regions(&usable);

	ref.start = span.start;
	ref.n = (unsigned)(span.size >> PAGE_SHIFT);
	for (unsigned i = 0; i < ref.n; i++) {
		ref.owner[i] = OWNER_RESERVED;
		for (unsigned k = 0; k < n; k++) {
			if (page_pa(i) - usable[k].start < usable[k].size)
				ref.owner[i] = (uint8_t)frame_owner(page_pa(i));
		}
		ref.order[i] = 0xff;
	}
}

/* Reserved memory is in no list, so nobody is its owner. */
static enum owner owner_due(unsigned i)
{
	return ref.owner[i] == OWNER_RESERVED ? OWNER_NONE : (enum owner)ref.owner[i];
}

static bool ref_free(unsigned i, unsigned order)
{
	for (unsigned k = 0; k < 1u << order; k++) {
		if (i + k >= ref.n || ref.owner[i + k] != OWNER_NONE)
			return false;
	}
	return true;
}

static void ref_set(unsigned i, unsigned order, enum owner owner)
{
	for (unsigned k = 0; k < 1u << order; k++) {
		ref.owner[i + k] = (uint8_t)owner;
		ref.order[i + k] = 0xff;
	}
	if (owner != OWNER_NONE)
		ref.order[i] = (uint8_t)order;
}

/* A block that the test owns, or ref.n. */
static unsigned any_block(void)
{
	unsigned start = (unsigned)sim_below(ref.n);

	for (unsigned k = 0; k < ref.n; k++) {
		unsigned i = (start + k) % ref.n;

		if (ref.order[i] != 0xff)
			return i;
	}
	return ref.n;
}

static void check_count(uint64_t free_at_start)
{
	uint64_t taken = 0;
	uint64_t owned[NR_OWNERS] = {0};
	struct frame_counts c = frame_counts();

	for (unsigned i = 0; i < ref.n; i++) {
		if (ref.order[i] != 0xff) {
			taken += UINT64_C(1) << ref.order[i];
			owned[ref.owner[i]] += UINT64_C(1) << ref.order[i];
		}
	}
	CHECK(c.free == free_at_start - taken, "%llu free, due %llu", (unsigned long long)c.free,
	      (unsigned long long)(free_at_start - taken));
	CHECK(c.owned[OWNER_TEST] == owned[OWNER_TEST] && c.owned[OWNER_DMA] == owned[OWNER_DMA],
	      "%llu and %llu owned, due %llu and %llu", (unsigned long long)c.owned[OWNER_TEST],
	      (unsigned long long)c.owned[OWNER_DMA], (unsigned long long)owned[OWNER_TEST],
	      (unsigned long long)owned[OWNER_DMA]);
}

static void step_alloc(struct zone *z)
{
	unsigned order = (unsigned)sim_below(MAX_ORDER + 1);
	enum owner owner = sim_below(2) != 0 ? OWNER_TEST : OWNER_DMA;
	paddr_t pa = z != NULL ? zone_alloc(z, order, owner) : frame_alloc(order, owner);

	if (pa == FRAME_NONE) {
		for (unsigned i = 0; i < ref.n; i++)
			CHECK(!is_aligned(page_pa(i), PAGE_SIZE << order) || !ref_free(i, order),
			      "0x%llx order %u is free but not found",
			      (unsigned long long)page_pa(i), order);
		return;
	}
	CHECK(is_aligned(pa, PAGE_SIZE << order), "0x%llx is not aligned to order %u",
	      (unsigned long long)pa, order);
	REQUIRE(pa >= ref.start && page_of(pa) < ref.n, "0x%llx is outside",
		(unsigned long long)pa);
	REQUIRE(ref_free(page_of(pa), order), "0x%llx order %u was handed out already",
		(unsigned long long)pa, order);
	ref_set(page_of(pa), order, owner);
}

/* All of a block, or an aligned part of it: the rest stays owned, in smaller blocks. */
static void step_free(void)
{
	unsigned i = any_block();
	unsigned order, part, at;
	enum owner owner;

	if (i == ref.n)
		return;
	order = ref.order[i];
	owner = (enum owner)ref.owner[i];
	part = (unsigned)sim_below(order + 1);
	at = i + ((unsigned)sim_below(UINT64_C(1) << (order - part)) << part);
	frame_free(page_pa(at), part, owner);
	while (order > part) {
		unsigned upper = i + (1u << (order - 1));

		order--;
		ref.order[i] = (uint8_t)order;
		ref.order[upper] = (uint8_t)order;
		i = at >= upper ? upper : i;
	}
	ref_set(i, part, OWNER_NONE);
}

/* What must be refused, and reported, and change nothing. */
static void step_wrong(void)
{
	struct frame_counts before = frame_counts();
	unsigned i = (unsigned)sim_below(ref.n);
	unsigned order = (unsigned)sim_below(4);
	enum owner owner = ref.owner[i] == OWNER_TEST ? OWNER_DMA : OWNER_TEST;
	const char *first;

	switch (sim_below(4)) {
	case 0: /* of another's, or of a free one */
		frame_free(page_pa(i), 0, owner);
		break;
	case 1: /* larger than the block */
		i = any_block();
		if (i == ref.n || !is_aligned(page_pa(i), PAGE_SIZE << (ref.order[i] + 1)))
			return;
		frame_free(page_pa(i), ref.order[i] + 1u, (enum owner)ref.owner[i]);
		break;
	case 2: /* not aligned */
		frame_free(page_pa(i) | PAGE_SIZE, order + 1, owner);
		break;
	default: /* where no memory is */
		frame_free(ref.start + (UINT64_C(1) << 40) + i * PAGE_SIZE, 0, owner);
		break;
	}
	CHECK(frame_errors(&first) == 1, "a wrong free was not reported");
	CHECK(frame_counts().free == before.free, "a wrong free changed the counts");
}

static void random_steps(struct zone *z, uint64_t free_at_start)
{
	const char *first;

	for (unsigned s = 0; s < STEPS && rig_failures() == 0; s++) {
		uint64_t dice = sim_below(16);
		/* Fills up for a while, then drains. */
		bool filling = s / 600 % 2 == 0;
		unsigned i = (unsigned)sim_below(ref.n);

		if (dice == 0)
			step_wrong();
		else if ((dice < 12) == filling)
			step_alloc(z);
		else
			step_free();
		CHECK(frame_errors(&first) == 0, "step %u: %s", s, first);
		CHECK(frame_owner(page_pa(i)) == owner_due(i), "0x%llx: owner %s, due %s",
		      (unsigned long long)page_pa(i), owner_name(frame_owner(page_pa(i))),
		      owner_name(owner_due(i)));
		if (s % 64 == 0)
			check_count(free_at_start);
	}
	for (unsigned i = 0; i < ref.n; i++) {
		CHECK(frame_owner(page_pa(i)) == owner_due(i), "0x%llx: another owner",
		      (unsigned long long)page_pa(i));
	}
	while (any_block() != ref.n)
		step_free();
	check_count(free_at_start);
}

/* Free blocks of each order, told by taking all of the largest first and giving them back. */
static void census(uint64_t *n)
{
	static paddr_t got[FRAME_MAX_ORDER + 1][64];

	for (unsigned o = FRAME_MAX_ORDER + 1; o-- > 6;) {
		n[o] = 0;
		while (n[o] < 64 && (got[o][n[o]] = frame_alloc(o, OWNER_TEST)) != FRAME_NONE)
			n[o]++;
	}
	for (unsigned o = 6; o <= FRAME_MAX_ORDER; o++) {
		for (uint64_t i = 0; i < n[o]; i++)
			frame_free(got[o][i], o, OWNER_TEST);
	}
}

static void boot_zone(const void *arg)
{
	const struct rig *rig = arg;
	const struct shape *s = rig->shape;
	uint64_t before[FRAME_MAX_ORDER + 1], after[FRAME_MAX_ORDER + 1];
	struct rig_accounts accounts;

	rig_boot(rig);
	accounts = rig_accounts();
	census(before);
	ref_init(s->ram[0]);
	random_steps(NULL, frame_counts().free);
	/* All merged again: nothing stays in pieces that can be whole. */
	census(after);
	for (unsigned o = 6; o <= FRAME_MAX_ORDER; o++)
		CHECK(before[o] == after[o], "%llu blocks of order %u, were %llu",
		      (unsigned long long)after[o], o, (unsigned long long)before[o]);
	rig_check_accounts(&accounts, "all freed");
	rig_check_silent("all freed");
}

/* A zone of its own, with an odd start and end, beside the boot zone. */
static void own_zone(const void *arg)
{
	const struct rig *rig = arg;
	struct zone z;
	struct region span = {rig_usual->ram[0].start + 16 * SZ_2M, 3 * SZ_2M};
	struct shape s = *rig_usual;
	struct rig mine = *rig;
	struct region given;
	paddr_t pa, busy = 0;
	const char *first;

	/* Its records are there since it is RAM, which the machine keeps to itself. */
	s.ram[0].size = 32 * SZ_2M;
	s.reserved[1] = span;
	s.nr_reserved = 2;
	mine.shape = &s;
	rig_boot(&mine);
	zone_init(&z, "own", span);
	CHECK(zone_alloc(&z, 0, OWNER_TEST) == FRAME_NONE, "an empty zone gave a frame");
	CHECK_ERR(zone_isolate(&z, &busy), OK);
	given = (struct region){span.start + 3 * PAGE_SIZE, span.size - 7 * PAGE_SIZE};
	zone_add(&z, given);
	CHECK(z.free_frames == given.size >> PAGE_SHIFT, "%llu free frames",
	      (unsigned long long)z.free_frames);
	/* Every page once, none from outside what was given. */
	for (uint64_t i = 0; i < given.size >> PAGE_SHIFT; i++) {
		pa = zone_alloc(&z, 0, OWNER_TEST);
		CHECK(pa != FRAME_NONE && pa >= given.start && pa < region_end(given),
		      "0x%llx came", (unsigned long long)pa);
		CHECK(pa == FRAME_NONE || *sim_word(pa) != 1, "0x%llx came twice",
		      (unsigned long long)pa);
		if (pa != FRAME_NONE)
			*sim_word(pa) = 1;
	}
	CHECK(zone_alloc(&z, 0, OWNER_TEST) == FRAME_NONE, "one more came");
	(void)frame_errors(&first);
}

static void fails_at(const void *arg)
{
	rig_boot(arg);
	for (unsigned k = 1; k < 20; k++) {
		paddr_t got[20];

		frame_fail_at(k);
		for (unsigned i = 1; i <= 20; i++) {
			got[i - 1] = frame_alloc(0, OWNER_TEST);
			CHECK((got[i - 1] == FRAME_NONE) == (i == k), "k=%u: allocation %u", k, i);
		}
		for (unsigned i = 0; i < 20; i++) {
			if (got[i] != FRAME_NONE)
				frame_free(got[i], 0, OWNER_TEST);
		}
	}
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;

	for (unsigned i = 0; i < rig_nr_shapes; i++) {
		struct rig rig = {
			.mode = &mmu_modes[i % 3], .shape = &rig_shapes[i], .seed = seed + i};

		if (rig_shapes[i].ram[0].size <= MAX_PAGES * PAGE_SIZE && rig_shapes[i].nr_ram == 1)
			tap_ok(rig_run(boot_zone, &rig), "random: %s, %s", rig.shape->name,
			       rig.mode->name);
	}
	{
		struct rig rig = {.mode = &mmu_modes[1], .seed = seed};

		tap_ok(rig_run(own_zone, &rig), "a zone with odd ends");
		tap_ok(rig_run(fails_at, &rig), "the n-th allocation fails");
	}
	return tap_done();
}
