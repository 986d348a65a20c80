#!/usr/bin/env perl
# SPDX-License-Identifier: BSD-2-Clause
# A sample of the machines of ci/Machines.pm, drawn by SAMPLE_SEED: each has to be the machine that it
# claims to be, and to pass. ROWS=REGEX runs those whose names match, `make check-machines` all.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Rows;
use Machines;
use Test::More;

my %by_name = map { $_->{name} => $_ } grep { (!$_->{tree} || -x 'build/test/fdt_board') && ($_->{goal} ne 'run-sim' || -x 'build/hotwalk-sim') } @machines;
my @names = sort keys %by_name;
# One of the sample has RAM or image elsewhere than the others.
my @elsewhere = grep { $by_name{$_}{base} ne '0x80000000' || $by_name{$_}{image} ne '0x80200000' } grep { !$by_name{$_}{long} } @names;
my %is_elsewhere = map { $_ => 1 } @elsewhere;
@names = defined $ENV{ROWS} ? grep { /$ENV{ROWS}/ } @names : (draw(3, grep { !$is_elsewhere{$_} && !$by_name{$_}{long} } @names), draw(1, @elsewhere));

for my $name (@names) {
	my ($wrong, $got, $out) = machine_run($by_name{$name});
	if (!ok(!@$wrong, "$name: $got->{mode}, $got->{harts} harts, OpenSBI $got->{sbi}, RAM from $got->{base}, image at $got->{image}")) {
		my @lines = split /\n/, $out;
		splice @lines, 0, @lines - 60 if @lines > 60;
		diag($_) for @$wrong, @lines;
	}
}
# A row that could not fail says nothing: the same machine, expected to be another one.
my %other = (%{$by_name{'virt-harts-1'}}, name => 'control', mode => 'Sv57', base => '0x0', image => '0x80400000', wire => 1, vars => ['VMEM=builtin'], tests => 'boot.*');
my ($wrong) = machine_run(\%other);
is(join('; ', @$wrong), 'mode Sv48, not Sv57; RAM from 0x80000000, not 0x0; image at 0x80200000, not 0x80400000; no interrupt of a device arrived',
	'control: another mode, RAM and image elsewhere, and no interrupt, are told');
done_testing();
