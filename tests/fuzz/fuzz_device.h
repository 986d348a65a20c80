/* SPDX-License-Identifier: BSD-2-Clause */
/* What the device of fuzz_device.c should be: guest memory that is watched, blocks in plain C. */
#ifndef TESTS_FUZZ_FUZZ_DEVICE_H
#define TESTS_FUZZ_FUZZ_DEVICE_H

#include "device/vmem.h"
#include "tests/fuzz/fuzz.h"

/* ---- guest memory: three pieces with holes between them, one of them not writable */

#define GUEST_PIECES 3

struct guest_piece {
	uint64_t addr;
	uint64_t size;
	bool writable;
	uint8_t *mem;	  /* exactly size bytes on the heap, so that a sanitizer sees one more */
	uint8_t *before;  /* what it was when the watch began */
	uint8_t *granted; /* bytes that the device asked to write since then */
};

struct guest {
	struct guest_piece piece[GUEST_PIECES];
};

void guest_make(struct guest *g);
void guest_free(struct guest *g);
/* As vring_translate_fn. */
void *guest_translate(struct guest *g, uint64_t addr, uint64_t len_bytes, bool is_write);
/* The driver stores; what lies in no piece is left out. */
void guest_poke(struct guest *g, uint64_t addr, const void *bytes, uint64_t len_bytes);
/*
 * Begin a watch; at its end nothing has changed but what the device asked to write meanwhile, and
 * the used ring that it was given before.
 */
void guest_watch(struct guest *g, uint64_t used_addr, uint64_t used_bytes);
void guest_check(const struct guest *g);

/* ---- blocks: the specification once more, a block at a time */

#define MODEL_MAX_BLOCKS 256

struct model {
	struct vmem_params params; /* requested_size is kept current */
	uint64_t nr_blocks;
	bool plugged[MODEL_MAX_BLOCKS];
	bool discarded[MODEL_MAX_BLOCKS]; /* since the last model_take_discards() */
	uint64_t usable_size;
};

void model_make(struct model *m, const struct vmem_params *params);
uint64_t model_plugged(const struct model *m);

/* What @req has to be answered with, if nothing stands in its way; nothing changes. */
uint16_t model_verdict(const struct model *m, const struct vmem_request *req, uint16_t *state);
/* @req was acknowledged. */
void model_apply(struct model *m, const struct vmem_request *req);
/* UNPLUG_ALL and a reset unplug what was discarded, even when they stop half-way. */
void model_unplug_discarded(struct model *m);
void model_set_requested(struct model *m, uint64_t size_bytes);
void model_shrink_usable(struct model *m);
/* The device discards: plugged blocks of the region only, and each once. */
void model_discard(struct model *m, uint64_t offset, uint64_t size_bytes);
void model_take_discards(struct model *m);

/* The device's own words agree with the model's. */
void model_compare(const struct model *m, const struct vmem *vm);

#endif
