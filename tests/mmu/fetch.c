/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fetch.*: what fetches hold on to and data accesses do not: instructions behind the fence that
 * were fetched before it, the second half of an instruction, rights of the other side.
 * No FENCE.I is due anywhere: frames are written before scene_enter() and never again.
 */
#include <string.h>

#include "firmware/arch.h"
#include "firmware/fence.h"
#include "mm/fault.h"
#include "tests/mmu/look.h"
#include "tests/mmu/remote.h"
#include "tests/mmu/seq.h"
#include "tests/mmu/stim.h"
#include "tests/mmu/stream.h"

#define CLAUSE                                                                                     \
	"Privileged ISA, SFENCE.VMA: implicit references by subsequent instructions see the "      \
	"stores before it"

/* However large repeat= is: the deadline of a test stays what it is. */
#define MAX_REPEAT 2000

/* ---- An instruction whose second half lies on the next page */

/* Behind this offset: lui a0, tag; addiw a0, a0, id; addi a0, a0, id: the last one crosses. */
#define STRADDLE_AT 0xff6u

struct straddle_case {
	bool first; /* the page of the first half is remapped, not that of the second */
	bool unmap; /* it becomes invalid */
	bool remote;
};

static void put16(const struct page *p, uint64_t offset, uint32_t value)
{
	*(volatile uint16_t *)((char *)page_ptr(p, 0) + offset) = (uint16_t)value;
}

static void put32(const struct page *p, uint64_t offset, uint32_t value)
{
	put16(p, offset, value);
	put16(p, offset + 2, value >> 16);
}

#define LUI_A0 0x00000537u
#define ADDIW_A0_A0 0x0005051bu
#define ADDI_A0_A0 0x00050513u
#define C_RET 0x8082u
#define IMM_12 20

/* A page that ends in the first half; @id is what it adds. */
static void write_first(const struct page *p, uint32_t id)
{
	put32(p, STRADDLE_AT, LUI_A0 | (uint32_t)(page_stub_value(p) & ~UINT64_C(0xfff)));
	put32(p, STRADDLE_AT + 4, ADDIW_A0_A0 | id << IMM_12);
	put16(p, STRADDLE_AT + 8, ADDI_A0_A0);
}

/* A page that begins with the second half. */
static void write_second(const struct page *p, uint32_t id)
{
	put16(p, 0, (ADDI_A0_A0 | id << IMM_12) >> 16);
	put16(p, 2, C_RET);
}

static void build_straddle(struct scene *s, const struct straddle_case *c, enum half half,
			   struct stim *st)
{
	vaddr_t first = scene_va(s, half, 1) + rng_below(&s->t->rng, PT_ENTRIES - 1) * PAGE_SIZE;
	vaddr_t changed = c->first ? first : first + PAGE_SIZE;
	struct page stays = scene_new_page(s), was = scene_new_page(s), is = scene_new_page(s);
	struct target *at = &st->at[0];

	memset(st, 0, sizeof(*st));
	st->scene = s;
	st->what = c->first ? "first half of an instruction" : "second half of an instruction";
	st->half = half;
	st->access = ACCESS_FETCH;
	st->start = changed;
	st->size = PAGE_SIZE;
	st->fence_va = changed;
	if (fault_armed(FAULT_FETCH_FIRST))
		st->fence_va = first;
	st->fences = UINT32_MAX & ~FENCES_EACH;
	st->either_or = !c->unmap;
	/* Each page's number is all that its half adds: below 2048, as a signed immediate. */
	if (c->first) {
		write_first(&was, was.id);
		write_first(&is, is.id);
		write_second(&stays, 0);
	} else {
		write_first(&stays, 0);
		write_second(&was, was.id);
		write_second(&is, is.id);
	}
	at->va = first + STRADDLE_AT;
	at->was = was;
	at->is = c->unmap ? PAGE_FAULT : is;
	st->nr = 1;
	scene_store(scene_slot(s, c->first ? first + PAGE_SIZE : first, 0),
		    pte_leaf(stays.pa, SCENE_RWX).raw);
	st->nr_edits = 1;
	st->edit[0].slot = scene_slot(s, changed, 0);
	st->edit[0].was = pte_leaf(was.pa, SCENE_RWX).raw;
	st->edit[0].is = c->unmap ? 0 : pte_leaf(is.pa, SCENE_RWX).raw;
	scene_store(st->edit[0].slot, st->edit[0].was);
}

static void straddle(struct test_run *t)
{
	struct stim *st;
	const struct straddle_case *c = t->test->arg;
	struct scene *s = scene_open(t);

	st = stim_pool(s);
	for (unsigned h = 0; h < NR_HALVES; h++)
		build_straddle(s, c, (enum half)h, &st[h]);
	if (c->remote)
		stim_run_remote(t, st, NR_HALVES, FENCES_RFENCE | FENCES_IPI);
	else
		stim_run_local(t, st, NR_HALVES, FENCES_LOCAL);
	scene_close();
}

