/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RAM and what of it is taken. The two err in opposite directions: what is doubtful is not RAM,
 * and is reserved.
 */
#include <libfdt.h>
#include <string.h>

#include "firmware/machine_priv.h"

typedef unsigned long long ull;

bool regions_add(struct regions *set, struct region r)
{
	bool overlapped = false;
	unsigned first = 0;
	unsigned last;

	while (first < set->nr && region_end(set->r[first]) < r.start)
		first++;
	/* [first, last) overlap or touch @r, and become one with it */
	for (last = first; last < set->nr && set->r[last].start <= region_end(r); last++) {
		paddr_t end = max_u64(region_end(r), region_end(set->r[last]));

		if (set->r[last].start < region_end(r) && r.start < region_end(set->r[last]))
			overlapped = true;
		r.start = min_u64(r.start, set->r[last].start);
		r.size = end - r.start;
	}
	memmove(&set->r[first + 1], &set->r[last], (set->nr - last) * sizeof(set->r[0]));
	set->r[first] = r;
	set->nr = set->nr + 1 - (last - first);
	return overlapped;
}

void regions_del(struct regions *set, unsigned i)
{
	memmove(&set->r[i], &set->r[i + 1], (set->nr - i - 1) * sizeof(set->r[0]));
	set->nr--;
}

void regions_close_smallest_gap(struct regions *set)
{
	uint64_t best_gap = UINT64_MAX;
	unsigned best = 0;

	for (unsigned i = 0; i + 1 < set->nr; i++) {
		uint64_t gap = set->r[i + 1].start - region_end(set->r[i]);

		if (gap < best_gap) {
			best_gap = gap;
			best = i;
		}
	}
	set->r[best].size = region_end(set->r[best + 1]) - set->r[best].start;
	regions_del(set, best + 1);
}

/* Of equals the highest: the firmware itself is more often at the bottom. */
static unsigned smallest(const struct regions *set)
{
	unsigned best = 0;

	for (unsigned i = 1; i < set->nr; i++) {
		if (set->r[i].size <= set->r[best].size)
			best = i;
	}
	return best;
}

struct ram_reader {
	struct regions set;
	unsigned dropped;
	uint64_t dropped_bytes;
};

static void add_ram(struct dt *dt, struct ram_reader *ram, const char *name, struct region r)
{
	if (region_end(r) > DT_PA_END) {
		machine_note(dt->m, "%.32s: RAM 0x%llx+0x%llx beyond 56 bits, cut", name,
			     (ull)r.start, (ull)r.size);
		if (r.start >= DT_PA_END)
			return;
		r.size = DT_PA_END - r.start;
	}
	if (regions_add(&ram->set, r))
		machine_note(dt->m, "%.32s: RAM 0x%llx+0x%llx is there twice, merged", name,
			     (ull)r.start, (ull)r.size);
	if (ram->set.nr > REGIONS_MAX) {
		unsigned victim = smallest(&ram->set);

		ram->dropped++;
		ram->dropped_bytes += ram->set.r[victim].size;
		regions_del(&ram->set, victim);
	}
}

/* One node of device_type "memory", which is what Linux goes by; the name says nothing. */
static void read_memory_node(struct dt *dt, int node, struct ram_reader *ram)
{
	const char *name = dt_name(dt, node);
	struct dt_tuples t;
	struct region r;

	if (!dt_enabled(dt, node)) {
		machine_note(dt->m, "%.32s: disabled, not taken as RAM", name);
		return;
	}
	if (!dt_tuples_open(&t, dt, node, "linux,usable-memory", dt->root_na, dt->root_ns) &&
	    !dt_tuples_open(&t, dt, node, "reg", dt->root_na, dt->root_ns)) {
		machine_note(dt->m, "%.32s: memory without reg", name);
		return;
	}
	while (dt_tuples_next(&t, &r))
		add_ram(dt, ram, name, r);
}

/* Only whole pages: aligned after merging, so that two halves of a page still make one. */
static struct region whole_pages(struct region r)
{
	/* r ends at 2^56 at most, so that align_up() cannot wrap */
	paddr_t start = align_up(r.start, PAGE_SIZE);
	paddr_t end = align_down(region_end(r), PAGE_SIZE);

	return (struct region){.start = start, .size = end > start ? end - start : 0};
}

void machine_read_ram(struct dt *dt, uint64_t mem_limit)
{
	struct machine *m = dt->m;
	struct ram_reader ram = {.dropped = 0};
	uint64_t left = mem_limit;
	int node;

	dt_for_each_child(node, dt, 0)
	{
		if (dt_prop_is(dt, node, "device_type", "memory"))
			read_memory_node(dt, node, &ram);
		else if (dt_name_is(dt, node, "memory"))
			machine_note(m, "%.32s: no device_type, not taken as RAM",
				     dt_name(dt, node));
	}
	if (ram.dropped != 0)
		machine_note(m, "more than %d pieces of RAM: %u smallest dropped, 0x%llx bytes",
			     REGIONS_MAX, ram.dropped, (ull)ram.dropped_bytes);

	for (unsigned i = 0; i < ram.set.nr; i++) {
		struct region r = whole_pages(ram.set.r[i]);
		uint64_t keep = align_down(min_u64(r.size, left), PAGE_SIZE);

		if (r.size != ram.set.r[i].size)
			machine_note(m, "RAM 0x%llx+0x%llx has parts of pages, cut",
				     (ull)ram.set.r[i].start, (ull)ram.set.r[i].size);
		/* Whole bytes are taken off, so that a rest below a page is spent as well. */
		left -= min_u64(r.size, left);
		m->ram_cut += r.size - keep;
		if (keep != 0)
			m->ram[m->nr_ram++] = (struct region){.start = r.start, .size = keep};
	}
}

