/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TLB model against a machine that caches all that it may, over every short sequence of stores,
 * fences, switches, starts and stops. The machine is a few lines and shares no code with the model:
 * each hart has a set of entries as it read them, is filled with whatever a walk can reach after
 * each step, and loses what a fence takes. Who holds something that the tables no longer say must
 * be named by the model, and nobody else.
 *
 * Two of the machine: one as the architecture has it, which no hart may be missed of; and one with
 * the liberties that the model takes (docs/model.md), beyond which no hart may be named.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/lock.h"
#include "mm/model_records.h"
#include "mm/model_spaces.h"
#include "tests/host/tap.h"

#define MAX_HELD 192u
#define NR_HARTS 3u
#define LEVELS 3u

/* ---- memory and the rest of arch.h */

enum { ROOT_A = 1, ROOT_B, MID, MID_B, LOW, NR_PAGES };

static uint64_t memory[NR_PAGES][PT_ENTRIES];
static const struct arch_observer *observer;
static unsigned running;
static struct hartset online;

static paddr_t page_pa(unsigned page)
{
	return (paddr_t)page << PAGE_SHIFT;
}

static uint64_t *word(paddr_t pa)
{
	return &memory[pa >> PAGE_SHIFT][pa % PAGE_SIZE / sizeof(uint64_t)];
}

pte_t pte_load(pte_slot_t s)
{
	return (pte_t){*word(s.pa)};
}

/* Only the first two entries of a table are ever used. */
unsigned pte_next_used(paddr_t table, unsigned from)
{
	while (from < 2 && *word(table + from * sizeof(uint64_t)) == 0)
		from++;
	return from < 2 ? from : PT_ENTRIES;
}

pte_t arch_raw_xchg(pte_slot_t s, pte_t value)
{
	pte_t old = pte_load(s);

	*word(s.pa) = value.raw;
	return old;
}

bool arch_raw_cmpxchg(pte_slot_t s, pte_t *expected, pte_t value)
{
	*expected = arch_raw_xchg(s, value);
	return true;
}

void arch_observe(const struct arch_observer *obs)
{
	observer = obs;
}

unsigned arch_hart(void)
{
	return running;
}

struct hartset arch_harts_online(void)
{
	return online;
}

void *phys_to_ptr(paddr_t pa)
{
	return word(pa);
}

bool spin_lock_irq(struct spinlock *l)
{
	return l == NULL;
}

void spin_unlock_irq(struct spinlock *l, bool irq)
{
	(void)l;
	(void)irq;
}

/* ---- the machine that caches all that it may */

struct held {
	unsigned root;
	uint16_t asid;
	vaddr_t va;
	unsigned level;
	pte_t value;
	paddr_t slot;
	bool global_path; /* by a pointer on the way */
	bool global;	  /* was or is, or is below what is */
	bool pointer;	  /* was or is */
	bool replaced;	  /* a liberty: it stays so when the old value comes back */
	uint64_t stale;	  /* since when the table says something else; 0: it does not */
};

struct space {
	unsigned root;
	uint16_t asid;
	bool global_only;
	uint64_t left; /* when */
};

struct hart {
	bool on;
	bool anything; /* started, never fenced in full */
	struct space now;
	struct space left[4];
	unsigned nr_left;
	struct held held[MAX_HELD];
	unsigned nr_held;
	uint64_t inval_begun;
	struct fence_op inval;
	uint64_t inval_token; /* 0: none is under way */
};

struct machine_state {
	bool liberties;
	struct hart harts[NR_HARTS];
};

static struct machine_state strict, liberal = {.liberties = true};
static uint64_t now;
static bool too_small;

static pte_t entry(unsigned page, unsigned i)
{
	return (pte_t){memory[page][i]};
}

static unsigned target(pte_t e)
{
	return (unsigned)(pte_pa(e) >> PAGE_SHIFT);
}

/* What @root says for the entry of @level at @va; false: its tables do not go that far. */
static bool says(unsigned root, vaddr_t va, unsigned level, pte_t *e)
{
	unsigned page = root;

	for (unsigned l = LEVELS - 1;; l--) {
		*e = entry(page, level_index(va, l));
		if (l == level)
			return true;
		if (!pte_is_table(*e))
			return false;
		page = target(*e);
	}
}

