/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Map, unmap, protect and split against a flat reference, in tables of their own, in all modes and
 * at several scales; every allocation made to fail in turn.
 */
#include <stdlib.h>
#include <string.h>

#include "mm/audit.h"
#include "mm/map.h"
#include "mm/shadow.h"
#include "tests/host/arch_sim_rig.h"
#include "tests/host/tap.h"

#define UNITS 1536u
#define MAX_EXTENTS 4096u
#define NONE UINT64_MAX

/* What each unit of a stretch of addresses should translate to. */
struct reference {
	vaddr_t va;
	uint64_t unit; /* bytes */
	paddr_t pa[UNITS];
	uint64_t prot[UNITS];
};

struct params {
	struct rig rig;
	unsigned scale; /* level whose leaf is a unit */
	unsigned steps;
};

static struct reference ref;
static struct extent extents[MAX_EXTENTS];
static struct shadow shadow;
static struct ptable pt;

static void ref_set(unsigned first, unsigned n, paddr_t pa, uint64_t prot)
{
	for (unsigned i = first; i < first + n; i++) {
		ref.pa[i] = pa == NONE ? NONE : pa + (i - first) * ref.unit;
		ref.prot[i] = prot;
	}
}

static bool ref_any(unsigned first, unsigned n, bool mapped)
{
	for (unsigned i = first; i < first + n; i++) {
		if ((ref.pa[i] != NONE) == mapped)
			return true;
	}
	return false;
}

/* The first and the last page of each unit; in between leaves are whole by the audit. */
static void compare(const char *when)
{
	rig_check_table(&pt, when);
	for (unsigned i = 0; i < UNITS && rig_failures() == 0; i++) {
		for (unsigned last = 0; last < 2; last++) {
			uint64_t off = last != 0 ? ref.unit - PAGE_SIZE : 0;
			struct pt_lookup l = pt_lookup(&pt, ref.va + i * ref.unit + off);

			CHECK(l.mapped == (ref.pa[i] != NONE), "%s: unit %u is %smapped", when, i,
			      l.mapped ? "" : "not ");
			CHECK(!l.mapped || ref.pa[i] == NONE ||
				      (l.pa == ref.pa[i] + off && pte_prot(l.leaf) == ref.prot[i]),
			      "%s: unit %u leads to 0x%llx, due 0x%llx", when, i,
			      (unsigned long long)l.pa, (unsigned long long)ref.pa[i]);
		}
	}
}

enum what { MAP, UNMAP, PROTECT };

struct op {
	enum what what;
	unsigned first, n;
	paddr_t pa;
	uint64_t prot;
	unsigned max_level;
	unsigned flags;
};

static enum err run(struct pt_batch *b, const struct op *o)
{
	vaddr_t va = ref.va + o->first * ref.unit;
	uint64_t size = o->n * ref.unit;

	switch (o->what) {
	case MAP:
		return pt_map(b, va, o->pa, size, o->prot, o->max_level);
	case UNMAP:
		return pt_unmap(b, va, size, o->flags);
	default:
		return pt_protect(b, va, size, o->prot, o->flags);
	}
}

static bool inside_leaf(vaddr_t va)
{
	struct pt_lookup l = pt_lookup(&pt, va);

	return l.mapped && !is_aligned(va, level_size(l.level));
}

static enum err due(const struct op *o)
{
	vaddr_t va = ref.va + o->first * ref.unit;

	if (o->what == MAP)
		return ref_any(o->first, o->n, true) ? ERR_EXIST : OK;
	if ((o->flags & PT_HOLES_OK) == 0 && ref_any(o->first, o->n, false))
		return ERR_NOENT;
	if ((o->flags & PT_SPLIT) == 0 && (inside_leaf(va) || inside_leaf(va + o->n * ref.unit)))
		return ERR_SPLIT;
	return OK;
}

static void ref_run(const struct op *o)
{
	switch (o->what) {
	case MAP:
		ref_set(o->first, o->n, o->pa, o->prot);
		break;
	case UNMAP:
		ref_set(o->first, o->n, NONE, 0);
		break;
	case PROTECT:
		for (unsigned i = o->first; i < o->first + o->n; i++)
			ref.prot[i] = o->prot;
	}
}

