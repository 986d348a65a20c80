/* SPDX-License-Identifier: BSD-2-Clause */
/* Address spaces beside the one that a stimulus is in. */
#include "tests/mmu/spaces.h"

#include "firmware/arch.h"
#include "mm/frame.h"

bool spaces_build(struct scene *s, const struct op_case *c, enum half half, struct stim *st)
{
	if (!op_build(s, c, half, st))
		return false;
	if (st->nr > SPACES_TARGETS)
		st->nr = SPACES_TARGETS;
	return true;
}

static void copy_shape(const struct stim *st, const struct space *sp, struct stim *other)
{
	*other = *st;
	other->space = sp;
	other->away = NULL;
	other->behind = NULL;
	other->nr_edits = 0;
}

void spaces_mirror(struct scene *s, const struct stim *st, const struct space *sp,
		   struct stim *other)
{
	vaddr_t leaf = align_down(st->at[0].va, SZ_2M);
	paddr_t block = st->size == SZ_2M ? scene_try_block(s, 9) : FRAME_NONE;
	bool large = block != FRAME_NONE;

	copy_shape(st, sp, other);
	other->constant = true;
	other->nr = 0;
	if (large)
		scene_store(space_slot(s, sp, leaf, LEVEL_2M), pte_leaf(block, SCENE_RWX).raw);
	for (unsigned i = 0; i < st->nr; i++) {
		struct target *at = &other->at[other->nr];
		paddr_t pa;

		if (st->at[i].silent)
			continue;
		other->nr++;
		at->va = st->at[i].va;
		pa = large ? block + (at->va - leaf) : scene_block(s, 0);
		at->was = scene_page(s, pa);
		at->is = at->was;
		at->cold = false;
		at->silent = false;
		if (!large)
			scene_store(space_slot(s, sp, at->va, LEVEL_4K),
				    pte_leaf(pa, SCENE_RWX).raw);
	}
}

void spaces_share(struct scene *s, struct stim *st, const struct space *sp, struct stim *other)
{
	unsigned top = s->pt.mode->levels - 1;
	uint64_t *own = scene_slot(s, st->start, top);
	uint64_t *shared = space_slot(s, sp, st->start, top);

	copy_shape(st, sp, other);
	scene_store(shared, *own);
	/* Where the leaf lies in the root itself there are two entries to change. */
	if (st->edit[0].slot == own) {
		st->edit[1] = st->edit[0];
		st->edit[1].slot = shared;
		st->nr_edits = 2;
	}
}

uint16_t spaces_asid(struct scene *s)
{
	uint64_t all = (UINT64_C(1) << s->asid_bits) - 1;

	switch (rng_below(&s->t->rng, 4)) {
	case 0:
		return 1;
	case 1:
		return (uint16_t)(UINT64_C(1) << (s->asid_bits - 1));
	case 2:
		return (uint16_t)all;
	default:
		return (uint16_t)(1 + rng_below(&s->t->rng, all));
	}
}

uint16_t spaces_asid_beside(struct scene *s, uint16_t asid)
{
	return asid ^ (uint16_t)(UINT32_C(1) << rng_below(&s->t->rng, s->asid_bits));
}

bool spaces_have_asids(const struct scene *s)
{
	if (s->asid_len == 0)
		test_skip(s->t, "satp keeps no bit of ASID here");
	else if (s->asid_bits == 0)
		test_skip(s->t, "asid=0: no ASID but 0 is used");
	return s->asid_bits != 0;
}
