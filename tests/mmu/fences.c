/* SPDX-License-Identifier: BSD-2-Clause */
/* The fences under test, and what goes wrong with them on request. */
#include "tests/mmu/fences.h"

#include "firmware/arch.h"
#include "firmware/fence.h"
#include "firmware/hart.h"
#include "firmware/sbi.h"
#include "mm/fault.h"
#include "tests/mmu/seq.h"

struct kind {
	const char *name;
	const char *op; /* of a local fence, or of what the interrupted hart does */
};

static const struct kind kinds[NR_FENCES] = {
	[FENCE_NONE] = {"no fence", seq_fence_none},
	[FENCE_VA] = {"sfence.vma va, x0", seq_fence_va},
	[FENCE_VA_ASID] = {"sfence.vma va, asid", seq_fence_va_asid},
	[FENCE_ASID] = {"sfence.vma x0, asid", seq_fence_asid},
	[FENCE_ALL] = {"sfence.vma x0, x0", seq_fence_all},
	[INVAL_VA] = {"sinval.vma va, x0", seq_inval_va},
	[INVAL_VA_ASID] = {"sinval.vma va, asid", seq_inval_va_asid},
	[INVAL_ASID] = {"sinval.vma x0, asid", seq_inval_asid},
	[INVAL_ALL] = {"sinval.vma x0, x0", seq_inval_all},
	[RFENCE_PAGE] = {"SBI remote_sfence_vma(page)", NULL},
	[RFENCE_LEAF] = {"SBI remote_sfence_vma(leaf)", NULL},
	[RFENCE_ZERO] = {"SBI remote_sfence_vma(0, 0)", NULL},
	[RFENCE_ALL] = {"SBI remote_sfence_vma(0, -1)", NULL},
	[RFENCE_PAGE_ASID] = {"SBI remote_sfence_vma_asid(page)", NULL},
	[RFENCE_LEAF_ASID] = {"SBI remote_sfence_vma_asid(leaf)", NULL},
	[RFENCE_ALL_ASID] = {"SBI remote_sfence_vma_asid(0, -1)", NULL},
	[IPI_VA] = {"interrupt, sfence.vma va, x0", seq_fence_va},
	[IPI_VA_ASID] = {"interrupt, sfence.vma va, asid", seq_fence_va_asid},
	[IPI_ASID] = {"interrupt, sfence.vma x0, asid", seq_fence_asid},
	[IPI_ALL] = {"interrupt, sfence.vma x0, x0", seq_fence_all},
	[FENCE_EACH_VA] = {"sfence.vma va, x0 for each page", seq_each_fence_va},
	[INVAL_EACH_VA] = {"sinval.vma va, x0 for each page", seq_each_inval_va},
	[INVAL_EACH_VA_ASID] = {"sinval.vma va, asid for each page", seq_each_inval_va_asid},
};

const char *fence_name(enum fence f)
{
	return kinds[f].name;
}

static bool has_address(const void *op)
{
	return op == seq_fence_va || op == seq_fence_va_asid || op == seq_inval_va ||
	       op == seq_inval_va_asid || op == seq_each_fence_va || op == seq_each_inval_va ||
	       op == seq_each_inval_va_asid;
}

static bool is_inval(enum fence f)
{
	return (FENCE_BIT(f) & (FENCES_INVAL | FENCES_INVAL_EACH)) != 0;
}

/* The last of several is lost; of one, that one. */
static void lose_last(struct fence_insn *i, struct fence_list *each)
{
	if (each != NULL && each->n > 1)
		each->n--;
	else
		i->op = seq_fence_none;
}

/* The same with rs2 = asid. */
static const void *by_asid(const void *op)
{
	if (op == seq_fence_va)
		return seq_fence_va_asid;
	return op == seq_fence_all ? seq_fence_asid : op;
}

struct fence_insn fence_insn(enum fence f, const struct fence_at *at)
{
	struct fence_insn i = {kinds[f].op, at->va, at->asid};
	static unsigned fences[MAX_HARTS];
	unsigned hart = arch_hart();

