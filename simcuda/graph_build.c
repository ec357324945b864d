/* SPDX-License-Identifier: Apache-2.0 */
/* Building graphs: nodes of each type, edges, changes of nodes. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/graph.h"

#include <stdlib.h>
#include <string.h>

/* Where a new node goes. */
struct spot {
	CUgraphNode *out;
	CUgraph graph;
	const CUgraphNode *dependencies;
	const CUgraphEdgeData *data;
	size_t count;
};

static CUresult spot_add(const struct spot *spot, CUgraphNodeType type, struct sim_node **node)
{
	struct sim_graph *graph = sim_graph_of(spot->graph);

	if (!spot->out || !graph)
		return CUDA_ERROR_INVALID_VALUE;
	return sim_node_add(graph, type, spot->dependencies, spot->data, spot->count, node);
}

/* After the node's parameters were set: keeps it, or takes it back. */
static CUresult spot_keep(const struct spot *spot, struct sim_node *node, CUresult result)
{
	if (result) {
		sim_node_remove(node);
		return result;
	}
	*spot->out = (CUgraphNode)node;
	sim_node_tell(SIM_NODE_CREATED, node, NULL);
	return CUDA_SUCCESS;
}

#define SPOT										\
	CUgraphNode *phGraphNode, CUgraph hGraph, const CUgraphNode *dependencies,	\
		size_t numDependencies
#define ADD_NODE(symbol, type, params, set)							\
	IMPL(symbol)(SPOT, params)								\
	{											\
		struct spot spot = { phGraphNode, hGraph, dependencies, NULL, numDependencies }; \
		struct sim_node *node;								\
		CUresult result;								\
												\
		pthread_mutex_lock(&sim_graph_lock);						\
		result = spot_add(&spot, type, &node);						\
		if (!result)									\
			result = spot_keep(&spot, node, set);					\
		pthread_mutex_unlock(&sim_graph_lock);						\
		return result;									\
	}

static CUresult set_kernel_v1(struct sim_node *node, const CUDA_KERNEL_NODE_PARAMS_v1 *from)
{
	CUDA_KERNEL_NODE_PARAMS params = { 0 };

	if (!from)
		return CUDA_ERROR_INVALID_VALUE;
	memcpy(&params, from, sizeof(*from));
	return sim_node_set_kernel(node, &params);
}

/* The memory is the graph's own, at one address for all its launches. */
static CUresult set_alloc(struct sim_node *node, CUDA_MEM_ALLOC_NODE_PARAMS_v2 *params)
{
	CUresult result;

	if (!params || !params->bytesize)
		return CUDA_ERROR_INVALID_VALUE;
	result = impl_cuMemAlloc_v2(&params->dptr, params->bytesize);
	if (result)
		return result;
	node->alloc = *params;
	node->task.kind = SIM_TASK_MEMORY;
	node->task.memory.allocation = sim_memory_find((void *)(uintptr_t)params->dptr);
	node->task.memory.allocation_bytes = params->bytesize;
	return CUDA_SUCCESS;
}

static CUresult set_free(struct sim_node *node, CUdeviceptr address)
{
	struct sim_allocation *allocation = sim_memory_find((void *)(uintptr_t)address);

	if (!allocation || allocation->base != address)
		return CUDA_ERROR_INVALID_VALUE;
	node->alloc.dptr = address;
	node->task.kind = SIM_TASK_MEMORY;
	node->task.memory.allocation = allocation;
	node->task.memory.allocation_bytes = allocation->bytes;
	node->task.memory.is_free = true;
	return sim_graph_own_memory(node->graph, allocation);
}

ADD_NODE(cuGraphAddKernelNode, CU_GRAPH_NODE_TYPE_KERNEL,
	 const CUDA_KERNEL_NODE_PARAMS_v1 *nodeParams, set_kernel_v1(node, nodeParams))
ADD_NODE(cuGraphAddKernelNode_v2, CU_GRAPH_NODE_TYPE_KERNEL,
	 const CUDA_KERNEL_NODE_PARAMS *nodeParams, sim_node_set_kernel(node, nodeParams))
ADD_NODE(cuGraphAddHostNode, CU_GRAPH_NODE_TYPE_HOST, const CUDA_HOST_NODE_PARAMS *nodeParams,
	 sim_node_set_host(node, nodeParams))
ADD_NODE(cuGraphAddChildGraphNode, CU_GRAPH_NODE_TYPE_GRAPH, CUgraph childGraph,
	 sim_node_set_child(node, childGraph))
