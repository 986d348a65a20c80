/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers that assembly and C share; hart.c and trap.c assert that they match the structs. */
#ifndef FIRMWARE_OFFSETS_H
#define FIRMWARE_OFFSETS_H

/* Where the linker script puts the image in every mode. */
#define IMAGE_VA 0xffffffff80000000

/* Arguments that go with the image, terminator included; they end at offset 0x200. */
#define IMAGE_ARGS_BYTES 440

#define BOOT_STACK_SIZE 32768

/*
 * SIE, SUM, MXR: what runs before us may leave them set (only satp and sstatus.SIE have a value at
 * entry, SBI HSM), and with SUM or MXR an access may be allowed that must fault.
 */
#define SSTATUS_LEFTOVERS 0xc0002

/* What an M-mode start needs: everything open, all traps to S-mode but its own calls. */
#define PMP_ALL_RWX 0x1f
#define MEDELEG_ALL 0xb1ff
/* MPP, MPRV, TVM, TW, TSR */
#define MSTATUS_LEFTOVERS 0x721800
#define MSTATUS_MPP_S 0x800

/* struct hart_boot */
#define HART_BOOT_SATP 0
#define HART_BOOT_STVEC 8
#define HART_BOOT_SP 16
#define HART_BOOT_TP 24
#define HART_BOOT_FENCE 32

/* struct hart_slot, 1 << HART_SLOT_SHIFT bytes */
#define HART_SLOT_HARTID 0
#define HART_SLOT_BOOT 8
#define HART_SLOT_SHIFT 4
#define HART_SLOT_WAITS 1
#define HART_SLOT_SENT_HOME 2
#define HART_SLOTS 128

/* struct hart */
#define HART_PROBE_RESUME 0

/* struct trap_frame */
#define FRAME_X(n) ((n)*8)
#define FRAME_SEPC 256
#define FRAME_SSTATUS 264
#define FRAME_SCAUSE 272
#define FRAME_STVAL 280
#define FRAME_SIZE 288

/* struct context */
#define CTX_RA 0
#define CTX_SP 8
#define CTX_S(n) (16 + (n)*8)

#endif
