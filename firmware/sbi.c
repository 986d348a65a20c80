/* SPDX-License-Identifier: BSD-2-Clause */
/* Supervisor Binary Interface calls. */
#include "firmware/sbi.h"

#include "firmware/ecall.h"
#include "firmware/fence.h"

#define EID_LEGACY_PUTCHAR 0x01
#define EID_LEGACY_SHUTDOWN 0x08
#define EID_BASE 0x10
#define EID_TIME 0x54494d45
#define EID_IPI 0x735049
#define EID_RFENCE 0x52464e43
#define EID_HSM 0x48534d
#define EID_SRST 0x53525354
#define EID_DBCN 0x4442434e
#define EID_FWFT 0x46574654

static struct sbi_info info;

static struct sbi_ret sbi_call(uint64_t eid, uint64_t fid, const uint64_t arg[static 5])
{
	return sbi_ecall(eid, fid, arg[0], arg[1], arg[2], arg[3], arg[4]);
}

#define SBI_CALL(eid, fid, ...) sbi_call((eid), (fid), (const uint64_t[5]){__VA_ARGS__})

static uint64_t base_value(uint64_t fid)
{
	struct sbi_ret r = SBI_CALL(EID_BASE, fid, 0);

	return r.error == SBI_OK ? r.value : 0;
}

static bool has_extension(uint64_t eid)
{
	struct sbi_ret r = SBI_CALL(EID_BASE, 3, eid);

	return r.error == SBI_OK && r.value != 0;
}

void sbi_init(void)
{
	struct sbi_ret version = SBI_CALL(EID_BASE, 0, 0);

	info.spec_version = base_value(0);
	info.impl_id = base_value(1);
	info.impl_version = base_value(2);
	info.mvendorid = base_value(4);
	info.marchid = base_value(5);
	info.mimpid = base_value(6);
	info.time = has_extension(EID_TIME);
	info.ipi = has_extension(EID_IPI);
	info.rfence = has_extension(EID_RFENCE);
	info.hsm = has_extension(EID_HSM);
	info.srst = has_extension(EID_SRST);
	info.dbcn = has_extension(EID_DBCN);
	info.fwft = has_extension(EID_FWFT);
	info.putchar = version.error != SBI_OK || has_extension(EID_LEGACY_PUTCHAR);
}

const struct sbi_info *sbi(void)
{
	return &info;
}

void sbi_forget_fwft(void)
{
	info.fwft = false;
}

void sbi_putc(char c)
{
	SBI_CALL(EID_LEGACY_PUTCHAR, 0, (unsigned char)c);
}

size_t sbi_console_write(paddr_t pa, size_t len)
{
	struct sbi_ret r = SBI_CALL(EID_DBCN, 0, len, pa, 0);

	return r.error == SBI_OK && r.value <= len ? r.value : 0;
}

int64_t sbi_set_timer(uint64_t ticks)
{
	return SBI_CALL(EID_TIME, 0, ticks).error;
}

/*
 * What the interrupted hart is to see is written before the interrupt is raised, whatever the SBI
 * implementation does in between: memory before device output (RVWMO: FENCE RW,OW).
 */
static void before_interrupt(void)
{
	raw_fence_rw_ow();
}

int64_t sbi_send_ipi(uint64_t mask, uint64_t base)
{
	before_interrupt();
	return SBI_CALL(EID_IPI, 0, mask, base).error;
}

int64_t sbi_remote_sfence_vma(uint64_t mask, uint64_t base, vaddr_t start, uint64_t size)
{
	before_interrupt();
	return SBI_CALL(EID_RFENCE, 1, mask, base, start, size).error;
}

int64_t sbi_remote_sfence_vma_asid(uint64_t mask, uint64_t base, vaddr_t start, uint64_t size,
				   uint64_t asid)
{
	before_interrupt();
	return SBI_CALL(EID_RFENCE, 2, mask, base, start, size, asid).error;
}

int64_t sbi_hart_start(uint64_t hartid, paddr_t entry, uint64_t opaque)
{
	return SBI_CALL(EID_HSM, 0, hartid, entry, opaque).error;
}

int64_t sbi_remote_fence_i(uint64_t mask, uint64_t base)
{
	before_interrupt();
	return SBI_CALL(EID_RFENCE, 0, mask, base).error;
}

int64_t sbi_hart_stop(void)
{
	return SBI_CALL(EID_HSM, 1, 0).error;
}

int64_t sbi_hart_state(uint64_t hartid)
{
	struct sbi_ret r = SBI_CALL(EID_HSM, 2, hartid);

	return r.error == SBI_OK ? (int64_t)r.value : r.error;
}

/* Suspend types that every platform may offer. */
#define SUSPEND_DEFAULT 0
#define SUSPEND_DEFAULT_OFF UINT64_C(0x80000000)

int64_t sbi_hart_suspend(void)
{
	return SBI_CALL(EID_HSM, 3, SUSPEND_DEFAULT).error;
}

int64_t sbi_hart_suspend_off(paddr_t entry, uint64_t opaque)
{
	before_interrupt();
	return SBI_CALL(EID_HSM, 3, SUSPEND_DEFAULT_OFF, entry, opaque).error;
}

int64_t sbi_fwft_set(uint32_t feature, uint64_t value)
{
	if (!info.fwft)
		return SBI_ERR_NOT_SUPPORTED;
	return SBI_CALL(EID_FWFT, 0, feature, value, 0).error;
}

int64_t sbi_fwft_get(uint32_t feature, uint64_t *value)
{
	struct sbi_ret r = {SBI_ERR_NOT_SUPPORTED, 0};

	if (info.fwft)
		r = SBI_CALL(EID_FWFT, 1, feature);
	*value = r.value;
	return r.error;
}

void sbi_shutdown(bool failure)
{
	if (info.srst)
		SBI_CALL(EID_SRST, 0, 0, failure ? 1 : 0);
	SBI_CALL(EID_LEGACY_SHUTDOWN, 0, 0);
}
