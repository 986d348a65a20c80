/* SPDX-License-Identifier: BSD-2-Clause */
/* A copy of the kernel's root, as other address spaces have one: what is seen through it. */
#ifndef TESTS_SECOND_ROOT_H
#define TESTS_SECOND_ROOT_H

#include "tests/test.h"

/* The root's entries as they are now. To be given to second_root_drop(). */
paddr_t second_root_copy(struct test_run *t);
/* Each hart translates with @root for one load of @va, which has to be @expected, and goes back. */
void second_root_read(struct test_run *t, vaddr_t va, paddr_t root, uint64_t expected);
/* The same, of a word that is stored there through the kernel's root. */
void second_root_write_and_read(struct test_run *t, vaddr_t va, paddr_t root);
void second_root_drop(paddr_t root);

#endif
