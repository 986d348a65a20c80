/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The emulator's address translation against the legal set (sim_legal.h): random tables, accesses,
 * fences. Without faults every outcome is legal, and stale ones are among them; with each fault
 * some outcome is not.
 */
#include <stdlib.h>
#include <string.h>

#include "host/sim/access.h"
#include "host/sim/bus.h"
#include "host/sim/csr.h"
#include "host/sim/faults.h"
#include "host/sim/fence.h"
#include "host/sim/machine.h"
#include "host/sim/mmu.h"
#include "host/sim/pmp.h"
#include "host/sim/trap.h"
#include "tests/host/sim_legal.h"
#include "tests/host/sim_rig.h"
#include "tests/host/tap.h"

#define CSR_SATP 0x180
#define STEPS 40000
#define MAX_TRIES 6
#define FULL_FENCE_EVERY 150

struct result {
	unsigned long accesses, stale, faults, illegal;
	char first[160]; /* the first outcome that is not legal */
};

static struct config config;
static struct hart *h;
static uint32_t asids[LEGAL_ROOTS];
static struct result result;
static bool bare;

/* A register that holds @v. */
static unsigned in_register(uint64_t v, unsigned other)
{
	unsigned r;

	do
		r = 1 + rng_below(&rig.rng, 31);
	while (r == other);
	h->x[r] = v;
	return r;
}

static void sfence(unsigned rs1, unsigned rs2, uint64_t va, uint32_t asid)
{
	bool valid =
		rs1 == 0 || (uint64_t)sign_extend(va, 12 + 9 * rig.context.levels) == va || bare;
	enum priv priv = h->priv;

	h->priv = rng_percent(&rig.rng, 20) ? PRIV_M : priv;
	fence_sfence_vma(h, rs1, rs2);
	h->priv = priv;
	if (valid)
		legal_fence(rs1 == 0, va >> PAGE_SHIFT, asid, legal_now());
}

static void svinval(unsigned rs1, unsigned rs2, uint64_t va, uint32_t asid)
{
	bool valid =
		rs1 == 0 || (uint64_t)sign_extend(va, 12 + 9 * rig.context.levels) == va || bare;
	uint64_t at = legal_now();

	fence_w_inval(h);
	if (rng_percent(&rig.rng, 50)) { /* not ordered by it */
		h->insns++;
		rig_store();
	}
	h->insns++;
	fence_sinval_vma(h, rs1, rs2);
	if (valid)
		legal_fence(rs1 == 0, va >> PAGE_SHIFT, asid, at);
	if (rng_percent(&rig.rng, 50)) {
		uint64_t second = rig_pick_va() & ~PAGE_OFFSET;

		fence_sinval_vma(h, in_register(second, 0), 0);
		if ((uint64_t)sign_extend(second, 12 + 9 * rig.context.levels) == second || bare)
			legal_fence(false, second >> PAGE_SHIFT, LEGAL_ALL_ASIDS, at);
	}
	fence_inval_ir(h);
}

static void random_fence(void)
{
	uint64_t va = rig_pick_va();
	uint32_t asid = asids[rng_below(&rig.rng, LEGAL_ROOTS)];
	unsigned kind = rng_below(&rig.rng, 20);
	unsigned rs1 = kind < 13 ? in_register(va, 0) : 0;
	unsigned rs2 = kind % 3 != 0 ? in_register(asid, rs1) : 0;

	if (rs1 == 0 && rs2 == 0 && rng_percent(&rig.rng, 70))
		return; /* those forget too much to be interesting */
	if (rs2 == 0)
		asid = LEGAL_ALL_ASIDS;
	if (rng_percent(&rig.rng, 25))
		svinval(rs1, rs2, va, asid);
	else
		sfence(rs1, rs2, va, asid);
}

static void switch_root(unsigned n)
{
	uint64_t mode = (uint64_t)(SATP_MODE_SV39 + rig.context.levels - 3) << SATP_MODE_SHIFT;
	uint64_t root = legal_table_pa(rig.context.levels - 1, n) >> PAGE_SHIFT;
	uint64_t satp = mode | (uint64_t)asids[n] << SATP_ASID_SHIFT | root;

	bare = rng_percent(&rig.rng, 5);
	if (bare)
		satp = 0;
	rig.context.root = n;
	rig.context.asid = asids[n];
	h->priv = PRIV_S; /* and back: satp is not U-mode's */
	(void)csr_write(h, CSR_SATP, satp);
	/* "If satp is written with an unsupported MODE, the entire write has no effect." */
	if (rng_percent(&rig.rng, 20))
		(void)csr_write(h, CSR_SATP, UINT64_C(5) << SATP_MODE_SHIFT | (satp + 1));
	/* ASID bits that are not implemented read as zero. */
	if (config.asid_bits < 16) {
		uint64_t got = 0;

		(void)csr_write(h, CSR_SATP, satp | (bare ? 0 : BIT(59)));
		(void)csr_read(h, CSR_SATP, &got);
		result.illegal += got != satp;
	}
	h->priv = rig.context.user ? PRIV_U : PRIV_S;
}

