# SPDX-License-Identifier: BSD-2-Clause
# Early code runs untranslated: checked for absolute relocations.
early-objs-y += start.o early.o
objs-y += arch.o args.o console.o err.o hart.o hart_life.o lock.o lock_order.o machine.o machine_cpus.o machine_devices.o
objs-y += machine_dt.o machine_intc.o machine_pci.o machine_memory.o mmio.o probe.o ramprobe.o ramprobe_spots.o rand.o rwlock.o sbi.o
objs-y += time.o timer.o trap.o trap_entry.o libc_glue.o
objs-y += machine_imsic.o machine_msi.o ramprobe_devices.o
objs-y += hart_room.o machine_uart.o machine_walk.o uart.o
objs-y += hart_ipi.o hart_lost.o
