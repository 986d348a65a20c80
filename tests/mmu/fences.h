/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fences under test: by operands, on this hart, through SBI RFENCE, or by our own interrupt.
 * All of these suites fence through here, so that a seeded fault reaches all of them.
 */
#ifndef TESTS_MMU_FENCES_H
#define TESTS_MMU_FENCES_H

#include "firmware/hart.h"
#include "firmware/hartset.h"
#include "firmware/types.h"

enum fence {
	FENCE_NONE,
	/* This hart's SFENCE.VMA: rs1, rs2 */
	FENCE_VA,
	FENCE_VA_ASID,
	FENCE_ASID,
	FENCE_ALL,
	/* The same by Svinval's three instructions */
	INVAL_VA,
	INVAL_VA_ASID,
	INVAL_ASID,
	INVAL_ALL,
	/* SBI RFENCE: the 4 KiB of the named address; the whole leaf; (0, 0); (0, -1) */
	RFENCE_PAGE,
	RFENCE_LEAF,
	RFENCE_ZERO,
	RFENCE_ALL,
	RFENCE_PAGE_ASID,
	RFENCE_LEAF_ASID,
	RFENCE_ALL_ASID,
	/* Our own interrupt, with the target's own SFENCE.VMA in it */
	IPI_VA,
	IPI_VA_ASID,
	IPI_ASID,
	IPI_ALL,
	/* This hart's, once for each target's page: n SFENCE.VMA in a row; n SINVAL.VMA in one
	 * bracket */
	FENCE_EACH_VA,
	INVAL_EACH_VA,
	INVAL_EACH_VA_ASID,
	NR_FENCES,
};

#define FENCE_BIT(f) (UINT32_C(1) << (f))
#define FENCES_LOCAL                                                                               \
	(FENCE_BIT(FENCE_VA) | FENCE_BIT(FENCE_VA_ASID) | FENCE_BIT(FENCE_ASID) |                  \
	 FENCE_BIT(FENCE_ALL))
#define FENCES_INVAL                                                                               \
	(FENCE_BIT(INVAL_VA) | FENCE_BIT(INVAL_VA_ASID) | FENCE_BIT(INVAL_ASID) |                  \
	 FENCE_BIT(INVAL_ALL))
#define FENCES_RFENCE                                                                              \
	(FENCE_BIT(RFENCE_PAGE) | FENCE_BIT(RFENCE_LEAF) | FENCE_BIT(RFENCE_ZERO) |                \
	 FENCE_BIT(RFENCE_ALL) | FENCE_BIT(RFENCE_PAGE_ASID) | FENCE_BIT(RFENCE_LEAF_ASID) |       \
	 FENCE_BIT(RFENCE_ALL_ASID))
#define FENCES_IPI                                                                                 \
	(FENCE_BIT(IPI_VA) | FENCE_BIT(IPI_VA_ASID) | FENCE_BIT(IPI_ASID) | FENCE_BIT(IPI_ALL))
#define FENCES_EACH                                                                                \
	(FENCE_BIT(FENCE_EACH_VA) | FENCE_BIT(INVAL_EACH_VA) | FENCE_BIT(INVAL_EACH_VA_ASID))
#define FENCES_INVAL_EACH (FENCE_BIT(INVAL_EACH_VA) | FENCE_BIT(INVAL_EACH_VA_ASID))
/* rs1 = x0: those that reach table pointers and not only leaves (Privileged ISA, SFENCE.VMA). */
#define FENCES_ANY_VA                                                                              \
	(FENCE_BIT(FENCE_ASID) | FENCE_BIT(FENCE_ALL) | FENCE_BIT(INVAL_ASID) |                    \
	 FENCE_BIT(INVAL_ALL) | FENCE_BIT(RFENCE_ZERO) | FENCE_BIT(RFENCE_ALL) |                   \
	 FENCE_BIT(RFENCE_ALL_ASID) | FENCE_BIT(IPI_ASID) | FENCE_BIT(IPI_ALL))
/* rs2 = x0: those that reach global entries. */
#define FENCES_ANY_ASID                                                                            \
	(FENCE_BIT(FENCE_VA) | FENCE_BIT(FENCE_ALL) | FENCE_BIT(INVAL_VA) | FENCE_BIT(INVAL_ALL) | \
	 FENCE_BIT(RFENCE_PAGE) | FENCE_BIT(RFENCE_LEAF) | FENCE_BIT(RFENCE_ZERO) |                \
	 FENCE_BIT(RFENCE_ALL) | FENCE_BIT(IPI_VA) | FENCE_BIT(IPI_ALL) |                          \
	 FENCE_BIT(FENCE_EACH_VA) | FENCE_BIT(INVAL_EACH_VA))

/* "sfence.vma va, x0" and the like; never NULL. */
const char *fence_name(enum fence f);

/* Addresses that one after the other are fenced; read by seq_insns.S. */
#define FENCE_MAX_EACH 64
struct fence_list {
	uint64_t n; /* at least 1 */
	vaddr_t va[FENCE_MAX_EACH];
};

/* What a fence is told. */
struct fence_at {
	vaddr_t va;    /* any address of the leaf */
	vaddr_t start; /* of the leaf */
	uint64_t size; /* of the leaf, bytes */
	uint16_t asid;
	struct fence_list *each; /* of FENCES_EACH, else NULL */
};

/* A local fence as operands for struct seq; resolved before, so that nothing stands in between. */
struct fence_insn {
	const void *op;
	uint64_t rs1, rs2;
};
struct fence_insn fence_insn(enum fence f, const struct fence_at *at);

/* Make local fence @f on this hart now. */
void fence_here(enum fence f, const struct fence_at *at);

/*
 * RFENCE_* and IPI_*: fence @targets (this hart may be one of them). Returns the SBI error, 0 for
 * none; an own interrupt that is not answered is -1.
 */
int64_t fence_remote(enum fence f, const struct fence_at *at, const struct hartset *targets);

/*
 * One SBI call as it stands: bit i of @m.mask is hart id @m.base + i; @m.base ~0: all harts.
 * @asid < 0: REMOTE_SFENCE_VMA, else ..._ASID. Any hart, several at once. Returns the SBI error.
 */
int64_t fence_rfence_mask(struct hart_mask m, vaddr_t start, uint64_t size, int64_t asid);

/* SBI remote FENCE.I on @targets. */
int64_t fence_i_remote(const struct hartset *targets);

/* The same for @targets: as many calls as their ids take; the first error, behind which the rest
 * is not sent. */
int64_t fence_rfence(const struct hartset *targets, vaddr_t start, uint64_t size, int64_t asid);

#endif
