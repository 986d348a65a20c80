/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Damaged trees. Nothing is asked of the result but that it keeps the promises of machine.h, and
 * of the reading that no sanitizer complains. `test_machine_damage all` tries all 255 values of
 * each byte instead of the telling ones; minutes, not seconds.
 */
#include <libfdt.h>
#include <string.h>

#include "tests/host/tap.h"
#include "tests/host/trees/shapes.h"

static struct tree whole;
static struct tree hurt;

/* Everything that machine_read() looks at, in few bytes. */
static void put_cpus(struct tree *t)
{
	shape_cpus_open(t);
	shape_cpu(t, 0, "riscv,sv48", "rv64imach_svinval_sstc");
	tree_open(t, "cpu@1");
	tree_string(t, "device_type", "cpu");
	tree_cells(t, "reg", 1);
	tree_bytes(t, "riscv,isa-extensions", "h\0svnapot", 10);
	tree_close(t);
	tree_close(t);
}

static void put_soc(struct tree *t)
{
	tree_open(t, "soc");
	tree_cell_counts(t, 1, 1);
	tree_cells(t, "ranges", 0, 0, 0x10000000, 0x10000000);
	tree_cells(t, "interrupt-parent", SHAPE_PLIC);
	tree_open(t, "virtio@2000");
	tree_string(t, "compatible", "virtio,mmio");
	tree_cells(t, "reg", 0x2000, 0x1000);
	tree_cells(t, "interrupts", 2);
	tree_string(t, "status", "okay");
	tree_close(t);
	tree_open(t, "virtio@1000");
	tree_string(t, "compatible", "virtio,mmio");
	tree_cells(t, "reg", 0x1000, 0x1000);
	tree_cells(t, "interrupts-extended", SHAPE_PLIC, 1);
	tree_close(t);
	tree_open(t, "test@0");
	tree_string(t, "compatible", "sifive,test0");
	tree_cells(t, "reg", 0, 0x1000);
	tree_close(t);
	tree_open(t, "plic@c000000");
	tree_string(t, "compatible", "riscv,plic0");
	tree_cells(t, "phandle", SHAPE_PLIC);
	tree_cells(t, "riscv,ndev", 96);
	tree_cells(t, "reg", 0xc000000, 0x600000);
	tree_cells(t, "interrupts-extended", SHAPE_INTC(0), 11, SHAPE_INTC(0), 9);
	tree_close(t);
	tree_close(t);
}

static void put_reserved(struct tree *t)
{
	tree_open(t, "reserved-memory");
	tree_cell_counts(t, 2, 2);
	tree_empty(t, "ranges");
	tree_open(t, "r");
	tree_cells(t, "reg", 0, 0x80000000, 0, 0x40000, 0, 0x80040000, 0, 0x20000);
	tree_close(t);
	tree_close(t);
}

static void put_chosen(struct tree *t)
{
	tree_open(t, "chosen");
	tree_string(t, "bootargs", "seed=7");
	tree_cells(t, "rng-seed", 1, 2);
	tree_cells(t, "linux,initrd-start", 0x88000000);
	tree_u64(t, "linux,initrd-end", 0x88001000);
	tree_close(t);
}

static void put_reserve(struct tree *t)
{
	tree_memreserve(t, 0x80100000, 0x1000);
}

static void build_whole(void)
{
	shape_build(&whole, &(struct shape){.reserve = put_reserve,
					    .reserved = put_reserved,
					    .cpus = put_cpus,
					    .chosen = put_chosen,
					    .soc = put_soc});
}

static void restore(void)
{
	memcpy(hurt.blob, whole.blob, whole.size);
	hurt.size = whole.size;
}

static unsigned char *hurt_byte(size_t i)
{
	return (unsigned char *)hurt.blob + i;
}

/* Both entry points; the copy for machine_bootargs() is machine_read()'s check over again. */
static enum err read_hurt(void)
{
	enum err err;

	(void)read_tree(&hurt, UINT64_MAX, &err);
	(void)machine_bootargs(hurt.blob, hurt.size);
	return err;
}

