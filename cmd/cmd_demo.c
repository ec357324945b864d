/* SPDX-License-Identifier: Apache-2.0 */
/* gputrail demo: records a demo inference server on the simulated GPU, with planted bottlenecks. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/recording.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_OUTPUT "gputrail-demo.db"
#define ARGUMENTS_MAX 16

static const struct plant {
	const char *name, *numbers;
	double rate;
	const char *help;
} plants[] = {
#define PLANT(id, name, numbers, rate, help) { name, numbers, rate, help },
#include "demo/plants.def"
#undef PLANT
	{ NULL, NULL, 0, NULL },
};

enum { OPTION_SIM = OPTION_LONG, OPTION_PLANT, OPTION_PYTHON, OPTION_SECONDS, OPTION_STEPS,
	OPTION_SEED, OPTION_TRUTH, OPTION_LIST, OPTION_CALLPATH, OPTION_ACTIVITY };

static const struct cmd_option options[] = {
	{ "output", 'o', "FILE", "record to FILE (default " DEFAULT_OUTPUT "); an older recording"
	  " there is replaced" },
	{ "force", 'f', NULL, "replace FILE even if it is no recording" },
	{ "sim", OPTION_SIM, "[=DEVICE]", "simulate DEVICE: A100, H100, H200 (default), B200, RTX4090" },
	{ "plant", OPTION_PLANT, "CAUSE[:RATE],...", "plant these bottlenecks, each at a share RATE of"
	  " the steps" },
	{ "list-plants", OPTION_LIST, NULL, "list the bottlenecks that can be planted" },
	{ "python", OPTION_PYTHON, NULL, "record the server written in Python" },
	{ "seconds", OPTION_SECONDS, "N", "serve for N seconds (default 5)" },
	{ "steps", OPTION_STEPS, "N", "serve N steps instead: the same work every time" },
	{ "seed", OPTION_SEED, "N", "seed of the requests (default 1)" },
	{ "truth", OPTION_TRUTH, "FILE", "write what the GPU really did to FILE, and what was planted"
	  " when to FILE.plants, and the steps to FILE.steps" },
	{ "callpath", OPTION_CALLPATH, "WHICH", "call paths to take with every event: native,python"
	  " (default), native, python or off" },
	{ "sm-activity", OPTION_ACTIVITY, "[=HZ]", "measure SM activity of the simulated GPU, too" },
	{ "quiet", 'q', NULL, "say nothing at the end unless something was lost" },
	{ 0 },
};

static const struct cmd_usage usage = {
	.command = "demo",
	.synopsis = "[OPTIONS]",
	.purpose = "Records an inference server that serves made-up requests with a made-up model on a"
		   " simulated GPU. By default little is wrong with it; --plant puts bottlenecks in.",
	.options = options,
	.more = "Example: gputrail demo --plant=sync-readback,tiny-kernels:0.5 --seconds=3\n",
};

struct demo {
	struct recording recording;
	bool is_python;
	const char *truth;
	char *arguments[ARGUMENTS_MAX];	/* malloc'd */
	int argument_count;
	bool has_length;
};

static void list_plants(void)
{
	printf("%-18s %-8s %-5s %s\n", "CAUSE", "NUMBER", "RATE", "WHAT THE SERVER THEN DOES");
	for (const struct plant *p = plants; p->name; p++)
		printf("%-18s %-8s %-5g %s\n", p->name, p->numbers, p->rate, p->help);
}

static const struct plant *plant_find(const char *name, size_t length)
{
	for (const struct plant *p = plants; p->name; p++)
		if (strlen(p->name) == length && !memcmp(p->name, name, length))
			return p;
	return NULL;
}

/* Wrong names are told here, before anything is recorded. */
static int plants_check(const char *causes)
{
	while (*causes) {
		size_t length = strcspn(causes, ","), name = strcspn(causes, ",:");
		char *end = NULL;
		double rate = 1;

		if (length && !plant_find(causes, name)) {
			message("demo", "'gputrail demo --list-plants' lists them",
				"there is no plant '%.*s'", (int)name, causes);
			return -1;
		}
		if (name < length)
			rate = strtod(causes + name + 1, &end);
		if (!(rate > 0 && rate <= 1) || (end && (end != causes + length ||
							 end == causes + name + 1))) {
			message("demo", "a rate is above 0 and at most 1, as in tiny-kernels:0.25",
				"wrong rate in '%.*s'", (int)length, causes);
			return -1;
		}
		causes += length + (causes[length] == ',');
	}
	return 0;
}

static void argument_add(struct demo *demo, char *argument)
{
	if (!argument) {
		message("demo", NULL, "out of memory");
		exit(EXIT_FAILED);
	}
	demo->arguments[demo->argument_count++] = argument;
	demo->arguments[demo->argument_count] = NULL;
}

/* "--name=value" for the server; a later one counts. */
static void argument_pass(struct demo *demo, const char *name, const char *value)
{
	char *argument = NULL;
	size_t length = strlen(name);

	if (asprintf(&argument, "%s%s", name, value) < 0)
		argument = NULL;
	for (int i = 0; argument && i < demo->argument_count; i++)
		if (!strncmp(demo->arguments[i], name, length)) {
			free(demo->arguments[i]);
			demo->arguments[i] = argument;
			return;
		}
	argument_add(demo, argument);
}

static int number_pass(struct demo *demo, const char *option, const char *text, long max)
{
	int ok = 1;
	char name[32];

	options_number(&usage, option, text, 1, max, &ok);
	if (!ok)
		return -1;
	snprintf(name, sizeof(name), "--%s=", option);
	argument_pass(demo, name, text);
	return 0;
}

