#!/usr/bin/env perl
# SPDX-License-Identifier: BSD-2-Clause
# test=rtl (docs/rtl.md) on the emulator, which repeats to the instruction: the first result comes within
# a million of them, in few characters, and the set still finds what it is there to find.
# Run by `make check`; alone: prove -v ci/rtl.t
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Rows;
use Test::More;

-x 'build/hotwalk-sim' or plan skip_all => 'no emulator: libfdt\'s source is not here';

# A simulator of RTL has small RAM; the bytes of the console are instructions too.
my @small = ('run-sim', 'MEM=64M', 'VMEM=builtin');
my $count = qr/^# insns: (\d+) from entry to first result$/m;

sub first_result
{
	my ($name, $at_most, @vars) = @_;
	my ($insns, $chars);
	row($name, 0, [@small, @vars], suites => [qw(boot table tlb asid satp svinval fetch hotplug)],
		like => [$count, qr/^hotwalk: DONE PASS (\d+)\/\1 blind 0 /m, qr/^ok 1 boot\.harts\r?$/m], check => sub {
		my $out = shift;
		($insns) = $out =~ $count;
		cmp_ok($insns // 'inf', '<', $at_most, "first result after $insns instructions");
		my ($ours) = $out =~ /^(hotwalk \d.*?^ok 1 [^\n]*\n)/ms;
		cmp_ok(length($ours // 'x' x 1000), '<', 200, 'in fewer than 200 characters');
	});
	return $insns;
}

my $once = first_result('rtl-one-hart', 1_000_000, 'SMP=1', 'ARGS=test=rtl');
my $again = first_result('rtl-again', 1_000_000, 'SMP=1', 'ARGS=test=rtl');
is($again, $once, 'the same count each time') if defined $once && defined $again;
first_result('rtl-two-harts', 1_000_000, 'SMP=2', 'ARGS=test=rtl');
first_result('rtl-sv39', 1_000_000, 'SMP=2', 'ARGS=test=rtl mode=sv39');
# What the mode leaves out is what makes the difference: without it the same check is red.
row('rtl-not-small', 0, [@small, 'SMP=1', 'ARGS=test=rtl prealloc=all'], suites => ['boot'], like => [$count], check => sub {
	my ($insns) = $_[0] =~ $count;
	cmp_ok($insns // 0, '>', 1_000_000, 'prealloc=all takes more than a million');
});

# ---- it can fail

row('rtl-no-shootdown', 1, [@small, 'SMP=2', 'ARGS=test=rtl inject=no-shootdown'],
	like => [qr/^not ok \d+ table\.live # found by probe,model/m, qr/^not ok \d+ hotplug\.block # found by probe,model/m]);
for (['fence-va-not-l2', 'tlb\.remap\.4k\.load'], ['fence-not-itlb', 'tlb\.remap\.4k\.fetch'], ['fence-asid-lost', 'asid\.remap\.4k\.load'],
	['satp-root-late', 'satp\.ppn\.4k\.load'], ['sinval-not-l2', 'svinval\.remap\.4k\.load'], ['rfence-nothing', 'rfence\.remap\.4k\.load']) {
	my ($fault, $test) = @$_;
	my $sbi = $fault =~ /^rfence-/ ? ' --sbi-rfence native' : '';
	row("rtl-$fault", 1, [@small, 'SMP=2', 'ARGS=test=rtl', "SIM_ARGS=--fault $fault$sbi"], like => [qr/^not ok \d+ $test # found by .*probe/m]);
}
done_testing();
