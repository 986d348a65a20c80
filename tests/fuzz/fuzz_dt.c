/* SPDX-License-Identifier: BSD-2-Clause */
/* Device trees: a blob as it is, or a tree built as the input says; and what the reader owes. */
#include <libfdt.h>

#include "firmware/machine.h"
#include "firmware/machine_priv.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_dt_build.h"
#include "tests/host/trees/shapes.h"

/* Is every byte of [@start, @end) in one of the regions? They do not touch, so in one alone. */
static bool covered(const struct region *r, unsigned nr, uint64_t start, uint64_t end)
{
	for (unsigned i = 0; i < nr; i++) {
		if (r[i].start <= start && end <= region_end(r[i]))
			return true;
	}
	return false;
}

static bool meets(const struct region *r, unsigned nr, struct region x)
{
	for (unsigned i = 0; i < nr; i++) {
		if (x.start < region_end(r[i]) && r[i].start < region_end(x))
			return true;
	}
	return false;
}

static uint64_t total(const struct region *r, unsigned nr)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < nr; i++)
		bytes += r[i].size;
	return bytes;
}

static void check_reserved(const struct machine *m, uint64_t start, uint64_t size, const char *what)
{
	/* The last page of 2^64 has no end, and is nobody's. */
	const uint64_t top = align_down(UINT64_MAX, PAGE_SIZE);
	uint64_t end = size > UINT64_MAX - start ? UINT64_MAX : start + size;

	if (end > top)
		end = top;
	FUZZ_CHECK(start >= end || covered(m->reserved, m->nr_reserved, start, end),
		   "%s %#llx-%#llx is not reserved", what, (unsigned long long)start,
		   (unsigned long long)end);
}

/* Numbers of a tuple read the simple way; false for what needs more than 64 bits. */
static bool cells(const uint8_t *at, unsigned n, uint64_t *value)
{
	unsigned __int128 v = 0;

	for (unsigned i = 0; i < 4 * n; i++)
		v = v << 8 | at[i];
	*value = (uint64_t)v;
	return v >> 64 == 0;
}

static uint32_t cell_prop(const void *fdt, int node, const char *name, uint32_t otherwise)
{
	int len;
	const uint8_t *p = fdt_getprop(fdt, node, name, &len);
	uint64_t v;

	if (p == NULL || len != 4)
		return otherwise;
	(void)cells(p, 1, &v);
	return (uint32_t)v;
}

/* Tuples of one property, as [start, end) clipped at 2^64 - 1. */
struct span {
	uint64_t start;
	uint64_t end;
};

#define MAX_SPANS 4096

struct spans {
	struct span s[MAX_SPANS];
	unsigned nr;
	bool lost;
};

static void spans_add(struct spans *set, const void *fdt, int node, const char *prop, unsigned na,
		      unsigned ns)
{
	int len;
	const uint8_t *p = fdt_getprop(fdt, node, prop, &len);
	unsigned step = 4 * (na + ns);

	for (; p != NULL && len >= (int)step; len -= (int)step, p += step) {
		uint64_t start, size;

		if (!cells(p, na, &start) || !cells(p + 4 * (size_t)na, ns, &size))
			continue;
		if (set->nr == MAX_SPANS) {
			set->lost = true;
			return;
		}
		set->s[set->nr++] =
			(struct span){start, size > UINT64_MAX - start ? UINT64_MAX : start + size};
	}
}

static bool name_is(const void *fdt, int node, const char *base)
{
	const char *name = fdt_get_name(fdt, node, NULL);
	size_t n = strlen(base);

	return name != NULL && strncmp(name, base, n) == 0 && (name[n] == '\0' || name[n] == '@');
}

static bool cell_counts(const void *fdt, int node, uint32_t *na, uint32_t *ns)
{
	*na = cell_prop(fdt, node, "#address-cells", *na);
	*ns = cell_prop(fdt, node, "#size-cells", *ns);
	return *na >= 1 && *na <= 3 && *ns >= 1 && *ns <= 3;
}

/* Each region of RAM is made of what memory nodes name, and of nothing else. */
static void check_ram(const struct machine *m, const void *fdt)
{
	static struct spans ram;
	uint32_t na = 2, ns = 1;
	int node;

	ram.nr = 0;
	ram.lost = false;
	if (cell_counts(fdt, 0, &na, &ns)) {
		fdt_for_each_subnode(node, fdt, 0)
		{
			int len;
			const char *type = fdt_getprop(fdt, node, "device_type", &len);

			if (type == NULL || len != 7 || memcmp(type, "memory", 7) != 0)
				continue;
			spans_add(&ram, fdt, node, "reg", na, ns);
			spans_add(&ram, fdt, node, "linux,usable-memory", na, ns);
		}
	}
	for (unsigned i = 0; i < m->nr_ram && !ram.lost; i++) {
		uint64_t at = m->ram[i].start;

		while (at < region_end(m->ram[i])) {
			uint64_t next = at;

			for (unsigned k = 0; k < ram.nr; k++) {
				if (ram.s[k].start <= at && ram.s[k].end > next)
					next = ram.s[k].end;
			}
			FUZZ_CHECK(next > at, "RAM at %#llx that no node names",
				   (unsigned long long)at);
			at = next;
		}
	}
}

