/* SPDX-License-Identifier: Apache-2.0 */
/* Start-up, devices and contexts. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <pthread.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "sim/driver_calls.h"

/* Runs first, before cuInit. */
static void test_before_init(void **unused)
{
	CUcontext context;
	CUdeviceptr address;
	const char *name;
	int count, version;

	(void)unused;
	assert_int_equal(cuDeviceGetCount(&count), CUDA_ERROR_NOT_INITIALIZED);
	assert_int_equal(cuCtxGetCurrent(&context), CUDA_ERROR_NOT_INITIALIZED);
	assert_int_equal(cuMemAlloc_v2(&address, 1), CUDA_ERROR_NOT_INITIALIZED);
	assert_int_equal(cuDriverGetVersion(&version), CUDA_SUCCESS);
	assert_int_equal(version, 13000);
	assert_int_equal(cuGetErrorName(CUDA_ERROR_LAUNCH_FAILED, &name), CUDA_SUCCESS);
	assert_string_equal(name, "CUDA_ERROR_LAUNCH_FAILED");
	assert_int_equal(cuGetErrorString((CUresult)12345, &name), CUDA_ERROR_INVALID_VALUE);
	assert_null(name);
	assert_int_equal(cuInit(1), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuInit(0), CUDA_SUCCESS);
	assert_int_equal(cuInit(0), CUDA_SUCCESS);
}

/* main() asks for four devices and shows the program number 2 and then number 0. */
static void test_visible_devices(void **unused)
{
	char bus[2][32];
	CUdevice device;
	CUuuid ids[2];
	int count;

	(void)unused;
	assert_int_equal(cuDeviceGetCount(&count), CUDA_SUCCESS);
	assert_int_equal(count, 2);
	assert_int_equal(cuDeviceGet(&device, 2), CUDA_ERROR_INVALID_DEVICE);
	assert_int_equal(cuDeviceGet(&device, -1), CUDA_ERROR_INVALID_DEVICE);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(cuDeviceGet(&device, i), CUDA_SUCCESS);
		assert_int_equal(cuDeviceGetPCIBusId(bus[i], sizeof(bus[i]), device), CUDA_SUCCESS);
		assert_int_equal(cuDeviceGetUuid_v2(&ids[i], device), CUDA_SUCCESS);
		assert_int_equal(cuDeviceGetByPCIBusId(&device, bus[i]), CUDA_SUCCESS);
		assert_int_equal(device, i);
	}
	assert_string_equal(bus[0], "0000:3B:00.0");
	assert_string_equal(bus[1], "0000:1B:00.0");
	assert_int_equal(ids[0].bytes[15], 2);
	assert_int_equal(ids[1].bytes[15], 0);
}

static void test_attributes(void **unused)
{
	static const struct {
		int attribute, value;
	} known[] = {
		{ 16, 132 }, { 39, 2048 }, { 75, 9 }, { 76, 0 }, { 81, 233472 }, { 82, 65536 },
		{ 97, 232448 }, { 106, 32 }, { 111, 1024 }, { 10, 32 }, { 8, 49152 }, { 12, 65536 },
		{ 38, 62914560 }, { 120, 1 },
	};
	char name[64];
	int value;

	(void)unused;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		assert_int_equal(cuDeviceGetAttribute(&value, known[i].attribute, 0), CUDA_SUCCESS);
		assert_int_equal(value, known[i].value);
	}
	/* Every attribute of the header has an answer, numbers beyond it have none. */
	for (int i = 1; i < CU_DEVICE_ATTRIBUTE_MAX; i++)
		assert_int_equal(cuDeviceGetAttribute(&value, (CUdevice_attribute)i, 1), CUDA_SUCCESS);
	assert_int_equal(cuDeviceGetAttribute(&value, 9999, 0), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuDeviceGetAttribute(&value, 16, 7), CUDA_ERROR_INVALID_DEVICE);
	assert_int_equal(cuDeviceGetName(name, sizeof(name), 0), CUDA_SUCCESS);
	assert_string_equal(name, "NVIDIA H200");
	assert_int_equal(cuDeviceGetName(name, 7, 0), CUDA_SUCCESS);
	assert_string_equal(name, "NVIDIA");
}

