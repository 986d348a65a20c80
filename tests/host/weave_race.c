/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two accesses of two harts to the same byte of plain memory, one of them a store, that no lock,
 * call or answer orders: a race (C11, 5.1.2.4). mm/ is compiled so that each of its accesses calls
 * one of the functions below (-fsanitize=thread, without its library); what comes before what is
 * kept as a vector of clocks for each hart, as that library does.
 */
#include <stdio.h>
#include <string.h>

#include "tests/host/weave_parts.h"

#define CELLS (1u << 18) /* a power of two; words of 8 bytes that one schedule may use */
#define RECORDS 10u
#define GIVERS 256u

struct record {
	uint32_t clock;
	uint32_t pc; /* from the start of the program's text */
	uint8_t hart;
	uint8_t bytes; /* of the word */
	bool store, atomic;
};

struct cell {
	uint64_t word; /* its address / 8 */
	uint32_t age;  /* the schedule that it is of */
	uint32_t nr;
	struct record r[RECORDS];
};

struct giver {
	uint64_t key;
	uint32_t clock[SIM_MAX_HARTS];
};

static struct races {
	uint32_t age;
	unsigned hart;
	unsigned nr_cells;
	uint32_t clock[SIM_MAX_HARTS][SIM_MAX_HARTS];
	struct giver givers[GIVERS];
	unsigned nr_givers;
	char found[200];
	struct cell cells[CELLS];
} * races;

extern char __executable_start[];

void race_init(void)
{
	races = reset_room(sizeof(*races));
	races->hart = ~0u;
}

void race_restart(void)
{
	races->age++;
	races->nr_cells = 0;
	races->hart = ~0u;
	races->nr_givers = 0;
	races->found[0] = '\0';
	memset(races->clock, 0, sizeof(races->clock));
	for (unsigned h = 0; h < SIM_MAX_HARTS; h++)
		races->clock[h][h] = 1;
}

void race_hart(unsigned hart)
{
	races->hart = hart;
}

const char *race_found(void)
{
	return races->found[0] != '\0' ? races->found : NULL;
}

static struct giver *giver_of(uint64_t key)
{
	unsigned i = 0;

	while (i < races->nr_givers && races->givers[i].key != key)
		i++;
	if (i == GIVERS)
		weave_fail("too many locks");
	if (i == races->nr_givers)
		races->givers[races->nr_givers++] = (struct giver){.key = key};
	return &races->givers[i];
}

static void join(uint32_t *to, const uint32_t *from)
{
	for (unsigned h = 0; h < SIM_MAX_HARTS; h++)
		to[h] = to[h] > from[h] ? to[h] : from[h];
}

void race_give(uint64_t key)
{
	if (races->hart >= SIM_MAX_HARTS)
		return;
	join(giver_of(key)->clock, races->clock[races->hart]);
	races->clock[races->hart][races->hart]++;
}

void race_take(uint64_t key)
{
	if (races->hart < SIM_MAX_HARTS)
		join(races->clock[races->hart], giver_of(key)->clock);
}

static struct cell *cell_of(uint64_t word)
{
	unsigned i = (unsigned)(word * UINT64_C(0x9e3779b97f4a7c15) >> 40) % CELLS;

	while (races->cells[i].age == races->age && races->cells[i].word != word)
		i = (i + 1) % CELLS;
	if (races->cells[i].age != races->age) {
		if (++races->nr_cells == CELLS / 4 * 3)
			weave_fail("too much memory is used");
		races->cells[i].word = word;
		races->cells[i].age = races->age;
		races->cells[i].nr = 0;
	}
	return &races->cells[i];
}

static void tell(uint64_t word, const struct record *a, const struct record *b)
{
	if (races->found[0] == '\0')
		snprintf(races->found, sizeof(races->found),
			 "race at 0x%llx: hart%u %s at text+0x%x, hart%u %s at text+0x%x",
			 (unsigned long long)word * 8, a->hart, a->store ? "stores" : "loads",
			 a->pc, b->hart, b->store ? "stores" : "loads", b->pc);
}