ADD_NODE(cuGraphAddEventRecordNode, CU_GRAPH_NODE_TYPE_EVENT_RECORD, CUevent event,
	 sim_node_set_event(node, event))
ADD_NODE(cuGraphAddEventWaitNode, CU_GRAPH_NODE_TYPE_WAIT_EVENT, CUevent event,
	 sim_node_set_event(node, event))
ADD_NODE(cuGraphAddMemAllocNode, CU_GRAPH_NODE_TYPE_MEM_ALLOC,
	 CUDA_MEM_ALLOC_NODE_PARAMS *nodeParams,
	 set_alloc(node, (CUDA_MEM_ALLOC_NODE_PARAMS_v2 *)nodeParams))
ADD_NODE(cuGraphAddMemFreeNode, CU_GRAPH_NODE_TYPE_MEM_FREE, CUdeviceptr dptr, set_free(node, dptr))
ADD_NODE(cuGraphAddBatchMemOpNode, CU_GRAPH_NODE_TYPE_BATCH_MEM_OP,
	 const CUDA_BATCH_MEM_OP_NODE_PARAMS *nodeParams, sim_node_set_values(node, nodeParams))

IMPL(cuGraphAddEmptyNode)(SPOT)
{
	struct spot spot = { phGraphNode, hGraph, dependencies, NULL, numDependencies };
	struct sim_node *node;
	CUresult result;

	pthread_mutex_lock(&sim_graph_lock);
	result = spot_add(&spot, CU_GRAPH_NODE_TYPE_EMPTY, &node);
	if (!result)
		result = spot_keep(&spot, node, CUDA_SUCCESS);
	pthread_mutex_unlock(&sim_graph_lock);
	return result;
}

IMPL(cuGraphAddMemcpyNode)(SPOT, const CUDA_MEMCPY3D *copyParams, CUcontext ctx)
{
	struct spot spot = { phGraphNode, hGraph, dependencies, NULL, numDependencies };
	struct sim_node *node;
	CUresult result;

	pthread_mutex_lock(&sim_graph_lock);
	result = spot_add(&spot, CU_GRAPH_NODE_TYPE_MEMCPY, &node);
	if (!result)
		result = spot_keep(&spot, node, sim_node_set_copy(node, copyParams, ctx));
	pthread_mutex_unlock(&sim_graph_lock);
	return result;
}

IMPL(cuGraphAddMemsetNode)(SPOT, const CUDA_MEMSET_NODE_PARAMS *memsetParams, CUcontext ctx)
{
	struct spot spot = { phGraphNode, hGraph, dependencies, NULL, numDependencies };
	struct sim_node *node;
	CUresult result;

	pthread_mutex_lock(&sim_graph_lock);
	result = spot_add(&spot, CU_GRAPH_NODE_TYPE_MEMSET, &node);
	if (!result)
		result = spot_keep(&spot, node, sim_node_set_set(node, memsetParams, ctx));
	pthread_mutex_unlock(&sim_graph_lock);
	return result;
}

/* --- the generic call, and conditional nodes -------------------------------------------------- */
static CUresult set_conditional(struct sim_node *node, CUDA_CONDITIONAL_NODE_PARAMS *params)
{
	const struct sim_condition *condition = node->graph->conditions;

	while (condition && condition->handle != params->handle)
		condition = condition->next;
	if (!condition || !params->size || params->size > 64 ||
	    (params->type == CU_GRAPH_COND_TYPE_WHILE && params->size != 1) ||
	    (params->type == CU_GRAPH_COND_TYPE_IF && params->size > 2))
		return CUDA_ERROR_INVALID_VALUE;
	node->bodies = calloc(params->size, sizeof(*node->bodies));
	if (!node->bodies)
		return CUDA_ERROR_OUT_OF_MEMORY;
	node->conditional = *params;
	for (unsigned i = 0; i < params->size; i++) {
		node->bodies[i] = sim_graph_new();
		if (!node->bodies[i]) {
			node->conditional.size = i;
			return CUDA_ERROR_OUT_OF_MEMORY;
		}
		node->bodies[i]->is_owned = true;
	}
	node->conditional.phGraph_out = (CUgraph *)node->bodies;
	params->phGraph_out = node->conditional.phGraph_out;
	return CUDA_SUCCESS;
}

