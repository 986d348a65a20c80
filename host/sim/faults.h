/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mistakes that the emulated machine makes on request. One table: id, name, class, what it does.
 * Each one breaks a rule of the architecture or of SBI; doing more than asked (flushing too much)
 * is none, and is not here.
 */
#ifndef HOST_SIM_FAULTS_H
#define HOST_SIM_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#define FAULTS(X)                                                                                  \
	/* what a fence reaches */                                                                 \
	X(FENCE_VA_FIRST_PAGE, "fence-va-first-page", "fence",                                     \
	  "an addressed fence finds a superpage by its first 4 KiB only")                          \
	X(FENCE_VA_NOT_2M, "fence-va-not-2m", "fence", "an addressed fence misses 2 MiB entries")  \
	X(FENCE_VA_NOT_1G, "fence-va-not-1g", "fence", "an addressed fence misses 1 GiB entries")  \
	X(FENCE_VA_NOT_512G, "fence-va-not-512g", "fence",                                         \
	  "an addressed fence misses 512 GiB entries")                                             \
	X(FENCE_VA_NAPOT_FIRST, "fence-va-napot-first", "fence",                                   \
	  "an addressed fence finds a NAPOT entry by its first page only")                         \
	X(FENCE_VA_NOT_L2, "fence-va-not-l2", "fence",                                             \
	  "an addressed fence does not reach the second level")                                    \
	X(FENCE_ALL_NOT_L2, "fence-all-not-l2", "fence",                                           \
	  "a fence with rs1=x0 does not reach the second level")                                   \
	X(FENCE_ALL_L2_HALF, "fence-all-l2-half", "fence",                                         \
	  "a fence with rs1=x0 leaves every other entry of the second level")                      \
	X(FENCE_NOT_ITLB, "fence-not-itlb", "fence", "no fence reaches the instruction TLB")       \
	X(FENCE_VA_NOT_ITLB, "fence-va-not-itlb", "fence",                                         \
	  "an addressed fence does not reach the instruction TLB")                                 \
	X(FENCE_VA_NOT_DTLB, "fence-va-not-dtlb", "fence",                                         \
	  "an addressed fence does not reach the data TLB")                                        \
	X(FENCE_VA_ONE_MATCH, "fence-va-one-match", "fence",                                       \
	  "an addressed fence removes the first entry that matches in each cache")                 \
	X(FENCE_ALL_NOT_POINTERS, "fence-all-not-pointers", "fence",                               \
	  "a fence with rs1=x0 leaves the walk cache")                                             \
	X(FENCE_ALL_NOT_UPPER, "fence-all-not-upper", "fence",                                     \
	  "a fence with rs1=x0 leaves pointers to tables of level 1 and up")                       \
	X(FENCE_ALL_NOT_LOWER, "fence-all-not-lower", "fence",                                     \
	  "a fence with rs1=x0 leaves pointers to tables of level 0")                              \
	X(FENCE_ALL_KEEPS_GLOBAL, "fence-all-keeps-global", "fence",                               \
	  "SFENCE.VMA x0, x0 leaves global entries")                                               \
	X(FENCE_VA_KEEPS_GLOBAL, "fence-va-keeps-global", "fence",                                 \
	  "SFENCE.VMA va, x0 leaves global entries")                                               \
	X(FENCE_VA_CURRENT_ASID, "fence-va-current-asid", "fence",                                 \
	  "SFENCE.VMA va, x0 reaches the current ASID only")                                       \
	X(FENCE_ALL_CURRENT_ASID, "fence-all-current-asid", "fence",                               \
	  "SFENCE.VMA x0, x0 reaches the current ASID and global entries only")                    \
	X(FENCE_ASID_CURRENT, "fence-asid-current", "fence",                                       \
	  "a fence with an ASID fences the current ASID instead")                                  \
	X(FENCE_ASID_LOST, "fence-asid-lost", "fence", "a fence with an ASID does nothing")        \
	X(FENCE_VA_LOW_HALF, "fence-va-low-half", "fence",                                         \
	  "the address of a fence is not sign-extended: upper half missed")                        \
	X(FENCE_VA_32, "fence-va-32", "fence", "the address of a fence is cut to 32 bits")         \
	X(FENCE_X0_IS_ADDRESS, "fence-x0-is-address", "fence", "rs1=x0 is taken as address 0")     \
	X(FENCE_X0_IS_ASID, "fence-x0-is-asid", "fence", "rs2=x0 is taken as ASID 0")              \
	X(FENCE_SWAPPED, "fence-swapped", "fence", "rs1 and rs2 are swapped")                      \
	X(FENCE_HIGH_REGISTER, "fence-high-register", "fence",                                     \
	  "operands in x16 to x31 are taken from x0 to x15")                                       \
	X(FENCE_SECOND_LOST, "fence-second-lost", "fence",                                         \
	  "a fence within 4 instructions of another is lost")                                      \
	X(FENCE_M_MODE_LOST, "fence-m-mode-lost", "fence", "a fence in M-mode does nothing")       \
	X(FENCE_VA_NOT_INVALID, "fence-va-not-invalid", "fence",                                   \
	  "an addressed fence leaves cached invalid entries")                                      \
	X(FENCE_NOT_INVALID, "fence-not-invalid", "fence",                                         \
	  "no fence removes cached invalid "                                                       \
	  "entries")                                                                               \
	/* what an entry answers for */                                                            \
	X(ASID_IGNORED, "asid-ignored", "cache", "entries of any ASID hit")                        \
	X(ASID_SHORT, "asid-short", "cache", "the highest ASID bit is not compared")               \
	X(L1_TAG_HIGH, "l1-tag-high", "cache", "first-level tags have 39 bits of the address")     \
	X(L2_TAG_HIGH, "l2-tag-high", "cache", "second-level tags have 39 bits of the address")    \
	X(L2_TAG_BIT, "l2-tag-bit", "cache", "second-level tags lack bit 21 of the address")       \
	X(PWC_TAG_HIGH, "pwc-tag-high", "cache", "walk-cache tags have 39 bits of the address")    \
	X(PWC_TAG_BIT, "pwc-tag-bit", "cache", "walk-cache tags lack bit 21 of the address")       \
	X(PWC_GLOBAL, "pwc-global", "cache",                                                       \
	  "G of a leaf makes the pointer above it global, and what is walked through it later")    \
	X(PWC_NO_ASID, "pwc-no-asid", "cache", "pointers in the walk cache hit in any ASID")       \
	X(L2_ASID_NOW, "l2-asid-now", "cache",                                                     \
	  "a refill from the second level is tagged with ASID 0")                                  \
	X(REFILL_LATE, "refill-late", "cache",                                                     \
	  "a walk that began before a fence fills its entry in behind it")                         \
	X(NAPOT_FIRST, "napot-first", "cache",                                                     \
	  "a NAPOT entry translates as the page that was walked first")                            \
	/* entries that must not translate, or not like this */                                    \
	X(SUPERPAGE_OR, "superpage-or", "walk",                                                    \
	  "misaligned superpages translate: address bits are ORed")                                \
	X(SUPERPAGE_MASK, "superpage-mask", "walk",                                                \
	  "misaligned superpages translate: low PPN bits are ignored")                             \
	X(PTE_RESERVED_BITS, "pte-reserved", "walk", "reserved bits 54 to 60 are accepted")        \
	X(PTE_N_RESERVED, "pte-n-reserved", "walk", "reserved NAPOT encodings are accepted")       \
	X(PTE_PBMT_RESERVED, "pte-pbmt-reserved", "walk", "PBMT 3, or without Svpbmt, passes")     \
	X(PTE_W_ONLY, "pte-w-only", "walk", "W=1 R=0 is taken as readable and writable")           \
	X(PTE_POINTER_BITS, "pte-pointer-bits", "walk", "A, D, U in a pointer are accepted")       \
	X(PTE_INVALID, "pte-invalid", "walk", "V is not looked at where R, W or X is set")         \
	X(VA_NOT_CANONICAL, "va-not-canonical", "walk",                                            \
	  "addresses are not checked for sign "                                                    \
	  "extension")                                                                             \
	X(PTE_LEVEL0_POINTER, "pte-level0-pointer", "walk",                                        \
	  "a pointer at level 0 is taken as a page that may be read")                              \
	/* permissions */                                                                          \
	X(SUM_STALE, "sum-stale", "rights", "a change of SUM waits for a fence")                   \
	X(MXR_STALE, "mxr-stale", "rights", "a change of MXR waits for a fence")                   \
	X(SUM_FETCH, "sum-fetch", "rights", "with SUM, S-mode fetches from U pages")               \
	X(SUM_ALWAYS, "sum-always", "rights", "S-mode reaches U pages without SUM")                \
	X(USER_IN_S, "user-in-s", "rights", "U-mode reaches pages with U=0")                       \
	X(STORE_AS_LOAD, "store-as-load", "rights",                                                \
	  "once a load went through an entry, a store does")                                       \
	X(FETCH_UNCHECKED, "fetch-unchecked", "rights",                                            \
	  "X is not looked at when the second level fills the instruction TLB")                    \
	/* accessed and dirty */                                                                   \
	X(A_UNCHECKED, "a-unchecked", "ad", "A=0 neither traps nor is set")                        \
	X(D_UNCHECKED, "d-unchecked", "ad", "a store with D=0 neither traps nor sets it")          \
	X(AD_RESURRECTS, "ad-resurrects", "ad",                                                    \
	  "A and D are written with the entry as it was cached, without comparing")                \
	X(AD_WRONG_ENTRY, "ad-wrong-entry", "ad", "A and D are written to the next entry")         \
	X(AD_ALWAYS, "ad-always", "ad", "A and D are set by hardware where Svade promises a trap") \
	/* satp */                                                                                 \
	X(SATP_MODE_LATE, "satp-mode-late", "satp", "a change of MODE waits for a fence")          \
	X(SATP_BARE_LATE, "satp-bare-late", "satp", "a change to Bare waits for a fence")          \
	X(SATP_ASID_LATE, "satp-asid-late", "satp", "a change of ASID waits for a fence")          \
	X(SATP_ROOT_LATE, "satp-root-late", "satp",                                                \
	  "a change of PPN with a change of ASID waits for a fence")                               \
	X(SATP_BAD_MODE, "satp-bad-mode", "satp",                                                  \
	  "a write with an unsupported MODE changes ASID and PPN")                                 \
	X(SATP_ASID_WIDE, "satp-asid-wide", "satp",                                                \
	  "satp holds 16 ASID bits where the caches compare fewer")                                \
	/* Svinval */                                                                              \
	X(INVAL_IR_NOTHING, "inval-ir-nothing", "svinval",                                         \
	  "SFENCE.INVAL.IR does nothing, SINVAL.VMA neither")                                      \
	X(SINVAL_LAST_ONLY, "sinval-last-only", "svinval", "of several SINVAL.VMA the last works") \
	X(SINVAL_ONE_ASID, "sinval-one-asid", "svinval",                                           \
	  "SINVAL.VMA va, x0 reaches the current ASID only")                                       \
	X(SINVAL_NOT_L2, "sinval-not-l2", "svinval", "SINVAL.VMA misses the second level")         \
	/* SBI: implemented by the emulator, see sbi_native.c */                                   \
	X(RFENCE_NOTHING, "rfence-nothing", "sbi", "no hart fences")                               \
	X(RFENCE_ODD, "rfence-odd", "sbi", "harts with an odd id do not fence")                    \
	X(RFENCE_HIGHEST, "rfence-highest", "sbi", "the last hart of the mask does not fence")     \
	X(RFENCE_SELF, "rfence-self", "sbi", "the caller does not fence")                          \
	X(RFENCE_ONLY_SELF, "rfence-only-self", "sbi", "nobody but the caller fences")             \
	X(RFENCE_BASE, "rfence-base", "sbi", "hart_mask_base is taken as 0")                       \
	X(RFENCE_BASE_ALL, "rfence-base-all", "sbi", "hart_mask_base -1 is nobody")                \
	X(RFENCE_MASK_32, "rfence-mask-32", "sbi", "the upper half of hart_mask is dropped")       \
	X(RFENCE_ZERO, "rfence-zero", "sbi", "start 0, size 0 is nothing")                         \
	X(RFENCE_SIZE_ALL, "rfence-size-all", "sbi", "size -1 is nothing")                         \
	X(RFENCE_SIZE_16, "rfence-size-16", "sbi", "the size is cut to 16 bits")                   \
	X(RFENCE_SIZE_32, "rfence-size-32", "sbi", "the size is cut to 32 bits")                   \
	X(RFENCE_LAST_PAGE, "rfence-last-page", "sbi", "the last page of a range is left out")     \
	X(RFENCE_FIRST_PAGE, "rfence-first-page", "sbi", "the first page of a range is left out")  \
	X(RFENCE_UNALIGNED, "rfence-unaligned", "sbi",                                             \
	  "of a range that begins inside a page, size/4096 pages only")                            \
	X(RFENCE_LIMIT, "rfence-limit", "sbi", "only the first 64 pages of a range")               \
	X(RFENCE_ASID_NOTHING, "rfence-asid-nothing", "sbi", "SFENCE_VMA_ASID does nothing")       \
	X(RFENCE_ASID_ZERO, "rfence-asid-zero", "sbi", "SFENCE_VMA_ASID fences ASID 0")            \
	X(RFENCE_VMA_IS_ASID, "rfence-vma-is-asid", "sbi",                                         \
	  "SFENCE_VMA leaves global entries: fences ASID 0 only")                                  \
	X(RFENCE_FENCE_I, "rfence-fence-i", "sbi", "targets execute FENCE.I, no SFENCE.VMA")       \
	X(RFENCE_LATE, "rfence-late", "sbi", "targets fence 2000 instructions after the return")   \
	X(RFENCE_MASKED, "rfence-masked", "sbi",                                                   \
	  "a target with interrupts off fences when it enables them, the call returns before")     \
	X(RFENCE_SECOND, "rfence-second", "sbi",                                                   \
	  "of two requests of different harts close in time the second is lost")                   \
	X(RFENCE_MERGE, "rfence-merge", "sbi",                                                     \
	  "a request close behind another takes over its range")                                   \
	X(RFENCE_WAITING, "rfence-waiting", "sbi", "a hart in WFI does not fence")                 \
	X(RFENCE_SUSPENDED, "rfence-suspended", "sbi",                                             \
	  "a hart that HSM has suspended does not fence, nor when it resumes")                     \
	X(IPI_HIGHEST, "ipi-highest", "sbi", "IPIs to the last hart are lost")                     \
	X(HSM_START_LOST, "hsm-start-lost", "sbi", "hart_start says success, nothing starts")      \
	X(HSM_OPAQUE, "hsm-opaque", "sbi", "hart_start hands 0 over as opaque")                    \
	X(HSM_SATP, "hsm-satp", "sbi", "a hart starts with the caller's satp in force")

enum fault {
#define X(id, name, class, text) FAULT_##id,
	FAULTS(X)
#undef X
		NR_FAULTS
};

extern bool faults_any;
extern bool fault_armed[NR_FAULTS];
extern int faults_hart; /* faults of the hardware are on this hart only; -1: on all */

/* Is the hardware of @hart wrong in this way? */
static inline bool fault_on(unsigned hart, enum fault f)
{
	return __builtin_expect(faults_any, 0) && fault_armed[f] &&
	       (faults_hart < 0 || faults_hart == (int)hart);
}

/* Is SBI wrong in this way? */
static inline bool fault_in_sbi(enum fault f)
{
	return faults_any && fault_armed[f];
}

/* Arm the faults of @list, separated by commas; NULL, or the first name that is none. */
const char *faults_arm(const char *list);
void faults_disarm(void);

/* Any that the emulator's own SBI makes? */
bool faults_need_rfence(void);

/* Name, class and text, one a line. */
void faults_print(void);

#endif
