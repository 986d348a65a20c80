/* SPDX-License-Identifier: BSD-2-Clause */
/* Random page tables: see sim_rig.h. */
#include "tests/host/sim_rig.h"

#include <string.h>

#include "host/sim/bus.h"

struct rig rig;

/* Few pages, so that they meet: index choices for each level. */
static const unsigned low_indexes[] = {0, 1, 2, 3, 16, 17, 18, 31};
static const unsigned top_indexes[] = {0, 1, 511};

static unsigned rig_pick_index(unsigned level)
{
	if (level == rig.context.levels - 1)
		return top_indexes[rng_below(&rig.rng, 3)];
	if (level == 2)
		return 2 * rng_below(&rig.rng, 2); /* 512 GiB leaves of address 0 reach RAM */
	return level != 0 ? rng_below(&rig.rng, 2) : low_indexes[rng_below(&rig.rng, 8)];
}

uint64_t rig_pick_va(void)
{
	static uint64_t last;
	uint64_t va = 0;

	if (rng_percent(&rig.rng, 40))
		return last;
	for (unsigned l = 0; l < rig.context.levels; l++)
		va |= (uint64_t)rig_pick_index(l) << (12 + 9 * l);
	va = (uint64_t)sign_extend(va, 12 + 9 * rig.context.levels);
	if (rng_percent(&rig.rng, 1))
		va ^= BIT(62);
	return last = va | (rng_below(&rig.rng, 512) * UINT64_C(8));
}

static uint64_t leaf(unsigned level)
{
	static const uint64_t rights[] = {PTE_R, PTE_R | PTE_W, PTE_X, PTE_R | PTE_X,
					  PTE_R | PTE_W | PTE_X};
	uint64_t v = PTE_V | rights[rng_below(&rig.rng, 5)];
	uint64_t ppn =
		(0x80000 + UINT64_C(0x40000) * rng_below(&rig.rng, 2)) >> 9 * level << 9 * level;

	if (level == 0)
		ppn += 64 * rng_below(&rig.rng, 8);
	v |= rng_percent(&rig.rng, 85) ? PTE_A : 0;
	v |= rng_percent(&rig.rng, 80) ? PTE_D : 0;
	v |= rng_percent(&rig.rng, 40) ? PTE_U : 0;
	v |= rng_percent(&rig.rng, 20) ? PTE_G : 0;
	switch (rng_below(&rig.rng, 40)) {
	case 6:
		v &= level == 0 ? ~(PTE_R | PTE_W | PTE_X) : v; /* a pointer at the lowest level */
		break;
	case 0:
		v |= BIT(54 + rng_below(&rig.rng, 7));
		break;
	case 1:
		v |= (uint64_t)rng_below(&rig.rng, 4) << 61;
		break;
	case 2:
		ppn |= 1;
		break;
	case 3:
		v = (v & ~PTE_R) | PTE_W;
		break;
	case 4:
		v &= ~PTE_V;
		break;
	case 5:
		v |= PTE_N;
		break;
	default:
		break;
	}
	return v | ppn << PTE_PPN_SHIFT;
}

static uint64_t pointer(unsigned level)
{
	uint64_t pa = legal_table_pa(level - 1, rng_below(&rig.rng, LEGAL_TABLES / 2));
	uint64_t v = PTE_V | pa >> PAGE_SHIFT << PTE_PPN_SHIFT;

	v |= rng_percent(&rig.rng, 10) ? PTE_G : 0;
	if (rng_percent(&rig.rng, 4))
		v |= BIT(4 + 2 * rng_below(&rig.rng, 2)) | (rng_percent(&rig.rng, 50) ? PTE_D : 0);
	return v;
}

static void rig_set_entry(unsigned level, unsigned nr, unsigned index, uint64_t v)
{
	uint64_t pa = legal_table_pa(level, nr) + index * UINT64_C(8);

	legal_store(level, nr, index, v);
	memcpy(bus_ram(&rig.machine, pa, 8), &v, sizeof(v));
}

void rig_store(void)
{
	unsigned level = rng_below(&rig.rng, rig.context.levels);
	bool root = level == rig.context.levels - 1;
	unsigned nr = rng_below(&rig.rng, root ? LEGAL_ROOTS : LEGAL_TABLES / 2);
	unsigned index = rig_pick_index(level);
	unsigned kind = rng_below(&rig.rng, 10);

	if (kind < 2) {
		rig_set_entry(level, nr, index, 0);
	} else if (level == 0 && kind < 4) { /* a whole NAPOT range */
		uint64_t v = (leaf(0) & ~(UINT64_C(15) << PTE_PPN_SHIFT)) | PTE_N |
			     UINT64_C(8) << PTE_PPN_SHIFT;

		for (unsigned i = 0; i < 16; i++)
			rig_set_entry(level, nr, (index & ~15U) + i, v);
	} else if (level != 0 && (root || kind < 8)) {
		rig_set_entry(level, nr, index, pointer(level));
	} else {
		rig_set_entry(level, nr, index, leaf(level));
	}
}
