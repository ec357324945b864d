/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gputrail collect: the collector that libprofile.so starts when only LD_PRELOAD was set.
 * It lives until the tree's root process and everything that connected have ended, and never
 * writes to anybody's terminal.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/recording.h"
#include "collector/collector.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BUSY_WAIT_MS 10
#define IDLE_WAIT_MS 200
#define FIRST_CLIENT_ROUNDS 50	/* the starter connects at once, or it is gone */

enum { OPTION_SOCKET = OPTION_LONG, OPTION_ROOT };

static const struct cmd_option options[] = {
	{ "socket", OPTION_SOCKET, "@NAME",
	  "abstract socket to listen on; binding it is the lock" },
	{ "output", 'o', "PATTERN", "file to record to, as of record" },
	{ "root", OPTION_ROOT, "PID", "process to outlive" },
	{ 0 },
};

static const struct cmd_usage usage = {
	.command = "collect",
	.synopsis = "--socket=@NAME --output=PATTERN --root=PID",
	.purpose = "Started by libprofile.so when only LD_PRELOAD is set.",
	.options = options,
};

/* A name that is free: nobody could be asked whether a file may be replaced. */
static int free_path(const char *pattern, long root, char *path, size_t path_bytes)
{
	char first[PATH_MAX];
	const char *dot;

	if (recording_path(pattern, root, first, sizeof(first)) < 0)
		return -1;
	snprintf(path, path_bytes, "%s", first);
	dot = strrchr(first, '.');
	if (!dot || strchr(dot, '/'))
		dot = first + strlen(first);
	for (int n = 1; access(path, F_OK) == 0 && n < 1000; n++)
		if (snprintf(path, path_bytes, "%.*s.%d%s", (int)(dot - first), first, n, dot) >=
		    (int)path_bytes)
			return -1;
	return access(path, F_OK) == 0 ? -1 : 0;
}

static bool process_ended(int pidfd)
{
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };

	return pidfd < 0 || poll(&ended, 1, 0) > 0;
}

static int signals_open(void)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	return signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
}

#define WORDS_MAX 256

/* The command line of the process that preloaded us; words[0] is NULL if it is gone. */
static void command_read(long root, char *text, size_t text_bytes, char **words)
{
	char name[64];
	size_t length = 0, count = 0;
	FILE *file;

	snprintf(name, sizeof(name), "/proc/%ld/cmdline", root);
	file = fopen(name, "re");
	if (file) {
		length = fread(text, 1, text_bytes - 1, file);
		fclose(file);
	}
	text[length] = '\0';
	for (size_t at = 0; at < length && count < WORDS_MAX; at += strlen(text + at) + 1)
		words[count++] = text + at;
	words[count] = NULL;
}

static int collect(const char *path, const char *socket_name, long root, int listener)
{
	char text[8192], *words[WORDS_MAX + 1];
	struct collector_options collector_options = {
		.path = path, .socket_name = socket_name, .command = words,
	};
	struct collector *collector;
	struct collector_figures figures;
	struct signalfd_siginfo signal_info;
	int pidfd = (int)syscall(SYS_pidfd_open, (pid_t)root, 0), signals = signals_open();
	int rounds = 0, rc;
	char *error;

	command_read(root, text, sizeof(text), words);
	control_from_environment(&collector_options.control);
	if (control_conflict(&collector_options.control))
		collector_options.control = (struct control_options){ 0 };
	collector = collector_new(&collector_options, listener);
	if (!collector)
		return EXIT_FAILED;
	for (;;) {
		bool clients = collector_clients(collector) > 0;

		collector_step(collector, clients ? BUSY_WAIT_MS : IDLE_WAIT_MS, signals);
		if (read(signals, &signal_info, sizeof(signal_info)) > 0)
			break;
		if (!clients && !collector_clients(collector) && process_ended(pidfd) &&
		    (collector_processes(collector) > 0 || ++rounds > FIRST_CLIENT_ROUNDS))
			break;
	}
	rc = collector_close(collector, &figures, &error);
	free(error);
	return rc == 0 ? EXIT_OK : EXIT_FAILED;
}

int cmd_collect(int argc, char **argv)
{
	const char *socket_name = NULL, *output = "gputrail-%p.db";
	char path[PATH_MAX];
	long root = 0;
	int key, listener, ok = 1;

	while ((key = options_next(&usage, argc, argv)) != OPTIONS_END) {
		if (key == OPTIONS_HELP)
			return EXIT_OK;
		if (key == OPTIONS_WRONG)
			return EXIT_USAGE;
		if (key == OPTION_SOCKET)
			socket_name = optarg[0] == '@' ? optarg + 1 : optarg;
		else if (key == 'o')
			output = optarg;
		else
			root = options_number(&usage, "root", optarg, 1, INT_MAX, &ok);
	}
	if (!ok || !socket_name || !root) {
		message("collect", "it is not meant to be started by hand",
			"--socket and --root are needed");
		return EXIT_USAGE;
	}
	listener = collector_listen(socket_name);
	if (listener < 0)
		return errno == EADDRINUSE ? EXIT_OK : EXIT_FAILED;
	if (free_path(output, root, path, sizeof(path)) < 0)
		return EXIT_FAILED;
	return collect(path, socket_name, root, listener);
}
