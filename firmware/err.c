/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of error codes. */
#include "firmware/types.h"

const char *err_name(enum err e)
{
	static const char *const names[] = {
		"OK",	 "NOMEM", "INVAL", "RANGE", "EXIST",   "NOENT",
		"SPLIT", "BUSY",  "NACK",  "IO",    "TIMEOUT", "NOSYS",
	};
	unsigned i = (unsigned)-(int)e;

	return i < ARRAY_LEN(names) ? names[i] : "?";
}
