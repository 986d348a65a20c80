/* SPDX-License-Identifier: BSD-2-Clause */
/* /cpus of odd trees, rule by rule: hart ids, MMU, extensions, timebase. */
#include <string.h>

#include "tests/host/tap.h"
#include "tests/host/trees/shapes.h"

static struct tree tree;

static struct machine *read_cpus(chapter_fn cpus, enum err *err)
{
	shape_build(&tree, &(struct shape){.cpus = cpus, .soc = shape_none});
	return read_tree(&tree, UINT64_MAX, err);
}

/* One property of one cpu at a time: the chapter below puts it in. */
static const char *isa_string;
static const char *isa_list;
static size_t isa_list_len;
static const char *mmu_type;

static void one_cpu(struct tree *t)
{
	shape_cpus_open(t);
	tree_open(t, "cpu@0");
	tree_string(t, "device_type", "cpu");
	tree_cells(t, "reg", 0);
	if (isa_string != NULL)
		tree_string(t, "riscv,isa", isa_string);
	if (isa_list != NULL)
		tree_bytes(t, "riscv,isa-extensions", isa_list, isa_list_len);
	if (mmu_type != NULL)
		tree_string(t, "mmu-type", mmu_type);
	tree_close(t);
	tree_close(t);
}

static void test_isa_string(void)
{
	static const struct {
		const char *text;
		uint32_t want;
	} rows[] = {
		{"rv64imafdc", 0},
		{"rv64imafdch", ISA_H},
		{"rv64imafdch_svinval_svnapot_svpbmt_svadu_svade_svvptc_sstc",
		 ISA_H | ISA_SVINVAL | ISA_SVNAPOT | ISA_SVPBMT | ISA_SVADU | ISA_SVADE |
			 ISA_SVVPTC | ISA_SSTC},
		{"RV64IMAFDCH_SvInval_SSTC", ISA_H | ISA_SVINVAL | ISA_SSTC},
		{"rv64imafdc_zfh_zfhmin_xtheadh", 0},
		{"rv64imafdcsu_sstc", ISA_SSTC},
		{"rv64imafdcsvinval_svnapot", ISA_SVINVAL | ISA_SVNAPOT},
		{"rv64imafdczicsr_svpbmt", ISA_SVPBMT},
		{"rv64i2p1m2p0h1p0_svinval1p0_svnapot1", ISA_H | ISA_SVINVAL | ISA_SVNAPOT},
		{"rv64i_m_a_h_sstc", ISA_H | ISA_SSTC},
		{"rv64imac_svinvalx_xsvnapot_sstc1p", 0},
		{"rv64imac__sstc_", ISA_SSTC},
		{"rv32imach_sstc", 0},
		{"rv6", 0},
		{"rv64", 0},
		{"", 0},
		{"sstc", 0},
	};
	enum err err;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct machine *m;

		isa_string = rows[i].text;
		m = read_cpus(one_cpu, &err);
		tap_ok(err == OK && m->isa == rows[i].want, "isa \"%s\"", rows[i].text);
	}
	isa_string = NULL;
}

static void test_isa_list(void)
{
	static const char list[] = "i\0m\0h\0Svnapot\0sstc";
	enum err err;

	isa_list = list;
	isa_list_len = sizeof(list);
	isa_string = "rv64imac_svinval";
	tap_ok(read_cpus(one_cpu, &err)->isa == (ISA_H | ISA_SVNAPOT | ISA_SSTC),
	       "isa: the list counts, not the string");
	isa_list_len = sizeof(list) - 1;
	tap_ok(read_cpus(one_cpu, &err)->isa == (ISA_H | ISA_SVNAPOT | ISA_SSTC),
	       "isa: a list without an end");
	isa_list_len = sizeof(list) - 2;
	tap_ok(read_cpus(one_cpu, &err)->isa == (ISA_H | ISA_SVNAPOT), "isa: a list cut short");
	isa_list_len = 0;
	tap_ok(read_cpus(one_cpu, &err)->isa == ISA_SVINVAL, "isa: the list is empty");
	isa_list = NULL;
	isa_string = NULL;
	tap_ok(machine_has_note(read_cpus(one_cpu, &err), "no riscv,isa"), "isa: nothing");
}

