/* SPDX-License-Identifier: BSD-2-Clause */
/* The ways to a table, found from the table upwards. */
#include "mm/model_paths.h"

#include "mm/model_records.h"
#include "mm/model_spaces.h"

#define MAX_UP 64u

/* A table above the one that is asked for, or that one. */
struct up {
	paddr_t pa;
	vaddr_t va; /* offset of the table asked for from what this one translates */
	bool global;
};

/* The last answer holds until something moves: most stores go to one table after the other. */
static struct model_paths paths;
static paddr_t paths_pa;
static uint64_t paths_at;

static struct up ups[MAX_UP];
static unsigned nr_ups;

static void push_up(paddr_t pa, vaddr_t va, bool global)
{
	if (nr_ups == MAX_UP)
		paths.overflow = true;
	else
		ups[nr_ups++] = (struct up){pa, va, global};
}

static void add_path(struct model_path new)
{
	if (new.global)
		new.asid = 0;
	new.va = model_sign_extend(new.va);
	for (unsigned i = 0; i < paths.n; i++) {
		struct model_path *p = &paths.p[i];

		if (p->va != new.va || p->asid != new.asid || p->global != new.global)
			continue;
		hartset_join(&p->holders, &new.holders);
		hartset_join(&p->global_holders, &new.global_holders);
		return;
	}
	if (hartset_empty(&new.holders) && hartset_empty(&new.global_holders))
		return;
	if (paths.n == MODEL_MAX_PATHS)
		paths.overflow = true;
	else
		paths.p[paths.n++] = new;
}

static void from_root(const struct model_table *root, const struct up *u)
{
	paths.live = true;
	for (const struct model_space *s = model_space_next(NULL); s != NULL;
	     s = model_space_next(s)) {
		struct hartset holders = s->running;

		if (s->root != root->pa)
			continue;
		hartset_join(&holders, &s->left);
		add_path((struct model_path){.va = u->va,
					     .root = root->pa,
					     .asid = s->asid,
					     .global = u->global,
					     .holders = holders,
					     .global_holders = s->left_global});
	}
}

/* Old pointers to @t: false if there are none. */
static bool from_records(const struct model_table *t, const struct up *u)
{
	const struct model_record *r;
	bool any = false;
	unsigned n;

	r = model_records(&n);
	for (; n > 0; n--, r++) {
		if (!pte_is_table(r->old) || r->pa != t->pa || r->level != t->level + 1u)
			continue;
		any = true;
		paths.held = true;
		add_path((struct model_path){.va = r->va + u->va,
					     .root = model_root_at(r->root),
					     .asid = r->asid,
					     .global = u->global ||
						       (r->flags & MODEL_GLOBAL_PATH) != 0,
					     .holders = r->holders});
	}
	return any;
}

static void from_link(void *arg, const struct model_table *parent, unsigned index, pte_t e)
{
	const struct up *u = arg;

	push_up(parent->pa, u->va + index * level_size(parent->level),
		u->global || (e.raw & PTE_G) != 0);
}

const struct model_paths *model_paths_to(const struct model_table *asked)
{
	if (paths_pa == asked->pa && paths_at == model_topology)
		return &paths;
	paths_pa = asked->pa;
	paths_at = model_topology;
	paths.n = 0;
	paths.live = false;
	paths.held = false;
	paths.overflow = false;
	nr_ups = 0;
	push_up(asked->pa, 0, false);
	while (nr_ups > 0) {
		struct up u = ups[--nr_ups];
		struct model_table *t = model_table_find(u.pa);

		if (t == NULL)
			continue;
		if (t->root)
			from_root(t, &u);
		if (t->held)
			t->held = from_records(t, &u);
		model_table_for_links(t, from_link, &u);
	}
	return &paths;
}

bool model_table_live(const struct model_table *t)
{
	return model_paths_to(t)->live;
}
