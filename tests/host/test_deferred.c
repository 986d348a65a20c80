/* SPDX-License-Identifier: BSD-2-Clause */
/* The marks of harts that may lack a mapping, on more harts than a word has bits. */
#include <string.h>

#include "firmware/arch.h"
#include "firmware/trap.h"
#include "mm/deferred.h"
#include "mm/fault.h"
#include "mm/frame.h"
#include "mm/model.h"
#include "tests/host/tap.h"

static unsigned running, fences, commits, repaired;
static bool unordered;	    /* a mark before what it is for, or one that outlived its fence */
static struct hartset told; /* to the model */

unsigned arch_hart(void)
{
	return running;
}

void arch_wmb(void)
{
	/* Who sees a mark and fences has to see the entries: they come first. */
	unordered |= deferred_pending(running);
}

void fence_local_all(void)
{
	fences++;
	/* Marked from here on, it lacks something again: so the mark goes before the fence. */
	unordered |= deferred_pending(running);
}

uint64_t model_begin(void)
{
	return 0;
}

void model_deferred(uint64_t begin, const struct hartset *marked)
{
	(void)begin;
	told = *marked;
}

void model_repaired(uint64_t token)
{
	(void)token;
	repaired++;
}

enum err pt_commit(struct pt_batch *b)
{
	(void)b;
	commits++;
	return OK;
}

static bool repair_on(unsigned hart)
{
	running = hart;
	return deferred_repair(CAUSE_LOAD_PAGE);
}

/* Each hart's mark is its own: one try, one fence, and no other hart's mark goes. */
static bool each_has_its_own(void)
{
	bool good = true;

	for (unsigned h = 0; h < MAX_HARTS; h++) {
		deferred_mark();
		fences = 0;
		good &= repair_on(h) && fences == 1 && !deferred_pending(h);
		for (unsigned other = 0; other < MAX_HARTS; other++)
			good &= other == h || deferred_pending(other);
		good &= !repair_on(h) && fences == 1;
	}
	return good;
}

/* One mark for all; 63 and 64 are neighbours in different words. */
static bool each_has_its_turn(void)
{
	static const unsigned order[] = {64, 63, 1, 62};
	bool good = true;

	deferred_mark();
	for (unsigned i = 0; i < ARRAY_LEN(order); i++)
		good &= repair_on(order[i]);
	for (unsigned i = 0; i < ARRAY_LEN(order); i++)
		good &= !repair_on(order[i]);
	return good && deferred_pending(0) && deferred_pending(127);
}

/* Found by looking: whose bit is set, and who has taken his meanwhile. */
static bool marked_is_what_is_marked(void)
{
	struct deferred_watch w;
	struct hartset marked;

	deferred_mark();
	for (unsigned h = 0; h < MAX_HARTS; h++)
		(void)repair_on(h);
	deferred_watch(&w);
	marked = deferred_marked(&w);
	if (!hartset_empty(&marked))
		return false;
	deferred_mark();
	(void)repair_on(5);
	(void)repair_on(64);
	marked = deferred_marked(&w);
	return hartset_count(&marked) == MAX_HARTS && !deferred_pending(5);
}

static struct pt_batch batch(void)
{
	return (struct pt_batch){.dead_head = FRAME_NONE};
}

int main(void)
{
	char unknown[32];
	struct pt_batch b;

	tap_ok(each_has_its_own(), "a mark for each of %u harts", MAX_HARTS);
	tap_ok(each_has_its_turn(), "harts 63 and 64 are told apart");

	tap_ok(marked_is_what_is_marked(), "who is marked is found by looking");
	deferred_mark();
	running = 3;
	tap_ok(!deferred_repair(CAUSE_LOAD_ACCESS) && !deferred_repair(CAUSE_ILLEGAL) &&
		       deferred_pending(3),
	       "no other trap is tried again");
	tap_ok(deferred_repair(CAUSE_STORE_PAGE), "a store's page fault is");
	deferred_mark();
	tap_ok(deferred_repair(CAUSE_FETCH_PAGE), "a fetch's too");

	unordered = false;
	deferred_mark();
	(void)repair_on(5);
	tap_ok(!unordered, "the mark goes before the fence");
	b = batch();
	tap_ok(deferred_commit(&b) == OK && commits == 0 && deferred_pending(5) &&
		       hartset_count(&told) == MAX_HARTS,
	       "new mappings mark all harts, and the model is told");
	tap_ok(!unordered, "... behind their entries");
	b = batch();
	b.removed = true;
	tap_ok(deferred_commit(&b) == OK && commits == 1, "what was valid is shot down");
	b = batch();
	b.dead_head = 0;
	tap_ok(deferred_commit(&b) == OK && commits == 2, "so is what is to be freed");

	tap_ok(fault_arm("deferred-few", unknown, sizeof(unknown)) == OK && !each_has_its_own() &&
		       !marked_is_what_is_marked(),
	       "control: harts that are not marked are seen");
	for (running = 0; running < MAX_HARTS; running++)
		(void)deferred_repair(CAUSE_LOAD_PAGE);
	running = 5;
	b = batch();
	tap_ok(deferred_commit(&b) == OK && hartset_count(&told) == MAX_HARTS / 2,
	       "... and the model is told of those that are");
	fault_disarm();
	tap_ok(fault_arm("deferred-wrong-word", unknown, sizeof(unknown)) == OK &&
		       !each_has_its_own() && !each_has_its_turn(),
	       "control: the wrong word is seen");
	fault_disarm();
	tap_ok(fault_arm("deferred-no-fence", unknown, sizeof(unknown)) == OK &&
		       !each_has_its_own(),
	       "control: no fence is seen");
	fault_disarm();
	tap_ok(fault_arm("deferred-stuck", unknown, sizeof(unknown)) == OK && !each_has_its_own(),
	       "control: a mark that stays is seen");
	return tap_done();
}
