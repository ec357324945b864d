// SPDX-License-Identifier: Apache-2.0
// Every way to launch a kernel.
#include "program.h"

#include <cooperative_groups.h>
#include <cuda.h>

static const int SPIN_CYCLES = 2000000;		/* about a millisecond */

__global__ void spin(int cycles)
{
	long long begin = clock64();

	while (clock64() - begin < cycles)
		;
}

__global__ void step(float *values)
{
	values[blockIdx.x * blockDim.x + threadIdx.x] += 1;
}

__global__ void together(float *values)
{
	cooperative_groups::this_grid().sync();
	values[blockIdx.x * blockDim.x + threadIdx.x] += 1;
}

__global__ void clustered(float *values)
{
	values[blockIdx.x * blockDim.x + threadIdx.x] += 1;
}

__global__ void dependent(float *values)
{
#if __CUDA_ARCH__ >= 900
	cudaGridDependencySynchronize();
#endif
	values[blockIdx.x * blockDim.x + threadIdx.x] += 1;
}

static float *buffer()
{
	float *values;

	CHECK(cudaMalloc(&values, 1 << 20));
	return values;
}

static void launches()
{
	float *values = buffer();

	for (int i = 0; i < 500; i++)
		step<<<8, 128>>>(values);
	CHECK(cudaDeviceSynchronize());
	say("kernels step 500");
}

/* Kernels of one millisecond between two events each. */
static void events()
{
	cudaEvent_t begin, end;
	float ms;

	CHECK(cudaEventCreate(&begin));
	CHECK(cudaEventCreate(&end));
	spin<<<1, 1>>>(SPIN_CYCLES);
	for (int i = 0; i < 50; i++) {
		CHECK(cudaDeviceSynchronize());
		CHECK(cudaEventRecord(begin));
		spin<<<1, 1>>>(SPIN_CYCLES);
		CHECK(cudaEventRecord(end));
		CHECK(cudaEventSynchronize(end));
		CHECK(cudaEventElapsedTime(&ms, begin, end));
		say("event spin %.0f", double(ms) * 1e6);
	}
	say("kernels spin 51");
}

static void streams()
{
	float *values = buffer();
	cudaStream_t stream[4];
	cudaEvent_t event;

	CHECK(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
	for (cudaStream_t &s : stream)
		CHECK(cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking));
	for (int i = 0; i < 400; i++) {
		step<<<8, 128, 0, stream[i % 4]>>>(values);
		CHECK(cudaEventRecord(event, stream[i % 4]));
		CHECK(cudaStreamWaitEvent(stream[(i + 1) % 4], event, 0));
	}
	CHECK(cudaDeviceSynchronize());
	say("kernels step 400");
}

static void cooperative()
{
	float *values = buffer();
	void *arguments[] = { &values };

	for (int i = 0; i < 20; i++)
		CHECK(cudaLaunchCooperativeKernel((const void *)together, dim3(8), dim3(128),
						  arguments, 0, 0));
	CHECK(cudaDeviceSynchronize());
	say("kernels together 20");
}

static void with_attribute(void (*kernel)(float *), const char *name, cudaLaunchAttribute attribute)
{
	float *values = buffer();
	cudaLaunchConfig_t config = {};
	cudaStream_t stream;

	CHECK(cudaStreamCreate(&stream));
	config.gridDim = dim3(8);
	config.blockDim = dim3(128);
	config.stream = stream;
	config.attrs = &attribute;
	config.numAttrs = 1;
	for (int i = 0; i < 20; i++)
		CHECK(cudaLaunchKernelEx(&config, kernel, values));
	CHECK(cudaDeviceSynchronize());
	say("kernels %s 20", name);
}

static void need_capability(int major)
{
	int have;

	CHECK(cudaDeviceGetAttribute(&have, cudaDevAttrComputeCapabilityMajor, 0));
	if (have < major)
		skip("needs a newer GPU");
}

