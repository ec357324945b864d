/* SPDX-License-Identifier: Apache-2.0 */
/* gputrail info: what a recording is, on one screen. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/cmd.h"

#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/analysis.h"
#include "analysis/table.h"
#include "cmd/options.h"
#include "cmd/print.h"
#include "cmd/report_activity.h"

enum { KEY_COLOR = OPTION_LONG };

static const struct cmd_option options[] = {
	{ "all", 'a', NULL, "print every fact of the file, those for people who debug gputrail too" },
	{ "color", KEY_COLOR, "WHEN", "auto, always or never (default: auto)" },
	{ 0 },
};

static const struct cmd_usage usage = {
	.command = "info",
	.synopsis = "[OPTIONS] FILE",
	.purpose = "Tells what the recording FILE is: who recorded what, when, with which back end, "
		   "and what was lost.",
	.options = options,
};

static int info_run(struct run *run, const struct print_style *style)
{
	struct run_info info;
	char line[256], span[32], size[32];

	if (run_info(run, &info) < 0)
		return -1;
	print_fact(style, "file", info.path);
	snprintf(line, sizeof(line), "%s, schema version %d",
		 format_bytes((double)info.file_bytes, size, sizeof(size)), info.schema_version);
	print_fact(style, "size", line);
	print_fact(style, "state", info.state);
	print_fact(style, "command", info.command_line);
	print_fact(style, "created", info.created);
	print_fact(style, "host", info.host);
	print_fact(style, "recorded by", info.tool_version);
	print_fact(style, "span", format_ns((double)info.span_ns, span, sizeof(span)));
	snprintf(line, sizeof(line), "%d", info.threads);
	print_fact(style, "threads", line);
	print_gaps(style, run, info.tool_version);
	run_info_free(&info);
	return 0;
}

/* Of no use to most readers: what the recorder notes for itself. */
static bool is_internal(const struct run_fact *fact)
{
	static const char *const internal[] = {
		"boot_id", "collector_", "first_event", "last_event", "origin", "schema_version",
		"updated",
	};

	for (size_t i = 0; i < sizeof(internal) / sizeof(*internal); i++)
		if (!strncmp(fact->key, internal[i], strlen(internal[i])))
			return true;
	return !fact->value[0];
}

/* Facts of meta that have no place in the views: clocks, environment, whatever is there. */
static int info_meta(struct run *run, const struct print_style *style, bool all)
{
	struct run_fact_list facts;

	if (run_facts(run, &facts) < 0)
		return -1;
	for (size_t i = 0; i < facts.count; i++)
		if (all || !is_internal(&facts.rows[i]))
			print_fact(style, facts.rows[i].key, facts.rows[i].value);
	run_fact_list_free(&facts);
	return 0;
}

static int info_backends(struct run *run, const struct print_style *style)
{
	struct run_process_list processes;

	if (run_processes(run, &processes) < 0)
		return -1;
	for (size_t i = 0; i < processes.count; i++) {
		const struct run_process *p = &processes.rows[i];
		char line[640];

		snprintf(line, sizeof(line), "process %d: %s%s%s", p->pid,
			 p->backend[0] ? p->backend : "unknown", p->backend_note[0] ? ", " : "",
			 p->backend_note);
		print_fact(style, "GPU times", line);
	}
	run_process_list_free(&processes);
	return 0;
}

static int info_table(struct run *run, const struct print_style *style, enum view_id view)
{
	struct table table;

	if (table_load(run, view, false, &table) < 0)
		return -1;
	putchar('\n');
	print_heading(style, views[view].title);
	print_table(style, &table);
	table_free(&table);
	return 0;
}

static int info(struct run *run, const struct print_style *style, bool all)
{
	if (info_run(run, style) < 0 || info_backends(run, style) < 0 ||
	    report_activity(run, style, true) < 0 ||
	    info_meta(run, style, all) < 0 || info_table(run, style, VIEW_DEVICES) < 0 ||
	    info_table(run, style, VIEW_PROCESSES) < 0)
		return -1;
	return info_table(run, style, VIEW_LOSSES);
}

int cmd_info(int argc, char **argv)
{
	struct print_style style = { 0 };
	const char *when = "auto";
	bool all = false;
	struct run *run;
	char *error;
	int key, result;

	while ((key = options_next(&usage, argc, argv)) >= 0) {
		if (key == 'a')
			all = true;
		else
			when = optarg;
	}
	if (key != OPTIONS_END)
		return key == OPTIONS_HELP ? EXIT_OK : EXIT_USAGE;
	if (optind + 1 != argc || !print_style_init(&style, when)) {
		message("info", "'gputrail info --help' tells more",
			optind + 1 == argc ? "--color is auto, always or never"
					   : "one FILE is needed");
		return EXIT_USAGE;
	}
	setlocale(LC_CTYPE, "");
	run = run_open(argv[optind], &error);
	if (!run) {
		message("info", NULL, "%s", error);
		free(error);
		return EXIT_INPUT;
	}
	result = info(run, &style, all);
	if (result < 0)
		message("info", NULL, "%s", run_error(run));
	run_close(run);
	return result < 0 ? EXIT_INPUT : EXIT_OK;
}
