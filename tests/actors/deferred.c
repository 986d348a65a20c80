/* SPDX-License-Identifier: BSD-2-Clause */
/* actor.deferred*: new mappings are not shot down; who lacks one repairs it, once. */
#include "mm/deferred.h"

#include "firmware/arch.h"
#include "mm/vmap.h"
#include "tests/actors/views.h"
#include "tests/probes.h"

/* Every hart knows that nothing is there; then something is, and nobody tells. */
TEST(actor, deferred, .clause = VIEW_CLAUSE)
{
	struct view v = view_new(t, 0);
	uint64_t before = deferred_repairs();

	view_must_trap(t, &v);
	view_map(t, &v, VMAP_DEFERRED);
	/* Expected traps come first in the chain: nothing is repaired here. */
	view_control(t, &v);
	EXPECT(t, deferred_repairs() == before, "a trap that was expected was repaired");
	view_read_repairing(t, &t->all, &v);
	hartset_for_each(h, &t->control_saw[ACCESS_LOAD])
		EXPECT(t, !deferred_pending(h), "hart%u has its mark still", h);
	/* Whoever lacked it knows it now. */
	view_read(t, &t->all, &v);
	EXPECT(t, t->control_stale == 0 || deferred_repairs() != before, "nobody repaired it");
	view_free(t, &v);
	view_must_trap(t, &v);
}

static struct {
	vaddr_t va;
	bool trapped[MAX_HARTS], pending[MAX_HARTS];
} touched;

/* One load where nothing is, outside of any probe. The second trap ends it. */
static void touch(void *arg)
{
	struct hart *h = hart_self();
	struct context *outer = h->recover;
	struct context c;

	(void)arg;
	if (context_save(&c) == 0) {
		h->recover = &c;
		(void)*(volatile uint64_t *)arch_virt_to_ptr(touched.va);
	} else {
		context_left();
		touched.trapped[arch_hart()] = true;
	}
	h->recover = outer;
	touched.pending[arch_hart()] = deferred_pending(arch_hart());
}

/*
 * A trap that no fence can mend: the mark allows one more try, and goes with it, and the second
 * trap is what it looks like. It is taken by who left word where to go on.
 */
TEST(actor, deferred_fatal, .needs = NEEDS_SMP, .timeout_ms = 4000)
{
	struct view v = view_new(t, 0);
	uint64_t before = deferred_repairs();
	unsigned harts = hartset_count(&t->peers);

	view_map(t, &v, VMAP_DEFERRED);
	touched.va = v.va + PAGE_SIZE; /* the unmapped page behind an area */
	test_on_harts(t, &t->peers, touch, NULL);
	hartset_for_each(h, &t->peers) {
		EXPECT(t, touched.trapped[h], "hart%u loads at va 0x%llx, where nothing is", h,
		       (unsigned long long)touched.va);
		EXPECT(t, !touched.pending[h], "hart%u has its mark still", h);
	}
	EXPECT(t, deferred_repairs() - before == harts, "%llu traps of %u harts were tried again",
	       (unsigned long long)(deferred_repairs() - before), harts);
	view_read_repairing(t, &t->all, &v);
	view_free(t, &v);
}
