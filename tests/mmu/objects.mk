# SPDX-License-Identifier: BSD-2-Clause
objs-y += ad_gone.o ad_race.o ad_scheme.o ad_touch.o alias.o asid.o asid_global.o asid_tags.o bare.o bare_insns.o
objs-y += encodings.o evict.o fences.o flight.o flight_insns.o flip.o hsm.o operands.o operands_insns.o ops.o
objs-y += protected.o quirks.o range.o remote.o rfence.o rfence_mask.o rfence_once.o rfence_storm.o rounds.o satp_bare.o
objs-y += satp_rights.o satp_root.o scene.o seq.o seq_insns.o spaces.o stim.o storm.o tlb.o
