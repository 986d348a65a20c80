# SPDX-License-Identifier: BSD-2-Clause
# The machines that the firmware has to pass on: what make is told, and what the run has to say of the
# machine (mode, harts, OpenSBI, where RAM begins and the image lies, whether interrupts came), so that
# none is another than it claims.
# Used by ci/machines.pl (all of them, as a table) and ci/machines.t (some, drawn by seed).
package Machines;
use strict;
use warnings;
use Exporter 'import';
use Rows;
our @EXPORT = qw(@machines machine_run);

my $dir = 'build/run/machines';
my $vhost = $tool{QEMU_HAS_VHOST} ? 1 : 0;
my %sbi = map { m{opensbi-([\d.]+)} ? ($1 => $_) : () } split ' ', $tool{OPENSBI_ALL} // '';
my $newest = $tool{OPENSBI_VERSION} // '';
my %has = map { /^(\S+)/ ? ($1 => 1) : () } `$tool{QEMU} -M help`;

# One test of each kind, and one kind of access of each probe.
my $tests = 'boot.*,table.*,hotplug.block,hotplug.used,vmem.interrupt,vmem.requested,tlb.remap.4k.load,tlb.unmap.2m.*,' .
	'rfence.remap.4k.load,ad.*.load,asid.tags.*,satp.root.*,svinval.remap.4k.*,svnapot.*.load,svpbmt.*.load';

our @machines;

# mode: as the banner says it. base, image: the lowest RAM, and where the image begins. wire: a device
# interrupt has to arrive (vhost only), and if it says message, by one that the device sent itself. goal:
# of make. tree, files: what has to be made for it. long: minutes, so not in the sample of ci/machines.t.
sub machine
{
	my ($name, %x) = @_;
	push @machines, {name => $name, machine => 'virt', cpu => 'rv64', harts => 4, mode => 'Sv48', sbi => $newest,
		base => '0x80000000', image => '0x80200000', wire => $vhost, vars => [], args => '', tests => $tests, goal => 'run', %x};
}

# Interrupt controllers, and TCG with one thread and with several.
machine("virt-plic-$_", thread => $_) for qw(multi single);
machine("virt-aplic-$_", machine => 'virt,aia=aplic', thread => $_) for qw(multi single);
machine("virt-imsic-$_", machine => 'virt,aia=aplic-imsic', thread => $_) for qw(multi single);
machine('virt-imsic-guests', machine => 'virt,aia=aplic-imsic,aia-guests=3', harts => 2);

# Behind PCI: messages of the device's own (MSI-X), or its pin, by the controller or because it is told so; or neither.
if ($vhost) {
	my @pci = (vars => ['VMEM_BUS=pci']);
	my @msix = (machine => 'virt,aia=aplic-imsic', wire => 'message', @pci);
	machine("virt-msix-$_", @msix, thread => $_) for qw(multi single);
	machine('virt-msix-guests', @msix, machine => 'virt,aia=aplic-imsic,aia-guests=3', harts => 2);
	machine('virt-msix-one-hart', @msix, harts => 1);
	# What M-mode has not delegated (see below) are sources; messages need none of them.
	machine("virt-msix-opensbi-$_", @msix, sbi => $_, vars => ['VMEM_BUS=pci', "OPENSBI=$sbi{$_}"]) for grep { $_ ne $newest } sort keys %sbi;
	machine('virt-pci-plic', @pci);
	machine('virt-pci-aplic', machine => 'virt,aia=aplic', @pci);
	machine('virt-pci-imsic-wire', @msix, wire => 'wire', args => 'irq=wire');
	machine('virt-pci-poll', @msix, wire => 0, args => 'irq=poll', off => qr/^ok \d+ vmem\.interrupt$/m);
}

# Modes, harts, cores.
machine("virt-$_", mode => ucfirst $_, args => "mode=$_") for qw(sv39 sv48 sv57);
machine("virt-harts-$_", harts => $_) for 1, 2, 8;
machine("virt-$_->[0]", cpu => $_->[0], mode => $_->[1], harts => 2)
	for ['max', 'Sv48'], ['rva22s64', 'Sv39'], ['rva23s64', 'Sv39'], ['sifive-u54', 'Sv39'], ['thead-c906', 'Sv39'], ['veyron-v1', 'Sv48'],
	['xiangshan-nanhu', 'Sv39'];
machine("virt-extensions-$_", cpu => 'rv64,svinval=true,svnapot=true,svpbmt=true', mode => ucfirst $_, args => "mode=$_", harts => 2)
	for qw(sv39 sv48 sv57);

