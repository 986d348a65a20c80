/* SPDX-License-Identifier: BSD-2-Clause */
/* Random resizes: what must hold behind every operation. */
#include "tests/host/resizes.h"

#include "mm/hotplug.h"
#include "mm/kernel.h"
#include "tests/host/arch_sim_rig.h"

uint64_t world_bits_of(struct region r)
{
	uint64_t first = (r.start - world.region_start) / BLOCK;
	uint64_t n = r.size / BLOCK;

	return (n == BLOCKS ? UINT64_MAX : (UINT64_C(1) << n) - 1) << first;
}

static uint64_t online_bits(void)
{
	uint64_t bits = 0;

	for (const struct hot_region *r = hot_first(); r != NULL; r = r->next) {
		CHECK(r->state == HOT_ONLINE, "region 0x%llx is left in state %d",
		      (unsigned long long)r->phys.start, (int)r->state);
		CHECK(!r->zone.draining, "nothing can be allocated from region 0x%llx",
		      (unsigned long long)r->phys.start);
		CHECK((bits & world_bits_of(r->phys)) == 0, "regions overlap");
		bits |= world_bits_of(r->phys);
	}
	return bits;
}

/*
 * What the device did not take back, asked eight times, is plugged and mapped nowhere. The next
 * follow_run() has to offer it again, before anything else, and now it is taken.
 */
static void return_left_plugged(void)
{
	uint64_t left = world.v.bitmap[0] & ~online_bits();
	enum err err;

	world.answer_left = 0;
	CHECK(left == 0 || world.refused != 0, "blocks %#llx are plugged and unused",
	      (unsigned long long)left);
	if (left == 0)
		return;
	err = follow_run(&world.f);
	CHECK(err == OK || err == ERR_BUSY || err == ERR_NOMEM, "follow_run: %s", err_name(err));
	CHECK((world.v.bitmap[0] & ~online_bits()) == 0,
	      "blocks %#llx are still plugged and unused",
	      (unsigned long long)(world.v.bitmap[0] & ~online_bits()));
	totals->left_plugged++;
}

void world_audit(const char *when)
{
	rig_check_kernel(when);
	CHECK_ERR(virtio_mem_check(&world.v), OK);
	things_verify_all();
}

void world_check(const char *when)
{
	unsigned b = (unsigned)sim_below(BLOCKS);
	paddr_t pa = world.region_start + b * BLOCK + sim_below(BLOCK / PAGE_SIZE) * PAGE_SIZE;
	uint64_t online;

	REQUIRE(!world.v.broken, "%s: the driver gave the device up", when);
	return_left_plugged();
	online = online_bits();
	CHECK(world.v.bitmap[0] == online, "%s: plugged %#llx, online %#llx", when,
	      (unsigned long long)world.v.bitmap[0], (unsigned long long)online);
	CHECK(world.v.bitmap[0] == world.vm.bitmap[0] &&
		      world.v.plugged_bytes == world.vm.plugged_size,
	      "%s: the driver sees %#llx, the device %#llx", when,
	      (unsigned long long)world.v.bitmap[0], (unsigned long long)world.vm.bitmap[0]);
	CHECK(world.io.error == 0 && world.io.misuses == 0, "%s: the device was misused", when);
	rig_check_everywhere(direct_va(pa), (online >> b & 1) != 0 ? pa : FRAME_NONE, when);
	if (!world.control)
		rig_check_silent(when);
}
