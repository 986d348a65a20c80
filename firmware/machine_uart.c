/* SPDX-License-Identifier: BSD-2-Clause */
/* The console's UART: what /chosen/stdout-path names. */
#include <libfdt.h>
#include <string.h>

#include "firmware/machine_priv.h"

/* Of the registers of one UART: 64-bit ones, eight bytes apart, are the widest there are. */
#define MAX_REG_SHIFT 6

static const struct {
	const char *compatible;
	enum uart_kind kind;
} known[] = {
	{"ns16550a", UART_16550},	  {"ns16550", UART_16550},
	{"snps,dw-apb-uart", UART_16550}, {"sifive,uart0", UART_SIFIVE},
	{"litex,liteuart", UART_LITEX},
};

/* A path or an alias, up to a colon: what follows it are rate and format. Negative: none. */
static int stdout_node(const struct dt *dt)
{
	int chosen = dt_find(dt, "chosen");
	const char *path;

	if (chosen < 0)
		return chosen;
	path = dt_string(dt, chosen, "stdout-path");
	if (path == NULL)
		path = dt_string(dt, chosen, "linux,stdout-path");
	if (path == NULL)
		return -FDT_ERR_NOTFOUND;
	return fdt_path_offset_namelen(dt->fdt, path, (int)strcspn(path, ":"));
}

static bool path_to(const struct dt *dt, int node, struct dt_path *p)
{
	int depth = 0;
	int at = 0;

	/* In the tree's order: what was last at each depth above a node is on the way to it. */
	while (at >= 0 && at != node) {
		if (depth <= DT_MAX_DEPTH)
			p->node[depth] = at;
		at = dt_next_node(dt, at, &depth);
	}
	if (at < 0 || depth <= 0 || depth > DT_MAX_DEPTH)
		return false;
	p->node[depth] = node;
	p->depth = (unsigned)depth;
	return true;
}

/* False: such a 16550 there is not. */
static bool read_16550(const struct dt *dt, int node, struct uart *u)
{
	uint32_t shift = 0;
	uint32_t width = 1;
	uint32_t offset = 0;

	(void)dt_u32(dt, node, "reg-shift", &shift);
	(void)dt_u32(dt, node, "reg-io-width", &width);
	(void)dt_u32(dt, node, "reg-offset", &offset);
	if (shift > MAX_REG_SHIFT || (width != 1 && width != 4) || (width == 4 && shift < 2))
		return false;
	u->base += offset;
	u->reg_shift = shift;
	u->io_width = width;
	return true;
}

bool machine_read_uart(struct machine *m, const void *fdt, int checked, struct uart *u)
{
	struct dt dt = {.fdt = fdt, .m = m, .root_na = 2, .root_ns = 1};
	struct dt_path path;
	struct region r;
	int node;

	*u = (struct uart){.kind = UART_NONE};
	if (checked != 0)
		return false;
	node = stdout_node(&dt);
	if (node < 0 || !dt_enabled(&dt, node) || !path_to(&dt, node, &path))
		return false;
	(void)dt_cell_counts(&dt, 0, &dt.root_na, &dt.root_ns);
	if (!dt_any_region(&dt, &path, &r))
		return false;
	for (unsigned i = 0; i < ARRAY_LEN(known) && u->kind == UART_NONE; i++) {
		if (!dt_compatible(&dt, node, known[i].compatible))
			continue;
		u->kind = known[i].kind;
		u->name = known[i].compatible;
	}
	u->base = r.start;
	if (u->kind == UART_16550 && !read_16550(&dt, node, u))
		u->kind = UART_NONE;
	/* All of it in one page, which is what the console maps; words aligned. */
	if ((u->base & 3) != 0 || uart_bytes(u) > r.size ||
	    u->base % PAGE_SIZE + uart_bytes(u) > PAGE_SIZE)
		u->kind = UART_NONE;
	return u->kind != UART_NONE;
}
