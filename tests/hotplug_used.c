/* SPDX-License-Identifier: BSD-2-Clause */
/* hotplug.*: memory that is really used between online and offline, by every hart. */
#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/time.h"
#include "mm/hotplug.h"
#include "mm/kernel.h"
#include "mm/map.h"
#include "mm/movable.h"
#include "mm/ptpage.h"
#include "tests/accounts.h"
#include "tests/hotcase.h"
#include "tests/probes.h"
#include "tests/test.h"

#define OBJECTS 12u
#define PINS 2u

/* What one hart owns. */
struct user {
	struct movable objects[OBJECTS];
	uint64_t stamp[OBJECTS]; /* of the content; 0: empty */
	paddr_t pins[PINS];	 /* FRAME_NONE: none */
	struct rng rng;
	uint64_t wrong; /* words that were not what was written */
	paddr_t wrong_at;
	uint64_t allocs;
	uint64_t verified;
};

static struct {
	struct user users[MAX_HARTS];
} bench NOINIT; /* user_start() clears those that are used */

static uint64_t stamp_word(uint64_t stamp, uint64_t i)
{
	return (stamp + i) * UINT64_C(0x9e3779b97f4a7c15);
}

/* A word in every 64 bytes, so that each page is touched all over. */
#define STRIDE 8

static void fill(struct user *u, unsigned i)
{
	uint64_t *p = movable_get(&u->objects[i]);
	uint64_t words = (PAGE_SIZE << u->objects[i].order) / sizeof(*p);

	u->stamp[i] = rng_next(&u->rng) | 1;
	for (uint64_t w = 0; w < words; w += STRIDE)
		p[w] = stamp_word(u->stamp[i], w);
	movable_put(&u->objects[i]);
}

static void verify(struct user *u, unsigned i)
{
	const uint64_t *p = movable_get(&u->objects[i]);
	uint64_t words = (PAGE_SIZE << u->objects[i].order) / sizeof(*p);

	for (uint64_t w = 0; w < words; w += STRIDE) {
		if (p[w] == stamp_word(u->stamp[i], w))
			continue;
		if (u->wrong++ == 0)
			u->wrong_at = u->objects[i].pa + w * sizeof(*p);
	}
	movable_put(&u->objects[i]);
	u->verified++;
}

static void drop(struct user *u, unsigned i)
{
	movable_free(&u->objects[i]);
	u->stamp[i] = 0;
}

/* One thing that a user of memory does. */
static void user_step(struct user *u, bool pin)
{
	unsigned i = (unsigned)rng_below(&u->rng, OBJECTS);
	unsigned k = (unsigned)rng_below(&u->rng, PINS);

	if (u->stamp[i] == 0) {
		if (movable_alloc(&u->objects[i], (unsigned)rng_below(&u->rng, 4)) == OK) {
			u->allocs++;
			fill(u, i);
		}
	} else if (rng_below(&u->rng, 4) == 0) {
		verify(u, i);
		drop(u, i);
	} else {
		verify(u, i);
		fill(u, i);
	}
	if (!pin || rng_below(&u->rng, 8) != 0)
		return;
	if (u->pins[k] == FRAME_NONE) {
		u->pins[k] = frame_alloc_hot(0, OWNER_TEST);
	} else {
		frame_free(u->pins[k], 0, OWNER_TEST);
		u->pins[k] = FRAME_NONE;
	}
}

static void user_start(struct test_run *t, unsigned hart)
{
	struct user *u = &bench.users[hart];

	*u = (struct user){.rng = rng_stream(rng_next(&t->rng), hart)};
	for (unsigned k = 0; k < PINS; k++)
		u->pins[k] = FRAME_NONE;
}

static void user_unpin(struct user *u)
{
	for (unsigned k = 0; k < PINS; k++) {
		if (u->pins[k] != FRAME_NONE)
			frame_free(u->pins[k], 0, OWNER_TEST);
		u->pins[k] = FRAME_NONE;
	}
}

static void user_end(struct user *u)
{
	for (unsigned i = 0; i < OBJECTS; i++) {
		if (u->stamp[i] == 0)
			continue;
		verify(u, i);
		drop(u, i);
	}
	user_unpin(u);
}

static uint64_t moves_of(const struct user *u)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < OBJECTS; i++)
		n += u->objects[i].moves;
	return n;
}

static void report_users(struct test_run *t)
{
	hartset_for_each(h, &t->all)
		EXPECT(t, bench.users[h].wrong == 0,
		       "hart%u: %llu words of movable memory were changed, the first at 0x%llx", h,
		       (unsigned long long)bench.users[h].wrong,
		       (unsigned long long)bench.users[h].wrong_at);
}

