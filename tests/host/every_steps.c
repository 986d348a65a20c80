/* SPDX-License-Identifier: BSD-2-Clause */
/* The steps of which every short sequence is made, and what they do to machines and model. */
#include "tests/host/every.h"

#include "mm/model.h"
#include "mm/walk.h"

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

const struct step every_core[] = {
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
const unsigned every_nr_core = ARRAY_LEN(every_core);

const struct step every_more[] = {
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
const unsigned every_nr_more = ARRAY_LEN(every_more);

const struct step every_svinval[] = {
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
const unsigned every_nr_svinval = ARRAY_LEN(every_svinval);

static void do_store(const struct step *s)
{
	paddr_t slot = every_page_pa(s->page) + s->index * sizeof(pte_t);
	pte_t old = every_entry(s->page, s->index);
	pte_t new = {s->value};

	if (old.raw == new.raw)
		return;
	every_mark(&every.strict, slot, old, new);
	every_mark(&every.liberal, slot, old, new);
	every.observer->write((pte_slot_t){slot}, new, NULL);
}

static void do_switch(struct machine_state *m, const struct step *s)
{
	struct hart *h = &m->harts[s->hart];
	unsigned n = 0;

	if (h->now.root == s->value && h->now.asid == s->op.asid)
		return;
	h->left[h->nr_left] = h->now;
	h->left[h->nr_left++].left = every.now;
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
		h->inval_begun = every.now;
	/* Of several under way the machine here remembers the last; see every_possible(). */
	if (s->kind == INVAL && h->inval_begun != 0) {
		h->inval = s->op;
		h->inval_token = h->inval_begun;
	}
	if (s->kind == INVAL_END && h->inval_token != 0) {
		every_fence(h, &h->inval, h->inval_token);
		h->inval_token = 0;
	}
}

bool every_possible(const struct step *s)
{
	const struct hart *h = &every.strict.harts[s->hart];

	if (s->kind == START)
		return !h->on;
	if (s->kind == INVAL && h->inval_token != 0)
		return false;
	return h->on;
}

void every_do(const struct step *s)
{
	struct hartset self = hartset_of(s->hart);
	struct machine_state *const both[] = {&every.strict, &every.liberal};

	every.now++;
	every.running = s->hart;
	if (s->kind == STORE)
		do_store(s);
	for (unsigned i = 0; i < 2; i++) {
		struct hart *h = &both[i]->harts[s->hart];

		if (s->kind == FENCE)
			every_fence(h, &s->op, every.now);
		else if (s->kind == SWITCH)
			do_switch(both[i], s);
		else if (s->kind == STOP)
			*h = (struct hart){0};
		else if (s->kind == START)
			*h = (struct hart){
				.on = true, .anything = true, .now = {ROOT_A, 1, false, 0}};
		else if (s->kind != STORE)
			do_inval(h, s);
		every_refresh(both[i]);
	}
	if (s->kind == FENCE)
		every.observer->fence_end(&self, &s->op, every.observer->fence_begin());
	if (s->kind == INVAL_BEGIN)
		every.observer->inval_begin();
	if (s->kind == INVAL)
		every.observer->inval(&s->op);
	if (s->kind == INVAL_END)
		every.observer->inval_end();
	if (s->kind == SWITCH) {
		every.observer->root_entered(s->hart, every_page_pa((unsigned)s->value),
					     s->op.asid);
		every.observer->root_switched(s->hart, every_page_pa((unsigned)s->value),
					      s->op.asid);
	}
	if (s->kind == START) {
		hartset_add(&every.online, s->hart);
		every.observer->hart_started(s->hart, every_page_pa(ROOT_A), 1);
	}
	if (s->kind == STOP) {
		hartset_del(&every.online, s->hart);
		every.observer->hart_stopped(s->hart);
	}
}

void every_begin(unsigned nr_harts)
{
	static const struct mmu_mode mode = {.name = "tiny", .levels = LEVELS};
	const struct ptable pt = {.mode = &mode, .root = every_page_pa(ROOT_A)};
	struct machine_state *const both[] = {&every.strict, &every.liberal};
	struct violation v[1];
	unsigned kept;

	for (unsigned p = 0; p < NR_PAGES; p++)
		every.memory[p][0] = every.memory[p][1] = 0;
	every.memory[ROOT_A][0] = TABLE(MID, 0);
	every.memory[ROOT_B][0] = TABLE(MID, 0);
	/* The lowest table twice in the second root. */
	every.memory[ROOT_B][1] = TABLE(MID_B, 0);
	every.memory[MID_B][0] = TABLE(LOW, 0);
	every.memory[MID][0] = TABLE(LOW, 0);
	every.memory[LOW][0] = LEAF(P, 0);
	every.now = 1;
	every.running = 0;
	every.online = (struct hartset){{(UINT64_C(1) << nr_harts) - 1}};
	(void)model_take_violations(v, 0, &kept);
	model_init(&pt, (struct region){0, 0});
	/* The model begins with ASID 0. */
	for (unsigned h = 0; h < nr_harts; h++) {
		struct hartset self = hartset_of(h);

		every.observer->root_entered(h, every_page_pa(ROOT_A), 1);
		every.observer->root_switched(h, every_page_pa(ROOT_A), 1);
		every.observer->fence_end(&self, &(struct fence_op)ALL,
					  every.observer->fence_begin());
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
		every_refresh(both[i]);
	}
}
