# SPDX-License-Identifier: BSD-2-Clause
objs-y += alias.o asid.o asid_global.o asid_tags.o encodings.o evict.o fences.o operands.o operands_insns.o ops.o protected.o
objs-y += quirks.o remote.o rfence.o scene.o seq.o seq_insns.o spaces.o stim.o tlb.o
