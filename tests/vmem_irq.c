/* SPDX-License-Identifier: BSD-2-Clause */
/* vmem.interrupt: what the device has to say comes by itself, through the interrupt controller. */
#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/hart.h"
#include "firmware/time.h"
#include "platform/intc.h"
#include "tests/vmem_scene.h"

/* Far longer than a notice takes, also where eight harts share one core. */
#define NOTICE_MS 5000

static bool noticed(void *arg)
{
	const struct virtio_mem *v = arg;

	/* Only its interrupt handler sets it: nobody polls here. */
	return __atomic_load_n(&v->config_changed, __ATOMIC_ACQUIRE) != 0;
}

/* False: the device did not change its mind, so there was nothing to notice. */
static bool wait_for_notice(struct test_run *t, struct virtio_mem *v)
{
	uint64_t before, requested, start;

	ASSERT_OK(t, virtio_mem_refresh(v));
	(void)virtio_mem_config_changed(v);
	requested = v->geo.requested_size;
	before = intc_delivered();
	start = time_us();
	/* Its word for "ready", which makes the device ask for another size, and say so. */
	ASSERT_OK(t, virtio_mem_ready(v));
	ASSERT_OK(t, virtio_mem_refresh(v));
	if (v->geo.requested_size == requested)
		return false;
	EXPECT(t, hart_wait_until(noticed, v, time_deadline_ms(NOTICE_MS)),
	       "%s: requested size went from 0x%llx to 0x%llx and interrupt %u did not say so, "
	       "%llu others came",
	       v->dev.name, (unsigned long long)requested,
	       (unsigned long long)v->geo.requested_size, (unsigned)v->dev.irq,
	       (unsigned long long)(intc_delivered() - before));
	note("%s: interrupt %u, %s, after %llu us, %llu came", v->dev.name, (unsigned)v->dev.irq,
	     v->dev.message ? "a message" : "a wire", (unsigned long long)(time_us() - start),
	     (unsigned long long)(intc_delivered() - before));
	return true;
}

/* A driver that polls finds each change too; so that it never does so unnoticed. */
TEST(vmem, interrupt, .needs = NEEDS_VMEM, .timeout_ms = 60000)
{
	bool moved = true;

	if (t->bench->builtin) {
		test_skip(t, "the built-in device has no wire to an interrupt controller");
		return;
	}
	for (unsigned i = 0; i < t->bench->nr_vmems; i++) {
		struct virtio_mem *v = t->bench->vmems[i];

		if (v->dev.irq == 0) {
			test_skip(t, "polled: %s of %s leads to a controller known here",
				  t->bench->args->irq == IRQ_ARG_POLL ? "by irq=poll nothing"
								      : "nothing",
				  v->dev.name);
			return;
		}
		/* What the controller said at start, it says again, and why. */
		if (v->polled && intc_reaches(v->dev.irq, arch_hart()) == ERR_NOSYS) {
			test_skip(t, "polled: interrupt %u cannot reach the boot hart",
				  (unsigned)v->dev.irq);
			return;
		}
		ASSERT(t, !v->polled, "%s: interrupt %u cannot be had, so it is polled",
		       v->dev.name, (unsigned)v->dev.irq);
		moved &= wait_for_notice(t, v);
		if (v != vmem(t))
			EXPECT_OK(t, virtio_mem_unplug_all(v)); /* which calms its schedule */
	}
	if (!moved)
		test_skip(t, "blind: this schedule asks for nothing new");
	settle(t);
}
