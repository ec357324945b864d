/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that allocate, map, load and launch at the same time; in the end nothing is left. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <pthread.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/driver_calls.h"

#define THREADS 6
#define ROUNDS 150

static const char text[] = ".version 8.0\n.target sm_80\n"
			   ".global .align 4 .u32 variable = 7;\n"
			   ".entry kernel(.param .u64 a) { .reg .b32 %r<9>; ret; }\n";

static CUcontext shared_context;
static CUlibrary shared_library;
static CUkernel shared_kernel;
static atomic_int failures;

static void expect(bool condition)
{
	if (!condition)
		atomic_fetch_add(&failures, 1);
}

static void use_memory(unsigned round)
{
	size_t bytes = 1 + round * 7919 % 300000;
	CUdeviceptr address, ordered;
	void *host;

	expect(cuMemAlloc_v2(&address, bytes) == CUDA_SUCCESS);
	expect(cuMemAllocAsync(&ordered, bytes, NULL) == CUDA_SUCCESS);
	expect(cuMemHostAlloc(&host, bytes, 0) == CUDA_SUCCESS);
	memset(host, (int)round, bytes);
	expect(cuMemcpyHtoD_v2(address, host, bytes) == CUDA_SUCCESS);
	expect(((unsigned char *)(uintptr_t)address)[bytes - 1] == (round & 0xff));
	expect(cuMemFreeAsync(ordered, NULL) == CUDA_SUCCESS);
	expect(cuMemFreeHost(host) == CUDA_SUCCESS);
	expect(cuMemFree_v2(address) == CUDA_SUCCESS);
}

static void use_module(CUstream stream)
{
	uint64_t argument = 1;
	void *params[] = { &argument };
	CUfunction function;
	CUdeviceptr variable;
	CUmodule module;

	expect(cuModuleLoadData(&module, text) == CUDA_SUCCESS);
	expect(cuModuleGetFunction(&function, module, "kernel") == CUDA_SUCCESS);
	expect(cuModuleGetGlobal_v2(&variable, NULL, module, "variable") == CUDA_SUCCESS);
	expect(*(int *)(uintptr_t)variable == 7);
	expect(cuLaunchKernel(function, 1, 1, 1, 32, 1, 1, 0, stream, params, NULL) == CUDA_SUCCESS);
	expect(cuLaunchKernel((CUfunction)shared_kernel, 1, 1, 1, 32, 1, 1, 0, stream, params,
			      NULL) == CUDA_SUCCESS);
	expect(cuModuleUnload(module) == CUDA_SUCCESS);
}

static void use_mapping(void)
{
	CUmemAllocationProp properties = { .type = CU_MEM_ALLOCATION_TYPE_PINNED,
					   .location = { CU_MEM_LOCATION_TYPE_DEVICE, 0 } };
	CUmemGenericAllocationHandle handle;
	CUdeviceptr base;

	expect(cuMemAddressReserve(&base, 2 * MIB, 0, 0, 0) == CUDA_SUCCESS);
	expect(cuMemCreate(&handle, 2 * MIB, &properties, 0) == CUDA_SUCCESS);
	expect(cuMemMap(base, 2 * MIB, 0, handle, 0) == CUDA_SUCCESS);
	expect(cuMemRelease(handle) == CUDA_SUCCESS);
	*(int *)(uintptr_t)base = 1;
	expect(cuMemUnmap(base, 2 * MIB) == CUDA_SUCCESS);
	expect(cuMemAddressFree(base, 2 * MIB) == CUDA_SUCCESS);
}

static void *work(void *unused)
{
	CUcontext own;
	CUstream stream;

	(void)unused;
	expect(cuCtxSetCurrent(shared_context) == CUDA_SUCCESS);
	expect(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING) == CUDA_SUCCESS);
	for (unsigned round = 0; round < ROUNDS; round++) {
		use_memory(round);
		if (round % 5 == 0)
			use_module(stream);
		if (round % 10 == 0)
			use_mapping();
		if (round % 25 == 0) {
			expect(cuCtxCreate_v2(&own, 0, 0) == CUDA_SUCCESS);
			use_module(NULL);
			expect(cuCtxDestroy_v2(own) == CUDA_SUCCESS);
		}
	}
	expect(cuStreamSynchronize(stream) == CUDA_SUCCESS);
	expect(cuStreamDestroy_v2(stream) == CUDA_SUCCESS);
	return NULL;
}

static void test_threads(void **unused)
{
	pthread_t threads[THREADS];
	size_t free_bytes, total;

	(void)unused;
	assert_int_equal(cuInit(0), CUDA_SUCCESS);
	assert_int_equal(cuDevicePrimaryCtxRetain(&shared_context, 0), CUDA_SUCCESS);
	assert_int_equal(cuCtxSetCurrent(shared_context), CUDA_SUCCESS);
	assert_int_equal(cuLibraryLoadData(&shared_library, text, NULL, NULL, 0, NULL, NULL, 0),
			 CUDA_SUCCESS);
	assert_int_equal(cuLibraryGetKernel(&shared_kernel, shared_library, "kernel"), CUDA_SUCCESS);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&failures), 0);
	assert_int_equal(cuLibraryUnload(shared_library), CUDA_SUCCESS);
	assert_int_equal(cuCtxSynchronize(), CUDA_SUCCESS);
	assert_int_equal(cuMemGetInfo_v2(&free_bytes, &total), CUDA_SUCCESS);
	assert_int_equal(free_bytes, total);
	assert_int_equal(cuDevicePrimaryCtxRelease_v2(0), CUDA_SUCCESS);
}

/* Retaining and releasing from many threads: whoever holds it can use it. */
static void *retain_and_release(void *unused)
{
	CUcontext context;
	CUdeviceptr address;

	(void)unused;
	for (int i = 0; i < ROUNDS; i++) {
		expect(cuDevicePrimaryCtxRetain(&context, 0) == CUDA_SUCCESS);
		expect(cuCtxPushCurrent_v2(context) == CUDA_SUCCESS);
		expect(cuMemAlloc_v2(&address, 100) == CUDA_SUCCESS);
		expect(cuMemFree_v2(address) == CUDA_SUCCESS);
		expect(cuCtxPopCurrent_v2(NULL) == CUDA_SUCCESS);
		expect(cuDevicePrimaryCtxRelease_v2(0) == CUDA_SUCCESS);
	}
	return NULL;
}

static void test_primary(void **unused)
{
	pthread_t threads[THREADS];
	unsigned flags;
	int is_active;

	(void)unused;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, retain_and_release, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&failures), 0);
	assert_int_equal(cuDevicePrimaryCtxGetState(0, &flags, &is_active), CUDA_SUCCESS);
	assert_int_equal(is_active, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_primary),
	};

	setenv("SIMCUDA_HOST_SCALE", "0", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
