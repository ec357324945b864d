/* SPDX-License-Identifier: Apache-2.0 */
/* Staged events are joined, sorted by time and become rows, and summaries with them. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/import_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP_ROWS 4096

/* A GPU operation as the joined statement gives it. */
struct found {
	struct import_op op;
	uint32_t shape;			/* staged */
};

struct call_row {
	int64_t id, start, dur, result;
	uint32_t process, thread, api, path;
	enum import_class class;
};

struct writer {
	struct import *im;
	struct call_row call;		/* id 0: none */
	struct found *ops;		/* of that call */
	uint32_t op_count, op_capacity;
	uint64_t taken;			/* calls and GPU operations */
};

/*
 * Kineto does not say which process a GPU operation belongs to. Where a correlation id is known
 * in one process only it tells, and mostly tells whose the device is; that decides the rest. The
 * groups of merged traces (IMPORT_GROUP_SHIFT) tell it at once.
 */
static const char find_processes[] =
	"UPDATE op SET pid = (SELECT min(pid) FROM call WHERE call.pid >> 32 = op.pid >> 32)"
	" WHERE pid >> 62 = 1;"
	"CREATE TEMP TABLE one AS SELECT count(*) AS pids, min(pid) AS pid FROM"
	" (SELECT DISTINCT pid FROM call);"
	"UPDATE op SET pid = (SELECT pid FROM one) WHERE pid IS NULL AND (SELECT pids FROM one) = 1;"
	"CREATE TEMP TABLE vote AS SELECT device, pid, count(*) AS votes FROM"
	" (SELECT o.device AS device, min(c.pid) AS pid FROM op o"
	"  JOIN call c ON c.correlation = o.correlation WHERE o.pid IS NULL"
	"  GROUP BY o.id HAVING min(c.pid) = max(c.pid)) GROUP BY device, pid;"
	"UPDATE op SET pid = (SELECT v.pid FROM temp.vote v WHERE v.device = op.device"
	"  AND EXISTS (SELECT 1 FROM call c WHERE c.correlation = op.correlation AND c.pid = v.pid)"
	"  ORDER BY v.votes DESC LIMIT 1) WHERE pid IS NULL;"
	"UPDATE op SET pid = (SELECT pid FROM (SELECT c.pid AS pid, c.start > op.start AS later,"
	"  abs(op.start - c.start) AS far FROM call c WHERE c.correlation = op.correlation)"
	"  ORDER BY later, far LIMIT 1), whole = whole | 2 WHERE pid IS NULL"
	"  AND EXISTS (SELECT 1 FROM call c WHERE c.correlation = op.correlation);"
	"UPDATE op SET pid = (SELECT v.pid FROM temp.vote v WHERE v.device = op.device"
	"  ORDER BY v.votes DESC LIMIT 1) WHERE pid IS NULL;";

/* Ids wrap and repeat: the nearest launching call before the work is its call. */
static const char find_calls[] =
	"UPDATE op SET call = (SELECT id FROM (SELECT c.id AS id, c.class = 0 AS other,"
	"  c.start > op.start AS later, abs(op.start - c.start) AS far FROM call c"
	"  WHERE c.correlation = op.correlation AND c.pid = op.pid)"
	"  ORDER BY other, later, far LIMIT 1) WHERE correlation NOT IN (0, -1);"
	"CREATE INDEX op_call ON op (call, start);";

static const char joined[] =
	"SELECT c.start AS at, c.id, c.pid, c.tid, c.start, c.dur, c.result, c.api, c.class, c.chain,"
	" o.id, o.kind, o.pid, o.device, o.context, o.stream, o.correlation, o.start, o.dur,"
	" o.bytes, o.graph, o.node, o.whole, o.shape"
	" FROM call c LEFT JOIN op o ON o.call = c.id"
	" UNION ALL "
	"SELECT o.start, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,"
	" o.id, o.kind, o.pid, o.device, o.context, o.stream, o.correlation, o.start, o.dur,"
	" o.bytes, o.graph, o.node, o.whole, o.shape FROM op o WHERE o.call IS NULL"
	" ORDER BY 1, 2, 18, 11";