#define STRADDLE(ident, n, first, unmap)                                                           \
	TEST_ROW(fetch, straddle_##ident, "straddle." n ".4k", straddle, .machine = true,          \
		 .clause = CLAUSE, .arg = &(const struct straddle_case){first, unmap, false})      \
	TEST_ROW(fetch, straddle_##ident##_remote, "straddle_remote." n ".4k", straddle,           \
		 .needs = NEEDS_SMP | NEEDS_RFENCE, .timeout_ms = 60000, .machine = true,          \
		 .clause = CLAUSE, .arg = &(const struct straddle_case){first, unmap, true})
STRADDLE(second, "remap_second", false, false)
STRADDLE(first, "remap_first", true, false)
STRADDLE(unmap, "unmap_second", false, true)

/* ---- The instruction behind the fence lies on the page that is remapped */

/*
 * Instructions between the fence and the first one in which the pages differ. The last one is
 * farther than cores fetch ahead. A machine that is behind there too executes on from
 * the old page until it leaves it: emulators that translate whole blocks do, no kernel notices,
 * and the test is skipped with that reason. One that is behind near the fence only has kept what it
 * had fetched.
 */
static const unsigned distances[] = {0, 1, 4, 12, 128};
#define NR_DISTANCES ARRAY_LEN(distances)
#define FAR (NR_DISTANCES - 1)
#define PIECE_BYTES 96u
#define FENCE_BYTES (FAR * PIECE_BYTES + 544u) /* all pieces of one fence; without one: no far */

#define SD_A1_A0 0x00b53023u
#define NOP 0x00000013u
#define SFENCE(rs1, rs2) (0x12000073u | (rs1) << 15 | (rs2) << 20)
#define A2 12u
#define A3 13u

static const struct next_fence {
	enum fence fence;
	uint32_t insn;
} next_fences[] = {
	{FENCE_NONE, NOP},	     {FENCE_VA, SFENCE(A2, 0)}, {FENCE_VA_ASID, SFENCE(A2, A3)},
	{FENCE_ASID, SFENCE(0, A3)}, {FENCE_ALL, SFENCE(0, 0)},
};

static struct next_job {
	struct scene *s;
	const char *what;
	vaddr_t va; /* of the page with the code */
	vaddr_t start;
	uint64_t size;
	uint64_t *slot;
	uint64_t was, is;
	struct page old, new;
	unsigned repeat;
	struct rng rng;
	struct look *look;	       /* by hart */
	uint32_t far_stale[MAX_HARTS]; /* FENCE_BIT of those with old instructions at FAR */
} next;

static uint64_t piece_at(unsigned fence, unsigned distance)
{
	return (fence == 0 ? 0 : FAR * PIECE_BYTES + (fence - 1) * FENCE_BYTES) +
	       distance * PIECE_BYTES;
}

/* The same store, fence and NOPs on both pages; then the number of the page. */
static void write_pieces(const struct page *p)
{
	for (unsigned f = 0; f < ARRAY_LEN(next_fences); f++) {
		for (unsigned d = 0; d < (f == 0 ? FAR : NR_DISTANCES); d++) {
			uint64_t at = piece_at(f, d);

			put32(p, at, SD_A1_A0);
			put32(p, at += 4, next_fences[f].insn);
			for (unsigned i = 0; i < distances[d]; i++)
				put32(p, at += 4, NOP);
			probe_stub((char *)page_ptr(p, 0) + at + 4, (uint32_t)page_stub_value(p));
		}
	}
}

static void try_next(unsigned f, unsigned d)
{
	struct look *l = &next.look[arch_hart()];
	enum fence fence = next_fences[f].fence;
	struct fence_at at = {.va = next.va, .start = next.start, .size = next.size};
	struct probe old = look_value(page_stub_value(&next.old));
	struct probe fresh = look_value(page_stub_value(&next.new));
	struct probe seen;

	at.asid = next.s->asid;
	/* A seeded fault leaves the fence out: the piece that has none. */
	if (d != FAR && fence_insn(fence, &at).op == seq_fence_none)
		f = 0;
	seen = seq_call(next.va + piece_at(f, d), next.slot, next.is, next.va, at.asid);
	if (fence == FENCE_NONE) {
		l->control_tries++;
		l->control_stale += look_same(seen, old);
	} else {
		l->tries++;
	}
	if (d == FAR && look_same(seen, old))
		next.far_stale[arch_hart()] |= FENCE_BIT(fence);
	if (!look_same(seen, fresh) && (fence != FENCE_NONE || !look_same(seen, old)))
		look_bad(l, &(struct glance){.what = next.what,
					     .access = ACCESS_FETCH,
					     .va = next.va + piece_at(f, d) + 8,
					     .seen = seen,
					     .expected = fresh,
					     .old = look_same(seen, old),
					     .fence = fence,
					     .named = next.va,
					     .delay = distances[d],
					     .slot = next.slot,
					     .pte = next.is});
	scene_store(next.slot, next.was);
	raw_sfence_all();
}

