/* SPDX-License-Identifier: BSD-2-Clause */
/* actor.mappable: which memory can be in the direct map, to the byte, and addresses there and back.
 */
#include "firmware/arch.h"
#include "mm/kernel.h"
#include "tests/hotcase.h"

/* Every shape of range at both edges of what can be mapped, and of the address space. */
TEST(actor, mappable)
{
	struct region can = kernel_mappable_range();
	paddr_t end = region_end(can);
	const struct {
		const char *what;
		struct region r;
		bool due;
	} rows[] = {
		{"all of it", can, true},
		{"its first granule", {can.start, SZ_2M}, true},
		{"its last granule", {end - SZ_2M, SZ_2M}, true},
		{"its first byte", {can.start, 1}, true},
		{"its last byte", {end - 1, 1}, true},
		{"the byte below", {can.start - 1, 1}, false},
		{"the byte behind", {end, 1}, false},
		{"one byte more at the end", {can.start, can.size + 1}, false},
		{"across the start", {can.start - SZ_2M, 2 * SZ_2M}, false},
		{"across the end", {end - SZ_2M, 2 * SZ_2M}, false},
		{"far behind", {end + SZ_1G, SZ_2M}, false},
		{"the top of the address space", {-SZ_2M, SZ_2M}, false},
		{"round it", {-SZ_2M, 2 * SZ_2M}, false},
		{"round it into the range", {end - SZ_2M, -SZ_1G}, false},
		{"nothing", {can.start, 0}, false},
		{"above 4 GiB", {SZ_1G * 4, SZ_1G}, end - SZ_1G >= SZ_1G * 4},
		{"across 4 GiB", {SZ_1G * 4 - SZ_2M, 2 * SZ_2M}, end >= SZ_1G * 4 + SZ_2M},
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		bool got = hot_range_allowed(rows[i].r);

		EXPECT(t, got == rows[i].due, "%s, 0x%llx+0x%llx: %s", rows[i].what,
		       (unsigned long long)rows[i].r.start, (unsigned long long)rows[i].r.size,
		       got ? "allowed" : "refused");
	}
}

/*
 * Linux: pfn_to_kaddr(), __pa(). There and back for every bit of a frame's number, at 4 GiB (where
 * 32 bits wrap) and at the edges; neighbours stay neighbours, and the table agrees where something
 * is mapped.
 */
TEST(actor, addresses)
{
	struct region can = kernel_mappable_range();
	const struct area *area = &kernel_table()->mode->direct;

	for (unsigned bit = PAGE_SHIFT; bit < 64; bit++) {
		const paddr_t spots[] = {can.start + (UINT64_C(1) << bit),
					 can.start + (UINT64_C(1) << bit) - PAGE_SIZE,
					 UINT64_C(1) << bit,
					 region_end(can) - (UINT64_C(1) << bit)};

		for (unsigned i = 0; i < ARRAY_LEN(spots); i++) {
			paddr_t pa = spots[i];
			vaddr_t va = direct_va(pa);

			if (!hot_range_allowed((struct region){pa, PAGE_SIZE}))
				continue;
			EXPECT(t, va - area->start < area->size, "0x%llx is at 0x%llx",
			       (unsigned long long)pa, (unsigned long long)va);
			EXPECT(t, ptr_to_phys(phys_to_ptr(pa)) == pa, "0x%llx comes back as 0x%llx",
			       (unsigned long long)pa,
			       (unsigned long long)ptr_to_phys(phys_to_ptr(pa)));
			EXPECT(t, (vaddr_t)(uintptr_t)phys_to_ptr(pa) == va,
			       "two addresses of 0x%llx", (unsigned long long)pa);
			EXPECT(t, va % SZ_1G == pa % SZ_1G, "0x%llx: not congruent modulo 1 GiB",
			       (unsigned long long)pa);
		}
	}
	for (unsigned order = 0; order < 9; order++) {
		paddr_t pa = frame_alloc(order, OWNER_TEST);
		struct pt_lookup l;

		ASSERT(t, pa != FRAME_NONE, "no boot memory of order %u", order);
		l = pt_lookup(kernel_table(), direct_va(pa));
		frame_free(pa, order, OWNER_TEST);
		EXPECT(t, l.mapped && l.pa == pa, "0x%llx leads to 0x%llx", (unsigned long long)pa,
		       (unsigned long long)l.pa);
	}
}
