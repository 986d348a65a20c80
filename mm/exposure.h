/* SPDX-License-Identifier: BSD-2-Clause */
/* What an operation exposed, as people read it. */
#ifndef MM_EXPOSURE_H
#define MM_EXPOSURE_H

#include "mm/model_exposure.h"

#define EXPOSURE_TEXT_LEN 256

/*
 * "9 table pages (9 still linked), 4096 record pages freed before the flush; harts 0-3; longest 20
 * ticks, 14 entry stores; 0 allocated again before it". "3 to 5
 * allocated again" where it is not known of all.
 */
const char *exposure_text(char *buf, size_t len, const struct exposure_sum *s);

/* One line: "exposure: hot-remove 0xc0000000+1024 MiB: ...". */
void exposure_print(const char *what, struct region r, const struct exposure_sum *s);

#endif
