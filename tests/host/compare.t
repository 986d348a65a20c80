#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Tests of hotwalk-run --compare with logs that are written here.
#
# usage: prove tests/host/compare.t    (HOTWALK_RUN names the runner, or it is build/hotwalk-run)

. "$(dirname "$0")/runner.sh"

# The log before, on which each case works with sed.
cat >"$tmp/a" <<'EOF'
qemu-system-riscv64 -M virt

OpenSBI v1.9
# probe: 128 spots of RAM read, 8 written, 2041 us
hotwalk 0.1.0 (git 1111111) Sv48 harts=4 boot-hart=0 seed=0x7
# machine: riscv-virtio,qemu (riscv-virtio)
# sbi: 3.0 OpenSBI 1.9; rfence hsm ipi; flush=sbi
# mmu: sv39 sv48 measured, DT says sv48; asid 16 bits
# ram: 0x80000000-0x8fffffff; reserved: none
KTAP version 1
1..6
# control: stale 3/3
# tlb.remap: PASS
ok 1 tlb.remap
ok 2 tlb.walk # SKIP blind: no load of any hart used an old entry
ok 3 svinval.many # SKIP the device tree does not claim Svinval
# probe: hart1 (id 1) load: 3 of 3
not ok 4 satp.ppn # found by probe
ok 5 quirk.one # XFAIL some core
ok 6 boot.harts
# model: 29 stores, 11 fences, at most 10 old entries and 238 tables at once
# Totals: pass:3 fail:1 xfail:1 xpass:0 skip:2 error:0
# sensitivity: 1 of 2 platform checks could have failed here; blind: tlb.* (1)
hotwalk: DONE FAIL 1/4 blind 1 skipped 1
hotwalk-run: FAIL (status 1) 3 passed, 1 failed, 2 skipped, 0.19 s
EOF

# case NAME STATUS PATTERN SED-SCRIPT: the log behind is the one before, edited.
case_() {
	name=$1 want=$2 pattern=$3
	sed "$4" "$tmp/a" >"$tmp/b"
	"$run" --compare "$tmp/a" "$tmp/b" >"$tmp/out" 2>&1
	[ $? -eq "$want" ]
	ok $? "$name: status $want"
	grep -q -e "$pattern" "$tmp/out"
	ok $? "$name: says '$pattern'"
}

case_ 'the same' 0 '^hotwalk-run: NOT WORSE (status 0) 0 worse, 0 better, 0 other; 6 and 6 tests$' ''
[ "$(wc -l <"$tmp/out")" -eq 1 ]
ok $? 'the same: one line'
case_ 'newly red' 1 '^worse: tlb.remap: ok -> not ok (found by probe,model)$' \
	's/^# tlb.remap: PASS/# probe: hart2 load: 1 of 3\n# clause: x\n# model: pa 0x1\n# check: three\n# check: four/; s/^ok 1 tlb.remap/not ok 1 tlb.remap # found by probe,model/'
