/* SPDX-License-Identifier: BSD-2-Clause */
/* arch.h with RISC-V instructions. */
#include "firmware/arch.h"

#include "firmware/arch_priv.h"
#include "firmware/csr.h"
#include "firmware/fence.h"
#include "firmware/hart.h"
#include "firmware/root.h"
#include "firmware/sbi.h"

static const struct arch_observer *observer;
static struct hartset online;
static vaddr_t direct_offset; /* virtual minus physical, of whatever map is in force */

void arch_set_direct_offset(vaddr_t offset)
{
	direct_offset = offset;
}

void *phys_to_ptr(paddr_t pa)
{
	return (void *)(pa + direct_offset);
}

paddr_t ptr_to_phys(const void *p)
{
	return (vaddr_t)p - direct_offset;
}

void *arch_virt_to_ptr(vaddr_t va)
{
	return (void *)va;
}

void arch_observe(const struct arch_observer *obs)
{
	observer = obs;
}

static uint64_t *slot_ptr(pte_slot_t slot)
{
	return phys_to_ptr(slot.pa);
}

pte_t pte_load(pte_slot_t slot)
{
	return (pte_t){__atomic_load_n(slot_ptr(slot), __ATOMIC_RELAXED)};
}

pte_t arch_raw_xchg(pte_slot_t slot, pte_t value)
{
	return (pte_t){__atomic_exchange_n(slot_ptr(slot), value.raw, __ATOMIC_RELAXED)};
}

