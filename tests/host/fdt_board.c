/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes the tree of a board that QEMU makes none for: usage: fdt_board NAME FILE. Exit status 0:
 * written; 2: no such board, or the file cannot be written.
 */
#include <stdio.h>
#include <string.h>

#include "tests/host/trees/shapes.h"

static const struct {
	const char *name;
	chapter_fn build;
} boards[] = {
	{"icicle", shape_icicle}, {"k230", shape_k230}, {"sifive_u", shape_sifive_u},
	{"litex", shape_litex},	  {"p550", shape_p550},
};

static struct tree tree;

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 3 && i < ARRAY_LEN(boards); i++) {
		FILE *f;
		bool good;

		if (strcmp(argv[1], boards[i].name) != 0)
			continue;
		boards[i].build(&tree);
		f = fopen(argv[2], "wb");
		good = f != NULL && fwrite(tree.blob, 1, tree.size, f) == tree.size;
		if (f == NULL || fclose(f) != 0 || !good) {
			fprintf(stderr, "fdt_board: cannot write %s\n", argv[2]);
			return 2;
		}
		return 0;
	}
	fprintf(stderr, "usage: fdt_board NAME FILE\n");
	return 2;
}
