/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of mm/ have in common: scenarios, each in a process of its own since mm/ keeps
 * its state in statics; machines of several shapes; the accounts.
 */
#ifndef TESTS_HOST_ARCH_SIM_RIG_H
#define TESTS_HOST_ARCH_SIM_RIG_H

#include "firmware/machine.h"
#include "mm/fault.h"
#include "mm/frame.h"
#include "mm/model.h"
#include "mm/mode.h"
#include "mm/shootdown.h"
#include "mm/walk.h"
#include "tests/host/arch_sim.h"

/* ---- scenarios */

/* Run @fn(@arg) in a process of its own; true if it passed every CHECK and did not die. */
bool rig_run(void (*fn)(const void *), const void *arg);

/* Print the failure and remember it; more than a few are only counted. */
void rig_fail(const char *file, int line, const char *fmt, ...) printf_fn(3, 4);
unsigned rig_failures(void);
/* Print none, keep the first. */
void rig_capture(bool capture);
/* NULL: there is none. */
const char *rig_first_failure(void);
/* End the scenario here. */
void rig_stop(void) noreturn_fn;

#define CHECK(cond, ...)                                                                           \
	do {                                                                                       \
		if (!(cond))                                                                       \
			rig_fail(__FILE__, __LINE__, __VA_ARGS__);                                 \
	} while (0)

/* For what the rest of the scenario needs. */
#define REQUIRE(cond, ...)                                                                         \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			rig_fail(__FILE__, __LINE__, __VA_ARGS__);                                 \
			rig_stop();                                                                \
		}                                                                                  \
	} while (0)

#define CHECK_ERR(got, want)                                                                       \
	do {                                                                                       \
		enum err got_ = (got);                                                             \
		CHECK(got_ == (want), "%s: %s, due %s", #got, err_name(got_), err_name(want));     \
	} while (0)

#define REQUIRE_OK(got)                                                                            \
	do {                                                                                       \
		enum err got_ = (got);                                                             \
		REQUIRE(got_ == OK, "%s: %s", #got, err_name(got_));                               \
	} while (0)

/* ---- machines */

struct shape {
	const char *name;
	struct region ram[4];
	unsigned nr_ram;
	struct region reserved[4];
	unsigned nr_reserved;
	struct region image;
};

extern const struct shape rig_shapes[];
extern const unsigned rig_nr_shapes;
/* 32 MiB at 0x80000000 with firmware in front. */
extern const struct shape *const rig_usual;
/* 128 MiB there: for many tables, or records of much hot-added memory. */
extern const struct shape rig_roomy;

struct rig {
	const struct shape *shape; /* NULL: the usual one */
	const struct mmu_mode *mode;
	unsigned harts; /* 0: one */
	enum shootdown_backend backend;
	const char *faults; /* armed before the first line of mm/ runs; NULL: none */
	bool no_model;
	enum sim_view view; /* of mm/'s own accesses, once it runs */
	uint64_t seed;
};

struct rig_test {
	const char *name;
	void (*fn)(const void *); /* gets the rig */
};

/* A whole program: each of @tests on @rig in each mode. To be returned from main(). */
int rig_main(struct rig rig, const struct rig_test *tests, unsigned nr);

/* Boot as tests/main.c does. The scenario ends if that fails. */
void rig_boot(const struct rig *rig);
/* The same up to kernel_init(), whose error is returned. */
enum err must_check rig_boot_kernel(const struct rig *rig);
/* The device tree of @shape. */
const struct machine *rig_machine(const struct shape *shape);
void rig_arm(const char *faults);

/* ---- what must hold */

struct rig_accounts {
	struct frame_counts frames;
	uint64_t tables;
};

struct rig_accounts rig_accounts(void);
/* No wrong frees, no dead table written to, no lock misused, and the same as at @before. */
void rig_check_accounts(const struct rig_accounts *before, const char *when);
/* The kernel's table is what its shadow map says. */
void rig_check_kernel(const char *when);
void rig_check_table(const struct ptable *pt, const char *when);
/* The model has nothing to say. */
void rig_check_silent(const char *when);
/* Bit n: a violation of kind n was reported since the last look. */
uint32_t rig_take_violations(void);

/*
 * Every hart, whatever it may still hold, gets for @va what the table says: @pa, or a fault if it
 * is FRAME_NONE.
 */
void rig_check_everywhere(vaddr_t va, paddr_t pa, const char *when);
/* Some hart may get something else. */
bool rig_stale_somewhere(vaddr_t va);
/* Some hart's load may end in a dead table's canary. */
bool rig_canary_somewhere(vaddr_t va);

#endif