static void test_stack(void **unused)
{
	CUcontext first, second, got;
	CUdevice device;

	(void)unused;
	assert_int_equal(cuCtxGetCurrent(&got), CUDA_SUCCESS);
	assert_null(got);
	assert_int_equal(cuCtxGetDevice(&device), CUDA_ERROR_INVALID_CONTEXT);
	assert_int_equal(cuCtxPopCurrent_v2(&got), CUDA_ERROR_INVALID_CONTEXT);
	assert_int_equal(cuCtxCreate_v2(&first, 0, 0), CUDA_SUCCESS);
	assert_int_equal(cuCtxCreate_v4(&second, NULL, CU_CTX_SCHED_BLOCKING_SYNC, 1), CUDA_SUCCESS);
	assert_int_equal(cuCtxGetDevice(&device), CUDA_SUCCESS);
	assert_int_equal(device, 1);
	assert_int_equal(cuCtxPushCurrent_v2(first), CUDA_SUCCESS);
	assert_int_equal(cuCtxGetDevice(&device), CUDA_SUCCESS);
	assert_int_equal(device, 0);
	assert_int_equal(cuCtxPopCurrent_v2(&got), CUDA_SUCCESS);
	assert_ptr_equal(got, first);
	assert_int_equal(cuCtxGetCurrent(&got), CUDA_SUCCESS);
	assert_ptr_equal(got, second);

	/* Destroying the current one uncovers the one below; a destroyed one is told apart. */
	assert_int_equal(cuCtxDestroy_v2(second), CUDA_SUCCESS);
	assert_int_equal(cuCtxDestroy_v2(second), CUDA_ERROR_INVALID_CONTEXT);
	assert_int_equal(cuCtxPushCurrent_v2(second), CUDA_ERROR_INVALID_CONTEXT);
	assert_int_equal(cuCtxGetCurrent(&got), CUDA_SUCCESS);
	assert_ptr_equal(got, first);
	assert_int_equal(cuCtxSetCurrent(NULL), CUDA_SUCCESS);
	assert_int_equal(cuCtxGetCurrent(&got), CUDA_SUCCESS);
	assert_null(got);
	assert_int_equal(cuCtxDestroy_v2(first), CUDA_SUCCESS);
	assert_int_equal(cuCtxPushCurrent_v2((CUcontext)(uintptr_t)0x1234), CUDA_ERROR_INVALID_CONTEXT);
}

static void *in_other_thread(void *context)
{
	CUdevice device;
	CUcontext got;

	assert_int_equal(cuCtxGetCurrent(&got), CUDA_SUCCESS);
	assert_null(got);
	for (int i = 0; i < 40; i++)
		assert_int_equal(cuCtxPushCurrent_v2(context), CUDA_SUCCESS);
	assert_int_equal(cuCtxGetDevice(&device), CUDA_SUCCESS);
	return NULL;
}

static void test_threads_have_their_own_stack(void **unused)
{
	CUcontext context, got;
	pthread_t thread;

	(void)unused;
	assert_int_equal(cuCtxCreate_v2(&context, 0, 0), CUDA_SUCCESS);
	pthread_create(&thread, NULL, in_other_thread, context);
	pthread_join(thread, NULL);
	assert_int_equal(cuCtxDestroy_v2(context), CUDA_SUCCESS);
	assert_int_equal(cuCtxGetCurrent(&got), CUDA_SUCCESS);
	assert_null(got);
}

static void test_destroyed_elsewhere(void **unused)
{
	CUcontext context, got;
	CUdevice device;

	(void)unused;
	assert_int_equal(cuCtxCreate_v2(&context, 0, 0), CUDA_SUCCESS);
	assert_int_equal(cuCtxPushCurrent_v2(context), CUDA_SUCCESS);
	assert_int_equal(cuCtxDestroy_v2(context), CUDA_SUCCESS);
	assert_int_equal(cuCtxGetDevice(&device), CUDA_ERROR_CONTEXT_IS_DESTROYED);
	assert_int_equal(cuCtxPopCurrent_v2(&got), CUDA_SUCCESS);
	assert_ptr_equal(got, context);
}

