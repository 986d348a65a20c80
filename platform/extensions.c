/* SPDX-License-Identifier: BSD-2-Clause */
/* Sstc and Svpbmt: tried on every hart. */
#include "platform/extensions.h"

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/hart.h"
#include "firmware/image.h"
#include "firmware/probe.h"
#include "firmware/timer.h"
#include "mm/attr.h"
#include "mm/frame.h"
#include "mm/io.h"
#include "mm/kernel.h"
#include "mm/memtype.h"

#define TRY_MS 10000

static struct {
	vaddr_t va; /* of an entry with a memory type */
	bool refused[MAX_HARTS];
} job;

/* @fn on all harts, each of which says in job.refused what came of it. Returns who did, or how many
 * there are for nobody. */
static unsigned ask_all(void (*fn)(void *))
{
	struct hartset all = hart_peers(), lost;

	hartset_add(&all, 0);
	if (hart_run(&all, fn, NULL, TRY_MS, &lost) != OK)
		return 0;
	hartset_for_each(h, &all) {
		if (job.refused[h])
			return h;
	}
	return hart_count();
}

static void try_stimecmp(void *arg)
{
	(void)arg;
	job.refused[arch_hart()] = !timer_stimecmp_here();
}

static void try_load(void *arg)
{
	(void)arg;
	job.refused[arch_hart()] = probe_load(job.va).trapped;
}

static void probe_timer(void)
{
	unsigned who = ask_all(try_stimecmp);

	if (who < hart_count())
		note("sstc: claimed, but hart%u may not use stimecmp (menvcfg.STCE, "
		     "mcounteren.TM): not used",
		     who);
	else
		timer_use(TIMER_STIMECMP);
}

/*
 * A page of ours gets @type where the direct map shows it, so that it has no second one. Nothing in
 * it is of value: how caches see it is not asked here.
 */
static bool try_type(paddr_t pa, const char *name, uint64_t type)
{
	unsigned who;

	job.va = direct_va(pa);
	if (set_memory(job.va, PAGE_SIZE, PROT_RW | type) != OK)
		return false;
	who = ask_all(try_load);
	if (set_memory(job.va, PAGE_SIZE, PROT_RW) != OK)
		return false;
	if (who < hart_count())
		note("svpbmt: claimed, but hart%u traps where an entry has %s (menvcfg.PBMTE): not "
		     "used",
		     who, name);
	return who == hart_count();
}

static void probe_types(void)
{
	paddr_t pa = frame_alloc(0, OWNER_TEST);
	vaddr_t console = console_page() != 0 ? CONSOLE_VA : 0;

	if (pa == FRAME_NONE)
		return;
	memtype_use(true);
	if (!try_type(pa, "PBMT=NC", PTE_PBMT_NC) || !try_type(pa, "PBMT=IO", PTE_PBMT_IO))
		memtype_use(false);
	else if (io_use_types(console) != OK)
		panic("device registers could not be given their memory type");
	frame_free(pa, 0, OWNER_TEST);
}

void extensions_probe(const struct machine *m)
{
	if ((m->isa & ISA_SSTC) != 0)
		probe_timer();
	if ((m->isa & ISA_SVPBMT) != 0)
		probe_types();
}
