#!/usr/bin/env perl
# SPDX-License-Identifier: BSD-2-Clause
# The firmware on odd and damaged device trees: each row edits QEMU's own tree, has the host's
# build of the reader read it, and boots it. Run by `make check`; alone: prove ci/trees.t, with
# ROWS=REGEX for some of them.
#
# The edited tree is QEMU's -dtb, so OpenSBI reads it first and adds its own reserved memory. Where
# QEMU or OpenSBI would not start with it (shim => 1), they get the sound tree, and ci/shim.S hands
# the edited one to the firmware; it then names OpenSBI's memory itself, as OpenSBI would have.
use strict;
use warnings;
use Test::More;

my $tmp = 'build/run/trees';
my $only = $ENV{ROWS} // '.';

plan skip_all => "libfdt's source is not here" unless -x 'build/test/fdt_edit' && -x 'build/test/fdt_read';

my %tool;
my $tools = $ENV{TOOLS_MK} // 'build/tools.mk';
open my $fh, '<', $tools or die "$tools: $!\n";
while (<$fh>) {
	$tool{$1} = $2 if /^(\w+) :?= ?(.*)$/;
}
close $fh;

# 128 MiB from 0x80000000 to 0x88000000; behind it nothing answers.
my $ram = '/memory@80000000';
my ($command) = reverse split /\n/, # the last line: what make builds on the way is above it
	`make --no-print-directory print-run VMEM=builtin SMP=2 MEM=128M TIMEOUT=120`;
$command =~ s/ -append '[^']*'// or die "print-run prints no -append\n";
my $firmware = $command =~ /-kernel (\S+)/ ? $1 : die "print-run prints no -kernel\n";

my $shim_tree = 0x87000000;
my $shim_firmware = 0x80400000;

sub must
{
	system(@_) == 0 or die "failed: @_\n";
}

must("rm -rf $tmp && mkdir -p $tmp");
must("$tool{QEMU} -M virt,dumpdtb=$tmp/virt.dtb -smp 2 -m 128M -display none >$tmp/dumpdtb.log 2>&1");
must("$tool{CROSS_COMPILE}gcc -misa-spec=2.2 -march=rv64imac -mabi=lp64 -nostdlib -nostartfiles -static "
	. "-DTREE=$shim_tree -DFIRMWARE=$shim_firmware -Wl,-Ttext=0x80200000 -Wl,-n -o $tmp/shim.elf ci/shim.S");
must("$tool{CROSS_COMPILE}objcopy -O binary $tmp/shim.elf $tmp/shim.bin");

my @sbi_memory = (
	'add /reserved-memory', 'set /reserved-memory #address-cells cells 2',
	'set /reserved-memory #size-cells cells 2', 'set /reserved-memory ranges empty',
	'add /reserved-memory/mmode_resv0@80000000',
	'set /reserved-memory/mmode_resv0@80000000 reg u64 0x80000000 0x60000',
	'set /reserved-memory/mmode_resv0@80000000 no-map empty',
);

sub boot
{
	my ($name, $dtb, $shim, $mem) = @_;
	my $run = $command;
	my $dir = "$tmp/$name.run";

	$run =~ s/--dir \S+/--dir $dir/;
	$run =~ s/-m 128M/-m $mem/ if $mem;
	if ($shim) {
		$run =~ s/-kernel \S+/-kernel $tmp\/shim.bin/;
		$run .= sprintf " -device loader,file=%s,addr=0x%x,force-raw=on", $firmware, $shim_firmware;
		$run .= sprintf " -device loader,file=%s,addr=0x%x,force-raw=on", $dtb, $shim_tree;
	} else {
		$run .= " -dtb $dtb";
	}
	my $out = `$run 2>&1 </dev/null`;
	my $status = -1;
	if (open my $s, '<', "$dir/status") {
		$status = <$s>;
		chomp $status;
	}
	return ($status, $out);
}

