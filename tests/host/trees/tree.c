/* SPDX-License-Identifier: BSD-2-Clause */
/* Device trees written in C: a thin layer over libfdt's sequential-write functions. */
#include <libfdt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/host/trees/tree.h"

static void must(int err, const char *what)
{
	if (err == 0)
		return;
	fprintf(stderr, "cannot build the tree: %s: %s\n", what, fdt_strerror(err));
	exit(99);
}

void tree_start(struct tree *t)
{
	memset(t, 0, sizeof(*t));
	must(fdt_create(t->blob, sizeof(t->blob)), "start");
}

void tree_memreserve(struct tree *t, uint64_t start, uint64_t size)
{
	must(fdt_add_reservemap_entry(t->blob, start, size), "memreserve");
}

void tree_open_root(struct tree *t, uint32_t address_cells, uint32_t size_cells)
{
	must(fdt_finish_reservemap(t->blob), "root");
	tree_open(t, "");
	tree_cell_counts(t, address_cells, size_cells);
}

void tree_finish(struct tree *t)
{
	tree_close(t);
	must(fdt_finish(t->blob), "finish");
	t->size = fdt_totalsize(t->blob);
}

void tree_open(struct tree *t, const char *name)
{
	must(fdt_begin_node(t->blob, name), name);
}

void tree_openf(struct tree *t, const char *fmt, ...)
{
	char name[64];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	tree_open(t, name);
}

void tree_close(struct tree *t)
{
	must(fdt_end_node(t->blob), "end of node");
}

void tree_empty(struct tree *t, const char *prop)
{
	tree_bytes(t, prop, "", 0);
}

void tree_bytes(struct tree *t, const char *prop, const void *bytes, size_t len)
{
	must(fdt_property(t->blob, prop, bytes, (int)len), prop);
}

void tree_string(struct tree *t, const char *prop, const char *text)
{
	tree_bytes(t, prop, text, strlen(text) + 1);
}

void tree_u64(struct tree *t, const char *prop, uint64_t value)
{
	tree_cells(t, prop, (uint32_t)(value >> 32), (uint32_t)value);
}

void tree_put_cells(struct tree *t, const char *prop, const uint32_t *cells, size_t nr)
{
	void *to;
	unsigned char *at;

	must(fdt_property_placeholder(t->blob, prop, (int)(4 * nr), &to), prop);
	at = to;
	for (size_t i = 0; i < nr; i++) {
		for (unsigned b = 0; b < 4; b++)
			*at++ = (unsigned char)(cells[i] >> (24 - 8 * b));
	}
}

void tree_cell_counts(struct tree *t, uint32_t address_cells, uint32_t size_cells)
{
	tree_cells(t, "#address-cells", address_cells);
	tree_cells(t, "#size-cells", size_cells);
}

void tree_reg(struct tree *t, const char *prop, uint64_t start, uint64_t size)
{
	tree_cells(t, prop, (uint32_t)(start >> 32), (uint32_t)start, (uint32_t)(size >> 32),
		   (uint32_t)size);
}
