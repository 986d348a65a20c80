#!/usr/bin/env perl
# SPDX-License-Identifier: BSD-2-Clause
# The firmware on machines drawn at random: QEMU's version, CPU, harts, thread mode, OpenSBI, and which
# suites; of two kinds, machine (the tests of the machine, without a device) and memory (those of
# hot-plug: device, blocks, mode, way of flushing as well). All of these machines are right, so every
# failure is a false alarm or a find. `make seeds` runs 200 of each; SEEDS=N sets how many, FIRST=N
# which comes first, KIND=machine or memory which kind alone.
# alone: SEEDS=20 FIRST=100 KIND=memory prove -v ci/seeds.t
use strict;
use warnings;
use Test::More;

use FindBin;
use lib $FindBin::Bin;
use Rows;

my @new_cpus = qw(max rv64 rva22s64 rva23s64 sifive-u54 thead-c906 veyron-v1);
my @old_cpus = qw(rv64 sifive-u54);
my @suites = qw(tlb rfence range hsm svinval svnapot svpbmt ad asid satp fetch race);
my $have_vhost = ($tool{QEMU_HAS_VHOST} // '') eq 'y';

# The same number draws the same machine everywhere: a generator of our own, not perl's.
my $state;
sub pick
{
	my @from = @_;
	$state = ($state * 1103515245 + 12345) % 2147483648;
	return $from[int($state / 65536) % @from];
}

# All suites would take half a minute each time; two thirds of the tests are in tlb and rfence.
sub machine_tests
{
	my %drawn = map { pick(@suites) => 1 } 1 .. 4;
	return join ',', map { "$_.*" } sort keys %drawn;
}

sub machine
{
	my $n = shift;
	my $old = ($tool{QEMU_OLD} // '') ne '' && pick(0, 1, 2, 3) == 0;
	my $cpu = $old ? pick(@old_cpus) : pick(@new_cpus);
	my $sbi = pick(split ' ', $tool{OPENSBI_ALL});
	my @vars = ("CPU=$cpu", 'SMP=' . pick(1, 2, 2, 4, 8), 'THREAD=' . pick(qw(multi multi single)),
		"OPENSBI=$sbi", 'MEM=' . pick(qw(128M 256M 3G)), 'VMEM=none', 'TIMEOUT=600',
		'ARGS=test=' . ($ENV{TESTS} // machine_tests()) . " seed=$n model=" . pick(qw(on off)) .
			' flush=' . pick(qw(auto ipi)) . ' timeout=400');
	push @vars, "QEMU=$tool{QEMU_OLD}" if $old;
	return @vars;
}

# hotplug.cycles and storm take most of the time of a run, and say so when they make fewer steps.
my @memory_tests = qw(hotplug.* vmem.* table.* torture.* torture.*);
sub memory_tests
{
	my %drawn = map { pick(@memory_tests) => 1 } 1 .. 2;
	return join ',', 'boot.*', sort keys %drawn;
}

# The device in the blocks and sizes that it can be had in; regions are multiples of blocks.
sub device
{
	my $old = shift;
	if ($old || !$have_vhost || pick(0, 1) == 0) {
		my $block = pick(qw(4K 64K 2M 2M 2M 8M));
		return ('VMEM=builtin', 'MEM=' . pick(qw(256M 1G)), "vmem.block=$block vmem.size=" . pick(qw(32M 64M 128M)));
	}
	my $devices = pick(1, 1, 2);
	return ('VMEM=vhost', 'MEM=' . pick(qw(128M 256M 3G)), "VMEM_DEVICES=$devices",
		'VMEM_BLOCK=' . pick(qw(2M 2M 4M 16M)), $devices == 2 ? () : 'VMEM_SIZE=' . pick(qw(128M 512M 1G)), '');
}

sub memory
{
	my $n = shift;
	my $old = ($tool{QEMU_OLD} // '') ne '' && pick(0, 1, 2, 3) == 0;
	my $cpu = $old ? 'rv64' : pick('rv64', 'max', 'rv64,svinval=true');
	my $sbi = pick(split ' ', $tool{OPENSBI_ALL});
	my @device = device($old);
	my $args = pop @device;
	my $thread = pick(qw(multi multi multi single));
	my $flush = pick('auto', 'ipi', 'sbi', $cpu =~ /svinval/ ? 'svinval' : 'ipi');
	# Where harts share a thread OpenSBI spins for 100 ms a remote fence.
	$flush = 'ipi' if $thread eq 'single';
	my @vars = ("CPU=$cpu", 'SMP=' . pick(1, 2, 4, 4, 8), "THREAD=$thread", "OPENSBI=$sbi", @device, 'TIMEOUT=600',
		'ARGS=test=' . ($ENV{TESTS} // memory_tests()) . " seed=$n mode=" . pick(qw(sv39 sv48 sv57)) .
			" flush=$flush timeout=400 $args");
	push @vars, "QEMU=$tool{QEMU_OLD}" if $old;
	return @vars;
}

sub one
{
	my ($kind, $n) = @_;
	$state = $n * 2654435761 % 2147483648;
	pick(0, 1) for 1 .. 4;
	my @vars = $kind eq 'memory' ? memory($n) : machine($n);
	my (undef, $out) = run_make("seed-$kind-$n", @vars);
	my ($done) = $out =~ /^hotwalk: DONE (.*)$/m;
	my $good = ($done // '') =~ /^PASS [1-9]/ && $out !~ /^# (?:daemon\d: )?oracle: (?:FAIL|blind)/m;
	# Paths of this machine are of no use to anybody.
	my $say = join ' ', map { s{/\S*/(opensbi-[\d.]+)\S*|/\S*/}{$1 // ''}er } @vars;
	return if ok($good, "$kind $n: $say: " . ($done // 'no verdict'));
	diag("repeat with: KIND=$kind FIRST=$n SEEDS=1 prove -v ci/seeds.t");
	diag($_) for grep { /^(?:not ok|# (?:probe|behind|check|clause|model|accounts|torture|  part|oracle))/ } split /\n/, $out;
}

my $first = $ENV{FIRST} // 1;
my $count = $ENV{SEEDS} // 3;
for my $kind (defined $ENV{KIND} ? $ENV{KIND} : qw(machine memory)) {
	one($kind, $_) for $first .. $first + $count - 1;
}
done_testing();
