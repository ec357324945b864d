/* SPDX-License-Identifier: Apache-2.0 */
/* gputrail export: a recording as CSV, trace or call paths, for other tools. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/nsys.h"
#include "cmd/csv.h"
#include "cmd/export_paths.h"
#include "cmd/export_trace.h"
#include "cmd/options.h"
#include "cmd/progress.h"
#include "cmd/report_paths.h"

enum { KEY_CSV = OPTION_LONG, KEY_LIST, KEY_FOLDED, KEY_PPROF, KEY_METRIC,
       KEY_TRACE, KEY_PER_DEVICE };

static const struct cmd_option options[] = {
	{ "csv", KEY_CSV, "REPORT[,REPORT]...", "the reports to write, or 'all'" },
	{ "folded", KEY_FOLDED, NULL, "write the call paths one to a line, as flame graph tools "
	  "read them, to the file -o or to standard output" },
	{ "pprof", KEY_PPROF, NULL, "write the call paths as a profile for pprof" },
	{ "metric", KEY_METRIC, "METRIC", "what --folded counts: gpu, host, launches, calls, "
	  "copy-bytes, alloc-bytes or replay (default: gpu, the time on the GPU in ns)" },
	{ "trace", KEY_TRACE, "[=GPU]", "write a Chrome trace as PyTorch's profiler writes them, "
	  "for Perfetto and Holistic Trace Analysis, to the file -o (compressed if its name ends "
	  "in .gz) or to standard output; with GPU, a number of 'gputrail report FILE devices', "
	  "only its work" },
	{ "per-device", KEY_PER_DEVICE, NULL, "with --trace -o NAME.json: a file NAME.gpuN.json "
	  "for each GPU, as Holistic Trace Analysis wants them" },
	{ "output", 'o', "DIR", "write NAME_REPORT.csv files into DIR, where NAME is FILE without "
	  "its folder and suffix; '-' writes one report to standard output "
	  "(default: '-' for one report, else the current folder)" },
	{ "force", 'f', NULL, "overwrite files that exist" },
	{ "list", KEY_LIST, NULL, "list the reports and their columns" },
	{ 0 },
};

static const struct cmd_usage usage = {
	.command = "export",
	.synopsis = "{--csv=REPORT[,REPORT]... | --trace | --folded | --pprof} [-o DIR|FILE] FILE",
	.purpose = "Writes the recording FILE as CSV, with the report names and column headers "
		   "that 'nsys stats' has, as a trace for Perfetto, or its call paths for flame "
		   "graph tools and pprof.",
	.options = options,
	.more = "'gputrail export --list' prints the reports.\n",
};

struct request {
	bool wanted[NSYS_COUNT];
	int count;
	const char *output;
	bool force, list, folded, pprof, trace, per_device;
	const char *device;
	enum callpath_metric metric;
};

static int reports_parse(struct request *request, const char *names)
{
	while (*names) {
		size_t length = strcspn(names, ",");
		char name[64];
		int report;

		snprintf(name, sizeof(name), "%.*s", (int)length, names);
		report = nsys_report_find(name);
		if (!strcmp(name, "all")) {
			memset(request->wanted, true, sizeof(request->wanted));
		} else if (report >= 0) {
			request->wanted[report] = true;
		} else {
			message("export", "'gputrail export --list' lists the reports",
				"no report '%s'", name);
			return -1;
		}
		names += length + (names[length] == ',');
	}
	return 0;
}

static void list_reports(void)
{
	for (int i = 0; i < NSYS_COUNT; i++)
		printf("%s: %s\n  %s\n", nsys_reports[i].name, nsys_reports[i].description,
		       nsys_reports[i].header);
}

static int write_row(void *arg, const struct nsys_cell *cells, int count)
{
	struct csv *csv = arg;

	for (int i = 0; i < count; i++) {
		switch (cells[i].kind) {
		case NSYS_EMPTY:
			csv_empty(csv);
			break;
		case NSYS_INTEGER:
			csv_integer(csv, cells[i].integer);
			break;
		case NSYS_DECIMAL:
			csv_decimal(csv, cells[i].decimal, cells[i].decimals);
			break;
		case NSYS_TEXT:
			csv_text(csv, cells[i].text);
			break;
		}
	}
	csv_end_line(csv);
	return ferror(csv->out) ? EXIT_FAILED : 0;
}

/* Interrupting must not leave half a file behind, which would look like a whole one: the query
 * is stopped, the file removed, and then the signal takes its course. */
