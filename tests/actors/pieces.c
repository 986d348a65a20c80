/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that comes and goes beside what the other actors do. */
#include "tests/actors/pieces.h"

#define MAX_BLOCKS 9u /* of one piece */

struct piece pieces[PIECES];

bool pieces_init(struct test_run *t, uint64_t nr_blocks)
{
	uint64_t each = nr_blocks / PIECES;

	if (!hotcase_need(t, max_u64(nr_blocks, PIECES * 4)))
		return false;
	for (unsigned i = 0; i < PIECES; i++)
		pieces[i] = (struct piece){
			hotcase_blocks(t, i * each + 1, min_u64(each - 1, MAX_BLOCKS)), NULL};
	return true;
}

void pieces_plug(struct actor *a)
{
	struct test_run *t = a->arg;
	struct piece *p = &pieces[rng_below(&a->rng, PIECES)];
	struct evacuation e;
	enum err err;

	if (p->hot == NULL) {
		err = plug_add(t->bench->vmem, p->phys, PROT_RW, &p->hot, NULL);
	} else {
		err = plug_remove(t->bench->vmem, p->hot, &e, NULL);
		p->hot = NULL;
	}
	/* What did not go is there still, and what did not come is not: to be taken away behind it.
	 */
	if (err != OK) {
		p->hot = hot_look_up(p->phys.start);
		actor_fail(a, EVIDENCE_CHECK, "%s", err_name(err));
	}
}

void pieces_take_away(struct test_run *t)
{
	for (unsigned i = 0; i < PIECES; i++) {
		if (pieces[i].hot != NULL)
			hotcase_remove(t, pieces[i].hot);
		pieces[i].hot = NULL;
	}
}
