/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which orders there are: depth first, one run for each. Where two steps of two harts meet in what
 * they touch and nothing else orders them, the later one is tried first in another run (dynamic
 * partial-order reduction); what was tried and would now run to the same end sleeps (sleep sets).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/host/weave_parts.h"

#define NONE UINT32_MAX
#define OBJECTS (1u << 16) /* a power of two */
#define TOUCHES (1u << 22)
#define SEEN (1u << 17) /* a power of two */

/* What a step touched, of each thing the strongest. */
struct touched {
	uint64_t what;
	enum sim_touch how;
};

/* Indexes of touches. */
struct set {
	uint32_t first, n;
};

struct clock {
	uint32_t of[WEAVE_ACTORS]; /* steps of all up to the last of this one that came before */
};

struct object {
	uint64_t what;
	uint64_t run;		     /* the schedule that it is of */
	uint32_t stamp;		     /* the step that touched it last, + 1 */
	uint32_t in_step;	     /* index of touches */
	uint32_t write;		     /* last step that wrote */
	uint32_t read[WEAVE_ACTORS]; /* since; NONE */
	uint32_t add[WEAVE_ACTORS];
	struct clock wrote, looked, added, gave;
};

/* Before a step. */
struct node {
	uint16_t enabled, todo, done, asleep;
	uint16_t nth; /* step of who is chosen */
	uint8_t chosen;
	struct set sets[WEAVE_ACTORS]; /* of those that are done or asleep */
	uint32_t touches;	       /* in use before the step */
	uint64_t sum;		       /* up to here, see order_is_new() */
};

static struct orders {
	struct node nodes[WEAVE_MAX_STEPS + 1];
	unsigned depth;	 /* of this schedule */
	unsigned replay; /* so many choices are given */
	bool fixed;	 /* by a text, and the rest is the first that comes */
	bool drawn, all;
	uint16_t made[WEAVE_ACTORS]; /* steps */
	uint64_t seen[SEEN];
	uint64_t seed;
	uint8_t given[WEAVE_MAX_STEPS];
	uint64_t run;
	struct touched touches[TOUCHES];
	uint32_t nr_touches;
	struct clock clocks[WEAVE_ACTORS];
	struct object objects[OBJECTS];
	unsigned nr_objects;
	bool stored;
} * o;

void order_init(void)
{
	o = reset_room(sizeof(*o));
}

void order_restart(void)
{
	o->depth = 0;
	o->run++;
	o->nr_objects = 0;
	memset(o->made, 0, sizeof(o->made));
	memset(o->clocks, 0, sizeof(o->clocks));
}

unsigned order_steps(void)
{
	return o->depth;
}

static struct object *object_of(uint64_t what)
{
	unsigned i = (unsigned)(what * UINT64_C(0x9e3779b97f4a7c15) >> 40) % OBJECTS;
	struct object *x;

	while (o->objects[i].run == o->run && o->objects[i].what != what)
		i = (i + 1) % OBJECTS;
	x = &o->objects[i];
	if (x->run == o->run)
		return x;
	if (++o->nr_objects == OBJECTS / 4 * 3)
		weave_fail("too many things are touched");
	memset(x, 0, sizeof(*x));
	x->what = what;
	x->run = o->run;
	x->write = NONE;
	memset(x->read, 0xff, sizeof(x->read));
	memset(x->add, 0xff, sizeof(x->add));
	return x;
}

/* ---- what a step touches */

void order_touch(enum sim_touch how, enum sim_thing kind, uint64_t which)
{
	uint64_t what = (uint64_t)kind << 60 | (which & ((UINT64_C(1) << 60) - 1));
	struct object *x = object_of(what);
	struct touched *t;

	if (kind == SIM_HISTORY)
		o->stored = true;
	/* Takes and gives stand beside the rest. */
	if (x->stamp == o->depth && (how <= SIM_ADDS)) {
		t = &o->touches[x->in_step];
		if (t->how != how)
			t->how = SIM_WRITES;
		return;
	}
	if (o->nr_touches == TOUCHES)
		weave_fail("too much is touched");
	if (how <= SIM_ADDS) {
		x->stamp = o->depth;
		x->in_step = o->nr_touches;
	}
	o->touches[o->nr_touches++] = (struct touched){what, how};
}

static bool meet(enum sim_touch a, enum sim_touch b)
{
	if (a > SIM_ADDS || b > SIM_ADDS)
		return false;
	return a == SIM_WRITES || b == SIM_WRITES || a != b;
}

/* Whether @a and the step that was just made touch nothing in common. */
static bool apart(struct set a, struct set made)
{
	for (uint32_t i = 0; i < a.n; i++) {
		const struct touched *x = &o->touches[a.first + i];

		for (uint32_t k = 0; k < made.n; k++) {
			const struct touched *y = &o->touches[made.first + k];

			if (x->what == y->what && meet(x->how, y->how))
				return false;
		}
	}
	return true;
}

