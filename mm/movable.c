/* SPDX-License-Identifier: BSD-2-Clause */
/* Movable memory and evacuation. */
#include "mm/movable.h"

#include <string.h>

#include "firmware/arch.h"
#include "mm/fault.h"

static void lock(struct movable *m)
{
	/* Born zeroed; everybody writes the same. */
	__atomic_store_n(&m->lock.rank, LOCK_MOVABLE, __ATOMIC_RELAXED);
	spin_lock(&m->lock);
}

static paddr_t alloc_movable(unsigned order)
{
	paddr_t pa = frame_alloc_hot(order, OWNER_MOVABLE);

	return pa != FRAME_NONE ? pa : frame_alloc(order, OWNER_MOVABLE);
}

enum err movable_alloc(struct movable *m, unsigned order)
{
	paddr_t pa = alloc_movable(order);

	if (pa == FRAME_NONE)
		return ERR_NOMEM;
	/*
	 * The block names its object before the object names the block: an evacuation in between
	 * finds an object that is elsewhere, and looks again.
	 */
	frame_set_object(pa, (uintptr_t)m);
	lock(m);
	m->order = order;
	m->pa = pa;
	m->full = true;
	spin_unlock(&m->lock);
	return OK;
}

void movable_free(struct movable *m)
{
	lock(m);
	/* Under the lock: nobody moves it between the look and the free. */
	if (m->full)
		frame_free(m->pa, m->order, OWNER_MOVABLE);
	m->full = false;
	spin_unlock(&m->lock);
}

void *movable_get(struct movable *m)
{
	lock(m);
	if (m->full)
		return phys_to_ptr(m->pa);
	spin_unlock(&m->lock);
	return NULL;
}

void movable_put(struct movable *m)
{
	spin_unlock(&m->lock);
}

/* Copy the block to another zone and let go of the old one. ERR_BUSY: it is not @m's any more. */
static enum err move(struct movable *m, struct zone_block b)
{
	enum err err = OK;
	paddr_t to;

	lock(m);
	if (!m->full || m->pa != b.pa) {
		err = ERR_BUSY;
		goto out;
	}
	to = alloc_movable(m->order);
	if (to == FRAME_NONE) {
		err = ERR_NOMEM;
		goto out;
	}
	if (!fault_armed(FAULT_MOVE_NO_COPY))
		memcpy(phys_to_ptr(to), phys_to_ptr(b.pa), PAGE_SIZE << m->order);
	frame_set_object(to, (uintptr_t)m);
	m->pa = to;
	m->moves++;
	/*
	 * No shootdown: nobody has an address of the content but through the object, and the
	 * direct map's own entry for the old frame goes with the hot-remove.
	 */
	frame_free(b.pa, m->order, OWNER_MOVABLE);
out:
	spin_unlock(&m->lock);
	return err;
}

/* A block that changes hands is looked at again; so often in a row, and it counts as pinned. */
#define MAX_RETRIES 1000

enum err zone_evacuate(struct zone *z, struct evacuation *e)
{
	struct zone_block b = zone_next_block(z, z->span.start);
	unsigned retries = 0;

	e->stuck = (struct zone_block){.pa = FRAME_NONE};
	while (b.pa != FRAME_NONE) {
		enum err err = ERR_BUSY;

		if (b.owner == OWNER_MOVABLE && b.object != 0)
			err = move((struct movable *)(uintptr_t)b.object, b);
		else if (b.owner != OWNER_MOVABLE)
			retries = MAX_RETRIES;
		if (b.owner != OWNER_MOVABLE && fault_armed(FAULT_PIN_IGNORED)) {
			b = zone_next_block(z, b.pa + (PAGE_SIZE << b.order));
			continue;
		}
		if (err == OK) {
			e->moved += UINT64_C(1) << b.order;
			retries = 0;
		} else if (err == ERR_NOMEM || retries++ >= MAX_RETRIES) {
			e->stuck = b;
			return err;
		} else {
			arch_yield();
		}
		b = zone_next_block(z, b.pa);
	}
	return OK;
}