static struct op random_op(unsigned scale)
{
	static const uint64_t prots[] = {PROT_RW, PROT_RO, PROT_RX, PROT_RWX};
	bool large = sim_below(3) == 0;
	uint64_t align = large ? PT_ENTRIES : 1;
	struct op o = {.what = (enum what)sim_below(3)};

	o.first = (unsigned)align_down(sim_below(UNITS), align);
	o.n = (unsigned)(align * (1 + sim_below(large ? 2 : 60)));
	if (o.n > UNITS - o.first)
		o.n = UNITS - o.first;
	/* Often congruent with the address, so that leaves larger than a unit fit. */
	o.pa = sim_below(16) * PT_ENTRIES * ref.unit + (ref.va & (PT_ENTRIES * ref.unit - 1)) +
	       (sim_below(3) != 0 ? o.first : sim_below(PT_ENTRIES)) * ref.unit;
	o.prot = prots[sim_below(ARRAY_LEN(prots))];
	o.max_level = (unsigned)sim_below(mode_max_leaf(pt.mode) + 1);
	if (o.max_level < scale)
		o.max_level = scale;
	o.flags = (unsigned)sim_below(4);
	if (o.pa >> 55 != 0)
		o.pa = 0;
	return o;
}

/* Every allocation fails in turn: nothing happened then, until the last, when it did. */
static enum err run_with_failures(const struct op *o, const char *when)
{
	for (unsigned k = 1;; k++) {
		struct rig_accounts before = rig_accounts();
		uint64_t tables = pt.nr_tables;
		struct pt_batch b;
		enum err err;

		REQUIRE(k < 200, "%s: it never ends", when);
		pt_begin(&b, &pt);
		frame_fail_at(k);
		err = run(&b, o);
		frame_fail_at(0);
		CHECK_ERR(pt_commit(&b), OK);
		if (err != ERR_NOMEM)
			return err;
		CHECK(pt.nr_tables == tables, "%s: k=%u: %llu tables, were %llu", when, k,
		      (unsigned long long)pt.nr_tables, (unsigned long long)tables);
		rig_check_accounts(&before, when);
		compare(when);
		REQUIRE(rig_failures() == 0, "%s: k=%u: not undone", when, k);
	}
}

static void create(const struct mmu_mode *mode, unsigned scale)
{
	/* Across an edge of the table above, and of the next one. */
	unsigned above = scale + 2 < mode->levels ? scale + 2 : mode->levels - 1;

	REQUIRE_OK(pt_create(&pt, "own", mode));
	shadow_init(&shadow, extents, MAX_EXTENTS);
	pt.shadow = &shadow;
	ref.unit = level_size(scale);
	ref.va = mode->direct.start + level_size(above) - UNITS / 2 * ref.unit;
	ref.va = align_down(ref.va, PT_ENTRIES * ref.unit);
	ref_set(0, UNITS, NONE, 0);
}

static void destroy(void)
{
	struct pt_batch b;

	pt_begin(&b, &pt);
	REQUIRE_OK(pt_unmap(&b, ref.va, UNITS * ref.unit, PT_HOLES_OK));
	REQUIRE_OK(pt_commit(&b));
	CHECK(pt.nr_tables == 1, "%llu tables left", (unsigned long long)pt.nr_tables);
	CHECK(shadow.nr == 0, "%u extents left", shadow.nr);
	pt_destroy(&pt);
}

static void random_ops(const void *arg)
{
	const struct params *p = arg;
	struct rig_accounts before;

	rig_boot(&p->rig);
	before = rig_accounts();
	create(p->rig.mode, p->scale);
	for (unsigned step = 0; step < p->steps && rig_failures() == 0; step++) {
		struct op o = random_op(p->scale);
		enum err want = due(&o);
		char when[96];
		enum err err;

		snprintf(when, sizeof(when), "step %u: op %d %u+%u flags %u pa 0x%llx max %u", step,
			 (int)o.what, o.first, o.n, o.flags, (unsigned long long)o.pa, o.max_level);
		err = run_with_failures(&o, when);
		CHECK(err == want, "%s: %s, due %s", when, err_name(err), err_name(want));
		if (err == OK)
			ref_run(&o);
		compare(when);
	}
	destroy();
	rig_check_accounts(&before, "at the end");
	rig_check_silent("at the end");
}

