/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs on the simulated device: building, launching, updating, asking. */
#include "sim/engine_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t argument;
static void *arguments[] = { &argument };

static CUstream stream_new(void)
{
	CUstream stream;

	OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
	return stream;
}

static CUDA_KERNEL_NODE_PARAMS kernel_params(CUfunction function, unsigned blocks)
{
	return (CUDA_KERNEL_NODE_PARAMS){ .func = function, .gridDimX = blocks, .gridDimY = 1,
		.gridDimZ = 1, .blockDimX = 128, .blockDimY = 1, .blockDimZ = 1,
		.kernelParams = arguments };
}

static CUgraphNode add_kernel(CUgraph graph, unsigned blocks, CUgraphNode after)
{
	CUDA_KERNEL_NODE_PARAMS params = kernel_params(kernel_100us, blocks);
	CUgraphNode node;

	OK(cuGraphAddKernelNode_v2(&node, graph, &after, after ? 1 : 0, &params));
	return node;
}

static CUgraph chain(unsigned length, CUgraphNode *nodes)
{
	CUgraph graph;

	OK(cuGraphCreate(&graph, 0));
	keep_graph(graph);
	for (unsigned i = 0; i < length; i++)
		nodes[i] = add_kernel(graph, i + 1, i ? nodes[i - 1] : NULL);
	return graph;
}

static CUgraphExec exec_of(CUgraph graph)
{
	CUgraphExec exec;

	OK(cuGraphInstantiateWithFlags(&exec, graph, 0));
	return keep_exec(exec);
}

/* Launches, waits and reads what was done. */
static void run(CUgraphExec exec, CUstream stream)
{
	rows_skip();
	OK(cuGraphLaunch(exec, stream));
	OK(cuStreamSynchronize(stream));
	rows_read();
}

static void test_launch_keeps_order(void **unused)
{
	CUstream stream = stream_new();
	const struct row *row, *before = NULL;
	CUgraphNode nodes[20];
	CUgraph graph = chain(20, nodes);
	CUgraphExec exec = exec_of(graph);
	unsigned long long first[20];
	char grid[32];

	(void)unused;
	for (int launch_number = 0; launch_number < 2; launch_number++) {
		run(exec, stream);
		assert_int_equal(rows_of("kernel"), 20);
		assert_int_equal(rows_of("graph"), 1);
		for (unsigned i = 0; i < 20; i++, before = row) {
			row = row_of("kernel", i);
			snprintf(grid, sizeof(grid), "%u,1,1", i + 1);
			assert_string_equal(row->grid, grid);
			assert_int_equal(row->correlation, row_of("graph", 0)->correlation);
			assert_int_equal(row->graph, row_of("graph", 0)->graph);
			assert_int_equal(row->node >> 32, row->graph);
			if (launch_number == 0)
				first[i] = row->node;
			assert_int_equal(row->node, first[i]);
			if (i)
				assert_true(row->start_ns > before->end_ns);
		}
		assert_int_equal(row_of("graph", 0)->end_ns, row->end_ns);
	}
	OK(cuGraphExecDestroy(exec));
	assert_int_equal(cuGraphLaunch(exec, stream), CUDA_ERROR_INVALID_VALUE);
	OK(cuGraphDestroy(graph));
}

/* The same work eagerly and as a graph: same kernels, same order, same durations. */
static void test_graph_equals_eager(void **unused)
{
	CUstream stream = stream_new();
	char eager[10][64];
	CUgraphExec exec;
	CUgraph graph;

	(void)unused;
	rows_skip();
	for (unsigned i = 0; i < 10; i++)
		OK(launch(i % 2 ? kernel_100us : kernel_1ms, i + 1, stream));
	OK(cuStreamSynchronize(stream));
	rows_read();
	for (unsigned i = 0; i < 10; i++)
		snprintf(eager[i], sizeof(eager[i]), "%s %llu", row_of("kernel", i)->grid,
			 row_of("kernel", i)->end_ns - row_of("kernel", i)->start_ns);
	OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
	for (unsigned i = 0; i < 10; i++)
		OK(launch(i % 2 ? kernel_100us : kernel_1ms, i + 1, stream));
	OK(cuStreamEndCapture(stream, &graph));
	keep_graph(graph);
	exec = exec_of(graph);
	run(exec, stream);
	for (unsigned i = 0; i < 10; i++) {
		char line[64];

		snprintf(line, sizeof(line), "%s %llu", row_of("kernel", i)->grid,
			 row_of("kernel", i)->end_ns - row_of("kernel", i)->start_ns);
		assert_string_equal(line, eager[i]);
	}
}

