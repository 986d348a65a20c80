/* SPDX-License-Identifier: BSD-2-Clause */
/* Random numbers that a seed repeats: splitmix64, one stream for each user. */
#ifndef HOST_SIM_RNG_H
#define HOST_SIM_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline uint64_t rng_next(struct rng *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* 0 to @n - 1; @n is small, so that the bias does not matter. */
static inline uint32_t rng_below(struct rng *r, uint32_t n)
{
	return (uint32_t)((rng_next(r) >> 32) * n >> 32);
}

static inline bool rng_percent(struct rng *r, uint32_t percent)
{
	return percent != 0 && rng_below(r, 100) < percent;
}

#endif
