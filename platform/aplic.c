/* SPDX-License-Identifier: BSD-2-Clause */
/* The advanced platform-level interrupt controller: direct and MSI delivery of one domain. */

#include "platform/aplic.h"

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/hart.h"
#include "firmware/mmio.h"
#include "firmware/time.h"
#include "mm/fault.h"
#include "mm/io.h"
#include "platform/imsic.h"

/* AIA 1.0, 4.5: memory map of a domain. */
#define APLIC_DOMAINCFG 0x0
#define APLIC_SOURCECFG(irq) (UINT64_C(4) * (irq))
#define APLIC_CLRIE(word) (UINT64_C(0x1f00) + UINT64_C(4) * (word))
#define APLIC_SETIENUM 0x1edc
#define APLIC_CLRIENUM 0x1fdc
#define APLIC_SETIPNUM 0x1cdc
#define APLIC_TARGET(irq) (UINT64_C(0x3000) + UINT64_C(4) * (irq))
#define APLIC_IDC(index) (UINT64_C(0x4000) + UINT64_C(32) * (index))
#define APLIC_MAX_SOURCE 1023
#define APLIC_MAX_INDEX 16383

#define DOMAINCFG_IE 0x100
#define DOMAINCFG_DM 0x4 /* by messages */
#define DOMAINCFG_BE 0x1

#define SOURCECFG_INACTIVE 0
#define SOURCECFG_DETACHED 1 /* no wire: pending by hand only */
#define SOURCECFG_EDGE_RISING 4
#define SOURCECFG_EDGE_FALLING 5
#define SOURCECFG_LEVEL_HIGH 6
#define SOURCECFG_LEVEL_LOW 7

#define TARGET_HART_SHIFT 18
#define TARGET_PRIORITY 1 /* direct: the highest; 0 is not valid */

#define IDC_IDELIVERY 0x0
#define IDC_ITHRESHOLD 0x8
#define IDC_CLAIMI 0x1c
#define IDC_BYTES 0x20
#define CLAIMI_ID_SHIFT 16
#define CLAIMI_ID_MASK 0x3ff

/* AIA 1.0, 3.5: in an interrupt file's page; what is stored is the identity. */
#define FILE_SETEIPNUM_LE 0x0

/* A message that takes longer is none. */
#define MESSAGE_MS 100

static const struct machine *machine;
static vaddr_t domain;		  /* up to the IDCs */
static vaddr_t idcs[MAX_HARTS];	  /* 0: not set up */
static bool file_open[MAX_HARTS]; /* MSI: that hart's interrupt file is ready */
static vaddr_t files[MAX_HARTS];  /* MSI: its page, as devices see it; 0: not needed so far */

static uint32_t source_mode(unsigned irq)
{
	for (unsigned i = 0; i < machine->nr_virtio; i++) {
		if (machine->virtio[i].irq != irq)
			continue;
		switch (machine->virtio[i].trigger) {
		case TRIGGER_EDGE_RISING:
			return SOURCECFG_EDGE_RISING;
		case TRIGGER_EDGE_FALLING:
			return SOURCECFG_EDGE_FALLING;
		case TRIGGER_LEVEL_LOW:
			return SOURCECFG_LEVEL_LOW;
		default:
			break;
		}
	}
	return SOURCECFG_LEVEL_HIGH;
}

/* What is common to both: everything off, then the domain on, in the mode asked for. */
static enum err domain_start(const struct machine *m, uint32_t mode)
{
	const struct machine_intc *ic = &m->intc;
	uint32_t want = DOMAINCFG_IE | mode;
	uint32_t have;
	enum err e;

	if (ic->sources == 0 || ic->sources > APLIC_MAX_SOURCE || ic->size < APLIC_IDC(0)) {
		note("aplic: %u sources in %#llx bytes cannot be right, polling",
		     (unsigned)ic->sources, (unsigned long long)ic->size);
		return ERR_RANGE;
	}
	e = io_map(ic->base, APLIC_IDC(0), &domain);
	if (e != OK)
		return e;
	machine = m;
	mmio_write32(domain + APLIC_DOMAINCFG, 0);
	for (unsigned i = 0; i <= ic->sources / 32; i++)
		mmio_write32(domain + APLIC_CLRIE(i), UINT32_MAX);
	for (unsigned irq = 1; irq <= ic->sources; irq++)
		mmio_write32(domain + APLIC_SOURCECFG(irq), SOURCECFG_INACTIVE);
	mmio_write32(domain + APLIC_DOMAINCFG, want);
	/* The mode may be fixed (4.5.1), and whoever asks in the wrong one waits for ever. */
	have = mmio_read32(domain + APLIC_DOMAINCFG) & (DOMAINCFG_IE | DOMAINCFG_DM | DOMAINCFG_BE);
	if (have != want) {
		note("aplic: domaincfg takes %#x for %#x, polling", (unsigned)have, (unsigned)want);
		return ERR_NOSYS;
	}
	return OK;
}