bool arch_raw_cmpxchg(pte_slot_t slot, pte_t *expected, pte_t value)
{
	return __atomic_compare_exchange_n(slot_ptr(slot), &expected->raw, value.raw, false,
					   __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static uint64_t load_four(const uint64_t *e)
{
	return __atomic_load_n(&e[0], __ATOMIC_RELAXED) | __atomic_load_n(&e[1], __ATOMIC_RELAXED) |
	       __atomic_load_n(&e[2], __ATOMIC_RELAXED) | __atomic_load_n(&e[3], __ATOMIC_RELAXED);
}

unsigned pte_next_used(paddr_t table, unsigned from)
{
	const uint64_t *e = slot_ptr((pte_slot_t){table});
	unsigned i = from;

	if (i % 8 == 0) {
		while (i < 512 && (load_four(&e[i]) | load_four(&e[i + 4])) == 0)
			i += 8;
	}
	while (i < 512 && __atomic_load_n(&e[i], __ATOMIC_RELAXED) == 0)
		i++;
	return i;
}

void pte_store(pte_slot_t slot, pte_t value)
{
	if (observer != NULL)
		observer->write(slot, value, NULL);
	else
		__atomic_store_n(slot_ptr(slot), value.raw, __ATOMIC_RELAXED);
}

pte_t pte_xchg(pte_slot_t slot, pte_t value)
{
	if (observer != NULL)
		return observer->write(slot, value, NULL);
	return arch_raw_xchg(slot, value);
}

bool pte_cmpxchg(pte_slot_t slot, pte_t *expected, pte_t value)
{
	pte_t seen;

	if (observer == NULL)
		return arch_raw_cmpxchg(slot, expected, value);
	seen = observer->write(slot, value, expected);
	if (seen.raw == expected->raw)
		return true;
	*expected = seen;
	return false;
}

static uint64_t observe_begin(void)
{
	return observer != NULL ? observer->fence_begin() : 0;
}

static void observe_end(const struct hartset *harts, const struct fence_op *op, uint64_t token)
{
	if (observer != NULL)
		observer->fence_end(harts, op, token);
}

static void observe_local(const struct fence_op *op, uint64_t token)
{
	struct hartset self = hartset_of(arch_hart());

	observe_end(&self, op, token);
}

/*
 * A migration between begin and end would credit the wrong hart; there is none here, and an
 * interrupt in between only makes the fence later than the token says, which is safe.
 */
void fence_local_all(void)
{
	uint64_t token = observe_begin();

	raw_sfence_all();
	observe_local(&(struct fence_op){.all_va = true, .all_asid = true}, token);
}

void fence_local_va(vaddr_t va)
{
	uint64_t token = observe_begin();

	raw_sfence_va(va);
	observe_local(&(struct fence_op){.all_asid = true, .start = va, .size = 1}, token);
}

void fence_local_asid(uint16_t asid)
{
	uint64_t token = observe_begin();

	raw_sfence_asid(asid);
	observe_local(&(struct fence_op){.all_va = true, .asid = asid}, token);
}

void fence_local_va_asid(vaddr_t va, uint16_t asid)
{
	uint64_t token = observe_begin();

	raw_sfence_va_asid(va, asid);
	observe_local(&(struct fence_op){.start = va, .size = 1, .asid = asid}, token);
}

/* A store beside the first step is not known to be before it: the token is from before. */
void fence_inval_begin(void)
{
	if (observer != NULL)
		observer->inval_begin();
	raw_sfence_w_inval();
}

static void observe_inval(struct fence_op op)
{
	if (observer != NULL)
		observer->inval(&op);
}

void fence_inval_all(void)
{
	raw_sinval_all();
	observe_inval((struct fence_op){.all_va = true, .all_asid = true});
}

void fence_inval_va(vaddr_t va)
{
	raw_sinval_va(va);
	observe_inval((struct fence_op){.all_asid = true, .start = va, .size = 1});
}

void fence_inval_asid(uint16_t asid)
{
	raw_sinval_asid(asid);
	observe_inval((struct fence_op){.all_va = true, .asid = asid});
}

void fence_inval_va_asid(vaddr_t va, uint16_t asid)
{
	raw_sinval_va_asid(va, asid);
	observe_inval((struct fence_op){.start = va, .size = 1, .asid = asid});
}

void fence_inval_end(void)
{
	raw_sfence_inval_ir();
	if (observer != NULL)
		observer->inval_end();
}

void arch_wmb(void)
{
	raw_fence_w_w();
}

void arch_mb(void)
{
	raw_fence_rw_rw();
}

bool arch_has_rfence(void)
{
	return sbi()->rfence;
}

enum err arch_rfence(const struct hartset *targets, vaddr_t start, uint64_t size)
{
	bool all = (start == 0 && size == 0) || size == UINT64_MAX;
	struct fence_op op = {.all_va = all, .all_asid = true, .start = start, .size = size};
	struct hartset left = *targets;
	struct hart_mask m;
	uint64_t token;

	if (!sbi()->rfence)
		return ERR_NOSYS;
	token = observe_begin();
	while (hart_mask_next(&left, &m)) {
		if (sbi_remote_sfence_vma(m.mask, m.base, start, size) != SBI_OK)
			return ERR_IO;
	}
	observe_end(targets, &op, token);
	return OK;
}

unsigned arch_hart(void)
{
	return hart_self()->index;
}

struct hartset arch_harts_online(void)
{
	struct hartset s;

	for (unsigned i = 0; i < HARTSET_WORDS; i++)
		s.bits[i] = __atomic_load_n(&online.bits[i], __ATOMIC_RELAXED);
	return s;
}

/* On that hart: its satp says what it translates with. */
void arch_hart_starting(unsigned hart)
{
	uint64_t satp = csr_read_satp();

	if (observer != NULL)
		observer->hart_started(hart, (satp & SATP_PPN_MASK) << PAGE_SHIFT,
				       (uint16_t)(satp >> SATP_ASID_SHIFT & SATP_ASID_MASK));
}

static void online_update(unsigned hart, bool on)
{
	uint64_t bit = UINT64_C(1) << (hart % 64);

	if (on)
		__atomic_or_fetch(&online.bits[hart / 64], bit, __ATOMIC_RELEASE);
	else
		__atomic_and_fetch(&online.bits[hart / 64], ~bit, __ATOMIC_RELEASE);
}

void arch_hart_online(unsigned hart)
{
	online_update(hart, true);
}

/* For a hart that is lost: nobody waits for it any more, and nothing can be said of it. */
void arch_hart_offline(unsigned hart)
{
	/* In this order: whose shootdown does not see it any more must not be told that it holds.
	 */
	if (observer != NULL)
		observer->hart_stopped(hart);
	online_update(hart, false);
}

void arch_set_root(paddr_t root, uint64_t mode, uint16_t asid)
{
	if (observer != NULL)
		observer->root_entered(arch_hart(), root, asid);
	csr_write_satp(mode << SATP_MODE_SHIFT | (uint64_t)asid << SATP_ASID_SHIFT |
		       root >> PAGE_SHIFT);
	if (observer != NULL)
		observer->root_switched(arch_hart(), root, asid);
}

unsigned arch_measure_asid_bits(void)
{
	uint64_t old = csr_read_satp();
	uint64_t ones = old | SATP_ASID_MASK << SATP_ASID_SHIFT;
	unsigned bits = 0;
	uint64_t seen;

	csr_write_satp(ones);
	seen = csr_read_satp() >> SATP_ASID_SHIFT & SATP_ASID_MASK;
	csr_write_satp(old);
	fence_local_all();
	for (; seen != 0; seen >>= 1)
		bits++;
	return bits;
}

void arch_yield(void)
{
	hart_pause();
}

bool arch_irq_save(void)
{
	return (csr_read_clear_sstatus(SSTATUS_SIE) & SSTATUS_SIE) != 0;
}

void arch_irq_restore(bool enabled)
{
	if (enabled)
		csr_set_sstatus(SSTATUS_SIE);
}
