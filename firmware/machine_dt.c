/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bounded reads of a device tree that fdt_check_full() has passed. That check covers tags, names
 * and lengths only; every value is taken here as if somebody had chosen it to do harm.
 */
#include <libfdt.h>
#include <string.h>

#include "firmware/machine_priv.h"

bool dt_name_is(const struct dt *dt, int node, const char *base)
{
	const char *name = dt_name(dt, node);
	size_t len = strlen(base);

	return strncmp(name, base, len) == 0 && (name[len] == '\0' || name[len] == '@');
}

bool dt_prop_is(const struct dt *dt, int node, const char *prop, const char *value)
{
	int len;
	const char *have = dt_prop(dt, node, prop, &len);
	size_t want = strlen(value) + 1;

	return have != NULL && len > 0 && (size_t)len == want && memcmp(have, value, want) == 0;
}

const char *dt_string(const struct dt *dt, int node, const char *prop)
{
	int len;
	const char *text = dt_prop(dt, node, prop, &len);

	if (text == NULL || len <= 0 || memchr(text, '\0', (size_t)len) == NULL)
		return NULL;
	return text;
}

bool dt_enabled(const struct dt *dt, int node)
{
	if (dt_prop(dt, node, "status", NULL) == NULL)
		return true;
	return dt_prop_is(dt, node, "status", "okay") || dt_prop_is(dt, node, "status", "ok");
}

bool dt_compatible(const struct dt *dt, int node, const char *want)
{
	int len;
	const char *list = dt_prop(dt, node, "compatible", &len);

	return list != NULL && len > 0 && fdt_stringlist_contains(list, len, want) != 0;
}

uint32_t dt_phandle(const struct dt *dt, int node)
{
	uint32_t phandle = 0;

	if (!dt_u32(dt, node, "phandle", &phandle))
		(void)dt_u32(dt, node, "linux,phandle", &phandle);
	return phandle == UINT32_MAX ? 0 : phandle;
}

bool dt_cells_value(const void *at, unsigned n, uint64_t *value)
{
	const unsigned char *bytes = at;
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++) {
		if (v >> 32 != 0)
			return false;
		v = v << 32 | fdt32_ld((const fdt32_t *)(const void *)(bytes + 4 * i));
	}
	*value = v;
	return true;
}

bool dt_u32(const struct dt *dt, int node, const char *prop, uint32_t *value)
{
	int len;
	const fdt32_t *cell = dt_prop(dt, node, prop, &len);

	if (cell == NULL || len != 4)
		return false;
	*value = fdt32_ld(cell);
	return true;
}

bool dt_u64(const struct dt *dt, int node, const char *prop, uint64_t *value)
{
	int len;
	const void *cells = dt_prop(dt, node, prop, &len);

	if (cells == NULL)
		return false;
	if (len != 4 && len != 8) {
		machine_note(dt->m, "%.24s: %s has %d bytes, ignored", dt_name(dt, node), prop,
			     len);
		return false;
	}
	return dt_cells_value(cells, (unsigned)len / 4, value);
}

bool dt_cell_counts(const struct dt *dt, int node, unsigned *na, unsigned *ns)
{
	uint32_t a = *na;
	uint32_t s = *ns;

	/* A count of the wrong length leaves the default; the range check decides the rest. */
	(void)dt_u32(dt, node, "#address-cells", &a);
	(void)dt_u32(dt, node, "#size-cells", &s);
	if (a == 0 || a > DT_MAX_CELLS || s == 0 || s > DT_MAX_CELLS) {
		machine_note(dt->m, "%.24s: cannot use #address-cells %u, #size-cells %u",
			     node == 0 ? "/" : dt_name(dt, node), (unsigned)a, (unsigned)s);
		return false;
	}
	*na = a;
	*ns = s;
	return true;
}

bool dt_tuples_open(struct dt_tuples *t, const struct dt *dt, int node, const char *prop,
		    unsigned na, unsigned ns)
{
	int len;

	t->dt = dt;
	t->name = dt_name(dt, node);
	t->prop = prop;
	t->at = dt_prop(dt, node, prop, &len);
	t->left = t->at == NULL || len < 0 ? 0 : (size_t)len;
	t->na = na;
	t->ns = ns;
	return t->at != NULL;
}

bool dt_tuples_next(struct dt_tuples *t, struct region *r)
{
	const size_t step = 4 * ((size_t)t->na + t->ns);

	while (t->left >= step) {
		const unsigned char *at = t->at;
		uint64_t start;
		uint64_t size;

		t->at += step;
		t->left -= step;
		if (!dt_cells_value(at, t->na, &start) ||
		    !dt_cells_value(at + 4 * (size_t)t->na, t->ns, &size)) {
			machine_note(t->dt->m, "%.32s: %s beyond 64 bits, skipped", t->name,
				     t->prop);
			continue;
		}
		if (size == 0)
			continue;
		if (size > UINT64_MAX - start) {
			machine_note(t->dt->m, "%.32s: %s 0x%llx+0x%llx wraps, clipped", t->name,
				     t->prop, (unsigned long long)start, (unsigned long long)size);
			size = UINT64_MAX - start;
			if (size == 0)
				continue;
		}
		r->start = start;
		r->size = size;
		return true;
	}
	if (t->left != 0) {
		machine_note(t->dt->m, "%.32s: %s ends in %u odd bytes, ignored", t->name, t->prop,
			     (unsigned)t->left);
		t->left = 0;
	}
	return false;
}

