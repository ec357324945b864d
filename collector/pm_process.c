/* SPDX-License-Identifier: Apache-2.0 */
/* The recorder's side of PM sampling: starts the process that samples, and reads what it says. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/pm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIPE_BYTES (1 << 20)		/* a tenth of a second at the highest rate */

extern char **environ;

/* The path at the end of a line of /proc/PID/maps, if that file's name begins with `name`. */
static void path_take(const char *line, const char *name, char *path, size_t bytes)
{
	const char *begin = strchr(line, '/'), *last = strrchr(line, '/');

	if (!path[0] && begin && !strncmp(last + 1, name, strlen(name)))
		snprintf(path, bytes, "%.*s", (int)strcspn(begin, "\n"), begin);
}

bool pm_libraries_find(struct pm_libraries *libraries, pid_t recorded)
{
	char name[64], line[4352];
	FILE *maps;

	*libraries = (struct pm_libraries){ "", "" };
	snprintf(name, sizeof(name), "/proc/%d/maps", (int)recorded);
	maps = fopen(name, "re");
	while (maps && fgets(line, sizeof(line), maps)) {
		path_take(line, "libcuda.so", libraries->cuda, sizeof(libraries->cuda));
		path_take(line, "libcupti.so", libraries->cupti, sizeof(libraries->cupti));
	}
	if (maps)
		fclose(maps);
	return libraries->cuda[0] && libraries->cupti[0];
}

/* Ours without what would have it recorded, or hide devices from it. The caller's; NULL: no memory. */
static char **environment_make(void)
{
	static const char *const left_out[] = { "LD_PRELOAD=", "CUDA_VISIBLE_DEVICES=",
						"CUDA_INJECTION64_PATH=" };
	size_t count = 0, kept = 0;
	char **made;

	while (environ[count])
		count++;
	made = calloc(count + 1, sizeof(*made));
	for (size_t i = 0; made && i < count; i++) {
		bool is_out = false;

		for (size_t j = 0; j < sizeof(left_out) / sizeof(left_out[0]); j++)
			is_out |= !strncmp(environ[i], left_out[j], strlen(left_out[j]));
		if (!is_out)
			made[kept++] = environ[i];
	}
	return made;
}

static int spawn(pid_t *pid, char *const arguments[], int input, int output)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	char **environment = environment_make();
	sigset_t none, all;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	error = environment ? posix_spawn(pid, "/proc/self/exe", &actions, &attributes, arguments,
					  environment) : ENOMEM;
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	free(environment);
	return error;
}

bool pm_process_start(struct pm_process *process, const struct pm_libraries *libraries, const char *uuid,
		      int64_t period_ns)
{
	char period[32];
	char *arguments[] = { (char *)"gputrail", (char *)"sample", (char *)libraries->cuda,
			      (char *)libraries->cupti, (char *)uuid, period, NULL };
	int input[2], output[2], error;

	*process = (struct pm_process){ 0 };
	snprintf(period, sizeof(period), "%lld", (long long)period_ns);
	if (pipe2(input, O_CLOEXEC) < 0)
		return false;
	if (pipe2(output, O_CLOEXEC) < 0) {
		close(input[0]);
		close(input[1]);
		return false;
	}
	fcntl(output[0], F_SETPIPE_SZ, PIPE_BYTES);
	fcntl(output[0], F_SETFL, O_NONBLOCK);
	error = spawn(&process->pid, arguments, input[0], output[1]);
	close(input[0]);
	close(output[1]);
	process->input = input[1];
	process->output = output[0];
	if (!error)
		return true;
	close(input[1]);
	close(output[0]);
	process->pid = 0;
	errno = error;
	return false;
}

const struct pm_message *pm_process_next(struct pm_process *process, bool *ended)
{
	char *message = (char *)&process->message;

	if (process->held == sizeof(process->message))
		process->held = 0;
	while (process->held < sizeof(process->message)) {
		ssize_t got = read(process->output, message + process->held,
				   sizeof(process->message) - process->held);

		if (got < 0 && errno == EINTR)
			continue;
		*ended = !got || (got < 0 && errno != EAGAIN);
		if (got <= 0)
			return NULL;
		process->held += (size_t)got;
	}
	return &process->message;
}

void pm_process_finish(struct pm_process *process)
{
	if (process->pid && process->input >= 0)
		close(process->input);
	process->input = -1;
}

void pm_process_stop(struct pm_process *process)
{
	if (!process->pid)
		return;
	pm_process_finish(process);
	close(process->output);
	kill(process->pid, SIGKILL);
	while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
		;
	process->pid = 0;
}
