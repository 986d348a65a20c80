/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first page table, built before translation is on. The upper half of this file runs at its
 * physical address: no jump tables, no pointers in data, no library calls; the build checks that
 * no absolute relocation crept in.
 */
#include "firmware/csr.h"
#include "firmware/ecall.h"
#include "firmware/fence.h"
#include "firmware/image.h"
#include "firmware/offsets.h"

#define EARLY __attribute__((section(".text.early"), noinline))

#define ENTRIES 512
#define V 0x01
#define R 0x02
#define W 0x04
#define X 0x08
#define G 0x20
#define A 0x40
#define D 0x80

/* Root slots, in the order of the address space: window, arena, image (top 2 GiB). */
#define WINDOW_SLOT 508
#define ARENA_SLOT 509
#define IMAGE_SLOT 510
#define GIB_VA(slot) (UINT64_C(0xffffff8000000000) + (uint64_t)(slot)*SZ_1G)

#define TABLE __attribute__((aligned(4096)))

static uint64_t early_root[ENTRIES] TABLE;
static uint64_t early_image[ENTRIES] TABLE;
static uint64_t early_arena[ENTRIES] TABLE;
static uint64_t early_window_l1[ENTRIES] TABLE;
static uint64_t early_window_l0[ENTRIES] TABLE;
static uint64_t early_console[ENTRIES] TABLE;
/* Roots for measuring Sv48 and Sv57: the image's slot is the last one at each upper level. */
static uint64_t early_root48[ENTRIES] TABLE;
static uint64_t early_root57[ENTRIES] TABLE;

static paddr_t load_address;

static inline uint64_t early_entry(paddr_t pa, uint64_t flags)
{
	return pa >> PAGE_SHIFT << 10 | flags;
}

uint64_t early_tables(paddr_t load);
void early_report_misaligned(paddr_t load);
void early_report_translated(uint64_t satp);
void early_report_no_mmu(paddr_t load);

/* Runs untranslated, so that addresses of tables are physical. Returns what satp gets. */
EARLY uint64_t early_tables(paddr_t load)
{
	early_root[IMAGE_SLOT] = early_entry((paddr_t)early_image, V);
	early_root[ARENA_SLOT] = early_entry((paddr_t)early_arena, V);
	early_root[WINDOW_SLOT] = early_entry((paddr_t)early_window_l1, V);
	early_window_l1[0] = early_entry((paddr_t)early_window_l0, V);
	early_image[0] = early_entry(load, V | R | X | G | A);
	early_image[1] = early_entry(load + IMAGE_PART, V | R | W | G | A | D);
	early_image[2] = early_entry((paddr_t)early_console, V);
	early_root48[ENTRIES - 1] = early_entry((paddr_t)early_root, V);
	early_root57[ENTRIES - 1] = early_entry((paddr_t)early_root48, V);
	return (uint64_t)SATP_MODE_SV39 << SATP_MODE_SHIFT | (paddr_t)early_root >> PAGE_SHIFT;
}

/* SBI legacy console putchar (EID 1): the only call that every firmware has had. */
static EARLY void early_putc(unsigned c)
{
	(void)sbi_ecall(1, 0, c, 0, 0, 0, 0);
}

/* DBCN console write byte (EID 0x4442434E, FID 2), for firmware that dropped the legacy calls. */
static EARLY bool early_dbcn_putc(unsigned c)
{
	return sbi_ecall(0x4442434e, 2, c, 0, 0, 0, 0).error == 0;
}

static EARLY void early_put(unsigned c)
{
	if (!early_dbcn_putc(c))
		early_putc(c);
}

static EARLY void early_puts(const char *s)
{
	while (*s != '\0')
		early_put((unsigned char)*s++);
}

static EARLY void early_put_hex(uint64_t v)
{
	early_puts("0x");
	for (int shift = 60; shift >= 0; shift -= 4) {
		unsigned digit = (unsigned)(v >> shift & 0xf);

		early_put(digit < 10 ? '0' + digit : 'a' + digit - 10);
	}
}

/* SBI system reset: shut down, no reason (EID 0x53525354); does not return where it exists. */
static EARLY void early_shutdown(void)
{
	(void)sbi_ecall(0x53525354, 0, 0, 0, 0, 0, 0);
}

EARLY void early_report_misaligned(paddr_t load)
{
	early_puts("\nhotwalk: PANIC loaded at ");
	early_put_hex(load);
	early_puts(", which is not a multiple of 2 MiB (0x200000): move the image\n");
	early_shutdown();
}

EARLY void early_report_translated(uint64_t satp)
{
	early_puts("\nhotwalk: PANIC translation is on at entry, satp ");
	early_put_hex(satp);
	early_puts(": started by EFI, or from inside a kernel? start it as Linux's raw Image is: "
		   "U-Boot's booti or bootm, or OpenSBI's payload\n");
	early_shutdown();
}

