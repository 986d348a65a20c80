/* SPDX-License-Identifier: BSD-2-Clause */
/* RFENCE as SBI defines it (chapter "RFENCE Extension"), and its faults. */
#include "host/sim/sbi_native.h"

#include "host/sim/csr.h"
#include "host/sim/faults.h"
#include "host/sim/fence.h"
#include "host/sim/mmu.h"
#include "host/sim/sbi_small.h"

#define EID_IPI 0x735049
#define EID_RFENCE 0x52464e43
#define EID_HSM 0x48534d

#define RFENCE_FENCE_I 0
#define RFENCE_SFENCE_VMA 1
#define RFENCE_SFENCE_VMA_ASID 2
#define HSM_START 0
#define HSM_STOP 1
#define HSM_SUSPEND 3

#define SBI_SUCCESS 0
#define SBI_ERR_NOT_SUPPORTED (-2)
#define SBI_ERR_INVALID_PARAM (-3)

#define LATE_INSNS 2000
#define CLOSE_INSNS 2000
#define LIMIT_PAGES 64

enum { A0 = 10, A1, A2, A3, A4, A6 = 16, A7 };

/* The last request, for faults that mix two up. */
static struct {
	uint64_t when;
	const struct hart *by;
	struct fence op;
} last;

bool sbi_native_targets(const struct hart *h, uint64_t mask, uint64_t base, uint64_t *set)
{
	unsigned nr = h->machine->nr_harts;
	uint64_t all = nr == 64 ? UINT64_MAX : BIT(nr) - 1;

	*set = 0;
	if (base == UINT64_MAX) {
		*set = fault_in_sbi(FAULT_RFENCE_BASE_ALL) ? 0 : all;
		return true;
	}
	if (fault_in_sbi(FAULT_RFENCE_MASK_32))
		mask &= UINT32_MAX;
	if (fault_in_sbi(FAULT_RFENCE_BASE)) {
		*set = mask & all;
		return true;
	}
	if (mask != 0 && (base >= nr || mask > all >> base))
		return false;
	*set = mask == 0 ? 0 : mask << base;
	return true;
}

static uint64_t faulty_targets(const struct hart *h, uint64_t set)
{
	if (fault_in_sbi(FAULT_RFENCE_NOTHING) || fault_in_sbi(FAULT_RFENCE_FENCE_I))
		return 0;
	if (fault_in_sbi(FAULT_RFENCE_ODD))
		set &= UINT64_C(0x5555555555555555);
	if (fault_in_sbi(FAULT_RFENCE_HIGHEST) && set != 0)
		set &= ~BIT(63 - __builtin_clzll(set));
	if (fault_in_sbi(FAULT_RFENCE_SELF))
		set &= ~BIT(h->id);
	if (fault_in_sbi(FAULT_RFENCE_ONLY_SELF))
		set &= BIT(h->id);
	return set;
}

/* A range in bytes as faults see it. */
static void faulty_range(uint64_t *start, uint64_t *size)
{
	if (fault_in_sbi(FAULT_RFENCE_SIZE_16))
		*size &= UINT16_MAX;
	if (fault_in_sbi(FAULT_RFENCE_SIZE_32))
		*size &= UINT32_MAX;
	if (fault_in_sbi(FAULT_RFENCE_UNALIGNED))
		*start &= ~PAGE_OFFSET;
	if (fault_in_sbi(FAULT_RFENCE_LIMIT) && *size > LIMIT_PAGES * PAGE_BYTES)
		*size = LIMIT_PAGES * PAGE_BYTES;
	if (fault_in_sbi(FAULT_RFENCE_FIRST_PAGE)) {
		*start += PAGE_BYTES;
		*size = *size > PAGE_BYTES ? *size - PAGE_BYTES : 0;
	}
	if (fault_in_sbi(FAULT_RFENCE_LAST_PAGE))
		*size = *size > PAGE_BYTES ? *size - PAGE_BYTES : 0;
}

/* The fence that each target executes; false: none. */
static bool request(const struct hart *h, struct fence *f)
{
	uint64_t start = h->x[A2];
	uint64_t size = h->x[A3];
	bool with_asid = h->x[A6] == RFENCE_SFENCE_VMA_ASID;
	bool zero = start == 0 && size == 0;

	*f = (struct fence){.before = UINT64_MAX, .all_asid = !with_asid};
	f->asid = (uint16_t)(h->x[A4] & h->tlb.asid_mask);
	if (with_asid && fault_in_sbi(FAULT_RFENCE_ASID_NOTHING))
		return false;
	if (with_asid && fault_in_sbi(FAULT_RFENCE_ASID_ZERO))
		f->asid = 0;
	if (!with_asid && fault_in_sbi(FAULT_RFENCE_VMA_IS_ASID)) {
		f->all_asid = false;
		f->asid = 0;
	}
	if (zero || size == UINT64_MAX) {
		f->all_va = true;
		return !fault_in_sbi(zero ? FAULT_RFENCE_ZERO : FAULT_RFENCE_SIZE_ALL);
	}
	faulty_range(&start, &size);
	if (size == 0)
		return false;
	f->first = start >> PAGE_SHIFT;
	f->last = (size - 1 > UINT64_MAX - start ? UINT64_MAX : start + size - 1) >> PAGE_SHIFT;
	return true;
}

