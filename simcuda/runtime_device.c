/* SPDX-License-Identifier: Apache-2.0 */
/* Devices and their primary contexts, as the simulated runtime manages them. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/runtime_state.h"

#include <pthread.h>
#include <string.h>

#define DEVICES_MAX 64
#define PROPERTIES_BYTES 1008
#define PROPERTIES_NAME_BYTES 256
#define PROPERTIES_UUID 256
#define PROPERTIES_TOTAL_MEMORY 288
#define PROPERTIES_MAX_THREADS 324
#define PROPERTIES_MAX_GRID 336

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static CUcontext primaries[DEVICES_MAX];
static __thread int thread_device;
static __thread bool is_bound;

static CUresult primary_of(int device, CUcontext *context)
{
	CUresult result = CUDA_SUCCESS;

	if (device < 0 || device >= DEVICES_MAX)
		return CUDA_ERROR_INVALID_DEVICE;
	pthread_mutex_lock(&lock);
	if (!primaries[device])
		result = DRIVER(cuDevicePrimaryCtxRetain, &primaries[device], device);
	*context = primaries[device];
	pthread_mutex_unlock(&lock);
	return result;
}

static CUresult bind(int device)
{
	CUcontext context;
	CUresult result = primary_of(device, &context);

	if (result == CUDA_SUCCESS)
		result = DRIVER(cuCtxSetCurrent, context);
	is_bound = result == CUDA_SUCCESS;
	return result;
}

CUresult runtime_context_ensure(void)
{
	CUcontext current = NULL;

	if (is_bound)
		return CUDA_SUCCESS;
	if (DRIVER(cuCtxGetCurrent, &current) == CUDA_SUCCESS && current) {
		is_bound = true;
		return CUDA_SUCCESS;
	}
	return bind(thread_device);
}

CUresult impl_cudaGetDeviceCount(int *count)
{
	CUresult result = DRIVER(cuDeviceGetCount, count);

	return result == CUDA_SUCCESS && *count == 0 ? CUDA_ERROR_NO_DEVICE : result;
}

CUresult impl_cudaGetDevice(int *device)
{
	CUcontext current = NULL;

	if (!device)
		return CUDA_ERROR_INVALID_VALUE;
	if (DRIVER(cuCtxGetCurrent, &current) == CUDA_SUCCESS && current)
		return DRIVER(cuCtxGetDevice, device);
	*device = thread_device;
	return CUDA_SUCCESS;
}

CUresult impl_cudaSetDevice(int device)
{
	CUresult result = bind(device);

	if (result == CUDA_SUCCESS)
		thread_device = device;
	return result;
}

CUresult impl_cudaInitDevice(int device, unsigned flags, unsigned set)
{
	CUcontext context;

	if (set)
		DRIVER(cuDevicePrimaryCtxSetFlags_v2, device, flags);
	return primary_of(device, &context);
}

static void put(char *properties, size_t offset, size_t bytes, int64_t value)
{
	memcpy(properties + offset, &value, bytes);
}

static CUresult put_by_hand(char *properties, int device)
{
	static const struct {
		size_t offset;
		CUdevice_attribute first;
	} triples[] = {
		{ PROPERTIES_MAX_THREADS, CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X },
		{ PROPERTIES_MAX_GRID, CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X },
	};
	CUuuid uuid = { { 0 } };
	size_t memory = 0;
	int value = 0;
	CUresult result = DRIVER(cuDeviceGetName, properties, PROPERTIES_NAME_BYTES, device);

	if (result == CUDA_SUCCESS)
		result = DRIVER(cuDeviceTotalMem_v2, &memory, device);
	if (result != CUDA_SUCCESS)
		return result;
	DRIVER(cuDeviceGetUuid_v2, &uuid, device);
	memcpy(properties + PROPERTIES_UUID, &uuid, sizeof(uuid));
	memcpy(properties + PROPERTIES_TOTAL_MEMORY, &memory, sizeof(memory));
	for (size_t i = 0; i < 6; i++) {
		DRIVER(cuDeviceGetAttribute, &value,
		       (CUdevice_attribute)((int)triples[i / 3].first + (int)(i % 3)), device);
		put(properties, triples[i / 3].offset + i % 3 * sizeof(int), sizeof(int), value);
	}
	return CUDA_SUCCESS;
}

CUresult impl_cudaGetDeviceProperties(void *properties, int device)
{
	static const struct {
		uint16_t offset, bytes;
		CUdevice_attribute attribute;
	} rows[] = {
#define PROPERTY(field, offset, bytes, attribute) \
		{ offset, bytes, CU_DEVICE_ATTRIBUTE_##attribute },
#include "simcuda/runtime_properties.def"
#undef PROPERTY
	};
	int value;

	if (!properties)
		return CUDA_ERROR_INVALID_VALUE;
	memset(properties, 0, PROPERTIES_BYTES);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (DRIVER(cuDeviceGetAttribute, &value, rows[i].attribute, device) == CUDA_SUCCESS)
			put(properties, rows[i].offset, rows[i].bytes, value);
	}
	return put_by_hand(properties, device);
}

CUresult impl_cudaDeviceGetAttribute(int *value, int attribute, int device)
{
	return DRIVER(cuDeviceGetAttribute, value, (CUdevice_attribute)attribute, device);
}

CUresult impl_cudaDeviceGetPCIBusId(char *text, int bytes, int device)
{
	return DRIVER(cuDeviceGetPCIBusId, text, bytes, device);
}

CUresult impl_cudaDeviceSynchronize(void)
{
	return DRIVER(cuCtxSynchronize);
}

CUresult impl_cudaDeviceReset(void)
{
	is_bound = false;
	return DRIVER(cuDevicePrimaryCtxReset_v2, thread_device);
}

CUresult impl_cudaDeviceCanAccessPeer(int *can, int device, int peer)
{
	return DRIVER(cuDeviceCanAccessPeer, can, device, peer);
}

CUresult impl_cudaDeviceEnablePeerAccess(int peer, unsigned flags)
{
	CUcontext context;
	CUresult result = primary_of(peer, &context);

	return result == CUDA_SUCCESS ? DRIVER(cuCtxEnablePeerAccess, context, flags) : result;
}

CUresult impl_cudaDeviceDisablePeerAccess(int peer)
{
	CUcontext context;
	CUresult result = primary_of(peer, &context);

	return result == CUDA_SUCCESS ? DRIVER(cuCtxDisablePeerAccess, context) : result;
}

CUresult impl_cudaDeviceGetStreamPriorityRange(int *least, int *greatest)
{
	return DRIVER(cuCtxGetStreamPriorityRange, least, greatest);
}

CUresult impl_cudaDeviceSetLimit(int limit, size_t value)
{
	return DRIVER(cuCtxSetLimit, (CUlimit)limit, value);
}

CUresult impl_cudaDeviceGetLimit(size_t *value, int limit)
{
	return DRIVER(cuCtxGetLimit, value, (CUlimit)limit);
}

CUresult impl_cudaDeviceSetCacheConfig(int config)
{
	return DRIVER(cuCtxSetCacheConfig, (CUfunc_cache)config);
}

CUresult impl_cudaSetDeviceFlags(unsigned flags)
{
	return DRIVER(cuDevicePrimaryCtxSetFlags_v2, thread_device, flags);
}

CUresult impl_cudaGetDeviceFlags(unsigned *flags)
{
	int is_active;

	return DRIVER(cuDevicePrimaryCtxGetState, thread_device, flags, &is_active);
}

CUresult impl_cudaDriverGetVersion(int *version)
{
	return DRIVER(cuDriverGetVersion, version);
}

CUresult impl_cudaRuntimeGetVersion(int *version)
{
	if (!version)
		return CUDA_ERROR_INVALID_VALUE;
	*version = RUNTIME_VERSION;
	return CUDA_SUCCESS;
}

CUresult impl_cudaProfilerStart(void)
{
	return DRIVER(cuProfilerStart);
}

CUresult impl_cudaProfilerStop(void)
{
	return DRIVER(cuProfilerStop);
}

CUresult impl_cudaDeviceGetDefaultMemPool(CUmemoryPool *pool, int device)
{
	return DRIVER(cuDeviceGetDefaultMemPool, pool, device);
}

CUresult impl_cudaDeviceGetMemPool(CUmemoryPool *pool, int device)
{
	return DRIVER(cuDeviceGetMemPool, pool, device);
}

CUresult impl_cudaDeviceSetMemPool(int device, CUmemoryPool pool)
{
	return DRIVER(cuDeviceSetMemPool, device, pool);
}
