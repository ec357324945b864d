/* SPDX-License-Identifier: Apache-2.0 */
/* Events in time order out of the event tables: see timeline.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/timeline.h"

#include "analysis/names.h"
#include "analysis/nsys_internal.h"

#define PROGRESS_ROWS	65536
#define DEVICES_MAX	1024

enum { STREAM_NUMBER, STREAM_CONTEXT, STREAM_DEVICE };
enum { THREAD_PID, THREAD_TID, THREAD_NAME, THREAD_PROCESS, THREAD_PROCESS_NAME };

static const char shape_sql[] =
	"SELECT s.id, grid_x, grid_y, grid_z, block_x, block_y, block_z, k.registers,"
	" coalesce(k.static_shared_bytes, 0) + coalesce(s.dynamic_shared_bytes, 0), k.name,"
	" s.device, s.blocks_per_sm "
	"FROM shape s LEFT JOIN kernel k ON k.id = s.kernel ORDER BY s.id";
static const char stream_sql[] =
	"SELECT s.id, coalesce(nullif(s.number, 0), s.id), c.number, s.device "
	"FROM stream s LEFT JOIN context c ON c.id = s.context ORDER BY s.id";
static const char device_sql[] =
	"SELECT id, coalesce(name, 'GPU'), memory_bytes, cc_major, cc_minor, max_threads_per_sm,"
	" registers_per_block, shared_per_block_bytes, sm_count, registers_per_sm,"
	" shared_optin_bytes, shared_per_sm_bytes, " GPU_NUMBER("d.id")
	" FROM device d ORDER BY id";
static const char thread_sql[] =
	"SELECT t.id, p.pid, t.tid, t.name, t.process, p.name FROM thread t "
	"LEFT JOIN process p ON p.id = t.process ORDER BY t.id";
static const char api_sql[] = "SELECT id, name FROM api ORDER BY id";
static const char path_sql[] = "SELECT id, parent, frame FROM path ORDER BY id";
/* Pairs as one id, as lookups want it. */
static const char uses_sql[] =
	"SELECT DISTINCT process * 1024 + device AS id, 1 FROM "
	"(SELECT process, device FROM context UNION SELECT process, device FROM stream) "
	"WHERE device BETWEEN 1 AND 1023 AND process IS NOT NULL ORDER BY id";
static const char frame_sql[] = FRAME_NAMES " ORDER BY id";

int timeline_open(struct run *run, struct timeline *timeline)
{
	struct { const char *sql; struct lookup *lookup; } loads[] = {
		{ shape_sql, &timeline->shapes }, { stream_sql, &timeline->streams },
		{ device_sql, &timeline->devices }, { thread_sql, &timeline->threads },
		{ api_sql, &timeline->apis }, { path_sql, &timeline->paths },
		{ frame_sql, &timeline->frames }, { uses_sql, &timeline->uses },
	};

	*timeline = (struct timeline){ .run = run, .only_device = -1 };
	for (size_t i = 0; i < sizeof(loads) / sizeof(*loads); i++) {
		if (lookup_load(run, loads[i].sql, loads[i].lookup) < 0) {
			timeline_close(timeline);
			return -1;
		}
	}
	if (timeline->devices.count == 1)
		timeline->only_device = timeline->devices.ids[0];
	timeline->origin_realtime_ns = run_integer(run, "SELECT CAST(value AS INTEGER) FROM meta "
						   "WHERE key = 'origin_realtime'", 0);
	timeline->graph_launches_max = run_integer(run, "SELECT max(id) FROM graph_launch", 0);
	timeline->pid_min = run_integer(run, "SELECT min(pid) FROM process WHERE pid > 0",
					INT32_MAX);
	return 0;
}

void timeline_close(struct timeline *timeline)
{
	lookup_free(&timeline->shapes);
	lookup_free(&timeline->streams);
	lookup_free(&timeline->devices);
	lookup_free(&timeline->threads);
	lookup_free(&timeline->apis);
	lookup_free(&timeline->paths);
	lookup_free(&timeline->frames);
	lookup_free(&timeline->uses);
}