/* Several operations in one batch, errors among them, and one commit. */
static void batches(const void *arg)
{
	const struct params *p = arg;
	struct rig_accounts before;

	rig_boot(&p->rig);
	before = rig_accounts();
	create(p->rig.mode, p->scale);
	for (unsigned step = 0; step < p->steps && rig_failures() == 0; step++) {
		struct pt_batch b;

		pt_begin(&b, &pt);
		for (uint64_t i = sim_below(8); i > 0; i--) {
			struct op o = random_op(p->scale);
			enum err want = due(&o);
			enum err err;

			frame_fail_at(sim_below(4) == 0 ? 1 + sim_below(4) : 0);
			err = run(&b, &o);
			frame_fail_at(0);
			CHECK(err == want || err == ERR_NOMEM, "%s, due %s", err_name(err),
			      err_name(want));
			if (err == OK)
				ref_run(&o);
		}
		CHECK_ERR(pt_commit(&b), OK);
		compare("batch");
	}
	destroy();
	rig_check_accounts(&before, "at the end");
}

/* Two tables where one would do, none that nobody asked for: table pages are the minimum. */
static void minimum(const void *arg)
{
	const struct params *p = arg;
	unsigned levels = p->rig.mode->levels;
	vaddr_t va;

	rig_boot(&p->rig);
	for (unsigned level = 0; level <= mode_max_leaf(p->rig.mode); level++) {
		struct pt_batch b;

		create(p->rig.mode, 0);
		va = p->rig.mode->direct.start;
		pt_begin(&b, &pt);
		REQUIRE_OK(pt_map(&b, va, 0, level_size(level), PROT_RW, level));
		CHECK(pt.nr_tables == levels - level, "level %u took %llu tables", level,
		      (unsigned long long)pt.nr_tables);
		REQUIRE_OK(pt_unmap(&b, va, level_size(level), 0));
		REQUIRE_OK(pt_commit(&b));
		CHECK(pt.nr_tables == 1, "level %u left %llu tables", level,
		      (unsigned long long)pt.nr_tables);
		destroy();
	}
}

static void bad_arguments(const void *arg)
{
	const struct params *p = arg;
	const struct mmu_mode *mode = p->rig.mode;
	vaddr_t va = mode->direct.start;
	vaddr_t low_end = UINT64_C(1) << (mode->va_bits - 1);
	const struct {
		vaddr_t va;
		paddr_t pa;
		uint64_t size;
		uint64_t prot;
		unsigned max_level;
		enum err due;
	} rows[] = {
		{va, 0, 0, PROT_RW, 1, ERR_INVAL},
		{va | 1, 0, PAGE_SIZE, PROT_RW, 1, ERR_INVAL},
		{va, 8, PAGE_SIZE, PROT_RW, 1, ERR_INVAL},
		{va, 0, PAGE_SIZE + 8, PROT_RW, 1, ERR_INVAL},
		{va, 0, PAGE_SIZE, PROT_RW, mode->levels - 1, ERR_INVAL},
		{va, UINT64_C(1) << PA_BITS, PAGE_SIZE, PROT_RW, 0, ERR_RANGE},
		{va, (UINT64_C(1) << PA_BITS) - PAGE_SIZE, 2 * PAGE_SIZE, PROT_RW, 0, ERR_RANGE},
		{va, 0 - PAGE_SIZE, 2 * PAGE_SIZE, PROT_RW, 0, ERR_RANGE},
		{low_end, 0, PAGE_SIZE, PROT_RW, 0, ERR_RANGE},
		{low_end - PAGE_SIZE, 0, 2 * PAGE_SIZE, PROT_RW, 0, ERR_RANGE},
		{low_end - PAGE_SIZE, 0, 0 - 2 * low_end + 2 * PAGE_SIZE, PROT_RW, 0, ERR_RANGE},
		{0 - PAGE_SIZE, 0, 2 * PAGE_SIZE, PROT_RW, 0, ERR_RANGE},
		{va, 0, 0 - PAGE_SIZE, PROT_RW, 0, ERR_RANGE},
		/* Not leaves at all, or reserved (Privileged ISA, table of R W X). */
		{va, 0, PAGE_SIZE, PTE_G | PTE_A | PTE_D, 0, ERR_INVAL},
		{va, 0, PAGE_SIZE, PTE_W | PTE_A | PTE_D, 0, ERR_INVAL},
		{0 - PAGE_SIZE, 0, PAGE_SIZE, PROT_RW, 0, OK},
		{low_end - PAGE_SIZE, 0, PAGE_SIZE, PROT_RW, 0, OK},
		{0, 0, PAGE_SIZE, PROT_RW, 0, OK},
	};

	rig_boot(&p->rig);
	create(mode, 0);
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct pt_batch b;
		enum err err;

		pt_begin(&b, &pt);
		err = pt_map(&b, rows[i].va, rows[i].pa, rows[i].size, rows[i].prot,
			     rows[i].max_level);
		CHECK(err == rows[i].due, "row %u: %s, due %s", i, err_name(err),
		      err_name(rows[i].due));
		CHECK((pt.nr_tables == 1) == (err != OK), "row %u: %llu tables", i,
		      (unsigned long long)pt.nr_tables);
		if (err == OK) {
			rig_check_table(&pt, "mapped");
			CHECK_ERR(pt_unmap(&b, rows[i].va, rows[i].size, 0), OK);
		}
		CHECK_ERR(pt_commit(&b), OK);
		CHECK(pt.nr_tables == 1, "row %u: %llu tables left", i,
		      (unsigned long long)pt.nr_tables);
	}
	destroy();
}

