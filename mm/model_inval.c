/* SPDX-License-Identifier: BSD-2-Clause */
/* SINVAL.VMA that is under way until SFENCE.INVAL.IR. */
#include "mm/model_inval.h"

#include "mm/model_records.h"

#define MAX_INVALS 64u

/* Steps of one stride are one of these. */
struct inval {
	struct fence_op op;
	uint64_t stride; /* 0: once */
	uint64_t times;
	uint64_t token;
	unsigned hart;
};

static struct inval invals[MAX_INVALS];
static unsigned nr_invals;
/* Generation at each hart's last SFENCE.W.INVAL, plus one; 0: none. */
static uint64_t begun_at[MAX_HARTS];

void model_inval_reset(void)
{
	nr_invals = 0;
	for (unsigned i = 0; i < MAX_HARTS; i++)
		begun_at[i] = 0;
}

void model_inval_begin(unsigned hart, uint64_t gen)
{
	begun_at[hart] = gen + 1;
	model_records_freeze(gen);
}

/* Harts make them at the same time, so it needs not be the last one of all. */
static struct inval *last_of(unsigned hart)
{
	for (unsigned i = nr_invals; i > 0; i--) {
		if (invals[i - 1].hart == hart)
			return &invals[i - 1];
	}
	return NULL;
}

/* Goes on where the last one of this hart was, with the same stride: a loop over a range. */
static bool extend(unsigned hart, const struct fence_op *op, uint64_t token)
{
	struct inval *last = last_of(hart);
	uint64_t stride;

	if (last == NULL || last->token != token || op->all_va || last->op.all_va ||
	    op->all_asid != last->op.all_asid || op->asid != last->op.asid ||
	    op->size != last->op.size)
		return false;
	stride = op->start - (last->op.start + (last->times - 1) * last->stride);
	if (last->times > 1 && stride != last->stride)
		return false;
	last->stride = stride;
	last->times++;
	return true;
}

bool model_inval(unsigned hart, const struct fence_op *op)
{
	struct hartset self = hartset_of(hart);
	uint64_t token = begun_at[hart] - 1;

	model_records_note(&self, op, UINT64_MAX, GAP_INVAL_UNORDERED);
	if (begun_at[hart] == 0)
		return true;
	model_records_note(&self, op, token, GAP_INVAL_OPEN);
	if (extend(hart, op, token))
		return true;
	if (nr_invals == MAX_INVALS)
		return false;
	invals[nr_invals++] = (struct inval){*op, 0, 1, token, hart};
	return true;
}

static void drop_all_of(unsigned hart)
{
	unsigned n = 0;

	for (unsigned i = 0; i < nr_invals; i++) {
		if (invals[i].hart != hart)
			invals[n++] = invals[i];
	}
	nr_invals = n;
}

void model_inval_end(unsigned hart, void (*fenced)(const struct hartset *harts,
						   const struct fence_op *op, uint64_t token))
{
	struct hartset self = hartset_of(hart);

	for (unsigned i = 0; i < nr_invals; i++) {
		const struct inval *v = &invals[i];
		struct fence_op op = v->op;
		uint64_t times = v->times;

		if (v->hart != hart)
			continue;
		/* No entry is smaller than a page: so close together they are one range. */
		if (v->stride <= PAGE_SIZE) {
			op.size += (times - 1) * v->stride;
			times = 1;
		}
		for (; times > 0; times--, op.start += v->stride)
			fenced(&self, &op, v->token);
	}
	drop_all_of(hart);
}

void model_inval_forget(unsigned hart)
{
	begun_at[hart] = 0;
	drop_all_of(hart);
}
