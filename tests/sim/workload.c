/* SPDX-License-Identifier: Apache-2.0 */
/* The workload of the tests of the simulated GPU's libraries. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "sim/workload.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#define BYTES 65536u
#define LAUNCHES 20
#define GRAPH_LAUNCHES 3

static const char ptx[] =
	".version 7.0\n.target sm_70\n.address_size 64\n"
	".visible .entry scale(.param .u64 scale_param_0, .param .u32 scale_param_1)\n"
	".maxntid 256, 1, 1\n{\n\tret;\n}\n"
	".visible .entry reduce(.param .u64 reduce_param_0)\n{\n"
	"\t.shared .align 4 .b8 part[1024];\n\tret;\n}\n";

struct workload {
	CUcontext context;
	CUmodule module;
	CUfunction scale, reduce;
	CUstream streams[2];
	CUdeviceptr first, second;
	void *pinned;
	char *pageable;
};

static void *library;

/* The driver's function, with the prototype its row in driver_api.def has. */
static void *driver_symbol(const char *name)
{
	void *symbol = dlsym(library, name);

	if (!symbol) {
		fprintf(stderr, "workload: no %s in the driver\n", name);
		exit(1);
	}
	return symbol;
}

#define API(symbol, base, tier, since, per_thread, cbid, category, params, args) \
	typedef CUresult (*symbol##_function) params;
#include "driver/driver_api.def"
#undef API
#define DO(symbol, ...)									\
	must(#symbol, ((symbol##_function)driver_symbol(#symbol))(__VA_ARGS__))

static void must(const char *what, CUresult result)
{
	if (result == CUDA_SUCCESS)
		return;
	fprintf(stderr, "workload: %s failed with %d\n", what, (int)result);
	exit(1);
}

static void launch(struct workload *work, CUfunction function, unsigned blocks, unsigned shared,
		   CUstream stream)
{
	unsigned count = 256;
	void *params[] = { &work->first, &count };

	DO(cuLaunchKernel, function, blocks, 1, 1, 256, 1, 1, shared, stream, params, NULL);
}

static void prepare(struct workload *work)
{
	DO(cuInit, 0);
	DO(cuDevicePrimaryCtxRetain, &work->context, 0);
	DO(cuCtxSetCurrent, work->context);
	DO(cuModuleLoadData, &work->module, ptx);
	DO(cuModuleGetFunction, &work->scale, work->module, "scale");
	DO(cuModuleGetFunction, &work->reduce, work->module, "reduce");
	DO(cuStreamCreate, &work->streams[0], CU_STREAM_NON_BLOCKING);
	DO(cuStreamCreateWithPriority, &work->streams[1], CU_STREAM_NON_BLOCKING, -1);
	DO(cuMemAlloc_v2, &work->first, BYTES);
	DO(cuMemAllocAsync, &work->second, BYTES, work->streams[0]);
	DO(cuMemHostAlloc, &work->pinned, BYTES, 0);
	work->pageable = calloc(1, BYTES);
}

static void run_eager(struct workload *work)
{
	CUevent event;

	DO(cuMemsetD32_v2, work->first, 7, BYTES / 4);
	DO(cuMemsetD8Async, work->second, 1, BYTES, work->streams[0]);
	DO(cuMemcpyHtoD_v2, work->first, work->pageable, BYTES);
	DO(cuMemcpyHtoDAsync_v2, work->first, work->pinned, BYTES, work->streams[0]);
	for (unsigned i = 0; i < LAUNCHES; i++)
		launch(work, i % 2 ? work->scale : work->reduce, i % 3 ? 1 : 300, i * 64,
		       work->streams[i % 2]);
	launch(work, work->scale, 2, 0, NULL);
	DO(cuMemcpyDtoDAsync_v2, work->second, work->first, BYTES / 2, work->streams[0]);
	DO(cuEventCreate, &event, 0);
	DO(cuEventRecord, event, work->streams[0]);
	DO(cuStreamWaitEvent, work->streams[1], event, 0);
	DO(cuEventSynchronize, event);
	DO(cuMemcpyDtoH_v2, work->pageable, work->second, BYTES);
	DO(cuStreamSynchronize, work->streams[1]);
	DO(cuEventDestroy_v2, event);
}

static void run_graph(struct workload *work)
{
	CUgraph graph;
	CUgraphExec exec;

	DO(cuStreamBeginCapture_v2, work->streams[0], CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
	launch(work, work->reduce, 64, 0, work->streams[0]);
	DO(cuMemcpyDtoHAsync_v2, work->pinned, work->first, BYTES, work->streams[0]);
	DO(cuMemsetD8Async, work->first, 0, BYTES, work->streams[0]);
	launch(work, work->scale, 8, 0, work->streams[0]);
	DO(cuStreamEndCapture, work->streams[0], &graph);
	DO(cuGraphInstantiateWithFlags, &exec, graph, 0);
	for (int i = 0; i < GRAPH_LAUNCHES; i++)
		DO(cuGraphLaunch, exec, work->streams[0]);
	DO(cuStreamSynchronize, work->streams[0]);
	DO(cuGraphExecDestroy, exec);
	DO(cuGraphDestroy, graph);
}

static void run_peer(struct workload *work)
{
	CUcontext other;
	CUdeviceptr there;
	int devices = 0;

	DO(cuDeviceGetCount, &devices);
	if (devices < 2)
		return;
	DO(cuDevicePrimaryCtxRetain, &other, 1);
	DO(cuCtxSetCurrent, other);
	DO(cuMemAlloc_v2, &there, BYTES);
	DO(cuCtxSetCurrent, work->context);
	DO(cuMemcpyPeerAsync, there, other, work->first, work->context, BYTES, work->streams[0]);
	DO(cuStreamSynchronize, work->streams[0]);
	DO(cuMemFree_v2, there);
}

void workload_run(void *libcuda)
{
	struct workload work = { 0 };

	library = libcuda;
	prepare(&work);
	run_eager(&work);
	run_graph(&work);
	run_peer(&work);
	DO(cuMemFreeAsync, work.second, work.streams[0]);
	DO(cuCtxSynchronize);
	DO(cuMemFree_v2, work.first);
	DO(cuMemFreeHost, work.pinned);
	free(work.pageable);
}
