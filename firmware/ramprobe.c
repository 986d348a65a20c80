/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RAM that the device tree claims, touched before it is trusted. Trees claim more than there is,
 * and show the same DRAM twice; both end in corruption long after boot if nobody looks.
 */
#include "firmware/ramprobe.h"

#include <stdio.h>
#include <string.h>

#include "firmware/image.h"
#include "firmware/machine_priv.h"
#include "firmware/probe.h"
#include "firmware/ramprobe_priv.h"

typedef unsigned long long ull;

/* In each written word, beside its own address: no bus that floats or is stuck returns it. */
#define WORD_KEY UINT64_C(0x5aa5c33c00000a5c)

/* Too large for the boot stack; used once, by one hart. */
static struct spot spots[RAMPROBE_SPOTS] NOINIT;
static unsigned nr_spots;
static struct region avoid[RAMPROBE_AVOID]; /* image, blob */
static struct regions dead;
static struct regions twins;

/* A word of the image that alone is ours to change: does it show up elsewhere? */
static uint64_t beacon;

/* ---- single pages */

static vaddr_t window;

static void show(const paddr_t *pa, unsigned nr)
{
	window = early_window_pages(pa, nr);
}

static bool load(unsigned page, uint64_t offset, uint64_t *value)
{
	struct probe p = probe_load(window + page * PAGE_SIZE + offset);

	*value = p.value;
	return !p.trapped;
}

static bool store(unsigned page, uint64_t offset, uint64_t value)
{
	return !probe_store(window + page * PAGE_SIZE + offset, value).trapped;
}

static uint64_t word_of(paddr_t pa)
{
	return pa ^ WORD_KEY;
}

static bool untouchable(const struct machine *m, paddr_t pa)
{
	struct region page = {align_down(pa, PAGE_SIZE), PAGE_SIZE};

	for (unsigned i = 0; i < m->nr_reserved; i++) {
		if (ramprobe_overlaps(page, m->reserved[i]))
			return true;
	}
	return ramprobe_overlaps(page, avoid[0]) || ramprobe_overlaps(page, avoid[1]);
}

/*
 * One page between two spots: does it take a word, and leave the page @below bytes lower alone
 * (0: no such page)? What may not be touched counts as there.
 */
static bool page_good(const struct machine *m, paddr_t pa, uint64_t below)
{
	const paddr_t pages[2] = {pa, pa - below};
	uint64_t old, back, other;
	bool twin = false;
	bool good;

	if (untouchable(m, pa))
		return true;
	if (below != 0 && untouchable(m, pa - below))
		return false;
	show(pages, below == 0 ? 1 : 2);
	if (!load(0, 0, &old) || !store(0, 0, word_of(pa)))
		return false;
	if (below != 0)
		twin = load(1, 0, &other) && other == word_of(pa);
	good = load(0, 0, &back) && back == word_of(pa) && !twin;
	(void)store(0, 0, old);
	return good;
}

/* ---- the image's own view */

/* True if @pa shows the beacon, whatever is written to it. Only the beacon is written. */
static bool shows_beacon(const struct machine *m, paddr_t home, paddr_t pa)
{
	const paddr_t pages[2] = {align_down(home, PAGE_SIZE), align_down(pa, PAGE_SIZE)};
	const uint64_t offset = home - pages[0];
	bool same = true;

	if (untouchable(m, pa))
		return false;
	show(pages, 2);
	for (unsigned i = 0; i < 2 && same; i++) {
		uint64_t word = i == 0 ? word_of(home) : ~word_of(home);
		uint64_t seen;

		same = store(0, offset, word) && load(1, offset, &seen) && seen == word;
	}
	return same;
}

static void add_hole(struct regions *holes, paddr_t start, paddr_t end)
{
	if (start >= end)
		return;
	(void)regions_add(holes, (struct region){start, end - start});
	if (holes->nr > REGIONS_MAX)
		regions_close_smallest_gap(holes);
}

/* RAM of @r that wraps every @size bytes: the round that holds the image, or the first, stays. */
static void cut_rounds(struct region r, paddr_t image, uint64_t size)
{
	paddr_t keep = image - r.start < size ? r.start : image;

	add_hole(&twins, r.start, keep);
	if (region_end(r) - keep > size)
		add_hole(&twins, keep + size, region_end(r));
}

