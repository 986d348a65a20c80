#!/usr/bin/env perl
# SPDX-License-Identifier: BSD-2-Clause
# How the firmware is started, and by whom: images with arguments in them, machines that give it
# nothing else, firmware that has less than SBI 2.0, boot loaders that get it wrong.
# Run by `make check`; alone: ROWS=REGEX prove ci/start.t
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Rows;
use Test::More;

my $pass = qr/^hotwalk: DONE PASS /m;
my $builtin = qr/^# vmem0: builtin region /m;
my $images = 'build/run/images';

# `make image` into a folder of its own; what it printed, and whether it was content.
sub make_image
{
	my ($name, @vars) = @_;
	my $dir = "$images/$name";
	my $out = `make --no-print-directory image IMAGE_DIR=$dir @{[map { quote($_) } @vars]} 2>&1`;
	return ($dir, $? == 0, $out);
}

# ---- a machine that gets the combined image and nothing else: 128 MiB, one hart, the built-in device

row('plain', 0, ['run-image', 'IMAGE_DIR=build/run/check/plain'], like => [$pass, $builtin], suites => [qw(boot table hotplug vmem tlb)]);
row('plain-old-qemu', 0, ['run-image', 'IMAGE_DIR=build/run/check/plain-old', "QEMU=$tool{QEMU_OLD}"],
	like => [$pass, $builtin], suites => [qw(boot table hotplug vmem tlb)]) if $tool{QEMU_OLD};
