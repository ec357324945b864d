/* SPDX-License-Identifier: Apache-2.0 */
/* Between the parameters of graph calls and the tasks of nodes. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/graph.h"
#include "simcuda/copy.h"

#include <stdlib.h>
#include <string.h>

/* The keys of the `extra` argument of launches. */
#define EXTRA_END ((void *)0)
#define EXTRA_BUFFER ((void *)1)
#define EXTRA_SIZE ((void *)2)

static const char *extra_buffer(void **extra, size_t *bytes)
{
	const char *buffer = NULL;

	*bytes = 0;
	for (; extra && extra[0] != EXTRA_END; extra += 2) {
		if (extra[0] == EXTRA_BUFFER)
			buffer = extra[1];
		else if (extra[0] == EXTRA_SIZE)
			*bytes = *(size_t *)extra[1];
		else
			return NULL;
	}
	return buffer;
}

/* Keeps copies of the arguments: one block that holds the pointers, then the values. */
CUresult sim_node_set_arguments(struct sim_node *node, const struct sim_function *function,
				void **params, void **extra)
{
	size_t count = function->param_count > 0 ? (size_t)function->param_count : 0;
	size_t bytes = 0, given;
	const char *buffer = extra_buffer(extra, &given);
	void **kept;
	char *values;

	if (!count || (!params && !buffer)) {
		free(node->params);
		node->params = NULL;
		return CUDA_SUCCESS;
	}
	for (size_t i = 0; i < count; i++)
		if (function->params[i].offset + function->params[i].bytes > bytes)
			bytes = function->params[i].offset + function->params[i].bytes;
	if (buffer && !params && given < bytes)
		return CUDA_ERROR_INVALID_VALUE;
	kept = malloc(count * sizeof(*kept) + bytes);
	if (!kept)
		return CUDA_ERROR_OUT_OF_MEMORY;
	values = (char *)(kept + count);
	for (size_t i = 0; i < count; i++) {
		kept[i] = values + function->params[i].offset;
		memcpy(kept[i], params ? params[i] : buffer + function->params[i].offset,
		       function->params[i].bytes);
	}
	free(node->params);
	node->params = kept;
	return CUDA_SUCCESS;
}

static CUresult node_device(const struct sim_node *node, struct sim_device **device)
{
	CUresult result = CUDA_SUCCESS;
	struct sim_context *context = node->context ? (struct sim_context *)node->context :
						      sim_current(&result);

	*device = context ? context->device : NULL;
	return result;
}

CUresult sim_node_set_kernel(struct sim_node *node, const CUDA_KERNEL_NODE_PARAMS *params)
{
	struct sim_kernel kernel = node->task.kernel;	/* keeps attributes set before */
	struct sim_device *device;
	CUresult result;

	if (!params || (params->kernelParams && params->extra))
		return CUDA_ERROR_INVALID_VALUE;
	kernel.function = sim_function_of(params->func ? params->func : (CUfunction)params->kern);
	if (!kernel.function)
		return CUDA_ERROR_INVALID_HANDLE;
	kernel.grid[0] = params->gridDimX;
	kernel.grid[1] = params->gridDimY;
	kernel.grid[2] = params->gridDimZ;
	kernel.block[0] = params->blockDimX;
	kernel.block[1] = params->blockDimY;
	kernel.block[2] = params->blockDimZ;
	kernel.dynamic_shared = params->sharedMemBytes;
	if (params->ctx)
		node->context = params->ctx;
	result = node_device(node, &device);
	if (!result)
		result = sim_kernel_check(&kernel, device);
	if (!result)
		result = sim_node_set_arguments(node, kernel.function, params->kernelParams,
						params->extra);
	if (result)
		return result;
	node->task.kind = SIM_TASK_KERNEL;
	node->task.kernel = kernel;
	return CUDA_SUCCESS;
}

CUresult sim_node_set_copy(struct sim_node *node, const CUDA_MEMCPY3D *params, CUcontext context)
{
	struct sim_copy copy;
	CUresult result = sim_copy_of_3d(params, &copy);

	if (result)
		return result;
	if (!sim_copy_bytes(&copy))
		return CUDA_ERROR_INVALID_VALUE;
	result = sim_copy_classify(&copy);
	if (result)
		return result;
	copy.is_async = true;
	node->copy = *params;
	node->context = context;
	node->task.kind = SIM_TASK_COPY;
	node->task.copy = copy;
	return CUDA_SUCCESS;
}

CUresult sim_node_set_set(struct sim_node *node, const CUDA_MEMSET_NODE_PARAMS *params,
			  CUcontext context)
{
	struct sim_set set;
	CUresult result;

	if (!params || !params->width || !params->height ||
	    (params->elementSize != 1 && params->elementSize != 2 && params->elementSize != 4))
		return CUDA_ERROR_INVALID_VALUE;
	set = (struct sim_set){ .destination = (char *)(uintptr_t)params->dst,
				.width = params->width,
				.height = params->height,
				.pitch = params->pitch,
				.value = params->value,
				.element_bytes = (uint8_t)params->elementSize,
				.is_async = true };
	result = sim_set_classify(&set);
	if (result)
		return result;
	node->context = context;
	node->task.kind = SIM_TASK_SET;
	node->task.set = set;
	return CUDA_SUCCESS;
}