/*
 * Before anything foreign is written: what shows the image shows this firmware's code and the
 * one below us, and a word stored there would hit them.
 */
static void find_own_twins(const struct machine *m)
{
	paddr_t home = image_to_pa(&beacon);
	paddr_t image = avoid[0].start;
	struct region own = {image, avoid[0].size};

	for (unsigned i = 0; i < m->nr_ram; i++) {
		if (ramprobe_inside(m->ram[i], home))
			own = m->ram[i];
	}
	for (unsigned i = 0; i < m->nr_ram; i++) {
		struct region r = m->ram[i];
		paddr_t same_place = r.start + (home - own.start);

		for (unsigned shift = 21; shift < 56; shift++) {
			uint64_t distance = UINT64_C(1) << shift;
			bool up = ramprobe_inside(r, home + distance) &&
				  shows_beacon(m, home, home + distance);
			bool down = !up && ramprobe_inside(r, home - distance) &&
				    shows_beacon(m, home, home - distance);

			if (!up && !down)
				continue;
			if (r.start == own.start)
				cut_rounds(r, image, distance);
			else
				add_hole(&twins, r.start, region_end(r));
			break;
		}
		/* Another window on the same DRAM, at any distance. */
		if (r.start != own.start && ramprobe_inside(r, same_place) &&
		    shows_beacon(m, home, same_place))
			add_hole(&twins, r.start, r.start + min_u64(r.size, own.size));
	}
}

/* ---- passes over all spots */

static void load_old(struct spot *s, unsigned page)
{
	s->loaded = load(page, 0, &s->word);
	if (!s->loaded)
		s->state = DEAD;
}

static void store_word(struct spot *s, unsigned page)
{
	s->stored = store(page, 0, word_of(s->pa));
	if (!s->stored)
		s->state = DEAD;
}

static void check_word(struct spot *s, unsigned page)
{
	uint64_t seen;

	if (!s->stored)
		return;
	if (!load(page, 0, &seen))
		s->state = DEAD;
	else if (seen != word_of(s->pa))
		s->state =
			is_aligned(word_of(seen), PAGE_SIZE) && word_of(seen) < s->pa ? TWIN : DEAD;
	if (s->state == TWIN)
		s->word = s->pa - word_of(seen);
}

static void restore_word(struct spot *s, unsigned page)
{
	if (s->stored && s->state != TWIN)
		(void)store(page, 0, s->word);
	s->stored = false;
}

static bool is_any(const struct spot *s)
{
	(void)s;
	return true;
}

static bool is_written(const struct spot *s)
{
	return s->write && s->loaded;
}

/* @fn for each spot that @which holds for, as many pages at a time as the window shows. */
static void pass(void (*fn)(struct spot *, unsigned page), bool (*which)(const struct spot *),
		 bool descending)
{
	static paddr_t pages[EARLY_WINDOW_PAGES];
	static uint16_t index[EARLY_WINDOW_PAGES];

	for (unsigned n = 0; n < nr_spots;) {
		unsigned nr = 0;

		for (; n < nr_spots && nr < EARLY_WINDOW_PAGES; n++) {
			unsigned i = descending ? nr_spots - 1 - n : n;

			if (which(&spots[i])) {
				index[nr] = (uint16_t)i;
				pages[nr++] = spots[i].pa;
			}
		}
		show(pages, nr);
		for (unsigned page = 0; page < nr; page++)
			fn(&spots[index[page]], page);
	}
}

/*
 * Words go down from the top, so that of two views of one cell the lower one writes last: it
 * reads its own word back, the other one reads a stranger's. On a cache that is not coherent
 * between the two, words of equal distance drive each other out of the same set in between.
 */
static bool check_words(void)
{
	bool good = true;

	pass(store_word, is_written, true);
	pass(check_word, is_written, false);
	pass(restore_word, is_written, true);
	for (unsigned i = 0; i < nr_spots; i++)
		good &= spots[i].state == GOOD;
	return good;
}

/* ---- holes */

/*
 * The 2 MiB boundary between what stays with the good spot @g and what is cut with the bad spot
 * @b, which may lie on either side.
 */
