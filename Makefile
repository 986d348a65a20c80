# SPDX-License-Identifier: BSD-2-Clause
# hotwalk: build, run, check. `make help` says it all.

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
SHELL := /bin/bash
.DEFAULT_GOAL := help

VERSION := 0.1.0
B := build

# What the goals need: tools are found or fetched once per start, before anything is built.
TOOL_GOALS := $(filter-out help clean format,$(or $(MAKECMDGOALS),help))
PURPOSE := $(if $(filter check check-programs check-machines floor harts seeds fuzz coverage,$(TOOL_GOALS)),check,$(if $(filter run print-run run-sim run-image run-uboot faults gdb,$(TOOL_GOALS)),run,build))

# With another QEMU or OpenSBI it is another list: tests that run side by side would read each
# other's. ci/*.t read it too, for what they may ask of make.
export TOOLS_MK := $(B)/tools$(if $(QEMU)$(OPENSBI),-$(shell printf %s '$(QEMU) $(OPENSBI)' | cksum | cut -d ' ' -f 1)).mk

ifneq ($(TOOL_GOALS),)
ifeq ($(SETUP),no)
ifneq ($(filter clean format,$(MAKECMDGOALS)),)
$(error SETUP=no only lists: give it one goal, without clean or format)
endif
# Only list: whatever the goal is, nothing else is done.
.PHONY: $(TOOL_GOALS)
$(TOOL_GOALS):
	@SETUP=no host/setup.sh --for $(PURPOSE)
else
include $(TOOLS_MK)
endif
endif

$(TOOLS_MK): FORCE
	@host/setup.sh --for $(PURPOSE) --output $@

ifneq ($(SETUP),no)

# ---- firmware

CC := $(CROSS_COMPILE)gcc
OBJCOPY := $(CROSS_COMPILE)objcopy
OBJDUMP := $(CROSS_COMPILE)objdump
READELF := $(CROSS_COMPILE)readelf

# Where an ELF loader puts the image; the raw image runs anywhere (linker/hotwalk.ld). An ELF for
# another place has a name of its own: the same objects, linked once more.
USUAL_LOAD_ADDR := 0x80200000
LOAD_ADDR ?= $(USUAL_LOAD_ADDR)
# Names of suites, for an image that holds these only, with a name of its own (docs/images.md).
SUITES ?=

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wvla -Wmissing-prototypes -Wstrict-prototypes -Werror
# -misa-spec=2.2: Zicsr and Zifencei are part of I, and the lp64 libgcc is found.
ISA := -misa-spec=2.2 -march=rv64imac -mabi=lp64 -mcmodel=medany
# Small by default; what a run spends its instructions in is in HOT. Strings and tables begin where their
# type allows, not at multiples of 8. Debuggers unwind by .debug_frame, nothing of ours walks frames.
SMALL := -Os -msave-restore
FAST := -O2
CFLAGS := -std=gnu11 -g -ffreestanding -fno-common -fomit-frame-pointer -malign-data=natural $(ISA) $(WARNINGS) \
	-ffunction-sections -fdata-sections -ffile-prefix-map=$(CURDIR)=. \
	-I. -I$(B) $(NEWLIB_CFLAGS) $(LIBFDT_CFLAGS)
# Runs untranslated at its physical address, on a stack that is hardly one.
EARLY_CFLAGS := -mno-save-restore -fno-jump-tables -fno-builtin -fno-tree-loop-distribute-patterns -fno-stack-protector

# Runs for each word, page, table entry, lock or try: nearly all that hotwalk-sim counts (docs/images.md),
# and most of what comes before the first result (docs/rtl.md).
HOT := firmware/arch firmware/libc_glue firmware/lock firmware/machine_dt firmware/machine_walk mm/audit mm/clear mm/model \
	mm/model_records mm/model_tables mm/walk platform/scribble tests/mmu/look tests/mmu/scene tests/mmu/trial tests/rtl

