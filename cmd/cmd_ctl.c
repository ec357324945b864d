/* SPDX-License-Identifier: Apache-2.0 */
/* gputrail ctl: changes what is recorded of a process while it runs. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/cmd.h"
#include "cmd/control_pages.h"
#include "cmd/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS 3000		/* detaching may take the process two seconds */

static const struct cmd_option options[] = {
	{ 0 },
};

static const struct cmd_usage usage = {
	.command = "ctl",
	.synopsis = "start|stop|status PID\n"
		    "       gputrail ctl detail PID LEVEL\n"
		    "       gputrail ctl mark PID TEXT",
	.purpose = "Changes what is recorded of the running process PID, which must be yours. If PID is"
		   " a recorder ('gputrail record' or 'collect'), of all processes that it records.",
	.options = options,
	.more = "  start   record again\n"
		"  stop    record nothing; CUPTI is let go, calls pass through\n"
		"  detail  take LEVEL from now on: full, graph, sampled, auto or host\n"
		"  mark    write TEXT and this instant into the recording\n"
		"  status  print what is recorded now\n",
};

struct action {
	const char *name;
	int arguments;			/* after PID */
	/* 0, or -1 after a message */
	int (*run)(struct wire_control *control, const char *argument);
};

static int ask(struct wire_control *control)
{
	if (control_followed(control, control_request(control), WAIT_MS))
		return 0;
	message("ctl", "a process that is stopped, or has not called cuInit yet, follows later",
		"process %u has not answered yet", control->pid);
	return -1;
}

static int set_stopped(struct wire_control *control, uint32_t is_stopped)
{
	__atomic_store_n(&control->request.is_stopped, is_stopped, __ATOMIC_RELAXED);
	return ask(control);
}

static int run_start(struct wire_control *control, const char *argument)
{
	(void)argument;
	return set_stopped(control, 0);
}

static int run_stop(struct wire_control *control, const char *argument)
{
	(void)argument;
	return set_stopped(control, 1);
}

static int run_detail(struct wire_control *control, const char *argument)
{
	__atomic_store_n(&control->request.detail, (uint32_t)wire_detail_asked(argument),
			 __ATOMIC_RELAXED);
	return ask(control);
}

static int run_mark(struct wire_control *control, const char *argument)
{
	if (control_mark(control, argument, WAIT_MS))
		return 0;
	message("ctl", NULL, "process %u: its recorder takes no more marks", control->pid);
	return -1;
}

static int run_status(struct wire_control *control, const char *argument)
{
	static const char *const backends[] = { "none", "cupti", "events" };
	const struct wire_request *request = &control->request;
	const struct wire_status_now *now = &control->now;
	char note[sizeof(control->backend_note)];

	(void)argument;
	memcpy(note, control->backend_note, sizeof(note));
	note[sizeof(note) - 1] = '\0';
	printf("process %u\n", control->pid);
	printf("  recording  %s\n", request->is_stopped ? "stopped" : "running");
	printf("  detail     %s; taken now: %s\n", wire_detail_name(request->detail),
	       wire_detail_name(now->detail));
	if (request->detail == WIRE_DETAIL_SAMPLED || request->detail == WIRE_DETAIL_AUTO)
		printf("  sampling   %.1f %% of the time%s\n", now->duty_ppm / 1e4,
		       request->detail == WIRE_DETAIL_AUTO ? ", as the budget allows" : "");
	printf("  own cost   %.2f %% of the last second", now->overhead_ppm / 1e4);
	if (request->detail == WIRE_DETAIL_AUTO)
		printf("; budget %.2f %%", request->budget_ppm / 1e4);
	printf("\n  GPU times  %s%s%s\n", backends[control->backend < 3 ? control->backend : 0],
	       note[0] ? ": " : "", note);
	return 0;
}

static const struct action actions[] = {
	{ "start", 0, run_start },
	{ "stop", 0, run_stop },
	{ "detail", 1, run_detail },
	{ "mark", 1, run_mark },
	{ "status", 0, run_status },
};

static const struct action *action_find(const char *name)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (!strcmp(actions[i].name, name))
			return &actions[i];
	return NULL;
}

static int pages_find(pid_t pid, struct control_pages *pages)
{
	if (control_pages_open(pid, pages) < 0) {
		message("ctl", errno == EACCES ? "only its own user may control a process" : NULL,
			errno == EACCES ? "process %d is not yours" : "there is no process %d",
			(int)pid);
		return -1;
	}
	if (pages->count)
		return 0;
	if (pages->is_other_version)
		message("ctl", "use the gputrail that records it",
			"process %d is recorded by another version of gputrail", (int)pid);
	else
		message("ctl", "it must run under 'gputrail record' and have used CUDA; the recorder's own"
			" process id means all that it records", "process %d is not recorded", (int)pid);
	return -1;
}

static int act(const struct action *action, pid_t pid, const char *argument)
{
	struct control_pages pages;
	int rc = EXIT_OK;

	if (pages_find(pid, &pages) < 0)
		return EXIT_INPUT;
	for (size_t i = 0; i < pages.count; i++)
		if (action->run(pages.rows[i], argument) < 0)
			rc = EXIT_FAILED;
	control_pages_close(&pages);
	return rc;
}

/* What follows the name of the action. */
static int check(const struct action *action, int count, char **words, pid_t *pid)
{
	char *end = NULL;
	long number = count ? strtol(words[0], &end, 10) : 0;

	if (count != 1 + action->arguments) {
		message("ctl", "'gputrail ctl --help' tells more", action->arguments ?
			"%s needs a process id and one more word" : "%s needs a process id",
			action->name);
		return -1;
	}
	if (*end || number <= 0 || number > INT32_MAX) {
		message("ctl", NULL, "'%s' is no process id", words[0]);
		return -1;
	}
	if (action->run == run_detail && !wire_detail_asked(words[1])) {
		message("ctl", NULL, "detail is full, graph, sampled, auto or host, not '%s'", words[1]);
		return -1;
	}
	*pid = (pid_t)number;
	return 0;
}

int cmd_ctl(int argc, char **argv)
{
	const struct action *action;
	pid_t pid;
	int key = options_next(&usage, argc, argv);

	if (key != OPTIONS_END)
		return key == OPTIONS_HELP ? EXIT_OK : EXIT_USAGE;
	action = optind < argc ? action_find(argv[optind]) : NULL;
	if (!action) {
		message("ctl", "'gputrail ctl --help' tells more",
			"start, stop, detail, mark or status, and of which process?");
		return EXIT_USAGE;
	}
	if (check(action, argc - optind - 1, argv + optind + 1, &pid) < 0)
		return EXIT_USAGE;
	return act(action, pid, action->arguments ? argv[optind + 2] : NULL);
}
