/* SPDX-License-Identifier: Apache-2.0 */
/* gputrail export: a recording for other tools. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/cmd.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/export_csv.h"
#include "cmd/export_html.h"
#include "cmd/export_paths.h"
#include "cmd/export_tables.h"
#include "cmd/export_trace.h"
#include "cmd/interrupt.h"
#include "cmd/openmetrics.h"
#include "cmd/options.h"
#include "cmd/outfile.h"
#include "cmd/progress.h"
#include "cmd/report_paths.h"

enum { KEY_CSV = OPTION_LONG, KEY_LIST, KEY_FOLDED, KEY_PPROF, KEY_METRIC,
       KEY_TRACE, KEY_PER_DEVICE, KEY_OPENMETRICS, KEY_HTML, KEY_SQLITE };

static const struct cmd_option options[] = {
	{ "csv", KEY_CSV, "REPORT[,REPORT]...", "the reports to write, or 'all'; REPORT:base and "
	  "REPORT:mangled show kernels by these names, REPORT:nvtx-name behind that of their range" },
	{ "folded", KEY_FOLDED, NULL, "write the call paths one to a line, as flame graph tools "
	  "read them" },
	{ "pprof", KEY_PPROF, NULL, "write the call paths as a profile for pprof" },
	{ "metric", KEY_METRIC, "METRIC", "what --folded counts: gpu, host, launches, calls, "
	  "copy-bytes, alloc-bytes or replay (default: gpu, the time on the GPU in ns)" },
	{ "trace", KEY_TRACE, "[=GPU]", "write a Chrome trace as PyTorch's profiler writes them, "
	  "for Perfetto and Holistic Trace Analysis; with GPU, a number of 'gputrail report FILE "
	  "devices', only its work" },
	{ "per-device", KEY_PER_DEVICE, NULL, "with --trace -o NAME.json: a file NAME.gpuN.json "
	  "for each GPU, as Holistic Trace Analysis wants them" },
	{ "html", KEY_HTML, NULL, "write one page for browsers, which needs nothing else" },
	{ "openmetrics", KEY_OPENMETRICS, NULL, "write the summary as OpenMetrics text, for Prometheus" },
	{ "sqlite", KEY_SQLITE, NULL, "write the file that 'nsys export --type=sqlite' would: tables with "
	  "its names and columns, for scripts; needs -o" },
	{ "output", 'o', "OUTPUT", "a file, compressed if its name ends in .gz, or '-' for standard "
	  "output (the default); for --csv a folder for NAME_REPORT.csv files, where NAME is FILE "
	  "without its folder and suffix (default: '-' for one report, else the current folder)" },
	{ "force", 'f', NULL, "overwrite files that exist" },
	{ "list", KEY_LIST, NULL, "list the reports of --csv and their columns" },
	{ 0 },
};

#define WHAT "--csv=REPORT, --trace, --html, --openmetrics, --sqlite, --folded or --pprof"

static const struct cmd_usage usage = {
	.command = "export",
	.synopsis = "{--csv=REPORT[,REPORT]... | --trace | --html | --openmetrics | --sqlite | "
		    "--folded | --pprof} [-o OUTPUT] FILE",
	.purpose = "Writes the recording FILE as CSV, with the report names and column headers "
		   "that 'nsys stats' has, as a trace for Perfetto, as a page for browsers, as "
		   "metrics for Prometheus, or its call paths for flame graph tools and pprof.",
	.options = options,
	.more = "'gputrail export --list' prints the reports.\n",
};

struct request {
	int what;			/* its key; 0 none */
	const char *output;
	bool force, list, per_device;
	const char *gpu;
	enum callpath_metric metric;
	struct csv_request csv;
};

static int export_folded_file(struct run *run, const struct request *request, FILE *out)
{
	struct callpath_tree tree;
	int failed;

	if (run_callpaths(run, CALLPATH_TOP_DOWN, request->metric, CALLPATH_INTERPRETER, &tree) < 0)
		return -1;
	failed = request->what == KEY_PPROF ? export_pprof(&tree, out)
					    : export_folded(&tree, request->metric, out);
	callpath_tree_free(&tree);
	return failed ? 1 : 0;
}

static int export_openmetrics(struct run *run, const struct request *request, FILE *out)
{
	(void)request;
	return openmetrics_write(run, out);
}

static int export_html_file(struct run *run, const struct request *request, FILE *out)
{
	(void)request;
	return export_html(run, out);
}

/* What goes into one file, by the option that asks for it. */
static const struct single {
	int key;
	const char *name;
	int (*write)(struct run *run, const struct request *request, FILE *out);
	const char *binary;		/* why it is not for terminals, or NULL */
} singles[] = {
	{ KEY_FOLDED, "call paths", export_folded_file, NULL },
	{ KEY_HTML, "page", export_html_file, NULL },
	{ KEY_OPENMETRICS, "summary", export_openmetrics, NULL },
	{ KEY_PPROF, "call paths", export_folded_file, "a pprof profile is binary" },
};

