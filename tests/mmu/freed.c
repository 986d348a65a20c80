/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * race.freed_table.*: a table page is unlinked, shot down, and used again, filled with valid
 * entries that lead to a canary, while other harts keep on using addresses below it. Behind the
 * shootdown nobody may read through it, see the canary, or write A and D into it.
 * race.stream*: a leaf that is remapped under harts that keep on missing.
 */
#include <string.h>

#include "mm/fault.h"
#include "tests/mmu/ops.h"
#include "tests/mmu/stream.h"

#define CLAUSE                                                                                     \
	"Privileged ISA, SFENCE.VMA: after a table pointer changed, rs1 = x0 on each hart; "       \
	"de facto: before RFENCE returns"

enum state { LINKED, UNLINKED, USED_AGAIN, NR_STATES };

static struct freed {
	struct test_run *t;
	struct stream st;
	unsigned level;			   /* of the entry that is unlinked */
	paddr_t table[PT_MAX_LEVELS];	   /* below it, by level */
	paddr_t trap_table[PT_MAX_LEVELS]; /* that lead to the canary, by level */
	paddr_t canary;
	uint64_t kept[STREAM_MAX_TARGETS]; /* entries of table[0] in use */
	uint64_t *kept_at[STREAM_MAX_TARGETS];
	unsigned marked; /* entries of the poison whose A or D was set behind the shootdown */
} freed;

static uint64_t *entries(paddr_t table)
{
	return phys_to_ptr(table);
}

/*
 * Entry @i of a poisoned table of @level. Half of the leaves are complete, so that an access goes
 * through to the canary; the others lack A and D, so that hardware that sets them leaves a mark.
 */
static uint64_t poison(unsigned level, unsigned i)
{
	if (level != 0)
		return pte_table(freed.trap_table[level - 1]).raw;
	return pte_leaf(freed.canary, i % 2 == 0 ? SCENE_RWX : PTE_R | PTE_W | PTE_X).raw;
}

static void fill(paddr_t table, unsigned level)
{
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		scene_store(&entries(table)[i], poison(level, i));
}

static void fill_all(void)
{
	for (unsigned l = 0; l < freed.level; l++)
		fill(freed.table[l], l);
	/* What a control was allowed to set in these is not what is looked for. */
	for (unsigned l = 0; l < freed.level; l++)
		fill(freed.trap_table[l], l);
}

/* As they were when the table was linked. */
static void restore(void)
{
	for (unsigned l = 0; l < freed.level; l++)
		for (unsigned i = 0; i < PT_ENTRIES; i++)
			scene_store(&entries(freed.table[l])[i], 0);
	for (unsigned i = 0; i < freed.st.nr; i++)
		scene_store(freed.kept_at[i], freed.kept[i]);
	for (unsigned l = 1; l < freed.level; l++)
		scene_store(&entries(freed.table[l])[level_index(freed.st.va[0], l)],
			    pte_table(freed.table[l - 1]).raw);
	arch_wmb();
}

static void change(unsigned to)
{
	switch ((enum state)to) {
	case UNLINKED:
		if (!fault_armed(FAULT_FREED_LINKED))
			scene_store(freed.st.slot, 0);
		if (fault_armed(FAULT_FREED_EARLY))
			fill_all();
		break;
	case USED_AGAIN:
		fill_all();
		break;
	default:
		restore();
		scene_store(freed.st.slot, freed.st.pte[LINKED]);
		break;
	}
}

static void settled(unsigned now, bool control)
{
	if (now != USED_AGAIN || control)
		return;
	for (unsigned l = 0; l < freed.level; l++) {
		for (unsigned i = 0; i < PT_ENTRIES; i++) {
			freed.marked += entries(freed.table[l])[i] != poison(l, i);
			freed.marked += entries(freed.trap_table[l])[i] != poison(l, i);
		}
	}
}

static void build(struct scene *s, enum access a)
{
	struct stream *st = &freed.st;
	vaddr_t start = scene_va(s, HALF_HIGH, freed.level) +
			rng_below(&s->t->rng, level_size(freed.level) / SZ_2M) * SZ_2M;

	st->scene = s;
	st->what = "below a freed table";
	st->access = a;
	st->nr = STREAM_MAX_TARGETS / 2;
	st->nr_states = NR_STATES;
	st->change = change;
	st->settled = settled;
	st->fenced = 1u << UNLINKED;
	st->flushed = 1u << LINKED;
	st->fences = (FENCES_RFENCE | FENCES_IPI) & FENCES_ANY_VA;
	st->at = (struct fence_at){.va = start,
				   .start = align_down(start, level_size(freed.level)),
				   .size = level_size(freed.level),
				   .asid = s->asid};
	st->slot = scene_slot(s, start, freed.level);
	for (unsigned i = 0; i < st->nr; i++) {
		struct page p = scene_new_page(s);

		/* Entries with and without A and D of the poison, all over the table. */
		st->va[i] =
			start + (i * PT_ENTRIES / st->nr + rng_below(&s->t->rng, 8)) * PAGE_SIZE;
		st->sees[LINKED][i] = p;
		st->sees[UNLINKED][i] = st->sees[USED_AGAIN][i] = PAGE_FAULT;
		freed.kept[i] = pte_leaf(p.pa, SCENE_RWX).raw;
		freed.kept_at[i] = scene_slot(s, st->va[i], 0);
		scene_store(freed.kept_at[i], freed.kept[i]);
	}
	st->pte[LINKED] = *st->slot;
	for (unsigned l = 0; l < freed.level; l++) {
		uint64_t *up = scene_slot(s, start, l + 1);

		freed.table[l] = pte_pa((pte_t){*up});
	}
	freed.canary = scene_new_page(s).pa;
	for (unsigned l = 0; l < freed.level; l++) {
		freed.trap_table[l] = scene_table(s);
		fill(freed.trap_table[l], l);
	}
}

