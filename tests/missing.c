/* SPDX-License-Identifier: BSD-2-Clause */
/* Harts that were lost and that no test has failed for yet. */
#include "tests/missing.h"

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/hart.h"
#include "mm/fault.h"

static struct hartset told;

static struct hartset missing(void)
{
	struct hartset gone = hart_arrived(), peers = hart_peers();

	hartset_del(&gone, 0);
	hartset_sub(&gone, &peers);
	return gone;
}

void missing_check(struct test_run *t, const char *when)
{
	struct hartset gone = missing();

	hartset_sub(&gone, &told);
	hartset_for_each(h, &gone)
		test_fail(t, EVIDENCE_CHECK, "%shart%u (id %llu) was lost", when, h,
			  (unsigned long long)hart_get(h)->hartid);
	missing_told();
}

void missing_told(void)
{
	told = missing();
}

static void hang(void *arg)
{
	(void)arg;
	arch_irq_save();
	for (;;)
		arch_yield();
}

void missing_seed(void)
{
	struct hartset peers = hart_peers(), first = {{0}}, lost;

	if (!fault_armed(FAULT_HART_HANGS))
		return;
	hartset_for_each(h, &peers) {
		first = hartset_of(h);
		break;
	}
	if (hart_run(&first, hang, NULL, TEST_TIMEOUT_MS / 2, &lost) == OK)
		note("inject: nobody hangs");
}

enum err missing_run(const struct hartset *harts, void (*fn)(void *), void *arg,
		     uint64_t timeout_ms, struct hartset *lost)
{
	unsigned last = hart_count() - 1;
	struct hartset one = hartset_of(last), told_of = *harts;

	if (!fault_armed(FAULT_WAKE_LOST) || last == 0 || !hartset_has(harts, last))
		return hart_run(harts, fn, arg, timeout_ms, lost);
	while (__atomic_load_n(&hart_get(last)->asleep, __ATOMIC_RELAXED) == 0)
		arch_yield();
	hart_post_unsent(&one, fn, arg);
	hartset_del(&told_of, last);
	hart_post(&told_of, fn, arg);
	if (hartset_has(harts, 0))
		fn(arg);
	return hart_wait(harts, timeout_ms, lost);
}
