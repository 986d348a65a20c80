/* SPDX-License-Identifier: BSD-2-Clause */
/* The IMSICs that an APLIC sends to: which they are, where their files lie, what those are called.
 */
#include "firmware/machine_priv.h"

/* AIA 1.0, 3.1. */
#define MAX_IDS 2047

int dt_imsic_find(struct dt *dt, int aplic)
{
	struct machine *m = dt->m;
	uint32_t parent = 0;
	int node = -1;

	if (dt_u32(dt, aplic, "msi-parent", &parent) && parent != 0 && parent != UINT32_MAX)
		node = dt_by_phandle(dt, parent);
	if (node < 0 || !dt_enabled(dt, node) || !dt_compatible(dt, node, "riscv,imsics")) {
		machine_note(m, "aplic: msi-parent leads to no IMSIC");
		return -1;
	}
	if (!dt_u32(dt, node, "riscv,num-ids", &m->intc.ids) || m->intc.ids == 0 ||
	    m->intc.ids > MAX_IDS) {
		machine_note(m, "imsic: cannot use riscv,num-ids %u", (unsigned)m->intc.ids);
		return -1;
	}
	/* Its files are reached through registers that such a hart would not know. */
	if ((m->isa & ISA_SSAIA) == 0) {
		machine_note(m, "imsic: not all harts claim ssaia");
		return -1;
	}
	/* Source n is sent as identity n (platform/aplic.c). */
	if (m->intc.sources > m->intc.ids) {
		machine_note(m, "imsic: %u identities for %u sources, the others are left out",
			     (unsigned)m->intc.ids, (unsigned)m->intc.sources);
		m->intc.sources = m->intc.ids;
	}
	return node;
}

static bool read_path(const struct dt *dt, int node, struct dt_path *p)
{
	int depth = 0;

	for (int n = dt_next_node(dt, 0, &depth); n >= 0 && depth > 0;
	     n = dt_next_node(dt, n, &depth)) {
		if (depth > DT_MAX_DEPTH)
			continue;
		p->node[depth] = n;
		p->depth = (unsigned)depth;
		if (n == node)
			return true;
	}
	return false;
}

bool dt_imsic_open(struct dt_imsic *f, const struct dt *dt, int node, unsigned files)
{
	*f = (struct dt_imsic){.dt = dt, .na = 2, .ns = 1, .group_shift = 24};
	while (f->hart_bits < 14 && 1U << f->hart_bits < files)
		f->hart_bits++;
	(void)dt_u32(dt, node, "riscv,guest-index-bits", &f->guest_bits);
	(void)dt_u32(dt, node, "riscv,hart-index-bits", &f->hart_bits);
	(void)dt_u32(dt, node, "riscv,group-index-bits", &f->group_bits);
	(void)dt_u32(dt, node, "riscv,group-index-shift", &f->group_shift);
	if (!read_path(dt, node, &f->path) ||
	    !dt_cell_counts(dt, f->path.node[f->path.depth - 1], &f->na, &f->ns))
		return false;
	return f->guest_bits <= 7 && f->hart_bits <= 15 && f->group_bits <= 7 &&
	       f->group_shift >= 24 && f->group_shift <= 55;
}

/*
 * Where file @i is as "reg" has it, whose pieces are one file a hart (and its guests' behind it).
 * False: it lies outside.
 */
static bool file_at(const struct dt_imsic *f, uint64_t i, uint64_t *at)
{
	uint64_t step = PAGE_SIZE << f->guest_bits;
	uint64_t off = i * step;
	struct dt_tuples t;
	struct region r;

	(void)dt_tuples_open(&t, f->dt, f->path.node[f->path.depth], "reg", f->na, f->ns);
	do {
		if (!dt_tuples_next(&t, &r))
			return false;
		*at = r.start + off;
		off -= min_u64(off, align_up(r.size, step));
	} while (*at - r.start >= r.size);
	return true;
}

/* A bus in between moves high bits only, if any; those of the index stay. */
int32_t dt_imsic_hart_index(const struct dt_imsic *f, uint64_t i)
{
	uint64_t at, index;

	if (!file_at(f, i, &at))
		return -1;
	index = at >> (PAGE_SHIFT + f->guest_bits) & ((UINT64_C(1) << f->hart_bits) - 1);
	index |= (at >> f->group_shift & ((UINT64_C(1) << f->group_bits) - 1)) << f->hart_bits;
	return index > DT_MAX_HART_INDEX ? -1 : (int32_t)index;
}

/*
 * A device's stores go where a hart's would: without dma-ranges bus addresses are those of the
 * harts. What lies in RAM is no file, and a trial message would change a word of it.
 */
paddr_t dt_imsic_file(const struct dt_imsic *f, uint64_t i)
{
	struct region file = {.size = PAGE_SIZE};

	if (!file_at(f, i, &file.start) || !dt_to_cpu(f->dt, &f->path, &file))
		return 0;
	if (!is_aligned(file.start, PAGE_SIZE) || file.start > DT_PA_END - PAGE_SIZE ||
	    dt_in_ram(f->dt, file))
		return 0;
	return file.start;
}
