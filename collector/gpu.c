/* SPDX-License-Identifier: Apache-2.0 */
/* GPU records: joined to the host's row by correlation id, in any order. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/core.h"

#include <stdlib.h>
#include <string.h>

struct gpu_times {
	int64_t start, dur;		/* dur NIL: not valid */
};

static struct gpu_times times_of(struct process *p, const struct wire_gpu *gpu)
{
	struct collector *c = p->collector;
	struct gpu_times times = { 0, NIL };

	if ((gpu->head.result & WIRE_GPU_BAD_TIME) || gpu->end < gpu->start || !gpu->start)
		return times;
	times.start = gpu->head.result & WIRE_GPU_CLOCK_MONOTONIC ?
		      clock_from_monotonic(&c->clock, gpu->start) :
		      clock_from_realtime(&c->clock, gpu->start);
	if (!times_plausible(c, times.start,
			     (int64_t)((uint64_t)times.start + gpu->end - gpu->start))) {
		p->counters[COUNT_bad_times]++;
		return times;
	}
	times.dur = (int64_t)(gpu->end - gpu->start);
	if (times.start < c->first_event_ns)
		c->first_event_ns = times.start;
	if (times.start + times.dur > c->last_event_ns)
		c->last_event_ns = times.start + times.dur;
	return times;
}

static uint32_t copy_kind(const struct wire_gpu *gpu, uint64_t *bytes)
{
	if (gpu->head.kind == WIRE_GPU_SET) {
		const struct wire_gpu_set *set = (const struct wire_gpu_set *)gpu;

		*bytes = set->bytes;
		return SUMMARY_KIND_SET | (set->memory_kind & 0xff) << 16;
	} else {
		const struct wire_gpu_copy *copy = (const struct wire_gpu_copy *)gpu;

		*bytes = copy->bytes;
		return copy->copy_kind | (uint32_t)copy->source_kind << 8 |
		       (uint32_t)copy->destination_kind << 16 |
		       (uint32_t)(copy->is_async != 0) << 24;
	}
}

static struct window_row *push(struct process *p, enum table table, int64_t start, int64_t end)
{
	uint64_t sequence;
	struct window_row *row = window_push(&p->collector->windows[table], start, &sequence);

	if (!row) {
		p->collector->counters[COUNT_rows_lost]++;
		return NULL;
	}
	row->process = p;
	row->end = end;
	return row;
}

static void orphan(struct process *p, const struct wire_gpu *gpu)
{
	struct gpu_times times = times_of(p, gpu);
	struct window_row *row;
	uint64_t bytes = 0;
	uint32_t kind = 0;

	if (times.dur == NIL)
		return;			/* nothing is known but that it was there */
	row = push(p, TABLE_ORPHAN, times.start, times.start + times.dur);
	if (!row)
		return;
	if (gpu->head.kind == WIRE_GPU_KERNEL)
		row->config = shape_gpu_config(p, (const struct wire_gpu_kernel *)gpu);
	else
		kind = copy_kind(gpu, &bytes);
	row->column[2] = times.dur;
	row->column[3] = kind;
	row->column[4] = entity_device(p, gpu->device);
	row->column[5] = stream_of_gpu(p, gpu, 0);
	row->column[7] = (int64_t)bytes;
	row->column[8] = gpu->correlation;
}

/* Work inside a graph launch: `launch` is its row and graph_launch its id in the file; NULL and NIL
 * when it was not seen. */
static void node(struct process *p, const struct wire_gpu *gpu, const struct window_row *launch,
		 int64_t graph_launch)
{
	int64_t launched_ns = launch ? launch->column[1] : INT64_MAX;
	uint32_t path = launch ? launch->path : 0, graph = launch ? (uint32_t)launch->column[7] : 0;
	uint32_t group = !launch ? 0 : gpu->head.result & WIRE_GPU_SAMPLED ?
		estimate_group_of_one(gpu->correlation) :
		estimate_group(p->collector->clock.origin_ns + launched_ns);
	struct gpu_times times = times_of(p, gpu);
	struct window_row *row;
	uint32_t made_by = graph_nodes_path(&p->graph_nodes, gpu->graph_node, launched_ns);
	uint64_t bytes;

	if (times.dur == NIL)
		return;
	if (gpu->head.kind == WIRE_GPU_KERNEL) {
		row = push(p, TABLE_NODE, times.start, times.start + times.dur);
		if (!row)
			return;
		row->path = path;
		row->nodes = graph;
		row->correlation = group;
		row->config = shape_gpu_config(p, (const struct wire_gpu_kernel *)gpu);
		row->column[2] = times.dur;
		row->column[3] = graph_launch;
		row->column[4] = stream_of_gpu(p, gpu, 0);
		row->capture_path = made_by;
		row->graph_node = gpu->graph_node;
		row->excess_ns = gpu->excess_ns;
		return;
	}
	row = push(p, TABLE_COPY, times.start, times.start + times.dur);
	if (!row)
		return;
	row->path = path;
	row->nodes = graph;
	row->correlation = group;
	row->column[2] = 0;
	row->column[3] = 0;
	row->column[4] = times.dur;
	row->column[5] = NIL;
	row->column[6] = stream_of_gpu(p, gpu, 0);
	row->column[7] = copy_kind(gpu, &bytes);
	row->column[8] = (int64_t)bytes;
	row->column[9] = NIL;
	row->capture_path = made_by;
	row->column[11] = graph_launch;
	row->graph_node = gpu->graph_node;
}