# All rows of the run: the fixed tests, and whatever the device tree leaves of harts and devices.
my $args = 'vmem=builtin test=boot.*,table.errors';

# status 0: everything passes; 2: nothing can be run, and a reason is said. read: what the host's
# build of the reader says, where the reason is found later.
sub row
{
	my ($name, $status, $edits, %more) = @_;
	return if $name !~ /$only/;
	subtest $name => sub {
		my $dtb = "$tmp/$name.dtb";
		my @script = ("set /chosen bootargs string " . ($more{args} // $args));

		push @script, @sbi_memory if $more{shim};
		push @script, @$edits;
		must('build/test/fdt_edit', "$tmp/virt.dtb", $dtb,
			map { ($_ ? ('--') : ()), split ' ', $script[$_] } 0 .. $#script);

		my $read = `build/test/fdt_read $dtb`;
		my $read_status = $? >> 8;
		my ($got, $out) = boot($name, $dtb, $more{shim}, $more{mem});
		my $good = 1;
		if (defined $more{either}) {
			$good &= ok($read_status <= 1, 'host build: read, or not');
			$good &= ok($got == 0 || $got == 2, "exit status 0 or 2, not $got");
		} else {
			$good &= is($read_status, $more{read} // ($status == 2 ? 1 : 0), 'host build: status');
			$good &= is($got == 1 && $more{all} ? 0 : $got, $status, 'exit status');
		}
		for my $pattern (@{$more{host} // []}) {
			$good &= ok($read =~ $pattern, "host build says $pattern");
		}
		for my $pattern (@{$more{like} // []}) {
			$good &= ok($out =~ $pattern, "prints $pattern");
		}
		# Whatever both builds note of the tree, they note alike.
		if (!$more{shim} && !$more{differs}) {
			for my $note ($read =~ /^(dt: .*)$/mg) {
				$good &= ok($out =~ /^# \Q$note\E/m, "boots with $note");
			}
		}
		$good &= ok($out =~ /^hotwalk: DONE PASS (\d+)\/\1 /m, 'all tests pass') if $got == 0;
		$good &= ok($out =~ /^hotwalk: DONE NOTHING \S/m, 'says why') if $got == 2;
		my $failure = $more{all} ? qr/^not ok \d+ boot\.|PANIC/m : qr/^not ok |PANIC/m;
		$good &= ok($out !~ $failure, 'nothing fails');
		$good &= ok($out =~ /^ok \d+ boot\.direct_map$/m, 'boots') if $status == 0 && !$more{either};
		if (!$good) {
			my @lines = grep { /^(#|hotwalk|not ok)/ } split /\n/, $out;
			diag($_) for @lines, split /\n/, $read;
		}
	};
}

sub memory
{
	return "set $ram reg u64 @_";
}

my $whole = qr/^# ram: 0x80000000-0x87ffffff;/m;

# ---- sound

row('sound', 0, [], like => [$whole]);
row('sound-shim', 0, [], shim => 1, like => [$whole, qr/^# image: 0x80400000/m]);

# ---- /memory in every form

row('mem-1-1', 0, ['set / #address-cells cells 1', 'set / #size-cells cells 1',
	"set $ram reg cells 0x80000000 0x8000000"], shim => 1, like => [$whole]);
row('mem-1-2', 0, ['set / #address-cells cells 1', "set $ram reg cells 0x80000000 0 0x8000000"],
	shim => 1, like => [$whole]);
row('mem-2-1', 0, ['set / #size-cells cells 1', "set $ram reg cells 0 0x80000000 0x8000000"],
	shim => 1, like => [$whole]);
row('mem-3-3', 0, ['set / #address-cells cells 3', 'set / #size-cells cells 3',
	"set $ram reg cells 0 0 0x80000000 0 0 0x8000000"], shim => 1, like => [$whole]);
row('mem-3-high', 2, ['set / #address-cells cells 3', "set $ram reg cells 1 0 0x80000000 0 0x8000000"],
	shim => 1, like => [qr/beyond 64 bits/]);
row('mem-4-cells', 2, ['set / #address-cells cells 4'], shim => 1, like => [qr/cannot use #address-cells 4/]);
row('mem-0-cells', 2, ['set / #size-cells cells 0'], shim => 1, like => [qr/#size-cells 0/]);
row('mem-odd-cells', 0, ['set / #address-cells bytes 0 0 2'], shim => 1, like => [$whole]);
row('mem-tuples', 0, [memory('0x80000000 0x2000000 0x84000000 0x4000000')],
	like => [qr/^# ram: 0x80000000-0x81ffffff,0x84000000-0x87ffffff;/m]);
row('mem-nodes', 0, [memory('0x80000000 0x2000000'), 'add /ddr', 'set /ddr device_type string memory',
	'set /ddr reg u64 0x83000000 0x5000000'], like => [qr/^# ram: 0x80000000-0x81ffffff,0x83000000-0x87ffffff;/m]);
row('mem-neighbours', 0, [memory('0x84000000 0x4000000 0x80000000 0x4000000')], like => [$whole]);
row('mem-overlap', 0, [memory('0x80000000 0x6000000 0x84000000 0x4000000')], like => [$whole, qr/there twice, merged/]);
row('mem-unaligned', 0, [memory('0x80000123 0x7fff000')],
	like => [qr/^# ram: 0x80001000-0x87ffefff;/m, qr/parts of pages, cut/]);
row('mem-odd-2m', 0, [memory('0x80001000 0x7ffd000')], like => [qr/^# ram: 0x80001000-0x87ffdfff;/m]);
row('mem-empty', 2, ["set $ram reg empty"], like => [qr/no usable RAM/]);
row('mem-zero', 0, [memory('0x90000000 0 0x80000000 0x8000000')], like => [$whole]);
row('mem-all-zero', 2, [memory('0 0')], like => [qr/no usable RAM/]);
row('mem-partial', 0, ["set $ram reg cells 0 0x80000000 0 0x8000000 0 0x90000000 0"],
	like => [$whole, qr/ends in 12 odd bytes/]);
row('mem-no-type', 2, ["unset $ram device_type"], like => [qr/no device_type, not taken as RAM/]);
row('mem-no-reg', 2, ["unset $ram reg"], like => [qr/memory without reg/]);
row('mem-no-node', 2, ["delete $ram"], like => [qr/no usable RAM/]);
row('mem-other-name', 0, ["rename $ram ram"], like => [$whole]);
row('mem-usable', 0, ["set $ram linux,usable-memory u64 0x80000000 0x6000000"], like => [qr/^# ram: 0x80000000-0x85ffffff;/m]);
row('mem-disabled', 2, ["set $ram status string disabled"], like => [qr/disabled, not taken as RAM/]);
row('mem-hotpluggable', 0, ["set $ram hotpluggable empty", "set $ram numa-node-id cells 1"], like => [$whole]);
row('mem-wraps', 0, [memory('0x80000000 0x8000000 0xffffffffffff0000 0x20000')],
	like => [qr/wraps, clipped/, qr/beyond 56 bits, cut/, $whole]);
row('mem-wraps-all', 0, [memory('0x80000000 0xffffffffffffffff')], like => [qr/beyond 56 bits/, $whole,
	qr/does not answer, cut: 0x88000000-0xffffffffffffff$/m]);
row('mem-above-sv39', 0, [memory('0x80000000 0x8000000 0x4000000000 0x40000000')], args => "$args mode=sv39",
	like => [$whole, qr/cut: 0x4000000000-0x403fffffff$/m]);
row('mem-above-sv39-trusted', 0, [memory('0x80000000 0x8000000 0x4000000000 0x40000000')],
	args => "$args mode=sv39 probe=off", like => [qr/^# ram: 0x80000000-0x87ffffff,0x4000000000-/m]);
row('mem-tiny', 2, [memory('0x80000000 0x400000')], read => 0, like => [qr/no 2 MiB of RAM is free/]);
row('mem-many', 0, ["set $ram reg u64 " . join(' ', map { sprintf '0x%x 0x1000', 0x80000000 + 0x200000 * $_ } 1 .. 50)
	. ' 0x86800000 0x1800000 ' . join(' ', map { sprintf '0x%x 0x1000', 0x80000000 + 0x3000 * $_ } 60 .. 100)],
	like => [qr/more than 64 pieces of RAM: \d+ smallest dropped/]);
row('mem-limit', 0, [], args => "$args mem=64M", like => [qr/^# ram: 0x80000000-0x83ffffff;/m]);
row('mem-limit-tiny', 2, [], args => "$args mem=1M", read => 0, like => [qr/^hotwalk: DONE NOTHING /m]);

# ---- RAM that is not there

row('gone-half', 0, [memory('0x80000000 0x10000000')],
	like => [$whole, qr/^# dt: RAM does not answer, cut: 0x88000000-0x8fffffff$/m]);
row('gone-odd', 0, [memory('0x80000000 0x8201000')],
	like => [$whole, qr/^# dt: RAM does not answer, cut: 0x88000000-0x88200fff$/m]);
# The machine ends within 2 MiB: that block goes as a whole.
row('gone-within', 0, [memory('0x80000000 0x10000000')], mem => '129M', like => [$whole, qr/cut: 0x88000000-0x8fffffff$/m]);
row('gone-page', 0, [memory('0x80000000 0x8001000')], like => [$whole, qr/cut: 0x88000000-0x88000fff$/m]);
row('gone-1t', 0, [memory('0x80000000 0x10000000000')],
	like => [$whole, qr/^# dt: RAM does not answer, cut: 0x88000000-0x1007fffffff$/m]);
row('gone-node', 0, [memory('0x80000000 0x8000000'), 'add /memory@100000000',
	'set /memory@100000000 device_type string memory', 'set /memory@100000000 reg u64 0x100000000 0x40000000'],
	like => [$whole, qr/cut: 0x100000000-0x13fffffff$/m]);
row('gone-two', 0, [memory('0x80000000 0x9000000 0x8a000000 0x100000')],
	like => [$whole, qr/cut: 0x88000000-0x88ffffff, 0x8a000000-0x8a0fffff$/m]);
row('gone-four', 0, [memory('0x80000000 0x8000000 0x90000000 0x1000 0x91000000 0x200000 0x92000000 0x1000 0x93000000 0x1000')],
	like => [$whole, qr/cut: 0x90000000-0x90000fff, 0x91000000-0x911fffff and 2 more$/m]);
row('gone-below', 0, [memory('0x60000000 0x28000000')], like => [qr/^# dt: RAM does not answer, cut: 0x60000000-0x7fffffff$/m, $whole]);
row('gone-sbi', 0, ['delete /reserved-memory'], shim => 1,
	like => [qr/^# dt: RAM does not answer, cut: 0x80000000-0x801fffff$/m, qr/^# ram: 0x80200000-0x87ffffff;/m]);
row('gone-all', 2, [memory('0x90000000 0x8000000')], read => 0, like => [qr/^hotwalk: DONE NOTHING no RAM answers/m]);
row('less-ram', 0, [memory('0x80000000 0x3000000')], like => [qr/^# ram: 0x80000000-0x82ffffff;/m]);
row('holes', 0, [memory('0x80000000 0x1000000 0x82000000 0x1000000 0x84000000 0x2000000')],
	like => [qr/^# ram: 0x80000000-0x80ffffff,0x82000000-0x82ffffff,0x84000000-0x85ffffff;/m]);
row('over-devices', 0, [memory('0x0 0x88000000')], differs => 1,
	like => [qr/devices have registers in RAM: reserved, from 0x100000 on/, qr/does not answer, cut: /]);

# ---- reserved memory

my $resv = '/reserved-memory';
my @resv = ("add $resv", "set $resv #address-cells cells 2", "set $resv #size-cells cells 2", "set $resv ranges empty");
sub resv
{
	my ($name, @tuples) = @_;
	return ("add $resv/$name", "set $resv/$name reg u64 @tuples");
}

row('memreserve', 0, ['memreserve 0x84000800 0x1234', 'memreserve 0x85000000 0x1000'],
	like => [qr/reserved: .*0x84000000-0x84001fff,0x85000000-0x85000fff/m]);
row('memreserve-wraps', 0, ['memreserve 0x84000000 0xffffffffffffffff'], shim => 1,
	like => [qr/memreserve 0x84000000\+0xffffffffffffffff wraps, clipped/]);
row('resv-no-map', 0, [@resv, resv('a', '0x84000000 0x100000'), "set $resv/a no-map empty",
	resv('b', '0x84200000 0x100000')], like => [qr/reserved: .*0x84000000-0x840fffff,0x84200000-0x842fffff/m]);
row('resv-tuples', 0, [@resv, resv('a', '0x84000000 0x1000 0x84002000 0x1000 0x84004000 0x1000')],
	like => [qr/0x84000000-0x84000fff,0x84002000-0x84002fff,0x84004000-0x84004fff/]);
row('resv-cells', 0, [@resv, "set $resv #address-cells cells 1", "set $resv #size-cells cells 1",
	"delete $resv/mmode_resv0\@80000000", "add $resv/sbi", "set $resv/sbi reg cells 0x80000000 0x60000",
	"add $resv/a", "set $resv/a reg cells 0x84000000 0x1000"], shim => 1,
	like => [qr/reserved-memory: cells 1\/1, the root has 2\/2/, qr/reserved: 0x80000000-0x8005ffff,0x84000000-0x84000fff/]);
row('resv-no-cells', 0, ["unset $resv #address-cells", "unset $resv #size-cells"], shim => 1,
	like => [qr/reserved: 0x80000000-0x8005ffff$/m]);
row('resv-bad-cells', 0, ["set $resv #size-cells cells 9"], shim => 1,
	like => [qr/cannot use #address-cells 2, #size-cells 9/, qr/cut: 0x80000000-0x801fffff$/m]);
row('resv-outside', 0, [@resv, resv('a', '0xd4282000 0x1000'), resv('b', '0x40000000 0x10000000')],
	like => [$whole, qr/reserved: 0x40000000-0x4fffffff,.*,0xd4282000-0xd4282fff/]);
row('resv-image', 0, [@resv, resv('a', '0x80200000 0x100000')], like => [qr/0x80200000-0x802fffff/]);
row('resv-image-all', 0, [@resv, resv('a', '0x80100000 0x700000')], like => [qr/0x80100000-0x807fffff/]);
row('resv-overlap', 0, [@resv, resv('a', '0x84000000 0x3000'), resv('b', '0x84001000 0x1000'),
	resv('c', '0x84002000 0x4000')], like => [qr/0x84000000-0x84005fff/]);
row('resv-top', 0, [@resv, resv('a', '0xfffffffffffff000 0x1000 0x87fff000 0x2000')], differs => 1,
	like => [qr/0x87fff000-0x88000fff/]);
row('resv-dynamic', 0, [@resv, "add $resv/cma", "set $resv/cma size u64 0x1000000", "set $resv/cma reusable empty"],
	like => [qr/reserved-memory: 1 without reg, ignored/]);
row('resv-odd', 0, [@resv, "add $resv/a", "set $resv/a reg bytes 1 2 3"], like => [qr/ends in 3 odd bytes/]);
row('resv-all', 2, [@resv, resv('a', '0x80000000 0x8000000')], read => 0, like => [qr/no 2 MiB of RAM is free/]);
row('resv-fringe', 0, [@resv, resv('a', map { sprintf '0x%x 0x1000', 0x82000000 + 0x200000 * $_ } 0 .. 19)],
	like => [qr/0x82000000-0x82000fff,0x82200000/]);
row('resv-many', 0, [@resv, resv('a', map { sprintf '0x%x 0x1000', 0x82000000 + 0x10000 * $_ } 0 .. 99)],
	differs => 1, host => [qr/36 gaps/], like => [qr/more than 64 reserved pieces: 37 gaps reserved as well/]);
row('initrd-4', 0, ['set /chosen linux,initrd-start cells 0x85000000', 'set /chosen linux,initrd-end cells 0x85000100'],
	like => [qr/0x85000000-0x85000fff/]);
row('initrd-8', 0, ['set /chosen linux,initrd-start u64 0x85000000', 'set /chosen linux,initrd-end u64 0x85000100'],
	like => [qr/0x85000000-0x85000fff/]);
row('initrd-6', 0, ['set /chosen linux,initrd-start bytes 0 0 0x85 0 0 0', 'set /chosen linux,initrd-end u64 0x85000100'],
	like => [qr/initrd-start has 6 bytes/, qr/initrd without start or end/]);
row('initrd-back', 0, ['set /chosen linux,initrd-start u64 0x85000100', 'set /chosen linux,initrd-end u64 0x85000000'],
	like => [qr/initrd without start or end/]);

# ---- harts

# Any hart may boot, one that the tree lacks as well: boot.harts rightly misses it there.
my $no_roll_call = 'vmem=builtin test=boot.d*,boot.l*,boot.m*,boot.t*,table.errors';

row('no-cpus', 2, ['delete /cpus'], shim => 1, like => [qr/no enabled cpu/]);
row('cpus-empty', 2, ['delete /cpus/cpu@0', 'delete /cpus/cpu@1'], shim => 1, like => [qr/no enabled cpu/]);
row('cpus-disabled', 2, ['set /cpus/cpu@0 status string disabled', 'set /cpus/cpu@1 status string disabled'],
	shim => 1, like => [qr/no enabled cpu/]);
row('cpu-disabled', 0, ['set /cpus/cpu@1 status string disabled'], shim => 1, args => $no_roll_call,
	like => [qr/ harts=1 /]);
row('boot-hart-missing', 0, ['set /cpus/cpu@0 reg cells 7', 'set /cpus/cpu@1 reg cells 8'], shim => 1,
	like => [qr/boot hart id \d is not among the enabled cpus: it runs alone/], args => $no_roll_call);
row('cpu-ids-64', 0, ['set /cpus #address-cells cells 2', 'set /cpus/cpu@0 reg u64 0', 'set /cpus/cpu@1 reg u64 1'],
	shim => 1, like => [qr/ harts=2 /]);
row('cpu-ids-lie', 0, ['set /cpus #address-cells cells 2'], shim => 1,
	like => [qr/reg of 4 bytes with #address-cells 2/, qr/ harts=2 /]);
row('cpu-ids-same', 0, ['set /cpus/cpu@0 reg cells 0', 'set /cpus/cpu@1 reg cells 0'], shim => 1,
	like => [qr/hart 0x0 is there twice, skipped/, qr/ harts=1 /], args => $no_roll_call);
row('cpu-no-reg', 0, ['unset /cpus/cpu@1 reg'], shim => 1, like => [qr/cpu\@1: no usable reg, skipped/],
	args => $no_roll_call);
row('cpu-stranger', 0, ['add /cpus/cpu@9', 'set /cpus/cpu@9 device_type string cpu', 'set /cpus/cpu@9 reg cells 9'],
	shim => 1, args => $no_roll_call, like => [qr/ harts=2 /]);
row('mmu-none', 0, ['set /cpus/cpu@0 mmu-type string riscv,none', 'set /cpus/cpu@1 mmu-type string riscv,none'],
	shim => 1, like => [qr/measured, DT says none/]);
row('mmu-strange', 0, ['set /cpus/cpu@1 mmu-type string riscv,sv99'], like => [qr/mmu-type "riscv,sv99" unknown/]);
row('mmu-missing', 0, ['unset /cpus/cpu@0 mmu-type', 'unset /cpus/cpu@1 mmu-type'], shim => 1, like => [qr/ harts=2 /]);
row('isa-missing', 0, ['unset /cpus/cpu@1 riscv,isa', 'unset /cpus/cpu@1 riscv,isa-extensions'], shim => 1,
	like => [qr/cpu\@1: no riscv,isa/]);
row('timebase-missing', 0, ['unset /cpus timebase-frequency'], shim => 1,
	like => [qr/no timebase-frequency, 10 MHz assumed/]);
row('timebase-zero', 0, ['set /cpus timebase-frequency cells 0'], shim => 1, like => [qr/no timebase-frequency, 10 MHz/]);
row('timebase-per-cpu', 0, ['unset /cpus timebase-frequency', 'set /cpus/cpu@0 timebase-frequency cells 10000000'],
	shim => 1, host => [qr/timebase: 10000000/]);

# ---- devices

my $plic = '/soc/interrupt-controller@c000000';
row('plic-missing', 0, ["delete $plic"], shim => 1, like => [qr/interrupts do not lead to a PLIC/]);
row('plic-lies', 0, ["set $plic interrupts-extended cells 0xdead 9 0 9 0xffffffff 11 4"], shim => 1,
	like => [qr/ends in 4 odd bytes/, qr/2 of 2 harts have no S-mode context/]);
row('plic-swapped', 0, ["set $plic interrupts-extended cells 4 9 4 11 2 9 2 11"], shim => 1, host => [qr/mmu sv57 context 2/]);
row('plic-far', 0, ["set $plic interrupts-extended cells " . ('4 11 ' x 2000) . '4 9 2 9'], shim => 1,
	like => [qr/2 contexts outside reg, ignored/]);
row('plic-sources', 0, ["set $plic riscv,ndev cells 0xffffffff"], shim => 1, like => [qr/riscv,ndev 4294967295, taken as 1023/]);
row('plic-nowhere', 0, ["set $plic reg u64 0x8000000 0x600000"], shim => 1,
	like => [qr/^# dt: plic at 0x8000000 does not answer, not used$/m]);
row('plic-hole', 0, ["set $plic reg u64 0x50000000 0x600000"], shim => 1, like => [qr/ harts=2 /]);
row('plic-in-ram', 0, ["set $plic reg u64 0x84000000 0x600000"], shim => 1,
	like => [qr/lies in RAM, skipped/, qr/reserved: .*0x84000000-0x845fffff/]);
my $virtio = '/soc/virtio_mmio@10001000';
row('virtio-no-reg', 0, ["unset $virtio reg"], like => [qr/virtio_mmio\@10001000: no usable reg, skipped/], args => 'test=boot.*,table.errors');
row('virtio-small', 0, ["set $virtio reg u64 0x10001000 0x80"], like => [qr/no slot of registers, skipped/]);
row('virtio-odd', 0, ["set $virtio reg u64 0x10001002 0x1000"], like => [qr/no slot of registers, skipped/]);
row('virtio-twice', 0, ["set $virtio reg u64 0x10002000 0x1000"], like => [qr/virtio at 0x10002000 is there twice/]);
row('virtio-in-ram', 0, ["set $virtio reg u64 0x84000000 0x1000"],
	like => [qr/lies in RAM, skipped/, qr/reserved: .*0x84000000-0x84000fff/]);
row('virtio-is-ram', 0, ["set $virtio reg u64 0x80000000 0x8000000"], like => [qr/lies in RAM, skipped/, $whole]);
row('virtio-nowhere', 0, ["set $virtio reg u64 0x8000000 0x1000"], args => 'test=boot.*,table.errors',
	like => [qr/^# dt: virtio at 0x8000000 does not answer, not used$/m]);
row('virtio-hole', 0, ["set $virtio reg u64 0x50000000 0x1000"], args => 'test=boot.*,table.errors');
row('virtio-high', 0, ["set $virtio reg u64 0xffffffffffff0000 0x1000"], like => [qr/reg beyond 56 bits, skipped/]);
row('virtio-irq', 0, ["set $virtio interrupts cells 0xffffffff"], like => [qr/1 interrupts do not lead to a PLIC/]);
row('soc-no-ranges', 0, ['unset /soc ranges'], shim => 1, like => [qr/ranges of soc do not lead there/]);
row('soc-disabled', 0, ['set /soc status string disabled'], shim => 1, host => [qr/timebase/]);
row('exit-nowhere', 0, ['set /soc/test@100000 reg u64 0x8000000 0x1000'], shim => 1,
	like => [qr/^# dt: exit device at 0x8000000 does not answer, not used$/m]);
row('deep', 0, ['add /soc' . '/d' x 60], shim => 1, like => [qr/nodes deeper than 8 levels/]);

# ---- /chosen

# Without arguments all tests run, for some seconds: here only the tree is judged.
row('no-chosen', 0, ['delete /chosen'], shim => 1, all => 1, like => [$whole]);
row('bootargs-endless', 2, ['set /chosen bootargs bytes 6c 69 73 74', "delete $ram"], shim => 1,
	like => [qr/bootargs without an end, ignored/, qr/no usable RAM/]);
row('bootargs-bytes', 2, ['set /chosen bootargs bytes 1 ff 3 0'], read => 0, shim => 1, like => [qr/unknown argument "\?\?\?"/]);
row('bootargs-long', 2, ['set /chosen bootargs string ' . join(' ', ('seed=1') x 3000) . ' x=' . 'y' x 9000], read => 0,
	shim => 1, like => [qr/unknown argument "x=y+\.\.\."/]);
row('bootargs-wrong', 2, [], args => 'test=boot.* nonsense', read => 0, like => [qr/unknown argument "nonsense"/]);

# ---- blobs that are none, or only just

row('no-magic', 2, ['header magic 0'], shim => 1, like => [qr/no device tree at 0x87000000 \(a1\): magic 0x0/]);
row('size-huge', 2, ['header totalsize 0x7fffffff'], shim => 1, like => [qr/2147483647 bytes, at most 262144 are supported/]);
row('size-zero', 2, ['header totalsize 0'], shim => 1, like => [qr/no device tree: /]);
row('size-small', 2, ['header totalsize 1000'], shim => 1, like => [qr/no device tree: /]);
row('size-large', 0, ['header totalsize 0x40000'], shim => 1, like => [$whole]);
row('struct-outside', 2, ['header off_dt_struct 0x70000'], shim => 1, like => [qr/no device tree: /]);
row('struct-odd', 2, ['header off_dt_struct 0x3a'], shim => 1, like => [qr/no device tree: FDT_ERR_ALIGNMENT/]);
row('struct-long', 2, ['header size_dt_struct 0x7fffffff'], shim => 1, like => [qr/no device tree: /]);
row('strings-outside', 2, ['header off_dt_strings 0xfffffff0'], shim => 1, like => [qr/no device tree: /]);
row('strings-short', 2, ['header size_dt_strings 8'], shim => 1, like => [qr/no device tree: /]);
row('rsvmap-outside', 2, ['header off_mem_rsvmap 0x70000'], shim => 1, like => [qr/no device tree: /]);
row('version-old', 2, ['header version 1', 'header last_comp_version 1'], shim => 1, like => [qr/no device tree: FDT_ERR_BADVERSION/]);
row('version-new', 2, ['header version 99', 'header last_comp_version 99'], shim => 1, like => [qr/no device tree: FDT_ERR_BADVERSION/]);
row("truncated-$_", 2, ["truncate $_"], shim => 1, like => [qr/^hotwalk: DONE NOTHING /m]) for 1, 7, 39, 100, 3000;

# Bytes at random: what they hit is known to nobody, so only this: it ends, and says how.
row("pokes-$_", 0, ["pokes $_ " . (1 + $_ % 4)], shim => 1, either => 1) for 1 .. 20;

done_testing();
