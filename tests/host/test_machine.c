/* SPDX-License-Identifier: BSD-2-Clause */
/* machine_read() of whole boards, and what stands in the root and in /chosen. */
#include <stdlib.h>
#include <string.h>

#include "tests/host/tap.h"
#include "tests/host/trees/shapes.h"

static struct tree tree;

static struct machine *read_shape(const struct shape *s, enum err *err)
{
	shape_build(&tree, s);
	return read_tree(&tree, UINT64_MAX, err);
}

static void test_virt(void)
{
	struct machine *m;
	enum err err;

	shape_virt(&tree, 8);
	m = read_tree(&tree, UINT64_MAX, &err);
	tap_ok(err == OK && m->nr_notes == 0, "virt: read without a note");
	machine_print_notes(m);
	tap_ok(strcmp(m->model, "riscv-virtio,qemu") == 0 &&
		       strcmp(m->compatible, "riscv-virtio") == 0,
	       "virt: model and compatible");
	tap_ok(m->nr_ram == 1 && m->ram[0].start == 0x80000000 && m->ram[0].size == SZ_1G,
	       "virt: 1 GiB");
	tap_ok(m->nr_reserved == 1 && m->reserved[0].start == 0x80000000 &&
		       m->reserved[0].size == 0x60000,
	       "virt: OpenSBI's two pieces are one");
	tap_ok(m->nr_cpus == 8 && m->cpus[7].hartid == 7 && m->intc.context[7] == 15,
	       "virt: eight harts, S-mode contexts at odd numbers");
	tap_ok(m->mmu == MMU_CLAIM_SV57 && m->isa == (ISA_SSTC | ISA_SVADU | ISA_SVVPTC | ISA_H),
	       "virt: mmu and extensions");
	tap_ok(m->nr_virtio == 8 && m->virtio[0].base == 0x10001000 && m->virtio[0].irq == 1 &&
		       m->virtio[7].irq == 8,
	       "virt: eight slots, ascending");
	tap_ok(m->exitdev.kind == EXIT_SIFIVE_TEST && m->exitdev.base == 0x100000,
	       "virt: exit device");
	tap_ok(m->timebase_hz == 10000000, "virt: timebase");
}

static void test_sockets(void)
{
	struct machine *m;
	enum err err;

	shape_virt_sockets(&tree);
	m = read_tree(&tree, UINT64_MAX, &err);
	tap_ok(err == OK && m->nr_ram == 1 && m->ram[0].size == SZ_1G,
	       "sockets: neighbouring memories are one");
	tap_ok(!machine_has_note(m, "twice"), "sockets: touching is not overlapping");
	tap_ok(m->intc.base == 0xc600000 && m->virtio[0].irq == 1 && m->virtio[1].irq == 2,
	       "sockets: the PLIC that virtio is wired to");
	tap_ok(m->intc.context[0] == -1 && m->intc.context[1] == -1 && m->intc.context[2] == 1 &&
		       m->intc.context[3] == 3,
	       "sockets: only the second socket's harts have a context there");
	tap_ok(machine_has_note(m, "2 interrupt controllers") &&
		       machine_has_note(m, "2 of 4 harts"),
	       "sockets: noted");
}

static void test_boards(void)
{
	struct machine *m;
	enum err err;

	shape_sifive_u(&tree);
	m = read_tree(&tree, UINT64_MAX, &err);
	tap_ok(err == OK && m->nr_cpus == 4 && m->cpus[0].hartid == 1, "sifive_u: hart 0 is off");
	tap_ok(m->intc.context[0] == 2 && m->intc.context[2] == 6 && m->intc.context[3] == 8,
	       "sifive_u: contexts of a hart that is off still count");
	tap_ok(m->mmu == MMU_CLAIM_SV39 && m->isa == 0, "sifive_u: Sv39, no extensions");
	tap_ok(m->exitdev.kind == EXIT_NONE && m->nr_virtio == 0, "sifive_u: no devices of virt");

	shape_icicle(&tree);
	m = read_tree(&tree, UINT64_MAX, &err);
	tap_ok(err == OK && m->nr_ram == 2 && m->ram[1].start == 0x1040000000,
	       "icicle: reg counts, not the unit address");
	tap_ok(m->nr_reserved == 1 && m->reserved[0].start == 0xbfc00000,
	       "icicle: HSS is reserved");

	shape_k230(&tree);
	m = read_tree(&tree, UINT64_MAX, &err);
	tap_ok(err == OK && m->nr_ram == 1 && m->ram[0].start == 0 && m->nr_cpus == 1,
	       "k230: RAM from 0, one hart");
	tap_ok(m->intc.base == 0xf00000000 && m->intc.context[0] == 1, "k230: PLIC above 60 GiB");

	shape_litex(&tree);
	m = read_tree(&tree, UINT64_MAX, &err);
	tap_ok(err == OK && m->nr_ram == 1 && m->ram[0].start == 0x40000000 &&
		       m->ram[0].size == 0x10000000,
	       "litex: one cell each");
	tap_ok(m->nr_reserved == 1 && m->reserved[0].start == 0x40f00000 &&
		       m->intc.base == 0xf0c00000 && m->intc.context[0] == 1,
	       "litex: OpenSBI inside RAM, PLIC");

	shape_p550(&tree);
	m = read_tree(&tree, UINT64_MAX, &err);
	tap_ok(err == ERR_NOENT && m->nr_cpus == 2 && machine_has_note(m, "no usable RAM"),
	       "p550: no memory node");
	tap_ok(m->nr_virtio == 8 && m->bootargs[0] != '\0', "p550: the rest is read all the same");
}

