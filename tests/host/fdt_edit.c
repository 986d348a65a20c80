/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes and damages a device tree: usage: fdt_edit IN OUT COMMAND [-- COMMAND]...
 *
 *   add NODE                      with the nodes above it, where they are missing
 *   delete NODE
 *   rename NODE NAME
 *   set NODE PROP cells|u64 N...  numbers as C has them
 *   set NODE PROP string TEXT...  words joined by blanks
 *   set NODE PROP bytes HEX...
 *   set NODE PROP fill CHAR N     N times, and no terminator
 *   set NODE PROP empty
 *   unset NODE PROP
 *   memreserve START SIZE
 *
 * and on the bytes, after which it may be no tree any more:
 *
 *   header FIELD N                totalsize, off_dt_struct, ... as the specification names them
 *   word OFFSET N                 32 bits, big-endian
 *   poke OFFSET BYTE
 *   pokes SEED COUNT              at random, the same for the same seed
 *   truncate N                    bytes that are left
 */
#include <libfdt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM (1 << 20)

struct edit {
	void *fdt;
	size_t size;
	int raw; /* bytes are edited: libfdt is not asked any more */
	char **argv;
	int argc; /* words of this command */
};

static void fail(const struct edit *e, const char *why)
{
	fprintf(stderr, "fdt_edit:");
	for (int i = 0; i < e->argc; i++)
		fprintf(stderr, " %s", e->argv[i]);
	fprintf(stderr, ": %s\n", why);
	exit(1);
}

static void need(const struct edit *e, int err)
{
	if (err < 0)
		fail(e, fdt_strerror(err));
}

static uint64_t number(const struct edit *e, int i)
{
	char *end;
	uint64_t v;

	if (i >= e->argc)
		fail(e, "a number is missing");
	v = strtoull(e->argv[i], &end, 0);
	if (end == e->argv[i] || *end != '\0')
		fail(e, "not a number");
	return v;
}

static const char *word(const struct edit *e, int i)
{
	if (i >= e->argc)
		fail(e, "a word is missing");
	return e->argv[i];
}

static int node_at(const struct edit *e, const char *path)
{
	int node = fdt_path_offset(e->fdt, path);

	need(e, node);
	return node;
}

static void add(const struct edit *e)
{
	char path[256];
	int node = 0;

	(void)snprintf(path, sizeof(path), "%s", word(e, 1));
	for (char *name = strtok(path, "/"); name != NULL; name = strtok(NULL, "/")) {
		int next = fdt_subnode_offset(e->fdt, node, name);

		if (next == -FDT_ERR_NOTFOUND)
			next = fdt_add_subnode(e->fdt, node, name);
		need(e, next);
		node = next;
	}
}

static size_t put_number(unsigned char *to, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		to[i] = (unsigned char)(v >> 8 * (bytes - 1 - i));
	return bytes;
}

static void set(const struct edit *e)
{
	static unsigned char value[ROOM / 2];
	const char *kind = word(e, 3);
	size_t len = 0;

	if (strcmp(kind, "fill") == 0) {
		len = number(e, 5);
		if (len > sizeof(value))
			fail(e, "too long");
		memset(value, word(e, 4)[0], len);
	} else if (strcmp(kind, "empty") != 0) {
		for (int i = 4; i < e->argc; i++) {
			if (strcmp(kind, "cells") == 0)
				len += put_number(value + len, number(e, i), 4);
			else if (strcmp(kind, "u64") == 0)
				len += put_number(value + len, number(e, i), 8);
			else if (strcmp(kind, "bytes") == 0)
				value[len++] = (unsigned char)strtoul(e->argv[i], NULL, 16);
			else if (strcmp(kind, "string") == 0)
				len += (size_t)sprintf((char *)value + len, "%s%s", e->argv[i],
						       i + 1 < e->argc ? " " : "") +
				       (i + 1 < e->argc ? 0 : 1);
			else
				fail(e, "no such kind of value");
		}
	}
	need(e, fdt_setprop(e->fdt, node_at(e, word(e, 1)), word(e, 2), value, (int)len));
}

static unsigned char *byte_at(const struct edit *e, uint64_t offset, size_t bytes)
{
	if (offset > e->size || bytes > e->size - offset)
		fail(e, "behind the end");
	return (unsigned char *)e->fdt + offset;
}

