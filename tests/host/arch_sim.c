/* SPDX-License-Identifier: BSD-2-Clause */
/* arch.h, lock.h, root.h, console.h and image.h of the simulated machine. */
#include "tests/host/arch_sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "firmware/console.h"
#include "firmware/image.h"
#include "firmware/lock.h"
#include "firmware/root.h"
#include "tests/host/arch_sim_fences.h"
#include "tests/host/arch_sim_tlb.h"

#define MAX_PIECES 128u

struct piece {
	struct region r;
	uint8_t *bytes;
};

static struct piece pieces[MAX_PIECES];
static unsigned nr_pieces;
static const struct piece *last_piece;

static struct hartset online;
static unsigned running;
static bool rooted[SIM_MAX_HARTS];
static paddr_t roots[SIM_MAX_HARTS];
static unsigned root_levels;
static vaddr_t direct_offset;
static struct region early;
static struct region image;
static enum sim_view kernel_view;

static const struct arch_observer *observer;
static bool have_rfence = true, have_ipi = true;
static enum err shootdown_error;
static unsigned shootdown_fails;

static void (*during_fence)(void *);
static void *during_arg;

static bool irqs_on[SIM_MAX_HARTS];
static const struct sim_weaver *weaver;

static jmp_buf panic_jump;
static bool panic_expected;
static char panic_message[CONSOLE_LINE];
static uint64_t rng;

/* ---- steps of harts that take turns */

void sim_weave(const struct sim_weaver *w)
{
	weaver = w;
	tlb_trace(w != NULL ? w->touch : NULL);
}

const struct sim_weaver *sim_weaver(void)
{
	return weaver;
}

static void point(void)
{
	if (weaver != NULL)
		weaver->point();
}

static void touch(enum sim_touch how, enum sim_thing kind, uint64_t which)
{
	if (weaver != NULL)
		weaver->touch(how, kind, which);
}

/* ---- physical memory */

