/* SPDX-License-Identifier: BSD-2-Clause */
/* The model against the simulated harts: who may hold something old behind random fences. */
#include <stdlib.h>
#include <string.h>

#include "tests/host/arch_sim_window.h"
#include "tests/host/tap.h"

#define ROUNDS 3000u

static void random_store(pte_t *tables)
{
	unsigned t = (unsigned)sim_below(2);
	unsigned first = (unsigned)sim_below(24);
	unsigned n = 1 + (unsigned)sim_below(8);
	uint64_t what = sim_below(8);
	uint64_t prot = sim_below(4) == 0 ? PROT_RO : PROT_RW;
	paddr_t pa = window_frames + sim_below(64) * PAGE_SIZE;
	pte_slot_t s = slot(page(t, 0), 1);
	pte_t e = pte_load(s);

	if (what == 0) {
		/* The table goes, or comes back, or a superpage takes its place. */
		pte_t choice[] = {pte_is_table(e) ? PTE_NONE : tables[t], pte_leaf(0, PROT_RW),
				  PTE_NONE};

		pte_store(s, choice[sim_below(ARRAY_LEN(choice))]);
		return;
	}
	if (!pte_is_table(e))
		return;
	for (unsigned i = 0; i < n; i++) {
		unsigned at = what == 1 ? first + n - 1 - i : first + i;

		pte_store(slot(page(t, at), 0),
			  what < 5 ? PTE_NONE : pte_leaf(pa + i * PAGE_SIZE, prot));
	}
}

static void random_fence(void)
{
	struct hartset targets = {{1 + sim_below((1u << HARTS) - 1)}};
	vaddr_t va = page((unsigned)sim_below(2), (unsigned)sim_below(32));

	switch (sim_below(6)) {
	case 0:
		fence_local_all();
		break;
	case 1:
		fence_local_va(va + sim_below(PAGE_SIZE));
		break;
	case 2:
		fence_local_asid(0);
		break;
	case 3:
		REQUIRE_OK(arch_rfence(&targets, 0, sim_below(2) != 0 ? 0 : UINT64_MAX));
		break;
	default:
		REQUIRE_OK(arch_rfence(&targets, va, PAGE_SIZE * (1 + sim_below(16))));
		break;
	}
}

static void agrees(const void *arg)
{
	pte_t tables[2];
	unsigned held = 0;

	window_setup(arg);
	for (unsigned t = 0; t < 2; t++)
		tables[t] = pte_load(slot(page(t, 0), 1));
	for (unsigned round = 0; round < ROUNDS && rig_failures() == 0; round++) {
		struct hartset due, said = {{0}};

		window_begun = model_begin();
		for (uint64_t k = 1 + sim_below(5); k > 0; k--) {
			sim_run_on((unsigned)sim_below(HARTS));
			random_store(tables);
			for (uint64_t f = sim_below(4); f > 0; f--) {
				sim_run_on((unsigned)sim_below(HARTS));
				random_fence();
			}
		}
		due = sim_holders();
		for (unsigned h = 0; h < HARTS; h++) {
			sim_run_on(h);
			model_complete(window_begun);
		}
		{
			static struct violation v[16];
			unsigned kept;
			unsigned n = model_take_violations(v, ARRAY_LEN(v), &kept);

			for (unsigned i = 0; i < kept; i++)
				said.bits[0] |= v[i].holders.bits[0];
			if (n > ARRAY_LEN(v))
				said = due;
		}
		CHECK(hartset_eq(&due, &said), "round %u: harts 0x%llx may hold, 0x%llx are named",
		      round, (unsigned long long)due.bits[0], (unsigned long long)said.bits[0]);
		held += !hartset_empty(&due);
		sim_run_on(0);
		/* What was unlinked is put back, so that both know the same tables. */
		for (unsigned t = 0; t < 2; t++)
			pte_store(slot(page(t, 0), 1), tables[t]);
		fence_all_harts();
		rig_check_silent("all fenced");
		due = sim_holders();
		CHECK(hartset_empty(&due), "something is held behind full fences");
	}
	CHECK(held > ROUNDS / 10 && held < ROUNDS, "%u of %u rounds held something", held, ROUNDS);
}

int main(int argc, char **argv)
{
	struct rig rig = {.harts = HARTS, .seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1};

	for (unsigned m = 0; m < ARRAY_LEN(mmu_modes); m++) {
		rig.mode = &mmu_modes[m];
		tap_ok(rig_run(agrees, &rig), "%s: the model agrees with the harts",
		       rig.mode->name);
	}
	return tap_done();
}
