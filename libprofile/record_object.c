/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that change what later records mean: contexts, streams, modules, functions. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/record.h"

#include <string.h>

#include "libprofile/context.h"
#include "libprofile/control.h"
#include "libprofile/functions.h"
#include "libprofile/lifecycle.h"

void record_init(const struct call *call)
{
	if (call->result == CUDA_SUCCESS)
		lifecycle_cuda_ready();
	record_plain(call);
}

void record_profiler(const struct call *call, bool begins)
{
	record_plain(call);
	if (call->result == CUDA_SUCCESS)
		control_range(begins);
}

void record_context(const struct call *call, uint64_t context, uint64_t device, uint64_t flags)
{
	context_refresh(call->thread);
	record_object(call, context, device, flags);
}

void record_context_gone(const struct call *call, CUcontext context)
{
	if (call->result == CUDA_SUCCESS) {
		context_retire(context);
		context_refresh(call->thread);
	}
	record_object(call, (uintptr_t)context, 0, 0);
}

/* The primary context keeps its handle; whether its id stays is asked again at the next call. */
void record_device_reset(const struct call *call, CUdevice device)
{
	record_object(call, (uint64_t)device, 0, 0);
	call->thread->context_known = false;
}

void record_stream_created(const struct call *call, CUstream stream, unsigned flags, int priority)
{
	context_update(call);
	if (stream)
		stream_define(call->thread, stream, flags, priority);
	record_object(call, (uintptr_t)stream, (uint64_t)(int64_t)priority, flags);
}

void record_function(const struct call *call, const void *handle, const void *module,
		     const char *name)
{
	function_note(handle, name, module, false);
	record_object(call, (uintptr_t)handle, (uintptr_t)module, 0);
}

void record_kernels(const struct call *call, const CUkernel *kernels, unsigned count,
		    CUlibrary library, const char *name)
{
	for (unsigned i = 0; i < count && kernels && call->result == CUDA_SUCCESS; i++)
		function_note(kernels[i], name, library, true);
	record_object(call, name && count && call->result == CUDA_SUCCESS ? (uintptr_t)kernels[0] : 0,
		      (uintptr_t)library, count);
}

void record_kernel_function(const struct call *call, CUfunction function, CUkernel kernel)
{
	function_note_kernel(function, kernel);
	record_object(call, (uintptr_t)function, (uintptr_t)kernel, 0);
}

void record_module_gone(const struct call *call, const void *module)
{
	if (call->result == CUDA_SUCCESS)
		functions_retire(module);
	record_object(call, (uintptr_t)module, 0, 0);
}

void record_attribute(const struct call *call, const void *function, uint64_t attribute,
		      uint64_t value)
{
	if (call->result == CUDA_SUCCESS)
		function_changed(function);
	record_object(call, (uintptr_t)function, attribute, value);
}

void record_block_shape(const struct call *call, CUfunction function, int x, int y, int z)
{
	if (call->result == CUDA_SUCCESS)
		function_set_block(function, x, y, z);
	record_object(call, (uintptr_t)function, (uint64_t)x,
		      (uint64_t)(uint32_t)y << 32 | (uint32_t)z);
}

void record_shared_size(const struct call *call, CUfunction function, unsigned bytes)
{
	if (call->result == CUDA_SUCCESS)
		function_set_shared(function, bytes);
	record_object(call, (uintptr_t)function, 0, bytes);
}

/* The descriptor is a function of all arguments, so its hash tells equal encodes apart. */
void record_tensor_map(const struct call *call, const CUtensorMap *map, const void *address,
		       uint64_t rank)
{
	uint64_t hash = 0;

	if (call->result == CUDA_SUCCESS && map)
		hash = util_hash(map, 128);
	record_object(call, (uintptr_t)address, rank, hash);
}

/* Threshold and bytes are 64 bits wide, all others ints. */
void record_pool_attribute(const struct call *call, CUmemoryPool pool, CUmemPool_attribute attribute,
			   const void *value)
{
	uint64_t number = 0;

	bool is_wide = attribute >= CU_MEMPOOL_ATTR_RELEASE_THRESHOLD &&
		       attribute <= CU_MEMPOOL_ATTR_USED_MEM_HIGH;

	if (call->result == CUDA_SUCCESS && value)
		memcpy(&number, value, is_wide ? 8 : 4);
	record_object(call, (uintptr_t)pool, number, attribute);
}

static unsigned format_bytes(unsigned format)
{
	switch (format) {
	case CU_AD_FORMAT_UNSIGNED_INT16:
	case CU_AD_FORMAT_SIGNED_INT16:
	case CU_AD_FORMAT_HALF:
		return 2;
	case CU_AD_FORMAT_UNSIGNED_INT32:
	case CU_AD_FORMAT_SIGNED_INT32:
	case CU_AD_FORMAT_FLOAT:
		return 4;
	default:
		return 1;
	}
}

void record_array(const struct call *call, const void *array, uint64_t width, uint64_t height,
		  uint64_t depth, unsigned format, unsigned channels)
{
	uint64_t bytes = width * (height ? height : 1) * (depth ? depth : 1);

	record_memory(call, WIRE_MEMORY_ALLOC, WIRE_MEMORY_ARRAY, (uintptr_t)array,
		      bytes * format_bytes(format) * channels, 0, 0);
}
