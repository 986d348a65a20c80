/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot arguments: defaults, every kind of value, every complaint. */
#include <stdlib.h>
#include <string.h>

#include "firmware/args.h"
#include "tests/host/tap.h"

static struct args a;
static struct args_errors errors;

/* An exact-size copy, so that a sanitizer sees one byte too many. */
static enum err parse(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = malloc(size);
	enum err err;

	if (copy == NULL)
		exit(99);
	memcpy(copy, text, size);
	memset(&a, 0xa5, sizeof(a));
	memset(&errors, 0xa5, sizeof(errors));
	err = args_parse(&a, copy, &errors);
	free(copy);
	return err;
}

static bool complains(const char *text, const char *line)
{
	enum err err = parse(text);

	if (err == ERR_INVAL && errors.nr == 1 && strcmp(errors.line[0], line) == 0)
		return true;
	for (unsigned i = 0; i < errors.nr; i++)
		printf("# %s\n", errors.line[i]);
	return false;
}

static bool has_defaults(void)
{
	return strcmp(a.test, "*") == 0 && a.inject[0] == '\0' && a.vmem_fault[0] == '\0' &&
	       a.seed == 0 && !a.seed_given && a.mem == UINT64_MAX && a.mode == MODE_ARG_AUTO &&
	       a.vmem == VMEM_ARG_AUTO && a.vmem_size == 0 && a.vmem_block == 0 &&
	       a.vmem_node == UINT64_MAX && a.pmem == 0 && a.harts == UINT64_MAX &&
	       a.flush == FLUSH_ARG_AUTO && a.order == ORDER_ARG_SAFE && a.model && a.shuffle &&
	       a.timeout_scale == 100 && !a.list && a.probe && a.repeat == 1 && !a.endless &&
	       a.quirks && a.record == 64 && a.irq == IRQ_ARG_AUTO;
}

static void test_defaults(void)
{
	tap_ok(parse("") == OK && errors.nr == 0 && has_defaults(), "nothing");
	tap_ok(parse(" \t\r\n ") == OK && has_defaults(), "blanks");
	tap_ok(args_parse(&a, NULL, &errors) == OK && has_defaults(), "NULL");
	tap_ok(parse("earlycon earlycon=sbi console=ttyS0,115200 root=/dev/vda2 ro rw quiet "
		     "loglevel=8") == OK &&
		       has_defaults(),
	       "what boot loaders leave");
}

static void test_values(void)
{
	tap_ok(parse("mode=sv39 test=boot.*,table.* seed=0x9e3779b9 inject=a,b mem=1G") == OK,
	       "several words");
	tap_ok(a.mode == MODE_ARG_SV39 && a.mem == SZ_1G && a.seed == 0x9e3779b9 && a.seed_given,
	       "their values");
	tap_ok(strcmp(a.test, "boot.*,table.*") == 0 && strcmp(a.inject, "a,b") == 0,
	       "their texts");
	tap_ok(parse("vmem=none vmem.size=256M vmem.block=2M harts=4 flush=ipi\tmodel=off\n"
		     "order=linux shuffle=off timeout=300 list probe=off repeat=12 quirks=none "
		     "record=56 asid=9 irq=wire") == OK,
	       "the other words");
	tap_ok(a.vmem == VMEM_ARG_NONE && a.vmem_size == 0x10000000 && a.vmem_block == SZ_2M &&
		       a.harts == 4 && a.flush == FLUSH_ARG_IPI && a.order == ORDER_ARG_LINUX &&
		       !a.model && !a.shuffle && a.timeout_scale == 300 && a.list && !a.probe &&
		       a.repeat == 12 && !a.quirks && a.record == 56 && a.asid == 9 &&
		       a.irq == IRQ_ARG_WIRE,
	       "their values");
	tap_ok(parse("repeat=0") == OK && a.endless && a.repeat == 1,
	       "repeat=0 is once, without end");
	tap_ok(parse("mode=auto mode=sv48 mode=sv57 vmem=vhost vmem=builtin flush=sbi model=on") ==
			       OK &&
		       a.mode == MODE_ARG_SV57 && a.vmem == VMEM_ARG_BUILTIN &&
		       a.flush == FLUSH_ARG_SBI && a.model,
	       "every choice; the last one counts");
	tap_ok(parse("mem=1G mem=12Q") == ERR_INVAL && a.mem == SZ_1G,
	       "a wrong value changes nothing");
	tap_ok(parse("vmem.node=65535 pmem=16M") == OK && a.vmem_node == 65535 &&
		       a.pmem == 8 * SZ_2M,
	       "node and persistent memory");
	tap_ok(parse("vmem.node=65536 pmem=1M") == ERR_INVAL && errors.nr == 2 &&
		       a.vmem_node == UINT64_MAX && a.pmem == 0,
	       "no such node, and too little memory");
	tap_ok(parse("asid=17") == ERR_INVAL && a.asid == 16 && parse("asid=0") == OK &&
		       a.asid == 0,
	       "ASIDs: all, or none");
	tap_ok(parse("vmem.fault=busy:3,leftovers vmem.block=4M") == OK &&
		       strcmp(a.vmem_fault, "busy:3,leftovers") == 0 && a.vmem_block == 2 * SZ_2M,
	       "what the device does wrong");
	tap_ok(parse("test=a=b") == OK && strcmp(a.test, "a=b") == 0, "the first = counts");
}

