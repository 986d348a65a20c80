# SPDX-License-Identifier: BSD-2-Clause
# The one place that spells QEMU command lines.

MACHINE ?= virt
SMP ?= 4
# The built-in device takes its region out of it.
MEM ?= $(if $(filter builtin,$(VMEM)),1G,256M)
CPU ?= rv64
THREAD ?= multi
ARGS ?=
# Boards: without CPU= theirs, without OPENSBI= QEMU's own, the console on another serial line, a
# tree that QEMU does not make itself.
SERIAL ?= -serial stdio
DTB ?=
# What -m takes beside the size (slots=3,maxmem=32G), and NUMA=2: two nodes, boot RAM and the devices'.
MEM_MORE ?=
NUMA ?=

# Without VMEM: vhost where this QEMU has the generic vhost-user device, else the built-in device.
VMEM ?= $(if $(filter y,$(QEMU_HAS_VHOST)),vhost,builtin)
# Several side by side: of a size that makes them share table pages at every level.
VMEM_DEVICES ?= 1
VMEM_SIZE ?= $(if $(filter 1,$(VMEM_DEVICES)),1G,336M)
VMEM_BLOCK ?= 2M
# Where QEMU puts the devices of the daemon: virtio-mmio slots, or functions of the PCI root bus.
VMEM_BUS ?= mmio
VMEM_SCHEDULE ?= 100%,23%,0,57%,41%,100%
# A virtio-pmem device of that size (PMEM=16M), right behind the regions of the others; with PMEM_FILE
# its content outlasts the run. Node of each virtio-mem device in turn (VMEM_NODES='1 2').
PMEM ?=
PMEM_FILE ?=
VMEM_NODES ?=
TIMEOUT ?= 300

RAM_BASE := 0x80000000
# Sizes as bytes; without a suffix they are MiB, as for QEMU's -m.
bytes = $(shell echo '$(1)' | sed 's/[0-9]$$/&M/' | numfmt --from=iec)
MEM_BYTES := $(call bytes,$(MEM))
VMEM_BYTES := $(call bytes,$(VMEM_SIZE))
# The devices' regions: from the next GiB above boot RAM on, inside QEMU's RAM but not in the tree's
# share that the firmware may use (mem=). QEMU puts the tree at the very end: 64 MiB above them.
VMEM_ADDR := $(shell printf 0x%x $$(( ($(RAM_BASE) + $(MEM_BYTES) + 0x3fffffff) / 0x40000000 * 0x40000000 )))
PMEM_BYTES := $(if $(PMEM),$(call bytes,$(PMEM)),0)
PMEM_ADDR := $(shell printf 0x%x $$(( ($(VMEM_ADDR) + $(VMEM_DEVICES) * $(VMEM_BYTES) + 0x1fffff) / 0x200000 * 0x200000 )))
TOTAL_MIB := $(shell echo $$(( ($(PMEM_ADDR) + $(PMEM_BYTES) - $(RAM_BASE)) / 1048576 + 64 )))
vmem-bus = $(if $(filter pci,$(VMEM_BUS)),-pci)
vmem-numbers := $(wordlist 1,$(VMEM_DEVICES),0 1 2 3)
# Of device $(1): its socket, its part of QEMU's command line, its daemon.
vmem-socket = {socket}$(filter-out 0,$(1))
vmem-addr = $(shell printf 0x%x $$(( $(VMEM_ADDR) + $(1) * $(VMEM_BYTES) )))
vmem-qemu = -chardev socket,id=vmem$(1),path=$(vmem-socket) \
	-device $(QEMU_VHOST_DEVICE)$(vmem-bus),chardev=vmem$(1),virtio-id=24,num_vqs=1,config_size=56
vmem-daemon = --daemon '$(VMEMD) --socket $(vmem-socket) --addr $(vmem-addr) --size $(VMEM_SIZE) \
	--block $(VMEM_BLOCK) --schedule $(VMEM_SCHEDULE) $(addprefix --node ,$(word $(words 1 $(wordlist 1,$(1),$(VMEM_NODES))),$(VMEM_NODES))) $(VMEM_ARGS)'
pmem-qemu = $(if $(PMEM),-chardev socket$(comma)id=pmem0$(comma)path={socket}-pmem \
	-device $(QEMU_VHOST_DEVICE)$(vmem-bus)$(comma)chardev=pmem0$(comma)virtio-id=27$(comma)num_vqs=1$(comma)config_size=16)
pmem-daemon = $(if $(PMEM),--daemon '$(VMEMD) --pmem --socket {socket}-pmem --addr $(PMEM_ADDR) --size $(PMEM) \
	$(addprefix --file ,$(PMEM_FILE))')

# QEMU's own virtio-mem. That it has none is said before anything is started, in its words.
native-refusal = $(if $(filter native,$(VMEM)),$(shell $(QEMU) -M none -device virtio-mem-pci,help 2>&1 >/dev/null | head -n 1))
check-native = $(if $(native-refusal),$(error VMEM=native: this QEMU has no virtio-mem for its machines: $(native-refusal)))
# Where it lies is QEMU's choice, for which maxmem leaves a GiB each. Nobody but the monitor's user changes requested-size.
MAXMEM_MIB = $(shell echo $$(( ($(MEM_BYTES) + $(VMEM_DEVICES) * $(VMEM_BYTES)) / 1048576 + $(VMEM_DEVICES) * 1024 )))
native-qemu = -object memory-backend-ram,id=vmem$(1),size=$(VMEM_SIZE) \
	-device virtio-mem-pci,id=vm$(1),memdev=vmem$(1),block-size=$(VMEM_BLOCK),requested-size=$(VMEM_SIZE)