static void change_mode(void)
{
	uint64_t bits = rng_below(&rig.rng, 2) * MSTATUS_SUM | rng_below(&rig.rng, 2) * MSTATUS_MXR;

	rig.context.sum = (bits & MSTATUS_SUM) != 0;
	rig.context.mxr = (bits & MSTATUS_MXR) != 0;
	rig.context.user = rng_percent(&rig.rng, 30);
	/* sstatus, as S-mode writes it, and back to where it came from */
	h->priv = PRIV_S;
	(void)csr_write(h, 0x100, bits);
	h->priv = rig.context.user ? PRIV_U : PRIV_S;
	mmu_context_changed(h);
}

/* One access through all of the emulator: short cuts, TLBs, walk. Where it went, or that it
 * trapped. */
static uint64_t access(uint64_t va, enum access a)
{
	const uint8_t *p;
	uint64_t value;
	uint32_t insn;
	bool ok;

	h->attention = 0;
	h->pc = va;
	if (a == ACCESS_FETCH)
		ok = access_fetch(h, &insn);
	else
		ok = a == ACCESS_LOAD ? access_load(h, va, 8, &value) : access_store(h, va, 8, 0);
	if (!ok && (h->trap_cause == CAUSE_LOAD_ACCESS || h->trap_cause == CAUSE_STORE_ACCESS ||
		    h->trap_cause == CAUSE_FETCH_ACCESS))
		return va & (BIT(30) - 1); /* outside RAM: nobody knows where, but for the offset */
	if (!ok)
		return LEGAL_FAULT;
	p = fast_find(a == ACCESS_FETCH ? h->fetch_fast : h->data_fast, a, va, 8);
	/* A device, or the ROM, was there. */
	return p == NULL ? va & (BIT(30) - 1)
			 : (uint64_t)(p - rig.machine.ram) + rig.machine.ram_base;
}

static void illegal(uint64_t va, enum access a, uint64_t pa)
{
	if (result.illegal++ == 0)
		snprintf(result.first, sizeof(result.first),
			 "access %d of 0x%llx, asid %u root %u user %d sum %d mxr %d: 0x%llx",
			 (int)a, (unsigned long long)va, rig.context.asid, rig.context.root,
			 rig.context.user, rig.context.sum, rig.context.mxr,
			 (unsigned long long)pa);
}

/* Hardware that sets A and D: an entry may have changed, in these bits and if it is the one. */
static void find_ad_writes(uint64_t va, enum access a)
{
	for (unsigned level = 0; level < rig.context.levels; level++) {
		for (unsigned nr = 0; nr < LEGAL_TABLES / 2; nr++) {
			const uint8_t *table =
				bus_ram(&rig.machine, legal_table_pa(level, nr), 4096);

			for (unsigned i = 0; i < 512; i = i == 34 ? 511 : i + 1) {
				uint64_t old = legal_value(level, nr, i);
				uint64_t new;

				memcpy(&new, table + i * sizeof(new), sizeof(new));
				if (new == old)
					continue;
				if (i != (va >> (12 + 9 * level) & 511) || (old & PTE_V) == 0 ||
				    new != (old | PTE_A | (a == ACCESS_STORE ? PTE_D : 0)))
					illegal(va, a, new);
				legal_store(level, nr, i, new);
			}
		}
	}
}

static void random_access(void)
{
	static const enum legal_access kinds[] = {LEGAL_LOAD, LEGAL_STORE, LEGAL_FETCH};
	uint64_t va = rig_pick_va();
	enum access a = (enum access)rng_below(&rig.rng, 3);
	uint64_t pa = access(va, a);
	bool current = true;
	bool ok;

	result.accesses++;
	if (bare)
		ok = pa == LEGAL_FAULT ? false : va >= BIT(30) || pa == va;
	else
		ok = legal_outcome(&rig.context, va, kinds[a], pa, &current);
	/* Of an address outside RAM only the lower 30 bits are known. */
	if (!ok && !bare && pa < BIT(30))
		ok = legal_outcome(&rig.context, va, kinds[a], va & (BIT(39) - 1), &current) ||
		     legal_outcome(&rig.context, va, kinds[a], va & (BIT(48) - 1), &current);
	result.stale += !current;
	result.faults += pa == LEGAL_FAULT;
	if (!ok)
		illegal(va, a, pa);
	if (rig.context.sets_ad)
		find_ad_writes(va, a);
}

