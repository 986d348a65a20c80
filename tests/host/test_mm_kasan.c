/* SPDX-License-Identifier: BSD-2-Clause */
/* Shadow memory of blocks that go online and offline, with every allocation failing in turn. */
#include <stdlib.h>

#include "mm/hot_notify.h"
#include "mm/hotplug.h"
#include "mm/kasan.h"
#include "mm/kernel.h"
#include "mm/shootdown.h"
#include "tests/host/arch_sim_rig.h"
#include "tests/host/tap.h"

#define HOT UINT64_C(0x180000000)
#define BLOCKS 3u

static const struct region boot = {UINT64_C(0x80000000), 8 * SZ_2M};

static struct region block(unsigned i)
{
	return (struct region){HOT + i * SZ_2M, SZ_2M};
}

/* Both ends of a block's shadow. */
static void check_shadow(struct region r, bool there, const char *when)
{
	vaddr_t at[] = {kasan_shadow(direct_va(r.start)),
			align_down(kasan_shadow(direct_va(region_end(r) - 1)), PAGE_SIZE)};

	for (unsigned i = 0; i < ARRAY_LEN(at); i++) {
		struct pt_lookup l = pt_lookup(kernel_table(), at[i]);

		CHECK(l.mapped == there, "%s: shadow of 0x%llx is %smapped", when,
		      (unsigned long long)r.start, there ? "not " : "");
		rig_check_everywhere(at[i], l.mapped ? l.pa : FRAME_NONE, when);
	}
}

static unsigned unread; /* shootdowns with no reader of mmap_lock: a dumper may stand in a table */

static void look_for_reader(void *arg)
{
	(void)arg;
	if (mmap_lock.readers_in == mmap_lock.readers_out)
		unread++;
}

/* Tables go, of what is taken down and of what is undone: no dumper beside it. */
static void tables_go(const void *arg)
{
	enum err err = ERR_NOMEM;

	rig_boot(arg);
	unread = 0;
	for (unsigned k = 2; err == ERR_NOMEM && k < 20; k++) {
		frame_fail_at(k);
		shootdown_before_next(look_for_reader, NULL);
		err = kasan_start(boot);
		frame_fail_at(0);
	}
	REQUIRE_OK(err);
	shootdown_before_next(look_for_reader, NULL);
	CHECK_ERR(kasan_populate(block(0)), OK);
	shootdown_before_next(look_for_reader, NULL);
	CHECK_ERR(kasan_depopulate(block(0)), OK);
	shootdown_before_next(look_for_reader, NULL);
	CHECK_ERR(kasan_stop(), OK);
	CHECK(unread == 0, "%u times", unread);
}

static void start(const void *arg, struct rig_accounts *before)
{
	rig_boot(arg);
	*before = rig_accounts();
	REQUIRE_OK(kasan_start(boot));
	check_shadow(boot, true, "boot memory");
	sim_mem_add((struct region){HOT, BLOCKS * SZ_2M}, false);
}

static void end(const struct rig_accounts *before)
{
	CHECK_ERR(kasan_stop(), OK);
	check_shadow(boot, false, "stopped");
	rig_check_accounts(before, "stopped");
	rig_check_kernel("stopped");
	rig_check_silent("stopped");
}

static void come_and_go(const void *arg)
{
	struct hot_region *r[BLOCKS];
	struct rig_accounts before;
	struct evacuation e;

	start(arg, &before);
	for (unsigned i = 0; i < BLOCKS; i++) {
		check_shadow(block(i), false, "not there");
		REQUIRE_OK(hot_add(block(i), PROT_RW, &r[i], NULL));
		check_shadow(block(i), false, "not online");
		REQUIRE_OK(hot_online(r[i]));
		check_shadow(block(i), true, "online");
	}
	/* The middle one goes. */
	REQUIRE_OK(hot_offline(r[1], &e));
	for (unsigned i = 0; i < BLOCKS; i++)
		check_shadow(block(i), i != 1, "the middle one is offline");
	rig_check_silent("offline");
	REQUIRE_OK(hot_online(r[1]));
	check_shadow(block(1), true, "online again");
	/* What boot made is nobody's to free. */
	CHECK_ERR(kasan_depopulate(boot), OK);
	check_shadow(boot, true, "boot memory, offline");
	for (unsigned i = 0; i < BLOCKS; i++) {
		REQUIRE_OK(hot_offline(r[i], &e));
		REQUIRE_OK(hot_remove(r[i], NULL));
		check_shadow(block(i), false, "gone");
	}
	end(&before);
}

