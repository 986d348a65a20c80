/* SPDX-License-Identifier: BSD-2-Clause */
/* Command line of hotwalk-sim. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "host/sim/config.h"
#include "host/sim/faults.h"
#include "host/sim/options_values.h"
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
	"  --sbi LIST           the emulator is the SBI, 0.2 without HSM; no --bios; extensions:\n"
	"                       time,ipi,rfence,srst,dbcn,putchar\n"
	"  --hide-sbi LIST      the firmware's SBI denies to have these, or hsm\n"
	"  --uart KIND          ns16550a, snps,dw-apb-uart, sifive,uart0, litex,liteuart, or none\n"
	"  --fault NAME,...     be wrong in these ways; --list-faults prints them\n"
	"  --fault-hart N       faults of the hardware on this hart only\n"
	"  --timeout-insns N    give up after so many instructions of all harts (0: never)\n"
	"  --quantum N          harts take turns of 1 to N instructions (200)\n"
	"  --insns-per-tick N   of each hart, per tick of the 10 MHz clock (10)\n"
	"  --mvendorid N  --marchid N  --mimpid N\n"
	"  --dump-dtb FILE      write the device tree and end\n"
	"  --stats              print figures of the run on stderr\n"
	"Exit status: what the finisher says; 124 given up, 125 all harts wait, 2 usage.\n";

static int modes_option(const char *list, uint32_t *modes)
{
	static const char *const names[] = {"sv39", "sv48", "sv57"};
	char word[32];

	*modes = 0;
	while (option_next_word(&list, word)) {
		unsigned i = 0;

		while (i < 3 && strcmp(word, names[i]) != 0)
			i++;
		if (i == 3)
			return option_bad("--modes: '%s' is not sv39, sv48 or sv57", word);
		*modes |= (uint32_t)BIT(SATP_MODE_SV39 + i);
	}
	if ((*modes & BIT(SATP_MODE_SV39)) == 0 ||
	    ((*modes & BIT(SATP_MODE_SV57)) != 0 && (*modes & BIT(SATP_MODE_SV48)) == 0))
		return option_bad("--modes: whoever has a larger mode has the smaller ones too");
	return 0;
}

static int without_option(const char *list, struct config *c)
{
	char word[32];

	while (option_next_word(&list, word)) {
		if (strcmp(word, "sstc") == 0)
			c->sstc = false;
		else if (strcmp(word, "svinval") == 0)
			c->svinval = false;
		else if (strcmp(word, "svnapot") == 0)
			c->svnapot = false;
		else if (strcmp(word, "svpbmt") == 0)
			c->svpbmt = false;
		else
			return option_bad("--without: '%s' is not sstc, svinval, svnapot or svpbmt",
					  word);
	}
	return 0;
}

/* Bits in the order of enum sbi_small_ext. */
static int sbi_option(const char *name, const char *list, uint32_t *exts)
{
	static const char *const names[] = {"time", "ipi",     "rfence", "srst",
					    "dbcn", "putchar", "hsm"};
	char word[32];

	*exts = 0;
	while (option_next_word(&list, word)) {
		unsigned i = 0;

		while (i < 7 && strcmp(word, names[i]) != 0)
			i++;
		if (i == 7)
			return option_bad("%s: '%s' is no extension that is known", name, word);
		*exts |= UINT32_C(1) << i;
	}
	return 0;
}

static int uart_option(const char *text, enum uart_model *uart)
{
	for (unsigned i = 0; i < NR_UARTS; i++) {
		if (strcmp(text, uart_names[i]) == 0) {
			*uart = (enum uart_model)i;
			return 0;
		}
	}
	return option_bad("--uart '%s' is none that there is (try --help)", text);
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
	return option_bad("--ad '%s' is not svade, svadu or hw", text);
}

static int fault_option(const char *list)
{
	const char *wrong = faults_arm(list);

	return wrong == NULL ? 0
			     : option_bad("--fault '%.*s' is none (try --list-faults)",
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
	OPT_SBI,
	OPT_HIDE_SBI,
	OPT_UART,
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
	{"sbi", required_argument, NULL, OPT_SBI},
	{"hide-sbi", required_argument, NULL, OPT_HIDE_SBI},
	{"uart", required_argument, NULL, OPT_UART},
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
		rc = option_number32("--smp", text, 1, MAX_HARTS, &v);
		c->harts = v;
		return rc;
	case OPT_RAM_BASE:
		rc = option_number("--ram-base", text, 0x20000000, BIT(55), &c->ram_base);
		return rc == 0 && c->ram_base % (UINT64_C(2) << 20) != 0
			       ? option_bad("--ram-base '%s' is not a multiple of 2 MiB", text)
			       : rc;
	case OPT_SEED:
		return option_number("--seed", text, 0, UINT64_MAX, &c->seed);
	case OPT_ASID_BITS:
		return option_number32("--asid-bits", text, 0, 16, &c->asid_bits);
	case OPT_FAULT_HART:
		rc = option_number32("--fault-hart", text, 0, MAX_HARTS - 1, &v);
		c->fault_hart = (int)v;
		return rc;
	case OPT_TIMEOUT:
		return option_number("--timeout-insns", text, 0, UINT64_MAX, &c->timeout_insns);
	case OPT_QUANTUM:
		return option_number32("--quantum", text, MIN_QUANTUM, 1000000, &c->quantum);
	case OPT_TICK:
		return option_number32("--insns-per-tick", text, 1, 1000000, &c->insns_per_tick);
	case OPT_MVENDORID:
		return option_number("--mvendorid", text, 0, UINT32_MAX, &c->mvendorid);
	case OPT_MARCHID:
		return option_number("--marchid", text, 0, UINT64_MAX, &c->marchid);
	default:
		return option_number("--mimpid", text, 0, UINT64_MAX, &c->mimpid);
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
		return option_mem(text, &c->ram_bytes);
	case OPT_MODES:
		return modes_option(text, &c->modes);
	case OPT_AD:
		return ad_option(text, &c->ad);
	case OPT_WITHOUT:
		return without_option(text, c);
	case OPT_TLB:
		return option_tlb(text, &c->tlb);
	case OPT_SBI_RFENCE:
		return option_either("--sbi-rfence", text, "firmware", "native", &c->sbi_rfence);
	case OPT_SBI:
		c->sbi_small = true;
		return sbi_option("--sbi", text, &c->sbi_exts);
	case OPT_HIDE_SBI:
		return sbi_option("--hide-sbi", text, &c->sbi_hidden);
	case OPT_UART:
		return uart_option(text, &c->uart);
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
		return option_bad("'%s' is no option (try --help)", argv[optind]);
	if ((c->sbi_exts & SBI_SMALL_HSM) != 0)
		return option_bad("--sbi: never has hsm");
	if (c->sbi_small && (c->kernel == NULL || !c->sstc))
		return option_bad("--sbi: needs --kernel and Sstc");
	if (c->bios == NULL && c->dump_dtb == NULL && !c->sbi_small)
		return option_bad("--bios is missing (try --help)");
	if (c->fault_hart >= (int)c->harts)
		return option_bad("--fault-hart %d, but --smp %u", c->fault_hart, c->harts);
	faults_hart = c->fault_hart;
	/* Its faults are of the emulator's own RFENCE. */
	c->sbi_rfence |= faults_need_rfence();
	return 0;
}