static void access_word(uint64_t word, struct record now)
{
	const uint32_t *seen = races->clock[now.hart];
	struct cell *c = cell_of(word);
	unsigned same = c->nr;

	for (unsigned i = 0; i < c->nr; i++) {
		const struct record *r = &c->r[i];

		if (r->hart == now.hart) {
			if (r->bytes == now.bytes && r->store == now.store &&
			    r->atomic == now.atomic)
				same = i;
		} else if ((r->bytes & now.bytes) != 0 && (r->store || now.store) &&
			   !(r->atomic && now.atomic) && r->clock > seen[r->hart]) {
			tell(word, r, &now);
		}
	}
	/* The oldest goes when there are too many ways to access one word. */
	if (same == RECORDS) {
		memmove(&c->r[0], &c->r[1], sizeof(c->r) - sizeof(c->r[0]));
		same--;
	} else if (same == c->nr) {
		c->nr++;
	}
	c->r[same] = now;
}

static void accessed(const void *p, size_t size, bool store, bool atomic, const void *pc)
{
	uint64_t at = (uintptr_t)p;
	uint64_t end = at + size;

	if (races == NULL || races->hart >= SIM_MAX_HARTS || weave_on_stack(p))
		return;
	while (at < end) {
		uint64_t next = align_down(at, 8) + 8;
		uint64_t n = min_u64(next, end) - at;
		struct record now = {
			.clock = races->clock[races->hart][races->hart],
			.pc = (uint32_t)((uintptr_t)pc - (uintptr_t)__executable_start),
			.hart = (uint8_t)races->hart,
			.bytes = (uint8_t)(((1u << n) - 1) << at % 8),
			.store = store,
			.atomic = atomic};

		if (store && (at == (uintptr_t)p || at % PAGE_SIZE == 0))
			reset_page((const void *)(uintptr_t)at);
		access_word(at / 8, now);
		at = next;
	}
}

/* ---- what the compiler calls */

#define PC __builtin_return_address(0)

#define PLAIN(n)                                                                                   \
	void __tsan_read##n(void *p);                                                              \
	void __tsan_read##n(void *p)                                                               \
	{                                                                                          \
		accessed(p, n, false, false, PC);                                                  \
	}                                                                                          \
	void __tsan_write##n(void *p);                                                             \
	void __tsan_write##n(void *p)                                                              \
	{                                                                                          \
		accessed(p, n, true, false, PC);                                                   \
	}                                                                                          \
	void __tsan_unaligned_read##n(void *p);                                                    \
	void __tsan_unaligned_read##n(void *p)                                                     \
	{                                                                                          \
		accessed(p, n, false, false, PC);                                                  \
	}                                                                                          \
	void __tsan_unaligned_write##n(void *p);                                                   \
	void __tsan_unaligned_write##n(void *p)                                                    \
	{                                                                                          \
		accessed(p, n, true, false, PC);                                                   \
	}

PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

void __tsan_read_range(void *p, long n);
void __tsan_read_range(void *p, long n)
{
	accessed(p, (size_t)n, false, false, PC);
}

void __tsan_write_range(void *p, long n);
void __tsan_write_range(void *p, long n)
{
	accessed(p, (size_t)n, true, false, PC);
}

/* Each is a step: another hart may come in between. @order is of C11: 2 acquires, 3 releases. */
static void atomic_step(const volatile void *p, size_t n, enum sim_touch how, int order,
			const void *pc)
{
	const void *at = (const void *)(uintptr_t)p;

	if (sim_weaver() != NULL) {
		sim_weaver()->point();
		sim_weaver()->touch(how, SIM_LOCK, (uintptr_t)p);
	}
	if (order != __ATOMIC_RELAXED && order != __ATOMIC_RELEASE)
		race_take((uintptr_t)p);
	accessed(at, n, how != SIM_READS, true, pc);
	if (order >= __ATOMIC_RELEASE)
		race_give((uintptr_t)p);
}

