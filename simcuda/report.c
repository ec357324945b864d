/* SPDX-License-Identifier: Apache-2.0 */
/* What the driver tells a listener beside the operations of its streams. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/core.h"
#include "simcuda/graph.h"

enum { MEMORY_PINNED = 2, MEMORY_DEVICE = 3, MEMORY_MANAGED = 5 };
enum { OPERATION_ALLOCATION = 1, OPERATION_RELEASE = 2 };

static int memory_kind(enum sim_memory_kind kind)
{
	switch (kind) {
	case SIM_HOST:
	case SIM_REGISTERED:
		return MEMORY_PINNED;
	case SIM_MANAGED:
		return MEMORY_MANAGED;
	default:
		return MEMORY_DEVICE;
	}
}

void sim_report_memory(const struct sim_allocation *allocation, bool is_free, uint64_t now_ns)
{
	struct sim_activity activity = {
		.kind = SIM_ACTIVITY_MEMORY,
		.start_ns = now_ns,
		.end_ns = now_ns,
		.correlation = sim_correlation(),
		.watched = sim_watched(),
		.device = allocation->device ? allocation->device->ordinal : 0,
		.context = allocation->context ? allocation->context->id : 0,
		.stream = allocation->stream ? allocation->stream->id : 0,
		.address = allocation->base,
		.bytes = allocation->bytes,
		.value = is_free ? OPERATION_RELEASE : OPERATION_ALLOCATION,
		.source_kind = memory_kind(allocation->kind),
		.is_async = allocation->kind == SIM_ASYNC,
	};

	sim_report(&activity);
}

void sim_node_tell(enum sim_node_event event, const struct sim_node *node,
		   const struct sim_node *original)
{
	struct sim_node_change change = {
		.event = event,
		.context = (CUcontext)sim_thread.current,
		.graph = (CUgraph)node->graph,
		.original_graph = original ? (CUgraph)original->graph : NULL,
		.node = (CUgraphNode)(uintptr_t)node,
		.original = (CUgraphNode)(uintptr_t)original,
		.type = node->type,
	};

	sim_report_node(&change);
}

/* The ids that activities carry, for a profiler that holds the handles. */
#define ID_OF(symbol, handle_type, object_type, find, id_type)		\
	CUresult symbol(handle_type handle, id_type *id)		\
	{								\
		const object_type *object;				\
									\
		pthread_mutex_lock(&sim_graph_lock);			\
		object = find(handle);					\
		if (object)						\
			*id = object->id;				\
		pthread_mutex_unlock(&sim_graph_lock);			\
		return object ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;	\
	}

ID_OF(simcuda_graph_id, CUgraph, struct sim_graph, sim_graph_of, uint32_t)
ID_OF(simcuda_graph_exec_id, CUgraphExec, struct sim_graph_exec, sim_graph_exec_of, uint32_t)
ID_OF(simcuda_graph_node_id, CUgraphNode, struct sim_node, sim_node_of, uint64_t)
