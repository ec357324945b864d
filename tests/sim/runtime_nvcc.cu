// SPDX-License-Identifier: Apache-2.0
// Ordinary CUDA C++ for the test of the simulated runtime: prints what it saw.
#include <cstdio>
#include <vector>

struct Shape {
	char kind;
	double scale;
	short order;
};

__device__ int counter = 3;
__constant__ float table[4];
__managed__ int shared_number = 17;

__global__ void add(float *values, int count, Shape shape)
{
	int i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < count)
		values[i] += float(shape.scale) * table[i & 3] + counter;
}

template <class T> __global__ void fill(T *values, T value)
{
	values[threadIdx.x] = value;
}

static int failures;
#define CHECK(call)										\
	do {											\
		cudaError_t error = (call);							\
		if (error != cudaSuccess) {							\
			std::printf("%s: %s\n", #call, cudaGetErrorString(error));		\
			failures++;								\
		}										\
	} while (0)

static void graphs(float *values, cudaStream_t stream)
{
	cudaGraph_t graph;
	cudaGraphExec_t exec;

	CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
	add<<<4, 256, 0, stream>>>(values, 1024, Shape{'a', 1.0, 2});
	fill<float><<<1, 32, 0, stream>>>(values, 1.0f);
	CHECK(cudaStreamEndCapture(stream, &graph));
	CHECK(cudaGraphInstantiate(&exec, graph, 0));
	for (int i = 0; i < 5; i++)
		CHECK(cudaGraphLaunch(exec, stream));
	CHECK(cudaStreamSynchronize(stream));
	CHECK(cudaGraphExecDestroy(exec));
	CHECK(cudaGraphDestroy(graph));
}

int main()
{
	std::vector<float> host(1024, 2.0f);
	float *values;
	int number = 0, blocks = 0;
	cudaStream_t stream;
	cudaDeviceProp properties;
	cudaFuncAttributes attributes;

	CHECK(cudaGetDeviceProperties(&properties, 0));
	CHECK(cudaMalloc(&values, 4096));
	CHECK(cudaMemcpy(values, host.data(), 4096, cudaMemcpyHostToDevice));
	CHECK(cudaMemcpyFromSymbol(&number, counter, sizeof(number)));
	CHECK(cudaStreamCreate(&stream));
	add<<<4, 256>>>(values, 1024, Shape{'b', 0.5, 1});
	fill<double><<<1, 64, 128, stream>>>((double *)values, 1.0);
	CHECK(cudaGetLastError());
	graphs(values, stream);
	CHECK(cudaFuncGetAttributes(&attributes, add));
	CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, add, 256, 0));
	CHECK(cudaDeviceSynchronize());
	CHECK(cudaMemcpy(host.data(), values, 4096, cudaMemcpyDeviceToHost));
	CHECK(cudaFree(values));
	std::printf("%s sm_%d%d counter %d managed %d registers %d blocks %d failures %d\n",
		    properties.name, properties.major, properties.minor, number, shared_number,
		    attributes.numRegs > 0, blocks > 0, failures);
	return failures;
}
