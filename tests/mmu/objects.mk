# SPDX-License-Identifier: BSD-2-Clause
objs-y += alias.o encodings.o evict.o fences.o operands.o operands_insns.o ops.o protected.o quirks.o remote.o rfence.o scene.o seq.o seq_insns.o
objs-y += stim.o tlb.o
objs-y += asid.o asid_global.o asid_tags.o spaces.o
objs-y += bare.o bare_insns.o flight.o flight_insns.o satp_bare.o satp_rights.o satp_root.o
objs-y += ad_gone.o ad_race.o ad_scheme.o ad_touch.o
