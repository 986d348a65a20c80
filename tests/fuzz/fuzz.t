#!/usr/bin/env perl
# SPDX-License-Identifier: BSD-2-Clause
# Fuzz targets: the corpus of each is replayed (gcc does), each finds mistakes that are put into a
# copy of the sources, and each runs on from its corpus for a fixed number of inputs (libFuzzer).
#
# usage: prove tests/fuzz/fuzz.t
# FUZZ=required: no libFuzzer is a failure, not a skip.  ONLY=dt: one target.
use strict;
use warnings;
use File::Basename qw(basename dirname);
use File::Path qw(make_path remove_tree);

my $REPLAY = 'build/test';
my $FUZZ = 'build/fuzz';
my $COPY = 'build/fuzz/mistake';
my $SEED = 1;

# Inputs of the bounded run: 3 to 6 s each on one processor.
my %runs = (args => 50000, dt => 4000, device => 5000, driver => 5000);
my %flags = (
	args => '-max_len=700 -dict=tests/fuzz/args.dict',
	dt => '-max_len=3000',
	device => '-max_len=400',
	driver => '-max_len=300',
);

# Target, file, what stands there, what stands there instead, and what that means.
my @mistakes = (
	['args', 'firmware/args.c', 'value.len >= ARGS_TEXT_LEN', 'false', 'texts of any length'],
	['args', 'firmware/args.c', '&& !is_pow2(v)', '&& false', 'blocks of any size'],
	['args', 'firmware/args.c', 'printable(word.at[i]) ? word.at[i]', 'true ? word.at[i]', 'errors that move a terminal'],
	['dt', 'firmware/machine_dt.c', 't->left >= step', 't->left > 0', 'half a tuple is read'],
	['dt', 'firmware/machine_dt.c', 'if (dt_in_ram(dt, *r))', 'if (false)', 'devices in RAM are taken'],
	['dt', 'firmware/machine_memory.c', 'paddr_t start = align_down(r.start, PAGE_SIZE);', 'paddr_t start = align_up(r.start, PAGE_SIZE);', 'half a page is not reserved'],
	['dt', 'firmware/machine_memory.c', 'paddr_t start = align_up(r.start, PAGE_SIZE);', 'paddr_t start = align_down(r.start, PAGE_SIZE);', 'RAM begins before its node says'],
	['device', 'device/vring.c', 'if (chain->nb_segments == size)', 'if (false)', 'chains that loop'],
	['device', 'device/vring.c', '&& index >= size', '&& false', 'descriptors behind the queue'],
	['device', 'device/vmem.c', 'size <= vm->usable_size - offset', 'true', 'requests beyond the usable region'],
	['device', 'device/vmem.c', 'vm->ops->discard != NULL &&', 'false &&', 'unplugged with its content'],
	['device', 'device/mmio.c', '(dev->status & VIRTIO_STATUS_DRIVER_OK) == 0', 'false', 'served before DRIVER_OK'],
	['driver', 'platform/virtq.c', 'id >= q->size ||', 'false ||', 'used ids beyond the queue'],
	['driver', 'platform/virtio_mem_config.c', 'g->usable_size > g->region_size', 'false', 'more usable than there is'],
	['driver', 'platform/virtio_mem.c', "if (v->broken)\n\t\treturn ERR_IO;\n\tif (size_bytes", "if (size_bytes", 'a device given up is asked'],
);
# And the driver's own, which need no copy (mm/fault.h).
my @faults = qw(nack-ignored busy-forgotten error-swallowed leftovers-trusted);

# libFuzzer also learns from addresses that are compared: the same run needs the same ones.
my $same = system('setarch -R true 2>/dev/null') == 0 ? 'setarch -R ' : '';

my ($count, $bad) = (0, 0);

sub ok
{
	my ($good, $name) = @_;
	$count++;
	$bad++ unless $good;
	print $good ? '' : 'not ', "ok $count - $name\n";
	return $good;
}

sub skip { $count++; print "ok $count # SKIP $_[0]\n" }

sub slurp { open my $f, '<', $_[0] or return ''; local $/; return <$f> }

# The status of a command, which says what it has to say in a file.
sub run
{
	my ($log, $command) = @_;
	return system "$command >$log 2>&1";
}

