/* SPDX-License-Identifier: Apache-2.0 */
/* Stream capture: what becomes of calls, forks and joins, modes, and every error. */
#include "sim/engine_world.h"

#include <pthread.h>
#include <string.h>

static CUstream stream_new(unsigned flags)
{
	CUstream stream;

	OK(cuStreamCreate(&stream, flags));
	return stream;
}

static CUevent event_new(void)
{
	CUevent event;

	OK(cuEventCreate(&event, CU_EVENT_DISABLE_TIMING));
	return keep_event(event);
}

static CUstreamCaptureStatus status_of(CUstream stream)
{
	CUstreamCaptureStatus status;

	OK(cuStreamIsCapturing(stream, &status));
	return status;
}

static void end_capture(CUstream stream, CUgraph *graph)
{
	OK(cuStreamEndCapture(stream, graph));
	keep_graph(*graph);
}

/* Ends a capture that is known to be lost. */
static void end_lost(CUstream stream)
{
	CUgraph graph = (CUgraph)1;

	assert_int_equal(cuStreamEndCapture(stream, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
	assert_null(graph);
	assert_int_equal(status_of(stream), CU_STREAM_CAPTURE_STATUS_NONE);
}

static size_t node_count(CUgraph graph)
{
	size_t count = 0;

	OK(cuGraphGetNodes(graph, NULL, &count));
	return count;
}

static size_t edge_count(CUgraph graph)
{
	size_t count = 0;

	OK(cuGraphGetEdges(graph, NULL, NULL, &count));
	return count;
}

static void test_modes(void **unused)
{
	CUstream stream = stream_new(CU_STREAM_NON_BLOCKING);
	cuuint64_t id, before = 0;
	CUgraph graph, going_on;
	const CUgraphNode *nodes;
	CUstreamCaptureStatus status;
	size_t count;

	(void)unused;
	for (int mode = CU_STREAM_CAPTURE_MODE_GLOBAL; mode <= CU_STREAM_CAPTURE_MODE_RELAXED;
	     mode++) {
		rows_skip();
		OK(cuStreamBeginCapture_v2(stream, (CUstreamCaptureMode)mode));
		assert_int_equal(status_of(stream), CU_STREAM_CAPTURE_STATUS_ACTIVE);
		assert_int_equal(cuStreamBeginCapture_v2(stream, (CUstreamCaptureMode)mode),
				 CUDA_ERROR_ILLEGAL_STATE);
		OK(launch(kernel_100us, 1, stream));
		OK(launch(kernel_100us, 1, stream));
		OK(cuStreamGetCaptureInfo_v2(stream, &status, &id, &going_on, &nodes, &count));
		assert_int_equal(count, 1);
		assert_true(id > before);
		before = id;
		end_capture(stream, &graph);
		assert_ptr_equal(graph, going_on);
		assert_int_equal(node_count(graph), 2);
		assert_int_equal(edge_count(graph), 1);
		OK(cuGraphDestroy(graph));
		OK(cuCtxSynchronize());
		rows_read();
		assert_int_equal(rows_of("kernel"), 0);	/* nothing has run */
	}
	assert_int_equal(cuStreamBeginCapture_v2(stream, (CUstreamCaptureMode)3),
			 CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuStreamBeginCapture_v2(NULL, CU_STREAM_CAPTURE_MODE_RELAXED),
			 CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
	assert_int_equal(cuStreamEndCapture(stream, &graph), CUDA_ERROR_ILLEGAL_STATE);
}

static void test_fork_and_join(void **unused)
{
	CUstream origin = stream_new(CU_STREAM_NON_BLOCKING),
		 side = stream_new(CU_STREAM_NON_BLOCKING);
	const struct row *first, *a = NULL, *b = NULL, *last;
	CUevent forked = event_new(), joined = event_new();
	CUgraphExec exec;
	CUgraph graph;

	(void)unused;
	OK(cuStreamBeginCapture_v2(origin, CU_STREAM_CAPTURE_MODE_GLOBAL));
	OK(launch(kernel_100us, 1, origin));
	OK(cuEventRecord(forked, origin));
	OK(cuStreamWaitEvent(side, forked, 0));
	assert_int_equal(status_of(side), CU_STREAM_CAPTURE_STATUS_ACTIVE);
	OK(launch(kernel_1ms, 2, origin));
	OK(launch(kernel_1ms, 3, side));
	OK(cuEventRecord(joined, side));
	OK(cuStreamWaitEvent(origin, joined, 0));
	OK(launch(kernel_100us, 4, origin));
	end_capture(origin, &graph);
	assert_int_equal(status_of(side), CU_STREAM_CAPTURE_STATUS_NONE);
	assert_int_equal(node_count(graph), 4);
	assert_int_equal(edge_count(graph), 4);
	assert_int_equal(cuEventQuery(joined), CUDA_ERROR_CAPTURED_EVENT);
	assert_int_equal(cuEventSynchronize(joined), CUDA_ERROR_CAPTURED_EVENT);
	OK(cuGraphInstantiateWithFlags(&exec, graph, 0));
	keep_exec(exec);
	rows_skip();
	OK(cuGraphLaunch(exec, origin));
	OK(cuStreamSynchronize(origin));
	rows_read();
	first = row_of("kernel", 0);
	last = row_of("kernel", 3);
	a = row_of("kernel", 1);
	b = row_of("kernel", 2);
	assert_string_equal(first->grid, "1,1,1");
	assert_string_equal(last->grid, "4,1,1");
	assert_true(rows_overlap(a, b));
	assert_true(a->start_ns > first->end_ns && b->start_ns > first->end_ns);
	assert_true(last->start_ns > a->end_ns && last->start_ns > b->end_ns);
	OK(cuEventRecord(joined, side));		/* the event is an ordinary one again */
	OK(cuEventSynchronize(joined));
}

static void test_unjoined(void **unused)
{
	CUstream origin = stream_new(CU_STREAM_NON_BLOCKING),
		 side = stream_new(CU_STREAM_NON_BLOCKING);
	CUevent event = event_new();
	CUgraph graph;

	(void)unused;
	OK(cuStreamBeginCapture_v2(origin, CU_STREAM_CAPTURE_MODE_GLOBAL));
	OK(launch(kernel_100us, 1, origin));
	OK(cuEventRecord(event, origin));
	OK(cuStreamWaitEvent(side, event, 0));
	OK(launch(kernel_100us, 1, side));
	assert_int_equal(cuStreamEndCapture(origin, &graph), CUDA_ERROR_STREAM_CAPTURE_UNJOINED);
	assert_null(graph);
	assert_int_equal(status_of(side), CU_STREAM_CAPTURE_STATUS_NONE);
}

static void test_wrong_end(void **unused)
{
	CUstream origin = stream_new(CU_STREAM_NON_BLOCKING),
		 side = stream_new(CU_STREAM_NON_BLOCKING);
	CUevent event = event_new();
	CUgraph graph;

	(void)unused;
	OK(cuStreamBeginCapture_v2(origin, CU_STREAM_CAPTURE_MODE_GLOBAL));
	OK(cuEventRecord(event, origin));
	OK(cuStreamWaitEvent(side, event, 0));
	assert_int_equal(cuStreamEndCapture(side, &graph), CUDA_ERROR_STREAM_CAPTURE_UNMATCHED);
	end_lost(origin);
}

static void *end_elsewhere(void *stream)
{
	CUgraph graph;
	CUresult result = cuCtxSetCurrent(world_context);

	if (!result)
		result = cuStreamEndCapture(stream, &graph);
	if (!result)
		keep_graph(graph);
	return (void *)(uintptr_t)result;
}

static void test_wrong_thread(void **unused)
{
	CUstream stream = stream_new(CU_STREAM_NON_BLOCKING);
	pthread_t thread;
	CUgraph graph;
	void *result;

	(void)unused;
	OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
	pthread_create(&thread, NULL, end_elsewhere, stream);
	pthread_join(thread, &result);
	assert_int_equal((uintptr_t)result, CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD);
	end_capture(stream, &graph);
	OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
	pthread_create(&thread, NULL, end_elsewhere, stream);
	pthread_join(thread, &result);
	assert_int_equal((uintptr_t)result, CUDA_SUCCESS);
}

static void test_merge_and_isolation(void **unused)
{
	CUstream a = stream_new(CU_STREAM_NON_BLOCKING), b = stream_new(CU_STREAM_NON_BLOCKING);
	CUevent event = event_new(), outside = event_new();

	(void)unused;
	OK(cuEventRecord(outside, b));
	OK(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_RELAXED));
	OK(cuStreamBeginCapture_v2(b, CU_STREAM_CAPTURE_MODE_RELAXED));
	OK(cuEventRecord(event, a));
	assert_int_equal(cuStreamWaitEvent(b, event, 0), CUDA_ERROR_STREAM_CAPTURE_MERGE);
	end_lost(a);
	end_lost(b);
	OK(cuStreamBeginCapture_v2(a, CU_STREAM_CAPTURE_MODE_RELAXED));
	assert_int_equal(cuStreamWaitEvent(a, outside, 0), CUDA_ERROR_STREAM_CAPTURE_ISOLATION);
	assert_int_equal(status_of(a), CU_STREAM_CAPTURE_STATUS_INVALIDATED);
	assert_int_equal(launch(kernel_100us, 1, a), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
	end_lost(a);
}

static void test_sync_invalidates(void **unused)
{
	CUstream stream = stream_new(CU_STREAM_NON_BLOCKING);

	(void)unused;
	OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
	assert_int_equal(cuStreamSynchronize(stream), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
	end_lost(stream);
	OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
	assert_int_equal(cuStreamQuery(stream), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
	end_lost(stream);
}

/* The NULL stream would depend on a capturing blocking stream; asking about it does no harm. */
static void test_implicit_dependency(void **unused)
{
	CUstream blocking = stream_new(CU_STREAM_DEFAULT),
		 apart = stream_new(CU_STREAM_NON_BLOCKING);
	CUstreamCaptureStatus status;
	CUgraph graph;

	(void)unused;
	OK(cuStreamBeginCapture_v2(blocking, CU_STREAM_CAPTURE_MODE_RELAXED));
	assert_int_equal(cuStreamIsCapturing(NULL, &status), CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
	assert_int_equal(status_of(blocking), CU_STREAM_CAPTURE_STATUS_ACTIVE);
	assert_int_equal(launch(kernel_100us, 1, NULL), CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
	end_lost(blocking);
	OK(cuStreamBeginCapture_v2(apart, CU_STREAM_CAPTURE_MODE_RELAXED));
	OK(cuStreamIsCapturing(NULL, &status));
	OK(launch(kernel_100us, 1, NULL));
	end_capture(apart, &graph);
}

static void *allocate(void *mode)
{
	CUstreamCaptureMode mine = *(CUstreamCaptureMode *)mode;
	CUdeviceptr address;

	if (cuCtxSetCurrent(world_context) || cuThreadExchangeStreamCaptureMode(&mine))
		return (void *)(uintptr_t)CUDA_ERROR_UNKNOWN;
	return (void *)(uintptr_t)cuMemAlloc_v2(&address, 256);
}

static CUresult allocate_elsewhere(CUstreamCaptureMode mode)
{
	pthread_t thread;
	void *result;

	pthread_create(&thread, NULL, allocate, &mode);
	pthread_join(thread, &result);
	return (CUresult)(uintptr_t)result;
}

/* What may be done meanwhile depends on the capture's mode and on the other thread's. */
static void test_unsafe_calls(void **unused)
{
	static const struct {
		CUstreamCaptureMode capture, thread;
		CUresult wanted;
	} cases[] = {
		{ CU_STREAM_CAPTURE_MODE_GLOBAL, CU_STREAM_CAPTURE_MODE_GLOBAL,
		  CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED },
		{ CU_STREAM_CAPTURE_MODE_GLOBAL, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL,
		  CUDA_SUCCESS },
		{ CU_STREAM_CAPTURE_MODE_GLOBAL, CU_STREAM_CAPTURE_MODE_RELAXED, CUDA_SUCCESS },
		{ CU_STREAM_CAPTURE_MODE_THREAD_LOCAL, CU_STREAM_CAPTURE_MODE_GLOBAL,
		  CUDA_SUCCESS },
		{ CU_STREAM_CAPTURE_MODE_RELAXED, CU_STREAM_CAPTURE_MODE_GLOBAL, CUDA_SUCCESS },
	};
	CUstream stream = stream_new(CU_STREAM_NON_BLOCKING);
	CUdeviceptr address;
	CUgraph graph;

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		OK(cuStreamBeginCapture_v2(stream, cases[i].capture));
		assert_int_equal(allocate_elsewhere(cases[i].thread), cases[i].wanted);
		if (cases[i].wanted)
			end_lost(stream);
		else
			end_capture(stream, &graph);
	}
	OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
	assert_int_equal(cuMemAlloc_v2(&address, 16), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
	end_lost(stream);
	OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
	OK(cuMemAlloc_v2(&address, 16));
	end_capture(stream, &graph);
}

static void test_into_graph(void **unused)
{
	CUstream stream = stream_new(CU_STREAM_NON_BLOCKING);
	CUgraphNode first, from[4], to[4];
	size_t edges = 4;
	CUgraph graph, ended;

	(void)unused;
	OK(cuGraphCreate(&graph, 0));
	OK(cuGraphAddEmptyNode(&first, graph, NULL, 0));
	OK(cuStreamBeginCaptureToGraph(stream, graph, &first, NULL, 1,
				       CU_STREAM_CAPTURE_MODE_GLOBAL));
	assert_int_equal(cuGraphDestroy(graph), CUDA_ERROR_ILLEGAL_STATE);
	OK(launch(kernel_100us, 1, stream));
	OK(cuStreamUpdateCaptureDependencies(stream, &first, 1,
					     CU_STREAM_SET_CAPTURE_DEPENDENCIES));
	OK(launch(kernel_100us, 1, stream));
	OK(cuStreamEndCapture(stream, &ended));
	assert_ptr_equal(ended, graph);
	OK(cuGraphGetEdges(graph, from, to, &edges));
	assert_int_equal(edges, 2);
	assert_ptr_equal(from[0], first);
	assert_ptr_equal(from[1], first);
	OK(cuGraphDestroy(graph));
}

/* All kinds of work become nodes of their type. */
static void test_node_types(void **unused)
{
	static const CUgraphNodeType wanted[] = {
		CU_GRAPH_NODE_TYPE_MEM_ALLOC, CU_GRAPH_NODE_TYPE_MEMSET, CU_GRAPH_NODE_TYPE_MEMCPY,
		CU_GRAPH_NODE_TYPE_EVENT_RECORD, CU_GRAPH_NODE_TYPE_MEM_FREE
	};
	CUstream stream = stream_new(CU_STREAM_NON_BLOCKING);
	CUevent event = event_new();
	CUgraphNode nodes[5];
	CUgraphNodeType type;
	CUdeviceptr address;
	size_t count = 5;
	CUgraphExec exec;
	CUgraph graph;
	void *host;

	(void)unused;
	OK(cuMemHostAlloc(&host, 64, 0));
	OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
	OK(cuMemAllocAsync(&address, 64, stream));
	OK(cuMemsetD8Async(address, 7, 64, stream));
	OK(cuMemcpyDtoHAsync_v2(host, address, 64, stream));
	OK(cuEventRecordWithFlags(event, stream, CU_EVENT_RECORD_EXTERNAL));
	OK(cuMemFreeAsync(address, stream));
	end_capture(stream, &graph);
	OK(cuGraphGetNodes(graph, nodes, &count));
	assert_int_equal(count, 5);
	for (int i = 0; i < 5; i++) {
		OK(cuGraphNodeGetType(nodes[i], &type));
		assert_int_equal(type, wanted[i]);
	}
	OK(cuGraphInstantiateWithFlags(&exec, graph, 0));
	keep_exec(exec);
	for (int i = 0; i < 2; i++) {
		memset(host, 0, 64);
		OK(cuGraphLaunch(exec, stream));
		OK(cuEventSynchronize(event));
		OK(cuStreamSynchronize(stream));
		assert_int_equal(((char *)host)[63], 7);
	}
	rows_skip();
	OK(cuGraphExecDestroy(exec));
	rows_read();
	assert_int_equal(rows_of("free"), 0);
	OK(cuGraphDestroy(graph));
	rows_read();
	assert_int_equal(rows_of("free"), 1);	/* the graph's memory goes with its last copy */
}

#define TEST(function) cmocka_unit_test_teardown(function, kept_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_modes),
		TEST(test_fork_and_join),
		TEST(test_unjoined),
		TEST(test_wrong_end),
		TEST(test_wrong_thread),
		TEST(test_merge_and_isolation),
		TEST(test_sync_invalidates),
		TEST(test_implicit_dependency),
		TEST(test_unsafe_calls),
		TEST(test_into_graph),
		TEST(test_node_types),
	};

	return cmocka_run_group_tests(tests, world_open, world_close);
}