static void join(struct clock *to, const struct clock *from)
{
	for (unsigned a = 0; a < WEAVE_ACTORS; a++)
		to->of[a] = to->of[a] > from->of[a] ? to->of[a] : from->of[a];
}

/*
 * The step of @actor that was just made met step @earlier: it has to be tried before that one, or,
 * where it could not run there, whoever made it able to.
 */
static void try_before(uint32_t earlier, unsigned actor)
{
	struct node *n = &o->nodes[earlier];
	const struct clock *c = &o->clocks[actor];
	unsigned helpers = 0;

	if ((n->enabled >> actor & 1) != 0) {
		n->todo |= (uint16_t)(1u << actor);
		return;
	}
	for (unsigned a = 0; a < WEAVE_ACTORS; a++) {
		if ((n->enabled >> a & 1) != 0 && c->of[a] > earlier + 1)
			helpers |= 1u << a;
	}
	if (helpers == 0)
		n->todo |= n->enabled;
	else if ((helpers & n->todo) == 0)
		n->todo |= (uint16_t)(helpers & -helpers);
}

static void met(uint32_t earlier, unsigned actor)
{
	unsigned other;

	if (earlier == NONE)
		return;
	other = o->nodes[earlier].chosen;
	if (other != actor && o->clocks[actor].of[other] < earlier + 1)
		try_before(earlier, actor);
}

static void met_all(const uint32_t *earlier, unsigned actor)
{
	for (unsigned a = 0; a < WEAVE_ACTORS; a++)
		met(earlier[a], actor);
}

static void look_for_meetings(const struct touched *t, unsigned actor)
{
	const struct object *x = object_of(t->what);

	if (t->how > SIM_ADDS)
		return;
	met(x->write, actor);
	if (t->how != SIM_READS)
		met_all(x->read, actor);
	if (t->how != SIM_ADDS)
		met_all(x->add, actor);
}

/* What came before it, now that it is made. */
static void come_behind(const struct touched *t, struct clock *c)
{
	const struct object *x = object_of(t->what);

	join(c, &x->gave);
	if (t->how > SIM_ADDS)
		return;
	join(c, &x->wrote);
	if (t->how != SIM_READS)
		join(c, &x->looked);
	if (t->how != SIM_ADDS)
		join(c, &x->added);
}

static void leave(const struct touched *t, unsigned actor, uint32_t step, const struct clock *c)
{
	struct object *x = object_of(t->what);

	switch (t->how) {
	case SIM_READS:
		x->read[actor] = step;
		join(&x->looked, c);
		break;
	case SIM_ADDS:
		x->add[actor] = step;
		join(&x->added, c);
		break;
	case SIM_WRITES:
		x->write = step;
		memset(x->read, 0xff, sizeof(x->read));
		memset(x->add, 0xff, sizeof(x->add));
		x->wrote = *c;
		break;
	case SIM_GIVES:
		join(&x->gave, c);
		break;
	case SIM_TAKES:
		break;
	}
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 31) * UINT64_C(0x9e3779b97f4a7c15);
	return x ^ x >> 29;
}

/* Of a step and of what came before it, by whose how manieth step: the same in every order alike.
 */
static uint64_t digest(struct node *n, const struct clock *c)
{
	uint64_t d = n->chosen + 1u;

	n->nth = ++o->made[n->chosen];
	for (unsigned a = 0; a < WEAVE_ACTORS; a++)
		d = mix(d + (c->of[a] == 0 ? 0 : o->nodes[c->of[a] - 1].nth));
	return d;
}

bool order_is_new(void)
{
	uint64_t sum = o->nodes[o->depth - 1].sum | 1;
	unsigned i = (unsigned)(sum >> 32) % SEEN;

	while (o->seen[i] != 0 && o->seen[i] != sum)
		i = (i + 1) % SEEN;
	if (o->seen[i] == sum)
		return false;
	o->seen[i] = sum;
	return true;
}

bool order_step_done(void)
{
	uint32_t step = o->depth - 1;
	struct node *n = &o->nodes[step];
	unsigned actor = n->chosen;
	struct clock *c = &o->clocks[actor];
	struct set made = {n->touches, o->nr_touches - n->touches};
	bool stored = o->stored;

	/* What made it possible came before it anyway. */
	for (uint32_t i = 0; i < made.n; i++) {
		const struct touched *t = &o->touches[made.first + i];

		if (t->how == SIM_TAKES)
			join(c, &object_of(t->what)->gave);
	}
	for (uint32_t i = 0; i < made.n; i++)
		look_for_meetings(&o->touches[made.first + i], actor);
	for (uint32_t i = 0; i < made.n; i++)
		come_behind(&o->touches[made.first + i], c);
	c->of[actor] = step + 1;
	for (uint32_t i = 0; i < made.n; i++)
		leave(&o->touches[made.first + i], actor, step, c);
	n->sets[actor] = made;
	n->sum = (step == 0 ? 0 : n[-1].sum) + digest(n, c);
	o->stored = false;
	return stored;
}

