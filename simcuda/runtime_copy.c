/* SPDX-License-Identifier: Apache-2.0 */
/* Copies and sets of the simulated runtime: the driver's call that fits the kind. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/runtime_state.h"

CUresult impl_cudaMemcpy(bool per_thread, void *to, const void *from, size_t bytes, int kind)
{
	CUdeviceptr to_address = runtime_address(to), from_address = runtime_address(from);

	if (!bytes)
		return CUDA_SUCCESS;
	switch (kind) {
	case RUNTIME_HOST_TO_DEVICE:
		return DRIVER_STREAM(cuMemcpyHtoD_v2, cuMemcpyHtoD_v2_ptds, to_address, from, bytes);
	case RUNTIME_DEVICE_TO_HOST:
		return DRIVER_STREAM(cuMemcpyDtoH_v2, cuMemcpyDtoH_v2_ptds, to, from_address, bytes);
	case RUNTIME_DEVICE_TO_DEVICE:
		return DRIVER_STREAM(cuMemcpyDtoD_v2, cuMemcpyDtoD_v2_ptds, to_address, from_address,
				     bytes);
	case RUNTIME_HOST_TO_HOST:
	case RUNTIME_COPY_DEFAULT:
		return DRIVER_STREAM(cuMemcpy, cuMemcpy_ptds, to_address, from_address, bytes);
	default:
		return (CUresult)cudaErrorInvalidMemcpyDirection;
	}
}

CUresult impl_cudaMemcpyAsync(bool per_thread, void *to, const void *from, size_t bytes, int kind,
			      CUstream stream)
{
	CUdeviceptr to_address = runtime_address(to), from_address = runtime_address(from);

	if (!bytes)
		return CUDA_SUCCESS;
	switch (kind) {
	case RUNTIME_HOST_TO_DEVICE:
		return DRIVER_STREAM(cuMemcpyHtoDAsync_v2, cuMemcpyHtoDAsync_v2_ptsz, to_address, from,
				     bytes, stream);
	case RUNTIME_DEVICE_TO_HOST:
		return DRIVER_STREAM(cuMemcpyDtoHAsync_v2, cuMemcpyDtoHAsync_v2_ptsz, to, from_address,
				     bytes, stream);
	case RUNTIME_DEVICE_TO_DEVICE:
		return DRIVER_STREAM(cuMemcpyDtoDAsync_v2, cuMemcpyDtoDAsync_v2_ptsz, to_address,
				     from_address, bytes, stream);
	case RUNTIME_HOST_TO_HOST:
	case RUNTIME_COPY_DEFAULT:
		return DRIVER_STREAM(cuMemcpyAsync, cuMemcpyAsync_ptsz, to_address, from_address, bytes,
				     stream);
	default:
		return (CUresult)cudaErrorInvalidMemcpyDirection;
	}
}

static CUmemorytype side_type(int kind, bool is_source)
{
	bool is_host = is_source ? kind == RUNTIME_HOST_TO_DEVICE : kind == RUNTIME_DEVICE_TO_HOST;

	if (kind == RUNTIME_COPY_DEFAULT)
		return CU_MEMORYTYPE_UNIFIED;
	return is_host || kind == RUNTIME_HOST_TO_HOST ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE;
}

static CUDA_MEMCPY2D shape(void *to, size_t to_pitch, const void *from, size_t from_pitch,
			   size_t width, size_t height, int kind)
{
	return (CUDA_MEMCPY2D){
		.srcMemoryType = side_type(kind, true),
		.srcHost = from,
		.srcDevice = runtime_address(from),
		.srcPitch = from_pitch,
		.dstMemoryType = side_type(kind, false),
		.dstHost = to,
		.dstDevice = runtime_address(to),
		.dstPitch = to_pitch,
		.WidthInBytes = width,
		.Height = height,
	};
}

CUresult impl_cudaMemcpy2D(bool per_thread, void *to, size_t to_pitch, const void *from,
			   size_t from_pitch, size_t width, size_t height, int kind)
{
	CUDA_MEMCPY2D copy = shape(to, to_pitch, from, from_pitch, width, height, kind);

	return DRIVER_STREAM(cuMemcpy2DUnaligned_v2, cuMemcpy2DUnaligned_v2_ptds, &copy);
}

CUresult impl_cudaMemcpy2DAsync(bool per_thread, void *to, size_t to_pitch, const void *from,
				size_t from_pitch, size_t width, size_t height, int kind,
				CUstream stream)
{
	CUDA_MEMCPY2D copy = shape(to, to_pitch, from, from_pitch, width, height, kind);

	return DRIVER_STREAM(cuMemcpy2DAsync_v2, cuMemcpy2DAsync_v2_ptsz, &copy, stream);
}

static CUresult contexts_of(int to_device, int from_device, CUcontext *to, CUcontext *from)
{
	CUresult result = DRIVER(cuDevicePrimaryCtxRetain, to, to_device);

	if (result != CUDA_SUCCESS)
		return result;
	DRIVER(cuDevicePrimaryCtxRelease_v2, to_device);
	result = DRIVER(cuDevicePrimaryCtxRetain, from, from_device);
	if (result == CUDA_SUCCESS)
		DRIVER(cuDevicePrimaryCtxRelease_v2, from_device);
	return result;
}

CUresult impl_cudaMemcpyPeer(void *to, int to_device, const void *from, int from_device,
			     size_t bytes)
{
	CUcontext to_context, from_context;
	CUresult result = contexts_of(to_device, from_device, &to_context, &from_context);

	if (result != CUDA_SUCCESS)
		return result;
	return DRIVER(cuMemcpyPeer, runtime_address(to), to_context, runtime_address(from),
		      from_context, bytes);
}

CUresult impl_cudaMemcpyPeerAsync(void *to, int to_device, const void *from, int from_device,
				  size_t bytes, CUstream stream)
{
	CUcontext to_context, from_context;
	CUresult result = contexts_of(to_device, from_device, &to_context, &from_context);

	if (result != CUDA_SUCCESS)
		return result;
	return DRIVER(cuMemcpyPeerAsync, runtime_address(to), to_context, runtime_address(from),
		      from_context, bytes, stream);
}

/* Where in the variable, when the range lies inside it. */
static CUresult symbol_range(const void *symbol, size_t offset, size_t bytes, void **pointer)
{
	CUdeviceptr address;
	size_t size;
	CUresult result = runtime_symbol_find(symbol, &address, &size);

	if (result != CUDA_SUCCESS)
		return result;
	if (offset > size || bytes > size - offset)
		return CUDA_ERROR_INVALID_VALUE;
	*pointer = (void *)(uintptr_t)(address + offset);
	return CUDA_SUCCESS;
}

