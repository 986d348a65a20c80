/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a run leaves its log and status, and the directory of its sockets. */

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/run_dir.h"

#define MAX_DIR_BYTES 512
#define MAX_TMP_BYTES 64U

/* Every directory of a path. */
static int make_dirs(const char *path)
{
	char part[MAX_DIR_BYTES];
	size_t len = strlen(path);

	if (len >= sizeof(part)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0777) != 0 && errno != EEXIST)
			return -1;
	}
	return 0;
}

FILE *run_dir_open(const char *dir, const char *status_file)
{
	char path[MAX_DIR_BYTES + 16];
	FILE *log = NULL;

	if (make_dirs(dir) == 0) {
		/* An old status must not outlive the run that it belongs to. */
		snprintf(path, sizeof(path), "%s/status", dir);
		unlink(path);
		if (status_file != NULL)
			unlink(status_file);
		snprintf(path, sizeof(path), "%s/log", dir);
		log = fopen(path, "we");
	}
	if (log == NULL)
		fprintf(stderr, "hotwalk-run: cannot write to %s: %s\n", dir, strerror(errno));
	return log;
}

static void write_status(const char *path, int status)
{
	FILE *f = fopen(path, "we");

	if (f == NULL) {
		fprintf(stderr, "hotwalk-run: cannot write %s: %s\n", path, strerror(errno));
		return;
	}
	fprintf(f, "%d\n", status);
	fclose(f);
}

void run_dir_write_status(const char *dir, const char *status_file, int status)
{
	char path[MAX_DIR_BYTES + 16];

	snprintf(path, sizeof(path), "%s/status", dir);
	write_status(path, status);
	if (status_file != NULL)
		write_status(status_file, status);
}

bool run_socket_make(struct run_socket *s)
{
	const char *tmp = getenv("TMPDIR");

	if (tmp == NULL || tmp[0] != '/' || strlen(tmp) > MAX_TMP_BYTES)
		tmp = "/tmp";
	snprintf(s->dir, sizeof(s->dir), "%s/hotwalk-XXXXXX", tmp);
	if (mkdtemp(s->dir) == NULL) {
		fprintf(stderr, "hotwalk-run: cannot make %s: %s\n", s->dir, strerror(errno));
		return false;
	}
	snprintf(s->path, sizeof(s->path), "%.95s/vmem", s->dir);
	return true;
}

void run_socket_remove(const struct run_socket *s)
{
	DIR *d = opendir(s->dir);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		closedir(d);
	rmdir(s->dir);
}
