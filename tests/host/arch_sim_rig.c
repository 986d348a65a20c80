/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios, machines, accounts. */
#include "tests/host/arch_sim_rig.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "firmware/image.h"
#include "firmware/root.h"
#include "mm/audit.h"
#include "mm/bootmem.h"
#include "mm/hotplug.h"
#include "mm/kernel.h"
#include "mm/ptpage.h"
#include "tests/host/tap.h"

#define MAX_SHOWN 6u
#define TIMEOUT_S 60u
#define MAX_OUTCOMES 64u

static unsigned failures;
static bool capture;
static char first_failure[256];

bool rig_run(void (*fn)(const void *), const void *arg)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		alarm(TIMEOUT_S);
		fn(arg);
		rig_stop();
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return false;
	if (WIFSIGNALED(status))
		printf("# died of signal %d\n", WTERMSIG(status));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void rig_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	if (++failures > MAX_SHOWN)
		return;
	if (capture) {
		if (failures == 1) {
			va_start(ap, fmt);
			vsnprintf(first_failure, sizeof(first_failure), fmt, ap);
			va_end(ap);
		}
		return;
	}
	printf("# %s:%d: ", file, line);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

void rig_capture(bool on)
{
	capture = on;
}

const char *rig_first_failure(void)
{
	return first_failure[0] != '\0' ? first_failure : NULL;
}

unsigned rig_failures(void)
{
	return failures;
}

/* libgcov's, in a program that counts lines only: _exit() would lose what was counted. */
extern void __gcov_dump(void) __attribute__((weak));

void rig_stop(void)
{
	if (first_failure[0] != '\0')
		printf("# %s\n", first_failure);
	if (failures > MAX_SHOWN)
		printf("# and %u more\n", failures - MAX_SHOWN);
	fflush(stdout);
	if (__gcov_dump != NULL)
		__gcov_dump();
	_exit(failures != 0);
}

/* ---- machines */

#define MIB UINT64_C(0x100000)
#define GIB (UINT64_C(1) << 30)

const struct shape rig_shapes[] = {
	{"usual", {{2 * GIB, 32 * MIB}}, 1, {{2 * GIB, MIB / 2}}, 1, {2 * GIB + 2 * MIB, 4 * MIB}},
	{"at 0", {{0, 64 * MIB}}, 1, {{0}}, 0, {32 * MIB, 4 * MIB}},
	{"at 0, image first", {{0, 64 * MIB}}, 1, {{0}}, 0, {0, 4 * MIB}},
	{"at 1 GiB, 1.5 GiB", {{GIB, 3 * GIB / 2}}, 1, {{0}}, 0, {GIB, 4 * MIB}},
	{"at 4 GiB", {{4 * GIB, 128 * MIB}}, 1, {{0}}, 0, {4 * GIB + 64 * MIB, 4 * MIB}},
	{"not at a GiB",
	 {{2 * GIB + 640 * MIB, 512 * MIB}},
	 1,
	 {{0}},
	 0,
	 {2 * GIB + 642 * MIB, 4 * MIB}},
	{"ends are single pages",
	 {{2 * GIB + PAGE_SIZE, 48 * MIB - 2 * PAGE_SIZE}},
	 1,
	 {{0}},
	 0,
	 {2 * GIB + 4 * MIB, 4 * MIB}},
	{"holes",
	 {{2 * GIB, 96 * MIB}},
	 1,
	 {{2 * GIB, MIB},
	  {2 * GIB + 40 * MIB, PAGE_SIZE},
	  {2 * GIB + 50 * MIB + PAGE_SIZE, 3 * MIB},
	  {3 * GIB, MIB}},
	 4,
	 {2 * GIB + 2 * MIB, 4 * MIB}},
	{"four pieces",
	 {{2 * GIB, 16 * MIB},
	  {2 * GIB + 17 * MIB, 8 * MIB - 16 * PAGE_SIZE},
	  {2 * GIB + 25 * MIB - 8 * PAGE_SIZE, MIB},
	  {6 * GIB, 64 * MIB}},
	 4,
	 {{0}},
	 0,
	 {2 * GIB + 2 * MIB, 4 * MIB}},
	{"tiny", {{2 * GIB, 8 * MIB}}, 1, {{2 * GIB, MIB}}, 1, {2 * GIB + 2 * MIB, 4 * MIB}},
};
const unsigned rig_nr_shapes = ARRAY_LEN(rig_shapes);
const struct shape *const rig_usual = &rig_shapes[0];