static void put_off(struct hart *t, const struct fence *f)
{
	for (unsigned i = 0; i < MAX_LATE_FENCES; i++) {
		if (!t->late_fence[i].pending) {
			t->late_fence[i] = (struct late_fence){true, t->insns + LATE_INSNS, *f};
			return;
		}
	}
	fence_apply(t, f);
}

static void fence_target(struct hart *t, const struct fence *f, const struct hart *caller)
{
	bool masked = t->priv == PRIV_S && (t->mstatus & MSTATUS_SIE) == 0;

	/* A hart that is stopped makes no promise. */
	if (t->stopped)
		return;
	if ((t->waiting && fault_in_sbi(FAULT_RFENCE_WAITING)) ||
	    (t->suspended && fault_in_sbi(FAULT_RFENCE_SUSPENDED)))
		return;
	if (t != caller &&
	    (fault_in_sbi(FAULT_RFENCE_LATE) || (masked && fault_in_sbi(FAULT_RFENCE_MASKED))))
		put_off(t, f);
	else
		fence_apply(t, f);
}

void sbi_native_poll(struct hart *h)
{
	bool masked = h->priv == PRIV_S && (h->mstatus & MSTATUS_SIE) == 0;

	for (unsigned i = 0; i < MAX_LATE_FENCES; i++) {
		struct late_fence *l = &h->late_fence[i];

		if (!l->pending || (fault_in_sbi(FAULT_RFENCE_LATE) && h->insns < l->due) ||
		    (fault_in_sbi(FAULT_RFENCE_MASKED) && masked))
			continue;
		l->pending = false;
		fence_apply(h, &l->op);
	}
}

/* Two requests close together, as faults see them; false: this one is lost. */
static bool mix_up(const struct hart *h, struct fence *f)
{
	uint64_t now = h->machine->insns;
	bool near = last.by != NULL && last.by != h && now - last.when < CLOSE_INSNS;

	if (near && fault_in_sbi(FAULT_RFENCE_SECOND)) {
		last.by = NULL;
		return false;
	}
	if (near && fault_in_sbi(FAULT_RFENCE_MERGE)) {
		*f = last.op;
		return true;
	}
	last.when = now;
	last.by = h;
	last.op = *f;
	return true;
}

int64_t sbi_native_rfence(struct hart *h)
{
	struct machine *m = h->machine;
	struct fence f;
	uint64_t set;

	if (h->x[A6] > RFENCE_SFENCE_VMA_ASID)
		return SBI_ERR_NOT_SUPPORTED;
	if (!sbi_native_targets(h, h->x[A0], h->x[A1], &set))
		return SBI_ERR_INVALID_PARAM;
	if (h->x[A6] == RFENCE_FENCE_I || !request(h, &f) || !mix_up(h, &f))
		return SBI_SUCCESS;
	set = faulty_targets(h, set);
	for (unsigned i = 0; i < m->nr_harts; i++) {
		if ((set >> i & 1) != 0)
			fence_target(&m->hart[i], &f, h);
	}
	return SBI_SUCCESS;
}

/* Only what faults do to it; the call itself is the firmware's. True: answered. */
static bool hsm(struct hart *h)
{
	if (h->x[A6] == HSM_STOP)
		h->stopped = true;
	if (h->x[A6] == HSM_SUSPEND)
		h->suspended = true;
	if (h->x[A6] != HSM_START)
		return false;
	if (fault_in_sbi(FAULT_HSM_OPAQUE))
		h->x[A2] = 0;
	if (fault_in_sbi(FAULT_HSM_SATP) && h->x[A0] < h->machine->nr_harts)
		h->machine->hart[h->x[A0]].start_satp = h->satp;
	return fault_in_sbi(FAULT_HSM_START_LOST);
}

/* IPIs to the last hart are lost. */
static void ipi(struct hart *h)
{
	uint64_t set;

	if (!fault_in_sbi(FAULT_IPI_HIGHEST) || !sbi_native_targets(h, h->x[A0], h->x[A1], &set))
		return;
	h->x[A0] = set & ~BIT(h->machine->nr_harts - 1);
	h->x[A1] = 0;
}

bool sbi_native_call(struct hart *h)
{
	if (h->machine->config->sbi_small) {
		sbi_small_call(h);
		return true;
	}
	if (sbi_small_deny(h))
		return true;
	switch (h->x[A7]) {
	case EID_RFENCE:
		if (!h->machine->config->sbi_rfence)
			return false;
		h->x[A0] = (uint64_t)sbi_native_rfence(h);
		h->x[A1] = 0;
		return true;
	case EID_HSM:
		if (!hsm(h))
			return false;
		h->x[A0] = SBI_SUCCESS;
		h->x[A1] = 0;
		return true;
	case EID_IPI:
		ipi(h);
		return false;
	default:
		return false;
	}
}
