/* SPDX-License-Identifier: BSD-2-Clause */
/* The simulated machine's memory, in pieces, and the ways to it that mm/ has. */
#include "tests/host/arch_sim.h"

#include <string.h>
#include <sys/mman.h>

#include "firmware/image.h"
#include "firmware/root.h"
#include "tests/host/arch_sim_parts.h"
#include "tests/host/arch_sim_tlb.h"

#define MAX_PIECES 128u

struct piece {
	struct region r;
	uint8_t *bytes;
};

static struct piece pieces[MAX_PIECES];
static unsigned nr_pieces;
static const struct piece *last_piece;

static vaddr_t direct_offset;
static struct region early;
static struct region image;
static enum sim_view kernel_view;

void sim_mem_add(struct region r, bool garbage)
{
	void *p = mmap(NULL, r.size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	/* All of a small piece, the ends of a large one, where boot memory is taken from. */
	uint64_t part = min_u64(r.size, 4 * SZ_2M);

	if (p == MAP_FAILED || nr_pieces == MAX_PIECES)
		panic("no memory for memory at 0x%llx", (unsigned long long)r.start);
	/* Faster by far for hundreds of short lives. */
	madvise(p, r.size, MADV_HUGEPAGE);
	if (garbage) {
		memset(p, 0xa5, part);
		memset((uint8_t *)p + r.size - part, 0x5b, part);
	}
	pieces[nr_pieces++] = (struct piece){r, p};
	last_piece = NULL;
}

void sim_mem_drop(struct region r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < nr_pieces; i++) {
		struct region p = pieces[i].r;

		if (p.start >= r.start && region_end(p) <= region_end(r))
			munmap(pieces[i].bytes, p.size);
		else
			pieces[n++] = pieces[i];
	}
	nr_pieces = n;
	last_piece = NULL;
}

static void *host_ptr(paddr_t pa)
{
	if (last_piece != NULL && pa - last_piece->r.start < last_piece->r.size)
		return last_piece->bytes + (pa - last_piece->r.start);
	for (unsigned i = 0; i < nr_pieces; i++) {
		if (pa - pieces[i].r.start < pieces[i].r.size) {
			last_piece = &pieces[i];
			return pieces[i].bytes + (pa - pieces[i].r.start);
		}
	}
	return NULL;
}

bool sim_mem_piece(unsigned i, struct region *r, uint8_t **bytes)
{
	if (i >= nr_pieces)
		return false;
	*r = pieces[i].r;
	*bytes = pieces[i].bytes;
	return true;
}

bool sim_mem_present(paddr_t pa)
{
	return host_ptr(pa) != NULL;
}

uint64_t *sim_word(paddr_t pa)
{
	return host_ptr(pa);
}

void sim_image(struct region r)
{
	image = r;
}

struct region image_region(void)
{
	return image;
}

void sim_early(struct region arena)
{
	early = arena;
}

void sim_kernel_view(enum sim_view view)
{
	kernel_view = view;
}

/* ---- addresses */

/* Harts that take turns may not use anything that could lead to two places, whichever they take. */
static void *only_way(vaddr_t va)
{
	struct sim_result r[2];
	unsigned n = tlb_outcomes(sim_state.running, va, SIM_LOAD, r, 2);
	void *p;

	sim_touches(SIM_READS, SIM_HELD, sim_state.running);
	if (n != 1 || r[0].outcome != SIM_OK)
		panic("hart%u: 0x%llx is used and may fault or lead elsewhere", sim_state.running,
		      (unsigned long long)va);
	p = host_ptr(r[0].pa);
	sim_state.weaver->page(p);
	return p;
}

void *arch_virt_to_ptr(vaddr_t va)
{
	struct sim_result r;

	if (sim_state.weaver != NULL)
		return only_way(va);
	r = tlb_access(sim_state.running, va, SIM_LOAD, kernel_view);
	if (r.outcome != SIM_OK)
		panic("hart%u: 0x%llx is used and %s", sim_state.running, (unsigned long long)va,
		      r.outcome == SIM_PAGE_FAULT ? "faults" : "leads to no memory");
	return host_ptr(r.pa);
}

void *phys_to_ptr(paddr_t pa)
{
	if (sim_state.rooted[sim_state.running])
		return arch_virt_to_ptr(pa + direct_offset);
	if (pa - early.start >= early.size || host_ptr(pa) == NULL)
		panic("0x%llx is used before it is mapped", (unsigned long long)pa);
	return host_ptr(pa);
}

paddr_t ptr_to_phys(const void *p)
{
	const uint8_t *b = p;

	for (unsigned i = 0; i < nr_pieces; i++) {
		if (b >= pieces[i].bytes && (size_t)(b - pieces[i].bytes) < pieces[i].r.size)
			return pieces[i].r.start + (uint64_t)(b - pieces[i].bytes);
	}
	panic("%p is no pointer to memory of this machine", p);
}

void arch_set_direct_offset(vaddr_t offset)
{
	direct_offset = offset;
}
