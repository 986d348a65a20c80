/* SPDX-License-Identifier: BSD-2-Clause */
/* A stretch of the live kernel table. */
#include "tests/host/arch_sim_window.h"

#include "mm/kernel.h"
#include "mm/map.h"

vaddr_t window_base;
paddr_t window_frames;
uint64_t window_begun;

vaddr_t page(unsigned table, unsigned i)
{
	return window_base + table * SZ_2M + i * PAGE_SIZE;
}

pte_slot_t slot(vaddr_t va, unsigned level)
{
	struct pt_cursor c = pt_walk(kernel_table(), va, level);

	REQUIRE(c.level == level, "no entry of level %u", level);
	return c.slot;
}

void rfence_all(vaddr_t start, uint64_t size)
{
	struct hartset all = arch_harts_online();

	REQUIRE_OK(arch_rfence(&all, start, size));
}

void fence_all_harts(void)
{
	fence_local_all();
	rfence_all(0, UINT64_MAX);
}

void leaf(vaddr_t va, paddr_t pa)
{
	pte_store(slot(va, 0), pte_leaf(pa, PROT_RW));
}

/* All is mapped, fenced and known; an operation begins. */
void window_setup(const void *arg)
{
	rig_boot(arg);
	window_base = vmalloc_reserve(4 * SZ_2M, SZ_1G);
	window_frames = frame_alloc(9, OWNER_TEST);
	REQUIRE(window_frames != FRAME_NONE && window_base != 0, "no room");
	for (unsigned t = 0; t < 4; t++)
		REQUIRE_OK(pt_populate(kernel_table(), page(t, 0), 0));
	for (unsigned i = 0; i < 2 * PT_ENTRIES; i++)
		leaf(page(0, i), window_frames + i % PT_ENTRIES * PAGE_SIZE);
	fence_all_harts();
	rig_check_silent("set up");
	window_begun = model_begin();
}

uint32_t window_complete(void)
{
	model_complete(window_begun);
	return rig_take_violations();
}

/* Harts that the model names as holders when the operation is declared complete. */
struct hartset window_named(void)
{
	static struct violation v[64];
	struct hartset all = {{0}};
	unsigned kept;

	model_complete(window_begun);
	model_take_violations(v, ARRAY_LEN(v), &kept);
	for (unsigned i = 0; i < kept; i++)
		all.bits[0] |= v[i].holders.bits[0];
	return all;
}

void fence_va_everywhere(vaddr_t va)
{
	fence_local_va(va);
	rfence_all(va, 1);
}

uint32_t window_freed(unsigned first, unsigned n)
{
	model_frames_freed((struct region){window_frames + first * PAGE_SIZE, n * PAGE_SIZE});
	return rig_take_violations() & ~BIT(VIOLATION_FRAME_MAPPED);
}