/* A block that has no shadow does not go online, and nothing of it is left. */
static void no_memory(const void *arg)
{
	struct rig_accounts before, mapped;
	struct region all = {HOT, BLOCKS * SZ_2M};
	struct hot_region *r;
	struct evacuation e;
	enum err err = ERR_NOMEM;

	start(arg, &before);
	REQUIRE_OK(hot_add(all, PROT_RW, &r, NULL));
	mapped = rig_accounts();
	for (unsigned k = 1; err == ERR_NOMEM; k++) {
		REQUIRE(k < 20, "it never succeeds");
		frame_fail_at(k);
		err = hot_online(r);
		frame_fail_at(0);
		if (err == OK)
			break;
		CHECK_ERR(err, ERR_NOMEM);
		CHECK(r->state == HOT_MAPPED, "state %d", (int)r->state);
		check_shadow(all, false, "refused");
		rig_check_accounts(&mapped, "refused");
		rig_check_silent("refused");
	}
	check_shadow(all, true, "online");
	REQUIRE_OK(hot_offline(r, &e));
	REQUIRE_OK(hot_remove(r, NULL));
	end(&before);
}

/* ---- the chain */

static unsigned told_first, told_second;

/* Never 0, so that all of a history can be told. */
static unsigned code(enum hot_event event)
{
	return (unsigned)event + 1;
}

static enum err agree(enum hot_event event, struct region phys)
{
	(void)phys;
	told_first = told_first << 3 | code(event);
	return OK;
}

static enum err refuse(enum hot_event event, struct region phys)
{
	(void)phys;
	told_second = told_second << 3 | code(event);
	return ERR_BUSY;
}

/* One agrees, the next one refuses: the first hears that it is off, the second does not. */
static void refused(const void *arg)
{
	static struct hot_notifier first = {.told = agree}, second = {.told = refuse};
	struct hot_region *r;

	rig_boot(arg);
	sim_mem_add(block(0), false);
	REQUIRE_OK(hot_add(block(0), PROT_RW, &r, NULL));
	hot_notifier_add(&first);
	hot_notifier_add(&second);
	CHECK_ERR(hot_online(r), ERR_BUSY);
	CHECK(r->state == HOT_MAPPED, "state %d", (int)r->state);
	CHECK(told_first == (code(HOT_GOING_ONLINE) << 3 | code(HOT_CANCEL_ONLINE)), "0x%x",
	      told_first);
	CHECK(told_second == code(HOT_GOING_ONLINE), "0x%x", told_second);
	hot_notifier_remove(&second);
	told_first = 0;
	CHECK_ERR(hot_online(r), OK);
	CHECK(told_first == (code(HOT_GOING_ONLINE) << 3 | code(HOT_WENT_ONLINE)), "0x%x",
	      told_first);
}

int main(int argc, char **argv)
{
	static const char *const faults[] = {"kasan-late", "kasan-neighbour", "kasan-boot-freed"};
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;

	for (unsigned m = 0; m < ARRAY_LEN(mmu_modes); m++) {
		struct rig rig = {.mode = &mmu_modes[m],
				  .shape = &rig_roomy,
				  .harts = 3,
				  .seed = seed,
				  .view = SIM_RANDOM};
		const char *name = rig.mode->name;

		tap_ok(rig_run(come_and_go, &rig), "%s: shadow comes and goes", name);
		tap_ok(rig_run(no_memory, &rig), "%s: no memory for shadow", name);
		tap_ok(rig_run(tables_go, &rig), "%s: tables go beside no dumper", name);
		tap_ok(rig_run(refused, &rig), "%s: a notifier refuses", name);
		for (unsigned i = 0; i < ARRAY_LEN(faults); i++) {
			struct rig armed = rig;

			armed.faults = faults[i];
			tap_ok(!rig_run(i == 0 ? no_memory : come_and_go, &armed),
			       "%s: control: %s is seen", name, faults[i]);
		}
	}
	return tap_done();
}
