/* SPDX-License-Identifier: BSD-2-Clause */
/* hotwalk-run --compare: what changed from one run to another. */
#ifndef HOST_COMPARE_H
#define HOST_COMPARE_H

/*
 * Print on stdout what is different in the log @after from the log @before (paths). Returns the
 * exit status: 0 nothing is worse, 1 something is, 2 one of them cannot be used (said on stderr).
 */
int compare_logs(const char *before, const char *after);

#endif
