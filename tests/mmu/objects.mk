# SPDX-License-Identifier: BSD-2-Clause
objs-y += alias.o encodings.o evict.o fences.o fetch.o freed.o look.o many.o operands.o operands_insns.o ops.o protected.o quirks.o
objs-y += race.o race_insns.o remote.o rfence.o roots.o scene.o seq.o seq_insns.o stim.o stream.o svinval.o svnapot.o svnapot_bits.o tlb.o