EARLY void early_report_no_mmu(paddr_t load)
{
	/* "If satp is written with an unsupported MODE, the entire write has no effect". */
	if (csr_read_satp() >> SATP_MODE_SHIFT == SATP_MODE_SV39)
		early_puts(
			"\nhotwalk: PANIC satp holds Sv39, but the instruction behind it was not "
			"translated (Privileged ISA, satp: MODE takes effect at once); image at ");
	else
		early_puts("\nhotwalk: PANIC satp of the boot hart refuses Sv39; image at ");
	early_put_hex(load);
	early_puts("\n");
	early_shutdown();
}

/* From here on translation is on and addresses are virtual. */

void image_init(paddr_t load)
{
	load_address = load;
}

struct region image_region(void)
{
	return (struct region){load_address, 2 * IMAGE_PART};
}

paddr_t image_to_pa(const void *p)
{
	return (uintptr_t)p - IMAGE_VA + load_address;
}

/* start.S; patched in the finished file. */
extern const char image_args[IMAGE_ARGS_BYTES];

const char *image_bootargs(void)
{
	for (unsigned i = 0; i < IMAGE_ARGS_BYTES; i++) {
		if (image_args[i] == '\0')
			return image_args;
	}
	return NULL;
}

const void *early_window(paddr_t pa, uint64_t size)
{
	paddr_t first = align_down(pa, PAGE_SIZE);
	uint64_t pages = (align_up(pa + size, PAGE_SIZE) - first) >> PAGE_SHIFT;

	if (pages > ENTRIES || size > SZ_2M)
		return NULL;
	for (unsigned i = 0; i < pages; i++)
		early_window_l0[i] = early_entry(first + i * PAGE_SIZE, V | R | A);
	/* Other pages may be cached here, or the lack of them: all of the window at once. */
	raw_sfence_all();
	return (const void *)(GIB_VA(WINDOW_SLOT) + (pa - first));
}

vaddr_t early_window_pages(const paddr_t *pa, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		early_window_l0[i] = early_entry(pa[i], V | R | W | A | D);
	for (unsigned i = nr; i < ENTRIES && early_window_l0[i] != 0; i++)
		early_window_l0[i] = 0;
	raw_sfence_all();
	return GIB_VA(WINDOW_SLOT);
}

void early_map_console(paddr_t page)
{
	early_console[0] = early_entry(page, V | R | W | A | D);
	raw_sfence_all();
}

#define FENCE_ROUNDS 16

bool early_fence_works(uint64_t *expected, uint64_t *seen)
{
	static uint64_t page[2][ENTRIES] TABLE;

	for (unsigned i = 0; i < FENCE_ROUNDS; i++) {
		paddr_t pa = image_to_pa(page[i % 2]);
		const volatile uint64_t *p;

		/* A word of its own each time, so that no older content can pass for it. */
		*expected = page[i % 2][0] = UINT64_C(0xfe5ce) << 32 | i;
		p = (const volatile uint64_t *)early_window_pages(&pa, 1);
		*seen = *p;
		if (*seen != *expected)
			return false;
	}
	return true;
}

vaddr_t early_map_arena(struct region arena)
{
	for (uint64_t off = 0; off < arena.size; off += SZ_2M) {
		unsigned i = (unsigned)((arena.start + off) / SZ_2M % ENTRIES);

		early_arena[i] = early_entry(arena.start + off, V | R | W | A | D);
	}
	raw_sfence_all();
	return GIB_VA(ARENA_SLOT) - align_down(arena.start, SZ_1G);
}

static bool satp_takes(uint64_t mode, const uint64_t *root)
{
	uint64_t old = csr_read_satp();
	bool taken;

	csr_write_satp(mode << SATP_MODE_SHIFT | image_to_pa(root) >> PAGE_SHIFT);
	/* "If satp is written with an unsupported MODE, the entire write has no effect". */
	taken = csr_read_satp() >> SATP_MODE_SHIFT == mode;
	/* The same ASID meant another root for a moment. */
	raw_sfence_all();
	csr_write_satp(old);
	raw_sfence_all();
	return taken;
}

uint32_t early_probe_modes(bool try_larger)
{
	uint32_t modes = UINT32_C(1) << SATP_MODE_SV39;

	if (!try_larger)
		return modes;
	if (satp_takes(SATP_MODE_SV48, early_root48))
		modes |= UINT32_C(1) << SATP_MODE_SV48;
	if (satp_takes(SATP_MODE_SV57, early_root57))
		modes |= UINT32_C(1) << SATP_MODE_SV57;
	return modes;
}
