/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes graphs whose shape it prints, and changes one node by node. Kernels are told apart by their
 * grid (x). Lines: "node GRAPH NUMBER TYPE INSIDE", "edge GRAPH FROM TO", "kernel NAME GRID COUNT"
 * and "updates COUNT"; GRAPH counts executable graphs in order, INSIDE is the number of a node or -.
 * Usage: callpath-graph-contents [chain COUNT]: a graph of so many nodes in a row instead
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

#include "tests/shim/app.h"

static const char image[] = ".version 7.0\n.target sm_70\n.address_size 64\n"
	".visible .entry first_kernel(.param .u32 first_kernel_param_0)\n{\n\tret;\n}\n"
	".visible .entry other_kernel(.param .u32 other_kernel_param_0)\n{\n\tret;\n}\n";

static void *driver;
#define CU(name) ((__typeof__(&name))(uintptr_t)dlsym(driver, #name))
#define OK(name, ...) NEED(CU(name)(__VA_ARGS__) == CUDA_SUCCESS)

static CUcontext context;
static CUfunction first, other;
static CUstream stream;
static CUdeviceptr memory;
static unsigned value = 7;
static void *params[] = { &value };

static CUDA_KERNEL_NODE_PARAMS kernel_of(CUfunction function, unsigned grid)
{
	return (CUDA_KERNEL_NODE_PARAMS){ .func = function, .gridDimX = grid, .gridDimY = 1,
		.gridDimZ = 1, .blockDimX = 32, .blockDimY = 1, .blockDimZ = 1, .kernelParams = params };
}

static CUgraphNode add_kernel(CUgraph graph, unsigned grid, const CUgraphNode *after, size_t count)
{
	CUDA_KERNEL_NODE_PARAMS kernel = kernel_of(first, grid);
	CUgraphNode node;

	OK(cuGraphAddKernelNode_v2, &node, graph, after, count, &kernel);
	return node;
}

static CUgraphExec instantiate(CUgraph graph, unsigned long long flags)
{
	CUgraphExec executable;

	OK(cuGraphInstantiateWithFlags, &executable, graph, flags);
	return executable;
}

static void launch(CUgraphExec executable, int count)
{
	for (int i = 0; i < count; i++)
		OK(cuGraphLaunch, executable, stream);
	OK(cuStreamSynchronize, stream);
}

static CUgraphNode add_set(CUgraph graph, const CUgraphNode *after, size_t count)
{
	CUDA_MEMSET_NODE_PARAMS set = { .dst = memory, .value = 1, .elementSize = 1, .width = 4096,
					.height = 1 };
	CUgraphNode node;

	OK(cuGraphAddMemsetNode, &node, graph, after, count, &set, context);
	return node;
}

/* Two branches that meet, beside them a set: 0 -> 1, 0 -> 2, 1 -> 3, 2 -> 3, 4 -> 3. */
static CUgraph diamond(CUgraphNode nodes[5])
{
	CUgraph graph;

	OK(cuGraphCreate, &graph, 0);
	nodes[0] = add_kernel(graph, 10, NULL, 0);
	nodes[1] = add_kernel(graph, 11, &nodes[0], 1);
	nodes[2] = add_kernel(graph, 12, &nodes[0], 1);
	nodes[3] = add_kernel(graph, 13, nodes + 1, 2);
	nodes[4] = add_set(graph, NULL, 0);
	OK(cuGraphAddDependencies, graph, &nodes[4], &nodes[3], 1);
	return graph;
}

static void tell_diamond(int number)
{
	for (int i = 0; i < 4; i++)
		printf("node %d %d kernel -\n", number, i);
	printf("node %d 4 memset -\n", number);
	printf("edge %d 0 1\nedge %d 0 2\nedge %d 1 3\nedge %d 2 3\nedge %d 4 3\n", number, number,
	       number, number, number);
}

