/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CUDA program whose activity is known, in the order of its arguments:
 *
 *	run NAME BLOCKS THREADS COUNT	kernels one after the other (wide, narrow or tail); waits for them
 *	send MIB, fetch MIB		copies page-locked memory to the device and back; waits for it
 *	hold MIB			allocates device memory, and keeps it
 *	rest MS				the host sleeps
 *	die				by SIGKILL, while a kernel runs
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "driver/driver_types.h"
#include "tests/shim/app.h"

static const char image[] = ".version 7.0\n.target sm_70\n.address_size 64\n"
	".visible .entry wide(.param .u64 p)\n{\n\tret;\n}\n"
	".visible .entry narrow(.param .u64 p)\n{\n\tret;\n}\n"
	".visible .entry tail(.param .u64 p)\n{\n\tret;\n}\n";

static void *driver;
static CUmodule module;
static CUstream stream;
#define CU(name) ((__typeof__(&name))(uintptr_t)dlsym(driver, #name))
#define OK(name, ...) NEED(CU(name)(__VA_ARGS__) == CUDA_SUCCESS)

static void init(void)
{
	CUcontext context;

	driver = dlopen("libcuda.so.1", RTLD_NOW);
	NEED(driver);
	OK(cuInit, 0);
	OK(cuDevicePrimaryCtxRetain, &context, 0);
	OK(cuCtxSetCurrent, context);
	OK(cuModuleLoadData, &module, image);
	OK(cuStreamCreate, &stream, CU_STREAM_NON_BLOCKING);
}

static void run(const char *name, unsigned blocks, unsigned threads, int count)
{
	void *argument = NULL, *arguments[] = { &argument };
	CUfunction function;

	OK(cuModuleGetFunction, &function, module, name);
	while (count-- > 0)
		OK(cuLaunchKernel, function, blocks, 1, 1, threads, 1, 1, 0, stream, arguments, NULL);
}

static void copy(size_t bytes, int is_fetch)
{
	static CUdeviceptr device;
	static void *host;

	if (!host) {
		OK(cuMemAlloc_v2, &device, bytes);
		OK(cuMemAllocHost_v2, &host, bytes);
	}
	if (is_fetch)
		OK(cuMemcpyDtoHAsync_v2, host, device, bytes, stream);
	else
		OK(cuMemcpyHtoDAsync_v2, device, host, bytes, stream);
}

static void hold(size_t bytes)
{
	CUdeviceptr device;

	OK(cuMemAlloc_v2, &device, bytes);
}

static void rest(long ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

int main(int argc, char **argv)
{
	init();
	for (int i = 1; i < argc; i++) {
		const char *what = argv[i];

		if (!strcmp(what, "run") && i + 4 < argc) {
			run(argv[i + 1], (unsigned)atoi(argv[i + 2]), (unsigned)atoi(argv[i + 3]),
			    atoi(argv[i + 4]));
			i += 4;
		} else if (!strcmp(what, "die")) {
			raise(SIGKILL);
		} else {
			size_t number = (size_t)atol(argv[++i]);

			if (!strcmp(what, "rest"))
				rest((long)number);
			else if (!strcmp(what, "hold"))
				hold(number << 20);
			else
				copy(number << 20, !strcmp(what, "fetch"));
		}
		if (!argv[i + 1] || strcmp(argv[i + 1], "die"))
			OK(cuStreamSynchronize, stream);
	}
	return 0;
}
