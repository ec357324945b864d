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

#include "analysis/analysis.h"
#include "analysis/families.h"
#include "analysis/table.h"
#include "cmd/options.h"
#include "cmd/print.h"
#include "cmd/progress.h"
#include "cmd/report_bubbles.h"
#include "cmd/report_findings.h"
#include "cmd/report_detail.h"
#include "cmd/report_json.h"
#include "cmd/report_memory.h"
#include "cmd/report_paths.h"
#include "cmd/report_steps.h"

enum {
	KEY_FULL = OPTION_LONG, KEY_JSON, KEY_COLOR, KEY_BY_SHAPE, KEY_RECOUNT, KEY_WIDTH,
	KEY_ORDER, KEY_METRIC, KEY_MIN, KEY_INTERPRETER, KEY_THRESHOLD, KEY_THRESHOLDS, KEY_DETECTORS,
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
	{ "threshold", KEY_THRESHOLD, "NAME=VALUE", "findings: another threshold than the usual one" },
	{ "thresholds", KEY_THRESHOLDS, "FILE", "findings: the same, one on each line of FILE" },
	{ "detectors", KEY_DETECTORS, NULL, "list what findings look for, and the thresholds" },
	{ "families", KEY_FAMILIES, "FILE", "patterns of kernel families, before those built in and "
	  "in ~/.config/gputrail/families" },
	{ "color", KEY_COLOR, "WHEN", "auto, always or never (default: auto)" },
	{ "width", KEY_WIDTH, "N", "columns of the output (default: the terminal's)" },
	{ "json", KEY_JSON, NULL, "print all views but the call paths as JSON" },
	{ 0 },
};

static const struct cmd_usage usage = {
	.command = "report",
	.synopsis = "[OPTIONS] FILE [VIEW]...",
	.purpose = "Prints what the recording FILE says about its GPUs. Without a VIEW: the "
		   "overview.",
	.options = options,
	.more = "Views: overview, findings, waterfall, devices, kernels, apis, failures, copies, memory, "
		"bubbles, steps, families, callpaths, processes, losses, samples, detail, marks\n",
};

struct request {
	struct print_style style;
	const char *sort, *families;
	bool by_shape, json, recount, rows_given;
	struct report_paths paths;
	struct finding_limits *limits;
	bool detectors;
};

static const enum view_id overview_views[] = {
	VIEW_DEVICES, VIEW_KERNELS, VIEW_APIS, VIEW_COPIES, VIEW_MEMORY,
	VIEW_PROCESSES,
};

static int report_view(struct run *run, const struct request *request, enum view_id view)
{
	struct table table;
	int column;

	if (table_load(run, view, request->by_shape, &table) < 0)
		return -1;
	column = request->sort ? view_column(view, request->sort) : -1;
	if (column >= 0)
		table_sort(&table, column);
	print_heading(&request->style, views[view].title);
	print_table(&request->style, &table);
	table_free(&table);
	return 0;
}

/* What makes the rest of the report less than the truth comes first. */
static int report_losses(struct run *run, const struct request *request, bool truncated)
{
	struct run_loss_list losses;
	char line[512];
	size_t lost = 0;

	if (run_losses(run, &losses) < 0)
		return -1;
	for (size_t i = 0; i < losses.count; i++) {
		const struct run_loss *loss = &losses.rows[i];

		if (!loss->is_loss || !loss->value)
			continue;
		snprintf(line, sizeof(line), "LOST: %llu %s (%s)", (unsigned long long)loss->value,
			 loss->text[0] ? loss->text : "of a kind this version does not know",
			 loss->name);
		print_alarm(&request->style, line);
		lost++;
	}
	if (!lost)
		printf(truncated ? "Up to its end nothing was lost.\n" : "Nothing was lost.\n");
	run_loss_list_free(&losses);
	return 0;
}

static int report_failures(struct run *run, const struct request *request)
{
	struct run_failure_list failures;
	size_t count;

	if (run_failures(run, &failures) < 0)
		return -1;
	count = failures.count;
	run_failure_list_free(&failures);
	if (!count)
		return 0;
	putchar('\n');
	return report_view(run, request, VIEW_FAILURES);
}