/* ---- the next step */

/* Those that were tried here or above and would come to the same: what was made since is apart. */
static void inherit_sleep(struct node *n, const struct node *parent)
{
	unsigned tried = (parent->asleep | parent->done) & ~(1u << parent->chosen);
	struct set made = parent->sets[parent->chosen];

	for (unsigned a = 0; a < WEAVE_ACTORS; a++) {
		if ((tried >> a & 1) != 0 && apart(parent->sets[a], made)) {
			n->asleep |= (uint16_t)(1u << a);
			n->sets[a] = parent->sets[a];
		}
	}
}

static unsigned first_choice(const struct node *n, unsigned last)
{
	unsigned left = n->enabled & ~(unsigned)n->asleep;

	if (left == 0)
		return WEAVE_ACTORS;
	if (last < WEAVE_ACTORS && (left >> last & 1) != 0)
		return last;
	return (unsigned)__builtin_ctz(left);
}

/* Mostly whoever made the last step, so that some get far ahead. */
static unsigned drawn_choice(const struct node *n, unsigned last)
{
	unsigned r;

	o->seed = o->seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	r = (unsigned)(o->seed >> 40);
	if (last < WEAVE_ACTORS && (n->enabled >> last & 1) != 0 && r % 8 != 0)
		return last;
	r = r / 8 % (unsigned)__builtin_popcount(n->enabled);
	for (unsigned a = 0;; a++) {
		if ((n->enabled >> a & 1) != 0 && r-- == 0)
			return a;
	}
}

unsigned order_choose(unsigned enabled)
{
	unsigned d = o->depth;
	struct node *n = &o->nodes[d];
	unsigned last = d == 0 ? WEAVE_ACTORS : o->nodes[d - 1].chosen;

	if (d == WEAVE_MAX_STEPS)
		weave_fail("no end: a hart goes round in circles");
	if (d < o->replay && !o->fixed) {
		if (n->enabled != enabled)
			weave_fail("the same choices lead elsewhere");
		o->nr_touches = n->touches;
	} else {
		*n = (struct node){.enabled = (uint16_t)enabled, .touches = o->nr_touches};
		if (o->fixed)
			n->chosen = d < o->replay ? o->given[d] : (uint8_t)first_choice(n, last);
		else if (d > 0 && !o->drawn && !o->all)
			inherit_sleep(n, &o->nodes[d - 1]);
		if (!o->fixed) {
			unsigned a = o->drawn ? drawn_choice(n, last) : first_choice(n, last);

			if (a == WEAVE_ACTORS)
				return a;
			n->chosen = (uint8_t)a;
			n->todo = (uint16_t)(o->all ? enabled : 1u << a);
		}
		if ((enabled >> n->chosen & 1) == 0)
			weave_fail("who is to run next cannot");
	}
	o->depth++;
	return n->chosen;
}

bool order_next(void)
{
	if (o->fixed || o->drawn) {
		o->nr_touches = 0;
		return o->drawn;
	}
	while (o->depth > 0) {
		struct node *n = &o->nodes[o->depth - 1];
		unsigned left;

		n->done |= (uint16_t)(1u << n->chosen);
		left = n->todo & ~(unsigned)n->done & ~(unsigned)n->asleep;
		if (left != 0) {
			const struct set *s = &n->sets[n->chosen];

			/* What is done keeps what it touched. */
			n->touches = s->first + s->n;
			n->chosen = (uint8_t)__builtin_ctz(left);
			o->replay = o->depth;
			return true;
		}
		o->depth--;
	}
	return false;
}

/* ---- as text: who and how often in a row, "a12 b3 B1": main of harts, in capitals its interrupts,
 * in digits behind them the SBI's */

static const char names[] = "aA0bB1cC2";

void order_print(char *out, size_t len)
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned i = 0, k; i < o->depth && n + 16 < len; i = k) {
		for (k = i + 1; k < o->depth && o->nodes[k].chosen == o->nodes[i].chosen;)
			k++;
		n += (size_t)snprintf(out + n, len - n, "%s%c:%u", i == 0 ? "" : " ",
				      names[o->nodes[i].chosen], k - i);
	}
}

void order_all(void)
{
	o->all = true;
}

void order_draw(uint64_t seed)
{
	o->drawn = true;
	o->seed = seed;
}

void order_replay(const char *choices)
{
	o->fixed = true;
	while (*choices != '\0') {
		const char *at = strchr(names, *choices);
		char *end;
		unsigned long n;

		if (at == NULL || choices[1] != ':')
			break;
		n = strtoul(choices + 2, &end, 10);
		while (n-- > 0 && o->replay < WEAVE_MAX_STEPS)
			o->given[o->replay++] = (uint8_t)(at - names);
		choices = end + strspn(end, " ");
	}
}
