/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenMetrics 1.0 text (https://github.com/prometheus/OpenMetrics): times in seconds, sizes in
 * bytes, totals as counters, since a recording may still grow between two scrapes.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/openmetrics.h"

#include <inttypes.h>
#include <string.h>

#include "analysis/findings.h"
#include "analysis/table.h"
#include "analysis/text.h"

#define PREFIX "gputrail_"

enum type { GAUGE, COUNTER, SUMMARY };

static const char *const type_names[] = { "gauge", "counter", "summary" };
static const char *const labels[VIEW_COUNT] = {
#define METRIC_LABELS(view, keys)	[view] = keys,
#define METRIC(...)
#include "cmd/openmetrics.def"
};

static const struct metric {
	const char *family;
	enum type type;
	enum view_id view;
	const char *column, *help;
} metrics[] = {
#define METRIC_LABELS(...)
#define METRIC(family, type, view, column, help)	{ #family, type, view, #column, help },
#include "cmd/openmetrics.def"
};

/* Label values may hold any character; these three are written with a backslash. */
static void put_label(FILE *out, const char *key, const char *text, bool is_first)
{
	fprintf(out, "%s%s=\"", is_first ? "{" : ",", key);
	while (*text) {
		uint32_t code;
		size_t bytes = text_decode(text, &code);

		if (code == '\n')
			fputs("\\n", out);
		else if (code == '"' || code == '\\')
			fprintf(out, "\\%c", (char)code);
		else if (code == 0xfffd || code < 0x20 || (code >= 0x7f && code < 0xa0))
			fputs("\xef\xbf\xbd", out);
		else
			fwrite(text, 1, bytes, out);
		text += bytes;
	}
	fputc('"', out);
}

static void put_row_labels(FILE *out, const struct table *table, size_t row)
{
	bool is_first = true;
	char key[32];

	for (const char *keys = labels[table->view]; *keys; keys += strspn(keys, " ")) {
		struct value value;
		char number[32];
		size_t length = strcspn(keys, " ");

		snprintf(key, sizeof(key), "%.*s", (int)length, keys);
		keys += length;
		table_value(table, row, view_column(table->view, key), &value);
		if (value.unit != UNIT_TEXT && value.unit != UNIT_NAME) {
			snprintf(number, sizeof(number), "%.0f", value.number);
			value.text = value.known ? number : "";
		}
		put_label(out, key, value.text, is_first);
		is_first = false;
	}
	fputc('}', out);
}

/* Exact, where a double's digits would not be. */
static void put_seconds(FILE *out, uint64_t ns)
{
	fprintf(out, " %" PRIu64 ".%09" PRIu64 "\n", ns / 1000000000, ns % 1000000000);
}

static const char *unit_name(enum column_unit unit)
{
	return unit == UNIT_NS ? "seconds" : unit == UNIT_BYTES ? "bytes" : NULL;
}

static void put_head(FILE *out, const char *family, const char *unit, enum type type,
		     const char *help)
{
	const char *separator = unit ? "_" : "";

	unit = unit ? unit : "";
	fprintf(out, "# TYPE " PREFIX "%s%s%s %s\n", family, separator, unit, type_names[type]);
	if (unit[0])
		fprintf(out, "# UNIT " PREFIX "%s%s%s %s\n", family, separator, unit, unit);
	fprintf(out, "# HELP " PREFIX "%s%s%s %s.\n", family, separator, unit, help);
}

static void put_metric(FILE *out, const struct metric *metric, const struct table *table)
{
	int column = view_column(metric->view, metric->column);
	enum column_unit unit = views[metric->view].columns[column].unit;
	const char *name = unit_name(unit);

	put_head(out, metric->family, name, metric->type, metric->help);
	for (size_t row = 0; row < table->count; row++) {
		struct value value;

		table_value(table, row, column, &value);
		if (!value.known)
			continue;
		fprintf(out, PREFIX "%s%s%s%s", metric->family, name ? "_" : "", name ? name : "",
			metric->type == COUNTER ? "_total" : "");
		put_row_labels(out, table, row);
		if (unit == UNIT_NS)
			put_seconds(out, (uint64_t)value.number);
		else
			fprintf(out, " %.0f\n", value.number);
	}
}

static int put_views(struct run *run, FILE *out)
{
	struct table table = { .view = VIEW_COUNT };	/* none yet */

	for (size_t i = 0; i < sizeof(metrics) / sizeof(*metrics); i++) {
		if (metrics[i].view != table.view) {
			table_free(&table);
			if (table_load(run, metrics[i].view, false, &table) < 0)
				return -1;
		}
		put_metric(out, &metrics[i], &table);
	}
	table_free(&table);
	return 0;
}

/* All of it by number of the GPU; a GPU that did nothing has none. */
static void put_waterfall(FILE *out, const struct waterfall *w)
{
	for (int row = 0; row < WATERFALL_ROWS; row++) {
		fprintf(out, PREFIX "gpu_sm_time_seconds_total{gpu=\"%d\",part=\"%s\",idle=\"%s\"}",
			w->gpu, waterfall_row_name(row), row < WATERFALL_PART_COUNT ? "false" : "true");
		put_seconds(out, waterfall_row_ns(w, row));
	}
}

static void put_finding(FILE *out, const struct run_finding *f)
{
	char gpu[16] = "";

	if (f->gpu >= 0)
		snprintf(gpu, sizeof(gpu), "%d", f->gpu);
	fputs(PREFIX "finding_lost_seconds", out);
	put_label(out, "finding", f->name, true);
	put_label(out, "severity", finding_severity_name(f->severity), false);
	put_label(out, "gpu", gpu, false);
	put_label(out, "where", f->where, false);
	put_label(out, "what", f->what, false);
	fputs("}", out);
	put_seconds(out, f->lost_ns);
}

/* Quantiles are over the periods of a mode and phase. */
static void put_step_group(FILE *out, const struct step_group *group)
{
	const struct { const char *quantile; uint64_t ns; } quantiles[] = {
		{ "0.5", group->times.p50_ns }, { "0.9", group->times.p90_ns },
		{ "0.99", group->times.p99_ns },
	};
	const char *mode = step_mode_name(group->mode), *phase = step_phase_name(group->phase);

	for (size_t i = 0; group->times.count && i < sizeof(quantiles) / sizeof(*quantiles); i++) {
		fprintf(out, PREFIX "step_period_seconds{mode=\"%s\",phase=\"%s\",quantile=\"%s\"}",
			mode, phase, quantiles[i].quantile);
		put_seconds(out, quantiles[i].ns);
	}
	fprintf(out, PREFIX "step_period_seconds_count{mode=\"%s\",phase=\"%s\"} %" PRIu64 "\n", mode,
		phase, group->times.count);
	fprintf(out, PREFIX "step_period_seconds_sum{mode=\"%s\",phase=\"%s\"}", mode, phase);
	put_seconds(out, group->times.total_ns);
}

static int put_findings(struct run *run, FILE *out)
{
	struct findings_options options = { 0 };
	struct findings findings;

	if (run_findings(run, &options, &findings) < 0)
		return -1;
	put_head(out, "gpu_sm_time", "seconds", COUNTER, "Where the time of the SMs went");
	for (size_t i = 0; i < findings.waterfalls.count; i++)
		put_waterfall(out, &findings.waterfalls.rows[i]);
	put_head(out, "finding_lost", "seconds", GAUGE, "Time that a finding costs its GPU");
	for (size_t i = 0; i < findings.list.count; i++)
		put_finding(out, &findings.list.rows[i]);
	put_head(out, "step_period", "seconds", SUMMARY,
		 "From a step's first kernel to that of the next step");
	for (size_t i = 0; i < findings.steps.group_count; i++)
		put_step_group(out, &findings.steps.groups[i]);
	findings_free(&findings);
	return 0;
}

static int put_info(struct run *run, FILE *out)
{
	struct run_info info;

	if (run_info(run, &info) < 0)
		return -1;
	fputs("# TYPE " PREFIX "recording info\n# HELP " PREFIX "recording What was recorded.\n"
	      PREFIX "recording_info", out);
	put_label(out, "command_line", info.command_line, true);
	put_label(out, "host", info.host, false);
	put_label(out, "created", info.created, false);
	put_label(out, "state", info.state, false);
	put_label(out, "recorded_by", info.tool_version, false);
	fputs("} 1\n", out);
	put_head(out, "recording_span", "seconds", GAUGE, "First to last event");
	fputs(PREFIX "recording_span_seconds", out);
	put_seconds(out, info.span_ns);
	run_info_free(&info);
	return 0;
}

int openmetrics_write(struct run *run, FILE *out)
{
	if (put_info(run, out) < 0 || put_views(run, out) < 0 || put_findings(run, out) < 0)
		return -1;
	fputs("# EOF\n", out);
	return 0;
}
