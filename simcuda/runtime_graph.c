/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs of the simulated runtime: its node parameters are the driver's but for how kernels are named. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/runtime_state.h"

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

CUresult impl_cudaGraphAddNode(CUgraphNode *node, CUgraph graph, const CUgraphNode *dependencies,
			       const CUgraphEdgeData *edges, size_t count, CUgraphNodeParams *params)
{
	CUgraphNodeParams driver_params;
	CUresult result;

	if (!params)
		return CUDA_ERROR_INVALID_VALUE;
	driver_params = *params;
	if (params->type == CU_GRAPH_NODE_TYPE_KERNEL) {
		result = runtime_kernel_find(params->kernel.func, &driver_params.kernel.kern);
		if (result != CUDA_SUCCESS)
			return result;
		driver_params.kernel.func = NULL;
	}
	result = DRIVER(cuGraphAddNode_v2, node, graph, dependencies, edges, count, &driver_params);
	if (params->type == CU_GRAPH_NODE_TYPE_CONDITIONAL)
		params->conditional.phGraph_out = driver_params.conditional.phGraph_out;
	return result;
}

CUresult impl_cudaGraphConditionalHandleCreate(CUgraphConditionalHandle *handle, CUgraph graph,
					       unsigned value, unsigned flags)
{
	CUcontext context = NULL;
	CUresult result = DRIVER(cuCtxGetCurrent, &context);

	if (result != CUDA_SUCCESS)
		return result;
	return DRIVER(cuGraphConditionalHandleCreate, handle, graph, context, value, flags);
}

CUresult impl_cudaGraphNodeGetDependencies(CUgraphNode node, CUgraphNode *dependencies,
					   CUgraphEdgeData *edges, size_t *count)
{
	return DRIVER(cuGraphNodeGetDependencies_v2, node, dependencies, edges, count);
}

CUresult impl_cudaUserObjectCreate(CUuserObject *object, void *pointer, CUhostFn destroy,
				   unsigned references, unsigned flags)
{
	return DRIVER(cuUserObjectCreate, object, pointer, destroy, references, flags);
}

CUresult impl_cudaUserObjectRelease(CUuserObject object, unsigned count)
{
	return DRIVER(cuUserObjectRelease, object, count);
}

CUresult impl_cudaGraphRetainUserObject(CUgraph graph, CUuserObject object, unsigned count,
					unsigned flags)
{
	return DRIVER(cuGraphRetainUserObject, graph, object, count, flags);
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
