/* SPDX-License-Identifier: BSD-2-Clause */
/* Command line of hotwalk-vmemd. */
#ifndef HOST_VMEMD_OPTIONS_H
#define HOST_VMEMD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "device/vmem.h"

#define VMEMD_MAX_STEPS 4096

struct vmemd_options {
	const char *socket_path;
	struct vmem_params params;
	const char *schedule_text;
	uint64_t steps[VMEMD_MAX_STEPS]; /* requested sizes, bytes */
	unsigned nb_steps;
	bool verbose;
	bool pmem;	  /* a virtio-pmem device: addr and region_size of params count */
	const char *file; /* that keeps its content; NULL: none */
};

/*
 * Fill in @opt. Returns 0; 1 when help was asked for and printed; 2 after a message on stderr
 * that names the option and the value at fault.
 */
int vmemd_options_parse(struct vmemd_options *opt, int argc, char **argv);

#endif
