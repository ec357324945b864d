/* SPDX-License-Identifier: Apache-2.0 */
/* The views of gputrail report as text: tables, those that are more than a table, the overview. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/report_views.h"

#include <stdio.h>
#include <string.h>

#include "analysis/table.h"
#include "cmd/report_activity.h"
#include "cmd/report_bubbles.h"
#include "cmd/report_detail.h"
#include "cmd/report_findings.h"
#include "cmd/report_memory.h"
#include "cmd/report_steps.h"

static const enum view_id overview_views[] = {
	VIEW_DEVICES, VIEW_KERNELS, VIEW_APIS, VIEW_COPIES, VIEW_MEMORY,
	VIEW_PROCESSES,
};

static int report_table(struct run *run, const struct report_request *request, enum view_id view)
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
static int report_losses(struct run *run, const struct report_request *request, bool truncated)
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

static int report_failures(struct run *run, const struct report_request *request)
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
	return report_table(run, request, VIEW_FAILURES);
}

/* A process without GPU times would otherwise just look idle. */
static int report_backends(struct run *run, const struct report_request *request)
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

static int report_head(struct run *run, const struct report_request *request, bool *truncated)
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
static int report_rare(struct run *run, const struct report_request *request)
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
		if (report_table(run, request, rare[i]) < 0)
			return -1;
	}
	return 0;
}

static int report_overview(struct run *run, const struct report_request *request)
{
	struct report_request with_rows = *request;
	struct findings findings;
	bool truncated;

	if (!request->rows_given)
		with_rows.style.rows = 10;
	if (report_head(run, request, &truncated) < 0 ||
	    report_detail(run, &request->style) < 0 ||
	    report_coverage(run, &request->style) < 0 ||
	    report_activity(run, &request->style, false) < 0 ||
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
		if (report_table(run, &with_rows, overview_views[i]) < 0)
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

bool report_has_column(const char *name, const char *key)
{
	int view = name ? view_find(name) : -1;

	if (name && view < 0)
		return report_has_column(NULL, key);
	if (view >= 0)
		return view_column((enum view_id)view, key) >= 0;
	for (size_t i = 0; i < sizeof(overview_views) / sizeof(*overview_views); i++)
		if (view_column(overview_views[i], key) >= 0)
			return true;
	return false;
}

/* Views that are more than a table. */
typedef int report_fn(struct run *run, const struct report_request *request);

static int report_callpaths(struct run *run, const struct report_request *request)
{
	return report_paths(run, &request->paths, &request->style);
}

static int report_idle(struct run *run, const struct report_request *request)
{
	return report_bubbles(run, &request->style, request->rows_given);
}

static int report_memory_all(struct run *run, const struct report_request *request)
{
	if (report_table(run, request, VIEW_MEMORY) < 0)
		return -1;
	return report_memory(run, &request->style, request->rows_given);
}

static int report_found(struct run *run, const struct report_request *request)
{
	struct findings findings;

	if (findings_load(run, request->limits, &findings) < 0)
		return -1;
	report_findings(&request->style, &findings);
	findings_free(&findings);
	return 0;
}

static int report_falls(struct run *run, const struct report_request *request)
{
	struct findings findings;
	int result;

	if (findings_load(run, request->limits, &findings) < 0)
		return -1;
	report_waterfall(&request->style, &findings);
	result = report_activity_waterfalls(run, &request->style, &findings);
	findings_free(&findings);
	return result;
}

static int report_step_times(struct run *run, const struct report_request *request)
{
	return report_steps(run, &request->style, request->rows_given);
}

static int report_family_times(struct run *run, const struct report_request *request)
{
	return report_families(run, &request->style);
}

static int report_measured(struct run *run, const struct report_request *request)
{
	struct table table;
	int gpus = report_activity(run, &request->style, true);

	if (gpus == 0)
		printf("Activity was not measured: gputrail record --sm-activity does.\n");
	if (gpus <= 0)
		return gpus;
	if (table_load(run, VIEW_ACTIVITY, false, &table) < 0)
		return -1;
	if (table.count) {
		putchar('\n');
		print_table(&request->style, &table);
	}
	table_free(&table);
	return 0;
}

static report_fn *special_find(const char *name)
{
	static const struct { const char *name; report_fn *report; } special[] = {
		{ "overview", report_overview }, { "findings", report_found },
		{ "waterfall", report_falls }, { "bubbles", report_idle },
		{ "steps", report_step_times }, { "families", report_family_times },
		{ "callpaths", report_callpaths }, { "memory", report_memory_all },
		{ "activity", report_measured },
	};

	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (!strcmp(special[i].name, name))
			return special[i].report;
	return NULL;
}

bool report_is_view(const char *name)
{
	return special_find(name) || view_find(name) >= 0;
}

int report_views(struct run *run, const struct report_request *request, int count, char **names)
{
	if (count == 0)
		return report_overview(run, request);
	for (int i = 0; i < count; i++) {
		report_fn *special = special_find(names[i]);

		if (i)
			putchar('\n');
		if ((special ? special(run, request)
		     : report_table(run, request, (enum view_id)view_find(names[i]))) < 0)
			return -1;
	}
	return 0;
}