static struct run *interruptible;
static volatile sig_atomic_t interrupted_by;

static void interrupt(int number)
{
	interrupted_by = number;
	run_interrupt(interruptible);
}

static void signals_catch(struct run *run)
{
	struct sigaction action = { .sa_handler = interrupt, .sa_flags = SA_RESETHAND };

	interruptible = run;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

static void signals_obey(void)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	if (interrupted_by)
		raise(interrupted_by);
}

/* Returns an exit code; what is wrong was said. */
static int report_write(struct run *run, int report, FILE *out, const char *path)
{
	struct csv csv = { .out = out };
	struct progress progress;
	int result;

	progress_start(&progress, nsys_reports[report].name);
	run_on_progress(run, progress_update, &progress);
	fprintf(out, "%s\n", nsys_reports[report].header);
	result = nsys_report_run(run, (enum nsys_report_id)report, write_row, &csv);
	run_on_progress(run, NULL, NULL);
	progress_finish(&progress);
	if (result < 0 || interrupted_by) {
		message("export", NULL, "%s", interrupted_by ? "interrupted" : run_error(run));
		return EXIT_INPUT;
	}
	if (result > 0 || fflush(out) == EOF) {
		message("export", NULL, "cannot write '%s': %s", path, strerror(errno));
		return EXIT_FAILED;
	}
	return EXIT_OK;
}

/* DIR/NAME_REPORT.csv */
static void file_name(char *path, size_t bytes, const char *directory, const char *input,
		      int report)
{
	const char *base = strrchr(input, '/');
	size_t length;

	base = base ? base + 1 : input;
	length = strlen(base);
	for (const char *suffix = strrchr(base, '.'); suffix && suffix != base; suffix = NULL)
		length = (size_t)(suffix - base);
	snprintf(path, bytes, "%s/%.*s_%s.csv", directory, (int)length, base,
		 nsys_reports[report].name);
}

/* All of them before any work: an export of many minutes should not end half done for that. */
static int files_check(const struct request *request, const char *input)
{
	struct stat st;

	if (mkdir(request->output, 0777) < 0 && errno != EEXIST) {
		message("export", NULL, "cannot make the folder '%s': %s", request->output,
			strerror(errno));
		return EXIT_FAILED;
	}
	if (stat(request->output, &st) == 0 && !S_ISDIR(st.st_mode)) {
		message("export", NULL, "'%s' is not a folder", request->output);
		return EXIT_FAILED;
	}
	for (int i = 0; i < NSYS_COUNT; i++) {
		char path[PATH_MAX];

		file_name(path, sizeof(path), request->output, input, i);
		if (request->wanted[i] && !request->force && access(path, F_OK) == 0) {
			message("export", "--force overwrites it", "'%s' exists", path);
			return EXIT_FAILED;
		}
	}
	return EXIT_OK;
}

static int file_write(struct run *run, const struct request *request, const char *input,
		      int report)
{
	char path[PATH_MAX];
	FILE *out = NULL;
	int fd, result;

	file_name(path, sizeof(path), request->output, input, report);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (request->force ? O_TRUNC : O_EXCL), 0666);
	if (fd >= 0)
		out = fdopen(fd, "w");
	if (!out) {
		message("export", NULL, "cannot write '%s': %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return EXIT_FAILED;
	}
	result = report_write(run, report, out, path);
	if (fclose(out) == EOF && result == EXIT_OK) {
		message("export", NULL, "cannot write '%s': %s", path, strerror(errno));
		result = EXIT_FAILED;
	}
	if (result == EXIT_OK)
		printf("%s\n", path);
	else
		unlink(path);		/* half a file would look like a whole one */
	return result;
}

static int export(struct run *run, const struct request *request, const char *input)
{
	bool to_stdout = !strcmp(request->output, "-");
	int result = to_stdout ? EXIT_OK : files_check(request, input);

	if (result == EXIT_OK && run_freeze(run) < 0) {
		message("export", NULL, "%s", run_error(run));
		return EXIT_INPUT;
	}
	for (int i = 0; result == EXIT_OK && i < NSYS_COUNT; i++) {
		if (!request->wanted[i])
			continue;
		result = to_stdout ? report_write(run, i, stdout, "standard output")
				   : file_write(run, request, input, i);
	}
	run_thaw(run);
	return result;
}

