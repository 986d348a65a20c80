/* SPDX-License-Identifier: BSD-2-Clause */
/* The compiler's calls. Names and operands are its own (GCC, outline instrumentation). */
#include "tests/actors/asan.h"

#include "firmware/probe.h"
#include "mm/kasan.h"

void __asan_load1_noabort(vaddr_t va);
void __asan_load8_noabort(vaddr_t va);
void __asan_store1_noabort(vaddr_t va);
void __asan_store8_noabort(vaddr_t va);
void __asan_handle_no_return(void);

static struct asan seen;

struct asan asan_take(void)
{
	struct asan s = seen;

	seen = (struct asan){0};
	return s;
}

/* An access of up to 8 bytes, aligned: one byte of shadow; 0: all 8 may be accessed. */
static void check(vaddr_t va)
{
	vaddr_t shadow = kasan_shadow(va);
	struct probe p = probe_load(align_down(shadow, 8));

	seen.checks++;
	if (p.trapped && seen.missing++ == 0)
		seen.first_missing = va;
	if (!p.trapped && (p.value >> shadow % 8 * 8 & 0xff) != 0)
		seen.poisoned++;
}

void __asan_load1_noabort(vaddr_t va)
{
	check(va);
}

void __asan_load8_noabort(vaddr_t va)
{
	check(va);
}

void __asan_store1_noabort(vaddr_t va)
{
	check(va);
}

void __asan_store8_noabort(vaddr_t va)
{
	check(va);
}

/* Before calls that do not come back: nothing to clean up without a shadow of the stack. */
void __asan_handle_no_return(void)
{
}
