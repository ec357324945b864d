/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the host side: calls become rows, definitions go to their tables. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/callpath.h"
#include "collector/core.h"
#include "collector/range.h"

#include <string.h>

/* Clocks are compared with this much tolerance: it is to catch nonsense, not drift. */
#define SLACK_NS 3600000000000ll

struct host_call {
	struct process *process;
	struct collector *collector;
	const struct wire_call *call;
	int64_t start, dur;
	uint32_t thread, path;
	uint16_t api, result;
};

int64_t host_time(const struct process *p, uint64_t wire_time)
{
	if (p->clock == WIRE_CLOCK_TSC)
		return clock_from_ticks(&p->collector->clock, wire_time);
	return clock_from_monotonic(&p->collector->clock, wire_time);
}

bool times_plausible(const struct collector *c, int64_t start, int64_t end)
{
	return start >= -SLACK_NS && start <= end && end <= c->now_ns + SLACK_NS;
}

uint32_t ring_thread(struct process *p, struct ring *ring, int64_t now_ns)
{
	if (!ring->thread)
		ring->thread = entity_thread(p, ring->tid, NULL, now_ns);
	return ring->thread;
}

static struct window_row *push(const struct host_call *h, enum table table, uint64_t *sequence)
{
	struct window_row *row = window_push(&h->collector->windows[table], h->start, sequence);

	if (!row) {
		h->collector->counters[COUNT_rows_lost]++;
		return NULL;
	}
	row->process = h->process;
	row->correlation = h->call->correlation;
	row->end = h->start + h->dur;
	row->path = h->path;
	row->column[2] = h->dur;
	return row;
}

/* The row waits for GPU records of its correlation; those already here are taken. */
static void await_gpu(const struct host_call *h, struct window_row *row, enum place_kind kind,
		      uint64_t sequence)
{
	struct process *p = h->process;
	uint32_t correlation = h->call->correlation;
	struct place old;

	if (!correlation)
		return;
	old = join_find(&p->join, correlation);
	row->flags |= ROW_WAITS;
	if (!join_set(&p->join, correlation,
		      (struct place){ kind, (uint32_t)(sequence & PLACE_MASK) }))
		row->flags &= ~(uint32_t)ROW_WAITS;
	else if (old.kind == PLACE_WAITING)
		gpu_take_waiting(p, correlation, old.index);
}

/* A call with nothing of its own to say, or one that failed or ran nothing. */
static struct window_row *call_row(const struct host_call *h, uint64_t object, uint64_t second,
				   uint64_t value)
{
	uint64_t sequence;
	struct window_row *row = push(h, TABLE_CALL, &sequence);

	if (!row)
		return NULL;
	row->config = h->call->context;
	row->column[3] = h->thread;
	row->column[4] = h->api;
	row->column[5] = h->result;
	row->column[6] = (int64_t)object;
	row->column[7] = (int64_t)second;
	row->column[8] = (int64_t)value;
	row->column[9] = h->path;
	h->process->counters[COUNT_failed_calls] += result_is_failure(h->result);
	return row;
}

static bool ran(const struct host_call *h, uint32_t flags)
{
	if (flags & WIRE_LAUNCH_CAPTURED)
		h->process->counters[COUNT_captured_launches]++;
	return h->result == 0 && !(flags & WIRE_LAUNCH_CAPTURED);
}

static void host_launch(const struct host_call *h)
{
	const struct wire_launch *launch = (const struct wire_launch *)h->call;
	struct window_row *row;
	uint64_t sequence;

	if (!ran(h, launch->flags)) {
		call_row(h, launch->stream, launch->function, launch->flags);
		return;
	}
	row = push(h, TABLE_LAUNCH, &sequence);
	if (!row)
		return;
	row->config = shape_host_config(h->process, launch);
	row->column[3] = row->column[4] = NIL;
	row->column[5] = h->thread;
	row->column[6] = stream_of_call(h->process, h->call->context, launch->stream,
					launch->flags & WIRE_LAUNCH_PER_THREAD, h->thread);
	row->column[8] = h->api;
	row->column[9] = h->path;
	await_gpu(h, row, PLACE_LAUNCH, sequence);
}

static void host_graph_launch(const struct host_call *h)
{
	const struct wire_graph_launch *launch = (const struct wire_graph_launch *)h->call;
	struct window_row *row;
	uint64_t sequence;

	if (!ran(h, launch->flags)) {
		call_row(h, launch->graph_exec, launch->stream, launch->flags);
		return;
	}
	row = push(h, TABLE_GRAPH_LAUNCH, &sequence);
	if (!row)
		return;
	row->column[3] = row->column[4] = NIL;
	row->column[5] = h->thread;
	row->column[6] = stream_of_call(h->process, h->call->context, launch->stream,
					launch->flags & WIRE_LAUNCH_PER_THREAD, h->thread);
	row->column[7] = graph_of_launch(h->process, launch->graph_exec, h->start);
	row->column[8] = 0;
	row->column[9] = h->api;
	row->column[10] = h->path;
	await_gpu(h, row, PLACE_GRAPH, sequence);
}

