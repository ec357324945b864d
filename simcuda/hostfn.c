/* SPDX-License-Identifier: Apache-2.0 */
/* Host functions and callbacks in streams; stream-ordered memory; values in memory. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/engine.h"

static CUresult host_submit(CUstream handle, struct sim_task *task, bool per_thread)
{
	CUresult result = CUDA_SUCCESS;
	struct sim_stream *stream = sim_stream_of(handle, per_thread, &result);

	if (!stream)
		return result;
	if (!task->host.function && !task->host.callback)
		return CUDA_ERROR_INVALID_VALUE;
	task->kind = SIM_TASK_HOST;
	if (task->host.callback && stream->capture)
		return sim_capture_unsupported(stream);
	return sim_submit(stream, task, NULL);
}

IMPL(cuLaunchHostFunc)(CUstream hStream, CUhostFn fn, void *userData)
{
	struct sim_task task = { .host = { .function = fn, .data = userData } };

	return host_submit(hStream, &task, false);
}

IMPL(cuLaunchHostFunc_ptsz)(CUstream hStream, CUhostFn fn, void *userData)
{
	struct sim_task task = { .host = { .function = fn, .data = userData } };

	return host_submit(hStream, &task, true);
}

IMPL(cuStreamAddCallback)(CUstream hStream, CUstreamCallback callback, void *userData,
		unsigned int flags)
{
	struct sim_task task = {
		.host = { .callback = callback, .data = userData, .stream = hStream }
	};

	return flags ? CUDA_ERROR_INVALID_VALUE : host_submit(hStream, &task, false);
}

IMPL(cuStreamAddCallback_ptsz)(CUstream hStream, CUstreamCallback callback, void *userData,
			       unsigned int flags)
{
	struct sim_task task = {
		.host = { .callback = callback, .data = userData, .stream = hStream }
	};

	return flags ? CUDA_ERROR_INVALID_VALUE : host_submit(hStream, &task, true);
}

CUresult sim_stream_memory_op(struct sim_stream *stream, struct sim_allocation *allocation,
			      bool is_free)
{
	struct sim_task task = { .kind = SIM_TASK_MEMORY,
				 .memory = { allocation, allocation->bytes, is_free } };

	return sim_submit(stream, &task, NULL);
}

/* --- values ----------------------------------------------------------------------------------- */
static CUresult value_submit(CUstream handle, bool per_thread, enum sim_task_kind kind,
			     CUdeviceptr address, uint64_t value, unsigned flags, bool is_wide)
{
	CUresult result = CUDA_SUCCESS;
	struct sim_stream *stream = sim_stream_of(handle, per_thread, &result);
	struct sim_task task = { .kind = kind,
				 .value = { (void *)(uintptr_t)address, value, flags, is_wide } };

	if (!stream)
		return result;
	if (!address || address % (is_wide ? 8 : 4) || !sim_memory_find((void *)(uintptr_t)address))
		return CUDA_ERROR_INVALID_VALUE;
	return sim_submit(stream, &task, NULL);
}

#define VALUE_CALL(symbol, per_thread, kind, type, is_wide)					\
	IMPL(symbol)(CUstream stream, CUdeviceptr addr, type value, unsigned int flags)		\
	{											\
		return value_submit(stream, per_thread, kind, addr, value, flags, is_wide);	\
	}
#define VALUE_CALLS(name, kind, type, is_wide)			\
	VALUE_CALL(name, false, kind, type, is_wide)		\
	VALUE_CALL(name##_ptsz, true, kind, type, is_wide)	\
	VALUE_CALL(name##_v2, false, kind, type, is_wide)	\
	VALUE_CALL(name##_v2_ptsz, true, kind, type, is_wide)

VALUE_CALLS(cuStreamWaitValue32, SIM_TASK_VALUE_WAIT, cuuint32_t, false)
VALUE_CALLS(cuStreamWaitValue64, SIM_TASK_VALUE_WAIT, cuuint64_t, true)
VALUE_CALLS(cuStreamWriteValue32, SIM_TASK_VALUE_WRITE, cuuint32_t, false)
VALUE_CALLS(cuStreamWriteValue64, SIM_TASK_VALUE_WRITE, cuuint64_t, true)

static CUresult batch_one(CUstream stream, bool per_thread, const CUstreamBatchMemOpParams *one)
{
	switch (one->operation) {
	case CU_STREAM_MEM_OP_WAIT_VALUE_32:
		return value_submit(stream, per_thread, SIM_TASK_VALUE_WAIT, one->waitValue.address,
				    one->waitValue.value, one->waitValue.flags, false);
	case CU_STREAM_MEM_OP_WAIT_VALUE_64:
		return value_submit(stream, per_thread, SIM_TASK_VALUE_WAIT, one->waitValue.address,
				    one->waitValue.value64, one->waitValue.flags, true);
	case CU_STREAM_MEM_OP_WRITE_VALUE_32:
		return value_submit(stream, per_thread, SIM_TASK_VALUE_WRITE,
				    one->writeValue.address, one->writeValue.value,
				    one->writeValue.flags, false);
	case CU_STREAM_MEM_OP_WRITE_VALUE_64:
		return value_submit(stream, per_thread, SIM_TASK_VALUE_WRITE,
				    one->writeValue.address, one->writeValue.value64,
				    one->writeValue.flags, true);
	case CU_STREAM_MEM_OP_FLUSH_REMOTE_WRITES:
	case CU_STREAM_MEM_OP_BARRIER:
		return CUDA_SUCCESS;	/* everything is in order and visible already */
	}
	return CUDA_ERROR_INVALID_VALUE;
}

#define BATCH_CALL(symbol, per_thread)								\
	IMPL(symbol)(CUstream stream, unsigned int count, CUstreamBatchMemOpParams *paramArray,	\
		     unsigned int flags)							\
	{											\
		CUresult result = CUDA_SUCCESS;							\
												\
		if (!paramArray || !count || count > 256 || flags)				\
			return CUDA_ERROR_INVALID_VALUE;					\
		for (unsigned i = 0; i < count && !result; i++)					\
			result = batch_one(stream, per_thread, &paramArray[i]);			\
		return result;									\
	}
BATCH_CALL(cuStreamBatchMemOp, false)
BATCH_CALL(cuStreamBatchMemOp_ptsz, true)
BATCH_CALL(cuStreamBatchMemOp_v2, false)
BATCH_CALL(cuStreamBatchMemOp_v2_ptsz, true)