static void clusters()
{
	cudaLaunchAttribute attribute = {};

	need_capability(9);
	attribute.id = cudaLaunchAttributeClusterDimension;
	attribute.val.clusterDim.x = 4;
	attribute.val.clusterDim.y = attribute.val.clusterDim.z = 1;
	with_attribute(clustered, "clustered", attribute);
}

static void dependent_launches()
{
	cudaLaunchAttribute attribute = {};

	need_capability(9);
	attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
	attribute.val.programmaticStreamSerializationAllowed = 1;
	with_attribute(dependent, "dependent", attribute);
}

static void copies()
{
	const size_t bytes = 1 << 20;
	char *device, *other, *pinned, *pageable = (char *)std::calloc(1, bytes);
	cudaStream_t stream;

	CHECK(cudaStreamCreate(&stream));
	CHECK(cudaMalloc(&device, bytes));
	CHECK(cudaMalloc(&other, bytes));
	CHECK(cudaMallocHost(&pinned, bytes));
	for (int i = 0; i < 10; i++) {
		CHECK(cudaMemcpyAsync(device, pinned, bytes, cudaMemcpyHostToDevice, stream));
		CHECK(cudaMemcpyAsync(pinned, device, bytes, cudaMemcpyDeviceToHost, stream));
		CHECK(cudaMemcpyAsync(other, device, bytes, cudaMemcpyDeviceToDevice, stream));
		CHECK(cudaMemcpyAsync(device, pageable, bytes, cudaMemcpyHostToDevice, stream));
		CHECK(cudaMemsetAsync(device, i, bytes, stream));
	}
	CHECK(cudaStreamSynchronize(stream));
	std::free(pageable);
	say("copies 40 %zu", 40 * bytes);
	say("sets 10");
}

/* Captures ten kernels, a copy and a set. */
static cudaGraph_t capture(cudaStream_t stream, float *values)
{
	cudaGraph_t graph;

	CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
	for (int i = 0; i < 10; i++)
		step<<<8, 128, 0, stream>>>(values);
	CHECK(cudaMemcpyAsync(values, values + 4096, 4096, cudaMemcpyDeviceToDevice, stream));
	CHECK(cudaMemsetAsync(values, 0, 4096, stream));
	CHECK(cudaStreamEndCapture(stream, &graph));
	return graph;
}

/* Instantiated twice, the second one updated on the way. */
static void graphs()
{
	float *values = buffer();
	cudaGraphExec_t first, second;
	cudaGraphExecUpdateResultInfo info;
	cudaStream_t stream;

	CHECK(cudaStreamCreate(&stream));
	CHECK(cudaGraphInstantiate(&first, capture(stream, values), 0));
	CHECK(cudaGraphInstantiate(&second, capture(stream, values), 0));
	for (int i = 0; i < 40; i++) {
		if (i == 20)
			CHECK(cudaGraphExecUpdate(second, capture(stream, values), &info));
		CHECK(cudaGraphLaunch(i % 2 ? second : first, stream));
	}
	CHECK(cudaStreamSynchronize(stream));
	say("graph_launches 40");
	say("kernels step 400");
	say("copies 40 %d", 40 * 4096);
	say("sets 40");
}

static void launch_often(cudaGraph_t graph, cudaStream_t stream)
{
	cudaGraphExec_t exec;

	CHECK(cudaGraphInstantiate(&exec, graph, 0));
	for (int i = 0; i < 10; i++)
		CHECK(cudaGraphLaunch(exec, stream));
	CHECK(cudaStreamSynchronize(stream));
	say("graph_launches 10");
}

static void child_graph()
{
	float *values = buffer();
	CUgraph outer;
	CUgraphNode node;
	cudaStream_t stream;

	CHECK(cudaStreamCreate(&stream));
	CHECK_DRIVER(DRIVER(cuGraphCreate, 10000)(&outer, 0));
	CHECK_DRIVER(DRIVER(cuGraphAddChildGraphNode, 10000)(&node, outer, nullptr, 0,
							     capture(stream, values)));
	launch_often(outer, stream);
	say("kernels step 100");
}