static void odd_root(struct tree *t)
{
	static const char model[] = "a\x1b[31m\xff\n";

	tree_bytes(t, "model", model, sizeof(model));
	tree_bytes(t, "compatible", "first\0second", 13);
}

static void long_root(struct tree *t)
{
	char text[300];

	memset(text, 'm', sizeof(text));
	tree_bytes(t, "model", text, sizeof(text)); /* no terminator */
	tree_bytes(t, "compatible", "abc", 3);
}

static void test_identity(void)
{
	enum err err;
	struct machine *m = read_shape(&(struct shape){.root = odd_root}, &err);

	tap_ok(strcmp(m->model, "a?[31m??") == 0, "model: nothing that moves a terminal");
	tap_ok(strcmp(m->compatible, "first") == 0, "compatible: the first string");
	m = read_shape(&(struct shape){.root = long_root}, &err);
	tap_ok(strlen(m->model) == MACHINE_STR_LEN - 1, "model: cut where there is no room");
	tap_ok(strcmp(m->compatible, "abc") == 0, "compatible: without an end");
	m = read_shape(&(struct shape){.root = shape_none}, &err);
	tap_ok(err == OK && m->model[0] == '\0' && m->compatible[0] == '\0', "no model");
}

static void chosen_no_seed(struct tree *t)
{
	tree_open(t, "chosen");
	tree_empty(t, "rng-seed");
	tree_close(t);
}

static void chosen_byte_seed(struct tree *t)
{
	tree_open(t, "chosen");
	tree_bytes(t, "rng-seed", "a", 1);
	tree_bytes(t, "bootargs", "list", 4);
	tree_close(t);
}

/* Eight bytes that FNV-1a folds to zero. */
static void chosen_zero_seed(struct tree *t)
{
	static const unsigned char zero[] = {0xd5, 0x6b, 0xb9, 0x53, 0x42, 0x87, 0x08, 0x36};

	tree_open(t, "chosen");
	tree_bytes(t, "rng-seed", zero, sizeof(zero));
	tree_close(t);
}

static void test_chosen(void)
{
	enum err err;
	struct machine *m = read_shape(&(struct shape){.chosen = NULL}, &err);

	tap_ok(strcmp(m->bootargs, "test=boot.* seed=7") == 0 && m->rng_seed != 0,
	       "chosen: bootargs and seed");
	m = read_shape(&(struct shape){.chosen = chosen_byte_seed}, &err);
	tap_ok(m->rng_seed == UINT64_C(0xaf63dc4c8601ec8c), "rng-seed: FNV-1a of \"a\"");
	tap_ok(m->bootargs[0] == '\0' && machine_has_note(m, "bootargs without an end"),
	       "bootargs: without an end");
	m = read_shape(&(struct shape){.chosen = chosen_zero_seed}, &err);
	tap_ok(m->rng_seed == 1, "rng-seed: never 0 when there is one");
	m = read_shape(&(struct shape){.chosen = chosen_no_seed}, &err);
	tap_ok(m->rng_seed == 0 && m->bootargs[0] == '\0', "rng-seed: empty is none");
	m = read_shape(&(struct shape){.chosen = shape_none}, &err);
	tap_ok(err == OK && m->rng_seed == 0 && m->bootargs[0] == '\0', "no chosen");
}

static void test_bootargs(void)
{
	char *copy;
	size_t size;

	shape_virt(&tree, 1);
	size = tree.size;
	copy = malloc(size);
	if (copy == NULL)
		exit(99);
	memcpy(copy, tree.blob, size);
	tap_ok(strcmp(machine_bootargs(copy, size), "test=boot.* seed=7") == 0,
	       "machine_bootargs: found");
	tap_ok(machine_bootargs(copy, size - 1)[0] == '\0',
	       "machine_bootargs: a cut tree has none");
	tap_ok(machine_bootargs(NULL, 0)[0] == '\0', "machine_bootargs: no tree");
	copy[0] = 0;
	tap_ok(machine_bootargs(copy, size)[0] == '\0', "machine_bootargs: not a tree");
	free(copy);
	shape_build(&tree, &(struct shape){.chosen = chosen_byte_seed});
	tap_ok(machine_bootargs(tree.blob, tree.size)[0] == '\0', "machine_bootargs: no end");
}

static void test_fatal(void)
{
	enum err err;
	struct machine *m;

	m = read_shape(&(struct shape){.memory = shape_none, .cpus = shape_none}, &err);
	tap_ok(err == ERR_NOENT && machine_has_note(m, "no usable RAM and no enabled cpu"),
	       "neither RAM nor cpu");
	m = read_shape(&(struct shape){.cpus = shape_none}, &err);
	tap_ok(err == ERR_NOENT && machine_has_note(m, "no enabled cpu") && m->nr_ram == 1,
	       "no /cpus");
	m = read_blob("", 0, UINT64_MAX, &err);
	tap_ok(err == ERR_INVAL && m->nr_notes == 1, "no bytes at all");
	err = machine_read(m, NULL, 0, UINT64_MAX);
	tap_ok(err == ERR_INVAL && m->nr_notes == 1, "NULL");
	shape_virt(&tree, 1);
	err = machine_read(m, (const char *)tree.blob + 4, tree.size, UINT64_MAX);
	tap_ok(err == ERR_INVAL && m->nr_notes == 1, "not aligned to 8 bytes");
}

int main(void)
{
	test_virt();
	test_sockets();
	test_boards();
	test_identity();
	test_chosen();
	test_bootargs();
	test_fatal();
	tap_ok(insane_readings() == 0, "every reading keeps the promises of machine.h");
	return tap_done();
}
