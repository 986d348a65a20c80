/* SPDX-License-Identifier: BSD-2-Clause */
/* The root bus and virtio's capabilities against a configuration space that may say anything. */
#include "tests/host/test_pci_rig.h"

static enum err open_function(unsigned number)
{
	enum err e = open_bus();

	return e == OK ? pci_function_open(&rig.bus, number, &rig.function) : e;
}

static bool decodes(unsigned number)
{
	return (get(number, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY) != 0;
}

static uint32_t read_fake(void *ctx, unsigned number, uint32_t offset)
{
	(void)ctx;
	return fake_read(ECAM + number * UINT64_C(0x1000) + offset, 4);
}

static unsigned count_functions(void)
{
	unsigned nr = 0;
	uint32_t id;

	for (unsigned n = 0; (n = pci_next_function(read_fake, NULL, n, &id)) != PCI_FUNCTIONS; n++)
		nr++;
	return nr;
}

static void test_functions(void)
{
	rig_make();
	tap_ok(count_functions() == 2, "two functions in two slots");
	put_function(SLOT(1) + 3, 0x12345678);
	tap_ok(count_functions() == 2, "function 3 of what says it has one is not asked");
	put(SLOT(1), PCI_HEADER, 0x80, 1);
	tap_ok(count_functions() == 3, "and is, of what says it has several");
	put_function(SLOT(9) + 1, 0x12345678);
	tap_ok(count_functions() == 3, "not without function 0");
	put_function(SLOT(31), 0x12345678);
	tap_ok(count_functions() == 4, "the last slot");
	rig.host.size = 0;
	tap_ok(open_bus() == ERR_NOSYS, "no host bridge");
}

static void test_place(void)
{
	const struct pci_bar *bars = rig.function.bars;

	rig_make();
	put_bar(SLOT(1), 0, 0x20, 1);
	tap_ok(open_function(SLOT(1)) == OK && rig.notes == 0, "nobody has placed it: placed here");
	tap_ok(bars[1].size == 0x1000 && bars[1].bus == WINDOW &&
		       bars[1].cpu == WINDOW + CPU_OFFSET,
	       "BAR 1 at the window's start, and where harts see it");
	tap_ok(bars[4].size == sizeof(rig.regs) && bars[4].wide &&
		       bars[4].bus == WINDOW + sizeof(rig.regs),
	       "BAR 4 behind it, aligned to its size");
	tap_ok(get(SLOT(1), PCI_BAR(1), 4) == WINDOW &&
		       get(SLOT(1), PCI_BAR(4), 4) == (WINDOW + sizeof(rig.regs)) + 4 &&
		       get(SLOT(1), PCI_BAR(5), 4) == 0,
	       "both written");
	tap_ok(bars[0].size == 0 && get(SLOT(1), PCI_BAR(0), 4) == 1, "I/O space is left alone");
	tap_ok(get(SLOT(1), PCI_COMMAND, 2) ==
		       (PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_OFF),
	       "it decodes, is master, its pin is off");
	tap_ok(rig.hot == 0 && rig.odd == 0, "no BAR was written while it decoded");
	tap_ok(rig.function.irq == 33, "source of its pin");
	pci_set_pin(rig.function.config, true);
	tap_ok((get(SLOT(1), PCI_COMMAND, 2) & PCI_COMMAND_INTX_OFF) == 0, "pin on");

	rig_make();
	put_bar(SLOT(1), 2, 8 * SZ_1G, 4);
	tap_ok(open_function(SLOT(1)) == OK && bars[2].bus == WIDE_WINDOW + 0 * SZ_1G &&
		       get(SLOT(1), PCI_BAR(3), 4) == WIDE_WINDOW >> 32,
	       "too large for the first window: the next");
	rig_make();
	put_bar(SLOT(1), 0, 2 * SZ_1G, 0);
	tap_ok(open_function(SLOT(1)) == ERR_NOMEM && !decodes(SLOT(1)) &&
		       noted("no window has room for 0x80000000 bytes of BAR 0"),
	       "32 bits do not reach the other window");
	rig_make();
	rig.host.nr_windows = 1;
	rig.host.windows[0] = (struct machine_pci_window){0, CPU_OFFSET, SZ_2M};
	tap_ok(open_function(SLOT(1)) == OK && bars[1].bus == 0x1000, "never at address 0");
}

/* What firmware has placed: kept, and in the way of others. */
static void test_placed(void)
{
	const struct pci_bar *bars = rig.function.bars;

	rig_make();
	put(SLOT(1), PCI_BAR(1), WINDOW + 0x5000, 4);
	put(SLOT(1), PCI_BAR(4), (WINDOW + 0x10000) | 4, 4);
	put(SLOT(1), PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	tap_ok(open_function(SLOT(1)) == OK && bars[1].bus == WINDOW + 0x5000 &&
		       bars[4].cpu == WINDOW + CPU_OFFSET + 0x10000 && rig.hot == 0,
	       "placed before, stays");
	put(SLOT(1), PCI_COMMAND, 0, 2);
	tap_ok(open_function(SLOT(1)) == OK && bars[1].bus == WINDOW,
	       "not decoding: its BARs mean nothing");
	put(SLOT(1), PCI_BAR(1), 0x1000, 4);
	put(SLOT(1), PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	tap_ok(open_function(SLOT(1)) == OK && bars[1].bus == WINDOW, "outside the windows: moved");
	rig.host.windows[0] = (struct machine_pci_window){0, CPU_OFFSET, SZ_2M};
	put(SLOT(1), PCI_BAR(1), 0, 4); /* the other one could stay */
	put(SLOT(1), PCI_BAR(4), 0x100004, 4);
	tap_ok(open_function(SLOT(1)) == OK && bars[1].bus == 0x1000, "at address 0: moved");
	rig.host.windows[0] = (struct machine_pci_window){WINDOW, WINDOW + CPU_OFFSET, 0x6000};
	put(SLOT(1), PCI_BAR(1), WINDOW, 4);
	put(SLOT(1), PCI_BAR(4), (WINDOW + sizeof(rig.regs)) | 4, 4);
	tap_ok(open_function(SLOT(1)) == OK && bars[4].bus == WIDE_WINDOW,
	       "reaching out of its window: moved");
	rig.host.windows[0].size = SZ_1G;
	put(SLOT(1), PCI_BAR(5), 0, 4);
	put(SLOT(1), PCI_BAR(1), WINDOW + sizeof(rig.regs) + 0x1000, 4);
	put(SLOT(1), PCI_BAR(4), (WINDOW + sizeof(rig.regs)) | 4, 4);
	tap_ok(open_function(SLOT(1)) == OK && bars[1].bus == WINDOW,
	       "on top of each other: moved");

	rig_make();
	put_function(SLOT(2), 0x12345678);
	put_bar(SLOT(2), 0, SZ_2M, 0);
	put(SLOT(2), PCI_BAR(0), WINDOW, 4);
	put(SLOT(2), PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	tap_ok(open_function(SLOT(1)) == OK && bars[1].bus == WINDOW + SZ_2M && decodes(SLOT(2)) &&
		       get(SLOT(2), PCI_BAR(0), 4) == WINDOW && rig.hot == 0,
	       "another's memory is in the way, and stays his");
	rig_make();
	put_function(SLOT(2), 0x12345678);
	put(SLOT(2), PCI_HEADER, 1, 1);
	put(SLOT(2), PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	put(SLOT(2), 0x20, 0x41f04000, 4); /* 0x40000000 to 0x41ffffff */
	put(SLOT(2), 0x24, 0x0001fff1, 4); /* none */
	tap_ok(open_function(SLOT(1)) == OK && bars[1].bus == WINDOW + 0x2000000 &&
		       noted("pci@00:02.0: is a bridge"),
	       "what a bridge passes on is in the way");
	tap_ok(open_function(SLOT(2)) == ERR_NOSYS && noted("type 1"), "a bridge is not opened");
	put(SLOT(2), 0x24, 0xfff10001, 4); /* 0x400000000 to 0x4ffffffff */
	put(SLOT(2), 0x28, 4, 4);
	put(SLOT(2), 0x2c, 4, 4);
	put_bar(SLOT(1), 2, 2 * SZ_1G, 4);
	tap_ok(open_function(SLOT(1)) == OK && bars[2].bus == WIDE_WINDOW + 4 * SZ_1G,
	       "above 4 GiB too");
	put(SLOT(2), 0x24, 0xfff10001, 4); /* all there is: what would wrap is no range */
	put(SLOT(2), 0x28, 0, 4);
	put(SLOT(2), 0x2c, UINT32_MAX, 4);
	tap_ok(open_bus() == OK && rig.bus.nr_taken == 1 + 3, "a bridge that has all of it");
	rig_make();
	for (unsigned i = 0; i < 8; i++) {
		put_function(SLOT(2 + i), 0x12345678);
		put(SLOT(2 + i), PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
		for (unsigned n = 0; n < PCI_BARS; n++) {
			put_bar(SLOT(2 + i), n, 0x1000, 0);
			put(SLOT(2 + i), PCI_BAR(n), 0x50000000 + i * 0x10000 + n * 0x1000, 4);
		}
	}
	tap_ok(open_bus() == ERR_RANGE && rig.bus.host == NULL &&
		       noted("more than 32 ranges are taken"),
	       "too many in the way");
}

static void test_bad_bars(void)
{
	rig_make();
	put_bar(SLOT(1), 0, 0x1000, 6);
	tap_ok(open_function(SLOT(1)) == ERR_RANGE && noted("BAR 0 0x6 is of a reserved type") &&
		       !decodes(SLOT(1)),
	       "reserved type");
	rig_make();
	put_bar(SLOT(1), 5, 0x1000, 0);
	put(SLOT(1), PCI_BAR(4), 0, 4);
	put(SLOT(1), PCI_BAR(5), 4, 4);
	tap_ok(open_function(SLOT(1)) == ERR_RANGE && noted("is the last one, and has 64 bits"),
	       "half a BAR");
	rig_make();
	rig.f[SLOT(1)].writable[1] = 0xffff5000;
	tap_ok(open_function(SLOT(1)) == ERR_RANGE && noted("BAR 1 0xffffffffffff5000 is no mask"),
	       "a mask with holes");
	rig_make();
	put_bar(SLOT(1), 1, 0x1000, 0);
	rig.f[SLOT(1)].writable[1] = 0x3ffff000; /* sized by the bits that it has, and loses more */
	tap_ok(open_function(SLOT(1)) == ERR_RANGE && !decodes(SLOT(1)), "upper bits missing");
	rig_make();
	put(SLOT(1), PCI_BAR(4), 0x2004, 4); /* stuck bits: all ones are read, an address is not */
	rig.f[SLOT(1)].writable[4] = (uint32_t)~0x3fff | 0;
	put(SLOT(1), PCI_BAR(1), 0x80000000, 4);
	rig.f[SLOT(1)].writable[1] = 0x7ffff000;
	tap_ok(open_function(SLOT(1)) == ERR_IO && !decodes(SLOT(1)) &&
		       noted("BAR 1 holds 0xc0000000, 0x40000000 was written"),
	       "a BAR that does not hold what was written");
}

static void test_virtio(void)
{
	struct virtq q = {.size = 8, .desc_pa = 0x1122334455667000, .device_pa = 7};
	uint32_t words[2];

	rig_make();
	tap_ok(open_virtio() == OK && strcmp(rig.dev.name, "virtio-pci@00:01.0") == 0 &&
		       rig.dev.irq == 33,
	       "opened");
	tap_ok(rig.dev.config_size == 0x1000 && rig.dev.notify_size == 0x1000 &&
		       rig.dev.regs == rig.regs_at && rig.dev.isr == rig.regs_at + 0x1000 &&
		       rig.dev.config == rig.regs_at + 0x2000 &&
		       rig.dev.notify == rig.regs_at + 0x3000,
	       "its parts are where the capabilities say");
	rig.regs[0x12] = 1;
	rig.regs[0x18] = 64;
	tap_ok(rig.dev.bus->queue_max(&rig.dev, 0) == 64, "queue size");
	tap_ok(rig.dev.bus->queue_max(&rig.dev, 1) == 0, "no second queue");
	rig.regs[0x1e] = 3;
	tap_ok(rig.dev.bus->queue_start(&rig.dev, 0, &q) == OK && rig.regs[0x1c] == 1,
	       "queue started");
	memcpy(words, &rig.regs[0x20], sizeof(words));
	tap_ok(words[0] == 0x55667000 && words[1] == 0x11223344 && rig.regs[0x30] == 7 &&
		       rig.regs[0x18] == 8,
	       "with its addresses and size");
	rig.regs[0x300c] = 0xff;
	rig.dev.bus->notify(&rig.dev, 0);
	tap_ok(rig.regs[0x300c] == 0, "notified at offset times multiplier");
	rig.dev.notify_multiplier = 8;
	rig.regs[0x3018] = 0xff;
	tap_ok(rig.dev.bus->queue_start(&rig.dev, 0, &q) == OK, "another multiplier");
	rig.dev.bus->notify(&rig.dev, 0);
	tap_ok(rig.regs[0x3018] == 0, "and where it leads");
	tap_ok(rig.dev.bus->queue_max(&rig.dev, 0) == 0, "a queue in use");
	rig.regs[0x1c] = 0;
	rig.dead_queue = true;
	tap_ok(rig.dev.bus->queue_start(&rig.dev, 0, &q) == ERR_IO, "a queue that stays off");
	rig.dev.notify_multiplier = 1;
	tap_ok(rig.dev.bus->queue_start(&rig.dev, 0, &q) == ERR_RANGE &&
		       noted("queue 0 is notified at 0x3 of"),
	       "an odd notification");
	rig.dev.notify_multiplier = 4;
	rig.regs[0x1f] = 4; /* 0x403 * 4 = 0x100c */
	tap_ok(rig.dev.bus->queue_start(&rig.dev, 0, &q) == ERR_RANGE &&
		       noted("queue 0 is notified at 0x100c of 0x1000 bytes"),
	       "a notification outside its part");
	rig.regs[0x1000] = 0xfe;
	tap_ok(rig.dev.bus->take_interrupts(&rig.dev) == VIRTIO_INT_CONFIG, "reserved ISR bits");
	tap_ok(rig.odd == 0 && rig.hot == 0, "no access elsewhere");

	rig_make();
	put(SLOT(1), PCI_PIN, 5, 1);
	tap_ok(open_virtio() == OK && rig.dev.irq == 0, "no such pin: polled");
	rig_make();
	put_bar(SLOT(1), 4, SZ_2M, 4);
	put(SLOT(1), 0x8c, SZ_2M / 2, 4);
	tap_ok(open_virtio() == OK && rig.dev.notify_size == 0x10000,
	       "a large part: not all of it");
	rig_make();
	put(SLOT(1), PCI_HEADER, 0x80, 1);
	put_function(SLOT(1) + 1, 0x12345678);
	put(SLOT(1) + 1, PCI_PIN, 1, 1);
	tap_ok(open_function(SLOT(1) + 1) == OK && rig.function.irq == 33,
	       "function 1 is wired as function 0");
	rig.host.irq_by_function = true;
	tap_ok(open_function(SLOT(1) + 1) == OK && rig.function.irq == 0 &&
		       open_function(SLOT(1)) == OK && rig.function.irq == 33,
	       "or who knows how");
	rig_make();
	put(SLOT(1), PCI_ID, VIRTIO_PCI_ID(27), 4);
	tap_ok(open_virtio() == ERR_NOENT && rig.notes == 0 && !decodes(SLOT(1)), "another device");
}

/* One field of the list or of a capability, and what becomes of the device. */
static void test_bad_capabilities(void)
{
	static const struct {
		const char *what, *says;
		unsigned at, len;
		uint32_t value;
		enum err e;
	} rows[] = {
		{"the list leads into the header", "capability at 0x3c lies in the header", 0x51, 1,
		 0x3c, ERR_RANGE},
		{"the list is a ring", "the list has no end", 0xa1, 1, 0x50, ERR_RANGE},
		{"a capability follows itself", "the list has no end", 0x51, 1, 0x50, ERR_RANGE},
		{"there is no list", "no common registers", 0x06, 1, 0, ERR_RANGE},
		{"the list is empty", "no common registers", 0x34, 1, 0, ERR_RANGE},
		{"the list ends early", "no notify registers", 0x71, 1, 0, ERR_RANGE},
		{"reserved bits of a link", "", 0x51, 1, 0x63, OK},
		{"a capability too short", "no common registers", 0x52, 1, 15, ERR_RANGE},
		{"a notification without its multiplier", "no notify registers", 0x82, 1, 16,
		 ERR_RANGE},
		{"a capability beyond the end", "no common registers", 0x52, 1, 0xb1, ERR_RANGE},
		{"a reserved BAR", "no common registers", 0x54, 1, 6, ERR_RANGE},
		{"a BAR that is not there", "no common registers", 0x54, 1, 2, ERR_RANGE},
		{"the upper half of a BAR", "no common registers", 0x54, 1, 5, ERR_RANGE},
		{"beyond the BAR by a word", "no common registers", 0x58, 4, 0x3004, ERR_RANGE},
		{"far beyond the BAR", "no common registers", 0x58, 4, 0xfffffffc, ERR_RANGE},
		{"the last bytes of the BAR", "", 0x58, 4, 0x3000, OK},
		{"longer than the BAR", "no isr registers", 0x6c, 4, 0xffffffff, ERR_RANGE},
		{"no length", "no isr registers", 0x6c, 4, 0, ERR_RANGE},
		{"common registers too short", "no common registers", 0x5c, 4, 0x37, ERR_RANGE},
		{"odd offset", "no device registers", 0x78, 4, 0x2002, ERR_RANGE},
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		enum err e;

		rig_make();
		put(SLOT(1), rows[i].at, rows[i].value, rows[i].len);
		e = open_virtio();
		tap_ok(e == rows[i].e && noted(rows[i].says) && rig.odd == 0 &&
			       decodes(SLOT(1)) == (e == OK),
		       "%s", rows[i].what);
	}
	rig_make();
	put(SLOT(1), 0x54, 2, 1); /* preferred, and not to be had */
	put_cap(0xa0, 0, 1, 0x800, 0x800);
	tap_ok(open_virtio() == OK && rig.dev.regs == rig.regs_at + 0x800 &&
		       noted("capability at 0x50: bar 0x2 is no memory"),
	       "the next of a kind, where the first cannot be used");
	rig_make();
	put_cap(0xa0, 0, 1, 0x800, 0x800);
	tap_ok(open_virtio() == OK && rig.dev.regs == rig.regs_at, "else the first");
}

int main(void)
{
	test_functions();
	test_place();
	test_placed();
	test_bad_bars();
	test_virtio();
	test_bad_capabilities();
	return tap_done();
}
