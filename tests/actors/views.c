/* SPDX-License-Identifier: BSD-2-Clause */
/* Views of frames. */
#include "tests/actors/views.h"

#include "firmware/arch.h"
#include "mm/areas.h"
#include "mm/fault.h"
#include "mm/kernel.h"
#include "mm/vmap.h"
#include "tests/probes.h"

static struct {
	vaddr_t va;
	uint64_t word; /* due */
	uint64_t got[MAX_HARTS];
	bool trapped[MAX_HARTS];
} look;

static void load_probing(void *arg)
{
	struct probe p = probe_load(look.va);

	(void)arg;
	look.trapped[arch_hart()] = p.trapped;
	look.got[arch_hart()] = p.value;
}

static void load_plainly(void *arg)
{
	(void)arg;
	look.trapped[arch_hart()] = false;
	look.got[arch_hart()] = *(volatile uint64_t *)arch_virt_to_ptr(look.va);
}

struct view view_new(struct test_run *t, unsigned order)
{
	struct view v = {.order = order, .word = rng_next(&t->rng)};

	v.pa = frame_alloc(order, OWNER_TEST);
	ASSERT(t, v.pa != FRAME_NONE, "no memory for a view");
	*(volatile uint64_t *)phys_to_ptr(v.pa) = v.word;
	v.va = area_take(PAGE_SIZE << order, PAGE_SIZE << order);
	ASSERT(t, v.va != 0, "no address space for a view");
	return v;
}

void view_map(struct test_run *t, const struct view *v, unsigned flags)
{
	EXPECT_OK(t, vmap_range(v->va, v->pa, PAGE_SIZE << v->order, PROT_RW, 1, flags));
	/* Seeded: what comes behind must not be blamed for it. */
	ASSERT(t, !fault_armed(FAULT_TEST_LEFT), "left with va 0x%llx mapped",
	       (unsigned long long)v->va);
}

void view_free(struct test_run *t, const struct view *v)
{
	EXPECT_OK(t, vmap_free(v->va));
	frame_free(v->pa, v->order, OWNER_TEST);
}

static void look_on(struct test_run *t, const struct hartset *harts, const struct view *v,
		    void (*load)(void *))
{
	look.va = v->va;
	look.word = v->word;
	test_on_harts(t, harts, load, NULL);
}

static void judge(struct test_run *t, const struct hartset *harts)
{
	hartset_for_each(h, harts) {
		if (look.trapped[h])
			test_fail(t, EVIDENCE_PROBE, "hart%u traps at va 0x%llx, which is mapped",
				  h, (unsigned long long)look.va);
		else if (look.got[h] != look.word)
			test_fail(t, EVIDENCE_PROBE, "hart%u: va 0x%llx: saw 0x%llx, due 0x%llx", h,
				  (unsigned long long)look.va, (unsigned long long)look.got[h],
				  (unsigned long long)look.word);
	}
}

void view_read(struct test_run *t, const struct hartset *harts, const struct view *v)
{
	look_on(t, harts, v, load_probing);
	judge(t, harts);
}

void view_read_repairing(struct test_run *t, const struct hartset *harts, const struct view *v)
{
	look_on(t, harts, v, load_plainly);
	judge(t, harts);
}

void view_must_trap(struct test_run *t, const struct view *v)
{
	look_on(t, &t->all, v, load_probing);
	hartset_for_each(h, &t->all) {
		if (!look.trapped[h])
			test_fail(t, EVIDENCE_PROBE,
				  "hart%u loads 0x%llx at va 0x%llx, where nothing is", h,
				  (unsigned long long)look.got[h], (unsigned long long)look.va);
	}
}

void view_control(struct test_run *t, const struct view *v)
{
	look_on(t, &t->all, v, load_probing);
	hartset_for_each(h, &t->all)
		test_control(t, ACCESS_LOAD, h, look.trapped[h], 1);
}