row('plain-args', 0, ['run-image', 'IMAGE_DIR=build/run/check/plain-args', 'ARGS=test=boot.* mode=sv39', 'QEMU_ARGS=-smp 2'],
	like => [$pass, qr/^# args: in the image: test=boot\.\* mode=sv39$/m, qr/ Sv39 harts=2 /, qr/^1\.\.7$/m], suites => ['boot']);

# ---- arguments in the image: the tree's come behind them

my ($dir, $made) = make_image('args', 'ARGS=test=boot.harts mode=sv39');
ok($made, 'images are made');
row('image-args', 0, ["KERNEL=$dir/hotwalk-image.bin", 'VMEM=none'], suites => ['boot'], like => [$pass, qr/ Sv39 harts=/, qr/^1\.\.1$/m]);
row('image-args-elf', 0, ["KERNEL=$dir/hotwalk-image.elf", 'VMEM=none'], suites => ['boot'], like => [$pass, qr/ Sv39 harts=/, qr/^1\.\.1$/m]);
row('image-args-overridden', 0, ["KERNEL=$dir/hotwalk-image.bin", 'VMEM=none', 'ARGS=mode=sv48'], suites => ['boot'],
	like => [$pass, qr/ Sv48 harts=/, qr/^1\.\.1$/m]);

# By hand, as docs/images.md says.
sub patched
{
	my ($name, $text) = @_;
	my $to = "$images/$name.bin";
	open my $in, '<:raw', 'build/hotwalk.bin' or die "build/hotwalk.bin: $!\n";
	local $/;
	my $bytes = <$in>;
	substr($bytes, 72, length $text) = $text;
	open my $out, '>:raw', $to or die "$to: $!\n";
	print $out $bytes;
	close $out or die "$to: $!\n";
	return $to;
}
row('image-args-by-hand', 0, ['KERNEL=' . patched('by-hand', "test=boot.harts\0"), 'VMEM=none'], suites => ['boot'], like => [$pass, qr/^1\.\.1$/m]);
row('image-args-wrong', 2, ['KERNEL=' . patched('wrong', "foo=1\0"), 'VMEM=none'], like => [qr/^hotwalk: DONE NOTHING wrong boot arguments: .*"foo=1"/m]);
row('image-args-endless', 2, ['KERNEL=' . patched('endless', 'x' x 440), 'VMEM=none'],
	like => [qr/^hotwalk: DONE NOTHING the arguments of the image have no end: at most 439 bytes$/m]);

for (['too long', 'x' x 440, qr/440 characters, at most 439 fit/], ['not printable', "test=\x01", qr/cannot be printed/]) {
	my ($what, $args, $says) = @$_;
	my ($to, $made, $out) = make_image('refused', "ARGS=$args");
	ok(!$made, "$what: refused");
	like($out, $says, "$what: says so");
}

# Where RAM begins elsewhere: the combined image is position independent.
row('image-moved', 0, ['run-sim', "IMAGE=$dir/hotwalk-opensbi.bin", 'VMEM=none', 'SMP=2', 'SIM_ARGS=--ram-base 0x40000000',
	'ARGS=test=boot.harts mode=sv48'], suites => ['boot'], like => [$pass, qr/^# image: 0x40200000/m, qr/ Sv48 harts=2 /]) if -x 'build/hotwalk-sim';

# ---- checksums, size

sub checked
{
	return system("cd $dir && sha256sum --status -c hotwalk-image.sha256 2>/dev/null") == 0;
}
ok(checked(), 'checksums agree');
system("printf x | dd of=$dir/hotwalk-opensbi.bin bs=1 seek=3000 conv=notrunc 2>/dev/null");
ok(!checked(), 'and see a byte that changed');

# Debug information stays at home, and newer U-Boots take no FIT image without a timestamp (by dtc alone).
cmp_ok(-s "$dir/hotwalk-image.elf", '<', 2 * -s "$dir/hotwalk-image.bin", 'the ELF is not much larger than the raw image');
is(system("grep -q timestamp $dir/hotwalk-image.itb"), 0, 'the FIT image has a timestamp') if -f "$dir/hotwalk-image.itb";
# Turn red when code grows, or when it is no longer built for size (SMALL=-O2: 454 kB).
cmp_ok(-s 'build/hotwalk.bin' // 'inf', '<=', 432 * 1024, 'all tests fit 432 KiB');
cmp_ok(-s "$dir/hotwalk-image.bin.gz" // 'inf', '<=', 256 * 1024, 'and 256 KiB compressed');
is(system("gzip -dc $dir/hotwalk-image.bin.gz | cmp -s - $dir/hotwalk-image.bin"), 0, 'the compressed image is the raw one');

my $small = 'boot table hotplug vmem';
is(system("make --no-print-directory all SUITES='$small' >/dev/null 2>&1"), 0, 'an image of some suites is made');
cmp_ok(-s 'build/hotwalk-suites.bin' // 'inf', '<=', 224 * 1024, "SUITES='$small' fits 224 KiB");
row('suites', 0, ["SUITES=$small", 'VMEM=builtin', 'ARGS=test=boot.*,table.*,tlb.*'], suites => [qw(boot table)], like => [$pass], unlike => [qr/ tlb\./]);
for (['SUITES=nosuch', qr/there is no suite nosuch/], ['LOAD_ADDR=0x80210000', qr/LOAD_ADDR is not a multiple of 2 MiB/]) {
	my $out = `make --no-print-directory all $_->[0] 2>&1`;
	ok($? != 0 && $out =~ $_->[1], "$_->[0] is refused");
}

# ---- U-Boot, where Debian's u-boot-qemu is installed, or UBOOT= names one

my ($uboot) = grep { defined && -f } $ENV{UBOOT}, '/usr/lib/u-boot/qemu-riscv64_smode/u-boot.bin';
SKIP: {
	skip 'no U-Boot on this machine (UBOOT=u-boot.bin)', 1 unless $uboot;
	my ($dir) = make_image('uboot', 'ARGS=test=boot.* seed=7');
	my $uboot_row = sub {
		my ($name, $command, @more) = @_;
		row("uboot-$name", @more[0 .. 0], ['run-uboot', "UBOOT=$uboot", "IMAGE_DIR=$dir", "COMMAND=$command", 'SMP=2'], @more[1 .. $#more]);
	};
	my @boots = (like => [$pass, qr/ harts=2 .*seed=0x7$/m, qr/^# image: 0x80200000/m], suites => ['boot']);
	$uboot_row->('booti', 'booti 84000000 - ${fdtcontroladdr}', 0, @boots);
	$uboot_row->('go', 'go 84000000', 2, like => [qr/^hotwalk: DONE NOTHING no device tree at .*with U-Boot say 'booti/m]);
	$uboot_row->('bootm', 'bootm 88000000 - ${fdtcontroladdr}', 0, @boots) if -f "$dir/hotwalk-image.itb";
	# U-Boot unpacks to an address of its own first: not every one has a default.
	my $comp = sprintf 'setenv kernel_comp_addr_r 8a000000; setenv kernel_comp_size %x; ', -s "$dir/hotwalk-image.bin.gz";
	$uboot_row->('booti-gzip', $comp . 'booti 85000000 - ${fdtcontroladdr}', 0, @boots);
	$uboot_row->('bootm-gzip', 'bootm 89000000 - ${fdtcontroladdr}', 0, like => [@{$boots[1]}, qr/Uncompressing Kernel Image/],
		suites => ['boot']) if -f "$dir/hotwalk-gzip.itb";
}


# ---- SBI that has less: the emulator's own (--sbi), which lets all harts in at once

my $sim = -x 'build/hotwalk-sim';
sub sbi_row
{
	my ($name, $sbi, $tests, %more) = @_;
	my $harts = delete $more{harts} // 4;
	my $vmem = delete $more{vmem} // 'none';
	row("sbi-$name", $more{status} // 0, ['run-sim', "SMP=$harts", "VMEM=$vmem", "ARGS=test=$tests", "SIM_ARGS=--sbi $sbi --timeout-insns 8000000000"],
		suites => ['boot'], %more) if $sim;
}
sbi_row('no-hsm', 'time,ipi,rfence,srst,dbcn', 'boot.*,rfence.remap.4k.*,hsm.*', suites => [qw(boot rfence)],
	like => [$pass, qr/^# sbi: no HSM extension: 3 harts came in with the boot hart$/m, qr/ harts=4 /,
		qr/^ok \d+ rfence\.remap\.4k\.load$/m, qr/^ok \d+ hsm\.stop\.4k\.load # SKIP this SBI has no HSM$/m], unlike => [qr/^(?:not )?ok \d+ hsm\.\S+$/m]);
sbi_row('no-hsm-many', 'time,ipi,rfence,srst,dbcn', 'boot.*', harts => 64, like => [$pass, qr/: 63 harts came in/, qr/ harts=64 /]);
sbi_row('no-hsm-some', 'time,ipi,rfence,srst,dbcn', 'boot.* harts=2', like => [$pass, qr/: 3 harts came in/, qr/ harts=2 /]);
sbi_row('no-hsm-memory', 'time,ipi,rfence,srst,putchar', 'boot.*,table.live,hotplug.block,hotplug.all', vmem => 'builtin', suites => [qw(boot table hotplug)],
	like => [$pass, qr/^# console: SBI putchar$/m, qr/ harts=4 /]);
sbi_row('no-ipi', 'time,rfence,srst,dbcn', 'boot.*', like => [$pass, qr/^# sbi: no IPI extension: the boot hart runs alone$/m]);
sbi_row('no-rfence', 'time,ipi,srst,dbcn', 'boot.*,table.*', like => [$pass, qr/ harts=4 /, qr/; flush=ipi$/m]);
# OpenSBI starts one hart: none is in the waiting room.
row('sbi-hsm-hidden', 0, ['run-sim', 'SMP=4', 'VMEM=none', 'ARGS=test=boot.*', 'SIM_ARGS=--hide-sbi hsm'], suites => ['boot'],
	like => [$pass, qr/^# sbi: no HSM extension: 0 harts came in with the boot hart, it runs alone$/m]) if $sim;

# ---- no console in SBI: the UART that the tree names; a queue that is full loses what is not waited for

my $lines = qr/\A(?:.*\n)*hotwalk \d.*\n(?:(?:#|ok \d|KTAP version 1$|1\.\.|hotwalk: DONE|hotwalk-run: PASS).*\n)+\z/m;
for my $uart ('ns16550a', 'snps,dw-apb-uart', 'sifive,uart0', 'litex,liteuart') {
	sbi_row("uart-$uart", "time,ipi,rfence,srst --uart $uart", 'boot.*,rfence.remap.4k.*,asid.tags.*', suites => [qw(boot rfence asid)],
		like => [$pass, qr/^# console: $uart$/m, $lines]);
}
sbi_row('uart-none', 'time,ipi,rfence,srst --uart none', 'boot.*', status => 3, like => [qr/hotwalk-run: CRASH/], unlike => [qr/^ok /m]);

# ---- started as it must not be: says so, says what to do, and stops

my $entry = "$images/entry";
sub wrong_row
{
	my ($case, $status, $says) = @_;
	mkdir $images;
	assemble('ci/entry.S', "$entry-$case.bin", '0x80200000', "-DCASE_$case", '-DFIRMWARE=0x80400000') or die "ci/entry.S: $case\n";
	row('wrong-' . lc $case, $status, ["KERNEL=$entry-$case.bin", 'VMEM=none', 'SMP=1',
		'QEMU_ARGS=-device loader,file=build/hotwalk.bin,addr=0x80400000,force-raw=on'], like => [$says], unlike => [qr/^ok /m]);
}
my $no_tree = qr/^hotwalk: DONE NOTHING no device tree at 0x\w+ \(a1\): magic 0x\w+, a0 is 0x\w+: with U-Boot say 'booti/m;
wrong_row('GO', 2, $no_tree);
wrong_row('FAULT', 2, $no_tree);
wrong_row('EFI', 2, qr/^hotwalk: DONE NOTHING started by EFI .*booti or bootm/m);
wrong_row('TRANSLATED', 3, qr/^hotwalk: PANIC translation is on at entry, satp 0x8.*booti or bootm/m);
my $m_mode = qr/^hotwalk: DONE NOTHING started in M-mode: .*hotwalk-opensbi\.bin holds both/m;
row("wrong-m-mode-$_", 2, ['OPENSBI=build/hotwalk.bin', 'VMEM=none', "SMP=$_"], like => [$m_mode], unlike => [qr/^ok /m]) for 1, 4;
row('wrong-m-mode-sim', 2, ['run-sim', 'OPENSBI=build/hotwalk.bin', 'VMEM=none', 'SMP=2'], like => [$m_mode], unlike => [qr/^ok /m]) if $sim;
# Not M-mode, though satp has no effect.
row('wrong-satp-late', 3, ['run-sim', 'VMEM=none', 'SIM_ARGS=--fault satp-mode-late'], like => [qr/PANIC satp holds Sv39, but/], unlike => [qr/M-mode/]) if $sim;

done_testing();
