# SPDX-License-Identifier: BSD-2-Clause
# The one place that spells QEMU command lines.

MACHINE ?= virt
SMP ?= 4
# The built-in device takes its region out of it.
MEM ?= $(if $(filter builtin,$(VMEM)),1G,256M)
CPU ?= rv64
THREAD ?= multi
ARGS ?=

# Without VMEM: vhost where this QEMU has the generic vhost-user device, else the built-in device.
VMEM ?= $(if $(filter y,$(QEMU_HAS_VHOST)),vhost,builtin)
VMEM_SIZE ?= 1G
VMEM_BLOCK ?= 2M
VMEM_SCHEDULE ?= 100%,23%,0,57%,41%,100%
TIMEOUT ?= 300

RAM_BASE := 0x80000000
# Sizes as bytes; without a suffix they are MiB, as for QEMU's -m.
bytes = $(shell echo '$(1)' | sed 's/[0-9]$$/&M/' | numfmt --from=iec)
MEM_BYTES := $(call bytes,$(MEM))
VMEM_BYTES := $(call bytes,$(VMEM_SIZE))
# The device's region: the next GiB above boot RAM, inside QEMU's RAM but not in the tree's share
# that the firmware may use (mem=). QEMU puts the tree at the very end: 64 MiB above the region.
VMEM_ADDR := $(shell printf 0x%x $$(( ($(RAM_BASE) + $(MEM_BYTES) + 0x3fffffff) / 0x40000000 * 0x40000000 )))
TOTAL_MIB := $(shell echo $$(( ($(VMEM_ADDR) + $(VMEM_BYTES) - $(RAM_BASE)) / 1048576 + 64 )))

QEMU_COMMON = $(QEMU) -M $(MACHINE)$(if $(filter vhost,$(VMEM)),$(comma)memory-backend=ram) -cpu $(CPU) -smp $(SMP) \
	-accel tcg,thread=$(THREAD) -nodefaults -display none -serial stdio -no-reboot \
	-bios $(OPENSBI) -kernel $(or $(KERNEL),$(BIN)) $(QEMU_ARGS)
comma := ,

QEMU_vhost = -m $(TOTAL_MIB)M -object memory-backend-memfd,id=ram,size=$(TOTAL_MIB)M,share=on \
	-global virtio-mmio.force-legacy=false -chardev socket,id=vmem0,path={socket} \
	-device $(QEMU_VHOST_DEVICE),chardev=vmem0,virtio-id=24,num_vqs=1,config_size=56 \
	-append '$(strip mem=$(MEM_BYTES) vmem=vhost $(ARGS))'
QEMU_builtin = -m $(shell echo $$(( $(MEM_BYTES) >> 20 )))M -append '$(strip vmem=builtin $(ARGS))'
QEMU_none = -m $(shell echo $$(( $(MEM_BYTES) >> 20 )))M -append '$(strip vmem=none $(ARGS))'

DAEMON_vhost = --daemon '$(VMEMD) --socket {socket} --addr $(VMEM_ADDR) --size $(VMEM_SIZE) \
	--block $(VMEM_BLOCK) --schedule $(VMEM_SCHEDULE) $(VMEM_ARGS)'

ifeq ($(QEMU_$(VMEM)),)
$(if $(QEMU),$(error VMEM=$(VMEM): not vhost, builtin or none))
endif

RUN_COMMAND = $(RUNNER) --timeout $(TIMEOUT) --dir $(or $(RUN_DIR),$(B)/run/last) $(RUN_FLAGS) \
	$(DAEMON_$(VMEM)) -- $(QEMU_COMMON) $(QEMU_$(VMEM))
