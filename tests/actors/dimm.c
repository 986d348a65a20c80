/* SPDX-License-Identifier: BSD-2-Clause */
/* actor.dimm.*: a module appears and disappears as a whole. */
#include "platform/dimm.h"

#include "device/vmem_abi.h" /* responses */
#include "mm/kernel.h"
#include "platform/builtin.h"
#include "tests/accounts.h"
#include "tests/hotcase.h"
#include "tests/probes.h"

/* One module at a time. */
static struct dimm module;

struct shape {
	uint64_t size;
	uint64_t align; /* of its start */
	bool off;	/* and no more than that */
};

/* Where a module of this shape fits into some device's region; size 0: nowhere. */
static struct region find_place(const struct bench *b, const struct shape *s, struct virtio_mem **v)
{
	for (unsigned i = 0; i < b->nr_vmems; i++) {
		const struct virtio_mem_geometry *g = &b->vmems[i]->geo;
		uint64_t most = min_u64(g->region_size, g->requested_size);
		paddr_t start = align_up(g->addr, max_u64(s->align, g->block_size));

		if (s->off && is_aligned(start, 2 * s->align))
			start += max_u64(s->align, g->block_size);
		if (start - g->addr > most || s->size > most - (start - g->addr) ||
		    !is_aligned(start | s->size, max_u64(g->block_size, HOTPLUG_GRANULE)) ||
		    (s->off && is_aligned(start, 2 * s->align)))
			continue;
		*v = b->vmems[i];
		return (struct region){start, s->size};
	}
	return (struct region){0};
}

/* Leaves of the direct map for @r, counted from the address alone: the largest that fits, again. */
static void leaves_due(struct region r, uint64_t *due)
{
	unsigned max = mode_max_leaf(kernel_table()->mode);

	while (r.size != 0) {
		unsigned level = max;

		while (!is_aligned(r.start | direct_va(r.start), level_size(level)) ||
		       level_size(level) > r.size)
			level--;
		due[level]++;
		r.start += level_size(level);
		r.size -= level_size(level);
	}
}

/* What is there, walked. */
static void expect_leaves(struct test_run *t, struct region r)
{
	uint64_t due[PT_MAX_LEVELS] = {0};
	uint64_t seen[PT_MAX_LEVELS] = {0};

	leaves_due(r, due);
	for (paddr_t pa = r.start; pa < region_end(r);) {
		struct pt_lookup l = pt_lookup(kernel_table(), direct_va(pa));

		ASSERT(t, l.mapped && l.pa == pa, "0x%llx is not mapped", (unsigned long long)pa);
		seen[l.level]++;
		pa += level_size(l.level);
	}
	for (unsigned i = 0; i < PT_MAX_LEVELS; i++)
		EXPECT(t, seen[i] == due[i], "%llu leaves of level %u, due %llu",
		       (unsigned long long)seen[i], i, (unsigned long long)due[i]);
}

static void expect_gone(struct test_run *t, struct virtio_mem *v, struct region r,
			const struct spots *s)
{
	probes_must_trap(t, &t->all, s, ACCESS_LOAD);
	EXPECT(t, virtio_mem_plugged(v, r.start, r.size) == 0, "0x%llx bytes stay plugged",
	       (unsigned long long)virtio_mem_plugged(v, r.start, r.size));
	/* By the device's own count too. No STATE request: it would have the device's sizes move.
	 */
	EXPECT_OK(t, virtio_mem_check(v));
	EXPECT(t, hot_find(r.start) == NULL && hot_find(region_end(r) - 1) == NULL,
	       "some of it is still known");
	accounts_audit(t);
}

static void insert(struct test_run *t, struct virtio_mem *v, struct region r)
{
	uint64_t requests = v->nr_requests;
	struct hot_report rep;

	module = (struct dimm){.r = NULL};
	ASSERT_OK(t, dimm_insert(&module, v, r, &rep));
	hot_report_print("insert", r, &rep);
	EXPECT(t, rep.shootdowns == 1, "insertion took %llu shootdowns",
	       (unsigned long long)rep.shootdowns);
	EXPECT(t, v->nr_requests - requests == 1, "it came in %llu requests",
	       (unsigned long long)(v->nr_requests - requests));
	expect_leaves(t, r);
}

