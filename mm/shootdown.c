/* SPDX-License-Identifier: BSD-2-Clause */
/* Shootdown: local fence, SBI RFENCE, own IPI with local fences or Svinval. */
#include "mm/shootdown.h"

#include "firmware/arch.h"
#include "mm/fault.h"

/* What each hart has to fence. */
struct order {
	bool all;
	vaddr_t start;
	uint64_t size;	 /* bytes, a multiple of stride */
	uint64_t stride; /* one fence a leaf */
};

static enum shootdown_backend backend_in_use;
static struct shootdown_stats stats;
static void (*before_next)(void *);
static void *before_arg;

void shootdown_use(enum shootdown_backend backend)
{
	backend_in_use = backend;
}

enum shootdown_backend shootdown_backend(void)
{
	return backend_in_use;
}

const char *shootdown_backend_name(enum shootdown_backend b)
{
	static const char *const names[] = {"sbi", "ipi", "svinval"};

	return names[b];
}

struct shootdown_stats shootdown_stats(void)
{
	return (struct shootdown_stats){__atomic_load_n(&stats.calls, __ATOMIC_RELAXED),
					__atomic_load_n(&stats.full, __ATOMIC_RELAXED),
					__atomic_load_n(&stats.ranged, __ATOMIC_RELAXED)};
}

static struct order order_for(const struct pt_batch *b)
{
	uint64_t size = b->last - b->first + 1; /* 0: all 2^64 bytes */
	struct order o = {.start = b->first, .size = size, .stride = b->leaf_size};

	/*
	 * A pointer came or went: only rs1 = x0 reaches what is not a leaf (Privileged ISA,
	 * SFENCE.VMA). Else any address inside a leaf reaches that leaf.
	 */
	if (fault_armed(FAULT_ADDRESSED_FENCE)) {
		o.size = min_u64(o.size - 1, SHOOTDOWN_MAX_LEAVES * o.stride - 1) + 1;
		return o;
	}
	o.all = b->tables_changed || size == 0 || size / o.stride > SHOOTDOWN_MAX_LEAVES;
	if (fault_armed(FAULT_FENCE_U16))
		o.size = (uint16_t)o.size;
	if (fault_armed(FAULT_SIZE_AS_END) && o.size <= o.start)
		o.size = 0;
	return o;
}

static void fence_here(const struct order *o)
{
	if (o->all) {
		fence_local_all();
		return;
	}
	if (backend_in_use != SHOOTDOWN_SVINVAL) {
		for (uint64_t off = 0; off < o->size; off += o->stride)
			fence_local_va(o->start + off);
		return;
	}
	/* One order before and one behind all of them, instead of one around each. */
	fence_inval_begin();
	for (uint64_t off = 0; off < o->size; off += o->stride)
		fence_inval_va(o->start + off);
	fence_inval_end();
}

/* On each target, in interrupt context. The sender's stores came before its interrupt. */
static void fence_in_ipi(void *arg)
{
	fence_here(arg);
}

static enum err fence_remote(const struct hartset *others, struct order *o)
{
	if (backend_in_use != SHOOTDOWN_SBI)
		return arch_ipi_call(others, fence_in_ipi, o, sizeof(*o));
	if (o->all)
		return arch_rfence(others, 0, UINT64_MAX);
	return arch_rfence(others, o->start, o->size);
}

void shootdown_before_next(void (*fn)(void *), void *arg)
{
	before_arg = arg;
	__atomic_store_n(&before_next, fn, __ATOMIC_RELEASE);
}

static void run_control(void)
{
	/* Shootdowns of two tables may meet here. */
	void (*fn)(void *) = __atomic_exchange_n(&before_next, NULL, __ATOMIC_ACQUIRE);

	if (fn != NULL)
		fn(before_arg);
}

enum err shootdown(const struct pt_batch *b)
{
	struct order o = order_for(b);
	struct hartset others;

	run_control();

	__atomic_add_fetch(&stats.calls, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(o.all ? &stats.full : &stats.ranged, 1, __ATOMIC_RELAXED);
	if (fault_armed(FAULT_NO_MAP_FENCE) && !b->removed)
		return OK;
	if (!fault_armed(FAULT_NO_FENCE))
		fence_here(&o);
	/* The stores to entries before the look at who is online: a hart that is not seen here
	 * comes online behind it and fences then. */
	arch_mb();
	others = arch_harts_online();
	hartset_del(&others, arch_hart());
	if (hartset_empty(&others) || fault_armed(FAULT_NO_SHOOTDOWN))
		return OK;
	return fence_remote(&others, &o);
}
