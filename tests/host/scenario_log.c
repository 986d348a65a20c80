/* SPDX-License-Identifier: BSD-2-Clause */
/* The log of stores, fences and frees, and its rules. */
#include "tests/host/scenario_log.h"

#include <stdlib.h>
#include <string.h>

#include "tests/host/arch_sim_rig.h"

#define MAX_TABLES 4096u

/* A table page, as the root and the stores since showed it. */
struct known {
	paddr_t pa;
	vaddr_t va;
	unsigned level;
};

static struct event *events;
static unsigned nr, max;
/* Which of them are fences: few among many stores. */
static unsigned *fences;
static unsigned nr_fences, max_fences;
static bool on;
static struct known known[MAX_TABLES];
static unsigned nr_known;
static const struct mmu_mode *mode;

static void *grow(void *array, unsigned nr_used, unsigned *room, size_t size)
{
	if (nr_used < *room)
		return array;
	*room = *room * 2 + 1024;
	array = realloc(array, *room * size);
	if (array == NULL)
		abort();
	return array;
}

static void add(struct event e)
{
	events = grow(events, nr, &max, sizeof(*events));
	if (e.kind == EVENT_FENCE) {
		fences = grow(fences, nr_fences, &max_fences, sizeof(*fences));
		fences[nr_fences++] = nr;
	} else {
		e.hart = arch_hart();
	}
	events[nr++] = e;
}

static vaddr_t sign_extend(vaddr_t va)
{
	unsigned unused = 64 - mode->va_bits;

	return (vaddr_t)((int64_t)(va << unused) >> unused);
}

static const struct known *find(paddr_t pa)
{
	for (unsigned i = 0; i < nr_known; i++) {
		if (known[i].pa == pa)
			return &known[i];
	}
	return NULL;
}

static void forget(paddr_t pa)
{
	for (unsigned i = 0; i < nr_known; i++) {
		if (known[i].pa == pa)
			known[i--] = known[--nr_known];
	}
}

static void learn(paddr_t pa, vaddr_t va, unsigned level)
{
	const uint64_t *entries = sim_word(pa);

	REQUIRE(nr_known < MAX_TABLES && entries != NULL, "the log knows too many tables");
	known[nr_known++] = (struct known){pa, va, level};
	for (unsigned i = 0; level > 0 && i < PT_ENTRIES; i++) {
		if (pte_is_table((pte_t){entries[i]}))
			learn(pte_pa((pte_t){entries[i]}), sign_extend(va + i * level_size(level)),
			      level - 1);
	}
}

static void on_store(pte_slot_t slot, pte_t old, pte_t new)
{
	const struct known *k = find(align_down(slot.pa, PAGE_SIZE));
	struct event e = {.kind = EVENT_STORE, .slot = slot.pa, .old = old, .new = new};

	/* Nobody comes to a page that is not linked yet: what is stored there owes nothing. */
	if (k == NULL || old.raw == new.raw)
		return;
	e.level = k->level;
	e.va = sign_extend(k->va + slot.pa % PAGE_SIZE / sizeof(pte_t) * level_size(k->level));
	add(e);
	if (k->level > 0 && pte_is_table(new))
		learn(pte_pa(new), e.va, e.level - 1);
}

/* SINVAL.VMA works when its bracket closes: looked back at from there. */
static void close_bracket(unsigned hart)
{
	unsigned begin = nr;

	while (begin-- > 0) {
		const struct event *e = &events[begin];

		if (e->kind == EVENT_FENCE && e->hart == hart && e->step == SIM_INVAL_BEGIN)
			break;
	}
	for (unsigned i = begin + 1; begin != UINT32_MAX && i < nr; i++) {
		if (events[i].kind == EVENT_FENCE && events[i].hart == hart &&
		    events[i].step == SIM_INVAL)
			events[i].works = true;
	}
}

static void on_fence(unsigned hart, enum sim_step step, const struct fence_op *op)
{
	add((struct event){.kind = EVENT_FENCE,
			   .hart = hart,
			   .step = step,
			   .op = *op,
			   .works = step == SIM_FENCE});
	if (step == SIM_INVAL_END)
		close_bracket(hart);
}

