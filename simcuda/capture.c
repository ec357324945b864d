/* SPDX-License-Identifier: Apache-2.0 */
/* What captures change about every other call: nodes instead of work, and what is forbidden. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/capture.h"

#include <stdlib.h>
#include <string.h>

struct sim_capture *sim_captures;
__thread CUstreamCaptureMode sim_thread_capture_mode = CU_STREAM_CAPTURE_MODE_GLOBAL;

/* --- sets of nodes ---------------------------------------------------------------------------- */
bool sim_node_set_assign(struct sim_node_set *set, const CUgraphNode *nodes, size_t count)
{
	CUgraphNode *copy = NULL;

	if (count) {
		copy = malloc(count * sizeof(CUgraphNode));
		if (!copy)
			return false;
		memcpy(copy, nodes, count * sizeof(CUgraphNode));
	}
	free(set->nodes);
	set->nodes = copy;
	set->count = count;
	return true;
}

bool sim_node_set_join(struct sim_node_set *set, const CUgraphNode *nodes, size_t count)
{
	CUgraphNode *all = realloc(set->nodes, (set->count + count + 1) * sizeof(CUgraphNode));
	size_t known;

	if (!all)
		return false;
	set->nodes = all;
	for (size_t i = 0; i < count; i++) {
		for (known = 0; known < set->count && set->nodes[known] != nodes[i]; known++)
			;
		if (known == set->count)
			set->nodes[set->count++] = nodes[i];
	}
	return true;
}

void sim_node_set_clear(struct sim_node_set *set)
{
	free(set->nodes);
	set->nodes = NULL;
	set->count = 0;
}

void sim_event_uncapture(struct sim_event *event)
{
	if (!event->capture_id)
		return;
	pthread_mutex_lock(&sim_graph_lock);
	event->capture_id = 0;
	sim_node_set_clear(&event->capture_set);
	pthread_mutex_unlock(&sim_graph_lock);
}

/* --- streams of a capture --------------------------------------------------------------------- */
bool sim_capture_join_stream(struct sim_capture *capture, struct sim_stream *stream)
{
	struct sim_stream **streams = realloc(capture->streams,
			(capture->stream_count + 1) * sizeof(struct sim_stream *));

	if (!streams)
		return false;
	streams[capture->stream_count++] = stream;
	capture->streams = streams;
	stream->capture = capture;
	return true;
}

void sim_capture_leave(struct sim_capture *capture)
{
	struct sim_capture **link = &sim_captures;

	while (*link != capture)
		link = &(*link)->next;
	*link = capture->next;
	for (size_t i = 0; i < capture->stream_count; i++) {
		capture->streams[i]->capture = NULL;
		sim_node_set_clear(&capture->streams[i]->capture_set);
	}
	free(capture->streams);
	free(capture);
}

/* Marks all that marked nodes depend on. Captured nodes depend on older ones, so one way down the
 * list is nearly always enough. */
static void mark_before(const struct sim_graph *graph, bool *is_reached)
{
	const struct sim_node *node, *from;
	bool has_changed = true;

	while (has_changed) {
		has_changed = false;
		for (size_t i = graph->count; i-- > 0;) {
			node = graph->nodes[i];
			for (size_t j = 0; is_reached[node->index] && j < node->edge_count; j++) {
				from = node->edges[j].from;
				has_changed |=
					!is_reached[from->index] && from->index > node->index;
				is_reached[from->index] = true;
			}
		}
	}
}

/* Has everything the forked streams did been waited for by the origin? */
bool sim_capture_is_joined(const struct sim_capture *capture)
{
	bool *is_reached = calloc(capture->graph->last_index + 1u, sizeof(*is_reached));
	bool is_joined = is_reached != NULL;
	const struct sim_node_set *set = &capture->origin->capture_set;

	for (size_t i = 0; is_joined && i < set->count; i++)
		is_reached[((struct sim_node *)set->nodes[i])->index] = true;
	if (is_joined)
		mark_before(capture->graph, is_reached);
	for (size_t i = 0; is_joined && i < capture->stream_count; i++) {
		set = &capture->streams[i]->capture_set;
		for (size_t j = 0; is_joined && j < set->count; j++)
			is_joined = is_reached[((struct sim_node *)set->nodes[j])->index];
	}
	free(is_reached);
	return is_joined;
}

static struct sim_capture *capture_by_id(uint64_t id)
{
	struct sim_capture *capture = sim_captures;

	while (capture && capture->id != id)
		capture = capture->next;
	return capture;
}

