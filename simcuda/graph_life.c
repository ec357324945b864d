/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs come and go: creation, copies, destruction, objects they keep alive, their picture. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/graph.h"

#include <stdio.h>
#include <stdlib.h>

IMPL(cuGraphCreate)(CUgraph *phGraph, unsigned int flags)
{
	struct sim_graph *graph;

	if (!phGraph || flags)
		return CUDA_ERROR_INVALID_VALUE;
	graph = sim_graph_new();
	if (!graph)
		return CUDA_ERROR_OUT_OF_MEMORY;
	*phGraph = (CUgraph)graph;
	return CUDA_SUCCESS;
}

IMPL(cuGraphDestroy)(CUgraph hGraph)
{
	struct sim_graph *graph = sim_graph_of(hGraph);
	CUresult result;

	if (!graph || graph->is_owned)
		return CUDA_ERROR_INVALID_VALUE;
	result = sim_capture_check_graph(graph);
	if (result)
		return result;
	pthread_mutex_lock(&sim_graph_lock);
	sim_graph_free(graph);
	pthread_mutex_unlock(&sim_graph_lock);
	return CUDA_SUCCESS;
}

IMPL(cuGraphClone)(CUgraph *phGraphClone, CUgraph originalGraph)
{
	struct sim_graph *graph = sim_graph_of(originalGraph), *copy;

	if (!phGraphClone || !graph)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim_graph_lock);
	copy = sim_graph_copy(graph);
	pthread_mutex_unlock(&sim_graph_lock);
	if (!copy)
		return CUDA_ERROR_OUT_OF_MEMORY;
	*phGraphClone = (CUgraph)copy;
	return CUDA_SUCCESS;
}

IMPL(cuGraphDestroyNode)(CUgraphNode hNode)
{
	struct sim_node *node = sim_node_of(hNode);

	if (!node)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim_graph_lock);
	sim_node_remove(node);
	pthread_mutex_unlock(&sim_graph_lock);
	return CUDA_SUCCESS;
}

static const char *const type_names[] = { "KERNEL", "MEMCPY", "MEMSET", "HOST", "GRAPH", "EMPTY",
	"WAIT_EVENT", "EVENT_RECORD", "EXT_SEMAS_SIGNAL", "EXT_SEMAS_WAIT", "MEM_ALLOC", "MEM_FREE",
	"BATCH_MEM_OP", "CONDITIONAL" };

static void print_graph(FILE *file, const struct sim_graph *graph)
{
	const struct sim_node *node;

	fprintf(file, "digraph dot {\nsubgraph cluster_%u {\nlabel=\"graph_%u\"\n", graph->id,
		graph->id);
	for (size_t i = 0; i < graph->count; i++) {
		node = graph->nodes[i];
		fprintf(file, "\"graph_%u_node_%u\"[shape=\"box\" label=\"%u\\n%s%s%s\"];\n",
			graph->id, node->index, node->index, type_names[node->type],
			node->task.kind == SIM_TASK_KERNEL ? "\\n" : "",
			node->task.kind == SIM_TASK_KERNEL ? node->task.kernel.function->name : "");
	}
	for (size_t i = 0; i < graph->count; i++)
		for (size_t j = 0; j < graph->nodes[i]->edge_count; j++)
			fprintf(file, "\"graph_%u_node_%u\" -> \"graph_%u_node_%u\";\n", graph->id,
				graph->nodes[i]->edges[j].from->index, graph->id,
				graph->nodes[i]->index);
	fprintf(file, "}\n}\n");
}

IMPL(cuGraphDebugDotPrint)(CUgraph hGraph, const char *path, unsigned int flags)
{
	struct sim_graph *graph = sim_graph_of(hGraph);
	FILE *file;

	(void)flags;
	if (!graph || !path)
		return CUDA_ERROR_INVALID_VALUE;
	file = fopen(path, "we");
	if (!file)
		return CUDA_ERROR_OPERATING_SYSTEM;
	pthread_mutex_lock(&sim_graph_lock);
	print_graph(file, graph);
	pthread_mutex_unlock(&sim_graph_lock);
	return fclose(file) ? CUDA_ERROR_OPERATING_SYSTEM : CUDA_SUCCESS;
}

/* --- user objects ----------------------------------------------------------------------------- */
IMPL(cuUserObjectCreate)(CUuserObject *object_out, void *ptr, CUhostFn destroy,
			 unsigned int initialRefcount, unsigned int flags)
{
	struct sim_user_object *object;

	if (!object_out || !destroy || !initialRefcount ||
	    flags != CU_USER_OBJECT_NO_DESTRUCTOR_SYNC)
		return CUDA_ERROR_INVALID_VALUE;
	object = malloc(sizeof(*object));
	if (!object)
		return CUDA_ERROR_OUT_OF_MEMORY;
	*object = (struct sim_user_object){ initialRefcount, destroy, ptr };
	*object_out = (CUuserObject)object;
	return CUDA_SUCCESS;
}

IMPL(cuUserObjectRetain)(CUuserObject handle, unsigned int count)
{
	if (!handle || !count)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim_graph_lock);
	((struct sim_user_object *)handle)->refs += count;
	pthread_mutex_unlock(&sim_graph_lock);
	return CUDA_SUCCESS;
}

IMPL(cuUserObjectRelease)(CUuserObject handle, unsigned int count)
{
	if (!handle || !count)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim_graph_lock);
	sim_user_object_release((struct sim_user_object *)handle, count);
	pthread_mutex_unlock(&sim_graph_lock);
	return CUDA_SUCCESS;
}

IMPL(cuGraphRetainUserObject)(CUgraph handle, CUuserObject object_handle, unsigned int count,
			      unsigned int flags)
{
	struct sim_graph *graph = sim_graph_of(handle);
	struct sim_user_object *object = (struct sim_user_object *)object_handle;
	CUresult result;

	if (!graph || !object || !count || flags > 1)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim_graph_lock);
	result = sim_graph_retain(graph, object, count);
	if (!result && !flags)		/* not moved: references of its own */
		object->refs += count;
	pthread_mutex_unlock(&sim_graph_lock);
	return result;
}

IMPL(cuGraphReleaseUserObject)(CUgraph handle, CUuserObject object_handle, unsigned int count)
{
	struct sim_graph *graph = sim_graph_of(handle);
	struct sim_user_object *object = (struct sim_user_object *)object_handle;
	CUresult result = CUDA_ERROR_INVALID_VALUE;

	if (!graph || !object || !count)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim_graph_lock);
	for (size_t i = 0; i < graph->object_count; i++) {
		if (graph->objects[i].object != object || graph->objects[i].count < count)
			continue;
		graph->objects[i].count -= count;
		if (!graph->objects[i].count)
			graph->objects[i] = graph->objects[--graph->object_count];
		sim_user_object_release(object, count);
		result = CUDA_SUCCESS;
		break;
	}
	pthread_mutex_unlock(&sim_graph_lock);
	return result;
}
