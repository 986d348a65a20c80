/* SPDX-License-Identifier: BSD-2-Clause */
/* Random resizes through everything: device, registers, queue, driver, follow, hot-plug, tables. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mm/hotplug.h"
#include "platform/virtio_mmio.h"
#include "tests/host/arch_sim_rig.h"
#include "tests/host/resizes.h"
#include "tests/host/tap.h"

/*
 * RESIZES=n and SEED=n come from the environment. A resize is a new requested size and a
 * follow_run(); removals of ranges and whatever movable memory does come on top.
 */

#define AUDIT_EVERY 50u

/* Nothing in it needs small leaves: each unplug looks at every entry of the kernel's table. */
static const struct shape plain = {.name = "plain",
				   .ram = {{2 * SZ_1G, 9 * SZ_2M}},
				   .nr_ram = 1,
				   .image = {2 * SZ_1G, 2 * SZ_2M}};

struct world world;
struct totals *totals;

/* What a control finds, beside kinds of violations: a use of what is gone, a leak. */
#define FINDS_USE 100u
#define FINDS_LEAK 101u

struct scenario {
	struct rig rig;
	bool big, irq;
	uint64_t resizes;
	/* Of a control. */
	const char *faults;
	unsigned finds;
	bool fail; /* allocations */
};

/* ---- scenarios */

static void begin(const struct scenario *s)
{
	struct machine_virtio slot = {
		.base = REGS, .size = VMMIO_WINDOW_BYTES, .irq = s->irq ? IRQ : 0};
	struct virtio_device dev;
	uint64_t memory_block;

	rig_boot(&s->rig);
	world.harts = s->rig.harts;
	/* An edge of 1 GiB lies inside, or records of all of it fit one leaf, which is cut then. */
	world.region_start = 5 * SZ_1G - (16 + sim_below(32)) * BLOCK;
	memory_block = (2 * BLOCK) << sim_below(3);
	if (!s->big && s->rig.seed % 4 < 2) {
		world.region_start = 5 * SZ_1G;
		memory_block = BLOCKS * BLOCK;
	}
	for (unsigned i = 0; i < THINGS; i++)
		world.things[i].m = (struct movable){.pa = FRAME_NONE};
	for (unsigned i = 0; i < PINS; i++)
		world.pins[i].pa = FRAME_NONE;
	world_make_device();
	REQUIRE_OK(virtio_mmio_open_slot(&dev, &slot, VIRTIO_ID_MEM));
	REQUIRE_OK(virtio_mem_init(&world.v, &dev));
	CHECK(world.v.polled == !s->irq, "the interrupt is not used");
	REQUIRE_OK(follow_init(&world.f, &world.v, memory_block, s->big));
}

static void finish(const struct rig_accounts *before)
{
	world.op_hart = 0;
	sim_run_on(0);
	for (unsigned i = 0; i < PINS; i++) {
		if (world.pins[i].pa != FRAME_NONE)
			world_change_pin(&world.pins[i]);
	}
	CHECK(vmem_set_requested_size(&world.vm, 0) == VMEM_OK, "resize refused");
	CHECK_ERR(follow_run(&world.f), OK);
	CHECK(hot_first() == NULL && world.vm.plugged_size == 0, "something is left");
	world_check("at the end");
	world_audit("at the end");
	things_free_all();
	rig_check_accounts(before, "at the end");
}

static void random_resizes(const void *arg)
{
	const struct scenario *s = arg;
	struct rig_accounts before;
	uint64_t done = 0;

	alarm(60 + (unsigned)(s->resizes / 100));
	begin(s);
	before = rig_accounts();
	for (unsigned op = 1; done < s->resizes && rig_failures() == 0; op++) {
		world.op_hart = (unsigned)sim_below(s->rig.harts);
		sim_run_on(world.op_hart);
		things_use((unsigned)sim_below(4));
		if (sim_below(16) == 0)
			world_change_pin(&world.pins[sim_below(PINS)]);
		if (sim_below(6) == 0) {
			world_remove_range();
		} else {
			world_resize(world_some_size());
			done++;
		}
		if (op % AUDIT_EVERY == 0)
			world_audit("on the way");
	}
	finish(&before);
}

/* ---- controls: with a fault armed, something above has to notice */

static void control(const void *arg)
{
	struct rig_accounts before, after;
	const struct scenario *s = arg;
	uint32_t violations = 0;

	begin(s);
	world.control = true;
	rig_arm(s->faults);
	before = rig_accounts();
	for (unsigned i = 0; i < 64; i++) {
		things_use(4);
		CHECK(vmem_set_requested_size(&world.vm, world_some_size()) == VMEM_OK,
		      "resize refused");
		/* Whatever comes of it: a fault may be what makes it fail. */
		frame_fail_at(s->fail ? 1 + sim_below(8) : 0);
		world.found += follow_run(&world.f) == ERR_IO;
		frame_fail_at(0);
		violations |= rig_take_violations();
	}
	things_free_all();
	CHECK(vmem_set_requested_size(&world.vm, 0) == VMEM_OK, "resize refused");
	world.found += follow_run(&world.f) == ERR_IO;
	after = rig_accounts();
	if (s->finds == FINDS_LEAK)
		CHECK(after.frames.free < before.frames.free, "%s: no leak", s->faults);
	else if (s->finds == FINDS_USE)
		CHECK(world.found != 0, "%s: nothing was found", s->faults);
	else
		CHECK((violations >> s->finds & 1) != 0, "%s: the model saw %#x", s->faults,
		      (unsigned)violations);
}

