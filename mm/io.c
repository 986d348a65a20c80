/* SPDX-License-Identifier: BSD-2-Clause */
/* Device registers and unmapped windows in the vmalloc area. */
#include "mm/io.h"

#include "mm/fault.h"
#include "mm/kernel.h"
#include "mm/map.h"
#include "mm/memtype.h"
#include "mm/model.h"
#include "mm/vmap.h"

/* All that io_map() mapped lies in here, and nothing else until io_use_types(). */
static vaddr_t first, end;

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
	err = pt_map(&b, at, start, bytes, prot_io(), 0);
	done = pt_commit(&b);
	kernel_end_freeing();
	*va = at + (pa - start);
	first = first == 0 ? at : first;
	end = at + bytes;
	return err != OK ? err : done;
}

enum err io_use_types(vaddr_t console)
{
	struct pt_batch b;
	enum err err = OK, done;

	memtype_use(true);
	kernel_begin(&b);
	model_operation("memory type");
	if (first != 0)
		err = pt_protect(&b, first, end - first, prot_io(), PT_HOLES_OK);
	if (err == OK && console != 0)
		err = pt_protect(&b, console, PAGE_SIZE, prot_io(), 0);
	done = pt_commit(&b);
	kernel_end();
	return err != OK ? err : done;
}

enum err io_remap(paddr_t pa, uint64_t size, vaddr_t *va)
{
	paddr_t start = align_down(pa, PAGE_SIZE);
	uint64_t prot = fault_armed(FAULT_IOREMAP_UNTYPED) ? PROT_RW : prot_io();
	enum err err;

	if (size == 0 || pa + size < pa)
		return ERR_RANGE;
	err = vmap_new(start, align_up(pa + size, PAGE_SIZE) - start, prot, 1, 0, va);
	*va += pa - start;
	return err;
}

enum err io_unmap(vaddr_t va)
{
	return vmap_free(va);
}

enum err io_reserve(uint64_t size, vaddr_t *va)
{
	*va = vmalloc_reserve(size, PAGE_SIZE);
	return *va == 0 ? ERR_NOMEM : OK;
}
