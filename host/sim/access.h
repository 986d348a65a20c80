/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads, stores and fetches of a hart: the short way inline, the long way in access.c. */
#ifndef HOST_SIM_ACCESS_H
#define HOST_SIM_ACCESS_H

#include "host/sim/hart.h"

/* All of them: false if an exception was raised. @size is 1, 2, 4 or 8. */
bool access_load_slow(struct hart *h, uint64_t va, unsigned size, uint64_t *value);
bool access_store_slow(struct hart *h, uint64_t va, unsigned size, uint64_t value);
bool access_fetch_slow(struct hart *h, uint64_t va, uint32_t *insn);

/* Host address for an atomic access, aligned and in RAM; NULL: an exception was raised. */
uint8_t *access_atomic(struct hart *h, uint64_t va, unsigned size, enum access a, uint64_t *pa);

static inline bool access_load(struct hart *h, uint64_t va, unsigned size, uint64_t *value)
{
	const uint8_t *p = fast_find(h->data_fast, ACCESS_LOAD, va, size);

	if (unlikely(p == NULL))
		return access_load_slow(h, va, size, value);
	*value = 0;
	memcpy(value, p, size);
	return true;
}

static inline bool access_store(struct hart *h, uint64_t va, unsigned size, uint64_t value)
{
	uint8_t *p = fast_find(h->data_fast, ACCESS_STORE, va, size);

	if (unlikely(p == NULL))
		return access_store_slow(h, va, size, value);
	memcpy(p, &value, size);
	return true;
}

/* The next instruction: 32 bits, of which a short one uses the lower half. */
static inline bool access_fetch(struct hart *h, uint32_t *insn)
{
	const struct fast_entry *e = fast_slot(h->fetch_fast, ACCESS_FETCH, h->pc);
	uint64_t offset = h->pc & PAGE_OFFSET;

	if (unlikely(e->page != (h->pc & ~PAGE_OFFSET) || offset > PAGE_BYTES - 4 ||
		     *e->live != e->seen))
		return access_fetch_slow(h, h->pc, insn);
	memcpy(insn, e->host + offset, sizeof(*insn));
	return true;
}

#endif
