/* SPDX-License-Identifier: Apache-2.0 */
/* Host threads waiting for operations: asleep for most of the time, spinning at its end. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/engine.h"

#include <errno.h>
#include <time.h>

#define SPIN_NS 60000		/* the kernel wakes sleepers about this much late */
#define BACKOFF_MIN_NS 20000
#define BACKOFF_MAX_NS 2000000
#define WALK_MAX 64

pthread_cond_t sim_progress;

uint64_t sim_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct timespec timespec_of(uint64_t time_ns)
{
	struct timespec at = { .tv_sec = (time_t)(time_ns / 1000000000u),
			       .tv_nsec = (long)(time_ns % 1000000000u) };

	return at;
}

void sim_sleep_until(uint64_t time_ns, bool may_spin)
{
	uint64_t early_ns = may_spin ? SPIN_NS : 0;
	struct timespec until = timespec_of(time_ns - early_ns);

	if (sim_now_ns() + early_ns + early_ns / 4 < time_ns)
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
			;
	while (sim_now_ns() < time_ns)
		__builtin_ia32_pause();
}

void sim_progress_wait(uint64_t until_ns)
{
	struct timespec until = timespec_of(until_ns);

	pthread_cond_timedwait(&sim_progress, &sim_engine_lock, &until);
}

bool sim_op_is_complete(struct sim_op *op)
{
	return op->state == SIM_OP_ENDED && sim_effects_done >= op->effect_mark;
}

static uint64_t running_end_ns(const struct sim_op *op)
{
	uint64_t duration_ns = op->duration_ns;

	if (op->task.kind == SIM_TASK_GRAPH)
		duration_ns = sim_graph_plan_estimate(op->task.graph.plan);
	return op->start_ns + duration_ns;
}

/* A lower bound for the end, from what is left of the stream before the operation. */
static uint64_t op_estimate(const struct sim_op *op, uint64_t now_ns)
{
	uint64_t time_ns = now_ns;
	const struct sim_op *at = op->stream->head;

	if (op->estimate_ns > now_ns || op->graph)
		return op->estimate_ns;
	for (int i = 0; at && i < WALK_MAX; i++, at = at->stream_next) {
		if (at->state == SIM_OP_RUNNING)
			time_ns = running_end_ns(at) > time_ns ? running_end_ns(at) : time_ns;
		else
			time_ns += at->duration_ns + sim_cost_gap(at);
		if (at == op)
			break;
	}
	return time_ns;
}

/* Nothing is known about an operation inside a graph, or behind one of unknown length: looks again
 * after the next event of the timeline, if that is soon. */
static uint64_t overdue_until(uint64_t now_ns, uint64_t backoff_ns)
{
	uint64_t next_ns = sim_engine_next_ns();

	if (next_ns < now_ns + BACKOFF_MIN_NS)
		return now_ns + BACKOFF_MIN_NS;
	return next_ns < now_ns + backoff_ns ? next_ns : now_ns + backoff_ns;
}

void sim_op_wait(struct sim_op *op, bool may_spin)
{
	uint64_t backoff_ns = BACKOFF_MIN_NS, now_ns, until_ns;
	bool is_settled;

	pthread_mutex_lock(&sim_engine_lock);
	for (;;) {
		now_ns = sim_now_ns();
		is_settled = sim_engine_advance(now_ns);
		if (op->state == SIM_OP_ENDED)
			break;
		until_ns = op_estimate(op, now_ns);
		if (!is_settled) {
			pthread_mutex_unlock(&sim_engine_lock);
			pthread_mutex_lock(&sim_engine_lock);
		} else if (until_ns > now_ns) {
			pthread_mutex_unlock(&sim_engine_lock);
			sim_sleep_until(until_ns, may_spin);
			pthread_mutex_lock(&sim_engine_lock);
		} else {
			sim_progress_wait(overdue_until(now_ns, backoff_ns));
			backoff_ns =
				backoff_ns * 2 < BACKOFF_MAX_NS ? backoff_ns * 2 : BACKOFF_MAX_NS;
		}
	}
	sim_effects_run(op->effect_mark);
	sim_op_unref(op);
	pthread_mutex_unlock(&sim_engine_lock);
}

struct sim_op *sim_stream_tail(struct sim_stream *stream)
{
	struct sim_op *tail;

	pthread_mutex_lock(&sim_engine_lock);
	tail = stream->tail;
	if (tail)
		sim_op_ref(tail);
	else
		sim_effects_run(sim_effects_added);
	pthread_mutex_unlock(&sim_engine_lock);
	return tail;
}

static bool may_spin(const struct sim_context *context)
{
	return !(context->flags & CU_CTX_SCHED_BLOCKING_SYNC);
}

void sim_sync_report(struct sim_context *context, struct sim_stream *stream, int sync_kind,
		     uint32_t event, uint64_t begin_ns)
{
	struct sim_task task = { .kind = SIM_TASK_SYNC, .sync = { sync_kind, event } };
	struct sim_op *op;

	sim_pools_trim(context->device);
	sim_worker_start();
	pthread_mutex_lock(&sim_engine_lock);
	op = sim_op_new(&task);
	op->stream = stream;
	op->context = context;
	op->submit_ns = begin_ns;
	op->start_ns = begin_ns;
	op->end_ns = sim_now_ns();
	op->correlation = sim_correlation();
	op->watched = sim_watched();
	op->tid = sim_thread_id();
	op->state = SIM_OP_ENDED;
	sim_report_add(op);
	sim_op_unref(op);
	sim_worker_kick();
	pthread_mutex_unlock(&sim_engine_lock);
}

static void tail_wait(struct sim_stream *stream)
{
	struct sim_op *tail = sim_stream_tail(stream);

	if (tail)
		sim_op_wait(tail, may_spin(stream->context));
}

/* Streams are never freed while their context lives, and only ever put at the list's head. */
static void streams_wait(struct sim_context *context, bool only_blocking)
{
	struct sim_stream *stream;

	pthread_mutex_lock(&sim_engine_lock);
	stream = context->streams;
	pthread_mutex_unlock(&sim_engine_lock);
	for (; stream; stream = stream->next)
		if (!only_blocking || !(stream->flags & CU_STREAM_NON_BLOCKING))
			tail_wait(stream);
}

/* Waiting for the NULL stream is an action in it, so it waits for the blocking streams as well. */
CUresult sim_stream_wait(struct sim_stream *stream, int sync_kind, uint32_t event)
{
	uint64_t begin_ns = sim_now_ns();

	if (sim_in_host_function)
		return CUDA_ERROR_NOT_PERMITTED;
	if (stream->is_legacy)
		streams_wait(stream->context, true);
	else
		tail_wait(stream);
	sim_sync_report(stream->context, stream, sync_kind, event, begin_ns);
	return stream->context->error;
}

CUresult sim_context_synchronize(struct sim_context *context)
{
	uint64_t begin_ns = sim_now_ns();

	if (sim_in_host_function)
		return CUDA_ERROR_NOT_PERMITTED;
	streams_wait(context, false);
	sim_sync_report(context, NULL, SIM_SYNC_CONTEXT, 0, begin_ns);
	return context->error;
}

CUresult sim_device_synchronize(struct sim_device *device)
{
	struct sim_context *context;

	if (sim_in_host_function)
		return CUDA_ERROR_NOT_PERMITTED;
	for (context = sim_contexts_of(device, NULL); context;
	     context = sim_contexts_of(device, context))
		streams_wait(context, false);
	return CUDA_SUCCESS;
}

__attribute__((constructor)) static void progress_init(void)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&sim_progress, &attributes);
	pthread_condattr_destroy(&attributes);
}
