# SPDX-License-Identifier: BSD-2-Clause
objs-y += ad_gone.o ad_race.o ad_scheme.o ad_touch.o alias.o asid.o asid_global.o asid_tags.o bare.o bare_insns.o
objs-y += encodings.o evict.o fences.o fetch.o flight.o flight_insns.o flip.o freed.o hsm.o look.o
objs-y += many.o operands.o operands_insns.o ops.o protected.o quirks.o race.o race_insns.o range.o remote.o
objs-y += rfence.o rfence_mask.o rfence_once.o rfence_storm.o roots.o rounds.o satp_bare.o satp_rights.o satp_root.o scene.o
objs-y += seq.o seq_insns.o spaces.o stim.o stim_report.o storm.o stream.o svinval.o svnapot.o svnapot_bits.o svpbmt.o
objs-y += tlb.o trial.o
