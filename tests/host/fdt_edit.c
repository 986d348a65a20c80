/* SPDX-License-Identifier: BSD-2-Clause */
/* Damages a device tree on purpose: usage: fdt_edit IN OUT delete NODE-PATH */
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *read_file(const char *name, size_t *size)
{
	FILE *f = fopen(name, "rb");
	size_t room = 1 << 20;
	void *p = malloc(room);

	if (f == NULL || p == NULL) {
		perror(name);
		exit(2);
	}
	*size = fread(p, 1, room, f);
	fclose(f);
	return p;
}

int main(int argc, char **argv)
{
	size_t size;
	void *fdt;
	FILE *f;
	int node;

	if (argc != 5 || strcmp(argv[3], "delete") != 0) {
		fprintf(stderr, "usage: fdt_edit IN OUT delete NODE-PATH\n");
		return 2;
	}
	fdt = read_file(argv[1], &size);
	node = fdt_path_offset(fdt, argv[4]);
	if (node < 0 || fdt_del_node(fdt, node) != 0) {
		fprintf(stderr, "fdt_edit: %s: %s\n", argv[4], fdt_strerror(node));
		return 1;
	}
	f = fopen(argv[2], "wb");
	if (f == NULL || fwrite(fdt, 1, fdt_totalsize(fdt), f) != fdt_totalsize(fdt) ||
	    fclose(f) != 0) {
		perror(argv[2]);
		return 2;
	}
	free(fdt);
	return 0;
}
