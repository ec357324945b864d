/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts `gputrail collect` so that the host cannot tell: no SIGCHLD, no child to wait for, no
 * descriptor or terminal shared, none of the host's signal settings. Two clones deep, sharing
 * memory until exec so that a host of many gigabytes is not copied.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/shim.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libprofile/env.h"

#define ENVIRONMENT_MAX 4096
#define STACK_BYTES 32768

extern char **environ;

struct start {
	char program[1024];
	char root[24];
	const char *argv[9];
	const char *environment[ENVIRONMENT_MAX + 1];
	char inner_stack[STACK_BYTES] __attribute__((aligned(16)));
	char outer_stack[STACK_BYTES] __attribute__((aligned(16)));
};
/* Only the thread that attaches gets here. */
static struct start start;

static bool is_executable(size_t directory_bytes, const char *rest)
{
	util_append(start.program, directory_bytes, sizeof(start.program), rest);
	return !access(start.program, X_OK);
}

/* GPUTRAIL_COLLECTOR, else next to this library: installed, then in a build folder. PATH is not
 * searched: what is found there need not be the same build. */
static bool find_program(void)
{
	const char *chosen = env_get(ENV_GPUTRAIL_COLLECTOR);
	struct object self;
	size_t at;

	if (*chosen) {
		util_append(start.program, 0, sizeof(start.program), chosen);
		return !access(start.program, X_OK);
	}
	if (!object_of_address((const void *)find_program, &self))
		return false;
	at = (size_t)(util_basename(self.path) - self.path);
	util_append(start.program, 0, sizeof(start.program), self.path);
	return is_executable(at, "../bin/gputrail") || is_executable(at, "../../bin/gputrail") ||
		is_executable(at, "../../cmd/gputrail");
}

/* Everything but what would preload this library into the collector or give it our socket. */
static void fill_environment(void)
{
	size_t count = 0;

	for (char **variable = environ; variable && *variable; variable++)
		if (count < ENVIRONMENT_MAX && strncmp(*variable, "LD_PRELOAD=", 11) &&
		    strncmp(*variable, "GPUTRAIL_SOCKET=", 16))
			start.environment[count++] = *variable;
	start.environment[count] = NULL;
}

/* Signal handlers are not shared with the host (no CLONE_SIGHAND); the mask is all blocked. */
static void reset_signals(void)
{
	struct sigaction standard = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		sigaction(number, &standard, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int run(void *unused)
{
	int null = open("/dev/null", O_RDWR);

	(void)unused;
	if (null < 0)
		return 127;
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	syscall(SYS_close_range, 3u, ~0u, 0u);
	reset_signals();
	execve(start.program, (char *const *)start.argv, (char *const *)start.environment);
	return 127;
}

static int outer(void *unused)
{
	(void)unused;
	setsid();
	return clone(run, start.inner_stack + STACK_BYTES, CLONE_VM | CLONE_VFORK, NULL) < 0;
}

bool collector_start(const char *socket_name, uint32_t root)
{
	sigset_t all, before;
	int child, status = 1;

	if (!find_program())
		return false;
	util_append_number(start.root, 0, sizeof(start.root), root);
	start.argv[0] = start.program;
	start.argv[1] = "collect";
	start.argv[2] = "--socket";
	start.argv[3] = socket_name;
	start.argv[4] = "--output";
	start.argv[5] = env_get(ENV_GPUTRAIL_OUTPUT);
	start.argv[6] = "--root";
	start.argv[7] = start.root;
	start.argv[8] = NULL;
	fill_environment();
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	child = clone(outer, start.outer_stack + STACK_BYTES, CLONE_VM | CLONE_VFORK, NULL);
	if (child > 0)
		waitpid(child, &status, __WCLONE);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return child > 0 && WIFEXITED(status) && !WEXITSTATUS(status);
}
