/* SPDX-License-Identifier: BSD-2-Clause */
/* Wires everything: device tree, arguments, memory manager, device, harts, then the tests. */
#include <stdio.h>
#include <string.h>

#include "firmware/arch.h"
#include "firmware/args.h"
#include "firmware/console.h"
#include "firmware/hart.h"
#include "firmware/image.h"
#include "firmware/machine.h"
#include "firmware/offsets.h"
#include "firmware/probe.h"
#include "firmware/ramprobe.h"
#include "firmware/root.h"
#include "firmware/sbi.h"
#include "firmware/time.h"
#include "firmware/trap.h"
#include "mm/bootmem.h"
#include "mm/deferred.h"
#include "mm/fault.h"
#include "mm/frame.h"
#include "mm/hotplug.h"
#include "mm/kernel.h"
#include "mm/model.h"
#include "mm/model_exposure.h"
#include "mm/ptpage.h"
#include "mm/shootdown.h"
#include "platform/exitdev.h"
#include "platform/extensions.h"
#include "platform/intc.h"
#include "tests/banner.h"
#include "tests/memdev.h"
#include "tests/pmemdev.h"
#include "tests/runner.h"

#define MAX_FDT (256 * 1024)
#define HART_START_MS 30000

/* The tree is copied here before any memory is used: it may lie in what looks like free RAM. */
static uint8_t fdt[MAX_FDT] NOINIT __attribute__((aligned(8)));
static struct machine machine;
static struct args args;
static struct bench bench;

void hotwalk_main(uint64_t hartid, paddr_t fdt_pa, paddr_t load, uint64_t instret);

/* Nothing can be tested: say why, once, and end in peace. */
static void give_up(const char *fmt, ...) printf_fn(1, 2) noreturn_fn;
static void give_up(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay("hotwalk: DONE NOTHING ", fmt, ap);
	va_end(ap);
	sbi_shutdown(true);
	hart_park();
}

/* Without a full fence that works, nothing that this firmware says afterwards means anything. */
static void check_full_fence(uint64_t hartid)
{
	uint64_t expected, seen;

	if (early_fence_works(&expected, &seen))
		return;
	say("KTAP version 1");
	say("1..1");
	note("probe: hart id %llu: load: STALE: saw 0x%llx, expected 0x%llx",
	     (unsigned long long)hartid, (unsigned long long)seen, (unsigned long long)expected);
	note("behind: sfence.vma x0, x0, a page that was shown at the same address before");
	note("clause: Privileged ISA, SFENCE.VMA: implicit reads behind it see the stores before "
	     "it");
	note("nothing can be tested on a machine whose full fence does not work");
	note("boot.full_fence: FAIL");
	say("not ok 1 boot.full_fence # found by probe");
	note("Totals: pass:0 fail:1 xfail:0 xpass:0 skip:0 error:0");
	say("hotwalk: DONE FAIL 1/1");
	sbi_shutdown(true);
	hart_park();
}

/* U-Boot's go hands over argc and argv, EFI a table; anything may be behind a1, or nothing. */
#define EFI_TABLE_FIRST UINT64_C(0x20494249) /* "IBI " */
#define EFI_TABLE_NEXT UINT64_C(0x54535953)  /* "SYST" */

static uint32_t word_at(paddr_t pa, bool *there)
{
	struct probe p = probe_load32((vaddr_t)early_window(pa, sizeof(uint32_t)));

	*there = !p.trapped;
	return p.trapped ? 0 : (uint32_t)p.value;
}

static size_t copy_fdt(paddr_t pa)
{
	bool there = is_aligned(pa, sizeof(uint32_t));
	uint32_t magic = there ? word_at(pa, &there) : 0;
	uint32_t size = there ? word_at(pa + sizeof(uint32_t), &there) : 0;

	if (magic == EFI_TABLE_FIRST && size == EFI_TABLE_NEXT)
		give_up("started by EFI (a1 is its system table): load the image with U-Boot's "
			"booti or bootm instead");
	if (!there || magic != __builtin_bswap32(UINT32_C(0xd00dfeed)))
		give_up("no device tree at 0x%llx (a1): magic 0x%x, a0 is 0x%llx: with U-Boot say "
			"'booti ADDRESS - ${fdtcontroladdr}' instead of go",
			(unsigned long long)pa, (unsigned)__builtin_bswap32(magic),
			(unsigned long long)bench.boot_hartid);
	size = __builtin_bswap32(size);
	if (size > MAX_FDT)
		give_up("device tree at 0x%llx has %u bytes, at most %u are supported",
			(unsigned long long)pa, (unsigned)size, MAX_FDT);
	memcpy(fdt, early_window(pa, size), size);
	return size;
}