static void test_primary(void **unused)
{
	CUcontext first, second;
	CUdeviceptr address;
	unsigned flags;
	int active;

	(void)unused;
	assert_int_equal(cuDevicePrimaryCtxRelease_v2(0), CUDA_ERROR_INVALID_CONTEXT);
	assert_int_equal(cuDevicePrimaryCtxSetFlags_v2(0, CU_CTX_SCHED_YIELD), CUDA_SUCCESS);
	assert_int_equal(cuDevicePrimaryCtxGetState(0, &flags, &active), CUDA_SUCCESS);
	assert_int_equal(active, 0);
	assert_int_equal(flags, CU_CTX_SCHED_YIELD);
	assert_int_equal(cuDevicePrimaryCtxRetain(&first, 0), CUDA_SUCCESS);
	assert_int_equal(cuDevicePrimaryCtxRetain(&second, 0), CUDA_SUCCESS);
	assert_ptr_equal(first, second);
	assert_int_equal(cuCtxDestroy_v2(first), CUDA_ERROR_INVALID_CONTEXT);
	assert_int_equal(cuCtxSetCurrent(first), CUDA_SUCCESS);
	assert_int_equal(cuMemAlloc_v2(&address, 100), CUDA_SUCCESS);
	assert_int_equal(cuDevicePrimaryCtxRelease_v2(0), CUDA_SUCCESS);
	assert_int_equal(cuMemAlloc_v2(&address, 100), CUDA_SUCCESS);
	assert_int_equal(cuDevicePrimaryCtxRelease_v2(0), CUDA_SUCCESS);
	assert_int_equal(cuDevicePrimaryCtxGetState(0, &flags, &active), CUDA_SUCCESS);
	assert_int_equal(active, 0);
	assert_int_equal(cuMemAlloc_v2(&address, 100), CUDA_ERROR_CONTEXT_IS_DESTROYED);
	assert_int_equal(cuDevicePrimaryCtxRetain(&second, 0), CUDA_SUCCESS);
	assert_ptr_equal(first, second);
	assert_int_equal(cuDevicePrimaryCtxReset_v2(0), CUDA_SUCCESS);
	assert_int_equal(cuDevicePrimaryCtxGetState(0, &flags, &active), CUDA_SUCCESS);
	assert_int_equal(active, 0);
	assert_int_equal(cuCtxSetCurrent(NULL), CUDA_SUCCESS);
}

static void test_limits(void **unused)
{
	CUcontext context;
	size_t value;

	(void)unused;
	assert_int_equal(cuCtxCreate_v2(&context, 0, 0), CUDA_SUCCESS);
	assert_int_equal(cuCtxGetLimit(&value, CU_LIMIT_STACK_SIZE), CUDA_SUCCESS);
	assert_int_equal(value, 1024);
	assert_int_equal(cuCtxSetLimit(CU_LIMIT_STACK_SIZE, 4096), CUDA_SUCCESS);
	assert_int_equal(cuCtxGetLimit(&value, CU_LIMIT_STACK_SIZE), CUDA_SUCCESS);
	assert_int_equal(value, 4096);
	assert_int_equal(cuCtxGetLimit(&value, CU_LIMIT_DEV_RUNTIME_SYNC_DEPTH),
			 CUDA_ERROR_UNSUPPORTED_LIMIT);
	assert_int_equal(cuCtxGetLimit(&value, (CUlimit)77), CUDA_ERROR_UNSUPPORTED_LIMIT);
	assert_int_equal(cuCtxDestroy_v2(context), CUDA_SUCCESS);
}

static void test_peers(void **unused)
{
	CUcontext contexts[2];
	int can;

	(void)unused;
	assert_int_equal(cuCtxCreate_v2(&contexts[1], 0, 1), CUDA_SUCCESS);
	assert_int_equal(cuCtxCreate_v2(&contexts[0], 0, 0), CUDA_SUCCESS);
	assert_int_equal(cuDeviceCanAccessPeer(&can, 0, 1), CUDA_SUCCESS);
	assert_int_equal(can, 1);
	assert_int_equal(cuDeviceCanAccessPeer(&can, 0, 0), CUDA_SUCCESS);
	assert_int_equal(can, 0);
	assert_int_equal(cuCtxDisablePeerAccess(contexts[1]), CUDA_ERROR_PEER_ACCESS_NOT_ENABLED);
	assert_int_equal(cuCtxEnablePeerAccess(contexts[1], 0), CUDA_SUCCESS);
	assert_int_equal(cuCtxEnablePeerAccess(contexts[1], 0),
			 CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED);
	assert_int_equal(cuCtxEnablePeerAccess(contexts[0], 0), CUDA_ERROR_INVALID_DEVICE);
	assert_int_equal(cuCtxDisablePeerAccess(contexts[1]), CUDA_SUCCESS);
	assert_int_equal(cuCtxDestroy_v2(contexts[0]), CUDA_SUCCESS);
	assert_int_equal(cuCtxDestroy_v2(contexts[1]), CUDA_SUCCESS);
}

