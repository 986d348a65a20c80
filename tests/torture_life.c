/* SPDX-License-Identifier: BSD-2-Clause */
/* torture.*: harts that go and come back, ways to tell the others; on the boot hart. */
#include "firmware/arch.h"
#include "firmware/args.h"
#include "firmware/sbi.h"
#include "mm/kernel.h"
#include "mm/shootdown.h"
#include "tests/torture.h"

#define LIFE_MS 5000

unsigned torture_draw_hart(const struct hartset *harts, struct rng *r)
{
	unsigned n = (unsigned)rng_below(r, hartset_count(harts));

	hartset_for_each(h, harts) {
		if (n-- == 0)
			return h;
	}
	return 0;
}

void torture_away(struct torture *s, struct part *p)
{
	const struct hart_return back = {.satp = kernel_satp(), .fence = true};
	struct hartset peers = s->here;
	enum hart_away how = rng_below(&p->rng, 2) == 0 ? HART_STOP : HART_SUSPEND;
	unsigned hart;
	int64_t rc;
	enum err err;

	hartset_del(&peers, 0);
	if (!sbi()->hsm || hartset_empty(&peers) || (how == HART_SUSPEND && s->no_suspend))
		return;
	hart = torture_draw_hart(&peers, &p->rng);
	err = hart_off(hart, how, &back, LIFE_MS, &rc);
	/* SBI need not know a suspension that loses the hart's state. */
	if (err == ERR_NOSYS && how == HART_SUSPEND) {
		s->no_suspend = true;
		return;
	}
	hartset_del(&s->here, hart);
	if (torture_judge(p, (struct range){hart, 1}, err, OK, false))
		hartset_add(&s->away, hart);
}

static enum err bring_back(struct torture *s, unsigned hart)
{
	enum err err = ERR_IO;

	hartset_del(&s->away, hart);
	if (hart_on(hart) == SBI_OK)
		err = hart_on_wait(hart, LIFE_MS);
	if (err == OK)
		hartset_add(&s->here, hart);
	return err;
}

/* What changed while it was away is as new to it as to the others. */
void torture_back(struct torture *s, struct part *p)
{
	struct hartset one;
	unsigned hart;

	if (hartset_empty(&s->away))
		return;
	hart = torture_draw_hart(&s->away, &p->rng);
	one = hartset_of(hart);
	if (torture_judge(p, (struct range){hart, 1}, bring_back(s, hart), OK, false))
		torture_look_all(s, &one, 1);
}

void torture_all_back(struct torture *s)
{
	struct hartset away = s->away;

	hartset_for_each(h, &away)
		EXPECT(s->t, bring_back(s, h) == OK, "hart%u does not come back", h);
}

static bool usable(const struct torture *s, enum shootdown_backend b)
{
	if (b == SHOOTDOWN_SBI)
		return arch_has_rfence();
	return arch_has_ipi() &&
	       (b == SHOOTDOWN_IPI || (s->t->bench->machine->isa & ISA_SVINVAL) != 0);
}

/* Another way to tell other harts, unless one was asked for by name. */
void torture_flush(struct torture *s, struct part *p)
{
	static const enum shootdown_backend all[] = {SHOOTDOWN_SBI, SHOOTDOWN_IPI,
						     SHOOTDOWN_SVINVAL};
	unsigned i = (unsigned)rng_below(&p->rng, ARRAY_LEN(all));

	if (s->t->bench->args->flush != FLUSH_ARG_AUTO || !usable(s, all[i]))
		return;
	shootdown_use(all[i]);
	(void)torture_judge(p, (struct range){i, 1}, OK, OK, false);
}
