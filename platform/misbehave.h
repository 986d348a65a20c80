/* SPDX-License-Identifier: BSD-2-Clause */
/* What the built-in device does wrong on request, and what a driver has to make of it. */
#ifndef PLATFORM_MISBEHAVE_H
#define PLATFORM_MISBEHAVE_H

#include "firmware/types.h"

/*
 * There is one device (platform/builtin.c); this stands between it and the driver, and changes
 * what passes. Some of it breaks rules, some is allowed and rare. Conductor only.
 */
struct misbehaviour {
	const char *name;
	const char *what;   /* the device does */
	const char *driver; /* what the driver has to do */
	unsigned times;	    /* how often, if nothing else is said; 0: for ever */
	bool allowed;	    /* the specification does not forbid it */
};

/* The table, row by row; NULL behind the last one. */
const struct misbehaviour *misbehave_info(unsigned row);

/*
 * Begin: @list is NAME[:N][,NAME[:N]...], N is how often (leftovers: how many blocks). What was
 * begun before goes on. Returns OK; ERR_INVAL with what is wrong copied to @unknown (at most @len
 * bytes, terminated), nothing is begun then; ERR_NOSYS without the device.
 */
enum err must_check misbehave(const char *list, char *unknown, size_t len);

/* How often it has happened, all kinds together, since behave(). */
uint64_t misbehave_count(void);

/* End all of it; schedule and requested size are as at start (builtin_calm()). */
void behave(void);

#endif
