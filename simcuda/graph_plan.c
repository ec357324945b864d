/* SPDX-License-Identifier: Apache-2.0 */
/* From a graph to what a launch runs: child graphs and conditional bodies laid out flat. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/graph.h"

#include <stdlib.h>
#include <string.h>

#define ROOT_DELAY_NS 500	/* from the start of a launch to its first nodes */

/* Where the nodes of one graph ended up in the plan. */
struct place {
	uint32_t first, last;		/* entry and exit of the node */
	bool is_placed;
};

static bool plan_depend(struct sim_graph_plan *plan, uint32_t on)
{
	size_t room = plan->dependency_room ? 2 * plan->dependency_room : 64;
	uint32_t *dependencies = plan->dependencies;

	if (plan->dependency_count == plan->dependency_room) {
		dependencies = realloc(dependencies, room * sizeof(*dependencies));
		if (!dependencies)
			return false;
		plan->dependencies = dependencies;
		plan->dependency_room = room;
	}
	plan->dependencies[plan->dependency_count++] = on;
	plan->nodes[plan->count - 1].count++;
	return true;
}

static bool plan_add(struct sim_graph_plan *plan, const struct sim_task *task, uint64_t id)
{
	size_t room = plan->room ? 2 * plan->room : 64;
	struct sim_plan_node *nodes = plan->nodes;

	if (plan->count == plan->room) {
		nodes = realloc(nodes, room * sizeof(*nodes));
		if (!nodes)
			return false;
		plan->nodes = nodes;
		plan->room = room;
	}
	plan->nodes[plan->count++] = (struct sim_plan_node){ *task, id,
							     (uint32_t)plan->dependency_count, 0 };
	return true;
}

static bool plan_place_graph(struct sim_graph_plan *plan, const struct sim_graph *graph,
			     uint32_t entry, uint32_t *exit);

static struct sim_graph *conditional_body(const struct sim_node *node)
{
	unsigned value = 0, size = node->conditional.size;

	for (const struct sim_condition *at = node->graph->conditions; at; at = at->next)
		if (at->handle == node->conditional.handle)
			value = at->value;
	/* Kernels do not run, so nobody changes the value: a loop's body runs once. */
	if (node->conditional.type == CU_GRAPH_COND_TYPE_SWITCH)
		return value < size ? node->bodies[value] : NULL;
	if (value)
		return node->bodies[0];
	return size > 1 ? node->bodies[1] : NULL;
}

static struct sim_task value_task(const CUstreamBatchMemOpParams *from)
{
	bool is_wide = from->operation == CU_STREAM_MEM_OP_WAIT_VALUE_64 ||
		       from->operation == CU_STREAM_MEM_OP_WRITE_VALUE_64;
	bool is_wait = from->operation == CU_STREAM_MEM_OP_WAIT_VALUE_32 ||
		       from->operation == CU_STREAM_MEM_OP_WAIT_VALUE_64;
	bool is_write = from->operation == CU_STREAM_MEM_OP_WRITE_VALUE_32 ||
			from->operation == CU_STREAM_MEM_OP_WRITE_VALUE_64;
	struct sim_task task = { .kind = SIM_TASK_EMPTY };

	if (!is_wait && !is_write)
		return task;
	task.kind = is_wait ? SIM_TASK_VALUE_WAIT : SIM_TASK_VALUE_WRITE;
	task.value.address = (void *)(uintptr_t)from->waitValue.address;
	task.value.value = is_wide ? from->waitValue.value64 : from->waitValue.value;
	task.value.flags = from->waitValue.flags;
	task.value.is_wide = is_wide;
	return task;
}

/* What follows a node's entry: a child graph, a body, a row of values. */
static bool plan_place_inside(struct sim_graph_plan *plan, const struct sim_node *node,
			      struct place *place)
{
	const struct sim_graph *inside = node->child;
	struct sim_task task;

	if (node->type == CU_GRAPH_NODE_TYPE_CONDITIONAL)
		inside = conditional_body(node);
	if (inside)
		return plan_place_graph(plan, inside, place->first, &place->last);
	for (unsigned i = 0; i < node->value_count; i++) {
		task = value_task(&node->values[i]);
		if (!plan_add(plan, &task, node->id) || !plan_depend(plan, place->last))
			return false;
		place->last = (uint32_t)plan->count - 1;
	}
	return true;
}

static bool plan_place_node(struct sim_graph_plan *plan, const struct sim_node *node,
			    const struct place *places, uint32_t entry, struct place *place)
{
	struct sim_task empty = { .kind = SIM_TASK_EMPTY };

	if (!plan_add(plan, node->is_disabled ? &empty : &node->task, node->id))
		return false;
	for (size_t i = 0; i < node->edge_count; i++)
		if (!plan_depend(plan, places[sim_node_position(node->edges[i].from)].last))
			return false;
	if (!node->edge_count && entry != UINT32_MAX && !plan_depend(plan, entry))
		return false;
	place->first = place->last = (uint32_t)plan->count - 1;
	place->is_placed = true;
	return plan_place_inside(plan, node, place);
}

static bool node_is_next(const struct sim_node *node, const struct place *places)
{
	for (size_t i = 0; i < node->edge_count; i++)
		if (!places[sim_node_position(node->edges[i].from)].is_placed)
			return false;
	return true;
}

