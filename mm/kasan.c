/* SPDX-License-Identifier: BSD-2-Clause */
/* Shadow of the direct map. */
#include "mm/kasan.h"

#include "firmware/arch.h"
#include "firmware/console.h"
#include "mm/clear.h"
#include "mm/fault.h"
#include "mm/frame.h"
#include "mm/hot_notify.h"
#include "mm/hotplug.h"
#include "mm/kernel.h"
#include "mm/map.h"
#include "mm/records.h"

#define SHADOW_SHIFT 3

/* Of what comes and goes at once: a block of frames, and its order. */
#define GRANULE_SHADOW (HOTPLUG_GRANULE >> SHADOW_SHIFT)
#define GRANULE_ORDER 6u
_Static_assert(GRANULE_SHADOW == PAGE_SIZE << GRANULE_ORDER, "one block is one granule's");

/* Zeros: all that it is the shadow of may be accessed. */
#define ZERO_ORDER 9u
static paddr_t zeros = FRAME_NONE;
static struct region boot_covered;

vaddr_t kasan_shadow(vaddr_t va)
{
	const struct area *a = &kernel_table()->mode->kasan;

	/* The last byte of the address space has the last byte of the area. */
	return (va >> SHADOW_SHIFT) + (a->start + a->size - (UINT64_C(1) << (64 - SHADOW_SHIFT)));
}

static bool is_boots(struct pt_lookup l)
{
	return l.mapped && l.pa - zeros < PAGE_SIZE << ZERO_ORDER;
}

/* ---- memory that comes and goes */

static enum err map_private(struct pt_batch *b, struct region phys, struct frame_chain *mine)
{
	vaddr_t start = kasan_shadow(direct_va(phys.start));
	uint64_t size = phys.size >> SHADOW_SHIFT;
	uint64_t done;

	for (done = 0; done < size; done += GRANULE_SHADOW) {
		paddr_t pa = frame_alloc(GRANULE_ORDER, OWNER_FRAMETABLE);
		enum err err = ERR_NOMEM;

		if (pa != FRAME_NONE) {
			frame_chain_push(mine, pa, GRANULE_ORDER);
			clear_words(phys_to_ptr(pa), GRANULE_SHADOW);
			arch_wmb(); /* whoever translates there sees zeros */
			err = pt_map(b, start + done, pa, GRANULE_SHADOW, PROT_RW, 0);
		}
		if (err != OK) {
			pt_unmap_own(b, start, done);
			return err;
		}
	}
	return OK;
}

enum err kasan_populate(struct region phys)
{
	struct frame_chain mine = {FRAME_NONE};
	struct pt_batch b;
	enum err err, done;

	/* Tables go, also those of what is undone. */
	kernel_begin_freeing(&b);
	err = map_private(&b, phys, &mine);
	done = pt_commit(&b);
	if (err != OK && done == OK)
		frame_chain_free(&mine);
	kernel_end_freeing();
	return done != OK ? done : err;
}

static void unmap_private(struct pt_batch *b, struct region phys, struct frame_chain *mine)
{
	vaddr_t start = kasan_shadow(direct_va(phys.start));

	for (uint64_t off = 0; off < phys.size >> SHADOW_SHIFT; off += GRANULE_SHADOW) {
		struct pt_lookup l = pt_lookup(kernel_table(), start + off);

		if (!l.mapped || (is_boots(l) && !fault_armed(FAULT_KASAN_BOOT_FREED)))
			continue;
		if (!is_boots(l))
			frame_chain_push(mine, l.pa, GRANULE_ORDER);
		if (pt_unmap(b, start + off, GRANULE_SHADOW, PT_SPLIT) != OK)
			panic("shadow at 0x%llx is not as it was mapped",
			      (unsigned long long)(start + off));
	}
}

enum err kasan_depopulate(struct region phys)
{
	struct frame_chain mine = {FRAME_NONE};
	struct pt_batch b;
	enum err err;

	if (fault_armed(FAULT_KASAN_NEIGHBOUR))
		phys.size += HOTPLUG_GRANULE;
	kernel_begin_freeing(&b);
	unmap_private(&b, phys, &mine);
	err = pt_commit(&b);
	if (err == OK)
		frame_chain_free(&mine);
	kernel_end_freeing();
	return err;
}

static enum err told(enum hot_event event, struct region phys)
{
	bool late = fault_armed(FAULT_KASAN_LATE);
	enum err err = OK;

	switch (event) {
	case HOT_GOING_ONLINE:
		return late ? OK : kasan_populate(phys);
	case HOT_WENT_ONLINE:
		return late ? kasan_populate(phys) : OK;
	case HOT_CANCEL_ONLINE:
	case HOT_WENT_OFFLINE:
		err = kasan_depopulate(phys);
		break;
	}
	if (err != OK)
		note("kasan: shadow of 0x%llx is lost: %s", (unsigned long long)phys.start,
		     err_name(err));
	return OK;
}

static struct hot_notifier notifier = {.told = told};

/* ---- boot memory */

/* Leaf by leaf to the same zeros, with the same offset into them. */
static enum err map_zeros(struct pt_batch *b, vaddr_t start, vaddr_t end)
{
	vaddr_t va = start;

	while (va < end) {
		uint64_t part = min_u64(end - va, SZ_2M - va % SZ_2M);
		enum err err = pt_map(b, va, zeros + va % SZ_2M, part, PROT_RO, 1);

		if (err != OK) {
			pt_unmap_own(b, start, va - start);
			return err;
		}
		va += part;
	}
	return OK;
}

static void free_zeros(void)
{
	frame_free(zeros, ZERO_ORDER, OWNER_BOOT);
	zeros = FRAME_NONE;
}

enum err kasan_start(struct region boot)
{
	vaddr_t start = kasan_shadow(direct_va(boot.start));
	struct pt_batch b;
	enum err err, done;

	/* prealloc=min has no area for it (mode_cut()). */
	if (start < kernel_table()->mode->kasan.start)
		return ERR_NOMEM;
	zeros = frame_alloc(ZERO_ORDER, OWNER_BOOT);
	if (zeros == FRAME_NONE)
		return ERR_NOMEM;
	clear_words(phys_to_ptr(zeros), PAGE_SIZE << ZERO_ORDER);
	arch_wmb();
	kernel_begin_freeing(&b);
	err = map_zeros(&b, start, start + (boot.size >> SHADOW_SHIFT));
	done = pt_commit(&b);
	kernel_end_freeing();
	if (done != OK)
		return done;
	if (err != OK) {
		free_zeros();
		return err;
	}
	boot_covered = boot;
	hot_notifier_add(&notifier);
	return OK;
}

enum err kasan_stop(void)
{
	vaddr_t start = kasan_shadow(direct_va(boot_covered.start));
	struct pt_batch b;
	enum err err, done;

	hot_notifier_remove(&notifier);
	kernel_begin_freeing(&b);
	err = pt_unmap(&b, start, boot_covered.size >> SHADOW_SHIFT, PT_HOLES_OK);
	done = pt_commit(&b);
	kernel_end_freeing();
	if (err != OK || done != OK)
		return err != OK ? err : done;
	free_zeros();
	return OK;
}