/* A process without GPU times would otherwise just look idle. */
static int report_backends(struct run *run, const struct request *request)
{
	struct run_process_list processes;
	char line[512];

	if (run_processes(run, &processes) < 0)
		return -1;
	for (size_t i = 0; i < processes.count; i++) {
		const struct run_process *p = &processes.rows[i];

		if (strcmp(p->backend, "none") && strcmp(p->backend, "events"))
			continue;
		snprintf(line, sizeof(line), "%s for process %d%s%s",
			 p->backend[0] == 'n' ? "NO GPU TIMES" : "ONLY SAMPLED GPU TIMES", p->pid,
			 p->backend_note[0] ? ": " : "", p->backend_note);
		print_alarm(&request->style, line);
	}
	run_process_list_free(&processes);
	return 0;
}

static int report_head(struct run *run, const struct request *request, bool *truncated)
{
	struct run_info info;
	char span[32], size[32], line[256];

	if (run_info(run, &info) < 0)
		return -1;
	print_fact(&request->style, "file", info.path);
	snprintf(line, sizeof(line), "%s, %s, %d process%s, %d thread%s, %s", info.state,
		 format_ns((double)info.span_ns, span, sizeof(span)), info.processes,
		 info.processes == 1 ? "" : "es", info.threads, info.threads == 1 ? "" : "s",
		 format_bytes((double)info.file_bytes, size, sizeof(size)));
	print_fact(&request->style, "run", line);
	if (info.command_line[0])
		print_fact(&request->style, "command", info.command_line);
	if (info.needs_recovery)
		print_alarm(&request->style, "CUT SHORT: its recorder died. 'gputrail recover FILE' "
			    "finishes the file; --recount counts what is in it");
	print_gaps(&request->style, run, info.tool_version);
	*truncated = !strcmp(info.state, "truncated");
	run_info_free(&info);
	return 0;
}

/* Most recordings have no rows of these. */
static int report_rare(struct run *run, const struct request *request)
{
	static const enum view_id rare[] = { VIEW_SAMPLES, VIEW_MARKS };

	for (size_t i = 0; i < sizeof(rare) / sizeof(*rare); i++) {
		struct table table;
		size_t count;

		if (table_load(run, rare[i], false, &table) < 0)
			return -1;
		count = table.count;
		table_free(&table);
		if (!count)
			continue;
		putchar('\n');
		if (report_view(run, request, rare[i]) < 0)
			return -1;
	}
	return 0;
}

static int report_overview(struct run *run, const struct request *request)
{
	struct request with_rows = *request;
	struct findings findings;
	bool truncated;

	if (!request->rows_given)
		with_rows.style.rows = 10;
	if (report_head(run, request, &truncated) < 0 ||
	    report_detail(run, &request->style) < 0 ||
	    report_losses(run, request, truncated) < 0 || report_backends(run, request) < 0)
		return -1;
	if (report_failures(run, &with_rows) < 0)
		return -1;
	if (findings_load(run, request->limits, &findings) < 0)
		return -1;
	putchar('\n');
	report_costliest(&request->style, &findings);
	findings_free(&findings);
	for (size_t i = 0; i < sizeof(overview_views) / sizeof(*overview_views); i++) {
		putchar('\n');
		if (report_view(run, &with_rows, overview_views[i]) < 0)
			return -1;
	}
	return report_rare(run, &with_rows);
}

static int view_find(const char *name)
{
	for (int i = 0; i < VIEW_COUNT; i++)
		if (!strcmp(views[i].key, name))
			return i;
	return -1;
}

static bool has_column(int view, const char *key)
{
	if (view >= 0)
		return view_column((enum view_id)view, key) >= 0;
	for (size_t i = 0; i < sizeof(overview_views) / sizeof(*overview_views); i++)
		if (view_column(overview_views[i], key) >= 0)
			return true;
	return false;
}

/* A sort key must do something in one of the views that are printed. */
static int sort_check(const char *sort, int count, char **names)
{
	bool known = !count && has_column(-1, sort);

	for (int i = 0; i < count; i++)
		known |= has_column(view_find(names[i]), sort);
	if (!known)
		message("report", "the keys are the members' names of --json",
			"no column '%s' in the views asked for", sort);
	return known ? 0 : -1;
}

/* Views that are more than a table. */
typedef int report_fn(struct run *run, const struct request *request);

static int report_callpaths(struct run *run, const struct request *request)
{
	return report_paths(run, &request->paths, &request->style);
}