static void endless_mmu(struct tree *t)
{
	shape_cpus_open(t);
	tree_open(t, "cpu@0");
	tree_string(t, "device_type", "cpu");
	tree_cells(t, "reg", 0);
	tree_bytes(t, "mmu-type", "riscv,sv48", 10);
	tree_close(t);
	tree_close(t);
}

static void test_mmu(void)
{
	static const struct {
		const char *text;
		enum mmu_claim want;
		bool noted;
	} rows[] = {
		{"riscv,sv39", MMU_CLAIM_SV39, false},	 {"riscv,sv48", MMU_CLAIM_SV48, false},
		{"riscv,sv57", MMU_CLAIM_SV57, false},	 {"riscv,none", MMU_CLAIM_NONE, false},
		{"riscv,sv32", MMU_CLAIM_UNKNOWN, true}, {"sv39", MMU_CLAIM_UNKNOWN, true},
		{"", MMU_CLAIM_UNKNOWN, true},		 {NULL, MMU_CLAIM_UNKNOWN, false},
	};
	enum err err;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct machine *m;

		mmu_type = rows[i].text;
		m = read_cpus(one_cpu, &err);
		tap_ok(m->mmu == rows[i].want && machine_has_note(m, "mmu-type") == rows[i].noted,
		       "mmu-type %s", rows[i].text == NULL ? "absent" : rows[i].text);
	}
	mmu_type = NULL;
	tap_ok(read_cpus(endless_mmu, &err)->mmu == MMU_CLAIM_UNKNOWN, "mmu-type without an end");
}

static void unequal(struct tree *t)
{
	shape_cpus_open(t);
	shape_cpu(t, 3, "riscv,sv57", "rv64imach_sstc_svinval");
	shape_cpu(t, 1, "riscv,sv39", "rv64imac_sstc_svnapot");
	shape_cpu(t, 2, "riscv,sv48", "rv64imach_sstc");
	tree_close(t);
}

static void twice(struct tree *t)
{
	shape_cpus_open(t);
	shape_cpu(t, 1, "riscv,sv39", "rv64imac");
	tree_open(t, "cpu@2");
	tree_string(t, "device_type", "cpu");
	tree_cells(t, "reg", 1);
	tree_close(t);
	tree_close(t);
}

static void off(struct tree *t)
{
	shape_cpus_open(t);
	tree_open(t, "cpu@0");
	tree_string(t, "device_type", "cpu");
	tree_cells(t, "reg", 0);
	tree_string(t, "status", "fail-mmu");
	tree_close(t);
	tree_close(t);
}

static void too_many(struct tree *t)
{
	shape_cpus_open(t);
	for (uint32_t i = 0; i < MAX_HARTS + 5; i++)
		shape_cpu(t, i, "riscv,sv39", "rv64imac");
	tree_close(t);
}

static void by_name(struct tree *t)
{
	shape_cpus_open(t);
	tree_open(t, "cpu@9");
	tree_cells(t, "reg", 9);
	tree_close(t);
	tree_open(t, "cpu@8");
	tree_string(t, "device_type", "cache");
	tree_cells(t, "reg", 8);
	tree_close(t);
	tree_open(t, "l2-cache");
	tree_cells(t, "reg", 7);
	tree_close(t);
	tree_open(t, "hart");
	tree_string(t, "device_type", "cpu");
	tree_cells(t, "reg", 6);
	tree_close(t);
	tree_close(t);
}

