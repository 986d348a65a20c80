/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages of a virtio device behind PCI: capability, table, masks, vectors that are refused. */
#include "tests/host/test_pci_rig.h"

static bool by_message(void)
{
	return rig.dev.message && rig.dev.irq == IDENTITY &&
	       get(SLOT(1), MSIX_CONTROL, 2) == (MSIX_ON | (VECTORS - 1)) &&
	       table_word(0, 0) == (uint32_t)FILE_AT && table_word(0, 4) == FILE_AT >> 32 &&
	       table_word(0, 8) == IDENTITY;
}

static bool by_pin(void)
{
	return !rig.dev.message && rig.dev.irq == rig.dev.pin_irq &&
	       (get(SLOT(1), MSIX_CONTROL, 2) & MSIX_ON) == 0;
}

/* Each access went where it may go, and nothing was raised or sent that nobody had asked for. */
static bool quiet(void)
{
	return rig.odd == 0 && rig.hot == 0 && rig.hot_table == 0 && rig.sent == 0 &&
	       (get(SLOT(1), PCI_COMMAND, 2) & PCI_COMMAND_INTX_OFF) != 0;
}

/* A device whose functions' messages reach the harts, with queues as many as it has registers. */
static void rig_make_messages(void)
{
	rig_make();
	memset(rig.host.messages, 0xff, sizeof(rig.host.messages));
	rig.regs[0x12] = 2;
	rig.regs[0x10] = rig.regs[0x11] = 0xff; /* 4.1.5.1.2.1: nothing is mapped after a reset */
	rig.regs[0x1a] = rig.regs[0x1b] = 0xff;
}

static void choose(void)
{
	rig.dev.bus->choose_interrupt(&rig.dev);
}

/* The device has something to say about its configuration. */
static void change(void)
{
	rig.waits = true;
	rig.regs[0x1000] = VIRTIO_INT_CONFIG;
	send_waiting();
}

static void test_messages(void)
{
	rig_make_messages();
	tap_ok(open_virtio() == OK && by_pin() && rig.asked == 0 && rig.notes == 0,
	       "opened: nothing is chosen yet");
	choose();
	tap_ok(by_message() && quiet() && rig.asked == 1, "a message, in the first vector");
	tap_ok(is_masked(0) && is_masked(1) && is_masked(VECTORS - 1), "masked, as the others are");
	tap_ok(rig.regs[0x10] == 0 && rig.regs[0x11] == 0 && rig.regs[0x1a] == 0xff &&
		       rig.regs[0x1b] == 0xff && rig.regs[0x16] == 1,
	       "changes of the configuration have it, no queue of two does");
	change();
	tap_ok(rig.sent == 0, "what happens before there is a handler waits");
	rig.dev.bus->set_interrupt(&rig.dev, true);
	tap_ok(rig.sent == 1 && rig.sent_to == FILE_AT && rig.sent_data == IDENTITY,
	       "and comes when there is one");
	change();
	tap_ok(rig.sent == 2 && rig.hot_table == 0, "the next comes at once");
	tap_ok(rig.dev.bus->take_interrupts(&rig.dev) == VIRTIO_INT_CONFIG && rig.isr_reads == 0,
	       "it is a change; ISR status is not asked");
	tap_ok(is_masked(1) && is_masked(VECTORS - 1) &&
		       (get(SLOT(1), PCI_COMMAND, 2) & PCI_COMMAND_INTX_OFF) != 0,
	       "other vectors and the pin stay off");
	rig.dev.bus->set_interrupt(&rig.dev, false);
	change();
	tap_ok(by_pin() && rig.sent == 2 && is_masked(0), "off: it sends nothing");
	tap_ok(rig.dev.bus->take_interrupts(&rig.dev) == VIRTIO_INT_CONFIG && rig.isr_reads == 1,
	       "off: ISR status is asked");
	tap_ok(rig.odd == 0 && rig.notes == 0, "no access elsewhere, nothing to say");
}

