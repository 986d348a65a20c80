/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads through a copy of the kernel's root. */
#include "tests/second_root.h"

#include <string.h>

#include "firmware/arch.h"
#include "firmware/root.h"
#include "mm/frame.h"
#include "mm/kernel.h"
#include "mm/model.h"
#include "mm/ptpage.h"

struct second_root {
	paddr_t root;
	vaddr_t va;
	uint64_t expected;
	bool bad[MAX_HARTS];
};

/* Translate with the copied root for one load, and go back. */
static void load_through_copy(void *arg)
{
	struct second_root *s = arg;
	uint64_t mode = kernel_table()->mode->satp_mode;
	bool irq = arch_irq_save();
	struct probe p;

	arch_set_root(s->root, mode, 0);
	/* Same ASID, other root: nothing of the old one may be used. */
	fence_local_all();
	p = probe_load(s->va);
	arch_set_root(kernel_table()->root, mode, 0);
	fence_local_all();
	arch_irq_restore(irq);
	s->bad[arch_hart()] = p.trapped || p.value != s->expected;
}

paddr_t second_root_copy(struct test_run *t)
{
	paddr_t copy = ptpage_alloc();

	ASSERT(t, copy != FRAME_NONE, "no memory for a root");
	memcpy(phys_to_ptr(copy), phys_to_ptr(kernel_table()->root), PAGE_SIZE);
	return copy;
}

void second_root_read(struct test_run *t, vaddr_t va, paddr_t root, uint64_t expected)
{
	static struct second_root s;

	s = (struct second_root){root, va, expected, {false}};
	test_on_harts(t, &t->all, load_through_copy, &s);
	hartset_for_each(i, &t->all)
		if (s.bad[i])
			test_fail(t, EVIDENCE_PROBE,
				  "hart%u does not see 0x%llx through the copied root", i,
				  (unsigned long long)va);
}

void second_root_write_and_read(struct test_run *t, vaddr_t va, paddr_t root)
{
	uint64_t expected = rng_next(&t->rng);

	*(volatile uint64_t *)arch_virt_to_ptr(va) = expected;
	second_root_read(t, va, root, expected);
}

void second_root_drop(paddr_t root)
{
	model_root_dropped(root);
	ptpage_free(root, kernel_table()->mode->levels - 1);
}