static int report_idle(struct run *run, const struct request *request)
{
	return report_bubbles(run, &request->style, request->rows_given);
}

static int report_memory_all(struct run *run, const struct request *request)
{
	if (report_view(run, request, VIEW_MEMORY) < 0)
		return -1;
	putchar('\n');
	return report_memory(run, &request->style, request->rows_given);
}

static int report_found(struct run *run, const struct request *request)
{
	struct findings findings;

	if (findings_load(run, request->limits, &findings) < 0)
		return -1;
	report_findings(&request->style, &findings);
	findings_free(&findings);
	return 0;
}

static int report_falls(struct run *run, const struct request *request)
{
	struct findings findings;

	if (findings_load(run, request->limits, &findings) < 0)
		return -1;
	report_waterfall(&request->style, &findings);
	findings_free(&findings);
	return 0;
}

static int report_step_times(struct run *run, const struct request *request)
{
	return report_steps(run, &request->style, request->rows_given);
}

static int report_family_times(struct run *run, const struct request *request)
{
	return report_families(run, &request->style);
}

static report_fn *special_find(const char *name)
{
	static const struct { const char *name; report_fn *report; } special[] = {
		{ "overview", report_overview }, { "findings", report_found },
		{ "waterfall", report_falls }, { "bubbles", report_idle },
		{ "steps", report_step_times }, { "families", report_family_times },
		{ "callpaths", report_callpaths }, { "memory", report_memory_all },
	};

	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (!strcmp(special[i].name, name))
			return special[i].report;
	return NULL;
}

static bool is_view(const char *name)
{
	return special_find(name) || view_find(name) >= 0;
}

static int views_check(int count, char **names)
{
	for (int i = 0; i < count; i++) {
		if (!is_view(names[i])) {
			message("report", "'gputrail report --help' lists the views",
				"no view '%s'", names[i]);
			return -1;
		}
	}
	return 0;
}

static int report(struct run *run, const struct request *request, int count, char **names)
{
	if (count == 0)
		return report_overview(run, request);
	for (int i = 0; i < count; i++) {
		report_fn *special = special_find(names[i]);

		if (i)
			putchar('\n');
		if ((special ? special(run, request)
		     : report_view(run, request, (enum view_id)view_find(names[i]))) < 0)
			return -1;
	}
	return 0;
}

static int recount(struct run *run)
{
	struct progress progress;
	int result;

	progress_start(&progress, "counting");
	run_on_progress(run, progress_update, &progress);
	result = run_recount(run);
	run_on_progress(run, NULL, NULL);
	progress_finish(&progress);
	return result;
}

/* Made in memory first: a file that turns out damaged must not leave half an object. */
static int report_as_json(struct run *run, const struct request *request)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *memory = open_memstream(&text, &bytes);
	int result = memory ? report_json(run, request->by_shape, request->limits, memory) : -1;

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
static int threshold_take(struct request *request, int key, const char *text)
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

static int request_parse(struct request *request, int argc, char **argv)
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
			request->paths.interpreter = true;
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

/* The one argument that is no view is the FILE; where all could be, the first. */
static void file_first(int count, char **names)
{
	for (int i = 1; i < count && is_view(names[0]); i++) {
		char *file = names[i];

		if (is_view(file))
			continue;
		memmove(&names[1], &names[0], (size_t)i * sizeof(*names));
		names[0] = file;
		return;
	}
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

/* What was asked for of the FILE that names[0] is. Returns an exit code. */
static int report_file(const struct request *request, int count, char **names)
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
	result = request->recount ? recount(run) : 0;
	if (result == 0)
		result = request->json ? report_as_json(run, request)
			: report(run, request, count - 1, names + 1);
	if (result < 0)
		message("report", NULL, "%s", run_error(run));
	run_close(run);
	return result < 0 ? EXIT_INPUT : EXIT_OK;
}

int cmd_report(int argc, char **argv)
{
	struct request request = { 0 };
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
		file_first(argc - optind, argv + optind);
		result = report_file(&request, argc - optind, argv + optind);
	}
	finding_limits_free(request.limits);
	if (result == EXIT_OK && fflush(stdout) == EOF) {
		message("report", NULL, "cannot write: %s", strerror(errno));
		return EXIT_FAILED;
	}
	return result;
}
