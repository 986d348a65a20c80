#!/usr/bin/env perl
# SPDX-License-Identifier: BSD-2-Clause
# Commits every seeded fault that the firmware knows (inject=), one a run, with the tests that have to
# find it (ci/Faults.pm), and prints what found it. Run by `make faults`; FAULTS=REGEX picks some.
# Fails if nothing finds a fault, or not what should, or if too few are found without the model.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Rows;
use Faults;
use Time::HiRes 'time';

$| = 1;
my $least_without_model = 20;

my @names = fault_names();
my (@wrong, @left_out);
push @wrong, 'the firmware does not list its faults' if !@names;
my %known = map { $_ => 1 } @names;
push @wrong, map { "$_: not in ci/Faults.pm" } grep { !$fault{$_} } @names;
push @wrong, map { "$_: the firmware does not know it" } grep { !$known{$_} } sort keys %fault;
my $only = $ENV{FAULTS} // '.';

printf "%-21s %-8s %-33s %-40s %s\n", 'fault', 'machine', 'found by', 'first test', 'seconds';
my ($found, $without_model) = (0, 0);
my @picked = grep { $fault{$_} && /$only/ } @names;
push @wrong, "FAULTS=$only: no fault has such a name" if @names && !@picked;
for my $f (@picked) {
	my $sim = defined $fault{$f}{sim};
	if (($sim && !-x 'build/hotwalk-sim') || ($fault{$f}{vhost} && ($tool{QEMU_HAS_VHOST} // '') ne 'y')) {
		push @left_out, $f;
		next;
	}
	my ($vars, $like) = fault_run($f);
	my $start = time;
	my ($status, $out) = run_make("fault-$f", @$vars);
	my $seconds = time - $start;
	# In the order in which tests say it. A trap or a deadline is evidence too.
	my %by;
	$by{$_} = 1 for map { split /,/ } $out =~ /^not ok \d+ \S+ # found by (\S+)/mg;
	$by{deadline} = 1 if $out =~ /^not ok \d+ \S+ # TIMEOUT/m;
	$by{trap} = 1 if $out =~ /^not ok \d+ \S+ # ERROR/m;
	$by{oracle} = 1 if $out =~ /^# (?:daemon\d: )?oracle: FAIL/m;
	my ($first) = $out =~ /^not ok \d+ (\S+)/m;
	my @by = grep { $by{$_} } qw(probe model accounts check deadline trap oracle);
	printf "%-21s %-8s %-33s %-40s %.1f\n", $f, $sim ? 'emulator' : 'QEMU', @by ? join(',', @by) : '-', $first // '-', $seconds;
	if ($status ne '1' || !@by) {
		push @wrong, "$f: nothing finds it (status $status)";
		next;
	}
	$found++;
	$without_model++ if grep { $_ ne 'model' } @by;
	push @wrong, map { "$f: does not print $_" } grep { $out !~ $_ } @$like;
}
print "not run, for want of the emulator, or of a QEMU with a vhost-user device: @left_out\n" if @left_out;
printf "%d faults found, %d of them also without the model\n", $found, $without_model;
push @wrong, "fewer than $least_without_model are found without the model"
	if !defined $ENV{FAULTS} && $without_model < $least_without_model;
print "$_\n" for @wrong;
exit(@wrong ? 1 : 0);
