/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A fuzz target without libFuzzer: each argument is an input, or a folder of inputs, and one TAP
 * result. They run in a process apart, so that a crash is a result as well. usage: [--first]
 * PATH...
 */
#include <dirent.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tests/host/tap.h"

/* More bad inputs than that are counted, and not named. */
#define MAX_NAMED 5

/* Far above what the slowest input takes with sanitizers: only an endless loop gets there. */
#define TIMEOUT_S 30

/* --first: the first bad input will do. */
static bool first_only;
static int named;

static uint8_t *load(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	long len = -1;

	if (f == NULL)
		return NULL;
	if (fseek(f, 0, SEEK_END) == 0)
		len = ftell(f);
	rewind(f);
	/* As large as the input and no larger: a byte read too far is seen. */
	if (len >= 0)
		data = malloc((size_t)len);
	if (data != NULL && fread(data, 1, (size_t)len, f) != (size_t)len) {
		free(data);
		data = NULL;
	}
	fclose(f);
	*size = (size_t)len;
	return data;
}

/* In a child: inputs from *@at on, which says to the parent where it ended. */
static void run_inputs(char **paths, int nr, volatile int *at)
{
	for (; *at < nr; (*at)++) {
		size_t size;
		uint8_t *data = load(paths[*at], &size);

		if (data == NULL)
			exit(2);
		alarm(TIMEOUT_S);
		(void)LLVMFuzzerTestOneInput(data, size);
		free(data);
	}
	exit(0);
}

static void name_bad(const char *path, int status)
{
	if (++named > MAX_NAMED)
		return;
	if (WIFSIGNALED(status))
		printf("# %s: signal %d\n", path, WTERMSIG(status));
	else
		printf("# %s: status %d\n", path, WEXITSTATUS(status));
}

/*
 * How many of the inputs are bad. A process runs them one after the other, and where it dies the
 * next one goes on behind: a fork for each would cost more than most inputs do.
 */
static int count_bad(char **paths, int nr)
{
	volatile int *at =
		mmap(NULL, sizeof(*at), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int bad = 0;

	if (at == MAP_FAILED)
		return nr;
	for (*at = 0; *at < nr; (*at)++) {
		int status = 0;
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid == 0)
			run_inputs(paths, nr, at);
		if (pid < 0 || waitpid(pid, &status, 0) != pid) {
			bad++;
			break;
		}
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			break;
		bad++;
		name_bad(paths[*at], status);
		if (first_only)
			break;
	}
	munmap((void *)at, sizeof(*at));
	return bad;
}

static int visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static void replay_folder(const char *path)
{
	struct dirent **list;
	int nr = scandir(path, &list, visible, alphasort);
	char **paths = calloc(nr > 0 ? (size_t)nr : 1, sizeof(*paths));
	int bad;

	for (int i = 0; i < nr; i++) {
		if (paths == NULL || asprintf(&paths[i], "%s/%s", path, list[i]->d_name) < 0)
			abort();
		free(list[i]);
	}
	bad = nr > 0 ? count_bad(paths, nr) : 0;
	/* A folder that is missing or empty shows nothing. */
	tap_ok(nr > 0 && bad == 0, "%s: %d inputs, %d of them bad", path, nr, bad);
	for (int i = 0; i < nr; i++)
		free(paths[i]);
	free(paths);
	if (nr >= 0)
		free(list);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (strcmp(argv[i], "--first") == 0)
			first_only = true;
		else if (stat(argv[i], &st) != 0)
			tap_ok(false, "%s: %s", argv[i], strerror(errno));
		else if (S_ISDIR(st.st_mode))
			replay_folder(argv[i]);
		else
			tap_ok(count_bad(&argv[i], 1) == 0, "%s", argv[i]);
	}
	return tap_done();
}
