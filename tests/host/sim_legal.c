/* SPDX-License-Identifier: BSD-2-Clause */
/* The legal set: see sim_legal.h. */
#include "tests/host/sim_legal.h"

#include <stdlib.h>
#include <string.h>

#define TABLES_PA UINT64_C(0x90000000)
#define V 0x01
#define R 0x02
#define W 0x04
#define X 0x08
#define U 0x10
#define G 0x20
#define A 0x40
#define D 0x80
#define N (UINT64_C(1) << 63)
#define PBMT(v) ((v) >> 61 & 3)
#define RESERVED(v) ((v) >> 54 & 0x7f)
#define PPN(v) ((v) >> 10 & ((UINT64_C(1) << 44) - 1))

#define MAX_LIVES 48
#define MAX_FENCES 4096

/* One value of an entry, from its store to the store of the next. */
struct life {
	uint64_t value, start, end; /* end: UINT64_MAX for the one that is there now */
};

struct slot {
	unsigned nr;
	struct life life[MAX_LIVES];
};

/* Entries that are never stored to have no slot; 0 is what they hold. */
static struct slot *slots[5][LEGAL_TABLES][512];

struct fence {
	uint64_t vpn, at;
	uint32_t asid;
};

static struct fence fences[MAX_FENCES];
static unsigned nr_fences;
static uint64_t all_at;		      /* the last fence of everything */
static uint64_t asid_at[LEGAL_ROOTS]; /* of one ASID, all addresses */
static uint32_t asids[LEGAL_ROOTS];
static uint64_t now;

uint64_t legal_table_pa(unsigned level, unsigned nr)
{
	return TABLES_PA + (level * LEGAL_TABLES + nr) * UINT64_C(4096);
}

uint64_t legal_now(void)
{
	return ++now;
}

void legal_reset(const uint32_t new_asids[static LEGAL_ROOTS])
{
	for (unsigned l = 0; l < 5; l++) {
		for (unsigned t = 0; t < LEGAL_TABLES; t++) {
			for (unsigned i = 0; i < 512; i++) {
				free(slots[l][t][i]);
				slots[l][t][i] = NULL;
			}
		}
	}
	memcpy(asids, new_asids, sizeof(asids));
	memset(asid_at, 0, sizeof(asid_at));
	nr_fences = 0;
	all_at = ++now;
}

/* Lives that ended before everything was fenced are no longer of interest. */
static void prune(struct slot *s)
{
	unsigned to = 0;

	for (unsigned i = 0; i < s->nr; i++) {
		if (s->life[i].end > all_at)
			s->life[to++] = s->life[i];
	}
	s->nr = to;
}

void legal_store(unsigned level, unsigned nr, unsigned index, uint64_t value)
{
	struct slot **p = &slots[level][nr][index];
	struct slot *s = *p;

	if (s == NULL) {
		s = *p = calloc(1, sizeof(*s));
		if (s == NULL)
			abort();
		s->life[s->nr++] = (struct life){0, 0, UINT64_MAX};
	}
	s->life[s->nr - 1].end = ++now;
	prune(s);
	if (s->nr == MAX_LIVES)
		abort(); /* the test fences everything often enough */
	s->life[s->nr++] = (struct life){value, now, UINT64_MAX};
}

uint64_t legal_value(unsigned level, unsigned nr, unsigned index)
{
	const struct slot *s = slots[level][nr][index];

	return s == NULL ? 0 : s->life[s->nr - 1].value;
}

void legal_fence(bool all_va, uint64_t vpn, uint32_t asid, uint64_t at)
{
	if (all_va && asid == LEGAL_ALL_ASIDS) {
		all_at = at > all_at ? at : all_at;
		nr_fences = 0;
		return;
	}
	if (all_va) {
		for (unsigned i = 0; i < LEGAL_ROOTS; i++) {
			if (asids[i] == asid && at > asid_at[i])
				asid_at[i] = at;
		}
		return;
	}
	if (nr_fences == MAX_FENCES)
		abort();
	fences[nr_fences++] = (struct fence){vpn, at, asid};
}

struct query {
	const struct legal_context *c;
	uint64_t va, pa;
	enum legal_access access;
	unsigned owner; /* the root that the walk began at */
	bool now_only;
};

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/*
 * The last moment at which a fence reached a leaf of pages [first, last], held for the owner's
 * ASID, or global.
 */
static uint64_t leaf_fenced_at(const struct query *q, uint64_t first, uint64_t last, bool global)
{
	uint64_t at = all_at;

	if (!global)
		at = later(at, asid_at[q->owner]);
	for (unsigned i = 0; i < nr_fences; i++) {
		const struct fence *f = &fences[i];
		bool same = f->asid == LEGAL_ALL_ASIDS || (!global && f->asid == asids[q->owner]);

		if (same && f->vpn >= first && f->vpn <= last)
			at = later(at, f->at);
	}
	return at;
}

static bool is_pointer(uint64_t v)
{
	return (v & (V | R | W | X)) == V;
}

/* Does an entry with these bits exist at all? Leaves and pointers alike. */
static bool well_formed(const struct legal_context *c, uint64_t v)
{
	return (v & V) != 0 && ((v & W) == 0 || (v & R) != 0) && RESERVED(v) == 0 &&
	       (c->svpbmt ? PBMT(v) != 3 : PBMT(v) == 0) && ((v & N) == 0 || c->svnapot);
}

