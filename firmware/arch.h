/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one door between the memory manager and the machine: entries, fences, harts, interrupts
 * between harts, physical memory. arch.c implements it with RISC-V instructions, arch_sim.c (host
 * tests) with simulated harts. Nothing in mm/ touches an entry, a fence or a lock otherwise, so
 * that the TLB model sees everything.
 */
#ifndef FIRMWARE_ARCH_H
#define FIRMWARE_ARCH_H

#include "firmware/hartset.h"
#include "firmware/types.h"

/* A page-table entry as it lies in memory. A struct, so that nobody adds to it by accident. */
typedef struct {
	uint64_t raw;
} pte_t;

/* Where an entry lies: a physical address, so that nobody dereferences it by accident. */
typedef struct {
	paddr_t pa;
} pte_slot_t;

/*
 * One 64-bit access each (Privileged ISA 4.3.1 leaves the size of a walker's access to the
 * implementation: only a naturally aligned single access is never seen torn). Stores are relaxed;
 * order between stores to entries is made by arch_wmb(), order to the walkers by a fence.
 */
pte_t pte_load(pte_slot_t slot);
void pte_store(pte_slot_t slot, pte_t value);
pte_t pte_xchg(pte_slot_t slot, pte_t value);
/* True if *slot was @expected and is @value now. Else *expected is what was seen. */
bool pte_cmpxchg(pte_slot_t slot, pte_t *expected, pte_t value);

/*
 * Index of the first entry of the table page @table that is not all zero, from @from on; 512 if
 * there is none. Loads as pte_load() does, in one loop: most entries of most tables are empty.
 */
unsigned pte_next_used(paddr_t table, unsigned from);

/* SFENCE.VMA on this hart, named by its operands (Privileged ISA, "Supervisor Memory-Management
 * Fence Instruction"). Orders this hart's earlier stores to entries before its later walks. */
void fence_local_all(void);	      /* rs1 = x0, rs2 = x0 */
void fence_local_va(vaddr_t va);      /* rs1 = va, rs2 = x0: leaf entries of va only */
void fence_local_asid(uint16_t asid); /* rs1 = x0, rs2: not global mappings */
void fence_local_va_asid(vaddr_t va, uint16_t asid); /* both */

/*
 * Svinval on this hart. In this order, not necessarily side by side, they are one SFENCE.VMA with
 * the operands of the middle one: it orders the stores before fence_inval_begin() before the walks
 * behind fence_inval_end(). One of them alone orders nothing. Illegal instructions without Svinval.
 */
void fence_inval_begin(void);			     /* SFENCE.W.INVAL */
void fence_inval_all(void);			     /* SINVAL.VMA x0, x0 */
void fence_inval_va(vaddr_t va);		     /* SINVAL.VMA va, x0 */
void fence_inval_asid(uint16_t asid);		     /* SINVAL.VMA x0, asid */
void fence_inval_va_asid(vaddr_t va, uint16_t asid); /* SINVAL.VMA va, asid */
void fence_inval_end(void);			     /* SFENCE.INVAL.IR */

/* Stores before it are seen by other harts before stores behind it (RVWMO: FENCE W,W). */
void arch_wmb(void);

/* Accesses before it are ordered before accesses behind it (RVWMO: FENCE RW,RW). */
void arch_mb(void);

/*
 * SBI RFENCE: SFENCE.VMA on each hart of @targets (this one may be among them), complete on
 * return (SBI defines success as "IPI was sent"; every kernel depends on completion).
 * @size 0 with @start 0, or UINT64_MAX: the whole address space (rs1 = x0).
 * Returns OK, ERR_NOSYS without the extension, ERR_IO for any other SBI error.
 */
enum err must_check arch_rfence(const struct hartset *targets, vaddr_t start, uint64_t size);
bool arch_has_rfence(void);

/*
 * Run @fn on a copy of the @size bytes (at most 64) at @arg in interrupt context on each hart of
 * @targets but this one, and wait until all have returned. The caller must not hold a lock that a
 * target may spin on with interrupts off.
 * Returns OK; ERR_NOSYS without IPIs; ERR_INVAL (too large); ERR_IO (SBI refused a hart);
 * ERR_TIMEOUT if a hart did not answer: it is named on the console, no longer online, and the
 * operation is not complete.
 */
enum err must_check arch_ipi_call(const struct hartset *targets, void (*fn)(void *),
				  const void *arg, size_t size);
bool arch_has_ipi(void);

unsigned arch_hart(void); /* index of this hart */
/* Harts that translate with our tables, as of now: what changes behind it is not in it. */
struct hartset arch_harts_online(void);

/* Bytes of physical memory. Only boot RAM and online hot-added memory may be asked for. */
void *phys_to_ptr(paddr_t pa);
/* The way back, for a pointer that phys_to_ptr() gave. */
paddr_t ptr_to_phys(const void *p);
/* A mapped kernel virtual address as a pointer, e.g. into the frame table. */
void *arch_virt_to_ptr(vaddr_t va);

/* A simulated machine may switch harts here; on a real one it is a spin-loop hint. */
void arch_yield(void);

/* Save and disable, or restore, this hart's interrupts. */
bool arch_irq_save(void);
void arch_irq_restore(bool enabled);

/*
 * The TLB model's feeds. The observer's store performs the access itself (arch_raw_*), so that
 * it can keep its generation in step with what is in memory.
 */
struct fence_op {
	bool all_va;   /* rs1 = x0 */
	bool all_asid; /* rs2 = x0 */
	vaddr_t start;
	uint64_t size; /* bytes, for all_va == false */
	uint16_t asid;
};

struct arch_observer {
	/* Writes @value to @slot and returns what was there; if @expected, only when it matches. */
	pte_t (*write)(pte_slot_t slot, pte_t value, const pte_t *expected);
	uint64_t (*fence_begin)(void);
	void (*fence_end)(const struct hartset *harts, const struct fence_op *op, uint64_t token);
	/* The three steps of Svinval on this hart, each behind its instruction but the first. */
	void (*inval_begin)(void);
	void (*inval)(const struct fence_op *op);
	void (*inval_end)(void);
	/* Before satp is written: from here on the hart may walk @root too; and behind it. */
	void (*root_entered)(unsigned hart, paddr_t root, uint16_t asid);
	void (*root_switched)(unsigned hart, paddr_t root, uint16_t asid);
	void (*hart_started)(unsigned hart, paddr_t root, uint16_t asid);
	void (*hart_stopped)(unsigned hart);
};

/* One observer, or NULL for none. */
void arch_observe(const struct arch_observer *obs);

/* For the observer only. */
pte_t arch_raw_xchg(pte_slot_t slot, pte_t value);
bool arch_raw_cmpxchg(pte_slot_t slot, pte_t *expected, pte_t value);

/* Print @fmt and the state of this hart, then end the run as a crash. For broken invariants of
 * the firmware itself only, never for bad input. */
void panic(const char *fmt, ...) printf_fn(1, 2) noreturn_fn;

#endif
