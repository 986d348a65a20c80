/* SPDX-License-Identifier: BSD-2-Clause */
/* What the device tree claims, touched before it is trusted: RAM, and registers of devices. */
#ifndef FIRMWARE_RAMPROBE_H
#define FIRMWARE_RAMPROBE_H

#include "firmware/machine.h"

struct ramprobe_stats {
	unsigned spots;	  /* pages looked at */
	unsigned written; /* of these: written, read back and restored */
};

/*
 * Touch the RAM of @m and cut out what does not answer, in pieces of 2 MiB: where a load or a
 * store traps, where a word does not come back, and where another address shows the same word
 * (of two views the lower one stays, or the one that the image lies in). One note for each of
 * these causes. Never touched: reserved memory, @image (but for one word of its own) and @blob,
 * the place that the device tree was handed over in.
 *
 * A load each 2 MiB, or as densely as some 4000 spots allow; a store at both ends of each piece
 * and at the largest power-of-two distances from its region's start. Stores at all spots once one
 * of them finds fault. What lies between two spots that answer is taken as RAM. A cache that keeps
 * what the memory behind it does not have is believed.
 *
 * On the boot hart, in the early table, probe_init() done, nothing else running: each word is
 * another one for a moment. ERR_NOENT if no RAM is left (the notes say it).
 */
enum err must_check ramprobe_run(struct machine *m, struct region image, struct region blob,
				 struct ramprobe_stats *stats);

/*
 * Drop the devices of @m whose registers trap on a load: virtio slots, PLIC, exit device, PCI
 * host bridge; and of an IMSIC the files that do.
 */
void ramprobe_devices(struct machine *m);

#endif
