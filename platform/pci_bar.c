/* SPDX-License-Identifier: BSD-2-Clause */
/* Base address registers: how large they are, and where there is room for them. */
#include "platform/pci_bar.h"

#include "firmware/console.h"
#include "firmware/mmio.h"

/* PCI Express Base Specification 7.5.1.2.1. */
#define BAR_IO 1U
#define BAR_TYPE 6U
#define BAR_TYPE_32 0U
#define BAR_TYPE_64 4U
#define BAR_FLAGS 15U
#define BAR_MIN_BYTES 16U

static enum err refuse(const struct pci_function *f, unsigned n, uint64_t value, const char *why)
{
	note("%s: BAR %u %#llx %s", f->name, n, (unsigned long long)value, why);
	return ERR_RANGE;
}

/* All ones written: the bits that stay are those of the address. The content is put back. */
static uint32_t bar_mask(const struct pci_function *f, unsigned n, uint32_t *content)
{
	vaddr_t reg = f->config + PCI_BAR(n);
	uint32_t mask;

	*content = mmio_read32(reg);
	mmio_write32(reg, UINT32_MAX);
	mask = mmio_read32(reg);
	mmio_write32(reg, *content);
	return mask;
}

/* One memory BAR; the caller has seen that it is one. */
static enum err bar_size(struct pci_function *f, unsigned n, uint32_t low, uint32_t low_mask)
{
	struct pci_bar *bar = &f->bars[n];
	uint64_t mask = low_mask & ~BAR_FLAGS;
	uint32_t high = 0;

	if ((low & BAR_TYPE) != BAR_TYPE_32 && (low & BAR_TYPE) != BAR_TYPE_64)
		return refuse(f, n, low, "is of a reserved type");
	bar->wide = (low & BAR_TYPE) == BAR_TYPE_64;
	if (bar->wide && n + 1 == PCI_BARS)
		return refuse(f, n, low, "is the last one, and has 64 bits");
	mask |= (uint64_t)(bar->wide ? bar_mask(f, n + 1, &high) : UINT32_MAX) << 32;
	/* Ones from some bit on to the top: else it is no size. */
	bar->size = ~mask + 1;
	if (!is_pow2(bar->size) || bar->size < BAR_MIN_BYTES)
		return refuse(f, n, mask, "is no mask of a size");
	bar->bus = (uint64_t)high << 32 | (low & ~BAR_FLAGS);
	return OK;
}

enum err pci_bars_size(struct pci_function *f)
{
	for (unsigned n = 0; n < PCI_BARS; n += f->bars[n].wide ? 2 : 1) {
		uint32_t low, mask;
		enum err e;

		f->bars[n] = (struct pci_bar){0};
		mask = bar_mask(f, n, &low);
		if (mask == 0 || (mask & BAR_IO) != 0)
			continue;
		e = bar_size(f, n, low, mask);
		if (e != OK)
			return e;
		if (f->bars[n].wide)
			f->bars[n + 1] = (struct pci_bar){0};
	}
	return OK;
}

/* What lies in the way of @r: among what is taken, and the BARs of @f before @n. NULL: nothing. */
static bool in_the_way(const struct pci_function *f, unsigned n, struct region r,
		       struct region *other)
{
	const struct pci_bus *b = f->parent;

	for (unsigned i = 0; i < b->nr_taken + n; i++) {
		const struct pci_bar *bar = i < n ? &f->bars[i] : NULL;

		*other = bar != NULL ? (struct region){bar->bus, bar->size} : b->taken[i - n];
		if (other->size != 0 && r.start < region_end(*other) &&
		    other->start < region_end(r))
			return true;
	}
	return false;
}

static bool bar_in_window(struct pci_bar *bar, const struct machine_pci_window *w)
{
	if (bar->bus < w->bus || bar->bus - w->bus >= w->size ||
	    bar->size > w->size - (bar->bus - w->bus))
		return false;
	bar->cpu = w->cpu + (bar->bus - w->bus);
	return true;
}

