/* SPDX-License-Identifier: Apache-2.0 */
/* gputrail report --json: docs/report-json.md describes it. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/report_json.h"

#include "analysis/memory_use.h"
#include "analysis/table.h"

#include <stdlib.h>

/* Goes up when a member is removed or changes its meaning; new members keep it. */
#define REPORT_SCHEMA_VERSION	1

static void put_value(struct json *json, const struct column *column, const struct value *value)
{
	if (!value->known)
		json_null(json, column->key);
	else if (column->unit == UNIT_TEXT || column->unit == UNIT_NAME)
		json_text(json, column->key, value->text);
	else
		json_number(json, column->key, value->number);
}

static void put_waterfall(struct json *json, const struct waterfall *w)
{
	json_open(json, "waterfall", '{');
	for (int c = 0; c < IDLE_CAUSE_COUNT; c++) {
		char key[64];

		snprintf(key, sizeof(key), "idle.%s", idle_cause_name((enum idle_cause)c));
		json_unsigned(json, key, w->idle_ns[c]);
	}
	for (int p = 0; p < WATERFALL_PART_COUNT; p++)
		json_unsigned(json, waterfall_part_name((enum waterfall_part)p), w->parts_ns[p]);
	json_close(json, '}');
}

/* null where the device did nothing, as its other times are. */
static void put_device(struct json *json, const struct findings *findings, int id)
{
	for (size_t i = 0; i < findings->idle.device_count; i++) {
		const struct idle_device *device = &findings->idle.devices[i];

		if (device->id != id)
			continue;
		json_open(json, "idle_by_cause", '{');
		for (int c = 0; c < IDLE_CAUSE_COUNT; c++)
			json_unsigned(json, idle_cause_name((enum idle_cause)c),
				      device->causes[c].total_ns);
		json_close(json, '}');
		json_unsigned(json, "copy_only_ns", device->copy_only_ns);
		put_waterfall(json, &findings->waterfalls.rows[i]);
		return;
	}
	json_null(json, "idle_by_cause");
	json_null(json, "copy_only_ns");
	json_null(json, "waterfall");
}