static void next_job(void *arg)
{
	(void)arg;
	scene_enter(next.s);
	for (unsigned i = 0; i < next.repeat; i++) {
		for (unsigned f = 0; f < ARRAY_LEN(next_fences); f++) {
			for (unsigned d = 0; d < (f == 0 ? FAR : NR_DISTANCES); d++)
				try_next(f, d);
		}
	}
	scene_leave();
}

/* Old instructions far from each fence: see distances[]. */
static void excuse_blocks(struct test_run *t)
{
	hartset_for_each(h, &t->all) {
		struct look *l = &next.look[h];

		if (l->bad == 0 || l->other_bad || next.far_stale[h] != FENCES_LOCAL)
			continue;
		l->bad = 0;
		l->stale_fences = 0;
		test_skip(t, "behind each fence this machine executes on from the old page until "
			     "it leaves it");
	}
}

static void next_insn(struct test_run *t)
{
	unsigned level = *(const unsigned *)t->test->arg;
	struct scene *s = scene_open(t);
	uint64_t offset = rng_below(&t->rng, level_size(level) / PAGE_SIZE) * PAGE_SIZE;
	paddr_t was = scene_block(s, 9 * level), is = scene_block(s, 9 * level);

	memset(&next, 0, sizeof(next));
	next.s = s;
	next.look = look_pool();
	next.what = "the instruction behind the fence";
	next.start = scene_va(s, HALF_LOW, level);
	next.size = level_size(level);
	next.va = next.start + offset;
	next.old = scene_page(s, was + offset);
	next.new = scene_page(s, is + offset);
	write_pieces(&next.old);
	write_pieces(&next.new);
	next.slot = scene_slot(s, next.start, level);
	next.was = pte_leaf(was, SCENE_RWX).raw;
	next.is = pte_leaf(is, SCENE_RWX).raw;
	scene_store(next.slot, next.was);
	next.repeat = (unsigned)min_u64(stim_repeat(t), MAX_REPEAT);
	hartset_for_each(h, &t->all) {
		struct hartset one = hartset_of(h);

		test_on_harts(t, &one, next_job, NULL);
	}
	excuse_blocks(t);
	look_report(t, ACCESS_FETCH, s, &t->all, next.look);
	scene_close();
}

#define NEXT(size, level)                                                                          \
	TEST_ROW(fetch, next_##size, "next." #size, next_insn, .machine = true, .clause = CLAUSE,  \
		 .arg = &(const unsigned){level})
NEXT(4k, 0)
NEXT(2m, 1)

/* ---- Remapped while others execute there */

static struct stream loop;

static void remap_loop(unsigned to)
{
	scene_store(loop.slot, loop.pte[to]);
}

static void stream(struct test_run *t)
{
	struct scene *s = scene_open(t);
	unsigned level = 0;

	memset(&loop, 0, sizeof(loop));
	loop.scene = s;
	loop.what = "code that another hart remaps";
	loop.access = ACCESS_FETCH;
	loop.nr = 1;
	loop.va[0] = scene_va(s, HALF_HIGH, level);
	loop.nr_states = 2;
	loop.slot = scene_slot(s, loop.va[0], level);
	for (unsigned i = 0; i < loop.nr_states; i++) {
		loop.sees[i][0] = scene_new_page(s);
		loop.pte[i] = pte_leaf(loop.sees[i][0].pa, SCENE_RWX).raw;
	}
	loop.change = remap_loop;
	loop.fenced = 3;
	loop.at = (struct fence_at){loop.va[0], loop.va[0], PAGE_SIZE, s->asid, NULL};
	loop.fences = FENCES_RFENCE | FENCES_IPI;
	scene_store(loop.slot, loop.pte[0]);
	stream_run(t, &loop, *(const uint32_t *)t->test->arg);
	scene_close();
}

TEST_ROW(fetch, stream_rfence, "stream_rfence.4k", stream, .needs = NEEDS_SMP | NEEDS_RFENCE,
	 .timeout_ms = 60000, .machine = true, .clause = CLAUSE,
	 .arg = &(const uint32_t){FENCES_RFENCE})
