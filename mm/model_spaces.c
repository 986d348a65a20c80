/* SPDX-License-Identifier: BSD-2-Clause */
/* Who walks which root. */
#include "mm/model_spaces.h"

static struct model_space spaces[MODEL_MAX_SPACES];
/* Generation at which each hart last left a space: a fence that began before is none of it. */
static uint64_t left_at[MODEL_MAX_SPACES][MAX_HARTS];

/*
 * A hart that started holds anything that was ever cached in it, until its first full fence
 * (SBI HSM promises nothing about the TLB of a started hart).
 */
static struct hartset unfenced;
static uint64_t started_at[MAX_HARTS];

uint64_t model_topology;

void model_spaces_reset(paddr_t root)
{
	for (unsigned i = 0; i < MODEL_MAX_SPACES; i++)
		spaces[i].used = false;
	spaces[0] =
		(struct model_space){.root = root, .used = true, .running = arch_harts_online()};
	unfenced = (struct hartset){{0}};
	model_topology++;
}

const struct model_space *model_space_next(const struct model_space *s)
{
	unsigned i = s == NULL ? 0 : (unsigned)(s - spaces) + 1;

	while (i < MODEL_MAX_SPACES && !spaces[i].used)
		i++;
	return i < MODEL_MAX_SPACES ? &spaces[i] : NULL;
}

static bool space_empty(const struct model_space *s)
{
	return hartset_empty(&s->running) && hartset_empty(&s->left) &&
	       hartset_empty(&s->left_global);
}

static void forget_if_empty(struct model_space *s)
{
	if (space_empty(s))
		s->used = false;
}

static struct model_space *space_get(paddr_t root, uint16_t asid)
{
	struct model_space *unused = NULL;

	for (unsigned i = 0; i < MODEL_MAX_SPACES; i++) {
		if (spaces[i].used && spaces[i].root == root && spaces[i].asid == asid)
			return &spaces[i];
		if (!spaces[i].used)
			unused = &spaces[i];
	}
	if (unused != NULL)
		*unused = (struct model_space){.root = root, .asid = asid, .used = true};
	return unused;
}

bool model_space_enter(unsigned hart, paddr_t root, uint16_t asid)
{
	struct model_space *s = space_get(root, asid);

	if (s == NULL)
		return false;
	/* What it left here before is its again. */
	hartset_add(&s->running, hart);
	hartset_del(&s->left, hart);
	hartset_del(&s->left_global, hart);
	model_topology++;
	return true;
}

void model_space_leave(unsigned hart, paddr_t root, uint16_t asid, uint64_t gen)
{
	for (unsigned i = 0; i < MODEL_MAX_SPACES; i++) {
		struct model_space *s = &spaces[i];

		if (!s->used || !hartset_has(&s->running, hart) ||
		    (s->root == root && s->asid == asid))
			continue;
		hartset_del(&s->running, hart);
		hartset_add(&s->left, hart);
		left_at[i][hart] = gen;
	}
	model_topology++;
}

void model_spaces_fenced(const struct hartset *harts, const struct fence_op *op, uint64_t token)
{
	if (!op->all_va)
		return;
	for (unsigned i = 0; i < MODEL_MAX_SPACES; i++) {
		struct model_space *s = &spaces[i];

		if (!s->used || (hartset_empty(&s->left) && hartset_empty(&s->left_global)) ||
		    (!op->all_asid && s->asid != op->asid))
			continue;
		hartset_for_each(h, harts) {
			if (left_at[i][h] > token)
				continue;
			if (!op->all_asid && hartset_has(&s->left, h))
				hartset_add(&s->left_global, h);
			if (op->all_asid)
				hartset_del(&s->left_global, h);
			hartset_del(&s->left, h);
		}
		forget_if_empty(s);
		model_topology++;
	}
}

struct hartset model_spaces_drop(paddr_t root)
{
	struct hartset all = {{0}};

	for (unsigned i = 0; i < MODEL_MAX_SPACES; i++) {
		if (!spaces[i].used || spaces[i].root != root)
			continue;
		hartset_join(&all, &spaces[i].running);
		hartset_join(&all, &spaces[i].left);
		spaces[i].left_global = (struct hartset){{0}};
		forget_if_empty(&spaces[i]);
	}
	model_topology++;
	return all;
}

bool model_hart_start(unsigned hart, paddr_t root, uint16_t asid, uint64_t gen)
{
	started_at[hart] = gen;
	hartset_add(&unfenced, hart);
	return model_space_enter(hart, root, asid);
}

void model_hart_stop(unsigned hart)
{
	hartset_del(&unfenced, hart);
	for (unsigned i = 0; i < MODEL_MAX_SPACES; i++) {
		hartset_del(&spaces[i].running, hart);
		hartset_del(&spaces[i].left, hart);
		hartset_del(&spaces[i].left_global, hart);
		forget_if_empty(&spaces[i]);
	}
	model_topology++;
}

struct hartset model_harts_fenced(const struct hartset *harts, uint64_t token)
{
	struct hartset first = {{0}};

	if (hartset_empty(&unfenced))
		return first;
	hartset_for_each(h, harts) {
		if (!hartset_has(&unfenced, h) || token < started_at[h])
			continue;
		hartset_del(&unfenced, h);
		hartset_add(&first, h);
	}
	return first;
}

struct hartset model_unfenced(void)
{
	return unfenced;
}
