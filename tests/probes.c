/* SPDX-License-Identifier: BSD-2-Clause */
/* What every hart sees at a list of addresses. */
#include "tests/probes.h"

#include <string.h>

#include "firmware/arch.h"
#include "firmware/console.h"
#include "mm/fault.h"
#include "mm/hotplug.h"
#include "mm/kernel.h"
#include "mm/shootdown.h"

unsigned spots_count(const struct spots *s)
{
	return (unsigned)((s->size + SZ_2M - 1) / SZ_2M) + 2;
}

vaddr_t spots_at(const struct spots *s, unsigned i)
{
	unsigned n = spots_count(s);
	struct rng r = rng_stream(s->seed, i);
	uint64_t start, len;

	if (i == 0)
		return s->va;
	if (i == n - 1)
		return s->va + s->size - sizeof(uint64_t);
	start = (i - 1) * SZ_2M;
	len = min_u64(SZ_2M, s->size - start);
	return s->va + start + align_down(rng_below(&r, len), sizeof(uint64_t));
}

/* What one hart found; one a hart, so that nothing is shared while it runs. */
struct finding {
	unsigned bad;
	vaddr_t va; /* the first one */
	struct probe seen;
	uint64_t expected;
};

struct job {
	struct spots spots;
	unsigned skip; /* so many spots are left out, from the start */
	enum access access;
	bool expect_trap;
	bool write;
	unsigned writer;   /* whose words are expected, for reads */
	uint64_t expected; /* of a fetched stub */
	struct finding found[MAX_HARTS];
};

static uint64_t word(unsigned hart, vaddr_t va)
{
	return va ^ (uint64_t)(hart + 1) << 56 ^ UINT64_C(0x5a5a);
}

static void bad(struct finding *f, vaddr_t va, struct probe seen, uint64_t expected)
{
	if (f->bad++ != 0)
		return;
	f->va = va;
	f->seen = seen;
	f->expected = expected;
}

static void trap_job(void *arg)
{
	struct job *j = arg;
	struct finding *f = &j->found[arch_hart()];
	unsigned n = spots_count(&j->spots);

	for (unsigned i = j->skip; i < n; i++) {
		vaddr_t va = spots_at(&j->spots, i);
		struct probe p = probe_access(j->access, va, word(arch_hart(), va));

		if (fault_armed(FAULT_TRAP_CAUSE) && p.cause == CAUSE_STORE_PAGE)
			p.cause = CAUSE_LOAD_PAGE;
		if (!probe_faulted(&p, j->access, va))
			bad(f, va, p, probe_page_fault(j->access));
	}
}

static void word_job(void *arg)
{
	struct job *j = arg;
	struct finding *f = &j->found[arch_hart()];
	unsigned n = spots_count(&j->spots);
	unsigned writer = j->write ? arch_hart() : j->writer;

	for (unsigned i = 0; i < n; i++) {
		vaddr_t va = spots_at(&j->spots, i);
		struct probe p = {0};

		if (j->write)
			p = probe_store(va, word(writer, va));
		if (!p.trapped)
			p = probe_load(va);
		if (p.trapped || p.value != word(writer, va))
			bad(f, va, p, word(writer, va));
	}
}

static struct job job; /* too large for a stack; one test runs at a time */

static void start_job(const struct spots *s)
{
	job = (struct job){.spots = *s};
}

static void report(struct test_run *t, unsigned h, const char *what)
{
	const struct finding *f = &job.found[h];
	unsigned n = spots_count(&job.spots);

	if (f->bad == 0)
		return;
	if (f->seen.trapped)
		test_fail(t, EVIDENCE_PROBE,
			  "hart%u (id %llu) %s: %u of %u, first at 0x%llx: %s, stval 0x%llx, "
			  "expected 0x%llx",
			  h, (unsigned long long)hart_get(h)->hartid, what, f->bad, n,
			  (unsigned long long)f->va, trap_cause_name(f->seen.cause),
			  (unsigned long long)f->seen.tval, (unsigned long long)f->expected);
	else
		test_fail(t, EVIDENCE_PROBE,
			  "hart%u (id %llu) %s: %u of %u, first at 0x%llx: no trap, saw 0x%llx, "
			  "expected %s0x%llx",
			  h, (unsigned long long)hart_get(h)->hartid, what, f->bad, n,
			  (unsigned long long)f->va, (unsigned long long)f->seen.value,
			  job.expect_trap ? "scause " : "", (unsigned long long)f->expected);
	pt_print_walk(kernel_table(), f->va);
}

void probes_write_and_read(struct test_run *t, const struct hartset *harts, const struct spots *s)
{
	hartset_for_each(h, harts) {
		struct hartset one = hartset_of(h);

		start_job(s);
		job.write = true;
		test_on_harts(t, &one, word_job, &job);
		report(t, h, "store and load back");
	}
}

void probes_read(struct test_run *t, const struct hartset *harts, const struct hartset *writers,
		 const struct spots *s)
{
	start_job(s);
	hartset_for_each(h, writers)
		job.writer = h;
	test_on_harts(t, harts, word_job, &job);
	hartset_for_each(h, harts)
		report(t, h, "load");
}

