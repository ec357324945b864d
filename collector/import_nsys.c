/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nsys's SQLite export. Tables and columns come and go with versions and with what was traced, so
 * each statement is made of the columns that are there; a missing one is NULL.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/import_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COLUMNS_MAX 32
#define STEP_ROWS 4096
#define TID_MASK 0xffffff
#define WHOLE_GRAPH_NAME "CUDA graph (recorded as one piece)"

/* eventType of NVTX_EVENTS. */
enum { NSYS_CATEGORY = 33, NSYS_MARK = 34, NSYS_PUSH_POP = 59, NSYS_START_END = 60, NSYS_DOMAIN = 75 };

struct nsys {
	struct import *im;
	sqlite3 *source;
	uint64_t rows, total;
};

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
	return has(n, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", table, NULL);
}

static bool has_column(struct nsys *n, const char *table, const char *name)
{
	return has(n, "SELECT 1 FROM pragma_table_info(?) WHERE name = ?", table, name);
}

static int64_t column(sqlite3_stmt *row, int i)
{
	return sqlite3_column_type(row, i) == SQLITE_NULL ? NIL : sqlite3_column_int64(row, i);
}

static int64_t column_or(sqlite3_stmt *row, int i, int64_t missing)
{
	return sqlite3_column_type(row, i) == SQLITE_NULL ? missing : sqlite3_column_int64(row, i);
}

static const char *text_column(sqlite3_stmt *row, int i)
{
	const unsigned char *text = sqlite3_column_text(row, i);

	return text ? (const char *)text : "";
}

static uint32_t small(sqlite3_stmt *row, int i)
{
	int64_t value = column_or(row, i, 0);

	return value < 0 || value > INT32_MAX ? 0 : (uint32_t)value;
}

/*
 * Hands each row of `table` to take. columns: names separated by spaces; '@name' is a StringIds
 * number of which the text is wanted, '!name' must be there.
 */
static bool each(struct nsys *n, const char *table, const char *columns,
		 bool (*take)(struct nsys *, sqlite3_stmt *))
{
	char sql[4096], names[512], *save = NULL;
	size_t used = (size_t)snprintf(sql, sizeof(sql), "SELECT ");
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
		if (!has_column(n, table, name) || (text && !strings)) {
			if (needed)
				return import_fail(n->im, IMPORT_BAD_INPUT,
						   "table %s has no column %s: no export of nsys",
						   table, name);
			used += (size_t)snprintf(sql + used, sizeof(sql) - used, "%sNULL", comma);
		} else if (text) {
			used += (size_t)snprintf(sql + used, sizeof(sql) - used,
						 "%s(SELECT value FROM StringIds WHERE id = t.%s)",
						 comma, name);
		} else {
			used += (size_t)snprintf(sql + used, sizeof(sql) - used, "%st.\"%s\"", comma,
						 name);
		}
		comma = ", ";
	}
	snprintf(sql + used, sizeof(sql) - used, " FROM %s t", table);
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

/* --- what exists --------------------------------------------------------------------------- */

static int64_t pid_of(int64_t global)
{
	return global == NIL ? NIL : global >> 24 & TID_MASK;
}

static bool take_process(struct nsys *n, sqlite3_stmt *row)
{
	return import_stage_label(n->im, false, pid_of(column(row, 0)), -1, text_column(row, 1));
}

static bool take_thread(struct nsys *n, sqlite3_stmt *row)
{
	int64_t global = column_or(row, 0, 0);

	return import_stage_label(n->im, false, pid_of(global), global & TID_MASK,
				  text_column(row, 1));
}

static bool take_device(struct nsys *n, sqlite3_stmt *row)
{
	int64_t ordinal = column_or(row, 1, column_or(row, 0, -1));
	struct import_device *device;
	struct wire_def_device *d;

	if (ordinal < 0 || ordinal >= IMPORT_DEVICES_MAX)
		return true;
	device = &n->im->devices[ordinal];
	d = &device->def;
	device->known = true;
	snprintf(d->name, sizeof(d->name), "%s", text_column(row, 2));
	snprintf(device->uuid, sizeof(device->uuid), "%s", text_column(row, 3));
	d->memory_bytes = (uint64_t)column_or(row, 4, 0);
	d->sm_count = small(row, 5);
	d->max_threads_per_sm = small(row, 6) * 32;
	d->max_blocks_per_sm = small(row, 7);
	d->registers_per_sm = small(row, 8);
	d->registers_per_block = small(row, 9);
	d->shared_per_sm_bytes = small(row, 10);
	d->shared_per_block_bytes = small(row, 11);
	d->shared_optin_bytes = small(row, 12);
	d->cc_major = small(row, 13);
	d->cc_minor = small(row, 14);
	d->l2_bytes = small(row, 15);
	d->copy_engines = small(row, 16);
	d->clock_khz = (uint32_t)(column_or(row, 17, 0) / 1000);
	return true;
}