static int request_parse(struct request *request, int argc, char **argv)
{
	int key;

	while ((key = options_next(&usage, argc, argv)) >= 0) {
		switch (key) {
		case KEY_CSV:
			if (reports_parse(request, optarg) < 0)
				return OPTIONS_WRONG;
			break;
		case 'o':
			request->output = optarg;
			break;
		case 'f':
			request->force = true;
			break;
		case KEY_LIST:
			request->list = true;
			break;
		case KEY_FOLDED:
			request->folded = true;
			break;
		case KEY_PPROF:
			request->pprof = true;
			break;
		case KEY_TRACE:
			request->trace = true;
			request->device = optarg;
			break;
		case KEY_PER_DEVICE:
			request->per_device = true;
			break;
		case KEY_METRIC:
			if (report_paths_metric(optarg) < 0) {
				message("export", "'gputrail export --help' lists them",
					"no metric '%s'", optarg);
				return OPTIONS_WRONG;
			}
			request->metric = (enum callpath_metric)report_paths_metric(optarg);
			break;
		}
	}
	for (int i = 0; i < NSYS_COUNT; i++)
		request->count += request->wanted[i];
	return key;
}

/* Call paths into one file, or to standard output. Returns an exit code. */
static int export_paths(struct run *run, const struct request *request)
{
	const char *path = request->output && strcmp(request->output, "-") ? request->output : NULL;
	struct callpath_tree tree;
	FILE *out = stdout;
	int fd, failed;

	if (run_callpaths(run, CALLPATH_TOP_DOWN, request->metric, false, &tree) < 0) {
		message("export", NULL, "%s", run_error(run));
		return EXIT_INPUT;
	}
	if (path) {
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC |
			  (request->force ? O_TRUNC : O_EXCL), 0666);
		out = fd >= 0 ? fdopen(fd, "w") : NULL;
	}
	if (!out) {
		message("export", errno == EEXIST ? "--force overwrites it" : NULL,
			"cannot write '%s': %s", path, strerror(errno));
		callpath_tree_free(&tree);
		return EXIT_FAILED;
	}
	failed = request->pprof ? export_pprof(&tree, out)
				: export_folded(&tree, request->metric, out);
	callpath_tree_free(&tree);
	failed |= path ? fclose(out) : fflush(out);
	if (failed) {
		message("export", NULL, "cannot write '%s': %s", path ? path : "standard output",
			strerror(errno));
		if (path)
			unlink(path);
		return EXIT_FAILED;
	}
	return EXIT_OK;
}

static int request_check(struct request *request, int arguments)
{
	bool to_file = request->output && strcmp(request->output, "-");

	if ((request->count > 0) + request->folded + request->pprof + request->trace > 1) {
		message("export", NULL, "only one of --csv, --trace, --folded and --pprof at a time");
		return -1;
	}
	if (request->per_device && (!request->trace || request->device || !to_file)) {
		message("export", "for example: gputrail export --trace --per-device -o run.json run.db",
			"--per-device goes with --trace without a device, and -o FILE");
		return -1;
	}
	if (request->folded || request->pprof || request->trace) {
		if (request->pprof && !request->output && isatty(STDOUT_FILENO)) {
			message("export", "name a file: -o run.pb", "a pprof profile is binary");
			return -1;
		}
		if (arguments == 1)
			return 0;
	}
	if (arguments != 1 || !request->count) {
		const char *wrong = arguments ? "more than one FILE" : "no FILE given";

		if (!request->count && !request->folded && !request->pprof && !request->trace)
			wrong = "nothing to export: no --csv=REPORT, --trace, --folded or "
				"--pprof given";
		message("export", "for example: gputrail export --csv=cuda_gpu_kern_sum run.db",
			"%s", wrong);
		return -1;
	}
	if (!request->output)
		request->output = request->count == 1 ? "-" : ".";
	if (!strcmp(request->output, "-") && request->count > 1) {
		message("export", "-o DIR writes each into a file of its own",
			"only one report fits on standard output");
		return -1;
	}
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

int cmd_export(int argc, char **argv)
{
	struct request request = { 0 };
	int parsed = request_parse(&request, argc, argv), result;
	struct run *run;
	char *error;

	if (parsed != OPTIONS_END)
		return parsed == OPTIONS_HELP ? EXIT_OK : EXIT_USAGE;
	if (request.list) {
		list_reports();
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
	signals_catch(run);
	if (request.trace)
		result = export_trace(run, &(struct trace_request){
			.output = request.output, .device = request.device,
			.per_device = request.per_device, .force = request.force });
	else if (request.folded || request.pprof)
		result = export_paths(run, &request);
	else
		result = export(run, &request, argv[optind]);
	signals_obey();
	run_close(run);
	return result;
}
