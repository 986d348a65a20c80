/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of the faults, and which are armed. */
#include "host/sim/faults.h"

#include <stdio.h>
#include <string.h>

bool faults_any;
bool fault_armed[NR_FAULTS];
int faults_hart = -1;

static const struct {
	const char *name;
	const char *class;
	const char *text;
} table[] = {
#define X(id, name, class, text) {name, class, text},
	FAULTS(X)
#undef X
};

static int find(const char *name, size_t len)
{
	for (int f = 0; f < NR_FAULTS; f++) {
		if (strlen(table[f].name) == len && memcmp(table[f].name, name, len) == 0)
			return f;
	}
	return -1;
}

const char *faults_arm(const char *list)
{
	while (*list != '\0') {
		size_t len = strcspn(list, ",");
		int f = find(list, len);

		if (f < 0)
			return list;
		fault_armed[f] = true;
		faults_any = true;
		list += len;
		list += *list == ',' ? 1 : 0;
	}
	return NULL;
}

void faults_disarm(void)
{
	memset(fault_armed, 0, sizeof(fault_armed));
	faults_any = false;
	faults_hart = -1;
}

bool faults_need_rfence(void)
{
	for (int f = FAULT_RFENCE_NOTHING; f <= FAULT_RFENCE_SUSPENDED; f++) {
		if (fault_armed[f])
			return true;
	}
	return false;
}

void faults_print(void)
{
	for (int f = 0; f < NR_FAULTS; f++)
		printf("%-24s %-8s %s\n", table[f].name, table[f].class, table[f].text);
}