# Each folder names its objects; $(call folder,DIR) turns them into paths.
objs-all :=
early-all :=
define folder
objs-y :=
early-objs-y :=
device-objs-y :=
include $(1)/objects.mk
objs-all += $$(addprefix $(B)/fw/$(1)/,$$(objs-y) $$(device-objs-y))
early-all += $$(addprefix $(B)/fw/$(1)/,$$(early-objs-y))
endef
$(foreach d,firmware mm platform device tests tests/mmu tests/actors,$(eval $(call folder,$(d))))
objs-y :=
include mm/objects.mk
mm-objs := $(objs-y)

ELF := $(B)/hotwalk$(if $(SUITES),-suites)$(addprefix -,$(filter-out $(USUAL_LOAD_ADDR),$(LOAD_ADDR))).elf
BIN := $(ELF:.elf=.bin)

$(early-all): CFLAGS += $(EARLY_CFLAGS)
$(early-all) $(objs-all): OPTIMIZE := $(SMALL)
hot-objs := $(HOT:%=$(B)/fw/%.o)
$(if $(filter-out $(objs-all),$(hot-objs)),$(error HOT names what is no object: $(filter-out $(objs-all),$(hot-objs))))
$(hot-objs): OPTIMIZE := $(FAST)

# What objects are made with: changes when compiler or flags do, and not when QEMU does.
# Two makes in one folder (tests run side by side) have temporary files of their own.
NEW := new.$(shell echo $$PPID)
define compiler_text
$(shell $(CC) --version 2>/dev/null | head -n 1)
$(CFLAGS) $(EARLY_CFLAGS)
$(SMALL) $(FAST) $(HOT)
$(early-all) $(objs-all)
$(HOST_CFLAGS) $(TEST_CFLAGS) $(SANITIZE) $(COUNT) $(WATCHED) $(FUZZ_CFLAGS)
$(shell $(HOSTCC) --version 2>/dev/null | head -n 1)
endef
$(B)/compiler: FORCE
	@mkdir -p $(@D)
	$(file >$@.$(NEW),$(compiler_text))
	@cmp -s $@.$(NEW) $@ && rm $@.$(NEW) || mv $@.$(NEW) $@

$(B)/fw/%.o: %.c $(B)/compiler
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(OPTIMIZE) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/fw/%.o: %.S $(B)/compiler
	@mkdir -p $(@D)
	@echo "  AS      $<"
	@$(CC) $(ISA) -g -I. -MMD -MP -c -o $@ $<

# No absolute relocation in early code: it runs before the addresses that it was linked for mean
# anything. __image_size is a number, not an address.
$(B)/early.checked: $(early-all)
	@bad=$$($(READELF) -rW $^ | awk '/^Relocation section/ {skip = /debug|eh_frame/} \
		!skip && /R_RISCV_(64|32|HI20|LO12_[IS]|GOT_HI20|TPREL)/ && !/__image_size/'); \
	if [ -n "$$bad" ]; then echo "absolute relocations in early code:"; echo "$$bad"; exit 1; fi
	@touch $@

# Which tests are kept; --gc-sections takes away what only the others use.
LINKER_SCRIPT := $(if $(SUITES),$(B)/suites.ld,linker/hotwalk.ld)
$(B)/suites.ld: linker/hotwalk.ld FORCE
	@mkdir -p $(@D)
	@sed 's/KEEP(\*(SORT(\.tests\.\*)))/$(foreach s,$(sort $(SUITES)),KEEP(*(SORT(.tests.$(s).*))))/' $< >$@.$(NEW)
	@cmp -s $@.$(NEW) $@ && rm $@.$(NEW) || mv $@.$(NEW) $@

