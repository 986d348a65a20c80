/* SPDX-License-Identifier: BSD-2-Clause */
/* Known deviations by identity and behaviour. */
#include "tests/mmu/quirks.h"

#include <string.h>

#include "firmware/sbi.h"
#include "tests/glob.h"
#include "tests/mmu/fences.h"

#define ANY UINT64_MAX
#define VENDOR_SIFIVE 0x489
#define VENDOR_THEAD 0x5b7

struct quirk {
	const char *name; /* with the erratum or the commit that tells of it */
	uint64_t mvendorid, marchid, mimpid;
	const char *compatible; /* glob for the tree's root compatible */
	const char *tests;	/* glob list */
	enum access access;	/* NR_ACCESSES: any */
	uint32_t fences;	/* an old entry behind these and no others is the deviation */
};

#define BY_ADDRESS                                                                                 \
	(FENCE_BIT(FENCE_VA) | FENCE_BIT(FENCE_VA_ASID) | FENCE_BIT(RFENCE_PAGE) |                 \
	 FENCE_BIT(RFENCE_LEAF) | FENCE_BIT(RFENCE_PAGE_ASID) | FENCE_BIT(RFENCE_LEAF_ASID) |      \
	 FENCE_BIT(IPI_VA) | FENCE_BIT(IPI_VA_ASID))
#define NOT_GLOBAL                                                                                 \
	(BY_ADDRESS | FENCE_BIT(FENCE_ASID) | FENCE_BIT(RFENCE_ALL_ASID) | FENCE_BIT(IPI_ASID))

static const struct quirk quirks[] = {
	{"FU540: fences with an address miss entries (OpenSBI 2c2bbe73)", VENDOR_SIFIVE, 1, ANY,
	 "sifive,*fu540*", "tlb.*,rfence.*", NR_ACCESSES, BY_ADDRESS},
	{"FU740 CIP-1200: fetches miss all but sfence.vma x0, x0 (OpenSBI 217d5e48)", VENDOR_SIFIVE,
	 UINT64_C(0x8000000000000007), ANY, "sifive,*fu740*", "tlb.*,rfence.*,fetch.*",
	 ACCESS_FETCH, NOT_GLOBAL},
	{"TH1520, SG2042: fences with an address miss entries (OpenSBI 88ae718d)", VENDOR_THEAD, 0,
	 0, "*", "tlb.*,rfence.*", NR_ACCESSES, BY_ADDRESS},
};

static bool matches(const struct quirk *q, const struct test_run *t)
{
	const struct sbi_info *id = sbi();
	char name[80] = "";

	strncat(name, t->test->suite, 30);
	strcat(name, ".");
	strncat(name, t->test->name, 40);
	return id->mvendorid == q->mvendorid && id->marchid == q->marchid &&
	       (q->mimpid == ANY || id->mimpid == q->mimpid) &&
	       glob_list_matches(q->compatible, t->bench->machine->compatible) &&
	       glob_list_matches(q->tests, name) &&
	       (q->access == NR_ACCESSES || t->control_kinds == UINT32_C(1) << q->access) &&
	       (t->stale_fences & ~q->fences) == 0;
}

static const struct quirk *find(const struct test_run *t)
{
	/* Old entries behind a fence are all that is known of anybody here. */
	if (!t->bench->args->quirks || t->other_bad || t->stale_fences == 0 ||
	    t->evidence != UINT32_C(1) << EVIDENCE_PROBE)
		return NULL;
	for (unsigned i = 0; i < ARRAY_LEN(quirks); i++) {
		if (matches(&quirks[i], t))
			return &quirks[i];
	}
	return NULL;
}

bool quirk_explains(const struct test_run *t)
{
	return find(t) != NULL;
}

const char *quirk_name(const struct test_run *t)
{
	const struct quirk *q = find(t);

	return q != NULL ? q->name : "";
}
