/* SPDX-License-Identifier: BSD-2-Clause */
/* Command line of hotwalk-sim. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/sim/config.h"
#include "host/sim/faults.h"
#include "host/sim/riscv.h"

#define DONE 1
#define USAGE_ERROR 2

#define MIN_QUANTUM 64 /* an LR/SC loop has to fit into a turn now and then */

static const char usage[] =
	"usage: hotwalk-sim --bios FILE [options]\n"
	"A RISC-V machine whose address-translation caches keep all that they may keep.\n"
	"  --bios FILE          OpenSBI, fw_jump or fw_dynamic; loaded to the start of RAM\n"
	"  --kernel FILE        what it starts in S-mode: a raw image, 2 MiB above, or an ELF\n"
	"  --append TEXT        /chosen/bootargs\n"
	"  --smp N              harts, 1 to 64 (1)\n"
	"  --mem SIZE           RAM; without suffix MiB (256M)\n"
	"  --ram-base A         where RAM begins (0x80000000)\n"
	"  --seed N             the same seed is the same run (1)\n"
	"  --modes LIST         sv39,sv48,sv57 (all three)\n"
	"  --asid-bits N        0 to 16 (16)\n"
	"  --ad KIND            svade, svadu (trap unless menvcfg.ADUE), hw (always) (svade)\n"
	"  --without LIST       leave out: sstc,svinval,svnapot,svpbmt\n"
	"  --tlb LIST           entries: l1=N (or l1i=N,l1d=N; 16), l2=N (512), pwc=N (64)\n"
	"                       replace=random|lru, negative=on|off (on), and in percent\n"
	"                       splinter=P (0), prefetch=P (10), restart=P (0)\n"
	"  --sbi-rfence KIND    firmware, or native: the emulator's own, exact (firmware)\n"
	"  --fault NAME,...     be wrong in these ways; --list-faults prints them\n"
	"  --fault-hart N       faults of the hardware on this hart only\n"
	"  --timeout-insns N    give up after so many instructions of all harts (0: never)\n"
	"  --quantum N          harts take turns of 1 to N instructions (200)\n"
	"  --insns-per-tick N   of each hart, per tick of the 10 MHz clock (10)\n"
	"  --mvendorid N  --marchid N  --mimpid N\n"
	"  --dump-dtb FILE      write the device tree and end\n"
	"  --stats              print figures of the run on stderr\n"
	"Exit status: what the finisher says; 124 given up, 125 all harts wait, 2 usage.\n";

__attribute__((format(printf, 1, 2))) static int bad(const char *format, ...)
{
	va_list args;

	fputs("hotwalk-sim: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return USAGE_ERROR;
}

static int number(const char *name, const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 0);
	if (end == text || *end != '\0' || errno != 0 || text[0] == '-' || *value < min ||
	    *value > max)
		return bad("%s '%s' is not a number from %llu to %llu", name, text,
			   (unsigned long long)min, (unsigned long long)max);
	return 0;
}

static int number32(const char *name, const char *text, uint32_t min, uint32_t max, uint32_t *value)
{
	uint64_t v = 0;
	int rc = number(name, text, min, max, &v);

	*value = (uint32_t)v;
	return rc;
}

/* 1 MiB to 64 GiB, whole pages. */
static int mem_option(const char *text, uint64_t *bytes)
{
	static const char suffixes[] = "KMG";
	char *end;
	const char *s;
	unsigned shift = 20;

	errno = 0;
	*bytes = strtoull(text, &end, 0);
	if (*end != '\0') {
		s = strchr(suffixes, *end);
		shift = s == NULL || end[1] != '\0' ? 0 : 10 * (unsigned)(s - suffixes + 1);
	}
	if (end == text || errno != 0 || text[0] == '-' || shift == 0 ||
	    *bytes > UINT64_C(64) << 30 >> shift || *bytes << shift < UINT64_C(1) << 20)
		return bad("--mem '%s' is not a size from 1M to 64G", text);
	*bytes = *bytes << shift & ~PAGE_OFFSET;
	return 0;
}

