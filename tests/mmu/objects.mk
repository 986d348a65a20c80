# SPDX-License-Identifier: BSD-2-Clause
objs-y += alias.o encodings.o evict.o fences.o fetch.o flip.o freed.o hsm.o look.o many.o operands.o operands_insns.o ops.o
objs-y += protected.o quirks.o race.o race_insns.o range.o remote.o rfence.o rfence_mask.o rfence_once.o rfence_storm.o roots.o
objs-y += rounds.o scene.o seq.o seq_insns.o stim.o storm.o stream.o svinval.o svnapot.o svnapot_bits.o tlb.o
