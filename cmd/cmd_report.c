/* SPDX-License-Identifier: Apache-2.0 */
/* gputrail report: the views of a recording as text or JSON. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/cmd.h"

#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/analysis.h"
#include "analysis/families.h"
#include "analysis/table.h"
#include "cmd/interrupt.h"
#include "cmd/options.h"
#include "cmd/print.h"
#include "cmd/progress.h"
#include "cmd/report_findings.h"
#include "cmd/report_json.h"
#include "cmd/report_paths.h"
#include "cmd/report_views.h"

enum {
	KEY_FULL = OPTION_LONG, KEY_JSON, KEY_COLOR, KEY_BY_SHAPE, KEY_RECOUNT, KEY_WIDTH,
	KEY_ORDER, KEY_METRIC, KEY_MIN, KEY_INTERPRETER, KEY_OFFSETS, KEY_THRESHOLD, KEY_THRESHOLDS,
	KEY_DETECTORS,
	KEY_FAMILIES,
};

static const struct cmd_option options[] = {
	{ "rows", 'n', "N", "print at most N rows of each table; 0 prints all "
	  "(default: 10 in the overview, all in a view that is named)" },
	{ "sort", 's', "KEY", "sort the views that have a column KEY by it" },
	{ "full", KEY_FULL, NULL, "print full names, uncut" },
	{ "by-shape", KEY_BY_SHAPE, NULL, "one row per launch shape instead of one per kernel" },
	{ "recount", KEY_RECOUNT, NULL, "count the rows of the file instead of reading the summaries "
	  "that its recorder kept; reads the whole file" },
	{ "order", KEY_ORDER, "ORDER", "call paths: top-down, bottom-up or flat "
	  "(default: top-down)" },
	{ "metric", KEY_METRIC, "METRIC", "call paths by gpu, host, launches, calls, copy-bytes, "
	  "alloc-bytes or replay (default: gpu, the time on the GPU)" },
	{ "min-percent", KEY_MIN, "N", "call paths: leave out branches below N percent "
	  "(default: 1)" },
	{ "interpreter", KEY_INTERPRETER, NULL, "call paths: show the native frames of the Python "
	  "interpreter too" },
	{ "offsets", KEY_OFFSETS, NULL, "call paths: native frames down to the instruction, not "
	  "added up by function" },
	{ "threshold", KEY_THRESHOLD, "NAME=VALUE", "findings: another threshold than the usual one" },
	{ "thresholds", KEY_THRESHOLDS, "FILE", "findings: the same, one on each line of FILE" },
	{ "detectors", KEY_DETECTORS, NULL, "list what findings look for, and the thresholds" },
	{ "families", KEY_FAMILIES, "FILE", "patterns of kernel families, before those built in and "
	  "in ~/.config/gputrail/families" },
	{ "color", KEY_COLOR, "WHEN", "auto, always or never (default: auto)" },
	{ "width", KEY_WIDTH, "N", "columns of the output (default: the terminal's)" },
	{ "json", KEY_JSON, NULL, "print all views but callpaths, nodes and ranges as JSON" },
	{ 0 },
};

static const struct cmd_usage usage = {
	.command = "report",
	.synopsis = "[OPTIONS] FILE [VIEW]...",
	.purpose = "Prints what the recording FILE says about its GPUs. Without a VIEW: the "
		   "overview.",
	.options = options,
	.more = "Views: overview, findings, waterfall, devices, kernels, apis, failures, copies, memory, "
		"bubbles, steps, families, callpaths, graphs, nodes, ranges, processes, losses, "
		"samples, detail, marks\n",
};

/* A sort key must do something in one of the views that are printed. */
static int sort_check(const char *sort, int count, char **names)
{
	bool known = !count && report_has_column(NULL, sort);

	for (int i = 0; i < count; i++)
		known |= report_has_column(names[i], sort);
	if (!known)
		message("report", "the keys are the members' names of --json",
			"no column '%s' in the views asked for", sort);
	return known ? 0 : -1;
}