CUresult sim_node_set_host(struct sim_node *node, const CUDA_HOST_NODE_PARAMS *params)
{
	if (!params || !params->fn)
		return CUDA_ERROR_INVALID_VALUE;
	node->task =
		(struct sim_task){ .kind = SIM_TASK_HOST,
				   .host = { .function = params->fn, .data = params->userData } };
	return CUDA_SUCCESS;
}

CUresult sim_node_set_event(struct sim_node *node, CUevent handle)
{
	struct sim_event *event = sim_event_of(handle);

	if (!event)
		return CUDA_ERROR_INVALID_HANDLE;
	node->task = (struct sim_task){
		.kind = node->type == CU_GRAPH_NODE_TYPE_EVENT_RECORD ? SIM_TASK_RECORD
								      : SIM_TASK_WAIT,
		.event = { event, event->id },
	};
	return CUDA_SUCCESS;
}

/* A child graph is embedded as it is now. */
CUresult sim_node_set_child(struct sim_node *node, CUgraph handle)
{
	struct sim_graph *graph = sim_graph_of(handle), *copy;

	if (!graph || graph == node->graph)
		return CUDA_ERROR_INVALID_VALUE;
	copy = sim_graph_copy(graph);
	if (!copy)
		return CUDA_ERROR_OUT_OF_MEMORY;
	if (node->child)
		sim_graph_free(node->child);
	copy->is_owned = true;
	node->child = copy;
	return CUDA_SUCCESS;
}

CUresult sim_node_set_values(struct sim_node *node, const CUDA_BATCH_MEM_OP_NODE_PARAMS *params)
{
	CUstreamBatchMemOpParams *values;

	if (!params || !params->count || params->count > 256 || !params->paramArray ||
	    params->flags)
		return CUDA_ERROR_INVALID_VALUE;
	values = malloc(params->count * sizeof(*values));
	if (!values)
		return CUDA_ERROR_OUT_OF_MEMORY;
	memcpy(values, params->paramArray, params->count * sizeof(*values));
	free(node->values);
	node->values = values;
	node->value_count = params->count;
	node->context = params->ctx;
	return CUDA_SUCCESS;
}

static CUresult set_memset_v2(struct sim_node *node, const CUDA_MEMSET_NODE_PARAMS_v2 *from)
{
	CUDA_MEMSET_NODE_PARAMS params = { from->dst, from->pitch, from->value, from->elementSize,
					   from->width, from->height };

	return sim_node_set_set(node, &params, from->ctx);
}

/* The generic call's parameters, for a node that has this type already. */
CUresult sim_node_set_any(struct sim_node *node, const CUgraphNodeParams *params)
{
	CUDA_KERNEL_NODE_PARAMS kernel;
	CUDA_BATCH_MEM_OP_NODE_PARAMS values;
	CUDA_HOST_NODE_PARAMS host;

	switch (params->type) {
	case CU_GRAPH_NODE_TYPE_KERNEL:
		memcpy(&kernel, &params->kernel, sizeof(kernel));
		return sim_node_set_kernel(node, &kernel);
	case CU_GRAPH_NODE_TYPE_MEMCPY:
		return sim_node_set_copy(node, &params->memcpy.copyParams, params->memcpy.copyCtx);
	case CU_GRAPH_NODE_TYPE_MEMSET:
		return set_memset_v2(node, &params->memset);
	case CU_GRAPH_NODE_TYPE_HOST:
		host = (CUDA_HOST_NODE_PARAMS){ params->host.fn, params->host.userData };
		return sim_node_set_host(node, &host);
	case CU_GRAPH_NODE_TYPE_GRAPH:
		return sim_node_set_child(node, params->graph.graph);
	case CU_GRAPH_NODE_TYPE_EMPTY:
		return CUDA_SUCCESS;
	case CU_GRAPH_NODE_TYPE_WAIT_EVENT:
		return sim_node_set_event(node, params->eventWait.event);
	case CU_GRAPH_NODE_TYPE_EVENT_RECORD:
		return sim_node_set_event(node, params->eventRecord.event);
	case CU_GRAPH_NODE_TYPE_BATCH_MEM_OP:
		values = (CUDA_BATCH_MEM_OP_NODE_PARAMS){ params->memOp.ctx, params->memOp.count,
							  params->memOp.paramArray,
							  params->memOp.flags };
		return sim_node_set_values(node, &values);
	default:
		return CUDA_ERROR_NOT_SUPPORTED;
	}
}
