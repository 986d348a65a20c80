/* SPDX-License-Identifier: BSD-2-Clause */
/* Where RAM is probed: what may be touched, and the spots in it. */
#include "firmware/ramprobe_priv.h"

/* Each piece of reserved memory, image or blob may make one more of them. */
#define MAX_PIECES (MACHINE_MAX_RAM + MACHINE_MAX_RESERVED + RAMPROBE_AVOID)

static struct region pieces[MAX_PIECES]; /* RAM that may be written to, sorted */
static unsigned nr_pieces;
static struct spot *spots; /* being filled */
static unsigned nr_spots;

static void add_piece(paddr_t start, paddr_t end)
{
	if (start < end && nr_pieces < MAX_PIECES)
		pieces[nr_pieces++] = (struct region){start, end - start};
}

/* What of the pieces from @first on lies outside @hole. */
static void punch_pieces(unsigned first, struct region hole)
{
	for (unsigned i = first; i < nr_pieces; i++) {
		struct region p = pieces[i];

		if (!ramprobe_overlaps(p, hole))
			continue;
		/* The part behind goes to the end and the list is sorted when it is complete. */
		pieces[i].size = hole.start > p.start ? hole.start - p.start : 0;
		add_piece(max_u64(region_end(hole), p.start), region_end(p));
	}
}

static void sort_pieces(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < nr_pieces; i++) {
		struct region p = pieces[i];
		unsigned at = n;

		if (p.size == 0)
			continue;
		for (; at > 0 && pieces[at - 1].start > p.start; at--)
			pieces[at] = pieces[at - 1];
		pieces[at] = p;
		n++;
	}
	nr_pieces = n;
}

/* RAM without what may not be touched, whole pages. */
static void find_pieces(const struct machine *m, const struct region *avoid)
{
	nr_pieces = 0;
	for (unsigned i = 0; i < m->nr_ram; i++)
		add_piece(m->ram[i].start, region_end(m->ram[i]));
	for (unsigned i = 0; i < m->nr_reserved; i++)
		punch_pieces(0, m->reserved[i]);
	for (unsigned i = 0; i < RAMPROBE_AVOID; i++)
		punch_pieces(0, avoid[i]);
	sort_pieces();
}

static struct region region_of(const struct machine *m, paddr_t pa)
{
	for (unsigned i = 0; i < m->nr_ram; i++) {
		if (ramprobe_inside(m->ram[i], pa))
			return m->ram[i];
	}
	return (struct region){pa, PAGE_SIZE};
}

/* The smallest power of two for which the spots of all pieces find room. */
static uint64_t choose_stride(const struct machine *m)
{
	uint64_t stride = SZ_2M;
	unsigned fixed = 2 * nr_pieces;

	for (unsigned i = 0; i < m->nr_ram; i++) {
		for (uint64_t d = SZ_2M; d < m->ram[i].size; d *= 2)
			fixed++;
	}
	for (;; stride *= 2) {
		uint64_t n = fixed;

		for (unsigned i = 0; i < nr_pieces; i++)
			n += pieces[i].size / stride + 1;
		if (n <= RAMPROBE_SPOTS)
			return stride;
	}
}

/*
 * Stores are dear where memory is handed out on first use (an emulator's host clears 2 MiB for
 * each), so of all distances only the largest ones: what is missing is missing at the end.
 */
#define WRITTEN_DISTANCES 4

static void choose_spots_in(struct region piece, struct region ram, uint64_t stride)
{
	paddr_t last = region_end(piece) - PAGE_SIZE;
	paddr_t next = piece.start;
	uint64_t distance = SZ_2M;

	while (nr_spots < RAMPROBE_SPOTS) {
		paddr_t pa = next;
		bool far = false;

		while (distance < ram.size && ram.start + distance <= pa) {
			far = ram.start + distance == pa &&
			      distance >= ram.size >> WRITTEN_DISTANCES;
			distance *= 2;
		}
		spots[nr_spots++] = (struct spot){
			.pa = pa,
			.write = far || pa == piece.start || pa == last,
		};
		if (pa == last)
			break;
		next = min_u64(align_down(pa, stride) + stride, last);
		if (distance < ram.size)
			next = min_u64(next, ram.start + distance);
	}
}

unsigned ramprobe_choose(const struct machine *m, const struct region *avoid, struct spot *to)
{
	uint64_t stride;

	find_pieces(m, avoid);
	stride = choose_stride(m);
	spots = to;
	nr_spots = 0;
	for (unsigned i = 0; i < nr_pieces; i++)
		choose_spots_in(pieces[i], region_of(m, pieces[i].start), stride);
	return nr_spots;
}
