/* SPDX-License-Identifier: Apache-2.0 */
/* Events: creation, record, elapsed time. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/engine.h"

#include <stdlib.h>
#include <string.h>

static struct sim_event *free_events;
static uint32_t last_id;

struct sim_event *sim_event_of(CUevent handle)
{
	struct sim_event *event = (struct sim_event *)handle;

	if (!event || (uintptr_t)handle % sizeof(void *) || event->magic != SIM_MAGIC_EVENT)
		return NULL;
	return event;
}

IMPL(cuEventCreate)(CUevent *phEvent, unsigned int flags)
{
	CUresult result;
	struct sim_context *context = sim_current(&result);
	struct sim_event *event;

	if (!context)
		return result;
	if (context->error)
		return context->error;
	if (!phEvent || flags & ~7u)
		return CUDA_ERROR_INVALID_VALUE;
	if ((flags & CU_EVENT_INTERPROCESS) && !(flags & CU_EVENT_DISABLE_TIMING))
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim_engine_lock);
	event = free_events;
	if (event)
		free_events = event->next_free;
	pthread_mutex_unlock(&sim_engine_lock);
	if (!event)
		event = malloc(sizeof(*event));
	if (!event)
		return CUDA_ERROR_OUT_OF_MEMORY;
	memset(event, 0, sizeof(*event));
	event->magic = SIM_MAGIC_EVENT;
	event->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
	event->flags = flags;
	event->context = context;
	*phEvent = (CUevent)event;
	return CUDA_SUCCESS;
}

/* The memory is kept for other events, so a stale handle never reads freed memory. */
IMPL(cuEventDestroy_v2)(CUevent handle)
{
	struct sim_event *event = sim_event_of(handle);

	if (!event)
		return CUDA_ERROR_INVALID_HANDLE;
	sim_event_uncapture(event);
	pthread_mutex_lock(&sim_engine_lock);
	event->magic = 0;
	if (event->op)
		sim_op_unref(event->op);
	event->op = NULL;
	event->next_free = free_events;
	free_events = event;
	pthread_mutex_unlock(&sim_engine_lock);
	return CUDA_SUCCESS;
}

IMPL(cuEventDestroy)(CUevent handle)
{
	return impl_cuEventDestroy_v2(handle);
}

/* Takes over the reference to op; with the lock held. */
void sim_event_set(struct sim_event *event, struct sim_op *op)
{
	if (event->op)
		sim_op_unref(event->op);
	event->op = op;
}

static CUresult event_record(CUevent handle, CUstream stream_handle, bool per_thread,
			     unsigned flags)
{
	CUresult result = CUDA_SUCCESS;
	struct sim_event *event = sim_event_of(handle);
	struct sim_stream *stream = sim_stream_of(stream_handle, per_thread, &result);
	struct sim_task task = { .kind = SIM_TASK_RECORD };
	struct sim_op *op;

	if (!stream)
		return result;
	if (!event)
		return CUDA_ERROR_INVALID_HANDLE;
	if (flags & ~(unsigned)CU_EVENT_RECORD_EXTERNAL)
		return CUDA_ERROR_INVALID_VALUE;
	if (event->context != stream->context)
		return CUDA_ERROR_INVALID_HANDLE;
	if (stream->capture && !(flags & CU_EVENT_RECORD_EXTERNAL))
		return sim_capture_record_event(stream, event);
	task.event.event = event;
	task.event.id = event->id;
	sim_submit_cost();
	result = sim_submit(stream, &task, &op);
	if (result || !op)
		return result;
	sim_event_uncapture(event);
	pthread_mutex_lock(&sim_engine_lock);
	sim_event_set(event, op);
	pthread_mutex_unlock(&sim_engine_lock);
	return CUDA_SUCCESS;
}

IMPL(cuEventRecord)(CUevent event, CUstream stream)
{
	return event_record(event, stream, false, 0);
}

IMPL(cuEventRecord_ptsz)(CUevent event, CUstream stream)
{
	return event_record(event, stream, true, 0);
}

IMPL(cuEventRecordWithFlags)(CUevent event, CUstream stream, unsigned int flags)
{
	return event_record(event, stream, false, flags);
}

IMPL(cuEventRecordWithFlags_ptsz)(CUevent event, CUstream stream, unsigned int flags)
{
	return event_record(event, stream, true, flags);
}

/* Whether the event is complete, and when it was; 907 when it belongs to a capture. */
CUresult sim_event_status(struct sim_event *event, uint64_t *time_ns)
{
	CUresult result = CUDA_SUCCESS;

	if (event->capture_id)
		return CUDA_ERROR_CAPTURED_EVENT;
	pthread_mutex_lock(&sim_engine_lock);
	if (event->op) {
		while (!sim_engine_advance(sim_now_ns()))
			;
		if (event->op->state == SIM_OP_ENDED)
			sim_effects_run(event->op->effect_mark);
		else
			result = CUDA_ERROR_NOT_READY;
		*time_ns = event->op->end_ns;
	}
	pthread_mutex_unlock(&sim_engine_lock);
	return event->context->error ? event->context->error : result;
}

IMPL(cuEventElapsedTime)(float *pMilliseconds, CUevent hStart, CUevent hEnd)
{
	struct sim_event *start = sim_event_of(hStart), *end = sim_event_of(hEnd);
	uint64_t start_ns = 0, end_ns = 0;
	CUresult result;

	if (!pMilliseconds)
		return CUDA_ERROR_INVALID_VALUE;
	if (!start || !end || (start->flags | end->flags) & CU_EVENT_DISABLE_TIMING)
		return CUDA_ERROR_INVALID_HANDLE;
	if (!start->capture_id && !end->capture_id && (!start->op || !end->op))
		return CUDA_ERROR_INVALID_HANDLE;
	result = sim_event_status(start, &start_ns);
	if (!result)
		result = sim_event_status(end, &end_ns);
	if (result)
		return result;
	*pMilliseconds = (float)((double)((int64_t)(end_ns - start_ns)) / 1e6);
	return CUDA_SUCCESS;
}

IMPL(cuEventElapsedTime_v2)(float *pMilliseconds, CUevent hStart, CUevent hEnd)
{
	return impl_cuEventElapsedTime(pMilliseconds, hStart, hEnd);
}