static bool leads_to_global(pte_t e)
{
	if (!pte_is_valid(e))
		return false;
	if ((e.raw & PTE_G) != 0 || !pte_is_table(e))
		return (e.raw & PTE_G) != 0;
	return leads_to_global(entry(target(e), 0)) || leads_to_global(entry(target(e), 1));
}

static void add_held(struct hart *h, struct held new)
{
	for (unsigned i = 0; i < h->nr_held; i++) {
		const struct held *e = &h->held[i];

		if (e->slot == new.slot && e->value.raw == new.value.raw && e->va == new.va &&
		    e->root == new.root && e->asid == new.asid && e->stale == new.stale &&
		    e->global_path == new.global_path)
			return;
	}
	if (h->nr_held == MAX_HELD)
		too_small = true;
	else
		h->held[h->nr_held++] = new;
}

/* @stale: since when the way there is none of the tables; 0: it is one. */
static void walk(struct hart *h, struct space s, unsigned page, unsigned level, vaddr_t va,
		 bool global, uint64_t stale)
{
	for (unsigned i = 0; i < 2; i++) {
		pte_t e = entry(page, i);
		bool own = pte_is_valid(e) && (e.raw & PTE_G) != 0;
		struct held new = {
			.root = s.root,
			.asid = s.asid,
			.va = va + i * level_size(level),
			.level = level,
			.value = e,
			.slot = page_pa(page) + i * sizeof(pte_t),
			.global_path = global,
			.global = global || own,
			.pointer = pte_is_table(e),
			.stale = stale,
		};

		/* Kept as what it leads to is. */
		new.global |= s.global_only &&leads_to_global(e);
		if (!s.global_only || new.global)
			add_held(h, new);
		if (pte_is_table(e))
			walk(h, s, target(e), level - 1, new.va, global || own, stale);
	}
}

static void fill(struct machine_state *m, struct hart *h)
{
	unsigned n = h->nr_held;

	if (!h->on)
		return;
	walk(h, h->now, h->now.root, LEVELS - 1, 0, false, 0);
	for (unsigned i = 0; i < h->nr_left && m->liberties; i++)
		walk(h, h->left[i], h->left[i].root, LEVELS - 1, 0, false, 0);
	/* By pointers that it holds, while their ASID is the one in use. */
	for (unsigned i = 0; i < n; i++) {
		struct held e = h->held[i];
		bool global = e.global_path || (e.value.raw & PTE_G) != 0;
		struct space s = {e.root, e.asid, false, 0};

		if (!pte_is_table(e.value) || e.stale == 0)
			continue;
		if (global || e.asid == h->now.asid || m->liberties)
			walk(h, s, target(e.value), e.level - 1, e.va, global, e.stale);
	}
}

static bool taken(const struct held *e, const struct fence_op *op, uint64_t token)
{
	if (e->stale > token)
		return false;
	if (!op->all_asid && (e->global || e->asid != op->asid))
		return false;
	return op->all_va || (!e->pointer && op->start - e->va < level_size(e->level));
}

static void fence_hart(struct hart *h, const struct fence_op *op, uint64_t token)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h->nr_held; i++) {
		if (!taken(&h->held[i], op, token))
			h->held[n++] = h->held[i];
	}
	h->nr_held = n;
	if (!op->all_va)
		return;
	n = 0;
	for (unsigned i = 0; i < h->nr_left; i++) {
		struct space s = h->left[i];

		if (op->all_asid && s.left <= token)
			continue;
		s.global_only |= !op->all_asid && s.asid == op->asid && s.left <= token;
		h->left[n++] = s;
	}
	h->nr_left = n;
	h->anything &= !op->all_asid;
}

