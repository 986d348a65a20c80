/* SPDX-License-Identifier: BSD-2-Clause */
/* The UART that /chosen/stdout-path names: every kind, every way to name it, every odd one. */
#include <string.h>

#include "firmware/uart.h"
#include "tests/host/tap.h"
#include "tests/host/trees/shapes.h"

static struct tree tree;
static struct machine machine;
static struct uart uart;

/* What the chapters below put into the tree. */
static struct {
	const char *stdout_path;
	const char *alias; /* what serial0 is, NULL: there are no aliases */
	const char *compatible;
	const char *status;
	uint64_t base, size;
	int64_t shift, width, offset; /* -1: absent */
	bool bus;		      /* behind a bus that moves it by 0x10000000 */
} it;

static void usual(void)
{
	memset(&it, 0, sizeof(it));
	it.stdout_path = "/soc/serial@10000000:115200n8";
	it.compatible = "ns16550a";
	it.base = 0x10000000;
	it.size = 0x100;
	it.shift = it.width = it.offset = -1;
}

static void put_chosen(struct tree *t)
{
	tree_open(t, "chosen");
	if (it.stdout_path != NULL)
		tree_string(t, "stdout-path", it.stdout_path);
	tree_close(t);
	if (it.alias == NULL)
		return;
	tree_open(t, "aliases");
	tree_string(t, "serial0", it.alias);
	tree_close(t);
}

static void put_number(struct tree *t, const char *name, int64_t value)
{
	if (value >= 0)
		tree_cells(t, name, (uint32_t)value);
}

static void put_uart(struct tree *t)
{
	tree_open(t, "soc");
	tree_cell_counts(t, 2, 2);
	if (it.bus)
		tree_cells(t, "ranges", 0, 0x10000000, 0, 0x20000000, 0, 0x10000000);
	else
		tree_empty(t, "ranges");
	tree_open(t, "serial@10000000");
	tree_string(t, "compatible", it.compatible);
	if (it.status != NULL)
		tree_string(t, "status", it.status);
	tree_reg(t, "reg", it.base, it.size);
	put_number(t, "reg-shift", it.shift);
	put_number(t, "reg-io-width", it.width);
	put_number(t, "reg-offset", it.offset);
	tree_close(t);
	tree_close(t);
}

static bool found(void)
{
	shape_build(&tree, &(struct shape){.chosen = put_chosen, .soc = put_uart});
	memset(&uart, 0xa5, sizeof(uart));
	return machine_read_uart(&machine, tree.blob, machine_check_tree(tree.blob, tree.size),
				 &uart);
}

static bool is(enum uart_kind kind, paddr_t base)
{
	return found() && uart.kind == kind && uart.base == base;
}

static bool none(void)
{
	return !found() && uart.kind == UART_NONE;
}

static void test_kinds(void)
{
	static const struct {
		const char *compatible;
		enum uart_kind kind;
	} rows[] = {
		{"ns16550a", UART_16550},	  {"ns16550", UART_16550},
		{"snps,dw-apb-uart", UART_16550}, {"sifive,uart0", UART_SIFIVE},
		{"litex,liteuart", UART_LITEX},	  {"arm,pl011", UART_NONE},
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		usual();
		it.compatible = rows[i].compatible;
		tap_ok(rows[i].kind == UART_NONE ? none() : is(rows[i].kind, 0x10000000), "%s",
		       rows[i].compatible);
	}
}

static void test_names(void)
{
	usual();
	it.stdout_path = "/soc/serial@10000000";
	tap_ok(is(UART_16550, 0x10000000), "a path alone");
	it.stdout_path = "serial0";
	tap_ok(none(), "an alias that is none");
	it.alias = "/soc/serial@10000000";
	tap_ok(is(UART_16550, 0x10000000), "an alias");
	it.stdout_path = "serial0:115200n8";
	tap_ok(is(UART_16550, 0x10000000), "an alias with a rate");
	it.stdout_path = "/soc/serial@20000000";
	tap_ok(none(), "a path to nothing");
	it.stdout_path = "";
	tap_ok(none(), "an empty path");
	it.stdout_path = "/";
	tap_ok(none(), "the root");
	it.stdout_path = NULL;
	tap_ok(none(), "no path");
	usual();
	it.status = "disabled";
	tap_ok(none(), "disabled");
}

static void test_registers(void)
{
	usual();
	tap_ok(found() && uart.reg_shift == 0 && uart.io_width == 1, "bytes side by side");
	it.shift = 2;
	it.width = 4;
	it.offset = 0x40;
	tap_ok(is(UART_16550, 0x10000040) && uart.reg_shift == 2 && uart.io_width == 4,
	       "words, with an offset");
	it.width = 2;
	tap_ok(none(), "half words are not known");
	it.width = 4;
	it.shift = 1;
	tap_ok(none(), "words that overlap");
	it.shift = 32;
	tap_ok(none(), "a shift that is none");
	usual();
	it.size = 5;
	tap_ok(none(), "LSR behind the end of reg");
	it.size = 6;
	tap_ok(is(UART_16550, 0x10000000), "LSR is its last byte");
	it.base = 0x10000ffc;
	tap_ok(none(), "across a page");
	it.base = 0x10000001;
	tap_ok(none(), "not aligned");
	usual();
	it.bus = true;
	tap_ok(is(UART_16550, 0x20000000), "behind a bus that moves it");
	it.base = 0x30000000;
	tap_ok(none(), "behind a bus that does not reach it");
}

/* Any byte of the tree may be wrong: no sanitizer complains. */
static void test_noise(void)
{
	uint64_t x = 88172645463325252;
	unsigned n;

	usual();
	(void)found();
	for (n = 0; n < 20000; n++) {
		uint8_t *blob = (uint8_t *)tree.blob;
		size_t at;
		uint8_t old;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		at = x % tree.size;
		old = blob[at];
		blob[at] = (uint8_t)(x >> 32);
		(void)machine_read_uart(&machine, blob, machine_check_tree(blob, tree.size), &uart);
		blob[at] = old;
	}
	tap_ok(n == 20000, "%u damaged trees", n);
	tap_ok(!machine_read_uart(&machine, NULL, machine_check_tree(NULL, 0), &uart) &&
		       uart.kind == UART_NONE,
	       "no tree");
}

int main(void)
{
	test_kinds();
	test_names();
	test_registers();
	test_noise();
	return tap_done();
}
