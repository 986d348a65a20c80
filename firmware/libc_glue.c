/* SPDX-License-Identifier: BSD-2-Clause */
/* What newlib and libfdt ask of their host: no heap, a fixed stack guard. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/arch.h"

void *_sbrk(ptrdiff_t increment);
void __stack_chk_fail(void) __attribute__((noreturn));
extern uintptr_t __stack_chk_guard;

/* Integer formatting never allocates; if newlib ever asks, it is told that there is nothing. */
void *_sbrk(ptrdiff_t increment)
{
	(void)increment;
	errno = ENOMEM;
	return (void *)-1;
}

/* A packaged libfdt.a may be compiled with a stack protector. */
uintptr_t __stack_chk_guard = 0x595e9fbd94fda766;

void __stack_chk_fail(void)
{
	panic("stack smashed in a library function");
}
