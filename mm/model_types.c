/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory types of aliases. */
#include "mm/model_types.h"

#include <string.h>

#include "mm/model.h"
#include "mm/model_paths.h"
#include "mm/model_report.h"
#include "mm/model_tables.h"

#define GRANULE SZ_2M
#define SLOTS 256u /* a power of two */
#define MAX_PENDING 96u

/*
 * Leaves with a type, by the 2 MiB that they lead into: most stores are to leaves of frames that
 * have none near, and end here. An open-addressed hash; a place once taken stays its granule's.
 */
static struct {
	uint64_t number; /* of the granule, plus 1; 0: free */
	uint32_t leaves;
} typed[SLOTS];
static bool everywhere; /* no place was left: any frame may have one */
static uint32_t huge;	/* such leaves above 2 MiB */
uint32_t model_nr_typed;

/* Frames that an operation under way made leaves to. */
static struct {
	struct region r;
	unsigned hart;
} pending[MAX_PENDING];
static unsigned nr_pending;

void model_types_reset(void)
{
	memset(typed, 0, sizeof(typed));
	everywhere = false;
	huge = 0;
	model_nr_typed = 0;
	nr_pending = 0;
}

/* The place of @pa's granule, or the free one that it would get; SLOTS: neither. */
static unsigned slot_of(paddr_t pa)
{
	uint64_t number = pa / GRANULE + 1;
	unsigned first = (unsigned)(number * UINT64_C(0x9e3779b97f4a7c15) >> 40) % SLOTS;

	for (unsigned n = 0; n < SLOTS; n++) {
		unsigned i = (first + n) % SLOTS;

		if (typed[i].number == 0 || typed[i].number == number)
			return i;
	}
	return SLOTS;
}

void model_type_count(pte_t e, unsigned level, int by)
{
	unsigned i = slot_of(pte_pa(e));

	model_nr_typed += (uint32_t)by;
	if (level > 1) {
		huge += (uint32_t)by;
	} else if (i == SLOTS) {
		everywhere = true;
	} else {
		typed[i].number = pte_pa(e) / GRANULE + 1;
		typed[i].leaves += (uint32_t)by;
	}
}

static bool maybe_typed(struct region r)
{
	if (everywhere || huge != 0 || r.size > SZ_1G)
		return true;
	for (paddr_t pa = align_down(r.start, GRANULE); pa < region_end(r); pa += GRANULE) {
		unsigned i = slot_of(pa);

		if (i < SLOTS && typed[i].leaves != 0)
			return true;
	}
	return false;
}

bool model_type_stored(pte_t e, unsigned level)
{
	struct region r = model_leads_to(e, level);

	if ((e.raw & PTE_PBMT_MASK) == 0 && !maybe_typed(r))
		return true;
	for (unsigned i = nr_pending; i-- > 0;) {
		struct region *have = &pending[i].r;

		if (pending[i].hart != arch_hart())
			continue;
		if (region_end(*have) == r.start || region_end(r) == have->start) {
			have->start = min_u64(have->start, r.start);
			have->size += r.size;
			return true;
		}
		if (r.start >= have->start && region_end(r) <= region_end(*have))
			return true;
	}
	if (nr_pending == MAX_PENDING)
		return false;
	pending[nr_pending].r = r;
	pending[nr_pending++].hart = arch_hart();
	return true;
}

/* Whether leaves to any part of @r have types that differ; @leaf: one of them. */
static bool mixed(struct region r, struct model_leaf *leaf)
{
	if (!model_tables_differ(r, 0, model_table_live, leaf))
		return false;
	return model_tables_differ(r, leaf->entry.raw & PTE_PBMT_MASK, model_table_live, leaf);
}

/* Pieces as large as they may be of which all leaves agree; a page that has none is told. */
static void judge(struct region r)
{
	while (r.size != 0) {
		struct region part = r;
		struct model_leaf leaf;

		while (mixed(part, &leaf)) {
			if (part.size <= PAGE_SIZE) {
				model_report((struct violation){.kind = VIOLATION_TYPES,
								.pa = part.start,
								.va = leaf.va,
								.level = leaf.level,
								.old = leaf.entry,
								.writer = arch_hart(),
								.holders = arch_harts_online()});
				return;
			}
			part.size = align_up(part.size / 2, PAGE_SIZE);
		}
		r.start += part.size;
		r.size -= part.size;
	}
}

void model_types_complete(void)
{
	for (unsigned i = nr_pending; i-- > 0;) {
		struct region r = pending[i].r;

		if (pending[i].hart != arch_hart())
			continue;
		pending[i] = pending[--nr_pending];
		judge(r);
	}
}