uint64_t sim_rand(void)
{
	uint64_t z = rng += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint64_t sim_below(uint64_t n)
{
	return sim_rand() % n;
}

void sim_mem_add(struct region r, bool garbage)
{
	void *p = mmap(NULL, r.size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	/* All of a small piece, the ends of a large one, where boot memory is taken from. */
	uint64_t part = min_u64(r.size, 4 * SZ_2M);

	if (p == MAP_FAILED || nr_pieces == MAX_PIECES)
		panic("no memory for memory at 0x%llx", (unsigned long long)r.start);
	/* Faster by far for hundreds of short lives. */
	madvise(p, r.size, MADV_HUGEPAGE);
	if (garbage) {
		memset(p, 0xa5, part);
		memset((uint8_t *)p + r.size - part, 0x5b, part);
	}
	pieces[nr_pieces++] = (struct piece){r, p};
	last_piece = NULL;
}

void sim_mem_drop(struct region r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < nr_pieces; i++) {
		struct region p = pieces[i].r;

		if (p.start >= r.start && region_end(p) <= region_end(r))
			munmap(pieces[i].bytes, p.size);
		else
			pieces[n++] = pieces[i];
	}
	nr_pieces = n;
	last_piece = NULL;
}

static void *host_ptr(paddr_t pa)
{
	if (last_piece != NULL && pa - last_piece->r.start < last_piece->r.size)
		return last_piece->bytes + (pa - last_piece->r.start);
	for (unsigned i = 0; i < nr_pieces; i++) {
		if (pa - pieces[i].r.start < pieces[i].r.size) {
			last_piece = &pieces[i];
			return pieces[i].bytes + (pa - pieces[i].r.start);
		}
	}
	return NULL;
}

bool sim_mem_piece(unsigned i, struct region *r, uint8_t **bytes)
{
	if (i >= nr_pieces)
		return false;
	*r = pieces[i].r;
	*bytes = pieces[i].bytes;
	return true;
}

bool sim_mem_present(paddr_t pa)
{
	return host_ptr(pa) != NULL;
}

uint64_t *sim_word(paddr_t pa)
{
	return host_ptr(pa);
}

void sim_image(struct region r)
{
	image = r;
}

struct region image_region(void)
{
	return image;
}

void sim_early(struct region arena)
{
	early = arena;
}

void sim_kernel_view(enum sim_view view)
{
	kernel_view = view;
}

/* ---- addresses */

/* Harts that take turns may not use anything that could lead to two places, whichever they take. */
static void *only_way(vaddr_t va)
{
	struct sim_result r[2];
	unsigned n = tlb_outcomes(running, va, SIM_LOAD, r, 2);
	void *p;

	touch(SIM_READS, SIM_HELD, running);
	if (n != 1 || r[0].outcome != SIM_OK)
		panic("hart%u: 0x%llx is used and may fault or lead elsewhere", running,
		      (unsigned long long)va);
	p = host_ptr(r[0].pa);
	weaver->page(p);
	return p;
}

void *arch_virt_to_ptr(vaddr_t va)
{
	struct sim_result r;

	if (weaver != NULL)
		return only_way(va);
	r = tlb_access(running, va, SIM_LOAD, kernel_view);
	if (r.outcome != SIM_OK)
		panic("hart%u: 0x%llx is used and %s", running, (unsigned long long)va,
		      r.outcome == SIM_PAGE_FAULT ? "faults" : "leads to no memory");
	return host_ptr(r.pa);
}

void *phys_to_ptr(paddr_t pa)
{
	if (rooted[running])
		return arch_virt_to_ptr(pa + direct_offset);
	if (pa - early.start >= early.size || host_ptr(pa) == NULL)
		panic("0x%llx is used before it is mapped", (unsigned long long)pa);
	return host_ptr(pa);
}

paddr_t ptr_to_phys(const void *p)
{
	const uint8_t *b = p;

	for (unsigned i = 0; i < nr_pieces; i++) {
		if (b >= pieces[i].bytes && (size_t)(b - pieces[i].bytes) < pieces[i].r.size)
			return pieces[i].r.start + (uint64_t)(b - pieces[i].bytes);
	}
	panic("%p is no pointer to memory of this machine", p);
}

void arch_set_direct_offset(vaddr_t offset)
{
	direct_offset = offset;
}

void arch_set_root(paddr_t root, uint64_t mode, uint16_t asid)
{
	if (observer != NULL)
		observer->root_entered(running, root, asid);
	root_levels = (unsigned)mode - 5;
	roots[running] = root;
	rooted[running] = true;
	tlb_set_root(running, root, root_levels, asid);
	if (observer != NULL)
		observer->root_switched(running, root, asid);
}

/* ---- entries */

static uint64_t *slot_ptr(pte_slot_t slot)
{
	if (!is_aligned(slot.pa, sizeof(pte_t)))
		panic("entry at 0x%llx", (unsigned long long)slot.pa);
	return phys_to_ptr(slot.pa);
}

pte_t pte_load(pte_slot_t slot)
{
	point();
	touch(SIM_READS, SIM_SLOT, slot.pa);
	return (pte_t){*slot_ptr(slot)};
}

unsigned pte_next_used(paddr_t table, unsigned from)
{
	const uint64_t *e;

	point();
	touch(SIM_READS, SIM_TABLE, table);
	e = slot_ptr((pte_slot_t){table});
	while (from < 512 && e[from] == 0)
		from++;
	return from;
}

pte_t arch_raw_xchg(pte_slot_t slot, pte_t value)
{
	uint64_t *p = slot_ptr(slot);
	pte_t old = {*p};

	touch(SIM_WRITES, SIM_SLOT, slot.pa);
	touch(SIM_WRITES, SIM_TABLE, align_down(slot.pa, PAGE_SIZE));
	touch(SIM_WRITES, SIM_HISTORY, 0);
	tlb_store(slot.pa, old, value);
	fences_store(slot, old, value);
	*p = value.raw;
	return old;
}

bool arch_raw_cmpxchg(pte_slot_t slot, pte_t *expected, pte_t value)
{
	pte_t seen = {*slot_ptr(slot)};

	if (seen.raw == expected->raw) {
		(void)arch_raw_xchg(slot, value);
		return true;
	}
	*expected = seen;
	return false;
}

void pte_store(pte_slot_t slot, pte_t value)
{
	(void)pte_xchg(slot, value);
}

pte_t pte_xchg(pte_slot_t slot, pte_t value)
{
	return observer != NULL ? observer->write(slot, value, NULL) : arch_raw_xchg(slot, value);
}

bool pte_cmpxchg(pte_slot_t slot, pte_t *expected, pte_t value)
{
	pte_t seen;

	if (observer == NULL)
		return arch_raw_cmpxchg(slot, expected, value);
	seen = observer->write(slot, value, expected);
	if (seen.raw == expected->raw)
		return true;
	*expected = seen;
	return false;
}

/* ---- fences and harts */

void arch_observe(const struct arch_observer *obs)
{
	observer = obs;
}

void sim_fence_now(unsigned hart, const struct fence_op *op)
{
	/* What other harts hold is not changed. */
	touch(SIM_READS, SIM_HISTORY, 0);
	touch(SIM_WRITES, SIM_HELD, hart);
	tlb_fence(hart, op);
}

static void fence(const struct hartset *asked, const struct fence_op *asked_op)
{
	uint64_t token = observer != NULL ? observer->fence_begin() : 0;
	void (*fn)(void *) = during_fence;
	struct hartset harts = *asked;
	struct fence_op op = *asked_op;

	during_fence = NULL;
	if (fn != NULL)
		fn(during_arg);
	if (!fences_made(SIM_FENCE, &harts, &op))
		return;
	if (weaver != NULL)
		weaver->rfence(&harts, &op);
	hartset_for_each(h, &harts) {
		if (h < SIM_MAX_HARTS && weaver == NULL)
			tlb_fence(h, &op);
	}
	if (observer != NULL)
		observer->fence_end(&harts, &op, token);
}

static void fence_local(struct fence_op op)
{
	struct hartset self = hartset_of(running);

	fence(&self, &op);
}

void fence_local_all(void)
{
	fence_local((struct fence_op){.all_va = true, .all_asid = true});
}

void fence_local_va(vaddr_t va)
{
	fence_local((struct fence_op){.all_asid = true, .start = va, .size = 1});
}

void fence_local_asid(uint16_t asid)
{
	fence_local((struct fence_op){.all_va = true, .asid = asid});
}

void fence_local_va_asid(vaddr_t va, uint16_t asid)
{
	fence_local((struct fence_op){.start = va, .size = 1, .asid = asid});
}

/* A step of Svinval on this hart; false: the mutation takes it away. */
static bool inval_step(enum sim_step step, struct fence_op *op)
{
	struct hartset self = hartset_of(running);

	return fences_made(step, &self, op);
}

/* Svinval: what is between the first and the last step works when the last one is made. */
void fence_inval_begin(void)
{
	struct fence_op none = {0};

	if (!inval_step(SIM_INVAL_BEGIN, &none))
		return;
	if (observer != NULL)
		observer->inval_begin();
	point();
	touch(SIM_WRITES, SIM_HISTORY, 0);
	touch(SIM_WRITES, SIM_HELD, running);
	tlb_inval_begin(running);
}

static void inval(struct fence_op op)
{
	if (!inval_step(SIM_INVAL, &op))
		return;
	point();
	touch(SIM_WRITES, SIM_HISTORY, 0);
	touch(SIM_WRITES, SIM_HELD, running);
	tlb_inval(running, &op);
	if (observer != NULL)
		observer->inval(&op);
}

void fence_inval_all(void)
{
	inval((struct fence_op){.all_va = true, .all_asid = true});
}

void fence_inval_va(vaddr_t va)
{
	inval((struct fence_op){.all_asid = true, .start = va, .size = 1});
}

void fence_inval_asid(uint16_t asid)
{
	inval((struct fence_op){.all_va = true, .asid = asid});
}

void fence_inval_va_asid(vaddr_t va, uint16_t asid)
{
	inval((struct fence_op){.start = va, .size = 1, .asid = asid});
}

void fence_inval_end(void)
{
	struct fence_op none = {0};

	if (!inval_step(SIM_INVAL_END, &none))
		return;
	point();
	touch(SIM_WRITES, SIM_HISTORY, 0);
	touch(SIM_WRITES, SIM_HELD, running);
	tlb_inval_end(running);
	if (observer != NULL)
		observer->inval_end();
}

/* Simulated harts take turns: every access is ordered. */
void arch_mb(void)
{
}

void arch_wmb(void)
{
}

/* Who waits for other harts must answer them meanwhile. */
static void check_may_wait(const char *what)
{
	if (!irqs_on[running])
		panic("hart%u waits in %s with interrupts off and %u locks held", running, what,
		      spin_held());
}

static bool shootdown_fails_now(void)
{
	if (shootdown_fails == 0)
		return false;
	shootdown_fails--;
	return true;
}

bool arch_has_rfence(void)
{
	return have_rfence;
}

enum err arch_rfence(const struct hartset *targets, vaddr_t start, uint64_t size)
{
	struct fence_op op = {
		.all_va = (start == 0 && size == 0) || size == UINT64_MAX,
		.all_asid = true,
		.start = start,
		.size = size,
	};

	if (!have_rfence)
		return ERR_NOSYS;
	check_may_wait("rfence");
	if (shootdown_fails_now())
		return shootdown_error;
	fence(targets, &op);
	return OK;
}

bool arch_has_ipi(void)
{
	return have_ipi;
}

enum err arch_ipi_call(const struct hartset *targets, void (*fn)(void *), const void *arg,
		       size_t size)
{
	unsigned sender = running;
	uint64_t copy[8];

	if (!have_ipi)
		return ERR_NOSYS;
	if (size > sizeof(copy))
		return ERR_INVAL;
	check_may_wait("ipi call");
	if (shootdown_fails_now())
		return shootdown_error;
	if (weaver != NULL)
		return weaver->ipi(targets, fn, arg, size);
	hartset_for_each(h, targets) {
		if (h == sender)
			continue;
		memcpy(copy, arg, size);
		running = h;
		irqs_on[h] = false;
		fn(copy);
		irqs_on[h] = true;
	}
	running = sender;
	return OK;
}

void sim_have(bool rfence, bool ipi)
{
	have_rfence = rfence;
	have_ipi = ipi;
}

void sim_fail_shootdown(enum err err, unsigned times)
{
	shootdown_error = err;
	shootdown_fails = times;
}

unsigned arch_hart(void)
{
	return running;
}

struct hartset arch_harts_online(void)
{
	point();
	touch(SIM_READS, SIM_ONLINE, 0);
	return online;
}

void sim_run_on(unsigned hart)
{
	running = hart;
}

void sim_hart_starting(unsigned hart)
{
	unsigned before = running;

	running = hart;
	point();
	touch(SIM_WRITES, SIM_HISTORY, 0);
	touch(SIM_WRITES, SIM_HELD, hart);
	irqs_on[hart] = true;
	tlb_hart_on(hart, true);
	rooted[hart] = true;
	roots[hart] = roots[0];
	tlb_set_root(hart, roots[hart], root_levels, 0);
	if (observer != NULL)
		observer->hart_started(hart, roots[hart], 0);
	running = before;
}

void sim_hart_online(unsigned hart, bool fences)
{
	unsigned before = running;

	running = hart;
	point();
	touch(SIM_WRITES, SIM_ONLINE, 0);
	hartset_add(&online, hart);
	if (fences)
		fence_local_all();
	running = before;
}

void sim_hart_start(unsigned hart, bool fences)
{
	sim_hart_starting(hart);
	sim_hart_online(hart, fences);
}

void sim_during_fence(void (*fn)(void *), void *arg)
{
	during_fence = fn;
	during_arg = arg;
}

void sim_hart_stop(unsigned hart)
{
	point();
	touch(SIM_WRITES, SIM_HISTORY, 0);
	touch(SIM_WRITES, SIM_HELD, hart);
	tlb_hart_on(hart, false);
	/* As arch_hart_offline() has it. */
	if (observer != NULL)
		observer->hart_stopped(hart);
	point();
	touch(SIM_WRITES, SIM_ONLINE, 0);
	hartset_del(&online, hart);
}

void sim_set_root(unsigned hart, paddr_t root)
{
	unsigned before = running;

	running = hart;
	arch_set_root(root, root_levels + 5, 0);
	fence_local_all();
	running = before;
}

struct sim_result sim_access(unsigned hart, vaddr_t va, enum sim_kind kind, enum sim_view view)
{
	return tlb_access(hart, va, kind, view);
}

unsigned sim_outcomes(unsigned hart, vaddr_t va, enum sim_kind kind, struct sim_result *out,
		      unsigned max)
{
	return tlb_outcomes(hart, va, kind, out, max);
}

struct hartset sim_holders(void)
{
	return tlb_holders();
}

void arch_yield(void)
{
	if (weaver != NULL)
		weaver->yield();
}

bool arch_irq_save(void)
{
	bool on = irqs_on[running];

	if (on)
		touch(SIM_WRITES, SIM_IRQS, running);
	irqs_on[running] = false;
	return on;
}

void arch_irq_restore(bool enabled)
{
	irqs_on[running] = enabled;
	if (enabled)
		touch(SIM_GIVES, SIM_IRQS, running);
}

bool sim_irqs_on(unsigned hart)
{
	return irqs_on[hart];
}

void sim_set_irqs(unsigned hart, bool on)
{
	irqs_on[hart] = on;
}

void sim_init(uint64_t seed)
{
	rng = seed;
	tlb_init();
	tlb_hart_on(0, true);
	irqs_on[0] = true;
	hartset_add(&online, 0);
}

/* ---- console and panic */

void vsay(const char *prefix, const char *fmt, va_list ap)
{
	fputs(prefix, stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay("", fmt, ap);
	va_end(ap);
}

/* No UART of its own. */
paddr_t console_page(void)
{
	return 0;
}

void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay("# ", fmt, ap);
	va_end(ap);
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(panic_message, sizeof(panic_message), fmt, ap);
	va_end(ap);
	if (weaver != NULL)
		weaver->panic(panic_message);
	if (panic_expected)
		longjmp(panic_jump, 1);
	printf("# panic: %s\n", panic_message);
	fflush(stdout);
	_Exit(3);
}

bool sim_panics(void (*fn)(void *), void *arg)
{
	panic_message[0] = '\0';
	if (setjmp(panic_jump) != 0) {
		panic_expected = false;
		return true;
	}
	panic_expected = true;
	fn(arg);
	panic_expected = false;
	return false;
}

const char *sim_panic_text(void)
{
	return panic_message;
}
