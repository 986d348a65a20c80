/* SPDX-License-Identifier: BSD-2-Clause */
/* Hot-add and hot-remove: direct map, frame table, zone. */
#include "mm/hotplug.h"

#include "firmware/arch.h"
#include "firmware/lock.h"
#include "mm/bootmem.h"
#include "mm/clear.h"
#include "mm/fault.h"
#include "mm/hot_notify.h"
#include "mm/kernel.h"
#include "mm/model.h"
#include "mm/ptpage.h"
#include "mm/records.h"
#include "mm/shootdown.h"
#include "mm/split.h"
#include "mm/teardown_linux.h"
#include "mm/zones.h"

/* 1024 regions of 256 bytes: too much for the image's data superpage. */
#define REGIONS_ORDER 6u
#define REGIONS_BYTES (PAGE_SIZE << REGIONS_ORDER)
#define MAX_REGIONS (REGIONS_BYTES / sizeof(struct hot_region))

struct rwlock hotplug_lock = RWLOCK(LOCK_HOTPLUG);

static struct hot_region *regions;
static struct hot_region *first;
static struct hot_region *unused;
static unsigned nr_ever;
static const struct machine *machine;
static paddr_t last_end; /* of what was added last: for a seeded fault */
static enum teardown_order order;

enum err hotplug_init(const struct machine *m)
{
	paddr_t pa = frame_alloc(REGIONS_ORDER, OWNER_BOOT);

	if (pa == FRAME_NONE)
		return ERR_NOMEM;
	regions = phys_to_ptr(pa);
	/* Zones' locks are never set up: they are born zeroed (zone_init()). */
	clear_words(regions, REGIONS_BYTES);
	machine = m;
	return OK;
}

void hotplug_use_order(enum teardown_order o)
{
	order = o;
}

enum teardown_order hotplug_order(void)
{
	return order;
}

uint64_t hotplug_shootdowns_due(struct region phys, const struct hot_report *rep)
{
	if (order == TEARDOWN_SAFE)
		return 1;
	/* Edges that had to be split first take one of their own. */
	return teardown_linux_flushes(phys) + (rep->counts.tables_linked != 0);
}

/* Who looks at the list of regions does not see it half changed. */
static void list_is_still(void)
{
	if (!lock_holds(LOCK_HOTPLUG, false) && rw_is_written(&hotplug_lock))
		lock_order_missing(LOCK_HOTPLUG, arch_hart());
}

struct hot_region *hot_first(void)
{
	list_is_still();
	return first;
}

static struct hot_region *find(paddr_t pa, bool device)
{
	for (struct hot_region *r = first; r != NULL; r = r->next) {
		if (pa >= r->phys.start && pa < region_end(r->phys))
			return (r->state == HOT_DEVICE) == device ? r : NULL;
	}
	return NULL;
}

struct hot_region *hot_find(paddr_t pa)
{
	list_is_still();
	return find(pa, false);
}

struct hot_region *hot_look_up(paddr_t pa)
{
	bool locked = !fault_armed(FAULT_LIST_UNLOCKED);
	struct hot_region *r;

	if (locked)
		rw_read_lock(&hotplug_lock);
	r = hot_find(pa);
	if (locked)
		rw_read_unlock(&hotplug_lock);
	return r;
}

struct hot_region *hot_find_device(paddr_t pa)
{
	list_is_still();
	return find(pa, true);
}

paddr_t hot_max_pa(void)
{
	paddr_t max = region_end(machine->ram[machine->nr_ram - 1]);

	list_is_still();
	if (fault_armed(FAULT_MAX_PFN_STUCK))
		return max;
	if (fault_armed(FAULT_MAX_PFN_ASSIGNED) && first != NULL)
		return last_end;
	for (const struct hot_region *r = first; r != NULL; r = r->next)
		max = max_u64(max, region_end(r->phys));
	return max;
}

static bool overlap(struct region a, struct region b)
{
	return a.start < region_end(b) && b.start < region_end(a);
}