/* Before the store; and behind it, refresh(). */
static void mark(struct machine_state *m, paddr_t slot, pte_t old, pte_t new)
{
	bool global = ((old.raw & PTE_V) != 0 && (old.raw & PTE_G) != 0) ||
		      ((new.raw &PTE_V) != 0 && (new.raw &PTE_G) != 0);

	if (m->liberties)
		global |= leads_to_global(old) || leads_to_global(new);
	for (unsigned k = 0; k < NR_HARTS; k++) {
		struct hart *h = &m->harts[k];

		for (unsigned i = 0; i < h->nr_held; i++) {
			struct held *e = &h->held[i];

			if (e->slot != slot || e->value.raw != old.raw)
				continue;
			e->global |= global;
			e->pointer |= pte_is_table(new);
			e->replaced = m->liberties;
			if (m->liberties)
				e->stale = now;
		}
	}
}

static void refresh(struct machine_state *m)
{
	for (unsigned k = 0; k < NR_HARTS; k++) {
		struct hart *h = &m->harts[k];

		for (unsigned i = 0; i < h->nr_held; i++) {
			struct held *e = &h->held[i];
			pte_t said;

			if (!e->replaced && says(e->root, e->va, e->level, &said) &&
			    said.raw == e->value.raw)
				e->stale = 0;
			else if (e->stale == 0)
				e->stale = now;
			if (m->liberties && e->stale != 0 && pte_is_table(e->value))
				e->global |= leads_to_global(e->value);
		}
		fill(m, h);
	}
}

static struct hartset stale_harts(const struct machine_state *m)
{
	struct hartset s = {{0}};

	for (unsigned k = 0; k < NR_HARTS; k++) {
		const struct hart *h = &m->harts[k];

		if (!h->on)
			continue;
		for (unsigned i = 0; i < h->nr_held; i++) {
			if (h->held[i].stale != 0)
				hartset_add(&s, k);
		}
		if (h->anything)
			hartset_add(&s, k);
	}
	return s;
}

/* ---- steps */

enum step_kind { STORE, FENCE, INVAL_BEGIN, INVAL, INVAL_END, SWITCH, START, STOP };

struct step {
	const char *name;
	enum step_kind kind;
	unsigned hart;
	unsigned page, index; /* STORE */
	uint64_t value;	      /* STORE; SWITCH: root */
	struct fence_op op;   /* FENCE, INVAL; SWITCH: asid */
};

#define P UINT64_C(0x40000000)
#define Q UINT64_C(0x80000000)
#define LEAF(pa, bits)                                                                             \
	((pa) >> PAGE_SHIFT << PTE_PPN_SHIFT | PTE_V | PTE_R | PTE_A | PTE_D | (bits))
#define TABLE(page, bits) ((uint64_t)(page) << PTE_PPN_SHIFT | PTE_V | (bits))
#define STORE_TO(name, page, index, value)                                                         \
	{                                                                                          \
		name, STORE, 0, page, index, value,                                                \
		{                                                                                  \
		}                                                                                  \
	}
#define ALL                                                                                        \
	{                                                                                          \
		.all_va = true, .all_asid = true                                                   \
	}
#define VA(va)                                                                                     \
	{                                                                                          \
		.all_asid = true, .start = (va), .size = 1                                         \
	}
#define ASID(n)                                                                                    \
	{                                                                                          \
		.all_va = true, .asid = (n)                                                        \
	}
#define VA_ASID(va, n)                                                                             \
	{                                                                                          \
		.start = (va), .size = 1, .asid = (n)                                              \
	}
#define ON(n) .hart = (n)

static const struct step core[] = {
	STORE_TO("low[0] = none", LOW, 0, 0),
	STORE_TO("low[0] = leaf q", LOW, 0, LEAF(Q, 0)),
	STORE_TO("low[0] = leaf p, G", LOW, 0, LEAF(P, PTE_G)),
	STORE_TO("low[1] = leaf p", LOW, 1, LEAF(P, 0)),
	STORE_TO("mid[0] = none", MID, 0, 0),
	STORE_TO("mid[0] = low", MID, 0, TABLE(LOW, 0)),
	STORE_TO("mid[0] = leaf q", MID, 0, LEAF(Q, 0)),
	STORE_TO("a[0] = none", ROOT_A, 0, 0),
	{"hart1 fences all", FENCE, ON(1), .op = ALL},
	{"hart1 fences 0", FENCE, ON(1), .op = VA(0x123)},
	{"hart1 fences asid 1", FENCE, ON(1), .op = ASID(1)},
	{"hart0 fences all", FENCE, ON(0), .op = ALL},
	{"hart1 runs b, asid 2", SWITCH, ON(1), .value = ROOT_B, .op = ASID(2)},
	{"hart1 runs b, asid 1", SWITCH, ON(1), .value = ROOT_B, .op = ASID(1)},
	{"hart1 runs a, asid 1", SWITCH, ON(1), .value = ROOT_A, .op = ASID(1)},
};