static void fill_job(void *arg)
{
	struct user *u = &bench.users[arch_hart()];

	(void)arg;
	for (unsigned i = 0; i < 60; i++)
		user_step(u, false);
	if (u->pins[0] == FRAME_NONE)
		u->pins[0] = frame_alloc_hot(0, OWNER_TEST);
}

static void verify_job(void *arg)
{
	struct user *u = &bench.users[arch_hart()];

	(void)arg;
	for (unsigned i = 0; i < OBJECTS; i++) {
		if (u->stamp[i] != 0)
			verify(u, i);
	}
}

static void end_job(void *arg)
{
	(void)arg;
	user_end(&bench.users[arch_hart()]);
}

/*
 * Every hart fills new memory with movable and pinned frames. Asked back, it is refused, by the
 * name of a pinned frame; unpinned, it is evacuated: what was in it is elsewhere, word by word.
 */
TEST(hotplug, used, .needs = NEEDS_VMEM, .clause = TRAP_CLAUSE)
{
	struct region r = hotcase_blocks(t, 0, min_u64(hotcase_nr_blocks(t), 16));
	struct spots s = hotcase_spots(t, r);
	struct hot_region *h = hotcase_add(t, r, PROT_RW);
	struct evacuation e;
	enum err err;

	hartset_for_each(i, &t->all)
		user_start(t, i);
	test_on_harts(t, &t->all, fill_job, NULL);
	err = plug_remove(t->bench->vmem, h, &e, NULL);
	EXPECT(t, err == ERR_BUSY, "memory with pinned frames: %s", err_name(err));
	EXPECT(t, e.stuck.owner == OWNER_TEST && e.stuck.pa - r.start < r.size,
	       "refused for 0x%llx of %s", (unsigned long long)e.stuck.pa,
	       owner_name(e.stuck.owner));
	note("refused: frame 0x%llx is pinned by %s", (unsigned long long)e.stuck.pa,
	     owner_name(e.stuck.owner));
	test_on_harts(t, &t->all, verify_job, NULL);
	/* It goes on being used, and the next time nothing is in the way. */
	hartset_for_each(i, &t->all)
		user_unpin(&bench.users[i]);
	test_on_harts(t, &t->all, verify_job, NULL);
	hotcase_remove(t, h);
	probes_must_trap(t, &t->all, &s, ACCESS_LOAD);
	test_on_harts(t, &t->all, verify_job, NULL);
	hartset_for_each(i, &t->all) {
		EXPECT(t, moves_of(&bench.users[i]) != 0, "hart%u: nothing was moved", i);
		EXPECT(t, bench.users[i].allocs != 0, "hart%u allocated nothing", i);
	}
	test_on_harts(t, &t->all, end_job, NULL);
	report_users(t);
}

/* Table pages from hot-added memory pin it: refused by owner, and given up when they are gone. */
TEST(hotplug, tables_pin, .needs = NEEDS_VMEM, .clause = TRAP_CLAUSE)
{
	struct region r = hotcase_blocks(t, 0, 1);
	struct hot_region *h = hotcase_add(t, r, PROT_RW);
	vaddr_t va = vmalloc_reserve(SZ_2M, SZ_2M);
	struct evacuation e;
	struct pt_batch b;
	enum err err;

	ASSERT(t, va != 0, "no address space left");
	frame_prefer_hot(true);
	kernel_begin(&b);
	err = pt_map(&b, va, t->bench->machine->ram[0].start + SZ_2M, PAGE_SIZE, PROT_RO, 0);
	EXPECT_OK(t, pt_commit(&b));
	kernel_end();
	frame_prefer_hot(false);
	ASSERT_OK(t, err);
	err = plug_remove(t->bench->vmem, h, &e, NULL);
	EXPECT(t, err == ERR_BUSY && e.stuck.owner == OWNER_TABLE, "%s, stuck at 0x%llx of %s",
	       err_name(err), (unsigned long long)e.stuck.pa, owner_name(e.stuck.owner));
	kernel_begin_freeing(&b);
	EXPECT_OK(t, pt_unmap(&b, va, PAGE_SIZE, 0));
	EXPECT_OK(t, pt_commit(&b));
	kernel_end_freeing();
	hotcase_remove(t, h);
}

