/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * torture.*: what its files share. A scene is memory of a device and a range of address space; each
 * part of it belongs to one stream of operations. What should be there is in flat arrays, kept by
 * plain stores beside the operations, with no code of mm/ between.
 */
#ifndef TESTS_TORTURE_H
#define TESTS_TORTURE_H

#include "firmware/hart_life.h"
#include "mm/hotplug.h"
#include "mm/movable.h"
#include "tests/test.h"

#define TORTURE_PARTS 16u
#define TORTURE_UNITS 32u
#define TORTURE_OBJECTS 6u
#define TORTURE_PINS 2u
#define TORTURE_HISTORY 6u

/* Address space, in pieces of one table each: some shared by all parts, one for each alone. */
#define PIECE_PAGES 512u
#define SHARED_PIECES 2u
#define TORTURE_PAGES ((SHARED_PIECES + TORTURE_PARTS) * PIECE_PAGES)

enum unit_state { UNIT_ABSENT, UNIT_PLUGGED, UNIT_MAPPED, UNIT_ONLINE };

/* The larger of the device's block and what hot-plug knows. */
struct unit {
	uint8_t state;		   /* enum unit_state; atomic: other parts' harts look */
	bool head;		   /* a region starts here */
	bool exec;		   /* mapped with PROT_RWX, else PROT_RW */
	uint32_t stamp;		   /* of its content while it is mapped and not online; atomic */
	struct hot_region *region; /* mm's name for what it lies in; NULL: it is not mapped */
};

/* A page: 0 is not mapped, else a frame of the pool and whether it may be stored to. */
#define PAGE_MAPPED 0x4000u
#define PAGE_WRITABLE 0x8000u
#define PAGE_FRAME 0x01ffu

/* Units or pages that an operation may have changed. */
struct range {
	unsigned first, n;
};

/* What a hart saw that is not what should be: the first one. */
struct sight {
	unsigned bad;
	enum access access;
	bool due_fault, due_any;
	vaddr_t va;
	uint64_t due;
	struct probe seen;
};

struct moment {
	uint32_t step;
	uint16_t first, n;
	int8_t err;
	uint8_t op, hart;
};

struct part {
	unsigned index;
	struct rng rng;	   /* of its operations */
	struct rng eyes;   /* of what its hart looks at in a storm */
	struct range mine; /* units */
	struct movable objects[TORTURE_OBJECTS];
	uint64_t stamps[TORTURE_OBJECTS]; /* of their content, 0: empty */
	paddr_t pins[TORTURE_PINS];	  /* FRAME_NONE: none */
	/* Odd while an operation changes what should be: others do not judge what they see then. */
	uint32_t sequence;
	uint32_t steps;
	struct range units, pages; /* that the last operation may have changed */
	struct moment history[TORTURE_HISTORY];
	uint64_t made, refused, no_room, moved; /* operations by outcome; frames moved */
	struct sight sight;
	bool failed;
	enum evidence evidence;
	char why[120];
};

/* What a test of torture.* is made of. */
struct torture_kind {
	const char *name;
	bool storm;  /* all parts at once, else one part, one step after the other */
	bool device; /* with memory that comes and goes */
};

struct torture {
	struct test_run *t;
	const struct torture_kind *kind;
	struct virtio_mem *v; /* NULL: none, or not wanted */
	uint64_t seed;	      /* of this round: as boot argument it gives the round again */
	bool storm;
	bool control; /* this step makes one, where it takes something away */
	unsigned nr_parts;
	/* Harts that are there; the others are stopped or suspended. */
	struct hartset here, away;
	bool no_suspend;
	paddr_t base;
	uint64_t unit_bytes;
	unsigned nr_units;
	vaddr_t area;
	unsigned nr_pages;
	paddr_t pool; /* frames that pages are mapped to, filled once */
	unsigned pool_frames;
	const struct part *walker;
	uint32_t stop; /* 1: some part has failed, or time is up; atomic */
	uint64_t until_us;
	struct unit units[TORTURE_UNITS];
	uint16_t pages[TORTURE_PAGES]; /* atomic */
	struct part parts[TORTURE_PARTS];
	struct sight sights[MAX_HARTS];
};

/* Where things are. */
struct region torture_units(const struct torture *s, unsigned first, unsigned n);
vaddr_t torture_page_va(const struct torture *s, unsigned page);

/* Fill the pool; write a new stamp into a mapped unit. */
void torture_fill_pool(const struct torture *s);
void torture_stamp_unit(struct torture *s, unsigned unit, uint32_t stamp);

/*
 * This hart loads (@store: and stores) at a place of the page or unit that @r draws, and compares
 * with what should be. Any hart.
 */
void torture_look_page(const struct torture *s, unsigned page, struct rng *r, bool store,
		       struct sight *f);
void torture_look_unit(const struct torture *s, unsigned unit, struct rng *r, bool store,
		       struct sight *f);
/* The same for some of what @p's last operation changed, and the neighbours of that. */
void torture_look_changed(const struct torture *s, const struct part *p, struct rng *r, bool store,
			  struct sight *f);
/* @harts, one seeded word of each unit and of one in @one_in pages; conductor only. */
void torture_look_all(struct torture *s, const struct hartset *harts, unsigned one_in);
/* Some of @harts, drawn by @r, at what @p's last operation changed; conductor only. */
void torture_look_some(struct torture *s, const struct part *p, struct rng *r);
/*
 * In a storm: a page and a unit of some part, as its own hart left them; what is seen while that
 * hart changes them is not judged.
 */
