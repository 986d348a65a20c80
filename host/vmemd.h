/* SPDX-License-Identifier: BSD-2-Clause */
/* hotwalk-vmemd: the devices that it can be. */
#ifndef HOST_VMEMD_H
#define HOST_VMEMD_H

#include "host/vmemd_options.h"

/* Exit status. */
#define STATUS_CLEAN 0
#define STATUS_TOUCHED 1 /* the guest did what it must not */
#define STATUS_ERROR 2	 /* usage, protocol, or something missing here */

/* Serve one QEMU as the device that @opt describes; returns the exit status. */
int vmemd_mem(const struct vmemd_options *opt);
int vmemd_pmem(const struct vmemd_options *opt);

#endif
