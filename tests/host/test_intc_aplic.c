/* SPDX-License-Identifier: BSD-2-Clause */
/* The APLIC's driver against a small one, wired and by messages: levels, targets, both modes. */

#include "tests/host/test_intc_rig.h"

#define APLIC_BASE UINT64_C(0xd000000)
#define APLIC_SIZE UINT64_C(0x8000)
#define NR_SOURCES 96
#define NR_INDEXES 4
/* Of the cpus, a page each, behind the domain. */
#define FILE_OF(cpu) (APLIC_BASE + APLIC_SIZE + (cpu)*PAGE_SIZE)
#define NOT_OURS 50 /* not delegated: it takes no mode */
#define OF_SOURCE(off, base) ((off) > (base) && (off) <= (base) + 4 * NR_SOURCES)

/* One domain. Of the sources: what is wired to them, and the bits of AIA 1.0, 4.5 to 4.9. */
static struct {
	uint32_t domaincfg, fixed;
	uint32_t mode[NR_SOURCES + 1];
	uint32_t target[NR_SOURCES + 1];
	bool line[NR_SOURCES + 1];
	bool pending[NR_SOURCES + 1];
	bool enabled[NR_SOURCES + 1];
	uint32_t idelivery[NR_INDEXES], ithreshold[NR_INDEXES];
	unsigned messages;
	bool misdirected; /* M-mode has not said where messages go */
	bool deaf;	  /* what is stored to a file stays there */
} aplic;

static bool by_message(void)
{
	return (aplic.domaincfg & 4) != 0;
}

/* 4.9: what is pending and enabled is sent, once, and pending no more. */
static void send(uint32_t irq)
{
	uint32_t index = aplic.target[irq] >> 18;

	if (!by_message() || (aplic.domaincfg & 0x100) == 0 || !aplic.pending[irq] ||
	    !aplic.enabled[irq])
		return;
	aplic.pending[irq] = false;
	aplic.messages++;
	if (aplic.misdirected)
		return;
	/* Hart indexes 2 and 3 are the cpus 0 and 1, so the harts 1 and 0. */
	if (index == 2 || index == 3)
		files[3 - index].pending[aplic.target[irq] & 0x7ff] = true;
}

static void set_line(uint32_t irq, bool up)
{
	if (up && !aplic.line[irq] && aplic.mode[irq] != 0)
		aplic.pending[irq] = true;
	if (!up)
		aplic.pending[irq] = false;
	aplic.line[irq] = up;
	send(irq);
}

static uint32_t claimi(uint32_t index)
{
	if (aplic.idelivery[index] != 1 || aplic.ithreshold[index] != 0 || by_message() ||
	    (aplic.domaincfg & 0x100) == 0)
		return 0;
	for (uint32_t irq = 1; irq <= NR_SOURCES; irq++) {
		/* Level-sensitive, direct: pending is what the wire says (4.7). */
		if (aplic.enabled[irq] && aplic.mode[irq] != 0 && aplic.line[irq] &&
		    aplic.target[irq] >> 18 == index && (aplic.target[irq] & 0xff) != 0)
			return irq << 16 | (aplic.target[irq] & 0xff);
	}
	return 0;
}

uint32_t mmio_read32(vaddr_t reg)
{
	uint64_t off = reg - APLIC_BASE;

	if (off == 0)
		return 0x80000000 | aplic.domaincfg;
	if (OF_SOURCE(off, 0))
		return aplic.mode[off / 4];
	if (off >= 0x4000 && (off - 0x4000) / 32 < NR_INDEXES && off % 32 == 0x1c)
		return claimi((uint32_t)(off - 0x4000) / 32);
	abort();
}

void mmio_write32(vaddr_t reg, uint32_t value)
{
	uint64_t off = reg - APLIC_BASE;

	if (off == FILE_OF(1) - APLIC_BASE || off == FILE_OF(0) - APLIC_BASE) {
		/* The cpus 0 and 1 are the harts 1 and 0. */
		files[off == FILE_OF(0) - APLIC_BASE].pending[value] |= !aplic.deaf;
	} else if (off == 0) {
		aplic.domaincfg = (value & ~aplic.fixed) & 0x105;
	} else if (OF_SOURCE(off, 0)) {
		aplic.mode[off / 4] = off / 4 == NOT_OURS ? 0 : value;
		if (value == 0)
			aplic.target[off / 4] = 0;
	} else if (OF_SOURCE(off, 0x3000)) {
		if (aplic.mode[(off - 0x3000) / 4] != 0)
			aplic.target[(off - 0x3000) / 4] = value;
	} else if (off >= 0x1f00 && off < 0x1f80) {
		for (uint64_t i = 0; i < 32 && (off - 0x1f00) * 8 + i <= NR_SOURCES; i++)
			aplic.enabled[(off - 0x1f00) * 8 + i] &= (value >> i & 1) == 0;
	} else if (off == 0x1edc || off == 0x1fdc) {
		aplic.enabled[value] = off == 0x1edc && aplic.mode[value] != 0;
		send(value);
	} else if (off == 0x1cdc) {
		/* 4.7: of a level-sensitive source only while the wire says so too. */
		aplic.pending[value] |= aplic.mode[value] < 6 || aplic.line[value];
		send(value);
	} else if (off >= 0x4000 && (off - 0x4000) / 32 < NR_INDEXES && off % 32 == 0) {
		aplic.idelivery[(off - 0x4000) / 32] = value;
	} else if (off >= 0x4000 && (off - 0x4000) / 32 < NR_INDEXES && off % 32 == 8) {
		aplic.ithreshold[(off - 0x4000) / 32] = value;
	} else {
		abort();
	}
}

