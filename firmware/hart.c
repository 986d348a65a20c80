/* SPDX-License-Identifier: BSD-2-Clause */
/* Harts: start through HSM or out of the waiting room, sleep and wake, jobs for idle harts. */
#include "firmware/hart.h"

#include "firmware/arch.h"
#include "firmware/arch_priv.h"
#include "firmware/console.h"
#include "firmware/csr.h"
#include "firmware/hart_priv.h"
#include "firmware/hart_room.h"
#include "firmware/image.h"
#include "firmware/offsets.h"
#include "firmware/probe.h"
#include "firmware/sbi.h"
#include "firmware/time.h"

_Static_assert(offsetof(struct hart_boot, satp) == HART_BOOT_SATP, "start.S");
_Static_assert(offsetof(struct hart_boot, stvec) == HART_BOOT_STVEC, "start.S");
_Static_assert(offsetof(struct hart_boot, sp) == HART_BOOT_SP, "start.S");
_Static_assert(offsetof(struct hart_boot, tp) == HART_BOOT_TP, "start.S");
_Static_assert(offsetof(struct hart_boot, fence) == HART_BOOT_FENCE, "start.S");
_Static_assert(offsetof(struct hart, probe_resume) == HART_PROBE_RESUME, "trap_entry.S");
_Static_assert(offsetof(struct context, s) == CTX_S(0), "trap_entry.S");

extern struct hart hart_table[MAX_HARTS];
struct hart hart_table[MAX_HARTS];
struct hart_boot hart_boot[MAX_HARTS];
static unsigned nr_harts;
struct hartset hart_peer_set;
static struct hartset arrived;

void hart_main(void);

struct hart *hart_get(unsigned hart)
{
	return &hart_table[hart];
}

unsigned hart_count(void)
{
	return nr_harts;
}

unsigned hart_cpu_index(unsigned hart)
{
	return hart_table[hart].cpu;
}

static void hart_add(uint64_t hartid, unsigned cpu)
{
	struct hart *h = &hart_table[nr_harts];

	h->index = nr_harts++;
	h->hartid = hartid;
	h->cpu = cpu;
}

unsigned hart_init(const struct machine *m, uint64_t boot_hartid, uint64_t limit)
{
	unsigned boot_cpu = m->nr_cpus;

	for (unsigned i = 0; i < m->nr_cpus; i++) {
		if (m->cpus[i].hartid == boot_hartid)
			boot_cpu = i;
	}
	hart_add(boot_hartid, boot_cpu < m->nr_cpus ? boot_cpu : 0);
	arch_hart_online(0);
	if (boot_cpu == m->nr_cpus) {
		note("dt: boot hart id %llu is not among the enabled cpus: it runs alone",
		     (unsigned long long)boot_hartid);
		return nr_harts;
	}
	for (unsigned i = 0; i < m->nr_cpus && nr_harts < limit; i++) {
		if (i != boot_cpu)
			hart_add(m->cpus[i].hartid, i);
	}
	return nr_harts;
}

/*
 * A machine with fewer processors than harts (QEMU with thread=single gives each 100 ms) would
 * spend its time spinning; hence the sleep.
 */
#define SPIN_US 20

static bool wait_until(bool (*done)(void *), void *arg, uint64_t deadline, uint64_t sleep_at)
{
	struct hart *h = hart_self();

	while (!done(arg)) {
		bool irq;

		if (time_past(deadline))
			return done(arg);
		hart_ipi_poll();
		if (time_us() < sleep_at) {
			arch_yield();
			continue;
		}
		/*
		 * Store the flag, then look again, with interrupts off until WFI: either we see
		 * the work done, or the other hart sees the flag and its interrupt ends the WFI.
		 */
		irq = arch_irq_save();
		__atomic_store_n(&h->waiting, 1, __ATOMIC_SEQ_CST);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (!done(arg) && __atomic_load_n(&h->ipi_pending, __ATOMIC_RELAXED) == 0)
			hart_wfi();
		__atomic_store_n(&h->waiting, 0, __ATOMIC_RELAXED);
		/*
		 * As their handler does, if they were off. Cleared and not answered, a call that
		 * came with what was waited for would stay unanswered: we may not come back here.
		 */
		if (!irq) {
			csr_read_clear_sip(UINT64_C(1) << IRQ_SOFT);
			hart_ipi_poll();
		}
		arch_irq_restore(irq);
	}
	return true;
}

bool hart_wait_until(bool (*done)(void *), void *arg, uint64_t deadline)
{
	return wait_until(done, arg, deadline, time_us() + SPIN_US);
}

