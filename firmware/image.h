/* SPDX-License-Identifier: BSD-2-Clause */
/* Where this image lies, and the first tables that it runs on. */
#ifndef FIRMWARE_IMAGE_H
#define FIRMWARE_IMAGE_H

#include "firmware/offsets.h"
#include "firmware/types.h"

/* Code and constants, then data: two superpages each of this size. */
#define IMAGE_PART SZ_2M

void image_init(paddr_t load_address);
struct region image_region(void);

/* The physical address of an object of this image (code, constants, data, boot stack). */
paddr_t image_to_pa(const void *p);

/*
 * Boot arguments that were put into this image (docs/images.md); "" if none. NULL if they do not
 * end inside their area.
 */
const char *image_bootargs(void);

/*
 * The first tables are Sv39: what has Sv48 or Sv57 has it too (Privileged ISA, satp). They map
 * the image, a window of 2 MiB for foreign pages, and the arena that boot memory comes from.
 */

/* Show the pages that hold [@pa, @pa + @size); at most 2 MiB from the first page's start. The
 * window is remapped by every call. NULL: too large. */
const void *early_window(paddr_t pa, uint64_t size);

/*
 * The same window over @nr single pages, to be read and written; nothing else shows there until
 * the next call. Returns where the first one is.
 */
#define EARLY_WINDOW_PAGES 512
/*
 * Everything that follows relies on SFENCE.VMA with rs1 = rs2 = x0. Shows two pages of the image
 * by turns at one address, and loads. False if a load returned the page that was there before:
 * *@expected and *@seen say which. Boot hart, early table.
 */
bool early_fence_works(uint64_t *expected, uint64_t *seen);

vaddr_t early_window_pages(const paddr_t *pa, unsigned nr);

/*
 * Registers of the console, one page at CONSOLE_VA: in the image's own GiB, so that every root that
 * has the image has them.
 */
#define CONSOLE_VA (IMAGE_VA + 2 * IMAGE_PART)
void early_map_console(paddr_t page);

/* Started in M-mode: nothing but to say so will work (start.S). */
extern uint32_t image_in_m_mode;

/*
 * Map @arena (2 MiB aligned, inside one GiB of physical address space) until the kernel table
 * takes over. Returns virtual minus physical address.
 */
vaddr_t early_map_arena(struct region arena);

/*
 * Measure which modes satp takes: bit n set = mode n (SATP_MODE_*). Modes other than Sv39 are
 * tried with tables that map the image where it is. @try_larger false: only Sv39, for cores that
 * hang on the attempt (boot argument mode=sv39).
 */
uint32_t early_probe_modes(bool try_larger);

#endif
