/* SPDX-License-Identifier: BSD-2-Clause */
/* Sets of harts, by hart index (dense, 0 is the boot hart), never by hart id (sparse). */
#ifndef FIRMWARE_HARTSET_H
#define FIRMWARE_HARTSET_H

#include "firmware/types.h"

#define MAX_HARTS 128
#define HARTSET_WORDS (MAX_HARTS / 64)

struct hartset {
	uint64_t bits[HARTSET_WORDS];
};

static inline bool hartset_has(const struct hartset *s, unsigned hart)
{
	return hart < MAX_HARTS && (s->bits[hart / 64] >> (hart % 64) & 1) != 0;
}

static inline void hartset_add(struct hartset *s, unsigned hart)
{
	s->bits[hart / 64] |= UINT64_C(1) << (hart % 64);
}

static inline void hartset_del(struct hartset *s, unsigned hart)
{
	s->bits[hart / 64] &= ~(UINT64_C(1) << (hart % 64));
}

static inline bool hartset_empty(const struct hartset *s)
{
	uint64_t any = 0;

	for (unsigned i = 0; i < HARTSET_WORDS; i++)
		any |= s->bits[i];
	return any == 0;
}

static inline unsigned hartset_count(const struct hartset *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < HARTSET_WORDS; i++) {
		for (uint64_t w = s->bits[i]; w != 0; w &= w - 1)
			n++;
	}
	return n;
}

/* Remove every hart of @b from @a. */
static inline void hartset_sub(struct hartset *a, const struct hartset *b)
{
	for (unsigned i = 0; i < HARTSET_WORDS; i++)
		a->bits[i] &= ~b->bits[i];
}

/* Add every hart of @b to @a. */
static inline void hartset_join(struct hartset *a, const struct hartset *b)
{
	for (unsigned i = 0; i < HARTSET_WORDS; i++)
		a->bits[i] |= b->bits[i];
}

/* Keep only those harts of @a that are in @b too. */
static inline void hartset_cut(struct hartset *a, const struct hartset *b)
{
	for (unsigned i = 0; i < HARTSET_WORDS; i++)
		a->bits[i] &= b->bits[i];
}

static inline bool hartset_meet(const struct hartset *a, const struct hartset *b)
{
	uint64_t any = 0;

	for (unsigned i = 0; i < HARTSET_WORDS; i++)
		any |= a->bits[i] & b->bits[i];
	return any != 0;
}

static inline bool hartset_eq(const struct hartset *a, const struct hartset *b)
{
	for (unsigned i = 0; i < HARTSET_WORDS; i++) {
		if (a->bits[i] != b->bits[i])
			return false;
	}
	return true;
}

static inline struct hartset hartset_of(unsigned hart)
{
	struct hartset s = {{0}};

	hartset_add(&s, hart);
	return s;
}

/* The first of @s from @from on; MAX_HARTS: there is none. */
static inline unsigned hartset_next(const struct hartset *s, unsigned from)
{
	for (unsigned h = from; h < MAX_HARTS; h = (h / 64 + 1) * 64) {
		for (uint64_t w = s->bits[h / 64] >> (h % 64); w != 0; w >>= 1, h++) {
			if ((w & 1) != 0)
				return h;
		}
	}
	return MAX_HARTS;
}

/* @s may change meanwhile: what is in it when its turn comes counts. */
#define hartset_for_each(h, s)                                                                     \
	for (unsigned h = hartset_next((s), 0); h < MAX_HARTS; h = hartset_next((s), h + 1))

#endif
