/* SPDX-License-Identifier: BSD-2-Clause */
/* The records of frames, their owners, and how many frames each owner has. */
#include "mm/frame.h"

#include "firmware/arch.h"
#include "firmware/lock.h"

static vaddr_t table_start;
static paddr_t table_first;
static uint64_t record_size = FRAME_RECORD_SIZE;

static struct frame_counts counts;
static struct spinlock counts_lock = SPINLOCK(LOCK_FRAME_COUNTS);

const char *owner_name(enum owner o)
{
	static const char *const names[NR_OWNERS] = {
		"none", "reserved", "boot",   "table", "frame-table",
		"dma",	"movable",  "carved", "test",
	};

	return o < NR_OWNERS ? names[o] : "?";
}

void frame_table_init(vaddr_t start, paddr_t first)
{
	table_start = start;
	table_first = first;
}

vaddr_t frame_record_va(paddr_t pa)
{
	return table_start + ((pa - table_first) >> PAGE_SHIFT) * record_size;
}

void frame_record_size_set(uint64_t bytes)
{
	record_size = bytes;
}

uint64_t frame_record_size(void)
{
	return record_size;
}

struct frame *frame_of(paddr_t pa)
{
	return arch_virt_to_ptr(frame_record_va(pa));
}

void frame_count(enum owner owner, int64_t frames)
{
	bool irq = spin_lock_irq(&counts_lock);

	if (owner == OWNER_NONE)
		counts.free += (uint64_t)frames;
	else
		counts.owned[owner] += (uint64_t)frames;
	spin_unlock_irq(&counts_lock, irq);
}

struct frame_counts frame_counts(void)
{
	bool irq = spin_lock_irq(&counts_lock);
	struct frame_counts c = counts;

	spin_unlock_irq(&counts_lock, irq);
	return c;
}
