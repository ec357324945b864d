/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Detectors that are a query. Its parameters are :warm_ns, :last_ns and the detector's thresholds
 * by their keys; a row is a finding, its columns by their names: device, lost_ns, concerned_ns,
 * count, path, what, a, b, c, and evidence as ev_table, ev_row, ev_start_ns, ev_dur_ns. A shape
 * fills what, path and evidence with those of the kernel. Where the detector has idle causes the
 * time lost is theirs.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/findings_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int column(sqlite3_stmt *stmt, const char *name)
{
	for (int i = 0; i < sqlite3_column_count(stmt); i++)
		if (!strcmp(sqlite3_column_name(stmt, i), name))
			return sqlite3_column_type(stmt, i) == SQLITE_NULL ? -1 : i;
	return -1;
}

static uint64_t natural(sqlite3_stmt *stmt, const char *name)
{
	int i = column(stmt, name);

	return i < 0 ? 0 : row_u64(stmt, i);
}

static double real(sqlite3_stmt *stmt, const char *name)
{
	int i = column(stmt, name);

	return i < 0 ? 0 : sqlite3_column_double(stmt, i);
}

static void parameters_bind(const struct finder *finder, enum detector_id id, sqlite3_stmt *stmt)
{
	for (int i = 1; i <= sqlite3_bind_parameter_count(stmt); i++) {
		const char *name = sqlite3_bind_parameter_name(stmt, i) + 1;

		if (!strcmp(name, "warm_ns"))
			sqlite3_bind_int64(stmt, i, (int64_t)finder->warm_ns);
		else if (!strcmp(name, "last_ns"))
			sqlite3_bind_int64(stmt, i, (int64_t)finder->last_ns);
		else
			sqlite3_bind_double(stmt, i, finding_limit(finder->limits, id, name));
	}
}

/* Tables are named by constants, so that evidence owns nothing. */
static const char *table_name(const char *name)
{
	static const char *const names[] = { "call", "memory", "launch", "copy", "node" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name))
			return names[i];
	return "";
}

static char *kernel_fill(const struct finder *finder, int64_t shape, struct run_finding *finding)
{
	struct watch_kernel *kernel;

	HASH_FIND(hh, finder->watch.kernels, &shape, sizeof(shape), kernel);
	if (kernel) {
		finding->path = kernel->worst.path;
		finding->first_ns = kernel->first_ns;
		finding->last_ns = kernel->last_ns;
		finding_show(finding, "", 0, kernel->worst.stream, kernel->worst.start_ns,
			     kernel->worst.dur_ns);
	}
	return strdup(watch_kernel_name(&finder->watch, shape));
}

/* The device that loses most by the causes; where there is none, the only device or -1. */
static int device_choose(const struct finder *finder, uint32_t causes)
{
	const struct idle_result *idle = &finder->out->idle;
	int device = idle->device_count == 1 ? idle->devices[0].id : -1;
	uint64_t most = 0;

	for (size_t i = 0; i < idle->device_count; i++) {
		struct run_finding each = { .device = idle->devices[i].id };

		finder_idle(finder, causes, &each);
		if (each.lost_ns > most) {
			most = each.lost_ns;
			device = each.device;
		}
	}
	return device;
}

static int row_take(struct finder *finder, enum detector_id id, sqlite3_stmt *stmt)
{
	const struct detector *detector = &detectors[id];
	struct finding_values values = { real(stmt, "a"), real(stmt, "b"), real(stmt, "c"), NULL };
	struct run_finding finding = { .device = -1, .concerned_ns = natural(stmt, "concerned_ns") };
	int device = column(stmt, "device"), what_column = column(stmt, "what");
	uint64_t count = natural(stmt, "count");
	char *what = what_column < 0 ? NULL : row_text(stmt, what_column);

	finding.device = device < 0 ? device_choose(finder, detector->causes) : row_int(stmt, device, -1);
	if (count && column(stmt, "ev_table") >= 0)
		finding_show(&finding, table_name((const char *)sqlite3_column_text(stmt,
			     column(stmt, "ev_table"))), (int64_t)natural(stmt, "ev_row"), 0,
			     natural(stmt, "ev_start_ns"), natural(stmt, "ev_dur_ns"));
	if (detector->causes)
		finder_idle(finder, detector->causes, &finding);
	else
		finding.lost_ns = natural(stmt, "lost_ns");
	if (!count && !finding.lost_ns) {
		free(what);
		return 0;
	}
	if (count)
		finding.count = count;
	if (column(stmt, "path") >= 0 && natural(stmt, "path"))
		finding.path = (int64_t)natural(stmt, "path");
	if (column(stmt, "shape") >= 0) {
		free(what);
		what = kernel_fill(finder, (int64_t)natural(stmt, "shape"), &finding);
	}
	return finder_add(finder, id, &finding, what, &values);
}

static int rows_take(struct finder *finder, enum detector_id id)
{
	sqlite3_stmt *stmt = run_prepare(finder->run, detectors[id].sql);
	bool none = true;
	int result;

	if (!stmt)
		return -1;
	parameters_bind(finder, id, stmt);
	while ((result = run_step(finder->run, stmt)) > 0) {
		none = false;
		if (row_take(finder, id, stmt) < 0) {
			result = -1;
			break;
		}
	}
	sqlite3_finalize(stmt);
	/* The time is lost even where no call is long enough to be named. */
	return result == 0 && none && detectors[id].causes ? detect_idle(finder, id) : result;
}

int detect_sql(struct finder *finder, enum detector_id id)
{
	if (run_tables_narrow(finder->run) < 0)
		return -1;
	return run_tables_widen(finder->run, rows_take(finder, id));
}
