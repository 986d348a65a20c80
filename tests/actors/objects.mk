# SPDX-License-Identifier: BSD-2-Clause
objs-y += cast.o
objs-y += locks.o
objs-y += dump.o
objs-y += attr.o memtype.o pieces.o
objs-y += hvo.o
objs-y += memmap.o dax.o
objs-y += device.o zone_device.o pmem.o
objs-y += dimm.o numa.o mappable.o
objs-y += apply.o deferred.o promote.o views.o vmap.o
objs-y += asan.o instrumented.o kasan.o pgd.o
# Each access asks first, by a call (tests/actors/asan.c).
$(B)/fw/tests/actors/instrumented.o: CFLAGS += -fsanitize=kernel-address --param asan-instrumentation-with-call-threshold=0 --param asan-stack=0 --param asan-globals=0