static int views_check(int count, char **names)
{
	for (int i = 0; i < count; i++) {
		if (!report_is_view(names[i])) {
			message("report", "'gputrail report --help' lists the views; order: "
				"gputrail report FILE VIEW", "no view '%s'", names[i]);
			return -1;
		}
	}
	return 0;
}

static int recount(struct run *run)
{
	struct progress progress;
	int result;

	progress_begin(&progress, run, "counting");
	result = run_recount(run);
	progress_end(&progress, run);
	return result;
}

/* Made in memory first: a file that turns out damaged must not leave half an object. */
static int report_as_json(struct run *run, const struct report_request *request)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *memory = open_memstream(&text, &bytes);
	struct progress progress;
	int result;

	progress_begin(&progress, run, "reading");
	result = memory ? report_json(run, request->by_shape, request->limits, memory) : -1;
	progress_end(&progress, run);

	if (memory)
		fclose(memory);
	if (result == 0)
		fwrite(text, 1, bytes, stdout);
	free(text);
	return result;
}

/* A name that must be one of a list; -1 and a message when it is not. */
static int choice(const char *option, const char *text, int (*find)(const char *), int *ok)
{
	int found = find(text);

	if (found < 0) {
		message("report", "'gputrail report --help' lists what there is",
			"--%s: no '%s'", option, text);
		*ok = 0;
	}
	return found;
}

/* 1, or 0 after saying what is wrong. */
static int threshold_take(struct report_request *request, int key, const char *text)
{
	char why[512];

	if (!request->limits)
		request->limits = finding_limits_new();
	if (!request->limits)
		snprintf(why, sizeof(why), "out of memory");
	else if ((key == KEY_THRESHOLD ? finding_limits_set : finding_limits_read)
		 (request->limits, text, why, sizeof(why)) == 0)
		return 1;
	message("report", "'gputrail report --detectors' lists the thresholds", "%s", why);
	return 0;
}

static int request_parse(struct report_request *request, int argc, char **argv)
{
	const char *when = "auto";
	int key, ok = 1;
	long width = 0;

	request->paths.min_percent = 1;

	while ((key = options_next(&usage, argc, argv)) >= 0) {
		switch (key) {
		case 'n':
			request->style.rows = (size_t)options_number(&usage, "rows", optarg, 0,
								     1000000000, &ok);
			request->rows_given = true;
			break;
		case 's':
			request->sort = optarg;
			break;
		case KEY_FULL:
			request->style.full_names = true;
			break;
		case KEY_BY_SHAPE:
			request->by_shape = true;
			break;
		case KEY_RECOUNT:
			request->recount = true;
			break;
		case KEY_JSON:
			request->json = true;
			break;
		case KEY_ORDER:
			request->paths.order = (enum callpath_order)
				choice("order", optarg, report_paths_order, &ok);
			break;
		case KEY_METRIC:
			request->paths.metric = (enum callpath_metric)
				choice("metric", optarg, report_paths_metric, &ok);
			break;
		case KEY_MIN:
			request->paths.min_percent = (double)
				options_number(&usage, "min-percent", optarg, 0, 100, &ok);
			break;
		case KEY_INTERPRETER:
			request->paths.flags |= CALLPATH_INTERPRETER;
			break;
		case KEY_OFFSETS:
			request->paths.flags |= CALLPATH_OFFSETS;
			break;
		case KEY_THRESHOLD:
		case KEY_THRESHOLDS:
			ok = threshold_take(request, key, optarg);
			break;
		case KEY_DETECTORS:
			request->detectors = true;
			break;
		case KEY_FAMILIES:
			request->families = optarg;
			break;
		case KEY_COLOR:
			when = optarg;
			break;
		case KEY_WIDTH:
			width = options_number(&usage, "width", optarg, 40, 10000, &ok);
			break;
		}
		if (!ok)
			return OPTIONS_WRONG;
	}
	if (key == OPTIONS_END && !print_style_init(&request->style, when)) {
		message("report", NULL, "--color is auto, always or never, not '%s'", when);
		return OPTIONS_WRONG;
	}
	if (width)
		request->style.width = (int)width;
	return key;
}

