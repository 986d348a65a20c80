/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot memory. */
#include "mm/bootmem.h"

#include "mm/frame.h"

static struct region usable[BOOTMEM_MAX_REGIONS];
static unsigned nr_usable;
/* Bytes handed out from the front of usable[i], and from the front of the arena inside it. */
static uint64_t far_used[BOOTMEM_MAX_REGIONS];
static struct region arena;
static uint64_t arena_used;
static unsigned arena_in; /* usable[] index that the arena lies in */
static bool closed;

/* Remove @r from region @i; may make one more region. */
static enum err punch(unsigned i, struct region r)
{
	struct region u = usable[i];
	paddr_t lo = max_u64(u.start, r.start);
	paddr_t hi = min_u64(region_end(u), region_end(r));

	if (lo >= hi)
		return OK;
	if (lo > u.start && hi < region_end(u)) {
		if (nr_usable == BOOTMEM_MAX_REGIONS)
			return ERR_NOMEM;
		for (unsigned j = nr_usable++; j > i + 1; j--)
			usable[j] = usable[j - 1];
		usable[i + 1] = (struct region){hi, region_end(u) - hi};
		usable[i].size = lo - u.start;
	} else if (lo > u.start) {
		usable[i].size = lo - u.start;
	} else {
		usable[i] = (struct region){hi, region_end(u) - hi};
	}
	return OK;
}

static enum err remove_region(struct region r)
{
	for (unsigned i = nr_usable; i-- > 0;) {
		enum err err = punch(i, r);

		if (err != OK)
			return err;
	}
	return OK;
}

static void drop_empty(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < nr_usable; i++) {
		if (usable[i].size != 0)
			usable[n++] = usable[i];
	}
	nr_usable = n;
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
	for (unsigned i = 0; i < nr_usable; i++) {
		struct region a = arena_of(usable[i]);

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

	nr_usable = 0;
	arena_used = 0;
	closed = false;
	for (unsigned i = 0; i < m->nr_ram; i++)
		usable[nr_usable++] = m->ram[i];
	for (unsigned i = 0; i < m->nr_reserved; i++) {
		err = remove_region(m->reserved[i]);
		if (err != OK)
			return err;
	}
	err = remove_region(image);
	if (err == OK)
		err = remove_region((struct region){limit, UINT64_MAX - limit});
	if (err != OK)
		return err;
	drop_empty();
	for (unsigned i = 0; i < nr_usable; i++)
		far_used[i] = 0;
	return pick_arena();
}

struct region bootmem_arena(void)
{
	return arena;
}

unsigned bootmem_regions(const struct region **r)
{
	*r = usable;
	return nr_usable;
}

enum err bootmem_carve(struct region r)
{
	for (unsigned i = 0; i < nr_usable; i++) {
		enum err err;

		if (r.start < usable[i].start || region_end(r) > region_end(usable[i]))
			continue;
		err = punch(i, r);
		if (err != OK)
			return err;
		drop_empty();
		return pick_arena();
	}
	return ERR_NOENT;
}

paddr_t bootmem_find_top(uint64_t size, uint64_t align)
{
	for (unsigned i = nr_usable; i-- > 0;) {
		struct region u = usable[i];

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
	for (unsigned i = nr_usable; !closed && i-- > 0;) {
		struct region u = usable[i];
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
	for (unsigned i = 0; i < nr_usable; i++) {
		struct region u = usable[i];
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
