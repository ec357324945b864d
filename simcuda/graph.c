/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs and nodes as data: handles, edges, copies. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/graph.h"

#include <stdlib.h>
#include <string.h>

/* Recursive: a node for memory allocates it, and allocating asks about captures. */
pthread_mutex_t sim_graph_lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static uint32_t last_graph_id;

/* What was freed, for the next of its kind: a stale handle must not read freed memory. */
static struct sim_graph *spare_graphs;
static struct sim_node *spare_nodes;
static struct sim_graph_exec *spare_execs;

struct sim_graph *sim_graph_of(CUgraph handle)
{
	struct sim_graph *graph = (struct sim_graph *)handle;

	return graph && (uintptr_t)handle % sizeof(void *) == 0 && graph->magic == SIM_MAGIC_GRAPH ?
	       graph : NULL;
}

struct sim_node *sim_node_of(CUgraphNode handle)
{
	struct sim_node *node = (struct sim_node *)handle;

	return node && (uintptr_t)handle % sizeof(void *) == 0 && node->magic == SIM_MAGIC_NODE ?
	       node : NULL;
}

struct sim_graph_exec *sim_graph_exec_of(CUgraphExec handle)
{
	struct sim_graph_exec *exec = (struct sim_graph_exec *)handle;

	return exec && (uintptr_t)handle % sizeof(void *) == 0 && exec->magic == SIM_MAGIC_EXEC ?
	       exec : NULL;
}

/* Graphs and executable graphs share their numbers, as the profiling interface has it. */
uint32_t sim_graph_next_id(void)
{
	return __atomic_add_fetch(&last_graph_id, 1, __ATOMIC_RELAXED);
}

struct sim_graph_exec *sim_graph_exec_new(void)
{
	struct sim_graph_exec *exec;

	pthread_mutex_lock(&sim_graph_lock);
	exec = spare_execs;
	if (exec) {
		spare_execs = exec->spare;
		memset(exec, 0, sizeof(*exec));
	} else {
		exec = calloc(1, sizeof(*exec));
	}
	pthread_mutex_unlock(&sim_graph_lock);
	return exec;
}

void sim_graph_exec_free(struct sim_graph_exec *exec)
{
	pthread_mutex_lock(&sim_graph_lock);
	exec->magic = 0;
	exec->spare = spare_execs;
	spare_execs = exec;
	pthread_mutex_unlock(&sim_graph_lock);
}

struct sim_graph *sim_graph_new(void)
{
	struct sim_graph *graph;

	pthread_mutex_lock(&sim_graph_lock);
	graph = spare_graphs;
	if (graph) {
		spare_graphs = graph->spare;
		memset(graph, 0, sizeof(*graph));
	} else {
		graph = calloc(1, sizeof(*graph));
	}
	pthread_mutex_unlock(&sim_graph_lock);
	if (!graph)
		return NULL;
	graph->magic = SIM_MAGIC_GRAPH;
	graph->id = sim_graph_next_id();
	return graph;
}

static void node_free(struct sim_node *node)
{
	node->magic = 0;
	if (node->child)
		sim_graph_free(node->child);
	if (node->bodies) {
		for (unsigned i = 0; i < node->conditional.size; i++)
			sim_graph_free(node->bodies[i]);
		free(node->bodies);
	}
	free(node->edges);
	free(node->params);
	free(node->values);
	node->spare = spare_nodes;
	spare_nodes = node;
}

void sim_user_object_release(struct sim_user_object *object, unsigned count)
{
	object->refs = count < object->refs ? object->refs - count : 0;
	if (object->refs)
		return;
	object->destroy(object->pointer);
	free(object);
}

void sim_graph_free(struct sim_graph *graph)
{
	struct sim_condition *condition, *next;

	graph->magic = 0;
	for (size_t i = 0; i < graph->count; i++)
		node_free(graph->nodes[i]);
	for (size_t i = 0; i < graph->object_count; i++)
		sim_user_object_release(graph->objects[i].object, graph->objects[i].count);
	for (condition = graph->conditions; condition; condition = next) {
		next = condition->next;
		free(condition);
	}
	free(graph->objects);
	free(graph->nodes);
	pthread_mutex_lock(&sim_graph_lock);
	graph->spare = spare_graphs;
	spare_graphs = graph;
	pthread_mutex_unlock(&sim_graph_lock);
}