static void set_enabled(unsigned irq, uint32_t target, bool on)
{
	if (!on) {
		mmio_write32(domain + APLIC_CLRIENUM, irq);
		mmio_write32(domain + APLIC_SOURCECFG(irq), SOURCECFG_INACTIVE);
		return;
	}
	mmio_write32(domain + APLIC_TARGET(irq), target);
	mmio_write32(domain + APLIC_SETIENUM, irq);
}

/*
 * Give @irq its mode. One that the domain above has not delegated is zero for good (4.5.2),
 * whatever is written. QEMU's takes the mode all the same, so there only the first interrupt of the
 * device shows it (vmem.interrupt).
 */
static enum err source_open(unsigned irq)
{
	uint32_t mode = source_mode(irq);
	uint32_t have;

	mmio_write32(domain + APLIC_SOURCECFG(irq), mode);
	have = mmio_read32(domain + APLIC_SOURCECFG(irq));
	if (have == mode)
		return OK;
	note("aplic: source %u is not delegated to S-mode, or cannot have mode %u", irq,
	     (unsigned)mode);
	mmio_write32(domain + APLIC_SOURCECFG(irq), SOURCECFG_INACTIVE);
	return ERR_NOSYS;
}

static uint32_t hart_index(unsigned hart)
{
	return (uint32_t)machine->intc.context[hart_cpu_index(hart)];
}

static bool has_index(unsigned hart)
{
	int32_t index = machine->intc.context[hart_cpu_index(hart)];

	return index >= 0 && index <= APLIC_MAX_INDEX;
}

/* ---- direct: the hart reads what waits for it from its IDC */

static enum err direct_init(const struct machine *m)
{
	return domain_start(m, 0);
}

static enum err idc_open(unsigned hart)
{
	const struct machine_intc *ic = &machine->intc;
	uint64_t off;
	enum err e;

	if (idcs[hart] != 0)
		return OK;
	if (!has_index(hart))
		return ERR_NOSYS;
	off = APLIC_IDC(hart_index(hart));
	if (off + IDC_BYTES > ic->size) {
		note("aplic: hart index %u lies outside %#llx bytes", (unsigned)hart_index(hart),
		     (unsigned long long)ic->size);
		return ERR_NOSYS;
	}
	e = io_map(ic->base + off, IDC_BYTES, &idcs[hart]);
	if (e != OK)
		return e;
	mmio_write32(idcs[hart] + IDC_ITHRESHOLD, 0); /* no threshold */
	mmio_write32(idcs[hart] + IDC_IDELIVERY, 1);
	return OK;
}

static enum err direct_open(unsigned irq, unsigned hart)
{
	enum err e = idc_open(hart);

	return e != OK ? e : source_open(irq);
}

static void direct_set_enabled(unsigned irq, unsigned hart, bool on)
{
	set_enabled(irq, hart_index(hart) << TARGET_HART_SHIFT | TARGET_PRIORITY, on);
}

static uint32_t direct_claim(unsigned hart)
{
	if (idcs[hart] == 0)
		return 0;
	return mmio_read32(idcs[hart] + IDC_CLAIMI) >> CLAIMI_ID_SHIFT & CLAIMI_ID_MASK;
}

/* Claiming was all: while the level stays up the source is pending anew (4.8). */
static void direct_complete(unsigned hart, uint32_t irq)
{
	(void)hart;
	(void)irq;
}

const struct intc_chip aplic_chip = {
	.name = "aplic",
	.kind = INTC_APLIC,
	.init = direct_init,
	.open = direct_open,
	.set_enabled = direct_set_enabled,
	.claim = direct_claim,
	.complete = direct_complete,
};

/* ---- by messages: source n is sent as identity n, so that no table has to say which is which */

static enum err msi_init(const struct machine *m)
{
	return domain_start(m, DOMAINCFG_DM);
}

/* Wait for identity @id, which is off, at this hart's file, and forget it. */
static bool becomes_pending(unsigned id)
{
	uint64_t deadline = time_deadline_ms(MESSAGE_MS);
	bool late = false;
	bool arrived;

	/* Asked once more after the deadline: this hart may have been held up in between. */
	while (!(arrived = imsic_is_pending(id)) && !late)
		late = time_past(deadline);
	imsic_clear_pending(id);
	return arrived;
}