void machine_cut_ram(struct machine *m, struct region hole)
{
	struct regions set = {.nr = 0};

	for (unsigned i = 0; i < m->nr_ram; i++) {
		struct region r = m->ram[i];
		paddr_t lo = min_u64(region_end(r), max_u64(r.start, hole.start));
		paddr_t hi = max_u64(r.start, min_u64(region_end(r), region_end(hole)));

		if (lo >= hi) {
			set.r[set.nr++] = r;
			continue;
		}
		if (lo > r.start)
			set.r[set.nr++] = (struct region){r.start, lo - r.start};
		if (hi < region_end(r))
			set.r[set.nr++] = (struct region){hi, region_end(r) - hi};
	}
	/* One hole makes one more region at most. */
	if (set.nr > MACHINE_MAX_RAM)
		regions_del(&set, smallest(&set));
	memcpy(m->ram, set.r, set.nr * sizeof(set.r[0]));
	m->nr_ram = set.nr;
}

struct reserved_reader {
	struct regions set;
	unsigned closed; /* gaps given up because the table was full */
};

static void add_reserved(struct reserved_reader *res, struct region r)
{
	/* The page at the very top has no end that fits in 64 bits; RAM cannot lie there either. */
	const paddr_t top = align_down(UINT64_MAX, PAGE_SIZE);
	paddr_t start = align_down(r.start, PAGE_SIZE);
	paddr_t end = region_end(r) > top ? top : align_up(region_end(r), PAGE_SIZE);

	if (end <= start)
		return;
	(void)regions_add(&res->set, (struct region){.start = start, .size = end - start});
	if (res->set.nr > REGIONS_MAX) {
		regions_close_smallest_gap(&res->set);
		res->closed++;
	}
}

/* The /memreserve/ entries; for libfdt, as for Linux, the first one of size zero ends them. */
static void read_memreserve(struct dt *dt, struct reserved_reader *res)
{
	int nr = fdt_num_mem_rsv(dt->fdt);

	for (int i = 0; i < nr; i++) {
		uint64_t start;
		uint64_t size;

		if (fdt_get_mem_rsv(dt->fdt, i, &start, &size) != 0)
			break;
		if (size > UINT64_MAX - start) {
			machine_note(dt->m, "memreserve 0x%llx+0x%llx wraps, clipped", (ull)start,
				     (ull)size);
			size = UINT64_MAX - start;
		}
		add_reserved(res, (struct region){.start = start, .size = size});
	}
}

/*
 * One /reserved-memory node. no-map is not asked for: OpenSBI left it out for years while the
 * memory was protected all the same. A disabled child is reserved too, over-reserving being safe.
 */
static void read_reserved_node(struct dt *dt, int parent, struct reserved_reader *res)
{
	unsigned na = dt->root_na;
	unsigned ns = dt->root_ns;
	unsigned dynamic = 0;
	int len;
	int node;

	if (!dt_cell_counts(dt, parent, &na, &ns))
		return;
	if (na != dt->root_na || ns != dt->root_ns)
		machine_note(dt->m, "reserved-memory: cells %u/%u, the root has %u/%u", na, ns,
			     dt->root_na, dt->root_ns);
	if (dt_prop(dt, parent, "ranges", &len) != NULL && len != 0)
		machine_note(dt->m, "reserved-memory: ranges is not empty, not applied");

	dt_for_each_child(node, dt, parent)
	{
		struct dt_tuples t;
		struct region r;

		if (!dt_tuples_open(&t, dt, node, "reg", na, ns)) {
			dynamic++;
			continue;
		}
		while (dt_tuples_next(&t, &r))
			add_reserved(res, r);
	}
	/* Such a child only asks the system to find room for it, which nobody does here. */
	if (dynamic != 0)
		machine_note(dt->m, "reserved-memory: %u without reg, ignored", dynamic);
}

static void read_initrd(struct dt *dt, struct reserved_reader *res)
{
	int chosen = dt_find(dt, "chosen");
	uint64_t start;
	uint64_t end;
	bool has_start;
	bool has_end;

	if (chosen < 0)
		return;
	has_start = dt_u64(dt, chosen, "linux,initrd-start", &start);
	has_end = dt_u64(dt, chosen, "linux,initrd-end", &end);
	if (!has_start && !has_end)
		return;
	if (!has_start || !has_end || end < start) {
		machine_note(dt->m, "chosen: initrd without start or end, ignored");
		return;
	}
	if (end > start)
		add_reserved(res, (struct region){.start = start, .size = end - start});
}

void machine_read_reserved(struct dt *dt)
{
	struct machine *m = dt->m;
	struct reserved_reader res = {.closed = 0};
	int node;

	read_memreserve(dt, &res);
	dt_for_each_child(node, dt, 0)
	{
		if (dt_name_is(dt, node, "reserved-memory"))
			read_reserved_node(dt, node, &res);
	}
	read_initrd(dt, &res);
	for (unsigned i = 0; i < dt->registers.nr; i++)
		add_reserved(&res, dt->registers.r[i]);
	if (res.closed != 0)
		machine_note(m, "more than %d reserved pieces: %u gaps reserved as well",
			     REGIONS_MAX, res.closed);

	memcpy(m->reserved, res.set.r, res.set.nr * sizeof(m->reserved[0]));
	m->nr_reserved = res.set.nr;
}
