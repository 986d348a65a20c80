/* SPDX-License-Identifier: BSD-2-Clause */
/* Values of options. Each function returns 0, or 2 when stderr says what is wrong. */
#ifndef HOST_SIM_OPTIONS_VALUES_H
#define HOST_SIM_OPTIONS_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "host/sim/config.h"

__attribute__((format(printf, 1, 2))) int option_bad(const char *format, ...);

/* @name is what the complaint calls it. */
int option_number(const char *name, const char *text, uint64_t min, uint64_t max, uint64_t *value);
int option_number32(const char *name, const char *text, uint32_t min, uint32_t max,
		    uint32_t *value);
int option_mem(const char *text, uint64_t *bytes);
int option_either(const char *name, const char *text, const char *no, const char *yes,
		  bool *second);
int option_tlb(const char *list, struct tlb_config *t);

/* The next word of a list, cut to 31 characters; false at its end. */
bool option_next_word(const char **list, char word[static 32]);

#endif
