#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Tests of hotwalk-run with children that only pretend to be QEMU and the daemon.
#
# usage: prove tests/host/run.t    (HOTWALK_RUN names the runner, or it is build/hotwalk-run)

. "$(dirname "$0")/runner.sh"
export TMPDIR="$tmp"

# case NAME STATUS PATTERN RUNNER-ARGS...: the exit status, the status file, and a line of output.
case_() {
	name=$1 want=$2 pattern=$3
	shift 3
	"$run" --dir "$tmp/dir" --status-file "$tmp/status" "$@" >"$tmp/out" 2>&1
	got=$?
	[ "$got" -eq "$want" ] && [ "$(cat "$tmp/dir/status" "$tmp/status")" = "$want
$want" ]
	ok $? "$name: status $want"
	grep -q -e "$pattern" "$tmp/out"
	ok $? "$name: says '$pattern'"
}

good='echo OpenSBI; echo KTAP version 1; echo 1..3; echo ok 1 a.b; echo ok 2 c.d \# SKIP blind: no;
	echo ok 3 e.f; echo hotwalk: DONE PASS 2/2'

case_ pass 0 '^hotwalk-run: PASS (status 0) 2 passed, 0 failed, 1 skipped, [0-9.]* s$' -- sh -c "$good"
grep -q '^sh -c ' "$tmp/out"
ok $? 'pass: the command line is shown'
[ "$(tail -n 1 "$tmp/dir/log" | cut -c1-17)" = 'hotwalk-run: PASS' ] && grep -q '^ok 3 e.f$' "$tmp/dir/log"
ok $? 'pass: the log has it all'
case_ 'carriage returns' 0 '^ok 1 a$' -- printf '1..1\r\nok 1 a\r\nhotwalk: DONE PASS 1/1\r\n'
case_ 'a last line without end' 0 PASS -- printf '1..1\nok 1 a\nhotwalk: DONE PASS 1/1'
case_ 'log only' 0 PASS --log-only -- sh -c "$good"
[ "$(wc -l <"$tmp/out")" -eq 1 ]
ok $? 'log only: one line on the console'
case_ 'a very long line' 0 PASS -- sh -c "head -c 20000 /dev/zero | tr '\\0' x; echo; $good"

case_ fail 1 'FAIL (status 1) 1 passed, 1 failed' -- \
	sh -c 'echo 1..2; echo not ok 1 a; echo ok 2 b; echo hotwalk: DONE FAIL 1/2; exit 1'
case_ 'a verdict that disagrees' 1 'last line disagrees' -- \
	sh -c 'echo 1..1; echo not ok 1 a; echo hotwalk: DONE PASS'
case_ 'DONE FAIL without a failure' 1 'last line disagrees' -- \
	sh -c 'echo 1..1; echo ok 1 a; echo hotwalk: DONE FAIL'
case_ 'an exit status that disagrees' 1 'QEMU ended with status 5' -- sh -c "$good; exit 5"
case_ 'fewer results than planned' 1 'plan says 3 results, 1 came' -- \
	sh -c 'echo 1..3; echo ok 1 a; echo hotwalk: DONE PASS'
case_ 'results without a plan' 1 'without a plan' -- sh -c 'echo ok 1 a; echo hotwalk: DONE PASS'
case_ 'a result twice' 1 'came before' -- \
	sh -c 'echo 1..2; echo ok 1 a; echo ok 1 a; echo hotwalk: DONE PASS'

case_ 'nothing planned' 2 'no test was executed' -- sh -c 'echo 1..0; echo hotwalk: DONE NOTHING'
case_ 'all skipped' 2 'NOTHING RAN (status 2)' -- \
	sh -c 'echo 1..1; echo ok 1 a \# SKIP no; echo hotwalk: DONE NOTHING 0/0'

case_ 'QEMU ends too early' 3 'QEMU ended with status 1 after 1 a, before' -- \
	sh -c 'echo 1..2; echo ok 1 a; echo some reason >&2; exit 1'
grep -q '^hotwalk-run: qemu: some reason$' "$tmp/out"
ok $? 'QEMU ends too early: its stderr is shown'
case_ 'QEMU is killed' 3 'QEMU was killed by signal 11' -- \
	sh -c 'echo 1..2; echo ok 1 a; kill -SEGV $$'
case_ 'QEMU is killed after its last line' 3 'CRASH' -- sh -c "$good; kill -ABRT \$\$"
case_ 'panic' 3 'panicked after 1 a' -- sh -c 'echo 1..2; echo ok 1 a; echo hotwalk: PANIC: x; exit 1'
case_ 'no such program' 3 'cannot start /nonexistent' -- /nonexistent

case_ 'hang' 4 'timeout: 0.5 s in all, after 1 a' --timeout 0.5 -- sh -c 'echo 1..2; echo ok 1 a; sleep 60'
case_ 'silence' 4 'timeout: 0.4 s of silence, after the start' --silence 0.4 -- \
	sh -c 'for i in 1 2 3 4; do echo $i; sleep 0.2; done; sleep 60'
case_ 'a hang that ignores SIGTERM' 4 TIMEOUT --timeout 0.3 -- sh -c 'trap "" TERM; sleep 60; sleep 60'
case_ 'a machine that cannot power off' 0 PASS -- sh -c "$good; sleep 60"

daemon="sh -c 'echo ready; while [ ! -e $tmp/end ]; do sleep 0.05; done; SAY; exit STATUS'"
with_daemon() # SAY STATUS
{
	rm -f "$tmp/end"
	echo "$daemon" | sed "s/SAY/$1/; s/STATUS/$2/"
}
qemu="$good; touch $tmp/end"
case_ 'daemon' 0 '^# oracle: clean, scanned 1 pages in 1 blocks$' \
	--daemon "$(with_daemon 'echo oracle: clean, scanned 1 pages in 1 blocks' 0)" -- sh -c "$qemu"
case_ 'oracle' 1 'memory was touched; first seen after 3 e.f' \
	--daemon "$(with_daemon 'echo oracle: FAIL 2 pages' 1)" -- sh -c "$qemu"
case_ 'oracle, early' 1 'first seen after 1 a' \
	--daemon "$(with_daemon 'echo oracle: touched unplugged page 0x1; sleep 0.5' 0)" -- \
	sh -c "echo 1..2; echo ok 1 a; sleep 0.3; touch $tmp/end; sleep 0.3; echo ok 2 b; echo hotwalk: DONE PASS"
case_ 'a blind oracle' 0 PASS --daemon "$(with_daemon 'echo oracle: blind: why' 0)" -- sh -c "$qemu"
case_ 'daemon dies' 3 'the daemon was killed by signal 9.*while QEMU was running' \
	--daemon "sh -c 'echo ready; sleep 0.2; kill -9 \$\$'" -- sh -c 'echo 1..1; sleep 30; echo ok 1 a'
case_ 'daemon ends too early' 3 'while QEMU was running' \
	--daemon "sh -c 'echo ready; sleep 0.2'" -- sh -c 'echo 1..1; sleep 30; echo ok 1 a'
case_ 'daemon with a protocol error' 3 'daemon ended with status 2' \
	--daemon "$(with_daemon true 2)" -- sh -c "$qemu"
case_ 'daemon refuses to start' 3 'ended before it was ready' \
	--daemon "sh -c 'echo bad option >&2; exit 2'" -- sh -c "$good"
grep -q '^hotwalk-run: daemon: bad option$' "$tmp/out"
ok $? 'daemon refuses to start: its stderr is shown'
case_ 'daemon command with an open quote' 3 'is not a command' --daemon "sh -c 'x" -- sh -c "$good"
case_ 'socket' 0 '^# sock=/.*/hotwalk-[A-Za-z0-9]*/vmem$' \
	--daemon "sh -c 'echo sock={socket}; echo ready; sleep 0.3'" -- \
	sh -c "test -d \$(dirname {socket}) && $good; sleep 0.1; : >{socket}; sleep 0.5"
[ -z "$(ls -d "$tmp"/hotwalk-* 2>/dev/null)" ]
ok $? 'socket: nothing is left of it'

# Two daemons: each waited for, each with a name and a socket of its own, each with a say.
two="sh -c 'echo ready >$tmp/two; echo ready; while [ ! -e $tmp/end ]; do sleep 0.05; done; echo at {socket}1'"
rm -f "$tmp/two"
case_ 'two daemons' 0 '^# daemon0: oracle: clean$' --daemon "$(with_daemon 'echo oracle: clean' 0)" --daemon "$two" -- \
	sh -c "[ -e $tmp/two ] && $qemu; : >{socket}1"
grep -q '^# daemon1: at /.*/vmem1$' "$tmp/out"
ok $? 'two daemons: the second one has a socket of its own'
[ -z "$(ls -d "$tmp"/hotwalk-* 2>/dev/null)" ]
ok $? 'two daemons: nothing is left of the sockets'
case_ 'two daemons, the second sees a touch' 1 'memory was touched' --daemon "$(with_daemon true 0)" \
	--daemon "$(with_daemon 'echo oracle: FAIL 2 pages' 1)" -- sh -c "$qemu"
case_ 'two daemons, the second dies' 3 'the daemon was killed by signal 9.*while QEMU was running' \
	--daemon "sh -c 'echo ready; sleep 1'" --daemon "sh -c 'echo ready; sleep 0.2; kill -9 \$\$'" -- \
	sh -c 'echo 1..1; sleep 30; echo ok 1 a'
"$run" --dir "$tmp/dir" --daemon a --daemon b --daemon c --daemon d --daemon e -- true >"$tmp/out" 2>&1
[ $? -eq 2 ] && grep -q 'more than 4 --daemon' "$tmp/out"
ok $? 'usage: too many daemons'

printf 'hello\n' | "$run" --dir "$tmp/dir" --interactive -- \
	sh -c 'printf "type: "; read x; echo "got $x"; echo 1..1; echo ok 1 a; echo hotwalk: DONE PASS' >"$tmp/out" 2>&1
[ $? -eq 0 ] && [ "$(grep -c '^type: got hello$' "$tmp/out")" -eq 1 ] && grep -q '^type: got hello$' "$tmp/dir/log"
ok $? 'interactive: input goes through, output comes once'

# The runner is ended, one way or another: no child may stay behind.
left() { cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' | grep -c "[s]leep 7$1"; }
"$run" --dir "$tmp/dir" -- sh -c 'echo 1..1; sleep 7171 & sleep 7171' >"$tmp/out" 2>&1 &
pid=$!
sleep 0.5
kill -TERM $pid
wait $pid
[ $? -eq 143 ] && [ "$(left 171)" -eq 0 ] && grep -q 'INTERRUPTED (status 143)' "$tmp/out"
ok $? 'SIGTERM: children are ended, status 143'
"$run" --dir "$tmp/dir" -- sleep 7272 >"$tmp/out" 2>&1 &
pid=$!
sleep 0.5
kill -KILL $pid
wait $pid 2>/dev/null
sleep 0.2
[ "$(left 272)" -eq 0 ]
ok $? 'SIGKILL: the child goes too'

"$run" --dir "$tmp/dir" --timeout soon -- true >"$tmp/out" 2>&1
[ $? -eq 2 ] && grep -q "timeout 'soon'" "$tmp/out"
ok $? 'usage: a bad number is named'
"$run" --dir "$tmp/dir" >"$tmp/out" 2>&1
[ $? -eq 2 ] && grep -q 'no QEMU command line' "$tmp/out"
ok $? 'usage: no command line'
"$run" --dir /dev/null/x -- true >"$tmp/out" 2>&1
[ $? -eq 2 ] && grep -q 'cannot write to /dev/null/x' "$tmp/out"
ok $? 'usage: a directory that cannot be made'
"$run" --help >"$tmp/out" 2>&1 && grep -q '^usage: ' "$tmp/out"
ok $? 'usage: help'

echo "1..$count"
exit $bad
