/* SPDX-License-Identifier: Apache-2.0 */
/* The capture calls: begin, end, ask, change. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/capture.h"

#include <stdlib.h>

static uint64_t last_capture_id;

struct begin {
	CUstreamCaptureMode mode;
	struct sim_graph *graph;	/* NULL: a new one */
	const CUgraphNode *dependencies;
	size_t count;
};

static CUresult capture_new(struct sim_stream *stream, const struct begin *begin)
{
	struct sim_capture *capture = calloc(1, sizeof(*capture));

	if (!capture)
		return CUDA_ERROR_OUT_OF_MEMORY;
	capture->id = ++last_capture_id;
	capture->graph = begin->graph ? begin->graph : sim_graph_new();
	capture->is_into_graph = begin->graph != NULL;
	capture->origin = stream;
	capture->mode = begin->mode;
	capture->tid = sim_thread_id();
	capture->status = CU_STREAM_CAPTURE_STATUS_ACTIVE;
	if (!capture->graph ||
	    !sim_node_set_assign(&stream->capture_set, begin->dependencies, begin->count) ||
	    !sim_capture_join_stream(capture, stream)) {
		if (capture->graph && !capture->is_into_graph)
			sim_graph_free(capture->graph);
		free(capture);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	capture->next = sim_captures;
	__atomic_store_n(&sim_captures, capture, __ATOMIC_RELEASE);
	return CUDA_SUCCESS;
}

static CUresult begin_capture(CUstream handle, bool per_thread, const struct begin *begin)
{
	CUresult result = CUDA_SUCCESS;
	struct sim_stream *stream = sim_stream_of(handle, per_thread, &result);

	if (!stream)
		return result;
	if (stream->context->error)
		return stream->context->error;
	if ((unsigned)begin->mode > CU_STREAM_CAPTURE_MODE_RELAXED)
		return CUDA_ERROR_INVALID_VALUE;
	if (stream->is_legacy)
		return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	pthread_mutex_lock(&sim_graph_lock);
	result = stream->capture ? CUDA_ERROR_ILLEGAL_STATE : capture_new(stream, begin);
	pthread_mutex_unlock(&sim_graph_lock);
	return result;
}

static CUresult begin_plain(CUstream stream, bool per_thread, CUstreamCaptureMode mode)
{
	struct begin begin = { .mode = mode };

	return begin_capture(stream, per_thread, &begin);
}

IMPL(cuStreamBeginCapture)(CUstream hStream)
{
	return begin_plain(hStream, false, CU_STREAM_CAPTURE_MODE_GLOBAL);
}

IMPL(cuStreamBeginCapture_ptsz)(CUstream hStream)
{
	return begin_plain(hStream, true, CU_STREAM_CAPTURE_MODE_GLOBAL);
}

IMPL(cuStreamBeginCapture_v2)(CUstream hStream, CUstreamCaptureMode mode)
{
	return begin_plain(hStream, false, mode);
}

IMPL(cuStreamBeginCapture_v2_ptsz)(CUstream hStream, CUstreamCaptureMode mode)
{
	return begin_plain(hStream, true, mode);
}

static CUresult begin_to_graph(CUstream stream, CUgraph handle, const CUgraphNode *dependencies,
			       size_t count, CUstreamCaptureMode mode, bool per_thread)
{
	struct begin begin = { mode, sim_graph_of(handle), dependencies, count };

	if (!begin.graph || (count && !dependencies))
		return CUDA_ERROR_INVALID_VALUE;
	for (size_t i = 0; i < count; i++)
		if (!sim_node_of(dependencies[i]) ||
		    sim_node_of(dependencies[i])->graph != begin.graph)
			return CUDA_ERROR_INVALID_VALUE;
	return begin_capture(stream, per_thread, &begin);
}

IMPL(cuStreamBeginCaptureToGraph)(CUstream hStream, CUgraph hGraph, const CUgraphNode *dependencies,
				  const CUgraphEdgeData *dependencyData, size_t numDependencies,
				  CUstreamCaptureMode mode)
{
	(void)dependencyData;
	return begin_to_graph(hStream, hGraph, dependencies, numDependencies, mode, false);
}

IMPL(cuStreamBeginCaptureToGraph_ptsz)(CUstream hStream, CUgraph hGraph,
		const CUgraphNode *dependencies, const CUgraphEdgeData *dependencyData,
		size_t numDependencies, CUstreamCaptureMode mode)
{
	(void)dependencyData;
	return begin_to_graph(hStream, hGraph, dependencies, numDependencies, mode, true);
}

static CUresult end_active(struct sim_stream *stream, CUgraph *graph)
{
	struct sim_capture *capture = stream->capture;
	CUresult result = CUDA_SUCCESS;

	if (!capture)
		return CUDA_ERROR_ILLEGAL_STATE;
	if (capture->mode != CU_STREAM_CAPTURE_MODE_RELAXED && capture->tid != sim_thread_id())
		return CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
	if (capture->origin != stream) {
		capture->status = CU_STREAM_CAPTURE_STATUS_INVALIDATED;
		return CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
	}
	if (capture->status != CU_STREAM_CAPTURE_STATUS_ACTIVE)
		result = CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
	else if (!sim_capture_is_joined(capture))
		result = CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
	if (!result)
		*graph = (CUgraph)capture->graph;
	else if (!capture->is_into_graph)
		sim_graph_free(capture->graph);
	sim_capture_leave(capture);
	return result;
}

static CUresult end_capture(CUstream handle, bool per_thread, CUgraph *graph)
{
	CUresult result = CUDA_SUCCESS;
	struct sim_stream *stream = sim_stream_of(handle, per_thread, &result);

	if (!stream)
		return result;
	if (!graph)
		return CUDA_ERROR_INVALID_VALUE;
	*graph = NULL;
	pthread_mutex_lock(&sim_graph_lock);
	result = end_active(stream, graph);
	pthread_mutex_unlock(&sim_graph_lock);
	return result;
}

IMPL(cuStreamEndCapture)(CUstream hStream, CUgraph *phGraph)
{
	return end_capture(hStream, false, phGraph);
}

IMPL(cuStreamEndCapture_ptsz)(CUstream hStream, CUgraph *phGraph)
{
	return end_capture(hStream, true, phGraph);
}

/* Asking about the NULL stream while a blocking stream captures is an error that harms nothing. */
static CUresult check_question(struct sim_stream *stream)
{
	CUresult result = CUDA_SUCCESS;

	if (!stream->is_legacy)
		return CUDA_SUCCESS;
	for (struct sim_capture *capture = sim_captures; capture; capture = capture->next)
		for (size_t i = 0; i < capture->stream_count; i++)
			if (capture->streams[i]->context == stream->context &&
			    !(capture->streams[i]->flags & CU_STREAM_NON_BLOCKING))
				result = CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
	return result;
}

struct answer {
	CUstreamCaptureStatus *status;
	cuuint64_t *id;
	CUgraph *graph;
	const CUgraphNode **dependencies;
	const CUgraphEdgeData **edges;
	size_t *count;
};

static void answer_fill(const struct sim_stream *stream, const struct answer *answer)
{
	const struct sim_capture *capture = stream->capture;

	*answer->status = capture ? capture->status : CU_STREAM_CAPTURE_STATUS_NONE;
	if (!capture || capture->status != CU_STREAM_CAPTURE_STATUS_ACTIVE)
		return;
	if (answer->id)
		*answer->id = capture->id;
	if (answer->graph)
		*answer->graph = (CUgraph)capture->graph;
	if (answer->dependencies)
		*answer->dependencies = stream->capture_set.nodes;
	if (answer->edges)
		*answer->edges = NULL;	/* all plain */
	if (answer->count)
		*answer->count = stream->capture_set.count;
}

static CUresult capture_info(CUstream handle, bool per_thread, const struct answer *answer)
{
	CUresult result = CUDA_SUCCESS;
	struct sim_stream *stream = sim_stream_of(handle, per_thread, &result);

	if (!stream)
		return result;
	if (!answer->status)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim_graph_lock);
	result = check_question(stream);
	if (!result)
		answer_fill(stream, answer);
	pthread_mutex_unlock(&sim_graph_lock);
	return result;
}

