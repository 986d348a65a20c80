/* SPDX-License-Identifier: BSD-2-Clause */
/* What all fuzz targets share: an input read piece by piece, and a complaint that ends the run. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libFuzzer's entry, and replay.c's. Same input, same steps: no state survives a call. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* abort() is what libFuzzer and replay.c take for a finding. */
#define FUZZ_CHECK(cond, ...)                                                                      \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "fuzz: %s:%d: ", __FILE__, __LINE__);                      \
			fprintf(stderr, __VA_ARGS__);                                              \
			fputc('\n', stderr);                                                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* The rest of an input. Behind its end everything reads as 0, so each input is a whole one. */
struct feed {
	const uint8_t *at;
	size_t left;
};

static inline uint8_t feed_u8(struct feed *f)
{
	if (f->left == 0)
		return 0;
	f->left--;
	return *f->at++;
}

static inline uint16_t feed_u16(struct feed *f)
{
	uint16_t low = feed_u8(f);

	return (uint16_t)(low | feed_u8(f) << 8);
}

static inline uint32_t feed_u32(struct feed *f)
{
	uint32_t low = feed_u16(f);

	return low | (uint32_t)feed_u16(f) << 16;
}

static inline uint64_t feed_u64(struct feed *f)
{
	uint64_t low = feed_u32(f);

	return low | (uint64_t)feed_u32(f) << 32;
}

/* One of @nr things. */
static inline unsigned feed_below(struct feed *f, size_t nr)
{
	return (unsigned)(feed_u8(f) % nr);
}

#endif
