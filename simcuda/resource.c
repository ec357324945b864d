/* SPDX-License-Identifier: Apache-2.0 */
/* Who may use SMs and copy engines: in order of priority, then of readiness. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/engine.h"

#include <string.h>

void sim_resource_init(struct sim_engine *engine)
{
	memset(engine, 0, sizeof(*engine));
	engine->free_units = SIM_UNITS_PER_DEVICE;
}

static struct sim_engine *op_engine(const struct sim_op *op)
{
	return op->stream->context->device->engine;
}

static int op_priority(const struct sim_op *op)
{
	if (op->task.kind == SIM_TASK_KERNEL && op->task.kernel.has_priority)
		return op->task.kernel.priority;
	return op->stream->priority;
}

static enum sim_copy_engine copy_engine(const struct sim_op *op)
{
	bool has_one = op->stream->context->device->profile->copy_engines < 2;

	switch (op->task.copy.kind) {
	case SIM_COPY_HTOD:
	case SIM_COPY_HTOA:
		return SIM_ENGINE_HTOD;
	case SIM_COPY_DTOH:
	case SIM_COPY_ATOH:
		return has_one ? SIM_ENGINE_HTOD : SIM_ENGINE_DTOH;
	case SIM_COPY_PTOP:
		return SIM_ENGINE_PEER;
	default:
		return SIM_ENGINE_DTOD;
	}
}

static void queue_insert(struct sim_queue *queue, struct sim_op *op)
{
	struct sim_op **link = &queue->head;
	int priority = op_priority(op);

	while (*link && op_priority(*link) <= priority)
		link = &(*link)->list_next;
	op->list_next = *link;
	*link = op;
}

static struct sim_op *queue_pop(struct sim_queue *queue)
{
	struct sim_op *op = queue->head;

	queue->head = op->list_next;
	op->list_next = NULL;
	return op;
}

static void op_waited(struct sim_op *op, uint64_t now_ns, enum sim_cause cause, uint64_t for_id)
{
	if (now_ns <= op->ready_ns)
		return;
	op->cause = cause;
	op->waited_for = for_id;
}

/* The head of the queue is next even when something smaller behind it would fit: otherwise a
 * kernel that needs the whole device would never find it empty. */
static void compute_run(struct sim_engine *engine, uint64_t now_ns)
{
	struct sim_op *op;

	while (engine->compute.head && engine->compute.head->units <= engine->free_units) {
		op = queue_pop(&engine->compute);
		op_waited(op, now_ns, SIM_CAUSE_SM, engine->sm_freed_by);
		engine->free_units -= op->units;
		sim_op_start(op, now_ns);
	}
}

static void copies_run(struct sim_engine *engine, enum sim_copy_engine which, uint64_t now_ns)
{
	struct sim_op *op;

	if (engine->copying[which] || !engine->copies[which].head)
		return;
	op = queue_pop(&engine->copies[which]);
	op_waited(op, now_ns, SIM_CAUSE_COPY_ENGINE, engine->copy_freed_by[which]);
	engine->copying[which] = op;
	sim_op_start(op, now_ns);
}

void sim_resource_take(struct sim_op *op, uint64_t now_ns)
{
	struct sim_engine *engine = op_engine(op);
	enum sim_copy_engine which;

	if (op->task.kind == SIM_TASK_KERNEL) {
		queue_insert(&engine->compute, op);
		compute_run(engine, now_ns);
		return;
	}
	which = copy_engine(op);
	queue_insert(&engine->copies[which], op);
	copies_run(engine, which, now_ns);
}

void sim_resource_give(struct sim_op *op, uint64_t now_ns)
{
	struct sim_engine *engine = op_engine(op);
	enum sim_copy_engine which;

	if (op->is_failed)
		return;
	if (op->task.kind == SIM_TASK_KERNEL) {
		engine->free_units += op->units;
		engine->sm_freed_by = op->id;
		compute_run(engine, now_ns);
	} else if (op->task.kind == SIM_TASK_COPY) {
		which = copy_engine(op);
		engine->copying[which] = NULL;
		engine->copy_freed_by[which] = op->id;
		copies_run(engine, which, now_ns);
	}
}
