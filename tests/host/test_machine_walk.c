/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * firmware/machine_walk.c keeps what libfdt says: each of its answers is held against libfdt's own,
 * of trees that it keeps, of one that is too large for that, and of one that is not the kept one.
 */
#include <libfdt.h>
#include <stdio.h>
#include <string.h>

#include "firmware/machine_priv.h"
#include "tests/host/tap.h"
#include "tests/host/trees/shapes.h"

static struct tree tree;
static struct tree other;

/* Names that are asked for, whether a node has them or not. */
static const char *const asked[] = {"compatible", "reg", "phandle", "status",
				    "bootargs",	  "",	 "re",	    "regs"};

static bool same_prop(const struct dt *dt, int node, const char *name)
{
	int len = -1000;
	int want_len = -1000;
	const void *value = dt_prop(dt, node, name, &len);
	const void *want = fdt_getprop(dt->fdt, node, name, &want_len);

	if (value == want && (want == NULL || len == want_len) &&
	    dt_prop(dt, node, name, NULL) == want)
		return true;
	printf("# property %s at %d\n", name, node);
	return false;
}

static bool same_props(const struct dt *dt, int node)
{
	const char *name;
	bool same = true;
	int at;

	for (unsigned i = 0; i < ARRAY_LEN(asked); i++)
		same &= same_prop(dt, node, asked[i]);
	fdt_for_each_property_offset(at, dt->fdt, node)
	{
		if (fdt_getprop_by_offset(dt->fdt, at, &name, NULL) != NULL)
			same &= same_prop(dt, node, name);
	}
	return same;
}

static bool same_phandle(const struct dt *dt, uint32_t phandle)
{
	int node = dt_by_phandle(dt, phandle);
	int want = fdt_node_offset_by_phandle(dt->fdt, phandle);

	if (want < 0 ? node < 0 : node == want)
		return true;
	printf("# phandle %u: %d, not %d\n", phandle, node, want);
	return false;
}

static bool same_children(const struct dt *dt, int parent)
{
	int want = fdt_first_subnode(dt->fdt, parent);
	int node;

	dt_for_each_child(node, dt, parent)
	{
		if (node != want)
			break;
		want = fdt_next_subnode(dt->fdt, want);
	}
	if (node < 0 && want < 0)
		return true;
	printf("# children of %d: %d, not %d\n", parent, node, want);
	return false;
}

/* Below the root, in the tree's order: all nodes. */
static bool same_answers(const void *fdt)
{
	const struct dt dt = {.fdt = fdt};
	bool same =
		same_phandle(&dt, 0) && same_phandle(&dt, UINT32_MAX) && same_phandle(&dt, 77777);
	int want_depth = 0;
	int depth = 0;
	int want = 0;
	int node = 0;

	while (same && node >= 0) {
		same = same_props(&dt, node) && same_children(&dt, node) &&
		       same_phandle(&dt, fdt_get_phandle(fdt, node)) &&
		       strcmp(dt_name(&dt, node), fdt_get_name(fdt, node, NULL)) == 0;
		node = dt_next_node(&dt, node, &depth);
		want = fdt_next_node(fdt, want, &want_depth);
		if (want_depth <= 0)
			want = -FDT_ERR_NOTFOUND;
		if (node < 0 ? want >= 0 : node != want || depth != want_depth)
			same = false;
	}
	return same;
}

static bool keeps(const struct tree *t)
{
	return machine_check_tree(t->blob, t->size) == 0 && same_answers(t->blob);
}

static void test_boards(void)
{
	shape_build(&tree, &(struct shape){0});
	tap_ok(keeps(&tree), "a small tree");
	shape_virt(&tree, 8);
	tap_ok(keeps(&tree), "virt, 8 harts");
	shape_virt_sockets(&tree);
	tap_ok(keeps(&tree), "virt, two sockets");
	shape_sifive_u(&tree);
	tap_ok(keeps(&tree), "sifive_u");
	shape_icicle(&tree);
	tap_ok(keeps(&tree), "icicle");
	shape_litex(&tree);
	tap_ok(keeps(&tree), "LiteX");
}

/* What fdt_nop_node() and fdt_nop_property() leave behind: tags that say nothing. */
static void test_nops(void)
{
	int node;

	shape_virt(&tree, 4);
	node = fdt_path_offset(tree.blob, "/chosen");
	tap_ok(fdt_nop_property(tree.blob, node, "bootargs") == 0 && keeps(&tree),
	       "a property gone");
	tap_ok(fdt_nop_node(tree.blob, node) == 0 && keeps(&tree), "a node gone");
	node = fdt_next_node(tree.blob, 0, NULL);
	tap_ok(fdt_nop_node(tree.blob, node) == 0 && keeps(&tree), "the first node gone");
}

static void put_many(struct tree *t)
{
	for (unsigned i = 0; i < 2100; i++) {
		tree_openf(t, "device@%x", i);
		tree_cells(t, "reg", i);
		tree_close(t);
	}
}

static void put_long(struct tree *t)
{
	tree_open(t, "device");
	for (unsigned i = 0; i < 8300; i++)
		tree_cells(t, "reg", i);
	tree_close(t);
}

static void test_too_large(void)
{
	shape_build(&tree, &(struct shape){.soc = put_many});
	tap_ok(keeps(&tree), "more nodes than are kept");
	shape_build(&tree, &(struct shape){.soc = put_long});
	tap_ok(keeps(&tree), "more properties than are kept");
}

/* Each tree by itself: what is kept of one answers no question about another. */
static void test_another(void)
{
	shape_virt(&tree, 2);
	shape_icicle(&other);
	tap_ok(keeps(&tree) && same_answers(other.blob) && same_answers(tree.blob),
	       "another tree than the kept one");
	tap_ok(keeps(&other) && same_answers(tree.blob), "the other way round");
}

static void test_no_children(void)
{
	const struct dt dt = {.fdt = tree.blob};

	tree_start(&tree);
	tree_open_root(&tree, 2, 2);
	tree_finish(&tree);
	tap_ok(keeps(&tree) && dt_first_child(&dt, 0) < 0 && dt_find(&dt, "chosen") < 0,
	       "a root without children");
}

int main(void)
{
	test_boards();
	test_nops();
	test_too_large();
	test_another();
	test_no_children();
	return tap_done();
}