static const struct step more[] = {
	STORE_TO("mid[0] = low, G", MID, 0, TABLE(LOW, PTE_G)),
	STORE_TO("a[0] = mid", ROOT_A, 0, TABLE(MID, 0)),
	STORE_TO("b[0] = none", ROOT_B, 0, 0),
	STORE_TO("mid b[0] = none", MID_B, 0, 0),
	{"hart1 fences 0 of asid 1", FENCE, ON(1), .op = VA_ASID(0x321, 1)},
	{"hart1 fences asid 2", FENCE, ON(1), .op = ASID(2)},
	{"hart1 fences page 1", FENCE, ON(1), .op = VA(PAGE_SIZE)},
	{"hart1 fences 1 GiB", FENCE, ON(1), .op = VA(SZ_1G)},
	{"hart0 fences 0", FENCE, ON(0), .op = VA(0)},
	{"hart2 fences all", FENCE, ON(2), .op = ALL},
	{"hart2 fences 0", FENCE, ON(2), .op = VA(0)},
	{"hart1: W.INVAL", INVAL_BEGIN, ON(1)},
	{"hart1: SINVAL all", INVAL, ON(1), .op = ALL},
	{"hart1: SINVAL 0", INVAL, ON(1), .op = VA(0)},
	{"hart1: INVAL.IR", INVAL_END, ON(1)},
	{"hart2 runs b, asid 2", SWITCH, ON(2), .value = ROOT_B, .op = ASID(2)},
	{"hart0 runs b, asid 1", SWITCH, ON(0), .value = ROOT_B, .op = ASID(1)},
	{"hart2 stops", STOP, ON(2)},
	{"hart2 starts", START, ON(2)},
};

static const struct step svinval[] = {
	STORE_TO("low[0] = none", LOW, 0, 0),
	STORE_TO("low[0] = leaf q", LOW, 0, LEAF(Q, 0)),
	STORE_TO("low[1] = leaf p", LOW, 1, LEAF(P, 0)),
	STORE_TO("mid[0] = none", MID, 0, 0),
	{"hart1: W.INVAL", INVAL_BEGIN, ON(1)},
	{"hart1: SINVAL all", INVAL, ON(1), .op = ALL},
	{"hart1: SINVAL 0", INVAL, ON(1), .op = VA(0)},
	{"hart1: SINVAL page 1", INVAL, ON(1), .op = VA(PAGE_SIZE)},
	{"hart1: INVAL.IR", INVAL_END, ON(1)},
	{"hart0 fences all", FENCE, ON(0), .op = ALL},
};

static void do_store(const struct step *s)
{
	paddr_t slot = page_pa(s->page) + s->index * sizeof(pte_t);
	pte_t old = entry(s->page, s->index);
	pte_t new = {s->value};

	if (old.raw == new.raw)
		return;
	mark(&strict, slot, old, new);
	mark(&liberal, slot, old, new);
	observer->write((pte_slot_t){slot}, new, NULL);
}

static void do_switch(struct machine_state *m, const struct step *s)
{
	struct hart *h = &m->harts[s->hart];
	unsigned n = 0;

	if (h->now.root == s->value && h->now.asid == s->op.asid)
		return;
	h->left[h->nr_left] = h->now;
	h->left[h->nr_left++].left = now;
	h->now = (struct space){(unsigned)s->value, s->op.asid, false, 0};
	for (unsigned i = 0; i < h->nr_left; i++) {
		if (h->left[i].root != h->now.root || h->left[i].asid != h->now.asid)
			h->left[n++] = h->left[i];
	}
	h->nr_left = n;
}

