/* SPDX-License-Identifier: Apache-2.0 */
/* Asking graphs: nodes, edges, parameters. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/graph.h"

#include <string.h>

/* --- lists: with no room given, only their length is told ------------------------------------- */
struct list {
	CUgraphNode *nodes, *others;
	CUgraphEdgeData *data;
	size_t room, count;
};

static void list_put(struct list *list, const struct sim_node *node, const struct sim_node *other,
		     const CUgraphEdgeData *data)
{
	if (list->nodes && list->count < list->room) {
		list->nodes[list->count] = (CUgraphNode)(uintptr_t)node;
		if (list->others)
			list->others[list->count] = (CUgraphNode)(uintptr_t)other;
		if (list->data && data)
			list->data[list->count] = *data;
	}
	list->count++;
}

/* As the driver does: *count becomes the number written, and places left over become NULL. */
static CUresult list_end(const struct list *list, size_t *count)
{
	if (list->nodes)
		for (size_t i = list->count; i < list->room; i++) {
			list->nodes[i] = NULL;
			if (list->others)
				list->others[i] = NULL;
		}
	*count = list->nodes && list->room < list->count ? list->room : list->count;
	return CUDA_SUCCESS;
}

static CUresult graph_nodes(CUgraph handle, CUgraphNode *nodes, size_t *count, bool only_roots)
{
	struct sim_graph *graph = sim_graph_of(handle);
	struct list list = { .nodes = nodes };

	if (!graph || !count)
		return CUDA_ERROR_INVALID_VALUE;
	list.room = *count;
	pthread_mutex_lock(&sim_graph_lock);
	for (size_t i = 0; i < graph->count; i++)
		if (!only_roots || !graph->nodes[i]->edge_count)
			list_put(&list, graph->nodes[i], NULL, NULL);
	pthread_mutex_unlock(&sim_graph_lock);
	return list_end(&list, count);
}

IMPL(cuGraphGetNodes)(CUgraph hGraph, CUgraphNode *nodes, size_t *numNodes)
{
	return graph_nodes(hGraph, nodes, numNodes, false);
}

IMPL(cuGraphGetRootNodes)(CUgraph hGraph, CUgraphNode *rootNodes, size_t *numRootNodes)
{
	return graph_nodes(hGraph, rootNodes, numRootNodes, true);
}

IMPL(cuGraphGetEdges_v2)(CUgraph hGraph, CUgraphNode *from, CUgraphNode *to,
		CUgraphEdgeData *edgeData, size_t *numEdges)
{
	struct sim_graph *graph = sim_graph_of(hGraph);
	struct list list = { .nodes = from, .others = to, .data = edgeData };
	const struct sim_node *node;

	if (!graph || !numEdges || (from && !to))
		return CUDA_ERROR_INVALID_VALUE;
	list.room = *numEdges;
	pthread_mutex_lock(&sim_graph_lock);
	for (size_t i = 0; i < graph->count; i++) {
		node = graph->nodes[i];
		for (size_t j = 0; j < node->edge_count; j++)
			list_put(&list, node->edges[j].from, node, &node->edges[j].data);
	}
	pthread_mutex_unlock(&sim_graph_lock);
	return list_end(&list, numEdges);
}

IMPL(cuGraphGetEdges)(CUgraph hGraph, CUgraphNode *from, CUgraphNode *to, size_t *numEdges)
{
	return impl_cuGraphGetEdges_v2(hGraph, from, to, NULL, numEdges);
}

IMPL(cuGraphNodeGetDependencies_v2)(CUgraphNode hNode, CUgraphNode *dependencies,
				    CUgraphEdgeData *edgeData, size_t *numDependencies)
{
	struct sim_node *node = sim_node_of(hNode);
	struct list list = { .nodes = dependencies, .data = edgeData };

	if (!node || !numDependencies)
		return CUDA_ERROR_INVALID_VALUE;
	list.room = *numDependencies;
	pthread_mutex_lock(&sim_graph_lock);
	for (size_t i = 0; i < node->edge_count; i++)
		list_put(&list, node->edges[i].from, NULL, &node->edges[i].data);
	pthread_mutex_unlock(&sim_graph_lock);
	return list_end(&list, numDependencies);
}

IMPL(cuGraphNodeGetDependencies)(CUgraphNode hNode, CUgraphNode *dependencies,
		size_t *numDependencies)
{
	return impl_cuGraphNodeGetDependencies_v2(hNode, dependencies, NULL, numDependencies);
}

