/* SPDX-License-Identifier: BSD-2-Clause */
/* The interpreter: fetch, RV64IM, loads and stores. */
#include "host/sim/cpu.h"

#include "host/sim/access.h"
#include "host/sim/alu.h"
#include "host/sim/rvc.h"
#include "host/sim/trap.h"

/* FENCE with an empty successor set and W as predecessor: Zihintpause. */
#define INSN_PAUSE 0x0100000fU

static uint64_t imm_i(uint32_t insn)
{
	return (uint64_t)(int64_t)((int32_t)insn >> 20);
}

static uint64_t imm_s(uint32_t insn)
{
	return (uint64_t)(int64_t)((int32_t)(insn & 0xfe000000) >> 20) | field(insn, 7, 5);
}

static uint64_t imm_b(uint32_t insn)
{
	return (uint64_t)(int64_t)((int32_t)(insn & 0x80000000) >> 19) | field(insn, 7, 1) << 11 |
	       field(insn, 25, 6) << 5 | field(insn, 8, 4) << 1;
}

static uint64_t imm_j(uint32_t insn)
{
	return (uint64_t)(int64_t)((int32_t)(insn & 0x80000000) >> 11) | (insn & 0xff000) |
	       field(insn, 20, 1) << 11 | field(insn, 21, 10) << 1;
}

static uint64_t imm_u(uint32_t insn)
{
	return (uint64_t)(int64_t)(int32_t)(insn & 0xfffff000);
}

static bool branch_taken(unsigned f3, uint64_t a, uint64_t b)
{
	switch (f3) {
	case 0:
		return a == b;
	case 1:
		return a != b;
	case 4:
		return (int64_t)a < (int64_t)b;
	case 5:
		return (int64_t)a >= (int64_t)b;
	case 6:
		return a < b;
	default:
		return a >= b;
	}
}

static inline void load(struct hart *h, uint32_t insn, unsigned rd, uint64_t va)
{
	unsigned f3 = field(insn, 12, 3);
	uint64_t v = 0;
	bool ok;

	switch (f3) {
	case 0:
		ok = access_load(h, va, 1, &v);
		v = (uint64_t)(int64_t)(int8_t)v;
		break;
	case 1:
		ok = access_load(h, va, 2, &v);
		v = (uint64_t)(int64_t)(int16_t)v;
		break;
	case 2:
		ok = access_load(h, va, 4, &v);
		v = alu_word(v);
		break;
	case 3:
		ok = access_load(h, va, 8, &v);
		break;
	case 4:
		ok = access_load(h, va, 1, &v);
		break;
	case 5:
		ok = access_load(h, va, 2, &v);
		break;
	case 6:
		ok = access_load(h, va, 4, &v);
		break;
	default:
		cpu_illegal(h, insn);
		return;
	}
	if (ok)
		h->x[rd] = v;
}

static inline void store(struct hart *h, uint32_t insn, uint64_t va, uint64_t v)
{
	switch (field(insn, 12, 3)) {
	case 0:
		access_store(h, va, 1, v);
		break;
	case 1:
		access_store(h, va, 2, v);
		break;
	case 2:
		access_store(h, va, 4, v);
		break;
	case 3:
		access_store(h, va, 8, v);
		break;
	default:
		cpu_illegal(h, insn);
	}
}

static void op_imm(struct hart *h, uint32_t insn, unsigned rd, uint64_t a)
{
	unsigned f3 = field(insn, 12, 3);
	uint32_t top = insn >> 26; /* shifts take 6 bits of the immediate */
	bool alt = f3 == 5 && top == 0x10;

	if ((f3 == 1 && top != 0) || (f3 == 5 && top != 0 && !alt))
		cpu_illegal(h, insn);
	else
		h->x[rd] = alu_base(f3, alt, a, imm_i(insn));
}

static void op_imm_word(struct hart *h, uint32_t insn, unsigned rd, uint64_t a)
{
	unsigned f3 = field(insn, 12, 3);
	uint32_t top = insn >> 25;
	bool alt = f3 == 5 && top == 0x20;

	if (f3 == 0 || (f3 == 1 && top == 0) || (f3 == 5 && (top == 0 || alt)))
		h->x[rd] = alu_base_word(f3, alt, a, imm_i(insn));
	else
		cpu_illegal(h, insn);
}

