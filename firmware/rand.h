/* SPDX-License-Identifier: BSD-2-Clause */
/* Random streams: each consumer has its own, derived from the printed seed. */
#ifndef FIRMWARE_RAND_H
#define FIRMWARE_RAND_H

#include "firmware/types.h"

struct rng {
	uint64_t state;
};

/* The stream @id of @seed: the same pair gives the same numbers on every machine. */
struct rng rng_stream(uint64_t seed, uint64_t id);
uint64_t rng_next(struct rng *r);
/* Uniform in [0, n), n > 0 (the bias of the remainder is below n / 2^64). */
uint64_t rng_below(struct rng *r, uint64_t n);

#endif
