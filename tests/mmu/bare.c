/* SPDX-License-Identifier: BSD-2-Clause */
/* C's side of bare_insns.S. */
#include "tests/mmu/bare.h"

#include <stddef.h>

#include "firmware/arch.h"
#include "firmware/image.h"
#include "firmware/offsets.h"

#define AT(field, number) _Static_assert(offsetof(struct bare, field) == (number), "bare_insns.S")
AT(satp, BARE_SATP(0));
AT(va, BARE_VA);
AT(value, BARE_VALUE);
AT(op, BARE_OP);
AT(seen, BARE_SEEN(0));
AT(cause, BARE_CAUSE(0));
AT(tval, BARE_TVAL(0));
AT(readback, BARE_READBACK);
_Static_assert(ACCESS_LOAD == 0 && ACCESS_STORE == 1 && ACCESS_FETCH == 2, "bare_insns.S");

void bare_insns(struct bare *b, uint64_t offset);
extern const char bare_code[];

paddr_t bare_code_page(void)
{
	return align_down(image_to_pa(bare_code), PAGE_SIZE);
}

bool bare_map_code(struct scene *s, const struct space *sp)
{
	paddr_t page = bare_code_page();
	uint64_t *slot;

	if (page >> (sp->pt.mode->va_bits - 1) != 0 || pt_lookup(&sp->pt, page).mapped)
		return false;
	slot = space_slot(s, sp, page, 0);
	scene_store(slot, pte_leaf(page, PTE_R | PTE_X | PTE_A).raw);
	return true;
}

void bare_run(struct bare *b)
{
	bool irq = arch_irq_save();

	bare_insns(b, image_to_pa(bare_code) - (vaddr_t)bare_code);
	arch_irq_restore(irq);
}

struct probe bare_probe(const struct bare *b, unsigned step)
{
	struct probe p = {
		.trapped = (int64_t)b->cause[step] != BARE_NO_TRAP,
		.value = b->seen[step],
		.cause = b->cause[step],
		.tval = b->tval[step],
	};

	return p;
}
