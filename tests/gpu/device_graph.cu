// SPDX-License-Identifier: Apache-2.0
// A graph that a kernel launches: no call of the host's, so only GPU records can tell of it.
#include "program.h"

__global__ void inner(int *counter)
{
	*counter += 1;
}

__global__ void outer(cudaGraphExec_t graph)
{
	cudaGraphLaunch(graph, cudaStreamGraphFireAndForget);
}

template <class Launch> static cudaGraphExec_t make(cudaStream_t stream, unsigned flags, Launch launch)
{
	cudaGraph_t graph;
	cudaGraphExec_t exec;

	CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
	launch();
	CHECK(cudaStreamEndCapture(stream, &graph));
	CHECK(cudaGraphInstantiate(&exec, graph, flags));
	CHECK(cudaGraphUpload(exec, stream));
	return exec;
}

int main()
{
	cudaStream_t stream;
	int *counter;

	CHECK(cudaStreamCreate(&stream));
	CHECK(cudaMalloc(&counter, sizeof(*counter)));
	cudaGraphExec_t callee = make(stream, cudaGraphInstantiateFlagDeviceLaunch,
				      [&] { inner<<<1, 1, 0, stream>>>(counter); });
	cudaGraphExec_t caller = make(stream, 0, [&] { outer<<<1, 1, 0, stream>>>(callee); });

	for (int i = 0; i < 20; i++) {
		CHECK(cudaGraphLaunch(caller, stream));
		CHECK(cudaStreamSynchronize(stream));
	}
	say("kernels outer 20");
	say("fact device_launched inner 20");
	return 0;
}
