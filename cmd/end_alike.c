/* SPDX-License-Identifier: Apache-2.0 */
/* Ending as another process ended: see end_alike.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/end_alike.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

int end_alike(int wait_status)
{
	struct rlimit no_core = { 0, 0 };
	sigset_t mask;
	int number;

	if (WIFEXITED(wait_status))
		return WEXITSTATUS(wait_status);
	number = WTERMSIG(wait_status);
	setrlimit(RLIMIT_CORE, &no_core);	/* the command's own core is the one of interest */
	signal(number, SIG_DFL);
	sigemptyset(&mask);
	sigaddset(&mask, number);
	sigprocmask(SIG_UNBLOCK, &mask, NULL);
	raise(number);
	return 128 + number;
}
