/* SPDX-License-Identifier: BSD-2-Clause */
/* The device tree as one struct machine: checks, notes, identity, /chosen. */
#include <libfdt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "firmware/machine.h"
#include "firmware/machine_priv.h"

static bool printable(char c)
{
	return c >= ' ' && c <= '~';
}

static void note_va(struct machine *m, unsigned max, const char *fmt, va_list ap)
{
	char *line;

	if (m->nr_notes >= max) {
		m->notes_lost++;
		return;
	}
	line = m->notes[m->nr_notes++];
	(void)vsnprintf(line, MACHINE_NOTE_LEN, fmt, ap);
	for (char *c = line; *c != '\0'; c++) {
		if (!printable(*c))
			*c = '?';
	}
}

void machine_note(struct machine *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note_va(m, MACHINE_MAX_NOTES - 1, fmt, ap);
	va_end(ap);
}

void machine_note_fatal(struct machine *m, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note_va(m, MACHINE_MAX_NOTES, fmt, ap);
	va_end(ap);
}

void machine_copy_text(char *to, size_t to_size, const char *from, int len)
{
	size_t n = 0;

	while (n + 1 < to_size && (int)n < len && from[n] != '\0') {
		to[n] = printable(from[n]) ? from[n] : '?';
		n++;
	}
	to[n] = '\0';
}

/*
 * fdt_check_full() leaves the alignment of the two blocks open, loads whole words from them, and
 * not every hart takes that.
 */
int machine_check_tree(const void *fdt, size_t size)
{
	int err;

	if (fdt == NULL)
		return -FDT_ERR_BADMAGIC;
	if (((uintptr_t)fdt & 7) != 0)
		return -FDT_ERR_ALIGNMENT;
	if (size < sizeof(struct fdt_header))
		return -FDT_ERR_TRUNCATED;
	if (fdt_magic(fdt) != FDT_MAGIC)
		return -FDT_ERR_BADMAGIC;
	if (fdt_off_mem_rsvmap(fdt) % 8 != 0 || fdt_off_dt_struct(fdt) % 4 != 0)
		return -FDT_ERR_ALIGNMENT;
	err = fdt_check_full(fdt, size);
	if (err != 0)
		return err;
	/* An empty structure block passes; each reader starts at the root. */
	if (fdt_get_name(fdt, 0, &err) == NULL)
		return err;
	dt_keep(fdt);
	return 0;
}

/* /chosen/bootargs, NULL if there is none or it does not end. */
static const char *chosen_bootargs(const struct dt *dt)
{
	int len;
	int chosen = dt_find(dt, "chosen");
	const char *text;

	if (chosen < 0)
		return NULL;
	text = dt_prop(dt, chosen, "bootargs", &len);
	if (text == NULL || len <= 0 || memchr(text, '\0', (size_t)len) == NULL)
		return NULL;
	return text;
}

const char *machine_bootargs(const void *fdt, size_t size)
{
	return machine_bootargs_checked(fdt, machine_check_tree(fdt, size));
}

const char *machine_bootargs_checked(const void *fdt, int checked)
{
	const struct dt dt = {.fdt = fdt};
	const char *text = checked == 0 ? chosen_bootargs(&dt) : NULL;

	return text == NULL ? "" : text;
}

/* FNV-1a: any length of seed ends up in 64 bits, and every byte counts. */
static uint64_t fold_seed(const unsigned char *bytes, size_t len)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash != 0 ? hash : 1; /* 0 says that there is none */
}

static void read_identity(struct dt *dt)
{
	struct machine *m = dt->m;
	int len;
	const char *text;

	text = dt_prop(dt, 0, "model", &len);
	if (text != NULL)
		machine_copy_text(m->model, sizeof(m->model), text, len);
	text = dt_prop(dt, 0, "compatible", &len);
	if (text != NULL)
		machine_copy_text(m->compatible, sizeof(m->compatible), text, len);
}

static void read_chosen(struct dt *dt)
{
	int chosen = dt_find(dt, "chosen");
	const char *bootargs = chosen_bootargs(dt);
	const void *seed;
	int len;

	if (chosen < 0)
		return;
	if (bootargs != NULL)
		dt->m->bootargs = bootargs;
	else if (dt_prop(dt, chosen, "bootargs", NULL) != NULL)
		machine_note(dt->m, "chosen: bootargs without an end, ignored");
	seed = dt_prop(dt, chosen, "rng-seed", &len);
	if (seed != NULL && len > 0)
		dt->m->rng_seed = fold_seed(seed, (size_t)len);
}

enum err machine_read(struct machine *m, const void *fdt, size_t size, uint64_t mem_limit)
{
	return machine_read_checked(m, fdt, machine_check_tree(fdt, size), mem_limit);
}

enum err machine_read_checked(struct machine *m, const void *fdt, int checked, uint64_t mem_limit)
{
	struct dt dt = {.fdt = fdt, .m = m, .root_na = 2, .root_ns = 1};

	memset(m, 0, sizeof(*m));
	m->bootargs = "";
	for (unsigned i = 0; i < MAX_HARTS; i++)
		m->intc.context[i] = -1;

	if (checked != 0) {
		machine_note_fatal(m, "no device tree: %s", fdt_strerror(checked));
		return ERR_INVAL;
	}

	read_identity(&dt);
	read_chosen(&dt);
	/* Without usable cells the defaults stand in, and memory is not read. */
	if (dt_cell_counts(&dt, 0, &dt.root_na, &dt.root_ns))
		machine_read_ram(&dt, mem_limit);
	machine_read_cpus(&dt);
	machine_read_devices(&dt);
	machine_read_reserved(&dt);

	if (m->nr_ram == 0 && m->nr_cpus == 0)
		machine_note_fatal(m, "no usable RAM and no enabled cpu");
	else if (m->nr_ram == 0)
		machine_note_fatal(m, m->ram_cut != 0 ? "no RAM is left by mem=" : "no usable RAM");
	else if (m->nr_cpus == 0)
		machine_note_fatal(m, "no enabled cpu");
	return m->nr_ram == 0 || m->nr_cpus == 0 ? ERR_NOENT : OK;
}