static void step(unsigned n)
{
	unsigned kind = rng_below(&rig.rng, 100);

	h->insns += rng_percent(&rig.rng, 50) ? 1 : 20;
	if (n % FULL_FENCE_EVERY == 0) {
		sfence(0, 0, 0, LEGAL_ALL_ASIDS);
		h->insns += 10; /* what a fault left in is to be seen */
	} else if (kind < 12) {
		rig_store();
	} else if (kind < 22) {
		random_fence();
	} else if (kind < 28) {
		switch_root(rng_below(&rig.rng, LEGAL_ROOTS));
	} else if (kind < 32) {
		change_mode();
	} else {
		random_access();
	}
}

/* A machine of @levels; what its hart would be after a firmware has started it in S-mode. */
static void begin(unsigned levels, uint64_t seed)
{
	memset(&result, 0, sizeof(result));
	rig.rng.state = seed;
	asids[0] = 1;
	asids[1] = 2;
	asids[2] = (uint32_t)BIT(config.asid_bits - 1) | 1;
	config.seed = seed;
	config.ram_bytes = UINT64_C(2) << 30;
	if (!machine_init(&rig.machine, &config))
		abort();
	h = &rig.machine.hart[0];
	h->insns = 1000;
	pmp_write_addr(h, 0, UINT64_MAX);
	pmp_write_cfg(h, 0, PMP_R | PMP_W | PMP_X | 3 << PMP_A_SHIFT);
	h->menvcfg = MENVCFG_PBMTE;
	rig.context = (struct legal_context){.levels = levels,
					     .sets_ad = config.ad == AD_HARDWARE,
					     .svnapot = config.svnapot,
					     .svpbmt = config.svpbmt};
	legal_reset(asids);
	change_mode();
	switch_root(0);
}

static void run(unsigned levels, uint64_t seed)
{
	begin(levels, seed);
	for (unsigned n = 1; n <= STEPS && (result.illegal == 0 || !faults_any); n++)
		step(n);
	machine_free(&rig.machine);
}

static void test_legal(const char *what)
{
	for (unsigned levels = 3; levels <= 5; levels++) {
		run(levels, levels + 100);
		if (!tap_ok(result.illegal == 0 && result.stale > 50,
			    "%s, Sv%u: %lu accesses, %lu traps, %lu stale, all of them legal", what,
			    12 + 9 * levels, result.accesses, result.faults, result.stale))
			printf("# %lu illegal, first %s\n", result.illegal, result.first);
	}
}

static void test_machines(void)
{
	config_defaults(&config);
	config.tlb.l1i = config.tlb.l1d = 4;
	test_legal("small first level");
	config.tlb.replace = REPLACE_LRU;
	config.tlb.splinter = 50;
	config.tlb.prefetch = 50;
	config.tlb.restart = 30;
	test_legal("LRU, splinters, walks ahead");
	config.tlb.negative = false;
	config.tlb.l2 = config.tlb.pwc = 0;
	test_legal("first level alone");
	config_defaults(&config);
	config.ad = AD_HARDWARE;
	test_legal("A and D set by hardware");
	config_defaults(&config);
	config.svnapot = config.svpbmt = false;
	config.asid_bits = 4;
	test_legal("4 ASID bits, no Svnapot, no Svpbmt");
}

/* What is looked for in which machine: faults that need hardware which sets A and D, few ASIDs. */
static bool finds(const char *name)
{
	for (unsigned try = 0; try < MAX_TRIES; try++) {
		config_defaults(&config);
		config.tlb.l1i = config.tlb.l1d = try % 2 == 0 ? 4 : 64;
		config.tlb.l2 = try % 2 == 0 ? 512 : 4;
		if (strcmp(name, "ad-resurrects") == 0 || strcmp(name, "ad-wrong-entry") == 0)
			config.ad = AD_HARDWARE;
		if (strcmp(name, "satp-asid-wide") == 0)
			config.asid_bits = 4;
		if (faults_arm(name) != NULL)
			return false;
		run(3 + (try + 1) % 3, 7 + try);
		faults_disarm();
		if (result.illegal != 0)
			return true;
	}
	return false;
}

static void test_faults(void)
{
#define X(id, name, class, text)                                                                   \
	if (FAULT_##id < FAULT_RFENCE_NOTHING)                                                     \
		tap_ok(finds(name), "%s is found", name);
	FAULTS(X)
#undef X
}

int main(void)
{
	test_machines();
	test_faults();
	return tap_done();
}