static CUresult set_new(struct sim_node *node, CUgraphNodeParams *params)
{
	switch (params->type) {
	case CU_GRAPH_NODE_TYPE_MEM_ALLOC:
		return set_alloc(node, &params->alloc);
	case CU_GRAPH_NODE_TYPE_MEM_FREE:
		return set_free(node, params->free.dptr);
	case CU_GRAPH_NODE_TYPE_CONDITIONAL:
		return set_conditional(node, &params->conditional);
	default:
		return sim_node_set_any(node, params);
	}
}

static CUresult add_any(const struct spot *spot, CUgraphNodeParams *params)
{
	struct sim_node *node;
	CUresult result;

	if (!params)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim_graph_lock);
	result = spot_add(spot, params->type, &node);
	if (!result)
		result = spot_keep(spot, node, set_new(node, params));
	pthread_mutex_unlock(&sim_graph_lock);
	return result;
}

IMPL(cuGraphAddNode)(SPOT, CUgraphNodeParams *nodeParams)
{
	struct spot spot = { phGraphNode, hGraph, dependencies, NULL, numDependencies };

	return add_any(&spot, nodeParams);
}

IMPL(cuGraphAddNode_v2)(CUgraphNode *phGraphNode, CUgraph hGraph, const CUgraphNode *dependencies,
			const CUgraphEdgeData *dependencyData, size_t numDependencies,
			CUgraphNodeParams *nodeParams)
{
	struct spot spot = { phGraphNode, hGraph, dependencies, dependencyData, numDependencies };

	return add_any(&spot, nodeParams);
}

IMPL(cuGraphConditionalHandleCreate)(CUgraphConditionalHandle *pHandle_out, CUgraph hGraph,
		CUcontext ctx, unsigned int defaultLaunchValue, unsigned int flags)
{
	static CUgraphConditionalHandle last_handle;
	struct sim_graph *graph = sim_graph_of(hGraph);
	struct sim_condition *condition;

	(void)ctx;
	if (!pHandle_out || !graph || flags > 1)
		return CUDA_ERROR_INVALID_VALUE;
	condition = malloc(sizeof(*condition));
	if (!condition)
		return CUDA_ERROR_OUT_OF_MEMORY;
	pthread_mutex_lock(&sim_graph_lock);
	*condition = (struct sim_condition){ graph->conditions, ++last_handle, defaultLaunchValue,
					     flags };
	graph->conditions = condition;
	*pHandle_out = condition->handle;
	pthread_mutex_unlock(&sim_graph_lock);
	return CUDA_SUCCESS;
}

/* --- edges ------------------------------------------------------------------------------------ */
static CUresult edge_remove(struct sim_node *from, struct sim_node *to)
{
	for (size_t i = 0; i < to->edge_count; i++)
		if (to->edges[i].from == from) {
			to->edges[i] = to->edges[--to->edge_count];
			return CUDA_SUCCESS;
		}
	return CUDA_ERROR_INVALID_VALUE;
}

static CUresult edges_change(CUgraph handle, const CUgraphNode *from, const CUgraphNode *to,
			     const CUgraphEdgeData *data, size_t count, bool is_removal)
{
	struct sim_graph *graph = sim_graph_of(handle);
	struct sim_node *first, *second;
	CUresult result = CUDA_SUCCESS;

	if (!graph || (count && (!from || !to)))
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim_graph_lock);
	for (size_t i = 0; i < count && !result; i++) {
		first = sim_node_of(from[i]);
		second = sim_node_of(to[i]);
		if (!first || !second || first->graph != graph)
			result = CUDA_ERROR_INVALID_VALUE;
		else
			result = is_removal ? edge_remove(first, second) :
					      sim_edge_add(first, second, data ? &data[i] : NULL);
	}
	pthread_mutex_unlock(&sim_graph_lock);
	return result;
}

#define EDGES CUgraph hGraph, const CUgraphNode *from, const CUgraphNode *to

IMPL(cuGraphAddDependencies)(EDGES, size_t numDependencies)
{
	return edges_change(hGraph, from, to, NULL, numDependencies, false);
}

IMPL(cuGraphAddDependencies_v2)(EDGES, const CUgraphEdgeData *edgeData, size_t numDependencies)
{
	return edges_change(hGraph, from, to, edgeData, numDependencies, false);
}

IMPL(cuGraphRemoveDependencies)(EDGES, size_t numDependencies)
{
	return edges_change(hGraph, from, to, NULL, numDependencies, true);
}

IMPL(cuGraphRemoveDependencies_v2)(EDGES, const CUgraphEdgeData *edgeData, size_t numDependencies)
{
	return edges_change(hGraph, from, to, edgeData, numDependencies, true);
}
