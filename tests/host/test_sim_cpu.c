/* SPDX-License-Identifier: BSD-2-Clause */
/* The emulator's instructions, CSRs, traps and RFENCE: spot checks, one small program each. */
#include <stdlib.h>
#include <string.h>

#include "host/sim/bus.h"
#include "host/sim/cpu.h"
#include "host/sim/csr.h"
#include "host/sim/fence.h"
#include "host/sim/machine.h"
#include "host/sim/mmu.h"
#include "host/sim/pmp.h"
#include "host/sim/rvc.h"
#include "host/sim/sbi_native.h"
#include "host/sim/trap.h"
#include "tests/host/tap.h"

#define CODE UINT64_C(0x80000000)
#define DATA UINT64_C(0x80001000)
#define HANDLER UINT64_C(0x80002000)
#define EBREAK 0x00100073U

static struct config config;
static struct machine machine;
static struct hart *h;

static void begin(unsigned harts)
{
	config_defaults(&config);
	config.harts = harts;
	config.ram_bytes = UINT64_C(16) << 20;
	if (!machine_init(&machine, &config))
		abort();
	h = &machine.hart[0];
	h->mtvec = HANDLER;
}

static void end(void)
{
	machine_free(&machine);
}

/* Run @n instructions of @words bytes 4 each from CODE on, in M-mode. */
static void run(const uint32_t *insns, unsigned n)
{
	memcpy(bus_ram(&machine, CODE, n * 4), insns, n * sizeof(*insns));
	h->pc = CODE;
	(void)cpu_run(h, n);
}

#define RUN(...) run((const uint32_t[]){__VA_ARGS__}, sizeof((uint32_t[]){__VA_ARGS__}) / 4)

static uint32_t op(uint32_t f7, uint32_t f3, uint32_t opcode)
{
	return f7 << 25 | 12 << 20 | 11 << 15 | f3 << 12 | 10 << 7 | opcode; /* a0 = a1 op a2 */
}

static uint64_t compute(uint32_t insn, uint64_t a, uint64_t b)
{
	h->x[11] = a;
	h->x[12] = b;
	RUN(insn);
	return h->x[10];
}

static void test_arithmetic(void)
{
	const uint64_t min = UINT64_C(1) << 63;

	begin(1);
	tap_is(compute(op(0, 0, 0x33), 5, UINT64_MAX), 4, "add wraps");
	tap_is(compute(op(0x20, 5, 0x33), min, 63), UINT64_MAX, "sra");
	tap_is(compute(op(0x20, 5, 0x3b), 0x80000000, 31), UINT64_MAX, "sraw");
	tap_is(compute(op(0, 5, 0x3b), UINT64_C(0x180000000), 31), 1, "srlw drops the upper half");
	tap_is(compute(op(0, 1, 0x3b), 1, 31), UINT64_C(0xffffffff80000000), "sllw");
	tap_is(compute(op(0, 2, 0x33), min, 0), 1, "slt is signed");
	tap_is(compute(op(0, 3, 0x33), min, 0), 0, "sltu is not");
	tap_is(compute(op(1, 1, 0x33), min, min), UINT64_C(1) << 62, "mulh");
	tap_is(compute(op(1, 2, 0x33), UINT64_MAX, UINT64_MAX), UINT64_MAX, "mulhsu");
	tap_is(compute(op(1, 3, 0x33), UINT64_MAX, UINT64_MAX), UINT64_MAX - 1, "mulhu");
	tap_is(compute(op(1, 4, 0x33), min, UINT64_MAX), min, "div overflows");
	tap_is(compute(op(1, 4, 0x33), 7, 0), UINT64_MAX, "div by 0");
	tap_is(compute(op(1, 6, 0x33), min, UINT64_MAX), 0, "rem overflows");
	tap_is(compute(op(1, 6, 0x33), 7, 0), 7, "rem by 0");
	tap_is(compute(op(1, 4, 0x3b), 0x80000000, UINT64_MAX), UINT64_C(0xffffffff80000000),
	       "divw overflows");
	tap_is(compute(op(1, 5, 0x3b), 7, UINT64_C(1) << 32), UINT64_MAX, "divuw by 0");
	tap_is(compute(op(1, 7, 0x3b), 0x80000007, 0), UINT64_C(0xffffffff80000007), "remuw by 0");
	tap_is(compute(op(1, 6, 0x3b), UINT64_C(0xfffffff9), 2), UINT64_MAX, "remw");
	h->x[0] = 0;
	RUN(0x00100013);
	tap_is(h->x[0], 0, "x0 stays 0");
	end();
}