static void do_inval(struct hart *h, const struct step *s)
{
	if (s->kind == INVAL_BEGIN)
		h->inval_begun = now;
	/* Of several under way the machine here remembers the last; see possible(). */
	if (s->kind == INVAL && h->inval_begun != 0) {
		h->inval = s->op;
		h->inval_token = h->inval_begun;
	}
	if (s->kind == INVAL_END && h->inval_token != 0) {
		fence_hart(h, &h->inval, h->inval_token);
		h->inval_token = 0;
	}
}

static bool possible(const struct step *s)
{
	const struct hart *h = &strict.harts[s->hart];

	if (s->kind == START)
		return !h->on;
	if (s->kind == INVAL && h->inval_token != 0)
		return false;
	return h->on;
}

static void do_step(const struct step *s)
{
	struct hartset self = hartset_of(s->hart);
	struct machine_state *const both[] = {&strict, &liberal};

	now++;
	running = s->hart;
	if (s->kind == STORE)
		do_store(s);
	for (unsigned i = 0; i < 2; i++) {
		struct hart *h = &both[i]->harts[s->hart];

		if (s->kind == FENCE)
			fence_hart(h, &s->op, now);
		else if (s->kind == SWITCH)
			do_switch(both[i], s);
		else if (s->kind == STOP)
			*h = (struct hart){0};
		else if (s->kind == START)
			*h = (struct hart){
				.on = true, .anything = true, .now = {ROOT_A, 1, false, 0}};
		else if (s->kind != STORE)
			do_inval(h, s);
		refresh(both[i]);
	}
	if (s->kind == FENCE)
		observer->fence_end(&self, &s->op, observer->fence_begin());
	if (s->kind == INVAL_BEGIN)
		observer->inval_begin();
	if (s->kind == INVAL)
		observer->inval(&s->op);
	if (s->kind == INVAL_END)
		observer->inval_end();
	if (s->kind == SWITCH) {
		observer->root_entered(s->hart, page_pa((unsigned)s->value), s->op.asid);
		observer->root_switched(s->hart, page_pa((unsigned)s->value), s->op.asid);
	}
	if (s->kind == START) {
		hartset_add(&online, s->hart);
		observer->hart_started(s->hart, page_pa(ROOT_A), 1);
	}
	if (s->kind == STOP) {
		hartset_del(&online, s->hart);
		observer->hart_stopped(s->hart);
	}
}

static void begin(unsigned nr_harts)
{
	static const struct mmu_mode mode = {.name = "tiny", .levels = LEVELS};
	const struct ptable pt = {.mode = &mode, .root = page_pa(ROOT_A)};
	struct machine_state *const both[] = {&strict, &liberal};
	struct violation v[1];
	unsigned kept;

	for (unsigned p = 0; p < NR_PAGES; p++)
		memory[p][0] = memory[p][1] = 0;
	memory[ROOT_A][0] = TABLE(MID, 0);
	memory[ROOT_B][0] = TABLE(MID, 0);
	/* The lowest table twice in the second root. */
	memory[ROOT_B][1] = TABLE(MID_B, 0);
	memory[MID_B][0] = TABLE(LOW, 0);
	memory[MID][0] = TABLE(LOW, 0);
	memory[LOW][0] = LEAF(P, 0);
	now = 1;
	running = 0;
	online = (struct hartset){{(UINT64_C(1) << nr_harts) - 1}};
	(void)model_take_violations(v, 0, &kept);
	model_init(&pt, (struct region){0, 0});
	/* The model begins with ASID 0. */
	for (unsigned h = 0; h < nr_harts; h++) {
		struct hartset self = hartset_of(h);

		observer->root_entered(h, page_pa(ROOT_A), 1);
		observer->root_switched(h, page_pa(ROOT_A), 1);
		observer->fence_end(&self, &(struct fence_op)ALL, observer->fence_begin());
	}
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned h = 0; h < NR_HARTS; h++) {
			struct hart *hart = &both[i]->harts[h];

			hart->on = h < nr_harts;
			hart->anything = false;
			hart->now = (struct space){ROOT_A, 1, false, 0};
			hart->nr_left = hart->nr_held = 0;
			hart->inval_begun = hart->inval_token = 0;
		}
		refresh(both[i]);
	}
}

