/* SPDX-License-Identifier: BSD-2-Clause */
/* A device tree built as a fuzzer's input says. */
#ifndef TESTS_FUZZ_FUZZ_DT_BUILD_H
#define TESTS_FUZZ_FUZZ_DT_BUILD_H

#include "tests/fuzz/fuzz.h"

/*
 * Bytes are steps: open a node, close it, a property. Names come from what the reader asks for, so
 * that chance gets past libfdt's check of the layout and into the reader. The tree is well-formed
 * whatever the input; its values are not. On the heap, exactly @size bytes, the caller's to free;
 * NULL if it found no room.
 */
void *fuzz_dt_build(struct feed f, size_t *size);

#endif
