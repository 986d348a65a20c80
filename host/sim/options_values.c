/* SPDX-License-Identifier: BSD-2-Clause */
/* Values of options: numbers, sizes, lists; complaints about them. */
#include "host/sim/options_values.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/sim/riscv.h"

#define USAGE_ERROR 2

int option_bad(const char *format, ...)
{
	va_list args;

	fputs("hotwalk-sim: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return USAGE_ERROR;
}

int option_number(const char *name, const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 0);
	if (end == text || *end != '\0' || errno != 0 || text[0] == '-' || *value < min ||
	    *value > max)
		return option_bad("%s '%s' is not a number from %llu to %llu", name, text,
				  (unsigned long long)min, (unsigned long long)max);
	return 0;
}

int option_number32(const char *name, const char *text, uint32_t min, uint32_t max, uint32_t *value)
{
	uint64_t v = 0;
	int rc = option_number(name, text, min, max, &v);

	*value = (uint32_t)v;
	return rc;
}

/* 1 MiB to 64 GiB, whole pages. */
int option_mem(const char *text, uint64_t *bytes)
{
	static const char suffixes[] = "KMG";
	char *end;
	const char *s;
	unsigned shift = 20;

	errno = 0;
	*bytes = strtoull(text, &end, 0);
	if (*end != '\0') {
		s = strchr(suffixes, *end);
		shift = s == NULL || end[1] != '\0' ? 0 : 10 * (unsigned)(s - suffixes + 1);
	}
	if (end == text || errno != 0 || text[0] == '-' || shift == 0 ||
	    *bytes > UINT64_C(64) << 30 >> shift || *bytes << shift < UINT64_C(1) << 20)
		return option_bad("--mem '%s' is not a size from 1M to 64G", text);
	*bytes = *bytes << shift & ~PAGE_OFFSET;
	return 0;
}

/* Next word of a list; false at its end. */
bool option_next_word(const char **list, char word[static 32])
{
	size_t len = strcspn(*list, ",");

	if (**list == '\0')
		return false;
	snprintf(word, 32, "%.*s", (int)(len < 31 ? len : 31), *list);
	*list += len;
	*list += **list == ',' ? 1 : 0;
	return true;
}

/* One of two words; *@second tells which. */
int option_either(const char *name, const char *text, const char *no, const char *yes, bool *second)
{
	*second = strcmp(text, yes) == 0;
	return *second || strcmp(text, no) == 0
		       ? 0
		       : option_bad("%s '%s' is not %s or %s", name, text, no, yes);
}

static int tlb_word(const char *name, const char *value, struct tlb_config *t)
{
	static const struct {
		const char *name;
		size_t offset;
		uint32_t min, max;
	} numbers[] = {
		{"l1i", offsetof(struct tlb_config, l1i), 1, 4096},
		{"l1d", offsetof(struct tlb_config, l1d), 1, 4096},
		{"l2", offsetof(struct tlb_config, l2), 0, 1 << 20},
		{"pwc", offsetof(struct tlb_config, pwc), 0, 1 << 16},
		{"splinter", offsetof(struct tlb_config, splinter), 0, 100},
		{"prefetch", offsetof(struct tlb_config, prefetch), 0, 100},
		{"restart", offsetof(struct tlb_config, restart), 0, 100},
	};
	bool lru = false;
	int rc;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		uint32_t *to = (uint32_t *)(void *)((char *)t + numbers[i].offset);

		if (strcmp(name, numbers[i].name) == 0)
			return option_number32(name, value, numbers[i].min, numbers[i].max, to);
	}
	if (strcmp(name, "l1") == 0) {
		rc = option_number32(name, value, 1, 4096, &t->l1i);
		t->l1d = t->l1i;
		return rc;
	}
	if (strcmp(name, "negative") == 0)
		return option_either(name, value, "off", "on", &t->negative);
	if (strcmp(name, "replace") != 0)
		return option_bad("--tlb: '%s' is not known", name);
	rc = option_either(name, value, "random", "lru", &lru);
	t->replace = lru ? REPLACE_LRU : REPLACE_RANDOM;
	return rc;
}

int option_tlb(const char *list, struct tlb_config *t)
{
	char word[32];
	int rc = 0;

	while (rc == 0 && option_next_word(&list, word)) {
		char *equals = strchr(word, '=');

		if (equals == NULL)
			return option_bad("--tlb: '%s' has no '='", word);
		*equals = '\0';
		rc = tlb_word(word, equals + 1, t);
	}
	return rc;
}