static void events_note(struct window_row *row, const struct wire_gpu *gpu)
{
	if (!(gpu->head.result & WIRE_GPU_SAMPLED))
		return;
	row->flags |= ROW_EVENTS;
	row->excess_ns = gpu->excess_ns;
}

static void join_graph(struct process *p, struct window_row *row, uint64_t sequence,
		       const struct wire_gpu *gpu)
{
	struct gpu_times times = times_of(p, gpu);
	int64_t begin, end;

	row->nodes++;
	events_note(row, gpu);
	if (times.dur != NIL) {
		begin = times.start;
		end = times.start + times.dur;
		if (row->column[4] != NIL) {
			int64_t old_begin = row->column[1] + row->column[3];
			int64_t old_end = old_begin + row->column[4];

			begin = begin < old_begin ? begin : old_begin;
			end = end > old_end ? end : old_end;
		}
		row->column[3] = begin - row->column[1];
		row->column[4] = end - begin;
		row->end = end > row->end ? end : row->end;
	}
	if (row->flags & ROW_WRITTEN)
		row->flags |= ROW_CHANGED;
	graph_seen(p->collector, (uint32_t)row->column[7], gpu->graph, row->nodes);
	node(p, gpu, row, (int64_t)sequence + 1);
}

/* One host call, one GPU operation. */
static void join_single(struct process *p, struct window_row *row, enum place_kind kind,
			const struct wire_gpu *gpu)
{
	struct gpu_times times = times_of(p, gpu);
	uint64_t bytes;

	if (row->flags & ROW_JOINED) {
		if (times.dur != NIL && row->column[4] == times.dur &&
		    row->column[1] + row->column[3] == times.start) {
			p->counters[COUNT_gpu_duplicates]++;
			return;
		}
		p->counters[COUNT_gpu_extra]++;
		orphan(p, gpu);
		return;
	}
	stream_of_gpu(p, gpu, (uint32_t)row->column[6]);
	row->flags |= ROW_JOINED;
	events_note(row, gpu);
	if (times.dur != NIL) {
		row->column[3] = times.start - row->column[1];
		row->column[4] = times.dur;
		if (times.start + times.dur > row->end)
			row->end = times.start + times.dur;
		if (row->flags & ROW_WRITTEN)
			row->flags |= ROW_CHANGED;
	}
	if (kind == PLACE_COPY && !(row->flags & ROW_WRITTEN)) {
		row->column[7] = copy_kind(gpu, &bytes);
		if (!row->column[8])
			row->column[8] = (int64_t)bytes;
	} else if (kind == PLACE_LAUNCH && !shape_of_host(p, row->config).shape) {
		row->nodes = shape_gpu_config(p, (const struct wire_gpu_kernel *)gpu);
	}
}

/* A stream works in order: once it is at something else, the graph launch before it has all its
 * nodes. Those that come all the same, from a buffer out of order, are added as late ones. */
static void graph_passed(struct process *p, const struct wire_gpu *gpu)
{
	struct window *window = &p->collector->windows[TABLE_GRAPH_LAUNCH];
	uint32_t before = stream_advance(p, gpu);
	struct place place = { PLACE_NONE, 0 };
	struct window_row *row;

	if (before)
		place = join_find(&p->join, before);
	if (place.kind != PLACE_GRAPH)
		return;
	row = window_find(window,
			  window->tail + ((place.index - (uint32_t)window->tail) & PLACE_MASK));
	if (row)
		row->flags |= ROW_JOINED;
}

static bool fits(enum place_kind kind, const struct wire_gpu *gpu)
{
	return kind == PLACE_GRAPH || (kind == PLACE_LAUNCH) == (gpu->head.kind == WIRE_GPU_KERNEL);
}