static void fetch_job(void *arg)
{
	struct job *j = arg;
	struct probe p = probe_fetch(j->spots.va);

	if (p.trapped || p.value != j->expected)
		bad(&j->found[arch_hart()], j->spots.va, p, j->expected);
}

void probes_fetch(struct test_run *t, const struct hartset *harts, vaddr_t va, uint64_t value)
{
	start_job(&(struct spots){va, PROBE_STUB_BYTES, 0});
	job.expected = value;
	test_on_harts(t, harts, fetch_job, &job);
	hartset_for_each(h, harts)
		report(t, h, "fetch");
}

/* So much at most, so that harts that share a processor let the conductor go on. */
#define USE_ROUNDS 200

static struct {
	struct hartset harts;
	const struct spots *s;
	unsigned n;
	unsigned writer;
	uint32_t stop; /* atomic */
	struct finding found[MAX_HARTS];
} use;

static void use_range(const struct spots *s, struct finding *f)
{
	unsigned n = spots_count(s);

	for (unsigned i = 0; i < n; i++) {
		vaddr_t va = spots_at(s, i);
		uint64_t due = word(use.writer, va);
		struct probe p = probe_load(va);
		bool good = !p.trapped && p.value == due;

		if (good) {
			p = probe_store(va, due);
			good = !p.trapped;
		}
		if (!good)
			bad(f, va, p, due);
	}
}

static void use_job(void *arg)
{
	struct finding *f = &use.found[arch_hart()];

	(void)arg;
	for (unsigned round = 0; round < USE_ROUNDS; round++) {
		for (unsigned i = 0; i < use.n; i++)
			use_range(&use.s[i], f);
		if (f->bad != 0 || __atomic_load_n(&use.stop, __ATOMIC_ACQUIRE) != 0)
			break;
	}
}

void probes_use_begin(const struct hartset *harts, const struct hartset *writers,
		      const struct spots *s, unsigned n)
{
	memset(&use, 0, sizeof(use));
	use.harts = *harts;
	use.s = s;
	use.n = n;
	hartset_for_each(h, writers)
		use.writer = h;
	hart_post(harts, use_job, NULL);
}

void probes_use_end(struct test_run *t)
{
	struct hartset lost;
	enum err err;

	__atomic_store_n(&use.stop, 1, __ATOMIC_RELEASE);
	err = hart_wait(&use.harts, TEST_TIMEOUT_MS / 2, &lost);
	EXPECT(t, err == OK, "harts beside the operation: %s", err_name(err));
	start_job(&use.s[0]);
	memcpy(job.found, use.found, sizeof(job.found));
	hartset_for_each(h, &use.harts)
		report(t, h, "use beside the operation");
}

static void page_job(void *arg)
{
	struct job *j = arg;
	struct rng r = rng_stream(j->spots.seed, arch_hart());

	for (uint64_t off = 0; off < j->spots.size; off += PAGE_SIZE) {
		vaddr_t va = j->spots.va + off + align_down(rng_below(&r, PAGE_SIZE), 8);
		struct probe p = probe_load(va);

		if (p.trapped)
			bad(&j->found[arch_hart()], va, p, 0);
	}
}

void probes_load_pages(struct test_run *t, const struct hartset *harts, vaddr_t va, uint64_t size)
{
	start_job(&(struct spots){va, size, t->bench->seed});
	test_on_harts(t, harts, page_job, &job);
	hartset_for_each(h, harts)
		report(t, h, "load of any value");
}

void probes_must_trap(struct test_run *t, const struct hartset *harts, const struct spots *s,
		      enum access a)
{
	start_job(s);
	job.access = a;
	job.expect_trap = true;
	test_on_harts(t, harts, trap_job, &job);
	hartset_for_each(h, harts)
		report(t, h, access_name(a));
}

#define MAX_CONTROL_SPOTS 16

static struct {
	struct test_run *t;
	struct hartset harts;
	struct spots spots;
	enum access access;
} control;

static void run_control(void *arg)
{
	struct hartset lost;
	unsigned n;

	(void)arg;
	/* Not the change yet: order=linux fences the frame table's first. */
	if (hotplug_order() == TEARDOWN_LINUX &&
	    pt_lookup(kernel_table(), control.spots.va).mapped) {
		shootdown_before_next(run_control, NULL);
		return;
	}
	n = spots_count(&control.spots);
	start_job(&control.spots);
	job.access = control.access;
	/* Seeing is enough here: what was touched last is held most likely. */
	if (n > MAX_CONTROL_SPOTS)
		job.skip = n - MAX_CONTROL_SPOTS;
	if (hart_run(&control.harts, trap_job, &job, TEST_TIMEOUT_MS / 2, &lost) != OK) {
		/* Inside an operation, with its locks held: recorded, not left. */
		hartset_for_each(h, &lost)
			test_fail(control.t, EVIDENCE_PROBE,
				  "hart%u trapped or hung between the change and its fence", h);
	}
	hartset_sub(&control.harts, &lost);
	hartset_for_each(h, &control.harts)
		test_control(control.t, control.access, h, job.found[h].bad, n - job.skip);
}

void probes_control_next(struct test_run *t, const struct hartset *harts, const struct spots *s,
			 enum access a)
{
	control.t = t;
	control.harts = *harts;
	control.spots = *s;
	control.access = a;
	shootdown_before_next(run_control, NULL);
}
