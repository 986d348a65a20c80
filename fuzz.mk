# SPDX-License-Identifier: BSD-2-Clause
# Fuzz targets, their corpora, and which lines of the sources the tests of the host reach.
# Included by Makefile; the tests themselves are tests/fuzz/fuzz.t and tests/host/coverage.t.

# What a target links beside itself. The tree reader's needs libfdt's source.
fuzz-srcs-args := firmware/args.c
fuzz-srcs-dt := tests/fuzz/fuzz_dt_build.c $(machine-srcs)
fuzz-srcs-device := tests/fuzz/fuzz_device_steps.c tests/fuzz/fuzz_device_model.c $(device-srcs)
fuzz-srcs-driver := platform/virtio_mem_revive.c $(vmem-srcs) $(device-srcs) firmware/err.c
fuzz-targets := args device driver $(if $(LIBFDT_SOURCE),dt)

# With libFuzzer where there is a clang that has it; as a replay of the corpus everywhere.
FUZZ_CC ?= clang
FUZZ_CFLAGS := -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
F := $(B)/fuzz
FUZZER_WORKS := $(if $(filter check check-programs fuzz $(F)/%,$(TOOL_GOALS)),$(shell mkdir -p $(F) && echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n); int \
	LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return n > 1 ? 0 * d[0] : 0; }' >$(F)/try.c && \
	$(FUZZ_CC) $(FUZZ_CFLAGS) -o $(F)/try $(F)/try.c >$(F)/try.log 2>&1 && echo y))
$(eval $(call test_tree,$(F),$(FUZZ_CC),$(FUZZ_CFLAGS)))

# $(call fuzz_link,FOLDER,PREFIX,COMPILER,FLAGS,TARGET,FURTHER SOURCES)
define fuzz_link
$(1)/$(2)$(5): $(patsubst %.c,$(1)/obj/%.o,tests/fuzz/fuzz_$(5).c $(fuzz-srcs-$(5)) $(6)) $(if $(filter dt,$(5)),$(fdt-names:%.c=$(1)/fdt/%.o))
	@echo "  HOSTLD  $$@"
	@$(3) $(4) -o $$@ $$^
# How it is made, for tests/fuzz/fuzz.t, which makes it anew with a mistake in one source.
	$$(file >$$@.how,$(3) $$(TEST_CFLAGS) $(4))$$(foreach o,$$^,$$(file >>$$@.how,$$(o)))
endef
$(foreach t,$(fuzz-targets),$(eval $(call fuzz_link,$(F),fuzz_,$(FUZZ_CC),$(FUZZ_CFLAGS),$(t),)))
$(foreach t,$(fuzz-targets),$(eval $(call fuzz_link,$(T),replay_,$(HOSTCC),$(SANITIZE),$(t),tests/fuzz/replay.c)))
$(foreach t,$(fuzz-targets),$(eval $(call fuzz_link,$(COV),replay_,$(HOSTCC),$(COUNT),$(t),tests/fuzz/replay.c)))

FUZZERS := $(if $(FUZZER_WORKS),$(fuzz-targets:%=$(F)/fuzz_%))
FUZZ_PROGRAMS := $(FUZZERS) $(fuzz-targets:%=$(T)/replay_%)
# Sources that no test links count as well, with every line of theirs.
# platform/imsic.c is left out: all that it does is instructions of RISC-V.
cov-objs := $(patsubst %.c,$(COV)/obj/%.o,$(filter-out platform/imsic.c,$(wildcard mm/*.c device/*.c platform/*.c $(if $(LIBFDT_SOURCE),firmware/machine*.c) firmware/args.c)))
COV_PROGRAMS := $(cov-objs) $(host-tests:%=$(COV)/%) $(fuzz-targets:%=$(COV)/replay_%)

# How often a run of `make fuzz` and of `make check` tries, and from where on: both repeat.
FUZZ_RUNS ?= 1000000
FUZZ_SEED ?= 1
fuzz-flags-args := -max_len=700 -dict=tests/fuzz/args.dict
fuzz-flags-dt := -max_len=3000
fuzz-flags-device := -max_len=400
fuzz-flags-driver := -max_len=300

fuzz: $(FUZZERS) ## fuzz targets, FUZZ_RUNS=1000000 inputs each from FUZZ_SEED=1 on; FUZZ_TARGETS=dt for one
	@$(if $(FUZZER_WORKS),,echo "fuzz: $(FUZZ_CC) makes no libFuzzer programs here, see $(F)/try.log"; exit 1)
	@$(foreach t,$(or $(FUZZ_TARGETS),$(fuzz-targets)),mkdir -p $(F)/corpus/$(t) && echo "fuzz_$(t): seed $(FUZZ_SEED)" && \
		$$(setarch -R true 2>/dev/null && echo setarch -R) $(F)/fuzz_$(t) -entropic=0 -seed=$(FUZZ_SEED) -runs=$(FUZZ_RUNS) -timeout=20 $(fuzz-flags-$(t)) \
		-artifact_prefix=$(F)/found-$(t)- $(F)/corpus/$(t) tests/fuzz/corpus/$(t) &&) true

# What `make fuzz` has found beyond the corpus, and no more of it than reaches further.
fuzz-corpus: $(FUZZERS) $(if $(LIBFDT_SOURCE),$(T)/seed_trees)
	@mkdir -p $(F)/corpus/dt && $(if $(LIBFDT_SOURCE),$(T)/seed_trees $(F)/corpus/dt,true)
	@$(foreach t,$(fuzz-targets),mkdir -p $(F)/corpus/$(t) $(F)/merged/$(t) && rm -f $(F)/merged/$(t)/* && \
		$(F)/fuzz_$(t) -set_cover_merge=1 $(if $(filter dt,$(t)),-use_counters=0) $(fuzz-flags-$(t)) $(F)/merged/$(t) \
		$(F)/corpus/$(t) tests/fuzz/corpus/$(t) 2>&1 | tail -n 1 && \
		rm -f tests/fuzz/corpus/$(t)/* && cp $(F)/merged/$(t)/* tests/fuzz/corpus/$(t) &&) true

$(T)/seed_trees: $(T)/obj/tests/fuzz/seed_trees.o $(patsubst %.c,$(T)/obj/%.o,$(machine-srcs)) $(fdt-objs)
	@$(HOSTCC) $(SANITIZE) -o $@ $^

coverage: $(COV_PROGRAMS) $(VMEMD) ## lines of mm/, device/ and the tree reader that the tests of the host reach
	@tests/host/coverage.t --table

.PHONY: fuzz fuzz-corpus coverage
