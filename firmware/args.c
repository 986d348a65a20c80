/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot arguments: one row of a table each, and what reads a row. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "firmware/args.h"

enum arg_kind {
	ARG_SIZE,	/* uint64_t, bytes */
	ARG_BLOCK_SIZE, /* the same, a power of two */
	ARG_NUMBER,	/* uint64_t */
	ARG_WORDS,	/* the same, a multiple of 8 */
	ARG_PERCENT,	/* the same; "off" is 0 */
	ARG_SEED,	/* uint64_t, and remembers that it was given */
	ARG_CHOICE,	/* enum, the index in choices */
	ARG_SWITCH,	/* bool, off or on */
	ARG_TEXT,	/* char[ARGS_TEXT_LEN] */
	ARG_FLAG,	/* bool, true when the word is there; takes no value */
	ARG_IGNORED,	/* not for us, with or without a value */
};

struct arg {
	const char *name;
	enum arg_kind kind;
	size_t offset; /* in struct args */
	uint64_t min;
	uint64_t max;
	const char *const *choices; /* ends with NULL */
	const char *help;
};

static const char *const mode_choices[] = {"auto", "sv39", "sv48", "sv57", NULL};
static const char *const vmem_choices[] = {"auto", "vhost", "builtin", "none", NULL};
static const char *const flush_choices[] = {"auto", "sbi", "ipi", "svinval", NULL};
static const char *const irq_choices[] = {"auto", "wire", "poll", NULL};
static const char *const order_choices[] = {"safe", "linux", NULL};
static const char *const quirks_choices[] = {"none", "auto", NULL};
static const char *const prealloc_choices[] = {"all", "min", NULL};
static const char *const switch_choices[] = {"off", "on", NULL};

/* A choice is stored through its size, whatever enum it belongs to. */
_Static_assert(sizeof(enum mode_arg) == sizeof(unsigned), "stored as unsigned");
_Static_assert(sizeof(enum vmem_arg) == sizeof(unsigned), "stored as unsigned");
_Static_assert(sizeof(enum irq_arg) == sizeof(unsigned), "stored as unsigned");
_Static_assert(sizeof(enum flush_arg) == sizeof(unsigned), "stored as unsigned");
_Static_assert(sizeof(enum order_arg) == sizeof(unsigned), "stored as unsigned");

#define AT(field) .offset = offsetof(struct args, field)
#define ANY .max = UINT64_MAX

