/* SPDX-License-Identifier: Apache-2.0 */
/* Questions asked in a child process with a time limit. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_MS	10000

int read_line(const char *path, char *line, size_t bytes)
{
	FILE *file = fopen(path, "re");
	int result = -1;

	line[0] = '\0';
	if (!file)
		return -1;
	if (fgets(line, (int)bytes, file))
		result = 0;
	line[strcspn(line, "\n")] = '\0';
	fclose(file);
	return result;
}

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

/* Reads what the child writes until it closes the pipe; false: it took too long. */
static bool read_answer(int fd, char *out, size_t bytes)
{
	long long end = now_ms() + LIMIT_MS;
	size_t used = 0;

	for (;;) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		long long left = end - now_ms();
		char rest[256];
		ssize_t got;

		if (left <= 0 || poll(&wait, 1, (int)left) == 0)
			return false;
		if (used + 1 < bytes)
			got = read(fd, out + used, bytes - used - 1);
		else
			got = read(fd, rest, sizeof(rest));
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return true;
		if (used + 1 < bytes)
			used += (size_t)got;
		out[used] = '\0';
	}
}

/* Waits for the child and tells what became of it. */
static int child_finish(pid_t child, int fd, char *out, size_t bytes)
{
	bool answered;
	int status;

	out[0] = '\0';
	answered = read_answer(fd, out, bytes);
	close(fd);
	if (!answered)
		kill(child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (!answered) {
		snprintf(out, bytes, "no answer within %d s", LIMIT_MS / 1000);
		return -1;
	}
	if (WIFSIGNALED(status)) {
		snprintf(out, bytes, "it crashed (signal %d)", WTERMSIG(status));
		return -1;
	}
	return WEXITSTATUS(status) ? -1 : 0;
}

static void child_quiet(int keep)
{
	int null = open("/dev/null", O_RDWR);

	dup2(null, STDIN_FILENO);
	if (keep != STDOUT_FILENO)
		dup2(null, STDOUT_FILENO);
	if (keep != STDERR_FILENO)
		dup2(null, STDERR_FILENO);
}

int probe_run(probe_fn *probe, const void *arg, char *out, size_t bytes)
{
	int pipe_fds[2];
	pid_t child;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0 || (child = fork()) < 0) {
		snprintf(out, bytes, "%s", strerror(errno));
		return -1;
	}
	if (child == 0) {
		char answer[512] = "";
		int result;

		child_quiet(pipe_fds[1]);
		result = probe(arg, answer, sizeof(answer));
		if (write(pipe_fds[1], answer, strlen(answer)) < 0)
			result = -1;
		_exit(result ? 1 : 0);
	}
	close(pipe_fds[1]);
	return child_finish(child, pipe_fds[0], out, bytes);
}

int probe_command(const char *const argv[], const char *preload, char *out, size_t bytes)
{
	int pipe_fds[2], result;
	pid_t child;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0 || (child = fork()) < 0) {
		snprintf(out, bytes, "%s", strerror(errno));
		return -1;
	}
	if (child == 0) {
		dup2(pipe_fds[1], STDERR_FILENO);
		dup2(pipe_fds[1], STDOUT_FILENO);
		if (preload)
			setenv("LD_PRELOAD", preload, 1);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(pipe_fds[1]);
	result = child_finish(child, pipe_fds[0], out, bytes);
	out[strcspn(out, "\n")] = '\0';
	return result;
}
