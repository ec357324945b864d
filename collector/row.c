/* SPDX-License-Identifier: Apache-2.0 */
/* A row leaves its window: late ids are resolved, summaries fed, the row appended. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/callpath.h"
#include "collector/core.h"
#include "collector/range.h"

#include <string.h>

/* Columns of launch, graph_launch and copy that are alike. */
enum { START = 1, DUR = 2, GPU_DELAY = 3, GPU_DUR = 4, STREAM = 6 };

static int64_t gpu_start(const struct window_row *row)
{
	return row->column[GPU_DUR] == NIL ? 0 : row->column[START] + row->column[GPU_DELAY];
}

static struct resolved launch_shape(struct window_row *row)
{
	struct resolved resolved = shape_of_host(row->process, row->config);

	/* The definition never came: the GPU's own record knows the kernel as well. */
	if (!resolved.shape && row->nodes)
		resolved = shape_of_gpu(row->process, row->nodes);
	return resolved;
}

static uint32_t group_of(const struct collector *c, const struct window_row *row)
{
	return row->flags & ROW_EVENTS ? estimate_group_of_one(row->correlation) :
					 estimate_group(c->clock.origin_ns + row->column[START]);
}

static struct estimate_time time_of(const struct collector *c, const struct window_row *row)
{
	return (struct estimate_time){ row->column[GPU_DUR], group_of(c, row), row->excess_ns };
}

static struct estimate_time time_inside(const struct window_row *row, int64_t gpu_ns)
{
	return (struct estimate_time){ gpu_ns, row->correlation, row->excess_ns };
}

static struct estimate_key launch_key(const struct window_row *row, struct resolved shape)
{
	return (struct estimate_key){ row->process->id, shape.device, shape.shape, 0 };
}

static struct estimate_key copy_key(const struct window_row *row, uint32_t device)
{
	return (struct estimate_key){ row->process->id, device, 0, (uint32_t)row->column[7] };
}

static void write_launch(struct collector *c, struct window_row *row)
{
	struct resolved shape = launch_shape(row);

	if (!shape.shape) {
		row->process->counters[COUNT_undefined_kernels]++;
		row->column[7] = NIL;
	} else {
		row->column[7] = shape.shape;
	}
	summary_kernel(c->summary, row->process->id, shape.device, shape.shape, row->column[DUR],
		       gpu_start(row), row->column[GPU_DUR]);
	summary_launched(c->summary, shape.device, row->column[START]);
	summary_api(c->summary, row->process->id, (uint32_t)row->column[8], row->column[DUR],
		    false);
	if (row->process->is_sampled) {
		struct estimate_key key = launch_key(row, shape);

		estimate_unit(c->estimate, &key, time_of(c, row));
	}
}

static void write_graph_launch(struct collector *c, struct window_row *row)
{
	uint32_t device = stream_device(c, (uint32_t)row->column[STREAM]);

	summary_graph_launch(c->summary, device);
	summary_launched(c->summary, device, row->column[START]);
	summary_api(c->summary, row->process->id, (uint32_t)row->column[9], row->column[DUR],
		    false);
	graph_seen(c, (uint32_t)row->column[7], 0, row->nodes);
	row->column[8] = row->nodes;
	if (row->process->is_sampled)
		estimate_graph(c->estimate, (uint32_t)row->column[7], group_of(c, row), row->nodes > 0);
}

/* Whoever made the node told so from another thread, perhaps after the GPU record was read. */
static void capture_path_settle(struct window_row *row)
{
	if (!row->capture_path)
		row->capture_path = graph_nodes_path(&row->process->graph_nodes, row->graph_node,
						     INT64_MAX);
}

static void write_copy(struct collector *c, struct window_row *row)
{
	uint32_t device = stream_device(c, (uint32_t)row->column[STREAM]);

	summary_copy(c->summary, row->process->id, device, (uint32_t)row->column[7],
		     (uint64_t)row->column[8], gpu_start(row), row->column[GPU_DUR]);
	if (row->column[9] != NIL) {
		summary_api(c->summary, row->process->id, (uint32_t)row->column[9],
			    row->column[DUR], false);
		if (row->process->is_sampled) {
			struct estimate_key key = copy_key(row, device);

			estimate_unit(c->estimate, &key, time_of(c, row));
		}
		return;
	}
	if (row->process->is_sampled && row->nodes) {
		struct estimate_key key = copy_key(row, device);

		estimate_inside(c->estimate, &key, row->nodes,
				time_inside(row, row->column[GPU_DUR]));
	}
	capture_path_settle(row);
	row->column[10] = row->capture_path ? row->capture_path : row->path;
}

