/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nsys's SQLite export. Tables and columns come and go with versions and with what was traced, so
 * each statement is made of the columns that are there; a missing one is NULL.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/import_nsys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP_ROWS 4096
#define WHOLE_GRAPH_NAME "CUDA graph (recorded as one piece)"

/* eventType of NVTX_EVENTS. */
enum { NSYS_CATEGORY = 33, NSYS_MARK = 34, NSYS_PUSH_POP = 59, NSYS_START_END = 60, NSYS_DOMAIN = 75 };

static bool broken(struct nsys *n, const char *what)
{
	return import_fail(n->im, IMPORT_BAD_INPUT, "%s: %s", what, sqlite3_errmsg(n->source));
}

static bool has(struct nsys *n, const char *sql, const char *table, const char *name)
{
	sqlite3_stmt *row;
	bool found = false;

	if (sqlite3_prepare_v2(n->source, sql, -1, &row, NULL) != SQLITE_OK)
		return false;
	sqlite3_bind_text(row, 1, table, -1, SQLITE_STATIC);
	if (name)
		sqlite3_bind_text(row, 2, name, -1, SQLITE_STATIC);
	found = sqlite3_step(row) == SQLITE_ROW;
	sqlite3_finalize(row);
	return found;
}

static bool has_table(struct nsys *n, const char *table)
{
	return has(n, "SELECT 1 FROM sqlite_master WHERE type IN ('table', 'view') AND name = ?",
		   table, NULL);
}

static bool has_column(struct nsys *n, const char *table, const char *name)
{
	return has(n, "SELECT 1 FROM pragma_table_info(?) WHERE name = ?", table, name);
}

/*
 * Hands each row of `table` to take. columns: names separated by spaces; '@name' is a StringIds
 * number of which the text is wanted, or that text itself, '!name' must be there. Texts are joined,
 * since SQLite makes the index for a join that StringIds may lack.
 */