/* Of one executable graph: another grid, another function, a node that is switched off and on. */
static void change(CUgraphExec executable, const CUgraphNode *nodes)
{
	CUDA_KERNEL_NODE_PARAMS kernel = kernel_of(first, 20);

	launch(executable, 2);
	OK(cuGraphExecKernelNodeSetParams_v2, executable, nodes[0], &kernel);
	launch(executable, 3);
	kernel = kernel_of(other, 21);
	OK(cuGraphExecKernelNodeSetParams_v2, executable, nodes[0], &kernel);
	OK(cuGraphNodeSetEnabled, executable, nodes[2], 0);
	launch(executable, 4);
	OK(cuGraphNodeSetEnabled, executable, nodes[2], 1);
	launch(executable, 1);
	puts("updates 4\nkernel first_kernel 10 2\nkernel first_kernel 20 3\nkernel other_kernel 21 5\n"
	     "kernel first_kernel 11 10\nkernel first_kernel 12 6\nkernel first_kernel 13 10");
}

/* A kernel, then the diamond as a child, then a loop whose body has two kernels in a row. */
static void nested(CUgraph child)
{
	CUgraphNodeParams loop = { .type = CU_GRAPH_NODE_TYPE_CONDITIONAL };
	CUgraphNode nodes[3], inside;
	CUgraph graph;

	OK(cuGraphCreate, &graph, 0);
	nodes[0] = add_kernel(graph, 30, NULL, 0);
	OK(cuGraphAddChildGraphNode, &nodes[1], graph, nodes, 1, child);
	OK(cuGraphConditionalHandleCreate, &loop.conditional.handle, graph, context, 1, 1);
	loop.conditional.type = CU_GRAPH_COND_TYPE_WHILE;
	loop.conditional.size = 1;
	loop.conditional.ctx = context;
	OK(cuGraphAddNode, &nodes[2], graph, nodes + 1, 1, &loop);
	inside = add_kernel(loop.conditional.phGraph_out[0], 31, NULL, 0);
	add_kernel(loop.conditional.phGraph_out[0], 32, &inside, 1);
	launch(instantiate(graph, CUDA_GRAPH_INSTANTIATE_FLAG_DEVICE_LAUNCH), 5);
	puts("node 1 0 kernel -\nnode 1 1 graph -\nnode 1 2 while -\nedge 1 0 1\nedge 1 1 2\n"
	     "node 1 3 kernel 1\nnode 1 4 kernel 1\nnode 1 5 kernel 1\nnode 1 6 kernel 1\n"
	     "node 1 7 memset 1\nedge 1 3 4\nedge 1 3 5\nedge 1 4 6\nedge 1 5 6\nedge 1 7 6\n"
	     "node 1 8 kernel 2\nnode 1 9 kernel 2\nedge 1 8 9\nkernel first_kernel 30 5\n"
	     "kernel first_kernel 31 5\nkernel first_kernel 32 5");
}

static void chain(int count)
{
	struct timespec begin, end;
	CUgraphNode node;
	CUgraph graph;

	OK(cuGraphCreate, &graph, 0);
	for (int i = 0; i < count; i++)
		OK(cuGraphAddEmptyNode, &node, graph, &node, i > 0);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	instantiate(graph, 0);
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("instantiate_us %ld\n", (end.tv_sec - begin.tv_sec) * 1000000 +
	       (end.tv_nsec - begin.tv_nsec) / 1000);
}

static void setup(void)
{
	CUmodule module;

	driver = dlopen("libcuda.so.1", RTLD_NOW);
	NEED(driver);
	OK(cuInit, 0);
	OK(cuDevicePrimaryCtxRetain, &context, 0);
	OK(cuCtxSetCurrent, context);
	OK(cuModuleLoadData, &module, image);
	OK(cuModuleGetFunction, &first, module, "first_kernel");
	OK(cuModuleGetFunction, &other, module, "other_kernel");
	OK(cuStreamCreate, &stream, CU_STREAM_NON_BLOCKING);
	OK(cuMemAlloc_v2, &memory, 16384);
}

int main(int argc, char **argv)
{
	CUgraphNode nodes[5];
	CUgraphExec executable;
	CUgraph graph;

	setup();
	if (argc > 2) {
		chain(atoi(argv[2]));
		return 0;
	}
	graph = diamond(nodes);
	executable = instantiate(graph, 0);
	tell_diamond(0);
	change(executable, nodes);
	nested(graph);
	/* The same once more: the same contents, of another executable graph at the same address. */
	OK(cuGraphExecDestroy, executable);
	launch(instantiate(graph, 0), 1);
	tell_diamond(2);
	OK(cuCtxSynchronize);
	return 0;
}