enum { C_ID = 1, C_PID, C_TID, C_START, C_DUR, C_RESULT, C_API, C_CLASS, C_CHAIN, O_ID, O_KIND, O_PID,
       O_DEVICE, O_CONTEXT, O_STREAM, O_CORRELATION, O_START, O_DUR, O_BYTES, O_GRAPH, O_NODE,
       O_WHOLE, O_SHAPE };

static int64_t column(sqlite3_stmt *row, int i)
{
	return sqlite3_column_type(row, i) == SQLITE_NULL ? NIL : sqlite3_column_int64(row, i);
}

static int64_t query_int(struct import *im, const char *sql)
{
	sqlite3_stmt *row;
	int64_t value = NIL;

	if (sqlite3_prepare_v2(im->stage, sql, -1, &row, NULL) == SQLITE_OK &&
	    sqlite3_step(row) == SQLITE_ROW)
		value = column(row, 0);
	sqlite3_finalize(row);
	return value;
}

/* --- rows ---------------------------------------------------------------------------------- */

/* What happened at a path, to be added to. */
static struct import_sum *sum_of(struct import *im, uint32_t path)
{
	return array_reserve(&im->sums, &im->sum_capacity, path, sizeof(*im->sums)) ? &im->sums[path]
										    : &im->sums[0];
}

/* Counts a GPU operation in the summaries; host_ns NIL: it has no call of its own. */
static void count_op(struct import *im, const struct found *f, uint32_t process, uint32_t device,
		     uint32_t shape, int64_t host_ns)
{
	if (f->op.kind == 0) {
		summary_kernel(im->summary, process, device, shape, host_ns, f->op.start_ns,
			       f->op.dur_ns);
		im->result->kernels++;
	} else {
		summary_copy(im->summary, process, device, (uint32_t)f->op.kind,
			     (uint64_t)f->op.bytes, f->op.start_ns, f->op.dur_ns);
		im->result->copies++;
	}
	if (f->op.whole_graph)
		im->counters[IMPORT_import_whole_graphs]++;
}

static uint32_t file_shape(struct import *im, const struct found *f)
{
	return f->op.kind ? 0 : import_shape(im, f->shape, import_device(im, f->op.device));
}

static void fill(int64_t *place, int count, const int64_t *values)
{
	if (place)
		memcpy(place + 1, values, sizeof(*values) * (size_t)count);
}

static void write_orphan(struct import *im, const struct found *f)
{
	uint32_t stream = import_stream(im, &f->op), shape = file_shape(im, f);
	uint32_t device = import_device(im, f->op.device);
	int64_t *row = database_row(im->db, TABLE_ORPHAN, f->op.start_ns,
				    f->op.start_ns + f->op.dur_ns);

	fill(row, 8, (int64_t[]){ f->op.start_ns, f->op.dur_ns, f->op.kind, device, stream,
				  shape ? shape : NIL, f->op.bytes, f->op.correlation });
	count_op(im, f, import_process(im, f->op.pid), device, shape, NIL);
}

/* Work inside a graph, 0 unknown; launch NIL: its launch is not in the trace. path: that of its
 * launch. */
