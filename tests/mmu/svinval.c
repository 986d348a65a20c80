/* SPDX-License-Identifier: BSD-2-Clause */
/* svinval.*: SFENCE.W.INVAL, SINVAL.VMA, SFENCE.INVAL.IR in place of each local fence. */
#include <string.h>

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/csr.h"
#include "firmware/fence.h"
#include "firmware/trap.h"
#include "tests/mmu/look.h"
#include "tests/mmu/many.h"
#include "tests/mmu/ops.h"
#include "tests/mmu/rows.h"
#include "tests/mmu/seq.h"
#include "tests/mmu/seq_offsets.h"
#include "tests/mmu/spaces.h"

#define CLAUSE                                                                                     \
	"Privileged ISA, Svinval: SFENCE.W.INVAL, SINVAL.VMA, SFENCE.INVAL.IR act as SFENCE.VMA"

static bool claimed(const struct test_run *t)
{
	return (t->bench->machine->isa & ISA_SVINVAL) != 0;
}

/* Whether the tree claims it; else the test is told to skip. */
static bool usable(struct test_run *t)
{
	if (!claimed(t))
		test_skip(t, "the device tree does not claim Svinval");
	return claimed(t);
}

static void local(struct test_run *t)
{
	struct stim *st;

	if (!usable(t))
		return;
	st = op_open(t, t->test->arg);
	if (st == NULL)
		return;
	stim_run_local(t, st, NR_HALVES, FENCES_INVAL);
	scene_close();
}

#define ROW(op, size, kind, ...)                                                                   \
	TEST_ROW(svinval, op##_##size##_##kind, #op "." #size "." #kind, local, .machine = true,   \
		 .clause = CLAUSE, .arg = &(const struct op_case){__VA_ARGS__})
OP_ROWS(ROW)

/* One bracket with n = 1..64 invalidations back to back. */
static void many(struct test_run *t)
{
	if (usable(t))
		many_run(t, *(const enum access *)t->test->arg, FENCES_INVAL_EACH);
}

#define MANY(kind, a)                                                                              \
	TEST_ROW(svinval, many_##kind, "many.4k." #kind, many, .machine = true, .clause = CLAUSE,  \
		 .arg = &(const enum access){a})
MANY(load, ACCESS_LOAD)
MANY(store, ACCESS_STORE)
MANY(fetch, ACCESS_FETCH)

/* A hart executes @op with nothing around it that could trap. */
static struct probe execute(const void *op)
{
	static uint64_t nowhere[MAX_HARTS]; /* the store between accesses must go somewhere */
	struct seq q = {
		.fill_op = seq_op_none,
		.slot = &nowhere[arch_hart()],
		.fence_op = op,
		.delay_op = seq_delay(0),
		.probe_op = seq_op_none,
	};

	return seq_run(&q);
}

static const struct {
	const char *name;
	const char *op;
} insns[] = {
	{"SFENCE.W.INVAL", seq_w_inval},
	{"SINVAL.VMA x0, x0", seq_sinval_all},
	{"SFENCE.INVAL.IR", seq_inval_ir},
};

/* The cause of the trap that each raised, plus 1; 0: none. */
static uint8_t trapped[MAX_HARTS][ARRAY_LEN(insns)];

static void execute_all(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < ARRAY_LEN(insns); i++) {
		struct probe p = execute(insns[i].op);

		trapped[arch_hart()][i] = p.trapped ? (uint8_t)(p.cause + 1) : 0;
	}
}

TEST(svinval, claim, .machine = true,
     .clause = "Privileged ISA, Svinval: its instructions are legal in S-mode unless mstatus.TVM")
{
	test_on_harts(t, &t->all, execute_all, NULL);
	if (!claimed(t)) {
		if (trapped[0][0] + trapped[0][1] + trapped[0][2] == 0)
			note("Svinval's instructions work, though the device tree does not claim "
			     "them");
		(void)usable(t);
		return;
	}
	hartset_for_each(h, &t->all) {
		for (unsigned i = 0; i < ARRAY_LEN(insns); i++) {
			if (trapped[h][i] != 0)
				test_fail(t, EVIDENCE_PROBE,
					  "hart%u: %s: %s, where the device tree claims Svinval", h,
					  insns[i].name, trap_cause_name(trapped[h][i] - 1u));
		}
	}
}

/* Operands from each register: seq_insns.S has a stub each. */
#define NR_REGS 31
#define STUB_BYTES 32

static struct regs_job {
	struct scene *s;
	vaddr_t va;
	uint64_t *slot;
	uint64_t was, is;
	struct page old, new;
	unsigned repeat;
	struct look *look;	 /* by hart */
	uint16_t other;		 /* an ASID that is not the scene's */
	unsigned reg[MAX_HARTS]; /* of the first failure */
} regs;

/* What was @seen of the remapped page behind @f. */
static void judge(const char *what, enum fence f, vaddr_t named, struct probe seen)
{
	struct look *l = &regs.look[arch_hart()];
	struct probe fresh = look_value(page_word(&regs.new, PAGE_WORDS));
	bool old = look_same(seen, look_value(page_word(&regs.old, PAGE_WORDS)));

	l->control_tries += f == FENCE_NONE;
	l->control_stale += f == FENCE_NONE && old;
	l->tries += f != FENCE_NONE;
	if (!look_same(seen, fresh) && (f != FENCE_NONE || !old))
		look_bad(l, &(struct glance){.what = what,
					     .access = ACCESS_LOAD,
					     .va = regs.va + PAGE_WORDS,
					     .seen = seen,
					     .expected = fresh,
					     .old = old,
					     .fence = f,
					     .named = named,
					     .slot = regs.slot,
					     .pte = regs.is});
}

