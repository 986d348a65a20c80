/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything as it was: statics, simulated memory, the past that harts hold. A process for each
 * order (fork) would take ten times as long as the order itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/host/arch_sim_tlb.h"
#include "tests/host/weave_parts.h"

#define MAX_PIECES 16u

/* Of this program, from the linker. */
extern char __data_start[], _end[];

struct piece {
	uint8_t *bytes;
	uint8_t *saved;
	uint8_t *dirty; /* one a page */
	size_t pages;
};

static struct kept {
	uint8_t *statics;
	uint8_t *room;
	size_t room_used;
	struct piece pieces[MAX_PIECES];
	unsigned nr_pieces;
	struct {
		unsigned piece;
		size_t page;
	} * log;
	size_t nr_log;
} * kept;

void *reset_room(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

/* A store that nobody told of would change what the next schedule finds. */
static void check_memory(void)
{
	for (unsigned i = 0; i < kept->nr_pieces; i++) {
		const struct piece *p = &kept->pieces[i];

		for (size_t k = 0; k < p->pages; k++) {
			size_t at = k * PAGE_SIZE;

			if (memcmp(p->bytes + at, p->saved + at, PAGE_SIZE) == 0)
				continue;
			fprintf(stderr, "page %zu of piece %u is not as it was\n", k, i);
			abort();
		}
	}
}

static size_t statics_size(void)
{
	return (size_t)(_end - __data_start);
}

void reset_save(void)
{
	size_t pages = 0;
	struct region r;
	uint8_t *bytes;
	const uint8_t *room;

	kept = reset_room(sizeof(*kept));
	for (unsigned i = 0; i < MAX_PIECES && sim_mem_piece(i, &r, &bytes); i++) {
		struct piece *p = &kept->pieces[kept->nr_pieces++];

		*p = (struct piece){bytes, reset_room(r.size), reset_room(r.size / PAGE_SIZE),
				    r.size / PAGE_SIZE};
		memcpy(p->saved, p->bytes, r.size);
		pages += p->pages;
	}
	kept->log = reset_room(pages * sizeof(*kept->log));
	room = tlb_store_room(&kept->room_used);
	kept->room = reset_room(kept->room_used + 1);
	memcpy(kept->room, room, kept->room_used);
	kept->statics = reset_room(statics_size());
	memcpy(kept->statics, __data_start, statics_size());
}

void reset_page(const void *ptr)
{
	const uint8_t *b = ptr;

	for (unsigned i = 0; i < kept->nr_pieces; i++) {
		struct piece *p = &kept->pieces[i];
		size_t page = (size_t)(b - p->bytes) / PAGE_SIZE;

		if (b < p->bytes || page >= p->pages)
			continue;
		if (p->dirty[page] == 0) {
			p->dirty[page] = 1;
			kept->log[kept->nr_log].piece = i;
			kept->log[kept->nr_log++].page = page;
		}
		return;
	}
}

void reset_load(bool check)
{
	size_t used;
	uint8_t *room = tlb_store_room(&used);

	for (size_t i = 0; i < kept->nr_log; i++) {
		struct piece *p = &kept->pieces[kept->log[i].piece];
		size_t at = kept->log[i].page * PAGE_SIZE;

		memcpy(p->bytes + at, p->saved + at, PAGE_SIZE);
		p->dirty[kept->log[i].page] = 0;
	}
	kept->nr_log = 0;
	memcpy(room, kept->room, kept->room_used);
	memcpy(__data_start, kept->statics, statics_size());
	if (check)
		check_memory();
}