bool hot_range_allowed(struct region phys)
{
	struct region can = kernel_mappable_range();
	/* Last bytes, not ends: the range may reach up to the very top. */
	paddr_t last = phys.start + (phys.size - 1);

	if (fault_armed(FAULT_MAPPABLE_END))
		can.size -= HOTPLUG_GRANULE;
	return phys.size != 0 && last >= phys.start && phys.start >= can.start &&
	       last <= can.start + (can.size - 1);
}

static enum err check(struct region phys, bool device)
{
	const struct region *boot;
	unsigned n = bootmem_ram(&boot);

	if (phys.size == 0 || (!is_aligned(phys.start | phys.size, HOTPLUG_GRANULE) &&
			       !fault_armed(FAULT_RANGE_UNCHECKED)))
		return ERR_INVAL;
	/* Before anything else looks at the address. */
	if (!hot_range_allowed(phys) && !fault_armed(FAULT_MAPPABLE_UNCHECKED) &&
	    !(device && fault_armed(FAULT_DEVMEM_RANGE)))
		return ERR_RANGE;
	for (unsigned i = 0; i < n; i++) {
		if (overlap(phys, boot[i]))
			return ERR_EXIST;
	}
	for (unsigned i = 0; i < machine->nr_reserved; i++) {
		if (overlap(phys, machine->reserved[i]))
			return ERR_EXIST;
	}
	for (const struct hot_region *r = first; r != NULL; r = r->next) {
		if (overlap(phys, r->phys) && !fault_armed(FAULT_OVERLAP_ACCEPTED))
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
	r->phys = phys;
	r->prot = prot;
	r->backing = (struct backing){.compound = 0};
	r->state = HOT_ABSENT;
	r->next = *at;
	*at = r;
	return r;
}

static void region_drop(struct hot_region *r)
{
	struct hot_region **at = &first;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	zone_forget(&r->zone);
	r->state = HOT_ABSENT;
	r->next = unused;
	unused = r;
}

/* @undone: after an error, frames to be freed behind the fence. */
static enum err map_region(struct pt_batch *b, struct region phys, uint64_t prot,
			   const struct backing *from, struct frame_chain *undone)
{
	enum err err = pt_map(b, direct_va(phys.start), phys.start, phys.size, prot,
			      mode_max_leaf(kernel_table()->mode));

	/* Seeded: what is there already is taken for mapped, and nobody is told. */
	if (err == ERR_EXIST && fault_armed(FAULT_OVERLAP_ACCEPTED))
		return OK;
	if (err != OK)
		return err;
	err = records_map(b, phys, from, undone);
	if (err != OK && !fault_armed(FAULT_UNDO_FORGOTTEN))
		pt_unmap_own(b, direct_va(phys.start), phys.size);
	return err;
}

/* The rest of it can be allocated. */
static void start_zone(struct hot_region *r)
{
	uint64_t own = r->backing.carved ? records_size(r->phys) : 0;
	struct region rest = {r->phys.start + own, r->phys.size - own};

	zone_init(&r->zone, "hot", rest);
	r->zone.hot = true;
	frame_zone_add(&r->zone);
}

static enum err add(struct region phys, uint64_t prot, enum hot_state as, struct backing from,
		    struct hot_region **out, struct hot_report *rep)
{
	uint64_t calls = shootdown_stats().calls;
	struct frame_chain undone = {FRAME_NONE};
	struct hot_region *r;
	struct pt_batch b;
	enum err err, done;