static void put_evidence(struct json *json, const struct run_finding *finding)
{
	json_open(json, "evidence", '[');
	for (int i = 0; i < finding->evidence_count; i++) {
		const struct finding_evidence *e = &finding->evidence[i];

		json_open(json, NULL, '{');
		json_text(json, "table", e->table);
		e->row ? json_integer(json, "row", e->row) : json_null(json, "row");
		e->stream ? json_integer(json, "stream", e->stream) : json_null(json, "stream");
		json_unsigned(json, "start_ns", e->start_ns);
		json_unsigned(json, "dur_ns", e->dur_ns);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static int put_view(struct run *run, struct json *json, enum view_id view, bool by_shape,
		    const struct findings *findings)
{
	struct table table = { .view = VIEW_FINDINGS, .rows = findings->list.rows,
			       .count = findings->list.count,
			       .row_bytes = sizeof(*findings->list.rows) };

	if (view != VIEW_FINDINGS && table_load(run, view, by_shape, &table) < 0)
		return -1;
	json_open(json, views[view].key, '[');
	for (size_t row = 0; row < table.count; row++) {
		json_open(json, NULL, '{');
		for (int c = 0; c < views[view].column_count; c++) {
			struct value value;

			table_value(&table, row, c, &value);
			put_value(json, &views[view].columns[c], &value);
		}
		if (view == VIEW_DEVICES)
			put_device(json, findings, ((struct run_device *)table.rows)[row].id);
		if (view == VIEW_FINDINGS)
			put_evidence(json, &findings->list.rows[row]);
		json_close(json, '}');
	}
	json_close(json, ']');
	if (view != VIEW_FINDINGS)
		table_free(&table);
	return 0;
}

/* Losses are an object, so that a script can ask for one by name. */
static int put_losses(struct run *run, struct json *json)
{
	struct run_loss_list list;
	uint64_t total = 0;

	if (run_losses(run, &list) < 0)
		return -1;
	for (int losses = 1; losses >= 0; losses--) {
		json_open(json, losses ? "losses" : "coverage", '{');
		for (size_t i = 0; i < list.count; i++) {
			if (list.rows[i].is_loss != (bool)losses)
				continue;
			json_unsigned(json, list.rows[i].name, list.rows[i].value);
			total += losses ? list.rows[i].value : 0;
		}
		json_close(json, '}');
	}
	json_unsigned(json, "lost", total);
	run_loss_list_free(&list);
	return 0;
}

/* Columns and tables that a file of an older version does not have. */
static void put_gaps(const struct run *run, struct json *json)
{
	const struct run_gap_list *gaps = run_gaps(run);

	json_open(json, "missing", '{');
	for (size_t i = 0; i < gaps->count; i++)
		json_text(json, gaps->rows[i].name, gaps->rows[i].text);
	json_close(json, '}');
}

static int put_run(struct run *run, struct json *json)
{
	struct run_info info;

	if (run_info(run, &info) < 0)
		return -1;
	json_open(json, "run", '{');
	json_text(json, "file", info.path);
	json_text(json, "state", info.state);
	json_text(json, "command_line", info.command_line);
	json_text(json, "host", info.host);
	json_text(json, "created", info.created);
	json_text(json, "recorded_by", info.tool_version);
	json_integer(json, "file_schema_version", info.schema_version);
	json_unsigned(json, "span_ns", info.span_ns);
	json_unsigned(json, "file_bytes", info.file_bytes);
	json_integer(json, "processes", info.processes);
	json_integer(json, "threads", info.threads);
	json_close(json, '}');
	run_info_free(&info);
	return 0;
}

static void put_path(struct run *run, struct json *json, const char *key, int64_t path)
{
	char *name = run_path_name(run, path, 8);

	json_text(json, key, name);
	free(name);
}

static void put_usage(struct json *json, const uint64_t *usage)
{
	json_open(json, "usage_bytes", '[');
	for (int i = 0; i < MEMORY_COLUMNS; i++)
		json_unsigned(json, NULL, usage[i]);
	json_close(json, ']');
}

static void put_area(struct json *json, const struct memory_area *area)
{
	json_open(json, NULL, '{');
	json_integer(json, "device", area->device);
	json_integer(json, "gpu", area->gpu);
	json_unsigned(json, "limit_bytes", area->limit_bytes);
	json_unsigned(json, "high_bytes", area->high_bytes);
	json_unsigned(json, "high_at_ns", area->high_at_ns);
	json_unsigned(json, "live_bytes", area->live_bytes);
	json_unsigned(json, "allocs", area->allocs);
	json_unsigned(json, "frees", area->frees);
	json_unsigned(json, "failed", area->failed);
	json_unsigned(json, "allocated_bytes", area->allocated_bytes);
	json_open(json, "high_by_kind", '{');
	for (int kind = 0; kind < MEMORY_KINDS; kind++)
		if (area->high_kind_bytes[kind])
			json_unsigned(json, run_memory_kind(kind), area->high_kind_bytes[kind]);
	json_close(json, '}');
	json_unsigned(json, "high_mapped_bytes", area->high_mapped_bytes);
	json_unsigned(json, "high_range_bytes", area->high_range_bytes);
	json_unsigned(json, "asked", area->asked);
	json_unsigned(json, "total_bytes", area->total_bytes);
	json_unsigned(json, "least_free_bytes", area->least_free_bytes);
	json_unsigned(json, "least_free_at_ns", area->least_free_at_ns);
	json_unsigned(json, "least_free_used_bytes", area->least_free_used_bytes);
	put_usage(json, area->usage_bytes);
	json_close(json, '}');
}

static void put_site(struct run *run, struct json *json, const struct memory_site *site)
{
	json_open(json, NULL, '{');
	json_integer(json, "process", site->process);
	json_integer(json, "device", site->device);
	json_text(json, "kind", run_memory_kind(site->kind));
	json_integer(json, "path", site->path);
	put_path(run, json, "where", site->path);
	json_unsigned(json, "at_high_bytes", site->at_high_bytes);
	json_unsigned(json, "at_high_count", site->at_high_count);
	json_unsigned(json, "high_bytes", site->high_bytes);
	json_unsigned(json, "high_at_ns", site->high_at_ns);
	json_unsigned(json, "live_bytes", site->live_bytes);
	json_unsigned(json, "live_count", site->live_count);
	json_unsigned(json, "allocs", site->allocs);
	json_unsigned(json, "frees", site->frees);
	json_unsigned(json, "allocated_bytes", site->allocated_bytes);
	json_unsigned(json, "lifetime_ns", site->lifetime_ns);
	json_unsigned(json, "first_ns", site->first_ns);
	json_unsigned(json, "last_ns", site->last_ns);
	json_bool(json, "grows", site->grows);
	put_usage(json, site->usage_bytes);
	json_close(json, '}');
}

static void put_failure(struct run *run, struct json *json, const struct memory_failure *f)
{
	json_open(json, NULL, '{');
	json_integer(json, "process", f->process);
	json_integer(json, "device", f->device);
	json_text(json, "kind", run_memory_kind(f->kind));
	json_unsigned(json, "at_ns", f->at_ns);
	json_text(json, "call", f->call);
	json_text(json, "error", f->error);
	json_unsigned(json, "bytes", f->bytes);
	json_unsigned(json, "used_bytes", f->used_bytes);
	json_unsigned(json, "limit_bytes", f->limit_bytes);
	put_path(run, json, "where", f->path);
	json_unsigned(json, "holder_bytes", f->holder_bytes);
	put_path(run, json, "holder", f->holder);
	json_close(json, '}');
}

static void put_pool(struct json *json, const struct memory_pool *pool)
{
	json_open(json, NULL, '{');
	json_integer(json, "process", pool->process);
	json_unsigned(json, "handle", pool->handle);
	json_unsigned(json, "allocs", pool->allocs);
	json_unsigned(json, "frees", pool->frees);
	json_unsigned(json, "live_bytes", pool->live_bytes);
	json_unsigned(json, "high_bytes", pool->high_bytes);
	json_unsigned(json, "told_ns", pool->told_ns);
	json_unsigned(json, "reserved_bytes", pool->reserved_bytes);
	json_unsigned(json, "reserved_high_bytes", pool->reserved_high_bytes);
	json_unsigned(json, "used_bytes", pool->used_bytes);
	json_unsigned(json, "used_high_bytes", pool->used_high_bytes);
	json_close(json, '}');
}

static int put_memory_use(struct run *run, struct json *json)
{
	struct memory_use use;

	if (run_memory_use(run, &use) < 0)
		return -1;
	json_open(json, "memory_use", '{');
	json_unsigned(json, "end_ns", use.end_ns);
	json_open(json, "areas", '[');
	for (size_t i = 0; i < use.area_count; i++)
		put_area(json, &use.areas[i]);
	json_close(json, ']');
	json_open(json, "sites", '[');
	for (size_t i = 0; i < use.site_count; i++)
		put_site(run, json, &use.sites[i]);
	json_close(json, ']');
	json_open(json, "failures", '[');
	for (size_t i = 0; i < use.failure_count; i++)
		put_failure(run, json, &use.failures[i]);
	json_close(json, ']');
	json_open(json, "pools", '[');
	for (size_t i = 0; i < use.pool_count; i++)
		put_pool(json, &use.pools[i]);
	json_close(json, ']');
	json_close(json, '}');
	memory_use_free(&use);
	return 0;
}

int report_json(struct run *run, bool by_shape, const struct finding_limits *limits, FILE *out)
{
	static const enum view_id shown[] = {
		VIEW_FINDINGS, VIEW_DEVICES, VIEW_KERNELS, VIEW_APIS, VIEW_FAILURES, VIEW_COPIES, VIEW_MEMORY,
		VIEW_GRAPHS, VIEW_RANGES, VIEW_PROCESSES, VIEW_SAMPLES, VIEW_DETAIL, VIEW_MARKS,
		VIEW_ACTIVITY,
	};
	struct findings_options options = { .limits = limits };
	struct json json = { .out = out };
	struct findings findings;
	int result = 0;

	json_open(&json, NULL, '{');
	json_integer(&json, "schema_version", REPORT_SCHEMA_VERSION);
	json_text(&json, "tool_version", PACKAGE_VERSION);
	put_gaps(run, &json);
	if (put_run(run, &json) < 0 || put_losses(run, &json) < 0)
		return -1;
	if (run_findings(run, &options, &findings) < 0)
		return -1;
	json_unsigned(&json, "warm_up_ns", findings.warm_ns);
	for (size_t i = 0; result == 0 && i < sizeof(shown) / sizeof(*shown); i++)
		result = put_view(run, &json, shown[i], by_shape, &findings);
	if (result == 0)
		result = put_memory_use(run, &json);
	if (result == 0)
		result = json_put_families(run, &json);
	if (result == 0)
		result = json_put_steps(run, &json, &findings.steps);
	findings_free(&findings);
	json_close(&json, '}');
	return result;
}
