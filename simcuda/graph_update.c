/* SPDX-License-Identifier: Apache-2.0 */
/* Changing nodes in graphs and executable graphs, and a whole executable graph by a graph. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/graph.h"

#include <string.h>

/* --- nodes of graphs and of executable graphs, by the same rows ------------------------------- */
static struct sim_node *find_node(CUgraphNode handle, CUgraphNodeType type)
{
	struct sim_node *node = sim_node_of(handle);

	return node && node->type == type ? node : NULL;
}

/* The node's twin in the executable graph. */
static struct sim_node *find_in_exec(struct sim_graph_exec *exec, CUgraphNode handle,
				     CUgraphNodeType type)
{
	struct sim_node *node = find_node(handle, type);

	return exec && node ? sim_node_in_copy(exec->graph, node) : NULL;
}

static CUresult set_kernel_v1(struct sim_node *node, const CUDA_KERNEL_NODE_PARAMS_v1 *from)
{
	CUDA_KERNEL_NODE_PARAMS params = { 0 };

	if (!from)
		return CUDA_ERROR_INVALID_VALUE;
	memcpy(&params, from, sizeof(*from));
	return sim_node_set_kernel(node, &params);
}

#define GRAPH_CALL(symbol, type, param, set)			\
	IMPL(symbol)(CUgraphNode hNode, param)			\
	{							\
		struct sim_node *node;				\
		CUresult result = CUDA_ERROR_INVALID_VALUE;	\
								\
		pthread_mutex_lock(&sim_graph_lock);		\
		node = find_node(hNode, type);			\
		if (node)					\
			result = set;				\
		pthread_mutex_unlock(&sim_graph_lock);		\
		return result;					\
	}
#define EXEC_BODY(type, set)						\
	struct sim_graph_exec *exec = sim_graph_exec_of(hGraphExec);	\
	struct sim_node *node;						\
	CUresult result = CUDA_ERROR_INVALID_VALUE;			\
									\
	pthread_mutex_lock(&sim_graph_lock);				\
	node = find_in_exec(exec, hNode, type);				\
	if (node)							\
		result = set;						\
	if (!result)							\
		sim_graph_exec_changed(exec);				\
	pthread_mutex_unlock(&sim_graph_lock);				\
	return result;
#define EXEC_CALL(symbol, type, param, set)				\
	IMPL(symbol)(CUgraphExec hGraphExec, CUgraphNode hNode, param)	\
	{								\
		EXEC_BODY(type, set)					\
	}
