#!/usr/bin/env perl
# SPDX-License-Identifier: BSD-2-Clause
# Runs the firmware on every machine of ci/Machines.pm and prints what it met there, a line each. Run by
# `make check-machines`; MACHINES=REGEX picks some. Fails if any is not as it has to be.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Machines;
use Time::HiRes 'time';

$| = 1;
my $only = $ENV{MACHINES} // '.';
my @picked = grep { $_->{name} =~ /$only/ } @machines;
my $failed = 0;

die "MACHINES=$only: no machine has such a name\n" if !@picked;
my $row = "%-24s %-28s %-22s %-6s %-5s %-7s %-11s %-11s %-7s %-40s %s\n";
printf $row, 'name', 'machine', 'CPU', 'mode', 'harts', 'OpenSBI', 'RAM from', 'image at', 'irq', 'result', 'seconds';
for my $m (@picked) {
	my $start = time;
	my ($wrong, $got, $out) = machine_run($m);
	my $cpu = length $m->{cpu} > 22 ? substr($m->{cpu}, 0, 19) . '...' : $m->{cpu} || 'its own';
	printf $row, $m->{name}, $m->{machine}, $cpu, (map { $got->{$_} // '-' } qw(mode harts sbi base image wire result)), sprintf '%.1f', time - $start;
	next if !@$wrong;
	$failed++;
	print "  not as it has to be: ", join('; ', @$wrong), "\n";
	print map { "  $_\n" } grep { /^(?:not ok|hotwalk|# probe|# dt:|make:|qemu)/ } split /\n/, $out;
}
printf "%d machines, %d failed\n", scalar @picked, $failed;
exit($failed ? 1 : 0);
