# SPDX-License-Identifier: BSD-2-Clause
# hotwalk-sim is sim-objs-y and libfdt; the host tests of it take sim-core-objs-y.
sim-core-objs-y += access.o
sim-core-objs-y += alu.o
sim-core-objs-y += atomic.o
sim-core-objs-y += bus.o
sim-core-objs-y += cpu.o
sim-core-objs-y += csr.o
sim-core-objs-y += faults.o
sim-core-objs-y += fence.o
sim-core-objs-y += machine.o
sim-core-objs-y += mmu.o
sim-core-objs-y += options.o
sim-core-objs-y += options_values.o
sim-core-objs-y += pmp.o
sim-core-objs-y += rvc.o
sim-core-objs-y += sbi_native.o
sim-core-objs-y += sbi_small.o
sim-core-objs-y += system.o
sim-core-objs-y += tlb.o
sim-core-objs-y += trap.o
sim-core-objs-y += uart.o
sim-core-objs-y += walk.o

sim-objs-y += $(sim-core-objs-y)
sim-objs-y += fdt.o
sim-objs-y += load.o
sim-objs-y += main.o