struct CUtensorMap_st {
	_Alignas(64) cuuint64_t opaque[16];
};

static void test_tensor_map(void **unused)
{
	enum { HALF = 6, SWIZZLE_128 = 3 };
	cuuint64_t dims[2] = { 4096, 1024 }, strides[1] = { 8192 };
	cuuint32_t box[2] = { 64, 128 }, steps[2] = { 1, 1 };
	struct CUtensorMap_st map, moved;
	CUcontext context;
	CUdeviceptr address;
	void *base;

	(void)unused;
	assert_int_equal(cuCtxCreate_v2(&context, 0, 0), CUDA_SUCCESS);
	assert_int_equal(cuMemAlloc_v2(&address, 8 * MIB), CUDA_SUCCESS);
	base = (void *)(uintptr_t)address;
	assert_int_equal(cuTensorMapEncodeTiled(&map, HALF, 2, base, dims, strides, box, steps, 0,
						SWIZZLE_128, 0, 0), CUDA_SUCCESS);
	assert_int_equal(cuTensorMapEncodeTiled(&moved, HALF, 2, (char *)base + MIB, dims, strides, box,
						steps, 0, SWIZZLE_128, 0, 0), CUDA_SUCCESS);
	assert_memory_not_equal(&map, &moved, sizeof(map));
	assert_int_equal(cuTensorMapReplaceAddress(&moved, base), CUDA_SUCCESS);
	assert_memory_equal(&map, &moved, sizeof(map));
	assert_int_equal(cuTensorMapEncodeTiled(&map, HALF, 2, (char *)base + 8, dims, strides, box,
						steps, 0, 0, 0, 0), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuTensorMapEncodeTiled(&map, HALF, 6, base, dims, strides, box, steps, 0, 0,
						0, 0), CUDA_ERROR_INVALID_VALUE);
	box[0] = 128;	/* 256 bytes: more than the swizzle's pattern */
	assert_int_equal(cuTensorMapEncodeTiled(&map, HALF, 2, base, dims, strides, box, steps, 0,
						SWIZZLE_128, 0, 0), CUDA_ERROR_INVALID_VALUE);
	box[0] = 257;
	assert_int_equal(cuTensorMapEncodeTiled(&map, HALF, 2, base, dims, strides, box, steps, 0, 0,
						0, 0), CUDA_ERROR_INVALID_VALUE);
	box[0] = 64;
	strides[0] = 8200;
	assert_int_equal(cuTensorMapEncodeTiled(&map, HALF, 2, base, dims, strides, box, steps, 0, 0,
						0, 0), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuCtxDestroy_v2(context), CUDA_SUCCESS);
}

/* A forked child cannot use the driver that its parent has initialised. */
static void test_fork(void **unused)
{
	pid_t child = fork();
	int status, count;

	(void)unused;
	if (child == 0)
		_exit(cuInit(0) == CUDA_ERROR_NOT_INITIALIZED &&
		      cuDeviceGetCount(&count) == CUDA_ERROR_NOT_INITIALIZED ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(cuDeviceGetCount(&count), CUDA_SUCCESS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before_init),
		cmocka_unit_test(test_visible_devices),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_stack),
		cmocka_unit_test(test_threads_have_their_own_stack),
		cmocka_unit_test(test_destroyed_elsewhere),
		cmocka_unit_test(test_primary),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_peers),
		cmocka_unit_test(test_tensor_map),
		cmocka_unit_test(test_fork),
	};

	setenv("SIMCUDA_DEVICE", "H200", 1);
	setenv("SIMCUDA_DEVICES", "4", 1);
	setenv("SIMCUDA_HOST_SCALE", "0", 1);
	setenv("CUDA_VISIBLE_DEVICES", "2, 0", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
