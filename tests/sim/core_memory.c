/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of every kind: accounting to the byte, errors, exhaustion and failures on demand. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "sim/driver_calls.h"

#define DEVICE_BYTES (256 * MIB)

static CUcontext context;

static size_t free_bytes(void)
{
	size_t free, total;

	assert_int_equal(cuMemGetInfo_v2(&free, &total), CUDA_SUCCESS);
	assert_int_equal(total, DEVICE_BYTES);
	return free;
}

static int start(void **state)
{
	CUresult result = cuInit(0);

	(void)state;
	if (result == CUDA_SUCCESS)
		result = cuDevicePrimaryCtxRetain(&context, 0);
	if (result == CUDA_SUCCESS)
		result = cuCtxSetCurrent(context);
	return result == CUDA_SUCCESS ? 0 : -1;
}

/* Every test must leave the device as it found it. */
static int check_nothing_leaks(void **state)
{
	(void)state;
	return free_bytes() == DEVICE_BYTES ? 0 : -1;
}

static void test_accounting(void **unused)
{
	CUdeviceptr small, large, base;
	size_t pitch, bytes;

	(void)unused;
	assert_int_equal(cuMemAlloc_v2(&small, 1), CUDA_SUCCESS);
	assert_int_equal(small % 512, 0);
	assert_int_equal(free_bytes(), DEVICE_BYTES - 512);
	assert_int_equal(cuMemAlloc_v2(&large, 3 * MIB), CUDA_SUCCESS);
	assert_int_equal(free_bytes(), DEVICE_BYTES - 512 - 4 * MIB);
	assert_int_equal(cuMemGetAddressRange_v2(&base, &bytes, large + 77), CUDA_SUCCESS);
	assert_int_equal(base, large);
	assert_int_equal(bytes, 3 * MIB);
	assert_int_equal(cuMemFree_v2(large), CUDA_SUCCESS);
	assert_int_equal(cuMemFree_v2(small), CUDA_SUCCESS);
	assert_int_equal(cuMemAllocPitch_v2(&large, &pitch, 1000, 100, 4), CUDA_SUCCESS);
	assert_int_equal(pitch, 1024);
	assert_int_equal(free_bytes(), DEVICE_BYTES - 102400);
	assert_int_equal(cuMemFree_v2(large), CUDA_SUCCESS);
	assert_int_equal(cuMemAllocManaged(&large, 5000, CU_MEM_ATTACH_GLOBAL), CUDA_SUCCESS);
	memset((void *)(uintptr_t)large, 1, 5000);
	assert_int_equal(cuMemFree_v2(large), CUDA_SUCCESS);
}

static void test_bad_calls(void **unused)
{
	CUdeviceptr address;
	void *host;
	char local;

	(void)unused;
	assert_int_equal(cuMemAlloc_v2(&address, 0), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemAlloc_v2(NULL, 10), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemAlloc_v2(&address, SIZE_MAX), CUDA_ERROR_OUT_OF_MEMORY);
	assert_int_equal(cuMemAlloc_v2(&address, SIZE_MAX - MIB), CUDA_ERROR_OUT_OF_MEMORY);
	assert_int_equal(cuMemFree_v2(0), CUDA_SUCCESS);
	assert_int_equal(cuMemFree_v2((uintptr_t)&local), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemAlloc_v2(&address, 1000), CUDA_SUCCESS);
	assert_int_equal(cuMemFree_v2(address + 8), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemFree_v2(address), CUDA_SUCCESS);
	assert_int_equal(cuMemFree_v2(address), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemHostAlloc(&host, 4096, 0), CUDA_SUCCESS);
	assert_int_equal(cuMemFree_v2((uintptr_t)host), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemFreeHost(host), CUDA_SUCCESS);
	assert_int_equal(cuMemFreeHost(host), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemAllocPitch_v2(&address, NULL, 10, 10, 4), CUDA_ERROR_INVALID_VALUE);
}