/* Joins with the host row of this correlation; false: there is none (yet). */
static bool join(struct process *p, const struct wire_gpu *gpu, struct place place)
{
	static const enum table tables[] = {
		[PLACE_LAUNCH] = TABLE_LAUNCH,
		[PLACE_GRAPH] = TABLE_GRAPH_LAUNCH,
		[PLACE_COPY] = TABLE_COPY,
	};
	struct window *window;
	struct window_row *row;
	uint64_t sequence;

	if (place.kind == PLACE_NONE || place.kind == PLACE_WAITING)
		return false;
	window = &p->collector->windows[tables[place.kind]];
	sequence = window->tail + ((place.index - (uint32_t)window->tail) & PLACE_MASK);
	row = window_find(window, sequence);
	if (!row || row->process != p || row->correlation != gpu->correlation)
		return false;
	if (!fits(place.kind, gpu)) {
		p->counters[COUNT_gpu_extra]++;
		orphan(p, gpu);
	} else if (place.kind == PLACE_GRAPH) {
		p->counters[COUNT_gpu_joined]++;
		join_graph(p, row, sequence, gpu);
	} else {
		p->counters[COUNT_gpu_joined] += !(row->flags & ROW_JOINED);
		join_single(p, row, place.kind, gpu);
	}
	return true;
}

/* What a kernel launched has no call to be joined to, and nothing of it is missing. */
static void lonely(struct process *p, const struct wire_gpu *gpu)
{
	bool by_device = gpu->head.result & WIRE_GPU_DEVICE_LAUNCHED;

	if (gpu->head.result & WIRE_GPU_EDGE) {
		p->counters[COUNT_gpu_edges]++;
		return;
	}
	p->counters[COUNT_gpu_by_device] += by_device;
	if (gpu->graph) {
		node(p, gpu, NULL, NIL);
	} else {
		p->counters[COUNT_gpu_orphans] += !by_device;
		orphan(p, gpu);
	}
}

/* The oldest waiting record goes, joined by now or not. */
static void waiting_drop_first(struct collector *c)
{
	struct waiting *w = &c->waiting[c->waiting_tail++ % WAITING_MAX];

	if (w->taken)
		return;
	/* It is the first of its chain: the chain is in order of arrival. */
	if (w->next)
		c->waiting[w->next - 1].last = w->last;
	if (w->process->closed)
		;
	else if (w->next)
		join_set(&w->process->join, w->record.gpu.correlation,
			 (struct place){ PLACE_WAITING, w->next - 1 });
	else
		join_remove(&w->process->join, w->record.gpu.correlation);
	lonely(w->process, &w->record.gpu);
}

static void wait_for_host(struct process *p, const struct wire_gpu *gpu, struct place first)
{
	struct collector *c = p->collector;
	uint32_t index = (uint32_t)(c->waiting_head % WAITING_MAX);
	struct waiting *w;

	if (!c->waiting)
		c->waiting = calloc(WAITING_MAX, sizeof(*c->waiting));
	if (!c->waiting) {
		lonely(p, gpu);
		return;
	}
	if (c->waiting_head - c->waiting_tail == WAITING_MAX) {
		p->counters[COUNT_gpu_waiting_full]++;
		waiting_drop_first(c);
		first = join_find(&p->join, gpu->correlation);
	}
	w = &c->waiting[index];
	w->process = p;
	w->arrived_ns = clock_now(&c->clock);
	w->next = w->taken = 0;
	w->last = index;
	memcpy(&w->record, gpu,
	       gpu->head.bytes < sizeof(w->record) ? gpu->head.bytes : sizeof(w->record));
	if (first.kind != PLACE_WAITING) {
		if (!join_set(&p->join, gpu->correlation, (struct place){ PLACE_WAITING, index })) {
			lonely(p, gpu);
			return;
		}
	} else {
		c->waiting[c->waiting[first.index].last].next = index + 1;
		c->waiting[first.index].last = index;
	}
	c->waiting_head++;
}

void gpu_take_waiting(struct process *p, uint32_t correlation, uint32_t index)
{
	struct collector *c = p->collector;
	struct place place = join_find(&p->join, correlation);

	for (uint32_t next = index + 1; next; next = c->waiting[next - 1].next) {
		struct waiting *w = &c->waiting[next - 1];

		w->taken = 1;
		if (!join(p, &w->record.gpu, place))
			lonely(p, &w->record.gpu);
	}
}

void gpu_expire_waiting(struct collector *c, int64_t now_ns, bool all)
{
	while (c->waiting_tail < c->waiting_head) {
		struct waiting *w = &c->waiting[c->waiting_tail % WAITING_MAX];

		if (!w->taken && !all && !w->process->closed && w->arrived_ns > now_ns - WAITING_NS)
			return;
		waiting_drop_first(c);
	}
}

void gpu_record(struct process *p, const struct wire_gpu *gpu)
{
	struct place place;

	if (!gpu->correlation) {
		lonely(p, gpu);
		return;
	}
	graph_passed(p, gpu);
	place = join_find(&p->join, gpu->correlation);
	if (!join(p, gpu, place))
		wait_for_host(p, gpu, place);
}
