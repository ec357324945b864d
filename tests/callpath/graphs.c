/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes graphs in every way, then launches them. Each kernel's grid (x) numbers the function that
 * captured or added it; names of these functions are printed with their numbers.
 * Usage: callpath-graphs [churn COUNT]
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/shim/app.h"

static const char image[] = ".version 7.0\n.target sm_70\n.address_size 64\n"
	".visible .entry probe_kernel(.param .u32 probe_kernel_param_0)\n{\n\tret;\n}\n";

static void *driver;
#define CU(name) ((__typeof__(&name))(uintptr_t)dlsym(driver, #name))
#define OK(name, ...) NEED(CU(name)(__VA_ARGS__) == CUDA_SUCCESS)

static CUfunction function;
static CUstream stream;
static CUdeviceptr memory;
static unsigned value = 7;
static void *params[] = { &value };

/* Not inlined, and the call is not their last: they are frames of the call's path. */
#define LAYER(number, name)							\
static __attribute__((noinline)) void name(void)				\
{										\
	OK(cuLaunchKernel, function, number, 1, 1, 32, 1, 1, 0, stream, params, NULL); \
	__asm__ volatile("");							\
}
LAYER(11, embed)
LAYER(12, attention)
LAYER(13, normalise)
LAYER(14, normalise_anew)
LAYER(15, outside)
LAYER(16, capture_late)

/* A set and a copy are nodes as well. */
static __attribute__((noinline)) void move(void)
{
	OK(cuMemsetD8Async, memory, 1, 4096, stream);
	OK(cuMemcpyDtoDAsync_v2, memory + 8192, memory, 4096, stream);
}

static __attribute__((noinline)) CUgraph capture(void (*first)(void), void (*second)(void))
{
	CUgraph graph;

	OK(cuStreamBeginCapture_v2, stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
	first();
	second();
	OK(cuStreamEndCapture, stream, &graph);
	return graph;
}

static CUgraphExec instantiate(CUgraph graph)
{
	CUgraphExec executable;

	OK(cuGraphInstantiateWithFlags, &executable, graph, 0);
	return executable;
}

static __attribute__((noinline)) void replay(CUgraphExec executable)
{
	OK(cuGraphLaunch, executable, stream);
	OK(cuStreamSynchronize, stream);
}

/* By hand: a kernel, and a whole graph as a child. */
static __attribute__((noinline)) CUgraph add_by_hand(CUgraph child)
{
	CUDA_KERNEL_NODE_PARAMS kernel = { .func = function, .gridDimX = 17, .gridDimY = 1,
		.gridDimZ = 1, .blockDimX = 32, .blockDimY = 1, .blockDimZ = 1,
		.kernelParams = params };
	CUgraphNode node;
	CUgraph graph;

	OK(cuGraphCreate, &graph, 0);
	OK(cuGraphAddKernelNode_v2, &node, graph, NULL, 0, &kernel);
	OK(cuGraphAddChildGraphNode, &node, graph, &node, 1, child);
	return graph;
}

static CUgraphExec captured_launch;
static void launch_captured(void)
{
	OK(cuGraphLaunch, captured_launch, stream);
}

static void *instantiate_elsewhere(void *graph)
{
	CUcontext context;

	OK(cuDevicePrimaryCtxRetain, &context, 0);
	OK(cuCtxSetCurrent, context);
	return instantiate(graph);
}

static void setup(void)
{
	CUcontext context;
	CUmodule module;

	driver = dlopen("libcuda.so.1", RTLD_NOW);
	NEED(driver);
	OK(cuInit, 0);
	OK(cuDevicePrimaryCtxRetain, &context, 0);
	OK(cuCtxSetCurrent, context);
	OK(cuModuleLoadData, &module, image);
	OK(cuModuleGetFunction, &function, module, "probe_kernel");
	OK(cuStreamCreate, &stream, CU_STREAM_NON_BLOCKING);
	OK(cuMemAlloc_v2, &memory, 16384);
}

/* Programs that make a new graph for each step. */
static void churn(int count)
{
	for (int i = 0; i < count; i++) {
		CUgraph graph = capture(embed, attention);
		CUgraphExec executable = instantiate(graph);

		OK(cuGraphDestroy, graph);
		replay(executable);
		OK(cuGraphExecDestroy, executable);
	}
}

static void update(CUgraphExec executable)
{
	CUgraphExecUpdateResultInfo info = { 0 };
	CUgraph graph = capture(embed, normalise_anew);

	OK(cuGraphExecUpdate_v2, executable, graph, &info);
	OK(cuGraphDestroy, graph);
	replay(executable);
}

static __attribute__((noinline)) void every_way(void)
{
	CUgraph graph = capture(embed, attention), clone, late;
	CUgraphExec executables[6];
	pthread_t thread;
	void *elsewhere;

	executables[0] = instantiate(graph);
	executables[1] = instantiate(graph);
	OK(cuGraphClone, &clone, graph);
	executables[2] = instantiate(clone);
	NEED(!pthread_create(&thread, NULL, instantiate_elsewhere, clone));
	NEED(!pthread_join(thread, &elsewhere));
	executables[3] = elsewhere;
	executables[4] = instantiate(add_by_hand(clone));
	captured_launch = executables[0];
	late = capture(capture_late, launch_captured);
	executables[5] = instantiate(late);
	OK(cuGraphDestroy, graph);
	for (int i = 0; i < 6; i++)
		replay(executables[i]);
	for (int i = 1; i < 6; i++)
		OK(cuGraphExecDestroy, executables[i]);
	executables[1] = instantiate(capture(embed, normalise));
	replay(executables[1]);
	update(executables[1]);
	replay(instantiate(capture(embed, move)));
	outside();
}

int main(int argc, char **argv)
{
	setup();
	if (argc > 2 && !strcmp(argv[1], "churn"))
		churn(atoi(argv[2]));
	else
		every_way();
	OK(cuCtxSynchronize);
	puts("11 embed\n12 attention\n13 normalise\n14 normalise_anew\n16 capture_late\n"
	     "17 add_by_hand");
	return 0;
}
