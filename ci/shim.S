/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Goes on at FIRMWARE, with the device tree at TREE if there is a TREE. As a payload it stands between
 * the SBI firmware, which boots with a sound tree, and hotwalk, which is to read a damaged one
 * (ci/trees.t); as a machine's first code it starts SBI firmware elsewhere in RAM (ci/Machines.pm).
 */
	.globl _start
_start:
#ifdef TREE
	li	a1, TREE
#endif
	li	t0, FIRMWARE
	jr	t0
