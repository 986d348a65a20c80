/* SPDX-License-Identifier: BSD-2-Clause */
/* What the device tree says of this machine: read once, const from then on. */
#ifndef FIRMWARE_MACHINE_H
#define FIRMWARE_MACHINE_H

#include "firmware/hartset.h"
#include "firmware/types.h"
#include "firmware/uart.h"

#define MACHINE_MAX_RAM 64
#define MACHINE_MAX_RESERVED 64
#define MACHINE_MAX_VIRTIO 32
#define MACHINE_MAX_PCI_WINDOWS 4
#define MACHINE_MAX_NOTES 16
#define MACHINE_NOTE_LEN 112
#define MACHINE_STR_LEN 64

enum mmu_claim {
	MMU_CLAIM_UNKNOWN,
	MMU_CLAIM_NONE,
	MMU_CLAIM_SV39,
	MMU_CLAIM_SV48,
	MMU_CLAIM_SV57
};

/* ISA extensions that hotwalk has a use for, as the tree claims them; all harts must claim it. */
enum isa_ext {
	ISA_SVINVAL = 1 << 0,
	ISA_SVNAPOT = 1 << 1,
	ISA_SVPBMT = 1 << 2,
	ISA_SVADU = 1 << 3,
	ISA_SVADE = 1 << 4,
	ISA_SVVPTC = 1 << 5,
	ISA_SSTC = 1 << 6,
	ISA_H = 1 << 7,
	ISA_SSAIA = 1 << 8,
	SBI_FWFT = 1 << 9, /* of SBI, in no tree: can be named by ext= only */
};

struct machine_cpu {
	uint64_t hartid;
	enum mmu_claim mmu;
	uint32_t isa; /* enum isa_ext bits of this hart */
};

/* As bindings spell them in the second interrupt cell; 0: the controller has no such cell. */
enum irq_trigger {
	TRIGGER_UNKNOWN = 0,
	TRIGGER_EDGE_RISING = 1,
	TRIGGER_EDGE_FALLING = 2,
	TRIGGER_LEVEL_HIGH = 4,
	TRIGGER_LEVEL_LOW = 8,
};

struct machine_virtio {
	paddr_t base;
	uint64_t size;
	uint32_t irq;	  /* source number at the interrupt controller, 0: none given */
	uint32_t trigger; /* enum irq_trigger, or what else the tree has there */
};

/* An APLIC delivers through wires to harts, or by messages to their IMSICs. */
enum intc_kind { INTC_NONE, INTC_PLIC, INTC_APLIC, INTC_APLIC_MSI };

/* Memory space of a PCI host bridge: [@bus, @bus + @size) on PCI is [@cpu, ...) for the harts. */
struct machine_pci_window {
	uint64_t bus;
	paddr_t cpu;
	uint64_t size;
};

#define MACHINE_PCI_SLOTS 32
#define MACHINE_PCI_PINS 4
#define MACHINE_PCI_FUNCTIONS 256

/* A host bridge whose configuration space is memory (ECAM), and its root bus. */
struct machine_pci {
	paddr_t ecam;  /* of the root bus */
	uint64_t size; /* bytes of it, at least 1 MiB; 0: no host bridge */
	uint8_t bus;   /* number of the root bus */
	struct machine_pci_window windows[MACHINE_MAX_PCI_WINDOWS];
	unsigned nr_windows;
	/* Source of each pin (INTA first) of function 0, 0: none that leads to the controller. */
	uint16_t irq[MACHINE_PCI_SLOTS][MACHINE_PCI_PINS];
	bool irq_by_function; /* other functions are wired otherwise: to be polled */
	/* Functions whose messages reach the files of machine_intc, as bits. */
	uint64_t messages[MACHINE_PCI_FUNCTIONS / 64];
};

struct machine_intc {
	enum intc_kind kind;
	paddr_t base;
	uint64_t size;
	uint32_t sources; /* riscv,ndev, riscv,num-sources */
	uint32_t ids;	  /* INTC_APLIC_MSI: identities of each IMSIC, riscv,num-ids */
	/*
	 * Of each cpu (same index as cpus[]) what the controller calls it, -1: it has none. PLIC:
	 * its S-mode context; APLIC: the hart index of its targets.
	 */
	int32_t context[MAX_HARTS];
	/* INTC_APLIC_MSI: its interrupt file, a page; 0: stores do not reach it. */
	paddr_t file[MAX_HARTS];
};

enum exit_kind { EXIT_NONE, EXIT_SIFIVE_TEST };

