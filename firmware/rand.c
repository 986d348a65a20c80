/* SPDX-License-Identifier: BSD-2-Clause */
/* Random streams (SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number
 * generators"). */
#include "firmware/rand.h"

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

struct rng rng_stream(uint64_t seed, uint64_t id)
{
	return (struct rng){mix(seed + GOLDEN) ^ mix(id * GOLDEN + 1)};
}

uint64_t rng_next(struct rng *r)
{
	r->state += GOLDEN;
	return mix(r->state);
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
	return rng_next(r) % n;
}
