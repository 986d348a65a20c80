/* SPDX-License-Identifier: BSD-2-Clause */
/* Address types, sizes and error codes that every layer shares. */
#ifndef FIRMWARE_TYPES_H
#define FIRMWARE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t paddr_t;
typedef uint64_t vaddr_t;

#define PAGE_SHIFT 12
#define PAGE_SIZE (UINT64_C(1) << PAGE_SHIFT)
/* Not cleared at start: for what nobody reads before it was written. */
#define NOINIT __attribute__((section(".noinit")))

#define SZ_2M (UINT64_C(1) << 21)
#define SZ_1G (UINT64_C(1) << 30)

/* A run of physical addresses. Never wraps: start + size <= 2^64 - 1. */
struct region {
	paddr_t start;
	uint64_t size; /* bytes */
};

static inline paddr_t region_end(struct region r)
{
	return r.start + r.size;
}

/*
 * What can go wrong, as negative values. A function that returns it has undone what it began,
 * unless its comment says otherwise.
 */
enum err {
	OK = 0,
	ERR_NOMEM = -1,	   /* no frame, no record, no table slot left */
	ERR_INVAL = -2,	   /* argument that can never be right */
	ERR_RANGE = -3,	   /* outside what this machine or mode can address */
	ERR_EXIST = -4,	   /* something is mapped or present there already */
	ERR_NOENT = -5,	   /* nothing is there */
	ERR_SPLIT = -6,	   /* the edge lies inside a leaf and splitting was not asked for */
	ERR_BUSY = -7,	   /* in use, or the device says: later */
	ERR_NACK = -8,	   /* the device denies the request */
	ERR_IO = -9,	   /* the device broke its contract or reported an error */
	ERR_TIMEOUT = -10, /* no answer before the deadline */
	ERR_NOSYS = -11,   /* this machine has no such thing */
};

/* The name of an error code, for messages; never NULL. */
const char *err_name(enum err e);

#define must_check __attribute__((warn_unused_result))
#define noreturn_fn __attribute__((noreturn))
#define printf_fn(f, a) __attribute__((format(printf, f, a)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* @align is a power of two. align_up() wraps for values within @align of 2^64. */
static inline uint64_t align_down(uint64_t v, uint64_t align)
{
	return v & ~(align - 1);
}

static inline uint64_t align_up(uint64_t v, uint64_t align)
{
	return align_down(v + align - 1, align);
}

static inline bool is_aligned(uint64_t v, uint64_t align)
{
	return (v & (align - 1)) == 0;
}

static inline bool is_pow2(uint64_t v)
{
	return v != 0 && (v & (v - 1)) == 0;
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

#endif