/* The records of one region in the memory of another: the other goes last. */
TEST(hotplug, records_pin, .needs = NEEDS_VMEM)
{
	struct region r = hotcase_blocks(t, 0, 1);
	struct region other = hotcase_blocks(t, hotcase_nr_blocks(t) - 1, 1);
	struct hot_region *h, *o;
	struct evacuation e;
	enum err err;

	if (!hotcase_need(t, 2))
		return;
	h = hotcase_add(t, r, PROT_RW);
	frame_prefer_hot(true);
	o = hotcase_add(t, other, PROT_RW);
	frame_prefer_hot(false);
	err = plug_remove(t->bench->vmem, h, &e, NULL);
	EXPECT(t,
	       err == ERR_BUSY &&
		       (e.stuck.owner == OWNER_FRAMETABLE || e.stuck.owner == OWNER_TABLE),
	       "%s, stuck at 0x%llx of %s", err_name(err), (unsigned long long)e.stuck.pa,
	       owner_name(e.stuck.owner));
	hotcase_remove(t, o);
	hotcase_remove(t, h);
}

/* As much as a hart does while the boot hart resizes; then it rests, so that harts that share a
 * processor let the others answer. */
#define STEPS_A_ROUND 12

static void storm_job(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < STEPS_A_ROUND; i++)
		user_step(&bench.users[arch_hart()], true);
}

struct storm {
	uint64_t adds, removes, refused, no_room, moved;
};

/* Add or remove a random run of blocks; what may be refused may be refused. */
static void resize(struct test_run *t, struct storm *st)
{
	uint64_t n = hotcase_nr_blocks(t);
	uint64_t first = rng_below(&t->rng, n);
	uint64_t len = min_u64(1 + rng_below(&t->rng, 6), n - first);
	struct region r = hotcase_blocks(t, first, len);
	struct hot_region *h = hot_find(r.start);
	struct evacuation e = {0};
	enum err err;

	if (h == NULL) {
		err = plug_add(t->bench->vmem, r, PROT_RW, &h, NULL);
		/* Part of the run may be there already: the device or the driver says so. */
		EXPECT(t, err == OK || err == ERR_EXIST || err == ERR_NOMEM, "add: %s",
		       err_name(err));
		st->adds += err == OK;
		return;
	}
	r.size = min_u64(r.size, region_end(h->phys) - r.start);
	err = plug_remove_range(t->bench->vmem, r, &e, NULL);
	EXPECT(t, err == OK || err == ERR_BUSY || err == ERR_NOMEM, "remove: %s", err_name(err));
	st->removes += err == OK;
	st->refused += err == ERR_BUSY;
	st->no_room += err == ERR_NOMEM;
	st->moved += e.moved;
}

/* At most that many resizes; fewer, and said so, where the machine is slow. */
#define RESIZES 1000u
#define RESIZES_A_ROUND 4u
#define STORM_TIMEOUT_MS 120000
#define STORM_BUDGET_US (STORM_TIMEOUT_MS / 4 * 1000)

/* A thousand resizes at random while all harts allocate, write, check and free. */
TEST(hotplug, storm, .needs = NEEDS_VMEM, .timeout_ms = STORM_TIMEOUT_MS, .clause = TRAP_CLAUSE)
{
	struct storm st = {0};
	uint64_t start = time_us();
	uint64_t said = start;
	struct hartset lost;
	unsigned done = 0;

	hartset_for_each(h, &t->all) {
		user_start(t, h);
	}
	while (done < RESIZES && t->fails == 0 && time_us() - start < STORM_BUDGET_US) {
		hart_post(&t->peers, storm_job, NULL);
		for (unsigned i = 0; i < RESIZES_A_ROUND; i++) {
			resize(t, &st);
			user_step(&bench.users[0], true);
		}
		ASSERT_OK(t, hart_wait(&t->peers, STORM_TIMEOUT_MS / 4, &lost));
		done += RESIZES_A_ROUND;
		if (done % 64 == 0)
			accounts_audit(t);
		if (time_us() - said > 5000000) {
			said = time_us();
			note("%u of %u resizes", done, RESIZES);
		}
	}
	hartset_for_each(h, &t->all) {
		user_end(&bench.users[h]);
	}
	report_users(t);
	note("%u resizes: %llu adds, %llu removes, %llu refused, %llu without room, %llu frames "
	     "moved",
	     done, (unsigned long long)st.adds, (unsigned long long)st.removes,
	     (unsigned long long)st.refused, (unsigned long long)st.no_room,
	     (unsigned long long)st.moved);
	EXPECT(t, st.moved != 0 && st.adds != 0 && st.removes != 0,
	       "nothing was moved, added or removed");
	while (hot_first() != NULL)
		hotcase_remove(t, hot_first());
}
