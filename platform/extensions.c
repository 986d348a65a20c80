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
#include "mm/walk.h"

#define TRY_MS 10000

static struct {
	vaddr_t va; /* of an entry with a memory type */
	uint64_t size;
	bool refused[MAX_HARTS];
} job;

/*
 * @fn on all harts, each of which says in job.refused what came of it. Returns who refused or was
 * lost, or how many there are for nobody.
 */
static unsigned ask_all(void (*fn)(void *))
{
	struct hartset all = hart_peers(), lost;

	hartset_add(&all, 0);
	if (hart_run(&all, fn, NULL, TRY_MS, &lost) != OK) {
		hartset_for_each(h, &lost)
			return h;
	}
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

/* A load from the page at job.va, on all harts, while its entry has @type. */
static bool try_type(const char *name, uint64_t type)
{
	unsigned who;

	if (set_memory(job.va, job.size, PROT_RW | type) != OK)
		return false;
	who = ask_all(try_load);
	if (who < hart_count())
		note("svpbmt: claimed, but hart%u traps where an entry has %s (menvcfg.PBMTE): not "
		     "used",
		     who, name);
	return who == hart_count();
}

#define ORDER_2M 9u

/*
 * With memory of ours, where the direct map shows it, so that it has no second type. Nothing in it
 * is of value: how caches see it is not asked here. A whole 2 MiB leaf if there is one, so that no
 * table is made for it and dies: a machine that forgets fences of pointers would walk that one,
 * before the first test could say so.
 */
static void probe_types(void)
{
	unsigned order = ORDER_2M;
	paddr_t pa = frame_alloc(order, OWNER_TEST);
	bool works;

	if (pa == FRAME_NONE || pt_lookup(kernel_table(), direct_va(pa)).level != 1) {
		if (pa != FRAME_NONE)
			frame_free(pa, order, OWNER_TEST);
		order = 0;
		pa = frame_alloc(order, OWNER_TEST);
	}
	if (pa == FRAME_NONE)
		return;
	job.va = direct_va(pa);
	job.size = PAGE_SIZE << order;
	memtype_use(true);
	works = try_type("PBMT=NC", PTE_PBMT_NC) && try_type("PBMT=IO", PTE_PBMT_IO);
	if (set_memory(job.va, job.size, PROT_RW) != OK)
		panic("a page does not get its memory type back");
	frame_free(pa, order, OWNER_TEST);
	memtype_use(works);
	if (works && io_use_types(console_page() != 0 ? CONSOLE_VA : 0) != OK)
		panic("device registers could not be given their memory type (ext=-svpbmt: "
		      "without)");
}

void extensions_probe(const struct machine *m, bool types)
{
	if ((m->isa & ISA_SSTC) != 0)
		probe_timer();
	if ((m->isa & ISA_SVPBMT) != 0 && types)
		probe_types();
}
