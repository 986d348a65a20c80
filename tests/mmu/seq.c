/* SPDX-License-Identifier: BSD-2-Clause */
/* C's side of seq_insns.S. */
#include "tests/mmu/seq.h"

#include <stddef.h>

#include "firmware/hart.h"
#include "tests/mmu/seq_offsets.h"

#define AT(field, number) _Static_assert(offsetof(struct seq, field) == (number), "seq_insns.S")
AT(fill_op, SEQ_FILL_OP);
AT(fill_va, SEQ_FILL_VA);
AT(value, SEQ_VALUE);
AT(slot, SEQ_SLOT);
AT(pte, SEQ_PTE);
AT(fence_op, SEQ_FENCE_OP);
AT(rs1, SEQ_RS1);
AT(rs2, SEQ_RS2);
AT(delay_op, SEQ_DELAY_OP);
AT(probe_op, SEQ_PROBE_OP);
AT(probe_va, SEQ_PROBE_VA);
AT(stage, SEQ_STAGE);
AT(fill_seen, SEQ_FILL_SEEN);
AT(probe_seen, SEQ_PROBE_SEEN);
AT(away_satp, SEQ_AWAY_SATP);
AT(back_satp, SEQ_BACK_SATP);
AT(hop_op, SEQ_HOP_OP);

void seq_insns(struct seq *q);
extern const char seq_sled_end[];

struct probe seq_run(struct seq *q)
{
	struct hart *h = hart_self();
	struct probe p = {0};

	q->hop_op = q->away_satp != 0 ? seq_hop : seq_fence_none;
	h->probe_trapped = false;
	seq_insns(q);
	p.trapped = h->probe_trapped;
	p.cause = h->probe_cause;
	p.tval = h->probe_tval;
	p.epc = h->probe_epc;
	p.value = q->stage == SEQ_FILLING ? q->fill_seen : q->probe_seen;
	return p;
}

uint64_t seq_call_insns(uint64_t *a0, uint64_t a1, uint64_t a2, uint64_t a3, vaddr_t va);

struct probe seq_call(vaddr_t va, uint64_t *a0, uint64_t a1, uint64_t a2, uint64_t a3)
{
	struct hart *h = hart_self();
	struct probe p = {0};

	h->probe_trapped = false;
	p.value = seq_call_insns(a0, a1, a2, a3, va);
	p.trapped = h->probe_trapped;
	p.cause = h->probe_cause;
	p.tval = h->probe_tval;
	p.epc = h->probe_epc;
	return p;
}

const void *seq_op(enum access a)
{
	static const char *const ops[] = {seq_op_load, seq_op_store, seq_op_fetch};

	return ops[a];
}

const void *seq_delay(unsigned nops)
{
	return seq_sled_end - 4 * (nops < SEQ_MAX_DELAY ? nops : SEQ_MAX_DELAY);
}