[ "$(grep -A3 '^worse: tlb.remap' "$tmp/out" | tail -n 3)" = '    # probe: hart2 load: 1 of 3
    # model: pa 0x1
    # check: three' ]
ok $? 'newly red: its first three failure lines, and none of others'
case_ 'a time-out' 1 '^worse: boot.harts: ok -> not ok (TIMEOUT)$' 's/^ok 6.*/# deadline of boot.harts is past\nnot ok 6 boot.harts # TIMEOUT/'
grep -q '^    # deadline of boot.harts is past' "$tmp/out"
ok $? 'a time-out: why'
case_ 'newly green' 0 '^better: satp.ppn: not ok -> ok$' '/^# probe: hart1/d; s/^not ok 4 satp.ppn.*/ok 4 satp.ppn/'
case_ 'red by something else' 0 '^other: satp.ppn: not ok -> not ok (found by model)$' 's/^not ok 4.*/not ok 4 satp.ppn # found by model/'
case_ 'a failure is skipped now' 0 '^other: satp.ppn: not ok -> skipped (SKIP why)$' 's/^not ok 4.*/ok 4 satp.ppn # SKIP why/'
case_ 'went blind' 1 '^worse: tlb.remap: ok -> blind (SKIP blind: nothing)$' 's/^ok 1.*/ok 1 tlb.remap # SKIP blind: nothing/'
case_ 'sees again' 0 '^better: tlb.walk: blind -> ok$' 's/^ok 2.*/ok 2 tlb.walk/'
case_ 'skipped now' 1 '^worse: boot.harts: ok -> skipped (SKIP none here)$' 's/^ok 6.*/ok 6 boot.harts # SKIP none here/'
case_ 'another reason' 0 '^other: svinval.many: skipped: SKIP the device tree .* -> SKIP no room$' 's/^ok 3.*/ok 3 svinval.many # SKIP no room/'
case_ 'a skipped test is red' 1 '^worse: svinval.many: skipped -> not ok (found by probe)$' 's/^ok 3.*/not ok 3 svinval.many # found by probe/'
case_ 'no deviation any more' 0 '^better: quirk.one: expected failure -> ok$' 's/^ok 5.*/ok 5 quirk.one/'
case_ 'a new deviation' 1 '^worse: boot.harts: ok -> expected failure (XFAIL core)$' 's/^ok 6.*/ok 6 boot.harts # XFAIL core/'
case_ 'a test is gone' 1 '^worse: boot.harts: ok -> not there$' '/^ok 6/d'
case_ 'a red test is gone' 0 '^other: satp.ppn: not ok -> not there$' '/^not ok 4/d'
case_ 'a new test' 0 '^other: boot.new: not there -> ok$' 's/^ok 6.*/&\nok 7 boot.new/'
case_ 'a new test is red' 1 '^worse: boot.new: not there -> not ok (found by check)$' 's/^ok 6.*/&\n# check: x\nnot ok 7 boot.new # found by check/'
case_ 'fewer could have failed' 0 '^#  *-> 0 of 2 platform' 's/^# sensitivity: 1/# sensitivity: 0/'
case_ 'another seed' 0 '^# seed: 0x7 -> 0x8: ' 's/seed=0x7/seed=0x8/'
case_ 'another mmu' 0 '^#  *-> sv39 measured$' 's/^# mmu:.*/# mmu: sv39 measured/'
case_ 'another commit' 0 '^#  *-> hotwalk 0.1.0 (git 2222222) Sv48' 's/git 1111111/git 2222222/'
case_ 'a fact less' 0 '^#  *-> none$' '/^# ram:/d'
case_ 'it breaks off' 1 '^worse: the run: DONE FAIL 1/4 blind 1 skipped 1 -> breaks off$' '/DONE/d; /^hotwalk-run/d'
case_ 'it panics' 1 '^worse: the run: DONE .* -> PANIC: hart0$' 's/^hotwalk: DONE.*/hotwalk: PANIC: hart0/'
case_ 'the oracle' 1 '^worse: outside oracle: clean -> touched$' 's/^hotwalk: DONE.*/&\n# oracle: FAIL 3 pages/'
case_ 'a result twice' 1 '^# boot.harts: more than one result' 's/^ok 6.*/&\nnot ok 6 boot.harts # found by check/'
case_ 'prose of others' 0 '0 other; 6 and 6 tests' 's/^KTAP.*/ok to go on\nok 9 before the plan\n&/'

# What a serial line leaves: CR LF, colours, noise, a run that was cut off by a reset before.
{
	printf 'U-Boot 2024\377\000 ok 1 noise\r\n\033[2Jnot ok 2 noise # x\r\n'
	head -n 13 "$tmp/a" | sed 's/^ok 1/not ok 1/'
	printf '\033[0m\r\n'
	sed 's/$/\r/; s/^ok 6/\x1b[32m&/' "$tmp/a"
} >"$tmp/raw"
"$run" --compare "$tmp/a" "$tmp/raw" >"$tmp/out" 2>&1
[ $? -eq 0 ] && grep -q 'NOT WORSE (status 0) 0 worse, 0 better, 0 other; 6 and 6 tests' "$tmp/out"
ok $? 'a raw capture says the same'
grep -q '^# runs in the logs: 1, 2: the last of each counts$' "$tmp/out"
ok $? 'a raw capture: two runs in it'

usage() # PATTERN NAME ARGS...
{
	pattern=$1 name=$2
	shift 2
	"$run" "$@" >"$tmp/out" 2>&1
	[ $? -eq 2 ] && grep -q -e "$pattern" "$tmp/out"
	ok $? "$name"
}
usage "^hotwalk-run: $tmp/none: No such file" 'no such file' --compare "$tmp/none" "$tmp/a"
echo 'OpenSBI' >"$tmp/empty"
usage "^hotwalk-run: $tmp/empty: no hotwalk banner" 'no run in it' --compare "$tmp/a" "$tmp/empty"
sed '/^KTAP/,$d' "$tmp/a" >"$tmp/short"
usage "^hotwalk-run: $tmp/short: a banner and no plan" 'no test in it' --compare "$tmp/a" "$tmp/short"
usage 'Is a directory' 'a directory' --compare "$tmp/a" "$tmp"
usage 'takes two logs' 'one log' --compare "$tmp/a"
usage 'takes two logs' 'three logs' --compare "$tmp/a" "$tmp/a" "$tmp/a"

echo "1..$count"
exit $bad