static void choose_console(int checked)
{
	struct uart u;

	if (machine_read_uart(&machine, fdt, checked, &u) && console_choose(&u))
		say(" ");
	if (image_in_m_mode != 0)
		give_up("started in M-mode: it takes M-mode firmware that starts this in S-mode, "
			"such as OpenSBI; hotwalk-opensbi.bin holds both");
}

/* The image's arguments are defaults: the tree's come behind them and win, word by word. */
static enum err parse_args(int checked, struct args_errors *errors)
{
	const char *baked = image_bootargs();
	const char *from = baked;

	if (baked == NULL)
		give_up("the arguments of the image have no end: at most %d bytes",
			IMAGE_ARGS_BYTES - 1);
	while (*from == ' ')
		from++;
	if (*from != '\0')
		note("args: in the image: %s", from);
	if (args_parse(&args, baked, errors) != OK)
		return ERR_INVAL;
	return args_parse_more(&args, machine_bootargs_checked(fdt, checked), errors);
}

static void read_args(int checked)
{
	static struct args_errors errors;
	char unknown[32];

	if (parse_args(checked, &errors) != OK) {
		for (unsigned i = 0; i < errors.nr; i++)
			note("args: %s", errors.line[i]);
		note("args: these are known:");
		for (unsigned i = 0; args_help(i) != NULL; i++)
			note("  %s", args_help(i));
		give_up("wrong boot arguments: %s", errors.line[0]);
	}
	if (fault_arm(args.inject, unknown, sizeof(unknown)) != OK) {
		note("args: these faults are known:");
		for (unsigned f = 0; f < NR_FAULTS; f++)
			note("  %-16s %s", fault_info((enum fault)f)->name,
			     fault_info((enum fault)f)->what);
		give_up("wrong boot arguments: inject=%s: no such fault", unknown);
	}
}

static void print_dt_notes(unsigned from)
{
	for (unsigned i = from; i < machine.nr_notes; i++)
		note("dt: %s", machine.notes[i]);
	if (machine.notes_lost != 0)
		note("dt: and %u more notes", machine.notes_lost);
}

static void read_machine(int checked)
{
	char unknown[32];
	enum err err = machine_read_checked(&machine, fdt, checked, args.mem);
	uint32_t claimed;

	print_dt_notes(0);
	if (err != OK)
		give_up("the device tree cannot be used: %s",
			machine.nr_notes != 0 ? machine.notes[machine.nr_notes - 1]
					      : err_name(err));
	claimed = machine.isa;
	if (machine_forget_isa(&machine, args.ext, unknown, sizeof(unknown)) != OK)
		give_up("wrong boot arguments: ext=: \"%s\" is not -svinval, -svnapot, -svpbmt, "
			"-svadu, -svade, -svvptc, -sstc, -h, -ssaia or -fwft",
			unknown);
	if (args.ext[0] != '\0')
		note("ext=%s: as if nobody claimed them", args.ext);
	if (fault_armed(FAULT_EXT_IGNORED))
		machine.isa = claimed;
	else if ((machine.forgotten & SBI_FWFT) != 0)
		sbi_forget_fwft();
	if (args.irq != IRQ_ARG_AUTO)
		machine_drop_messages(&machine);
	if (args.irq == IRQ_ARG_POLL)
		machine_drop_intc(&machine);
}

/* What the tree claims, before anything relies on it. */
static void probe_machine(struct region blob)
{
	struct ramprobe_stats stats;
	unsigned noted = machine.nr_notes;
	uint64_t start = time_us();
	enum err err;

	if (!args.probe)
		return;
	err = ramprobe_run(&machine, image_region(), blob, &stats);
	ramprobe_devices(&machine);
	print_dt_notes(noted);
	note("probe: %u spots of RAM read, %u written, %llu us", stats.spots, stats.written,
	     (unsigned long long)(time_us() - start));
	if (err != OK)
		give_up("no RAM answers");
}

static const struct mmu_mode *choose_mode(void)
{
	/* Sv48 preferred: one more level than Sv39 to get wrong, and 1 GiB leaves to split. */
	static const uint64_t wanted[] = {[MODE_ARG_AUTO] = 9,
					  [MODE_ARG_SV39] = 8,
					  [MODE_ARG_SV48] = 9,
					  [MODE_ARG_SV57] = 10};
	uint64_t mode = wanted[args.mode];

	bench.modes = early_probe_modes(args.mode != MODE_ARG_SV39);
	if ((bench.modes >> mode & 1) == 0) {
		if (args.mode != MODE_ARG_AUTO)
			give_up("mode=%s: satp of this hart refuses it",
				mmu_mode_by_satp(mode)->name);
		mode = 8;
	}
	return mmu_mode_by_satp(mode);
}

/* prealloc=min: from the start of the direct map (kernel_mappable()) to the end of RAM. */
static const struct mmu_mode *cut_mode(const struct mmu_mode *mode)
{
	static struct mmu_mode cut;
	paddr_t end = region_end(machine.ram[machine.nr_ram - 1]);

	if (!args.prealloc_min)
		return mode;
	cut = mode_cut(mode, end - align_down(machine.ram[0].start, SZ_1G), args.record);
	return &cut;
}