	if (i.op == seq_fence_none)
		return i;
	if (at->each != NULL)
		i.rs1 = (uintptr_t)at->each;
	else if (fault_armed(FAULT_FENCE_SWAP)) {
		i.rs1 = at->asid;
		i.rs2 = at->va;
	}
	if (fault_armed(FAULT_FENCE_ASID_OTHER))
		i.rs2 ^= 1;
	if (fault_armed(FAULT_FENCE_ASID_ONLY))
		i.op = by_asid(i.op);
	if ((fault_armed(FAULT_FENCE_ODD_HARTS) && hart % 2 != 0) ||
	    (fault_armed(FAULT_FENCE_ADDRESSED) && has_address(i.op)) ||
	    (fault_armed(FAULT_FENCE_SECOND) && ++fences[hart] % 2 == 0))
		i.op = seq_fence_none;
	if (is_inval(f) && fault_armed(FAULT_INVAL_NONE))
		i.op = seq_fence_none;
	if (is_inval(f) && fault_armed(FAULT_INVAL_LAST))
		lose_last(&i, at->each);
	return i;
}

void fence_here(enum fence f, const struct fence_at *at)
{
	struct fence_insn i = fence_insn(f, at);

	seq_fence(i.op, i.rs1, i.rs2);
}

/* One SBI call, as its caller means it and as faults leave it. */
struct request {
	struct hart_mask m;
	vaddr_t start;
	uint64_t size;
	int64_t asid;
};

static int64_t send(const struct request *r)
{
	if (r->asid < 0)
		return sbi_remote_sfence_vma(r->m.mask, r->m.base, r->start, r->size);
	return sbi_remote_sfence_vma_asid(r->m.mask, r->m.base, r->start, r->size,
					  (uint64_t)r->asid);
}

static bool any_stopped(const struct hart_mask *m)
{
	for (unsigned i = 0; i < 64; i++) {
		if ((m->mask >> i & 1) != 0 && sbi_hart_state(m->base + i) == SBI_HART_STOPPED)
			return true;
	}
	return false;
}

/* Faults that leave harts out. */
static bool drops(const struct hart *h)
{
	return (fault_armed(FAULT_RFENCE_ODD_HARTS) && h->index % 2 != 0) ||
	       (fault_armed(FAULT_RFENCE_SELF) && h->index == arch_hart()) ||
	       (fault_armed(FAULT_RFENCE_ASLEEP) &&
		sbi_hart_state(h->hartid) == SBI_HART_SUSPENDED);
}

/* False: nobody is left. */
static bool spoil_mask(struct hart_mask *m)
{
	if (m->base == UINT64_MAX)
		return !fault_armed(FAULT_RFENCE_BASE_ALL);
	for (unsigned h = 0; h < hart_count(); h++) {
		uint64_t bit = hart_get(h)->hartid - m->base;

		if (bit < 64 && (m->mask >> bit & 1) != 0 && drops(hart_get(h)))
			m->mask &= ~(UINT64_C(1) << bit);
	}
	if (fault_armed(FAULT_RFENCE_MASK_BASE))
		m->base = 0;
	return m->mask != 0;
}

/* What goes wrong on request. False: nothing is sent. */
static bool spoil(struct request *r)
{
	static uint32_t calls;
	bool full = (r->start == 0 && r->size == 0) || r->size == UINT64_MAX;

	if (fault_armed(FAULT_RFENCE_NONE) || (fault_armed(FAULT_RFENCE_ZERO) && full) ||
	    (fault_armed(FAULT_RFENCE_SECOND) &&
	     __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED) % 2 == 0))
		return false;
	if (fault_armed(FAULT_RFENCE_STOPPED) && any_stopped(&r->m))
		return false;
	if (fault_armed(FAULT_RFENCE_16_BITS))
		r->size &= 0xffff;
	if (fault_armed(FAULT_RFENCE_END) && !full && r->size > PAGE_SIZE)
		r->size -= PAGE_SIZE;
	if (fault_armed(FAULT_RFENCE_FIRST_PAGE) && !full && r->size > PAGE_SIZE)
		r->size = PAGE_SIZE;
	if (fault_armed(FAULT_RFENCE_ASID_DROPPED) && r->asid > 0)
		r->asid = 0;
	if (fault_armed(FAULT_RFENCE_ASID_OTHER) && r->asid >= 0)
		r->asid ^= 1;
	return spoil_mask(&r->m);
}