struct scan {
	struct timeline *timeline;
	timeline_op_fn *op;
	timeline_call_fn *call;
	timeline_memory_fn *memory;
	timeline_range_fn *range;
	void *arg;
};

static void progress(struct timeline *timeline)
{
	struct run *run = timeline->run;

	if (++timeline->rows % PROGRESS_ROWS == 0 && run->progress)
		run->progress(run->progress_arg, timeline->rows, 0);
}

/* A device that is in the file, -1 otherwise; with one device it can only be that. */
static int64_t device_known(const struct timeline *timeline, int64_t device)
{
	return lookup_find(&timeline->devices, device) ? device : timeline->only_device;
}

enum { OP_START, OP_DUR, OP_CORR, OP_KIND, OP_SHAPE, OP_BYTES, OP_STREAM, OP_DEVICE, OP_NODE,
       OP_GRAPH };

static int op_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct scan *scan = arg;
	struct timeline *t = scan->timeline;
	struct timeline_op op = {
		.start_ns = row_u64(stmt, OP_START),
		.correlation = row_id(stmt, OP_CORR),
		.is_kernel = sqlite3_column_type(stmt, OP_KIND) == SQLITE_NULL,
		.kind = row_int(stmt, OP_KIND, 0),
		.bytes = row_u64(stmt, OP_BYTES),
		.shape = row_id(stmt, OP_SHAPE),
		.stream = row_id(stmt, OP_STREAM),
		.device = row_id(stmt, OP_DEVICE),
		.graph_node = row_id(stmt, OP_NODE),
		.graph_launch = row_id(stmt, OP_GRAPH),
	};

	(void)run;
	progress(t);
	op.end_ns = op.start_ns + row_u64(stmt, OP_DUR);	/* both below 2^63 */
	op.stream_number = lookup_number(&t->streams, op.stream, STREAM_NUMBER, -1);
	op.context = lookup_number(&t->streams, op.stream, STREAM_CONTEXT, -1);
	if (op.device < 0)
		op.device = lookup_number(&t->streams, op.stream, STREAM_DEVICE,
					  lookup_number(&t->shapes, op.shape, SHAPE_DEVICE, -1));
	op.device = device_known(t, op.device);
	op.name = lookup_text(&t->shapes, op.shape, SHAPE_NAME, UNKNOWN_KERNEL);
	return scan->op(scan->arg, &op);
}

int timeline_ops(struct timeline *timeline, timeline_op_fn *fn, void *arg)
{
	struct scan scan = { .timeline = timeline, .op = fn, .arg = arg };

	return run_query(timeline->run,
		"SELECT start_ns + gpu_delay_ns AS start, gpu_dur_ns, " CORR(LAUNCH, "id") ", NULL,"
		" shape, NULL, stream, NULL, NULL, NULL FROM launch WHERE gpu_dur_ns IS NOT NULL "
		"UNION ALL SELECT start_ns, gpu_dur_ns, " CORR(GRAPH, "graph_launch") ", NULL,"
		" shape, NULL, stream, NULL, node, graph_launch FROM node "
		"WHERE gpu_dur_ns IS NOT NULL "
		"UNION ALL SELECT start_ns + gpu_delay_ns, gpu_dur_ns,"
		" iif(graph_launch IS NULL, " CORR(COPY, "id") ", " CORR(GRAPH, "graph_launch") "),"
		" kind, NULL, bytes, stream, NULL, NULL, graph_launch FROM copy "
		"WHERE gpu_dur_ns IS NOT NULL "
		"UNION ALL SELECT start_ns, dur_ns, " CORR(ORPHAN, "id") ", nullif(kind, 0), shape,"
		" bytes, stream, device, NULL, NULL FROM orphan ORDER BY start", op_row, &scan);
}

enum { CALL_START, CALL_DUR, CALL_API, CALL_RESULT, CALL_CORR, CALL_THREAD, CALL_STREAM, CALL_WORK,
       CALL_PATH };