static bool bar_fits(struct pci_function *f, unsigned n)
{
	const struct machine_pci *host = f->parent->host;
	struct pci_bar *bar = &f->bars[n];
	struct region other;

	/* Address 0 is how an unset BAR looks. */
	if (bar->bus == 0)
		return false;
	for (unsigned i = 0; i < host->nr_windows; i++) {
		if (bar_in_window(bar, &host->windows[i]))
			return !in_the_way(f, n, (struct region){bar->bus, bar->size}, &other);
	}
	return false;
}

bool pci_bars_fit(struct pci_function *f)
{
	for (unsigned n = 0; n < PCI_BARS; n++) {
		if (f->bars[n].size != 0 && !bar_fits(f, n))
			return false;
	}
	return true;
}

/* The lowest place for BAR @n in window @w: past each thing in the way, as long as it is inside. */
static bool bar_find(struct pci_function *f, unsigned n, const struct machine_pci_window *w)
{
	struct pci_bar *bar = &f->bars[n];
	uint64_t end = w->bus + w->size;
	uint64_t at = max_u64(w->bus, bar->size);
	struct region other;

	if (!bar->wide)
		end = min_u64(end, UINT64_C(1) << 32);
	for (;;) {
		if (at > UINT64_MAX - bar->size)
			return false;
		at = align_up(at, bar->size);
		if (at >= end || bar->size > end - at)
			return false;
		if (!in_the_way(f, n, (struct region){at, bar->size}, &other))
			break;
		at = region_end(other);
	}
	bar->bus = at;
	return bar_in_window(bar, w);
}

static enum err bar_write(const struct pci_function *f, unsigned n)
{
	const struct pci_bar *bar = &f->bars[n];
	vaddr_t reg = f->config + PCI_BAR(n);
	uint64_t seen;

	mmio_write32(reg, (uint32_t)bar->bus);
	seen = mmio_read32(reg) & ~BAR_FLAGS;
	if (bar->wide) {
		mmio_write32(reg + 4, (uint32_t)(bar->bus >> 32));
		seen |= (uint64_t)mmio_read32(reg + 4) << 32;
	}
	if (seen == bar->bus)
		return OK;
	note("%s: BAR %u holds %#llx, %#llx was written", f->name, n, (unsigned long long)seen,
	     (unsigned long long)bar->bus);
	return ERR_IO;
}

enum err pci_bars_place(struct pci_function *f)
{
	const struct machine_pci *host = f->parent->host;

	for (unsigned n = 0; n < PCI_BARS; n++) {
		unsigned w = 0;
		enum err e;

		if (f->bars[n].size == 0)
			continue;
		while (w < host->nr_windows && !bar_find(f, n, &host->windows[w]))
			w++;
		if (w == host->nr_windows) {
			note("%s: no window has room for %#llx bytes of BAR %u", f->name,
			     (unsigned long long)f->bars[n].size, n);
			return ERR_NOMEM;
		}
		e = bar_write(f, n);
		if (e != OK)
			return e;
	}
	return OK;
}

enum err pci_take(struct pci_bus *b, struct region r)
{
	if (b->nr_taken == PCI_MAX_TAKEN) {
		note("pci: more than %d ranges are taken, the next at %#llx", PCI_MAX_TAKEN,
		     (unsigned long long)r.start);
		return ERR_RANGE;
	}
	b->taken[b->nr_taken++] = r;
	return OK;
}

enum err pci_bars_take(const struct pci_function *f)
{
	enum err e = OK;

	for (unsigned n = 0; n < PCI_BARS && e == OK; n++) {
		const struct pci_bar *bar = &f->bars[n];

		/* One that was never set, or that wraps, is in nobody's way. */
		if (bar->size != 0 && bar->bus != 0 && bar->bus <= UINT64_MAX - bar->size)
			e = pci_take(f->parent, (struct region){bar->bus, bar->size});
	}
	return e;
}