/* --- work in capturing streams ---------------------------------------------------------------- */
static CUgraphNodeType node_type(const struct sim_task *task)
{
	switch (task->kind) {
	case SIM_TASK_KERNEL:
		return CU_GRAPH_NODE_TYPE_KERNEL;
	case SIM_TASK_COPY:
		return CU_GRAPH_NODE_TYPE_MEMCPY;
	case SIM_TASK_SET:
		return CU_GRAPH_NODE_TYPE_MEMSET;
	case SIM_TASK_HOST:
		return CU_GRAPH_NODE_TYPE_HOST;
	case SIM_TASK_RECORD:
		return CU_GRAPH_NODE_TYPE_EVENT_RECORD;
	case SIM_TASK_WAIT:
		return CU_GRAPH_NODE_TYPE_WAIT_EVENT;
	case SIM_TASK_MEMORY:
		return task->memory.is_free ? CU_GRAPH_NODE_TYPE_MEM_FREE
					    : CU_GRAPH_NODE_TYPE_MEM_ALLOC;
	case SIM_TASK_VALUE_WRITE:
	case SIM_TASK_VALUE_WAIT:
		return CU_GRAPH_NODE_TYPE_BATCH_MEM_OP;
	default:
		return CU_GRAPH_NODE_TYPE_EMPTY;
	}
}

static CUresult fill_from_task(struct sim_node *node, const struct sim_stream *stream)
{
	const struct sim_copy *copy = &node->task.copy;

	node->context = (CUcontext)stream->context;
	if (node->type == CU_GRAPH_NODE_TYPE_MEMCPY)
		node->copy = (CUDA_MEMCPY3D){
			.srcMemoryType =
				copy->source_device ? CU_MEMORYTYPE_DEVICE : CU_MEMORYTYPE_HOST,
			.srcHost = copy->source_device ? NULL : copy->source,
			.srcDevice = copy->source_device ? (CUdeviceptr)(uintptr_t)copy->source : 0,
			.srcPitch = copy->source_pitch,
			.dstMemoryType = copy->destination_device ? CU_MEMORYTYPE_DEVICE
								  : CU_MEMORYTYPE_HOST,
			.dstHost = copy->destination_device ? NULL : copy->destination,
			.dstDevice = copy->destination_device
					     ? (CUdeviceptr)(uintptr_t)copy->destination
					     : 0,
			.dstPitch = copy->destination_pitch,
			.WidthInBytes = copy->width,
			.Height = copy->height,
			.Depth = copy->depth,
		};
	if (node->type == CU_GRAPH_NODE_TYPE_MEM_ALLOC) {
		node->alloc.dptr = node->task.memory.allocation->base;
		node->alloc.bytesize = node->task.memory.allocation_bytes;
	} else if (node->type == CU_GRAPH_NODE_TYPE_MEM_FREE) {
		node->alloc.dptr = node->task.memory.allocation->base;
		return sim_graph_own_memory(node->graph, node->task.memory.allocation);
	}
	return CUDA_SUCCESS;
}

/* The stream's next node, with the lock held; invalidates the capture when it cannot be made. */
static CUresult capture_node(struct sim_stream *stream, CUgraphNodeType type,
			     struct sim_node **node)
{
	struct sim_capture *capture = stream->capture;
	struct sim_node_set *set = &stream->capture_set;
	CUgraphNode handle;
	CUresult result;