static void eject(struct test_run *t, struct virtio_mem *v, struct region r)
{
	uint64_t requests = v->nr_requests;
	struct evacuation e;
	struct hot_report rep;

	ASSERT_OK(t, dimm_eject(&module, &e, &rep));
	EXPECT(t, rep.shootdowns == 1, "ejection took %llu shootdowns",
	       (unsigned long long)rep.shootdowns);
	EXPECT(t, v->nr_requests - requests == 1, "it went in %llu requests",
	       (unsigned long long)(v->nr_requests - requests));
	hot_report_print("eject", r, &rep);
}

/* A frame in use at either end or anywhere holds all of it. */
static void refuse(struct test_run *t, struct region r, const struct spots *s)
{
	paddr_t pa = zone_alloc(&module.r->zone, (unsigned)rng_below(&t->rng, 4), OWNER_TEST);
	struct evacuation e;
	unsigned order;
	enum err err;

	ASSERT(t, pa != FRAME_NONE, "nothing to allocate in a module");
	order = frame_of(pa)->order;
	err = dimm_eject(&module, &e, NULL);
	EXPECT(t, err == ERR_BUSY && e.stuck.pa == pa, "eject with 0x%llx in use: %s, 0x%llx",
	       (unsigned long long)pa, err_name(err), (unsigned long long)e.stuck.pa);
	ASSERT(t, module.r != NULL && module.r->state == HOT_ONLINE, "the module is lost");
	expect_leaves(t, r);
	probes_read(t, &t->all, &t->all, s);
	frame_free(pa, order, OWNER_TEST);
}

/* The device keeps it: the module is in use again, with all that can be. */
static void keep(struct test_run *t, struct region r, const struct spots *s)
{
	struct evacuation e;
	enum err err;

	if (!t->bench->builtin)
		return;
	builtin_answer_next(VIRTIO_MEM_RESP_BUSY, 8);
	err = dimm_eject(&module, &e, NULL);
	builtin_answer_next(VIRTIO_MEM_RESP_ACK, 0);
	EXPECT(t, err == ERR_BUSY, "eject of what the device keeps: %s", err_name(err));
	ASSERT(t, module.r != NULL && module.r->state == HOT_ONLINE, "the module is not in use");
	expect_leaves(t, r);
	probes_write_and_read(t, &t->all, s);
}

static void run(struct test_run *t)
{
	const struct shape *shape = t->test->arg;
	struct virtio_mem *v = NULL;
	struct region r = find_place(t->bench, shape, &v);
	struct spots s;

	if (r.size == 0) {
		test_skip(t, "no device has room for %llu MiB there",
			  (unsigned long long)shape->size >> 20);
		return;
	}
	if (!hotcase_need_room(t, r.size))
		return;
	s = hotcase_spots(t, r);
	insert(t, v, r);
	probes_write_and_read(t, &t->all, &s);
	refuse(t, r, &s);
	keep(t, r, &s);
	probes_read(t, &t->all, &t->all, &s);
	probes_control_next(t, &t->all, &s, ACCESS_LOAD);
	eject(t, v, r);
	expect_gone(t, v, r, &s);
}

static const struct shape one_gib = {SZ_1G, SZ_1G, false};
static const struct shape one_gib_off = {SZ_1G, SZ_2M, true};
static const struct shape quarter = {SZ_1G / 4, SZ_1G / 4, false};
static const struct shape quarter_off = {SZ_1G / 4, SZ_2M, true};
static const struct shape eighth_off = {SZ_1G / 8, SZ_2M, true};

#define DIMM(ident, n, s)                                                                          \
	TEST_ROW(actor, ident, n, run, .needs = NEEDS_VMEM, .clause = TRAP_CLAUSE, .arg = &(s))
DIMM(dimm_1g, "dimm.1g", one_gib)
DIMM(dimm_1g_off, "dimm.1g_at_2m", one_gib_off)
DIMM(dimm_256m, "dimm.256m", quarter)
DIMM(dimm_256m_off, "dimm.256m_at_2m", quarter_off)
DIMM(dimm_128m_off, "dimm.128m_at_2m", eighth_off)
