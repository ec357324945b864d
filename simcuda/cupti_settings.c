/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes and switches of the simulated CUPTI, and the ids behind the driver's handles. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/cupti_state.h"

#include <string.h>

static struct {
	int attribute, since;
	size_t bytes;
	_Atomic uint64_t value;
} attributes[] = {
	{ CUPTI_ACTIVITY_ATTR_DEVICE_BUFFER_SIZE, 1108, sizeof(size_t), 3200000 },
	{ CUPTI_ACTIVITY_ATTR_DEVICE_BUFFER_SIZE_CDP, 1108, sizeof(size_t), 8388608 },
	{ CUPTI_ACTIVITY_ATTR_DEVICE_BUFFER_POOL_LIMIT, 1108, sizeof(size_t), 250 },
	{ CUPTI_ACTIVITY_ATTR_PROFILING_SEMAPHORE_POOL_SIZE, 1108, sizeof(size_t), 25000 },
	{ CUPTI_ACTIVITY_ATTR_PROFILING_SEMAPHORE_POOL_LIMIT, 1108, sizeof(size_t), 250 },
	{ CUPTI_ACTIVITY_ATTR_ZEROED_OUT_ACTIVITY_BUFFER, 1108, sizeof(uint8_t), 0 },
	{ CUPTI_ACTIVITY_ATTR_DEVICE_BUFFER_PRE_ALLOCATE_VALUE, 1108, sizeof(size_t), 3 },
	{ CUPTI_ACTIVITY_ATTR_PROFILING_SEMAPHORE_PRE_ALLOCATE_VALUE, 1108, sizeof(size_t), 3 },
	{ CUPTI_ACTIVITY_ATTR_MEM_ALLOCATION_TYPE_HOST_PINNED, 1108, sizeof(uint8_t), 1 },
	{ CUPTI_ACTIVITY_ATTR_PER_THREAD_ACTIVITY_BUFFER, 1203, sizeof(uint8_t), 0 },
	{ CUPTI_ACTIVITY_ATTR_DEVICE_GRAPHS, 1209, sizeof(uint8_t), 0 },
};

uint64_t cupti_attribute(int attribute)
{
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		if (attributes[i].attribute == attribute)
			return atomic_load(&attributes[i].value);
	return 0;
}

static CUptiResult attribute_check(CUpti_ActivityAttribute attribute, const size_t *valueSize,
				   const void *value, size_t *row)
{
	if (!valueSize || !value)
		return CUPTI_ERROR_INVALID_PARAMETER;
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		if (attributes[i].attribute != (int)attribute ||
		    attributes[i].since > cupti_release)
			continue;
		*row = i;
		return *valueSize < attributes[i].bytes ? CUPTI_ERROR_PARAMETER_SIZE_NOT_SUFFICIENT :
							  CUPTI_SUCCESS;
	}
	return CUPTI_ERROR_INVALID_PARAMETER;
}

CUptiResult cuptiActivityGetAttribute(CUpti_ActivityAttribute attribute, size_t *valueSize,
				      void *value)
{
	CUptiResult result;
	uint64_t number;
	size_t row;

	CUPTI_BEGIN(1108);
	result = attribute_check(attribute, valueSize, value, &row);
	if (result != CUPTI_SUCCESS)
		return cupti_fail(result);
	number = atomic_load(&attributes[row].value);
	memcpy(value, &number, attributes[row].bytes);
	*valueSize = attributes[row].bytes;
	return CUPTI_SUCCESS;
}

/* Kept and answered; only ZEROED_OUT changes what the simulated library does. */
CUptiResult cuptiActivitySetAttribute(CUpti_ActivityAttribute attribute, size_t *valueSize,
				      void *value)
{
	CUptiResult result;
	uint64_t number = 0;
	size_t row;

	CUPTI_BEGIN(1108);
	result = attribute_check(attribute, valueSize, value, &row);
	if (result != CUPTI_SUCCESS)
		return cupti_fail(result);
	memcpy(&number, value, attributes[row].bytes);
	atomic_store(&attributes[row].value, number);
	if (attribute == CUPTI_ACTIVITY_ATTR_ZEROED_OUT_ACTIVITY_BUFFER)
		atomic_store(&cupti_buffers_are_zeroed, number != 0);
	return CUPTI_SUCCESS;
}

/* Switches for what the simulated device does not have: turning them off is always right. */
#define UNSUPPORTED_SWITCH(name, since)							\
	CUptiResult name(uint8_t enable)						\
	{										\
		CUPTI_BEGIN(since);							\
		return cupti_fail(enable ? CUPTI_ERROR_NOT_SUPPORTED : CUPTI_SUCCESS);	\
	}
