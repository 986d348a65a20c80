/* SPDX-License-Identifier: BSD-2-Clause */
/* Table pages and the quarantine of dead ones. */
#include "mm/ptpage.h"

#include "firmware/arch.h"
#include "firmware/lock.h"
#include "mm/bootmem.h"
#include "mm/clear.h"
#include "mm/fault.h"
#include "mm/frame.h"
#include "mm/model.h"
#include "mm/pte.h"

#define QUARANTINE 32u

struct dead {
	paddr_t pa;
	unsigned level;
};

static struct spinlock lock = SPINLOCK(LOCK_TABLE_PAGES);
static uint64_t live;
static bool ready;

/*
 * canary[0] is the frame; canary[n] a table of level n - 1 whose every entry leads to
 * canary[n - 1]. A dead table of level n is filled like canary[n + 1].
 */
static paddr_t canary[PT_MAX_LEVELS];

static struct dead quarantine[QUARANTINE];
static unsigned oldest, held;

static unsigned nr_errors;
static paddr_t first_error;

static uint64_t poison_entry(unsigned level)
{
	pte_t e = level == 0 ? pte_leaf(canary[0], PROT_RWX) : pte_table(canary[level]);

	return e.raw;
}

static void fill(paddr_t pa, uint64_t word)
{
	volatile uint64_t *p = phys_to_ptr(pa);

	for (unsigned i = 0; i < PT_ENTRIES; i++)
		p[i] = word;
}

static void check(paddr_t pa, uint64_t word)
{
	const volatile uint64_t *p = phys_to_ptr(pa);

	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		if (p[i] == word)
			continue;
		if (nr_errors++ == 0)
			first_error = pa + i * sizeof(*p);
		return;
	}
}

enum err ptpage_init(void)
{
	for (unsigned i = 0; i < PT_MAX_LEVELS; i++) {
		canary[i] = frame_alloc(0, OWNER_TABLE);
		if (canary[i] == FRAME_NONE)
			return ERR_NOMEM;
		fill(canary[i], i == 0 ? CANARY_WORD : poison_entry(i - 1));
	}
	ready = true;
	return OK;
}

paddr_t ptpage_alloc(void)
{
	paddr_t pa = ready ? frame_alloc(0, OWNER_TABLE) : bootmem_alloc(PAGE_SIZE, PAGE_SIZE);

	if (pa == FRAME_NONE)
		return FRAME_NONE;
	clear_words(phys_to_ptr(pa), PAGE_SIZE);
	__atomic_add_fetch(&live, 1, __ATOMIC_RELAXED);
	return pa;
}

/* Locks: ptpage. */
static void release_oldest(void)
{
	struct dead d = quarantine[oldest];

	oldest = (oldest + 1) % QUARANTINE;
	held--;
	check(d.pa, poison_entry(d.level));
	/* A boot-time table goes back as boot memory: its frames are accounted there. */
	frame_free(d.pa, 0,
		   fault_armed(FAULT_WRONG_OWNER)    ? OWNER_FRAMETABLE
		   : frame_owner(d.pa) == OWNER_BOOT ? OWNER_BOOT
						     : OWNER_TABLE);
}

void ptpage_free(paddr_t pa, unsigned level)
{
	model_table_freed(pa);
	spin_lock(&lock);
	if (held == QUARANTINE)
		release_oldest();
	/* Entries that lead to the canary, so that a hart that still walks here tells on itself. */
	fill(pa, poison_entry(level));
	quarantine[(oldest + held) % QUARANTINE] = (struct dead){pa, level};
	held++;
	spin_unlock(&lock);
	__atomic_sub_fetch(&live, 1, __ATOMIC_RELAXED);
}

void ptpage_drain(void)
{
	spin_lock(&lock);
	while (held != 0)
		release_oldest();
	if (ready)
		check(canary[0], CANARY_WORD);
	spin_unlock(&lock);
}

bool ptpage_is_canary(paddr_t pa)
{
	for (unsigned i = 0; i < PT_MAX_LEVELS; i++) {
		if (ready && canary[i] == pa)
			return true;
	}
	return false;
}

uint64_t ptpage_live(void)
{
	return __atomic_load_n(&live, __ATOMIC_RELAXED);
}

unsigned ptpage_errors(paddr_t *first)
{
	unsigned n = nr_errors;

	*first = first_error;
	nr_errors = 0;
	return n;
}