IMPL(cuGraphNodeGetDependentNodes_v2)(CUgraphNode hNode, CUgraphNode *dependentNodes,
				      CUgraphEdgeData *edgeData, size_t *numDependentNodes)
{
	struct sim_node *node = sim_node_of(hNode), *other;
	struct list list = { .nodes = dependentNodes, .data = edgeData };

	if (!node || !numDependentNodes)
		return CUDA_ERROR_INVALID_VALUE;
	list.room = *numDependentNodes;
	pthread_mutex_lock(&sim_graph_lock);
	for (size_t i = 0; i < node->graph->count; i++) {
		other = node->graph->nodes[i];
		for (size_t j = 0; j < other->edge_count; j++)
			if (other->edges[j].from == node)
				list_put(&list, other, NULL, &other->edges[j].data);
	}
	pthread_mutex_unlock(&sim_graph_lock);
	return list_end(&list, numDependentNodes);
}

IMPL(cuGraphNodeGetDependentNodes)(CUgraphNode hNode, CUgraphNode *dependentNodes,
				   size_t *numDependentNodes)
{
	return impl_cuGraphNodeGetDependentNodes_v2(hNode, dependentNodes, NULL, numDependentNodes);
}

/* --- one node --------------------------------------------------------------------------------- */
static struct sim_node *node_of_type(CUgraphNode handle, CUgraphNodeType type, const void *out)
{
	struct sim_node *node = sim_node_of(handle);

	return node && node->type == type && out ? node : NULL;
}

IMPL(cuGraphNodeGetType)(CUgraphNode hNode, CUgraphNodeType *type)
{
	struct sim_node *node = sim_node_of(hNode);

	if (!node || !type)
		return CUDA_ERROR_INVALID_VALUE;
	*type = node->type;
	return CUDA_SUCCESS;
}

IMPL(cuGraphNodeFindInClone)(CUgraphNode *phNode, CUgraphNode hOriginalNode, CUgraph hClonedGraph)
{
	struct sim_graph *clone = sim_graph_of(hClonedGraph);
	struct sim_node *original = sim_node_of(hOriginalNode), *found;

	if (!phNode || !clone || !original)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim_graph_lock);
	found = sim_node_in_copy(clone, original);
	pthread_mutex_unlock(&sim_graph_lock);
	if (!found)
		return CUDA_ERROR_INVALID_VALUE;
	*phNode = (CUgraphNode)found;
	return CUDA_SUCCESS;
}

IMPL(cuGraphKernelNodeGetParams_v2)(CUgraphNode hNode, CUDA_KERNEL_NODE_PARAMS *nodeParams)
{
	struct sim_node *node = node_of_type(hNode, CU_GRAPH_NODE_TYPE_KERNEL, nodeParams);
	const struct sim_kernel *kernel;

	if (!node)
		return CUDA_ERROR_INVALID_VALUE;
	kernel = &node->task.kernel;
	*nodeParams = (CUDA_KERNEL_NODE_PARAMS){
		.func = (CUfunction)kernel->function,
		.gridDimX = kernel->grid[0],
		.gridDimY = kernel->grid[1],
		.gridDimZ = kernel->grid[2],
		.blockDimX = kernel->block[0],
		.blockDimY = kernel->block[1],
		.blockDimZ = kernel->block[2],
		.sharedMemBytes = kernel->dynamic_shared,
		.kernelParams = node->params,
		.ctx = node->context,
	};
	return CUDA_SUCCESS;
}

IMPL(cuGraphKernelNodeGetParams)(CUgraphNode hNode, CUDA_KERNEL_NODE_PARAMS_v1 *nodeParams)
{
	CUDA_KERNEL_NODE_PARAMS params;
	CUresult result = nodeParams ? impl_cuGraphKernelNodeGetParams_v2(hNode, &params) :
				       CUDA_ERROR_INVALID_VALUE;

	if (!result)
		memcpy(nodeParams, &params, sizeof(*nodeParams));
	return result;
}

