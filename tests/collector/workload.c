/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small CUDA program for the tests of recording.
 *
 *	workload launches N         N launches with copies, sets, allocations; then waits for them
 *	workload forever FILE       launches until killed; FILE holds the number that returned (8 bytes)
 *	workload threads T N        T threads with N launches each
 *	workload tree D N           N launches here, and a child program that does the same, D deep
 *	workload exit CODE | raise SIGNAL | _exit CODE    after one launch
 *	workload leave N [FILE]     N launches in a child that outlives this process, 0.3 s later or
 *	                            when FILE is there
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver/driver_types.h"

#define DRIVER_CALLS(CALL)                                                                         \
	CALL(cuInit, (unsigned int))                                                               \
	CALL(cuDeviceGet, (CUdevice *, int))                                                       \
	CALL(cuDevicePrimaryCtxRetain, (CUcontext *, CUdevice))                                    \
	CALL(cuCtxSetCurrent, (CUcontext))                                                         \
	CALL(cuModuleLoadData, (CUmodule *, const void *))                                         \
	CALL(cuModuleGetFunction, (CUfunction *, CUmodule, const char *))                          \
	CALL(cuStreamCreate, (CUstream *, unsigned int))                                           \
	CALL(cuStreamSynchronize, (CUstream))                                                      \
	CALL(cuMemAlloc_v2, (CUdeviceptr *, size_t))                                               \
	CALL(cuMemFree_v2, (CUdeviceptr))                                                          \
	CALL(cuMemcpyHtoDAsync_v2, (CUdeviceptr, const void *, size_t, CUstream))                  \
	CALL(cuMemsetD8Async, (CUdeviceptr, unsigned char, size_t, CUstream))                      \
	CALL(cuLaunchKernel,                                                                       \
	     (CUfunction, unsigned int, unsigned int, unsigned int, unsigned int, unsigned int,    \
	      unsigned int, unsigned int, CUstream, void **, void **))

#define DECLARE(name, parameters) static CUresult (*p_##name) parameters;
DRIVER_CALLS(DECLARE)

static const char image[] =
	".version 7.0\n.target sm_70\n.address_size 64\n"
	".visible .entry work(.param .u64 p)\n{\n\t.reg .b32 %r<8>;\n\tret;\n}\n";

static CUcontext context;
static CUfunction function;

static void check(CUresult result, const char *what)
{
	if (result != CUDA_SUCCESS) {
		fprintf(stderr, "workload: %s: error %d\n", what, (int)result);
		exit(99);
	}
}

static void start(void)
{
	void *driver = dlopen("libcuda.so.1", RTLD_NOW);
	CUdevice device;
	CUmodule module;

	if (!driver) {
		fprintf(stderr, "workload: %s\n", dlerror());
		exit(99);
	}
#define RESOLVE(name, parameters) \
	*(void **)&p_##name = dlsym(driver, #name); \
	if (!p_##name) \
		check(CUDA_ERROR_NOT_FOUND, #name);
	DRIVER_CALLS(RESOLVE)
	check(p_cuInit(0), "cuInit");
	check(p_cuDeviceGet(&device, 0), "cuDeviceGet");
	check(p_cuDevicePrimaryCtxRetain(&context, device), "cuDevicePrimaryCtxRetain");
	check(p_cuCtxSetCurrent(context), "cuCtxSetCurrent");
	check(p_cuModuleLoadData(&module, image), "cuModuleLoadData");
	check(p_cuModuleGetFunction(&function, module, "work"), "cuModuleGetFunction");
}

static void launch(CUstream stream, unsigned int blocks)
{
	CUdeviceptr argument = 0;
	void *arguments[] = { &argument };

	check(p_cuLaunchKernel(function, blocks, 1, 1, 64, 1, 1, 0, stream, arguments, NULL),
	      "cuLaunchKernel");
}

static void launches(long count)
{
	static char host[4096];
	CUdeviceptr memory = 0;
	CUstream stream;

	check(p_cuStreamCreate(&stream, 1), "cuStreamCreate");
	for (long i = 0; i < count; i++) {
		launch(stream, 1 + (unsigned int)(i % 20));
		if (i % 50 == 0) {
			check(p_cuMemAlloc_v2(&memory, 4096), "cuMemAlloc");
			check(p_cuMemcpyHtoDAsync_v2(memory, host, 1 + (size_t)i % 4096, stream),
			      "copy");
			check(p_cuMemsetD8Async(memory, 1, 1 + (size_t)i % 4096, stream), "set");
			check(p_cuStreamSynchronize(stream), "cuStreamSynchronize");
			check(p_cuMemFree_v2(memory), "cuMemFree");
		}
	}
	check(p_cuStreamSynchronize(stream), "cuStreamSynchronize");
}

static void forever(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	volatile unsigned long *returned;
	CUstream stream;

	if (fd < 0 || ftruncate(fd, 8) < 0)
		exit(99);
	returned = mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(p_cuStreamCreate(&stream, 1), "cuStreamCreate");
	for (;;) {
		launch(stream, 1);
		*returned = *returned + 1;
		if (*returned % 256 == 0)
			check(p_cuStreamSynchronize(stream), "cuStreamSynchronize");
	}
}

static void *thread(void *count)
{
	check(p_cuCtxSetCurrent(context), "cuCtxSetCurrent");
	launches(*(long *)count);
	return NULL;
}

static void threads(int number, long count)
{
	pthread_t ids[64];

	for (int i = 0; i < number && i < 64; i++)
		if (pthread_create(&ids[i], NULL, thread, &count))
			exit(99);
	for (int i = 0; i < number && i < 64; i++)
		pthread_join(ids[i], NULL);
}

static int child_program(char **argv, const char *mode, const char *a, const char *b,
			 int wait_for_it)
{
	char *arguments[] = { argv[0], (char *)(size_t)mode, (char *)(size_t)a, (char *)(size_t)b,
			      NULL };
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		if (!wait_for_it)
			usleep(300000);
		for (int i = 0; !wait_for_it && b && access(b, F_OK) && i < 6000; i++)
			usleep(10000);
		execv(argv[0], arguments);
		_exit(99);
	}
	if (wait_for_it)
		waitpid(child, &status, 0);
	return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	long n = argc > 2 ? atol(argv[2]) : 0, m = argc > 3 ? atol(argv[3]) : 0;
	char depth[32];

	if (!strcmp(mode, "none"))
		return (int)n;
	if (!strcmp(mode, "leave")) {
		start();
		launches(1);
		return child_program(argv, "launches", argv[2], argc > 3 ? argv[3] : NULL, 0);
	}
	start();
	if (!strcmp(mode, "launches")) {
		launches(n);
	} else if (!strcmp(mode, "forever")) {
		forever(argv[2]);
	} else if (!strcmp(mode, "threads")) {
		threads((int)n, m);
	} else if (!strcmp(mode, "tree")) {
		launches(m);
		snprintf(depth, sizeof(depth), "%ld", n - 1);
		return n > 1 ? child_program(argv, "tree", depth, argv[3], 1) : 0;
	} else {
		launches(1);
		if (!strcmp(mode, "exit"))
			exit((int)n);
		if (!strcmp(mode, "_exit"))
			_exit((int)n);
		if (!strcmp(mode, "raise"))
			raise((int)n);
		return 98;
	}
	return 0;
}