/* Tables that were made ahead stay; what is mapped there has smaller leaves, and goes as it came.
 */
static void populated(const void *arg)
{
	const struct params *p = arg;
	vaddr_t va = p->rig.mode->direct.start;
	struct rig_accounts before;
	struct pt_batch b;

	rig_boot(&p->rig);
	before = rig_accounts();
	REQUIRE_OK(pt_create(&pt, "own", p->rig.mode));
	REQUIRE_OK(pt_populate(&pt, va, 0));
	CHECK(pt.nr_tables == p->rig.mode->levels, "%llu tables", (unsigned long long)pt.nr_tables);
	pt_begin(&b, &pt);
	CHECK_ERR(pt_map(&b, va, SZ_2M, 2 * SZ_2M, PROT_RW, 1), OK);
	CHECK_ERR(pt_commit(&b), OK);
	rig_check_table(&pt, "mapped over an empty table");
	for (uint64_t off = 0; off < 2 * SZ_2M; off += PAGE_SIZE) {
		struct pt_lookup l = pt_lookup(&pt, va + off);

		CHECK(l.mapped && l.pa == SZ_2M + off && l.level == (off < SZ_2M ? 0 : 1),
		      "0x%llx leads to 0x%llx", (unsigned long long)off, (unsigned long long)l.pa);
	}
	pt_begin(&b, &pt);
	CHECK_ERR(pt_unmap(&b, va, 2 * SZ_2M, 0), OK);
	CHECK_ERR(pt_commit(&b), OK);
	CHECK(pt.nr_tables == 1, "%llu tables left", (unsigned long long)pt.nr_tables);
	if (rig_failures() == 0)
		pt_destroy(&pt);
	rig_check_accounts(&before, "at the end");
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;

	for (unsigned m = 0; m < ARRAY_LEN(mmu_modes); m++) {
		struct params p = {.rig = {.mode = &mmu_modes[m], .seed = seed}};
		const char *name = p.rig.mode->name;

		for (p.scale = 0; p.scale <= mode_max_leaf(p.rig.mode); p.scale++) {
			p.steps = 120;
			tap_ok(rig_run(random_ops, &p), "%s: random, units of level %u", name,
			       p.scale);
			p.steps = 60;
			tap_ok(rig_run(batches, &p), "%s: batches, units of level %u", name,
			       p.scale);
		}
		tap_ok(rig_run(minimum, &p), "%s: table pages are the minimum", name);
		tap_ok(rig_run(bad_arguments, &p), "%s: bad arguments", name);
		tap_ok(rig_run(populated, &p), "%s: tables made ahead", name);
	}
	return tap_done();
}