static void test_launches_do_not_overlap(void **unused)
{
	CUstream a = stream_new(), b = stream_new();
	CUgraphNode nodes[2];
	CUgraphExec exec = exec_of(chain(2, nodes));

	(void)unused;
	rows_skip();
	OK(cuGraphLaunch(exec, a));
	OK(cuGraphLaunch(exec, b));
	OK(cuCtxSynchronize());
	rows_read();
	assert_int_equal(rows_of("graph"), 2);
	assert_false(rows_overlap(row_of("graph", 0), row_of("graph", 1)));
	assert_true(row_of("graph", 0)->correlation != row_of("graph", 1)->correlation);
}

static void add_one(void *number)
{
	++*(int *)number;
}

static void test_all_node_types(void **unused)
{
	CUstream stream = stream_new();
	CUDA_MEMSET_NODE_PARAMS set = { .value = 5, .elementSize = 1, .width = 64, .height = 1 };
	CUDA_MEMCPY3D copy = { .srcMemoryType = CU_MEMORYTYPE_DEVICE,
			       .dstMemoryType = CU_MEMORYTYPE_HOST,
			       .WidthInBytes = 64,
			       .Height = 1,
			       .Depth = 1 };
	CUDA_MEM_ALLOC_NODE_PARAMS alloc = { .bytesize = 64 };
	int number = 0;
	CUDA_HOST_NODE_PARAMS host = { add_one, &number };
	CUgraphNode node, inner[2];
	CUgraph graph, child = chain(2, inner);
	unsigned char *bytes;
	CUgraphExec exec;
	CUevent event;

	(void)unused;
	OK(cuMemHostAlloc((void **)&bytes, 64, 0));
	OK(cuEventCreate(&event, CU_EVENT_DEFAULT));
	keep_event(event);
	OK(cuGraphCreate(&graph, 0));
	keep_graph(graph);
	OK(cuGraphAddMemAllocNode(&node, graph, NULL, 0, &alloc));
	assert_true(alloc.dptr != 0);
	set.dst = alloc.dptr;
	copy.srcDevice = alloc.dptr;
	copy.dstHost = bytes;
	OK(cuGraphAddMemsetNode(&node, graph, &node, 1, &set, world_context));
	OK(cuGraphAddMemcpyNode(&node, graph, &node, 1, &copy, world_context));
	OK(cuGraphAddHostNode(&node, graph, &node, 1, &host));
	OK(cuGraphAddChildGraphNode(&node, graph, &node, 1, child));
	OK(cuGraphAddEmptyNode(&node, graph, &node, 1));
	OK(cuGraphAddEventRecordNode(&node, graph, &node, 1, event));
	OK(cuGraphAddMemFreeNode(&node, graph, &node, 1, alloc.dptr));
	exec = exec_of(graph);
	OK(cuGraphDestroy(graph));
	OK(cuGraphDestroy(child));
	for (int i = 1; i <= 2; i++) {
		memset(bytes, 0, 64);
		run(exec, stream);
		assert_int_equal(bytes[63], 5);
		assert_int_equal(number, i);
		assert_int_equal(rows_of("kernel"), 2);
		assert_true(row_of("kernel", 0)->start_ns > row_of("host", 0)->end_ns);
		OK(cuEventQuery(event));
		assert_int_equal(row_of("record", 0)->end_ns, row_of("kernel", 1)->end_ns);
	}
	OK(cuGraphExecDestroy(exec));
}

static void test_event_wait_node(void **unused)
{
	CUstream stream = stream_new(), other = stream_new();
	CUgraphNode node;
	CUgraphExec exec;
	CUgraph graph;
	CUevent event;

	(void)unused;
	OK(cuEventCreate(&event, CU_EVENT_DISABLE_TIMING));
	keep_event(event);
	OK(cuGraphCreate(&graph, 0));
	keep_graph(graph);
	OK(cuGraphAddEventWaitNode(&node, graph, NULL, 0, event));
	add_kernel(graph, 9, node);
	exec = exec_of(graph);
	rows_skip();
	gate_close(other);
	OK(launch(kernel_1ms, 1, other));
	OK(cuEventRecord(event, other));
	OK(cuGraphLaunch(exec, stream));
	gate_open();
	OK(cuStreamSynchronize(stream));
	rows_read();
	assert_string_equal(row_of("kernel", 1)->grid, "9,1,1");
	assert_true(row_of("kernel", 1)->start_ns > row_of("kernel", 0)->end_ns);
}