static unsigned calls[NR_SOURCES + 1];
static unsigned stays; /* how often the line does not even fall in between */
static unsigned rises; /* how often the device has more to say while its handler runs */
static const unsigned numbers[] = {8, 9, 96, NOT_OURS};

static void handle(void *arg)
{
	unsigned irq = *(const unsigned *)arg;

	calls[irq]++;
	if (stays != 0) {
		stays--;
		return;
	}
	set_line(irq, false);
	if (rises != 0) {
		rises--;
		set_line(irq, true);
	}
}

static void set_up(enum intc_kind kind)
{
	memset(&aplic, 0, sizeof(aplic));
	memset(files, 0, sizeof(files));
	memset(calls, 0, sizeof(calls));
	memset(aplic.enabled, 1, sizeof(aplic.enabled)); /* as a boot loader may leave it */
	machine.intc = (struct machine_intc){.kind = kind,
					     .base = APLIC_BASE,
					     .size = APLIC_SIZE,
					     .sources = kind == INTC_APLIC ? NR_SOURCES : 95,
					     .ids = 95};
	machine.intc.context[0] = 2;
	machine.intc.context[1] = 3;
	machine.intc.context[2] = -1;
	machine.intc.context[3] = 1 << 10;
	machine.intc.file[0] = FILE_OF(0);
	machine.intc.file[1] = FILE_OF(1);
	machine.nr_cpus = 4;
}

static enum err enable(unsigned i, unsigned hart)
{
	return intc_enable(numbers[i], hart, handle, (void *)(uintptr_t)&numbers[i]);
}

static void test_direct(void)
{
	set_up(INTC_APLIC);
	tap_ok(intc_init(&machine) == OK && external != NULL && aplic.domaincfg == 0x100,
	       "direct: is there, and by wire");
	tap_ok(!aplic.enabled[1] && !aplic.enabled[NR_SOURCES], "direct: all sources off");
	tap_ok(enable(0, 2) == ERR_NOSYS, "direct: hart without an index");
	tap_ok(enable(0, 3) == ERR_NOSYS, "direct: index outside the registers");
	tap_ok(enable(0, 0) == OK && enabled_local == 1, "direct: enabled");
	tap_ok(aplic.mode[8] == 6 && aplic.target[8] == (3U << 18 | 1) && aplic.enabled[8],
	       "direct: level high, to the hart's index");
	tap_ok(enable(3, 0) == ERR_NOSYS && intc_reaches(8, 0) == ERR_EXIST,
	       "direct: a source that M-mode kept");
	tap_ok(enable(2, 1) == OK && aplic.target[96] >> 18 == 2, "direct: the last, to another");
	set_line(8, true);
	set_line(96, true);
	interrupt(1);
	tap_ok(calls[8] == 0 && calls[96] == 1, "direct: each hart claims its own: 1");
	rises = 1;
	interrupt(0);
	tap_ok(calls[8] == 2 && calls[96] == 1, "direct: each hart claims its own, again: 0");
	intc_disable(8);
	set_line(8, true);
	interrupt(0);
	tap_ok(calls[8] == 2 && !aplic.enabled[8] && aplic.mode[8] == 0, "direct: disabled");
	intc_disable(96);
}

static void test_messages(void)
{
	set_up(INTC_APLIC_MSI);
	aplic.fixed = 4;
	tap_ok(intc_init(&machine) == ERR_NOSYS, "msi: a domain that knows no messages");
	set_up(INTC_APLIC_MSI);
	tap_ok(intc_init(&machine) == OK && aplic.domaincfg == 0x104, "msi: by message");
	tap_ok(enable(1, 1) == ERR_NOSYS, "msi: nobody opens another hart's file");
	aplic.misdirected = true;
	tap_ok(enable(1, 0) == ERR_NOSYS && aplic.mode[9] == 0 && !aplic.enabled[9],
	       "msi: messages that lead nowhere are not waited for");
	aplic.misdirected = false;
	tap_ok(enable(1, 0) == OK && files[0].open && files[0].enabled[9] && aplic.mode[9] == 6 &&
		       aplic.target[9] == (3U << 18 | 9),
	       "msi: identity is the source's number");
	aplic.messages = 0;
	tap_ok(!files[0].pending[9], "msi: the trial leaves nothing behind");
	set_line(9, true);
	interrupt(0);
	tap_ok(calls[9] == 1 && aplic.messages == 1, "msi: delivered, and no message too many");
	rises = 1;
	set_line(9, true);
	interrupt(0);
	tap_ok(calls[9] == 3, "msi: raised again while it is served");
	stays = 2;
	set_line(9, true);
	interrupt(0);
	tap_ok(calls[9] == 6, "msi: a line that stays up is served until it falls");
	intc_disable(9);
	aplic.line[9] = true; /* before anybody listens: its rise sends nothing */
	tap_ok(enable(1, 0) == OK, "msi: enabled anew");
	interrupt(0);
	tap_ok(calls[9] == 7, "msi: a level that was up already is delivered");
	machine.virtio[0] = (struct machine_virtio){.irq = 8, .trigger = TRIGGER_EDGE_FALLING};
	machine.nr_virtio = 1;
	tap_ok(enable(0, 0) == OK && aplic.mode[8] == 5, "msi: edges as the tree has them");
	tap_ok(enable(2, 0) == ERR_RANGE, "msi: a source that the tree left out");
}