/* Next word of a list; false at its end. */
static bool next_word(const char **list, char word[static 32])
{
	size_t len = strcspn(*list, ",");

	if (**list == '\0')
		return false;
	snprintf(word, 32, "%.*s", (int)(len < 31 ? len : 31), *list);
	*list += len;
	*list += **list == ',' ? 1 : 0;
	return true;
}

static int modes_option(const char *list, uint32_t *modes)
{
	static const char *const names[] = {"sv39", "sv48", "sv57"};
	char word[32];

	*modes = 0;
	while (next_word(&list, word)) {
		unsigned i = 0;

		while (i < 3 && strcmp(word, names[i]) != 0)
			i++;
		if (i == 3)
			return bad("--modes: '%s' is not sv39, sv48 or sv57", word);
		*modes |= (uint32_t)BIT(SATP_MODE_SV39 + i);
	}
	return *modes != 0 ? 0 : bad("--modes: none is named");
}

static int without_option(const char *list, struct config *c)
{
	char word[32];

	while (next_word(&list, word)) {
		if (strcmp(word, "sstc") == 0)
			c->sstc = false;
		else if (strcmp(word, "svinval") == 0)
			c->svinval = false;
		else if (strcmp(word, "svnapot") == 0)
			c->svnapot = false;
		else if (strcmp(word, "svpbmt") == 0)
			c->svpbmt = false;
		else
			return bad("--without: '%s' is not sstc, svinval, svnapot or svpbmt", word);
	}
	return 0;
}

static int ad_option(const char *text, enum ad_mode *ad)
{
	static const char *const names[] = {"svade", "svadu", "hw"};

	for (unsigned i = 0; i < 3; i++) {
		if (strcmp(text, names[i]) == 0) {
			*ad = (enum ad_mode)i;
			return 0;
		}
	}
	return bad("--ad '%s' is not svade, svadu or hw", text);
}

/* One of two words; *@second tells which. */
static int either(const char *name, const char *text, const char *no, const char *yes, bool *second)
{
	*second = strcmp(text, yes) == 0;
	return *second || strcmp(text, no) == 0
		       ? 0
		       : bad("%s '%s' is not %s or %s", name, text, no, yes);
}

static int tlb_word(const char *name, const char *value, struct tlb_config *t)
{
	static const struct {
		const char *name;
		size_t offset;
		uint32_t min, max;
	} numbers[] = {
		{"l1i", offsetof(struct tlb_config, l1i), 1, 4096},
		{"l1d", offsetof(struct tlb_config, l1d), 1, 4096},
		{"l2", offsetof(struct tlb_config, l2), 0, 1 << 20},
		{"pwc", offsetof(struct tlb_config, pwc), 0, 1 << 16},
		{"splinter", offsetof(struct tlb_config, splinter), 0, 100},
		{"prefetch", offsetof(struct tlb_config, prefetch), 0, 100},
		{"restart", offsetof(struct tlb_config, restart), 0, 100},
	};
	bool lru = false;
	int rc;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		uint32_t *to = (uint32_t *)(void *)((char *)t + numbers[i].offset);

		if (strcmp(name, numbers[i].name) == 0)
			return number32(name, value, numbers[i].min, numbers[i].max, to);
	}
	if (strcmp(name, "l1") == 0) {
		rc = number32(name, value, 1, 4096, &t->l1i);
		t->l1d = t->l1i;
		return rc;
	}
	if (strcmp(name, "negative") == 0)
		return either(name, value, "off", "on", &t->negative);
	if (strcmp(name, "replace") != 0)
		return bad("--tlb: '%s' is not known", name);
	rc = either(name, value, "random", "lru", &lru);
	t->replace = lru ? REPLACE_LRU : REPLACE_RANDOM;
	return rc;
}

