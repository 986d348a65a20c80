/* SPDX-License-Identifier: BSD-2-Clause */
/* One bit a hart: it may lack what is mapped by now. */
#include "mm/deferred.h"

#include "firmware/arch.h"
#include "firmware/trap.h"
#include "mm/fault.h"
#include "mm/frame.h"
#include "mm/model.h"

static struct hartset pending;
static uint64_t nr_repairs;
static uint32_t taken[MAX_HARTS]; /* bits that each hart took, or was about to */

/* Word and bit, from one number: Linux e108c8a94f3f loaded that number with too many bytes. */
static uint64_t *word_of(unsigned hart)
{
	return &pending.bits[hart / 64];
}

static uint64_t bit_of(unsigned hart)
{
	return UINT64_C(1) << (hart % 64);
}

void deferred_mark(void)
{
	uint64_t all = fault_armed(FAULT_DEFERRED_FEW) ? UINT64_MAX / 3 : UINT64_MAX;

	/* Release: whoever sees the bit sees the entries, also by its walker behind its fence. */
	for (unsigned i = 0; i < HARTSET_WORDS; i++)
		__atomic_store_n(&pending.bits[i], all, __ATOMIC_RELEASE);
}

bool deferred_pending(unsigned hart)
{
	return (__atomic_load_n(word_of(hart), __ATOMIC_ACQUIRE) & bit_of(hart)) != 0;
}

void deferred_watch(struct deferred_watch *w)
{
	for (unsigned h = 0; h < MAX_HARTS; h++)
		w->taken[h] = __atomic_load_n(&taken[h], __ATOMIC_ACQUIRE);
}

struct hartset deferred_marked(const struct deferred_watch *w)
{
	struct hartset marked = {{0}};

	for (unsigned h = 0; h < MAX_HARTS; h++) {
		/* The bit first: it goes behind the count. */
		if (deferred_pending(h) ||
		    __atomic_load_n(&taken[h], __ATOMIC_RELAXED) != w->taken[h])
			hartset_add(&marked, h);
	}
	return marked;
}

enum err deferred_commit(struct pt_batch *b)
{
	struct deferred_watch watch;
	struct hartset marked;

	if (b->removed || b->dead_head != FRAME_NONE)
		return pt_commit(b);
	deferred_watch(&watch);
	arch_wmb();
	deferred_mark();
	marked = deferred_marked(&watch);
	model_deferred(b->model_token, &marked);
	return OK;
}

static bool page_fault(uint64_t cause)
{
	return cause == CAUSE_LOAD_PAGE || cause == CAUSE_STORE_PAGE || cause == CAUSE_FETCH_PAGE;
}

/* This hart's bit, cleared by the one that looks: what is marked behind it counts anew. */
static bool take_bit(unsigned hart)
{
	unsigned looked_at = fault_armed(FAULT_DEFERRED_WRONG_WORD) ? hart ^ 64u : hart;
	uint64_t *word = word_of(looked_at);
	uint64_t bit = bit_of(looked_at);

	__atomic_fetch_add(&taken[hart], 1, __ATOMIC_RELAXED);
	if (fault_armed(FAULT_DEFERRED_STUCK))
		return (__atomic_load_n(word, __ATOMIC_ACQUIRE) & bit) != 0;
	return (__atomic_fetch_and(word, ~bit, __ATOMIC_ACQ_REL) & bit) != 0;
}

bool deferred_repair(uint64_t cause)
{
	uint64_t token = model_begin();

	if (!page_fault(cause) || !take_bit(arch_hart()))
		return false;
	/*
	 * Always, also where Svvptc bounds the time: it may not have passed, and behind the bit a
	 * second fault is taken for a real one (Linux 1b2c6b56a9fa). All of it: tables may be new.
	 */
	if (!fault_armed(FAULT_DEFERRED_NO_FENCE))
		fence_local_all();
	model_repaired(token);
	__atomic_add_fetch(&nr_repairs, 1, __ATOMIC_RELAXED);
	return true;
}

uint64_t deferred_repairs(void)
{
	return __atomic_load_n(&nr_repairs, __ATOMIC_RELAXED);
}
