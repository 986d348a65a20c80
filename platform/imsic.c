/* SPDX-License-Identifier: BSD-2-Clause */
/* The incoming MSI controller: siselect, sireg and stopei of the calling hart. */

#include "platform/imsic.h"

#include "firmware/csr.h"

/* AIA 1.0, 3.8: registers behind siselect. Of eip and eie, RV64 has the even ones, 64 bits each. */
#define IMSIC_EIDELIVERY 0x70
#define IMSIC_EITHRESHOLD 0x72
#define IMSIC_EIP0 0x80
#define IMSIC_EIE0 0xc0
#define IMSIC_REGISTER(base, id) ((base) + 2 * ((id) / 64))

#define STOPEI_ID_SHIFT 16
#define STOPEI_ID_MASK 0x7ff

void imsic_open(unsigned ids)
{
	csr_write_siselect(IMSIC_EIDELIVERY);
	csr_write_sireg(0);
	for (unsigned id = 0; id <= ids; id += 64) {
		csr_write_siselect(IMSIC_REGISTER(IMSIC_EIE0, id));
		csr_write_sireg(0);
		csr_write_siselect(IMSIC_REGISTER(IMSIC_EIP0, id));
		csr_write_sireg(0);
	}
	csr_write_siselect(IMSIC_EITHRESHOLD);
	csr_write_sireg(0);
	csr_write_siselect(IMSIC_EIDELIVERY);
	csr_write_sireg(1);
}

void imsic_set_enabled(unsigned id, bool on)
{
	uint64_t bit = UINT64_C(1) << (id % 64);

	csr_write_siselect(IMSIC_REGISTER(IMSIC_EIE0, id));
	if (on)
		csr_set_sireg(bit);
	else
		(void)csr_read_clear_sireg(bit);
}

bool imsic_is_pending(unsigned id)
{
	csr_write_siselect(IMSIC_REGISTER(IMSIC_EIP0, id));
	return (csr_read_sireg() >> (id % 64) & 1) != 0;
}

void imsic_clear_pending(unsigned id)
{
	csr_write_siselect(IMSIC_REGISTER(IMSIC_EIP0, id));
	(void)csr_read_clear_sireg(UINT64_C(1) << (id % 64));
}

uint32_t imsic_claim(void)
{
	return (uint32_t)(csr_swap_stopei(0) >> STOPEI_ID_SHIFT) & STOPEI_ID_MASK;
}
