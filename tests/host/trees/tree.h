/* SPDX-License-Identifier: BSD-2-Clause */
/* Device trees written in C: a thin layer over libfdt's sequential-write functions. */
#ifndef TESTS_HOST_TREES_TREE_H
#define TESTS_HOST_TREES_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "firmware/types.h"

#define TREE_MAX_SIZE (256 * 1024)

struct tree {
	uint64_t blob[TREE_MAX_SIZE / 8]; /* what libfdt writes to, 8-byte aligned */
	size_t size;			  /* bytes, after tree_finish() */
};

/* In this order: tree_start, memreserves, tree_open_root, properties and nodes, tree_finish. Any
 * error of the builder ends the test program. */
void tree_start(struct tree *t);
void tree_memreserve(struct tree *t, uint64_t start, uint64_t size);
void tree_open_root(struct tree *t, uint32_t address_cells, uint32_t size_cells);
void tree_finish(struct tree *t);

void tree_open(struct tree *t, const char *name);
void tree_openf(struct tree *t, const char *fmt, ...) printf_fn(2, 3);
void tree_close(struct tree *t);

void tree_empty(struct tree *t, const char *prop);
void tree_bytes(struct tree *t, const char *prop, const void *bytes, size_t len);
void tree_string(struct tree *t, const char *prop, const char *text);
void tree_u64(struct tree *t, const char *prop, uint64_t value);
void tree_put_cells(struct tree *t, const char *prop, const uint32_t *cells, size_t nr);

#define tree_cells(t, prop, ...)                                                                   \
	tree_put_cells(t, prop, (const uint32_t[]){__VA_ARGS__},                                   \
		       sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

/* Both cell counts of a node, and one (address, size) tuple in two cells each. */
void tree_cell_counts(struct tree *t, uint32_t address_cells, uint32_t size_cells);
void tree_reg(struct tree *t, const char *prop, uint64_t start, uint64_t size);

#endif