static const struct single *single_find(int key)
{
	for (size_t i = 0; i < sizeof(singles) / sizeof(*singles); i++)
		if (singles[i].key == key)
			return &singles[i];
	return NULL;
}

static int export_single(struct run *run, const struct request *request,
			 const struct single *single)
{
	struct outfile file;
	struct progress progress;
	int result;

	if (!outfile_open(&file, request->output, request->force))
		return EXIT_FAILED;
	progress_begin(&progress, run, single->name);
	result = single->write(run, request, file.out);
	progress_end(&progress, run);
	return outfile_close(&file, run, result);
}

static int what_set(struct request *request, int key)
{
	if (request->what && request->what != key) {
		message("export", WHAT, "only one kind of output at a time");
		return -1;
	}
	request->what = key;
	return 0;
}

static int metric_set(struct request *request, const char *name)
{
	if (report_paths_metric(name) < 0) {
		message("export", "'gputrail export --help' lists them", "no metric '%s'", name);
		return -1;
	}
	request->metric = (enum callpath_metric)report_paths_metric(name);
	return 0;
}

/* Returns 0, or -1 when a message was printed. */
static int option_take(struct request *request, int key)
{
	switch (key) {
	case KEY_CSV:
		return what_set(request, key) < 0 ? -1 : csv_request_add(&request->csv, optarg);
	case KEY_TRACE:
		request->gpu = optarg;
		return what_set(request, key);
	case KEY_METRIC:
		return metric_set(request, optarg);
	case 'o':
		request->output = optarg;
		return 0;
	case 'f':
		request->force = true;
		return 0;
	case KEY_LIST:
		request->list = true;
		return 0;
	case KEY_PER_DEVICE:
		request->per_device = true;
		return 0;
	default:
		return what_set(request, key);
	}
}

static int refuse(const char *advice, const char *why)
{
	message("export", advice, "%s", why);
	return -1;
}

static int request_check(struct request *request, int arguments)
{
	bool to_stdout = !request->output || !strcmp(request->output, "-");
	const struct single *single = single_find(request->what);

	if (request->per_device && (request->what != KEY_TRACE || request->gpu || to_stdout))
		return refuse("for example: gputrail export --trace --per-device -o run.json run.db",
			      "--per-device goes with --trace without a GPU, and -o FILE");
	if (single && single->binary && !request->output && isatty(STDOUT_FILENO))
		return refuse("name a file with -o", single->binary);
	if (!request->what || (request->what == KEY_CSV && !request->csv.count))
		return refuse("for example: gputrail export --csv=cuda_gpu_kern_sum run.db",
			      "nothing to export: no " WHAT " given");
	if (arguments != 1)
		return refuse("for example: gputrail export --csv=cuda_gpu_kern_sum run.db",
			      arguments ? "more than one FILE" : "no FILE given");
	if (request->what == KEY_SQLITE && to_stdout)
		return refuse("for example: gputrail export --sqlite -o run.sqlite run.db",
			      "--sqlite needs -o FILE");
	if (request->what != KEY_CSV)
		return 0;
	if (!request->output)
		request->output = request->csv.count == 1 ? "-" : ".";
	if (!strcmp(request->output, "-") && request->csv.count > 1)
		return refuse("-o DIR writes each into a file of its own",
			      "only one report fits on standard output");
	return 0;
}

/* Empty cells alone would look as if nothing had happened. */
static void tell_gaps(const struct run *run)
{
	const struct run_gap_list *gaps = run_gaps(run);

	for (size_t i = 0; i < gaps->count; i++)
		message("export", NULL, "the file is of an older version and does not hold %s (%s)",
			gaps->rows[i].text, gaps->rows[i].name);
}

static int export(struct run *run, const struct request *request, const char *input)
{
	if (request->what == KEY_CSV)
		return export_csv(run, &request->csv, input, request->output, request->force);
	if (request->what == KEY_TRACE)
		return export_trace(run, &(struct trace_request){
			.output = request->output, .gpu = request->gpu,
			.per_device = request->per_device, .force = request->force });
	if (request->what == KEY_SQLITE)
		return export_tables(run, input, request->output, request->force);
	return export_single(run, request, single_find(request->what));
}

int cmd_export(int argc, char **argv)
{
	struct request request = { 0 };
	struct run *run;
	char *error;
	int key, result;

	while ((key = options_next(&usage, argc, argv)) >= 0)
		if (option_take(&request, key) < 0)
			return EXIT_USAGE;
	if (key != OPTIONS_END)
		return key == OPTIONS_HELP ? EXIT_OK : EXIT_USAGE;
	if (request.list) {
		csv_list();
		return EXIT_OK;
	}
	if (request_check(&request, argc - optind) < 0)
		return EXIT_USAGE;
	run = run_open(argv[optind], &error);
	if (!run) {
		message("export", NULL, "%s", error);
		free(error);
		return EXIT_INPUT;
	}
	tell_gaps(run);
	interrupt_catch(run);
	result = export(run, &request, argv[optind]);
	interrupt_obey();
	run_close(run);
	return result;
}
