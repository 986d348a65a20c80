/* SPDX-License-Identifier: BSD-2-Clause */
/* Movable frames: their content comes along when the memory under them leaves. */
#include <stdlib.h>
#include <string.h>

#include "mm/hotplug.h"
#include "mm/kernel.h"
#include "mm/movable.h"
#include "tests/host/arch_sim_rig.h"
#include "tests/host/tap.h"

#define OBJECTS 48u
#define STEPS 400u

static const struct region memory = {UINT64_C(0x180000000) - 3 * SZ_2M, SZ_2M};
static const struct region second = {UINT64_C(0x180000000), 2 * SZ_2M};
static struct hot_region *region;

/* Content that moves comes along, unless the fault is armed. */
static bool content_moves(const void *arg, const char *fault)
{
	static struct movable m;
	struct evacuation e;
	const uint64_t *p;
	bool same;

	rig_boot(arg);
	sim_mem_add(memory, false);
	REQUIRE_OK(hot_add(memory, PROT_RW, &region, NULL));
	CHECK_ERR(hot_online(region), OK);
	REQUIRE_OK(movable_alloc(&m, 2));
	CHECK(hot_find(m.pa) == region, "it does not lie in the region");
	memset(movable_get(&m), 0x3c, 4 * PAGE_SIZE);
	movable_put(&m);
	if (fault != NULL)
		rig_arm(fault);
	REQUIRE_OK(hot_offline(region, &e));
	CHECK(e.moved == 4 && m.moves == 1, "%llu frames moved", (unsigned long long)e.moved);
	REQUIRE_OK(hot_remove(region, NULL));
	sim_mem_drop(memory);
	p = movable_get(&m);
	same = true;
	for (unsigned i = 0; i < 4 * PAGE_SIZE / sizeof(*p); i++)
		same &= p[i] == UINT64_C(0x3c3c3c3c3c3c3c3c);
	movable_put(&m);
	movable_free(&m);
	rig_check_silent("moved");
	return same;
}

static void move_no_copy(const void *arg)
{
	CHECK(!content_moves(arg, "move-no-copy"), "the content came along");
}

static void move(const void *arg)
{
	CHECK(content_moves(arg, NULL), "the content is lost");
}

/* A pinned frame keeps the region; what is movable has moved, and the region goes on. */
static void pinned(const void *arg)
{
	static struct movable m = {.pa = FRAME_NONE};
	struct evacuation e;
	paddr_t pin;

	rig_boot(arg);
	sim_mem_add(memory, false);
	REQUIRE_OK(hot_add(memory, PROT_RW, &region, NULL));
	CHECK_ERR(hot_online(region), OK);
	REQUIRE_OK(movable_alloc(&m, 0));
	pin = zone_alloc(&region->zone, 3, OWNER_TEST);
	REQUIRE(pin != FRAME_NONE, "no memory");
	CHECK_ERR(hot_offline(region, &e), ERR_BUSY);
	CHECK(e.stuck.pa == pin && e.stuck.owner == OWNER_TEST, "0x%llx is named",
	      (unsigned long long)e.stuck.pa);
	CHECK(region->state == HOT_ONLINE, "state %d", (int)region->state);
	frame_free(pin, 3, OWNER_TEST);
	pin = zone_alloc(&region->zone, 0, OWNER_TEST);
	CHECK(pin != FRAME_NONE, "the region gives no memory any more");
	frame_free(pin, 0, OWNER_TEST);
	CHECK_ERR(hot_offline(region, &e), OK);
	CHECK_ERR(hot_remove(region, NULL), OK);
	movable_free(&m);
}

/* Nowhere to go: named, and still where it was. */
static void no_room(const void *arg)
{
	static struct movable m = {.pa = FRAME_NONE};
	struct evacuation e;
	paddr_t at;

	rig_boot(arg);
	sim_mem_add(memory, false);
	REQUIRE_OK(hot_add(memory, PROT_RW, &region, NULL));
	CHECK_ERR(hot_online(region), OK);
	REQUIRE_OK(movable_alloc(&m, 2));
	at = m.pa;
	frame_fail_at(1);
	CHECK_ERR(hot_offline(region, &e), ERR_NOMEM);
	frame_fail_at(0);
	CHECK(e.stuck.pa == at && m.pa == at, "0x%llx is named", (unsigned long long)e.stuck.pa);
	CHECK_ERR(hot_offline(region, &e), OK);
	CHECK_ERR(hot_remove(region, NULL), OK);
	movable_free(&m);
}

