/* SPDX-License-Identifier: BSD-2-Clause */
/* actor.dump*: the whole kernel table is dumped while memory comes and goes. */
#include "mm/dump.h"

#include "firmware/console.h"
#include "mm/audit.h"
#include "mm/kernel.h"
#include "mm/shadow.h"
#include "tests/actors/pieces.h"

#define ROUNDS 24u

/* What one dump saw of each piece, and of its records. */
struct sight {
	uint64_t direct[PIECES], records[PIECES];
	bool elsewhere; /* a direct address that translates to another one */
};

static uint64_t common(vaddr_t a, uint64_t size, vaddr_t b, uint64_t bytes)
{
	vaddr_t start = max_u64(a, b);
	vaddr_t end = min_u64(a + size, b + bytes);

	return start < end ? end - start : 0;
}

static void see(void *arg, const struct dump_run *r)
{
	struct sight *s = arg;

	for (unsigned i = 0; i < PIECES; i++) {
		struct region p = pieces[i].phys;
		vaddr_t records = frame_record_va(p.start);
		uint64_t n = common(r->va, r->size, direct_va(p.start), p.size);

		s->direct[i] += n;
		if (n != 0 && r->pa - p.start != r->va - direct_va(p.start))
			s->elsewhere = true;
		s->records[i] +=
			common(r->va, r->size, records, frame_record_va(region_end(p)) - records);
	}
}

/* Either all of a piece or nothing of it, and the same of its records. */
static void judge(struct actor *a, const struct sight *s, const struct dump *d)
{
	for (unsigned i = 0; i < PIECES; i++) {
		struct region p = pieces[i].phys;
		uint64_t records = (p.size >> PAGE_SHIFT) * frame_record_size();

		if ((s->direct[i] != 0 || s->records[i] != 0) &&
		    (s->direct[i] != p.size || s->records[i] != records))
			actor_fail(
				a, EVIDENCE_PROBE,
				"at 0x%llx 0x%llx of 0x%llx bytes, and 0x%llx of 0x%llx of records",
				(unsigned long long)p.start, (unsigned long long)s->direct[i],
				(unsigned long long)p.size, (unsigned long long)s->records[i],
				(unsigned long long)records);
	}
	if (s->elsewhere)
		actor_fail(a, EVIDENCE_PROBE, "the direct map leads elsewhere");
	if (d->dead != 0)
		actor_fail(a, EVIDENCE_PROBE, "walked into a dead table at va 0x%llx",
			   (unsigned long long)d->first_dead);
}

static void dump_round(struct actor *a)
{
	struct sight s = {0};
	struct dump d = {.run = see, .arg = &s};

	dump_walk(&d);
	judge(a, &s, &d);
}

static void wx_round(struct actor *a)
{
	struct sight s = {0};
	struct dump d = {.run = see, .arg = &s};

	if (!dump_check_wx(&d))
		actor_fail(a, EVIDENCE_PROBE, "writable and executable: va 0x%llx",
			   (unsigned long long)d.first_wx);
	judge(a, &s, &d);
}

static void storm(struct test_run *t, void (*round)(struct actor *))
{
	unsigned harts = hartset_count(&t->peers);

	if (!pieces_init(t, hotcase_nr_blocks(t)))
		return;
	cast_begin(t);
	cast_add("plug", pieces_plug, t);
	for (unsigned i = 0; i < harts && i < 3; i++)
		cast_add("dump", round, NULL);
	cast_play(ROUNDS);
	pieces_take_away(t);
}

TEST(actor, dump, .needs = NEEDS_VMEM | NEEDS_SMP)
{
	storm(t, dump_round);
}

TEST(actor, dump_wx, .needs = NEEDS_VMEM | NEEDS_SMP)
{
	struct dump d = {.run = NULL};
	struct hot_region *h;

	storm(t, wx_round);
	if (t->skipped)
		return;
	/* And it sees what it looks for. */
	h = hotcase_add(t, hotcase_blocks(t, 1, 1), PROT_RWX);
	EXPECT(t, !dump_check_wx(&d) && d.wx == 1 && d.first_wx == direct_va(h->phys.start),
	       "%llu leaves, the first at va 0x%llx", (unsigned long long)d.wx,
	       (unsigned long long)d.first_wx);
	hotcase_remove(t, h);
}

/* What the shadow map says, run by run. */
struct compare {
	const struct shadow *shadow;
	uint64_t bytes;
	vaddr_t wrong; /* 0: none */
};

static void compare_run(void *arg, const struct dump_run *r)
{
	struct compare *c = arg;

	for (uint64_t off = 0; off < r->size; off += level_size(r->level)) {
		const struct extent *x = shadow_find(c->shadow, r->va + off);

		if (x == NULL || x->prot != r->prot || r->pa + off - x->pa != r->va + off - x->va)
			c->wrong = r->va + off;
	}
	c->bytes += r->size;
}

/* Leaf for leaf what the accounts say, when nothing changes. */
TEST(actor, dump_exact)
{
	const struct ptable *pt = kernel_table();
	struct compare c = {.shadow = pt->shadow};
	struct dump d = {.run = compare_run, .arg = &c};
	struct audit a = audit_table(pt);
	uint64_t due = 0;

	dump_walk(&d);
	for (unsigned i = 0; i < pt->shadow->nr; i++)
		due += pt->shadow->extents[i].size;
	EXPECT(t, c.wrong == 0, "va 0x%llx is not mapped as accounted",
	       (unsigned long long)c.wrong);
	EXPECT(t, c.bytes == due, "0x%llx bytes are mapped, due 0x%llx",
	       (unsigned long long)c.bytes, (unsigned long long)due);
	EXPECT(t, d.tables == a.tables, "%llu tables, due %llu", (unsigned long long)d.tables,
	       (unsigned long long)a.tables);
	for (unsigned i = 0; i < PT_MAX_LEVELS; i++)
		EXPECT(t, d.leaves[i] == a.leaves[i], "level %u: %llu leaves, due %llu", i,
		       (unsigned long long)d.leaves[i], (unsigned long long)a.leaves[i]);
	note("dump: %llu tables, %llu runs", (unsigned long long)d.tables,
	     (unsigned long long)d.runs);
}