void log_begin(const struct ptable *pt)
{
	static const struct sim_watch watch = {on_store, on_fence};

	nr = 0;
	nr_fences = 0;
	nr_known = 0;
	mode = pt->mode;
	learn(pt->root, 0, mode->levels - 1);
	on = true;
	sim_watch(&watch);
}

void log_end(void)
{
	on = false;
	sim_watch(NULL);
}

/* ---- what mm/ gives back: the linker leads its calls here */

void __real_ptpage_free(paddr_t pa, unsigned level);
void __wrap_ptpage_free(paddr_t pa, unsigned level);
void __wrap_ptpage_free(paddr_t pa, unsigned level)
{
	if (on) {
		add((struct event){.kind = EVENT_TABLE_FREED,
				   .level = level,
				   .freed = {pa, PAGE_SIZE},
				   .was_table = find(pa) != NULL});
		/* Until it is linked again nobody comes to it. */
		forget(pa);
	}
	__real_ptpage_free(pa, level);
}

static void frames_freed(struct region r, enum owner owner)
{
	/* A table page was given back when it went to the quarantine, before. */
	if (on && owner != OWNER_TABLE && owner != OWNER_BOOT)
		add((struct event){.kind = EVENT_FRAME_FREED, .freed = r});
}

void __real_frame_free(paddr_t pa, unsigned order, enum owner owner);
void __wrap_frame_free(paddr_t pa, unsigned order, enum owner owner);
void __wrap_frame_free(paddr_t pa, unsigned order, enum owner owner)
{
	frames_freed((struct region){pa, PAGE_SIZE << order}, owner);
	__real_frame_free(pa, order, owner);
}

void __real_frame_free_range(struct region r, enum owner owner);
void __wrap_frame_free_range(struct region r, enum owner owner);
void __wrap_frame_free_range(struct region r, enum owner owner)
{
	frames_freed(r, owner);
	__real_frame_free_range(r, owner);
}

/* ---- looking */

unsigned log_nr(void)
{
	return nr;
}

const struct event *log_event(unsigned i)
{
	return &events[i];
}

unsigned log_count_fences(unsigned hart, bool full)
{
	unsigned n = 0;

	for (unsigned i = 0; i < nr; i++) {
		const struct event *e = &events[i];

		n += e->kind == EVENT_FENCE && e->hart == hart && e->works && e->op.all_va == full;
	}
	return n;
}

static bool reaches(const struct event *f, const struct event *s)
{
	vaddr_t last = s->va + (level_size(s->level) - 1);

	if (!f->works || !f->op.all_asid)
		return false;
	if (f->op.all_va)
		return true;
	/* An address reaches leaves only, and any address inside one reaches all of it. */
	return !pte_is_table(s->old) && !pte_is_table(s->new) && f->op.size != 0 &&
	       f->op.start <= last && s->va <= f->op.start + (f->op.size - 1);
}

/*
 * Svinval orders the stores before its first step, not those before SINVAL.VMA: mm/ puts all of a
 * batch before the first step, so the distance between the two is not looked at here.
 */
static bool fenced_between(unsigned store, unsigned end, unsigned hart)
{
	for (unsigned f = nr_fences; f-- > 0 && fences[f] > store;) {
		const struct event *e = &events[fences[f]];

		if (fences[f] < end && e->hart == hart && reaches(e, &events[store]))
			return true;
	}
	return false;
}

/* The first hart that is not, SIM_MAX_HARTS: none. */
static unsigned not_fenced(unsigned store, unsigned end)
{
	struct hartset online = arch_harts_online();

	hartset_for_each(h, &online) {
		if (!fenced_between(store, end, h))
			return h;
	}
	return SIM_MAX_HARTS;
}

void log_check_fenced(const char *when)
{
	for (unsigned i = 0; i < nr && rig_failures() == 0; i++) {
		unsigned h = events[i].kind == EVENT_STORE ? not_fenced(i, nr) : SIM_MAX_HARTS;

		CHECK(h == SIM_MAX_HARTS, "%s: hart%u was not fenced for 0x%llx l%u", when, h,
		      (unsigned long long)events[i].va, events[i].level);
	}
}

