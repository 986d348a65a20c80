/* SPDX-License-Identifier: BSD-2-Clause */
/* Hot-add and hot-remove: direct map, frame table, zone. */
#include "mm/hotplug.h"

#include "firmware/arch.h"
#include "mm/bootmem.h"
#include "mm/clear.h"
#include "mm/kernel.h"
#include "mm/shootdown.h"

#define MAX_REGIONS 1024

static struct spinlock lock = SPINLOCK("hotplug");
static struct hot_region regions[MAX_REGIONS];
static struct hot_region *first;
static struct hot_region *unused;
static unsigned nr_ever;
static paddr_t boot_end;

void hotplug_init(paddr_t end)
{
	boot_end = end;
}

struct hot_region *hot_first(void)
{
	return first;
}

struct hot_region *hot_find(paddr_t pa)
{
	for (struct hot_region *r = first; r != NULL; r = r->next) {
		if (pa >= r->phys.start && pa < region_end(r->phys))
			return r;
	}
	return NULL;
}

paddr_t hot_max_pa(void)
{
	paddr_t max = boot_end;

	for (const struct hot_region *r = first; r != NULL; r = r->next)
		max = max_u64(max, region_end(r->phys));
	return max;
}

static bool overlap(struct region a, struct region b)
{
	return a.start < region_end(b) && b.start < region_end(a);
}

static enum err check(struct region phys)
{
	struct region can = kernel_mappable_range();
	const struct region *boot;
	unsigned n = bootmem_regions(&boot);

	if (phys.size == 0 || !is_aligned(phys.start | phys.size, HOTPLUG_GRANULE))
		return ERR_INVAL;
	/* Last bytes, not ends: the range may reach up to the very top. */
	if (phys.start + (phys.size - 1) < phys.start || phys.start < can.start ||
	    phys.start + (phys.size - 1) > can.start + (can.size - 1))
		return ERR_RANGE;
	for (unsigned i = 0; i < n; i++) {
		if (overlap(phys, boot[i]))
			return ERR_EXIST;
	}
	for (const struct hot_region *r = first; r != NULL; r = r->next) {
		if (overlap(phys, r->phys))
			return ERR_EXIST;
	}
	return OK;
}

static struct hot_region *region_new(struct region phys, uint64_t prot)
{
	struct hot_region *r = unused;
	struct hot_region **at = &first;

	if (r != NULL)
		unused = r->next;
	else if (nr_ever < MAX_REGIONS)
		r = &regions[nr_ever++];
	else
		return NULL;
	while (*at != NULL && (*at)->phys.start < phys.start)
		at = &(*at)->next;
	*r = (struct hot_region){.phys = phys, .prot = prot, .next = *at};
	*at = r;
	return r;
}

static void region_drop(struct hot_region *r)
{
	struct hot_region **at = &first;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	*r = (struct hot_region){.next = unused};
	unused = r;
}

/*
 * Frames that hold records: collected while they are mapped, freed behind the shootdown. The chain
 * is in the frames' own records, which are boot memory's.
 */
struct backing {
	paddr_t head; /* chained through frame records; FRAME_NONE: end */
};

static void backing_push(struct backing *l, paddr_t pa, unsigned order)
{
	struct frame *f = frame_of(pa);

	f->next = l->head == FRAME_NONE ? 0 : (l->head >> PAGE_SHIFT) + 1;
	f->prev = order;
	l->head = pa;
}

static void backing_free(struct backing *l)
{
	while (l->head != FRAME_NONE) {
		paddr_t pa = l->head;
		struct frame *f = frame_of(pa);
		unsigned order = (unsigned)f->prev;

		l->head = f->next == 0 ? FRAME_NONE : (f->next - 1) << PAGE_SHIFT;
		f->next = 0;
		f->prev = 0;
		frame_free(pa, order, OWNER_FRAMETABLE);
	}
}

/* Take back what this operation mapped itself: whole leaves that are there, so it cannot fail. */
static void unmap_own(struct pt_batch *b, vaddr_t va, uint64_t size)
{
	enum err err = size == 0 ? OK : pt_unmap(b, va, size, 0);

	if (err != OK)
		panic("hot-plug: 0x%llx+0x%llx is not mapped as it was: %s", (unsigned long long)va,
		      (unsigned long long)size, err_name(err));
}

/* Make and map the records of @phys, zeroed: a zero record is a frame that nobody asked for. */
static enum err map_records(struct pt_batch *b, struct region phys)
{
	vaddr_t va = frame_record_va(phys.start);
	vaddr_t end = frame_record_va(region_end(phys));
	struct backing mine = {FRAME_NONE};
	vaddr_t start = va;
	enum err err;

