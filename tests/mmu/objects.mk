# SPDX-License-Identifier: BSD-2-Clause
objs-y += alias.o encodings.o evict.o fences.o operands.o operands_insns.o ops.o protected.o quirks.o remote.o rfence.o scene.o seq.o seq_insns.o
objs-y += stim.o tlb.o
objs-y += fences.o flip.o hsm.o ops.o quirks.o range.o remote.o rfence.o rfence_mask.o rfence_once.o rfence_storm.o rounds.o scene.o seq.o seq_insns.o stim.o storm.o tlb.o
