/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes the boards of tests/host/trees as blobs, for fuzz_dt to begin with: usage: FOLDER. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/host/trees/shapes.h"

static void one_hart(struct tree *t)
{
	shape_virt(t, 1);
}

static const struct {
	const char *name;
	void (*build)(struct tree *t);
} boards[] = {
	{"virt", one_hart},	  {"sockets", shape_virt_sockets}, {"sifive_u", shape_sifive_u},
	{"icicle", shape_icicle}, {"litex", shape_litex},	   {"p550", shape_p550},
};

int main(int argc, char **argv)
{
	static struct tree t;

	if (argc != 2) {
		fprintf(stderr, "usage: seed_trees FOLDER\n");
		return 2;
	}
	for (unsigned i = 0; i < ARRAY_LEN(boards); i++) {
		char path[4096];
		FILE *f;

		boards[i].build(&t);
		snprintf(path, sizeof(path), "%s/%s.dtb", argv[1], boards[i].name);
		f = fopen(path, "wb");
		if (f == NULL || fwrite(t.blob, 1, t.size, f) != t.size || fclose(f) != 0) {
			fprintf(stderr, "seed_trees: cannot write %s\n", path);
			return 2;
		}
	}
	return 0;
}
