/* SPDX-License-Identifier: BSD-2-Clause */
/* actor.pmem*: persistent memory is device memory, and lasts from its flush on. */
#include "firmware/arch.h"
#include "firmware/console.h"
#include "mm/clear.h"
#include "mm/kernel.h"
#include "platform/builtin_pmem.h"
#include "tests/actors/device.h"
#include "tests/actors/memmap.h"
#include "tests/pmemdev.h"
#include "tests/probes.h"

/* False: skipped, or failed where there should be one. */
static bool need_pmem(struct test_run *t)
{
	if (t->bench->pmem != NULL)
		return true;
	if (pmemdev_due())
		EXPECT(t, false, "the virtio-pmem device cannot be used");
	else
		test_skip(t, "no virtio-pmem device (make run PMEM=16M)");
	return false;
}

/* What is stored and not flushed: only the built-in device can be asked, the daemon says it. */
static uint64_t lost(struct test_run *t)
{
	paddr_t first = 0;
	uint64_t pages = builtin_pmem_lost(&first);

	if (pages != 0 && t->verbose)
		note("%llu pages are not flushed, the first at 0x%llx", (unsigned long long)pages,
		     (unsigned long long)first);
	return pages;
}

/*
 * Every hart stores; the flush makes all of it last. Mapped again it is still there, unlike what a
 * virtio-mem device takes back; behind the removal every hart traps.
 */
TEST(actor, pmem, .clause = TRAP_CLAUSE)
{
	struct virtio_pmem *p = t->bench->pmem;
	struct spots s;

	if (!need_pmem(t))
		return;
	s = hotcase_spots(t, p->phys);
	devices_begin(t);
	device_map(t, 0, p->phys);
	probes_write_and_read(t, &t->all, &s);
	/* The control: without a flush the same look finds something. */
	EXPECT(t, t->bench->carved_pmem.size == 0 || lost(t) != 0, "stores do not count as such");
	ASSERT_OK(t, virtio_pmem_flush(p));
	t->verbose = true;
	EXPECT(t, lost(t) == 0, "a flush that succeeded left something behind");
	/* The look at it went through a window, with fences. */
	probes_read(t, &t->all, &t->all, &s);
	probes_control_next(t, &t->all, &s, ACCESS_LOAD);
	device_close(t, 0);
	probes_must_trap(t, &t->all, &s, ACCESS_LOAD);
	device_map(t, 0, p->phys);
	probes_read(t, &t->all, &t->all, &s);
	device_close(t, 0);
	EXPECT(t, lost(t) == 0, "something was stored behind the flush");
}

/* DAX: persistent memory in large device pages, whose tail records are one page each. */
TEST(actor, pmem_dax, .clause = TRAP_CLAUSE)
{
	struct virtio_pmem *p = t->bench->pmem;
	struct hot_region *h;
	struct spots s;

	if (!need_pmem(t))
		return;
	if (!is_aligned(p->phys.start | p->phys.size, DEVICE_PAGE) ||
	    !is_pow2(frame_record_size())) {
		test_skip(t, "not in pages of %llu MiB, or records of %llu bytes are not shared",
			  (unsigned long long)DEVICE_PAGE >> 20,
			  (unsigned long long)frame_record_size());
		return;
	}
	ASSERT_OK(t, hot_add_device(p->phys, PROT_RW, DEVICE_ORDER, &h, NULL));
	for (uint64_t off = 0; off < p->phys.size; off += DEVICE_PAGE)
		dax_expect_shared(t, p->phys.start + off);
	s = hotcase_spots(t, p->phys);
	probes_write_and_read(t, &t->all, &s);
	EXPECT_OK(t, virtio_pmem_flush(p));
	probes_read(t, &t->all, &t->all, &s);
	/* It lasts, and the other tests' stores have to be changes. */
	clear_words(arch_virt_to_ptr(s.va), s.size);
	EXPECT_OK(t, virtio_pmem_flush(p));
	probes_load_pages(t, &t->all, s.va, s.size);
	probes_control_next(t, &t->all, &s, ACCESS_LOAD);
	ASSERT_OK(t, hot_remove(h, NULL));
	probes_must_trap(t, &t->all, &s, ACCESS_LOAD);
}

/* A flush that the device refuses is an error, and nothing counts as flushed; then it works. */
TEST(actor, pmem_refused)
{
	struct virtio_pmem *p = t->bench->pmem;
	struct spots s;
	enum err err;

	if (!need_pmem(t))
		return;
	if (t->bench->carved_pmem.size == 0) {
		test_skip(t, "needs the built-in device (VMEM=builtin PMEM=16M)");
		return;
	}
	s = hotcase_spots(t, p->phys);
	devices_begin(t);
	device_map(t, 0, p->phys);
	s.seed ^= 1;
	probes_write_and_read(t, &t->all, &s);
	builtin_pmem_fail_next(1);
	err = virtio_pmem_flush(p);
	EXPECT(t, err == ERR_NACK, "a flush that failed: %s", err_name(err));
	EXPECT(t, lost(t) != 0, "the device flushed all the same");
	ASSERT_OK(t, virtio_pmem_flush(p));
	EXPECT(t, lost(t) == 0, "the next one left something behind");
	device_close(t, 0);
}
