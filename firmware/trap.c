/* SPDX-License-Identifier: BSD-2-Clause */
/* Trap dispatch: the ordered chain of exception handlers, interrupts by number, panic. */
#include "firmware/trap.h"

#include <stdarg.h>

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/csr.h"
#include "firmware/hart.h"
#include "firmware/offsets.h"

_Static_assert(offsetof(struct trap_frame, sepc) == FRAME_SEPC, "trap_entry.S");
_Static_assert(offsetof(struct trap_frame, sstatus) == FRAME_SSTATUS, "trap_entry.S");
_Static_assert(offsetof(struct trap_frame, scause) == FRAME_SCAUSE, "trap_entry.S");
_Static_assert(offsetof(struct trap_frame, stval) == FRAME_STVAL, "trap_entry.S");
_Static_assert(sizeof(struct trap_frame) == FRAME_SIZE, "trap_entry.S");

void trap_dispatch(struct trap_frame *f);

static trap_handler_fn handlers[NR_TRAP_ORDERS];
static void (*irq_handlers[NR_IRQS])(struct trap_frame *f);
static void (*panic_exit)(void);

void trap_register(enum trap_order order, trap_handler_fn fn)
{
	handlers[order] = fn;
}

void irq_register(enum irq irq, void (*fn)(struct trap_frame *f))
{
	irq_handlers[irq] = fn;
}

void irq_enable_local(enum irq irq)
{
	csr_set_sie(UINT64_C(1) << irq);
}

void irq_disable_local(enum irq irq)
{
	csr_read_clear_sie(UINT64_C(1) << irq);
}

const char *trap_cause_name(uint64_t scause)
{
	static const char *const names[] = {
		[CAUSE_FETCH_ACCESS] = "fetch access fault",
		[CAUSE_ILLEGAL] = "illegal instruction",
		[CAUSE_BREAKPOINT] = "breakpoint",
		[CAUSE_LOAD_ACCESS] = "load access fault",
		[CAUSE_STORE_ACCESS] = "store access fault",
		[CAUSE_FETCH_PAGE] = "fetch page fault",
		[CAUSE_LOAD_PAGE] = "load page fault",
		[CAUSE_STORE_PAGE] = "store page fault",
	};

	if (scause < ARRAY_LEN(names) && names[scause] != NULL)
		return names[scause];
	return (scause & SCAUSE_IRQ) != 0 ? "interrupt" : "exception";
}

void trap_print(const struct trap_frame *f)
{
	note("hart%u (id %llu): %s, scause=%llu stval=0x%llx sepc=0x%llx satp=0x%llx", arch_hart(),
	     (unsigned long long)hart_self()->hartid, trap_cause_name(f->scause),
	     (unsigned long long)f->scause, (unsigned long long)f->stval,
	     (unsigned long long)f->sepc, (unsigned long long)csr_read_satp());
	note("ra=0x%llx sp=0x%llx a0=0x%llx a1=0x%llx a2=0x%llx a3=0x%llx sstatus=0x%llx",
	     (unsigned long long)f->x[1], (unsigned long long)f->x[2], (unsigned long long)f->x[10],
	     (unsigned long long)f->x[11], (unsigned long long)f->x[12],
	     (unsigned long long)f->x[13], (unsigned long long)f->sstatus);
}

static void dispatch_irq(struct trap_frame *f)
{
	uint64_t n = f->scause & ~SCAUSE_IRQ;
	struct hart *h = hart_self();
	uint64_t resume = h->probe_resume;
	struct context *recover = h->recover;

	/* A trap inside the handler is neither the interrupted probe's nor the test's to leave by.
	 */
	h->probe_resume = 0;
	h->recover = n == IRQ_TIMER ? recover : NULL;
	if (n < NR_IRQS && irq_handlers[n] != NULL)
		irq_handlers[n](f);
	else
		panic("interrupt %llu has no handler", (unsigned long long)n);
	h->probe_resume = f->sepc == (uintptr_t)context_resume ? 0 : resume;
	h->recover = recover;
}

void trap_dispatch(struct trap_frame *f)
{
	if ((f->scause & SCAUSE_IRQ) != 0) {
		dispatch_irq(f);
		return;
	}
	for (unsigned i = 0; i < NR_TRAP_ORDERS; i++) {
		if (handlers[i] != NULL && handlers[i](f))
			return;
	}
	trap_print(f);
	panic("unexpected %s at 0x%llx", trap_cause_name(f->scause), (unsigned long long)f->sepc);
}

void panic_set_exit(void (*fn)(void))
{
	panic_exit = fn;
}

void panic(const char *fmt, ...)
{
	static uint32_t entered;
	va_list ap;

	arch_irq_save();
	/* A panic within a panic, or on a second hart, must not hide the first one. */
	if (__atomic_exchange_n(&entered, 1, __ATOMIC_RELAXED) != 0)
		hart_park();
	note("panic on hart%u (id %llu) satp=0x%llx locks held: %u", arch_hart(),
	     (unsigned long long)hart_self()->hartid, (unsigned long long)csr_read_satp(),
	     hart_self()->locks.nr);
	va_start(ap, fmt);
	vsay("hotwalk: PANIC ", fmt, ap);
	va_end(ap);
	if (panic_exit != NULL)
		panic_exit();
	hart_park();
}
