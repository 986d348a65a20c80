#!/usr/bin/env perl
# SPDX-License-Identifier: BSD-2-Clause
# The tests of the machine under QEMU: other CPUs, harts and versions have to be right and the
# controls have to see what they see there; fences that misbehave on request (inject=) have to be
# found. Run by `make check`; alone: ROWS=REGEX prove ci/machine.t
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Rows;
use Faults;
use Test::More;

my $pass = qr/^hotwalk: DONE PASS /m;

# ---- right machines

# One kind of access where the others say no more, and every kind of fence.
my $short = 'tlb.remap.*,tlb.unmap.*.load,tlb.walk.*.load,tlb.canonical,tlb.encodings,tlb.protected.*,rfence.remap.4k.*,rfence.mask*.load,' .
	'range.*.load,hsm.*.load,svinval.remap.*,svnapot.*.load,svpbmt.*.load,ad.*,asid.tags.*,satp.*.load,fetch.*,race.*.load';
my @with = qw(tlb rfence range hsm ad satp fetch race);

row('machine-max-8', 0, ['CPU=max', 'SMP=8', 'VMEM=none', "ARGS=test=$short"], like => [$pass], suites => \@with);
row('machine-one-hart', 0, ['CPU=max', 'SMP=1', 'VMEM=none', "ARGS=test=$short"], like => [$pass], suites => [qw(tlb ad satp race)]);
row('machine-extensions', 0, ['CPU=rv64,svinval=true,svnapot=true,svpbmt=true', 'SMP=2', 'VMEM=none', 'ARGS=test=svinval.*,svnapot.*,svpbmt.* mode=sv57'],
	like => [$pass], suites => [qw(svinval svnapot svpbmt)]);
# Fewer ASIDs than there are, and none.
row('machine-asid-3', 0, ['SMP=2', 'VMEM=none', 'ARGS=test=asid.*.load,satp.root.*.load asid=3'], suites => ['asid'],
	like => [$pass, qr/^# asid=3: no more bits of ASID are used$/m]);
row('machine-asid-0', 0, ['CPU=rv64,svinval=true', 'SMP=2', 'VMEM=none', 'ARGS=test=asid.remap.4k.load,svinval.other_asid,tlb.remap.4k.load asid=0'], suites => [],
	like => [$pass, map { qr/^ok \d+ $_ # SKIP asid=0: no ASID but 0 is used$/m } qw(asid.remap.4k.load svinval.other_asid)]);
# What firmware claims and does not switch on is not used: the emulator's own SBI leaves menvcfg.PBMTE off.
row('machine-types-claimed', 0, ['run-sim', 'SMP=2', 'VMEM=none', 'SIM_ARGS=--sbi time,ipi,rfence,srst,dbcn', 'ARGS=test=boot.timer,boot.memory_types,svpbmt.encodings'],
	suites => ['boot'], like => [$pass, qr/^# svpbmt: claimed, but hart\d traps where an entry has PBMT=NC \(menvcfg\.PBMTE\): not used$/m,
		qr/^ok \d+ svpbmt\.encodings # SKIP Svpbmt is claimed, and entries with a memory type trap$/m]) if -x 'build/hotwalk-sim';
# Both ways to a timer interrupt, and one alone.
my $came = 'an interrupt came to 2 harts by';
row('machine-timer', 0, ['SMP=2', 'VMEM=none', 'ARGS=test=boot.timer'], suites => ['boot'],
	like => [$pass, qr/^# timer: $came SBI TIME,/m, qr/^# timer: $came stimecmp,/m, qr/^# in use: timer by stimecmp;/m]);
row('machine-timer-sbi', 0, ['SMP=2', 'VMEM=none', 'ARGS=test=boot.timer ext=-sstc'], suites => ['boot'],
	like => [$pass, qr/^# timer: $came SBI TIME,/m, qr/^# in use: timer by SBI TIME;/m], unlike => [qr/by stimecmp/]);
# FWFT: accesses go by what it set, and without it none of its tests runs.
row('machine-fwft', 0, ['CPU=rv64,svade=true', 'SMP=2', 'VMEM=none', 'ARGS=test=ad.fwft.*,ad.touch.4k.load'], suites => ['ad'],
	like => [$pass, qr/^# fwft: PTE_AD_HW_UPDATING was [01] on hart0; set to 0 and 1 on 2 harts, and back$/m]);
row('machine-fwft-off', 0, ['CPU=rv64,svade=true', 'SMP=2', 'VMEM=none', 'ARGS=test=ad.fwft.*,ad.touch.4k.load ext=-fwft'], suites => ['ad'],
	like => [$pass, qr/^ok \d+ ad\.fwft\.4k\.load # SKIP ext=-fwft: FWFT is not called$/m]);
row('machine-single-thread', 0, ['THREAD=single', 'SMP=2', 'VMEM=none', "ARGS=test=$short"], like => [$pass], suites => \@with);
row("machine-$_", 0, ["CPU=$_", 'SMP=2', 'VMEM=none', "ARGS=test=$short"], like => [$pass], suites => \@with)
	for qw(rva22s64 sifive-u54 thead-c906 veyron-v1);
row('machine-old-qemu', 0, ["QEMU=$tool{QEMU_OLD}", "OPENSBI=$tool{OPENSBI_OLD}", 'CPU=sifive-u54', 'SMP=2', 'VMEM=none', "ARGS=test=$short"],
	like => [$pass], suites => \@with) if $tool{QEMU_OLD} && $tool{OPENSBI_OLD};

# What QEMU's TLB shows: every leaf, local and remote; no table pointer, no invalid entry, no ASID.
row('machine-sees', 0, ['SMP=2', 'VMEM=none', 'ARGS=test=tlb.remap.4k.*,tlb.unmap.*,tlb.protect.*,rfence.remap.4k.*,rfence.unmap.1g.*,tlb.walk.2m.*,tlb.make.4k.*,asid.remap.4k.*'],
	suites => [], like => [$pass, (map { qr/^ok \d+ $_$/m } qw(tlb.remap.4k.load tlb.remap.4k.store tlb.remap.4k.fetch tlb.unmap.2m.fetch
		tlb.unmap.1g.store tlb.protect.1g.load rfence.remap.4k.fetch rfence.unmap.1g.load)),
		(map { qr/^ok \d+ $_ # SKIP blind/m } qw(tlb.walk.2m.load tlb.make.4k.load asid.remap.4k.load))]);

# ---- fences that misbehave: the tests that have to see it here

# `make faults` runs all of them.
for my $f (fault_sample('machine', 6)) {
	my ($vars, $like) = fault_run($f);
	row("machine-$f", 1, $vars, like => $like);
}

done_testing();