static bool each(struct nsys *n, const char *table, const char *columns,
		 bool (*take)(struct nsys *, sqlite3_stmt *))
{
	char sql[4096], names[512], joins[512] = "", *save = NULL;
	size_t joined = 0, used = (size_t)snprintf(sql, sizeof(sql), "SELECT ");
	bool strings = has_table(n, "StringIds"), good = true;
	const char *comma = "";
	sqlite3_stmt *row;
	int rc;

	if (!has_table(n, table))
		return true;
	snprintf(names, sizeof(names), "%s", columns);
	for (char *name = strtok_r(names, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
		bool text = *name == '@', needed = *name == '!';

		name += text || needed;
		if (!has_column(n, table, name)) {
			if (needed)
				return import_fail(n->im, IMPORT_BAD_INPUT,
						   "table %s has no column %s: no export of nsys",
						   table, name);
			used += (size_t)snprintf(sql + used, sizeof(sql) - used, "%sNULL", comma);
		} else if (text && strings) {
			used += (size_t)snprintf(sql + used, sizeof(sql) - used,
						 "%sCASE typeof(t.%s) WHEN 'text' THEN t.%s"
						 " ELSE s_%s.value END", comma, name, name, name);
			joined += (size_t)snprintf(joins + joined, sizeof(joins) - joined,
						   " LEFT JOIN StringIds s_%s ON s_%s.id = t.%s",
						   name, name, name);
		} else if (text) {
			used += (size_t)snprintf(sql + used, sizeof(sql) - used,
						 "%sCASE typeof(t.%s) WHEN 'text' THEN t.%s END",
						 comma, name, name);
		} else {
			used += (size_t)snprintf(sql + used, sizeof(sql) - used, "%st.\"%s\"", comma,
						 name);
		}
		comma = ", ";
	}
	snprintf(sql + used, sizeof(sql) - used, " FROM %s t%s", table, joins);
	rc = sqlite3_prepare_v2(n->source, sql, -1, &row, NULL);
	while (good && rc == SQLITE_OK && (rc = sqlite3_step(row)) == SQLITE_ROW) {
		good = take(n, row);
		if (++n->rows % STEP_ROWS == 0)
			good = good && import_step(n->im, n->rows, n->total);
		rc = SQLITE_OK;
	}
	if (good && rc != SQLITE_DONE)
		good = broken(n, table);
	sqlite3_finalize(row);
	return good;
}

/* --- what happened ------------------------------------------------------------------------- */

static bool take_call(struct nsys *n, sqlite3_stmt *row)
{
	int64_t start = column(row, 0), end = column(row, 1), global = column_or(row, 2, 0);

	return import_stage_call(n->im, &(struct import_call){
		.start_ns = start,
		.dur_ns = start == NIL || end == NIL || end < start ? -1 : end - start,
		.pid = nsys_pid(global),
		.tid = global & NSYS_TID_MASK,
		.correlation = column_or(row, 3, 0),
		.result = column_or(row, 4, 0),
		.name = *text_column(row, 5) ? text_column(row, 5) : "?",
		.chain = column(row, 6),
	});
}

/* Depth 0 is the innermost frame; what nsys found no name for, it gives as an address. */
static bool take_frame(struct nsys *n, sqlite3_stmt *row)
{
	return import_stage_frame(n->im, column_or(row, 0, 0), column_or(row, 1, 0),
				  text_column(row, 2), text_column(row, 3));
}

/* A payload has a column for each type, in the order of enum wire_payload. */
enum { RANGE_PAYLOADS = 10 };

static void take_payload(sqlite3_stmt *row, struct import_range *range)
{
	double number;

	range->payload_type = range->payload = NIL;
	for (int type = WIRE_PAYLOAD_UINT64; type <= WIRE_PAYLOAD_FLOAT; type++) {
		int i = RANGE_PAYLOADS + type - WIRE_PAYLOAD_UINT64;

		if (sqlite3_column_type(row, i) == SQLITE_NULL)
			continue;
		range->payload_type = type;
		range->payload = sqlite3_column_int64(row, i);
		if (type == WIRE_PAYLOAD_DOUBLE || type == WIRE_PAYLOAD_FLOAT) {
			number = sqlite3_column_double(row, i);
			memcpy(&range->payload, &number, sizeof(number));
		}
	}
}

#define RANGE_COLUMNS "!start !end eventType globalTid endGlobalTid text @textId domainId category"	\
	" color uint64Value int64Value doubleValue uint32Value int32Value floatValue"

/* Without a type, as in the oldest exports, it is a range. */
static bool take_range(struct nsys *n, sqlite3_stmt *row)
{
	int64_t start = column(row, 0), end = column(row, 1), global = column_or(row, 3, 0);
	struct import_range range = {
		.pid = nsys_pid(global),
		.tid = global & NSYS_TID_MASK,
		.end_tid = column(row, 4) == NIL ? NIL : column(row, 4) & NSYS_TID_MASK,
		.start_ns = start,
		.dur_ns = end == NIL || start == NIL ? NIL : end - start,
		.domain = column_or(row, 7, 0),
		.category = column_or(row, 8, 0) ? column(row, 8) : NIL,
		.color = column_or(row, 9, 0) ? column(row, 9) & UINT32_MAX : NIL,
		.name = *text_column(row, 5) ? text_column(row, 5)
			: *text_column(row, 6) ? text_column(row, 6) : NULL,
	};

	switch (column_or(row, 2, NSYS_PUSH_POP)) {
	case NSYS_PUSH_POP:
		range.kind = RANGE_PUSH_POP;
		range.end_tid = NIL;
		break;
	case NSYS_START_END:
		range.kind = RANGE_START_END;
		break;
	case NSYS_MARK:
		range.kind = RANGE_MARK;
		range.dur_ns = NIL;
		break;
	case NSYS_DOMAIN:
		return !range.name || import_stage_range_name(n->im, range.pid, range.domain, NIL,
							      range.name);
	case NSYS_CATEGORY:
		return !range.name || range.category == NIL ||
		       import_stage_range_name(n->im, range.pid, range.domain, range.category,
					       range.name);
	default:
		return true;
	}
	take_payload(row, &range);
	return import_stage_range(n->im, &range);
}

/* The columns that all GPU operations have, first in the same order. */
#define OP_COLUMNS "!start !end deviceId contextId streamId correlationId globalPid graphNodeId graphId "
enum { OP_REST = 9 };

static struct import_op read_op(struct nsys *n, sqlite3_stmt *row)
{
	int64_t start = column(row, 0), end = column(row, 1), node = column_or(row, 7, 0);
	int64_t graph = column_or(row, 8, 0), pid = nsys_pid(column(row, 6));

	return (struct import_op){
		.start_ns = start,
		.dur_ns = start == NIL || end == NIL || end < start ? -1 : end - start,
		.device = nsys_device(n, pid, column_or(row, 2, 0)),
		.context = column(row, 3),
		.stream = column_or(row, 4, 0),
		.correlation = column_or(row, 5, 0),
		.pid = pid,
		.node = node ? node : NIL,
		.graph = node || graph ? graph : NIL,
	};
}

static bool take_kernel(struct nsys *n, sqlite3_stmt *row)
{
	struct import_op op = read_op(n, row);
	const char *name = text_column(row, OP_REST);

	if (!*name)
		name = text_column(row, OP_REST + 1);
	op.shape.name = import_text(n->im, *name ? name : "?");
	op.shape.registers = small(row, OP_REST + 2);
	op.shape.static_shared_bytes = small(row, OP_REST + 3);
	op.shape.dynamic_shared_bytes = small(row, OP_REST + 4);
	op.shape.local_bytes = small(row, OP_REST + 5);
	for (int i = 0; i < 3; i++) {
		op.shape.grid[i] = small(row, OP_REST + 6 + i);
		op.shape.block[i] = small(row, OP_REST + 9 + i);
		op.shape.cluster[i] = small(row, OP_REST + 12 + i);
		op.shape.cluster[i] += !op.shape.cluster[i];
	}
	return import_stage_op(n->im, &op);
}

/* nsys numbers kinds of memory from 0 pageable; 7 is unknown. */
static int64_t memory_kind(sqlite3_stmt *row, int i)
{
	int64_t kind = column_or(row, i, 7);

	return kind >= 0 && kind < 7 ? kind + 1 : 0;
}

static bool take_copy(struct nsys *n, sqlite3_stmt *row)
{
	struct import_op op = read_op(n, row);
	int64_t kind = column_or(row, OP_REST + 1, 0);

	/* Migrations of managed memory are copies of that direction. */
	if (kind >= 11 && kind <= 13)
		kind = kind == 13 ? 8 : kind - 10;
	op.kind = kind >= 0 && kind <= 10 ? kind : 0;
	op.kind |= memory_kind(row, OP_REST + 2) << 8 | memory_kind(row, OP_REST + 3) << 16;
	if (!op.kind)
		op.kind = 1 << 30;
	op.bytes = column_or(row, OP_REST, 0);
	if (op.bytes < 0)
		op.bytes = 0;
	return import_stage_op(n->im, &op);
}

static bool take_set(struct nsys *n, sqlite3_stmt *row)
{
	struct import_op op = read_op(n, row);

	op.kind = IMPORT_COPY_SET;
	op.bytes = column_or(row, OP_REST, 0);
	if (op.bytes < 0)
		op.bytes = 0;
	return import_stage_op(n->im, &op);
}

static bool take_graph(struct nsys *n, sqlite3_stmt *row)
{
	struct import_op op = read_op(n, row);

	op.whole_graph = true;
	op.node = NIL;
	if (op.graph == NIL)
		op.graph = 0;
	op.shape.name = import_text(n->im, WHOLE_GRAPH_NAME);
	return import_stage_op(n->im, &op);
}

static const struct {
	const char *table, *columns;
	bool (*take)(struct nsys *n, sqlite3_stmt *row);
} sources[] = {
	{ "PROCESSES", "globalPid name", nsys_take_process },
	{ "ThreadNames", "globalTid @nameId", nsys_take_thread },
	{ "TARGET_INFO_GPU", "id cuDevice name uuid totalMemory smCount maxWarpsPerSm maxBlocksPerSm"
	  " maxRegistersPerSm maxRegistersPerBlock maxShmemPerSm maxShmemPerBlock"
	  " maxShmemPerBlockOptin computeMajor computeMinor l2CacheSize asyncEngines clockRate",
	  nsys_take_device },
	{ "TARGET_INFO_CUDA_GPU", "id deviceId name uuid globalMemorySize numMultiprocessors"
	  " maxWarpsPerMultiprocessor maxBlocksPerMultiprocessor maxRegistersPerMultiprocessor"
	  " maxRegistersPerBlock maxSharedMemoryPerMultiprocessor maxSharedMemoryPerBlock"
	  " maxSharedMemoryPerBlockOptin computeCapabilityMajor computeCapabilityMinor l2CacheSize"
	  " numMemcpyEngines coreClockRate", nsys_take_device },	/* until 2021 */
	{ "TARGET_INFO_CUDA_DEVICE", "gpuId cudaId pid", nsys_take_alias },
	{ "TARGET_INFO_SESSION_START_TIME", "utcEpochNs", nsys_take_clock },
	{ "META_DATA_EXPORT", "name value", nsys_take_version },
	{ "CUPTI_ACTIVITY_KIND_RUNTIME", "!start !end globalTid correlationId returnValue @nameId"
	  " callchainId", take_call },
	{ "CUDA_CALLCHAINS", "!id !stackDepth @symbol @module", take_frame },
	{ "CUPTI_ACTIVITY_KIND_KERNEL", OP_COLUMNS "@demangledName @shortName registersPerThread"
	  " staticSharedMemory dynamicSharedMemory localMemoryPerThread gridX gridY gridZ"
	  " blockX blockY blockZ clusterX clusterY clusterZ", take_kernel },
	{ "CUPTI_ACTIVITY_KIND_MEMCPY", OP_COLUMNS "bytes copyKind srcKind dstKind", take_copy },
	{ "CUPTI_ACTIVITY_KIND_MEMSET", OP_COLUMNS "bytes", take_set },
	{ "CUPTI_ACTIVITY_KIND_GRAPH_TRACE", OP_COLUMNS, take_graph },
	{ "NVTX_EVENTS", RANGE_COLUMNS, take_range },
};

static const struct {
	const char *table;
	enum import_counter counter;	/* IMPORT_COUNTERS: sources[] reads it, for the total only */
} counted[] = {
	{ "NVTX_EVENTS", IMPORT_COUNTERS },
	{ "CUPTI_ACTIVITY_KIND_SYNCHRONIZATION", IMPORT_import_syncs },
	{ "CUPTI_ACTIVITY_KIND_CUDA_EVENT", IMPORT_import_events },
	{ "CUDA_GPU_MEMORY_USAGE_EVENTS", IMPORT_import_memory },
	{ "CUDA_GPU_MEMORY_POOL_EVENTS", IMPORT_import_memory },
	{ "OSRT_API", IMPORT_import_others },
	{ "CUPTI_ACTIVITY_KIND_OVERHEAD", IMPORT_import_others },
	{ "COMPOSITE_EVENTS", IMPORT_import_others },
	{ "CUBLAS_EVENTS", IMPORT_import_others },
	{ "CUDNN_EVENTS", IMPORT_import_others },
	{ "CUPTI_ACTIVITY_KIND_RUNTIME", IMPORT_COUNTERS },
	{ "CUDA_CALLCHAINS", IMPORT_COUNTERS },
	{ "CUPTI_ACTIVITY_KIND_KERNEL", IMPORT_COUNTERS },
	{ "CUPTI_ACTIVITY_KIND_MEMCPY", IMPORT_COUNTERS },
	{ "CUPTI_ACTIVITY_KIND_MEMSET", IMPORT_COUNTERS },
	{ "CUPTI_ACTIVITY_KIND_GRAPH_TRACE", IMPORT_COUNTERS },
};

static bool count_tables(struct nsys *n)
{
	for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++) {
		sqlite3_stmt *row;
		char sql[128];

		if (!has_table(n, counted[i].table))
			continue;
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", counted[i].table);
		if (sqlite3_prepare_v2(n->source, sql, -1, &row, NULL) != SQLITE_OK)
			return broken(n, counted[i].table);
		if (sqlite3_step(row) != SQLITE_ROW) {
			sqlite3_finalize(row);
			return broken(n, counted[i].table);
		}
		if (counted[i].counter == IMPORT_COUNTERS)
			n->total += (uint64_t)sqlite3_column_int64(row, 0);
		else
			n->im->counters[counted[i].counter] += (uint64_t)sqlite3_column_int64(row, 0);
		sqlite3_finalize(row);
	}
	return true;
}