static void write_node(struct collector *c, struct window_row *row)
{
	struct resolved shape = shape_of_gpu(row->process, row->config);

	capture_path_settle(row);
	row->column[4] = graph_content_id(&c->graph_content, c->db, &(struct graph_kernel){
		.graph = row->nodes, .node = row->graph_node,
		.source = graph_nodes_source(&row->process->graph_nodes, row->graph_node),
		.stream = (uint32_t)row->column[4],
		.shape = shape.shape, .path = row->capture_path });
	summary_kernel(c->summary, row->process->id, shape.device, shape.shape, NIL,
		       row->column[START], row->column[2]);
	if (row->process->is_sampled && row->nodes) {
		struct estimate_key key = launch_key(row, shape);

		estimate_inside(c->estimate, &key, row->nodes, time_inside(row, row->column[2]));
	}
}

static void write_orphan(struct collector *c, struct window_row *row)
{
	struct resolved shape = { 0, 0 };
	uint32_t process = row->process->id, device = (uint32_t)row->column[4];

	if (row->config)
		shape = shape_of_gpu(row->process, row->config);
	row->column[6] = shape.shape ? shape.shape : NIL;
	if (row->column[3] == 0)
		summary_kernel(c->summary, process, device, shape.shape, NIL, row->column[START],
			       row->column[2]);
	else
		summary_copy(c->summary, process, device, (uint32_t)row->column[3],
			     (uint64_t)row->column[7], row->column[START], row->column[2]);
}

static void write_memory(struct collector *c, struct window_row *row)
{
	uint32_t device = entity_context_device(row->process, row->config);

	struct memory_event event = {
		.op = (int)row->column[4], .kind = (int)row->column[5],
		.process = (int)row->process->id, .device = (int)device,
		.at_ns = (uint64_t)(row->column[START] + row->column[DUR]),
		.address = (uint64_t)row->column[7], .bytes = (uint64_t)row->column[8],
		.second = (uint64_t)row->column[10],
	};

	row->column[6] = device ? device : NIL;
	if (!summary_memory(c->summary, &event))
		row->process->counters[COUNT_unknown_frees]++;
	summary_api(c->summary, row->process->id, (uint32_t)row->column[11], row->column[DUR],
		    false);
}

static void write_call(struct collector *c, struct window_row *row)
{
	summary_api(c->summary, row->process->id, (uint32_t)row->column[4], row->column[DUR],
		    result_is_failure(row->column[5]));
	if (row->nodes)			/* a failed allocation: its kind */
		summary_memory_failed(c->summary, row->process->id,
				      entity_context_device(row->process, row->config),
				      row->nodes);
}

static void write_range(struct collector *c, struct window_row *row)
{
	uint32_t label = range_label(row->process, &row->range);

	(void)c;
	row->column[6] = label ? label : NIL;
}

/* Work inside a graph belongs to the call that captured it, if that is known; the launch of the
 * graph keeps the same time apart. */
static void path_count_inside(struct collector *c, const struct window_row *row,
			      int64_t graph_launch, const struct path_sum *sum)
{
	callpath_count(c->callpath, row->capture_path ? row->capture_path : row->path, sum);
	if (graph_launch != NIL)
		callpath_count(c->callpath, row->path,
			       &(struct path_sum){ .replay_gpu_ns = sum->gpu_ns });
}

/* What a row adds to its call path. */
static void path_count(struct collector *c, enum table table, const struct window_row *row)
{
	struct path_sum sum = { .calls = 1, .host_ns = (uint64_t)row->column[DUR] };

	if (table == TABLE_ORPHAN || table == TABLE_RANGE)
		return;
	if (table == TABLE_NODE) {
		sum = (struct path_sum){ .launches = 1, .gpu_ns = (uint64_t)row->column[2] };
		path_count_inside(c, row, row->column[3], &sum);
		return;
	}
	if (table == TABLE_COPY && row->column[9] == NIL) {
		sum = (struct path_sum){ .gpu_ns = (uint64_t)row->column[GPU_DUR],
					 .copy_bytes = (uint64_t)row->column[8] };
		path_count_inside(c, row, row->column[11], &sum);
		return;
	}
	if (table == TABLE_LAUNCH || table == TABLE_COPY) {
		sum.launches = table == TABLE_LAUNCH;
		if (row->column[GPU_DUR] != NIL)
			sum.gpu_ns = (uint64_t)row->column[GPU_DUR];
		if (table == TABLE_COPY)
			sum.copy_bytes = (uint64_t)row->column[8];
	} else if (table == TABLE_MEMORY && row->column[4] == WIRE_MEMORY_ALLOC) {
		sum.alloc_bytes = (uint64_t)row->column[8];
	}
	callpath_count(c->callpath, row->path, &sum);
}