static void test_compressed(void)
{
	static const struct {
		uint16_t c;
		uint32_t insn;
		const char *name;
	} rows[] = {
		{0x0001, 0x00000013, "c.nop"},
		{0x1141, 0xff010113, "c.addi sp, -16"},
		{0x7139, 0xfc010113, "c.addi16sp -64"},
		{0x0808, 0x01010513, "c.addi4spn a0, sp, 16"},
		{0x4501, 0x00000513, "c.li a0, 0"},
		{0x567d, 0xfff00613, "c.li a2, -1"},
		{0x6785, 0x000017b7, "c.lui a5, 1"},
		{0x77fd, 0xfffff7b7, "c.lui a5, -1"},
		{0x2505, 0x0015051b, "c.addiw a0, 1"},
		{0xe406, 0x00113423, "c.sdsp ra, 8"},
		{0x60a2, 0x00813083, "c.ldsp ra, 8"},
		{0x8082, 0x00008067, "ret"},
		{0x9782, 0x000780e7, "c.jalr a5"},
		{0x852e, 0x00b00533, "c.mv a0, a1"},
		{0x952e, 0x00b50533, "c.add a0, a1"},
		{0x8d0d, 0x40b50533, "c.sub a0, a1"},
		{0x9d2d, 0x00b5053b, "c.addw a0, a1"},
		{0x9105, 0x02155513, "c.srli a0, 33"},
		{0x9505, 0x42155513, "c.srai a0, 33"},
		{0x1502, 0x02051513, "c.slli a0, 32"},
		{0x4188, 0x0005a503, "c.lw a0, 0(a1)"},
		{0x6588, 0x0085b503, "c.ld a0, 8(a1)"},
		{0xc1c8, 0x00a5a223, "c.sw a0, 4(a1)"},
		{0xf1e8, 0x0ea5b023, "c.sd a0, 224(a1)"},
		{0xbffd, 0xfffff06f, "c.j -2"},
		{0xb919, 0xc17ff06f, "c.j -1002"},
		{0xa3d9, 0x5c60006f, "c.j 1478"},
		{0xdd7d, 0xfe050fe3, "c.beqz a0, -2"},
		{0xe12d, 0x06051163, "c.bnez a0, 98"},
		{0x5576, 0x07c12503, "c.lwsp a0, 124"},
		{0xdfaa, 0x0ea12e23, "c.swsp a0, 252"},
		{0xffaa, 0x1ea13c23, "c.sdsp a0, 504"},
		{0x757e, 0x1f813503, "c.ldsp a0, 504"},
		{0x996d, 0xffb57513, "c.andi a0, -5"},
		{0x8d2d, 0x00b54533, "c.xor a0, a1"},
		{0x8d4d, 0x00b56533, "c.or a0, a1"},
		{0x8d6d, 0x00b57533, "c.and a0, a1"},
		{0x9d0d, 0x40b5053b, "c.subw a0, a1"},
		{0x617d, 0x1f010113, "c.addi16sp 496"},
		{0x1ffc, 0x3fc10793, "c.addi4spn a5, sp, 1020"},
		{0x9002, 0x00100073, "c.ebreak"},
		{0x0000, 0, "all zero is illegal"},
		{0x2000, 0, "c.fld is illegal"},
		{0x6081, 0, "c.lui with 0 is illegal"},
		{0x4002, 0, "c.lwsp to x0 is illegal"},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		tap_is(rvc_expand(rows[i].c), rows[i].insn, "%s", rows[i].name);
}

#define AMO(f5, f3) ((uint32_t)(f5) << 27 | 12 << 20 | 11 << 15 | (f3) << 12 | 10 << 7 | 0x2f)
#define LR_D (UINT32_C(2) << 27 | 11 << 15 | 3 << 12 | 10 << 7 | 0x2f)
#define SC_D AMO(3, 3)

static uint64_t amo(uint32_t insn, uint64_t memory, uint64_t operand)
{
	memcpy(bus_ram(&machine, DATA, 8), &memory, 8);
	(void)compute(insn, DATA, operand);
	memcpy(&memory, bus_ram(&machine, DATA, 8), 8);
	return memory;
}

static void test_atomics(void)
{
	begin(1);
	tap_is(amo(AMO(0, 2), 0xffffffff, 1), 0, "amoadd.w wraps inside its word");
	tap_is(h->x[10], UINT64_MAX, "amoadd.w returns the old word sign-extended");
	tap_is(amo(AMO(1, 3), 5, 9), 9, "amoswap.d");
	tap_is(amo(AMO(0x10, 2), 0x80000000, 1), 0x80000000, "amomin.w is signed");
	tap_is(amo(AMO(0x18, 2), 0x80000000, 1), 1, "amominu.w is not");
	tap_is(amo(AMO(0x1c, 2), 0x80000000, 1), 0x80000000, "amomaxu.w");
	tap_is(amo(SC_D, 5, 9), 5, "sc.d without a reservation stores nothing");
	tap_is(h->x[10], 1, "and says so");
	h->x[11] = DATA;
	h->x[12] = 7;
	RUN(LR_D, SC_D);
	tap_ok(h->x[10] == 0 && *bus_ram(&machine, DATA, 8) == 7, "lr.d, sc.d");
	(void)amo(AMO(0, 3), 5, 9);
	h->x[11] = DATA + 4;
	RUN(AMO(0, 3));
	tap_ok(h->mcause == CAUSE_STORE_MISALIGNED && h->mtval == DATA + 4,
	       "a misaligned AMO traps");
	end();
}

/* csrrw a0, csr, a1 */
static uint64_t swap_csr(unsigned csr, uint64_t value)
{
	h->x[11] = value;
	h->mcause = UINT64_MAX;
	RUN(csr << 20 | 11 << 15 | 1 << 12 | 10 << 7 | 0x73);
	return h->x[10];
}

static uint64_t write_read(unsigned csr, uint64_t value)
{
	uint64_t got = 0;

	(void)swap_csr(csr, value);
	(void)csr_read(h, csr, &got);
	return got;
}

static void test_csrs(void)
{
	begin(1);
	tap_is(write_read(0x302, UINT64_MAX), 0xb3ff, "medeleg holds what can be delegated");
	tap_is(write_read(0x303, UINT64_MAX), 0x222, "mideleg: supervisor interrupts");
	tap_is(write_read(0x300, UINT64_MAX) & MSTATUS_MPP, MSTATUS_MPP, "MPP takes M");
	tap_is(write_read(0x300, BIT(12)) & MSTATUS_MPP, MSTATUS_MPP, "MPP does not take 2");
	(void)swap_csr(0x300, 0);
	tap_is(write_read(0x180, UINT64_C(8) << 60 | UINT64_C(5) << 44 | 9),
	       UINT64_C(8) << 60 | UINT64_C(5) << 44 | 9, "satp takes Sv39");
	tap_is(write_read(0x180, UINT64_C(11) << 60 | 1), UINT64_C(8) << 60 | UINT64_C(5) << 44 | 9,
	       "an unsupported MODE changes nothing");
	(void)swap_csr(0x180, 0);
	(void)swap_csr(0x3a0, 0);
	tap_is(write_read(0x3b0, UINT64_MAX), (BIT(54) - 1) & ~(BIT(10) - 1),
	       "pmpaddr shows a grain of 4 KiB");
	tap_is(write_read(0x3a0, 0x12), 0, "pmpcfg: no NA4, no R=0 W=1");
	(void)swap_csr(0x344, UINT64_MAX);
	tap_is(h->mip, 0x222, "mip: supervisor bits only");
	(void)swap_csr(0xf14, 1);
	tap_is(h->mcause, CAUSE_ILLEGAL, "mhartid cannot be written");
	(void)swap_csr(0x7c0, 1);
	tap_ok(h->mcause == CAUSE_ILLEGAL && h->mepc == CODE && h->pc == HANDLER &&
		       (h->mtval & 0x7f) == 0x73,
	       "an unknown CSR is illegal");
	end();
}

/* To S-mode at CODE without translation. */
static void enter_s(void)
{
	pmp_write_addr(h, 0, UINT64_MAX);
	pmp_write_cfg(h, 0, PMP_R | PMP_W | PMP_X | 3 << PMP_A_SHIFT);
	h->priv = PRIV_S;
	h->stopped = false;
	mmu_context_changed(h);
}

static void test_traps(void)
{
	begin(1);
	enter_s();
	RUN(0x00000073);
	tap_ok(h->mcause == CAUSE_ECALL_S && h->priv == PRIV_M && h->mepc == CODE &&
		       (h->mstatus & MSTATUS_MPP) == BIT(MSTATUS_MPP_SHIFT),
	       "ecall goes to M-mode");
	h->medeleg = BIT(CAUSE_BREAKPOINT);
	h->stvec = HANDLER + 0x100;
	enter_s();
	h->mstatus |= MSTATUS_SIE;
	RUN(EBREAK);
	tap_ok(h->scause == CAUSE_BREAKPOINT && h->priv == PRIV_S && h->pc == h->stvec &&
		       (h->mstatus & (MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP)) ==
			       (MSTATUS_SPIE | MSTATUS_SPP),
	       "a delegated exception stays in S-mode");
	RUN(0x30200073);
	tap_ok(h->mcause == CAUSE_ILLEGAL && h->mtval == 0x30200073, "mret in S-mode is illegal");
	enter_s();
	h->mstatus |= MSTATUS_TVM;
	RUN(0x12000073);
	tap_is(h->mcause, CAUSE_ILLEGAL, "sfence.vma with TVM is illegal");
	h->mstatus &= ~MSTATUS_TVM;
	pmp_write_cfg(h, 0, PMP_R | PMP_X | 3 << PMP_A_SHIFT);
	h->priv = PRIV_S;
	mmu_context_changed(h);
	h->x[11] = DATA;
	RUN(0x00b5b023); /* sd a1, 0(a1) */
	tap_ok(h->mcause == CAUSE_STORE_ACCESS && h->mtval == DATA, "PMP stops a store");
	h->priv = PRIV_M;
	mmu_context_changed(h);
	h->x[11] = 0x30000000;
	RUN(0x0005b503); /* ld a0, 0(a1) */
	tap_is(h->mcause, CAUSE_LOAD_ACCESS, "nothing there: access fault");
	h->x[11] = DATA + 0xffd;
	h->x[12] = UINT64_C(0x1122334455667788);
	RUN(0x00c5b023, 0x0005b503); /* sd a2, 0(a1); ld a0, 0(a1) */
	tap_is(h->x[10], UINT64_C(0x1122334455667788), "misaligned, across two pages");
	end();
}

static void test_interrupts(void)
{
	begin(2);
	h->mie = BIT(IRQ_MSI) | BIT(IRQ_MTI);
	h->mstatus |= MSTATUS_MIE;
	RUN(0x10500073, 0x00000013);
	tap_ok(h->waiting && h->pc == CODE + 4, "wfi waits, behind itself");
	(void)bus_write(&machine.hart[1], CLINT_BASE, 4, 1);
	trap_check_interrupts(h);
	tap_ok(!h->waiting && h->mcause == (CAUSE_INTERRUPT | IRQ_MSI) && h->mepc == CODE + 4,
	       "msip ends it");
	(void)bus_write(h, CLINT_BASE, 4, 0);
	(void)bus_write(h, CLINT_BASE + 0x4000, 8, 100);
	machine.mtime = 99;
	h->mstatus |= MSTATUS_MIE;
	trap_check_interrupts(h);
	tap_is(trap_pending(h), 0, "the timer is not due");
	machine.mtime = 100;
	trap_check_interrupts(h);
	tap_is(h->mcause, CAUSE_INTERRUPT | IRQ_MTI, "and now it is");
	h->menvcfg = MENVCFG_STCE;
	h->stimecmp = 100;
	tap_ok((trap_pending(h) & BIT(IRQ_STI)) != 0, "Sstc: stimecmp is due");
	end();
}

/* An RFENCE of hart 0: what is left of a global entry for page 5 on hart 1. */
static bool held_after(uint64_t fid, uint64_t mask, uint64_t base, uint64_t start, uint64_t size)
{
	struct tlb_entry e = {
		.valid = true, .vpn = 5, .napot = UINT16_MAX, .pte = PTE_V, .asid = 3};
	struct fence all = {.all_va = true, .all_asid = true, .before = UINT64_MAX};
	struct hart *t = &machine.hart[1];
	bool held;

	t->stopped = false;
	tlb_fill_l2(&t->tlb, &e);
	h->x[10] = mask;
	h->x[11] = base;
	h->x[12] = start;
	h->x[13] = size;
	h->x[14] = 3;
	h->x[16] = fid;
	h->x[17] = 0x52464e43;
	tap_ok(sbi_native_call(h), "RFENCE is answered: %lld", (long long)h->x[10]);
	held = tlb_find_l2(&t->tlb, 5, 3) != NULL;
	fence_apply(t, &all);
	return held;
}

static void test_rfence(void)
{
	begin(2);
	config.sbi_rfence = true;
	tap_ok(!held_after(1, 2, 0, 0x5000, 0x1000), "the page");
	tap_ok(held_after(1, 2, 0, 0x4000, 0x1000), "the page below");
	tap_ok(held_after(1, 2, 0, 0x6000, 0x1000), "the page above");
	tap_ok(!held_after(1, 2, 0, 0x4fff, 2), "a range that begins inside a page");
	tap_ok(!held_after(1, 1, 1, 0, 0), "start 0, size 0 is all");
	tap_ok(!held_after(1, 0, UINT64_MAX, 0x100000, UINT64_MAX), "base -1, size -1 is all");
	tap_ok(held_after(1, 1, 0, 0, 0), "not in the mask");
	tap_ok(!held_after(2, 2, 0, 0x5000, 0x1000), "with its ASID");
	tap_ok(held_after(0, 2, 0, 0, 0), "FENCE.I");
	tap_ok(held_after(1, 2, 1, 0, 0) && h->x[10] == (uint64_t)-3, "no such hart");
	end();
}

int main(void)
{
	test_arithmetic();
	test_compressed();
	test_atomics();
	test_csrs();
	test_traps();
	test_interrupts();
	test_rfence();
	return tap_done();
}