static void use_empty(void *arg)
{
	struct movable *m = arg;

	CHECK(movable_get(m) == NULL, "there is something in it");
	movable_free(m);
}

/* Empty ones, also as they are in zeroed memory. */
static void empty(const void *arg)
{
	static struct movable zeroed;
	static struct movable none = {.pa = FRAME_NONE};
	const char *first;

	rig_boot(arg);
	CHECK(!sim_panics(use_empty, &none), "panic: %s", sim_panic_text());
	CHECK(frame_errors(&first) == 0, "%s", first);
	CHECK(!sim_panics(use_empty, &zeroed), "panic: %s", sim_panic_text());
	CHECK(frame_errors(&first) == 0, "%s", first);
}

/* Two regions come and go under objects that are used all the time. */
static void random_moves(const void *arg)
{
	static struct movable objects[OBJECTS];
	static uint64_t content[OBJECTS];
	static const struct region regions[2] = {memory, second};
	struct hot_region *r[2] = {NULL, NULL};
	struct rig_accounts before;

	rig_boot(arg);
	before = rig_accounts();
	sim_mem_add(memory, false);
	sim_mem_add(second, false);
	for (unsigned i = 0; i < OBJECTS; i++)
		objects[i].pa = FRAME_NONE;
	for (unsigned s = 0; s < STEPS && rig_failures() == 0; s++) {
		unsigned i = (unsigned)sim_below(OBJECTS);
		unsigned k = (unsigned)sim_below(2);
		uint64_t *p = movable_get(&objects[i]);
		struct evacuation e;

		if (p != NULL) {
			CHECK(p[0] == content[i], "object %u has changed", i);
			movable_put(&objects[i]);
		}
		if (s % 8 == 0 && r[k] == NULL) {
			REQUIRE_OK(hot_add(regions[k], PROT_RW, &r[k], NULL));
			CHECK_ERR(hot_online(r[k]), OK);
		} else if (s % 8 == 0) {
			CHECK_ERR(hot_offline(r[k], &e), OK);
			CHECK_ERR(hot_remove(r[k], NULL), OK);
			model_frames_unplugged(regions[k]);
			r[k] = NULL;
		} else if (p != NULL && s % 3 == 0) {
			movable_free(&objects[i]);
		} else if (p == NULL) {
			REQUIRE_OK(movable_alloc(&objects[i], (unsigned)sim_below(5)));
			content[i] = sim_rand();
			*(uint64_t *)movable_get(&objects[i]) = content[i];
			movable_put(&objects[i]);
		}
		rig_check_silent("moves");
	}
	for (unsigned i = 0; i < OBJECTS; i++)
		movable_free(&objects[i]);
	for (unsigned k = 0; k < 2; k++) {
		struct evacuation e;

		if (r[k] == NULL)
			continue;
		CHECK_ERR(hot_offline(r[k], &e), OK);
		CHECK(e.moved == 0, "something moved that was freed");
		CHECK_ERR(hot_remove(r[k], NULL), OK);
	}
	rig_check_kernel("at the end");
	rig_check_accounts(&before, "at the end");
	rig_check_silent("at the end");
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;

	for (unsigned m = 0; m < ARRAY_LEN(mmu_modes); m++) {
		struct rig rig = {
			.mode = &mmu_modes[m], .harts = 2, .seed = seed, .view = SIM_RANDOM};
		const char *name = rig.mode->name;

		tap_ok(rig_run(move, &rig), "%s: content moves", name);
		tap_ok(rig_run(move_no_copy, &rig), "%s: move-no-copy", name);
		tap_ok(rig_run(pinned, &rig), "%s: pinned", name);
		tap_ok(rig_run(no_room, &rig), "%s: no room", name);
		tap_ok(rig_run(empty, &rig), "%s: empty", name);
		tap_ok(rig_run(random_moves, &rig), "%s: random", name);
	}
	return tap_done();
}
