# SPDX-License-Identifier: BSD-2-Clause
objs-y += fetch.o fences.o freed.o look.o many.o ops.o quirks.o race.o race_insns.o remote.o rfence.o roots.o scene.o seq.o seq_insns.o stim.o stream.o svinval.o svnapot.o svnapot_bits.o tlb.o
