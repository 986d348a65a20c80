/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Atomic instructions. One hart runs at a time, so each is atomic by itself; a reservation ends
 * with the hart's turn (machine.c), so that no store of another hart can come in between.
 */
#include "host/sim/access.h"
#include "host/sim/alu.h"
#include "host/sim/cpu.h"

static uint64_t read_host(const uint8_t *p, unsigned size)
{
	uint64_t v = 0;

	memcpy(&v, p, size);
	return size == 4 ? alu_word(v) : v;
}

static void load_reserved(struct hart *h, unsigned rd, uint64_t va, unsigned size)
{
	const uint8_t *p = access_atomic(h, va, size, ACCESS_LOAD, &h->reserved_pa);

	h->reserved = p != NULL;
	if (p != NULL)
		h->x[rd] = read_host(p, size);
}

static void store_conditional(struct hart *h, unsigned rd, uint64_t va, unsigned size, uint64_t v)
{
	uint64_t pa;
	uint8_t *p = access_atomic(h, va, size, ACCESS_STORE, &pa);
	bool ok = h->reserved && pa == h->reserved_pa;

	if (p == NULL)
		return;
	h->reserved = false;
	if (ok)
		memcpy(p, &v, size);
	h->x[rd] = ok ? 0 : 1;
}

void atomic_execute(struct hart *h, uint32_t insn)
{
	unsigned rd = field(insn, 7, 5);
	unsigned f3 = field(insn, 12, 3);
	unsigned f5 = insn >> 27;
	unsigned size = f3 == 2 ? 4 : 8;
	uint64_t va = h->x[field(insn, 15, 5)];
	uint64_t operand = h->x[field(insn, 20, 5)];
	uint64_t pa;
	uint64_t old;
	uint64_t value;
	uint8_t *p;

	if (f3 != 2 && f3 != 3) {
		cpu_illegal(h, insn);
		return;
	}
	if (f5 == 2 && field(insn, 20, 5) == 0) {
		load_reserved(h, rd, va, size);
		return;
	}
	if (f5 == 3) {
		store_conditional(h, rd, va, size, operand);
		return;
	}
	if (!alu_amo(f5, 0, 0, &value)) {
		cpu_illegal(h, insn);
		return;
	}
	p = access_atomic(h, va, size, ACCESS_STORE, &pa);
	if (p == NULL)
		return;
	old = read_host(p, size);
	(void)alu_amo(f5, old, size == 4 ? alu_word(operand) : operand, &value);
	memcpy(p, &value, size);
	h->x[rd] = old;
}