static void write_inside(struct import *im, const struct found *f, int64_t launch, uint32_t graph,
			 uint32_t path)
{
	struct import_sum *sum = sum_of(im, path);
	uint32_t stream = import_stream(im, &f->op), shape = file_shape(im, f);
	int64_t start = f->op.start_ns, end = start + f->op.dur_ns;

	if (f->op.kind == 0) {
		int64_t *row = database_row(im->db, TABLE_NODE, start, end);
		int64_t kernel = graph_content_id(&im->graph_content, im->db, &(struct graph_kernel){
			.node = f->op.node == NIL ? 0 : (uint64_t)f->op.node,
			.graph = graph, .stream = stream, .shape = shape });

		fill(row, 4, (int64_t[]){ start, f->op.dur_ns, launch, kernel });
		sum->launches++;
	} else {
		int64_t *row = database_row(im->db, TABLE_COPY, start, end);

		fill(row, 11, (int64_t[]){ start, 0, 0, f->op.dur_ns, NIL, stream, f->op.kind,
					   f->op.bytes, NIL, path, launch });
		sum->copy_bytes += f->op.bytes;
	}
	sum->gpu_ns += f->op.dur_ns;
	if (launch != NIL)
		sum->replay_gpu_ns += f->op.dur_ns;
	count_op(im, f, import_process(im, f->op.pid), import_device(im, f->op.device), shape, NIL);
}

static uint32_t graph_id(struct import *im, uint32_t process, int64_t number, uint32_t nodes,
			 int64_t at)
{
	int64_t key[2] = { process, number };
	bool is_new;
	uint32_t id;

	im->graphs.key_bytes = sizeof(key);
	im->graphs.limit = 1u << 20;
	id = intern_add(&im->graphs, key, &is_new) + 1;
	if (id && is_new)
		database_run(im->db, "INSERT INTO graph (id, process, number, nodes, created_ns)"
			     " VALUES (?,?,?,?,?)", "iiiii",
			     (int64_t)id, (int64_t)process, number, (int64_t)nodes, at);
	else if (id)
		database_run(im->db, "UPDATE graph SET nodes = max(nodes, ?) WHERE id = ?", "ii",
			     (int64_t)nodes, (int64_t)id);
	return id;
}

static void write_graph(struct writer *w)
{
	struct import *im = w->im;
	const struct call_row *c = &w->call;
	int64_t first = INT64_MAX, last = 0, end, *row;
	int64_t id = 0, graph;
	uint32_t stream, device;

	for (uint32_t i = 0; i < w->op_count; i++) {
		const struct import_op *op = &w->ops[i].op;

		first = op->start_ns < first ? op->start_ns : first;
		last = op->start_ns + op->dur_ns > last ? op->start_ns + op->dur_ns : last;
	}
	stream = import_stream(im, &w->ops[0].op);
	device = import_device(im, w->ops[0].op.device);
	graph = w->ops[0].op.graph;
	graph = graph_id(im, c->process, graph == NIL ? 0 : graph, w->op_count, c->start);
	end = last > c->start + c->dur ? last : c->start + c->dur;
	row = database_row(im->db, TABLE_GRAPH_LAUNCH, c->start < first ? c->start : first, end);
	if (row)
		id = row[0];
	fill(row, 10, (int64_t[]){ c->start, c->dur, first - c->start, last - first, c->thread,
				   stream, graph, w->op_count, c->api, c->path });
	summary_graph_launch(im->summary, device);
	summary_launched(im->summary, device, c->start);
	for (uint32_t i = 0; i < w->op_count; i++)
		write_inside(im, &w->ops[i], id, (uint32_t)graph, c->path);
}

static void write_single(struct writer *w)
{
	struct import *im = w->im;
	const struct call_row *c = &w->call;
	const struct found *f = &w->ops[0];
	uint32_t stream = import_stream(im, &f->op), device = import_device(im, f->op.device);
	uint32_t shape = file_shape(im, f);
	int64_t gpu_end = f->op.start_ns + f->op.dur_ns, call_end = c->start + c->dur;
	int64_t *row = database_row(im->db, f->op.kind ? TABLE_COPY : TABLE_LAUNCH,
				    c->start < f->op.start_ns ? c->start : f->op.start_ns,
				    gpu_end > call_end ? gpu_end : call_end);
	int64_t delay = f->op.start_ns - c->start;
	struct import_sum *sum = sum_of(im, c->path);

	if (f->op.kind == 0) {
		fill(row, 9, (int64_t[]){ c->start, c->dur, delay, f->op.dur_ns, c->thread, stream,
					  shape, c->api, c->path });
		summary_launched(im->summary, device, c->start);
		sum->launches++;
	} else {
		bool async = strstr(im->api_list[c->api]->name, "Async") != NULL;
		int64_t kind = f->op.kind | (int64_t)async << 24;

		fill(row, 11, (int64_t[]){ c->start, c->dur, delay, f->op.dur_ns, c->thread, stream,
					   kind, f->op.bytes, c->api, c->path, NIL });
		w->ops[0].op.kind = kind;
		sum->copy_bytes += f->op.bytes;
	}
	sum->gpu_ns += f->op.dur_ns;
	count_op(im, f, c->process, device, shape, c->dur);
	for (uint32_t i = 1; i < w->op_count; i++) {
		im->counters[IMPORT_import_extra]++;
		write_orphan(im, &w->ops[i]);
	}
}