static void copy_row(const struct host_call *h, uint64_t stream, uint32_t flags, uint32_t kind,
		     uint64_t bytes)
{
	uint64_t sequence;
	struct window_row *row = push(h, TABLE_COPY, &sequence);

	if (!row)
		return;
	row->column[3] = row->column[4] = NIL;
	row->column[5] = h->thread;
	row->column[6] = stream_of_call(h->process, h->call->context, stream,
					flags & WIRE_LAUNCH_PER_THREAD, h->thread);
	row->column[7] = kind;
	row->column[8] = (int64_t)bytes;
	row->column[9] = h->api;
	row->column[10] = h->path;
	row->column[11] = NIL;
	await_gpu(h, row, PLACE_COPY, sequence);
}

static void host_copy(const struct host_call *h)
{
	const struct wire_copy *copy = (const struct wire_copy *)h->call;
	uint32_t kind = copy->copy_kind | (uint32_t)copy->source_kind << 8 |
			(uint32_t)copy->destination_kind << 16 |
			(uint32_t)(copy->is_async != 0) << 24;

	if (ran(h, copy->flags))
		copy_row(h, copy->stream, copy->flags, kind, copy->bytes);
	else
		call_row(h, copy->destination, copy->source, copy->bytes);
}

static void host_set(const struct host_call *h)
{
	const struct wire_set *set = (const struct wire_set *)h->call;
	uint32_t kind = SUMMARY_KIND_SET | (uint32_t)set->memory_kind << 16 |
			(uint32_t)(set->is_async != 0) << 24;

	if (ran(h, set->flags))
		copy_row(h, set->stream, set->flags, kind, set->bytes);
	else
		call_row(h, set->destination, set->value, set->bytes);
}

static void host_memory(const struct host_call *h)
{
	const struct wire_memory *memory = (const struct wire_memory *)h->call;
	struct window_row *row;
	uint64_t sequence;

	if (!ran(h, memory->flags)) {
		row = call_row(h, memory->address, memory->pool, memory->bytes);
		if (row && h->result && memory->op == WIRE_MEMORY_ALLOC)
			row->nodes = memory->kind;	/* counts as a failed allocation */
		return;
	}
	row = push(h, TABLE_MEMORY, &sequence);
	if (!row)
		return;
	row->config = h->call->context;
	row->column[3] = h->thread;
	row->column[4] = memory->op;
	row->column[5] = memory->kind;
	row->column[7] = (int64_t)memory->address;
	row->column[8] = (int64_t)memory->bytes;
	row->column[9] = (int64_t)memory->stream;
	row->column[10] = (int64_t)memory->pool;
	row->column[11] = h->api;
	row->column[12] = h->path;
}

/* The life of executable graphs. */
static void host_graph(const struct host_call *h, const struct wire_object *object)
{
	uint64_t handle = object->object;

	/* The rows of one category are neighbours. */
	if (h->api >= API_cuGraphExecBatchMemOpNodeSetParams && h->api <= API_cuGraphNodeSetEnabled) {
		graph_updated(h->process, handle, h->start, h->dur,
			      h->api != API_cuGraphExecUpdate && h->api != API_cuGraphExecUpdate_v2);
		return;
	}
	switch (h->api) {
	case API_cuGraphInstantiate:
	case API_cuGraphInstantiate_v2:
	case API_cuGraphInstantiateWithFlags:
	case API_cuGraphInstantiateWithParams:
	case API_cuGraphInstantiateWithParams_ptsz:
		graph_created(h->process, handle, h->start, h->dur, h->path,
			      (uint32_t)object->value);
		break;
	case API_cuGraphExecDestroy:
		graph_destroyed(h->process, handle);
		break;
	default:
		break;
	}
}

static void host_object(const struct host_call *h)
{
	const struct wire_object *object = (const struct wire_object *)h->call;

	if (h->result == 0)
		host_graph(h, object);
	call_row(h, object->object, object->second, object->value);
}

