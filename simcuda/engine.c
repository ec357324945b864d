/* SPDX-License-Identifier: Apache-2.0 */
/* The timeline: operations become ready, run and end in the order of simulated time. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/engine.h"

#include <stdlib.h>
#include <string.h>

#define SLAB 64
#define ADVANCE_SLICE 256	/* events settled before the lock's other users get their turn */

enum moment_kind { MOMENT_READY, MOMENT_END };
struct moment {
	uint64_t time_ns, sequence;
	struct sim_op *op;
	enum moment_kind kind;
};

pthread_mutex_t sim_engine_lock = PTHREAD_MUTEX_INITIALIZER;
uint64_t sim_time_ns;

static struct moment *heap;
static size_t heap_count, heap_room;
static uint64_t last_sequence, last_op_id;
static struct sim_op *free_ops;
static struct sim_edge *free_edges;

static void *engine_alloc(size_t count, size_t bytes)
{
	void *memory = calloc(count, bytes);

	if (!memory)
		abort();	/* nothing sensible can go on without the timeline */
	return memory;
}

/* --- moments still to come: a binary heap ----------------------------------------------------- */
static bool is_before(const struct moment *a, const struct moment *b)
{
	return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->sequence < b->sequence;
}

static void moment_push(uint64_t time_ns, enum moment_kind kind, struct sim_op *op)
{
	struct moment moment = { time_ns, ++last_sequence, op, kind };
	size_t at = heap_count++;

	if (heap_count > heap_room) {
		heap_room = heap_room ? 2 * heap_room : 256;
		heap = realloc(heap, heap_room * sizeof(*heap));
		if (!heap)
			abort();
	}
	while (at > 0 && is_before(&moment, &heap[(at - 1) / 2])) {
		heap[at] = heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap[at] = moment;
}

static struct moment moment_pop(void)
{
	struct moment first = heap[0], last = heap[--heap_count];
	size_t at = 0, child;

	while ((child = 2 * at + 1) < heap_count) {
		if (child + 1 < heap_count && is_before(&heap[child + 1], &heap[child]))
			child++;
		if (!is_before(&heap[child], &last))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = last;
	return first;
}

uint64_t sim_engine_next_ns(void)
{
	return heap_count ? heap[0].time_ns : UINT64_MAX;
}

/* --- operations ------------------------------------------------------------------------------- */
struct sim_op *sim_op_new(const struct sim_task *task)
{
	struct sim_op *op = free_ops;

	if (!op) {
		op = engine_alloc(SLAB, sizeof(*op));
		for (int i = 1; i < SLAB; i++) {
			op[i].list_next = free_ops;
			free_ops = &op[i];
		}
	} else {
		free_ops = op->list_next;
		memset(op, 0, offsetof(struct sim_op, task));
	}
	op->task = *task;
	op->id = ++last_op_id;
	op->refs = 1;
	op->unmet = 1;		/* until sim_op_release */
	return op;
}

void sim_op_ref(struct sim_op *op)
{
	op->refs++;
}

void sim_op_unref(struct sim_op *op)
{
	if (--op->refs)
		return;
	if (op->task.kind == SIM_TASK_GRAPH && op->task.graph.plan)
		sim_graph_plan_unref(op->task.graph.plan);
	op->list_next = free_ops;
	free_ops = op;
}

static bool is_marker(const struct sim_op *op)
{
	return op->task.kind == SIM_TASK_EMPTY || op->task.kind == SIM_TASK_RECORD ||
	       op->task.kind == SIM_TASK_WAIT;
}

/* `before` has ended: moves the time the operation can start, and says why. */
static void op_bound(struct sim_op *op, const struct sim_op *before, enum sim_cause cause)
{
	uint64_t time_ns = before->end_ns + sim_cost_gap(op);

	if (time_ns < op->ready_ns)
		return;
	op->ready_ns = time_ns;
	op->cause = before->task.kind == SIM_TASK_HOST ? SIM_CAUSE_HOST :
		    before->task.kind == SIM_TASK_VALUE_WAIT ? SIM_CAUSE_VALUE : cause;
	op->waited_for = before->id;
	if (is_marker(before) && cause == SIM_CAUSE_STREAM) {
		op->cause = before->cause;
		op->waited_for = before->waited_for;
	} else if (is_marker(before) && before->waited_for) {
		op->waited_for = before->waited_for;
	}
}

void sim_op_link(struct sim_op *before, struct sim_op *op, enum sim_cause cause)
{
	struct sim_edge *edge = free_edges;

	if (before->state == SIM_OP_ENDED) {
		op_bound(op, before, cause);
		return;
	}
	if (!edge) {
		edge = engine_alloc(SLAB, sizeof(*edge));
		for (int i = 1; i < SLAB; i++) {
			edge[i].next = free_edges;
			free_edges = &edge[i];
		}
	} else {
		free_edges = edge->next;
	}
	edge->to = op;
	edge->cause = cause;
	edge->next = before->dependents;
	before->dependents = edge;
	op->unmet++;
}

void sim_op_release(struct sim_op *op)
{
	if (--op->unmet == 0)
		moment_push(op->ready_ns > sim_time_ns ? op->ready_ns : sim_time_ns, MOMENT_READY,
			    op);
}

void sim_op_start(struct sim_op *op, uint64_t now_ns)
{
	op->state = SIM_OP_RUNNING;
	op->start_ns = now_ns;
	sim_meters_op(op, true, now_ns);
	moment_push(now_ns + op->duration_ns, MOMENT_END, op);
}

static void op_leave_stream(struct sim_op *op)
{
	struct sim_stream *stream = op->stream;

	stream->head = op->stream_next;
	if (!stream->head)
		stream->tail = NULL;
	stream->pending--;
	stream->last_end_ns = op->end_ns;
	stream->last_id = op->id;
	stream->last_cause = SIM_CAUSE_STREAM;
	if (op->task.kind == SIM_TASK_HOST)
		stream->last_cause = SIM_CAUSE_HOST;
	if (is_marker(op) && op->waited_for) {
		stream->last_cause = op->cause;
		stream->last_id = op->waited_for;
	}
}

static void op_end(struct sim_op *op, uint64_t now_ns)
{
	struct sim_edge *edge = op->dependents, *next;

	op->state = SIM_OP_ENDED;
	op->end_ns = now_ns;
	sim_meters_op(op, false, now_ns);
	sim_resource_give(op, now_ns);
	if (!op->graph)
		op_leave_stream(op);
	if (op->task.kind == SIM_TASK_KERNEL && op->task.kernel.fault &&
	    !op->stream->context->error)
		op->stream->context->error = op->task.kernel.fault;
	if (op->has_effect && !op->is_failed)
		sim_effect_add(op);
	op->effect_mark = sim_effects_added;
	for (; edge; edge = next) {
		next = edge->next;
		op_bound(edge->to, op, edge->cause);
		sim_op_release(edge->to);
		edge->next = free_edges;
		free_edges = edge;
	}
	op->dependents = NULL;
	if (op->graph && --op->graph->children == 0)
		moment_push(now_ns, MOMENT_END, op->graph);
	sim_report_add(op);
	if (op->graph)
		sim_op_unref(op->graph);
	sim_op_unref(op);
}

static void op_ready(struct sim_op *op, uint64_t now_ns)
{
	op->state = SIM_OP_READY;
	if (op->stream->context->error) {
		op->is_failed = true;
		op->duration_ns = 0;
	}
	switch (op->is_failed ? SIM_TASK_EMPTY : op->task.kind) {
	case SIM_TASK_KERNEL:
	case SIM_TASK_COPY:
		sim_resource_take(op, now_ns);
		break;
	case SIM_TASK_HOST:
	case SIM_TASK_VALUE_WAIT:
		op->state = SIM_OP_RUNNING;
		op->start_ns = now_ns;
		op->effect_mark = sim_effects_added;
		if (op->task.kind == SIM_TASK_HOST)
			sim_host_add(op);
		else
			sim_poll_add(op);
		break;
	case SIM_TASK_GRAPH:
		op->state = SIM_OP_RUNNING;
		op->start_ns = now_ns;
		op->children = sim_graph_expand(op, now_ns);
		if (!op->children)
			moment_push(now_ns, MOMENT_END, op);
		break;
	default:
		sim_op_start(op, now_ns);
		break;
	}
}

void sim_op_finish(struct sim_op *op, uint64_t end_ns)
{
	if (end_ns < sim_time_ns)
		end_ns = sim_time_ns;
	moment_push(end_ns, MOMENT_END, op);
}

bool sim_engine_advance(uint64_t now_ns)
{
	struct moment moment;

	for (int i = 0; i < ADVANCE_SLICE; i++) {
		if (!heap_count || heap[0].time_ns > now_ns) {
			if (now_ns > sim_time_ns)
				sim_time_ns = now_ns;
			return true;
		}
		moment = moment_pop();
		if (moment.time_ns > sim_time_ns)
			sim_time_ns = moment.time_ns;
		if (moment.kind == MOMENT_READY)
			op_ready(moment.op, moment.time_ns);
		else
			op_end(moment.op, moment.time_ns);
	}
	return false;
}

void sim_engine_forget(void)
{
	heap_count = 0;
	free_ops = NULL;
	free_edges = NULL;
}