static void test_change_nodes(void **unused)
{
	CUstream stream = stream_new();
	CUDA_KERNEL_NODE_PARAMS params = kernel_params(kernel_1ms, 77), seen;
	CUgraphNode nodes[3];
	CUgraph graph = chain(3, nodes);
	CUgraphExec exec = exec_of(graph);
	unsigned enabled;

	(void)unused;
	rows_skip();
	gate_close(stream);
	OK(cuGraphLaunch(exec, stream));	/* this one must not see the change */
	OK(cuGraphExecKernelNodeSetParams_v2(exec, nodes[1], &params));
	gate_open();
	OK(cuStreamSynchronize(stream));
	rows_read();
	assert_string_equal(row_of("kernel", 1)->grid, "2,1,1");
	run(exec, stream);
	assert_string_equal(row_of("kernel", 1)->grid, "77,1,1");
	assert_string_equal(row_of("kernel", 1)->name, "kernel_1ms");
	OK(cuGraphKernelNodeGetParams_v2(nodes[1], &seen));
	assert_int_equal(seen.gridDimX, 2);	/* the graph itself is as before */
	OK(cuGraphNodeSetEnabled(exec, nodes[0], 0));
	OK(cuGraphNodeGetEnabled(exec, nodes[0], &enabled));
	assert_int_equal(enabled, 0);
	run(exec, stream);
	assert_int_equal(rows_of("kernel"), 2);
	OK(cuGraphNodeSetEnabled(exec, nodes[0], 1));
	OK(cuGraphKernelNodeSetParams_v2(nodes[2], &params));
	run(exec, stream);
	assert_int_equal(rows_of("kernel"), 3);
	assert_string_equal(row_of("kernel", 2)->grid, "3,1,1");
	params.gridDimX = 0;
	assert_int_equal(cuGraphExecKernelNodeSetParams_v2(exec, nodes[1], &params),
			 CUDA_ERROR_INVALID_VALUE);
}

