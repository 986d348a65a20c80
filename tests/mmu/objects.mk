# SPDX-License-Identifier: BSD-2-Clause
objs-y += alias.o encodings.o evict.o fences.o flip.o hsm.o operands.o operands_insns.o ops.o protected.o
objs-y += quirks.o range.o remote.o rfence.o rfence_mask.o rfence_once.o rfence_storm.o rounds.o scene.o seq.o
objs-y += seq_insns.o stim.o storm.o tlb.o
