#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Whether the SBI firmware keeps harts that it was to start (docs/machines.md): RUNS times ci/harts.S,
# which starts them and does nothing else, on the machine of MACHINE=, SMP=, OPENSBI=, THREAD=, with
# SOCKETS=2 as two nodes of one socket each. Prints, gates nothing: it takes an unlucky moment.
set -eu
runs=${RUNS:-10}
args=${QEMU_ARGS:-}
for ((node = 0; node < ${SOCKETS:-1} && ${SOCKETS:-1} > 1; node++)); do
	args="$args -object memory-backend-ram,id=node$node,size=$((256 / SOCKETS))M -numa node,memdev=node$node"
done
command=$(make --no-print-directory -s print-run KERNEL=build/harts.bin VMEM=none MEM=256M "QEMU_ARGS=$args" ${MACHINE:+"MACHINE=$MACHINE"} \
	${SMP:+"SMP=$SMP"} ${OPENSBI:+"OPENSBI=$OPENSBI"} ${THREAD:+"THREAD=$THREAD"})
command=${command#* -- }
echo "$command"
bad=0
for ((i = 1; i <= runs; i++)); do
	bash -c "$command" >build/harts.log 2>&1 </dev/null || { cat build/harts.log; exit 1; }
	still=$(grep -c '^hart .* stands still' build/harts.log || true)
	echo "run $i: $(grep -c '^hart .* runs' build/harts.log || true) harts run, $still stand still"
	bad=$((bad + (still > 0)))
done
echo "harts: in $bad of $runs runs harts stand still"