IMPL(cuGraphKernelNodeGetAttribute)(CUgraphNode hNode, CUkernelNodeAttrID attr,
				    CUkernelNodeAttrValue *value_out)
{
	struct sim_node *node = node_of_type(hNode, CU_GRAPH_NODE_TYPE_KERNEL, value_out);
	const struct sim_kernel *kernel;

	if (!node)
		return CUDA_ERROR_INVALID_VALUE;
	kernel = &node->task.kernel;
	memset(value_out, 0, sizeof(*value_out));
	switch (attr) {
	case CU_LAUNCH_ATTRIBUTE_COOPERATIVE:
		value_out->cooperative = kernel->launch_type == 1;
		return CUDA_SUCCESS;
	case CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION:
		value_out->clusterDim.x = kernel->cluster[0];
		value_out->clusterDim.y = kernel->cluster[1];
		value_out->clusterDim.z = kernel->cluster[2];
		return CUDA_SUCCESS;
	case CU_LAUNCH_ATTRIBUTE_PRIORITY:
		value_out->priority = kernel->priority;
		return CUDA_SUCCESS;
	default:
		return attr < CU_LAUNCH_ATTRIBUTE_MAX ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
	}
}

static CUDA_MEMSET_NODE_PARAMS memset_params(const struct sim_set *set)
{
	return (CUDA_MEMSET_NODE_PARAMS){ (CUdeviceptr)(uintptr_t)set->destination, set->pitch,
					  set->value, set->element_bytes, set->width, set->height };
}

/* GET(symbol, type of node, what the call gives out, how): of nodes that keep it as it is. */
#define GET(symbol, type, out, expression)				\
	IMPL(symbol)(CUgraphNode hNode, out)				\
	{								\
		struct sim_node *node = node_of_type(hNode, type, given);	\
									\
		if (!node)						\
			return CUDA_ERROR_INVALID_VALUE;		\
		*given = expression;					\
		return CUDA_SUCCESS;					\
	}

GET(cuGraphMemcpyNodeGetParams, CU_GRAPH_NODE_TYPE_MEMCPY, CUDA_MEMCPY3D *given, node->copy)
GET(cuGraphMemsetNodeGetParams, CU_GRAPH_NODE_TYPE_MEMSET, CUDA_MEMSET_NODE_PARAMS *given,
    memset_params(&node->task.set))
GET(cuGraphHostNodeGetParams, CU_GRAPH_NODE_TYPE_HOST, CUDA_HOST_NODE_PARAMS *given,
    ((CUDA_HOST_NODE_PARAMS){ node->task.host.function, node->task.host.data }))
GET(cuGraphChildGraphNodeGetGraph, CU_GRAPH_NODE_TYPE_GRAPH, CUgraph *given, (CUgraph)node->child)
GET(cuGraphEventRecordNodeGetEvent, CU_GRAPH_NODE_TYPE_EVENT_RECORD, CUevent *given,
    (CUevent)node->task.event.event)
GET(cuGraphEventWaitNodeGetEvent, CU_GRAPH_NODE_TYPE_WAIT_EVENT, CUevent *given,
    (CUevent)node->task.event.event)
GET(cuGraphMemFreeNodeGetParams, CU_GRAPH_NODE_TYPE_MEM_FREE, CUdeviceptr *given, node->alloc.dptr)
GET(cuGraphBatchMemOpNodeGetParams, CU_GRAPH_NODE_TYPE_BATCH_MEM_OP,
    CUDA_BATCH_MEM_OP_NODE_PARAMS *given,
    ((CUDA_BATCH_MEM_OP_NODE_PARAMS){ node->context, node->value_count, node->values, 0 }))

IMPL(cuGraphMemAllocNodeGetParams)(CUgraphNode hNode, CUDA_MEM_ALLOC_NODE_PARAMS *params_out)
{
	struct sim_node *node = node_of_type(hNode, CU_GRAPH_NODE_TYPE_MEM_ALLOC, params_out);

	if (!node)
		return CUDA_ERROR_INVALID_VALUE;
	memcpy(params_out, &node->alloc, sizeof(*params_out));
	return CUDA_SUCCESS;
}

/* A disabled node of an executable graph keeps order and does nothing. */
IMPL(cuGraphNodeGetEnabled)(CUgraphExec hGraphExec, CUgraphNode hNode, unsigned int *isEnabled)
{
	struct sim_graph_exec *exec = sim_graph_exec_of(hGraphExec);
	struct sim_node *original = sim_node_of(hNode), *node = NULL;

	if (!exec || !original || !isEnabled)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim_graph_lock);
	node = sim_node_in_copy(exec->graph, original);
	if (node)
		*isEnabled = !node->is_disabled;
	pthread_mutex_unlock(&sim_graph_lock);
	return node ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
