/* SPDX-License-Identifier: Apache-2.0 */
/* From an API call into a stream: order, legacy default stream, bounded queue. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/engine.h"

#include <sys/syscall.h>
#include <unistd.h>

uint32_t sim_thread_id(void)
{
	static __thread uint32_t tid;

	if (!tid)
		tid = (uint32_t)syscall(SYS_gettid);
	return tid;
}

/* The hardware queue of a stream is bounded: a program far ahead of the device waits here. */
static void submit_make_room(struct sim_stream *stream)
{
	struct sim_op *head;

	while (stream->pending >= SIM_STREAM_PENDING_MAX) {
		sim_engine_advance(sim_now_ns());
		if (stream->pending < SIM_STREAM_PENDING_MAX)
			break;
		head = stream->head;
		sim_op_ref(head);
		pthread_mutex_unlock(&sim_engine_lock);
		sim_op_wait(head, true);
		pthread_mutex_lock(&sim_engine_lock);
	}
}

/* The NULL stream waits for all blocking streams of its context, and they for it. */
static void submit_order_legacy(struct sim_stream *stream, struct sim_op *op)
{
	struct sim_context *context = stream->context;
	struct sim_stream *other;

	if (stream->flags & CU_STREAM_NON_BLOCKING)
		return;
	if (!stream->is_legacy) {
		other = context->legacy;
		if (other && other->tail)
			sim_op_link(other->tail, op, SIM_CAUSE_LEGACY);
		return;
	}
	for (other = context->streams; other; other = other->next)
		if (other != stream && other->tail && !(other->flags & CU_STREAM_NON_BLOCKING))
			sim_op_link(other->tail, op, SIM_CAUSE_LEGACY);
}

static void submit_order_stream(struct sim_stream *stream, struct sim_op *op)
{
	uint64_t after_ns;

	if (stream->tail) {
		sim_op_link(stream->tail, op, SIM_CAUSE_STREAM);
		stream->tail->stream_next = op;
	} else {
		stream->head = op;
		after_ns = stream->last_end_ns + sim_cost_gap(op);
		if (stream->last_end_ns && after_ns > op->ready_ns) {
			op->ready_ns = after_ns;
			op->cause = stream->last_cause;
			op->waited_for = stream->last_id;
		}
	}
	stream->tail = op;
	stream->pending++;
}

static void submit_estimate(struct sim_stream *stream, struct sim_op *op,
			    const struct sim_op *dependency)
{
	uint64_t gap_ns = sim_cost_gap(op);
	uint64_t estimate_ns = op->ready_ns;

	if (stream->estimate_ns + gap_ns > estimate_ns)
		estimate_ns = stream->estimate_ns + gap_ns;
	if (dependency && dependency->state != SIM_OP_ENDED &&
	    dependency->estimate_ns > estimate_ns)
		estimate_ns = dependency->estimate_ns;
	op->estimate_ns = estimate_ns + op->duration_ns;
	if (op->task.kind == SIM_TASK_GRAPH)
		op->estimate_ns += sim_graph_plan_estimate(op->task.graph.plan);
	stream->estimate_ns = op->estimate_ns;
}

static bool task_has_effect(const struct sim_task *task)
{
	return task->kind == SIM_TASK_COPY || task->kind == SIM_TASK_SET ||
	       task->kind == SIM_TASK_VALUE_WRITE ||
	       (task->kind == SIM_TASK_MEMORY && task->memory.is_free);
}

struct sim_op *sim_op_prepare(const struct sim_task *task, struct sim_stream *stream,
			      uint64_t submit_ns, uint32_t correlation)
{
	struct sim_op *op = sim_op_new(task);

	op->stream = stream;
	op->context = stream->context;
	op->submit_ns = submit_ns;
	op->correlation = correlation;
	op->tid = sim_thread_id();
	op->has_effect = task_has_effect(task);
	op->watched = sim_watched();
	sim_cost_of(op);
	return op;
}

CUresult sim_submit_after(struct sim_stream *stream, const struct sim_task *task,
			  struct sim_op *dependency, struct sim_op **out)
{
	uint64_t submit_ns, blocked_ns = 0;
	struct sim_op *op;
	CUresult result;

	if (out)
		*out = NULL;
	if (sim_in_host_function)
		return CUDA_ERROR_NOT_PERMITTED;
	if (stream->context->error)
		return stream->context->error;
	if (stream->capture)
		return sim_capture_add(stream, task);
	result = sim_capture_check_legacy(stream);
	if (result)
		return result;
	sim_worker_start();
	submit_ns = sim_now_ns();
	pthread_mutex_lock(&sim_engine_lock);
	if (__builtin_expect(stream->pending >= SIM_STREAM_PENDING_MAX, 0)) {
		submit_make_room(stream);
		blocked_ns = sim_now_ns() - submit_ns;
	}
	op = sim_op_prepare(task, stream, submit_ns, sim_correlation());
	op->blocked_ns = blocked_ns;
	op->graph_id = task->kind == SIM_TASK_GRAPH ? task->graph.id : 0;
	op->cause = SIM_CAUSE_SUBMIT;
	op->ready_ns = submit_ns + blocked_ns + sim_cost_latency(op->id);
	submit_estimate(stream, op, dependency);
	submit_order_legacy(stream, op);
	if (dependency)
		sim_op_link(dependency, op, SIM_CAUSE_EVENT);
	submit_order_stream(stream, op);
	if (out) {
		sim_op_ref(op);
		*out = op;
	}
	if (task->kind == SIM_TASK_HOST)
		sim_host_expect();
	sim_op_release(op);
	sim_worker_kick();
	pthread_mutex_unlock(&sim_engine_lock);
	return CUDA_SUCCESS;
}

CUresult sim_submit(struct sim_stream *stream, const struct sim_task *task, struct sim_op **op)
{
	return sim_submit_after(stream, task, NULL, op);
}