/* An IF node whose handle begins with 1: its body, captured, runs in every launch. */
static void conditional()
{
	float *values = buffer();
	CUgraphConditionalHandle handle;
	CUgraphNodeParams params = {};
	CUcontext context;
	CUgraph outer;
	CUgraphNode node;
	cudaStream_t stream;

	CHECK(cudaStreamCreate(&stream));
	CHECK_DRIVER(DRIVER(cuGraphCreate, 10000)(&outer, 0));
	CHECK_DRIVER(DRIVER(cuCtxGetCurrent, 4000)(&context));
	CHECK_DRIVER(DRIVER(cuGraphConditionalHandleCreate, 12030)(&handle, outer, context, 1,
								   CU_GRAPH_COND_ASSIGN_DEFAULT));
	params.type = CU_GRAPH_NODE_TYPE_CONDITIONAL;
	params.conditional.handle = handle;
	params.conditional.type = CU_GRAPH_COND_TYPE_IF;
	params.conditional.size = 1;
	params.conditional.ctx = context;
	/* cuGraphAddNode_v2 has edge data between the dependencies and their number. */
	CHECK_DRIVER(driver<CUresult (*)(CUgraphNode *, CUgraph, const CUgraphNode *, const void *,
					 size_t, CUgraphNodeParams *)>("cuGraphAddNode", 12030)(
		&node, outer, nullptr, nullptr, 0, &params));
	CHECK_DRIVER(DRIVER(cuStreamBeginCaptureToGraph, 12030)(
		stream, params.conditional.phGraph_out[0], nullptr, nullptr, 0,
		CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
	for (int i = 0; i < 5; i++)
		step<<<8, 128, 0, stream>>>(values);
	CHECK_DRIVER(DRIVER(cuStreamEndCapture, 10000)(stream, &params.conditional.phGraph_out[0]));
	launch_often(outer, stream);
	say("kernels step 50");
}

/* For GPU_TEST_PHASE_MS each: nothing, all SMs full, nothing, a quarter of the SMs with two warps. */
static void activity()
{
	static const struct { const char *name; int part, threads; } phases[] = {
		{ "rest", 0, 0 }, { "full", 1, 1024 }, { "rest_again", 0, 0 }, { "quarter", 4, 64 },
	};
	const char *given = std::getenv("GPU_TEST_PHASE_MS");
	uint64_t phase_ns = (given ? std::strtoull(given, nullptr, 10) : 2000) * 1000000;
	int sms;

	CHECK(cudaDeviceGetAttribute(&sms, cudaDevAttrMultiProcessorCount, 0));
	spin<<<1, 1>>>(1);
	CHECK(cudaDeviceSynchronize());
	for (const auto &phase : phases) {
		uint64_t begin = now_ns();
		timespec rest = { time_t(phase_ns / 1000000000), long(phase_ns % 1000000000) };

		if (!phase.part)
			nanosleep(&rest, nullptr);
		while (phase.part && now_ns() - begin < phase_ns) {
			for (int i = 0; i < 64; i++)
				spin<<<(phase.part == 1 ? 2 : 1) * sms / phase.part, phase.threads>>>(
					SPIN_CYCLES);
			CHECK(cudaDeviceSynchronize());
		}
		say("fact %s %llu %llu", phase.name, (unsigned long long)begin,
		    (unsigned long long)now_ns());
	}
}

const gpu_case launch_cases[] = {
	{ "launches", launches }, { "events", events }, { "streams", streams },
	{ "cooperative", cooperative }, { "clusters", clusters },
	{ "dependent_launches", dependent_launches }, { "copies", copies }, { "graphs", graphs },
	{ "child_graph", child_graph }, { "conditional", conditional },
	{ "activity", activity }, {},
};