void torture_look_across(struct torture *s, struct part *p);
/*
 * Where this step makes a control: all harts use [@va, @va + @size), and once more between the next
 * change and its fences. The boot hart, with no lock held.
 */
void torture_control(struct torture *s, vaddr_t va, uint64_t size);
void torture_report_sight(struct test_run *t, unsigned hart, const struct sight *f);

/* Regions and free frames as mm/ has them against what should be; nobody operates meanwhile. */
void torture_check_regions(struct torture *s);

/* Pages that are the part's alone: all, its own piece, or a stripe of those that all share. */
struct range torture_own_pages(const struct torture *s, unsigned part, struct rng *r);
unsigned torture_draw_hart(const struct hartset *harts, struct rng *r);

/*
 * Units as they should be (torture_units.c). A run of the part's own in @states (bits IN()), most
 * often a short one, now and then also in those of @also, which the operation refuses; a region in
 * @states, or now and then any. n = 0: there is none.
 */
#define IN(state) (1u << (state))
#define ANYWHERE (IN(UNIT_ABSENT) | IN(UNIT_PLUGGED) | IN(UNIT_MAPPED) | IN(UNIT_ONLINE))
struct range torture_draw_units(const struct torture *s, struct part *p, unsigned states,
				unsigned also);
struct range torture_draw_region(const struct torture *s, struct part *p, unsigned states);
/* The region that holds a unit; n = 0: it is not mapped. */
struct range torture_region_at(const struct torture *s, unsigned unit);
bool torture_all_in(const struct torture *s, struct range r, enum unit_state state);
bool torture_holds(const struct torture *s, struct range r, paddr_t pa);
bool torture_has_pin(const struct torture *s, const struct part *p, struct range r);
void torture_set_state(struct torture *s, struct range r, enum unit_state state);
void torture_set_region(struct torture *s, struct range r, struct hot_region *region);
void torture_set_exec(struct torture *s, struct range r, bool exec);
/* The content of what is mapped and not online is the test's: write it. */
void torture_stamp(struct torture *s, struct part *p, struct range r);
/* In a storm: refused because another part's frame changed hands meanwhile (mm/movable.c). */
bool torture_busy_by_chance(const struct torture *s, enum err err, const struct evacuation *e);
/* The content is compared, and the object is empty. */
void torture_drop_object(struct part *p, unsigned i);

/* Operations. */
struct torture_op {
	const char *name;
	unsigned weight;
	bool device;	/* needs the device */
	bool conductor; /* the boot hart alone, while nobody operates */
	bool takes;	/* takes translations away: worth a control */
	bool starves;	/* can be made to run out of memory inside mm/, and has to undo then */
	void (*run)(struct torture *s, struct part *p);
};
extern const struct torture_op torture_ops[];
extern const unsigned torture_nr_ops;

/* One that can be made in this scene; @conductor: of those. */
unsigned torture_draw(const struct torture *s, struct rng *r, bool conductor);
unsigned torture_op_walk(void);
/* Make it, on this hart, as the part's next step. */
void torture_step(struct torture *s, struct part *p, unsigned op);
/* What an operation calls with its outcome. ERR_NOMEM is legal if @no_room, and changes nothing. */
bool torture_judge(struct part *p, struct range r, enum err err, enum err due, bool no_room);
void torture_fail(struct part *p, enum evidence e, const char *fmt, ...) printf_fn(3, 4);
/* Failures of the parts as the test's; then what was done last. */
void torture_report(struct torture *s);
void torture_tell(const struct torture *s);

/* The operations, by what they are about: torture_memory.c, torture_maps.c, torture_life.c. */
void torture_plug(struct torture *s, struct part *p);
void torture_unplug(struct torture *s, struct part *p);
void torture_add(struct torture *s, struct part *p);
void torture_remove(struct torture *s, struct part *p);
void torture_online(struct torture *s, struct part *p);
void torture_offline(struct torture *s, struct part *p);
void torture_give(struct torture *s, struct part *p);
void torture_take(struct torture *s, struct part *p);
void torture_cut(struct torture *s, struct part *p);
void torture_join(struct torture *s, struct part *p);
void torture_alloc(struct torture *s, struct part *p);
void torture_free(struct torture *s, struct part *p);
void torture_pin(struct torture *s, struct part *p);
void torture_move(struct torture *s, struct part *p);
void torture_write(struct torture *s, struct part *p);
void torture_map(struct torture *s, struct part *p);
void torture_unmap(struct torture *s, struct part *p);
void torture_protect(struct torture *s, struct part *p);
void torture_merge(struct torture *s, struct part *p);
void torture_walk(struct torture *s, struct part *p);
void torture_dump(struct torture *s, struct part *p);
void torture_away(struct torture *s, struct part *p);
void torture_back(struct torture *s, struct part *p);
void torture_flush(struct torture *s, struct part *p);

/* Choose the memory, as much as boot memory has room for the records of, and its parts. */
void torture_share_out(struct torture *s, struct rng *r);
/* Half of each part's memory online, so that there is something to move from the first step on. */
void torture_begin(struct torture *s);
/* All harts back; everything freed, unmapped, unplugged. Conductor only. */
void torture_all_back(struct torture *s);
void torture_put_away(struct torture *s);
void torture_unmap_all(struct torture *s);

#endif
