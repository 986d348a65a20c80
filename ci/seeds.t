#!/usr/bin/env perl
# SPDX-License-Identifier: BSD-2-Clause
# The tests of the machine on machines drawn at random: QEMU's version, CPU, harts, thread mode,
# OpenSBI, and which suites. All of these machines are right, so every failure is a false alarm
# or a find. `make seeds` runs 200 of them; SEEDS=N sets how many, FIRST=N which comes first.
# alone: SEEDS=20 FIRST=100 prove -v ci/seeds.t
use strict;
use warnings;
use Test::More;

use FindBin;
use lib $FindBin::Bin;
use Rows;

my @new_cpus = qw(max rv64 rva22s64 rva23s64 sifive-u54 thead-c906 veyron-v1);
my @old_cpus = qw(rv64 sifive-u54);
my @suites = qw(tlb rfence range hsm svinval svnapot ad asid satp fetch race);

# The same number draws the same machine everywhere: a generator of our own, not perl's.
my $state;
sub draw
{
	my @from = @_;
	$state = ($state * 1103515245 + 12345) % 2147483648;
	return $from[int($state / 65536) % @from];
}

# All suites would take half a minute each time; two thirds of the tests are in tlb and rfence.
sub tests
{
	return $ENV{TESTS} if defined $ENV{TESTS};
	my %drawn = map { draw(@suites) => 1 } 1 .. 4;
	return join ',', map { "$_.*" } sort keys %drawn;
}

sub machine
{
	my $n = shift;
	$state = $n * 2654435761 % 2147483648;
	draw(0, 1) for 1 .. 4;
	my $old = ($tool{QEMU_OLD} // '') ne '' && draw(0, 1, 2, 3) == 0;
	my $cpu = $old ? draw(@old_cpus) : draw(@new_cpus);
	my $sbi = draw(split ' ', $tool{OPENSBI_ALL});
	my @vars = ("CPU=$cpu", 'SMP=' . draw(1, 2, 2, 4, 8), 'THREAD=' . draw(qw(multi multi single)),
		"OPENSBI=$sbi", 'MEM=' . draw(qw(128M 256M 3G)), 'VMEM=none', 'TIMEOUT=600',
		'ARGS=test=' . tests() . " seed=$n model=" . draw(qw(on off)) .
			' flush=' . draw(qw(auto ipi)) . ' timeout=400');
	push @vars, "QEMU=$tool{QEMU_OLD}" if $old;
	return @vars;
}

my $first = $ENV{FIRST} // 1;
my $count = $ENV{SEEDS} // 3;
for my $n ($first .. $first + $count - 1) {
	my @vars = machine($n);
	my (undef, $out) = run_make("seed-$n", @vars);
	my ($done) = $out =~ /^hotwalk: DONE (.*)$/m;
	my $good = ($done // '') =~ /^PASS [1-9]/;
	# Paths of this machine are of no use to anybody.
	my $say = join ' ', map { s{/\S*/(opensbi-[\d.]+)\S*|/\S*/}{$1 // ''}er } @vars;
	next if ok($good, "$n: $say: " . ($done // 'no verdict'));
	diag("repeat with: FIRST=$n SEEDS=1 prove -v ci/seeds.t");
	diag($_) for grep { /^(?:not ok|# (?:probe|behind|check|clause|model|accounts))/ } split /\n/, $out;
}
done_testing();