	rw_write_lock(&hotplug_lock);
	err = check(phys, as == HOT_DEVICE);
	if (err != OK)
		goto out;
	r = region_new(phys, prot);
	if (r == NULL) {
		err = ERR_NOMEM;
		goto out;
	}
	r->backing = from;
	kernel_begin(&b);
	err = map_region(&b, phys, prot, &r->backing, &undone);
	/* Ends with a fence too: the lack of these entries may be cached (no Svvptc assumed). */
	done = pt_commit(&b);
	if (err != OK && done == OK)
		frame_chain_free(&undone);
	kernel_end();
	if (done != OK) {
		r->state = HOT_STUCK;
		err = done;
		goto out;
	}
	if (err != OK) {
		region_drop(r);
		goto out;
	}
	records_clear(phys, &r->backing);
	start_zone(r);
	r->state = as;
	last_end = region_end(phys);
	*out = r;
	if (rep != NULL)
		*rep = (struct hot_report){.counts = b.counts,
					   .shootdowns = shootdown_stats().calls - calls};
out:
	rw_write_unlock(&hotplug_lock);
	return err;
}

enum err hot_add(struct region phys, uint64_t prot, struct hot_region **out, struct hot_report *rep)
{
	return add(phys, prot, HOT_MAPPED, (struct backing){.compound = 0}, out, rep);
}

enum err hot_add_carved(struct region phys, uint64_t prot, struct hot_region **out,
			struct hot_report *rep)
{
	return add(phys, prot, HOT_MAPPED, (struct backing){.carved = true}, out, rep);
}

enum err hot_add_device(struct region phys, uint64_t prot, unsigned page_order,
			struct hot_region **out, struct hot_report *rep)
{
	if (page_order != 0 &&
	    (page_order > FRAME_MAX_ORDER || frame_record_size() << page_order < 3 * PAGE_SIZE ||
	     !is_aligned(phys.start | phys.size, PAGE_SIZE << page_order)))
		return ERR_INVAL;
	return add(phys, prot, HOT_DEVICE, (struct backing){.compound = (uint8_t)page_order}, out,
		   rep);
}

enum err hot_online(struct hot_region *r)
{
	enum err err;

	rw_write_lock(&hotplug_lock);
	if (r->state != HOT_MAPPED)
		panic("region 0x%llx is onlined in state %d", (unsigned long long)r->phys.start,
		      (int)r->state);
	err = hot_ask(r->phys);
	if (err == OK) {
		zone_add(&r->zone, r->zone.span);
		r->state = HOT_ONLINE;
		hot_tell(HOT_WENT_ONLINE, r->phys);
	}
	rw_write_unlock(&hotplug_lock);
	return err;
}

enum err hot_offline(struct hot_region *r, struct evacuation *e)
{
	enum err err = ERR_BUSY;
	paddr_t busy;

	*e = (struct evacuation){.stuck = {.pa = FRAME_NONE}};
	rw_write_lock(&hotplug_lock);
	if (r->state != HOT_ONLINE)
		goto out;
	zone_drain(&r->zone, true);
	/* Dead tables that are held back may lie in it. */
	ptpage_drain();
	err = zone_evacuate(&r->zone, e);
	if (err == OK)
		err = zone_isolate(&r->zone, &busy);
	if (err == OK)
		r->state = HOT_MAPPED;
	zone_drain(&r->zone, false);
	if (err == OK)
		hot_tell(HOT_WENT_OFFLINE, r->phys);
	if (err == ERR_BUSY && fault_armed(FAULT_BUSY_AS_ERROR))
		err = ERR_IO;
out:
	rw_write_unlock(&hotplug_lock);
	return err;
}

enum err hot_split(struct hot_region *r, paddr_t at, struct hot_region **upper)
{
	struct region tail = {at, region_end(r->phys) - at};
	struct hot_region *u;
	enum err err;