# The same, told not to use them: none of their tests runs, and messages give way to polling.
machine("virt-ext-off-$_", cpu => 'rv64,svinval=true,svnapot=true,svpbmt=true', mode => ucfirst $_, harts => 2, wire => 0,
	machine => 'virt,aia=aplic-imsic', args => "mode=$_ ext=-svinval,-svnapot,-svpbmt,-sstc,-ssaia",
	off => qr/^ok \d+ (?:(?:svinval|svpbmt)\.\S+|vmem\.interrupt)$|^# (?:in use: timer|timer:.*) by stimecmp|memory types PMA, NC/m)
	for qw(sv39 sv48 sv57);

# Every test of every suite, in each mode: with all that QEMU's largest core has, with none of it used,
# and on the emulator.
my $all_off = 'asid=0 ext=-svinval,-svnapot,-svpbmt,-svadu,-svade,-svvptc,-sstc,-ssaia,-fwft';
for my $mode (qw(sv39 sv48 sv57)) {
	my @all = (mode => ucfirst $mode, tests => '*', long => 1);
	machine("all-max-$mode", @all, cpu => 'max,svade=true', args => "mode=$mode");
	machine("all-builtin-$mode", @all, cpu => 'max,svade=true', args => "mode=$mode", wire => 0, vars => ['VMEM=builtin']);
	machine("all-off-$mode", @all, cpu => 'max,svade=true', args => "mode=$mode $all_off", wire => 0, vars => ['VMEM=builtin'],
		off => qr/^ok \d+ (?:svinval\.|svnapot\.(?!reserved)|svpbmt\.|ad\.fwft|asid\.(?!\w*global))\S+$|^# (?:in use: timer|timer:.*) by stimecmp|memory types PMA, NC/m);
	machine("all-sim-$mode", @all, machine => 'hotwalk-sim', cpu => 'its own', harts => 2, args => "mode=$mode", wire => 0, goal => 'run-sim', vars => ['VMEM=builtin'])
		if -x 'build/hotwalk-sim';
}

# OpenSBI, from the oldest; by fw_jump; with whatever RFENCE does and without.
machine("virt-opensbi-$_", sbi => $_, vars => ["OPENSBI=$sbi{$_}"]) for grep { $_ ne $newest } sort keys %sbi;
# QEMU 11's tree says riscv,delegation, which 1.1 does not know: M-mode keeps all sources, so this is a
# machine on which no interrupt arrives, and vmem.interrupt has to say so.
machine("virt-imsic-opensbi-$_", sbi => $_, machine => 'virt,aia=aplic-imsic', vars => ["OPENSBI=$sbi{$_}"], $_ eq '1.1' ? (wire => 0, fails => 'vmem.interrupt') : ())
	for grep { $_ ne $newest && $_ !~ /^0/ } sort keys %sbi; # 0.9 knows no IMSIC
machine('virt-fw-jump', vars => ["OPENSBI=$tool{FW_JUMP}"]) if $tool{FW_JUMP};
for my $version (grep { $_ ne $newest } sort keys %sbi) {
	my $jump = $sbi{$version} =~ s/fw_dynamic/fw_jump/r;
	# The lottery of 1.5 leaves a hart behind now and then, by fw_jump only (docs/machines.md).
	machine("virt-fw-jump-$version", harts => $version =~ /^1\.5\b/ ? 1 : 2, sbi => $version, vars => ["OPENSBI=$jump"]) if -f $jump;
}
# As its payload, in one file, on a machine that gets nothing else.
machine('virt-payload', goal => 'run-image', harts => 2, wire => 0, vars => ["IMAGE_DIR=$dir/payload", 'QEMU_ARGS=-smp 2']) if $tool{FW_JUMP};
machine("virt-flush-$_", args => "flush=$_") for qw(ipi sbi);
machine('virt-old-qemu', wire => 0, harts => 2, sbi => '1.1', vars => ["QEMU=$tool{QEMU_OLD}", "OPENSBI=$tool{OPENSBI_OLD}", 'VMEM=builtin'])
	if $tool{QEMU_OLD} && $tool{OPENSBI_OLD};

# Much, and far away: two NUMA nodes; the command line of the series' cover letter, with the device
# that stock QEMU has; RAM at 4 GiB only, while the image stays below it.
my $letter = 'rv64,v=true,vlen=256,elen=64,h=true,zbkb=on,zbkc=on,zbkx=on,zkr=on,zkt=on,svinval=on,svnapot=on,svpbmt=on';
if ($vhost) {
	# The slots' PLIC has no wire to the first node's harts: the second one's is theirs.
	machine('virt-numa', harts => 4, wire => 0, vars => ['NUMA=2', 'SMP=4,sockets=2,cores=2']);
	# Two sockets are two CLINTs, beside which OpenSBI 1.9 loses harts if there are IMSICs
	# (docs/machines.md): without them, and with an OpenSBI that does not.
	my @sockets = (machine => 'virt,aia=aplic-imsic,aclint=on', harts => 4);
	my @nodes = ('NUMA=2', 'SMP=4,sockets=2,cores=2');
	machine('virt-numa-imsic', @sockets, vars => [@nodes]);
	machine('virt-numa-clint', @sockets, machine => 'virt,aia=aplic-imsic', sbi => '1.6', vars => [@nodes, "OPENSBI=$sbi{'1.6'}"]) if $sbi{'1.6'};
	my @letter = (machine => 'virt,aia=aplic-imsic', cpu => $letter, harts => 8);
	my @memory = ('MEM=14G', 'VMEM_SIZE=1984M', 'MEM_MORE=slots=3,maxmem=32G');
	machine('letter', @letter, vars => [@memory]);
	machine('letter-pci', @letter, wire => 'message', vars => [@memory, 'VMEM_BUS=pci']);
	machine('letter-numa', @letter, machine => 'virt,aia=aplic-imsic,aclint=on', vars => [@memory, 'NUMA=2', 'SMP=8,sockets=2,cores=4']);
}
# RAM at 4 GiB only, with the image below it, and with all of it there: QEMU starts a jump to OpenSBI.
my $high_tree = sub {
	my $file = shift;
	system("$tool{QEMU} -M virt,dumpdtb=$file.in -smp 2 -m 5G -display none >$file.log 2>&1") == 0
		&& edit("$file.in", $file, 'set /memory@80000000 reg u64 0x100000000 0xc0000000');
};
my @high = (harts => 2, wire => 0, base => '0x100000000', tree => $high_tree);
my @high_vars = ('VMEM=builtin', 'MEM=5G');
machine('virt-ram-4g', @high, vars => [@high_vars]);
machine('virt-all-4g', @high, image => '0x100200000', vars => [@high_vars, 'LOAD_ADDR=0x100200000', 'KERNEL=build/hotwalk-0x100200000.elf'],
	files => sub { start_at('0x100000000', $tool{OPENSBI}) });
machine('virt-all-4g-payload', @high, image => '0x100200000', vars => [@high_vars], files => sub {
	make_quietly('image', "IMAGE_DIR=$dir/payload-4g") ? start_at('0x100000000', "$dir/payload-4g/hotwalk-opensbi.bin") : ();
}) if $tool{FW_JUMP};

# The image elsewhere: an ELF goes where it says, a raw one behind the firmware, which is larger here. Not
# a multiple of 4 MiB: two superpages that no larger leaf could hold together.
machine('virt-image-elf', harts => 2, image => '0x85600000', vars => ['LOAD_ADDR=0x85600000', 'KERNEL=build/hotwalk-0x85600000.elf']);
machine('virt-image-raw', harts => 2, image => '0x81600000', files => sub {
	system("cp $tool{OPENSBI} $dir/larger.bin && chmod u+w $dir/larger.bin && truncate -s 21M $dir/larger.bin") == 0 ? "OPENSBI=$dir/larger.bin" : ();
});

# RAM at 0x40000000, which no machine of QEMU has.
machine('sim-ram-1g', goal => 'run-sim', machine => 'hotwalk-sim', cpu => '', harts => 2, wire => 0, base => '0x40000000', image => '0x40200000',
	vars => ['VMEM=builtin', 'SIM_ARGS=--ram-base 0x40000000']);

# Boards: hart 0 is off and has no MMU, nothing to exit by, no virtio.
my @board = (cpu => '', mode => 'Sv39', wire => 0, harts => 4);
machine('sifive_u', @board, machine => 'sifive_u', vars => ['SMP=5', 'MEM=2G', 'VMEM=builtin']);
machine('icicle', @board, sbi => undef, machine => 'microchip-icicle-kit',
	vars => ['SMP=5', 'MEM=2G', 'VMEM=builtin', 'OPENSBI=', 'SERIAL=-serial null -serial stdio'],
	# QEMU hands it on untouched: arguments go into it.
	tree => sub {
		my ($file, $args) = @_;
		system('build/test/fdt_board', 'icicle', "$file.in") == 0 && edit("$file.in", $file, "set /chosen bootargs string $args");
	});
# A console through HTIF. QEMU gives its harts no time CSR, so what the tree says of Sstc is not true.
machine('spike', machine => 'spike', cpu => 'rv64,sstc=false', wire => 0, harts => 2, vars => ['VMEM=builtin']) if $has{spike};

# RAM from 0: two pieces of it, IMSICs, up to eight harts with Svade; one hart, and OpenSBI in the middle.
machine('tt-atlantis', machine => 'tt-atlantis', cpu => '', wire => 0, base => '0x0', image => '0x200000', vars => ['MEM=3G', 'VMEM=builtin'])
	if $has{'tt-atlantis'};
machine('k230', machine => 'k230', cpu => '', mode => 'Sv48', harts => 1, wire => 0, base => '0x0', image => '0x8200000', vars => ['MEM=2G', 'VMEM=builtin'],
	tree => sub { system('build/test/fdt_board', 'k230', shift) == 0 }) if $has{k230};

# A QEMU that begins with a jump to @firmware, which is loaded to @at.
sub start_at
{
	my ($at, $firmware) = @_;
	return assemble('ci/shim.S', "$dir/jump.bin", '0x80000000', "-DFIRMWARE=$at")
		? ("OPENSBI=$dir/jump.bin", "QEMU_ARGS=-device loader,file=$firmware,addr=$at,force-raw=on") : ();
}

sub make_quietly
{
	return system(join ' ', 'make --no-print-directory', (map { quote($_) } @_), '>/dev/null 2>&1') == 0;
}

sub edit
{
	my ($from, $to, $command) = @_;
	return system('build/test/fdt_edit', $from, $to, split ' ', $command) == 0;
}

# Run @m. Returns what is wrong (nothing: it passed), what it measured, and all that it printed.
sub machine_run
{
	my $m = shift;
	my $args = join ' ', "test=$m->{tests}", $m->{args} || ();
	my @vars = ("MACHINE=$m->{machine}", "CPU=$m->{cpu}", "SMP=$m->{harts}", 'THREAD=' . ($m->{thread} // 'multi'), "ARGS=$args",
		'TIMEOUT=' . ($m->{long} ? 3600 : 300));
	my @wrong;
	system("mkdir -p $dir");
	if ($m->{tree}) {
		-x 'build/test/fdt_edit' or return (["libfdt's source is not here"], {}, '');
		$m->{tree}->("$dir/$m->{name}.dtb", "vmem=builtin $args") or return (['no tree'], {}, '');
		push @vars, "DTB=$dir/$m->{name}.dtb";
	}
	if ($m->{files}) {
		my @files = $m->{files}->() or return (['what it takes cannot be made'], {}, '');
		push @vars, @files;
	}
	# Later ones win.
	my ($status, $out) = run_make("machines-$m->{name}", $m->{goal}, @vars, @{$m->{vars}});
	my %got = (mode => '-', harts => '-', sbi => '-', base => '-', image => '-', result => '-');
	($got{mode}, $got{harts}) = ($1, $2) if $out =~ /^hotwalk \S+ \(git [^)]*\) (Sv\d+) harts=(\d+)/m;
	$got{sbi} = $1 if $out =~ /^# sbi: \S+ OpenSBI ([\d.]+);/m;
	$got{base} = $1 if $out =~ /^# ram: (0x[0-9a-f]+)-/m;
	$got{image} = $1 if $out =~ /^# image: (0x[0-9a-f]+)-/m;
	$got{result} = $1 if $out =~ /^hotwalk: DONE (.*?)$/m;
	# fails: the one test that has to see what is wrong with this machine, and no other.
	my $failed = join ',', $out =~ /^not ok \d+ (\S+)/mg;
	my $due = $m->{fails} // '';
	push @wrong, "exit status $status" if $status ne ($due ? '1' : '0');
	push @wrong, "verdict $got{result}" if $got{result} !~ ($due ? qr/^FAIL/ : qr/^PASS/);
	push @wrong, "'$failed' failed, not '$due'" if $failed ne $due;
	push @wrong, "lost: $_" for $out =~ /^# (hart.*(?:left out|does not start|did not arrive).*)$/mg;
	push @wrong, "mode $got{mode}, not $m->{mode}" if $got{mode} ne $m->{mode};
	push @wrong, "$got{harts} harts, not $m->{harts}" if $got{harts} ne $m->{harts};
	push @wrong, "RAM from $got{base}, not $m->{base}" if $got{base} ne $m->{base};
	push @wrong, "image at $got{image}, not $m->{image}" if $got{image} ne $m->{image};
	# A version's last number is not told through SBI.
	push @wrong, "OpenSBI $got{sbi}, not $m->{sbi}" if defined $m->{sbi} && $got{sbi} ne '-' && index("$m->{sbi}.", "$got{sbi}.") != 0;
	# off: tests that may not have run.
	push @wrong, "ran all the same: $1" if $m->{off} && $out =~ /($m->{off})/;
	$got{wire} = $out !~ /^ok \d+ vmem\.interrupt$/m ? 'polled' : $out =~ /^# \S+: interrupt \d+, a message, after/m ? 'message' : 'wire';
	push @wrong, 'no interrupt of a device arrived' if $m->{wire} && $got{wire} eq 'polled';
	push @wrong, "interrupts came by $got{wire}" if $m->{wire} && $got{wire} ne 'polled' && $got{wire} ne ($m->{wire} eq 'message' ? 'message' : 'wire');
	return (\@wrong, \%got, $out);
}

1;