/* Remap the page, execute @op, look. */
static void try_op(const char *op, enum fence f, unsigned reg)
{
	unsigned hart = arch_hart();
	struct look *l = &regs.look[hart];
	struct seq q = {
		.fill_op = seq_op(ACCESS_LOAD),
		.fill_va = regs.va + PAGE_WORDS,
		.slot = regs.slot,
		.pte = regs.is,
		.fence_op = op,
		.rs1 = regs.va + PAGE_WORDS,
		.rs2 = regs.s->asid,
		.delay_op = seq_delay(0),
		.probe_op = seq_op(ACCESS_LOAD),
		.probe_va = regs.va + PAGE_WORDS,
	};
	struct probe seen;

	/* Some of the registers are ones that a trap handler builds on. */
	bool irq = arch_irq_save();
	seen = seq_run(&q);
	arch_irq_restore(irq);
	judge("SINVAL.VMA from a register", f, q.rs1, seen);
	if (l->bad == 1 && regs.reg[hart] == 0)
		regs.reg[hart] = reg;
	scene_store(regs.slot, regs.was);
	raw_sfence_all();
}

/* x2 and x4 last, and only if none of the others trapped: behind them nobody could handle it. */
static bool is_base(unsigned reg)
{
	return reg == 2 || reg == 4;
}

static void try_regs(void *arg)
{
	struct look *l = &regs.look[arch_hart()];

	(void)arg;
	scene_enter(regs.s);
	for (unsigned i = 0; i < 8; i++)
		try_op(seq_fence_none, FENCE_NONE, 0);
	for (unsigned pass = 0; pass < 2 * regs.repeat; pass++) {
		for (unsigned reg = 1; reg <= NR_REGS; reg++) {
			if (is_base(reg) != (pass % 2 != 0) || (is_base(reg) && l->other_bad))
				continue;
			try_op(seq_inval_rs1 + (reg - 1) * STUB_BYTES, INVAL_VA, reg);
			try_op(seq_inval_rs2 + (reg - 1) * STUB_BYTES, INVAL_VA_ASID, reg);
		}
	}
	scene_leave();
}

/* The page with two entries that it may have, and what it shows. */
static void open_page(struct test_run *t, struct scene *s)
{
	memset(&regs, 0, sizeof(regs));
	regs.s = s;
	regs.look = look_pool();
	/* However large repeat= is: the deadline of a test stays what it is. */
	regs.repeat = (unsigned)min_u64(t->bench->args->repeat, 1000);
	/* The upper half: an operand that lost its sign names another page. */
	regs.va = scene_va(s, HALF_HIGH, 0);
	regs.old = scene_new_page(s);
	regs.new = scene_new_page(s);
	regs.slot = scene_slot(s, regs.va, 0);
	regs.was = pte_leaf(regs.old.pa, SCENE_RWX).raw;
	regs.is = pte_leaf(regs.new.pa, SCENE_RWX).raw;
	scene_store(regs.slot, regs.was);
}

TEST(svinval, registers, .machine = true, .clause = CLAUSE)
{
	struct scene *s;

	if (!usable(t))
		return;
	s = scene_open(t);
	open_page(t, s);
	hartset_for_each(h, &t->all) {
		struct hartset one = hartset_of(h);

		test_on_harts(t, &one, try_regs, NULL);
		if (regs.look[h].bad != 0)
			note("hart%u: first with the operand in x%u", h, regs.reg[h]);
	}
	look_report(t, ACCESS_LOAD, s, &t->all, regs.look);
	scene_close();
}

/* What was filled in with one ASID is invalidated from another one. */
static void try_asid(enum fence f)
{
	struct fence_at at = {.va = regs.va, .asid = regs.s->asid};
	vaddr_t va = regs.va + PAGE_WORDS;

	(void)probe_load(va);
	csr_write_satp(scene_satp(regs.s, regs.other));
	(void)probe_load(va);
	scene_store(regs.slot, regs.is);
	if (f != FENCE_NONE)
		fence_here(f, &at);
	csr_write_satp(scene_satp(regs.s, regs.s->asid));
	judge("SINVAL.VMA for another ASID", f, regs.va, probe_load(va));
	scene_store(regs.slot, regs.was);
	raw_sfence_all();
}

static void try_asids(void *arg)
{
	(void)arg;
	scene_enter(regs.s);
	for (unsigned i = 0; i < STIM_CONTROLS; i++)
		try_asid(FENCE_NONE);
	for (unsigned i = 0; i < 8 * regs.repeat; i++) {
		for (unsigned f = INVAL_VA; f <= INVAL_ALL; f++)
			try_asid((enum fence)f);
	}
	scene_leave();
}

TEST(svinval, other_asid, .machine = true,
     .clause = "Privileged ISA, Svinval: rs2 = x0 is any ASID, else the one in rs2, whatever satp "
	       "has")
{
	struct scene *s;

	if (!usable(t))
		return;
	s = scene_open(t);
	if (!spaces_have_asids(s)) {
		scene_close();
		return;
	}
	open_page(t, s);
	regs.other = s->asid ^ 1;
	hartset_for_each(h, &t->all) {
		struct hartset one = hartset_of(h);

		test_on_harts(t, &one, try_asids, NULL);
	}
	look_report(t, ACCESS_LOAD, s, &t->all, regs.look);
	scene_close();
}