/* Whatever the tree reserves is reserved. More may be. */
static void check_reservations(const struct machine *m, const void *fdt)
{
	static struct spans set;
	uint32_t root_na = 2, root_ns = 1;
	int nr = fdt_num_mem_rsv(fdt);
	int node, child;

	for (int i = 0; i < nr; i++) {
		uint64_t start, size;

		if (fdt_get_mem_rsv(fdt, i, &start, &size) == 0 && size != 0)
			check_reserved(m, start, size, "memreserve");
	}
	if (!cell_counts(fdt, 0, &root_na, &root_ns)) {
		root_na = 2;
		root_ns = 1;
	}
	set.nr = 0;
	set.lost = false;
	fdt_for_each_subnode(node, fdt, 0)
	{
		uint32_t na = root_na, ns = root_ns;

		if (!name_is(fdt, node, "reserved-memory") || !cell_counts(fdt, node, &na, &ns))
			continue;
		fdt_for_each_subnode(child, fdt, node)
		{
			spans_add(&set, fdt, child, "reg", na, ns);
		}
	}
	for (unsigned i = 0; i < set.nr; i++)
		check_reserved(m, set.s[i].start, set.s[i].end - set.s[i].start, "a node's");
}

static void check_devices(const struct machine *m)
{
	for (unsigned i = 0; i < m->nr_virtio; i++) {
		struct region r = {m->virtio[i].base, m->virtio[i].size};

		FUZZ_CHECK(!meets(m->ram, m->nr_ram, r), "virtio slot %u lies in RAM", i);
	}
	FUZZ_CHECK(m->intc.kind == INTC_NONE ||
			   !meets(m->ram, m->nr_ram, (struct region){m->intc.base, m->intc.size}),
		   "the PLIC lies in RAM");
	FUZZ_CHECK(m->exitdev.kind == EXIT_NONE ||
			   !meets(m->ram, m->nr_ram,
				  (struct region){m->exitdev.base, m->exitdev.size}),
		   "the exit device lies in RAM");
}

static void check_reading(const struct machine *m, enum err err, const void *fdt, size_t size)
{
	const char *what = machine_insane(m, err, fdt, size);

	FUZZ_CHECK(what == NULL, "a promise of machine.h: %s", what);
	if (err == ERR_INVAL)
		return;
	check_ram(m, fdt);
	check_reservations(m, fdt);
	check_devices(m);
	FUZZ_CHECK(strcmp(machine_bootargs(fdt, size), m->bootargs) == 0, "two bootargs");
}

/* "mem=" takes from the top, no more than it has to, and says how much. */
static void check_limit(const struct machine *whole, const void *fdt, size_t size)
{
	static struct machine m;
	uint64_t all = total(whole->ram, whole->nr_ram);
	uint64_t limit = all / 2 + 1234;
	enum err err = machine_read(&m, fdt, size, limit);
	uint64_t kept = total(m.ram, m.nr_ram);

	check_reading(&m, err, fdt, size);
	FUZZ_CHECK(kept <= limit, "%#llx bytes with mem=%#llx", (unsigned long long)kept,
		   (unsigned long long)limit);
	FUZZ_CHECK(kept + m.ram_cut == all, "%#llx kept, %#llx cut, of %#llx",
		   (unsigned long long)kept, (unsigned long long)m.ram_cut,
		   (unsigned long long)all);
	for (unsigned i = 0; i < m.nr_ram; i++)
		FUZZ_CHECK(covered(whole->ram, whole->nr_ram, m.ram[i].start, region_end(m.ram[i])),
			   "mem= adds RAM");
}

/* A hole is taken out, and of the rest only what finds no room in the table. */
static void check_cut(struct machine *m, enum err err, const void *fdt, size_t size)
{
	const struct region *mid = &m->ram[m->nr_ram / 2];
	struct region hole = {mid->start + align_down(mid->size / 3, PAGE_SIZE),
			      align_up(mid->size / 3, PAGE_SIZE) + PAGE_SIZE};
	uint64_t before = total(m->ram, m->nr_ram);
	unsigned nr = m->nr_ram;

	if (hole.size > region_end(m->ram[m->nr_ram / 2]) - hole.start)
		hole.size = region_end(m->ram[m->nr_ram / 2]) - hole.start;
	machine_cut_ram(m, hole);
	FUZZ_CHECK(!meets(m->ram, m->nr_ram, hole), "RAM in the hole");
	FUZZ_CHECK(nr == MACHINE_MAX_RAM || total(m->ram, m->nr_ram) + hole.size == before,
		   "the hole took neighbours along");
	if (m->nr_ram == 0 && err == OK)
		err = ERR_NOENT;
	check_reading(m, err, fdt, size);
	machine_drop_intc(m);
	check_reading(m, err, fdt, size);
}

static void read_blob_at(const void *fdt, size_t size)
{
	static struct machine m;
	enum err err;

	memset(&m, 0xa5, sizeof(m));
	err = machine_read(&m, fdt, size, UINT64_MAX);
	check_reading(&m, err, fdt, size);
	if (err == ERR_INVAL)
		return;
	check_limit(&m, fdt, size);
	if (m.nr_ram != 0)
		check_cut(&m, err, fdt, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t magic[4] = {0xd0, 0x0d, 0xfe, 0xed};
	void *blob;

	if (size < sizeof(magic) || memcmp(data, magic, sizeof(magic)) != 0) {
		blob = fuzz_dt_build((struct feed){data, size}, &size);
	} else {
		/* As large as the input and no larger; malloc() aligns to 16. */
		blob = malloc(size);
		if (blob != NULL)
			memcpy(blob, data, size);
	}
	if (blob == NULL)
		return 0;
	read_blob_at(blob, size);
	free(blob);
	return 0;
}
