# SPDX-License-Identifier: BSD-2-Clause
# The one place that spells hotwalk-sim's command lines; variables as in qemu.mk.

SIM_ARGS ?=
# No vhost device: without VMEM the built-in one, which takes its region out of RAM.
SIM_VMEM := $(if $(filter command environment,$(origin VMEM)),$(VMEM),builtin)
SIM_MEM := $(if $(filter command environment,$(origin MEM)),$(MEM),$(if $(filter builtin,$(SIM_VMEM)),1G,256M))

# With IMAGE: the combined image in place of firmware and payload.
SIM_BIOS = $(or $(IMAGE),$(OPENSBI))
SIM_KERNEL = $(if $(IMAGE),,--kernel $(or $(KERNEL),$(BIN)))

SIM_COMMAND = $(if $(filter-out builtin none,$(SIM_VMEM)),$(error VMEM=$(SIM_VMEM): run-sim has builtin and none))$(RUNNER) --timeout $(TIMEOUT) --silence 0 --dir $(or $(RUN_DIR),$(B)/run/last) $(RUN_FLAGS) -- \
	$(SIM) --bios $(SIM_BIOS) $(SIM_KERNEL) --smp $(SMP) --mem $(SIM_MEM) $(SIM_ARGS) \
	--append '$(strip vmem=$(SIM_VMEM) $(addprefix pmem=,$(PMEM)) $(ARGS))'
