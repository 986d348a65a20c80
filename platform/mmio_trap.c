/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers that are emulated by trapping. */
#include "platform/mmio_trap.h"

#include "firmware/console.h"
#include "firmware/trap.h"
#include "mm/io.h"
#include "platform/mmio_insn.h"

#define SSTATUS_SPP (UINT64_C(1) << 8)

static struct mmio_trap *all;

static bool in_window(const struct mmio_trap *m, vaddr_t va)
{
	return va >= m->va && va - m->va < m->size;
}

/*
 * The instruction at @pc, in halves: the second may lie in a page of its own, which is mapped only
 * if it belongs to the instruction.
 */
static uint32_t fetch(uint64_t pc)
{
	const volatile uint16_t *half = (const volatile uint16_t *)(uintptr_t)pc;
	uint16_t low = half[0];

	return mmio_insn_is_long(low) ? (uint32_t)half[1] << 16 | low : low;
}

static uint64_t low_bytes(uint64_t value, unsigned size_bytes)
{
	return size_bytes < 8 ? value & ((UINT64_C(1) << (8 * size_bytes)) - 1) : value;
}

/*
 * Where the instruction goes. stval is the address of a page fault (Privileged ISA, "Supervisor
 * Trap Value"), zero only where an implementation leaves it out; when it says otherwise than the
 * instruction does, the machine is wrong, and says so once.
 */
static vaddr_t access_address(struct mmio_trap *m, const struct trap_frame *f,
			      const struct mmio_insn *insn)
{
	vaddr_t va = (insn->base == 0 ? 0 : f->x[insn->base]) + (uint64_t)(int64_t)insn->offset;

	if (f->stval != va && f->stval != 0 && !m->stval_noted) {
		m->stval_noted = true;
		note("%s: %s at %#llx: stval is %#llx, the instruction addresses %#llx", m->name,
		     trap_cause_name(f->scause), (unsigned long long)f->sepc,
		     (unsigned long long)f->stval, (unsigned long long)va);
	}
	return va;
}

static bool access_window(struct mmio_trap *m, struct trap_frame *f)
{
	struct mmio_insn insn;
	vaddr_t va;

	/* The code of a fault from elsewhere, or from U-mode, is none of ours to read. */
	if ((f->stval != 0 && !in_window(m, f->stval)) || (f->sstatus & SSTATUS_SPP) == 0)
		return false;
	if (!mmio_insn_decode(fetch(f->sepc), &insn) ||
	    insn.store != (f->scause == CAUSE_STORE_PAGE))
		return false;
	va = access_address(m, f, &insn);
	if (!in_window(m, va) || m->size - (va - m->va) < insn.size_bytes)
		return false;
	if (insn.store) {
		uint64_t value = insn.reg == 0 ? 0 : f->x[insn.reg];

		m->store(va - m->va, low_bytes(value, insn.size_bytes), insn.size_bytes);
	} else {
		uint64_t value = low_bytes(m->load(va - m->va, insn.size_bytes), insn.size_bytes);

		if (insn.reg != 0)
			f->x[insn.reg] = mmio_insn_extend(&insn, value);
	}
	f->sepc += insn.len_bytes;
	return true;
}

static bool trap(struct trap_frame *f)
{
	if (f->scause != CAUSE_LOAD_PAGE && f->scause != CAUSE_STORE_PAGE)
		return false;
	for (struct mmio_trap *m = all; m != NULL; m = m->next) {
		if (access_window(m, f))
			return true;
	}
	return false;
}

enum err mmio_trap_add(struct mmio_trap *m)
{
	vaddr_t va;
	enum err e = io_reserve(m->size, &va);

	if (e != OK)
		return e;
	if (all == NULL)
		trap_register(TRAP_ORDER_DEVICE, trap);
	m->va = va;
	m->next = all;
	all = m;
	return OK;
}