	while (va < end) {
		unsigned level = pt_best_level(va, 0, end - va, 1);
		unsigned order = level * PT_BITS;
		paddr_t pa = frame_alloc(order, OWNER_FRAMETABLE);

		/* No large block left: single frames do as well. */
		if (pa == FRAME_NONE && order != 0) {
			level = 0;
			order = 0;
			pa = frame_alloc(order, OWNER_FRAMETABLE);
		}
		if (pa == FRAME_NONE) {
			err = ERR_NOMEM;
			goto out_undo;
		}
		backing_push(&mine, pa, order);
		/* Zeros before anybody can reach them through the frame table. */
		clear_words(phys_to_ptr(pa), PAGE_SIZE << order);
		arch_wmb();
		err = pt_map(b, va, pa, level_size(level), PROT_RW, level);
		if (err != OK)
			goto out_undo;
		va += level_size(level);
	}
	return OK;

out_undo:
	unmap_own(b, start, va - start);
	/* Some hart may have walked there meanwhile: fence, then free, then go on with a new one.
	 */
	if (pt_commit(b) == OK)
		backing_free(&mine);
	pt_begin(b, kernel_table());
	return err;
}

/* Collect the frames behind the records of @phys from the table, before they are unmapped. */
static struct backing find_records(struct region phys)
{
	vaddr_t va = frame_record_va(phys.start);
	vaddr_t end = frame_record_va(region_end(phys));
	struct backing found = {FRAME_NONE};

	while (va < end) {
		struct pt_cursor c = pt_walk(kernel_table(), va, 0);

		backing_push(&found, pte_pa(pte_load(c.slot)), c.level * PT_BITS);
		va += level_size(c.level);
	}
	return found;
}

static enum err map_region(struct pt_batch *b, struct region phys, uint64_t prot)
{
	enum err err = pt_map(b, direct_va(phys.start), phys.start, phys.size, prot,
			      mode_max_leaf(kernel_table()->mode));

	if (err != OK)
		return err;
	err = map_records(b, phys);
	if (err != OK)
		unmap_own(b, direct_va(phys.start), phys.size);
	return err;
}

enum err hot_add(struct region phys, uint64_t prot, struct hot_region **out, struct hot_report *rep)
{
	uint64_t calls = shootdown_stats().calls;
	struct hot_region *r;
	struct pt_batch b;
	enum err err, done;

	spin_lock(&lock);
	err = check(phys);
	if (err != OK)
		goto out;
	r = region_new(phys, prot);
	if (r == NULL) {
		err = ERR_NOMEM;
		goto out;
	}
	spin_lock(&kernel_table_lock);
	pt_begin(&b, kernel_table());
	err = map_region(&b, phys, prot);
	/* Ends with a fence too: the lack of these entries may be cached (no Svvptc assumed). */
	done = pt_commit(&b);
	spin_unlock(&kernel_table_lock);
	if (done != OK) {
		r->state = HOT_STUCK;
		err = done;
		goto out;
	}
	if (err != OK) {
		region_drop(r);
		goto out;
	}
	zone_init(&r->zone, "hot", phys);
	frame_zone_add(&r->zone);
	r->state = HOT_MAPPED;
	*out = r;
	if (rep != NULL)
		*rep = (struct hot_report){b.counts, shootdown_stats().calls - calls};
out:
	spin_unlock(&lock);
	return err;
}

void hot_online(struct hot_region *r)
{
	spin_lock(&lock);
	if (r->state != HOT_MAPPED)
		panic("region 0x%llx is onlined in state %d", (unsigned long long)r->phys.start,
		      (int)r->state);
	zone_add(&r->zone, r->phys);
	r->state = HOT_ONLINE;
	spin_unlock(&lock);
}

enum err hot_offline(struct hot_region *r, paddr_t *busy)
{
	enum err err;

	spin_lock(&lock);
	err = zone_isolate(&r->zone, busy);
	if (err == OK)
		r->state = HOT_MAPPED;
	spin_unlock(&lock);
	return err;
}

enum err hot_remove(struct hot_region *r, struct hot_report *rep)
{
	uint64_t calls = shootdown_stats().calls;
	vaddr_t records = frame_record_va(r->phys.start);
	uint64_t records_size = r->phys.size >> PAGE_SHIFT << FRAME_RECORD_SHIFT;
	struct backing backing;
	struct pt_batch b;
	enum err err;

	spin_lock(&lock);
	if (r->state != HOT_MAPPED) {
		err = ERR_BUSY;
		goto out;
	}
	/* From here on nobody may look at its records. */
	frame_zone_remove(&r->zone);
	spin_lock(&kernel_table_lock);
	backing = find_records(r->phys);
	pt_begin(&b, kernel_table());
	unmap_own(&b, direct_va(r->phys.start), r->phys.size);
	unmap_own(&b, records, records_size);
	err = pt_commit(&b); /* 2. shoot down: direct map and frame table in one */
	if (err == OK)
		backing_free(&backing); /* 3. only now */
	spin_unlock(&kernel_table_lock);
	if (err != OK) {
		r->state = HOT_STUCK;
		goto out;
	}
	region_drop(r);
	if (rep != NULL)
		*rep = (struct hot_report){b.counts, shootdown_stats().calls - calls};
out:
	spin_unlock(&lock);
	return err;
}