struct freed_case {
	unsigned level;
	enum access access;
};

static void run(struct test_run *t)
{
	const struct freed_case *c = t->test->arg;
	struct scene *s = scene_open(t);
	uint32_t fences = FENCES_RFENCE | FENCES_IPI;

	memset(&freed, 0, sizeof(freed));
	freed.t = t;
	freed.level = c->level;
	if (c->level >= s->pt.mode->levels) {
		test_skip(t, "%s has no tables for %s", s->pt.mode->name, level_name(c->level));
		scene_close();
		return;
	}
	build(s, c->access);
	stream_run(t, &freed.st, fences);
	if (freed.marked != 0)
		test_fail(t, EVIDENCE_PROBE,
			  "%u entries of a table that nobody may walk any more were written",
			  freed.marked);
	scene_close();
}

#define ROW(size, level, kind, a)                                                                  \
	TEST_ROW(race, freed_table_##size##_##kind, "freed_table." #size "." #kind, run,           \
		 .needs = NEEDS_SMP | NEEDS_RFENCE, .timeout_ms = 60000, .machine = true,          \
		 .clause = CLAUSE, .arg = &(const struct freed_case){level, a})
#define ROWS(size, level)                                                                          \
	ROW(size, level, load, ACCESS_LOAD)                                                        \
	ROW(size, level, store, ACCESS_STORE)                                                      \
	ROW(size, level, fetch, ACCESS_FETCH)
ROWS(2m, LEVEL_2M)
ROWS(1g, LEVEL_1G)
ROWS(512g, LEVEL_512G)

/* ---- A leaf that is remapped while others miss on it and on its neighbours */

static struct stream leaf;

static void remap(unsigned to)
{
	scene_store(leaf.slot, leaf.pte[to]);
}

struct leaf_case {
	enum access access;
	uint32_t fences;
};

static void stream(struct test_run *t)
{
	const struct leaf_case *c = t->test->arg;
	struct scene *s = scene_open(t);

	memset(&leaf, 0, sizeof(leaf));
	leaf.scene = s;
	leaf.what = "a page that another hart remaps";
	leaf.access = c->access;
	leaf.nr = 4;
	leaf.nr_states = 2;
	leaf.va[0] = scene_va(s, HALF_LOW, 1) + rng_below(&t->rng, PT_ENTRIES - 4) * PAGE_SIZE;
	/* The neighbours stay: their walks end in the same line, and must not be taken for it. */
	for (unsigned i = 0; i < leaf.nr; i++) {
		leaf.va[i] = leaf.va[0] + i * PAGE_SIZE;
		leaf.sees[0][i] = leaf.sees[1][i] = scene_new_page(s);
		if (i == 0)
			leaf.sees[1][0] = scene_new_page(s);
		scene_store(scene_slot(s, leaf.va[i], 0),
			    pte_leaf(leaf.sees[0][i].pa, SCENE_RWX).raw);
	}
	leaf.slot = scene_slot(s, leaf.va[0], 0);
	for (unsigned i = 0; i < 2; i++)
		leaf.pte[i] = pte_leaf(leaf.sees[i][0].pa, SCENE_RWX).raw;
	leaf.change = remap;
	leaf.fenced = 3;
	leaf.at = (struct fence_at){leaf.va[0], leaf.va[0], PAGE_SIZE, s->asid, NULL};
	leaf.fences = FENCES_RFENCE | FENCES_IPI;
	stream_run(t, &leaf, c->fences);
	scene_close();
}

#define STREAM(kind, a)                                                                            \
	TEST_ROW(race, stream_rfence_##kind, "stream_rfence.4k." #kind, stream,                    \
		 .needs = NEEDS_SMP | NEEDS_RFENCE, .timeout_ms = 60000, .machine = true,          \
		 .clause = CLAUSE, .arg = &(const struct leaf_case){a, FENCES_RFENCE})             \
	TEST_ROW(race, stream_ipi_##kind, "stream_ipi.4k." #kind, stream, .needs = NEEDS_SMP,      \
		 .timeout_ms = 60000, .machine = true, .clause = CLAUSE,                           \
		 .arg = &(const struct leaf_case){a, FENCES_IPI})
STREAM(load, ACCESS_LOAD)
STREAM(store, ACCESS_STORE)
