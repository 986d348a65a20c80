/* SPDX-License-Identifier: BSD-2-Clause */
/* boot.timer, boot.memory_types: extensions that are used where they are there, or not. */
#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/csr.h"
#include "firmware/image.h"
#include "firmware/sbi.h"
#include "firmware/time.h"
#include "firmware/timer.h"
#include "firmware/trap.h"
#include "mm/dump.h"
#include "mm/fault.h"
#include "mm/kernel.h"
#include "mm/memtype.h"
#include "tests/test.h"

/* ---- the timer interrupt, each way */

#define DUE_MS 1
#define WAIT_MS 5000
#define TRIES 8u

static struct {
	enum timer_way way;
	bool came[MAX_HARTS];
	unsigned early[MAX_HARTS]; /* interrupts that came before their time: "spurious" (Sstc) */
} job;

/*
 * Ask for one and wait for the handler. What was asked for before is called off first, so that it
 * is not taken for this one. True: it came, at its time.
 */
static bool interrupt_comes(enum timer_way way)
{
	uint64_t limit = time_deadline_ms(WAIT_MS);
	uint64_t when, due, before;
	bool irq = arch_irq_save();

	timer_set_by(way, TIMER_NEVER);
	before = timer_count(&when);
	due = time_ticks() + time_ms_to_ticks(DUE_MS);
	if (!fault_armed(FAULT_TIMER_LOST))
		timer_set_by(way, due);
	/* Jobs run with interrupts on. */
	arch_irq_restore(irq);
	while (timer_count(&when) == before && !time_past(limit))
		arch_yield();
	if (timer_count(&when) == before)
		return false;
	if (when < due)
		job.early[arch_hart()]++;
	return when >= due;
}

static void timer_job(void *arg)
{
	unsigned h = arch_hart();
	bool was_on = (csr_read_sie() & UINT64_C(1) << IRQ_TIMER) != 0;

	(void)arg;
	job.early[h] = 0;
	job.came[h] = false;
	irq_enable_local(IRQ_TIMER);
	/* Again only if the one before was early, not if it did not come. */
	for (unsigned i = 0; i < TRIES && job.early[h] == i && !job.came[h]; i++)
		job.came[h] = interrupt_comes(job.way);
	/* Those who lived by ticks go on; the others want none. */
	timer_set(was_on ? time_ticks() + time_ms_to_ticks(DUE_MS) : TIMER_NEVER);
	if (!was_on)
		irq_disable_local(IRQ_TIMER);
}

static void try_way(struct test_run *t, enum timer_way way)
{
	unsigned early = 0, came = 0;

	job.way = way;
	hartset_for_each(h, &t->all) {
		struct hartset one = hartset_of(h);

		test_on_harts(t, &one, timer_job, NULL);
		early += job.early[h];
		came += job.came[h];
		if (job.came[h])
			continue;
		/* Each of the others would take as long. */
		test_fail(t, EVIDENCE_CHECK,
			  "hart%u (id %llu): no timer interrupt within %u ms, asked for by %s", h,
			  (unsigned long long)hart_get(h)->hartid, WAIT_MS, timer_way_name(way));
		return;
	}
	note("timer: an interrupt came to %u harts by %s, %u before its time", came,
	     timer_way_name(way), early);
}

TEST(boot, timer, .timeout_ms = 60000,
     .clause = "SBI, TIME; Privileged ISA, Sstc: an interrupt is pending when time is at or behind "
	       "the value that was set")
{
	bool forgotten = (t->bench->machine->forgotten & ISA_SSTC) != 0;

	EXPECT(t, !forgotten || timer_used() == TIMER_SBI, "ext=-sstc, and timers are set by %s",
	       timer_way_name(timer_used()));
	if (!timer_has(TIMER_SBI) && !timer_has(TIMER_STIMECMP)) {
		test_skip(t, "neither SBI TIME nor Sstc");
		return;
	}
	for (enum timer_way w = TIMER_SBI; w < NR_TIMER_WAYS; w++) {
		if (timer_has(w))
			try_way(t, w);
	}
}

/* ---- memory types in the table */

struct types_seen {
	uint64_t io; /* bytes of registers with PBMT=IO */
	uint64_t none;
	vaddr_t wrong; /* the first leaf that has another type than it should, 0: none */
	uint64_t prot;
};

/* Device registers are what is mapped outside of RAM; hot memory is online in direct map only. */
static bool is_device(vaddr_t va)
{
	const struct area *v = &kernel_table()->mode->vmalloc;

	return va == CONSOLE_VA || (va >= v->start && va - v->start < v->size / 2);
}

static void see_types(void *arg, const struct dump_run *r)
{
	struct types_seen *s = arg;
	bool device = is_device(r->va);
	uint64_t due = device && memtype_on() ? PTE_PBMT_IO : 0;

	if (device && (r->prot & PTE_PBMT_MASK) == PTE_PBMT_IO)
		s->io += r->size;
	if (device && (r->prot & PTE_PBMT_MASK) == 0)
		s->none += r->size;
	if ((r->prot & PTE_PBMT_MASK) != due && s->wrong == 0) {
		s->wrong = r->va;
		s->prot = r->prot;
	}
}

TEST(boot, memory_types,
     .clause = "Privileged ISA, Svpbmt: PBMT=IO is I/O; without it (menvcfg.PBMTE) bits 62 and 61 "
	       "are reserved")
{
	struct types_seen s = {0};
	struct dump d = {.run = see_types, .arg = &s};

	EXPECT(t, (t->bench->machine->forgotten & ISA_SVPBMT) == 0 || !memtype_on(),
	       "ext=-svpbmt, and memory types are used");
	dump_walk(&d);
	EXPECT(t, s.wrong == 0, "va 0x%llx has PBMT=%llu", (unsigned long long)s.wrong,
	       (unsigned long long)s.prot >> 61 & 3);
	EXPECT(t, !memtype_on() || s.io != 0 || s.none == 0, "no registers have PBMT=IO");
	EXPECT(t, memtype_on() || s.io == 0, "0x%llx bytes have PBMT=IO", (unsigned long long)s.io);
	note("memory types: 0x%llx bytes of registers with PBMT=IO, 0x%llx with PBMT=0",
	     (unsigned long long)s.io, (unsigned long long)s.none);
}