static int tlb_option(const char *list, struct tlb_config *t)
{
	char word[32];
	int rc = 0;

	while (rc == 0 && next_word(&list, word)) {
		char *equals = strchr(word, '=');

		if (equals == NULL)
			return bad("--tlb: '%s' has no '='", word);
		*equals = '\0';
		rc = tlb_word(word, equals + 1, t);
	}
	return rc;
}

static int fault_option(const char *list)
{
	const char *wrong = faults_arm(list);

	return wrong == NULL ? 0
			     : bad("--fault '%.*s' is none (try --list-faults)",
				   (int)strcspn(wrong, ","), wrong);
}

void config_defaults(struct config *c)
{
	*c = (struct config){
		.append = "",
		.ram_base = UINT64_C(0x80000000),
		.ram_bytes = UINT64_C(256) << 20,
		.harts = 1,
		.seed = 1,
		.quantum = 200,
		.insns_per_tick = 10,
		.asid_bits = 16,
		.modes =
			(uint32_t)(BIT(SATP_MODE_SV39) | BIT(SATP_MODE_SV48) | BIT(SATP_MODE_SV57)),
		.ad = AD_FAULT,
		.sstc = true,
		.svinval = true,
		.svnapot = true,
		.svpbmt = true,
		.fault_hart = -1,
		.tlb = {.l1i = 16,
			.l1d = 16,
			.l2 = 512,
			.pwc = 64,
			.negative = true,
			.prefetch = 10},
	};
}

enum option_id {
	OPT_BIOS,
	OPT_KERNEL,
	OPT_APPEND,
	OPT_SMP,
	OPT_MEM,
	OPT_RAM_BASE,
	OPT_SEED,
	OPT_MODES,
	OPT_ASID_BITS,
	OPT_AD,
	OPT_WITHOUT,
	OPT_TLB,
	OPT_SBI_RFENCE,
	OPT_FAULT,
	OPT_FAULT_HART,
	OPT_TIMEOUT,
	OPT_QUANTUM,
	OPT_TICK,
	OPT_MVENDORID,
	OPT_MARCHID,
	OPT_MIMPID,
	OPT_DUMP_DTB,
	OPT_STATS,
	OPT_LIST_FAULTS,
	OPT_HELP,
};