static paddr_t edge(const struct machine *m, const struct spot *g, const struct spot *b)
{
	uint64_t below = b->state == TWIN ? b->word : 0;
	paddr_t good = align_down(g->pa, SZ_2M);
	paddr_t bad = align_down(b->pa, SZ_2M);

	while ((good > bad ? good - bad : bad - good) > SZ_2M) {
		paddr_t mid = align_down(
			min_u64(good, bad) + (max_u64(good, bad) - min_u64(good, bad)) / 2, SZ_2M);

		if (page_good(m, mid, below))
			good = mid;
		else
			bad = mid;
	}
	if (good > bad)
		return good;
	if (good == bad)
		return g->pa > b->pa ? good + SZ_2M : good;
	/* The last page may be gone where the first one answers. */
	return page_good(m, bad - PAGE_SIZE, below) ? bad : good;
}

/* Runs of bad spots inside one region, each up to the good spots beside it. */
static void find_holes_in(const struct machine *m, struct region r)
{
	unsigned first = 0;
	unsigned end;

	while (first < nr_spots && spots[first].pa < r.start)
		first++;
	for (end = first; end < nr_spots && spots[end].pa < region_end(r); end++)
		;
	/* A spot whose other view is no spot itself, such as the last page. */
	for (unsigned i = first + 1; i < end; i++) {
		if (spots[i].state == GOOD && spots[i - 1].state == TWIN &&
		    !page_good(m, spots[i].pa, spots[i - 1].word)) {
			spots[i].state = TWIN;
			spots[i].word = spots[i - 1].word;
		}
	}
	for (unsigned i = first; i < end; i++) {
		unsigned j = i;

		if (spots[i].state == GOOD)
			continue;
		while (j < end && spots[j].state == spots[i].state)
			j++;
		add_hole(spots[i].state == TWIN ? &twins : &dead,
			 i == first ? r.start
				    : max_u64(r.start, spots[i - 1].state == GOOD
							       ? edge(m, &spots[i - 1], &spots[i])
							       : align_down(spots[i].pa, SZ_2M)),
			 j == end ? region_end(r)
				  : min_u64(region_end(r),
					    spots[j].state == GOOD
						    ? edge(m, &spots[j], &spots[j - 1])
						    : align_down(spots[j].pa, SZ_2M)));
		i = j - 1;
	}
}

static void note_holes(struct machine *m, const char *what, const struct regions *holes)
{
	char list[72] = ""; /* two of the longest */
	size_t used = 0;
	unsigned n;

	for (n = 0; n < holes->nr && n < 2; n++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s0x%llx-0x%llx",
					 n == 0 ? "" : ", ", (ull)holes->r[n].start,
					 (ull)region_end(holes->r[n]) - 1);
	if (holes->nr > n)
		machine_note(m, "RAM %s, cut: %s and %u more", what, list, holes->nr - n);
	else if (holes->nr != 0)
		machine_note(m, "RAM %s, cut: %s", what, list);
}

static void cut(struct machine *m, const struct regions *holes)
{
	for (unsigned i = 0; i < holes->nr; i++)
		machine_cut_ram(m, holes->r[i]);
}

enum err ramprobe_run(struct machine *m, struct region image, struct region blob,
		      struct ramprobe_stats *stats)
{
	avoid[0] = image;
	avoid[1].start = align_down(blob.start, PAGE_SIZE);
	avoid[1].size = align_up(region_end(blob), PAGE_SIZE) - avoid[1].start;
	dead.nr = 0;
	twins.nr = 0;
	find_own_twins(m);
	cut(m, &twins);

	nr_spots = ramprobe_choose(m, avoid, spots);
	pass(load_old, is_any, false);
	*stats = (struct ramprobe_stats){.spots = nr_spots};
	/* Once a tree is caught, a load that does not trap says nothing any more. */
	if (!check_words()) {
		for (unsigned i = 0; i < nr_spots; i++) {
			spots[i].write = true;
			spots[i].state = GOOD;
		}
		pass(load_old, is_any, false);
		(void)check_words();
	}
	for (unsigned i = 0; i < nr_spots; i++)
		stats->written += is_written(&spots[i]) ? 1 : 0;
	for (unsigned i = 0; i < m->nr_ram; i++)
		find_holes_in(m, m->ram[i]);
	cut(m, &dead);
	cut(m, &twins);
	show(NULL, 0);
	note_holes(m, "does not answer", &dead);
	note_holes(m, "is there twice", &twins);
	if (m->nr_ram != 0)
		return OK;
	machine_note_fatal(m, "no RAM answers");
	return ERR_NOENT;
}