UNSUPPORTED_SWITCH(cuptiActivityEnableLatencyTimestamps, 1108)
UNSUPPORTED_SWITCH(cuptiActivityEnableLaunchAttributes, 1108)
UNSUPPORTED_SWITCH(cuptiActivityEnableHWTrace, 1208)
UNSUPPORTED_SWITCH(cuptiActivityEnableDeviceGraph, 1203)
UNSUPPORTED_SWITCH(cuptiActivityEnableAllocationSource, 1206)
UNSUPPORTED_SWITCH(cuptiActivityEnableAllSyncRecords, 1208)
UNSUPPORTED_SWITCH(cuptiActivityEnableCudaEventDeviceTimestamps, 1300)

/* Asks the driver for the id behind a handle; the functions differ in the types alone. */
#define DRIVER_ID(since, symbol, handle_type, handle, id_type, id, failure)			\
	do {											\
		static _Atomic(void *) slot;							\
		CUresult (*get)(handle_type, id_type *);					\
		CUresult result;								\
		id_type number;									\
		bool was_quiet;									\
												\
		CUPTI_BEGIN(since);								\
		get = (CUresult (*)(handle_type, id_type *))cupti_driver_symbol(&slot, symbol);	\
		if (!get)									\
			return cupti_fail(CUPTI_ERROR_NOT_SUPPORTED);				\
		if (!(id))									\
			return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);			\
		was_quiet = cupti_thread_quiet(true);						\
		result = get(handle, &number);							\
		cupti_thread_quiet(was_quiet);							\
		if (result != CUDA_SUCCESS)							\
			return cupti_fail(failure);						\
		*(id) = (__typeof__(*(id)))number;						\
		return CUPTI_SUCCESS;								\
	} while (0)

CUptiResult cuptiGetContextId(CUcontext context, uint32_t *contextId)
{
	DRIVER_ID(1108, "cuCtxGetId", CUcontext, context, unsigned long long, contextId,
		  CUPTI_ERROR_INVALID_CONTEXT);
}

static CUptiResult stream_id(CUstream stream, uint32_t *streamId)
{
	DRIVER_ID(1108, "cuStreamGetId", CUstream, stream, unsigned long long, streamId,
		  CUPTI_ERROR_INVALID_STREAM);
}

static CUptiResult thread_stream_id(CUstream stream, uint32_t *streamId)
{
	DRIVER_ID(1108, "cuStreamGetId_ptsz", CUstream, stream, unsigned long long, streamId,
		  CUPTI_ERROR_INVALID_STREAM);
}

CUptiResult cuptiGetStreamIdEx(CUcontext context, CUstream stream, uint8_t perThreadStream,
			       uint32_t *streamId)
{
	(void)context;
	return perThreadStream ? thread_stream_id(stream, streamId) : stream_id(stream, streamId);
}

CUptiResult cuptiGetStreamId(CUcontext context, CUstream stream, uint32_t *streamId)
{
	return cuptiGetStreamIdEx(context, stream, 0, streamId);
}

/* The simulated driver gives these out beside the public API. */
CUptiResult cuptiGetGraphId(CUgraph graph, uint32_t *id)
{
	DRIVER_ID(1108, "simcuda_graph_id", CUgraph, graph, uint32_t, id,
		  CUPTI_ERROR_INVALID_PARAMETER);
}

CUptiResult cuptiGetGraphExecId(CUgraphExec graph, uint32_t *id)
{
	DRIVER_ID(1203, "simcuda_graph_exec_id", CUgraphExec, graph, uint32_t, id,
		  CUPTI_ERROR_INVALID_PARAMETER);
}

CUptiResult cuptiGetGraphNodeId(CUgraphNode node, uint64_t *id)
{
	DRIVER_ID(1108, "simcuda_graph_node_id", CUgraphNode, node, uint64_t, id,
		  CUPTI_ERROR_INVALID_PARAMETER);
}

CUptiResult cuptiGetDeviceId(CUcontext context, uint32_t *deviceId)
{
	static _Atomic(void *) slot;
	CUresult (*get)(CUdevice *, CUcontext);
	CUresult result;
	CUdevice device;
	bool was_quiet;

	CUPTI_BEGIN(1108);
	get = (CUresult (*)(CUdevice *, CUcontext))cupti_driver_symbol(&slot, "cuCtxGetDevice_v2");
	if (!deviceId)
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	if (!get)
		return cupti_fail(CUPTI_ERROR_NOT_SUPPORTED);
	was_quiet = cupti_thread_quiet(true);
	result = get(&device, context);
	cupti_thread_quiet(was_quiet);
	if (result != CUDA_SUCCESS)
		return cupti_fail(CUPTI_ERROR_INVALID_CONTEXT);
	*deviceId = (uint32_t)device;
	return CUPTI_SUCCESS;
}
