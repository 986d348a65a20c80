# SPDX-License-Identifier: BSD-2-Clause
# Drivers: interrupt controller, virtio-mmio, virtio-mem, built-in device, exit device.
objs-y += intc.o plic.o aplic.o imsic.o
objs-y += virtio.o virtio_mmio.o virtio_pci.o virtio_find.o pci.o pci_bar.o pci_msix.o
objs-y += virtq.o
objs-y += virtio_mem_config.o
objs-y += virtio_mem_request.o
objs-y += virtio_mem.o virtio_mem_blocks.o virtio_mem_start.o
objs-y += mmio_insn.o
objs-y += builtin.o
objs-y += scribble.o
objs-y += exitdev.o extensions.o
objs-y += plug.o
objs-y += virtio_mem_revive.o misbehave.o
# What their host tests link (recursive: the lists come later).
srcs-test_vmem_driver_revive = $(vmem-srcs) $(device-srcs) platform/virtio_mem_revive.c
objs-y += follow.o
objs-y += virtio_wait.o virtio_pmem.o mmio_trap.o builtin_pmem.o
srcs-test_pmem_driver = $(vmem-srcs) $(device-srcs) platform/virtio_pmem.c
objs-y += dimm.o