/* The device forgets its vectors, its function keeps the table. */
static void reset(void)
{
	memset(&rig.regs[0x10], 0xff, 2);
	memset(&rig.regs[0x1a], 0xff, 2);
}

static void test_again(void)
{
	rig_make_messages();
	tap_ok(open_virtio() == OK, "opened");
	choose();
	rig.dev.bus->set_interrupt(&rig.dev, true);
	reset();
	choose();
	change();
	tap_ok(by_message() && rig.asked == 1 && rig.sent == 1, "after a reset: the same message");
	reset();
	rig.refused_vector = 0x10;
	choose();
	change();
	tap_ok(by_pin() && rig.sent == 1 && noted("no messages, its pin instead"),
	       "after a reset: refused");

	/* What an earlier stage has left. */
	rig_make_messages();
	put(SLOT(1), MSIX_CONTROL, MSIX_ON | (VECTORS - 1), 2);
	memset(rig.table, 0, sizeof(rig.table));
	tap_ok(open_virtio() == OK && by_pin(), "left on: off");
	rig.left_pending = true;
	choose();
	tap_ok(by_message() && quiet() && is_masked(0) && is_masked(1) && is_masked(VECTORS - 1),
	       "vectors left on: masked");
	rig_make_messages();
	put(SLOT(1), MSIX_CONTROL, MSIX_MASK_ALL | (VECTORS - 1), 2);
	rig.table[MSIX_TABLE + 15] = 0x80;
	tap_ok(open_virtio() == OK, "opened");
	choose();
	rig.dev.bus->set_interrupt(&rig.dev, true);
	change();
	tap_ok(by_message() && rig.sent == 1 && table_word(0, 12) == 0x80000000,
	       "masked as a whole: no more; other bits of a vector's control are kept");
}

/* No message, by what is wrong with the device, the controller or the tree; polled or by its pin.
 */
static void test_fallback(void)
{
	rig_make();
	put(SLOT(1), MSIX_CONTROL, MSIX_ON | (VECTORS - 1), 2);
	tap_ok(open_virtio() == OK, "opened");
	choose();
	tap_ok(by_pin() && rig.notes == 0 && rig.asked == 0,
	       "messages reach nobody: left on, off now, and not asked for");
	rig_make();
	rig.host.messages[0] = ~(UINT64_C(1) << SLOT(1));
	rig.host.messages[1] = UINT64_MAX;
	tap_ok(open_virtio() == OK, "opened");
	choose();
	tap_ok(by_pin() && rig.asked == 0, "only others' messages reach somebody");

	rig_make_messages();
	rig.no_messages = true;
	tap_ok(open_virtio() == OK, "opened");
	choose();
	tap_ok(by_pin() && quiet() && rig.asked == 1 &&
		       noted("virtio-pci@00:01.0: no messages, its pin instead"),
	       "the controller has none");
	rig.dev.bus->set_interrupt(&rig.dev, true);
	tap_ok((get(SLOT(1), PCI_COMMAND, 2) & PCI_COMMAND_INTX_OFF) == 0 && rig.hot_table == 0,
	       "then it is the pin that goes on");

	rig_make_messages();
	rig.refused_vector = 0x10;
	tap_ok(open_virtio() == OK, "opened");
	choose();
	tap_ok(by_pin() && quiet() && rig.notes == 2 && noted("its pin instead"),
	       "a vector that the device refuses");
	rig_make_messages();
	rig.refused_vector = 0x10;
	rig.host.irq[1][0] = 0;
	tap_ok(open_virtio() == OK, "opened");
	choose();
	tap_ok(by_pin() && rig.dev.irq == 0 && noted("no messages, polled"), "and no pin: polled");
	rig_make_messages();
	rig.keeps_queue = true;
	tap_ok(open_virtio() == OK, "opened");
	choose();
	tap_ok(by_pin() && quiet() && noted("its pin instead"), "a queue that keeps a vector");
	rig_make_messages();
	rig.stuck_table = true;
	tap_ok(open_virtio() == OK, "opened");
	choose();
	tap_ok(by_pin() && quiet() && noted("its pin instead"), "a table that holds nothing");
}

