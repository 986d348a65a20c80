# SPDX-License-Identifier: BSD-2-Clause
# The virtio-mem and virtio-pmem devices: for the firmware, the daemon and the host tests alike.
device-objs-y += vmem.o
device-objs-y += vmemq.o
device-objs-y += schedule.o
device-objs-y += vring.o
device-objs-y += mmio.o
device-objs-y += vmem_mmio.o
device-objs-y += pmem.o
device-objs-y += pmem_sums.o
