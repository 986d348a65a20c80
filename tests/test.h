/* SPDX-License-Identifier: BSD-2-Clause */
/* How a test is written: declared where it stands, judged by what it records. */
#ifndef TESTS_TEST_H
#define TESTS_TEST_H

#include "firmware/args.h"
#include "firmware/hart.h"
#include "firmware/machine.h"
#include "firmware/probe.h"
#include "firmware/rand.h"
#include "firmware/types.h"
#include "platform/virtio_mem.h"
#include "platform/virtio_pmem.h"

/* What a test needs of the machine; without it, it is skipped with the reason. */
#define NEEDS_SMP 1u	/* a second hart */
#define NEEDS_VMEM 2u	/* a virtio-mem device */
#define NEEDS_RFENCE 4u /* SBI RFENCE */
#define NEEDS_HSM 8u	/* SBI HSM */

/* How a failure was seen. */
enum evidence { EVIDENCE_PROBE, EVIDENCE_MODEL, EVIDENCE_ACCOUNTS, EVIDENCE_CHECK, NR_EVIDENCE };

struct test_run;

struct test {
	const char *suite;
	const char *name;
	void (*fn)(struct test_run *t);
	/* "the clause that a failed probe breaks" */
	const char *clause;
	const void *arg;     /* of a test that is a row of a table */
	unsigned timeout_ms; /* 0: TEST_TIMEOUT_MS */
	uint8_t needs;	     /* NEEDS_* */
	/* Judges the machine, not the code that hot-plugs memory: counted in "# sensitivity:". */
	bool machine;
};

#define TEST_TIMEOUT_MS 20000
#define TEST_MAX_FAIL_LINES 12 /* what is behind them is counted */

/* So many virtio-mem devices are used; of more than these the rest is left alone, and noted. */
#define MAX_VMEMS 4

/* What the machine offers to tests; const while they run. */
struct bench {
	const struct machine *machine;
	const struct args *args;
	struct virtio_mem *vmem; /* the first one, which most tests use alone; NULL: none */
	struct virtio_mem *vmems[MAX_VMEMS]; /* all of them, by ascending region */
	unsigned nr_vmems;
	const char *vmem_why;	   /* why there is none */
	bool vmem_due;		   /* there should be one: its absence is no reason to skip */
	bool builtin;		   /* the device is the built-in one */
	struct region carved;	   /* the built-in device's region; empty without one */
	struct region carved_pmem; /* the same of a built-in virtio-pmem device */
	struct virtio_pmem *pmem;  /* NULL: there is none */
	uint32_t modes;		   /* measured, bit SATP_MODE_* */
	uint64_t boot_hartid;
	uint64_t entry_instret; /* of the boot hart where the image began; 0: it cannot be read */
	uint64_t seed;
};

struct test_run {
	const struct test *test;
	const struct bench *bench;
	struct hartset all;   /* boot hart and peers */
	struct hartset peers; /* without the boot hart */
	struct rng rng;
	unsigned fails;
	uint32_t evidence; /* bit enum evidence */
	bool skipped;
	char skip_reason[128];
	void (*cleanup)(void); /* what the test leaves behind when it is left; NULL: nothing */
	bool verbose;	       /* each hot-plug operation prints its line */
	/*
	 * The control: how often the old entry was still used without the fence, and which harts
	 * used it, by kind of access. A kind that only the boot hart saw proves nothing of the
	 * others.
	 */
	unsigned control_stale, control_tries;
	uint32_t control_kinds; /* bit enum access: a control was made */
	struct hartset control_saw[NR_ACCESSES];
	/* Tests of the machine: combinations tried, and those whose control saw nothing. */
	unsigned cells, cells_blind;
	uint32_t stale_fences; /* bit enum fence: behind these something old was seen */
	bool other_bad;	       /* something else than an old entry was seen */
};

/* They lie side by side (linker/hotwalk.ld): no larger alignment than the type's. */
#define TEST_SECTION(name) __attribute__((section(name), used, aligned(_Alignof(struct test))))
#define TEST_ENTRY(s, ident, ...)                                                                  \
	static const struct test desc_##s##_##ident TEST_SECTION(".tests." #s "." #ident) = {      \
		.suite = #s, __VA_ARGS__};

#define TEST(s, n, ...)                                                                            \
	static void test_##s##_##n(struct test_run *t);                                            \
	TEST_ENTRY(s, n, .name = #n, .fn = test_##s##_##n, ##__VA_ARGS__)                          \
	static void test_##s##_##n(struct test_run *t)

/* The same for a test whose name has dots, or that shares its function with other rows. */
#define TEST_ROW(s, ident, n, f, ...) TEST_ENTRY(s, ident, .name = n, .fn = f, ##__VA_ARGS__)

/* Record a failure: one diagnostic line with its evidence. Goes on. Conductor hart only. */
void test_fail(struct test_run *t, enum evidence e, const char *fmt, ...) printf_fn(3, 4);
/* What is behind EXPECT(), ASSERT(), EXPECT_OK() and ASSERT_OK(): hundreds of calls, so short ones.
 */
void test_expect_failed(struct test_run *t, const char *fmt, ...) printf_fn(2, 3);
void test_assert_failed(struct test_run *t, const char *fmt, ...) printf_fn(2, 3) noreturn_fn;
void test_expect_not_ok(struct test_run *t, const char *expr, enum err err);
void test_assert_not_ok(struct test_run *t, const char *expr, enum err err) noreturn_fn;
void test_skip(struct test_run *t, const char *fmt, ...) printf_fn(2, 3);
/* How long it may take, on a machine with these harts. */
unsigned test_timeout_ms(const struct test_run *t);
/* Its deadline from now on anew: a test that goes on in rounds calls it before each. */
void test_renew(struct test_run *t);
/* Leave the test now. */
void test_leave(void) noreturn_fn;

/* Part of the same steps as the check, without the fence: what one hart saw. */
void test_control(struct test_run *t, enum access a, unsigned hart, unsigned stale, unsigned tries);

#define EXPECT(t, cond, ...)                                                                       \
	do {                                                                                       \
		if (!(cond))                                                                       \
			test_expect_failed((t), __VA_ARGS__);                                      \
	} while (0)

#define ASSERT(t, cond, ...)                                                                       \
	do {                                                                                       \
		if (!(cond))                                                                       \
			test_assert_failed((t), __VA_ARGS__);                                      \
	} while (0)

#define EXPECT_OK(t, expr)                                                                         \
	do {                                                                                       \
		enum err expect_err = (expr);                                                      \
		if (expect_err != OK)                                                              \
			test_expect_not_ok((t), #expr, expect_err);                                \
	} while (0)

#define ASSERT_OK(t, expr)                                                                         \
	do {                                                                                       \
		enum err assert_err = (expr);                                                      \
		if (assert_err != OK)                                                              \
			test_assert_not_ok((t), #expr, assert_err);                                \
	} while (0)

/* Run on harts and fail the test if one is lost or traps. */
void test_on_harts(struct test_run *t, const struct hartset *harts, void (*fn)(void *), void *arg);
/* The same for jobs that were posted before (hart_post()). */
void test_wait_harts(struct test_run *t, const struct hartset *harts);
/* Fail the test for @lost harts, by what became of their jobs, and leave it. */
void test_lost_harts(struct test_run *t, const struct hartset *lost) noreturn_fn;

#endif