	if (!capture)
		return CUDA_ERROR_ILLEGAL_STATE;
	if (capture->status != CU_STREAM_CAPTURE_STATUS_ACTIVE)
		return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	result = sim_node_add(capture->graph, type, set->nodes, NULL, set->count, node);
	if (result) {
		capture->status = CU_STREAM_CAPTURE_STATUS_INVALIDATED;
		return result;
	}
	sim_node_tell(SIM_NODE_CREATED, *node, NULL);
	handle = (CUgraphNode)*node;
	return sim_node_set_assign(set, &handle, 1) ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult sim_capture_add(struct sim_stream *stream, const struct sim_task *task)
{
	struct sim_node *node;
	CUresult result;

	pthread_mutex_lock(&sim_graph_lock);
	result = capture_node(stream, node_type(task), &node);
	if (!result) {
		node->task = *task;
		result = fill_from_task(node, stream);
	}
	pthread_mutex_unlock(&sim_graph_lock);
	return result;
}

CUresult sim_capture_kernel(struct sim_stream *stream, const struct sim_task *task, void **params,
			    void **extra)
{
	struct sim_node *node;
	CUresult result;

	pthread_mutex_lock(&sim_graph_lock);
	result = capture_node(stream, CU_GRAPH_NODE_TYPE_KERNEL, &node);
	if (!result) {
		node->task = *task;
		node->context = (CUcontext)stream->context;
		result = sim_node_set_arguments(node, task->kernel.function, params, extra);
	}
	pthread_mutex_unlock(&sim_graph_lock);
	return result;
}

CUresult sim_capture_graph(struct sim_stream *stream, const struct sim_graph *graph)
{
	struct sim_node *node;
	CUresult result;

	pthread_mutex_lock(&sim_graph_lock);
	result = capture_node(stream, CU_GRAPH_NODE_TYPE_GRAPH, &node);
	if (!result) {
		node->child = sim_graph_copy(graph);
		if (node->child)
			node->child->is_owned = true;
		else
			result = CUDA_ERROR_OUT_OF_MEMORY;
	}
	pthread_mutex_unlock(&sim_graph_lock);
	return result;
}

CUresult sim_capture_record_event(struct sim_stream *stream, struct sim_event *event)
{
	CUresult result = CUDA_SUCCESS;

	pthread_mutex_lock(&sim_graph_lock);
	if (stream->capture->status != CU_STREAM_CAPTURE_STATUS_ACTIVE)
		result = CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	else if (!sim_node_set_assign(&event->capture_set, stream->capture_set.nodes,
				      stream->capture_set.count))
		result = CUDA_ERROR_OUT_OF_MEMORY;
	else
		event->capture_id = stream->capture->id;
	pthread_mutex_unlock(&sim_graph_lock);
	return result;
}

static CUresult wait_captured(struct sim_stream *stream, struct sim_event *event)
{
	struct sim_capture *capture = event->capture_id ? capture_by_id(event->capture_id) : NULL;

	if (!capture) {		/* recorded outside, or in a capture that is over */
		if (stream->capture)
			stream->capture->status = CU_STREAM_CAPTURE_STATUS_INVALIDATED;
		return CUDA_ERROR_STREAM_CAPTURE_ISOLATION;
	}
	if (stream->is_legacy) {
		capture->status = CU_STREAM_CAPTURE_STATUS_INVALIDATED;
		return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
	}
	if (stream->capture && stream->capture != capture) {
		capture->status = stream->capture->status = CU_STREAM_CAPTURE_STATUS_INVALIDATED;
		return CUDA_ERROR_STREAM_CAPTURE_MERGE;
	}
	if (capture->status != CU_STREAM_CAPTURE_STATUS_ACTIVE)
		return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	if (!stream->capture && !sim_capture_join_stream(capture, stream))
		return CUDA_ERROR_OUT_OF_MEMORY;
	return sim_node_set_join(&stream->capture_set, event->capture_set.nodes,
				 event->capture_set.count)
		       ? CUDA_SUCCESS
		       : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult sim_capture_wait_event(struct sim_stream *stream, struct sim_event *event)
{
	CUresult result;

	pthread_mutex_lock(&sim_graph_lock);
	result = wait_captured(stream, event);
	pthread_mutex_unlock(&sim_graph_lock);
	return result;
}

/* --- what is forbidden meanwhile -------------------------------------------------------------- */
void sim_capture_invalidate(struct sim_stream *stream)
{
	pthread_mutex_lock(&sim_graph_lock);
	if (stream->capture)
		stream->capture->status = CU_STREAM_CAPTURE_STATUS_INVALIDATED;
	pthread_mutex_unlock(&sim_graph_lock);
}

CUresult sim_capture_unsupported(struct sim_stream *stream)
{
	sim_capture_invalidate(stream);
	return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
}

CUresult sim_capture_check_legacy(struct sim_stream *stream)
{
	CUresult result = CUDA_SUCCESS;

	if (!__atomic_load_n(&sim_captures, __ATOMIC_ACQUIRE) || !stream->is_legacy)
		return CUDA_SUCCESS;
	pthread_mutex_lock(&sim_graph_lock);
	for (struct sim_capture *capture = sim_captures; capture; capture = capture->next)
		for (size_t i = 0; i < capture->stream_count; i++)
			if (capture->streams[i]->context == stream->context &&
			    !(capture->streams[i]->flags & CU_STREAM_NON_BLOCKING)) {
				capture->status = CU_STREAM_CAPTURE_STATUS_INVALIDATED;
				result = CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
			}
	pthread_mutex_unlock(&sim_graph_lock);
	return result;
}

CUresult sim_capture_check_sync(struct sim_stream *stream)
{
	if (stream->capture)
		return sim_capture_unsupported(stream);
	return sim_capture_check_legacy(stream);
}

CUresult sim_capture_check_unsafe(void)
{
	CUstreamCaptureMode mine = sim_thread_capture_mode;
	CUresult result = CUDA_SUCCESS;
	uint32_t tid;
	bool is_mine;

	if (!__atomic_load_n(&sim_captures, __ATOMIC_ACQUIRE) ||
	    mine == CU_STREAM_CAPTURE_MODE_RELAXED)
		return CUDA_SUCCESS;
	tid = sim_thread_id();
	pthread_mutex_lock(&sim_graph_lock);
	for (struct sim_capture *capture = sim_captures; capture; capture = capture->next) {
		is_mine = capture->tid == tid && capture->mode != CU_STREAM_CAPTURE_MODE_RELAXED;
		if (!is_mine && (mine != CU_STREAM_CAPTURE_MODE_GLOBAL ||
				 capture->mode != CU_STREAM_CAPTURE_MODE_GLOBAL))
			continue;
		capture->status = CU_STREAM_CAPTURE_STATUS_INVALIDATED;
		result = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	}
	pthread_mutex_unlock(&sim_graph_lock);
	return result;
}

CUresult sim_capture_check_graph(const struct sim_graph *graph)
{
	CUresult result = CUDA_SUCCESS;

	pthread_mutex_lock(&sim_graph_lock);
	for (struct sim_capture *capture = sim_captures; capture; capture = capture->next)
		if (capture->graph == graph)
			result = CUDA_ERROR_ILLEGAL_STATE;
	pthread_mutex_unlock(&sim_graph_lock);
	return result;
}