/* How much a name looks like the FILE: 0 is a view that no file has the name of. */
static int file_likeness(const char *name)
{
	return 2 * !report_is_view(name) + (access(name, F_OK) == 0);
}

/* Puts the FILE first, wherever it stands among the views; -1 and a message where there is none. */
static int file_first(int count, char **names)
{
	int found = 0;
	char *file;

	for (int i = 1; i < count; i++)
		if (file_likeness(names[i]) > file_likeness(names[found]))
			found = i;
	file = names[found];
	if (!file_likeness(file)) {
		char advice[128];

		snprintf(advice, sizeof(advice), "gputrail report FILE %s", file);
		message("report", advice, "no FILE given: '%s' is a view", file);
		return -1;
	}
	memmove(&names[1], &names[0], (size_t)found * sizeof(*names));
	names[0] = file;
	return 0;
}

/* Said here what is wrong: it is in the user's file, not in the recording. */
static int use_families(struct run *run, const char *file)
{
	char *error;
	struct families *families = families_open(file, &error);

	if (!families) {
		message("report", "docs/families.md describes the table", "%s",
			error ? error : "out of memory");
		free(error);
		return -1;
	}
	run_use_families(run, families);
	return 0;
}

static bool is_recorded(struct run *run)
{
	struct run_info info;
	bool recorded = run_info(run, &info) == 0 && !strcmp(info.state, "recording");

	run_info_free(&info);
	return recorded;
}

/* Of one moment while the recorder goes on, which writes summaries less often than rows: all adds up. */
static int report_for_scripts(struct run *run, const struct report_request *request)
{
	int result = run_freeze(run);

	if (result < 0)
		return -1;
	if (request->recount || is_recorded(run))
		result = recount(run);
	if (result == 0)
		result = report_as_json(run, request);
	run_thaw(run);
	return result;
}

static int report_for_people(struct run *run, const struct report_request *request, int count,
			     char **names)
{
	return request->recount && recount(run) < 0 ? -1 : report_views(run, request, count, names);
}

/* What was asked for of the FILE that names[0] is. Returns an exit code. */
static int report_file(const struct report_request *request, int count, char **names)
{
	struct run *run;
	char *error;
	int result;

	if (views_check(count - 1, names + 1) < 0 ||
	    (request->sort && sort_check(request->sort, count - 1, names + 1) < 0))
		return EXIT_USAGE;
	run = run_open(names[0], &error);
	if (!run) {
		message("report", NULL, "%s", error);
		free(error);
		return EXIT_INPUT;
	}
	if (request->families && use_families(run, request->families) < 0) {
		run_close(run);
		return EXIT_INPUT;
	}
	interrupt_catch(run);
	result = request->json ? report_for_scripts(run, request)
		: report_for_people(run, request, count - 1, names + 1);
	if (result < 0)
		message("report", NULL, "%s", interrupt_came() ? "interrupted" : run_error(run));
	if (interrupt_came())
		fflush(stdout);
	interrupt_obey();
	run_close(run);
	return result < 0 ? EXIT_INPUT : EXIT_OK;
}

int cmd_report(int argc, char **argv)
{
	struct report_request request = { 0 };
	int parsed = request_parse(&request, argc, argv), result = EXIT_OK;

	setlocale(LC_CTYPE, "");
	if (parsed != OPTIONS_END) {
		result = parsed == OPTIONS_HELP ? EXIT_OK : EXIT_USAGE;
	} else if (request.detectors) {
		report_detectors(&request.style, request.limits);
	} else if (optind >= argc) {
		message("report", "'gputrail record -o FILE -- PROGRAM' makes one", "no FILE given");
		result = EXIT_USAGE;
	} else {
		result = file_first(argc - optind, argv + optind) < 0 ? EXIT_USAGE
			: report_file(&request, argc - optind, argv + optind);
	}
	finding_limits_free(request.limits);
	if (result == EXIT_OK && fflush(stdout) == EOF) {
		message("report", NULL, "cannot write: %s", strerror(errno));
		return EXIT_FAILED;
	}
	return result;
}