static void test_update(void **unused)
{
	CUstream stream = stream_new();
	CUgraphExecUpdateResultInfo info;
	CUgraphNode nodes[3], others[4], empty;
	CUgraphExec exec = exec_of(chain(3, nodes));
	CUgraph same, longer = chain(4, others), unlike = chain(2, others);

	(void)unused;
	OK(cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
	for (unsigned i = 0; i < 3; i++)
		OK(launch(kernel_1ms, 50 + i, stream));
	OK(cuStreamEndCapture(stream, &same));
	keep_graph(same);
	OK(cuGraphExecUpdate_v2(exec, same, &info));
	assert_int_equal(info.result, CU_GRAPH_EXEC_UPDATE_SUCCESS);
	run(exec, stream);
	assert_string_equal(row_of("kernel", 0)->grid, "50,1,1");
	assert_string_equal(row_of("kernel", 2)->grid, "52,1,1");
	assert_int_equal(cuGraphExecUpdate_v2(exec, longer, &info),
			 CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE);
	assert_int_equal(info.result, CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED);
	OK(cuGraphAddEmptyNode(&empty, unlike, &others[1], 1));
	assert_int_equal(cuGraphExecUpdate_v2(exec, unlike, &info),
			 CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE);
	assert_int_equal(info.result, CU_GRAPH_EXEC_UPDATE_ERROR_NODE_TYPE_CHANGED);
	assert_ptr_equal(info.errorNode, empty);
	run(exec, stream);
	assert_int_equal(rows_of("kernel"), 3);
	assert_string_equal(row_of("kernel", 0)->grid, "50,1,1");
}

static void test_edges_and_copies(void **unused)
{
	CUgraphNode nodes[3], from[4], to[4], found, roots[4];
	CUgraph graph = chain(3, nodes), clone;
	CUgraphExec exec;
	size_t count = 4;

	(void)unused;
	OK(cuGraphAddDependencies(graph, &nodes[0], &nodes[2], 1));
	assert_int_equal(cuGraphAddDependencies(graph, &nodes[0], &nodes[2], 1),
			 CUDA_ERROR_INVALID_VALUE);
	OK(cuGraphGetEdges(graph, from, to, &count));
	assert_int_equal(count, 3);
	OK(cuGraphClone(&clone, graph));
	keep_graph(clone);
	OK(cuGraphNodeFindInClone(&found, nodes[1], clone));
	assert_ptr_not_equal(found, nodes[1]);
	count = 4;
	OK(cuGraphNodeGetDependentNodes(found, to, &count));
	assert_int_equal(count, 1);
	OK(cuGraphDestroyNode(nodes[0]));
	count = 4;
	OK(cuGraphGetRootNodes(graph, roots, &count));
	assert_int_equal(count, 1);
	assert_ptr_equal(roots[0], nodes[1]);
	count = 0;
	OK(cuGraphGetNodes(clone, NULL, &count));
	assert_int_equal(count, 3);
	OK(cuGraphAddDependencies(graph, &nodes[2], &nodes[1], 1));	/* a circle */
	assert_int_equal(cuGraphInstantiateWithFlags(&exec, graph, 0), CUDA_ERROR_INVALID_VALUE);
	OK(cuGraphRemoveDependencies(graph, &nodes[2], &nodes[1], 1));
	exec = exec_of(graph);
	OK(cuGraphExecDestroy(exec));
}

static void test_conditional(void **unused)
{
	CUstream stream = stream_new();
	CUgraphNodeParams params = { .type = CU_GRAPH_NODE_TYPE_CONDITIONAL };
	CUgraphConditionalHandle handle[2];
	CUgraphNode node;
	CUgraph graph;

	(void)unused;
	OK(cuGraphCreate(&graph, 0));
	keep_graph(graph);
	for (unsigned i = 0; i < 2; i++) {
		OK(cuGraphConditionalHandleCreate(&handle[i], graph, world_context, i, 1));
		params.conditional.handle = handle[i];
		params.conditional.type = CU_GRAPH_COND_TYPE_IF;
		params.conditional.size = 1;
		params.conditional.ctx = world_context;
		OK(cuGraphAddNode(&node, graph, NULL, 0, &params));
		add_kernel(params.conditional.phGraph_out[0], 10 + i, NULL);
	}
	run(exec_of(graph), stream);
	assert_int_equal(rows_of("kernel"), 1);
	assert_string_equal(row_of("kernel", 0)->grid, "11,1,1");
}

static void test_user_object(void **unused)
{
	CUgraphNode nodes[1];
	CUgraph graph = chain(1, nodes);
	CUgraphExec exec;
	CUuserObject object;
	int destroyed = 0;

	(void)unused;
	OK(cuUserObjectCreate(&object, &destroyed, add_one, 1, CU_USER_OBJECT_NO_DESTRUCTOR_SYNC));
	OK(cuGraphRetainUserObject(graph, object, 1, 1));	/* the graph's from now on */
	exec = exec_of(graph);
	OK(cuGraphDestroy(graph));
	assert_int_equal(destroyed, 0);
	OK(cuGraphExecDestroy(exec));
	assert_int_equal(destroyed, 1);
}

static void test_arguments_are_copied(void **unused)
{
	CUDA_KERNEL_NODE_PARAMS params = kernel_params(kernel_100us, 1), seen;
	CUgraphNode node;
	CUgraph graph;

	(void)unused;
	argument = 0x1234;
	OK(cuGraphCreate(&graph, 0));
	keep_graph(graph);
	OK(cuGraphAddKernelNode_v2(&node, graph, NULL, 0, &params));
	argument = 0;
	OK(cuGraphKernelNodeGetParams_v2(node, &seen));
	assert_int_equal(*(uint64_t *)seen.kernelParams[0], 0x1234);
}

static void test_dot(void **unused)
{
	char path[] = "/tmp/gputrail-dot-XXXXXX", text[4096] = "";
	CUgraphNode nodes[2];
	CUgraph graph = chain(2, nodes);
	FILE *file;

	(void)unused;
	close(mkstemp(path));
	OK(cuGraphDebugDotPrint(graph, path, 0));
	file = fopen(path, "r");
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	unlink(path);
	assert_non_null(strstr(text, "digraph"));
	assert_non_null(strstr(text, "kernel_100us"));
	assert_non_null(strstr(text, "->"));
}

#define TEST(function) cmocka_unit_test_teardown(function, kept_drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_launch_keeps_order),
		TEST(test_graph_equals_eager),
		TEST(test_launches_do_not_overlap),
		TEST(test_all_node_types),
		TEST(test_event_wait_node),
		TEST(test_change_nodes),
		TEST(test_update),
		TEST(test_edges_and_copies),
		TEST(test_conditional),
		TEST(test_user_object),
		TEST(test_arguments_are_copied),
		TEST(test_dot),
	};

	return cmocka_run_group_tests(tests, world_open, world_close);
}
