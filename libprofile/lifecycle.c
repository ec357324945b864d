/* SPDX-License-Identifier: Apache-2.0 */
/* What happens once per process: after attaching, after cuInit, at exit, in a forked child. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/lifecycle.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libprofile/context.h"
#include "libprofile/control.h"
#include "libprofile/functions.h"
#include "libprofile/graph_parts.h"
#include "libprofile/interpose.h"
#include "libprofile/ranges.h"

static bool fork_handler_set;

static void count_fork(void)
{
	if (*process.alive)
		process_count(WIRE_COUNTER_forks, 1);
}

/* Runs before the driver's own exit handlers, which were registered earlier. */
static void at_exit(void)
{
	if (!*process.alive)
		return;
	control_stop();
	__atomic_store_n(&process.control->state, WIRE_PROCESS_EXITING, __ATOMIC_RELEASE);
}

/* Forked workers of Python's multiprocessing, among others, end without exit handlers; what CUPTI
 * still holds would be lost. A child of vfork shares the memory and must leave it alone. */
__attribute__((visibility("default"), noreturn)) void _exit(int status)
{
	if (*process.alive && process.control->pid == (uint32_t)getpid())
		at_exit();
	for (;;)
		syscall(SYS_exit_group, status);
}

__attribute__((visibility("default"), noreturn)) void _Exit(int status)
{
	_exit(status);
}

void lifecycle_started(void)
{
	if (!fork_handler_set)
		fork_handler_set = !pthread_atfork(NULL, count_fork, NULL);
	functions_start();
	ranges_start();
	got_count_linked();
	control_start();
}

void lifecycle_cuda_ready(void)
{
	if (__atomic_exchange_n(&process.cuda_ready, true, __ATOMIC_ACQ_REL))
		return;
	if (!process.exit_registered)
		process.exit_registered = !atexit(at_exit);
	control_ready();
}

void lifecycle_forget_all(void)
{
	context_forget_all();
	functions_forget_all();
	graph_parts_forget();
	control_forget();
}
