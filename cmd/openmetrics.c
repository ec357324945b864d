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

#include "analysis/idle.h"
#include "analysis/table.h"
#include "analysis/text.h"

#define PREFIX "gputrail_"

enum type { GAUGE, COUNTER };

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
	fprintf(out, "# TYPE " PREFIX "%s%s%s %s\n", family, separator, unit,
		type == COUNTER ? "counter" : "gauge");
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

/* By number of the GPU and cause; a GPU that did nothing has none. */
static int put_causes(struct run *run, FILE *out)
{
	struct idle_options options = { 0 };
	struct run_device_list devices;
	struct idle_result idle;

	if (run_devices(run, &devices) < 0)
		return -1;
	if (run_idle(run, &options, &idle) < 0) {
		run_device_list_free(&devices);
		return -1;
	}
	put_head(out, "gpu_idle_cause", "seconds", COUNTER, "Idle time by cause");
	for (size_t i = 0; i < idle.device_count * IDLE_CAUSE_COUNT; i++) {
		const struct idle_device *device = &idle.devices[i / IDLE_CAUSE_COUNT];
		enum idle_cause cause = (enum idle_cause)(i % IDLE_CAUSE_COUNT);
		int gpu = -1;

		for (size_t d = 0; d < devices.count; d++)
			if (devices.rows[d].id == device->id)
				gpu = devices.rows[d].gpu;
		fprintf(out, PREFIX "gpu_idle_cause_seconds_total{gpu=\"%d\",cause=\"%s\"}", gpu,
			idle_cause_name(cause));
		put_seconds(out, device->causes[cause].total_ns);
	}
	idle_result_free(&idle);
	run_device_list_free(&devices);
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
	if (put_info(run, out) < 0 || put_views(run, out) < 0 || put_causes(run, out) < 0)
		return -1;
	fputs("# EOF\n", out);
	return 0;
}