static void test_exhaustion(void **unused)
{
	CUdeviceptr blocks[64], more;
	int count = 0;

	(void)unused;
	while (count < 64 && cuMemAlloc_v2(&blocks[count], 10 * MIB) == CUDA_SUCCESS)
		count++;
	assert_int_equal(count, 25);
	assert_int_equal(free_bytes(), 6 * MIB);
	assert_int_equal(cuMemAlloc_v2(&more, 10 * MIB), CUDA_ERROR_OUT_OF_MEMORY);
	assert_int_equal(cuMemAllocAsync(&more, 10 * MIB, NULL), CUDA_ERROR_OUT_OF_MEMORY);
	assert_int_equal(cuMemAlloc_v2(&more, 6 * MIB), CUDA_SUCCESS);
	assert_int_equal(free_bytes(), 0);
	assert_int_equal(cuMemFree_v2(more), CUDA_SUCCESS);
	while (count > 0)
		assert_int_equal(cuMemFree_v2(blocks[--count]), CUDA_SUCCESS);
}

/* Many sizes in random order: nothing overlaps, everything comes back. */
static void test_many(void **unused)
{
	enum { COUNT = 3000 };
	static CUdeviceptr blocks[COUNT];
	static size_t sizes[COUNT];
	unsigned seed = 7;

	(void)unused;
	for (int i = 0; i < COUNT; i++) {
		seed = seed * 1664525 + 1013904223;
		sizes[i] = 1 + (seed >> 8) % (i % 50 ? 20000 : 1500000);
		assert_int_equal(cuMemAlloc_v2(&blocks[i], sizes[i]), CUDA_SUCCESS);
		memset((void *)(uintptr_t)blocks[i], i & 0xff, sizes[i]);
	}
	for (int i = 0; i < COUNT; i++) {
		const unsigned char *bytes = (void *)(uintptr_t)blocks[i];

		assert_int_equal(bytes[0], i & 0xff);
		assert_int_equal(bytes[sizes[i] - 1], i & 0xff);
	}
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(cuMemFree_v2(blocks[(i * 7) % COUNT]), CUDA_SUCCESS);
}

static void test_host_memory(void **unused)
{
	static char buffer[100000];
	CUdeviceptr address;
	unsigned flags, type;
	void *host;

	(void)unused;
	assert_int_equal(cuMemHostAlloc(&host, 100, 1), CUDA_SUCCESS);
	assert_int_equal(cuMemHostGetFlags(&flags, host), CUDA_SUCCESS);
	assert_int_equal(flags & 1, 1);
	assert_int_equal(cuMemHostGetDevicePointer_v2(&address, host, 0), CUDA_SUCCESS);
	assert_int_equal(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, address),
			 CUDA_SUCCESS);
	assert_int_equal(type, CU_MEMORYTYPE_HOST);
	assert_int_equal(cuMemFreeHost(host), CUDA_SUCCESS);
	assert_int_equal(cuMemHostRegister_v2(buffer, sizeof(buffer), 0), CUDA_SUCCESS);
	assert_int_equal(cuMemHostRegister_v2(buffer + 50, 100, 0),
			 CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
	assert_int_equal(cuMemHostUnregister(buffer), CUDA_SUCCESS);
	assert_int_equal(cuMemHostUnregister(buffer), CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED);
	assert_int_equal(cuMemHostRegister_v2((void *)4096, 4096, 0), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
					       (uintptr_t)buffer), CUDA_ERROR_INVALID_VALUE);
}

static void test_pointer_attributes(void **unused)
{
	CUpointer_attribute asked[] = { CU_POINTER_ATTRIBUTE_CONTEXT,
					CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL,
					CU_POINTER_ATTRIBUTE_RANGE_SIZE,
					CU_POINTER_ATTRIBUTE_IS_MANAGED };
	CUcontext owner;
	size_t bytes;
	int ordinal, is_managed, local;
	void *answers[] = { &owner, &ordinal, &bytes, &is_managed };
	CUdeviceptr address;

	(void)unused;
	assert_int_equal(cuMemAllocManaged(&address, 3000, CU_MEM_ATTACH_GLOBAL), CUDA_SUCCESS);
	assert_int_equal(cuPointerGetAttributes(4, asked, answers, address + 100), CUDA_SUCCESS);
	assert_ptr_equal(owner, context);
	assert_int_equal(ordinal, 0);
	assert_int_equal(bytes, 3000);
	assert_int_equal(is_managed, 1);
	assert_int_equal(cuPointerGetAttributes(4, asked, answers, (uintptr_t)&local), CUDA_SUCCESS);
	assert_null(owner);
	assert_int_equal(bytes, 0);
	assert_int_equal(cuMemAdvise(address, 3000, CU_MEM_ADVISE_SET_READ_MOSTLY, 0), CUDA_SUCCESS);
	assert_int_equal(cuMemAdvise(address, 4000, CU_MEM_ADVISE_SET_READ_MOSTLY, 0),
			 CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemPrefetchAsync(address, 3000, 0, NULL), CUDA_SUCCESS);
	assert_int_equal(cuMemRangeGetAttribute(&ordinal, sizeof(ordinal),
						CU_MEM_RANGE_ATTRIBUTE_LAST_PREFETCH_LOCATION,
						address, 3000), CUDA_SUCCESS);
	assert_int_equal(ordinal, 0);
	assert_int_equal(cuMemFree_v2(address), CUDA_SUCCESS);
}

