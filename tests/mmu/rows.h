/* SPDX-License-Identifier: BSD-2-Clause */
/* One test for each change, size and kind of access: rows for tlb.*, rfence.* and svinval.*. */
#ifndef TESTS_MMU_ROWS_H
#define TESTS_MMU_ROWS_H

#define OP_ROWS_ACCESS(ROW, op, size, OP, LEVEL)                                                   \
	ROW(op, size, load, OP, LEVEL, ACCESS_LOAD, false)                                         \
	ROW(op, size, store, OP, LEVEL, ACCESS_STORE, false)                                       \
	ROW(op, size, fetch, OP, LEVEL, ACCESS_FETCH, false)

/* Changes that leaves of 4 KiB can have. */
#define OP_ROWS_LEAF(ROW, op, OP)                                                                  \
	OP_ROWS_ACCESS(ROW, op, 4k, OP, LEVEL_4K)                                                  \
	OP_ROWS_LARGE(ROW, op, OP)

#define OP_ROWS_LARGE(ROW, op, OP)                                                                 \
	OP_ROWS_ACCESS(ROW, op, 2m, OP, LEVEL_2M)                                                  \
	OP_ROWS_ACCESS(ROW, op, 1g, OP, LEVEL_1G)                                                  \
	OP_ROWS_ACCESS(ROW, op, 512g, OP, LEVEL_512G)                                              \
	OP_ROWS_ACCESS(ROW, op, 256t, OP, LEVEL_256T)

#define OP_ROWS(ROW)                                                                               \
	OP_ROWS_ACCESS(ROW, remap, 4k, OP_REMAP, LEVEL_4K)                                         \
	OP_ROWS_ACCESS(ROW, remap, 2m, OP_REMAP, LEVEL_2M)                                         \
	OP_ROWS_ACCESS(ROW, remap, 1g, OP_REMAP, LEVEL_1G)                                         \
	OP_ROWS_LEAF(ROW, unmap, OP_UNMAP)                                                         \
	OP_ROWS_LEAF(ROW, protect, OP_PROTECT)                                                     \
	OP_ROWS_LARGE(ROW, split, OP_SPLIT)                                                        \
	OP_ROWS_LARGE(ROW, merge, OP_MERGE)                                                        \
	OP_ROWS_LARGE(ROW, table, OP_TABLE)                                                        \
	OP_ROWS_LARGE(ROW, walk, OP_WALK)                                                          \
	OP_ROWS_LEAF(ROW, make, OP_MAKE)                                                           \
	OP_ROWS_LEAF(ROW, grant, OP_GRANT)                                                         \
	OP_ROWS_LARGE(ROW, link, OP_LINK)

#endif
