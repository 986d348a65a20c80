/* SPDX-License-Identifier: BSD-2-Clause */
/* Sv39, Sv48 and Sv57. */
#include "mm/mode.h"

#define GIB (UINT64_C(1) << 30)
#define TIB (UINT64_C(1) << 40)
#define PIB (UINT64_C(1) << 50)

/* Each area starts and ends at a root entry, so that root entries can be populated once. */
const struct mmu_mode mmu_modes[3] = {
	{
		.name = "Sv39",
		.levels = 3,
		.satp_mode = 8,
		.va_bits = 39,
		.vmemmap = {UINT64_C(0xffffffc500000000), 4 * GIB},
		.vmalloc = {UINT64_C(0xffffffc600000000), 64 * GIB},
		.direct = {UINT64_C(0xffffffd600000000), 128 * GIB},
		.kasan = {UINT64_C(0xfffffff700000000), 32 * GIB},
	},
	{
		.name = "Sv48",
		.levels = 4,
		.satp_mode = 9,
		.va_bits = 48,
		.vmemmap = {UINT64_C(0xffff8d8000000000), 2 * TIB},
		.vmalloc = {UINT64_C(0xffff8f8000000000), 32 * TIB},
		.direct = {UINT64_C(0xffffaf8000000000), 64 * TIB},
		.kasan = {UINT64_C(0xffffef8000000000), 16 * TIB},
	},
	{
		.name = "Sv57",
		.levels = 5,
		.satp_mode = 10,
		.va_bits = 57,
		.vmemmap = {UINT64_C(0xff1c000000000000), 1 * PIB},
		.vmalloc = {UINT64_C(0xff20000000000000), 16 * PIB},
		.direct = {UINT64_C(0xff60000000000000), 32 * PIB},
		.kasan = {UINT64_C(0xffdf000000000000), 8 * PIB},
	},
};

const struct mmu_mode *mmu_mode_by_satp(uint64_t satp_mode)
{
	for (unsigned i = 0; i < ARRAY_LEN(mmu_modes); i++) {
		if (mmu_modes[i].satp_mode == satp_mode)
			return &mmu_modes[i];
	}
	return NULL;
}

/* Half of them for vmalloc_reserve(): in Sv39, where one is 1 GiB, torture.* takes three. */
#define CUT_VMALLOC_ENTRIES 8

struct mmu_mode mode_cut(const struct mmu_mode *mode, uint64_t span_bytes, uint64_t record_bytes)
{
	struct mmu_mode m = *mode;
	uint64_t entry = level_size(mode->levels - 1);

	m.direct.size = min_u64(m.direct.size, align_up(span_bytes, entry));
	m.vmemmap.size = min_u64(m.vmemmap.size,
				 align_up((m.direct.size >> PAGE_SHIFT) * record_bytes, entry));
	m.vmalloc.size = min_u64(m.vmalloc.size, CUT_VMALLOC_ENTRIES * entry);
	/* Its end is what addresses of shadow are reckoned from. */
	m.kasan.start += m.kasan.size;
	m.kasan.size = 0;
	return m;
}