const struct shape rig_roomy = {.name = "roomy",
				.ram = {{UINT64_C(0x80000000), 64 * SZ_2M}},
				.nr_ram = 1,
				.image = {UINT64_C(0x80200000), 2 * SZ_2M}};

int rig_main(struct rig rig, const struct rig_test *tests, unsigned nr)
{
	for (unsigned m = 0; m < ARRAY_LEN(mmu_modes); m++) {
		rig.mode = &mmu_modes[m];
		for (unsigned i = 0; i < nr; i++)
			tap_ok(rig_run(tests[i].fn, &rig), "%s: %s", rig.mode->name, tests[i].name);
	}
	return tap_done();
}

const struct machine *rig_machine(const struct shape *shape)
{
	static struct machine m;

	memset(&m, 0, sizeof(m));
	memcpy(m.ram, shape->ram, sizeof(shape->ram));
	m.nr_ram = shape->nr_ram;
	memcpy(m.reserved, shape->reserved, sizeof(shape->reserved));
	m.nr_reserved = shape->nr_reserved;
	return &m;
}

void rig_arm(const char *faults)
{
	char unknown[32] = "";

	fault_disarm();
	REQUIRE(fault_arm(faults, unknown, sizeof(unknown)) == OK, "no fault %s", unknown);
}

enum err rig_boot_kernel(const struct rig *rig)
{
	const struct shape *shape = rig->shape != NULL ? rig->shape : rig_usual;
	const struct machine *m = rig_machine(shape);
	enum err err;

	sim_init(rig->seed);
	for (unsigned i = 0; i < shape->nr_ram; i++)
		sim_mem_add(shape->ram[i], true);
	sim_image(shape->image);
	if (rig->faults != NULL)
		rig_arm(rig->faults);
	err = bootmem_init(m, image_region(), region_end(kernel_mappable(rig->mode, m)));
	if (err != OK)
		return err;
	sim_early(bootmem_arena());
	arch_set_direct_offset(0);
	err = kernel_init(rig->mode, m);
	return err == OK ? hotplug_init(m) : err;
}

void rig_boot(const struct rig *rig)
{
	REQUIRE_OK(rig_boot_kernel(rig));
	REQUIRE_OK(ptpage_init());
	if (!rig->no_model)
		model_init(kernel_table(), kernel_mappable_range());
	for (unsigned h = 1; h < rig->harts; h++)
		sim_hart_start(h, true);
	shootdown_use(rig->backend);
	sim_kernel_view(rig->view);
}

/* ---- what must hold */

struct rig_accounts rig_accounts(void)
{
	ptpage_drain();
	return (struct rig_accounts){frame_counts(), ptpage_live()};
}

void rig_check_accounts(const struct rig_accounts *before, const char *when)
{
	struct rig_accounts now = rig_accounts();
	const char *first;
	paddr_t at;
	unsigned n;

	n = frame_errors(&first);
	CHECK(n == 0, "%s: %u wrong frees, the first: %s", when, n, first);
	n = ptpage_errors(&at);
	CHECK(n == 0, "%s: %u dead tables were written to, the first at 0x%llx", when, n,
	      (unsigned long long)at);
	CHECK(now.tables == before->tables, "%s: %llu table pages, were %llu", when,
	      (unsigned long long)now.tables, (unsigned long long)before->tables);
	CHECK(now.frames.free == before->frames.free, "%s: %llu free frames, were %llu", when,
	      (unsigned long long)now.frames.free, (unsigned long long)before->frames.free);
	for (unsigned o = 0; o < NR_OWNERS; o++)
		CHECK(now.frames.owned[o] == before->frames.owned[o],
		      "%s: %llu frames owned by %s, were %llu", when,
		      (unsigned long long)now.frames.owned[o], owner_name((enum owner)o),
		      (unsigned long long)before->frames.owned[o]);
	CHECK(sim_lock_errors() == 0, "%s: locks were misused", when);
	CHECK(spin_held() == 0, "%s: %u locks are held", when, spin_held());
}