static void choose_seed(void)
{
	bench.seed = args.seed;
	if (!args.seed_given)
		bench.seed = machine.rng_seed != 0 ? machine.rng_seed : time_ticks();
}

static void init_memory(const struct mmu_mode *mode)
{
	struct region can;
	enum err err;

	/* How much memory the frame table can cover depends on it. */
	frame_record_size_set(args.record);
	can = kernel_mappable(mode, &machine);
	err = bootmem_init(&machine, image_region(), region_end(can));
	if (err != OK)
		give_up("no 2 MiB of RAM is free beside reserved memory and the image: %s",
			err_name(err));
	if (args.prealloc_min)
		bootmem_trim(SZ_2M);
	/* Before the first allocation: the region of a built-in device is cut out of RAM. */
	memdev_choose(&bench);
	pmemdev_choose(&bench);
	if (hart_init(&machine, bench.boot_hartid, args.harts) == 0)
		give_up("no hart");
	arch_set_direct_offset(early_map_arena(bootmem_arena()));
	err = kernel_init(mode, &machine);
	if (err == OK)
		err = ptpage_init();
	if (err == OK)
		err = hotplug_init(&machine);
	if (err != OK)
		give_up("the kernel table cannot be built: %s (%u RAM regions)", err_name(err),
			machine.nr_ram);
	if (args.model)
		model_init(kernel_table(), kernel_mappable_range());
	model_exposure_clock(time_ticks);
	if (args.order == ORDER_ARG_LINUX) {
		/* Nothing else would notice: such a run must not end with PASS. */
		if (!args.model)
			give_up("order=linux: needs model=on");
		hotplug_use_order(TEARDOWN_LINUX);
		model_expose(true);
	}
}

static void start_harts(void)
{
	unsigned order = 0;
	paddr_t stacks;

	while (PAGE_SIZE << order < (uint64_t)hart_count() * HART_STACK_SIZE)
		order++;
	stacks = frame_alloc(order, OWNER_BOOT);
	if (stacks == FRAME_NONE)
		give_up("no memory for the stacks of %u harts", hart_count());
	hart_start_all(kernel_satp(), phys_to_ptr(stacks), HART_START_MS);
	if (args.flush == FLUSH_ARG_IPI || (args.flush == FLUSH_ARG_AUTO && !arch_has_rfence()))
		shootdown_use(SHOOTDOWN_IPI);
	if (args.flush == FLUSH_ARG_SBI && !arch_has_rfence())
		give_up("flush=sbi: this SBI has no RFENCE");
	if (args.flush == FLUSH_ARG_SVINVAL) {
		if ((machine.isa & ISA_SVINVAL) == 0)
			give_up("flush=svinval: the device tree does not claim it for every hart");
		shootdown_use(SHOOTDOWN_SVINVAL);
	}
}

static bool repair_mapping(struct trap_frame *f)
{
	return deferred_repair(f->scause);
}

static void panic_exit(void)
{
	machine_exit_run(&machine, 3);
}

/* On the boot hart, in the early table, at the image's own virtual address. */
void hotwalk_main(uint64_t hartid, paddr_t fdt_pa, paddr_t load, uint64_t instret)
{
	const struct mmu_mode *mode;
	size_t fdt_size;
	int checked;

	image_init(load);
	sbi_init();
	probe_init();
	trap_register(TRAP_ORDER_LAZY_MAP, repair_mapping);
	say(" "); /* what the firmware before us left unfinished ends here */
	bench.boot_hartid = hartid;
	fdt_size = copy_fdt(fdt_pa);
	checked = machine_check_tree(fdt, fdt_size);
	choose_console(checked);
	check_full_fence(hartid);
	read_args(checked);
	read_machine(checked);
	bench.machine = &machine;
	bench.args = &args;
	bench.entry_instret = instret;
	time_init(machine.timebase_hz);
	time_stretch(args.timeout_scale);
	probe_machine((struct region){fdt_pa, fdt_size});
	choose_seed();
	mode = cut_mode(choose_mode());
	init_memory(mode);
	exitdev_init(&machine);
	panic_set_exit(panic_exit);
	runner_init();
	arch_irq_restore(true); /* every source is off still; handlers stand */
	start_harts();
	extensions_probe(&machine, args.probe);
	if (intc_init(&machine) != OK && machine.intc.kind != INTC_NONE)
		note("intc: not used, drivers poll");
	banner_print(&bench);
	memdev_start(&bench);
	pmemdev_start(&bench);
	if (args.list) {
		runner_list();
		give_up("list: no test was asked for");
	}
	machine_exit_run(&machine, runner_run(&bench));
}