CUresult sim_graph_retain(struct sim_graph *graph, struct sim_user_object *object, unsigned count)
{
	void *objects =
		realloc(graph->objects, (graph->object_count + 1) * sizeof(*graph->objects));

	if (!objects)
		return CUDA_ERROR_OUT_OF_MEMORY;
	graph->objects = objects;
	graph->objects[graph->object_count].object = object;
	graph->objects[graph->object_count++].count = count;
	return CUDA_SUCCESS;
}

/* By address: the allocation is gone already when its context was destroyed first. */
static void memory_give_back(void *base)
{
	struct sim_allocation *allocation = sim_memory_find(base);

	if (allocation && allocation->base == (uintptr_t)base)
		sim_memory_release(allocation);
}

/* Memory that the graph frees is used by all its launches, so it lives as long as the last copy of
 * the graph. */
CUresult sim_graph_own_memory(struct sim_graph *graph, struct sim_allocation *allocation)
{
	struct sim_user_object *object = malloc(sizeof(*object));
	CUresult result = CUDA_ERROR_OUT_OF_MEMORY;

	if (!object)
		return result;
	*object = (struct sim_user_object){ 1, memory_give_back, (void *)allocation->base };
	result = sim_graph_retain(graph, object, 1);
	if (result)
		free(object);
	return result;
}

static bool graph_reserve(struct sim_graph *graph)
{
	size_t room = graph->room ? 2 * graph->room : 16;
	struct sim_node **nodes;

	if (graph->count < graph->room)
		return true;
	nodes = realloc(graph->nodes, room * sizeof(*nodes));
	if (!nodes)
		return false;
	graph->nodes = nodes;
	graph->room = room;
	return true;
}

static struct sim_node *node_new(struct sim_graph *graph, CUgraphNodeType type)
{
	struct sim_node *node;

	if (!graph_reserve(graph))
		return NULL;
	node = spare_nodes;
	if (node) {
		spare_nodes = node->spare;
		memset(node, 0, sizeof(*node));
	} else {
		node = calloc(1, sizeof(*node));
	}
	if (!node)
		return NULL;
	node->magic = SIM_MAGIC_NODE;
	node->type = type;
	node->graph = graph;
	node->index = graph->last_index++;
	node->id = ((uint64_t)graph->id << 32) | (node->index + 1);
	graph->nodes[graph->count++] = node;
	return node;
}

CUresult sim_edge_add(struct sim_node *from, struct sim_node *to, const CUgraphEdgeData *data)
{
	size_t room = to->edge_room ? 2 * to->edge_room : 4;
	struct sim_edge_from *edges = to->edges;

	if (from->graph != to->graph || from == to)
		return CUDA_ERROR_INVALID_VALUE;
	for (size_t i = 0; i < to->edge_count; i++)
		if (to->edges[i].from == from)
			return CUDA_ERROR_INVALID_VALUE;
	if (to->edge_count == to->edge_room) {
		edges = realloc(edges, room * sizeof(*edges));
		if (!edges)
			return CUDA_ERROR_OUT_OF_MEMORY;
		to->edges = edges;
		to->edge_room = room;
	}
	memset(&edges[to->edge_count], 0, sizeof(*edges));
	edges[to->edge_count].from = from;
	if (data)
		edges[to->edge_count].data = *data;
	to->edge_count++;
	return CUDA_SUCCESS;
}

CUresult sim_node_add(struct sim_graph *graph, CUgraphNodeType type,
		      const CUgraphNode *dependencies, const CUgraphEdgeData *data, size_t count,
		      struct sim_node **out)
{
	CUresult result = CUDA_SUCCESS;
	struct sim_node *node, *from;

	if (count && !dependencies)
		return CUDA_ERROR_INVALID_VALUE;
	node = node_new(graph, type);
	if (!node)
		return CUDA_ERROR_OUT_OF_MEMORY;
	for (size_t i = 0; i < count && !result; i++) {
		from = sim_node_of(dependencies[i]);
		result = from ? sim_edge_add(from, node, data ? &data[i] : NULL) :
				CUDA_ERROR_INVALID_VALUE;
	}
	if (result)
		sim_node_remove(node);
	else
		*out = node;
	return result;
}

static void edges_forget(struct sim_node *node, const struct sim_node *from)
{
	for (size_t i = 0; i < node->edge_count; i++)
		if (node->edges[i].from == from)
			node->edges[i--] = node->edges[--node->edge_count];
}

/* Nodes stand in order of creation, so the removed ones only let others move down. */
size_t sim_node_position(const struct sim_node *node)
{
	const struct sim_graph *graph = node->graph;
	size_t at = node->index < graph->count ? node->index : graph->count - 1;

	while (graph->nodes[at] != node)
		at--;
	return at;
}

