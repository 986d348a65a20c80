# SPDX-License-Identifier: BSD-2-Clause
# The seeded faults of the firmware (mm/fault.c): which tests have to find each, on which machine, and
# what the run prints then. Used by ci/faults.pl, ci/firmware.t and ci/machine.t.
package Faults;
use strict;
use warnings;
use Exporter 'import';
use Rows;
our @EXPORT = qw(%fault fault_names fault_run fault_sample);

# One test of each kind; the long ones (cycles, storm) say no more.
my $kinds = 'boot.*,table.*,hotplug.block,hotplug.all,hotplug.traps,hotplug.nomem,hotplug.second_root,hotplug.used,hotplug.hole';

# The line of a test that has to fail, and by what evidence at least.
sub by
{
	my ($test, @evidence) = @_;
	my $words = join '.*', @evidence;
	return qr/^not ok \d+ \Q$test\E # found by .*$words/m;
}

# tests: the selection. vars: further variables of make; args: further boot arguments.
# like: what is printed beside the fault's name and the verdict. sim: QEMU cannot show it, so on the
# emulator, with these options of it. Of code that changes tables and plugs memory:
my %memory = (
	# with one test of each kind
	'no-shootdown' => {like => [qr/found by probe,model$/m]},
	'no-fence' => {like => [qr/found by probe,model/m]},
	'free-early' => {like => [qr/found by model$/m]},
	'leak-table' => {like => [qr/found by accounts$/m]},
	'unplug-early' => {like => [qr/found by model$/m]},
	'no-map-fence' => {like => [qr/found by model$/m]},
	'small-leaf' => {like => [qr/^not ok \d+ hotplug\.all # found by accounts/m]},
	'map-reserved' => {like => [qr/^not ok \d+ boot\.direct_map # found by check/m]},
	'addressed-fence' => {like => [qr/found by model$/m]},
	'leak-records' => {like => [qr/found by accounts$/m]},
	'records-early' => {like => [qr/found by model$/m]},
	'records-first' => {like => [qr/found by model$/m]},
	'move-no-copy' => {like => [qr/^not ok \d+ hotplug\.used # found by check/m]},
	'undo-forgotten' => {like => [qr/^not ok \d+ hotplug\.nomem # found by .*accounts/m]},
	'pgd-late' => {like => [qr/^not ok \d+ hotplug\.second_root # found by /m]},
	# with those that it concerns
	'neighbour-leaf' => {tests => 'table.*', like => [qr/^not ok \d+ table\.live # found by probe/m]},
	'double-free' => {tests => 'table.split,table.random', like => [by('table.split', 'accounts')]},
	'wrong-owner' => {tests => 'boot.modes,hotplug.block', like => [by('boot.modes', 'accounts'), by('hotplug.block', 'accounts')]},
	'table-freed-first' => {tests => 'table.live', like => [by('table.live', 'model')]},
	'split-no-fence' => {tests => 'table.live', like => [by('table.live', 'model')]},
	'stale-merge' => {tests => 'hotplug.hole', like => [by('hotplug.hole', 'model')]},
	'one-page-short' => {tests => 'hotplug.hole,table.split', like => [by('hotplug.hole', qw(probe model accounts)), by('table.split', qw(accounts check))]},
	'protect-whole' => {tests => 'table.split,table.nomem', like => [by('table.split', 'check'), by('table.nomem', 'check')]},
	'canonical-unchecked' => {tests => 'table.errors', like => [by('table.errors', 'check')]},
	'undo-tables' => {tests => 'table.nomem', like => [by('table.nomem', 'check')]},
	'fence-u16' => {tests => 'table.live', like => [by('table.live', qw(probe model))]},
	'size-as-end' => {tests => 'table.live', like => [by('table.live', qw(probe model))]},
	(map { ($_ => {tests => 'hotplug.below', like => [by('hotplug.below', 'check')]}) } qw(max-pfn-assigned max-pfn-stuck)),
	(map { ($_ => {tests => 'hotplug.errors', like => [by('hotplug.errors', 'check')]}) } qw(overlap-accepted range-unchecked mappable-unchecked)),
	'pin-ignored' => {tests => 'hotplug.refuse', like => [by('hotplug.refuse', qw(probe accounts check))]},
	'busy-as-error' => {tests => 'hotplug.refuse,hotplug.tables_pin,hotplug.records_pin',
		like => [map { by("hotplug.$_", 'check') } qw(refuse tables_pin records_pin)]},
	'free-count-kept' => {tests => 'hotplug.block', like => [by('hotplug.block', 'accounts')]},
	'plug-kept' => {tests => 'hotplug.nomem', like => [by('hotplug.nomem', 'accounts')]},
	'nack-ignored' => {tests => 'vmem.requested', like => [by('vmem.requested', 'check')]},
	'trap-cause' => {tests => 'boot.traps', like => [by('boot.traps', 'probe')]},
	'timer-lost' => {tests => 'boot.timer', like => [by('boot.timer', 'check')]},
	'ext-ignored' => {tests => 'boot.memory_types,boot.timer,actor.memory_type_refused', vars => ['CPU=rv64,svpbmt=true'], args => 'ext=-svpbmt,-sstc',
		like => [map { by($_, 'check') } qw(boot.memory_types boot.timer actor.memory_type_refused)]},
	'job-lost' => {tests => 'boot.harts', like => [by('boot.harts', 'check')]},
	# A second interrupt arrives, or none does; what was lost outside a test the next one has to say.
	'wake-lost' => {tests => 'boot.harts', args => 'timeout=10',
		like => [qr/^# hart3: SBI says started; it sleeps, its work not taken up; a second interrupt woke it: the first one was lost$/m,
			qr/^not ok \d+ boot\.harts # TIMEOUT$/m]},
	'hart-hangs' => {tests => 'boot.modes', args => 'timeout=10',
		like => [qr/^# hart1: SBI says started; its work not ended; a second interrupt does not reach it either/m,
			qr/^# check: before this test: hart1 \(id \d+\) was lost$/m, by('boot.modes', 'check')]},
	# with harts that change the table beside each other
	'table-unlocked' => {tests => 'torture.maps_storm,torture.storm', like => [qr/^not ok \d+ torture\.(?:maps_)?storm # found by .*accounts/m]},
	# with a device that misbehaves
	'busy-forgotten' => {tests => 'vmem.busy', vars => ['VMEM=builtin'], like => [by('vmem.busy', 'check')]},
	'error-swallowed' => {tests => 'vmem.error,vmem.error_to_unplug', vars => ['VMEM=builtin'],
		like => [by('vmem.error', 'check'), by('vmem.error_to_unplug', 'check')]},
	'leftovers-trusted' => {tests => 'vmem.leftovers', vars => ['VMEM=builtin'], like => [by('vmem.leftovers', 'check')]},
	'model-full' => {tests => 'hotplug.teardown,table.*', verdict => qr/^Bail out!/m, args => 'shuffle=off',
		like => [qr/^# model: model overflow/m, qr/^#   there is no room for more early frees/m, by('hotplug.teardown', 'model')]},
	'pci-pin-first' => {tests => 'hotplug.follow', vhost => 1, vars => ['VMEM_BUS=pci', 'VMEM_SCHEDULE=100%,50%,100%'], like => [by('hotplug.follow', 'check')]},
	(map { ($_ => {tests => 'vmem.interrupt', vhost => 1, vars => ['VMEM_BUS=pci', 'MACHINE=virt,aia=aplic-imsic'],
		like => [qr/interrupt \d+, a message, after \d+ us, 0 came/, by('vmem.interrupt', 'check')]}) } qw(msix-masked msix-wrong-hart)),
	'config-change-lost' => {tests => 'vmem.usable,vmem.spurious_looks', vars => ['VMEM=builtin'],
		like => [by('vmem.usable', 'check'), by('vmem.spurious_looks', 'check')]},
	(map { ($_ => {tests => 'vmem.nack_for_ever,vmem.busy_for_ever', vars => ['VMEM=builtin'],
		like => [by('vmem.nack_for_ever', 'check'), by('vmem.busy_for_ever', 'check')]}) } qw(requested-stale pending-forgotten)),
	# The built-in device has no wire, so with vhost; no other test waits for a notice.
	'interrupt-lost' => {tests => 'vmem.interrupt', like => [by('vmem.interrupt', 'check')]},
	'request-u16' => {tests => 'hotplug.all', vars => ['VMEM=builtin'], args => 'vmem.block=4K', like => [by('hotplug.all', 'check')]},
);
$memory{$_}{tests} //= $kinds for keys %memory;

# Of the tests of the machine: what another machine would do wrong.
my $seen = [qr/^not ok \d+ \S+ # found by .*(?:probe|check)/m, qr/^# clause: /m];
my %machine = (
	'fence-odd-harts' => {tests => 'tlb.remap.4k.*', like => [@$seen, qr/^# probe: hart1 /m]},
	'fence-addressed' => {tests => 'tlb.remap.2m.*', like => [@$seen, qr/^# stale behind: sfence\.vma va, x0; sfence\.vma va, asid$/m]},
	'fence-second' => {tests => 'tlb.remap.4k.*'},
	'rfence-none' => {tests => 'rfence.remap.4k.*,range.page.*'},
	'rfence-odd-harts' => {tests => 'rfence.remap.4k.*', like => [@$seen, qr/^# probe: hart1 /m]},
	'rfence-second' => {tests => 'rfence.remap.4k.*'},
	'rfence-16-bits' => {tests => 'range.*'},
	'rfence-mask-base' => {tests => 'rfence.mask*'},
	'rfence-base-all' => {tests => 'rfence.mask_all.*'},
	'rfence-self' => {tests => 'rfence.mask*'},
	'rfence-early-return' => {tests => 'rfence.*.load'},
	'rfence-merge' => {tests => 'rfence.flood.*,rfence.storm.*,rfence.all_to_all.*'},
	'rfence-zero' => {tests => 'rfence.remap.4k.*'},
	'rfence-asleep' => {tests => 'hsm.*'},
	'rfence-stopped' => {tests => 'hsm.*'},
	'bare-never' => {tests => 'satp.*'},
	'sstatus-kept' => {tests => 'satp.*'},
	(map { ($_ => {tests => 'ad.*'}) } qw(ad-neighbour ad-resurrect ad-lost ad-late)),
	'freed-linked' => {tests => 'race.*'},
	'root-late' => {tests => 'race.new_root_entry'},
	'inval-last' => {tests => 'svinval.many.*', vars => ['CPU=rv64,svinval=true', 'SMP=2'], like => [qr/^not ok \d+ svinval\.many/m]},
	# A hart that does not come back is named, and the run goes on without it.
	'hsm-lost' => {tests => 'hsm.*.load', like => [qr/^not ok \d+ \S+ # TIMEOUT/m, qr/hart\d \(id \d+\)/]},
	# Nor does the boot hart, and another one says so.
	'hang' => {tests => 'boot.*', vars => ['SMP=2'], verdict => qr/^Bail out!/m,
		like => [qr/^# hart0 \(id \d+\) has taken no interrupt/m, qr/^not ok 1 \S+ # TIMEOUT/m]},
	# Each fence of QEMU drops all that a hart holds, and it holds no table pointers.
	'fence-swap' => {tests => 'tlb.remap.4k.*', sim => ''},
	'fence-asid-other' => {tests => 'asid.remap.*', sim => ''},
	'asid-wide' => {tests => 'asid.tags.4k.load', args => 'asid=3', like => [by('asid.tags.4k.load', 'check')]},
	'fence-asid-only' => {tests => 'asid.global.*', sim => ''},
	(map { ($_ => {tests => 'asid.remote.*', sim => ''}) } qw(rfence-asid-other rfence-running)),
	'rfence-asid-dropped' => {tests => 'rfence.remap.4k.*', sim => ''},
	(map { ($_ => {tests => 'range.two_pages.*', sim => '--sbi-rfence native'}) } qw(rfence-end rfence-first-page)),
	'root-no-fence' => {tests => 'satp.root.*,satp.recycled.*', sim => ''},
	'inval-none' => {tests => 'svinval.remap.4k.*', sim => ''},
	'napot-one' => {tests => 'svnapot.*', sim => ''},
	'fetch-first' => {tests => 'fetch.*', sim => ''},
	'freed-early' => {tests => 'race.freed_table.*', sim => ''},
	# OpenSBI fences on the way in, which hides a lack of it: not here. hsm.stop relies on no other.
	'hsm-no-start-fence' => {tests => 'hsm.stop.*', sim => '--fault fence-m-mode-lost'},
);
for (values %machine) {
	$_->{like} //= $seen;
	$_->{vars} = ['VMEM=none', $_->{vars} ? @{$_->{vars}} : 'SMP=' . (defined $_->{sim} ? 2 : 4)];
}

# Of the actors that change or walk the kernel table while memory comes and goes (tests/actors/).
my %actors = (
	'split-breaks' => {tests => 'actor.set_memory', like => [by('actor.set_memory', 'probe')]},
	'parked-kept' => {tests => 'actor.direct_map', like => [by('actor.direct_map', 'accounts')]},
	'alias-kept' => {tests => 'actor.set_memory_alias,actor.memory_type', vars => ['CPU=rv64,svpbmt=true'],
		like => [by('actor.set_memory_alias', 'probe'), by('actor.memory_type', 'model')]},
	# memory types
	'io-untyped' => {tests => 'boot.memory_types', vars => ['CPU=rv64,svpbmt=true'], like => [by('boot.memory_types', 'check')]},
	'ioremap-untyped' => {tests => 'actor.ioremap', vars => ['CPU=rv64,svpbmt=true'], like => [by('actor.ioremap', 'model', 'check')]},
	'type-no-fence' => {tests => 'actor.memory_type', vars => ['CPU=rv64,svpbmt=true', 'VMEM=none'], like => [by('actor.memory_type', 'model')]},
	'default-keeps-x' => {tests => 'actor.direct_map', like => [by('actor.direct_map', 'probe')]},
	'attr-anywhere' => {tests => 'actor.set_memory_refused', like => [by('actor.set_memory_refused', 'check')]},
	'present-leaf' => {tests => 'actor.direct_map', like => [by('actor.direct_map', 'check')]},
	'list-unlocked' => {tests => 'actor.hot_list', like => [by('actor.hot_list', 'accounts'), qr/^# accounts: .* hotplug is not held/m]},
	'lock-order' => {tests => 'actor.dump*', like => [by('actor.dump', 'accounts')]},
	'dump-unlocked' => {tests => 'actor.dump', like => [by('actor.dump', 'probe')]},
	'wx-unlocked' => {tests => 'actor.dump_wx', like => [by('actor.dump_wx', 'probe')]},
	(map { ($_ => {tests => 'actor.hvo,actor.hvo_split', like => [by('actor.hvo', 'model'), by('actor.hvo_split', 'model')]}) } qw(hvo-free-early hvo-flush-short)),
	'hvo-tails-writable' => {tests => 'actor.hvo', like => [by('actor.hvo', qw(probe accounts))]},
	'hvo-no-recheck' => {tests => 'actor.hvo_split', like => [by('actor.hvo_split', qw(accounts check))]},
	'hvo-copies' => {tests => 'actor.hvo', like => [by('actor.hvo', qw(probe check))]},
	'hvo-freed' => {tests => 'actor.hvo', like => [by('actor.hvo', 'check')]},
	'hvo-undo' => {tests => 'actor.hvo_nomem', like => [by('actor.hvo_nomem', qw(accounts check))]},
	'fake-heads' => {tests => 'actor.hvo', like => [by('actor.hvo', 'check')]},
	'reserved-as-other' => {tests => 'actor.hvo_boot', like => [by('actor.hvo_boot', qw(accounts check))]},
	'altmap-dropped' => {tests => 'actor.memmap', like => [by('actor.memmap', qw(accounts check))]},
	'altmap-rollback' => {tests => 'actor.memmap_nomem', like => [by('actor.memmap_nomem', 'accounts')]},
	'altmap-dirty' => {tests => 'actor.memmap', vars => ['VMEM=builtin'], like => [by('actor.memmap', 'check')]},
	'dax-first' => {tests => 'actor.dax', like => [by('actor.dax', qw(model check))]},
	'dax-rollback' => {tests => 'actor.dax_nomem', like => [by('actor.dax_nomem', 'accounts')]},
	'subsection-leaf' => {tests => 'actor.subsection', verdict => qr/^(?:Bail out!|hotwalk: DONE FAIL )/m, like => [by('actor.subsection', 'probe')]},
	'record-neighbour' => {tests => 'actor.subsection', args => 'record=56', like => [by('actor.subsection', qw(model accounts))]},
	'record-repeats' => {tests => 'actor.hvo_boot,actor.dax', args => 'record=56',
		like => [by('actor.hvo_boot', 'check'), by('actor.dax', 'check')]},
	# memory of devices; what is not flushed only the built-in device can tell while the run lasts
	'pmem-flush-skipped' => {tests => 'actor.pmem', vars => ['VMEM=builtin', 'PMEM=16M'], like => [by('actor.pmem', 'check')]},
	'pmem-error-swallowed' => {tests => 'actor.pmem_refused', vars => ['VMEM=builtin', 'PMEM=16M'], like => [by('actor.pmem_refused', 'check')]},
	'zone-device-online' => {tests => 'actor.zone_device,actor.zone_device_section',
		like => [by('actor.zone_device', 'check'), by('actor.zone_device_section', 'check')]},
	'zone-device-range' => {tests => 'actor.zone_device_refused', like => [by('actor.zone_device_refused', 'check')]},
	'zone-device-users' => {tests => 'actor.zone_device,actor.zone_device_users', like => [by('actor.zone_device', 'check'), by('actor.zone_device_users', 'probe')]},
	'dimm-half' => {tests => 'actor.dimm.256m', like => [by('actor.dimm.256m', 'check')]},
	'dimm-lost' => {tests => 'actor.dimm.256m,actor.dimm.128m_at_2m', vars => ['VMEM=builtin'], like => [by('actor.dimm.256m', 'check')]},
	(map { ($_ => {tests => 'actor.numa', vars => ['VMEM=builtin'], args => 'vmem.node=3', like => [by('actor.numa', 'check')]}) } qw(node-ignored node-lost)),
	'kaddr-32' => {tests => 'actor.addresses', vars => ['VMEM=none'], like => [by('actor.addresses', 'check')]},
	'mappable-end' => {tests => 'actor.mappable', like => [by('actor.mappable', 'check')]},
	# of the vmalloc area: on the emulator where an absence has to be held
	'vmap-no-recheck' => {tests => 'actor.vmap_link,actor.vmap_storm,actor.apply_race', vars => ['VMEM=none'], like => [by('actor.vmap_storm', 'accounts'), by('actor.vmap_link', 'probe', 'accounts'), by('actor.apply_race', 'accounts', 'check')]},
	'vmap-loser-leaked' => {tests => 'actor.vmap_link', vars => ['VMEM=none'], like => [by('actor.vmap_link', 'accounts')]},
	'vmap-leaf-fence' => {tests => 'actor.vmap_pointer', sim => '--fault fence-va-not-invalid', vars => ['VMEM=none'], like => [by('actor.vmap_pointer', 'probe')]},
	'vmap-through-leaf' => {tests => 'actor.apply_leaf', vars => ['VMEM=none'], like => [by('actor.apply_leaf', 'check')]},
	'apply-store' => {tests => 'actor.apply_again,actor.apply_storm', vars => ['VMEM=none'], like => [by('actor.apply_storm', 'accounts', 'check'), by('actor.apply_again', 'accounts', 'check')]},
	'vmap-area-shared' => {tests => 'actor.vmap_busy', vars => ['VMEM=none'], like => [by('actor.vmap_busy', 'check')]},
	# the one that is left fails, the one behind it is not blamed
	'test-left' => {tests => 'actor.vmap_link,actor.vmap_storm', args => 'shuffle=off', vars => ['VMEM=none'],
		like => [by('actor.vmap_link', 'accounts', 'check'), qr/^# clean-up: area .* given back: OK$/m, qr/^ok \d+ actor\.vmap_storm$/m]},
	'vmap-small-leaf' => {tests => 'actor.vmap_sizes', vars => ['VMEM=none'], like => [by('actor.vmap_sizes', 'check')]},
	'vmap-reuse-early' => {tests => 'actor.vmap_reuse', vars => ['VMEM=none'], like => [by('actor.vmap_reuse', 'probe', 'check')]},
	'promotion-unlocked' => {tests => 'actor.promote_dumper,actor.promote_storm', vars => ['VMEM=none'], like => [by('actor.promote_storm', 'probe'), by('actor.promote_dumper', 'check')]},
	'free-unlocked' => {tests => 'actor.vmap_link', vars => ['VMEM=none'], like => [by('actor.vmap_link', 'accounts'), qr/^# accounts: .* mmap is not held/m]},
	'promotion-nested' => {tests => 'actor.promote_reader', vars => ['VMEM=none'], like => [by('actor.promote_reader', 'accounts')]},
	'promotion-early' => {tests => 'actor.promote', sim => '', vars => ['VMEM=none'], like => [by('actor.promote', 'probe', 'model')]},
	'deferred-wrong-word' => {tests => 'actor.deferred_fatal', vars => ['VMEM=none'], like => [by('actor.deferred_fatal', 'check')]},
	'deferred-few' => {tests => 'actor.deferred,actor.deferred_fatal', vars => ['VMEM=none'], like => [by('actor.deferred_fatal', 'model', 'check'), by('actor.deferred', 'model')]},
	'deferred-no-fence' => {tests => 'actor.deferred_fatal', vars => ['VMEM=none'], like => [by('actor.deferred_fatal', 'model')]},
	'deferred-stuck' => {tests => 'actor.deferred', sim => '', vars => ['VMEM=none'], like => [by('actor.deferred', 'check')]},
	'kasan-late' => {tests => 'actor.kasan', like => [by('actor.kasan', 'probe')]},
	'kasan-neighbour' => {tests => 'actor.kasan', like => [by('actor.kasan', 'probe')]},
	'kasan-boot-freed' => {tests => 'actor.kasan_boot', vars => ['VMEM=none'], like => [by('actor.kasan_boot', 'probe')]},
);

$memory{$_}{group} = 'memory' for keys %memory;
$machine{$_}{group} = 'machine' for keys %machine;
$actors{$_}{group} = 'actors' for keys %actors;
our %fault = (%memory, %machine, %actors);

# The firmware's own list.
sub fault_names
{
	my ($status, $out) = run_make('faults-known', 'VMEM=none', 'ARGS=inject=help');
	my ($list) = $out =~ /^# args: these faults are known:\n((?:#   .*\n)+)/m;
	return $status eq '2' && defined $list ? $list =~ /^#   (\S+)/mg : ();
}

# What run_make() is given for @f, and all that has to be printed.
sub fault_run
{
	my $f = shift;
	my %x = %{$fault{$f}};
	my $args = join ' ', "inject=$f test=$x{tests}", $x{args} // ();
	my @vars = (@{$x{vars} // []}, "ARGS=$args");
	@vars = ('run-sim', @vars, "SIM_ARGS=$x{sim} --timeout-insns 8000000000") if defined $x{sim};
	return (\@vars, [qr/^# inject: $f/m, $x{verdict} // qr/^hotwalk: DONE FAIL /m, @{$x{like}}]);
}

# @n faults of a group, drawn by SAMPLE_SEED; all of them for ROWS=REGEX, which picks by name.
sub fault_sample
{
	my ($group, $n) = @_;
	my @all = grep { $fault{$_}{group} eq $group && !$fault{$_}{vhost} && (!defined $fault{$_}{sim} || -x 'build/hotwalk-sim') } sort keys %fault;
	return @all if defined $ENV{ROWS};
	return draw($n, @all);
}

1;
