/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of the simulated runtime: the driver's, under the runtime's names. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/runtime_state.h"

#include <string.h>

#define HOST_ALLOC_PORTABLE 1u
#define PITCH_ELEMENT_BYTES 4u

/* Keeps *pointer as it is when the driver fails. */
static CUresult give(void **pointer, CUresult result, const CUdeviceptr *address)
{
	if (result == CUDA_SUCCESS)
		*pointer = (void *)(uintptr_t)*address;
	return result;
}

CUresult impl_cudaMalloc(void **pointer, size_t bytes)
{
	CUdeviceptr address = 0;

	if (!pointer)
		return CUDA_ERROR_INVALID_VALUE;
	if (!bytes)
		return give(pointer, CUDA_SUCCESS, &address);
	return give(pointer, DRIVER(cuMemAlloc_v2, &address, bytes), &address);
}

CUresult impl_cudaFree(void *pointer)
{
	return pointer ? DRIVER(cuMemFree_v2, runtime_address(pointer)) : CUDA_SUCCESS;
}

CUresult impl_cudaMallocPitch(void **pointer, size_t *pitch, size_t width, size_t height)
{
	CUdeviceptr address = 0;

	if (!pointer || !pitch)
		return CUDA_ERROR_INVALID_VALUE;
	return give(pointer,
		    DRIVER(cuMemAllocPitch_v2, &address, pitch, width, height, PITCH_ELEMENT_BYTES),
		    &address);
}

CUresult impl_cudaMallocManaged(void **pointer, size_t bytes, unsigned flags)
{
	CUdeviceptr address = 0;

	if (!pointer)
		return CUDA_ERROR_INVALID_VALUE;
	return give(pointer, DRIVER(cuMemAllocManaged, &address, bytes, flags), &address);
}

CUresult impl_cudaMallocHost(void **pointer, size_t bytes)
{
	return DRIVER(cuMemHostAlloc, pointer, bytes, HOST_ALLOC_PORTABLE);
}

CUresult impl_cudaHostAlloc(void **pointer, size_t bytes, unsigned flags)
{
	return DRIVER(cuMemHostAlloc, pointer, bytes, flags | HOST_ALLOC_PORTABLE);
}

CUresult impl_cudaFreeHost(void *pointer)
{
	return pointer ? DRIVER(cuMemFreeHost, pointer) : CUDA_SUCCESS;
}

CUresult impl_cudaHostRegister(void *pointer, size_t bytes, unsigned flags)
{
	return DRIVER(cuMemHostRegister_v2, pointer, bytes, flags | HOST_ALLOC_PORTABLE);
}

CUresult impl_cudaHostUnregister(void *pointer)
{
	return DRIVER(cuMemHostUnregister, pointer);
}

CUresult impl_cudaHostGetDevicePointer(void **device, void *host, unsigned flags)
{
	CUdeviceptr address = 0;

	if (!device)
		return CUDA_ERROR_INVALID_VALUE;
	return give(device, DRIVER(cuMemHostGetDevicePointer_v2, &address, host, flags), &address);
}

CUresult impl_cudaHostGetFlags(unsigned *flags, void *host)
{
	return DRIVER(cuMemHostGetFlags, flags, host);
}

CUresult impl_cudaMemGetInfo(size_t *free_bytes, size_t *total_bytes)
{
	return DRIVER(cuMemGetInfo_v2, free_bytes, total_bytes);
}

/* Memory the driver does not know is ordinary host memory, which is no error since CUDA 11. */
CUresult impl_cudaPointerGetAttributes(struct runtime_pointer_attributes *attributes,
				       const void *pointer)
{
	CUdeviceptr address = runtime_address(pointer), device_pointer = 0;
	unsigned type = 0, is_managed = 0;
	void *host_pointer = NULL;
	int device = -1;

	if (!attributes)
		return CUDA_ERROR_INVALID_VALUE;
	memset(attributes, 0, sizeof(*attributes));
	attributes->device = -1;
	attributes->host_pointer = (void *)(uintptr_t)address;
	if (DRIVER(cuPointerGetAttribute, &type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, address) !=
	    CUDA_SUCCESS)
		return CUDA_SUCCESS;
	DRIVER(cuPointerGetAttribute, &is_managed, CU_POINTER_ATTRIBUTE_IS_MANAGED, address);
	DRIVER(cuPointerGetAttribute, &device, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, address);
	DRIVER(cuPointerGetAttribute, &device_pointer, CU_POINTER_ATTRIBUTE_DEVICE_POINTER, address);
	DRIVER(cuPointerGetAttribute, &host_pointer, CU_POINTER_ATTRIBUTE_HOST_POINTER, address);
	attributes->type = is_managed ? 3 : (int)type;
	attributes->device = device;
	attributes->device_pointer = (void *)(uintptr_t)device_pointer;
	attributes->host_pointer = host_pointer;
	return CUDA_SUCCESS;
}

