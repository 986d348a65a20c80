/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model's log: entries that were replaced, with the harts that may still hold what was there.
 * A fence takes harts off the records that it reaches and that are older than its beginning; a
 * record without harts is gone. Locks: all under the model's.
 */
#ifndef MM_MODEL_RECORDS_H
#define MM_MODEL_RECORDS_H

#include "mm/model.h"

enum model_flag {
	MODEL_TABLE = 1,       /* was or became a pointer: only rs1 = x0 reaches it */
	MODEL_GLOBAL = 2,      /* was or became global: only rs2 = x0 reaches it */
	MODEL_GLOBAL_PATH = 4, /* a pointer with G, or below one: so is all that it leads to */
	MODEL_DEFERRED = 8,    /* an absence that its holders repair by a fault (deferred.h) */
};

/* 64 bytes: there are thousands. */
struct model_record {
	uint64_t gen; /* of the newest store in it */
	vaddr_t va;
	paddr_t pa; /* that the first old entry led to; 0 for invalid ones */
	pte_t old;  /* the first of the run */
	struct hartset holders;
	uint32_t count; /* like entries side by side, from @va on; of a NAPOT one, its 16 pages */
	uint16_t asid;	/* 0 for global ones */
	uint8_t level;
	uint8_t flags; /* enum model_flag */
	uint8_t writer;
	uint8_t why;   /* enum fence_gap */
	uint8_t op;    /* model_op_name() */
	uint8_t napot; /* a live entry of its group may be cached for any page of it again */
	uint8_t root;  /* that it was reached from: model_root_at() */
};

/* Empty. @root is the first one. */
void model_records_init(paddr_t root);
void model_records_reset(void);
/* The log, in no order. */
const struct model_record *model_records(unsigned *n);
/* False: no room. */
bool must_check model_record_add(struct model_record r);
/* The absences that @writer ended behind @begin are repaired by their holders, by faults. */
void model_records_defer(unsigned writer, uint64_t begin);
/* A fence begins: what is in the log now does not grow. */
void model_records_freeze(uint64_t gen);
/* @harts fenced by @op, which began at @token. False: no room. */
bool must_check model_records_fenced(const struct hartset *harts, const struct fence_op *op,
				     uint64_t token);
/* They did something of that kind that orders nothing by itself. */
void model_records_note(const struct hartset *harts, const struct fence_op *op, uint64_t token,
			enum fence_gap gap);
/* The first full fence of @harts, which began at @token: what was stored behind it they may hold.
 */
void model_records_join(const struct hartset *harts, uint64_t token);
/* Pointers that may be held lead to something global now. */
void model_records_globalize(void);
void model_records_stop(unsigned hart);
/* @root is no more: its records are looked up in the first one from here on. */
void model_records_reroot(paddr_t root);
unsigned model_records_peak(void);

/* Roots as small numbers. When there are too many it is the first one's. */
uint8_t model_root_number(paddr_t root);
paddr_t model_root_at(uint8_t number);

/* Names of operations as small numbers. */
uint8_t model_op_number(const char *name);
const char *model_op_name(uint8_t number);

#endif