static const struct arg table[] = {
	{"test", ARG_TEXT, AT(test),
	 .help = "test=GLOB,...      run the tests whose names match (test=boot.*,table.*); rtl: a "
		 "set for simulators"},
	{"list", ARG_FLAG, AT(list),
	 .help = "list               print the names of all tests, run none"},
	{"seed", ARG_SEED, AT(seed), ANY,
	 .help = "seed=NUMBER        repeat the run that printed this seed"},
	{"shuffle", ARG_SWITCH, AT(shuffle), .choices = switch_choices,
	 .help = "shuffle=on|off     off: in the order of their names"},
	{"brief", ARG_SWITCH, AT(brief), .choices = switch_choices,
	 .help = "brief=on|off       on: few lines, for slow consoles"},
	{"prealloc", ARG_SWITCH, AT(prealloc_min), .choices = prealloc_choices,
	 .help = "prealloc=all|min   min: kernel areas only as large as the RAM needs"},
	{"timeout", ARG_PERCENT, AT(timeout_scale), .min = 1, .max = 1000000,
	 .help = "timeout=PERCENT|off stretch all deadlines (timeout=300); off: wait for ever"},
	{"inject", ARG_TEXT, AT(inject), .help = "inject=FAULT,...   commit these mistakes"},
	{"ext", ARG_TEXT, AT(ext),
	 .help = "ext=-NAME,...      as if the device tree did not claim them (ext=-svinval), nor "
		 "SBI have it (ext=-fwft)"},
	{"asid", ARG_NUMBER, AT(asid), .max = 16,
	 .help = "asid=BITS          use that many bits of ASID at most; 0: none"},
	{"mem", ARG_SIZE, AT(mem), .min = PAGE_SIZE, ANY,
	 .help = "mem=SIZE           use the lowest SIZE bytes of RAM only (mem=512M)"},
	{"harts", ARG_NUMBER, AT(harts), .min = 1, ANY,
	 .help = "harts=NUMBER       use at most that many harts"},
	{"mode", ARG_CHOICE, AT(mode), .choices = mode_choices, .help = "mode=auto|sv39|sv48|sv57"},
	{"flush", ARG_CHOICE, AT(flush), .choices = flush_choices,
	 .help = "flush=auto|sbi|ipi|svinval how other harts are told to forget"},
	{"irq", ARG_CHOICE, AT(irq), .choices = irq_choices,
	 .help = "irq=auto|wire|poll wire: devices send no messages (MSI-X); poll: nor raise "
		 "lines"},
	{"order", ARG_CHOICE, AT(order), .choices = order_choices,
	 .help = "order=safe|linux   linux: hot-remove frees before it flushes, as Linux does; "
		 "meant to fail"},
	{"record", ARG_WORDS, AT(record), .min = 32, .max = 256,
	 .help = "record=BYTES       from one frame's record to the next (record=56; 64)"},
	{"model", ARG_SWITCH, AT(model), .choices = switch_choices,
	 .help = "model=on|off       off: without the TLB model"},
	{"probe", ARG_SWITCH, AT(probe), .choices = switch_choices,
	 .help = "probe=on|off       off: trust the device tree's RAM untouched"},
	{"repeat", ARG_NUMBER, AT(repeat), .max = 1000000,
	 .help = "repeat=NUMBER      try all that tries at random that much more often; 0: "
		 "torture.* "
		 "without end"},
	{"quirks", ARG_SWITCH, AT(quirks), .choices = quirks_choices,
	 .help = "quirks=auto|none   none: known deviations of machines count as failures"},
	{"vmem", ARG_CHOICE, AT(vmem), .choices = vmem_choices,
	 .help = "vmem=auto|vhost|builtin|none"},
	{"vmem.size", ARG_SIZE, AT(vmem_size), .min = PAGE_SIZE, ANY,
	 .help = "vmem.size=SIZE     region of the built-in device (vmem.size=256M)"},
	{"vmem.block", ARG_BLOCK_SIZE, AT(vmem_block), .min = PAGE_SIZE, ANY,
	 .help = "vmem.block=SIZE    its block size (vmem.block=2M)"},
	{"vmem.node", ARG_NUMBER, AT(vmem_node), .max = UINT16_MAX,
	 .help = "vmem.node=NUMBER   its proximity domain (vmem.node=1)"},
	{"pmem", ARG_SIZE, AT(pmem), .min = SZ_2M, .max = SZ_1G,
	 .help = "pmem=SIZE          a built-in virtio-pmem device (pmem=16M)"},
	{"vmem.fault", ARG_TEXT, AT(vmem_fault),
	 .help = "vmem.fault=NAME[:N],...  what it does wrong, N times (vmem.fault=busy:3; "
		 "vmem.fault=help lists them)"},
	/*
	 * What boot loaders leave for Linux and cannot always be talked out of. Taken without a
	 * word, while any other stranger is an error: a typing mistake must not pass for a run.
	 */
	{"earlycon", ARG_IGNORED,
	 .help = "earlycon console root ro rw quiet loglevel: for others, ignored"},
	{"console", ARG_IGNORED, .help = NULL},
	{"root", ARG_IGNORED, .help = NULL},
	{"ro", ARG_IGNORED, .help = NULL},
	{"rw", ARG_IGNORED, .help = NULL},
	{"quiet", ARG_IGNORED, .help = NULL},
	{"loglevel", ARG_IGNORED, .help = NULL},
};

/* A piece of the argument text; it has no terminator. */
struct span {
	const char *at;
	size_t len;
};

/* So that a long word leaves room for what is said about it. */
#define SHOWN_WORD_LEN 64

static bool printable(char c)
{
	return c > ' ' && c <= '~';
}

static bool blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool span_is(struct span s, const char *text)
{
	return strlen(text) == s.len && memcmp(s.at, text, s.len) == 0;
}

static void complain(struct args_errors *errors, const char *fmt, ...) printf_fn(2, 3);

static void complain(struct args_errors *errors, const char *fmt, ...)
{
	char *line;
	va_list ap;

	if (errors->nr == ARGS_MAX_ERRORS) {
		errors->lost++;
		return;
	}
	line = errors->line[errors->nr++];
	va_start(ap, fmt);
	(void)vsnprintf(line, ARGS_ERROR_LEN, fmt, ap);
	va_end(ap);
}

/* The word as it can be printed: cut, and nothing in it that moves a terminal. */
struct shown {
	char text[SHOWN_WORD_LEN + sizeof("...")];
};

static struct shown show(struct span word)
{
	struct shown s;
	size_t len = word.len > SHOWN_WORD_LEN ? SHOWN_WORD_LEN : word.len;

	for (size_t i = 0; i < len; i++)
		s.text[i] = printable(word.at[i]) ? word.at[i] : '?';
	strcpy(s.text + len, word.len > len ? "..." : "");
	return s;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

enum scan_result { SCAN_OK, SCAN_NOT_A_NUMBER, SCAN_TOO_LARGE };

/* Digits in base 10, or 16 behind 0x; what follows them stays in @s. */
static enum scan_result scan_number(struct span *s, uint64_t *value)
{
	uint64_t base = 10;
	uint64_t v = 0;
	size_t i = 0;
	size_t first;
	bool too_large = false;