void sim_node_remove(struct sim_node *node)
{
	struct sim_graph *graph = node->graph;
	size_t at = sim_node_position(node);

	graph->count--;
	memmove(&graph->nodes[at], &graph->nodes[at + 1],
		(graph->count - at) * sizeof(*graph->nodes));
	for (size_t i = 0; i < graph->count; i++)
		edges_forget(graph->nodes[i], node);
	node_free(node);
}

struct sim_node *sim_node_in_copy(const struct sim_graph *copy, const struct sim_node *origin)
{
	/* Usually at the very place it has in the original. */
	if (origin->index < copy->count && copy->nodes[origin->index]->origin == origin)
		return copy->nodes[origin->index];
	for (size_t i = 0; i < copy->count; i++)
		if (copy->nodes[i]->origin == origin)
			return copy->nodes[i];
	return NULL;
}

/* --- copies ----------------------------------------------------------------------------------- */
static bool node_copy_bodies(struct sim_node *node, const struct sim_node *origin)
{
	node->bodies = calloc(origin->conditional.size, sizeof(*node->bodies));
	if (!node->bodies)
		return false;
	for (unsigned i = 0; i < origin->conditional.size; i++) {
		node->bodies[i] = sim_graph_copy(origin->bodies[i]);
		if (!node->bodies[i])
			return false;
		node->bodies[i]->is_owned = true;
	}
	return true;
}

static bool node_copy(struct sim_graph *copy, const struct sim_node *origin)
{
	struct sim_node *node = node_new(copy, origin->type);

	if (!node)
		return false;
	node->origin = origin;
	node->task = origin->task;
	node->context = origin->context;
	node->copy = origin->copy;
	node->alloc = origin->alloc;
	node->conditional = origin->conditional;
	node->is_disabled = origin->is_disabled;
	if (origin->params &&
	    sim_node_set_arguments(node, origin->task.kernel.function, origin->params, NULL))
		return false;
	if (origin->child) {
		node->child = sim_graph_copy(origin->child);
		if (!node->child)
			return false;
		node->child->is_owned = true;
	}
	if (origin->values) {
		node->values = malloc(origin->value_count * sizeof(*node->values));
		if (!node->values)
			return false;
		memcpy(node->values, origin->values, origin->value_count * sizeof(*node->values));
		node->value_count = origin->value_count;
	}
	return !origin->bodies || node_copy_bodies(node, origin);
}

static bool graph_copy_edges(struct sim_graph *copy, const struct sim_graph *graph)
{
	const struct sim_node *origin;

	for (size_t i = 0; i < graph->count; i++) {
		origin = graph->nodes[i];
		for (size_t j = 0; j < origin->edge_count; j++)
			if (sim_edge_add(sim_node_in_copy(copy, origin->edges[j].from),
					 copy->nodes[i], &origin->edges[j].data))
				return false;
	}
	return true;
}

static bool graph_copy_rest(struct sim_graph *copy, const struct sim_graph *graph)
{
	struct sim_condition *condition;

	for (const struct sim_condition *from = graph->conditions; from; from = from->next) {
		condition = malloc(sizeof(*condition));
		if (!condition)
			return false;
		*condition = *from;
		condition->next = copy->conditions;
		copy->conditions = condition;
	}
	if (!graph->object_count)
		return true;
	copy->objects = malloc(graph->object_count * sizeof(*copy->objects));
	if (!copy->objects)
		return false;
	memcpy(copy->objects, graph->objects, graph->object_count * sizeof(*copy->objects));
	copy->object_count = graph->object_count;
	for (size_t i = 0; i < copy->object_count; i++)
		copy->objects[i].object->refs += copy->objects[i].count;
	return true;
}

struct sim_graph *sim_graph_copy(const struct sim_graph *graph)
{
	struct sim_graph *copy = sim_graph_new();
	bool is_whole = copy != NULL;

	for (size_t i = 0; is_whole && i < graph->count; i++)
		is_whole = node_copy(copy, graph->nodes[i]);
	if (is_whole && graph_copy_edges(copy, graph) && graph_copy_rest(copy, graph)) {
		copy->origin = graph;
		for (size_t i = 0; i < copy->count; i++)
			sim_node_tell(SIM_NODE_CLONED, copy->nodes[i], copy->nodes[i]->origin);
		return copy;
	}
	if (copy)
		sim_graph_free(copy);
	return NULL;
}
