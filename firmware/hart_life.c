/* SPDX-License-Identifier: BSD-2-Clause */
/* Harts that go and come back. */
#include "firmware/hart_life.h"

#include "firmware/arch.h"
#include "firmware/arch_priv.h"
#include "firmware/console.h"
#include "firmware/csr.h"
#include "firmware/hart_priv.h"
#include "firmware/image.h"
#include "firmware/sbi.h"
#include "firmware/time.h"
#include "firmware/timer.h"

static struct away {
	enum hart_away how;
	struct hart_return back;
	uint64_t kernel_satp;
	uint32_t leaving; /* 1: says goodbye to SBI now */
	uint32_t refused; /* 1: SBI did not let it, for @rc */
	uint32_t back_in; /* 1: it was away and is not any more */
	int64_t rc;
} away[MAX_HARTS];

/* Run it under guard. False: it trapped. */
static bool guarded(struct hart *h, const struct hart_return *back)
{
	struct context c;

	h->recover = &c;
	if (context_save(&c) != 0)
		return false;
	back->first(back->arg);
	return true;
}

bool hart_first(struct hart *h)
{
	struct away *a = &away[h->index];
	bool good;

	__atomic_store_n(&a->back_in, 1, __ATOMIC_RELEASE);
	/* Whatever it was at when it left is over. */
	h->recover = NULL;
	h->probe_resume = 0;
	if (a->back.first == NULL)
		return true;
	irq_enable_local(IRQ_SOFT); /* ends WFI, and is not taken */
	good = guarded(h, &a->back);
	h->recover = NULL;
	arch_irq_save();
	csr_write_satp(a->kernel_satp);
	return good;
}

/* The job by which a hart leaves. It ends if SBI refuses. */
static void leave(void *arg)
{
	struct away *a = arg;
	struct hart *h = hart_self();
	bool irq = arch_irq_save(); /* SBI HSM: interrupts are off */
	int64_t rc;

	__atomic_store_n(&a->leaving, 1, __ATOMIC_RELEASE);
	hart_wake(0);
	if (a->how == HART_STOP)
		rc = sbi_hart_stop();
	else
		rc = sbi_hart_suspend_off(image_to_pa(hart_entry),
					  image_to_pa(&hart_boot[h->index]));
	a->rc = rc;
	__atomic_store_n(&a->refused, 1, __ATOMIC_RELEASE);
	arch_irq_restore(irq);
}

struct left {
	unsigned hart;
	struct away *away;
};

/* In the state that was asked for, or back already. */
static bool has_left(void *arg)
{
	const struct left *l = arg;
	int64_t state;

	/* An interrupt that is pending ends a suspension before anybody sees it. */
	if (__atomic_load_n(&l->away->refused, __ATOMIC_ACQUIRE) != 0 ||
	    __atomic_load_n(&l->away->back_in, __ATOMIC_ACQUIRE) != 0)
		return true;
	if (__atomic_load_n(&l->away->leaving, __ATOMIC_ACQUIRE) == 0)
		return false;
	state = sbi_hart_state(hart_get(l->hart)->hartid);
	return state == (l->away->how == HART_STOP ? SBI_HART_STOPPED : SBI_HART_SUSPENDED);
}

/* A hart that has left wakes nobody: look again soon, and sleep in between. */
#define LOOK_US 100

bool hart_poll_until(bool (*done)(void *), void *arg, uint64_t timeout_ms)
{
	uint64_t deadline = time_deadline_ms(timeout_ms);

	while (!done(arg)) {
		if (time_past(deadline))
			return false;
		timer_set(time_ticks() + time_ms_to_ticks(1) * LOOK_US / 1000);
		hart_wfi();
	}
	return true;
}

static void fence(void *arg)
{
	(void)arg;
	fence_local_all();
}

enum err hart_off(unsigned hart, enum hart_away how, const struct hart_return *r,
		  uint64_t timeout_ms, int64_t *rc)
{
	struct away *a = &away[hart];
	struct left left = {hart, a};
	struct hartset one = hartset_of(hart), lost;
	struct hart_boot *b = &hart_boot[hart];

	*a = (struct away){.how = how, .back = *r, .kernel_satp = b->satp};
	b->satp = r->satp;
	b->fence = r->fence;
	*rc = SBI_OK;
	hart_post(&one, leave, a);
	/* It changes nothing and holds nothing of the kernel's that could change meanwhile. */
	hartset_del(&hart_peer_set, hart);
	arch_hart_offline(hart);
	if (!hart_poll_until(has_left, &left, timeout_ms)) {
		note("hart%u (id %llu) does not leave: left out from here on", hart,
		     (unsigned long long)hart_get(hart)->hartid);
		hart_lose(hart);
		return ERR_TIMEOUT;
	}
	if (__atomic_load_n(&a->refused, __ATOMIC_ACQUIRE) == 0)
		return OK;
	*rc = a->rc;
	b->satp = a->kernel_satp;
	b->fence = 1;
	a->back.first = NULL;
	hartset_add(&hart_peer_set, hart);
	if (hart_wait(&one, timeout_ms, &lost) != OK)
		return ERR_TIMEOUT;
	arch_hart_starting(hart);
	arch_hart_online(hart);
	return hart_run(&one, fence, NULL, timeout_ms, &lost) == OK ? ERR_NOSYS : ERR_TIMEOUT;
}

int64_t hart_on(unsigned hart)
{
	const struct hart *h = hart_get(hart);
	int64_t rc;

	/* start.S and hart_main() take it from here; jobs come when hart_on_wait() says so. */
	if (away[hart].how == HART_STOP)
		rc = hart_boot_start(hart);
	else
		rc = sbi_send_ipi(1, h->hartid);
	if (rc != SBI_OK)
		hart_lose(hart);
	return rc;
}

enum err hart_on_wait(unsigned hart, uint64_t timeout_ms)
{
	struct hartset one = hartset_of(hart), lost;
	enum err err;

	hartset_add(&hart_peer_set, hart);
	err = hart_wait(&one, timeout_ms, &lost);
	away[hart].back.first = NULL;
	hart_boot[hart].satp = away[hart].kernel_satp;
	hart_boot[hart].fence = 1;
	return err;
}
