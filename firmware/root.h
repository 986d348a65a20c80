/* SPDX-License-Identifier: BSD-2-Clause */
/* satp and the map that phys_to_ptr() uses: set by the memory manager when its table is ready. */
#ifndef FIRMWARE_ROOT_H
#define FIRMWARE_ROOT_H

#include "firmware/types.h"

/* phys_to_ptr(pa) is pa + @offset from here on. */
void arch_set_direct_offset(vaddr_t offset);

/*
 * Translate with @root in @mode (SATP_MODE_*) on this hart. Makes no fence: the caller owes
 * fence_local_all() unless no entry of another root with this ASID can be held (Privileged ISA,
 * satp: "changing satp ... does not imply any ordering").
 */
void arch_set_root(paddr_t root, uint64_t mode, uint16_t asid);

/* Bits of ASID that satp of this hart keeps (ASIDLEN), measured. */
unsigned arch_measure_asid_bits(void);

#endif
