/* SPDX-License-Identifier: BSD-2-Clause */
/* Traps: the saved frame, the ordered chain of exception handlers, interrupts by number. */
#ifndef FIRMWARE_TRAP_H
#define FIRMWARE_TRAP_H

#include "firmware/types.h"

/* Layout shared with trap_entry.S. x[0] is unused; x[i] is register xi. */
struct trap_frame {
	uint64_t x[32];
	uint64_t sepc;
	uint64_t sstatus;
	uint64_t scause;
	uint64_t stval;
};

enum trap_cause {
	CAUSE_FETCH_ACCESS = 1,
	CAUSE_ILLEGAL = 2,
	CAUSE_BREAKPOINT = 3,
	CAUSE_LOAD_ACCESS = 5,
	CAUSE_STORE_ACCESS = 7,
	CAUSE_FETCH_PAGE = 12,
	CAUSE_LOAD_PAGE = 13,
	CAUSE_STORE_PAGE = 15,
};

/* "load page fault" and the like; never NULL. */
const char *trap_cause_name(uint64_t scause);

/* Asked in this order, whatever the order of registration. */
enum trap_order {
	TRAP_ORDER_PROBE,
	TRAP_ORDER_DEVICE,
	TRAP_ORDER_LAZY_MAP,
	TRAP_ORDER_LAST,
	NR_TRAP_ORDERS
};

/* True: handled, return to @f->sepc. Runs on the faulting hart with interrupts off. */
typedef bool (*trap_handler_fn)(struct trap_frame *f);

void trap_register(enum trap_order order, trap_handler_fn fn);

enum irq { IRQ_SOFT = 1, IRQ_TIMER = 5, IRQ_EXT = 9, NR_IRQS = 16 };

/* Runs with interrupts off. Without a handler an interrupt is a panic. */
void irq_register(enum irq irq, void (*fn)(struct trap_frame *f));
void irq_enable_local(enum irq irq);
void irq_disable_local(enum irq irq);

/* Print a frame as diagnostic lines: cause, addresses, the registers that matter. */
void trap_print(const struct trap_frame *f);

/* What ends the machine behind a panic's message; without one the hart parks. */
void panic_set_exit(void (*fn)(void));

#endif