/* --- virtual memory management ----------------------------------------------------------------- */

static const CUmemAllocationProp on_device = {
	.type = CU_MEM_ALLOCATION_TYPE_PINNED,
	.requestedHandleTypes = CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR,
	.location = { CU_MEM_LOCATION_TYPE_DEVICE, 0 },
};

static void test_mapping(void **unused)
{
	CUmemAccessDesc access = { { CU_MEM_LOCATION_TYPE_DEVICE, 0 },
				   CU_MEM_ACCESS_FLAGS_PROT_READWRITE };
	CUmemGenericAllocationHandle handles[2], again;
	unsigned long long flags;
	CUdeviceptr base, alias;
	size_t unit;

	(void)unused;
	assert_int_equal(cuMemGetAllocationGranularity(&unit, &on_device, 0), CUDA_SUCCESS);
	assert_int_equal(unit, 2 * MIB);
	assert_int_equal(cuMemAddressReserve(&base, 8 * MIB, 0, 0, 0), CUDA_SUCCESS);
	assert_int_equal(cuMemAddressReserve(&alias, 2 * MIB, 64 * MIB, 0, 0), CUDA_SUCCESS);
	assert_int_equal(alias % (64 * MIB), 0);
	assert_int_equal(free_bytes(), DEVICE_BYTES);
	assert_int_equal(cuMemCreate(&handles[0], 100, &on_device, 0), CUDA_ERROR_INVALID_VALUE);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(cuMemCreate(&handles[i], 2 * MIB, &on_device, 0), CUDA_SUCCESS);
		assert_int_equal(cuMemMap(base + i * 2 * MIB, 2 * MIB, 0, handles[i], 0), CUDA_SUCCESS);
	}
	assert_int_equal(cuMemMap(base, 2 * MIB, 0, handles[1], 0), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemMap(base + 8 * MIB, 2 * MIB, 0, handles[1], 0), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemSetAccess(base, 4 * MIB, &access, 1), CUDA_SUCCESS);
	assert_int_equal(cuMemSetAccess(base, 6 * MIB, &access, 1), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemGetAccess(&flags, &access.location, base + 5), CUDA_SUCCESS);
	assert_int_equal(flags, CU_MEM_ACCESS_FLAGS_PROT_READWRITE);

	/* A second mapping shows the same bytes. */
	assert_int_equal(cuMemMap(alias, 2 * MIB, 0, handles[0], 0), CUDA_SUCCESS);
	memset((void *)(uintptr_t)base, 0x5a, 2 * MIB);
	assert_int_equal(((unsigned char *)(uintptr_t)alias)[MIB], 0x5a);
	assert_int_equal(free_bytes(), DEVICE_BYTES - 4 * MIB);

	/* Released handles live on in their mappings. */
	assert_int_equal(cuMemRetainAllocationHandle(&again, (void *)(uintptr_t)base), CUDA_SUCCESS);
	assert_int_equal(again, handles[0]);
	assert_int_equal(cuMemRelease(handles[0]), CUDA_SUCCESS);
	assert_int_equal(cuMemRelease(handles[0]), CUDA_SUCCESS);
	assert_int_equal(cuMemRelease(handles[0]), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemRelease(handles[1]), CUDA_SUCCESS);
	assert_int_equal(free_bytes(), DEVICE_BYTES - 4 * MIB);
	assert_int_equal(cuMemAddressFree(base, 8 * MIB), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemUnmap(base, 3 * MIB), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemUnmap(base, 4 * MIB), CUDA_SUCCESS);
	assert_int_equal(free_bytes(), DEVICE_BYTES - 2 * MIB);
	assert_int_equal(cuMemUnmap(alias, 2 * MIB), CUDA_SUCCESS);
	assert_int_equal(cuMemAddressFree(base, 8 * MIB), CUDA_SUCCESS);
	assert_int_equal(cuMemAddressFree(alias, 2 * MIB), CUDA_SUCCESS);
}

