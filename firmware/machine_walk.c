/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From node to node and from property to property of a device tree that fdt_check_full() has
 * passed: libfdt checks it anew on each step, which takes most of a short start.
 */
#include <libfdt.h>
#include <string.h>

#include "firmware/machine_priv.h"

#define TREE_VERSION_17 17 /* values lie behind their heads, without another rule for long ones */

static uint32_t word_at(const char *at)
{
	return fdt32_ld((const fdt32_t *)(const void *)at);
}

/* Behind the tag at @at and what goes with it; it is not FDT_END. */
static const char *behind(const char *at)
{
	switch (word_at(at)) {
	case FDT_BEGIN_NODE:
		return at + FDT_TAGSIZE + align_up(strlen(at + FDT_TAGSIZE) + 1, FDT_TAGSIZE);
	case FDT_PROP:
		return at + sizeof(struct fdt_property) +
		       align_up(word_at(at + FDT_TAGSIZE), FDT_TAGSIZE);
	default:
		return at + FDT_TAGSIZE;
	}
}

int dt_next_node(const struct dt *dt, int node, int *depth)
{
	const char *first = (const char *)dt->fdt + fdt_off_dt_struct(dt->fdt);
	const char *at = first + node;

	if (fdt_version(dt->fdt) < TREE_VERSION_17)
		return fdt_next_node(dt->fdt, node, depth);
	for (at = behind(at);; at = behind(at)) {
		uint32_t tag = word_at(at);

		if (tag == FDT_END || (tag == FDT_END_NODE && --*depth < 0))
			return -FDT_ERR_NOTFOUND;
		if (tag != FDT_BEGIN_NODE)
			continue;
		++*depth;
		return (int)(at - first);
	}
}

const void *dt_prop(const struct dt *dt, int node, const char *prop, int *len)
{
	const char *at = (const char *)dt->fdt + fdt_off_dt_struct(dt->fdt) + node;
	const char *names = (const char *)dt->fdt + fdt_off_dt_strings(dt->fdt);

	if (fdt_version(dt->fdt) < TREE_VERSION_17)
		return fdt_getprop(dt->fdt, node, prop, len);
	/* Properties come before children (Devicetree Specification 5.4.2). */
	for (at = behind(at);; at = behind(at)) {
		uint32_t tag = word_at(at);

		if (tag != FDT_PROP && tag != FDT_NOP)
			return NULL;
		if (tag == FDT_NOP || strcmp(names + word_at(at + 2 * FDT_TAGSIZE), prop) != 0)
			continue;
		if (len != NULL)
			*len = (int)word_at(at + FDT_TAGSIZE);
		return at + sizeof(struct fdt_property);
	}
}

int dt_first_child(const struct dt *dt, int parent)
{
	int depth = 0;
	int node = dt_next_node(dt, parent, &depth);

	return depth == 1 ? node : -FDT_ERR_NOTFOUND;
}

int dt_next_child(const struct dt *dt, int child)
{
	int depth = 1;

	do {
		child = dt_next_node(dt, child, &depth);
	} while (child >= 0 && depth > 1);
	return depth == 1 ? child : -FDT_ERR_NOTFOUND;
}

int dt_find(const struct dt *dt, const char *name)
{
	int node = dt_first_child(dt, 0);

	while (node >= 0 && !dt_name_is(dt, node, name))
		node = dt_next_child(dt, node);
	return node;
}

const char *dt_name(const struct dt *dt, int node)
{
	const char *at = (const char *)dt->fdt + fdt_off_dt_struct(dt->fdt) + node;
	const char *name = fdt_version(dt->fdt) < TREE_VERSION_17
				   ? fdt_get_name(dt->fdt, node, NULL)
				   : at + FDT_TAGSIZE;

	return name == NULL ? "?" : name;
}