/* Whose views for SQL made for nsys would pass for an export. */
static bool is_recording(const struct nsys *n)
{
	sqlite3_stmt *row;
	bool ours = false;

	if (sqlite3_prepare_v2(n->source, "PRAGMA application_id", -1, &row, NULL) == SQLITE_OK &&
	    sqlite3_step(row) == SQLITE_ROW)
		ours = sqlite3_column_int(row, 0) == APPLICATION_ID;
	sqlite3_finalize(row);
	return ours;
}

static bool is_export(struct nsys *n)
{
	if (is_recording(n))
		return import_fail(n->im, IMPORT_BAD_INPUT, "this is a recording already: there is nothing to"
				   " import");
	if (has_table(n, "StringTable") && !has_table(n, "StringIds"))
		return import_fail(n->im, IMPORT_BAD_INPUT, "a database of nvprof: of SQLite files,"
				   " only exports of nsys can be read");
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
		if (!strncmp(sources[i].table, "CUPTI_", 6) && has_table(n, sources[i].table))
			return true;
	if (sqlite3_exec(n->source, "SELECT count(*) FROM sqlite_master", NULL, NULL, NULL) !=
	    SQLITE_OK)
		return broken(n, "damaged");
	return import_fail(n->im, IMPORT_BAD_INPUT,
			   "a database without CUDA tables: not an export of nsys, or nothing of"
			   " CUDA was traced");
}

bool import_nsys(struct import *im)
{
	static const char setup[] = "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"
				    "PRAGMA query_only=ON";
	struct nsys n = { .im = im };
	bool good;

	if (sqlite3_open_v2(im->options->input, &n.source, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
	    sqlite3_exec(n.source, setup, NULL, NULL, NULL) != SQLITE_OK)
		good = broken(&n, "cannot be opened");
	else
		good = is_export(&n) && count_tables(&n);
	for (size_t i = 0; good && i < sizeof(sources) / sizeof(sources[0]); i++)
		good = each(&n, sources[i].table, sources[i].columns, sources[i].take);
	sqlite3_close(n.source);
	free(n.aliases);
	return good;
}
