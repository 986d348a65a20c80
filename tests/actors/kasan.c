/* SPDX-License-Identifier: BSD-2-Clause */
/* actor.kasan*: shadow of memory that comes and goes, asked for by instrumented code. */
#include "mm/kasan.h"

#include "firmware/arch.h"
#include "mm/hot_notify.h"
#include "mm/hotplug.h"
#include "mm/kernel.h"
#include "tests/actors/asan.h"
#include "tests/actors/instrumented.h"
#include "tests/hotcase.h"

#define POISON UINT8_C(0xfa)

/* Use [@va, @va + PAGE_SIZE) by code that looks at the shadow first. */
static void use(struct test_run *t, vaddr_t va, const char *whose)
{
	struct asan s;
	unsigned accesses;

	(void)asan_take();
	accesses = instrumented_use(arch_virt_to_ptr(va), PAGE_SIZE);
	s = asan_take();
	EXPECT(t, s.checks == accesses, "%u accesses asked %u times", accesses, s.checks);
	if (s.missing != 0)
		test_fail(t, EVIDENCE_PROBE, "%s has no shadow at 0x%llx (%u accesses)", whose,
			  (unsigned long long)s.first_missing, s.missing);
	EXPECT(t, s.poisoned == 0, "%s is poisoned: %u accesses", whose, s.poisoned);
}

/* The first user of a block that goes online: told before the shadow's maker, so it is the first
 * also of those who are told that the block is there. */
static struct test_run *test;
static unsigned used_first;

static enum err use_first(enum hot_event event, struct region phys)
{
	if (event == HOT_WENT_ONLINE) {
		use(test, direct_va(phys.start), "a block at its first use");
		used_first++;
	}
	return OK;
}

static struct hot_notifier first_user = {.told = use_first};
static bool begun;
static paddr_t frame = FRAME_NONE; /* of boot memory */

static void end(void)
{
	if (frame != FRAME_NONE)
		frame_free(frame, 0, OWNER_TEST);
	frame = FRAME_NONE;
	if (begun)
		hot_notifier_remove(&first_user);
	if (begun && kasan_stop() != OK)
		panic("the shadow of boot memory does not go");
	begun = false;
}

static struct region granule_of(paddr_t pa)
{
	return (struct region){align_down(pa, HOTPLUG_GRANULE), HOTPLUG_GRANULE};
}

static bool begin(struct test_run *t)
{
	enum err err;

	test = t;
	used_first = 0;
	frame = frame_alloc(0, OWNER_TEST);
	ASSERT(t, frame != FRAME_NONE, "no memory");
	hot_notifier_add(&first_user);
	err = kasan_start(granule_of(frame));
	if (err != OK) {
		hot_notifier_remove(&first_user);
		frame_free(frame, 0, OWNER_TEST);
		frame = FRAME_NONE;
		test_skip(t, "no room for shadow: %s", err_name(err));
		return false;
	}
	begun = true;
	t->cleanup = end;
	return true;
}

static void expect_no_shadow(struct test_run *t, struct region r)
{
	struct spots s = {kasan_shadow(direct_va(r.start)), r.size >> 3, rng_next(&t->rng)};

	probes_must_trap(t, &t->all, &s, ACCESS_LOAD);
}

/* Two neighbours come, with their shadow before their first use; one goes, with its own only. */
TEST(actor, kasan, .needs = NEEDS_VMEM, .clause = TRAP_CLAUSE)
{
	struct region lower = hotcase_blocks(t, 0, 1);
	struct region upper = hotcase_blocks(t, 1, 1);
	volatile uint8_t *poison;
	struct hot_region *a, *b;
	struct asan s;

	if (!hotcase_need(t, 2) || !begin(t))
		return;
	expect_no_shadow(t, lower);
	a = hotcase_add(t, lower, PROT_RW);
	b = hotcase_add(t, upper, PROT_RW);
	EXPECT(t, used_first == 2, "%u of 2 blocks were used at once", used_first);
	use(t, direct_va(region_end(lower) - PAGE_SIZE), "the end of the lower block");
	use(t, direct_va(region_end(upper) - PAGE_SIZE), "the end of the upper block");
	/* And it looks: a byte that says no is seen. */
	poison = arch_virt_to_ptr(kasan_shadow(direct_va(upper.start)));
	*poison = POISON;
	(void)asan_take();
	(void)instrumented_use(arch_virt_to_ptr(direct_va(upper.start)), PAGE_SIZE);
	s = asan_take();
	EXPECT(t, s.poisoned == 1, "%u accesses to a poisoned word were seen, due 1", s.poisoned);
	*poison = 0;
	hotcase_remove(t, a);
	expect_no_shadow(t, lower);
	use(t, direct_va(upper.start), "the neighbour of what went");
	use(t, direct_va(frame), "boot memory");
	hotcase_remove(t, b);
	expect_no_shadow(t, upper);
}

/* Shadow of boot memory: one block of zeros for all, never written, never freed. */
TEST(actor, kasan_boot, .clause = TRAP_CLAUSE)
{
	struct spots s;

	if (!begin(t))
		return;
	use(t, direct_va(frame), "boot memory");
	s = (struct spots){kasan_shadow(direct_va(granule_of(frame).start)), HOTPLUG_GRANULE >> 3,
			   rng_next(&t->rng)};
	probes_must_trap(t, &t->all, &s, ACCESS_STORE);
	/* As when boot memory goes offline: its shadow was not made for that, so it stays. */
	EXPECT_OK(t, kasan_depopulate(granule_of(frame)));
	use(t, direct_va(frame), "boot memory that went offline");
}