CUresult impl_cudaIpcGetMemHandle(CUipcMemHandle *handle, void *pointer)
{
	return DRIVER(cuIpcGetMemHandle, handle, runtime_address(pointer));
}

CUresult impl_cudaIpcOpenMemHandle(void **pointer, CUipcMemHandle handle, unsigned flags)
{
	CUdeviceptr address = 0;

	if (!pointer)
		return CUDA_ERROR_INVALID_VALUE;
	return give(pointer, DRIVER(cuIpcOpenMemHandle_v2, &address, handle, flags), &address);
}

CUresult impl_cudaIpcCloseMemHandle(void *pointer)
{
	return DRIVER(cuIpcCloseMemHandle, runtime_address(pointer));
}

CUresult impl_cudaMallocAsync(bool per_thread, void **pointer, size_t bytes, CUstream stream)
{
	CUdeviceptr address = 0;

	if (!pointer)
		return CUDA_ERROR_INVALID_VALUE;
	return give(pointer, DRIVER_STREAM(cuMemAllocAsync, cuMemAllocAsync_ptsz, &address, bytes,
					   stream), &address);
}

CUresult impl_cudaMallocFromPoolAsync(bool per_thread, void **pointer, size_t bytes,
				      CUmemoryPool pool, CUstream stream)
{
	CUdeviceptr address = 0;

	if (!pointer)
		return CUDA_ERROR_INVALID_VALUE;
	return give(pointer, DRIVER_STREAM(cuMemAllocFromPoolAsync, cuMemAllocFromPoolAsync_ptsz,
					   &address, bytes, pool, stream), &address);
}

CUresult impl_cudaFreeAsync(bool per_thread, void *pointer, CUstream stream)
{
	return DRIVER_STREAM(cuMemFreeAsync, cuMemFreeAsync_ptsz, runtime_address(pointer), stream);
}

CUresult impl_cudaMemPoolCreate(CUmemoryPool *pool, const CUmemPoolProps *properties)
{
	return DRIVER(cuMemPoolCreate, pool, properties);
}

CUresult impl_cudaMemPoolDestroy(CUmemoryPool pool)
{
	return DRIVER(cuMemPoolDestroy, pool);
}

CUresult impl_cudaMemPoolTrimTo(CUmemoryPool pool, size_t bytes)
{
	return DRIVER(cuMemPoolTrimTo, pool, bytes);
}

CUresult impl_cudaMemPoolSetAttribute(CUmemoryPool pool, int attribute, void *value)
{
	return DRIVER(cuMemPoolSetAttribute, pool, (CUmemPool_attribute)attribute, value);
}

CUresult impl_cudaMemPoolGetAttribute(CUmemoryPool pool, int attribute, void *value)
{
	return DRIVER(cuMemPoolGetAttribute, pool, (CUmemPool_attribute)attribute, value);
}

CUresult impl_cudaMemPoolSetAccess(CUmemoryPool pool, const CUmemAccessDesc *access, size_t count)
{
	return DRIVER(cuMemPoolSetAccess, pool, access, count);
}

CUresult impl_cudaDeviceGetGraphMemAttribute(int device, int attribute, void *value)
{
	return DRIVER(cuDeviceGetGraphMemAttribute, device, (CUgraphMem_attribute)attribute, value);
}

CUresult impl_cudaDeviceSetGraphMemAttribute(int device, int attribute, void *value)
{
	return DRIVER(cuDeviceSetGraphMemAttribute, device, (CUgraphMem_attribute)attribute, value);
}

CUresult impl_cudaMemPrefetchAsync(bool per_thread, const void *pointer, size_t bytes,
				   CUmemLocation location, unsigned flags, CUstream stream)
{
	return DRIVER_STREAM(cuMemPrefetchAsync_v2, cuMemPrefetchAsync_v2_ptsz,
			     runtime_address(pointer), bytes, location, flags, stream);
}

CUresult impl_cudaMemAdvise(const void *pointer, size_t bytes, int advice, CUmemLocation location)
{
	return DRIVER(cuMemAdvise_v2, runtime_address(pointer), bytes, (CUmem_advise)advice, location);
}

CUresult impl_cudaGetSymbolAddress(void **pointer, const void *symbol)
{
	CUdeviceptr address = 0;
	size_t bytes;

	if (!pointer)
		return CUDA_ERROR_INVALID_VALUE;
	return give(pointer, runtime_symbol_find(symbol, &address, &bytes), &address);
}

CUresult impl_cudaGetSymbolSize(size_t *bytes, const void *symbol)
{
	CUdeviceptr address;

	return bytes ? runtime_symbol_find(symbol, &address, bytes) : CUDA_ERROR_INVALID_VALUE;
}