static void test_sharing_by_descriptor(void **unused)
{
	CUmemGenericAllocationHandle handle, imported;
	int file;

	(void)unused;
	assert_int_equal(cuMemCreate(&handle, 4 * MIB, &on_device, 0), CUDA_SUCCESS);
	assert_int_equal(cuMemExportToShareableHandle(&file, handle,
						      CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR, 0),
			 CUDA_SUCCESS);
	assert_int_equal(cuMemImportFromShareableHandle(&imported, (void *)(intptr_t)file,
							CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR),
			 CUDA_SUCCESS);
	assert_int_equal(free_bytes(), DEVICE_BYTES - 4 * MIB);
	close(file);
	assert_int_equal(cuMemRelease(handle), CUDA_SUCCESS);
	assert_int_equal(free_bytes(), DEVICE_BYTES - 4 * MIB);
	assert_int_equal(cuMemRelease(imported), CUDA_SUCCESS);
}

/* --- pools ---------------------------------------------------------------------------------------- */

static uint64_t pool_number(CUmemoryPool pool, CUmemPool_attribute attribute)
{
	uint64_t number = 0;

	assert_int_equal(cuMemPoolGetAttribute(pool, attribute, &number), CUDA_SUCCESS);
	return number;
}

static void test_pool(void **unused)
{
	uint64_t keep = UINT64_MAX, zero = 0;
	CUdeviceptr first, second;
	CUmemoryPool pool, own;
	CUmemPoolProps props = { .allocType = CU_MEM_ALLOCATION_TYPE_PINNED,
				 .location = { CU_MEM_LOCATION_TYPE_DEVICE, 0 } };

	(void)unused;
	assert_int_equal(cuDeviceGetDefaultMemPool(&pool, 0), CUDA_SUCCESS);
	assert_int_equal(cuMemAllocAsync(&first, 1000, NULL), CUDA_SUCCESS);
	assert_int_equal(pool_number(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT), 1024);
	assert_int_equal(pool_number(pool, CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT), 32 * MIB);
	assert_int_equal(free_bytes(), DEVICE_BYTES - 32 * MIB);
	assert_int_equal(cuMemAllocAsync(&second, 40 * MIB, NULL), CUDA_SUCCESS);
	assert_int_equal(pool_number(pool, CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT), 64 * MIB);
	assert_int_equal(cuMemFreeAsync(second, NULL), CUDA_SUCCESS);
	assert_int_equal(cuMemFreeAsync(second, NULL), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemFree_v2(second), CUDA_ERROR_INVALID_VALUE);

	/* Without a threshold all that is unused goes back when a thread waits. */
	assert_int_equal(cuStreamSynchronize(NULL), CUDA_SUCCESS);
	assert_int_equal(pool_number(pool, CU_MEMPOOL_ATTR_USED_MEM_CURRENT), 1024);
	assert_int_equal(pool_number(pool, CU_MEMPOOL_ATTR_USED_MEM_HIGH), 40 * MIB + 1024);
	assert_int_equal(pool_number(pool, CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT), 2 * MIB);
	assert_int_equal(cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_USED_MEM_HIGH, &keep),
			 CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_USED_MEM_HIGH, &zero),
			 CUDA_SUCCESS);
	assert_int_equal(pool_number(pool, CU_MEMPOOL_ATTR_USED_MEM_HIGH), 1024);

	/* With one it stays, until it is trimmed. */
	assert_int_equal(cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &keep),
			 CUDA_SUCCESS);
	assert_int_equal(cuMemFree_v2(first), CUDA_SUCCESS);
	assert_int_equal(cuStreamSynchronize(NULL), CUDA_SUCCESS);
	assert_int_equal(pool_number(pool, CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT), 2 * MIB);
	assert_int_equal(cuMemPoolTrimTo(pool, 0), CUDA_SUCCESS);
	assert_int_equal(pool_number(pool, CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT), 0);
	assert_int_equal(cuMemPoolSetAttribute(pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD, &zero),
			 CUDA_SUCCESS);

	assert_int_equal(cuMemPoolCreate(&own, &props), CUDA_SUCCESS);
	assert_int_equal(cuMemPoolDestroy(pool), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemAllocFromPoolAsync(&first, 5000, own, NULL), CUDA_SUCCESS);
	assert_int_equal(cuMemPoolDestroy(own), CUDA_SUCCESS);
	assert_int_equal(cuMemAllocFromPoolAsync(&second, 5000, own, NULL), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuMemFreeAsync(first, NULL), CUDA_SUCCESS);
	assert_int_equal(cuStreamSynchronize(NULL), CUDA_SUCCESS);
}