static void test_whole(void)
{
	enum err err;
	const struct machine *m = read_tree(&whole, UINT64_MAX, &err);

	tap_ok(err == OK && m->nr_notes == 1 && machine_has_note(m, "1 of 2 harts"),
	       "the tree to be damaged is whole");
	tap_ok(m->nr_virtio == 2 && m->nr_reserved == 3 && m->virtio[0].irq == 1 &&
		       m->virtio[1].irq == 2,
	       "and says something");
}

static void test_truncated(void)
{
	unsigned taken = 0;

	for (size_t len = 0; len < whole.size; len++) {
		restore();
		hurt.size = len;
		if (read_hurt() != ERR_INVAL)
			taken++;
	}
	tap_ok(taken == 0, "%u bytes, cut at every length: none is taken", (unsigned)whole.size);
	for (size_t len = sizeof(struct fdt_header); len < whole.size; len++) {
		restore();
		hurt.size = len;
		fdt_set_totalsize(hurt.blob, (uint32_t)len);
		(void)read_hurt();
	}
	tap_ok(insane_readings() == 0, "the same with a header that knows the length");
}

static void test_bytes(bool all)
{
	static const unsigned char flips[] = {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff};
	unsigned n = 0;
	unsigned taken = 0;

	restore();
	for (size_t i = 0; i < whole.size; i++) {
		const unsigned char good = *hurt_byte(i);

		for (unsigned v = 0; v < (all ? 256 : ARRAY_LEN(flips) + 1); v++) {
			unsigned char bad = all			   ? (unsigned char)v
					    : v < ARRAY_LEN(flips) ? good ^ flips[v]
								   : 0;

			if (bad == good)
				continue;
			*hurt_byte(i) = bad;
			n++;
			if (read_hurt() == OK)
				taken++;
		}
		*hurt_byte(i) = good;
	}
	tap_ok(insane_readings() == 0, "%u wrong bytes, one at a time; %u trees still boot", n,
	       taken);
}

/* Values that lengths, offsets, counts, tags and addresses are afraid of. */
static const uint32_t bad_words[] = {
	0,	    1,		2,	    3,		4,	    9,		0xff,	    0x1000,
	0x7fffffff, 0x80000000, 0xfffffff8, 0xfffffffc, 0xfffffffe, 0xffffffff, 0x00100000,
};

static void put_word(size_t i, uint32_t value)
{
	fdt32_st(hurt_byte(i), value);
}

static void test_words(void)
{
	unsigned n = 0;

	for (size_t i = 0; i + 4 <= whole.size; i += 4) {
		for (unsigned v = 0; v < ARRAY_LEN(bad_words); v++) {
			restore();
			put_word(i, bad_words[v]);
			(void)read_hurt();
			n++;
		}
	}
	tap_ok(insane_readings() == 0, "%u wrong words, one at a time", n);
}

/* xorshift64*: the same trees in every run. */
static uint64_t random_next(void)
{
	static uint64_t x = UINT64_C(0x9e3779b97f4a7c15);

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	return x * UINT64_C(0x2545f4914f6cdd1d);
}

/* Behind the header, so that most trees get past the first check. */
static void test_many_words(void)
{
	const size_t first = sizeof(struct fdt_header);
	unsigned taken = 0;

	for (unsigned n = 0; n < 20000; n++) {
		unsigned wounds = 2 + (unsigned)(random_next() % 4);

		restore();
		while (wounds-- > 0) {
			size_t at =
				first + (size_t)(random_next() % ((whole.size - first) / 4)) * 4;

			put_word(at, bad_words[random_next() % ARRAY_LEN(bad_words)]);
		}
		if (read_hurt() != ERR_INVAL)
			taken++;
	}
	tap_ok(insane_readings() == 0,
	       "20000 trees with several wrong words; %u got past the check", taken);
}

/* One field of the header, and what it is set to. */
struct header_row {
	const char *name;
	size_t at;
	uint32_t value;
};

