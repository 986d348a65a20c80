/* SPDX-License-Identifier: BSD-2-Clause */
/* What an operation exposed, as people read it. */
#include "mm/exposure.h"

#include <stdio.h>

#include "firmware/console.h"

/* "0-3,5", as much as there is room for. */
static void harts_text(char *buf, size_t len, const struct hartset *s)
{
	size_t n = 0;

	buf[0] = '\0';
	for (unsigned h = 0; h < MAX_HARTS && n < len; h++) {
		unsigned first = h;

		if (!hartset_has(s, h))
			continue;
		while (hartset_has(s, h + 1))
			h++;
		n += (size_t)snprintf(buf + n, len - n, first == h ? "%s%u" : "%s%u-%u",
				      n == 0 ? "" : ",", first, h);
	}
}

const char *exposure_text(char *buf, size_t len, const struct exposure_sum *s)
{
	char harts[48], more[32] = "";

	harts_text(harts, sizeof(harts), &s->harts);
	if (s->unsure != 0)
		snprintf(more, sizeof(more), " to %llu",
			 (unsigned long long)(s->reused + s->unsure));
	snprintf(
		buf, len,
		"%llu table pages (%llu still linked), %llu record pages freed before the flush; "
		"harts %s; longest %llu ticks, %llu entry stores; %llu%s allocated again before it",
		(unsigned long long)s->tables, (unsigned long long)s->linked,
		(unsigned long long)s->frames, harts[0] != '\0' ? harts : "none",
		(unsigned long long)s->ticks, (unsigned long long)s->stores,
		(unsigned long long)s->reused, more);
	return buf;
}

void exposure_print(const char *what, struct region r, const struct exposure_sum *s)
{
	char text[EXPOSURE_TEXT_LEN];

	note("exposure: hot-%s 0x%llx+%llu MiB: %s", what, (unsigned long long)r.start,
	     (unsigned long long)r.size >> 20, exposure_text(text, sizeof(text), s));
}