$(ELF): $(early-all) $(objs-all) $(B)/early.checked $(B)/compiler $(LINKER_SCRIPT)
	@echo "  LD      $@"
	@$(CC) $(ISA) -nostdlib -nostartfiles -static -Wl,--gc-sections -Wl,--defsym=LOAD_ADDR=$(LOAD_ADDR) \
		-Wl,-T,$(LINKER_SCRIPT) -Wl,-Map,$(@:.elf=.map) -Wl,-n -Wl,--no-warn-rwx-segments -o $@ \
		$(early-all) $(objs-all) -Wl,--start-group $(LIBFDT_LIB) $(NEWLIB_LIB) -lgcc -Wl,--end-group
	@for s in $(SUITES); do $(CROSS_COMPILE)nm $@ | grep -q " desc_$${s}_" || \
		{ echo "SUITES: there is no suite $$s"; exit 1; }; done
	@$(OBJDUMP) -d -S $@ > $(@:.elf=.lst)

$(BIN): $(ELF)
	@$(OBJCOPY) -O binary --remove-section=.bss $< $@

# Written anew only when it says something else.
$(B)/version.h: FORCE
	@mkdir -p $(@D)
	@{ echo '/* Generated by make. */'; echo '#define HOTWALK_VERSION "$(VERSION)"'; \
	echo "#define HOTWALK_GIT \"$$(git describe --always --dirty --abbrev=7 2>/dev/null || echo none)\""; \
	} > $@.$(NEW); cmp -s $@.$(NEW) $@ && rm $@.$(NEW) || mv $@.$(NEW) $@
$(B)/fw/tests/banner.o: $(B)/version.h

all: $(BIN) ## build the firmware: build/hotwalk.elf, build/hotwalk.bin (Image)

# ---- programs of the host

HOST_CFLAGS := -std=gnu11 -O2 -g $(WARNINGS) -D_GNU_SOURCE -I.
vmemd-objs-y :=
run-objs-y :=
device-objs-y :=
include host/objects.mk
include device/objects.mk

$(B)/host/%.o: %.c $(B)/compiler
	@mkdir -p $(@D)
	@echo "  HOSTCC  $<"
	@$(HOSTCC) $(HOST_CFLAGS) -MMD -MP -c -o $@ $<

VMEMD := $(B)/hotwalk-vmemd
RUNNER := $(B)/hotwalk-run

$(VMEMD): $(addprefix $(B)/host/host/,$(vmemd-objs-y)) $(addprefix $(B)/host/device/,$(device-objs-y))
	@$(HOSTCC) -o $@ $^
$(RUNNER): $(addprefix $(B)/host/host/,$(run-objs-y))
	@$(HOSTCC) -o $@ $^ -lm

# The emulator needs libfdt's source, compiled for the host.
sim-core-objs-y :=
sim-objs-y :=
include host/sim/objects.mk
SIM := $(B)/hotwalk-sim
SIM_FDT := $(patsubst $(LIBFDT_SOURCE)/%.c,$(B)/host/fdt/%.o,$(if $(LIBFDT_SOURCE),$(wildcard $(LIBFDT_SOURCE)/fdt*.c)))

$(B)/host/host/sim/%.o: HOST_CFLAGS += -O3 -fno-strict-aliasing $(if $(LIBFDT_SOURCE),-isystem $(LIBFDT_SOURCE))
$(B)/host/fdt/%.o: $(LIBFDT_SOURCE)/%.c $(B)/compiler
	@mkdir -p $(@D)
	@$(HOSTCC) -O2 -I$(LIBFDT_SOURCE) -c -o $@ $<
$(SIM): $(addprefix $(B)/host/host/sim/,$(sim-objs-y)) $(SIM_FDT)
	@$(if $(LIBFDT_SOURCE),,echo "hotwalk-sim needs libfdt's source: LIBFDT_DIR=DIR"; exit 1)
	@echo "  HOSTLD  $@"
	@$(HOSTCC) -o $@ $^

sim: $(SIM) ## build the emulator that hides nothing: build/hotwalk-sim