static const struct scenario controls[] = {
	{.faults = "unplug-early", .finds = VIOLATION_FRAME_MAPPED},
	{.faults = "unplug-early", .finds = FINDS_USE},
	{.faults = "no-shootdown", .finds = VIOLATION_FRAME_UNPLUGGED},
	{.faults = "no-shootdown", .finds = FINDS_USE},
	{.faults = "no-fence", .finds = VIOLATION_FRAME_UNPLUGGED},
	{.faults = "records-early", .finds = VIOLATION_FRAME_FREED},
	{.faults = "move-no-copy", .finds = FINDS_USE},
	{.faults = "undo-forgotten", .finds = FINDS_USE, .fail = true},
	{.faults = "leak-records", .finds = FINDS_LEAK},
};

/* ---- all of them */

static uint64_t from_environment(const char *name, uint64_t usual)
{
	const char *text = getenv(name);

	return text != NULL && *text != '\0' ? strtoull(text, NULL, 0) : usual;
}

static void run_resizes(uint64_t seed, uint64_t resizes)
{
	const unsigned nr = ARRAY_LEN(mmu_modes) * SIM_MAX_HARTS * 4;

	for (unsigned i = 0; i < nr; i++) {
		struct scenario s = {
			.rig = {.shape = &plain,
				.mode = &mmu_modes[i % 3],
				.harts = 1 + i / 3 % SIM_MAX_HARTS,
				.backend = i / 12 % 2 != 0 ? SHOOTDOWN_IPI : SHOOTDOWN_SBI,
				.view = i % 2 != 0 ? SIM_RANDOM : SIM_OLDEST,
				.seed = seed * nr + i},
			.big = i / 24 != 0,
			.irq = (i + i / 12) % 2 != 0,
			.resizes = resizes / nr + (i < resizes % nr),
		};

		tap_ok(rig_run(random_resizes, &s), "%s, %u harts, %s, %s: %llu resizes",
		       s.rig.mode->name, s.rig.harts, shootdown_backend_name(s.rig.backend),
		       s.big ? "big blocks" : "sub-blocks", (unsigned long long)s.resizes);
	}
}

int main(void)
{
	uint64_t seed = from_environment("SEED", 1);
	uint64_t resizes = from_environment("RESIZES", 100000);

	totals = mmap(NULL, sizeof(*totals), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (totals == MAP_FAILED)
		return 1;
	/* Notes of what the device refused, thousands of them; sanitizers write past this. */
	stderr = fopen("/dev/null", "w");
	printf("# SEED=%llu RESIZES=%llu\n", (unsigned long long)seed, (unsigned long long)resizes);
	run_resizes(seed, resizes);
	tap_ok(totals->resizes == resizes, "%llu resizes were made",
	       (unsigned long long)totals->resizes);
	printf("# reached %llu, pinned %llu, refused by the device %llu, without memory %llu\n",
	       (unsigned long long)totals->reached, (unsigned long long)totals->refused_pinned,
	       (unsigned long long)totals->refused_device, (unsigned long long)totals->no_memory);
	printf("# ranges removed %llu of %llu, frames moved %llu, blocks discarded %llu, requests "
	       "%llu\n",
	       (unsigned long long)totals->removed, (unsigned long long)totals->removals,
	       (unsigned long long)totals->moved, (unsigned long long)totals->discarded,
	       (unsigned long long)totals->requests);
	printf("# left plugged and returned %llu, minds changed %llu, uses in between %llu\n",
	       (unsigned long long)totals->left_plugged, (unsigned long long)totals->minds,
	       (unsigned long long)totals->in_between);
	/* A few resizes need not meet all of it. */
	if (resizes >= 10000)
		tap_ok(totals->moved != 0 && totals->refused_pinned != 0 &&
			       totals->refused_device != 0 && totals->no_memory != 0 &&
			       totals->left_plugged != 0 && totals->removed != 0 &&
			       totals->minds != 0 && totals->in_between != 0,
		       "frames moved, removals refused, everything else happened");
	for (unsigned i = 0; i < ARRAY_LEN(controls); i++) {
		struct scenario s = controls[i];

		s.rig = (struct rig){
			.shape = &plain, .mode = &mmu_modes[i % 3], .harts = 3, .seed = seed + i};
		tap_ok(rig_run(control, &s), "control %s: found by %s", s.faults,
		       s.finds == FINDS_USE    ? "what is used"
		       : s.finds == FINDS_LEAK ? "the accounts"
					       : "the model");
	}
	return tap_done();
}