static int call_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct scan *scan = arg;
	struct timeline *t = scan->timeline;
	int64_t stream = row_id(stmt, CALL_STREAM);
	struct timeline_call call = {
		.start_ns = row_u64(stmt, CALL_START),
		.correlation = row_id(stmt, CALL_CORR),
		.thread = row_id(stmt, CALL_THREAD),
		.has_work = sqlite3_column_int(stmt, CALL_WORK),
		.result = row_int(stmt, CALL_RESULT, 0),
		.path = row_id(stmt, CALL_PATH),
		.device = lookup_number(&t->streams, stream, STREAM_DEVICE, -1),
	};

	(void)run;
	progress(t);
	call.end_ns = call.start_ns + row_u64(stmt, CALL_DUR);
	call.name = lookup_text(&t->apis, row_id(stmt, CALL_API), 0, "(unknown)");
	call.pid = lookup_number(&t->threads, call.thread, THREAD_PID, 0);
	call.tid = lookup_number(&t->threads, call.thread, THREAD_TID, 0);
	call.process = lookup_number(&t->threads, call.thread, THREAD_PROCESS, -1);
	call.thread_name = lookup_text(&t->threads, call.thread, THREAD_NAME, "");
	call.process_name = lookup_text(&t->threads, call.thread, THREAD_PROCESS_NAME, "");
	if (call.device >= 0 || call.has_work)
		call.device = device_known(t, call.device);
	return scan->call(scan->arg, &call);
}

int timeline_calls(struct timeline *timeline, timeline_call_fn *fn, void *arg)
{
	struct scan scan = { .timeline = timeline, .call = fn, .arg = arg };

	return run_query(timeline->run,
		"SELECT start_ns AS start, dur_ns, api, 0, " CORR(LAUNCH, "id") ", thread, stream,"
		" gpu_dur_ns IS NOT NULL, path FROM launch "
		"UNION ALL SELECT start_ns, dur_ns, coalesce(api, " GRAPH_API "), 0, "
		CORR(GRAPH, "id") ", thread, stream, gpu_dur_ns IS NOT NULL, path FROM graph_launch "
		"UNION ALL SELECT start_ns, dur_ns, api, 0, " CORR(COPY, "id") ", thread, stream,"
		" gpu_dur_ns IS NOT NULL, path FROM copy WHERE graph_launch IS NULL "
		"UNION ALL SELECT start_ns, dur_ns, api, 0, " CORR(MEMORY, "id") ", thread, NULL, 0,"
		" path FROM memory "
		"UNION ALL SELECT start_ns, dur_ns, api, result, " CORR(CALL, "id") ", thread, NULL,"
		" 0, path FROM call ORDER BY start", call_row, &scan);
}

enum { MEMORY_AT, MEMORY_DEVICE, MEMORY_CHANGE };

static int memory_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct scan *scan = arg;
	struct timeline_memory memory = {
		.at_ns = row_u64(stmt, MEMORY_AT),
		.device = device_known(scan->timeline, row_id(stmt, MEMORY_DEVICE)),
		.change = sqlite3_column_int64(stmt, MEMORY_CHANGE),
	};

	(void)run;
	progress(scan->timeline);
	return memory.change ? scan->memory(scan->arg, &memory) : 0;
}

int timeline_memory(struct timeline *timeline, timeline_memory_fn *fn, void *arg)
{
	struct scan scan = { .timeline = timeline, .memory = fn, .arg = arg };

	/* A free names an address only: what it gives back is what the row before took there. */
	return run_query(timeline->run,
		"SELECT at, iif(op = 1, device, taken_device),"
		" iif(op = 1, bytes, -coalesce(taken, 0)) FROM "
		"(SELECT m.id, m.op, m.device, m.bytes, m.start_ns + m.dur_ns AS at,"
		" iif(m.op = 1, m.kind, lag(m.kind) OVER was) AS kind,"
		" lag(iif(m.op = 1, m.bytes, 0)) OVER was AS taken,"
		" lag(m.device) OVER was AS taken_device "
		"FROM memory m LEFT JOIN thread t ON t.id = m.thread "
		"WHERE m.op IN (1, 2) AND m.kind NOT IN (7, 9) "
		"WINDOW was AS (PARTITION BY t.process, m.kind = 6, m.kind = 8, m.address"
		" ORDER BY m.start_ns, m.id)) WHERE kind IN (1, 2, 6, 8) ORDER BY at, id",
		memory_row, &scan);
}

