#!/usr/bin/env perl
# SPDX-License-Identifier: BSD-2-Clause
# Runs every TAP program of the project and closes with "N passed, N failed".
# usage: ci/check.pl PROGRAM... (run by `make check`)
use strict;
use warnings;
use TAP::Harness;

@ARGV or die "usage: $0 PROGRAM...\n";

my ($passed, $failed) = (0, 0);

# Two at a time; the runs of the firmware by themselves, since a host test takes a processor whole.
my @firmware = grep { m{^ci/} } @ARGV;
my @host = grep { !m{^ci/} } @ARGV;

for my $group ([@host], [@firmware]) {
	my @programs = @$group;
	next unless @programs;
	my $harness = TAP::Harness->new({
		exec => sub { [$_[1]] },
		jobs => 2,
		timer => 1,
		failures => 1,
		color => 0,
		merge => 1, # what tests say on stderr is shown with prove -v
	});
	my $all = $harness->runtests(@programs);
	$passed += $all->passed - $all->skipped;
	$failed += $all->failed;
	# A program that died, lied about its plan or ran nothing has failed, whatever it printed.
	for my $name ($all->descriptions) {
		my ($parser) = $all->parsers($name);
		my $ran = $parser->tests_run - $parser->skipped;
		next if !$parser->has_problems && $ran > 0;
		print "$name: ", $ran > 0 ? 'died or broke its plan' : 'ran nothing', "\n"
			unless $parser->failed;
		$failed++ unless $parser->failed;
	}
}
# What coverage.t counted, if it ran.
if (grep { m{/coverage\.t$} } @ARGV and open my $table, '<', 'build/cov/table.txt') {
	print grep { /^(file|=)/ } <$table>;
}
print "$passed passed, $failed failed\n";
exit($failed == 0 && $passed > 0 ? 0 : 1);
