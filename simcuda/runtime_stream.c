/* SPDX-License-Identifier: Apache-2.0 */
/* Streams, events and graphs of the simulated runtime. */
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

CUresult impl_cudaEventElapsedTime(float *milliseconds, CUevent start, CUevent end)
{
	if (runtime_driver.cuEventElapsedTime_v2)
		return DRIVER(cuEventElapsedTime_v2, milliseconds, start, end);
	return DRIVER(cuEventElapsedTime, milliseconds, start, end);
}

CUresult impl_cudaGraphCreate(CUgraph *graph, unsigned flags)
{
	return DRIVER(cuGraphCreate, graph, flags);
}

CUresult impl_cudaGraphDestroy(CUgraph graph)
{
	return DRIVER(cuGraphDestroy, graph);
}

CUresult impl_cudaGraphClone(CUgraph *clone, CUgraph graph)
{
	return DRIVER(cuGraphClone, clone, graph);
}

CUresult impl_cudaGraphGetNodes(CUgraph graph, CUgraphNode *nodes, size_t *count)
{
	return DRIVER(cuGraphGetNodes, graph, nodes, count);
}

CUresult impl_cudaGraphAddKernelNode(CUgraphNode *node, CUgraph graph,
				     const CUgraphNode *dependencies, size_t count,
				     const struct runtime_kernel_node *params)
{
	CUDA_KERNEL_NODE_PARAMS driver_params = { 0 };
	CUkernel kernel;
	CUresult result;

	if (!params)
		return CUDA_ERROR_INVALID_VALUE;
	result = runtime_kernel_find(params->function, &kernel);
	if (result != CUDA_SUCCESS)
		return result;
	driver_params.kern = kernel;
	driver_params.gridDimX = params->grid.x;
	driver_params.gridDimY = params->grid.y;
	driver_params.gridDimZ = params->grid.z;
	driver_params.blockDimX = params->block.x;
	driver_params.blockDimY = params->block.y;
	driver_params.blockDimZ = params->block.z;
	driver_params.sharedMemBytes = params->shared;
	driver_params.kernelParams = params->params;
	driver_params.extra = params->extra;
	return DRIVER(cuGraphAddKernelNode_v2, node, graph, dependencies, count, &driver_params);
}

CUresult impl_cudaGraphInstantiate(CUgraphExec *exec, CUgraph graph, unsigned long long flags)
{
	return DRIVER(cuGraphInstantiateWithFlags, exec, graph, flags);
}

CUresult impl_cudaGraphInstantiateWithFlags(CUgraphExec *exec, CUgraph graph,
					    unsigned long long flags)
{
	return DRIVER(cuGraphInstantiateWithFlags, exec, graph, flags);
}

CUresult impl_cudaGraphExecUpdate(CUgraphExec exec, CUgraph graph, CUgraphExecUpdateResultInfo *info)
{
	return DRIVER(cuGraphExecUpdate_v2, exec, graph, info);
}

CUresult impl_cudaGraphExecDestroy(CUgraphExec exec)
{
	return DRIVER(cuGraphExecDestroy, exec);
}

CUresult impl_cudaGraphLaunch(bool per_thread, CUgraphExec exec, CUstream stream)
{
	return DRIVER_STREAM(cuGraphLaunch, cuGraphLaunch_ptsz, exec, stream);
}

CUresult impl_cudaGraphUpload(bool per_thread, CUgraphExec exec, CUstream stream)
{
	return DRIVER_STREAM(cuGraphUpload, cuGraphUpload_ptsz, exec, stream);
}

CUresult impl_cudaGraphDebugDotPrint(CUgraph graph, const char *path, unsigned flags)
{
	return DRIVER(cuGraphDebugDotPrint, graph, path, flags);
}