/* ---- every sequence */

static uint64_t compared, exact, named;
static unsigned bad;

static struct hartset said_by_model(void)
{
	struct hartset s = model_unfenced();
	const struct model_record *r;
	unsigned n;

	r = model_records(&n);
	for (; n > 0; n--, r++)
		hartset_join(&s, &r->holders);
	return s;
}

static void compare(const struct step *const *steps, unsigned n)
{
	struct hartset least = stale_harts(&strict);
	struct hartset most = stale_harts(&liberal);
	struct hartset said = said_by_model();
	bool missed = (least.bits[0] & ~said.bits[0]) != 0;

	compared++;
	exact += hartset_eq(&least, &said);
	named += !hartset_empty(&said);
	if ((!missed && (said.bits[0] & ~most.bits[0]) == 0) || bad++ > 4)
		return;
	printf("# %s: harts 0x%llx hold, at most 0x%llx; the model says 0x%llx:\n",
	       missed ? "missed" : "named wrongly", (unsigned long long)least.bits[0],
	       (unsigned long long)most.bits[0], (unsigned long long)said.bits[0]);
	for (unsigned i = 0; i < n; i++)
		printf("#   %s\n", steps[i]->name);
}

/* All sequences of @length of the first @nr of @all. Only the end is compared: the rest was. */
static void every(const struct step *const *all, unsigned nr, unsigned length, unsigned nr_harts)
{
	const struct step *steps[8];
	unsigned at[8] = {0};

	for (unsigned k = 0; k < length;) {
		bool can = true;

		begin(nr_harts);
		for (unsigned i = 0; i < length && can; i++) {
			steps[i] = all[at[i]];
			can = possible(steps[i]);
			if (can)
				do_step(steps[i]);
		}
		if (can)
			compare(steps, length);
		for (k = 0; k < length && ++at[k] == nr; k++)
			at[k] = 0;
	}
}

static unsigned pick(const struct step **all, const struct step *from, unsigned n, unsigned have)
{
	for (unsigned i = 0; i < n; i++)
		all[have++] = &from[i];
	return have;
}

static void report(const char *what, unsigned length, unsigned nr, unsigned harts)
{
	tap_ok(bad == 0 && !too_small, "%s: %u of %u steps on %u harts", what, length, nr, harts);
	printf("# %llu compared, %llu name a hart, %llu exact\n", (unsigned long long)compared,
	       (unsigned long long)named, (unsigned long long)exact);
	compared = named = exact = 0;
	bad = 0;
}

static uint64_t rng = 1;

static unsigned below(unsigned n)
{
	rng = rng * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(rng >> 33) % n;
}

static void long_ones(const struct step *const *all, unsigned nr)
{
	for (unsigned k = 0; k < 4000; k++) {
		const struct step *steps[12];
		unsigned n = 0;

		begin(NR_HARTS);
		while (n < 12) {
			steps[n] = all[below(nr)];
			if (!possible(steps[n]))
				continue;
			do_step(steps[n++]);
			compare(steps, n);
		}
	}
}

int main(int argc, char **argv)
{
	const struct step *all[64];
	unsigned nr;

	if (argc > 1)
		rng = strtoull(argv[1], NULL, 0);
	nr = pick(all, core, ARRAY_LEN(core), 0);
	for (unsigned length = 1; length <= 4; length++)
		every(all, nr, length, 2);
	report("every sequence", 4, nr, 2);
	nr = pick(all, svinval, ARRAY_LEN(svinval), 0);
	for (unsigned length = 1; length <= 5; length++)
		every(all, nr, length, 2);
	report("every sequence with Svinval", 5, nr, 2);
	nr = pick(all, core, ARRAY_LEN(core), 0);
	nr = pick(all, more, ARRAY_LEN(more), nr);
	for (unsigned length = 1; length <= 3; length++)
		every(all, nr, length, 3);
	report("every sequence", 3, nr, 3);
	long_ones(all, nr);
	report("sequences at random", 12, nr, 3);
	return tap_done();
}