static void test_harts(void)
{
	enum err err;
	const struct machine *m = read_cpus(unequal, &err);

	tap_ok(m->nr_cpus == 3 && m->cpus[0].hartid == 3 && m->cpus[2].hartid == 2,
	       "harts in the order of the tree");
	tap_ok(m->isa == ISA_SSTC && m->mmu == MMU_CLAIM_SV39, "what all of them have");
	tap_ok(m->cpus[0].isa == (ISA_SSTC | ISA_SVINVAL | ISA_H) &&
		       m->cpus[0].mmu == MMU_CLAIM_SV57,
	       "and each of them");
	m = read_cpus(twice, &err);
	tap_ok(m->nr_cpus == 1 && machine_has_note(m, "there twice"), "the same hart twice");
	m = read_cpus(off, &err);
	tap_ok(err == ERR_NOENT && m->nr_cpus == 0, "any other status is off");
	m = read_cpus(too_many, &err);
	tap_ok(m->nr_cpus == MAX_HARTS && machine_has_note(m, "5 left out"), "too many harts");
	m = read_cpus(by_name, &err);
	tap_ok(m->nr_cpus == 2 && m->cpus[0].hartid == 9 && m->cpus[1].hartid == 6,
	       "device_type cpu, or the name without a device_type");
}

/* reg in all widths. */
static uint32_t cpus_na;
static size_t reg_len;

static void reg_of_len(struct tree *t)
{
	static const unsigned char reg[] = {0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3};

	tree_open(t, "cpus");
	if (cpus_na != 0)
		tree_cell_counts(t, cpus_na, 0);
	tree_open(t, "cpu@0");
	tree_string(t, "device_type", "cpu");
	tree_bytes(t, "reg", reg, reg_len);
	tree_close(t);
	tree_close(t);
}

static void test_reg(void)
{
	static const struct {
		uint32_t na;
		size_t len;
		bool found;
		uint64_t hartid;
		const char *note;
	} rows[] = {
		{1, 4, true, 1, NULL},
		{2, 8, true, 0x100000002, NULL},
		{0, 4, true, 1, NULL},
		{1, 8, true, 1, "8 bytes"},
		{2, 4, true, 1, "4 bytes"},
		{2, 12, true, 0x100000002, "12 bytes"},
		{3, 12, true, 1, "taken as 1"},
		{1, 0, false, 0, "no usable reg"},
		{1, 3, false, 0, "no usable reg"},
		{2, 7, false, 0, "no usable reg"},
		{UINT32_MAX, 4, true, 1, "taken as 1"},
	};
	enum err err;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct machine *m;

		cpus_na = rows[i].na;
		reg_len = rows[i].len;
		m = read_cpus(reg_of_len, &err);
		tap_ok(m->nr_cpus == (rows[i].found ? 1 : 0) &&
			       (!rows[i].found || m->cpus[0].hartid == rows[i].hartid) &&
			       (rows[i].note == NULL || machine_has_note(m, rows[i].note)),
		       "reg of %u bytes, #address-cells %u", (unsigned)rows[i].len,
		       (unsigned)rows[i].na);
	}
}

/* timebase-frequency on /cpus and in two cpus, of any length; 0: absent. */
static size_t timebase_len[3];
static uint64_t timebase_hz[3];

static void put_timebase(struct tree *t, unsigned i)
{
	if (timebase_len[i] == 4)
		tree_cells(t, "timebase-frequency", (uint32_t)timebase_hz[i]);
	else if (timebase_len[i] == 8)
		tree_u64(t, "timebase-frequency", timebase_hz[i]);
	else if (timebase_len[i] != 0)
		tree_bytes(t, "timebase-frequency", "\0\0\0\0\0\0", timebase_len[i]);
}

static void timebase_chapter(struct tree *t)
{
	tree_open(t, "cpus");
	tree_cell_counts(t, 1, 0);
	put_timebase(t, 0);
	for (uint32_t i = 0; i < 2; i++) {
		tree_openf(t, "cpu@%u", (unsigned)i);
		tree_string(t, "device_type", "cpu");
		tree_cells(t, "reg", i);
		if (i == 0)
			tree_string(t, "status", "disabled");
		put_timebase(t, 1 + i);
		tree_close(t);
	}
	tree_close(t);
}