	if (!is_aligned(at, HOTPLUG_GRANULE) || at <= r->phys.start || at >= region_end(r->phys))
		return ERR_INVAL;
	rw_write_lock(&hotplug_lock);
	if (r->backing.carved) {
		err = ERR_INVAL;
		goto out;
	}
	u = r->state == HOT_STUCK ? NULL : region_new(tail, r->prot);
	if (u == NULL) {
		err = ERR_NOMEM;
		goto out;
	}
	err = zone_split(&r->zone, at, &u->zone);
	if (err != OK) {
		region_drop(u);
		goto out;
	}
	u->state = r->state;
	u->backing = r->backing;
	r->phys.size -= tail.size;
	*upper = u;
out:
	rw_write_unlock(&hotplug_lock);
	return err;
}

/* Leaves as large as they may be again, in the direct map and in the frame table. */
static void merge_leaves(struct pt_batch *b, struct region phys)
{
	pt_merge(b, direct_va(phys.start), phys.size, mode_max_leaf(kernel_table()->mode));
	records_merge(b, phys);
}

enum err hot_merge(struct hot_region *r, struct hot_report *rep)
{
	uint64_t calls = shootdown_stats().calls;
	struct hot_region *u;
	struct pt_batch b;
	enum err err;

	rw_write_lock(&hotplug_lock);
	u = r->next;
	if (u == NULL || u->phys.start != region_end(r->phys) || u->state != r->state ||
	    u->prot != r->prot || u->zone.node != r->zone.node ||
	    u->backing.compound != r->backing.compound || u->backing.carved || r->backing.carved ||
	    r->state == HOT_STUCK) {
		err = ERR_NOENT;
		goto out;
	}
	zone_merge(&r->zone, &u->zone);
	r->phys.size += u->phys.size;
	region_drop(u);
	kernel_begin(&b);
	merge_leaves(&b, r->phys);
	err = pt_commit(&b);
	kernel_end();
	if (rep != NULL)
		*rep = (struct hot_report){.counts = b.counts,
					   .shootdowns = shootdown_stats().calls - calls};
out:
	rw_write_unlock(&hotplug_lock);
	return err;
}

/* 1. unlink, 2. shoot down, 3. free; both edges are edges of leaves. Ends @b. */
static enum err teardown_safe(struct pt_batch *b, struct region phys, const struct backing *from)
{
	struct frame_chain backing = records_find(phys, from);
	enum err err;

	if (fault_armed(FAULT_RECORDS_FIRST))
		records_free(&backing, phys, from);
	pt_unmap_own(b, direct_va(phys.start), phys.size);
	records_unmap(b, phys);
	if (fault_armed(FAULT_RECORDS_EARLY))
		records_free(&backing, phys, from);
	err = pt_commit(b); /* direct map and frame table in one */
	if (err == OK && !fault_armed(FAULT_LEAK_RECORDS))
		records_free(&backing, phys, from); /* only now */
	return err;
}

enum err hot_remove(struct hot_region *r, struct hot_report *rep)
{
	uint64_t calls = shootdown_stats().calls;
	struct exposure_sum exposed;
	struct pt_batch b;
	enum err err;

	rw_write_lock(&hotplug_lock);
	if (r->state != HOT_MAPPED && r->state != HOT_DEVICE) {
		err = ERR_BUSY;
		goto out;
	}
	kernel_begin(&b);
	/* What needs memory comes first: behind this nothing can fail. */
	err = pt_split(&b, direct_va(r->phys.start), r->phys.size);
	if (err == OK)
		err = records_split(&b, r->phys);
	if (err != OK) {
		enum err done;

		merge_leaves(&b, r->phys);
		done = pt_commit(&b);
		kernel_end();
		err = done != OK ? done : err;
		goto out;
	}
	/* From here on nobody may look at its records. */
	frame_zone_remove(&r->zone);
	model_exposures_begin(order == TEARDOWN_LINUX);
	err = order == TEARDOWN_LINUX ? teardown_linux(&b, r->phys, &r->backing)
				      : teardown_safe(&b, r->phys, &r->backing);
	model_exposures_end(&exposed);
	kernel_end();
	if (err != OK) {
		r->state = HOT_STUCK;
		goto out;
	}
	region_drop(r);
	if (rep != NULL)
		*rep = (struct hot_report){.counts = b.counts,
					   .shootdowns = shootdown_stats().calls - calls,
					   .exposed = exposed};
out:
	rw_write_unlock(&hotplug_lock);
	return err;
}