#define ASK_CALL(symbol, per_thread)						\
	IMPL(symbol)(CUstream hStream, CUstreamCaptureStatus *captureStatus)	\
	{									\
		struct answer answer = { .status = captureStatus };		\
										\
		return capture_info(hStream, per_thread, &answer);		\
	}
#define INFO_CALL(symbol, per_thread)							\
	IMPL(symbol)(CUstream hStream, CUstreamCaptureStatus *captureStatus_out,	\
		     cuuint64_t *id_out)						\
	{										\
		struct answer answer = { .status = captureStatus_out, .id = id_out };	\
											\
		return capture_info(hStream, per_thread, &answer);			\
	}
#define INFO_CALL_V2(symbol, per_thread)							\
	IMPL(symbol)(CUstream hStream, CUstreamCaptureStatus *captureStatus_out,		\
		     cuuint64_t *id_out, CUgraph *graph_out,					\
		     const CUgraphNode **dependencies_out, size_t *numDependencies_out)		\
	{											\
		struct answer answer = { captureStatus_out, id_out, graph_out,			\
					 dependencies_out,  NULL,   numDependencies_out };	\
												\
		return capture_info(hStream, per_thread, &answer);				\
	}
#define INFO_CALL_V3(symbol, per_thread)							\
	IMPL(symbol)(CUstream hStream, CUstreamCaptureStatus *captureStatus_out,		\
		     cuuint64_t *id_out, CUgraph *graph_out,					\
		     const CUgraphNode **dependencies_out,					\
		     const CUgraphEdgeData **edgeData_out, size_t *numDependencies_out)		\
	{											\
		struct answer answer = { captureStatus_out, id_out,	  graph_out,		\
					 dependencies_out,  edgeData_out, numDependencies_out }; \
												\
		return capture_info(hStream, per_thread, &answer);				\
	}
