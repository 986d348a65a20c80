/* SPDX-License-Identifier: BSD-2-Clause */
/* Command line of hotwalk-run, and the command lines that it starts. */

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "host/run_options.h"

#define SOCKET_TOKEN "{socket}"

static const char usage[] =
	"usage: hotwalk-run [options] -- qemu-system-riscv64 ARGS...\n"
	"       hotwalk-run --compare LOG LOG\n"
	"Runs the firmware under QEMU, shows what it prints, and says how it ended.\n"
	"  --timeout S      give up after S seconds (300; 0: never)\n"
	"  --silence S      give up when QEMU prints nothing for S seconds (60; 0: never)\n"
	"  --dir DIR        where log and status go (build/run/last); emptied of an older run\n"
	"  --status-file F  write the exit status there too\n"
	"  --daemon CMD     start this first, and wait until it prints \"ready\"; up to 4 times\n"
	"  --log-only       print only the last lines; the rest is in DIR/log\n"
	"  --interactive    the console's input is ours; no timeouts unless asked for\n"
	"  --compare LOG    run nothing: what changed from this log to the next\n"
	"{socket} in CMD and ARGS becomes the path of a socket in a directory of its own; "
	"{socket}1\n"
	"and the like are others there.\n"
	"Exit status: 0 pass, 1 failures, 2 nothing ran, 3 crash, 4 timeout.\n"
	"With --compare: 0 nothing is worse, 1 something is, 2 a log cannot be used.\n";

__attribute__((format(printf, 1, 2))) static int bad(const char *format, ...)
{
	va_list args;

	fputs("hotwalk-run: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return 2;
}

static int seconds_option(const char *name, const char *text, double *seconds)
{
	char *end;

	errno = 0;
	*seconds = strtod(text, &end);
	if (end == text || *end != '\0' || errno != 0 || !isfinite(*seconds) || *seconds < 0 ||
	    *seconds > 1e6)
		return bad("--%s '%s' is not a number of seconds from 0 to 1000000", name, text);
	return 0;
}

int run_options_parse(struct run_options *opt, int argc, char **argv)
{
	static const struct option names[] = {
		{"timeout", required_argument, NULL, 't'},
		{"silence", required_argument, NULL, 's'},
		{"dir", required_argument, NULL, 'd'},
		{"status-file", required_argument, NULL, 'f'},
		{"daemon", required_argument, NULL, 'D'},
		{"log-only", no_argument, NULL, 'l'},
		{"interactive", no_argument, NULL, 'i'},
		{"compare", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int rc = 0;
	int c;

	memset(opt, 0, sizeof(*opt));
	opt->timeout_s = -1;
	opt->silence_s = -1;
	opt->dir = "build/run/last";
	while (rc == 0 && (c = getopt_long(argc, argv, "+", names, NULL)) >= 0) {
		switch (c) {
		case 't':
			rc = seconds_option("timeout", optarg, &opt->timeout_s);
			break;
		case 's':
			rc = seconds_option("silence", optarg, &opt->silence_s);
			break;
		case 'd':
			opt->dir = optarg;
			break;
		case 'f':
			opt->status_file = optarg;
			break;
		case 'D':
			if (opt->nb_daemons == RUN_MAX_DAEMONS)
				return bad("more than %d --daemon", RUN_MAX_DAEMONS);
			opt->daemons[opt->nb_daemons++] = optarg;
			break;
		case 'l':
			opt->log_only = true;
			break;
		case 'i':
			opt->interactive = true;
			break;
		case 'c':
			opt->compare[0] = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return 1;
		default: /* getopt has said what is wrong */
			return 2;
		}
	}
	if (rc != 0)
		return rc;
	if (opt->compare[0] != NULL) {
		if (argc - optind != 1)
			return bad("--compare takes two logs");
		opt->compare[1] = argv[optind];
		return 0;
	}
	if (optind >= argc)
		return bad("no QEMU command line (try --help)");
	if (opt->timeout_s < 0)
		opt->timeout_s = opt->interactive ? 0 : 300;
	if (opt->silence_s < 0)
		opt->silence_s = opt->interactive ? 0 : 60;
	opt->qemu = argv + optind;
	return 0;
}

/* Copy the next word to @to and move @text behind it. False at an open quote. */
static bool next_word(const char **text, char *to)
{
	const char *p = *text;
	char quote = '\0';

	for (; *p != '\0' && (quote != '\0' || strchr(" \t\n", *p) == NULL); p++) {
		if (quote == '\0' && (*p == '\'' || *p == '"'))
			quote = *p;
		else if (quote != '\0' && *p == quote)
			quote = '\0';
		else if (*p == '\\' && quote != '\'' && p[1] != '\0')
			*to++ = *++p;
		else
			*to++ = *p;
	}
	*to = '\0';
	*text = p;
	return quote == '\0';
}

char **words_split(const char *text)
{
	/* No word is longer than the text, and no two share a character. */
	char **argv = calloc(strlen(text) / 2 + 2, sizeof(*argv));
	char *word = malloc(strlen(text) + 1);
	size_t n = 0;

	while (argv != NULL && word != NULL) {
		text += strspn(text, " \t\n");
		if (*text == '\0') {
			free(word);
			return argv;
		}
		if (!next_word(&text, word)) {
			errno = EINVAL;
			break;
		}
		argv[n] = strdup(word);
		if (argv[n++] == NULL)
			break;
	}
	free(word);
	words_free(argv);
	return NULL;
}

static char *replace_socket(const char *word, const char *socket_path)
{
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);
	const char *at;

	if (f == NULL)
		return NULL;
	while ((at = strstr(word, SOCKET_TOKEN)) != NULL) {
		fprintf(f, "%.*s%s", (int)(at - word), word, socket_path);
		word = at + strlen(SOCKET_TOKEN);
	}
	fputs(word, f);
	if (fclose(f) != 0) {
		free(out);
		return NULL;
	}
	return out;
}

char **words_replace_socket(char *const *argv, const char *socket_path)
{
	size_t count = 0;
	char **copy;

	while (argv[count] != NULL)
		count++;
	copy = calloc(count + 1, sizeof(*copy));
	for (size_t i = 0; copy != NULL && i < count; i++) {
		copy[i] = replace_socket(argv[i], socket_path);
		if (copy[i] == NULL) {
			words_free(copy);
			return NULL;
		}
	}
	return copy;
}

void words_print(FILE *f, char *const *argv)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "_-+=./:,@%";

	for (size_t i = 0; argv[i] != NULL; i++) {
		if (i != 0)
			fputc(' ', f);
		if (argv[i][0] != '\0' && argv[i][strspn(argv[i], plain)] == '\0') {
			fputs(argv[i], f);
			continue;
		}
		fputc('\'', f);
		for (const char *p = argv[i]; *p != '\0'; p++) {
			if (*p == '\'')
				fputs("'\\''", f);
			else
				fputc(*p, f);
		}
		fputc('\'', f);
	}
}

void words_free(char **argv)
{
	for (size_t i = 0; argv != NULL && argv[i] != NULL; i++)
		free(argv[i]);
	free(argv);
}