enum { RANGE_ID, RANGE_START, RANGE_DUR, RANGE_THREAD, RANGE_KIND, RANGE_TEXT, RANGE_DOMAIN,
       RANGE_CATEGORY, RANGE_COLOR };

static int range_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	enum { START_END = 2, MARK = 3 };
	struct scan *scan = arg;
	const struct lookup *threads = &scan->timeline->threads;
	int kind = row_int(stmt, RANGE_KIND, 0);
	struct timeline_range range = {
		.id = row_id(stmt, RANGE_ID),
		.start_ns = row_u64(stmt, RANGE_START),
		.thread = row_id(stmt, RANGE_THREAD),
		.color = row_id(stmt, RANGE_COLOR),
		.style = kind == MARK ? TIMELINE_RANGE_MARK
			 : kind == START_END ? TIMELINE_RANGE_FREE : TIMELINE_RANGE_NESTED,
		.text = (const char *)sqlite3_column_text(stmt, RANGE_TEXT),
		.domain = (const char *)sqlite3_column_text(stmt, RANGE_DOMAIN),
		.category = (const char *)sqlite3_column_text(stmt, RANGE_CATEGORY),
	};

	(void)run;
	progress(scan->timeline);
	range.end_ns = range.start_ns + row_u64(stmt, RANGE_DUR);
	range.text = range.text ? range.text : "";
	range.process = lookup_number(threads, range.thread, THREAD_PROCESS, -1);
	range.pid = lookup_number(threads, range.thread, THREAD_PID, 0);
	range.tid = lookup_number(threads, range.thread, THREAD_TID, 0);
	range.thread_name = lookup_text(threads, range.thread, THREAD_NAME, "");
	return scan->range(scan->arg, &range);
}

int timeline_ranges(struct timeline *timeline, timeline_range_fn *fn, void *arg)
{
	struct scan scan = { .timeline = timeline, .range = fn, .arg = arg };

	/* What began before the recording is cut there. */
	return run_query(timeline->run,
		"SELECT r.id, max(r.start_ns, 0), r.dur_ns + min(r.start_ns, 0), r.thread, r.kind,"
		" coalesce(l.text, r.name), l.domain, l.category_name, l.color FROM range r "
		"LEFT JOIN label l ON l.id = r.label WHERE r.dur_ns IS NOT NULL OR r.kind IS 3 "
		"ORDER BY r.thread, r.start_ns, r.dur_ns DESC, r.id", range_row, &scan);
}

bool timeline_uses(const struct timeline *timeline, int64_t process, int64_t device)
{
	return process >= 0 && process < INT64_MAX / DEVICES_MAX && device < DEVICES_MAX &&
	       lookup_find(&timeline->uses, process * DEVICES_MAX + device);
}

int timeline_path(const struct timeline *timeline, int64_t path, const char **frames, int max)
{
	int count = 0;

	/* A damaged file may hold a ring of paths; max ends it. */
	while (path > 0 && count < max) {
		int64_t frame = lookup_number(&timeline->paths, path, 1, -1);

		if (frame > 0)
			frames[count++] = lookup_text(&timeline->frames, frame, 0, "?");
		path = frame < 0 ? 0 : lookup_number(&timeline->paths, path, 0, 0);
	}
	for (int i = 0; i < count / 2; i++) {
		const char *other = frames[i];

		frames[i] = frames[count - 1 - i];
		frames[count - 1 - i] = other;
	}
	return count;
}