struct machine_exit {
	enum exit_kind kind;
	paddr_t base;
	uint64_t size;
};

struct machine {
	char model[MACHINE_STR_LEN];	  /* root "model", "" if none; printable ASCII only */
	char compatible[MACHINE_STR_LEN]; /* first string of root "compatible" */
	/* Boot memory: sorted, disjoint, merged, 4 KiB aligned inwards, after "mem=". */
	struct region ram[MACHINE_MAX_RAM];
	unsigned nr_ram;
	/* Bytes of RAM that "mem=" cut off. */
	uint64_t ram_cut;
	/* Never to be touched: /memreserve/, /reserved-memory (with or without no-map), initrd.
	 * Sorted, merged, 4 KiB aligned outwards. May lie outside RAM. */
	struct region reserved[MACHINE_MAX_RESERVED];
	unsigned nr_reserved;
	struct machine_cpu cpus[MAX_HARTS]; /* enabled ones only, in tree order */
	unsigned nr_cpus;
	uint32_t isa;	      /* claimed by every enabled cpu */
	uint32_t forgotten;   /* the same bits: what ext= says not to use */
	enum mmu_claim mmu;   /* the smallest claim of the enabled cpus */
	uint64_t timebase_hz; /* 0: not given */
	const char *bootargs; /* inside the copied tree, "" if none */
	uint64_t rng_seed;    /* folded from /chosen/rng-seed, 0: none */
	struct machine_virtio virtio[MACHINE_MAX_VIRTIO]; /* ascending base */
	unsigned nr_virtio;
	struct machine_pci pci; /* the first one */
	struct machine_intc intc;
	struct machine_exit exitdev;
	/* Oddities survived, a line each, printed as "# dt: ...". */
	char notes[MACHINE_MAX_NOTES][MACHINE_NOTE_LEN];
	unsigned nr_notes;
	unsigned notes_lost; /* notes that found no room */
};

/*
 * Read the flattened tree at @fdt (a private copy of @size bytes, 8-byte aligned, checked here
 * with fdt_check_full semantics as far as libfdt offers it) into @m.
 *
 * @mem_limit: "mem=" in bytes, keeps the lowest that many bytes of RAM; UINT64_MAX: all.
 * Returns OK; ERR_INVAL if it is no device tree at all (nothing of @m is valid but the notes);
 * ERR_NOENT if it has no usable RAM or no enabled cpu (the notes say which).
 * Whatever else is wrong is survived and noted: unit addresses are never parsed, status is
 * honoured, zero-size tuples are skipped, overlapping ones merged.
 * Source: Devicetree Specification 0.4 chapters 2 and 3; Linux bindings riscv/cpus.yaml.
 */
enum err must_check machine_read(struct machine *m, const void *fdt, size_t size,
				 uint64_t mem_limit);

/*
 * Forget extensions that the tree claims, for all harts: @list is "-NAME,-NAME...". What relied on
 * one of them goes with it (Ssaia: interrupts by message). FWFT is none of the tree's: it is
 * remembered in @m->forgotten as the others are. ERR_INVAL, and the word copied to @unknown (at
 * most @len bytes, terminated), if hotwalk has no use for such an extension.
 */
enum err must_check machine_forget_isa(struct machine *m, const char *list, char *unknown,
				       size_t len);

/* As if no device could send messages of its own; or as if none could interrupt at all. */
void machine_drop_messages(struct machine *m);
void machine_drop_intc(struct machine *m);

/* "plic" or "aplic", for notes. */
const char *machine_intc_name(const struct machine *m);

/* The value of /chosen/bootargs before anything else is read; "" if there is none. */
const char *machine_bootargs(const void *fdt, size_t size);

/*
 * Both above go through all of the tree first, to see that it is one: 45,000 instructions a KiB.
 * Who calls both does that once: @checked is what machine_check_tree() said of the same bytes, 0 or
 * libfdt's error. Behind 0 every read through libfdt stays inside the @size bytes and is aligned.
 */
int machine_check_tree(const void *fdt, size_t size);
enum err must_check machine_read_checked(struct machine *m, const void *fdt, int checked,
					 uint64_t mem_limit);
const char *machine_bootargs_checked(const void *fdt, int checked);

/*
 * The UART that /chosen/stdout-path names, as a path or an alias; ns16550a, snps,dw-apb-uart,
 * sifive,uart0, litex,liteuart. @checked as above; may come before machine_read(): @m is only
 * written to. False: none, or none that is known; *@u says UART_NONE.
 */
bool machine_read_uart(struct machine *m, const void *fdt, int checked, struct uart *u);

#endif