/* The store that took away the pointer to @pa; UINT32_MAX: it is still there at @end. */
static unsigned unlinked_at(paddr_t pa, unsigned end)
{
	for (unsigned i = end; i-- > 0;) {
		const struct event *e = &events[i];

		if (e->kind != EVENT_STORE || e->level == 0)
			continue;
		if (pte_is_table(e->new) && pte_pa(e->new) == pa)
			break;
		if (pte_is_table(e->old) && pte_pa(e->old) == pa)
			return i;
	}
	return UINT32_MAX;
}

static void check_table(unsigned freed, const char *when)
{
	paddr_t pa = events[freed].freed.start;
	unsigned unlinked = unlinked_at(pa, freed);
	unsigned late, h;

	/* Never linked: spare pages of a split. */
	if (!events[freed].was_table)
		return;
	CHECK(unlinked != UINT32_MAX, "%s: table 0x%llx was given back linked", when,
	      (unsigned long long)pa);
	if (unlinked == UINT32_MAX)
		return;
	for (late = unlinked + 1; late < freed; late++) {
		if (events[late].kind == EVENT_STORE &&
		    align_down(events[late].slot, PAGE_SIZE) == pa)
			break;
	}
	CHECK(late == freed, "%s: table 0x%llx was changed behind its unlinking", when,
	      (unsigned long long)pa);
	h = not_fenced(unlinked, freed);
	CHECK(h == SIM_MAX_HARTS, "%s: table 0x%llx l%u was given back before hart%u was fenced",
	      when, (unsigned long long)pa, events[freed].level, h);
}

unsigned log_check_tables(const char *when)
{
	unsigned n = 0;

	for (unsigned i = 0; i < nr; i++) {
		if (events[i].kind != EVENT_TABLE_FREED)
			continue;
		check_table(i, when);
		n += events[i].was_table;
	}
	return n;
}

static bool leads_to(pte_t e, unsigned level, struct region r)
{
	return pte_is_leaf(e) && pte_pa(e) < region_end(r) &&
	       r.start < pte_pa(e) + level_size(level);
}

static bool in_area(struct area a, vaddr_t va)
{
	return va - a.start < a.size;
}

unsigned log_check_frames(struct area direct, const char *when)
{
	unsigned n = 0;

	for (unsigned f = 0; f < nr; f++) {
		unsigned hits = 0;

		for (unsigned i = 0; i < nr && events[f].kind == EVENT_FRAME_FREED; i++) {
			const struct event *s = &events[i];
			unsigned h;

			if (s->kind != EVENT_STORE || in_area(direct, s->va) ||
			    !leads_to(s->old, s->level, events[f].freed) ||
			    leads_to(s->new, s->level, events[f].freed))
				continue;
			hits++;
			CHECK(i < f, "%s: frame 0x%llx was given back while 0x%llx maps it", when,
			      (unsigned long long)events[f].freed.start, (unsigned long long)s->va);
			h = i < f ? not_fenced(i, f) : SIM_MAX_HARTS;
			CHECK(h == SIM_MAX_HARTS,
			      "%s: frame 0x%llx was given back before hart%u was fenced", when,
			      (unsigned long long)events[f].freed.start, h);
		}
		n += hits != 0;
	}
	return n;
}

void log_check_asids(const char *when)
{
	for (unsigned i = 0; i < nr; i++) {
		const struct event *e = &events[i];

		CHECK(e->kind != EVENT_FENCE || e->op.all_asid || e->step == SIM_INVAL_BEGIN ||
			      e->step == SIM_INVAL_END,
		      "%s: hart%u fences ASID %u alone", when, e->hart, e->op.asid);
	}
}

void log_check_root(const char *when)
{
	unsigned top = mode->levels - 1;

	for (unsigned i = 0; i < nr; i++) {
		const struct event *e = &events[i];

		CHECK(e->kind != EVENT_STORE || e->level != top, "%s: root entry of 0x%llx changes",
		      when, (unsigned long long)e->va);
		CHECK(e->kind != EVENT_TABLE_FREED || e->level + 1 < top,
		      "%s: table 0x%llx right below the root is given back", when,
		      (unsigned long long)e->freed.start);
	}
}
