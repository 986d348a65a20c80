/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A scene: a root table of its own for tests that judge the machine, with the kernel's entries
 * copied into it, pages whose content says who they are, and everything given back at its end.
 *
 * Entries are edited through the direct map, which no test remaps or fences by address. They are
 * not told to the TLB model: these tests break its rules on purpose (controls), on addresses that
 * the kernel's table does not have.
 *
 * One scene at a time, conductor hart (hart 0) only, except where a function says otherwise.
 */
#ifndef TESTS_MMU_SCENE_H
#define TESTS_MMU_SCENE_H

#include "mm/walk.h"
#include "tests/test.h"

/* A 4 KiB page of RAM whose every word says which page it is, with a callable stub at its start. */
struct page {
	paddr_t pa;
	uint32_t id; /* from 1 */
};

/* First byte of a page that holds a word and no stub. */
#define PAGE_WORDS PROBE_STUB_BYTES

/* Everything a leaf may allow, A and D set: nothing is left for hardware to write. */
#define SCENE_RWX (PTE_R | PTE_W | PTE_X | PTE_A | PTE_D)

enum half { HALF_LOW, HALF_HIGH, NR_HALVES };
const char *half_name(enum half h);

#define SCENE_MAX_BLOCKS 512

/* An address space: a root, and the ASID that harts translate with it under. */
struct space {
	struct ptable pt;
	uint16_t asid;
};

struct scene {
	struct test_run *t; /* NULL: closed */
	struct ptable pt;
	unsigned asid_len;  /* ASIDLEN, the smallest of all harts */
	bool asid_alike;    /* all have as many */
	unsigned asid_bits; /* those that are used: fewer with asid= */
	uint16_t asid;	    /* of satp(); 0 where there are none */
	uint32_t last_id;
	unsigned nr_blocks;
	struct {
		paddr_t pa;
		unsigned order;
	} block[SCENE_MAX_BLOCKS];
};

/* A root with the kernel's entries and nothing else. Leaves the test where memory is short. */
struct scene *scene_open(struct test_run *t);

/* The scene that is open, NULL: none. */
const struct scene *scene_current(void);

/*
 * Every hart translates with the kernel's table again and forgets all (rs1 = rs2 = x0), then the
 * memory goes back. The runner calls it too, for tests that were left.
 */
void scene_close(void);

/* 2^@order frames, aligned to their size, until scene_close(). FRAME_NONE: there are none. */
paddr_t scene_try_block(struct scene *s, unsigned order);
/* The same; if there are none the test is left, as skipped: that is no fault of the machine. */
paddr_t scene_block(struct scene *s, unsigned order);

/* Give the 4 KiB at @pa a number and its content. Harts see it as code after scene_enter(). */
struct page scene_page(struct scene *s, paddr_t pa);
/* A new page. */
struct page scene_new_page(struct scene *s);
/* What a load of the 8 bytes at @offset (from PAGE_WORDS on) and a call of the stub return. */
uint64_t page_word(const struct page *p, uint64_t offset);
uint64_t page_stub_value(const struct page *p);
/* The bytes of @p through the direct map. */
uint64_t *page_ptr(const struct page *p, uint64_t offset);
/* Number of the page that @value was read or returned from, 0: from none. */
uint32_t scene_whose(const struct scene *s, uint64_t value);

/* An empty table page. */
paddr_t scene_table(struct scene *s);

/*
 * An address of @half, aligned to a leaf of @level, at random; it and its neighbours in the table
 * of that level are used by nobody else. For the root's level: an unused root entry.
 */
vaddr_t scene_va(struct scene *s, enum half half, unsigned level);

/* Whether nothing of the kernel's is at @va: the scene may change entries there. */
bool scene_may_use(const struct scene *s, vaddr_t va);

/*
 * Take over what the kernel's table has on the way to @va, as copies, so that scene_may_use() is
 * true there. Nothing of the kernel's that these tables translate may change until scene_close().
 */
void scene_take_over(struct scene *s, vaddr_t va);

/*
 * The entry of @level that translates @va, through the direct map; tables above it are made. The
 * caller owes a fence, since an invalid entry may be held: scene_enter() makes one.
 */
uint64_t *scene_slot(struct scene *s, vaddr_t va, unsigned level);
/* The same below the table @table of @level + @depth, which no root leads to yet. */
uint64_t *scene_slot_below(struct scene *s, paddr_t table, unsigned table_level, vaddr_t va,
			   unsigned level);

/* One 64-bit store to an entry that harts may walk. */
static inline void scene_store(uint64_t *slot, uint64_t pte)
{
	__atomic_store_n(slot, pte, __ATOMIC_RELAXED);
}

/* satp with this root and @asid. */
uint64_t scene_satp(const struct scene *s, uint16_t asid);

/* The scene's own root under @asid: one of the names that its addresses can have. */
struct space scene_space(const struct scene *s, uint16_t asid);
/* A root of its own at @root, a page of this scene, with the kernel's entries and no others. */
struct space scene_space_at(struct scene *s, paddr_t root, uint16_t asid);
/* The same, anywhere. */
struct space scene_new_space(struct scene *s, uint16_t asid);
/* As scene_slot(), in another root. */
uint64_t *space_slot(struct scene *s, const struct space *sp, vaddr_t va, unsigned level);
uint64_t space_satp(const struct space *sp);
/* This hart translates with @sp from here on. No fence. */
void space_switch(const struct space *sp);

/* This hart, any: translate with the scene's root and ASID, knowing nothing old. */
void scene_enter(const struct scene *s);
/* Back to the kernel's table, likewise. */
void scene_leave(void);

#endif
