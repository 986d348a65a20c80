/* SPDX-License-Identifier: BSD-2-Clause */
/* One schedule after another: see weave.h. */
#include "tests/host/weave.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/host/weave_turns.h"

#define TIMEOUT_S 600u

static void one_schedule(void)
{
	weave_job.failure[0] = '\0';
	order_restart();
	race_restart();
	*weave_job.stage = RUNS;
	/* Here ends, in whatever way, what the stages below begin. */
	getcontext(weave_job.home);
	if (*weave_job.stage == RUNS) {
		*weave_job.stage = ENDS;
		weave_run.in_schedule = true;
		weave_take_turns(WEAVE_HARTS);
	}
	if (*weave_job.stage == ENDS && weave_job.failure[0] == '\0') {
		*weave_job.stage = OVER;
		weave_run.atomic = false;
		sim_run_on(0);
		if (weave_job.program->end != NULL)
			weave_job.program->end();
		if (rig_first_failure() != NULL)
			snprintf(weave_job.failure, WEAVE_FAILURE, "at the end: %s",
				 rig_first_failure());
	}
}

static void judge(void)
{
	if (weave_job.failure[0] == '*')
		return;
	weave_job.result->schedules++;
	weave_job.result->distinct += order_is_new();
	weave_job.result->steps += order_steps();
	if (order_steps() > weave_job.result->longest)
		weave_job.result->longest = order_steps();
	if (weave_job.failure[0] == '\0' ||
	    (weave_job.program->bad != NULL &&
	     strstr(weave_job.failure, weave_job.program->bad) == NULL))
		return;
	if (weave_job.result->bad++ == 0) {
		snprintf(weave_job.result->what, sizeof(weave_job.result->what), "%s",
			 weave_job.failure);
		order_print(weave_job.result->replay, sizeof(weave_job.result->replay));
	}
}

static void explore(const char *faults, uint64_t limit, const char *replay)
{
	struct rig rig = {.mode = &mmu_modes[0],
			  .shape = &rig_shapes[rig_nr_shapes - 1],
			  .backend = weave_job.program->backend};

	for (unsigned h = 0; h < WEAVE_HARTS && weave_job.program->online == 0; h++)
		rig.harts += weave_job.program->hart[h] != NULL;
	rig.harts += weave_job.program->online;
	order_init();
	race_init();
	weave_job.home = reset_room(sizeof(*weave_job.home));
	weave_job.contexts = reset_room(WEAVE_HARTS * sizeof(*weave_job.contexts));
	weave_job.stacks = reset_room(WEAVE_HARTS * WEAVE_STACK);
	weave_job.failure = reset_room(WEAVE_FAILURE);
	weave_job.stage = reset_room(sizeof(*weave_job.stage));
	rig_capture(true);
	rig_boot(&rig);
	weave_job.program->setup();
	if (rig_first_failure() != NULL) {
		snprintf(weave_job.result->what, sizeof(weave_job.result->what), "setup: %s",
			 rig_first_failure());
		return;
	}
	if (faults != NULL)
		rig_arm(faults);
	if (replay != NULL)
		order_replay(replay);
	else if (weave_job.program->drawn != 0)
		order_draw(weave_job.program->drawn);
	else if (weave_job.program->all)
		order_all();
	weave_job.verbose = replay != NULL;
	sim_weave(&weave_machine);
	reset_save();
	do {
		one_schedule();
		judge();
		reset_load(false);
		if (weave_job.result->bad != 0 && faults == NULL)
			break;
		if (!order_next()) {
			weave_job.result->complete = true;
			break;
		}
	} while (weave_job.result->schedules < limit);
	reset_load(true);
	weave_job.result->ran = true;
}

static const char *replay_of(const struct weave_program *p)
{
	const char *s = getenv("WEAVE_REPLAY");
	size_t n = strlen(p->name);

	if (s == NULL || strncmp(s, p->name, n) != 0 || s[n] != ':')
		return NULL;
	s += n + 1;
	return s + strspn(s, " ");
}

void weave_explore(const struct weave_program *p, const char *faults, uint64_t limit,
		   struct weave_result *r)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	weave_job.program = p;
	weave_job.result = mmap(NULL, sizeof(*weave_job.result), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (weave_job.result == MAP_FAILED)
		abort();
	pid = fork();
	if (pid == 0) {
		alarm(TIMEOUT_S);
		explore(faults, limit, replay_of(p));
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	*r = *weave_job.result;
	munmap(weave_job.result, sizeof(*weave_job.result));
	if (WIFSIGNALED(status))
		snprintf(r->what, sizeof(r->what), "died of signal %d", WTERMSIG(status));
	r->ran &= WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