static bool good_pointer(const struct legal_context *c, uint64_t v)
{
	return well_formed(c, v) && is_pointer(v) && (v & (A | D | U | N)) == 0 && PBMT(v) == 0;
}

/* Where leaf @v of @level takes the access; LEGAL_FAULT if it does not. */
static uint64_t through_leaf(const struct query *q, uint64_t v, unsigned level)
{
	const struct legal_context *c = q->c;
	unsigned bits = 12 + 9 * level;
	uint64_t base = PPN(v) << 12;
	bool right;

	if (!well_formed(c, v) || is_pointer(v))
		return LEGAL_FAULT;
	if ((v & N) != 0) {
		if (level != 0 || (PPN(v) & 15) != 8)
			return LEGAL_FAULT;
		bits = 16;
		base &= ~UINT64_C(0xffff);
	}
	if ((base & ((UINT64_C(1) << bits) - 1)) != 0)
		return LEGAL_FAULT;
	if (q->access == LEGAL_FETCH)
		right = (v & X) != 0;
	else if (q->access == LEGAL_STORE)
		right = (v & W) != 0;
	else
		right = (v & R) != 0 || (c->mxr && (v & X) != 0);
	if (c->user)
		right = right && (v & U) != 0;
	else if ((v & U) != 0)
		right = right && c->sum && q->access != LEGAL_FETCH;
	if (!c->sets_ad && ((v & A) == 0 || (q->access == LEGAL_STORE && (v & D) == 0)))
		right = false;
	return right ? base | (q->va & ((UINT64_C(1) << bits) - 1)) : LEGAL_FAULT;
}

/*
 * What is known of the way down to a table: is it global, and until when could it be used? A
 * pointer that is not global ends with the last fence of its ASID if it was gone by then; a global
 * entry that was read through it before stays.
 */
struct way {
	bool global;
	uint64_t until;
};

static bool search(const struct query *q, unsigned level, unsigned nr, struct way way);

/* @way, one pointer further. False if that pointer cannot have been read, or is forgotten. */
static bool follow(const struct query *q, const struct life *life, bool global, struct way *way)
{
	uint64_t fenced = asid_at[q->owner];
	bool read = life->start < way->until && life->end > all_at;

	way->global = global;
	if (global)
		way->until = UINT64_MAX;
	else if (life->end <= fenced)
		way->until = fenced < way->until ? fenced : way->until;
	return read && way->until > all_at;
}

/* One value that entry @index of that table has, or had. */
static bool try_life(const struct query *q, unsigned level, unsigned index, const struct life *life,
		     struct way way)
{
	uint64_t vpn = q->va >> 12;
	uint64_t v = life->value;
	uint64_t first = vpn >> 9 * level << 9 * level;
	uint64_t last = first + ((UINT64_C(1) << 9 * level) - 1);
	bool foreign = index != (vpn >> 9 * level & 511);
	bool global = way.global || (v & (V | G)) == (V | G);
	uint64_t fenced;

	if (q->now_only && life->end != UINT64_MAX)
		return false;
	if (level > 0 && good_pointer(q->c, v)) {
		uint64_t off = (PPN(v) << 12) - legal_table_pa(level - 1, 0);

		return follow(q, life, global, &way) && off / 4096 < LEGAL_TABLES &&
		       search(q, level - 1, (unsigned)(off / 4096), way);
	}
	/* An entry of another page of the same 64 KiB counts if it is a NAPOT leaf. */
	if (foreign && ((v & N) == 0 || !q->c->svnapot || !well_formed(q->c, v) || is_pointer(v) ||
			(PPN(v) & 15) != 8))
		return false;
	/* What is not global is for its own address space alone. */
	if (!global && q->owner != q->c->root)
		return false;
	fenced = leaf_fenced_at(q, first, last, global);
	return life->end > fenced && way.until > fenced && life->start < way.until &&
	       through_leaf(q, v, level) == q->pa;
}

/* Some way from table @nr of @level to q->pa? */
static bool search(const struct query *q, unsigned level, unsigned nr, struct way way)
{
	static const struct slot empty = {1, {{0, 0, UINT64_MAX}}};
	unsigned index = (unsigned)(q->va >> (12 + 9 * level) & 511);
	unsigned first = level == 0 && !q->now_only ? index & ~15U : index;
	unsigned last = level == 0 && !q->now_only ? index | 15U : index;

	for (unsigned i = first; i <= last; i++) {
		const struct slot *s = slots[level][nr][i];

		if (s == NULL)
			s = &empty;
		for (unsigned k = 0; k < s->nr; k++) {
			if (try_life(q, level, i, &s->life[k], way))
				return true;
		}
	}
	return false;
}

bool legal_outcome(const struct legal_context *c, uint64_t va, enum legal_access a, uint64_t pa,
		   bool *current)
{
	struct query q = {.c = c, .va = va, .pa = pa, .access = a, .owner = c->root};
	unsigned bits = 12 + 9 * c->levels;

	const struct way start = {false, UINT64_MAX};

	*current = true;
	if ((uint64_t)((int64_t)(va << (64 - bits)) >> (64 - bits)) != va)
		return pa == LEGAL_FAULT;
	q.now_only = true;
	if (search(&q, c->levels - 1, c->root, start))
		return true;
	*current = false;
	q.now_only = false;
	for (q.owner = 0; q.owner < LEGAL_ROOTS; q.owner++) {
		if (search(&q, c->levels - 1, q.owner, start))
			return true;
	}
	return false;
}
