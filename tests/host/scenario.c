/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios: run in processes of their own, with and without mistakes. */
#include "tests/host/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/host/tap.h"

#define TIMEOUT_S 60u

/* How a run ended, and what it printed. */
struct outcome {
	int status;
	char text[4096];
};

static void run_in_child(void (*fn)(const struct scenario_run *), const struct scenario_run *run,
			 int out)
{
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	alarm(TIMEOUT_S);
	fn(run);
	rig_stop();
}

static struct outcome run_once(void (*fn)(const struct scenario_run *),
			       const struct scenario_run *run)
{
	struct outcome o = {.status = -1};
	size_t len = 0;
	int pipes[2];
	ssize_t n;
	pid_t pid;

	fflush(stdout);
	if (pipe(pipes) != 0)
		return o;
	pid = fork();
	if (pid == 0)
		run_in_child(fn, run, pipes[1]);
	close(pipes[1]);
	/* To its end, so that it never waits for a reader. */
	do {
		char rest[512];
		size_t room = sizeof(o.text) - 1 - len;

		n = room != 0 ? read(pipes[0], o.text + len, room)
			      : read(pipes[0], rest, sizeof(rest));
		len += room != 0 && n > 0 ? (size_t)n : 0;
	} while (n > 0);
	close(pipes[0]);
	if (pid > 0)
		waitpid(pid, &o.status, 0);
	return o;
}

static void print_first_line(const char *text)
{
	const char *at = strstr(text, "# ");

	if (at != NULL)
		printf("# %.*s\n", (int)strcspn(at + 2, "\n"), at + 2);
}

/* Ended by a failed CHECK (1) or by panic() (3), for the reason that is due. */
static bool red(const struct outcome *o, const char *says)
{
	int status = WIFEXITED(o->status) ? WEXITSTATUS(o->status) : -1;

	return (status == 1 || status == 3) && strstr(o->text, says) != NULL;
}

static void run_green(const struct scenario *s, const struct scenario_run *run, const char *how)
{
	struct outcome o = run_once(s->fn, run);

	if (!tap_ok(WIFEXITED(o.status) && WEXITSTATUS(o.status) == 0, "%s: %s", s->name, how))
		fputs(o.text, stdout);
}

/* The mistake must be seen: this is what makes the runs without one worth something. */
static void run_red(const struct scenario *s, struct scenario_run run, const struct control *c)
{
	const char *name = c->name != NULL ? c->name : c->fault;
	struct outcome o;

	run.control = *c;
	o = run_once(s->fn, &run);
	if (tap_ok(red(&o, c->says), "%s: red with %s", s->name, name))
		print_first_line(o.text);
	else
		printf("# status 0x%x, due: \"%s\"\n%s", (unsigned)o.status, c->says, o.text);
}

static void run_scenario(const struct scenario *s, uint64_t seed)
{
	struct scenario_run run = {.rig = {.harts = s->harts != 0 ? s->harts : 3,
					   .shape = s->shape,
					   .view = s->view,
					   .seed = seed}};
	unsigned nr_backends = s->backends ? 3 : 1;

	for (unsigned m = 0; m < ARRAY_LEN(mmu_modes); m++) {
		run.rig.mode = &mmu_modes[m];
		for (unsigned b = 0; b < nr_backends && (!s->once || m == 1); b++) {
			char how[64];

			run.rig.backend = (enum shootdown_backend)b;
			run.rig.seed = seed * 16 + m * 4 + b;
			snprintf(how, sizeof(how), "%s%s%s", run.rig.mode->name,
				 s->backends ? ", " : "",
				 s->backends ? shootdown_backend_name(run.rig.backend) : "");
			run_green(s, &run, how);
		}
	}
	run.rig.mode = &mmu_modes[1];
	run.rig.backend = SHOOTDOWN_SBI;
	for (unsigned c = 0; c < MAX_CONTROLS && s->controls[c].says != NULL; c++)
		run_red(s, run, &s->controls[c]);
}

void scenario_arm(const struct scenario_run *run)
{
	if (run->control.fault != NULL)
		rig_arm(run->control.fault);
}

int scenario_main(int argc, char **argv, const struct scenario *s, unsigned nr)
{
	const char *prefix = argc > 1 ? argv[1] : "";
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
	unsigned ran = 0;

	printf("# seed %llu\n", (unsigned long long)seed);
	for (unsigned i = 0; i < nr; i++) {
		if (strncmp(s[i].name, prefix, strlen(prefix)) != 0)
			continue;
		run_scenario(&s[i], seed);
		ran++;
	}
	if (ran == 0)
		tap_ok(false, "a scenario begins with '%s'", prefix);
	return tap_done();
}