/*
 * Send a message as source @irq would, its identity still off at this hart: where messages go was
 * set by M-mode, and S-mode cannot read it. A driver that took the source for good would wait
 * for ever.
 */
static enum err try_source(unsigned irq, unsigned hart)
{
	bool arrived;

	mmio_write32(domain + APLIC_SOURCECFG(irq), SOURCECFG_DETACHED);
	mmio_write32(domain + APLIC_TARGET(irq), hart_index(hart) << TARGET_HART_SHIFT | irq);
	mmio_write32(domain + APLIC_SETIENUM, irq);
	mmio_write32(domain + APLIC_SETIPNUM, irq);
	arrived = becomes_pending(irq);
	mmio_write32(domain + APLIC_CLRIENUM, irq);
	mmio_write32(domain + APLIC_SOURCECFG(irq), SOURCECFG_INACTIVE);
	imsic_clear_pending(irq); /* one that came late */
	if (arrived)
		return source_open(irq);
	note("aplic: no message of source %u reaches hart index %u", irq,
	     (unsigned)hart_index(hart));
	return ERR_NOSYS;
}

/*
 * Store @id as a device would. That it arrives proves the page that the tree names, not the
 * device's way there.
 */
static enum err try_message(unsigned id, unsigned hart)
{
	paddr_t file = machine->intc.file[hart_cpu_index(hart)];
	enum err e = file == 0 ? ERR_NOSYS : OK;

	if (e == OK && files[hart] == 0)
		e = io_map(file, PAGE_SIZE, &files[hart]);
	if (e != OK)
		return e;
	mmio_write32(files[hart] + FILE_SETEIPNUM_LE, id);
	if (becomes_pending(id))
		return OK;
	note("imsic: %u stored to %#llx does not reach hart index %u", id, (unsigned long long)file,
	     (unsigned)hart_index(hart));
	return ERR_NOSYS;
}

static bool is_source(unsigned irq)
{
	return irq <= machine->intc.sources;
}

static enum err msi_open(unsigned irq, unsigned hart)
{
	enum err e = OK;
	bool irqs;

	if (!has_index(hart) || hart != arch_hart())
		return ERR_NOSYS;
	irqs = arch_irq_save();
	if (!file_open[hart])
		imsic_open(machine->intc.ids);
	file_open[hart] = true;
	if (is_source(irq))
		e = source_open(irq);
	if (e == OK)
		e = is_source(irq) ? try_source(irq, hart) : try_message(irq, hart);
	arch_irq_restore(irqs);
	return e;
}

/* The seeded fault: of another hart that has one. */
static unsigned message_cpu(unsigned hart)
{
	unsigned own = hart_cpu_index(hart);

	for (unsigned i = 0; fault_armed(FAULT_MSIX_WRONG_HART) && i < machine->nr_cpus; i++) {
		if (i != own && machine->intc.file[i] != 0)
			return i;
	}
	return own;
}

/* Messages to one identity that arrive before it is claimed are one (3.2): handlers look. */
static void msi_message(unsigned irq, unsigned hart, struct intc_message *m)
{
	m->address = machine->intc.file[message_cpu(hart)] + FILE_SETEIPNUM_LE;
	m->data = irq;
}

/*
 * A level that is still up, or up again, when the message has been taken sends no other one, nor
 * does one that was up before its source was switched on: the source has to be made pending by
 * hand, which a level that is down ignores (4.9.2).
 */
static void msi_complete(unsigned hart, uint32_t irq)
{
	uint32_t mode = source_mode(irq);

	(void)hart;
	if (!is_source(irq))
		return;
	if (mode == SOURCECFG_LEVEL_HIGH || mode == SOURCECFG_LEVEL_LOW)
		mmio_write32(domain + APLIC_SETIPNUM, irq);
}

static void msi_set_enabled(unsigned irq, unsigned hart, bool on)
{
	if (on)
		imsic_set_enabled(irq, true);
	if (is_source(irq))
		set_enabled(irq, hart_index(hart) << TARGET_HART_SHIFT | irq, on);
	if (on)
		msi_complete(hart, irq);
	else
		imsic_set_enabled(irq, false);
}

static uint32_t msi_claim(unsigned hart)
{
	return file_open[hart] ? imsic_claim() : 0;
}

const struct intc_chip aplic_msi_chip = {
	.name = "aplic",
	.kind = INTC_APLIC_MSI,
	.init = msi_init,
	.open = msi_open,
	.set_enabled = msi_set_enabled,
	.claim = msi_claim,
	.complete = msi_complete,
	.message = msi_message,
};
