/* SPDX-License-Identifier: Apache-2.0 */
/* gputrail record: runs a command and records the GPU work of its process tree. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/record_tui.h"
#include "cmd/recording.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define RING_BYTES_MIN (64l << 10)	/* as docs/libprofile.md has them */
#define RING_BYTES_MAX (64l << 20)

enum { OPTION_SIM = OPTION_LONG, OPTION_WAIT, OPTION_RING_BYTES, OPTION_HOST_ONLY,
	OPTION_CALLPATH, OPTION_TUI, OPTION_CONTROL };

static const struct cmd_option options[] = {
	{ "output", 'o', "FILE", "record to FILE; %p is the process id, %h the host, %t the time"
	  " (default gputrail-%p.db)" },
	{ "force", 'f', NULL, "replace FILE if it exists" },
	{ "sim", OPTION_SIM, "[=DEVICE]", "use the simulated driver, of DEVICE (H200, A100, ...)" },
	{ "wait", OPTION_WAIT, "WHICH", "all: until every process of the tree ended (default);"
	  " primary: until the command itself ended" },
	{ "detail", OPTION_CONTROL, "LEVEL", "what is taken of the GPU: full (default) every operation;"
	  " graph: each graph launch as one; sampled: full for a tenth of the time; auto: full for as"
	  " long as --max-overhead allows; host: nothing, which leaves CUPTI alone" },
	{ "host-only", OPTION_HOST_ONLY, NULL, "the same as --detail=host" },
	{ "max-overhead", OPTION_CONTROL + 1, "PERCENT", "budget of --detail=auto, a share of the run's"
	  " time (default 2%)" },
	{ "delay", OPTION_CONTROL + 2, "SECONDS", "begin to record that much later" },
	{ "duration", OPTION_CONTROL + 3, "SECONDS", "record for that long; the program runs on" },
	{ "capture-range", OPTION_CONTROL + 4, "WHICH", "cudaProfilerApi: record only between"
	  " cudaProfilerStart and cudaProfilerStop; none (default)" },
	{ "sm-activity", OPTION_CONTROL + 5, "[=HZ]", "measure SM activity, occupancy, tensor cores,"
	  " memory and links of the GPUs, that often: up to 9 times a second (default) through NVML, from"
	  " 20 to 10000 by CUPTI's PM sampling, which needs privileges" },
	{ "ring-bytes", OPTION_RING_BYTES, "N", "size of each thread's buffer, a power of two"
	  " from 64K to 64M" },
	{ "callpath", OPTION_CALLPATH, "WHICH", "call paths to take with every event: native,python"
	  " (default), native, python or off" },
	{ "tui", OPTION_TUI, NULL, "open the viewer meanwhile; what COMMAND writes goes to FILE.log" },
	{ "quiet", 'q', NULL, "say nothing at the end unless something was lost" },
	{ 0 },
};

static const struct cmd_usage usage = {
	.command = "record",
	.synopsis = "[OPTIONS] [--] COMMAND [ARGUMENTS]",
	.purpose = "Runs COMMAND and records the CUDA calls and GPU work of it and of all "
		   "processes it"
		   " starts into one file. The exit code is that of COMMAND.",
	.options = options,
	.more = "Exit codes of its own: 2 wrong options, 77 no CUDA driver here (try --sim).\n",
	.stop_at_argument = 1,
};

/* The library takes its own size for a wrong one, and has nobody to tell. */
static int ring_bytes_check(const char *text)
{
	char *end;
	long bytes = strtol(text, &end, 10), unit = 1;

	if (*end == 'K' || *end == 'k')
		unit = 1l << 10;
	else if (*end == 'M' || *end == 'm')
		unit = 1l << 20;
	if (end != text && !end[unit > 1] && bytes > 0 && bytes <= RING_BYTES_MAX &&
	    !(bytes & (bytes - 1)) &&
	    bytes * unit >= RING_BYTES_MIN && bytes * unit <= RING_BYTES_MAX)
		return 0;
	message("record", NULL, "--ring-bytes takes a power of two from 64K to 64M, not '%s'", text);
	return -1;
}

/* Options of what is taken have the order of control_rows. */
static int take_control(struct recording *r, const struct control_row *row)
{
	const char *text = optarg ? optarg : "on";	/* only --sm-activity may be without */
	const char *takes = control_set(&r->control, row->name, text);

	if (!takes)
		return 0;
	message("record", NULL, "--%s takes %s, not '%s'", row->name, takes, text);
	return -1;
}

static int take_option(int key, struct recording *r)
{
	if (key >= OPTION_CONTROL)
		return take_control(r, &control_rows[key - OPTION_CONTROL]);
	switch (key) {
	case 'o':
		r->output = optarg;
		break;
	case 'f':
		r->force = true;
		break;
	case 'q':
		r->quiet = true;
		break;
	case OPTION_SIM:
		r->simulate = optarg ? optarg : "";
		break;
	case OPTION_HOST_ONLY:
		control_set(&r->control, "detail", "host");
		break;
	case OPTION_RING_BYTES:
		r->ring_bytes = optarg;
		return ring_bytes_check(optarg);
	case OPTION_CALLPATH:
		return recording_take_callpath(r, optarg) ? 0 : -1;
	case OPTION_WAIT:
		if (strcmp(optarg, "all") && strcmp(optarg, "primary")) {
			message("record", NULL, "--wait takes 'all' or 'primary', not '%s'",
				optarg);
			return -1;
		}
		r->wait_primary = !strcmp(optarg, "primary");
		break;
	}
	return 0;
}

static int take_all(struct recording *recording, bool *tui, int argc, char **argv)
{
	int key;

	while ((key = options_next(&usage, argc, argv)) != OPTIONS_END) {
		if (key == OPTIONS_HELP || key == OPTIONS_WRONG)
			return key;
		if (key == OPTION_TUI)
			*tui = true;
		else if (take_option(key, recording) < 0)
			return OPTIONS_WRONG;
	}
	return key;
}

int cmd_record(int argc, char **argv)
{
	struct recording recording = { .name = "record", .output = "gputrail-%p.db" };
	const char *conflict;
	bool tui = false;
	int parsed;

	control_from_environment(&recording.control);
	parsed = take_all(&recording, &tui, argc, argv);
	if (parsed != OPTIONS_END)
		return parsed == OPTIONS_HELP ? EXIT_OK : EXIT_USAGE;
	if (optind == argc) {
		message("record", "example: gputrail record -o run.db -- python3 serve.py",
			"what is to be run?");
		return EXIT_USAGE;
	}
	conflict = control_conflict(&recording.control);
	if (conflict) {
		message("record", NULL, "%s", conflict);
		return EXIT_USAGE;
	}
	recording.command = argv + optind;
	return tui ? record_tui(&recording) : recording_run(&recording);
}
