/* SPDX-License-Identifier: Apache-2.0 */
/* What a launch on the simulated device costs its caller, and a launch that is waited for. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "sim/driver_calls.h"

#define BURSTS 400
#define BURST 500		/* below the stream's bound, so that no launch waits for room */
#define PAIRS 5000

static const char image[] =
	".version 8.0\n.target sm_80\n.address_size 64\n"
	".visible .entry bench(.param .u64 p)\n{\nret;\n}\n";

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void must(CUresult result, const char *what)
{
	if (result == CUDA_SUCCESS)
		return;
	fprintf(stderr, "sim_launch: %s failed with error %d\n", what, (int)result);
	exit(1);
}

int main(void)
{
	uint64_t argument = 0;
	void *arguments[] = { &argument };
	double start, burst, sum = 0, best = 1e12;
	CUfunction function;
	CUcontext context;
	CUmodule module;
	CUstream stream;

	must(cuInit(0), "cuInit");
	must(cuDevicePrimaryCtxRetain(&context, 0), "cuDevicePrimaryCtxRetain");
	must(cuCtxSetCurrent(context), "cuCtxSetCurrent");
	must(cuModuleLoadData(&module, image), "cuModuleLoadData");
	must(cuModuleGetFunction(&function, module, "bench"), "cuModuleGetFunction");
	must(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
	for (int i = 0; i < BURSTS; i++) {
		start = now_ns();
		for (int j = 0; j < BURST; j++)
			must(cuLaunchKernel(function, 100, 1, 1, 128, 1, 1, 0, stream, arguments,
					    NULL),
			     "cuLaunchKernel");
		burst = (now_ns() - start) / BURST;
		sum += burst;
		best = burst < best ? burst : best;
		must(cuStreamSynchronize(stream), "cuStreamSynchronize");
	}
	printf("launch: %.0f ns on average, %.0f ns in the best burst\n", sum / BURSTS, best);
	start = now_ns();
	for (int i = 0; i < PAIRS; i++) {
		must(cuLaunchKernel(function, 1, 1, 1, 128, 1, 1, 0, stream, arguments, NULL),
		     "cuLaunchKernel");
		must(cuStreamSynchronize(stream), "cuStreamSynchronize");
	}
	printf("launch and wait: %.2f us, of which the device takes about 6.2\n",
	       (now_ns() - start) / PAIRS / 1e3);
	return 0;
}
