/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting and asking: streams, events, contexts. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/engine.h"

static CUresult stream_synchronize(CUstream handle, bool per_thread)
{
	CUresult result = CUDA_SUCCESS;
	struct sim_stream *stream = sim_stream_of(handle, per_thread, &result);

	if (!stream)
		return result;
	result = sim_capture_check_sync(stream);
	if (result)
		return result;
	return sim_stream_wait(stream, SIM_SYNC_STREAM, 0);
}

IMPL(cuStreamSynchronize)(CUstream hStream)
{
	return stream_synchronize(hStream, false);
}

IMPL(cuStreamSynchronize_ptsz)(CUstream hStream)
{
	return stream_synchronize(hStream, true);
}

static CUresult stream_query(CUstream handle, bool per_thread)
{
	CUresult result = CUDA_SUCCESS;
	struct sim_stream *stream = sim_stream_of(handle, per_thread, &result);
	bool is_idle;

	if (!stream)
		return result;
	result = sim_capture_check_sync(stream);
	if (result)
		return result;
	if (sim_in_host_function)
		return CUDA_ERROR_NOT_PERMITTED;
	pthread_mutex_lock(&sim_engine_lock);
	while (!sim_engine_advance(sim_now_ns()))
		;
	is_idle = !stream->tail;
	if (is_idle)
		sim_effects_run(sim_effects_added);
	pthread_mutex_unlock(&sim_engine_lock);
	if (stream->context->error)
		return stream->context->error;
	return is_idle ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY;
}

IMPL(cuStreamQuery)(CUstream hStream)
{
	return stream_query(hStream, false);
}

IMPL(cuStreamQuery_ptsz)(CUstream hStream)
{
	return stream_query(hStream, true);
}

static CUresult stream_wait_event(CUstream handle, CUevent event_handle, bool per_thread,
				  unsigned flags)
{
	CUresult result = CUDA_SUCCESS;
	struct sim_stream *stream = sim_stream_of(handle, per_thread, &result);
	struct sim_event *event = sim_event_of(event_handle);
	struct sim_task task = { .kind = SIM_TASK_WAIT };
	struct sim_op *dependency;

	if (!stream)
		return result;
	if (!event)
		return CUDA_ERROR_INVALID_HANDLE;
	if (flags & ~(unsigned)CU_EVENT_WAIT_EXTERNAL)
		return CUDA_ERROR_INVALID_VALUE;
	if ((stream->capture || event->capture_id) && !(flags & CU_EVENT_WAIT_EXTERNAL))
		return sim_capture_wait_event(stream, event);
	task.event.event = event;
	task.event.id = event->id;
	if (stream->capture)
		return sim_submit(stream, &task, NULL);
	pthread_mutex_lock(&sim_engine_lock);
	dependency = event->op;
	if (dependency)
		sim_op_ref(dependency);
	pthread_mutex_unlock(&sim_engine_lock);
	if (!dependency)
		return stream->context->error;
	result = sim_submit_after(stream, &task, dependency, NULL);
	pthread_mutex_lock(&sim_engine_lock);
	sim_op_unref(dependency);
	pthread_mutex_unlock(&sim_engine_lock);
	return result;
}

IMPL(cuStreamWaitEvent)(CUstream hStream, CUevent hEvent, unsigned int flags)
{
	return stream_wait_event(hStream, hEvent, false, flags);
}

IMPL(cuStreamWaitEvent_ptsz)(CUstream hStream, CUevent hEvent, unsigned int flags)
{
	return stream_wait_event(hStream, hEvent, true, flags);
}

IMPL(cuEventSynchronize)(CUevent handle)
{
	struct sim_event *event = sim_event_of(handle);
	uint64_t begin_ns = sim_now_ns();
	struct sim_op *op;
	CUresult result;

	if (!event)
		return CUDA_ERROR_INVALID_HANDLE;
	if (sim_in_host_function)
		return CUDA_ERROR_NOT_PERMITTED;
	if (event->capture_id)
		return CUDA_ERROR_CAPTURED_EVENT;
	result = sim_capture_check_unsafe();
	if (result)
		return result;
	pthread_mutex_lock(&sim_engine_lock);
	op = event->op;
	if (op)
		sim_op_ref(op);
	pthread_mutex_unlock(&sim_engine_lock);
	if (op)
		sim_op_wait(op, !(event->flags & CU_EVENT_BLOCKING_SYNC));
	sim_sync_report(event->context, NULL, SIM_SYNC_EVENT, event->id, begin_ns);
	return event->context->error;
}

IMPL(cuEventQuery)(CUevent handle)
{
	struct sim_event *event = sim_event_of(handle);
	uint64_t time_ns;
	CUresult result;

	if (!event)
		return CUDA_ERROR_INVALID_HANDLE;
	if (sim_in_host_function)
		return CUDA_ERROR_NOT_PERMITTED;
	result = sim_capture_check_unsafe();
	return result ? result : sim_event_status(event, &time_ns);
}

static CUresult context_synchronize(struct sim_context *context)
{
	CUresult result = sim_capture_check_unsafe();

	return result ? result : sim_context_synchronize(context);
}

IMPL(cuCtxSynchronize)(void)
{
	CUresult result;
	struct sim_context *context = sim_current(&result);

	return context ? context_synchronize(context) : result;
}

IMPL(cuCtxSynchronize_v2)(CUcontext ctx)
{
	return ctx ? context_synchronize((struct sim_context *)ctx) : impl_cuCtxSynchronize();
}
