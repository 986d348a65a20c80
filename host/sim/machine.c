/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order in which harts run, and time. Everything is drawn from the seed: harts take turns of
 * random length, time passes with instructions, so the same seed is the same run.
 */
#include "host/sim/machine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "host/sim/bus.h"
#include "host/sim/cpu.h"
#include "host/sim/csr.h"
#include "host/sim/rvc.h"
#include "host/sim/sbi_native.h"
#include "host/sim/trap.h"

#define STATUS_STUCK 125
#define STATUS_TIMEOUT 124
#define REST_UNIT 64

enum { REG_A0 = 10, REG_A1, REG_A2 };

static bool hart_init(struct machine *m, unsigned id)
{
	struct hart *h = &m->hart[id];

	h->id = id;
	h->machine = m;
	h->stopped = true;
	for (unsigned i = 0; i < 3; i++)
		fast_forget(&h->fast[i]);
	h->tlb.hart = id;
	h->tlb.asid_mask = (uint16_t)(BIT(m->config->asid_bits) - 1);
	csr_reset(h);
	return tlb_init(&h->tlb, &m->config->tlb, rng_next(&m->rng));
}

bool machine_init(struct machine *m, const struct config *c)
{
	memset(m, 0, sizeof(*m));
	m->config = c;
	m->rng.state = c->seed;
	m->nr_harts = c->harts;
	m->ram_base = c->ram_base;
	m->ram_bytes = c->ram_bytes;
	rvc_init();
	m->ram = mmap(NULL, c->ram_bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	m->rom = calloc(1, ROM_BYTES);
	m->hart = calloc(c->harts, sizeof(*m->hart));
	if (m->ram == MAP_FAILED || m->rom == NULL || m->hart == NULL)
		return false;
	for (unsigned i = 0; i < c->harts; i++) {
		if (!hart_init(m, i))
			return false;
	}
	return true;
}

void machine_free(struct machine *m)
{
	for (unsigned i = 0; i < m->nr_harts; i++)
		tlb_free(&m->hart[i].tlb);
	munmap(m->ram, m->ram_bytes);
	free(m->rom);
	free(m->hart);
}

void machine_start(struct machine *m, uint64_t pc, uint64_t dtb, uint64_t info)
{
	for (unsigned i = 0; i < m->nr_harts; i++) {
		struct hart *h = &m->hart[i];

		h->pc = pc;
		h->x[REG_A0] = i;
		h->x[REG_A1] = dtb;
		h->x[REG_A2] = info;
	}
}

/* Time passes as if all harts that run did so at once. */
static void pass_time(struct machine *m, uint64_t insns, unsigned harts)
{
	uint64_t unit = (uint64_t)REST_UNIT * m->config->insns_per_tick;

	m->insns += insns;
	m->mtime_rest += insns * REST_UNIT / harts;
	m->mtime += m->mtime_rest / unit;
	m->mtime_rest %= unit;
}

/* When the timer of @h will end its WFI. */
static uint64_t next_timer(const struct hart *h)
{
	uint64_t at = UINT64_MAX;

	if ((h->mie & BIT(IRQ_MTI)) != 0)
		at = h->mtimecmp;
	if ((h->mie & BIT(IRQ_STI)) != 0 && (h->menvcfg & MENVCFG_STCE) != 0 && h->stimecmp < at)
		at = h->stimecmp;
	return at;
}

/* All harts wait: on to the next timer. False if there is none. */
static bool skip_time(struct machine *m)
{
	uint64_t at = UINT64_MAX;

	for (unsigned i = 0; i < m->nr_harts; i++) {
		uint64_t t = next_timer(&m->hart[i]);

		at = t < at ? t : at;
	}
	if (at == UINT64_MAX || at <= m->mtime)
		return false;
	m->mtime = at;
	return true;
}

static void end_line(const struct machine *m)
{
	if (m->mid_line)
		putchar('\n');
	fflush(stdout);
}

static int give_up(struct machine *m, int status, const char *why)
{
	end_line(m);
	fprintf(stderr, "hotwalk-sim: %s after %" PRIu64 " instructions\n", why, m->insns);
	for (unsigned i = 0; i < m->nr_harts; i++) {
		const struct hart *h = &m->hart[i];

		fprintf(stderr,
			"hotwalk-sim: hart %u: pc 0x%" PRIx64 " mode %d satp 0x%" PRIx64 "%s\n", i,
			h->pc, (int)h->priv, h->satp, h->waiting ? ", waits" : "");
	}
	return status;
}

/* One turn of each hart that does not wait; how many there were. */
static unsigned round_of_turns(struct machine *m)
{
	unsigned first = rng_below(&m->rng, m->nr_harts);
	uint64_t insns = 0;
	unsigned active = 0;

	for (unsigned n = 0; n < m->nr_harts && !m->ended; n++) {
		struct hart *h = &m->hart[(first + n) % m->nr_harts];

		trap_check_interrupts(h);
		if (h->waiting)
			continue;
		active++;
		sbi_native_poll(h);
		insns += cpu_run(h, 1 + rng_below(&m->rng, m->config->quantum));
		h->reserved = false;
	}
	if (active != 0)
		pass_time(m, insns, active);
	return active;
}

int machine_run(struct machine *m)
{
	while (!m->ended) {
		if (m->config->timeout_insns != 0 && m->insns >= m->config->timeout_insns)
			return give_up(m, STATUS_TIMEOUT, "given up");
		if (round_of_turns(m) == 0 && !m->ended && !skip_time(m))
			return give_up(m, STATUS_STUCK, "all harts wait for ever");
	}
	end_line(m);
	return m->status;
}

void machine_print_stats(const struct machine *m, double seconds)
{
	struct hart_stats sum = {0};

	for (unsigned i = 0; i < m->nr_harts; i++) {
		const struct hart_stats *s = &m->hart[i].stats;

		sum.l1_misses += s->l1_misses;
		sum.l2_misses += s->l2_misses;
		sum.walks += s->walks;
		sum.pte_reads += s->pte_reads;
		sum.fences += s->fences;
		sum.prefetches += s->prefetches;
		sum.traps += s->traps;
	}
	fprintf(stderr,
		"hotwalk-sim: %" PRIu64 " instructions in %.2f s, %.1f MIPS, %.3f s of its own "
		"time; traps %" PRIu64 ", L1 misses %" PRIu64 ", L2 misses %" PRIu64
		", walks %" PRIu64 " (%" PRIu64 " reads, %" PRIu64 " ahead), fences %" PRIu64 "\n",
		m->insns, seconds, (double)m->insns / seconds / 1e6, (double)m->mtime / 1e7,
		sum.traps, sum.l1_misses, sum.l2_misses, sum.walks, sum.pte_reads, sum.prefetches,
		sum.fences);
}
