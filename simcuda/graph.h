/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of graphs: nodes, executable graphs, captures. */
#ifndef GPUTRAIL_SIMCUDA_GRAPH_H
#define GPUTRAIL_SIMCUDA_GRAPH_H

#include "simcuda/engine.h"

#define SIM_MAGIC_GRAPH 0x47525048u
#define SIM_MAGIC_NODE 0x4e4f4445u
#define SIM_MAGIC_EXEC 0x45584543u

struct sim_edge_from {
	struct sim_node *from;
	CUgraphEdgeData data;
};

struct sim_node {
	uint32_t magic;
	uint32_t index;				/* in order of creation */
	struct sim_node *spare;			/* once freed */
	CUgraphNodeType type;
	bool is_disabled;			/* in an executable graph */
	uint64_t id;				/* graph's id in the upper half, index + 1 below */
	struct sim_graph *graph;
	const struct sim_node *origin;		/* what it was cloned from; a key, never followed */
	struct sim_edge_from *edges;		/* what it depends on */
	size_t edge_count, edge_room;
	struct sim_task task;
	void **params;				/* kernel: own copies of the arguments */
	CUcontext context;			/* as given */
	CUDA_MEMCPY3D copy;			/* as given */
	CUDA_MEM_ALLOC_NODE_PARAMS_v2 alloc;
	struct sim_graph *child;
	CUDA_CONDITIONAL_NODE_PARAMS conditional;
	struct sim_graph **bodies;
	CUstreamBatchMemOpParams *values;
	unsigned value_count;
};

/* Objects a graph keeps alive. */
struct sim_user_object {
	uint32_t refs;
	CUhostFn destroy;
	void *pointer;
};

struct sim_graph {
	uint32_t magic;
	uint32_t id;
	uint32_t last_index;
	struct sim_graph *spare;		/* once freed */
	bool is_owned;				/* by a node, an executable graph or a capture */
	const struct sim_graph *origin;
	struct sim_node **nodes;
	size_t count, room;
	struct { struct sim_user_object *object; unsigned count; } *objects;
	size_t object_count;
	struct sim_condition *conditions;
};

struct sim_condition {
	struct sim_condition *next;
	CUgraphConditionalHandle handle;
	unsigned value, flags;
};

struct sim_plan_node {
	struct sim_task task;
	uint64_t id;
	uint32_t first, count;			/* its dependencies, in the plan's array */
};

/* What a launch runs. Never changes once a launch has it. */
struct sim_graph_plan {
	int refs;
	struct sim_plan_node *nodes;		/* each after all it depends on */
	uint32_t *dependencies;
	size_t count, room, dependency_count, dependency_room;
	uint64_t estimate_ns;
	struct sim_op **scratch;
};

struct sim_graph_exec {
	uint32_t magic;
	uint32_t id;
	uint64_t flags;
	struct sim_graph *graph;		/* private copy; its nodes know their origin */
	struct sim_graph_plan *plan;		/* NULL after a change, until the next launch */
	struct sim_graph_exec *spare;		/* once freed */
	struct sim_op *last;			/* launches of one executable graph never overlap */
};

/* --- graph.c ---------------------------------------------------------------------------------- */
extern pthread_mutex_t sim_graph_lock;		/* graphs, nodes, captures; before the engine's */
struct sim_graph *sim_graph_of(CUgraph handle);
struct sim_node *sim_node_of(CUgraphNode handle);
struct sim_graph_exec *sim_graph_exec_of(CUgraphExec handle);
struct sim_graph_exec *sim_graph_exec_new(void);
void sim_graph_exec_free(struct sim_graph_exec *exec);
struct sim_graph *sim_graph_new(void);
void sim_graph_free(struct sim_graph *graph);
struct sim_graph *sim_graph_copy(const struct sim_graph *graph);
/* Adds a node after the given ones. Its type is set and its task empty. */
CUresult sim_node_add(struct sim_graph *graph, CUgraphNodeType type,
		      const CUgraphNode *dependencies, const CUgraphEdgeData *data, size_t count,
		      struct sim_node **node);
CUresult sim_edge_add(struct sim_node *from, struct sim_node *to, const CUgraphEdgeData *data);
void sim_node_remove(struct sim_node *node);
size_t sim_node_position(const struct sim_node *node);	/* in its graph's array */
struct sim_node *sim_node_in_copy(const struct sim_graph *copy, const struct sim_node *origin);
uint32_t sim_graph_next_id(void);
/* Tells the listener; original is NULL for a node that a call made (report.c). */
void sim_node_tell(enum sim_node_event event, const struct sim_node *node,
		   const struct sim_node *original);
void sim_user_object_release(struct sim_user_object *object, unsigned count);
CUresult sim_graph_retain(struct sim_graph *graph, struct sim_user_object *object, unsigned count);
CUresult sim_graph_own_memory(struct sim_graph *graph, struct sim_allocation *allocation);

/* --- graph_params.c: between the API's parameters and tasks; also for executable graphs ------- */
CUresult sim_node_set_kernel(struct sim_node *node, const CUDA_KERNEL_NODE_PARAMS *params);
CUresult sim_node_set_arguments(struct sim_node *node, const struct sim_function *function,
				void **params, void **extra);
CUresult sim_node_set_copy(struct sim_node *node, const CUDA_MEMCPY3D *params, CUcontext context);
CUresult sim_node_set_set(struct sim_node *node, const CUDA_MEMSET_NODE_PARAMS *params,
			  CUcontext context);
CUresult sim_node_set_host(struct sim_node *node, const CUDA_HOST_NODE_PARAMS *params);
CUresult sim_node_set_event(struct sim_node *node, CUevent event);
CUresult sim_node_set_child(struct sim_node *node, CUgraph graph);
CUresult sim_node_set_values(struct sim_node *node, const CUDA_BATCH_MEM_OP_NODE_PARAMS *params);
CUresult sim_node_set_any(struct sim_node *node, const CUgraphNodeParams *params);

/* --- graph_plan.c ----------------------------------------------------------------------------- */
struct sim_graph_plan *sim_graph_plan_build(const struct sim_graph *graph);
void sim_graph_plan_foresee(struct sim_graph_plan *plan, struct sim_stream *stream);

/* --- capture.c -------------------------------------------------------------------------------- */
/* An error while a capture still adds to the graph. */
CUresult sim_capture_check_graph(const struct sim_graph *graph);
/* A graph launched into a capturing stream becomes a child graph. */
CUresult sim_capture_graph(struct sim_stream *stream, const struct sim_graph *graph);

/* --- graph_exec.c ----------------------------------------------------------------------------- */
/* The executable graph has changed: the next launch makes a new plan. */
void sim_graph_exec_changed(struct sim_graph_exec *exec);

#endif