#define ATOMIC_FN(bits, type, name, how, in)                                                       \
	type __tsan_atomic##bits##_##name(volatile void *p, type v, int order);                    \
	type __tsan_atomic##bits##_##name(volatile void *p, type v, int order)                     \
	{                                                                                          \
		volatile type *at = p;                                                             \
		type old;                                                                          \
                                                                                                   \
		atomic_step(p, sizeof(type), how, order, PC);                                      \
		old = *at;                                                                         \
		*at = (type)(in);                                                                  \
		return old;                                                                        \
	}

#define ATOMIC(bits, type, adds)                                                                   \
	type __tsan_atomic##bits##_load(const volatile void *p, int order);                        \
	type __tsan_atomic##bits##_load(const volatile void *p, int order)                         \
	{                                                                                          \
		atomic_step(p, sizeof(type), SIM_READS, order, PC);                                \
		return *(const volatile type *)p;                                                  \
	}                                                                                          \
	void __tsan_atomic##bits##_store(volatile void *p, type v, int order);                     \
	void __tsan_atomic##bits##_store(volatile void *p, type v, int order)                      \
	{                                                                                          \
		atomic_step(p, sizeof(type), SIM_WRITES, order, PC);                               \
		*(volatile type *)p = v;                                                           \
	}                                                                                          \
	bool __tsan_atomic##bits##_compare_exchange_strong(volatile void *p, void *expected,       \
							   type v, int order, int failed);         \
	bool __tsan_atomic##bits##_compare_exchange_strong(volatile void *p, void *expected,       \
							   type v, int order, int failed)          \
	{                                                                                          \
		volatile type *at = p;                                                             \
		type *want = expected;                                                             \
                                                                                                   \
		(void)failed;                                                                      \
		atomic_step(p, sizeof(type), SIM_WRITES, order, PC);                               \
		if (*at != *want) {                                                                \
			*want = *at;                                                               \
			return false;                                                              \
		}                                                                                  \
		*at = v;                                                                           \
		return true;                                                                       \
	}                                                                                          \
	bool __tsan_atomic##bits##_compare_exchange_weak(volatile void *p, void *expected, type v, \
							 int order, int failed);                   \
	bool __tsan_atomic##bits##_compare_exchange_weak(volatile void *p, void *expected, type v, \
							 int order, int failed)                    \
	{                                                                                          \
		return __tsan_atomic##bits##_compare_exchange_strong(p, expected, v, order,        \
								     failed);                      \
	}                                                                                          \
	ATOMIC_FN(bits, type, exchange, SIM_WRITES, v)                                             \
	ATOMIC_FN(bits, type, fetch_and, SIM_WRITES, old &v)                                       \
	ATOMIC_FN(bits, type, fetch_or, SIM_WRITES, old | v)                                       \
	ATOMIC_FN(bits, type, fetch_add, adds, old + v)                                            \
	ATOMIC_FN(bits, type, fetch_sub, adds, old - v)

/* Counters are of 64 bits, and nobody uses the sum that an addition gives: two may be swapped. */
ATOMIC(8, uint8_t, SIM_WRITES)
ATOMIC(32, uint32_t, SIM_WRITES)
ATOMIC(64, uint64_t, SIM_ADDS)

/* By these names mm/ knows the functions of string.h. */
void *weave_memcpy(void *to, const void *from, size_t n);
void *weave_memcpy(void *to, const void *from, size_t n)
{
	accessed(from, n, false, false, PC);
	accessed(to, n, true, false, PC);
	return memcpy(to, from, n);
}

void *weave_memmove(void *to, const void *from, size_t n);
void *weave_memmove(void *to, const void *from, size_t n)
{
	accessed(from, n, false, false, PC);
	accessed(to, n, true, false, PC);
	return memmove(to, from, n);
}

void *weave_memset(void *to, int byte, size_t n);
void *weave_memset(void *to, int byte, size_t n)
{
	accessed(to, n, true, false, PC);
	return memset(to, byte, n);
}

void __tsan_init(void);
void __tsan_init(void)
{
}

void __tsan_func_entry(void *pc);
void __tsan_func_entry(void *pc)
{
	(void)pc;
}

void __tsan_func_exit(void *pc);
void __tsan_func_exit(void *pc)
{
	(void)pc;
}