TEST_ROW(fetch, stream_ipi, "stream_ipi.4k", stream, .needs = NEEDS_SMP, .timeout_ms = 60000,
	 .machine = true, .clause = CLAUSE, .arg = &(const uint32_t){FENCES_IPI})

/* ---- Rights of the other side */

enum right { RIGHT_X, RIGHT_R, RIGHT_RW, NR_RIGHTS };

static const struct {
	const char *name;
	uint64_t prot;
	bool may[NR_ACCESSES]; /* load, store, fetch */
} rights[NR_RIGHTS] = {
	[RIGHT_X] = {"X=1 R=0 W=0", PTE_X, {false, false, true}},
	[RIGHT_R] = {"X=0 R=1 W=0", PTE_R, {true, false, false}},
	[RIGHT_RW] = {"X=0 R=1 W=1", PTE_R | PTE_W, {true, true, false}},
};

static struct cross_job {
	struct scene *s;
	vaddr_t va;
	struct page page;
	uint64_t *slot;
	paddr_t block;
	unsigned repeat;
	struct look *look; /* by hart */
} cross;

static void cross_access(enum right r, enum access a, enum fence f)
{
	struct look *l = &cross.look[arch_hart()];
	vaddr_t va = cross.va + (a == ACCESS_FETCH ? 0 : PAGE_WORDS);
	uint64_t word = page_word(&cross.page, PAGE_WORDS);
	struct probe seen = probe_access(a, va, word);
	struct probe expected = look_fault(a);

	if (rights[r].may[a])
		expected = look_value(a == ACCESS_FETCH ? page_stub_value(&cross.page) : word);
	/* A store that is allowed has no value of its own. */
	if (a == ACCESS_STORE && !seen.trapped)
		seen.value = word;
	l->tries++;
	if (!look_same(seen, expected))
		look_bad(l, &(struct glance){.what = rights[r].name,
					     .access = a,
					     .va = va,
					     .seen = seen,
					     .expected = expected,
					     .fence = f,
					     .named = cross.va});
}

/* Each access warms the entry for the one behind it: all orders of three, twice. */
static void cross_rights(enum right r, enum fence f)
{
	static const enum access order[] = {ACCESS_LOAD,  ACCESS_FETCH, ACCESS_STORE, ACCESS_FETCH,
					    ACCESS_LOAD,  ACCESS_STORE, ACCESS_LOAD,  ACCESS_FETCH,
					    ACCESS_STORE, ACCESS_LOAD};
	struct fence_at at = {.va = cross.va, .asid = cross.s->asid};

	scene_store(cross.slot, pte_leaf(cross.block, rights[r].prot | PTE_A | PTE_D).raw);
	fence_here(f, &at);
	for (unsigned i = 0; i < ARRAY_LEN(order); i++)
		cross_access(r, order[i], f);
}

static void cross_job(void *arg)
{
	static const enum fence fences[] = {FENCE_ALL, FENCE_VA, FENCE_ASID, FENCE_VA_ASID};

	(void)arg;
	scene_enter(cross.s);
	for (unsigned i = 0; i < cross.repeat; i++) {
		for (unsigned r = 0; r < NR_RIGHTS; r++)
			cross_rights((enum right)((r + i) % NR_RIGHTS),
				     fences[i % ARRAY_LEN(fences)]);
	}
	scene_leave();
}

static void cross_use(struct test_run *t)
{
	unsigned level = *(const unsigned *)t->test->arg;
	struct scene *s = scene_open(t);
	uint64_t offset = rng_below(&t->rng, level_size(level) / PAGE_SIZE) * PAGE_SIZE;
	vaddr_t start = scene_va(s, HALF_LOW, level);

	memset(&cross, 0, sizeof(cross));
	cross.s = s;
	cross.look = look_pool();
	cross.block = scene_block(s, 9 * level);
	cross.va = start + offset;
	cross.page = scene_page(s, cross.block + offset);
	cross.slot = scene_slot(s, start, level);
	cross.repeat = (unsigned)min_u64(stim_repeat(t), MAX_REPEAT);
	hartset_for_each(h, &t->all) {
		struct hartset one = hartset_of(h);

		test_on_harts(t, &one, cross_job, NULL);
	}
	look_report(t, ACCESS_FETCH, s, &t->all, cross.look);
	scene_close();
}

#define CROSS(size, level)                                                                         \
	TEST_ROW(fetch, cross_##size, "cross." #size, cross_use, .machine = true,                  \
		 .clause =                                                                         \
			 "Privileged ISA, Sv39: a fetch needs X, a load R (MXR is 0), a store W: " \
			 "else a page fault",                                                      \
		 .arg = &(const unsigned){level})
CROSS(4k, 0)
CROSS(2m, 1)
