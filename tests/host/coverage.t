#!/usr/bin/env perl
# SPDX-License-Identifier: BSD-2-Clause
# Which lines the tests of the host reach: every program of build/cov (the same sources, with
# counters) runs once, the fuzz corpora too, and gcov sums up. One result for each part that has to
# stay above the limit. The table goes to build/cov/table.txt, and to the terminal with --table.
#
# usage: prove tests/host/coverage.t; tests/host/coverage.t --table
# MISSED=1 also lists the lines that nothing reached.
use strict;
use warnings;
use File::Basename qw(basename dirname);
use File::Find;
use JSON::PP;

my $COV = $ENV{COV} || 'build/cov';
my $LIMIT = 90;
my $GCOV = $ENV{GCOV} || 'gcov';
my $show = grep { $_ eq '--table' } @ARGV;

# Part, its files, and whether it has to reach the limit.
my @parts = (
	['mm/', qr{^mm/}, 1],
	['device/', qr{^device/}, 1],
	['reader', qr{^firmware/(machine\w*|args)\.c$}, 1],
	['platform/', qr{^platform/}, 0],
	['RAM probe', qr{^firmware/ramprobe\w*\.c$}, 0],
);

sub skip_all { print "1..0 # SKIP $_[0]\n"; exit 0 }

my ($count, $bad) = (0, 0);

sub ok
{
	my ($good, $name) = @_;
	$count++;
	$bad++ unless $good;
	print $good ? '' : 'not ', "ok $count - $name\n";
}

# Counters of an earlier run would add to this one's.
sub forget
{
	find(sub { unlink $_ if /\.gcda$/ }, $COV);
	unlink "$COV/table.txt";
}

# Names of those that fail: what a failing test reached is not tested.
sub run_programs
{
	my @failed;

	# A tenth of test_resizes' usual work reaches the same lines.
	local $ENV{RESIZES} = $ENV{RESIZES} || 10000;
	for my $program (sort glob("$COV/test_* $COV/replay_*")) {
		next unless -x $program && $program !~ /\./;
		my @args = $program =~ m{/replay_(\w+)$} ? "tests/fuzz/corpus/$1" : ();
		system("$program @args >$program.log 2>&1") == 0 or push @failed, basename($program);
	}
	return @failed;
}

# file => { line => how often }, of all objects that hold some of it (inline functions of headers).
sub gather
{
	my %lines;
	my @objects;
	# Objects that no program ran have a .gcno alone, and count as not reached.
	find({ wanted => sub { push @objects, $File::Find::name if /\.gcno$/ }, no_chdir => 1 }, "$COV/obj");
	for my $note (sort @objects) {
		next unless $note =~ m{/obj/(mm|device|platform|firmware)/};
		my $text = `$GCOV --json-format --stdout $note 2>/dev/null`;
		return undef if $? != 0 || $text eq '';
		for my $document (split /\n/, $text) {
			my $json = decode_json($document);
			for my $file (@{ $json->{files} }) {
				next unless $file->{file} =~ m{^[a-z]+/[\w/]+\.[ch]$};
				$lines{ $file->{file} }{ $_->{line_number} } += $_->{count} for @{ $file->{lines} };
			}
		}
	}
	return \%lines;
}

sub row { sprintf "%-34s %6s %8s %7s\n", @_ }
sub percent { $_[0] == 0 ? 0 : 100 * $_[1] / $_[0] }

-d "$COV/obj" or skip_all("$COV is not built (make coverage builds it)");
`$GCOV --version 2>/dev/null` =~ /^gcov/ or skip_all("there is no $GCOV, which comes with gcc");
# Another compiler's counters are in another format.
if (open my $tools, '<', $ENV{TOOLS_MK} // 'build/tools.mk') {
	my ($cc) = join('', <$tools>) =~ /^HOSTCC := (.*)$/m;
	skip_all("$cc is clang, whose counters $GCOV cannot read") if $cc && `$cc --version 2>/dev/null` =~ /clang/;
}
forget();
my @failed = run_programs();
ok(@failed == 0, 'every program with counters succeeds' . (@failed ? ": not @failed" : ''));
my $lines = gather();
ok(defined $lines, "$GCOV reads the counters");
$lines ||= {};

my $table = row('file', 'lines', 'reached', '%');
my @results;
for my $part (@parts) {
	my ($name, $pattern, $must) = @$part;
	my ($all, $hit) = (0, 0);
	for my $file (sort grep { /$pattern/ } keys %$lines) {
		my $of = $lines->{$file};
		my $reached = grep { $_ > 0 } values %$of;
		my $nr = keys %$of;
		$all += $nr;
		$hit += $reached;
		$table .= row($file, $nr, $reached, sprintf '%.1f', percent($nr, $reached));
		next unless $ENV{MISSED};
		my @missed = sort { $a <=> $b } grep { $of->{$_} == 0 } keys %$of;
		$table .= "    not reached: @missed\n" if @missed;
	}
	my $line = sprintf '%.1f', percent($all, $hit);
	$table .= row("= $name", $all, $hit, $line) . "\n";
	push @results, [percent($all, $hit) >= $LIMIT, "$name: $line % of $all lines, at least $LIMIT"] if $must;
}
ok(@$_) for @results;

open my $out, '>', "$COV/table.txt" or die "$COV/table.txt: $!\n";
print $out $table;
close $out;
$table =~ s/^/# /mg;
print $table if $show || $bad;
print "1..$count\n";
exit($bad != 0);