# ---- tests of the host: each test_*.c is a program that prints TAP, made with sanitizers

TEST_CFLAGS := $(filter-out -O2,$(HOST_CFLAGS)) $(if $(LIBFDT_SOURCE),-isystem $(LIBFDT_SOURCE))
SANITIZE := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
# Counters of lines; the scenarios that end with _exit() write theirs themselves (arch_sim_rig.c).
COUNT := -O0 --coverage
COUNT_LINK := $(COUNT) -Wl,-u,__gcov_dump
T := $(B)/test
COV := $(B)/cov
# Each access to memory is a call of tests/host/weave_race.c; the compiler's own library is not linked.
WEAVE := $(B)/weave
WEAVE_FLAGS := -O1 -fsanitize=undefined -fno-sanitize-recover=all
WATCHED := -fsanitize=thread $(foreach f,memcpy memmove memset,-D$(f)=weave_$(f))
vmem-srcs := $(addprefix platform/,virtio_mem.c virtio_mem_blocks.c virtio_mem_start.c virtio_mem_request.c virtio_mem_config.c virtio.c virtio_mmio.c virtio_wait.c virtq.c) mm/fault.c
device-srcs := $(patsubst %.o,device/%.c,$(device-objs-y))
machine-srcs := $(wildcard firmware/machine*.c tests/host/trees/*.c)
fdt-names := $(if $(LIBFDT_SOURCE),$(notdir $(wildcard $(LIBFDT_SOURCE)/fdt*.c)))
fdt-objs := $(fdt-names:%.c=$(T)/fdt/%.o)

# What a test links beside itself, by its name: the longest prefix wins.
srcs-test_args := firmware/args.c
srcs-test_deferred := mm/deferred.c mm/fault.c
srcs-test_rwlock := firmware/rwlock.c firmware/lock_order.c
srcs-test_machine := $(machine-srcs)
srcs-test_machine_probe := $(machine-srcs) $(wildcard firmware/ramprobe*.c)
srcs-test_device := $(device-srcs)
srcs-test_vmem_driver := $(vmem-srcs) $(device-srcs)
srcs-test_vmem_driver_builtin := $(vmem-srcs) $(device-srcs) $(addprefix platform/,builtin.c mmio_trap.c mmio_insn.c scribble.c)
srcs-test_pci := $(addprefix platform/,pci.c pci_bar.c pci_msix.c virtio_pci.c) mm/fault.c
srcs-test_intc := $(addprefix platform/,intc.c plic.c aplic.c) mm/fault.c
srcs-test_mm := $(patsubst %.o,mm/%.c,$(filter-out io.o dma.o,$(mm-objs))) $(addprefix firmware/,err.c lock_order.c rwlock.c) $(wildcard tests/host/arch_sim*.c)
srcs-test_scenario := $(srcs-test_mm) $(wildcard tests/host/scenario*.c)
# What is freed is logged: see tests/host/scenario_log.h.
ldflags-test_scenario := $(foreach f,ptpage_free frame_free frame_free_range,-Wl,--wrap=$(f))
srcs-test_sim := $(patsubst %.o,host/sim/%.c,$(sim-core-objs-y)) $(wildcard tests/host/sim_*.c)
srcs-test_mm_model_every := $(wildcard mm/model*.c tests/host/every_*.c) mm/fault.c
srcs-test_mm_weave := $(srcs-test_mm) $(wildcard tests/host/weave*.c)
srcs-test_resizes := $(srcs-test_mm) $(wildcard tests/host/resizes*.c) mm/dma.c $(addprefix platform/,plug.c follow.c) $(vmem-srcs) $(device-srcs)

host-tests := $(patsubst tests/host/%.c,%,$(wildcard tests/host/test_*.c))
ifeq ($(LIBFDT_SOURCE),)
host-tests := $(filter-out test_machine%,$(host-tests))
endif
weave-tests := $(filter test_mm_weave%,$(host-tests))
host-tests := $(filter-out $(weave-tests),$(host-tests))
longest = $(lastword $(sort $(foreach n,$(patsubst srcs-%,%,$(filter srcs-%,$(.VARIABLES))),$(if $(filter $(n)%,$(1)),$(n)))))

# The same programs, in folders of their own: with sanitizers, and with counters.
# $(call test_tree,FOLDER,COMPILER,FLAGS)
define test_tree
$(1)/obj/%.o: %.c $(B)/compiler
	@mkdir -p $$(@D)
	@$(2) $$(TEST_CFLAGS) $(3) -MMD -MP -c -o $$@ $$<
# Not ours: no warnings asked for, and no counters.
$(1)/fdt/%.o: $(LIBFDT_SOURCE)/%.c $(B)/compiler
	@mkdir -p $$(@D)
	@$(2) -g $(filter-out --coverage,$(3)) -I$(LIBFDT_SOURCE) -c -o $$@ $$<
endef
$(eval $(call test_tree,$(T),$(HOSTCC),$(SANITIZE)))
$(eval $(call test_tree,$(COV),$(HOSTCC),$(COUNT)))
$(eval $(call test_tree,$(WEAVE),$(HOSTCC),$(WEAVE_FLAGS)))
$(WEAVE)/obj/mm/%.o $(WEAVE)/obj/firmware/rwlock.o: TEST_CFLAGS += $(WATCHED)

define host_test
$(1)/$(2): $(1)/obj/tests/host/$(2).o $(patsubst %.c,$(1)/obj/%.o,$(srcs-$(call longest,$(2)))) $(if $(filter test_machine%,$(2)),$(fdt-names:%.c=$(1)/fdt/%.o))
	@echo "  HOSTLD  $$@"
	@$(HOSTCC) $(3) $(ldflags-$(call longest,$(2))) -o $$@ $$^
endef
$(foreach t,$(host-tests),$(eval $(call host_test,$(T),$(t),$(SANITIZE))))
$(foreach t,$(host-tests),$(eval $(call host_test,$(COV),$(t),$(COUNT_LINK))))
$(foreach t,$(weave-tests),$(eval $(call host_test,$(WEAVE),$(t),$(WEAVE_FLAGS))))

host-test-programs := $(addprefix $(T)/,$(host-tests)) $(addprefix $(WEAVE)/,$(weave-tests))
# Needs libfdt's source as the tree reader's tests do.
FDT_TOOLS := $(if $(LIBFDT_SOURCE),$(T)/fdt_edit $(T)/fdt_read $(T)/fdt_board)
$(T)/fdt_edit: $(T)/obj/tests/host/fdt_edit.o $(fdt-objs)
	@$(HOSTCC) $(SANITIZE) -o $@ $^
$(T)/fdt_read $(T)/fdt_board: $(T)/%: $(T)/obj/tests/host/%.o $(patsubst %.c,$(T)/obj/%.o,$(machine-srcs)) $(fdt-objs)
	@$(HOSTCC) $(SANITIZE) -o $@ $^

include fuzz.mk

check-programs: $(BIN) $(VMEMD) $(RUNNER) $(if $(LIBFDT_SOURCE),$(SIM)) $(host-test-programs) $(FDT_TOOLS) $(FUZZ_PROGRAMS) $(COV_PROGRAMS) check-format check-headers

# On all processors, unless -j says otherwise: building takes a fifth of it all.
check: ## all tests; ends with "N passed, N failed"
	@$(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc)) check-programs
	@$(if $(LIBFDT_SOURCE),,echo "check: libfdt's source is not here: the tests of the tree reader are left out")
	@ci/check.pl $(sort $(host-test-programs)) tests/host/run.t tests/host/compare.t tests/fuzz/fuzz.t tests/host/coverage.t ci/firmware.t ci/start.t ci/machine.t ci/machines.t ci/sim.t ci/rtl.t ci/trees.t ci/seeds.t

# Each header compiles alone, and no error that a function of ours returns may be left unread.
headers := $(wildcard firmware/*.h mm/*.h platform/*.h device/*.h tests/*.h tests/mmu/*.h tests/actors/*.h)
check-headers: $(B)/version.h
	@! grep -nE '^(static inline )?enum err [a-z_0-9]+\(' $(headers) || { echo "check-headers: not must_check"; exit 1; }
	@for h in $(filter-out firmware/offsets.h tests/mmu/%_offsets.h,$(headers)); do \
		echo "#include \"$$h\"" | $(CC) $(CFLAGS) -fsyntax-only -x c - || exit 1; done

check-format: ## what clang-format would change, if it is installed
	@if command -v clang-format >/dev/null; then \
		clang-format --dry-run --Werror $$(git ls-files '*.c' '*.h'); \
	else echo "check-format: clang-format is not installed, skipped"; fi

format: ## format all C sources
	clang-format -i $$(git ls-files '*.c' '*.h')

# ---- running

include qemu.mk
include image.mk

floor: $(BIN) $(VMEMD) $(RUNNER) $(B)/floor.bin ## what a whole run costs beside QEMU and OpenSBI alone
	@ci/floor.sh

harts: $(B)/harts.bin $(RUNNER) ## whether the SBI firmware keeps harts that it starts: RUNS=10 SOCKETS=1, MACHINE= SMP= OPENSBI= THREAD=
	@RUNS='$(RUNS)' SOCKETS='$(SOCKETS)' MACHINE='$(MACHINE)' SMP='$(SMP)' OPENSBI='$(OPENSBI)' THREAD='$(THREAD)' ci/harts.sh

# Payloads of their own: one that exits at once (what QEMU and OpenSBI cost by themselves), one that
# only starts harts.
$(B)/floor.bin $(B)/harts.bin: $(B)/%.bin: ci/%.S $(B)/compiler
	@$(CC) $(ISA) -nostdlib -nostartfiles -static -Wl,-Ttext=$(LOAD_ADDR) -Wl,-n -o $(@:.bin=.elf) $<
	@$(OBJCOPY) -O binary $(@:.bin=.elf) $@

# For scripts: the command that `make run` with the same variables would start.
print-run: $(BIN) $(VMEMD) $(RUNNER)
	@echo "$(subst ",\",$(RUN_COMMAND))"

run: $(BIN) $(VMEMD) $(RUNNER) ## boot under QEMU, hot-add, check, hot-remove, check, verdict
	@$(RUN_COMMAND)

faults: $(BIN) $(VMEMD) $(RUNNER) $(if $(LIBFDT_SOURCE),$(SIM)) ## every seeded fault, and what finds it
	@ci/faults.pl

# The runs need the tools that edit trees.
check-machines: $(BIN) $(VMEMD) $(RUNNER) $(FDT_TOOLS) $(if $(LIBFDT_SOURCE),$(SIM)) ## every machine, CPU, mode and OpenSBI in reach, as a table
	@ci/machines.pl

SEEDS ?= 200
seeds: $(BIN) $(VMEMD) $(RUNNER) ## all tests on SEEDS=200 machines drawn at random of each kind (KIND=machine, memory)
	@SEEDS=$(SEEDS) prove -v ci/seeds.t

include sim.mk

run-sim: $(BIN) $(SIM) $(RUNNER) ## the same under hotwalk-sim
	@$(SIM_COMMAND)

-include $(shell find $(B) -name '*.d' 2>/dev/null)
endif

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile image.mk fuzz.mk | expand -t 24

clean: ## remove build/ (the cache of fetched tools stays)
	rm -rf $(B)

FORCE:
.PHONY: FORCE all run faults check-machines seeds sim run-sim check check-programs check-format check-headers format floor harts print-run help clean
