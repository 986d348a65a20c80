/* SPDX-License-Identifier: BSD-2-Clause */
/* What unplugged memory is filled with: a pattern of its own addresses. */

#include "platform/scribble.h"

/* A cache line a round: whole gigabytes go through here, on emulators and on soft cores. */
#define WORDS 8

void scribble_fill(void *p, paddr_t pa, uint64_t size_bytes)
{
	uint64_t *word = p;
	uint64_t value = scribble_word(pa);

	for (uint64_t n = size_bytes / (WORDS * 8); n != 0; n--) {
		for (unsigned i = 0; i < WORDS; i++)
			word[i] = value + i * 8;
		word += WORDS;
		value += WORDS * 8;
	}
}

uint64_t scribble_check(const void *p, paddr_t pa, uint64_t size_bytes, paddr_t *first)
{
	const uint64_t *word = p;
	uint64_t value = scribble_word(pa);
	uint64_t bad = 0;

	for (uint64_t n = size_bytes / (WORDS * 8); n != 0; n--) {
		uint64_t diff = 0;

		for (unsigned i = 0; i < WORDS; i++)
			diff |= word[i] ^ (value + i * 8);
		for (unsigned i = 0; diff != 0 && i < WORDS; i++) {
			if (word[i] == value + i * 8)
				continue;
			if (bad++ == 0)
				*first = value + i * 8 - scribble_word(0);
		}
		word += WORDS;
		value += WORDS * 8;
	}
	return bad;
}