/* The call read last is complete: its operations are all there. */
static void call_done(struct writer *w)
{
	struct import *im = w->im;
	const struct call_row *c = &w->call;
	struct import_sum *sum;

	if (!c->id)
		return;
	summary_api(im->summary, c->process, c->api, c->dur, c->result != 0);
	sum = sum_of(im, c->path);
	sum->calls++;
	sum->host_ns += c->dur;
	im->result->calls++;
	if (w->op_count && (c->class == CLASS_GRAPH || w->ops[0].op.whole_graph)) {
		write_graph(w);
	} else if (w->op_count) {
		write_single(w);
	} else {
		int64_t *row = database_row(im->db, TABLE_CALL, c->start, c->start + c->dur);

		fill(row, 9, (int64_t[]){ c->start, c->dur, c->thread, c->api, c->result, NIL, NIL,
					  NIL, c->path });
		im->counters[IMPORT_import_no_gpu] += c->class != CLASS_OTHER && !c->result;
	}
	w->op_count = 0;
	w->call.id = 0;
}

static struct found read_op(const struct writer *w, sqlite3_stmt *row)
{
	int64_t whole = column(row, O_WHOLE);

	w->im->counters[IMPORT_import_ambiguous] += (whole & 2) != 0;
	return (struct found){
		.op = { .kind = column(row, O_KIND), .pid = column(row, O_PID),
			.device = column(row, O_DEVICE), .context = column(row, O_CONTEXT),
			.stream = column(row, O_STREAM), .correlation = column(row, O_CORRELATION),
			.start_ns = column(row, O_START) - w->im->origin_ns,
			.dur_ns = column(row, O_DUR), .bytes = column(row, O_BYTES),
			.graph = column(row, O_GRAPH), .node = column(row, O_NODE),
			.whole_graph = whole & 1 },
		.shape = (uint32_t)sqlite3_column_int64(row, O_SHAPE),
	};
}

static bool take_row(struct writer *w, sqlite3_stmt *row)
{
	struct import *im = w->im;
	int64_t id = column(row, C_ID);
	struct found found;

	if (w->call.id && w->call.id != id)
		call_done(w);
	if (id != NIL && !w->call.id) {
		int64_t start = column(row, C_START) - im->origin_ns;

		w->call = (struct call_row){
			.id = id, .start = start, .dur = column(row, C_DUR),
			.result = column(row, C_RESULT), .api = (uint32_t)column(row, C_API),
			.class = (enum import_class)column(row, C_CLASS),
			.process = import_process(im, column(row, C_PID)),
			.thread = import_thread(im, column(row, C_PID), column(row, C_TID), start),
			.path = import_path(im, column(row, C_PID), column(row, C_TID),
					    column(row, C_START), column(row, C_CHAIN)),
		};
		w->taken++;
	}
	if (column(row, O_ID) == NIL)
		return true;
	w->taken++;
	found = read_op(w, row);
	if (id == NIL) {
		im->counters[IMPORT_import_no_host]++;
		if (found.op.graph != NIL)
			write_inside(im, &found, NIL, 0, 0);
		else
			write_orphan(im, &found);
		return true;
	}
	if (!array_reserve(&w->ops, &w->op_capacity, w->op_count, sizeof(*w->ops)))
		return import_fail(im, IMPORT_FAILED, "no memory");
	w->ops[w->op_count++] = found;
	return true;
}