	if (s->len >= 2 && s->at[0] == '0' && (s->at[1] == 'x' || s->at[1] == 'X')) {
		base = 16;
		i = 2;
	}
	for (first = i; i < s->len; i++) {
		uint64_t digit = (uint64_t)digit_value(s->at[i]);

		if (digit >= base)
			break;
		too_large = too_large || v > (UINT64_MAX - digit) / base;
		v = v * base + digit;
	}
	if (i == first)
		return SCAN_NOT_A_NUMBER;
	s->at += i;
	s->len -= i;
	*value = v;
	return too_large ? SCAN_TOO_LARGE : SCAN_OK;
}

/* A number and one of K, M, G, T, in either case. */
static enum scan_result scan_size(struct span *s, uint64_t *value)
{
	static const char units[] = "KMGTkmgt";
	enum scan_result result = scan_number(s, value);
	const char *unit;
	unsigned shift;

	if (result == SCAN_NOT_A_NUMBER || s->len == 0)
		return result;
	unit = memchr(units, s->at[0], sizeof(units) - 1);
	if (unit == NULL)
		return result;
	shift = 10 * ((unsigned)(unit - units) % 4 + 1);
	s->at++;
	s->len--;
	if (*value > UINT64_MAX >> shift)
		return SCAN_TOO_LARGE;
	*value <<= shift;
	return result;
}

/* True if @field was set. */
static bool set_number(void *field, const struct arg *arg, struct span word, struct span value,
		       struct args_errors *errors)
{
	bool is_size = arg->kind == ARG_SIZE || arg->kind == ARG_BLOCK_SIZE;
	uint64_t v = 0;
	enum scan_result result = is_size ? scan_size(&value, &v) : scan_number(&value, &v);
	struct shown s = show(word);

	if (result == SCAN_NOT_A_NUMBER || value.len != 0)
		complain(errors, "%s: not a %s", s.text,
			 is_size ? "size (try 512M, 1G)" : "number (try 4, 0x10)");
	else if (result == SCAN_TOO_LARGE || v > arg->max)
		complain(errors, "%s: too large (at most %llu)", s.text,
			 (unsigned long long)arg->max);
	else if (v < arg->min)
		complain(errors, "%s: too small (at least %llu)", s.text,
			 (unsigned long long)arg->min);
	else if (arg->kind == ARG_BLOCK_SIZE && !is_pow2(v))
		complain(errors, "%s: not a power of two", s.text);
	else if (arg->kind == ARG_WORDS && v % 8 != 0)
		complain(errors, "%s: not a multiple of 8", s.text);
	else {
		memcpy(field, &v, sizeof(v));
		return true;
	}
	return false;
}

/* The index in arg->choices; -1, and a complaint that names them all, for anything else. */
static int scan_choice(const struct arg *arg, struct span word, struct span value,
		       struct args_errors *errors)
{
	char all[ARGS_ERROR_LEN - SHOWN_WORD_LEN] = "";

	for (int i = 0; arg->choices[i] != NULL; i++) {
		size_t used = strlen(all);

		if (span_is(value, arg->choices[i]))
			return i;
		(void)snprintf(all + used, sizeof(all) - used, "%s%s", i == 0 ? "" : ", ",
			       arg->choices[i]);
	}
	complain(errors, "%s: not one of %s", show(word).text, all);
	return -1;
}

static void set_choice(void *field, const struct arg *arg, struct span word, struct span value,
		       struct args_errors *errors)
{
	int index = scan_choice(arg, word, value, errors);
	unsigned choice = (unsigned)index;
	bool on = index == 1;

	if (index < 0)
		return;
	if (arg->kind == ARG_SWITCH)
		memcpy(field, &on, sizeof(on));
	else
		memcpy(field, &choice, sizeof(choice));
}

static void set_text(char *field, struct span word, struct span value, struct args_errors *errors)
{
	if (value.len >= ARGS_TEXT_LEN) {
		complain(errors, "%s: too long (at most %d characters)", show(word).text,
			 ARGS_TEXT_LEN - 1);
		return;
	}
	memcpy(field, value.at, value.len);
	field[value.len] = '\0';
}

static const struct arg *find_arg(struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (span_is(name, table[i].name))
			return &table[i];
	}
	return NULL;
}

static void set_arg(struct args *a, const struct arg *arg, struct span word, struct span value,
		    struct args_errors *errors)
{
	unsigned char *field = (unsigned char *)a + arg->offset;
	const bool yes = true;
	const uint64_t off = 0;

