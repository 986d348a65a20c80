/* SPDX-License-Identifier: BSD-2-Clause */
/* Test names and patterns. */
#include "tests/glob.h"

#include <string.h>

/* One pattern of @len characters; backtracks to the last star only, so it is linear enough. */
static bool matches(const char *pat, size_t len, const char *name)
{
	size_t p = 0;
	size_t star = SIZE_MAX;
	const char *resume = name;

	while (*name != '\0') {
		if (p < len && pat[p] == '*') {
			star = p++;
			resume = name;
		} else if (p < len && pat[p] == *name) {
			p++;
			name++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			name = ++resume;
		} else {
			return false;
		}
	}
	while (p < len && pat[p] == '*')
		p++;
	return p == len;
}

bool glob_list_matches(const char *patterns, const char *name)
{
	while (*patterns != '\0') {
		size_t len = strcspn(patterns, ",");

		if (matches(patterns, len, name))
			return true;
		patterns += len;
		patterns += *patterns == ',';
	}
	return false;
}

uint64_t hash_name(const char *suite, const char *name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (; *suite != '\0'; suite++)
		h = (h ^ (unsigned char)*suite) * UINT64_C(0x100000001b3);
	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return h;
}