static void test_timebase(void)
{
	static const struct {
		const char *name;
		size_t len[3];
		uint64_t hz[3];
		uint64_t want;
		const char *note;
	} rows[] = {
		{"4 bytes", {4}, {1000000}, 1000000, NULL},
		{"8 bytes", {8}, {UINT64_C(5000000000)}, UINT64_C(5000000000), NULL},
		{"in the cpus, one of them off", {0, 4, 4}, {0, 5, 6}, 6, NULL},
		{"on /cpus first", {4, 4, 4}, {4, 5, 6}, 4, NULL},
		{"5 bytes, then in the cpus", {5, 0, 4}, {0, 0, 6}, 6, "5 bytes"},
		{"nowhere", {0}, {0}, 0, "no timebase-frequency"},
		{"zero", {4}, {0}, 0, "no timebase-frequency"},
	};
	enum err err;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct machine *m;

		memcpy(timebase_len, rows[i].len, sizeof(timebase_len));
		memcpy(timebase_hz, rows[i].hz, sizeof(timebase_hz));
		m = read_cpus(timebase_chapter, &err);
		tap_ok(m->timebase_hz == rows[i].want &&
			       (rows[i].note == NULL || machine_has_note(m, rows[i].note)),
		       "timebase: %s", rows[i].name);
	}
}

static void test_forget(void)
{
	char unknown[8];
	struct machine *m;
	enum err err;

	isa_string = "rv64imac_svinval_svnapot_ssaia";
	m = read_cpus(one_cpu, &err);
	m->intc.kind = INTC_APLIC_MSI;
	tap_ok(machine_forget_isa(m, "", unknown, sizeof(unknown)) == OK &&
		       m->isa == (ISA_SVINVAL | ISA_SVNAPOT | ISA_SSAIA),
	       "forget: nothing");
	tap_ok(machine_forget_isa(m, "-svnapot,-svinval", unknown, sizeof(unknown)) == OK &&
		       m->isa == ISA_SSAIA && m->cpus[0].isa == ISA_SSAIA &&
		       m->intc.kind == INTC_APLIC_MSI,
	       "forget: of all harts, what is named");
	tap_ok(machine_forget_isa(m, "-ssaia", unknown, sizeof(unknown)) == OK && m->isa == 0 &&
		       m->intc.kind == INTC_NONE,
	       "forget: messages go with Ssaia");
	tap_ok(machine_forget_isa(m, "-fwft,-sstc", unknown, sizeof(unknown)) == OK &&
		       m->isa == 0 &&
		       m->forgotten ==
			       (ISA_SVINVAL | ISA_SVNAPOT | ISA_SSAIA | ISA_SSTC | SBI_FWFT),
	       "forget: what was named is known, FWFT too");
	tap_ok(machine_forget_isa(m, "-fwf", unknown, sizeof(unknown)) == ERR_INVAL &&
		       machine_forget_isa(m, "-fwfts", unknown, sizeof(unknown)) == ERR_INVAL,
	       "forget: FWFT has one name");
	tap_ok(machine_forget_isa(m, "svinval", unknown, sizeof(unknown)) == ERR_INVAL &&
		       strcmp(unknown, "svinval") == 0,
	       "forget: only with a minus");
	tap_ok(machine_forget_isa(m, "-h,-xtheadmae", unknown, sizeof(unknown)) == ERR_INVAL &&
		       strcmp(unknown, "-xthead") == 0,
	       "forget: only what is known");
	isa_string = NULL;
}

int main(void)
{
	test_isa_string();
	test_isa_list();
	test_mmu();
	test_harts();
	test_reg();
	test_timebase();
	test_forget();
	tap_ok(insane_readings() == 0, "every reading keeps the promises of machine.h");
	return tap_done();
}
