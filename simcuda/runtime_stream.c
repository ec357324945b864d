/* SPDX-License-Identifier: Apache-2.0 */
/* Streams, captures and events of the simulated runtime. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/runtime_state.h"

CUresult impl_cudaStreamCreate(CUstream *stream)
{
	return DRIVER(cuStreamCreate, stream, 0);
}

CUresult impl_cudaStreamCreateWithFlags(CUstream *stream, unsigned flags)
{
	return DRIVER(cuStreamCreate, stream, flags);
}

CUresult impl_cudaStreamCreateWithPriority(CUstream *stream, unsigned flags, int priority)
{
	return DRIVER(cuStreamCreateWithPriority, stream, flags, priority);
}

CUresult impl_cudaStreamDestroy(CUstream stream)
{
	return DRIVER(cuStreamDestroy_v2, stream);
}

CUresult impl_cudaStreamSynchronize(bool per_thread, CUstream stream)
{
	return DRIVER_STREAM(cuStreamSynchronize, cuStreamSynchronize_ptsz, stream);
}

CUresult impl_cudaStreamQuery(bool per_thread, CUstream stream)
{
	return DRIVER_STREAM(cuStreamQuery, cuStreamQuery_ptsz, stream);
}

CUresult impl_cudaStreamWaitEvent(bool per_thread, CUstream stream, CUevent event, unsigned flags)
{
	return DRIVER_STREAM(cuStreamWaitEvent, cuStreamWaitEvent_ptsz, stream, event, flags);
}

CUresult impl_cudaStreamGetPriority(bool per_thread, CUstream stream, int *priority)
{
	return DRIVER_STREAM(cuStreamGetPriority, cuStreamGetPriority_ptsz, stream, priority);
}

CUresult impl_cudaStreamGetFlags(bool per_thread, CUstream stream, unsigned *flags)
{
	return DRIVER_STREAM(cuStreamGetFlags, cuStreamGetFlags_ptsz, stream, flags);
}

CUresult impl_cudaStreamGetId(bool per_thread, CUstream stream, unsigned long long *id)
{
	return DRIVER_STREAM(cuStreamGetId, cuStreamGetId_ptsz, stream, id);
}

/* The status a callback gets is the driver's: the same number as the runtime's. */
CUresult impl_cudaStreamAddCallback(bool per_thread, CUstream stream, CUstreamCallback callback,
				    void *data, unsigned flags)
{
	return DRIVER_STREAM(cuStreamAddCallback, cuStreamAddCallback_ptsz, stream, callback, data,
			     flags);
}

CUresult impl_cudaLaunchHostFunc(bool per_thread, CUstream stream, CUhostFn function, void *data)
{
	return DRIVER_STREAM(cuLaunchHostFunc, cuLaunchHostFunc_ptsz, stream, function, data);
}

CUresult impl_cudaStreamBeginCapture(bool per_thread, CUstream stream, int mode)
{
	return DRIVER_STREAM(cuStreamBeginCapture_v2, cuStreamBeginCapture_v2_ptsz, stream,
			     (CUstreamCaptureMode)mode);
}

CUresult impl_cudaStreamEndCapture(bool per_thread, CUstream stream, CUgraph *graph)
{
	return DRIVER_STREAM(cuStreamEndCapture, cuStreamEndCapture_ptsz, stream, graph);
}

CUresult impl_cudaStreamIsCapturing(bool per_thread, CUstream stream, int *status)
{
	CUstreamCaptureStatus driver_status = CU_STREAM_CAPTURE_STATUS_NONE;
	CUresult result = DRIVER_STREAM(cuStreamIsCapturing, cuStreamIsCapturing_ptsz, stream,
					&driver_status);

	if (result == CUDA_SUCCESS && status)
		*status = (int)driver_status;
	return result;
}

CUresult impl_cudaStreamBeginCaptureToGraph(bool per_thread, CUstream stream, CUgraph graph,
					    const CUgraphNode *dependencies,
					    const CUgraphEdgeData *edges, size_t count, int mode)
{
	return DRIVER_STREAM(cuStreamBeginCaptureToGraph, cuStreamBeginCaptureToGraph_ptsz, stream,
			     graph, dependencies, edges, count, (CUstreamCaptureMode)mode);
}

CUresult impl_cudaStreamGetCaptureInfo(bool per_thread, CUstream stream,
				       CUstreamCaptureStatus *status, cuuint64_t *id,
				       CUgraph *graph, const CUgraphNode **dependencies,
				       const CUgraphEdgeData **edges, size_t *count)
{
	return DRIVER_STREAM(cuStreamGetCaptureInfo_v3, cuStreamGetCaptureInfo_v3_ptsz, stream,
			     status, id, graph, dependencies, edges, count);
}

CUresult impl_cudaStreamUpdateCaptureDependencies(bool per_thread, CUstream stream,
						  CUgraphNode *dependencies,
						  const CUgraphEdgeData *edges, size_t count,
						  unsigned flags)
{
	return DRIVER_STREAM(cuStreamUpdateCaptureDependencies_v2,
			     cuStreamUpdateCaptureDependencies_v2_ptsz, stream, dependencies, edges,
			     count, flags);
}

CUresult impl_cudaThreadExchangeStreamCaptureMode(int *mode)
{
	CUstreamCaptureMode driver_mode;
	CUresult result;

	if (!mode)
		return CUDA_ERROR_INVALID_VALUE;
	driver_mode = (CUstreamCaptureMode)*mode;
	result = DRIVER(cuThreadExchangeStreamCaptureMode, &driver_mode);
	if (result == CUDA_SUCCESS)
		*mode = (int)driver_mode;
	return result;
}

CUresult impl_cudaEventCreate(CUevent *event)
{
	return DRIVER(cuEventCreate, event, 0);
}

CUresult impl_cudaEventCreateWithFlags(CUevent *event, unsigned flags)
{
	return DRIVER(cuEventCreate, event, flags);
}

CUresult impl_cudaEventRecord(bool per_thread, CUevent event, CUstream stream)
{
	return DRIVER_STREAM(cuEventRecord, cuEventRecord_ptsz, event, stream);
}

CUresult impl_cudaEventRecordWithFlags(bool per_thread, CUevent event, CUstream stream,
				       unsigned flags)
{
	return DRIVER_STREAM(cuEventRecordWithFlags, cuEventRecordWithFlags_ptsz, event, stream, flags);
}

CUresult impl_cudaEventQuery(CUevent event)
{
	return DRIVER(cuEventQuery, event);
}

CUresult impl_cudaEventSynchronize(CUevent event)
{
	return DRIVER(cuEventSynchronize, event);
}

CUresult impl_cudaEventDestroy(CUevent event)
{
	return DRIVER(cuEventDestroy_v2, event);
}

CUresult impl_cudaIpcGetEventHandle(CUipcEventHandle *handle, CUevent event)
{
	return DRIVER(cuIpcGetEventHandle, handle, event);
}

CUresult impl_cudaIpcOpenEventHandle(CUevent *event, CUipcEventHandle handle)
{
	return DRIVER(cuIpcOpenEventHandle, event, handle);
}

CUresult impl_cudaEventElapsedTime(float *milliseconds, CUevent start, CUevent end)
{
	if (runtime_driver.cuEventElapsedTime_v2)
		return DRIVER(cuEventElapsedTime_v2, milliseconds, start, end);
	return DRIVER(cuEventElapsedTime, milliseconds, start, end);
}