CUresult impl_cudaMemcpyToSymbol(bool per_thread, const void *symbol, const void *from, size_t bytes,
				 size_t offset, int kind)
{
	void *to;
	CUresult result = symbol_range(symbol, offset, bytes, &to);

	return result == CUDA_SUCCESS ? impl_cudaMemcpy(per_thread, to, from, bytes, kind) : result;
}

CUresult impl_cudaMemcpyFromSymbol(bool per_thread, void *to, const void *symbol, size_t bytes,
				   size_t offset, int kind)
{
	void *from;
	CUresult result = symbol_range(symbol, offset, bytes, &from);

	return result == CUDA_SUCCESS ? impl_cudaMemcpy(per_thread, to, from, bytes, kind) : result;
}

CUresult impl_cudaMemcpyToSymbolAsync(bool per_thread, const void *symbol, const void *from,
				      size_t bytes, size_t offset, int kind, CUstream stream)
{
	void *to;
	CUresult result = symbol_range(symbol, offset, bytes, &to);

	if (result != CUDA_SUCCESS)
		return result;
	return impl_cudaMemcpyAsync(per_thread, to, from, bytes, kind, stream);
}

CUresult impl_cudaMemcpyFromSymbolAsync(bool per_thread, void *to, const void *symbol, size_t bytes,
					size_t offset, int kind, CUstream stream)
{
	void *from;
	CUresult result = symbol_range(symbol, offset, bytes, &from);

	if (result != CUDA_SUCCESS)
		return result;
	return impl_cudaMemcpyAsync(per_thread, to, from, bytes, kind, stream);
}

CUresult impl_cudaMemset(bool per_thread, void *to, int value, size_t bytes)
{
	return DRIVER_STREAM(cuMemsetD8_v2, cuMemsetD8_v2_ptds, runtime_address(to),
			     (unsigned char)value, bytes);
}

CUresult impl_cudaMemsetAsync(bool per_thread, void *to, int value, size_t bytes, CUstream stream)
{
	return DRIVER_STREAM(cuMemsetD8Async, cuMemsetD8Async_ptsz, runtime_address(to),
			     (unsigned char)value, bytes, stream);
}

CUresult impl_cudaMemset2D(bool per_thread, void *to, size_t pitch, int value, size_t width,
			   size_t height)
{
	return DRIVER_STREAM(cuMemsetD2D8_v2, cuMemsetD2D8_v2_ptds, runtime_address(to), pitch,
			     (unsigned char)value, width, height);
}

CUresult impl_cudaMemset2DAsync(bool per_thread, void *to, size_t pitch, int value, size_t width,
				size_t height, CUstream stream)
{
	return DRIVER_STREAM(cuMemsetD2D8Async, cuMemsetD2D8Async_ptsz, runtime_address(to), pitch,
			     (unsigned char)value, width, height, stream);
}