static int seconds_pass(struct demo *demo, const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (*end || end == text || !(seconds > 0 && seconds <= 86400)) {
		message("demo", NULL, "--seconds takes a number above 0 and at most 86400, not '%s'", text);
		return -1;
	}
	argument_pass(demo, "--seconds=", text);
	return 0;
}

/* 0 to go on, -1 when wrong. */
static int activity_take(struct demo *demo, const char *text)
{
	const char *takes = control_set(&demo->recording.control, "sm-activity", text);

	if (!takes)
		return 0;
	message("demo", NULL, "--sm-activity takes %s, not '%s'", takes, text);
	return -1;
}

static int take_option(int key, struct demo *demo)
{
	switch (key) {
	case 'o':
		demo->recording.output = optarg;
		return 0;
	case 'f':
		demo->recording.force = true;
		return 0;
	case 'q':
		demo->recording.quiet = true;
		return 0;
	case OPTION_SIM:
		demo->recording.simulate = optarg ? optarg : "";
		return 0;
	case OPTION_CALLPATH:
		return recording_take_callpath(&demo->recording, optarg) ? 0 : -1;
	case OPTION_PYTHON:
		demo->is_python = true;
		return 0;
	case OPTION_TRUTH:
		demo->truth = optarg;
		return 0;
	case OPTION_PLANT:
		argument_pass(demo, "--plant=", optarg);
		return plants_check(optarg);
	case OPTION_SECONDS:
		demo->has_length = true;
		return seconds_pass(demo, optarg);
	case OPTION_STEPS:
		demo->has_length = true;
		return number_pass(demo, "steps", optarg, 100000000);
	case OPTION_ACTIVITY:
		return activity_take(demo, optarg ? optarg : "on");
	case OPTION_SEED:
		return number_pass(demo, "seed", optarg, INT_MAX);
	}
	return 0;
}

/* The server is the first argument; what was collected so far moves behind it. */
static int server_insert(struct demo *demo)
{
	char path[PATH_MAX];
	int words = demo->is_python ? 2 : 1;

	if (own_file(demo->is_python ? FILE_DEMO_PYTHON : FILE_DEMO, path, sizeof(path)) < 0) {
		message("demo", "gputrail is not fully built or installed: make install",
			"%s is missing", path);
		return -1;
	}
	memmove(demo->arguments + words, demo->arguments,
		(size_t)(demo->argument_count + 1) * sizeof(demo->arguments[0]));
	demo->argument_count += words;
	demo->arguments[words - 1] = strdup(path);
	if (demo->is_python)
		demo->arguments[0] = strdup("python3");
	if (demo->arguments[0] && demo->arguments[words - 1])
		return 0;
	message("demo", NULL, "out of memory");
	return -1;
}

/* Is this one of our files? Nothing else is replaced. */
static bool is_recording(const char *path)
{
	static const char id[] = { 'G', 'P', 'U', 'P' };	/* application_id of schema.sql */
	char head[72];
	FILE *file = fopen(path, "re");
	bool is_ours = file && fread(head, sizeof(head), 1, file) == 1 &&
		!memcmp(head, "SQLite format 3", 16) && !memcmp(head + 68, id, sizeof(id));

	if (file)
		fclose(file);
	return is_ours;
}

/* NAME=VALUE pairs for the server; the simulated driver appends to the truth file. */
static int truth_environment(struct demo *demo, const char **environment)
{
	static char truth[PATH_MAX + 32], facts[PATH_MAX + 32], steps[PATH_MAX + 32];

	if (unlink(demo->truth) < 0 && errno != ENOENT) {
		message("demo", "choose another name with --truth", "cannot replace %s: %s", demo->truth,
			strerror(errno));
		return -1;
	}
	snprintf(truth, sizeof(truth), "SIMCUDA_TRUTH=%s", demo->truth);
	snprintf(facts, sizeof(facts), "GPUTRAIL_DEMO_PLANTS=%s.plants", demo->truth);
	environment[0] = truth;
	snprintf(steps, sizeof(steps), "GPUTRAIL_DEMO_STEPS=%s.steps", demo->truth);
	environment[1] = facts;
	environment[2] = steps;
	demo->recording.environment = environment;
	return 0;
}

static int demo_run(struct demo *demo, int argc, char **argv)
{
	const char *environment[4] = { NULL };
	int key;

	while ((key = options_next(&usage, argc, argv)) != OPTIONS_END) {
		if (key == OPTIONS_HELP)
			return EXIT_OK;
		if (key == OPTION_LIST) {
			list_plants();
			return EXIT_OK;
		}
		if (key == OPTIONS_WRONG || take_option(key, demo) < 0)
			return EXIT_USAGE;
	}
	if (optind < argc) {
		message("demo", "'gputrail record' runs other programs", "'%s' is not an option",
			argv[optind]);
		return EXIT_USAGE;
	}
	if (!demo->has_length)
		argument_pass(demo, "--seconds=", "5");
	argument_pass(demo, "--quiet", "");
	if (server_insert(demo) < 0 || (demo->truth && truth_environment(demo, environment) < 0))
		return EXIT_FAILED;
	if (!demo->recording.output)
		demo->recording.output = DEFAULT_OUTPUT;
	if (is_recording(demo->recording.output))
		demo->recording.force = true;
	demo->recording.command = demo->arguments;
	return recording_run(&demo->recording);
}

int cmd_demo(int argc, char **argv)
{
	struct demo demo = { .recording = { .name = "demo", .simulate = "" } };
	int rc = demo_run(&demo, argc, argv);

	for (int i = 0; i < demo.argument_count; i++)
		free(demo.arguments[i]);
	return rc;
}