/* Each hart's last call is sent by its next one. */
static int64_t send_late(const struct request *r)
{
	static struct {
		struct request r;
		bool there;
	} late[MAX_HARTS];
	unsigned hart = arch_hart();
	int64_t rc = late[hart].there ? send(&late[hart].r) : SBI_OK;

	late[hart].r = *r;
	late[hart].there = true;
	return rc;
}

int64_t fence_rfence_mask(struct hart_mask m, vaddr_t start, uint64_t size, int64_t asid)
{
	static uint32_t under_way;
	struct request r = {m, start, size, asid};
	int64_t rc = SBI_OK;

	if (__builtin_expect(!fault_any, 1))
		return send(&r);
	if (!spoil(&r))
		return SBI_OK;
	if (fault_armed(FAULT_RFENCE_EARLY))
		return send_late(&r);
	if (__atomic_fetch_add(&under_way, 1, __ATOMIC_RELAXED) == 0 ||
	    !fault_armed(FAULT_RFENCE_MERGE))
		rc = send(&r);
	__atomic_fetch_sub(&under_way, 1, __ATOMIC_RELAXED);
	return rc;
}

int64_t fence_i_remote(const struct hartset *targets)
{
	struct hartset left = *targets;
	struct hart_mask m;
	int64_t rc = SBI_OK;

	while (rc == SBI_OK && hart_mask_next(&left, &m))
		rc = sbi_remote_fence_i(m.mask, m.base);
	return rc;
}

int64_t fence_rfence(const struct hartset *targets, vaddr_t start, uint64_t size, int64_t asid)
{
	struct hartset left = *targets;
	struct hart_mask m;

	/* Back at once behind the last call: a fence that comes later than that is to be seen. */
	while (!hartset_empty(&left) && hart_mask_next(&left, &m)) {
		int64_t rc = fence_rfence_mask(m, start, size, asid);

		if (rc != SBI_OK)
			return rc;
	}
	return SBI_OK;
}

struct ipi_fence {
	enum fence f;
	struct fence_at at;
};

static void ipi_fence(void *arg)
{
	const struct ipi_fence *i = arg;

	fence_here(i->f, &i->at);
}

int64_t fence_remote(enum fence f, const struct fence_at *at, const struct hartset *targets)
{
	struct ipi_fence ipi = {f, *at};
	vaddr_t page = align_down(at->va, PAGE_SIZE);

	switch (f) {
	case RFENCE_PAGE:
		return fence_rfence(targets, page, PAGE_SIZE, -1);
	case RFENCE_LEAF:
		return fence_rfence(targets, at->start, at->size, -1);
	case RFENCE_ZERO:
		return fence_rfence(targets, 0, 0, -1);
	case RFENCE_ALL:
		return fence_rfence(targets, 0, UINT64_MAX, -1);
	case RFENCE_PAGE_ASID:
		return fence_rfence(targets, page, PAGE_SIZE, at->asid);
	case RFENCE_LEAF_ASID:
		return fence_rfence(targets, at->start, at->size, at->asid);
	case RFENCE_ALL_ASID:
		return fence_rfence(targets, 0, UINT64_MAX, at->asid);
	default:
		break;
	}
	if (hartset_has(targets, arch_hart()))
		ipi_fence(&ipi);
	return arch_ipi_call(targets, ipi_fence, &ipi, sizeof(ipi)) == OK ? 0 : -1;
}