static void test_sizes(void)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} rows[] = {
		{"mem=4096", 4096},
		{"mem=0x40000000", SZ_1G},
		{"mem=0X1000", 4096},
		{"mem=4k", 4096},
		{"mem=512M", 512 * (SZ_1G / 1024)},
		{"mem=3g", 3 * SZ_1G},
		{"mem=2T", 2048 * SZ_1G},
		{"mem=0x10G", 16 * SZ_1G},
		{"mem=18446744073709551615", UINT64_MAX},
		{"mem=16777215T", UINT64_C(16777215) << 40},
		{"mem=007M", 7 * (SZ_1G / 1024)},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tap_ok(parse(rows[i].text) == OK && a.mem == rows[i].bytes, "%s", rows[i].text);
}

static void test_complaints(void)
{
	static const struct {
		const char *text;
		const char *line;
	} rows[] = {
		{"foo=1", "unknown argument \"foo=1\""},
		{"foo", "unknown argument \"foo\""},
		{"=", "unknown argument \"=\""},
		{"=1G", "unknown argument \"=1G\""},
		{"Mem=1G", "unknown argument \"Mem=1G\""},
		{"me=1G", "unknown argument \"me=1G\""},
		{"memx=1G", "unknown argument \"memx=1G\""},
		{"vmem.siz=1G", "unknown argument \"vmem.siz=1G\""},
		{"a\x1b[2J\xff", "unknown argument \"a?[2J?\""},
		{"mem", "mem: needs a value"},
		{"mem=", "mem=: needs a value"},
		{"test=", "test=: needs a value"},
		{"mem=12Q", "mem=12Q: not a size (try 512M, 1G)"},
		{"mem=G", "mem=G: not a size (try 512M, 1G)"},
		{"mem=0x", "mem=0x: not a size (try 512M, 1G)"},
		{"mem=1GB", "mem=1GB: not a size (try 512M, 1G)"},
		{"mem=-1", "mem=-1: not a size (try 512M, 1G)"},
		{"mem=1.5G", "mem=1.5G: not a size (try 512M, 1G)"},
		{"mem=12f", "mem=12f: not a size (try 512M, 1G)"},
		{"mem=0", "mem=0: too small (at least 4096)"},
		{"mem=4095", "mem=4095: too small (at least 4096)"},
		{"mem=16777216T", "mem=16777216T: too large (at most 18446744073709551615)"},
		{"seed=18446744073709551616",
		 "seed=18446744073709551616: too large (at most 18446744073709551615)"},
		{"seed=0x10000000000000000",
		 "seed=0x10000000000000000: too large (at most 18446744073709551615)"},
		{"seed=1K", "seed=1K: not a number (try 4, 0x10)"},
		{"harts=0", "harts=0: too small (at least 1)"},
		{"harts=four", "harts=four: not a number (try 4, 0x10)"},
		{"timeout=0", "timeout=0: too small (at least 1)"},
		{"timeout=1000001", "timeout=1000001: too large (at most 1000000)"},
		{"vmem.block=3M", "vmem.block=3M: not a power of two"},
		{"record=60", "record=60: not a multiple of 8"},
		{"record=24", "record=24: too small (at least 32)"},
		{"record=264", "record=264: too large (at most 256)"},
		{"vmem.fault=", "vmem.fault=: needs a value"},
		{"mode=sv32", "mode=sv32: not one of auto, sv39, sv48, sv57"},
		{"mode=sv3", "mode=sv3: not one of auto, sv39, sv48, sv57"},
		{"vmem=yes", "vmem=yes: not one of auto, vhost, builtin, none"},
		{"flush=", "flush=: needs a value"},
		{"order=arm64", "order=arm64: not one of safe, linux"},
		{"order=", "order=: needs a value"},
		{"model=1", "model=1: not one of off, on"},
		{"list=1", "list=1: takes no value"},
		{"list=", "list=: takes no value"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tap_ok(complains(rows[i].text, rows[i].line), "%s", rows[i].line);
	tap_ok(parse("seed=x") == ERR_INVAL && !a.seed_given, "a wrong seed is none");
}

static void test_lengths(void)
{
	char text[1024] = "test=";

	memset(text + 5, 'x', ARGS_TEXT_LEN - 1);
	tap_ok(parse(text) == OK && strlen(a.test) == ARGS_TEXT_LEN - 1, "as long as it may be");
	text[5 + ARGS_TEXT_LEN - 1] = 'x';
	tap_ok(parse(text) == ERR_INVAL && strcmp(a.test, "*") == 0 &&
		       strstr(errors.line[0], "x...: too long (at most 255 characters)") != NULL,
	       "one more");
	memset(text, 'y', sizeof(text) - 1);
	tap_ok(parse(text) == ERR_INVAL && strstr(errors.line[0], "yyy...\"") != NULL &&
		       strlen(errors.line[0]) < ARGS_ERROR_LEN,
	       "a long stranger is cut");
	memset(text, 'z', sizeof(text) - 1);
	memcpy(text, "mem=", 4);
	tap_ok(parse(text) == ERR_INVAL && strstr(errors.line[0], "...: not a size") != NULL,
	       "and what is said about it has room");
}

static void test_many_errors(void)
{
	tap_ok(parse("a b c d e f g h i j mem=1G") == ERR_INVAL && errors.nr == ARGS_MAX_ERRORS &&
		       errors.lost == 2,
	       "ten strangers: eight lines, two lost");
	tap_ok(strcmp(errors.line[0], "unknown argument \"a\"") == 0 &&
		       strcmp(errors.line[7], "unknown argument \"h\"") == 0,
	       "in their order");
	tap_ok(a.mem == SZ_1G, "the other words are honoured all the same");
}

/* Every name that the parser knows is in the help, and help begins with a name it knows. */
static void test_help(void)
{
	unsigned lines = 0;
	bool ok = true;

	for (; args_help(lines) != NULL; lines++) {
		const char *help = args_help(lines);
		char word[32] = "";

		memcpy(word, help, strcspn(help, "= "));
		(void)parse(word);
		if (errors.nr != 0 && strstr(errors.line[0], "unknown") != NULL)
			ok = false;
	}
	tap_ok(ok && lines == 28, "twenty-seven arguments, and one line for the ignored ones");
	tap_ok(args_help(1000) == NULL, "behind the last line");
}

/* Other defaults, wherever the word stands; what is given counts all the same. */
static void test_rtl(void)
{
	(void)parse("mem=32M test=rtl model=off");
	tap_ok(a.brief && a.prealloc_min && !a.probe && !a.shuffle && a.timeout_scale == 0 &&
		       a.vmem == VMEM_ARG_BUILTIN,
	       "test=rtl: defaults of its own");
	tap_ok(a.mem == 32 << 20 && !a.model, "test=rtl: what is given counts");
	(void)parse("probe=on test=rtl bogus timeout=200");
	tap_ok(a.probe && a.timeout_scale == 200 && errors.nr == 1,
	       "test=rtl: before and behind it, and one complaint for a wrong word");
	(void)parse("test=rtl test=boot.*");
	tap_ok(!a.brief && a.probe && a.mem == UINT64_MAX, "test=rtl: the last test= counts");
	(void)parse("timeout=off prealloc=min brief=on");
	tap_ok(errors.nr == 0 && a.timeout_scale == 0 && a.prealloc_min && a.brief && a.probe,
	       "timeout=off, prealloc=min, brief=on alone");
	(void)parse("timeout=0");
	tap_ok(errors.nr == 1, "timeout=0 is no way to say off");
}

/* Any text: no sanitizer complains, and lines end. */
static void test_noise(void)
{
	static const char letters[] = "memtsd=.vbk019xGKT \x7f\xff\x01";
	uint64_t x = 88172645463325252;
	char text[65];
	bool ok = true;

	for (unsigned n = 0; n < 20000; n++) {
		size_t len = n % sizeof(text);

		for (size_t i = 0; i < len; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			text[i] = letters[x % (sizeof(letters) - 1)];
		}
		text[len] = '\0';
		(void)parse(text);
		for (unsigned i = 0; i < errors.nr; i++)
			ok = ok && strnlen(errors.line[i], ARGS_ERROR_LEN) < ARGS_ERROR_LEN;
	}
	tap_ok(ok, "20000 lines of noise");
}

/* The image's arguments, then the tree's. */
static void test_more(void)
{
	enum err err = parse("mode=sv39 test=boot.*");

	tap_ok(err == OK && args_parse_more(&a, "mode=sv57 harts=2", &errors) == OK &&
		       a.mode == MODE_ARG_SV57 && a.harts == 2 && strcmp(a.test, "boot.*") == 0,
	       "the second text wins, and keeps what it says nothing of");
	tap_ok(args_parse_more(&a, "", &errors) == OK && a.mode == MODE_ARG_SV57, "nothing more");
	tap_ok(args_parse_more(&a, NULL, &errors) == OK && a.mode == MODE_ARG_SV57, "no more");
	err = args_parse(&a, "repeat=0", &errors);
	tap_ok(err == OK && args_parse_more(&a, "seed=1", &errors) == OK && a.endless,
	       "without end, and nothing else said");
	tap_ok(args_parse_more(&a, "repeat=1", &errors) == OK && !a.endless && a.repeat == 1,
	       "and an end behind it");
	tap_ok(args_parse_more(&a, "foo", &errors) == ERR_INVAL && errors.nr == 1, "wrong behind");
	err = parse("foo");
	tap_ok(err == ERR_INVAL && args_parse_more(&a, "bar", &errors) == ERR_INVAL &&
		       errors.nr == 2,
	       "wrong in both");
	err = parse("foo");
	tap_ok(err == ERR_INVAL && args_parse_more(&a, "mode=sv39", &errors) == ERR_INVAL,
	       "wrong in front stays wrong");
	err = parse("mem=32M test=boot.*");
	tap_ok(err == OK && args_parse_more(&a, "test=rtl probe=on", &errors) == OK && a.brief &&
		       a.mem == 32 << 20 && a.probe && a.timeout_scale == 0,
	       "test=rtl behind: its defaults, but for what either text gives");
	err = parse("test=rtl");
	tap_ok(err == OK && args_parse_more(&a, "test=boot.* brief=on", &errors) == OK && a.brief &&
		       !a.prealloc_min && a.timeout_scale == 100 && a.mem == UINT64_MAX,
	       "test=rtl in front and another behind: none of its defaults stays");
}

int main(void)
{
	test_more();
	test_defaults();
	test_values();
	test_sizes();
	test_complaints();
	test_lengths();
	test_many_errors();
	test_help();
	test_rtl();
	test_noise();
	return tap_done();
}