ASK_CALL(cuStreamIsCapturing, false)
ASK_CALL(cuStreamIsCapturing_ptsz, true)
INFO_CALL(cuStreamGetCaptureInfo, false)
INFO_CALL(cuStreamGetCaptureInfo_ptsz, true)
INFO_CALL_V2(cuStreamGetCaptureInfo_v2, false)
INFO_CALL_V2(cuStreamGetCaptureInfo_v2_ptsz, true)
INFO_CALL_V3(cuStreamGetCaptureInfo_v3, false)
INFO_CALL_V3(cuStreamGetCaptureInfo_v3_ptsz, true)

static CUresult update_dependencies(CUstream handle, bool per_thread, CUgraphNode *nodes,
				    size_t count, unsigned flags)
{
	CUresult result = CUDA_SUCCESS;
	struct sim_stream *stream = sim_stream_of(handle, per_thread, &result);
	bool is_done;

	if (!stream)
		return result;
	if (flags > CU_STREAM_SET_CAPTURE_DEPENDENCIES || (count && !nodes))
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim_graph_lock);
	if (!stream->capture)
		result = CUDA_ERROR_ILLEGAL_STATE;
	for (size_t i = 0; !result && i < count; i++)
		if (!sim_node_of(nodes[i]) ||
		    sim_node_of(nodes[i])->graph != stream->capture->graph)
			result = CUDA_ERROR_INVALID_VALUE;
	if (!result) {
		is_done = flags == CU_STREAM_SET_CAPTURE_DEPENDENCIES ?
			  sim_node_set_assign(&stream->capture_set, nodes, count) :
			  sim_node_set_join(&stream->capture_set, nodes, count);
		result = is_done ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
	}
	pthread_mutex_unlock(&sim_graph_lock);
	return result;
}

#define UPDATE_CALL(symbol, per_thread)								\
	IMPL(symbol)(CUstream hStream, CUgraphNode *dependencies, size_t numDependencies,	\
		     unsigned int flags)							\
	{											\
		return update_dependencies(hStream, per_thread, dependencies, numDependencies,	\
					   flags);						\
	}
#define UPDATE_CALL_V2(symbol, per_thread)							\
	IMPL(symbol)(CUstream hStream, CUgraphNode *dependencies,				\
		     const CUgraphEdgeData *dependencyData, size_t numDependencies,		\
		     unsigned int flags)							\
	{											\
		(void)dependencyData;								\
		return update_dependencies(hStream, per_thread, dependencies, numDependencies,	\
					   flags);						\
	}
UPDATE_CALL(cuStreamUpdateCaptureDependencies, false)
UPDATE_CALL(cuStreamUpdateCaptureDependencies_ptsz, true)
UPDATE_CALL_V2(cuStreamUpdateCaptureDependencies_v2, false)
UPDATE_CALL_V2(cuStreamUpdateCaptureDependencies_v2_ptsz, true)

IMPL(cuThreadExchangeStreamCaptureMode)(CUstreamCaptureMode *mode)
{
	CUstreamCaptureMode before = sim_thread_capture_mode;

	if (!mode || (unsigned)*mode > CU_STREAM_CAPTURE_MODE_RELAXED)
		return CUDA_ERROR_INVALID_VALUE;
	sim_thread_capture_mode = *mode;
	*mode = before;
	return CUDA_SUCCESS;
}