void row_write(void *owner, struct window *window, struct window_row *row)
{
	/* What a row adds to the summaries. */
	static void (*const writers[TABLE_COUNT])(struct collector *, struct window_row *) = {
		[TABLE_LAUNCH] = write_launch,
		[TABLE_GRAPH_LAUNCH] = write_graph_launch,
		[TABLE_COPY] = write_copy,
		[TABLE_NODE] = write_node,
		[TABLE_ORPHAN] = write_orphan,
		[TABLE_MEMORY] = write_memory,
		[TABLE_CALL] = write_call,
		[TABLE_RANGE] = write_range,
	};
	struct collector *c = owner;
	int64_t *place;

	if (c->stopped) {
		c->counters[COUNT_rows_lost]++;
		return;
	}
	if (writers[window->table]) {
		writers[window->table](c, row);
		path_count(c, window->table, row);
	}
	place = database_row(c->db, window->table, row->column[1], row->end);
	if (!place) {
		c->counters[COUNT_rows_lost]++;
		return;
	}
	row->written_id = place[0];
	memcpy(place + 1, row->column + 1,
	       sizeof(int64_t) * (size_t)(table_columns(window->table) - 1));
}

/* GPU times came after the row was in the file. */
static void row_update(struct collector *c, enum table table, const struct window_row *row)
{
	if (table == TABLE_LAUNCH)
		database_run(c->db, "UPDATE launch SET gpu_delay_ns=?, gpu_dur_ns=? WHERE id=?",
			     "iii", row->column[GPU_DELAY], row->column[GPU_DUR], row->written_id);
	else if (table == TABLE_COPY)
		database_run(c->db, "UPDATE copy SET gpu_delay_ns=?, gpu_dur_ns=? WHERE id=?",
			     "iii", row->column[GPU_DELAY], row->column[GPU_DUR], row->written_id);
	else
		database_run(c->db, "UPDATE graph_launch SET gpu_delay_ns=?, gpu_dur_ns=?, nodes=?"
			     " WHERE id=?", "iiii", row->column[GPU_DELAY], row->column[GPU_DUR],
			     (int64_t)row->nodes, row->written_id);
	database_row_grew(c->db, table, row->written_id, row->end);
}

static void late_times(struct collector *c, enum table table, struct window_row *row)
{
	uint32_t process = row->process->id;
	struct resolved shape;

	if (table == TABLE_LAUNCH) {
		shape = launch_shape(row);
		summary_kernel_late(c->summary, process, shape.device, shape.shape, gpu_start(row),
				    row->column[GPU_DUR]);
		if (row->process->is_sampled) {
			struct estimate_key key = launch_key(row, shape);

			estimate_late(c->estimate, &key, time_of(c, row));
		}
	} else if (table == TABLE_COPY) {
		summary_copy_late(c->summary, process,
				  stream_device(c, (uint32_t)row->column[STREAM]),
				  (uint32_t)row->column[7], gpu_start(row), row->column[GPU_DUR]);
	} else {
		graph_seen(c, (uint32_t)row->column[7], 0, row->nodes);
	}
	if (table != TABLE_GRAPH_LAUNCH && row->column[GPU_DUR] != NIL)
		callpath_count(c->callpath, row->path,
			       &(struct path_sum){ .gpu_ns = (uint64_t)row->column[GPU_DUR] });
	row->process->counters[COUNT_gpu_late]++;
}

void row_retire(void *owner, struct window *window, struct window_row *row, uint64_t sequence)
{
	struct collector *c = owner;
	struct place place;

	if ((row->flags & ROW_CHANGED) && row->written_id && !c->stopped) {
		late_times(c, window->table, row);
		/* The batch that holds the row must be in the table before it can be updated. */
		database_flush_rows(c->db);
		row_update(c, window->table, row);
	}
	if (!(row->flags & ROW_WAITS))
		return;
	if (!(row->flags & ROW_JOINED) && !row->nodes)
		row->process->counters[COUNT_gpu_missing]++;
	place = join_find(&row->process->join, row->correlation);
	if (place.kind != PLACE_NONE && place.kind != PLACE_WAITING &&
	    place.index == (uint32_t)(sequence & PLACE_MASK))
		join_remove(&row->process->join, row->correlation);
}
