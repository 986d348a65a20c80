/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From node to node and from property to property of a device tree. libfdt looks through the tree
 * from its start for each name, and at each character of every name on its way, which would take
 * most of a short start: so it is asked once for all of it, and its answers are kept, as Linux
 * unflattens a tree (unflatten_device_tree()). A tree that has more is asked for each time.
 */
#include <libfdt.h>
#include <string.h>

#include "firmware/machine_priv.h"

/* Four times what the largest trees of known boards have. */
#define MAX_NODES 2048u
#define MAX_PROPS 8192u

/* Byte offsets as libfdt gives them; a node's properties end where those of the next one begin. */
struct kept_node {
	int offset;
	uint16_t depth;
	uint16_t first_prop;
};

struct kept_prop {
	uint32_t value; /* from the tree's first byte on */
	uint32_t name;
	uint32_t len;
};

static struct kept_node nodes[MAX_NODES + 1] NOINIT;
static struct kept_prop props[MAX_PROPS] NOINIT;
static unsigned nr_nodes;
static unsigned nr_props;
static const void *kept; /* the tree; NULL: none, or too large a one */

static uint32_t distance(const void *fdt, const void *at)
{
	return (uint32_t)((const char *)at - (const char *)fdt);
}

static bool keep_node(int offset, int depth)
{
	if (nr_nodes == MAX_NODES || depth > UINT16_MAX)
		return false;
	nodes[nr_nodes++] = (struct kept_node){
		.offset = offset, .depth = (uint16_t)depth, .first_prop = (uint16_t)nr_props};
	return true;
}

static bool keep_prop(const void *fdt, int offset)
{
	const char *name;
	int len;
	const void *value = fdt_getprop_by_offset(fdt, offset, &name, &len);

	if (nr_props == MAX_PROPS || value == NULL)
		return false;
	props[nr_props++] = (struct kept_prop){
		.value = distance(fdt, value), .name = distance(fdt, name), .len = (uint32_t)len};
	return true;
}

void dt_keep(const void *fdt)
{
	bool all = true;
	int depth = -1;
	int offset = 0;
	int next;
	uint32_t tag;

	kept = NULL;
	nr_nodes = 0;
	nr_props = 0;
	for (; all && (tag = fdt_next_tag(fdt, offset, &next)) != FDT_END; offset = next) {
		if (tag == FDT_BEGIN_NODE)
			all = keep_node(offset, ++depth);
		else if (tag == FDT_END_NODE)
			depth--;
		else if (tag == FDT_PROP)
			all = keep_prop(fdt, offset);
	}
	nodes[nr_nodes].first_prop = (uint16_t)nr_props;
	if (all)
		kept = fdt;
}

/* Where @offset stands among the nodes; nr_nodes: nowhere, ask libfdt. */
static unsigned find_kept(const struct dt *dt, int offset)
{
	static unsigned last; /* mostly the same again, or the next one */
	unsigned low = 0;
	unsigned high = nr_nodes;

	if (kept == NULL || kept != dt->fdt)
		return nr_nodes;
	for (unsigned i = last; i < nr_nodes && i <= last + 1; i++) {
		if (nodes[i].offset == offset)
			return last = i;
	}
	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (nodes[mid].offset < offset)
			low = mid + 1;
		else
			high = mid;
	}
	last = low;
	return low < nr_nodes && nodes[low].offset == offset ? low : nr_nodes;
}

int dt_next_node(const struct dt *dt, int node, int *depth)
{
	unsigned i = find_kept(dt, node);

	if (i == nr_nodes) {
		node = fdt_next_node(dt->fdt, node, depth);
		return *depth <= 0 ? -FDT_ERR_NOTFOUND : node;
	}
	if (i + 1 == nr_nodes)
		return -FDT_ERR_NOTFOUND;
	*depth += nodes[i + 1].depth - nodes[i].depth;
	return *depth <= 0 ? -FDT_ERR_NOTFOUND : nodes[i + 1].offset;
}

const void *dt_prop(const struct dt *dt, int node, const char *prop, int *len)
{
	unsigned i = find_kept(dt, node);
	const char *base = dt->fdt;

	if (i == nr_nodes)
		return fdt_getprop(dt->fdt, node, prop, len);
	for (const struct kept_prop *p = &props[nodes[i].first_prop];
	     p < &props[nodes[i + 1].first_prop]; p++) {
		/* The call costs more than all else here. */
		if (base[p->name] != prop[0] || strcmp(base + p->name, prop) != 0)
			continue;
		if (len != NULL)
			*len = (int)p->len;
		return base + p->value;
	}
	return NULL;
}

int dt_first_child(const struct dt *dt, int parent)
{
	int depth = 0;
	int node = dt_next_node(dt, parent, &depth);

	return node;
}

int dt_next_child(const struct dt *dt, int child)
{
	int depth = 1;

	do {
		child = dt_next_node(dt, child, &depth);
	} while (child >= 0 && depth > 1);
	return child;
}

int dt_find(const struct dt *dt, const char *name)
{
	int node = dt_first_child(dt, 0);

	while (node >= 0 && !dt_name_is(dt, node, name))
		node = dt_next_child(dt, node);
	return node;
}

int dt_by_phandle(const struct dt *dt, uint32_t phandle)
{
	int depth = 0;
	int node = 0;

	if (phandle == 0) /* as dt_phandle() has it, for -1 too */
		return -FDT_ERR_BADPHANDLE;
	while (node >= 0 && dt_phandle(dt, node) != phandle)
		node = dt_next_node(dt, node, &depth);
	return node;
}

const char *dt_name(const struct dt *dt, int node)
{
	const char *name = fdt_get_name(dt->fdt, node, NULL);

	return name == NULL ? "?" : name;
}