static const struct option names[] = {
	{"bios", required_argument, NULL, OPT_BIOS},
	{"kernel", required_argument, NULL, OPT_KERNEL},
	{"append", required_argument, NULL, OPT_APPEND},
	{"smp", required_argument, NULL, OPT_SMP},
	{"mem", required_argument, NULL, OPT_MEM},
	{"ram-base", required_argument, NULL, OPT_RAM_BASE},
	{"seed", required_argument, NULL, OPT_SEED},
	{"modes", required_argument, NULL, OPT_MODES},
	{"asid-bits", required_argument, NULL, OPT_ASID_BITS},
	{"ad", required_argument, NULL, OPT_AD},
	{"without", required_argument, NULL, OPT_WITHOUT},
	{"tlb", required_argument, NULL, OPT_TLB},
	{"sbi-rfence", required_argument, NULL, OPT_SBI_RFENCE},
	{"fault", required_argument, NULL, OPT_FAULT},
	{"fault-hart", required_argument, NULL, OPT_FAULT_HART},
	{"timeout-insns", required_argument, NULL, OPT_TIMEOUT},
	{"quantum", required_argument, NULL, OPT_QUANTUM},
	{"insns-per-tick", required_argument, NULL, OPT_TICK},
	{"mvendorid", required_argument, NULL, OPT_MVENDORID},
	{"marchid", required_argument, NULL, OPT_MARCHID},
	{"mimpid", required_argument, NULL, OPT_MIMPID},
	{"dump-dtb", required_argument, NULL, OPT_DUMP_DTB},
	{"stats", no_argument, NULL, OPT_STATS},
	{"list-faults", no_argument, NULL, OPT_LIST_FAULTS},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

static int number_option(struct config *c, int opt, const char *text)
{
	uint32_t v = 0;
	int rc;

	switch (opt) {
	case OPT_SMP:
		rc = number32("--smp", text, 1, MAX_HARTS, &v);
		c->harts = v;
		return rc;
	case OPT_RAM_BASE:
		rc = number("--ram-base", text, 0x20000000, BIT(55), &c->ram_base);
		return rc == 0 && c->ram_base % (UINT64_C(2) << 20) != 0
			       ? bad("--ram-base '%s' is not a multiple of 2 MiB", text)
			       : rc;
	case OPT_SEED:
		return number("--seed", text, 0, UINT64_MAX, &c->seed);
	case OPT_ASID_BITS:
		return number32("--asid-bits", text, 0, 16, &c->asid_bits);
	case OPT_FAULT_HART:
		rc = number32("--fault-hart", text, 0, MAX_HARTS - 1, &v);
		c->fault_hart = (int)v;
		return rc;
	case OPT_TIMEOUT:
		return number("--timeout-insns", text, 0, UINT64_MAX, &c->timeout_insns);
	case OPT_QUANTUM:
		return number32("--quantum", text, MIN_QUANTUM, 1000000, &c->quantum);
	case OPT_TICK:
		return number32("--insns-per-tick", text, 1, 1000000, &c->insns_per_tick);
	case OPT_MVENDORID:
		return number("--mvendorid", text, 0, UINT32_MAX, &c->mvendorid);
	case OPT_MARCHID:
		return number("--marchid", text, 0, UINT64_MAX, &c->marchid);
	default:
		return number("--mimpid", text, 0, UINT64_MAX, &c->mimpid);
	}
}

static int option(struct config *c, int opt, const char *text)
{
	switch (opt) {
	case OPT_BIOS:
		c->bios = text;
		return 0;
	case OPT_KERNEL:
		c->kernel = text;
		return 0;
	case OPT_APPEND:
		c->append = text;
		return 0;
	case OPT_DUMP_DTB:
		c->dump_dtb = text;
		return 0;
	case OPT_MEM:
		return mem_option(text, &c->ram_bytes);
	case OPT_MODES:
		return modes_option(text, &c->modes);
	case OPT_AD:
		return ad_option(text, &c->ad);
	case OPT_WITHOUT:
		return without_option(text, c);
	case OPT_TLB:
		return tlb_option(text, &c->tlb);
	case OPT_SBI_RFENCE:
		return either("--sbi-rfence", text, "firmware", "native", &c->sbi_rfence);
	case OPT_FAULT:
		return fault_option(text);
	case OPT_STATS:
		c->stats = true;
		return 0;
	case OPT_LIST_FAULTS:
		faults_print();
		return DONE;
	case OPT_HELP:
		fputs(usage, stdout);
		return DONE;
	default:
		return number_option(c, opt, text);
	}
}

int config_parse(struct config *c, int argc, char **argv)
{
	int rc = 0;
	int opt;

	config_defaults(c);
	while (rc == 0 && (opt = getopt_long(argc, argv, "", names, NULL)) >= 0)
		rc = opt == '?' ? USAGE_ERROR : option(c, opt, optarg);
	if (rc != 0)
		return rc;
	if (optind < argc)
		return bad("'%s' is no option (try --help)", argv[optind]);
	if (c->bios == NULL && c->dump_dtb == NULL)
		return bad("--bios is missing (try --help)");
	if (c->fault_hart >= (int)c->harts)
		return bad("--fault-hart %d, but --smp %u", c->fault_hart, c->harts);
	faults_hart = c->fault_hart;
	/* Its faults are of the emulator's own RFENCE. */
	c->sbi_rfence |= faults_need_rfence();
	return 0;
}