/* Destroying a context frees all it owns. */
static void test_context_takes_its_memory_along(void **unused)
{
	CUcontext other;
	CUdeviceptr address;
	void *host;

	(void)unused;
	assert_int_equal(cuCtxCreate_v2(&other, 0, 0), CUDA_SUCCESS);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(cuMemAlloc_v2(&address, 100000), CUDA_SUCCESS);
		assert_int_equal(cuMemAllocAsync(&address, 100000, NULL), CUDA_SUCCESS);
		assert_int_equal(cuMemHostAlloc(&host, 100000, 0), CUDA_SUCCESS);
	}
	assert_int_equal(cuCtxDestroy_v2(other), CUDA_SUCCESS);
	assert_int_equal(cuCtxSynchronize(), CUDA_SUCCESS);
	assert_int_equal(cuMemFree_v2(address), CUDA_ERROR_INVALID_VALUE);
}

/* --- failures on demand ------------------------------------------------------------------------------ */

/* Which calls of ten fail, as bits; each in a process of its own. */
static unsigned failing_calls(const char *faults)
{
	pid_t child = fork();
	unsigned failed = 0;
	int status;

	if (child == 0) {
		setenv("SIMCUDA_FAIL", faults, 1);
		start(NULL);
		for (int i = 0; i < 7; i++) {
			CUdeviceptr address;

			if (cuMemAlloc_v2(&address, 100) == CUDA_ERROR_OUT_OF_MEMORY)
				failed |= 1u << i;
		}
		_exit((int)failed);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? (unsigned)WEXITSTATUS(status) : 0xffff;
}

static unsigned fault_results[6];

/* Before this process's own cuInit: a forked child of one that has it cannot start. */
static int run_faults(void **state)
{
	fault_results[0] = failing_calls("");
	fault_results[1] = failing_calls("alloc=1");
	fault_results[2] = failing_calls("alloc=2,alloc=5");
	fault_results[3] = failing_calls("alloc=6+,launch=3");
	fault_results[4] = failing_calls("alloc=3:999");
	fault_results[5] = failing_calls("alloc=4:2,nonsense,alloc=0");
	return start(state);
}

static void test_faults(void **unused)
{
	(void)unused;
	assert_int_equal(fault_results[0], 0);
	assert_int_equal(fault_results[1], 0x01);
	assert_int_equal(fault_results[2], 0x12);
	assert_int_equal(fault_results[3], 0x60);
	assert_int_equal(fault_results[4], 0);
	assert_int_equal(fault_results[5], 0x08);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, check_nothing_leaks)
	const struct CMUnitTest tests[] = {
		TEST(test_faults),	      TEST(test_accounting),
		TEST(test_bad_calls),	      TEST(test_exhaustion),
		TEST(test_many),	      TEST(test_host_memory),
		TEST(test_pointer_attributes), TEST(test_mapping),
		TEST(test_sharing_by_descriptor), TEST(test_pool),
		TEST(test_context_takes_its_memory_along),
	};

	setenv("SIMCUDA_MEM_MB", "256", 1);
	setenv("SIMCUDA_HOST_SCALE", "0", 1);
	return cmocka_run_group_tests(tests, run_faults, NULL);
}