	switch (arg->kind) {
	case ARG_SEED:
		if (set_number(field, arg, word, value, errors))
			a->seed_given = true;
		break;
	case ARG_PERCENT:
		if (span_is(value, "off"))
			memcpy(field, &off, sizeof(off));
		else
			(void)set_number(field, arg, word, value, errors);
		break;
	case ARG_SIZE:
	case ARG_BLOCK_SIZE:
	case ARG_NUMBER:
	case ARG_WORDS:
		(void)set_number(field, arg, word, value, errors);
		break;
	case ARG_CHOICE:
	case ARG_SWITCH:
		set_choice(field, arg, word, value, errors);
		break;
	case ARG_TEXT:
		set_text((char *)field, word, value, errors);
		break;
	case ARG_FLAG:
		memcpy(field, &yes, sizeof(yes));
		break;
	case ARG_IGNORED:
		break;
	}
}

static void parse_word(struct args *a, struct span word, struct args_errors *errors)
{
	const char *equals = memchr(word.at, '=', word.len);
	struct span name = {word.at, equals == NULL ? word.len : (size_t)(equals - word.at)};
	struct span value = {word.at + word.len, 0};
	const struct arg *arg = find_arg(name);

	if (equals != NULL)
		value = (struct span){equals + 1, word.len - name.len - 1};
	if (arg == NULL)
		complain(errors, "unknown argument \"%s\"", show(word).text);
	else if (arg->kind == ARG_FLAG && equals != NULL)
		complain(errors, "%s: takes no value", show(word).text);
	else if (arg->kind != ARG_FLAG && arg->kind != ARG_IGNORED && value.len == 0)
		complain(errors, "%s: needs a value", show(word).text);
	else {
		set_arg(a, arg, word, value, errors);
		a->given |= UINT64_C(1) << (arg - table);
	}
}

static void set_defaults(struct args *a)
{
	memset(a, 0, sizeof(*a));
	strcpy(a->test, "*");
	a->mem = UINT64_MAX;
	a->harts = UINT64_MAX;
	a->asid = 16;
	a->vmem_node = UINT64_MAX;
	a->model = true;
	a->probe = true;
	a->shuffle = true;
	a->timeout_scale = 100;
	a->repeat = 1;
	a->record = 64;
	a->quirks = true;
}

_Static_assert(ARRAY_LEN(table) <= 64, "a bit each");

static bool is_given(const struct args *a, size_t offset)
{
	unsigned i = 0;

	while (i < ARRAY_LEN(table) - 1 && table[i].offset != offset)
		i++;
	return (a->given >> i & 1) != 0;
}

#define UNLESS_GIVEN(a, field, value)                                                              \
	do {                                                                                       \
		if (!is_given((a), offsetof(struct args, field)))                                  \
			(a)->field = (value);                                                      \
	} while (0)

/* Each costs instructions that a simulator of RTL takes seconds or minutes for. */
static void set_defaults_by_set(struct args *a)
{
	bool rtl = strcmp(a->test, RTL_SET) == 0;

	UNLESS_GIVEN(a, mem, rtl ? 8 * SZ_2M : UINT64_MAX);
	UNLESS_GIVEN(a, vmem, rtl ? VMEM_ARG_BUILTIN : VMEM_ARG_AUTO);
	UNLESS_GIVEN(a, probe, !rtl);
	UNLESS_GIVEN(a, shuffle, !rtl); /* cheap ones first */
	UNLESS_GIVEN(a, brief, rtl);
	UNLESS_GIVEN(a, prealloc_min, rtl);
	UNLESS_GIVEN(a, timeout_scale, rtl ? 0 : 100); /* its seconds are not ours */
}

static void parse_text(struct args *a, const char *text, struct args_errors *errors)
{
	/* As it was written, so that it stays unless this text says otherwise. */
	if (a->endless)
		a->repeat = 0;
	while (text != NULL && *text != '\0') {
		struct span word = {text, 0};

		while (text[word.len] != '\0' && !blank(text[word.len]))
			word.len++;
		text += word.len != 0 ? word.len : 1;
		if (word.len != 0)
			parse_word(a, word, errors);
	}
}

enum err args_parse(struct args *a, const char *text, struct args_errors *errors)
{
	set_defaults(a);
	memset(errors, 0, sizeof(*errors));
	return args_parse_more(a, text, errors);
}

enum err args_parse_more(struct args *a, const char *text, struct args_errors *errors)
{
	parse_text(a, text, errors);
	/* Behind it all, wherever in the texts the word that chooses the set stands. */
	set_defaults_by_set(a);
	/* Without end: for torture.* alone; whoever multiplies by it must not come to nothing. */
	a->endless = a->repeat == 0;
	if (a->endless)
		a->repeat = 1;
	return errors->nr == 0 ? OK : ERR_INVAL;
}

const char *args_help(unsigned line)
{
	return line < ARRAY_LEN(table) ? table[line].help : NULL;
}