/* --- what happened ------------------------------------------------------------------------- */

static bool take_call(struct nsys *n, sqlite3_stmt *row)
{
	int64_t start = column(row, 0), end = column(row, 1), global = column_or(row, 2, 0);

	return import_stage_call(n->im, &(struct import_call){
		.start_ns = start,
		.dur_ns = start == NIL || end == NIL || end < start ? -1 : end - start,
		.pid = pid_of(global),
		.tid = global & TID_MASK,
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
		.pid = pid_of(global),
		.tid = global & TID_MASK,
		.end_tid = column(row, 4) == NIL ? NIL : column(row, 4) & TID_MASK,
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

static struct import_op read_op(sqlite3_stmt *row)
{
	int64_t start = column(row, 0), end = column(row, 1), node = column_or(row, 7, 0);
	int64_t graph = column_or(row, 8, 0);

	return (struct import_op){
		.start_ns = start,
		.dur_ns = start == NIL || end == NIL || end < start ? -1 : end - start,
		.device = column_or(row, 2, 0),
		.context = column(row, 3),
		.stream = column_or(row, 4, 0),
		.correlation = column_or(row, 5, 0),
		.pid = pid_of(column(row, 6)),
		.node = node ? node : NIL,
		.graph = node || graph ? graph : NIL,
	};
}

static bool take_kernel(struct nsys *n, sqlite3_stmt *row)
{
	struct import_op op = read_op(row);
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
	struct import_op op = read_op(row);
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
	struct import_op op = read_op(row);

	op.kind = IMPORT_COPY_SET;
	op.bytes = column_or(row, OP_REST, 0);
	if (op.bytes < 0)
		op.bytes = 0;
	return import_stage_op(n->im, &op);
}

static bool take_graph(struct nsys *n, sqlite3_stmt *row)
{
	struct import_op op = read_op(row);

	op.whole_graph = true;
	op.node = NIL;
	if (op.graph == NIL)
		op.graph = 0;
	op.shape.name = import_text(n->im, WHOLE_GRAPH_NAME);
	return import_stage_op(n->im, &op);
}

static bool take_clock(struct nsys *n, sqlite3_stmt *row)
{
	n->im->base_ns = column_or(row, 0, 0);
	n->im->base_known = n->im->base_ns != 0;
	return true;
}

static bool take_version(struct nsys *n, sqlite3_stmt *row)
{
	size_t used = strlen(n->im->source_version);
	const char *name = text_column(row, 0);

	if (!strcmp(name, "EXPORT_PRODUCT_VERSION") || !strcmp(name, "EXPORT_SCHEMA_VERSION"))
		snprintf(n->im->source_version + used, sizeof(n->im->source_version) - used,
			 "%s%s %s", used ? ", " : "",
			 name[7] == 'P' ? "Nsight Systems" : "schema", text_column(row, 1));
	return true;
}

static const struct {
	const char *table, *columns;
	bool (*take)(struct nsys *n, sqlite3_stmt *row);
} sources[] = {
	{ "PROCESSES", "globalPid name", take_process },
	{ "ThreadNames", "globalTid @nameId", take_thread },
	{ "TARGET_INFO_GPU", "id cuDevice name uuid totalMemory smCount maxWarpsPerSm maxBlocksPerSm"
	  " maxRegistersPerSm maxRegistersPerBlock maxShmemPerSm maxShmemPerBlock"
	  " maxShmemPerBlockOptin computeMajor computeMinor l2CacheSize asyncEngines clockRate",
	  take_device },
	{ "TARGET_INFO_SESSION_START_TIME", "utcEpochNs", take_clock },
	{ "META_DATA_EXPORT", "name value", take_version },
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

static bool is_export(struct nsys *n)
{
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
	return good;
}