/*
 * One step up: @r from the addresses of the children of @bus to those of @bus itself, which has
 * @up_na address cells. An absent "ranges" means that the CPU cannot reach the children, an empty
 * one that nothing changes (Devicetree Specification 2.3.8).
 */
static bool translate_up(const struct dt *dt, int bus, unsigned na, unsigned ns, unsigned up_na,
			 struct region *r)
{
	int len;
	const unsigned char *at = dt_prop(dt, bus, "ranges", &len);
	const size_t step = 4 * ((size_t)na + up_na + ns);

	if (at == NULL)
		return false;
	if (len == 0)
		return true;
	for (size_t left = (size_t)len; left >= step; left -= step, at += step) {
		uint64_t child;
		uint64_t parent;
		uint64_t size;
		uint64_t offset;

		if (!dt_cells_value(at, na, &child) ||
		    !dt_cells_value(at + 4 * (size_t)na, up_na, &parent) ||
		    !dt_cells_value(at + 4 * ((size_t)na + up_na), ns, &size))
			continue;
		if (r->start < child)
			continue;
		offset = r->start - child;
		if (offset >= size || r->size > size - offset)
			continue;
		if (parent > UINT64_MAX - offset || r->size > UINT64_MAX - offset - parent)
			continue;
		r->start = parent + offset;
		return true;
	}
	return false;
}

/* The cells of each bus on the way to the last node of a path. */
struct path_cells {
	unsigned na[DT_MAX_DEPTH + 1];
	unsigned ns[DT_MAX_DEPTH + 1];
};

static bool read_path_cells(const struct dt *dt, const struct dt_path *p, struct path_cells *c)
{
	if (p->depth == 0)
		return false;
	for (unsigned i = 0; i < p->depth; i++) {
		c->na[i] = 2; /* the specification's defaults */
		c->ns[i] = 1;
		if (!dt_cell_counts(dt, p->node[i], &c->na[i], &c->ns[i]))
			return false;
	}
	return true;
}

/* Returns the depth of the bus whose ranges do not lead further, 0: all do. */
static unsigned translate(const struct dt *dt, const struct dt_path *p, const struct path_cells *c,
			  struct region *r)
{
	for (unsigned i = p->depth - 1; i > 0; i--) {
		if (!translate_up(dt, p->node[i], c->na[i], c->ns[i], c->na[i - 1], r))
			return i;
	}
	return 0;
}

bool dt_to_cpu(const struct dt *dt, const struct dt_path *p, struct region *r)
{
	struct path_cells c;

	return read_path_cells(dt, p, &c) && translate(dt, p, &c, r) == 0;
}

static bool read_region(const struct dt *dt, const struct dt_path *p, struct region *r)
{
	const char *name = dt_name(dt, p->node[p->depth]);
	struct path_cells c;
	struct dt_tuples t;
	unsigned stuck;

	if (!read_path_cells(dt, p, &c))
		return false;
	if (!dt_tuples_open(&t, dt, p->node[p->depth], "reg", c.na[p->depth - 1],
			    c.ns[p->depth - 1]) ||
	    !dt_tuples_next(&t, r)) {
		machine_note(dt->m, "%.32s: no usable reg, skipped", name);
		return false;
	}
	stuck = translate(dt, p, &c, r);
	if (stuck != 0) {
		machine_note(dt->m, "%.32s: ranges of %.32s do not lead there, skipped", name,
			     dt_name(dt, p->node[stuck]));
		return false;
	}
	if (region_end(*r) > DT_PA_END) {
		machine_note(dt->m, "%.32s: reg beyond 56 bits, skipped", name);
		return false;
	}
	return true;
}

bool dt_in_ram(const struct dt *dt, struct region r)
{
	for (unsigned i = 0; i < dt->m->nr_ram; i++) {
		if (r.start < region_end(dt->m->ram[i]) && dt->m->ram[i].start < region_end(r))
			return true;
	}
	return false;
}

bool dt_device_region(const struct dt *dt, const struct dt_path *p, struct region *r)
{
	if (!read_region(dt, p, r))
		return false;
	/* One of the two is wrong: neither is used (machine_read_devices()). */
	if (dt_in_ram(dt, *r)) {
		machine_note(dt->m, "%.32s: reg lies in RAM, skipped",
			     dt_name(dt, p->node[p->depth]));
		return false;
	}
	return true;
}

bool dt_any_region(const struct dt *dt, const struct dt_path *p, struct region *r)
{
	unsigned nr_notes = dt->m->nr_notes;
	unsigned notes_lost = dt->m->notes_lost;
	bool found = read_region(dt, p, r);

	dt->m->nr_notes = nr_notes;
	dt->m->notes_lost = notes_lost;
	return found;
}