static void op(struct hart *h, uint32_t insn, unsigned rd, uint64_t a, uint64_t b)
{
	unsigned f3 = field(insn, 12, 3);
	uint32_t f7 = insn >> 25;

	if (f7 == 1)
		h->x[rd] = alu_muldiv(f3, a, b);
	else if (f7 == 0 || (f7 == 0x20 && (f3 == 0 || f3 == 5)))
		h->x[rd] = alu_base(f3, f7 != 0, a, b);
	else
		cpu_illegal(h, insn);
}

static void op_word(struct hart *h, uint32_t insn, unsigned rd, uint64_t a, uint64_t b)
{
	unsigned f3 = field(insn, 12, 3);
	uint32_t f7 = insn >> 25;

	if (f7 == 1 && (f3 == 0 || f3 >= 4))
		h->x[rd] = alu_muldiv_word(f3, a, b);
	else if ((f7 == 0 && (f3 == 0 || f3 == 1 || f3 == 5)) ||
		 (f7 == 0x20 && (f3 == 0 || f3 == 5)))
		h->x[rd] = alu_base_word(f3, f7 != 0, a, b);
	else
		cpu_illegal(h, insn);
}

/* Execute one instruction; returns the pc to go on at unless an exception was raised. */
static inline uint64_t execute(struct hart *h, uint32_t insn, uint64_t next)
{
	unsigned rd = field(insn, 7, 5);
	uint64_t a = h->x[field(insn, 15, 5)];
	uint64_t b = h->x[field(insn, 20, 5)];

	switch (insn & 0x7f) {
	case 0x03:
		load(h, insn, rd, a + imm_i(insn));
		break;
	case 0x0f: /* one hart runs at a time, code and data are one: nothing to order */
		if (field(insn, 12, 3) > 1)
			cpu_illegal(h, insn);
		else if (insn == INSN_PAUSE)
			h->attention |= ATTEND_YIELD;
		break;
	case 0x13:
		op_imm(h, insn, rd, a);
		break;
	case 0x17:
		h->x[rd] = h->pc + imm_u(insn);
		break;
	case 0x1b:
		op_imm_word(h, insn, rd, a);
		break;
	case 0x23:
		store(h, insn, a + imm_s(insn), b);
		break;
	case 0x2f:
		atomic_execute(h, insn);
		break;
	case 0x33:
		op(h, insn, rd, a, b);
		break;
	case 0x37:
		h->x[rd] = imm_u(insn);
		break;
	case 0x3b:
		op_word(h, insn, rd, a, b);
		break;
	case 0x63:
		if ((field(insn, 12, 3) & 6) == 2)
			cpu_illegal(h, insn);
		else if (branch_taken(field(insn, 12, 3), a, b))
			next = h->pc + imm_b(insn);
		break;
	case 0x67:
		if (field(insn, 12, 3) != 0) {
			cpu_illegal(h, insn);
			break;
		}
		h->x[rd] = next;
		next = (a + imm_i(insn)) & ~UINT64_C(1);
		break;
	case 0x6f:
		h->x[rd] = next;
		next = h->pc + imm_j(insn);
		break;
	case 0x73:
		next = system_execute(h, insn, next);
		break;
	default:
		cpu_illegal(h, insn);
	}
	h->x[0] = 0;
	return next;
}

/* Between two instructions; true if others are to run. */
static bool attend(struct hart *h, uint64_t next)
{
	unsigned what = h->attention;

	h->attention = 0;
	if ((what & ATTEND_TRAP) != 0)
		trap_take(h);
	else
		h->pc = next;
	if ((what & ATTEND_IRQ) != 0)
		trap_check_interrupts(h);
	return (what & ATTEND_YIELD) != 0;
}

uint64_t cpu_run(struct hart *h, uint64_t budget)
{
	uint64_t start = h->insns;
	uint64_t end = start + budget;

	while (h->insns != end) {
		uint64_t next = h->pc;
		uint32_t insn;

		if (access_fetch(h, &insn)) {
			if ((insn & 3) == 3) {
				next = execute(h, insn, h->pc + 4);
			} else {
				uint32_t expanded = rvc_table[insn & 0xffff];

				next = execute(h, expanded, h->pc + 2);
				/* What a trap says is the instruction as it was. */
				if (unlikely(expanded == 0))
					h->trap_value = insn & 0xffff;
			}
		}
		h->insns++;
		if (unlikely(h->attention != 0)) {
			if (attend(h, next))
				break;
		} else {
			h->pc = next;
		}
	}
	return h->insns - start;
}
