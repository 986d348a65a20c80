/* SPDX-License-Identifier: BSD-2-Clause */
/* A view of memory that the direct map does not show. */
#include "mm/window.h"

#include "firmware/arch.h"
#include "mm/kernel.h"
#include "mm/map.h"

static vaddr_t start;
static uint64_t reserved;
static uint64_t open_size; /* 0: no view */

enum err window_init(uint64_t size)
{
	if (size <= reserved)
		return OK;
	/* Address space is never given back. */
	if (reserved != 0)
		return ERR_RANGE;
	start = vmalloc_reserve(size, SZ_2M);
	reserved = start == 0 ? 0 : size;
	return start == 0 ? ERR_NOMEM : OK;
}

enum err window_map(paddr_t pa, uint64_t size, uint64_t prot, void **p)
{
	struct pt_batch b;
	enum err err, done;

	if (size == 0 || size > reserved)
		return ERR_RANGE;
	if (open_size != 0)
		return ERR_EXIST;
	/* A table may go, of what is undone. */
	kernel_begin_freeing(&b);
	err = pt_map(&b, start, pa, size, prot, 1);
	done = pt_commit(&b);
	kernel_end_freeing();
	if (err != OK)
		return err;
	if (done != OK)
		return done;
	open_size = size;
	*p = arch_virt_to_ptr(start);
	return OK;
}

void window_unmap(void)
{
	struct pt_batch b;
	enum err err;

	/* A table may go. */
	kernel_begin_freeing(&b);
	err = pt_unmap(&b, start, open_size, 0);
	if (err == OK)
		err = pt_commit(&b);
	kernel_end_freeing();
	if (err != OK)
		panic("window of 0x%llx bytes does not close: %s", (unsigned long long)open_size,
		      err_name(err));
	open_size = 0;
}
