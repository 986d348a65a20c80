/* SPDX-License-Identifier: BSD-2-Clause */
/* Areas of address space: one list, sorted by address. */
#include "mm/areas.h"

#include "firmware/arch.h"
#include "mm/fault.h"
#include "mm/kernel.h"

#define MAX_AREAS 64u

struct taken {
	vaddr_t start;
	vaddr_t end; /* the unmapped page behind it included */
	bool live;
	int users; /* at work on it; ALONE: one, and nobody else may */
	uint64_t serial;
	struct taken *next;
};
#define ALONE (-1)

struct spinlock areas_lock = SPINLOCK(LOCK_AREAS);

static struct taken pool[MAX_AREAS];
static struct taken *first, *unused;
static unsigned nr_ever, nr_taken;
static uint64_t moment; /* serial of the last one */

static struct area upper_half(void)
{
	const struct area *a = &kernel_table()->mode->vmalloc;
	uint64_t half = a->size / 2;

	return (struct area){a->start + half, half};
}

static struct taken *record_new(void)
{
	struct taken *a = unused;

	if (a != NULL)
		unused = a->next;
	else if (nr_ever < MAX_AREAS)
		a = &pool[nr_ever++];
	return a;
}

/* The link behind which @bytes fit at *@start. */
static struct taken **first_fit(uint64_t bytes, uint64_t align, vaddr_t *start)
{
	struct area all = upper_half();
	vaddr_t va = align_up(all.start, align);
	struct taken **at;

	for (at = &first; *at != NULL; at = &(*at)->next) {
		if ((*at)->start >= va && (*at)->start - va >= bytes)
			break;
		if ((*at)->end > va)
			va = align_up((*at)->end, align);
	}
	*start = va;
	return va - all.start <= all.size - bytes ? at : NULL;
}

vaddr_t area_take(uint64_t size, uint64_t align)
{
	uint64_t bytes = align_up(size, PAGE_SIZE) + PAGE_SIZE;
	struct taken **at, *a;
	vaddr_t va = 0;

	if (size == 0 || size > upper_half().size - PAGE_SIZE || bytes > upper_half().size)
		return 0;
	spin_lock(&areas_lock);
	at = first_fit(bytes, max_u64(align, PAGE_SIZE), &va);
	a = at == NULL ? NULL : record_new();
	if (a != NULL) {
		*a = (struct taken){.start = va,
				    .end = va + bytes,
				    .live = true,
				    .serial = ++moment,
				    .next = *at};
		*at = a;
		nr_taken++;
	}
	spin_unlock(&areas_lock);
	return a == NULL ? 0 : va;
}

static struct area inside(const struct taken *a)
{
	return (struct area){a->start, a->end - PAGE_SIZE - a->start};
}

/* The link to the area that holds @va; NULL in it: there is none. Locks: areas_lock. */
static struct taken **find(vaddr_t va)
{
	struct taken **at = &first;

	while (*at != NULL && va - (*at)->start >= inside(*at).size)
		at = &(*at)->next;
	return at;
}

struct area area_of(vaddr_t va)
{
	struct area found = {0, 0};
	const struct taken *a;

	spin_lock(&areas_lock);
	a = *find(va);
	if (a != NULL && a->live)
		found = inside(a);
	spin_unlock(&areas_lock);
	return found;
}

/* Locks: areas_lock. */
static enum err take_part(struct taken *a, bool alone)
{
	if (a->users == ALONE || (alone && a->users != 0)) {
		if (!fault_armed(FAULT_VMAP_AREA_SHARED))
			return ERR_BUSY;
		/* Seeded: as if there were nobody. */
		a->users = 0;
	}
	a->users = alone ? ALONE : a->users + 1;
	return OK;
}

enum err area_begin(vaddr_t va, uint64_t size, bool alone)
{
	enum err err = ERR_RANGE;
	struct taken *a;

	spin_lock(&areas_lock);
	a = *find(va);
	if (a != NULL && a->live && size <= inside(a).size - (va - a->start))
		err = take_part(a, alone);
	spin_unlock(&areas_lock);
	return err;
}

void area_end(vaddr_t va)
{
	struct taken *a;

	spin_lock(&areas_lock);
	a = *find(va);
	if (a != NULL)
		a->users = a->users <= 0 ? 0 : a->users - 1;
	spin_unlock(&areas_lock);
}

void area_retire(vaddr_t va)
{
	struct taken *a = *find(va);

	if (a == NULL || !a->live)
		panic("area 0x%llx is retired and was not live", (unsigned long long)va);
	a->live = false;
}

/* The page behind an area does not count: nobody fills it. */
static bool anybody_in(vaddr_t start, uint64_t size)
{
	for (const struct taken *a = first; a != NULL; a = a->next) {
		if (a->live && (a->start - start < size || start - a->start < inside(a).size))
			return true;
	}
	return false;
}

unsigned area_free_level(vaddr_t va)
{
	unsigned root = kernel_table()->mode->levels - 1;
	unsigned level = 0;

	while (level < root &&
	       !anybody_in(align_down(va, level_size(level + 1)), level_size(level + 1)))
		level++;
	return level;
}

void area_give_back(vaddr_t va)
{
	struct taken **at, *a;

	spin_lock(&areas_lock);
	at = find(va);
	a = *at;
	if (a != NULL) {
		*at = a->next;
		a->next = unused;
		unused = a;
		nr_taken--;
	}
	spin_unlock(&areas_lock);
	if (a == NULL)
		panic("area 0x%llx is given back and was not taken", (unsigned long long)va);
}

unsigned area_count(void)
{
	return __atomic_load_n(&nr_taken, __ATOMIC_RELAXED);
}

uint64_t area_moment(void)
{
	return __atomic_load_n(&moment, __ATOMIC_RELAXED);
}

struct area area_left(uint64_t since)
{
	struct area left = {0, 0};

	spin_lock(&areas_lock);
	for (struct taken *a = first; a != NULL && left.size == 0; a = a->next) {
		if (a->serial <= since || !a->live)
			continue;
		a->users = 0;
		left = inside(a);
	}
	spin_unlock(&areas_lock);
	return left;
}
