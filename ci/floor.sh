#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What a whole run costs: boot, add 1 GiB, check it on 4 harts, remove it, check, verdict, over QEMU
# and OpenSBI with a payload that exits at once. The median of interleaved pairs. Prints, gates
# nothing: the machine's load is in it.
set -eu
pairs=${PAIRS:-11}

command_for() # MAKE-VARIABLES...: the command that make run would start
{
	make --no-print-directory -s print-run "$@"
}

# Little boot RAM on both sides: its frame table is not what is measured.
mem=MEM=64M
run=$(command_for "$mem" RUN_FLAGS=--log-only RUN_DIR=build/run/floor ARGS='test=hotplug.all')
bare=$(command_for "$mem" KERNEL=build/floor.bin VMEM=none)
bare=${bare#* -- }

millis() # COMMAND: wall time
{
	local start end
	start=$(date +%s%N)
	bash -c "$1" >build/floor.log 2>&1 </dev/null || { cat build/floor.log; exit 1; }
	end=$(date +%s%N)
	echo $(((end - start) / 1000))
}

ratios=
for ((i = 1; i <= pairs; i++)); do
	whole=$(millis "$run")
	floor=$(millis "$bare")
	ratio=$((whole * 1000 / floor))
	echo "pair $i: run $((whole / 1000)) ms, floor $((floor / 1000)) ms, ratio $((ratio / 1000)).$(printf %03d $((ratio % 1000)))"
	ratios="$ratios $ratio"
done
# shellcheck disable=SC2086  # one a word
median=$(printf '%s\n' $ratios | sort -n | sed -n "$(((pairs + 1) / 2))p")
echo "floor: median ratio of $pairs pairs: $((median / 1000)).$(printf %03d $((median % 1000)))"
