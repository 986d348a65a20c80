/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls from hart to hart by software interrupt (arch_ipi_call()). */
#include <string.h>

#include "firmware/arch.h"
#include "firmware/arch_priv.h"
#include "firmware/console.h"
#include "firmware/csr.h"
#include "firmware/hart_priv.h"
#include "firmware/lock.h"
#include "firmware/sbi.h"
#include "firmware/time.h"

/*
 * One inter-hart call at a time, for all. Calls are numbered and their argument is copied here, so
 * that a hart that answers when its caller has given up harms neither the next call nor a stack
 * that is gone.
 */
#define IPI_ARG_BYTES 64
static struct spinlock ipi_lock = SPINLOCK(LOCK_INTERRUPTS);
static void (*ipi_fn)(void *);
static uint64_t ipi_arg[IPI_ARG_BYTES / sizeof(uint64_t)];
static unsigned ipi_sender;
static uint32_t ipi_number;

#define IPI_TIMEOUT_MS 5000
/* More for each hart: on few processors one turn of all of them takes its time. */
#define IPI_HART_MS 200

void hart_ipi_irq(struct trap_frame *f)
{
	(void)f;
	/* Clear before looking: a request that comes in between sets it again. */
	csr_read_clear_sip(UINT64_C(1) << IRQ_SOFT);
	hart_park_if_lost(hart_self());
	hart_ipi_poll();
}

void hart_ipi_poll(void)
{
	struct hart *h = hart_self();
	uint32_t number;

	/* The look first: locks ask again and again, and an exchange takes the line from the
	 * sender. */
	if (__atomic_load_n(&h->ipi_pending, __ATOMIC_RELAXED) == 0)
		return;
	number = __atomic_exchange_n(&h->ipi_pending, 0, __ATOMIC_ACQUIRE);
	if (number == 0)
		return;
	ipi_fn(ipi_arg);
	__atomic_store_n(&h->ipi_done, number, __ATOMIC_RELEASE);
	hart_wake(ipi_sender);
}

struct ipi_wait {
	struct hartset targets;
	uint32_t number;
};

static bool ipi_all_answered(void *arg)
{
	const struct ipi_wait *w = arg;

	hartset_for_each(h, &w->targets) {
		if (__atomic_load_n(&hart_get(h)->ipi_done, __ATOMIC_ACQUIRE) != w->number)
			return false;
	}
	return true;
}

bool arch_has_ipi(void)
{
	return sbi()->ipi;
}

/* A hart that does not answer is left out from here on: nothing can be said of what it holds. */
static void ipi_give_up(const struct ipi_wait *w)
{
	hartset_for_each(h, &w->targets) {
		struct hart *t = hart_get(h);

		if (__atomic_load_n(&t->ipi_done, __ATOMIC_ACQUIRE) == w->number)
			continue;
		/* Taken back, so that it does not run this against later data. */
		__atomic_store_n(&t->ipi_pending, 0, __ATOMIC_RELAXED);
		note("hart%u (id %llu) did not answer an interrupt within %u ms: left out", h,
		     (unsigned long long)t->hartid, IPI_TIMEOUT_MS + IPI_HART_MS * hart_count());
		hart_lose(h);
	}
}

enum err arch_ipi_call(const struct hartset *targets, void (*fn)(void *), const void *arg,
		       size_t size)
{
	struct ipi_wait w = {.targets = *targets};
	enum err err = OK;

	if (!sbi()->ipi)
		return ERR_NOSYS;
	if (size > sizeof(ipi_arg))
		return ERR_INVAL;
	hartset_del(&w.targets, arch_hart());
	if (hartset_empty(&w.targets))
		return OK;
	/* Interrupts may be off here: answer the calls of whoever is before us meanwhile. */
	while (!spin_trylock(&ipi_lock)) {
		hart_ipi_poll();
		arch_yield();
	}
	ipi_fn = fn;
	memcpy(ipi_arg, arg, size);
	ipi_sender = arch_hart();
	/* 0 means none, so it is left out when the count wraps. */
	ipi_number += ipi_number + 1 == 0 ? 2 : 1;
	w.number = ipi_number;
	hartset_for_each(h, &w.targets) {
		__atomic_store_n(&hart_get(h)->ipi_pending, w.number, __ATOMIC_RELEASE);
	}
	if (!hart_send_ipi(&w.targets))
		err = ERR_IO;
	if (!hart_wait_until(ipi_all_answered, &w,
			     time_deadline_ms(IPI_TIMEOUT_MS + IPI_HART_MS * hart_count()))) {
		err = ERR_TIMEOUT;
		ipi_give_up(&w);
	}
	spin_unlock(&ipi_lock);
	return err;
}
