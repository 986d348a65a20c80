# SPDX-License-Identifier: BSD-2-Clause
# What ci/*.t share: the tools that make found, and rows, each of which is a run of the firmware that
# has to end as it says.
package Rows;
use strict;
use warnings;
use Exporter 'import';
use File::Basename 'basename';
use Test::More;
our @EXPORT = qw(%tool row run_make draw quote assemble);

# What host/setup.sh found, as make sees it without any override.
our %tool;
my $tools = $ENV{TOOLS_MK} // 'build/tools.mk';
open my $fh, '<', $tools or die "$tools: $!\n";
while (<$fh>) {
	$tool{$1} = $2 if /^(\w+) :?= ?(.*)$/;
}
close $fh;

# Programs that run side by side write into folders of their own.
my $program = basename($0, '.t', '.pl');

# ROWS=REGEX runs only those whose names match.
my $only = $ENV{ROWS} // '.';

sub quote
{
	my $s = shift;
	$s =~ s/'/'\\''/g;
	return "'$s'";
}

# Run make with these variables; returns the runner's exit status and the whole output.
sub run_make
{
	my ($name, @vars) = @_;
	my $goal = 'run';
	my $dir = "build/run/check/$program/$name";
	$goal = shift @vars if @vars && $vars[0] !~ /=/;
	my $command = join ' ', "make --no-print-directory $goal", map { quote($_) } "RUN_DIR=$dir", @vars;
	system "rm -rf $dir";
	my $out = `$command 2>&1 </dev/null`;
	my $status = -1;
	if (open my $s, '<', "$dir/status") {
		$status = <$s>;
		chomp $status;
	}
	return ($status, $out);
}

# A raw binary out of one assembler file, linked for @at; @defines as the compiler takes them.
sub assemble
{
	my ($from, $to, $at, @defines) = @_;
	my $cc = "$tool{CROSS_COMPILE}gcc -misa-spec=2.2 -march=rv64imac -mabi=lp64 -mcmodel=medany -nostdlib -nostartfiles -static";
	return system("$cc @defines -Wl,-Ttext=$at -Wl,-n -o $to.elf $from && $tool{CROSS_COMPILE}objcopy -O binary $to.elf $to") == 0;
}

# @n of the others, drawn by SAMPLE_SEED; without it each commit draws anew.
sub draw
{
	my ($n, @from) = @_;
	my $state = $ENV{SAMPLE_SEED} // `git rev-list --count HEAD 2>/dev/null` || 1;
	my %drawn;
	chomp $state;
	diag("sample: SAMPLE_SEED=$state");
	while (keys %drawn < $n && keys %drawn < @from) {
		$state = ($state * 1103515245 + 12345) % 2147483648;
		$drawn{$from[int($state / 65536) % @from]} = 1;
	}
	return sort keys %drawn;
}

# Suites that have at least one test with a verdict of its own.
sub suites_run
{
	my %suite;
	$suite{$1}++ while $_[0] =~ /^(?:not )?ok \d+ (\w+)\.\S+(?!.* # SKIP)$/mg;
	return \%suite;
}

sub row
{
	my ($name, $status, $vars, %more) = @_;
	return if $name !~ /$only/;
	subtest $name => sub {
		my ($got, $out) = run_make($name, @$vars);
		my $good = is($got, $status, 'exit status');
		for my $pattern (@{$more{like} // []}) {
			$good &= like($out, $pattern, "prints $pattern");
		}
		for my $pattern (@{$more{unlike} // []}) {
			$good &= unlike($out, $pattern, "does not print $pattern");
		}
		$good &= $more{check}->($out) if $more{check};
		if ($status == 0) {
			my $ran = suites_run($out);
			for my $suite (@{$more{suites} // [qw(boot table hotplug)]}) {
				$good &= ok($ran->{$suite}, "suite $suite ran something");
			}
			$good &= unlike($out, qr/^# (?:daemon\d: )?oracle: blind/m, 'the outside oracle sees');
		}
		if (!$good) {
			my @lines = split /\n/, $out;
			splice @lines, 0, @lines - 60 if @lines > 60;
			diag($_) for @lines;
		}
	};
}

1;