/* Each word of the message has to be read back: all bits of one of them stay as they are. */
static void test_table_words(void)
{
	for (unsigned at = 0; at < 12; at += 4) {
		rig_make_messages();
		rig.stuck_word = at + 1;
		(void)open_virtio();
		choose();
		tap_ok(by_pin() && noted("its pin instead"), "word %u of a vector holds nothing",
		       at);
	}
}

/* One field of the capability, and whether there are messages. */
static void test_capability(void)
{
	static const struct {
		const char *what, *says;
		unsigned at, len;
		uint32_t value;
		bool good;
	} rows[] = {
		{"a table as large as the BAR's rest", "", MSIX_CONTROL, 2, 0x7f, true},
		{"a vector more", "end of the table 0x1010 leaves the BAR", MSIX_CONTROL, 2, 0x80,
		 false},
		{"2048 vectors", "end of the table 0x8800 leaves the BAR", MSIX_CONTROL, 2, 0x7ff,
		 false},
		{"one vector: none cannot be said", "", MSIX_CONTROL, 2, 0, true},
		{"a table behind the BAR", "end of the table 0x1040 leaves", MSIX + 4, 4, 0x1001,
		 false},
		{"far behind it", "end of the table 0x100000038 leaves", MSIX + 4, 4, 0xfffffff9,
		 false},
		{"at the BAR's end", "", MSIX + 4, 4, 0xfc1, true},
		{"no BAR of this number", "BAR 0x2 is no memory", MSIX + 4, 4, MSIX_TABLE | 2,
		 false},
		{"a BAR of I/O", "BAR 0 is no memory", MSIX + 4, 4, MSIX_TABLE | 0, false},
		{"the upper half of a BAR", "BAR 0x5 is no memory", MSIX + 4, 4, MSIX_TABLE | 5,
		 false},
		{"a reserved BAR", "BAR 0x6 is no memory", MSIX + 4, 4, MSIX_TABLE | 6, false},
		{"the other one", "BAR 0x7 is no memory", MSIX + 4, 4, MSIX_TABLE | 7, false},
		{"no such capability", "", MSIX, 1, 0x05, false},
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		enum err e;

		rig_make_messages();
		put_bar(SLOT(1), 0, 0x20, 1);
		put(SLOT(1), MSIX_CONTROL, MSIX_ON | (VECTORS - 1), 2);
		put(SLOT(1), rows[i].at, rows[i].value, rows[i].len);
		e = open_virtio();
		choose();
		tap_ok(e == OK && noted(rows[i].says) && rig.odd == 0 && rig.hot_table == 0 &&
			       rig.dev.message == rows[i].good &&
			       (rig.dev.msix.control != 0) == rows[i].good &&
			       (rig.dev.message || rig.dev.irq == 33),
		       "%s", rows[i].what);
	}
	rig_make_messages();
	put(SLOT(1), MSIX + 4, MSIX_TABLE | 2, 4);
	put(SLOT(1), MSIX_CONTROL, MSIX_ON | (VECTORS - 1), 2);
	tap_ok(open_virtio() == OK && by_pin(), "one that cannot be used is off, too");
	rig_make_messages();
	put_cap(0xa0, 0xf8, 5, 0, 0);
	put(SLOT(1), MSIX, 5, 1);
	put(SLOT(1), 0xf8, 0x11, 1);
	tap_ok(open_virtio() == OK && rig.dev.msix.control == 0 &&
		       noted("MSI-X at 0xf8: capability 0xf8 leaves configuration space") &&
		       rig.odd == 0,
	       "a capability beyond the end");
}

int main(void)
{
	test_messages();
	test_again();
	test_fallback();
	test_table_words();
	test_capability();
	return tap_done();
}