static void host_call(struct process *p, struct ring *ring, const struct wire_head *head)
{
	struct host_call h = {
		.process = p,
		.collector = p->collector,
		.call = (const struct wire_call *)head,
		.api = head->api,
		.result = head->result,
	};

	h.start = host_time(p, h.call->begin);
	/* Nonsense may overflow, and is then found to be that. */
	h.dur = (int64_t)((uint64_t)host_time(p, h.call->end) - (uint64_t)h.start);
	if (!times_plausible(p->collector, h.start,
			     (int64_t)((uint64_t)h.start + (uint64_t)h.dur))) {
		p->counters[COUNT_bad_times]++;
		h.start = p->collector->now_ns;
		h.dur = 0;
	}
	h.thread = ring_thread(p, ring, h.start);
	ring->call_begin = h.call->begin;
	ring->call_start_ns = h.start;
	h.path = callpath_of(p, ring, h.call->native_path, h.call->python_path);
	if (h.start + h.dur > p->collector->last_event_ns)
		p->collector->last_event_ns = h.start + h.dur;
	if (h.start < p->collector->first_event_ns)
		p->collector->first_event_ns = h.start;
	switch (head->kind) {
	case WIRE_CALL:
		call_row(&h, 0, 0, 0);
		break;
	case WIRE_LAUNCH:
		host_launch(&h);
		break;
	case WIRE_GRAPH_LAUNCH:
		host_graph_launch(&h);
		break;
	case WIRE_COPY:
		host_copy(&h);
		break;
	case WIRE_SET:
		host_set(&h);
		break;
	case WIRE_MEMORY:
		host_memory(&h);
		break;
	default:
		host_object(&h);
	}
}

static void define_thread(struct process *p, struct ring *ring, const struct wire_def_thread *def)
{
	int64_t now = clock_now(&p->collector->clock);

	if (ring->thread)
		entity_thread_ended(p, ring->thread, now);
	ring->tid = def->tid;
	ring->thread = entity_thread(p, def->tid, def->name, now);
}

static void define_graph_node(struct process *p, struct ring *ring,
			      const struct wire_def_graph_node *def)
{
	graph_nodes_add(&p->graph_nodes, def->node, def->original,
			callpath_of(p, ring, def->native_path, def->python_path),
			host_time(p, def->at));
	p->counters[COUNT_graph_nodes_evicted] = p->graph_nodes.evicted;
}

void host_record(struct process *p, struct ring *ring, const struct wire_head *head)
{
	p->collector->records++;
	switch (head->kind) {
	case WIRE_PAD:
		break;
	case WIRE_DEF_FUNCTION:
		entity_define_function(p, (const struct wire_def_function *)head);
		break;
	case WIRE_DEF_STRING:
		entity_define_string(p, (const struct wire_def_string *)head);
		break;
	case WIRE_DEF_DEVICE:
		entity_define_device(p, (const struct wire_def_device *)head);
		break;
	case WIRE_DEF_CONTEXT:
		entity_define_context(p, (const struct wire_def_context *)head);
		break;
	case WIRE_DEF_STREAM:
		stream_define(p, (const struct wire_def_stream *)head);
		break;
	case WIRE_DEF_THREAD:
		define_thread(p, ring, (const struct wire_def_thread *)head);
		break;
	case WIRE_DEF_MODULE:
		callpath_module(p, (const struct wire_def_module *)head);
		break;
	case WIRE_DEF_NATIVE_NODE:
		callpath_native_node(p, ring, (const struct wire_def_native_node *)head);
		break;
	case WIRE_DEF_PYTHON_CODE:
		callpath_python_code(p, ring, (const struct wire_def_python_code *)head);
		break;
	case WIRE_DEF_PYTHON_NODE:
		callpath_python_node(p, ring, (const struct wire_def_python_node *)head);
		break;
	case WIRE_DEF_GRAPH_NODE:
		define_graph_node(p, ring, (const struct wire_def_graph_node *)head);
		break;
	case WIRE_DEF_GRAPH_MEMBERS:
	case WIRE_DEF_GRAPH_EDGES:
		graph_parts(p, (const struct wire_def_graph_parts *)head);
		break;
	case WIRE_ARGUMENTS:
		arguments_record(p, ring, (const struct wire_arguments *)head);
		break;
	case WIRE_DEF_TEXT:
		range_define_text(p, (const struct wire_def_string *)head);
		break;
	case WIRE_DEF_NAME:
		range_define_name(p, (const struct wire_def_name *)head);
		break;
	case WIRE_RANGE:
		range_begin(p, ring, (const struct wire_range *)head);
		break;
	case WIRE_RANGE_END:
		range_end(p, ring, (const struct wire_range_end *)head);
		break;
	case WIRE_LEVEL:
		control_level(p, (const struct wire_level *)head);
		break;
	case WIRE_GPU_KERNEL:
	case WIRE_GPU_COPY:
	case WIRE_GPU_SET:
		gpu_record(p, (const struct wire_gpu *)head);
		break;
	default:
		host_call(p, ring, head);
	}
}
