/* SPDX-License-Identifier: Apache-2.0 */
/* Signals that break off a scan. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/interrupt.h"

#include <signal.h>
#include <stddef.h>

#include "analysis/analysis.h"

static struct run *interruptible;
static volatile sig_atomic_t interrupted_by;

static const int caught[] = { SIGINT, SIGTERM, SIGHUP };

static void interrupt(int number)
{
	interrupted_by = number;
	run_stop(interruptible);
}

void interrupt_catch(struct run *run)
{
	struct sigaction action = { .sa_handler = interrupt, .sa_flags = SA_RESETHAND };

	interruptible = run;
	for (size_t i = 0; i < sizeof(caught) / sizeof(*caught); i++)
		sigaction(caught[i], &action, NULL);
}

bool interrupt_came(void)
{
	return interrupted_by != 0;
}

void interrupt_obey(void)
{
	for (size_t i = 0; i < sizeof(caught) / sizeof(*caught); i++)
		signal(caught[i], SIG_DFL);
	if (interrupted_by)
		raise(interrupted_by);
}
