# SPDX-License-Identifier: BSD-2-Clause
# Files for boot loaders, with ARGS put into them (docs/images.md), and a machine that gets one.

IMAGE_DIR ?= $(B)
# What the raw image is loaded behind, and how far: OpenSBI's fw_jump goes on there.
IMAGE_FIRMWARE ?= $(FW_JUMP)
# Where a FIT image has itself loaded: the start of RAM and 2 MiB.
FIT_LOAD ?= 0x80200000

image: $(BIN) ## images for boards, with ARGS in them: hotwalk-image.elf .bin .its, hotwalk-opensbi.bin
	@host/image.sh --elf $(ELF) --bin $(BIN) --objcopy $(OBJCOPY) --fit-load $(FIT_LOAD) \
		$(if $(IMAGE_FIRMWARE),--firmware $(IMAGE_FIRMWARE)) --args '$(ARGS)' --output $(IMAGE_DIR)

run-image: image $(RUNNER) ## boot hotwalk-opensbi.bin (ARGS in it) under QEMU's virt, with nothing else
	@$(RUNNER) --timeout $(TIMEOUT) --dir $(or $(RUN_DIR),$(B)/run/last) $(RUN_FLAGS) -- $(QEMU_IMAGE)
.PHONY: image run-image run-uboot

# For ci/start.t: the images in IMAGE_DIR as U-Boot sees them, raw at 0x84000000, compressed at
# 0x85000000, FIT at 0x88000000 and 0x89000000, and COMMAND; the empty lines are for its countdown.
run-uboot: export UBOOT_INPUT = $(subst x,\n,xxxxxxxxxxxxxxxxxxxxxxxx)$(value COMMAND)\n
run-uboot: $(RUNNER)
	@$(RUNNER) --timeout $(TIMEOUT) --dir $(or $(RUN_DIR),$(B)/run/last) $(RUN_FLAGS) -- \
		sh -c 'printf "$$UBOOT_INPUT" | exec "$$@"' uboot $(QEMU_UBOOT)