#define BOTH_CALLS(name, type, param, set)		\
	GRAPH_CALL(cuGraph##name, type, param, set)	\
	EXEC_CALL(cuGraphExec##name, type, param, set)

BOTH_CALLS(KernelNodeSetParams, CU_GRAPH_NODE_TYPE_KERNEL,
	   const CUDA_KERNEL_NODE_PARAMS_v1 *nodeParams, set_kernel_v1(node, nodeParams))
BOTH_CALLS(KernelNodeSetParams_v2, CU_GRAPH_NODE_TYPE_KERNEL,
	   const CUDA_KERNEL_NODE_PARAMS *nodeParams, sim_node_set_kernel(node, nodeParams))
BOTH_CALLS(HostNodeSetParams, CU_GRAPH_NODE_TYPE_HOST, const CUDA_HOST_NODE_PARAMS *nodeParams,
	   sim_node_set_host(node, nodeParams))
BOTH_CALLS(EventRecordNodeSetEvent, CU_GRAPH_NODE_TYPE_EVENT_RECORD, CUevent event,
	   sim_node_set_event(node, event))
BOTH_CALLS(EventWaitNodeSetEvent, CU_GRAPH_NODE_TYPE_WAIT_EVENT, CUevent event,
	   sim_node_set_event(node, event))
BOTH_CALLS(BatchMemOpNodeSetParams, CU_GRAPH_NODE_TYPE_BATCH_MEM_OP,
	   const CUDA_BATCH_MEM_OP_NODE_PARAMS *nodeParams, sim_node_set_values(node, nodeParams))
GRAPH_CALL(cuGraphMemcpyNodeSetParams, CU_GRAPH_NODE_TYPE_MEMCPY, const CUDA_MEMCPY3D *nodeParams,
	   sim_node_set_copy(node, nodeParams, node->context))
GRAPH_CALL(cuGraphMemsetNodeSetParams, CU_GRAPH_NODE_TYPE_MEMSET,
	   const CUDA_MEMSET_NODE_PARAMS *nodeParams,
	   sim_node_set_set(node, nodeParams, node->context))

IMPL(cuGraphExecMemcpyNodeSetParams)(CUgraphExec hGraphExec, CUgraphNode hNode,
				     const CUDA_MEMCPY3D *copyParams, CUcontext ctx)
{
	EXEC_BODY(CU_GRAPH_NODE_TYPE_MEMCPY, sim_node_set_copy(node, copyParams, ctx))
}

IMPL(cuGraphExecMemsetNodeSetParams)(CUgraphExec hGraphExec, CUgraphNode hNode,
				     const CUDA_MEMSET_NODE_PARAMS *memsetParams, CUcontext ctx)
{
	EXEC_BODY(CU_GRAPH_NODE_TYPE_MEMSET, sim_node_set_set(node, memsetParams, ctx))
}

IMPL(cuGraphNodeSetParams)(CUgraphNode hNode, CUgraphNodeParams *nodeParams)
{
	struct sim_node *node;
	CUresult result = CUDA_ERROR_INVALID_VALUE;

	if (!nodeParams)
		return result;
	pthread_mutex_lock(&sim_graph_lock);
	node = find_node(hNode, nodeParams->type);
	if (node)
		result = sim_node_set_any(node, nodeParams);
	pthread_mutex_unlock(&sim_graph_lock);
	return result;
}

static CUresult exec_set_any(CUgraphExec hGraphExec, CUgraphNode hNode,
			     const CUgraphNodeParams *params){
	EXEC_BODY(params->type, sim_node_set_any(node, params))
}

IMPL(cuGraphExecNodeSetParams)(CUgraphExec hGraphExec, CUgraphNode hNode,
			       CUgraphNodeParams *nodeParams)
{
	if (!nodeParams)
		return CUDA_ERROR_INVALID_VALUE;
	if (nodeParams->type == CU_GRAPH_NODE_TYPE_GRAPH)
		return impl_cuGraphExecChildGraphNodeSetParams(hGraphExec, hNode,
							       nodeParams->graph.graph);
	return exec_set_any(hGraphExec, hNode, nodeParams);
}

IMPL(cuGraphKernelNodeSetAttribute)(CUgraphNode hNode, CUkernelNodeAttrID attr,
				    const CUkernelNodeAttrValue *value)
{
	struct sim_node *node = find_node(hNode, CU_GRAPH_NODE_TYPE_KERNEL);

	if (!node || !value || !sim_kernel_attribute(&node->task.kernel, attr, value))
		return CUDA_ERROR_INVALID_VALUE;
	return CUDA_SUCCESS;
}

IMPL(cuGraphKernelNodeCopyAttributes)(CUgraphNode dst, CUgraphNode src)
{
	struct sim_node *to = find_node(dst, CU_GRAPH_NODE_TYPE_KERNEL);
	struct sim_node *from = find_node(src, CU_GRAPH_NODE_TYPE_KERNEL);

	if (!to || !from)
		return CUDA_ERROR_INVALID_VALUE;
	memcpy(to->task.kernel.cluster, from->task.kernel.cluster, sizeof(to->task.kernel.cluster));
	to->task.kernel.launch_type = from->task.kernel.launch_type;
	to->task.kernel.priority = from->task.kernel.priority;
	to->task.kernel.has_priority = from->task.kernel.has_priority;
	to->task.kernel.is_programmatic = from->task.kernel.is_programmatic;
	return CUDA_SUCCESS;
}

IMPL(cuGraphNodeSetEnabled)(CUgraphExec hGraphExec, CUgraphNode hNode, unsigned int isEnabled)
{
	struct sim_graph_exec *exec = sim_graph_exec_of(hGraphExec);
	struct sim_node *original = sim_node_of(hNode), *node;
	CUresult result = CUDA_ERROR_INVALID_VALUE;

	if (!exec || !original || (original->type != CU_GRAPH_NODE_TYPE_KERNEL &&
				   original->type != CU_GRAPH_NODE_TYPE_MEMCPY &&
				   original->type != CU_GRAPH_NODE_TYPE_MEMSET))
		return result;
	pthread_mutex_lock(&sim_graph_lock);
	node = sim_node_in_copy(exec->graph, original);
	if (node) {
		node->is_disabled = !isEnabled;
		sim_graph_exec_changed(exec);
		result = CUDA_SUCCESS;
	}
	pthread_mutex_unlock(&sim_graph_lock);
	return result;
}

/* --- a whole graph ---------------------------------------------------------------------------- */
struct verdict {
	CUgraphExecUpdateResult result;
	const struct sim_node *node, *from;
};

static bool nodes_match(const struct sim_node *ours, const struct sim_node *theirs,
			struct verdict *verdict)
{
	verdict->node = theirs;
	if (ours->type != theirs->type) {
		verdict->result = CU_GRAPH_EXEC_UPDATE_ERROR_NODE_TYPE_CHANGED;
		return false;
	}
	verdict->result = CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED;
	if (ours->edge_count != theirs->edge_count)
		return false;
	for (size_t i = 0; i < ours->edge_count; i++) {
		verdict->from = theirs->edges[i].from;
		if (sim_node_position(ours->edges[i].from) !=
		    sim_node_position(theirs->edges[i].from))
			return false;
	}
	return true;
}

static bool graphs_match(const struct sim_graph *ours, const struct sim_graph *theirs,
			 struct verdict *verdict)
{
	verdict->result = CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED;
	verdict->node = verdict->from = NULL;
	if (ours->count != theirs->count)
		return false;
	for (size_t i = 0; i < ours->count; i++) {
		if (!nodes_match(ours->nodes[i], theirs->nodes[i], verdict))
			return false;
		if (ours->nodes[i]->child &&
		    !graphs_match(ours->nodes[i]->child, theirs->nodes[i]->child, verdict))
			return false;
		if ((ours->nodes[i]->type == CU_GRAPH_NODE_TYPE_MEM_ALLOC ||
		     ours->nodes[i]->type == CU_GRAPH_NODE_TYPE_MEM_FREE ||
		     ours->nodes[i]->type == CU_GRAPH_NODE_TYPE_CONDITIONAL)) {
			verdict->result = CU_GRAPH_EXEC_UPDATE_ERROR_NOT_SUPPORTED;
			return false;
		}
	}
	return true;
}

static CUresult graph_take(struct sim_graph *ours, const struct sim_graph *theirs)
{
	CUDA_BATCH_MEM_OP_NODE_PARAMS values;
	CUresult result = CUDA_SUCCESS;
	const struct sim_node *from;
	struct sim_node *to;

	for (size_t i = 0; i < ours->count && !result; i++) {
		to = ours->nodes[i];
		from = theirs->nodes[i];
		sim_node_tell(SIM_NODE_UPDATED, to, from);
		to->task = from->task;
		to->copy = from->copy;
		to->context = from->context;
		if (to->type == CU_GRAPH_NODE_TYPE_KERNEL)
			result = sim_node_set_arguments(to, from->task.kernel.function,
							from->params, NULL);
		if (to->type == CU_GRAPH_NODE_TYPE_BATCH_MEM_OP && from->values) {
			values = (CUDA_BATCH_MEM_OP_NODE_PARAMS){ from->context, from->value_count,
								  from->values, 0 };
			result = sim_node_set_values(to, &values);
		}
		if (to->child && !result)
			result = graph_take(to->child, from->child);
	}
	return result;
}

static CUresult exec_update(CUgraphExec exec_handle, CUgraph graph_handle, struct verdict *verdict)
{
	struct sim_graph_exec *exec = sim_graph_exec_of(exec_handle);
	struct sim_graph *graph = sim_graph_of(graph_handle);
	CUresult result = CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE;

	memset(verdict, 0, sizeof(*verdict));
	verdict->result = CU_GRAPH_EXEC_UPDATE_ERROR;
	if (!exec || !graph)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim_graph_lock);
	if (graphs_match(exec->graph, graph, verdict)) {
		result = graph_take(exec->graph, graph);
		sim_graph_exec_changed(exec);
		memset(verdict, 0, sizeof(*verdict));
		sim_host_cost("graph_update", 2000 + 300 * (uint64_t)graph->count);
	}
	pthread_mutex_unlock(&sim_graph_lock);
	return result;
}

IMPL(cuGraphExecUpdate_v2)(CUgraphExec hGraphExec, CUgraph hGraph,
		CUgraphExecUpdateResultInfo *resultInfo)
{
	struct verdict verdict;
	CUresult result = exec_update(hGraphExec, hGraph, &verdict);

	if (resultInfo)
		*resultInfo = (CUgraphExecUpdateResultInfo){ verdict.result,
							     (CUgraphNode)(uintptr_t)verdict.node,
							     (CUgraphNode)(uintptr_t)verdict.from };
	return result;
}

IMPL(cuGraphExecUpdate)(CUgraphExec hGraphExec, CUgraph hGraph, CUgraphNode *hErrorNode_out,
			CUgraphExecUpdateResult *updateResult_out)
{
	struct verdict verdict;
	CUresult result = exec_update(hGraphExec, hGraph, &verdict);

	if (hErrorNode_out)
		*hErrorNode_out = (CUgraphNode)(uintptr_t)verdict.node;
	if (updateResult_out)
		*updateResult_out = verdict.result;
	return result;
}

IMPL(cuGraphExecChildGraphNodeSetParams)(CUgraphExec hGraphExec, CUgraphNode hNode,
		CUgraph childGraph)
{
	struct sim_graph_exec *exec = sim_graph_exec_of(hGraphExec);
	struct sim_graph *graph = sim_graph_of(childGraph);
	struct verdict verdict;
	struct sim_node *node;
	CUresult result = CUDA_ERROR_INVALID_VALUE;

	pthread_mutex_lock(&sim_graph_lock);
	node = graph ? find_in_exec(exec, hNode, CU_GRAPH_NODE_TYPE_GRAPH) : NULL;
	if (node)
		result = graphs_match(node->child, graph, &verdict)
				 ? graph_take(node->child, graph)
				 : CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE;
	if (!result)
		sim_graph_exec_changed(exec);
	pthread_mutex_unlock(&sim_graph_lock);
	return result;
}