sub show
{
	my @lines = split /\n/, slurp($_[0]);
	splice @lines, 0, @lines - 20 if @lines > 20;
	print "#   $_\n" for @lines;
}

# The corpus has to stumble over what is wrong with this program; the first input that does will do.
sub seen
{
	my ($name, $program, $target) = @_;
	my $status = run("$FUZZ/seen.log", "$program --first tests/fuzz/corpus/$target");
	my $log = slurp("$FUZZ/seen.log");
	my ($why) = $log =~ /^(?:fuzz: \S+ (.*)|.*AddressSanitizer: (?:\S+)|.*runtime error: .*)$/m;

	$why = defined $why ? $why : $log =~ /AddressSanitizer: (\S+)/ ? $1 : $log =~ /runtime error: (.*)/ ? $1 : 'died';
	ok($status != 0 && $log =~ /inputs, 1 of them bad/, "$name: " . ($status != 0 ? $why : 'not seen'));
}

# $target with $from changed to $to in $file: its corpus has to stumble.
sub mistake
{
	my ($target, $file, $from, $to, $what) = @_;
	my ($flags, @objects) = split /\n/, slurp("$REPLAY/replay_$target.how");
	my $text = slurp($file);
	my $name = "$target: $what";

	# A source that reads otherwise by now shows nothing, and has to be told.
	my $at = index $text, $from;
	return ok(0, "$name: '$from' is no longer in $file") if $at < 0;
	substr($text, $at, length $from) = $to;
	make_path("$COPY/" . dirname($file));
	open my $f, '>', "$COPY/$file" or die "$COPY/$file: $!\n";
	print $f $text;
	close $f;
	(my $object = "$COPY/$file") =~ s/\.c$/.o/;
	my $old = "$REPLAY/obj/$file";
	$old =~ s/\.c$/.o/;
	my @link = map { $_ eq $old ? $object : $_ } @objects;
	# What is left over of a condition that was taken out is no mistake of its own.
	if (run("$COPY/log", "$flags -Wno-error -O0 -c -o $object $COPY/$file") != 0 ||
		run("$COPY/log", "$flags -o $COPY/replay_$target @link") != 0) {
		show("$COPY/log");
		return ok(0, "$name: cannot be built");
	}
	seen($name, "$COPY/replay_$target", $target);
}

sub fuzz
{
	my ($target) = @_;
	my $program = "$FUZZ/fuzz_$target";
	my $name = "$target: $runs{$target} inputs from seed $SEED on";
	my $log = "$FUZZ/$target.log";

	unless (-x $program) {
		my $why = "no clang with libFuzzer here ($FUZZ/try.log)";
		return ($ENV{FUZZ} || '') eq 'required' ? ok(0, "$name: $why") : skip("$name: $why");
	}
	# What is new goes to an empty folder: with it the next run would not be the same.
	remove_tree("$FUZZ/fresh/$target");
	make_path("$FUZZ/fresh/$target");
	my $good = run($log, "$same$program -entropic=0 -seed=$SEED -runs=$runs{$target} -timeout=20 $flags{$target} " .
		"-artifact_prefix=$FUZZ/found-$target- -reload=0 $FUZZ/fresh/$target tests/fuzz/corpus/$target") == 0;
	my ($cover) = slurp($log) =~ /DONE\s+cov: (\d+)/;
	ok($good && $cover, "$name: " . ($cover || 0) . ' edges');
	show($log) unless $good;
}

for my $target (sort keys %runs) {
	next if $ENV{ONLY} && $ENV{ONLY} ne $target;
	my $replay = "$REPLAY/replay_$target";
	unless (-x $replay) {
		skip("$target: not built (libfdt's source is not here)");
		next;
	}
	my $log = "$replay.log";
	my $good = run($log, "$replay tests/fuzz/corpus/$target") == 0;
	my ($nr) = slurp($log) =~ /: (\d+) inputs, 0 of them bad/;
	ok($good && $nr, "$target: " . ($nr || 0) . ' inputs of the corpus');
	show($log) unless $good;
	mistake(@$_) for grep { $_->[0] eq $target } @mistakes;
	for my $fault ($target eq 'driver' ? @faults : ()) {
		seen("$target: $fault", "FUZZ_INJECT=$fault $replay", $target);
	}
	fuzz($target);
}
print "1..$count\n";
exit($bad != 0);
