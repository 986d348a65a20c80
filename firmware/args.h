/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot arguments: one table, parsed once, const from then on. */
#ifndef FIRMWARE_ARGS_H
#define FIRMWARE_ARGS_H

#include "firmware/types.h"

enum mode_arg { MODE_ARG_AUTO, MODE_ARG_SV39, MODE_ARG_SV48, MODE_ARG_SV57 };
enum vmem_arg { VMEM_ARG_AUTO, VMEM_ARG_VHOST, VMEM_ARG_BUILTIN, VMEM_ARG_NONE };
enum order_arg { ORDER_ARG_SAFE, ORDER_ARG_LINUX };
enum irq_arg { IRQ_ARG_AUTO, IRQ_ARG_WIRE, IRQ_ARG_POLL };
enum flush_arg { FLUSH_ARG_AUTO, FLUSH_ARG_SBI, FLUSH_ARG_IPI, FLUSH_ARG_SVINVAL };

#define ARGS_TEXT_LEN 256

struct args {
	char test[ARGS_TEXT_LEN];	/* comma separated globs, "*" by default */
	char inject[ARGS_TEXT_LEN];	/* comma separated fault names, "" by default */
	char vmem_fault[ARGS_TEXT_LEN]; /* vmem.fault=, of the built-in device, "" by default */
	char ext[ARGS_TEXT_LEN]; /* ext=, extensions not to use: "-svinval,...", "" by default */
	uint64_t seed;
	bool seed_given;
	uint64_t mem;		/* boot RAM in bytes, UINT64_MAX: all */
	enum mode_arg mode;	/* mode=auto|sv39|sv48|sv57 */
	enum vmem_arg vmem;	/* vmem=auto|vhost|builtin|none */
	uint64_t vmem_size;	/* vmem.size=, built-in device's region, 0: default */
	uint64_t vmem_block;	/* vmem.block=, built-in device's block size, 0: default */
	uint64_t vmem_node;	/* vmem.node=, its proximity domain, UINT64_MAX: it has none */
	uint64_t pmem;		/* pmem=, the built-in virtio-pmem device's memory, 0: none */
	uint64_t harts;		/* harts=, at most that many are used, UINT64_MAX: all */
	uint64_t asid;		/* asid=, bits of ASID to be used at most, 16 by default */
	enum irq_arg irq;	/* irq=auto|wire|poll, how devices interrupt */
	enum flush_arg flush;	/* flush=auto|sbi|ipi|svinval */
	enum order_arg order;	/* order=safe|linux, of hot-remove */
	bool model;		/* model=on|off */
	bool probe;		/* probe=on|off, of RAM and devices */
	bool shuffle;		/* shuffle=on|off */
	bool brief;		/* brief=on|off, only the lines that matter */
	bool prealloc_min;	/* prealloc=all|min, root entries for the RAM alone */
	uint64_t timeout_scale; /* timeout=, percent of each test's deadline, 100; 0: off */
	uint64_t repeat;	/* repeat=, how much more often tests at random try; at least 1 */
	bool endless;		/* repeat=0: torture.* goes on until it is stopped */
	bool quirks;		/* quirks=auto|none: known deviations are expected failures */
	uint64_t record; /* record=, bytes from one frame's record to the next, 64 by default */
	bool list;	 /* list: print the tests and stop */
	uint64_t given;	 /* which of the arguments were, in the order of args_help() */
};

#define ARGS_MAX_ERRORS 8
#define ARGS_ERROR_LEN 128

/* test=RTL_SET: the tests of tests/rtl.h, with defaults for who runs a million instructions a
 * minute. */
#define RTL_SET "rtl"

/* What was wrong, a line each with the word and the value in it. */
struct args_errors {
	char line[ARGS_MAX_ERRORS][ARGS_ERROR_LEN];
	unsigned nr;
	unsigned lost;
};

/*
 * Parse @text (words separated by blanks, name=value; sizes take K, M, G, T; numbers take 0x).
 * What is not given, or given wrongly, has its default in @a; of a word given twice the last one
 * counts. Returns OK, or ERR_INVAL with every wrong word in @errors; the other words are honoured
 * all the same. Any text will do, NULL too. test=rtl has defaults of its own: what is given counts.
 */
enum err must_check args_parse(struct args *a, const char *text, struct args_errors *errors);

/*
 * The same on top of what @a holds already, which stays where @text says nothing; errors are
 * added to @errors. Returns ERR_INVAL if it holds any, also from before.
 */
enum err must_check args_parse_more(struct args *a, const char *text, struct args_errors *errors);

/* The names of all arguments with their values, a line each: what "unknown argument" prints. */
const char *args_help(unsigned line); /* NULL behind the last one */

#endif