static unsigned said;

static void handle_message(void *arg)
{
	(void)arg;
	said++;
}

/* What devices send themselves: the identities that no source has. */
static void test_own_messages(void)
{
	struct intc_message m[2];
	uint32_t irq[2] = {0};
	char unknown[8];

	set_up(INTC_APLIC);
	tap_ok(intc_init(&machine) == OK && intc_message(0, irq, m) == ERR_NOSYS,
	       "own: not without IMSICs");
	set_up(INTC_APLIC_MSI);
	tap_ok(intc_init(&machine) == OK && intc_message(0, irq, m) == ERR_NOMEM,
	       "own: every identity is a source's");
	tap_ok(intc_reaches(96, 0) == ERR_RANGE, "own: there is no number above");
	set_up(INTC_APLIC_MSI);
	machine.intc.ids = 97;
	files[0].open = true; /* since the tests before: the driver knows */
	tap_ok(intc_init(&machine) == OK && intc_message(1, irq, m) == ERR_NOSYS,
	       "own: nobody opens another hart's file");
	aplic.deaf = true;
	tap_ok(intc_message(0, irq, m) == ERR_NOSYS, "own: a page that is no file");
	aplic.deaf = false;
	machine.intc.file[1] = 0;
	tap_ok(intc_message(0, irq, m) == ERR_NOSYS, "own: a file that nobody reaches");
	machine.intc.file[1] = FILE_OF(1);
	aplic.messages = 0;
	tap_ok(intc_message(0, irq, m) == OK && irq[0] == 96 && m->address == FILE_OF(1) &&
		       m->data == 96,
	       "own: the first above the sources, to the file of the hart's cpu");
	tap_ok(!files[0].pending[96] && !files[0].enabled[96] && !files[1].pending[96] &&
		       aplic.messages == 0,
	       "own: the trial leaves nothing behind");
	tap_ok(intc_message(0, irq, m) == OK && irq[0] == 96,
	       "own: nobody has it before its handler");
	tap_ok(intc_enable(96, 0, handle_message, NULL) == OK && files[0].enabled[96] &&
		       intc_message(0, &irq[1], &m[1]) == OK && irq[1] == 97 && m[1].data == 97,
	       "own: then the next");
	tap_ok(intc_enable(97, 0, handle_message, NULL) == OK &&
		       intc_message(0, &irq[1], &m[1]) == ERR_NOMEM,
	       "own: no more");
	mmio_write32(m->address, m->data);
	interrupt(0);
	tap_ok(said == 1 && !files[0].pending[96], "own: delivered, once");
	interrupt(0);
	tap_ok(said == 1 && aplic.messages == 0, "own: nothing is sent in its name");
	intc_disable(96);
	mmio_write32(m->address, m->data);
	interrupt(0);
	tap_ok(said == 1 && !files[0].enabled[96], "own: disabled");
	tap_ok(intc_message(0, &irq[1], &m[1]) == OK && irq[1] == 96 && !files[0].pending[96],
	       "own: free again, and what came late is forgotten");
	tap_ok(intc_enable(95, 0, handle_message, NULL) == OK && aplic.enabled[95] &&
		       aplic.target[95] == (3U << 18 | 95),
	       "own: the last source is none");
	intc_disable(95);
	intc_disable(97);
	tap_ok(fault_arm("msix-wrong-hart", unknown, sizeof(unknown)) == OK &&
		       intc_message(0, irq, m) == OK && m->address == FILE_OF(0),
	       "own: the seeded fault names another hart's file");
	fault_disarm();
}

int main(void)
{
	rig_registers = (struct region){APLIC_BASE, APLIC_SIZE + 2 * PAGE_SIZE};
	set_up(INTC_APLIC);
	machine.intc.sources = 0;
	tap_ok(intc_init(&machine) == ERR_RANGE, "no sources");
	set_up(INTC_APLIC);
	machine.intc.size = 0x3000;
	tap_ok(intc_init(&machine) == ERR_RANGE, "too small");
	test_direct();
	test_messages();
	test_own_messages();
	return tap_done();
}
