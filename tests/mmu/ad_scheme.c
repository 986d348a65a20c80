/* SPDX-License-Identifier: BSD-2-Clause */
/* Switching who sets A and D, on all harts, and back. */
#include "tests/mmu/ad_scheme.h"

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/fence.h"
#include "firmware/sbi.h"
#include "tests/mmu/scene.h"

#define FEATURE SBI_FWFT_PTE_AD_HW_UPDATING

static struct switch_job {
	uint64_t value; /* to be set */
	bool save, restore;
	bool saved;
	uint64_t was[MAX_HARTS];
	int64_t rc[MAX_HARTS];
	uint64_t now[MAX_HARTS];
} job;

const char *scheme_name(enum scheme s)
{
	static const char *const names[NR_SCHEMES] = {"as found", "Svade", "ADUE=1"};

	return names[s];
}

/* The feature is each hart's own (SBI, FWFT: scope local). */
static void switch_job(void *arg)
{
	unsigned h = arch_hart();

	(void)arg;
	if (job.save) {
		job.rc[h] = sbi_fwft_get(FEATURE, &job.was[h]);
		return;
	}
	job.rc[h] = sbi_fwft_set(FEATURE, job.restore ? job.was[h] : job.value);
	/* "Suffices to synchronize" with a change of menvcfg.ADUE; OpenSBI before 11173809 did not.
	 */
	raw_sfence_all();
	if (job.rc[h] == SBI_OK)
		job.rc[h] = sbi_fwft_get(FEATURE, &job.now[h]);
}

static bool all_ok(const struct hartset *harts)
{
	hartset_for_each(h, harts) {
		if (job.rc[h] != SBI_OK)
			return false;
	}
	return true;
}

static void cleanup(void)
{
	scene_close();
	scheme_restore();
}

bool scheme_switch(struct test_run *t, enum scheme s, const char **why)
{
	*why = (t->bench->machine->forgotten & SBI_FWFT) != 0 ? "ext=-fwft: FWFT is not called"
							      : "this SBI has no FWFT";
	if (!sbi()->fwft)
		return false;
	*why = "FWFT does not offer PTE_AD_HW_UPDATING on every hart";
	if (!job.saved) {
		job.save = true;
		test_on_harts(t, &t->all, switch_job, NULL);
		job.save = false;
		if (!all_ok(&t->all))
			return false;
		job.saved = true;
	}
	t->cleanup = cleanup;
	*why = "FWFT refuses to set PTE_AD_HW_UPDATING";
	job.value = s == SCHEME_UPDATE;
	test_on_harts(t, &t->all, switch_job, NULL);
	if (!all_ok(&t->all)) {
		scheme_restore();
		return false;
	}
	hartset_for_each(h, &t->all) {
		EXPECT(t, job.now[h] == job.value,
		       "hart%u: FWFT PTE_AD_HW_UPDATING is %llu behind a set of %llu", h,
		       (unsigned long long)job.now[h], (unsigned long long)job.value);
	}
	return true;
}

uint64_t scheme_found(unsigned hart)
{
	return job.was[hart];
}

static bool as_found(const struct hartset *harts)
{
	hartset_for_each(h, harts) {
		if (job.now[h] != job.was[h])
			return false;
	}
	return all_ok(harts);
}

void scheme_restore(void)
{
	struct hartset all = hart_peers(), lost;

	if (!job.saved)
		return;
	hartset_add(&all, 0);
	job.restore = true;
	if (hart_run(&all, switch_job, NULL, TEST_TIMEOUT_MS / 2, &lost) != OK || !as_found(&all))
		note("ad: PTE_AD_HW_UPDATING could not be set back on every hart");
	job.restore = false;
	job.saved = false;
}

enum scheme scheme_claimed(const struct test_run *t)
{
	const struct machine *m = t->bench->machine;
	bool svadu = false;

	for (unsigned i = 0; i < m->nr_cpus; i++)
		svadu |= (m->cpus[i].isa & ISA_SVADU) != 0;
	return (m->isa & ISA_SVADE) != 0 && !svadu ? SCHEME_FAULT : SCHEME_AS_FOUND;
}

void scheme_each(struct test_run *t, void (*fn)(struct test_run *t, enum scheme s))
{
	const char *why;
	bool any = false;

	for (enum scheme s = SCHEME_FAULT; s <= SCHEME_UPDATE; s++) {
		if (!scheme_switch(t, s, &why))
			break;
		any = true;
		fn(t, s);
	}
	if (!any)
		fn(t, scheme_claimed(t));
	scheme_restore();
}
