/* SPDX-License-Identifier: BSD-2-Clause */
/* Device registers and unmapped windows in the vmalloc area. */
#include "mm/io.h"

#include "mm/kernel.h"
#include "mm/map.h"

enum err io_map(paddr_t pa, uint64_t size, vaddr_t *va)
{
	paddr_t start = align_down(pa, PAGE_SIZE);
	uint64_t bytes = align_up(pa + size, PAGE_SIZE) - start;
	struct pt_batch b;
	enum err err, done;
	vaddr_t at;

	if (size == 0 || pa + size < pa)
		return ERR_RANGE;
	at = vmalloc_reserve(bytes, PAGE_SIZE);
	if (at == 0)
		return ERR_NOMEM;
	/* A table may go, of what is undone. */
	kernel_begin_freeing(&b);
	/* Pages, not superpages: what lies beside the registers is not ours to reach. */
	err = pt_map(&b, at, start, bytes, PROT_RW, 0);
	done = pt_commit(&b);
	kernel_end_freeing();
	*va = at + (pa - start);
	return err != OK ? err : done;
}

enum err io_reserve(uint64_t size, vaddr_t *va)
{
	*va = vmalloc_reserve(size, PAGE_SIZE);
	return *va == 0 ? ERR_NOMEM : OK;
}