bool hart_sleep_until(bool (*done)(void *), void *arg, uint64_t deadline)
{
	return wait_until(done, arg, deadline, 0);
}

/* Behind a store (release or stronger) that @hart may sleep for. */
void hart_wake(unsigned hart)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&hart_table[hart].waiting, __ATOMIC_RELAXED) != 0)
		sbi_send_ipi(1, hart_table[hart].hartid);
}

bool hart_mask_next(struct hartset *left, struct hart_mask *m)
{
	m->mask = 0;
	hartset_for_each(h, left) {
		uint64_t id = hart_table[h].hartid;

		if (m->mask == 0)
			m->base = id;
		if (id >= m->base && id - m->base < 64) {
			m->mask |= UINT64_C(1) << (id - m->base);
			hartset_del(left, h);
		}
	}
	return m->mask != 0;
}

bool hart_send_ipi(const struct hartset *harts)
{
	bool ok = true;

	hartset_for_each(h, harts)
		ok &= sbi_send_ipi(1, hart_table[h].hartid) == SBI_OK;
	return ok;
}

static void end_job(struct hart *h, enum job_state state, uint32_t number)
{
	uint32_t was = __atomic_load_n(&h->job_state, __ATOMIC_RELAXED);

	h->recover = NULL;
	hart_park_if_lost(h);
	__atomic_store_n(&h->job_ended, number, __ATOMIC_RELAXED);
	/* Who gave up on this job may have posted the next one already. */
	while (was != JOB_POSTED &&
	       !__atomic_compare_exchange_n(&h->job_state, &was, state, false, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
	hart_wake(0); /* the boot hart is who posts jobs */
}

void context_left(void)
{
	/* A test may have been at it; with either an access passes that must fault. */
	csr_read_clear_sstatus(SSTATUS_SUM | SSTATUS_MXR);
}

/* First C code of a started hart, on its own stack, translating with the table it was given. */
void hart_main(void)
{
	struct hart *h = hart_self();
	bool first_good = hart_first(h);

	/*
	 * start.S fenced before satp was written; this one the TLB model sees. A hart that joins
	 * holds nothing that was changed while it was away.
	 */
	arch_hart_starting(h->index);
	irq_enable_local(IRQ_SOFT);
	arch_irq_restore(true);
	/* Shootdowns reach it from here on; the fence closes the gap between satp and this. */
	arch_hart_online(h->index);
	arch_mb(); /* seen as online before the fence: who stores behind it sees us */
	fence_local_all();
	end_job(h, first_good ? JOB_DONE : JOB_TRAPPED, h->job_number);

	for (;;) {
		struct context c;
		uint32_t number;

		/* Interrupts off between the look and WFI, or the wake-up could slip between. */
		arch_irq_save();
		while (__atomic_load_n(&h->job_state, __ATOMIC_ACQUIRE) != JOB_POSTED) {
			__atomic_store_n(&h->asleep, 1, __ATOMIC_RELAXED);
			hart_wfi();
			__atomic_store_n(&h->asleep, 0, __ATOMIC_RELAXED);
			arch_irq_restore(true);
			arch_irq_save();
		}
		arch_irq_restore(true);
		number = h->job_number;
		__atomic_store_n(&h->job_state, JOB_RUNNING, __ATOMIC_RELAXED);
		h->recover = &c;
		if (context_save(&c) == 0) {
			h->job(h->job_arg);
			end_job(h, JOB_DONE, number);
		} else {
			context_left();
			end_job(h, JOB_TRAPPED, h->job_number);
		}
	}
}

static bool job_ended(void *arg)
{
	const struct hart *h = arg;
	uint32_t state = __atomic_load_n(&h->job_state, __ATOMIC_ACQUIRE);

	return (state == JOB_DONE || state == JOB_TRAPPED) && h->job_ended == h->job_number;
}

int64_t hart_boot_start(unsigned hart)
{
	/* The call orders nothing by itself: the new hart reads hart_boot[] untranslated. */
	arch_wmb();
	if (!sbi()->hsm)
		return hart_room_release(hart_table[hart].hartid, image_to_pa(&hart_boot[hart]))
			       ? SBI_OK
			       : SBI_ERR_NOT_SUPPORTED;
	return sbi_hart_start(hart_table[hart].hartid, image_to_pa(hart_entry),
			      image_to_pa(&hart_boot[hart]));
}

void hart_start_all(uint64_t satp, char *stacks, uint64_t timeout_ms)
{
	uint64_t deadline = time_deadline_ms(timeout_ms);

	irq_register(IRQ_SOFT, hart_ipi_irq);
	irq_enable_local(IRQ_SOFT);
	if (nr_harts > 1 && !sbi()->ipi) {
		note("sbi: no IPI extension: the boot hart runs alone");
		nr_harts = 1;
	}
	if (nr_harts > 1 && !sbi()->hsm) {
		note("sbi: no HSM extension: %u harts came in with the boot hart%s",
		     hart_room_count(), hart_room_count() == 0 ? ", it runs alone" : "");
		if (hart_room_count() == 0)
			nr_harts = 1;
	}
	for (unsigned i = 1; i < nr_harts; i++) {
		struct hart_boot *b = &hart_boot[i];
		int64_t rc;

		b->satp = satp;
		b->stvec = (uintptr_t)hart_virtual;
		b->sp = (uintptr_t)(stacks + (i + 1) * HART_STACK_SIZE);
		b->tp = (uintptr_t)&hart_table[i];
		b->fence = 1;
		rc = hart_boot_start(i);
		if (rc != SBI_OK)
			note("hart%u (id %llu) does not start: SBI error %lld", i,
			     (unsigned long long)hart_table[i].hartid, (long long)rc);
		else
			hartset_add(&hart_peer_set, i);
	}
	hart_room_close();
	for (unsigned i = 1; i < nr_harts; i++) {
		if (!hartset_has(&hart_peer_set, i))
			continue;
		if (!hart_wait_until(job_ended, &hart_table[i], deadline)) {
			note("hart%u (id %llu) did not arrive within %llu ms", i,
			     (unsigned long long)hart_table[i].hartid,
			     (unsigned long long)timeout_ms);
			hart_lose(i);
		}
	}
	arrived = hart_peer_set;
	hartset_add(&arrived, 0);
}

struct hartset hart_peers(void)
{
	return hart_peer_set;
}

struct hartset hart_arrived(void)
{
	return arrived;
}

/* The harts of @harts that can be asked: hart_peer_set, and not this one. */
static struct hartset askable(const struct hartset *harts)
{
	struct hartset s = *harts;

	for (unsigned i = 0; i < HARTSET_WORDS; i++)
		s.bits[i] &= hart_peer_set.bits[i];
	hartset_del(&s, arch_hart());
	return s;
}

void hart_post_unsent(const struct hartset *harts, void (*fn)(void *), void *arg)
{
	struct hartset others = askable(harts);

	hartset_for_each(i, &others) {
		hart_table[i].job_number++;
		hart_table[i].job = fn;
		hart_table[i].job_arg = arg;
		/* Release: the job's data is there before the job is. */
		__atomic_store_n(&hart_table[i].job_state, JOB_POSTED, __ATOMIC_RELEASE);
	}
}

void hart_post(const struct hartset *harts, void (*fn)(void *), void *arg)
{
	struct hartset others = askable(harts);

	hart_post_unsent(harts, fn, arg);
	if (!hart_send_ipi(&others))
		note("sbi: send_ipi failed; harts may not wake");
}

enum err hart_wait(const struct hartset *harts, uint64_t timeout_ms, struct hartset *lost)
{
	uint64_t deadline = time_deadline_ms(timeout_ms);
	struct hartset asked = askable(harts);
	enum err err = OK;

	*lost = *harts;
	hartset_sub(lost, &asked);
	hartset_del(lost, arch_hart());
	if (!hartset_empty(lost))
		err = ERR_INVAL;
	hartset_for_each(i, &asked) {
		const struct hart *h = &hart_table[i];
		bool ended = hart_wait_until(job_ended, &hart_table[i], deadline);

		if (ended && __atomic_load_n(&h->job_state, __ATOMIC_RELAXED) == JOB_DONE)
			continue;
		hartset_add(lost, i);
		if (ended) {
			err = err == OK ? ERR_IO : err;
			continue;
		}
		note("hart%u (id %llu) did not finish within %llu ms: left out from here on", i,
		     (unsigned long long)h->hartid, (unsigned long long)timeout_ms);
		hart_lose(i);
		err = ERR_TIMEOUT;
	}
	return err;
}

enum err hart_run(const struct hartset *harts, void (*fn)(void *), void *arg, uint64_t timeout_ms,
		  struct hartset *lost)
{
	hart_post(harts, fn, arg);
	if (hartset_has(harts, arch_hart()))
		fn(arg);
	return hart_wait(harts, timeout_ms, lost);
}