# When a run is put together, not before: tools.mk may be about to change.
check-numa = $(if $(NUMA),$(if $(filter 2-vhost,$(NUMA)-$(VMEM)),,$(error NUMA=$(NUMA) VMEM=$(VMEM): NUMA is 2 or nothing, and needs VMEM=vhost)))
QEMU_COMMON = $(check-numa)$(check-native)$(QEMU) -M $(MACHINE)$(if $(filter vhost,$(VMEM)),$(if $(NUMA),,$(comma)memory-backend=ram)) $(if $(CPU),-cpu $(CPU)) -smp $(SMP) \
	-accel tcg,thread=$(THREAD) -nodefaults -display none $(SERIAL) -no-reboot \
	$(if $(OPENSBI),-bios $(OPENSBI)) $(if $(DTB),-dtb $(DTB)) -kernel $(or $(KERNEL),$(BIN)) $(QEMU_ARGS)
comma := ,

# Node 0 is boot RAM, node 1 the devices: a region must not cross the edge of a memfd.
NODE0_MIB = $(shell echo $$(( ($(VMEM_ADDR) - $(RAM_BASE)) / 1048576 )))
NODE1_MIB = $(shell echo $$(( $(TOTAL_MIB) - $(NODE0_MIB) )))
# $(call memfd,ID,MIB)
memfd = -object memory-backend-memfd,id=$(1),size=$(2)M,share=on
numa-node = $(call memfd,ram$(1),$(NODE$(1)_MIB)) -numa node,nodeid=$(1),memdev=ram$(1)
QEMU_vhost = -m $(TOTAL_MIB)M$(addprefix $(comma),$(MEM_MORE)) \
	$(if $(NUMA),$(call numa-node,0) $(call numa-node,1),$(call memfd,ram,$(TOTAL_MIB))) \
	-global virtio-mmio.force-legacy=false $(foreach n,$(vmem-numbers),$(call vmem-qemu,$(n))) $(pmem-qemu) \
	-append '$(strip mem=$(MEM_BYTES) vmem=vhost $(ARGS))'
QEMU_builtin = -m $(shell echo $$(( $(MEM_BYTES) >> 20 )))M -append '$(strip vmem=builtin $(addprefix pmem=,$(PMEM)) $(ARGS))'
QEMU_native = -m $(shell echo $$(( $(MEM_BYTES) >> 20 )))M,slots=$(VMEM_DEVICES),maxmem=$(MAXMEM_MIB)M \
	$(foreach n,$(vmem-numbers),$(call native-qemu,$(n))) -append '$(strip vmem=vhost $(ARGS))'
QEMU_none = -m $(shell echo $$(( $(MEM_BYTES) >> 20 )))M -append '$(strip vmem=none $(ARGS))'

DAEMON_vhost = $(foreach n,$(vmem-numbers),$(call vmem-daemon,$(n))) $(pmem-daemon)

ifeq ($(filter 1 2 3 4,$(VMEM_DEVICES)),)
$(error VMEM_DEVICES=$(VMEM_DEVICES): not 1, 2, 3 or 4)
endif
ifeq ($(filter mmio pci,$(VMEM_BUS)),)
$(error VMEM_BUS=$(VMEM_BUS): not mmio or pci)
endif
ifeq ($(QEMU_$(VMEM)),)
$(if $(QEMU),$(error VMEM=$(VMEM): not vhost, native, builtin or none))
endif

RUN_COMMAND = $(RUNNER) --timeout $(TIMEOUT) --dir $(or $(RUN_DIR),$(B)/run/last) $(RUN_FLAGS) \
	$(DAEMON_$(VMEM)) -- $(QEMU_COMMON) $(QEMU_$(VMEM))

# A machine that gets the combined image and nothing else.
QEMU_IMAGE = $(QEMU) -M $(MACHINE) -nographic -bios $(IMAGE_DIR)/hotwalk-opensbi.bin $(QEMU_ARGS)

# U-Boot in S-mode, told what to do once it takes no notice of what comes before its prompt.
UBOOT ?= /usr/lib/u-boot/qemu-riscv64_smode/u-boot.bin
at = $(if $(wildcard $(IMAGE_DIR)/$(1)),-device loader$(comma)file=$(IMAGE_DIR)/$(1)$(comma)addr=$(2)$(comma)force-raw=on)
QEMU_UBOOT = $(QEMU) -M $(MACHINE) -smp $(SMP) -m 256M -nographic -bios $(OPENSBI) -kernel $(UBOOT) \
	$(call at,hotwalk-image.bin,0x84000000) $(call at,hotwalk-image.bin.gz,0x85000000) \
	$(call at,hotwalk-image.itb,0x88000000) $(call at,hotwalk-gzip.itb,0x89000000)
