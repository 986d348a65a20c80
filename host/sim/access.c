/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads, stores and fetches that need translation, cross a page, or meet a device. */
#include "host/sim/access.h"

#include "host/sim/bus.h"
#include "host/sim/mmu.h"
#include "host/sim/pmp.h"

static bool access_fault(struct hart *h, enum access a, uint64_t va)
{
	static const enum cause causes[] = {CAUSE_LOAD_ACCESS, CAUSE_STORE_ACCESS,
					    CAUSE_FETCH_ACCESS};

	return hart_raise(h, causes[a], va);
}

/* Translate, check PMP, and make a short cut if the page is RAM. */
static bool resolve(struct hart *h, uint64_t va, enum access a, uint64_t *pa)
{
	struct fast_entry *e = fast_slot(a == ACCESS_FETCH ? h->fetch_fast : h->data_fast, a, va);
	enum priv priv = a == ACCESS_FETCH ? h->priv : h->data_priv;
	struct translation t;
	uint8_t *host;

	if (!mmu_translate(h, va, a, &t))
		return false;
	*pa = t.pa;
	if (!pmp_allows(h, t.pa, a, priv))
		return access_fault(h, a, va);
	host = bus_ram(h->machine, t.pa & ~PAGE_OFFSET, PAGE_BYTES);
	if (host == NULL || t.live == NULL)
		e->page = FAST_NONE;
	else
		*e = (struct fast_entry){va & ~PAGE_OFFSET, host, t.live, t.seen};
	return true;
}

/* @va aligned to @size. */
static bool load_aligned(struct hart *h, uint64_t va, unsigned size, uint64_t *value)
{
	uint64_t pa;

	if (!resolve(h, va, ACCESS_LOAD, &pa))
		return false;
	return bus_read(h, pa, size, value) || access_fault(h, ACCESS_LOAD, va);
}

static bool store_aligned(struct hart *h, uint64_t va, unsigned size, uint64_t value)
{
	uint64_t pa;

	if (!resolve(h, va, ACCESS_STORE, &pa))
		return false;
	return bus_write(h, pa, size, value) || access_fault(h, ACCESS_STORE, va);
}

bool access_load_slow(struct hart *h, uint64_t va, unsigned size, uint64_t *value)
{
	if (va % size == 0)
		return load_aligned(h, va, size, value);
	*value = 0;
	for (unsigned i = 0; i < size; i++) {
		uint64_t byte;

		if (!load_aligned(h, va + i, 1, &byte))
			return false;
		*value |= byte << 8 * i;
	}
	return true;
}

bool access_store_slow(struct hart *h, uint64_t va, unsigned size, uint64_t value)
{
	uint64_t pa;

	if (va % size == 0)
		return store_aligned(h, va, size, value);
	/* Both pages are looked at first, so that a store that traps has not begun. */
	if (!resolve(h, va + size - 1, ACCESS_STORE, &pa))
		return false;
	for (unsigned i = 0; i < size; i++) {
		if (!store_aligned(h, va + i, 1, value >> 8 * i & 0xff))
			return false;
	}
	return true;
}

/* One half, which never crosses a page. Only RAM has code. */
static bool fetch_half(struct hart *h, uint64_t va, uint16_t *half)
{
	const uint8_t *p;
	uint64_t pa;

	if (!resolve(h, va, ACCESS_FETCH, &pa))
		return false;
	p = bus_ram(h->machine, pa, sizeof(*half));
	if (p == NULL)
		return access_fault(h, ACCESS_FETCH, va);
	memcpy(half, p, sizeof(*half));
	return true;
}

bool access_fetch_slow(struct hart *h, uint64_t va, uint32_t *insn)
{
	uint16_t low;
	uint16_t high = 0;

	if (!fetch_half(h, va, &low))
		return false;
	if ((low & 3) == 3 && !fetch_half(h, va + 2, &high))
		return false;
	*insn = (uint32_t)high << 16 | low;
	return true;
}

uint8_t *access_atomic(struct hart *h, uint64_t va, unsigned size, enum access a, uint64_t *pa)
{
	uint8_t *host;

	if (va % size != 0) {
		hart_raise(h, a == ACCESS_LOAD ? CAUSE_LOAD_MISALIGNED : CAUSE_STORE_MISALIGNED,
			   va);
		return NULL;
	}
	if (!resolve(h, va, a, pa))
		return NULL;
	host = bus_ram(h->machine, *pa, size);
	if (host == NULL)
		access_fault(h, a, va);
	return host;
}