static void test_header(void)
{
	static const struct header_row rows[] = {
		{"magic", offsetof(struct fdt_header, magic), 0xedfe0dd0},
		{"totalsize 0", offsetof(struct fdt_header, totalsize), 0},
		{"totalsize of a header", offsetof(struct fdt_header, totalsize), 40},
		{"totalsize 2 GiB", offsetof(struct fdt_header, totalsize), 0x80000000},
		{"totalsize 4 GiB - 1", offsetof(struct fdt_header, totalsize), 0xffffffff},
		{"structure at 0", offsetof(struct fdt_header, off_dt_struct), 0},
		{"structure at the end", offsetof(struct fdt_header, off_dt_struct), 0xfffffff0},
		{"strings at 0", offsetof(struct fdt_header, off_dt_strings), 0},
		{"strings outside", offsetof(struct fdt_header, off_dt_strings), 0x7fffffff},
		{"memreserve outside", offsetof(struct fdt_header, off_mem_rsvmap), 0xfffffff8},
		{"memreserve unaligned", offsetof(struct fdt_header, off_mem_rsvmap), 41},
		{"structure unaligned", offsetof(struct fdt_header, off_dt_struct), 0x4a},
		{"version 0", offsetof(struct fdt_header, version), 0},
		{"version 1", offsetof(struct fdt_header, version), 1},
		{"too new", offsetof(struct fdt_header, last_comp_version), 18},
		{"no strings", offsetof(struct fdt_header, size_dt_strings), 0},
		{"strings of 4 GiB", offsetof(struct fdt_header, size_dt_strings), 0xffffffff},
		{"no structure", offsetof(struct fdt_header, size_dt_struct), 0},
		{"structure of 2 GiB", offsetof(struct fdt_header, size_dt_struct), 0x7fffffff},
		{"structure of 4 GiB", offsetof(struct fdt_header, size_dt_struct), 0xffffffff},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		restore();
		put_word(rows[i].at, rows[i].value);
		tap_ok(read_hurt() == ERR_INVAL, "header: %s", rows[i].name);
	}
	restore();
	hurt.size += 4096;
	tap_ok(read_hurt() == OK, "header: more room than the tree needs");
	restore();
	memset(hurt_byte(fdt_off_dt_struct(hurt.blob)), 0, fdt_size_dt_struct(hurt.blob));
	tap_ok(read_hurt() == ERR_INVAL, "structure of zeros");
	restore();
	put_word(fdt_off_dt_struct(hurt.blob), FDT_END);
	tap_ok(read_hurt() == ERR_INVAL, "structure without a root");
	restore();
	for (size_t i = 0; i < fdt_size_dt_struct(hurt.blob); i += 4)
		put_word(fdt_off_dt_struct(hurt.blob) + i, i % 8 == 0 ? FDT_BEGIN_NODE : 0);
	tap_ok(read_hurt() == ERR_INVAL, "nodes that never end");
}

/* As deep and as wide as 256 KiB allow: an answer, and soon. */
static void deep_tree(struct tree *t)
{
	for (unsigned i = 0; i < 8000; i++)
		tree_open(t, "d");
	for (unsigned i = 0; i < 8000; i++)
		tree_close(t);
}

static void wide_tree(struct tree *t)
{
	for (unsigned i = 0; i < 4000; i++) {
		tree_open(t, "w");
		tree_string(t, "compatible", "virtio,mmio");
		tree_close(t);
	}
}

static void test_large(void)
{
	enum err err;
	const struct machine *m;

	shape_build(&hurt, &(struct shape){.soc = deep_tree});
	tap_ok(read_hurt() == OK, "8000 levels");
	shape_build(&hurt, &(struct shape){.soc = wide_tree});
	m = read_tree(&hurt, UINT64_MAX, &err);
	tap_ok(err == OK && m->nr_notes == MACHINE_MAX_NOTES - 1 && m->notes_lost == 4000 - 15,
	       "4000 oddities: the notes are full, and count");
	shape_build(&hurt, &(struct shape){.soc = wide_tree, .memory = shape_none});
	m = read_tree(&hurt, UINT64_MAX, &err);
	tap_ok(err == ERR_NOENT && machine_has_note(m, "no usable RAM"),
	       "the fatal note always finds room");
}

int main(int argc, char **argv)
{
	build_whole();
	test_whole();
	test_truncated();
	test_header();
	test_large();
	test_bytes(argc == 2 && strcmp(argv[1], "all") == 0);
	test_words();
	test_many_words();
	tap_ok(insane_readings() == 0, "every reading keeps the promises of machine.h");
	return tap_done();
}