/* --- the whole ----------------------------------------------------------------------------- */

/* CUPTI gives the times 0 and 0 to work that it could not time. */
static bool drop_untimed(struct import *im)
{
	static const char untimed[] = "DELETE FROM op WHERE start = 0 AND dur = 0";

	if (im->last_ns - im->origin_ns <= IMPORT_SPAN_MAX_NS || im->origin_ns != 0)
		return false;
	im->counters[IMPORT_import_bad_times] += import_stage_run(im, untimed)
		? (uint64_t)sqlite3_changes(im->stage) : 0;
	return sqlite3_changes(im->stage) > 0;
}

static bool find_span(struct import *im)
{
	static const char first[] =
		"SELECT min(t) FROM (SELECT min(start) AS t FROM call UNION ALL SELECT min(start) FROM op)";
	static const char last[] =
		"SELECT max(t) FROM (SELECT max(start + dur) AS t FROM call"
		" UNION ALL SELECT max(start + dur) FROM op)";

	im->origin_ns = query_int(im, first);
	im->last_ns = query_int(im, last);
	if (im->origin_ns == NIL || im->last_ns == NIL)
		return import_fail(im, IMPORT_BAD_INPUT,
				   "there is no CUDA call and no GPU work in this trace");
	if (drop_untimed(im))
		return find_span(im);
	im->result->span_ns = im->last_ns - im->origin_ns;
	if (im->result->span_ns > IMPORT_SPAN_MAX_NS)
		return import_fail(im, IMPORT_BAD_INPUT,
				   "its events span %lld hours: some times must be wrong",
				   (long long)(im->result->span_ns / 3600000000000ll));
	return true;
}

static bool write_rows(struct import *im, struct writer *w)
{
	sqlite3_stmt *row;
	uint64_t rows = 0;
	int rc = sqlite3_prepare_v2(im->stage, joined, -1, &row, NULL);

	while (rc == SQLITE_OK && (rc = sqlite3_step(row)) == SQLITE_ROW) {
		if (!take_row(w, row) ||
		    (++rows % STEP_ROWS == 0 && !import_step(im, w->taken, im->staged))) {
			sqlite3_finalize(row);
			return false;
		}
		rc = SQLITE_OK;
	}
	sqlite3_finalize(row);
	call_done(w);
	if (rc != SQLITE_DONE)
		return import_fail(im, IMPORT_FAILED, "sorting events on disk: %s",
				   sqlite3_errmsg(im->stage));
	return true;
}

static void write_sums(struct import *im)
{
	for (uint32_t path = 0; path < im->sum_capacity; path++) {
		const struct import_sum *sum = &im->sums[path];

		if (path == 0 || sum->calls)
			database_run(im->db, "INSERT INTO sum_path VALUES (?,?,?,?,?,?,0,?)",
				     "iiiiiii", (int64_t)path, sum->launches, sum->gpu_ns,
				     sum->host_ns, sum->calls, sum->copy_bytes, sum->replay_gpu_ns);
	}
}

bool import_write(struct import *im)
{
	struct writer w = { .im = im };
	bool written;

	if (!import_begin(im, "joining") ||
	    !import_stage_run(im, "CREATE INDEX call_correlation ON call (correlation, pid)") ||
	    !find_span(im) || !import_stage_run(im, find_processes) ||
	    !import_stage_run(im, find_calls) || !import_paths_begin(im) ||
	    !array_reserve(&im->sums, &im->sum_capacity, 0, sizeof(*im->sums)))
		return false;
	written = import_begin(im, "sorting and writing") && write_rows(im, &w) &&
		  import_write_ranges(im) && import_api_write(im);
	free(w.ops);
	if (!written)
		return false;
	write_sums(im);
	summary_write(im->summary, im->db, im->result->span_ns);
	return true;
}