static void header(const struct edit *e)
{
	static const char *const fields[] = {
		"magic",	   "totalsize",	    "off_dt_struct",	 "off_dt_strings",
		"off_mem_rsvmap",  "version",	    "last_comp_version", "boot_cpuid_phys",
		"size_dt_strings", "size_dt_struct"};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (strcmp(word(e, 1), fields[i]) == 0) {
			(void)put_number(byte_at(e, 4 * i, 4), number(e, 2), 4);
			return;
		}
	}
	fail(e, "no such field");
}

/* splitmix64: any seed will do. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static void pokes(const struct edit *e)
{
	uint64_t state = number(e, 1);

	for (uint64_t n = number(e, 2); n > 0; n--) {
		uint64_t at = next_random(&state) % e->size;

		*byte_at(e, at, 1) = (unsigned char)next_random(&state);
	}
}

/* True if @e was a command on bytes. */
static int run_raw(struct edit *e)
{
	const char *name = word(e, 0);

	if (strcmp(name, "header") == 0)
		header(e);
	else if (strcmp(name, "word") == 0)
		(void)put_number(byte_at(e, number(e, 1), 4), number(e, 2), 4);
	else if (strcmp(name, "poke") == 0)
		*byte_at(e, number(e, 1), 1) = (unsigned char)number(e, 2);
	else if (strcmp(name, "pokes") == 0)
		pokes(e);
	else if (strcmp(name, "truncate") == 0)
		e->size = number(e, 1) < e->size ? number(e, 1) : e->size;
	else
		return 0;
	return 1;
}

static void run_tree(struct edit *e)
{
	const char *name = word(e, 0);

	if (e->raw)
		fail(e, "not behind a command on bytes");
	if (strcmp(name, "add") == 0)
		add(e);
	else if (strcmp(name, "delete") == 0)
		need(e, fdt_del_node(e->fdt, node_at(e, word(e, 1))));
	else if (strcmp(name, "rename") == 0)
		need(e, fdt_set_name(e->fdt, node_at(e, word(e, 1)), word(e, 2)));
	else if (strcmp(name, "set") == 0)
		set(e);
	else if (strcmp(name, "unset") == 0)
		need(e, fdt_delprop(e->fdt, node_at(e, word(e, 1)), word(e, 2)));
	else if (strcmp(name, "memreserve") == 0)
		need(e, fdt_add_mem_rsv(e->fdt, number(e, 1), number(e, 2)));
	else
		fail(e, "no such command");
}

static void pack(struct edit *e)
{
	need(e, fdt_pack(e->fdt));
	e->size = fdt_totalsize(e->fdt);
	e->raw = 1;
}

static int is_raw(const char *name)
{
	static const char *const names[] = {"header", "word", "poke", "pokes", "truncate"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0)
			return 1;
	}
	return 0;
}

static void *read_tree(const char *name)
{
	FILE *f = fopen(name, "rb");
	void *blob = calloc(1, ROOM);
	void *fdt = calloc(1, ROOM);
	int err;

	if (f == NULL || blob == NULL || fdt == NULL) {
		perror(name);
		exit(2);
	}
	(void)!fread(blob, 1, ROOM, f);
	fclose(f);
	err = fdt_open_into(blob, fdt, ROOM);
	if (err != 0) {
		fprintf(stderr, "fdt_edit: %s: %s\n", name, fdt_strerror(err));
		exit(1);
	}
	free(blob);
	return fdt;
}

int main(int argc, char **argv)
{
	struct edit e = {.size = 0};
	FILE *f;

	if (argc < 4) {
		fprintf(stderr, "usage: fdt_edit IN OUT COMMAND [-- COMMAND]...\n");
		return 2;
	}
	e.fdt = read_tree(argv[1]);
	for (int i = 3; i < argc; i += e.argc + 1) {
		e.argv = argv + i;
		for (e.argc = 0; i + e.argc < argc && strcmp(e.argv[e.argc], "--") != 0;)
			e.argc++;
		if (!e.raw && is_raw(word(&e, 0)))
			pack(&e);
		if (!run_raw(&e))
			run_tree(&e);
	}
	if (!e.raw)
		pack(&e);
	f = fopen(argv[2], "wb");
	if (f == NULL || fwrite(e.fdt, 1, e.size, f) != e.size || fclose(f) != 0) {
		perror(argv[2]);
		return 2;
	}
	free(e.fdt);
	return 0;
}
