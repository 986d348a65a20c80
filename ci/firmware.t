#!/usr/bin/env perl
# SPDX-License-Identifier: BSD-2-Clause
# The firmware on a matrix of machines, with seeded faults and with bad input: each row is a run of
# `make run` that has to end as it says. Run by `make check`; alone: prove ci/firmware.t
use strict;
use warnings;
use Test::More;

use FindBin;
use lib $FindBin::Bin;
use Rows;
use Faults;

my $have_vhost = ($tool{QEMU_HAS_VHOST} // '') eq 'y';

# What is about memory that comes and goes; the tests of the machine have ci/machine.t.
my $memory = 'boot.*,table.*,hotplug.*,vmem.*,torture.*';
sub memory_row
{
	my ($name, $status, $vars, @more) = @_;
	my @vars = @$vars;
	my ($args) = grep { $vars[$_] =~ /^ARGS=/ } 0 .. $#vars;
	push @vars, 'ARGS=' if !defined $args;
	$args //= $#vars;
	$vars[$args] .= " test=$memory" if $vars[$args] !~ /test=/;
	row($name, $status, \@vars, @more);
}

my $devices = 'actor.zone_device*,actor.pmem*,actor.dimm.*,actor.numa,actor.mappable,actor.addresses';

# ---- the same verdict on every machine

my $pass = qr/^hotwalk: DONE PASS /m;
my $vmem0 = qr/^# vmem0: virtio-mmio\@[0-9a-f]+ region 0x[0-9a-f]+\+1 GiB/m;
my $builtin = qr/^# vmem0: builtin region /m;

SKIP: {
	skip 'no QEMU with a vhost-user device on this machine', 1 unless $have_vhost;
	row('default', 0, [], suites => [qw(boot table hotplug tlb rfence)], like => [$pass, $vmem0, qr/^# oracle: clean/m]);
	memory_row('one-hart', 0, ['SMP=1'], like => [$pass, $vmem0]);
	memory_row('eight-harts', 0, ['SMP=8', 'MEM=16G'], like => [$pass, $vmem0, qr/harts=8 /]);
	memory_row('first-test', 0, ['ARGS=test=hotplug.follow'], like => [$pass], suites => ['hotplug']);
	memory_row('ipi', 0, ['ARGS=flush=ipi'], like => [$pass, qr/flush=ipi/]);
	memory_row('svinval', 0, ['CPU=rv64,svinval=on', 'ARGS=flush=svinval'], like => [$pass, qr/flush=svinval/]);
	memory_row('single-thread', 0, ['THREAD=single', 'ARGS=flush=ipi'], like => [$pass]);
	memory_row('sv39', 0, ['ARGS=mode=sv39'], like => [$pass, qr/ Sv39 harts=/]);
	memory_row('sv57', 0, ['ARGS=mode=sv57'], like => [$pass, qr/ Sv57 harts=/]);
	# Unplugged blocks may be read: all as before, and the one test that reads them.
	memory_row('readable', 0, ['VMEM_ARGS=--unplugged-readable'], like => [$pass, qr/^# vmem0: virtio-mmio.*unplugged-readable$/m,
		qr/^ok \d+ vmem\.no_inaccessible$/m, qr/^# oracle: clean, .*, [1-9]\d* were read as they may be$/m]);
	# The same driver behind PCI; the change of size comes by the pin, or hotplug.follow fails (pci-pin-first).
	my @pci = (qr/^# vmem0: virtio-pci\@00:01\.0 /m, qr/^# vmem0: interrupt [1-9]/m);
	memory_row('pci', 0, ['VMEM_BUS=pci', 'ARGS=test=hotplug.*,vmem.*'], like => [$pass, @pci, qr/^ok \d+ hotplug\.follow$/m,
		qr/^# oracle: clean/m], suites => [qw(hotplug vmem)]);
	row('pci-four', 0, ['VMEM_BUS=pci', 'VMEM_DEVICES=3', 'PMEM=16M', 'SMP=2', 'ARGS=test=hotplug.neighbours,actor.pmem'],
		like => [$pass, @pci, qr/^# vmem2: virtio-pci\@00:03\.0 /m, qr/^# pmem0: virtio-pci\@00:04\.0 /m,
			qr/^ok \d+ hotplug\.neighbours$/m, qr/^ok \d+ actor\.pmem$/m], suites => [qw(hotplug actor)]);
	# The same pins at another controller.
	row('pci-aplic', 0, ['VMEM_BUS=pci', 'MACHINE=virt,aia=aplic', 'ARGS=test=hotplug.follow'], suites => ['hotplug'],
		like => [$pass, @pci]);
	# By messages of the devices' own, to the boot hart's interrupt file; and told to do without.
	my @msix = ('VMEM_BUS=pci', 'MACHINE=virt,aia=aplic-imsic');
	memory_row('pci-msix', 0, [@msix, 'ARGS=test=hotplug.*,vmem.*'], suites => [qw(hotplug vmem)], like => [$pass, @pci, qr/^# oracle: clean/m,
		qr/^# vmem0: interrupt \d+, a message$/m, qr/^ok \d+ hotplug\.follow$/m, qr/^ok \d+ vmem\.interrupt$/m]);
	row('pci-msix-four', 0, [@msix, 'VMEM_DEVICES=3', 'PMEM=16M', 'SMP=2', 'ARGS=test=hotplug.neighbours,vmem.interrupt,actor.pmem'],
		like => [$pass, @pci, map({ qr/^# virtio-pci\@00:0$_\.0: interrupt \d+, a message, after \d+ us, [1-9]/m } 1 .. 3), qr/^ok \d+ actor\.pmem$/m],
		suites => [qw(hotplug vmem actor)]);
	row('pci-irq-wire', 0, [@msix, 'ARGS=irq=wire test=vmem.interrupt'], suites => ['vmem'], like => [$pass, @pci, qr/interrupt \d+, a wire, after \d+ us, [1-9]/],
		unlike => [qr/a message/]);
	row('pci-irq-poll', 0, [@msix, 'ARGS=irq=poll test=vmem.interrupt,hotplug.follow'], suites => ['hotplug'],
		like => [$pass, qr/^ok \d+ hotplug\.follow$/m, qr/^ok \d+ vmem\.interrupt # SKIP polled: by irq=poll/m], unlike => [qr/^# vmem0: interrupt/m]);
	# Two devices whose regions are neighbours: everything, and in the other modes what concerns them.
	my @two = (qr/^# vmem1: virtio-mmio/m, qr/^ok \d+ hotplug\.neighbours$/m, qr/common: direct map, frame table$/m,
		qr/^# daemon0: oracle: clean/m, qr/^# daemon1: oracle: clean/m);
	memory_row('two-devices', 0, ['VMEM_DEVICES=2'], like => [$pass, @two]);
	memory_row('two-devices-sv39', 0, ['VMEM_DEVICES=2', 'SMP=1', 'ARGS=mode=sv39 test=hotplug.neighbours'], like => [$pass, @two], suites => ['hotplug']);
	memory_row('two-devices-sv57', 0, ['VMEM_DEVICES=2', 'SMP=8', 'ARGS=mode=sv57 flush=ipi test=hotplug.neighbours'], like => [$pass, @two], suites => ['hotplug']);
	memory_row('four-devices', 0, ['VMEM_DEVICES=4', 'VMEM_SIZE=128M', 'ARGS=test=hotplug.neighbours,hotplug.all'],
		like => [$pass, qr/^# vmem3: virtio-mmio/m, qr/^ok \d+ hotplug\.neighbours$/m], suites => ['hotplug']);
	memory_row('two-devices-apart', 0, ['VMEM_DEVICES=2', 'VMEM_SIZE=1G', 'ARGS=test=hotplug.neighbours,hotplug.block'],
		like => [$pass, qr/^ok \d+ hotplug\.neighbours # SKIP needs two devices whose regions meet inside a GiB/m], suites => ['hotplug']);
	# Memory of devices, persistent memory, modules, nodes; the daemon sees what was not flushed.
	row('devices', 0, ['PMEM=16M', 'VMEM_SIZE=1026M', 'VMEM_NODES=3', "ARGS=test=$devices"], suites => ['actor'],
		like => [$pass, qr/^# vmem0: .*, node 3$/m, qr/^# pmem0: virtio-mmio\@[0-9a-f]+ region 0x[0-9a-f]+\+16 MiB$/m,
			map({ qr/^ok \d+ actor\.\Q$_\E$/m } qw(numa pmem zone_device dimm.1g dimm.1g_at_2m)), qr/^# daemon1: pmem: clean, 4096 pages/m]);
	row('nodes-two-devices', 0, ['VMEM_DEVICES=2', 'VMEM_SIZE=64M', 'VMEM_NODES=5 2', 'SMP=1', 'ARGS=test=actor.numa'], suites => ['actor'],
		like => [$pass, qr/^# vmem1: .*, node 2$/m, qr/^ok \d+ actor\.numa$/m]);
	row('module-one-block', 0, ['VMEM_SIZE=256M', 'VMEM_BLOCK=256M', 'ARGS=test=actor.dimm.*'], suites => ['actor'],
		like => [$pass, qr/^# hot-eject 0x[0-9a-f]+\+256 MiB: .*shootdowns 1,/m, qr/^# vmemd: 2 requests: 1 plug, 1 unplug/m]);
	row('pmem-not-flushed', 1, ['PMEM=16M', 'ARGS=test=actor.pmem inject=pmem-flush-skipped'],
		like => [qr/^# daemon1: pmem: FAIL \d+ pages were stored to and not flushed, the first at 0x[0-9a-f]+/m]);
	memory_row('opensbi-old', 0, ["OPENSBI=$tool{OPENSBI_OLD}"], like => [$pass, qr/^# sbi: 1\.0 OpenSBI 1\.1/m])
		if $tool{OPENSBI_OLD};
}
# No QEMU at hand has a virtio-mem of its own for these machines: then this is what it says.
row('native-refused', -1, ['VMEM=native'], like => [qr/VMEM=native: this QEMU has no virtio-mem for its machines: .*virtio-mem-pci/], unlike => [qr/OpenSBI/])
	if `$tool{QEMU} -M none -device virtio-mem-pci,help 2>&1` !~ /requested-size/;
# Operations of all harts at once, with allocations inside, on devices of both kinds; and without any.
my @torture = (suites => ['torture'], like => [$pass, qr/^# torture: 3 rounds, \d{3,} steps: [1-9]/m, qr/^ok \d+ torture\.maps$/m]);
memory_row('torture', 0, ['ARGS=test=torture.* repeat=3'], @torture) if $have_vhost;
memory_row('torture-builtin-ipi', 0, ['VMEM=builtin', 'ARGS=test=torture.* repeat=3 flush=ipi'], @torture);
memory_row('torture-no-device', 0, ['VMEM=none', 'SMP=8', 'ARGS=test=torture.* repeat=3'], suites => ['torture'],
	like => [$pass, qr/^ok \d+ torture\.maps_storm$/m, qr/^ok \d+ torture\.storm # SKIP no virtio-mem device/m]);
# Without end, but for the failure: a fault that the storm of several rounds has to meet.
memory_row('torture-for-ever', 1, ['VMEM=builtin', 'ARGS=test=torture.* repeat=0 inject=move-no-copy'],
	like => [qr/^# torture: repeat with: test=torture\.(?:ops|storm) seed=0x/m, qr/^#   part 0 step \d+: /m, qr/^not ok \d+ torture\.\w+ # found by check/m]);
memory_row("torture-$_->[0]", 1, ["ARGS=test=torture.* inject=$_->[0]"], like => [qr/^not ok \d+ torture\.storm # found by .*$_->[1]/m, qr/^not ok \d+ torture\.ops # found by .*$_->[1]/m])
	for ['no-shootdown', 'probe,model'], ['free-early', 'model'], ['leak-records', 'accounts'];
memory_row('no-floating-point', 0, ['CPU=rv64,f=off,d=off,zfa=off'], like => [$pass]);
memory_row('builtin', 0, ['VMEM=builtin'], like => [$pass, $builtin]);
memory_row('builtin-sv39', 0, ['VMEM=builtin', 'ARGS=mode=sv39 vmem.size=64M'], like => [$pass, $builtin]);
memory_row('builtin-small', 0, ['VMEM=builtin', 'MEM=128M', 'SMP=2'], like => [$pass, $builtin]);
# ---- a built-in device of another kind, or one that does not do as it should
# (each misbehaviour has a test in vmem.*, which every run with VMEM=builtin makes; here from the start)

memory_row('vmem-one-hart', 0, ['VMEM=builtin', 'SMP=1', 'ARGS=test=vmem.*'], like => [$pass], suites => ['vmem']);
memory_row('vmem-eight-harts', 0, ['VMEM=builtin', 'SMP=8', 'ARGS=test=vmem.*'], like => [$pass], suites => ['vmem']);
memory_row('vmem-block-4k', 0, ['VMEM=builtin', 'ARGS=vmem.block=4K test=vmem.state,vmem.error,vmem.accounts,vmem.usable,hotplug.block'],
	like => [$pass, qr/^# vmem0: builtin .*block 4 KiB/m], suites => [qw(vmem hotplug)]);
memory_row('vmem-block-128m', 0, ['VMEM=builtin', 'MEM=2G', 'ARGS=vmem.block=128M vmem.size=512M test=vmem.state,vmem.error,hotplug.all'],
	like => [$pass, qr/^# vmem0: builtin .*block 128 MiB/m], suites => [qw(vmem hotplug)]);
memory_row('vmem-block-1g', 0, ['VMEM=builtin', 'MEM=6G', 'ARGS=vmem.block=1G vmem.size=2G test=vmem.short_answer,hotplug.block'],
	like => [$pass, qr/^# vmem0: builtin .*block 1 GiB/m], suites => [qw(vmem hotplug)]);
memory_row('vmem-leftovers', 0, ['VMEM=builtin', 'ARGS=vmem.fault=leftovers:5,busy:4 test=hotplug.block,hotplug.all'],
	like => [$pass, qr/^# builtin: 10 MiB left plugged by an earlier run/m], suites => ['hotplug']);
memory_row('vmem-leftovers-stay', 1, ['VMEM=builtin', 'ARGS=vmem.fault=leftovers,busy test=boot.*,hotplug.block'],
	like => [qr/^# builtin: leftovers cannot be unplugged: device given up/m,
		qr/^not ok \d+ hotplug\.block /m, qr/^ok \d+ boot\.harts/m]);
memory_row('vmem-features-refused', 1, ['VMEM=builtin', 'ARGS=vmem.fault=features-refused test=boot.*,hotplug.block'],
	like => [qr/^# builtin: device refuses features /m,
		qr/^not ok \d+ hotplug\.block /m, qr/^ok \d+ boot\.harts/m]);
memory_row('vmem-odd-addr', 1, ['VMEM=builtin', 'ARGS=vmem.fault=odd-addr test=boot.*,hotplug.block'],
	like => [qr/^# builtin: config addr 0x[0-9a-f]+ is no multiple of block_size/m, qr/^not ok \d+ hotplug\.block /m, qr/^ok \d+ boot\.harts/m]);
memory_row('vmem-readable', 0, ['VMEM=builtin', 'ARGS=vmem.fault=no-inaccessible test=vmem.no_inaccessible,hotplug.block,hotplug.all'],
	like => [$pass, qr/^# vmem0: builtin .*unplugged-readable/m, qr/^ok \d+ vmem\.no_inaccessible$/m], suites => [qw(vmem hotplug)]);
memory_row('vmem-odd', 0, ['VMEM=builtin', 'ARGS=vmem.fault=noise,late,spurious,torn:40,keep-content test=hotplug.block,hotplug.order,hotplug.follow'],
	like => [$pass], suites => ['hotplug']);
row('devices-builtin', 0, ['VMEM=builtin', 'PMEM=4M', 'SMP=2', "ARGS=test=$devices vmem.node=1 mode=sv39"], suites => ['actor'],
	like => [$pass, qr/^# pmem0: builtin-pmem region /m, qr/^ok \d+ actor\.pmem_refused$/m, qr/^ok \d+ actor\.numa$/m]);
memory_row('vmem-error', 1, ['VMEM=builtin', 'ARGS=vmem.fault=error:1 test=hotplug.block,hotplug.all'],
	like => [qr/^# builtin: ERROR to PLUG .*: device given up/m, qr/^hotwalk: DONE FAIL /m],
	unlike => [qr/PANIC/]);
memory_row('bad-vmem-fault', 2, ['VMEM=builtin', 'ARGS=vmem.fault=busy:3,nonsense'],
	like => [qr/^#   leftovers +3 /m, qr/^hotwalk: DONE NOTHING wrong boot arguments: vmem\.fault=nonsense: no such fault/m]);
memory_row('bad-vmem-fault-count', 2, ['VMEM=builtin', 'ARGS=vmem.fault=busy:0'],
	like => [qr/vmem\.fault=busy:0: no such fault/]);
memory_row('vmem-fault-without', 2, ['VMEM=none', 'ARGS=vmem.fault=busy'],
	like => [qr/^hotwalk: DONE NOTHING .*needs the built-in device/m]);

memory_row('no-model', 0, ['ARGS=model=off'], like => [$pass]);
memory_row('no-device', 0, ['VMEM=none'], like => [$pass, qr/^# vmem: no virtio-mem device/m,
	qr/^ok \d+ hotplug\.all # SKIP no virtio-mem device/m], suites => [qw(boot table)]);
memory_row('old-qemu', 0, ["QEMU=$tool{QEMU_OLD}", 'VMEM=builtin'], like => [$pass, $builtin])
	if $tool{QEMU_OLD};
memory_row('old-both', 0, ["QEMU=$tool{QEMU_OLD}", "OPENSBI=$tool{OPENSBI_OLD}", 'VMEM=builtin', 'ARGS=vmem.size=64M'], like => [$pass])
	if $tool{QEMU_OLD} && $tool{OPENSBI_OLD};

# Any 2 MiB aligned address: the same ELF, loaded elsewhere.
sub move_elf
{
	my ($offset, $to) = @_;
	system("$tool{CROSS_COMPILE}objcopy --change-section-lma '*+$offset' build/hotwalk.elf $to") == 0
		or die "objcopy failed\n";
}
move_elf('0x3e00000', 'build/moved.elf');
memory_row('moved', 0, ['KERNEL=build/moved.elf', 'VMEM=builtin', 'ARGS=vmem.size=64M'], like => [$pass, qr/^# image: 0x84000000/m]);

# ---- seeded faults: the run fails and names how it was seen

# `make faults` runs all of them.
for my $f (fault_sample('memory', 6)) {
	my ($vars, $like) = fault_run($f);
	row("inject-$f", 1, $vars, like => $like);
}
if ($have_vhost) {
	for my $f (qw(no-shootdown unplug-early)) {
		row("oracle-$f", 1, ["ARGS=inject=$f test=hotplug.block,hotplug.all,hotplug.cycles"],
			like => [qr/^# oracle: touched unplugged page 0x/m, qr/^# oracle: FAIL/m]);
	}
	# One device's memory goes, and with it the leaf behind it. With this seed that is the other device's,
	# and in use by all other harts meanwhile.
	row('two-devices-neighbour-leaf', 1, ['VMEM_DEVICES=2', 'ARGS=inject=neighbour-leaf test=hotplug.neighbours seed=1'],
		like => [qr/use beside the operation: .*load page fault/m, qr/^not ok \d+ hotplug\.neighbours # found by probe,accounts$/m]);
	row('two-devices-no-shootdown', 1, ['VMEM_DEVICES=2', 'ARGS=inject=no-shootdown test=hotplug.neighbours'],
		like => [qr/^not ok \d+ hotplug\.neighbours # found by probe,model$/m, qr/^# daemon0: oracle: FAIL/m, qr/^# daemon1: oracle: FAIL/m]);
	# Where loads are allowed, stores are still seen.
	row('oracle-readable', 1, ['VMEM_ARGS=--unplugged-readable', 'ARGS=inject=no-shootdown test=hotplug.traps'],
		like => [qr/^# oracle: touched unplugged page 0x/m, qr/^# oracle: FAIL \d+ pages, [1-9]\d* were read as they may be$/m]);
}

# ---- Linux's order of removal: the model says so of every test that removes, and of nothing else;
# the test that compares the orders takes its own for what it is

row('order-linux', 1, ['ARGS=order=linux test=boot.*,table.*,hotplug.block,hotplug.all,hotplug.teardown,hotplug.reused'],
	like => [qr/^hotwalk .* order=linux$/m, qr/^# order=linux: .*meant to fail$/m,
		qr/^not ok \d+ hotplug\.block # found by model$/m, qr/^not ok \d+ hotplug\.all # found by model$/m,
		qr/^ok \d+ hotplug\.teardown$/m, qr/^ok \d+ hotplug\.reused\b/m,
		qr/^# found by: probe 0, model 2, accounts 0, check 0$/m, qr/^# exposure: whole run: 2 removals: /m, qr/^hotwalk: DONE FAIL 2\//m]);
for my $f (qw(free-early records-early table-freed-first)) {
	row("order-$f", 1, ["ARGS=inject=$f test=hotplug.teardown"],
		like => [qr/^# check: order=safe exposes [1-9]?\d* table pages, [1-9]?\d* record pages$/m, qr/^not ok 1 hotplug\.teardown # found by model,check$/m]);
}

# ---- bad input: a clear line and a sane end

row('bad-argument', 2, ['ARGS=mode=sv39 foo=1'],
	like => [qr/unknown argument "foo=1"/, qr/^#   mode=auto\|sv39/m, qr/^hotwalk: DONE NOTHING /m]);
row('bad-order', 2, ['ARGS=order=arm64'], like => [qr/^hotwalk: DONE NOTHING .*order=arm64: not one of safe, linux/m]);
row('order-without-model', 2, ['ARGS=order=linux model=off'], like => [qr/^hotwalk: DONE NOTHING order=linux: needs model=on/m]);
row('bad-fault', 2, ['ARGS=inject=nonsense'],
	like => [qr/inject=nonsense: no such fault/, qr/no-shootdown /]);
row('bad-test', 2, ['ARGS=test=nosuch.*'], like => [qr/test=nosuch\.\* matches nothing/]);
move_elf('0x10000', 'build/misaligned.elf');
row('misaligned', 3, ['KERNEL=build/misaligned.elf', 'VMEM=builtin'],
	like => [qr/PANIC loaded at 0x0*80210000, which is not a multiple of 2 MiB/]);
row('qemu-dies', 3, ['CPU=nonsense', 'VMEM=builtin'], unlike => [qr/^ok /m]);
if (-x 'build/test/fdt_edit') {
	my $dtb = 'build/run/virt.dtb';
	system('mkdir -p build/run');
	system("$tool{QEMU} -M virt,dumpdtb=$dtb -smp 2 -m 512M -display none >build/run/dumpdtb.log 2>&1");
	system("build/test/fdt_edit $dtb build/run/nomem.dtb delete /memory\@80000000") == 0 or die "fdt_edit failed\n";
	row('no-memory-node', 2, ['VMEM=builtin', 'SMP=2', 'MEM=512M', 'QEMU_ARGS=-dtb build/run/nomem.dtb'],
		like => [qr/^hotwalk: DONE NOTHING the device tree cannot be used: .*(memory|RAM)/m]);
}

done_testing();