void rig_check_table(const struct ptable *pt, const char *when)
{
	struct audit a = audit_table(pt);

	CHECK(a.problem == AUDIT_OK, "%s: %s: %s: va 0x%llx l%u entry 0x%llx expected 0x%llx", when,
	      pt->name, audit_problem_name(a.problem), (unsigned long long)a.va, a.level,
	      (unsigned long long)a.seen.raw, (unsigned long long)a.expected);
}

void rig_check_kernel(const char *when)
{
	rig_check_table(kernel_table(), when);
}

static void print_violation(const struct violation *v)
{
	printf("#   %s: pa 0x%llx va 0x%llx l%u old 0x%llx by hart%u holders 0x%llx\n",
	       violation_name(v->kind), (unsigned long long)v->pa, (unsigned long long)v->va,
	       v->level, (unsigned long long)v->old.raw, v->writer,
	       (unsigned long long)v->holders.bits[0]);
	if (v->op != NULL)
		printf("#   store %llu of %s; %s\n", (unsigned long long)v->store, v->op,
		       fence_gap_text(v->gap));
}

void rig_check_silent(const char *when)
{
	struct violation v[4];
	unsigned kept;
	unsigned n = model_take_violations(v, ARRAY_LEN(v), &kept);

	CHECK(n == 0, "%s: the model reports %u violations, the first: %s, holders 0x%llx", when, n,
	      n != 0 ? violation_name(v[0].kind) : "",
	      n != 0 ? (unsigned long long)v[0].holders.bits[0] : 0);
	for (unsigned i = 0; i < kept && failures < MAX_SHOWN && !capture; i++)
		print_violation(&v[i]);
}

uint32_t rig_take_violations(void)
{
	static struct violation v[64];
	unsigned kept;
	uint32_t kinds = 0;

	model_take_violations(v, ARRAY_LEN(v), &kept);
	for (unsigned i = 0; i < kept; i++)
		kinds |= UINT32_C(1) << v[i].kind;
	return kinds;
}

void rig_check_everywhere(vaddr_t va, paddr_t pa, const char *when)
{
	struct hartset online = arch_harts_online();
	struct sim_result r[MAX_OUTCOMES];

	hartset_for_each(h, &online) {
		unsigned n = sim_outcomes(h, va, SIM_LOAD, r, MAX_OUTCOMES);

		for (unsigned i = 0; i < n; i++) {
			paddr_t seen = r[i].outcome == SIM_OK ? r[i].pa : FRAME_NONE;

			CHECK(seen == pa, "%s: hart%u may get 0x%llx for 0x%llx, due 0x%llx", when,
			      h, (unsigned long long)seen, (unsigned long long)va,
			      (unsigned long long)pa);
		}
	}
}

bool rig_stale_somewhere(vaddr_t va)
{
	struct hartset online = arch_harts_online();
	struct sim_result r[2];

	hartset_for_each(h, &online) {
		if (sim_outcomes(h, va, SIM_LOAD, r, 2) > 1)
			return true;
	}
	return false;
}

bool rig_canary_somewhere(vaddr_t va)
{
	struct hartset online = arch_harts_online();
	struct sim_result r[MAX_OUTCOMES];

	hartset_for_each(h, &online) {
		unsigned n = sim_outcomes(h, va, SIM_LOAD, r, MAX_OUTCOMES);

		for (unsigned i = 0; i < n; i++) {
			if (r[i].outcome == SIM_OK && r[i].value == CANARY_WORD)
				return true;
		}
	}
	return false;
}
