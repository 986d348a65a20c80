/* SPDX-License-Identifier: BSD-2-Clause */
/* What the firmware's and the daemon's lines say, and the verdict. */
#ifndef HOST_RUN_WATCH_H
#define HOST_RUN_WATCH_H

#include <stdbool.h>
#include <stdint.h>

enum run_status {
	RUN_PASS = 0,
	RUN_FAIL = 1,
	RUN_NOTHING = 2,
	RUN_CRASH = 3,
	RUN_TIMEOUT = 4,
};

enum watch_done { DONE_NOT_SEEN, DONE_PASS, DONE_FAIL, DONE_NOTHING, DONE_UNKNOWN };

#define WATCH_NAME_BYTES 96
#define WATCH_MAX_TESTS 65536U

struct watch {
	bool have_plan;
	unsigned plan;
	unsigned passed;
	unsigned failed;
	unsigned skipped;
	unsigned duplicates; /* results with a number outside the plan or seen before */
	uint8_t seen[WATCH_MAX_TESTS / 8];
	char last[WATCH_NAME_BYTES]; /* "after NAME": the result that came last */
	enum watch_done done;
	bool panic;
	bool oracle_touched;
	char oracle_after[WATCH_NAME_BYTES]; /* what w->last was at the oracle's first report */
};

#define WATCH_MAX_DAEMONS 4

struct watch_daemon {
	bool ended_by_us;
	bool first; /* it was gone before QEMU was */
	int status; /* of waitpid() */
};

/* How the processes ended, for the verdict. */
struct watch_ends {
	bool timed_out;
	bool qemu_ended_by_us;
	int qemu_status; /* of waitpid() */
	unsigned nb_daemons;
	struct watch_daemon daemons[WATCH_MAX_DAEMONS];
};

void watch_init(struct watch *w);

/* A line of the firmware's console, of the daemon's output: without its end. */
void watch_firmware_line(struct watch *w, const char *line);
void watch_daemon_line(struct watch *w, const char *line);

/* No more is to be expected from the firmware: it ended, or it panicked. */
bool watch_finished(const struct watch *w);

/* The verdict. Every reason for one other than pass goes to @say, a line each. */
enum run_status watch_judge(const struct watch *w, const struct watch_ends *ends,
			    void (*say)(const char *format, ...));

const char *run_status_name(enum run_status status);

#endif
