#!/usr/bin/env perl
# SPDX-License-Identifier: BSD-2-Clause
# The tests of the machine on the emulator (docs/sim.md): on a right machine that keeps all that it
# may they all pass and almost none is blind; each fault of hardware or SBI turns the tests red that
# look for it. `make check` runs a sample of the faults, drawn by SAMPLE_SEED; `make sim-faults` all of them.
# alone: FAULTS=REGEX prove -v ci/sim.t
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Rows;
use Test::More;

-x 'build/hotwalk-sim' or plan skip_all => 'no emulator: libfdt\'s source is not here';

my $machine = 'tlb.*,asid.*,satp.*,ad.*,svinval.*,svnapot.*,svpbmt.*,fetch.*,race.*,range.*,hsm.*,rfence.*';

# ---- a right machine

sub right
{
	my ($name, $blind_at_most, @vars) = @_;
	row($name, 0, ['run-sim', 'VMEM=none', @vars], suites => [], like => [qr/^hotwalk: DONE PASS /m], check => sub {
		my $out = shift;
		my ($saw, $all) = $out =~ /^# sensitivity: (\d+) of (\d+) platform checks/m;
		return cmp_ok(($all // 0) - ($saw // 0), '<=', $blind_at_most, "at most $blind_at_most blind of " . ($all // 'none'));
	});
}
if (!defined $ENV{FAULTS}) {
	# OpenSBI fences a hart on its way in and out, so a control of hsm.stop and hsm.suspend_off sees nothing.
	right('sim-two-harts', 4, 'SMP=2', "ARGS=test=$machine");
	right('sim-four-harts', 4, 'SMP=4', "ARGS=test=rfence.*,range.*,hsm.*,asid.remote.*,race.* mode=sv39",
		'SIM_ARGS=--tlb prefetch=50,splinter=30 --sbi-rfence native');
	right('sim-hotplug', 0, 'SMP=2', 'VMEM=builtin', 'ARGS=test=boot.*,table.*,hotplug.block,hotplug.all,hotplug.traps,tlb.remap.4k.load');
	# Linux's order of removal: every hart walks the dead table and reads its pages' new owner; in the safe one none.
	my $seen = sub { my ($order, $n, $hits) = @_; qr/^# order=$order: of 8 record pages $hits had .*; $n of 4 harts read .*, $n walked a dead table$/m };
	row('sim-order', 0, ['run-sim', 'SMP=4', 'VMEM=builtin', 'ARGS=test=hotplug.reused'], suites => ['hotplug'],
		like => [$seen->('safe', 0, 0), $seen->('linux', 4, 8), qr/^hotwalk: DONE PASS 1\/1 blind 0 /m]);
}

# ---- faults: which tests look for it; a third word is harts, a fourth more options

my %faults = (
	'fence-va-first-page' => ['tlb.remap.2m.*'],
	'fence-va-not-2m' => ['tlb.remap.2m.*'],
	'fence-va-not-1g' => ['tlb.unmap.1g.*'],
	'fence-va-not-512g' => ['tlb.unmap.512g.*'],
	'fence-va-napot-first' => ['svnapot.*'],
	'fence-va-not-l2' => ['tlb.remap.4k.*,tlb.evict.4k.*.384'],
	'fence-all-not-l2' => ['tlb.remap.4k.load'],
	'fence-all-l2-half' => ['tlb.remap.4k.load'],
	'fence-not-itlb' => ['tlb.remap.4k.fetch,fetch.*'],
	'fence-va-not-itlb' => ['tlb.remap.4k.fetch'],
	'fence-va-not-dtlb' => ['tlb.remap.4k.load'],
	'fence-va-one-match' => ['tlb.remap.*'],
	'fence-all-not-pointers' => ['tlb.walk.*'],
	'fence-all-not-upper' => ['tlb.walk.*'],
	'fence-all-not-lower' => ['tlb.walk.*'],
	'fence-all-keeps-global' => ['asid.global.*,table.live'],
	'fence-va-keeps-global' => ['asid.global.*'],
	'fence-va-current-asid' => ['asid.remap.*,asid.unmap.*'],
	'fence-all-current-asid' => ['asid.remap.*,asid.unmap.*'],
	'fence-asid-current' => ['asid.remap.*,asid.unmap.*'],
	'fence-asid-lost' => ['tlb.remap.4k.*'],
	'fence-va-low-half' => ['tlb.remap.4k.*'],
	'fence-va-32' => ['tlb.remap.4k.*'],
	'fence-x0-is-address' => ['tlb.remap.4k.*'],
	'fence-x0-is-asid' => ['tlb.remap.4k.*'],
	'fence-swapped' => ['tlb.remap.4k.*'],
	'fence-high-register' => ['tlb.rs*'],
	'fence-second-lost' => ['tlb.back_to_back'],
	'fence-m-mode-lost' => ['rfence.remap.4k.*'],
	'fence-va-not-invalid' => ['tlb.make.*'],
	'fence-not-invalid' => ['tlb.make.*'],
	'asid-ignored' => ['asid.tags.*'],
	'asid-short' => ['asid.tags.*'],
	'pwc-tag-bit' => ['tlb.va_bits,tlb.table_bits,tlb.walk.2m.*'],
	'pwc-global' => ['asid.sibling.*'],
	'pwc-no-asid' => ['asid.*'],
	'l2-asid-now' => ['asid.refill.*'],
	'refill-late' => ['race.cold.*,race.double.*,race.freed_table.*'],
	'napot-first' => ['svnapot.*'],
	'superpage-or' => ['tlb.encodings'],
	'superpage-mask' => ['tlb.encodings'],
	'pte-reserved' => ['svnapot.*'],
	'pte-n-reserved' => ['svnapot.*'],
	'pte-pbmt-reserved' => ['svpbmt.*'],
	'pte-w-only' => ['tlb.encodings'],
	'pte-invalid' => ['tlb.encodings'],
	'va-not-canonical' => ['tlb.canonical'],
	'pte-level0-pointer' => ['tlb.encodings'],
	'sum-stale' => ['satp.sum.*'],
	'mxr-stale' => ['satp.mxr.*'],
	'sum-fetch' => ['satp.user.*,satp.sum.*'],
	'sum-always' => ['satp.sum.*,satp.user.*'],
	'store-as-load' => ['ad.denied.*'],
	'fetch-unchecked' => ['ad.denied.*'],
	'a-unchecked' => ['ad.touch.*,ad.warm.*'],
	'd-unchecked' => ['ad.touch.*,ad.warm.*'],
	'ad-resurrects' => ['ad.gone.*', 2, '--ad hw'],
	'ad-wrong-entry' => ['ad.touch.*', 2, '--ad hw'],
	'ad-always' => ['ad.touch.*,ad.warm.*'],
	'satp-bare-late' => ['satp.bare.*'],
	'satp-asid-late' => ['satp.recycled.*,satp.ppn.*,satp.flight.*'],
	'satp-root-late' => ['satp.recycled.*,satp.ppn.*,satp.flight.*'],
	'satp-bad-mode' => ['satp.mode.*'],
	'satp-asid-wide' => ['asid.tags.*', 2, '--asid-bits 8'],
	'inval-ir-nothing' => ['svinval.many.*'],
	'sinval-last-only' => ['svinval.many.*'],
	'sinval-one-asid' => ['svinval.other_asid'],
	'sinval-not-l2' => ['svinval.remap.4k.*'],
	(map { ("rfence-$_" => ['rfence.remap.4k.*']) } qw(nothing odd highest self only-self base asid-nothing asid-zero
		vma-is-asid fence-i waiting first-page last-page size-all zero)),
	'rfence-base-all' => ['rfence.mask_all.*'],
	'rfence-size-16' => ['range.*'],
	'rfence-size-32' => ['range.4g.*,range.1t.*'],
	'rfence-limit' => ['range.4g.*,range.1t.*'],
	'rfence-late' => ['rfence.at_once.*,rfence.all_to_all.*'],
	'rfence-masked' => ['rfence.flood.*,rfence.storm.*'],
	'rfence-second' => ['rfence.flood.*,rfence.storm.*'],
	'rfence-merge' => ['rfence.flood.*,rfence.storm.*'],
	'rfence-suspended' => ['hsm.suspend.*'],
	'rfence-mask-32' => ['rfence.remap.4k.load', 36],
);
$faults{$_}[1] //= 4 for grep { /^(?:rfence|ipi|hsm)-/ } keys %faults;

# Nothing that S-mode must see (docs/sim.md), or the machine does not come as far as the tests.
my %left_out = map { $_ => 1 } qw(pte-pointer-bits rfence-unaligned user-in-s l1-tag-high l2-tag-bit l2-tag-high pwc-tag-high satp-mode-late
	ipi-highest hsm-start-lost hsm-opaque hsm-satp);

my @listed = map { /^(\S+)/ } `build/hotwalk-sim --list-faults`;
is_deeply([sort grep { !$faults{$_} && !$left_out{$_} } @listed], [], 'every fault of the emulator has a row here');

my @run = sort keys %faults;
if (defined $ENV{FAULTS}) {
	@run = grep { /$ENV{FAULTS}/ } @run;
} else {
	@run = draw(8, @run);
}
for my $f (@run) {
	my ($tests, $harts, $more) = @{$faults{$f}};
	my $sbi = $f =~ /^rfence-/ ? ' --sbi-rfence native' : '';
	row("sim-$f", 1, ['run-sim', 'VMEM=none', 'SMP=' . ($harts // 2), "ARGS=test=$tests",
		'SIM_ARGS=--fault ' . join(' ', $f, $more // '') . $sbi . ' --timeout-insns 8000000000'],
		like => [qr/^not ok \d+ \S+ # found by .*probe/m]);
}
done_testing();