/* An exit all leaves lead to, so that what follows has one thing to wait for. */
static bool plan_add_exit(struct sim_graph_plan *plan, const struct sim_graph *graph,
			  const struct place *places, uint32_t entry, uint32_t *exit)
{
	struct sim_task empty = { .kind = SIM_TASK_EMPTY };
	bool *has_successor = calloc(graph->count + 1, sizeof(*has_successor));
	bool is_whole = has_successor && plan_add(plan, &empty, 0);

	for (size_t i = 0; is_whole && i < graph->count; i++)
		for (size_t j = 0; j < graph->nodes[i]->edge_count; j++)
			has_successor[sim_node_position(graph->nodes[i]->edges[j].from)] = true;
	for (size_t i = 0; is_whole && i < graph->count; i++)
		if (!has_successor[i])
			is_whole = plan_depend(plan, places[i].last);
	if (is_whole && !graph->count)
		is_whole = plan_depend(plan, entry);
	free(has_successor);
	*exit = (uint32_t)plan->count - 1;
	return is_whole;
}

/* False when there is a cycle, or no memory. */
static bool plan_place_graph(struct sim_graph_plan *plan, const struct sim_graph *graph,
			     uint32_t entry, uint32_t *exit)
{
	struct place *places = calloc(graph->count + 1, sizeof(*places));
	size_t placed = 0, before;
	bool is_whole = places != NULL;

	do {
		before = placed;
		for (size_t i = 0; is_whole && i < graph->count; i++) {
			if (places[i].is_placed || !node_is_next(graph->nodes[i], places))
				continue;
			is_whole =
				plan_place_node(plan, graph->nodes[i], places, entry, &places[i]);
			placed++;
		}
	} while (is_whole && placed > before && placed < graph->count);
	is_whole = is_whole && placed == graph->count;
	if (is_whole && entry != UINT32_MAX)
		is_whole = plan_add_exit(plan, graph, places, entry, exit);
	free(places);
	return is_whole;
}

struct sim_graph_plan *sim_graph_plan_build(const struct sim_graph *graph)
{
	struct sim_graph_plan *plan = calloc(1, sizeof(*plan));
	uint32_t unused;

	if (!plan)
		return NULL;
	plan->refs = 1;
	if (plan_place_graph(plan, graph, UINT32_MAX, &unused))
		plan->scratch = calloc(plan->count + 1, sizeof(*plan->scratch));
	if (plan->scratch)
		return plan;
	sim_graph_plan_unref(plan);
	return NULL;
}

void sim_graph_plan_unref(struct sim_graph_plan *plan)
{
	if (--plan->refs)
		return;
	free(plan->nodes);
	free(plan->dependencies);
	free(plan->scratch);
	free(plan);
}

uint64_t sim_graph_plan_estimate(const struct sim_graph_plan *plan)
{
	return plan->estimate_ns;
}

static void expand_order(struct sim_graph_plan *plan, size_t at, struct sim_op *op)
{
	const struct sim_plan_node *node = &plan->nodes[at];
	struct sim_event *event = op->task.event.event;

	for (uint32_t i = 0; i < node->count; i++)
		sim_op_link(plan->scratch[plan->dependencies[node->first + i]], op,
			    SIM_CAUSE_GRAPH);
	if (op->task.kind == SIM_TASK_WAIT && event->op)
		sim_op_link(event->op, op, SIM_CAUSE_EVENT);
	if (op->task.kind == SIM_TASK_RECORD) {
		sim_op_ref(op);
		sim_event_set(event, op);
	}
	if (op->task.kind == SIM_TASK_HOST)
		sim_host_expect();
}

int sim_graph_expand(struct sim_op *launch, uint64_t now_ns)
{
	struct sim_graph_plan *plan = launch->task.graph.plan;
	struct sim_op *op;

	for (size_t i = 0; i < plan->count; i++) {
		op = sim_op_prepare(&plan->nodes[i].task, launch->stream, launch->submit_ns,
				    launch->correlation);
		op->tid = launch->tid;
		op->graph = launch;
		op->watched = launch->watched;
		op->graph_id = launch->graph_id;
		op->node = plan->nodes[i].id;
		op->cause = launch->cause;
		op->waited_for = launch->waited_for;
		op->ready_ns = now_ns + ROOT_DELAY_NS;
		/* A graph's memory stays the graph's until it is destroyed. */
		op->has_effect = op->has_effect && op->task.kind != SIM_TASK_MEMORY;
		sim_op_ref(launch);
		plan->scratch[i] = op;
		expand_order(plan, i, op);
	}
	for (size_t i = 0; i < plan->count; i++)
		sim_op_release(plan->scratch[i]);
	return (int)plan->count;
}

/* A lower bound for the whole, from durations alone: waiting threads sleep that long. */
void sim_graph_plan_foresee(struct sim_graph_plan *plan, struct sim_stream *stream)
{
	uint64_t *ends = calloc(plan->count + 1, sizeof(*ends)), end_ns, latest_ns = 0;
	const struct sim_plan_node *node;
	struct sim_op op;

	if (!ends)
		return;
	for (size_t i = 0; i < plan->count; i++) {
		node = &plan->nodes[i];
		memset(&op, 0, sizeof(op));
		op.task = node->task;
		op.stream = stream;
		op.context = stream->context;
		op.graph = &op;
		sim_cost_of(&op);
		end_ns = ROOT_DELAY_NS;
		for (uint32_t j = 0; j < node->count; j++)
			if (ends[plan->dependencies[node->first + j]] + sim_cost_gap(&op) > end_ns)
				end_ns = ends[plan->dependencies[node->first + j]] +
					 sim_cost_gap(&op);
		ends[i] = end_ns + op.duration_ns;
		if (ends[i] > latest_ns)
			latest_ns = ends[i];
	}
	free(ends);
	plan->estimate_ns = latest_ns - latest_ns / 16;
}
