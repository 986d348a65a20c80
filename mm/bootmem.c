/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot memory. */
#include "mm/bootmem.h"

#include "mm/frame.h"

struct list {
	struct region r[BOOTMEM_MAX_REGIONS];
	unsigned nr;
};

static struct list usable;
static struct list ram;
/* Bytes handed out from the end of usable.r[i], and from the front of the arena inside it. */
static uint64_t far_used[BOOTMEM_MAX_REGIONS];
static struct region arena;
static uint64_t arena_used;
static unsigned arena_in; /* index in usable that the arena lies in */
static bool closed;

/* Remove @hole from region @i; may make one more region. */
static enum err punch(struct list *l, unsigned i, struct region hole)
{
	struct region u = l->r[i];
	paddr_t lo = max_u64(u.start, hole.start);
	paddr_t hi = min_u64(region_end(u), region_end(hole));

	if (lo >= hi)
		return OK;
	if (lo > u.start && hi < region_end(u)) {
		if (l->nr == BOOTMEM_MAX_REGIONS)
			return ERR_NOMEM;
		for (unsigned j = l->nr++; j > i + 1; j--)
			l->r[j] = l->r[j - 1];
		l->r[i + 1] = (struct region){hi, region_end(u) - hi};
		l->r[i].size = lo - u.start;
	} else if (lo > u.start) {
		l->r[i].size = lo - u.start;
	} else {
		l->r[i] = (struct region){hi, region_end(u) - hi};
	}
	return OK;
}

static enum err list_remove(struct list *l, struct region hole)
{
	unsigned n = 0;

	for (unsigned i = l->nr; i-- > 0;) {
		enum err err = punch(l, i, hole);

		if (err != OK)
			return err;
	}
	for (unsigned i = 0; i < l->nr; i++) {
		if (l->r[i].size != 0)
			l->r[n++] = l->r[i];
	}
	l->nr = n;
	return OK;
}

/* The largest 2 MiB aligned piece of @u inside one GiB of addresses. */
static struct region arena_of(struct region u)
{
	paddr_t start = align_up(u.start, SZ_2M);
	paddr_t end = align_down(region_end(u), SZ_2M);
	struct region best = {0};

	while (start < end) {
		paddr_t stop = min_u64(end, align_down(start, SZ_1G) + SZ_1G);

		if (stop - start > best.size)
			best = (struct region){start, stop - start};
		/* A whole GiB cannot be beaten, so at most two rounds matter. */
		if (best.size == SZ_1G)
			break;
		start = stop;
	}
	return best;
}

static enum err pick_arena(void)
{
	arena = (struct region){0};
	for (unsigned i = 0; i < usable.nr; i++) {
		struct region a = arena_of(usable.r[i]);

		if (a.size > arena.size) {
			arena = a;
			arena_in = i;
		}
	}
	return arena.size == 0 ? ERR_NOMEM : OK;
}

enum err bootmem_init(const struct machine *m, struct region image, paddr_t limit)
{
	enum err err;

	ram.nr = 0;
	arena_used = 0;
	closed = false;
	for (unsigned i = 0; i < m->nr_ram; i++)
		ram.r[ram.nr++] = m->ram[i];
	err = list_remove(&ram, (struct region){limit, UINT64_MAX - limit});
	usable = ram;
	for (unsigned i = 0; i < m->nr_reserved && err == OK; i++)
		err = list_remove(&usable, m->reserved[i]);
	if (err == OK)
		err = list_remove(&usable, image);
	if (err != OK)
		return err;
	for (unsigned i = 0; i < usable.nr; i++)
		far_used[i] = 0;
	return pick_arena();
}

void bootmem_trim(uint64_t align)
{
	unsigned n = 0;

	for (unsigned i = 0; i < usable.nr; i++) {
		paddr_t start = align_up(usable.r[i].start, align);
		paddr_t end = align_down(region_end(usable.r[i]), align);

		if (start < end)
			usable.r[n++] = (struct region){start, end - start};
	}
	usable.nr = n;
	/* What is left holds the arena as it was, maybe in another place. */
	for (arena_in = 0; arena_in + 1 < n && region_end(usable.r[arena_in]) <= arena.start;)
		arena_in++;
}

struct region bootmem_arena(void)
{
	return arena;
}

unsigned bootmem_ram(const struct region **r)
{
	*r = ram.r;
	return ram.nr;
}

unsigned bootmem_regions(const struct region **r)
{
	*r = usable.r;
	return usable.nr;
}

enum err bootmem_carve(struct region r)
{
	for (unsigned i = 0; i < usable.nr; i++) {
		enum err err;

		if (r.start < usable.r[i].start || region_end(r) > region_end(usable.r[i]))
			continue;
		err = list_remove(&usable, r);
		if (err == OK)
			err = list_remove(&ram, r);
		if (err != OK)
			return err;
		return pick_arena();
	}
	return ERR_NOENT;
}

paddr_t bootmem_find_top(uint64_t size, uint64_t align)
{
	for (unsigned i = usable.nr; i-- > 0;) {
		struct region u = usable.r[i];

		if (u.size >= size) {
			paddr_t pa = align_down(region_end(u) - size, align);

			if (pa >= u.start)
				return pa;
		}
	}
	return FRAME_NONE;
}

paddr_t bootmem_alloc(uint64_t size, uint64_t align)
{
	paddr_t pa = align_up(arena.start + arena_used, align);

	if (closed || size > arena.size || pa - arena.start > arena.size - size)
		return FRAME_NONE;
	arena_used = pa + size - arena.start;
	return pa;
}

paddr_t bootmem_alloc_far(uint64_t size, uint64_t align)
{
	/* From the ends of other regions, so that the arena is left for what must be mapped. */
	for (unsigned i = usable.nr; !closed && i-- > 0;) {
		struct region u = usable.r[i];
		paddr_t floor = i == arena_in ? region_end(arena) : u.start;
		paddr_t ceiling = region_end(u) - far_used[i];
		paddr_t pa;

		if (size > ceiling || floor > ceiling - size)
			continue;
		pa = align_down(ceiling - size, align);
		if (pa < floor)
			continue;
		far_used[i] = region_end(u) - pa;
		return pa;
	}
	return bootmem_alloc(size, align);
}

static void hand_over_span(paddr_t start, paddr_t end, void (*fn)(struct region))
{
	if (start < end)
		fn((struct region){start, end - start});
}

void bootmem_hand_over(void (*free_fn)(struct region), void (*used_fn)(struct region))
{
	arena_used = align_up(arena_used, PAGE_SIZE);
	closed = true;
	for (unsigned i = 0; i < usable.nr; i++) {
		struct region u = usable.r[i];
		paddr_t top = region_end(u) - far_used[i];
		paddr_t from = u.start;

		hand_over_span(top, region_end(u), used_fn);
		if (i == arena_in) {
			paddr_t stop = arena.start + arena_used;

			hand_over_span(u.start, arena.start, free_fn);
			hand_over_span(arena.start, stop, used_fn);
			from = stop;
		}
		hand_over_span(from, top, free_fn);
	}
}
