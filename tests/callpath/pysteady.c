/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking a known Python path makes no system call and asks the interpreter for nothing that could
 * wait for the GIL: part of the library that pyframes.py calls.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <dlfcn.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libprofile/pypath.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT int pysteady(int rounds);
void *pyprobe_look_up(const char *symbol);

static bool asked_other;

/* What is read, and the only three functions that are called later: each returns a word. */
void *pyprobe_look_up(const char *symbol)
{
	static const char *const known[] = {
		"PyGILState_GetThisThreadState", "PyInterpreterState_Head", "PyInterpreterState_Main",
		"Py_Version", "Py_GetVersion", "PyCode_Type", "_PyRuntime",
	};
	bool is_known = false;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		is_known |= !strcmp(symbol, known[i]);
	asked_other |= !is_known;
	return dlsym(RTLD_DEFAULT, symbol);
}

static bool tell_node(void *user, uint32_t node, uint32_t parent, uint64_t key)
{
	(void)user;
	(void)node;
	(void)parent;
	(void)key;
	return true;
}

static bool tell_code(void *user, uint32_t id, uint64_t code)
{
	(void)user;
	(void)id;
	(void)code;
	return true;
}

/* Every system call but the last one kills from here on. */
static void calls_forbid(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0))
		_exit(77);
}

static int child_run(int rounds)
{
	struct pypath *paths;
	uint32_t version, node;

	if (!pyframes_init(pyprobe_look_up, &version))
		return 2;
	paths = pypath_new(tell_node, tell_code, NULL, PYFRAMES_DEPTH_MAX);
	node = paths ? pypath_node(paths) : 0;
	if (!node || asked_other)
		return 3;
	calls_forbid();
	for (int i = 0; i < rounds; i++)
		if (pypath_node(paths) != node)
			return 4;
	return 0;
}

/* In a child, which has this thread's frames and no way back from the filter. Returns 0; 77 where
 * no filter can be had. */
EXPORT int pysteady(int rounds)
{
	pid_t child = fork();
	int status = -1;

	if (child == 0)
		_exit(child_run(rounds));
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : status;
}
