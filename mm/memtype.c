/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory types of entries. */
#include "mm/memtype.h"

#include "mm/fault.h"

static bool used;

void memtype_use(bool on)
{
	used = on;
}

bool memtype_on(void)
{
	return used;
}

uint64_t prot_io(void)
{
	return PROT_RW | (used && !fault_armed(FAULT_IO_UNTYPED) ? PTE_PBMT_IO : 0);
}

bool prot_valid(uint64_t prot)
{
	uint64_t type = prot & PTE_PBMT_MASK;

	if (type != 0 && (!used || type == PTE_PBMT_MASK))
		return false;
	return (prot & (PTE_R | PTE_X)) != 0 && ((prot & PTE_W) == 0 || (prot & PTE_R) != 0) &&
	       (prot & (PTE_PPN_MASK | PTE_V)) == 0;
}
