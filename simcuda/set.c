/* SPDX-License-Identifier: Apache-2.0 */
/* Memory sets: the driver's calls, and the bytes. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/engine.h"

#include <string.h>

void sim_set_run(const struct sim_set *set)
{
	for (size_t y = 0; y < set->height; y++) {
		char *row = set->destination + y * set->pitch;

		if (set->element_bytes == 1) {
			memset(row, (int)set->value, set->width);
			continue;
		}
		for (size_t x = 0; x < set->width; x++)
			memcpy(row + x * set->element_bytes, &set->value, set->element_bytes);
	}
}

/* Fills in the kind of memory and checks range and alignment. */
CUresult sim_set_classify(struct sim_set *set)
{
	struct sim_allocation *allocation = sim_memory_find(set->destination);
	size_t row_bytes = set->width * set->element_bytes;

	if (!allocation || (uintptr_t)set->destination % set->element_bytes)
		return CUDA_ERROR_INVALID_VALUE;
	if (set->height > 1 && set->pitch < row_bytes)
		return CUDA_ERROR_INVALID_VALUE;
	if (allocation->kind != SIM_VMM &&
	    (uintptr_t)set->destination + (set->height - 1) * set->pitch + row_bytes >
		    allocation->base + allocation->bytes)
		return CUDA_ERROR_INVALID_VALUE;
	set->memory_kind = (uint8_t)sim_memory_kind_of(set->destination);
	return CUDA_SUCCESS;
}

/* As documented: even the synchronous calls return at once, unless the memory is the host's. */
static CUresult set_submit(CUdeviceptr destination, size_t pitch, uint32_t value,
			   uint8_t element_bytes, size_t width, size_t height, CUstream handle,
			   bool per_thread, bool is_async)
{
	CUresult result = CUDA_SUCCESS;
	struct sim_stream *stream = sim_stream_of(handle, per_thread, &result);
	struct sim_task task = { .kind = SIM_TASK_SET };
	struct sim_op *op = NULL;

	if (!stream)
		return result;
	if (!width || !height)
		return stream->context->error;
	task.set = (struct sim_set){ .destination = (char *)(uintptr_t)destination, .width = width,
				     .height = height, .pitch = pitch, .value = value,
				     .element_bytes = element_bytes, .is_async = is_async };
	result = sim_set_classify(&task.set);
	if (result || sim_fault("set", &result))
		return result;
	result = sim_submit(stream, &task, !is_async && task.set.memory_kind == 2 ? &op : NULL);
	if (op)
		sim_op_wait(op, true);
	return result;
}

#define SET_CALLS(sync, sync_ptds, async, async_ptsz, type, bytes)				\
	IMPL(sync)(CUdeviceptr dstDevice, type value, size_t N)					\
	{											\
		return set_submit(dstDevice, 0, value, bytes, N, 1, NULL, false, false);	\
	}											\
	IMPL(sync_ptds)(CUdeviceptr dstDevice, type value, size_t N)				\
	{											\
		return set_submit(dstDevice, 0, value, bytes, N, 1, NULL, true, false);		\
	}											\
	IMPL(async)(CUdeviceptr dstDevice, type value, size_t N, CUstream hStream)		\
	{											\
		return set_submit(dstDevice, 0, value, bytes, N, 1, hStream, false, true);	\
	}											\
	IMPL(async_ptsz)(CUdeviceptr dstDevice, type value, size_t N, CUstream hStream)		\
	{											\
		return set_submit(dstDevice, 0, value, bytes, N, 1, hStream, true, true);	\
	}

#define SET_2D_CALLS(sync, sync_ptds, async, async_ptsz, type, bytes)				\
	IMPL(sync)(CUdeviceptr dstDevice, size_t dstPitch, type value, size_t Width,		\
		     size_t Height)								\
	{											\
		return set_submit(dstDevice, dstPitch, value, bytes, Width, Height, NULL, false, \
				  false);							\
	}											\
	IMPL(sync_ptds)(CUdeviceptr dstDevice, size_t dstPitch, type value, size_t Width,	\
		     size_t Height)								\
	{											\
		return set_submit(dstDevice, dstPitch, value, bytes, Width, Height, NULL, true,	\
				  false);							\
	}											\
	IMPL(async)(CUdeviceptr dstDevice, size_t dstPitch, type value, size_t Width,		\
		     size_t Height, CUstream hStream)						\
	{											\
		return set_submit(dstDevice, dstPitch, value, bytes, Width, Height, hStream,	\
				  false, true);							\
	}											\
	IMPL(async_ptsz)(CUdeviceptr dstDevice, size_t dstPitch, type value, size_t Width,	\
		     size_t Height, CUstream hStream)						\
	{											\
		return set_submit(dstDevice, dstPitch, value, bytes, Width, Height, hStream, true, \
				  true);							\
	}

SET_CALLS(cuMemsetD8_v2, cuMemsetD8_v2_ptds, cuMemsetD8Async, cuMemsetD8Async_ptsz, unsigned char,
	  1)
SET_CALLS(cuMemsetD16_v2, cuMemsetD16_v2_ptds, cuMemsetD16Async, cuMemsetD16Async_ptsz,
	  unsigned short, 2)
SET_CALLS(cuMemsetD32_v2, cuMemsetD32_v2_ptds, cuMemsetD32Async, cuMemsetD32Async_ptsz,
	  unsigned int, 4)
SET_2D_CALLS(cuMemsetD2D8_v2, cuMemsetD2D8_v2_ptds, cuMemsetD2D8Async, cuMemsetD2D8Async_ptsz,
	     unsigned char, 1)
SET_2D_CALLS(cuMemsetD2D16_v2, cuMemsetD2D16_v2_ptds, cuMemsetD2D16Async, cuMemsetD2D16Async_ptsz,
	     unsigned short, 2)
SET_2D_CALLS(cuMemsetD2D32_v2, cuMemsetD2D32_v2_ptds, cuMemsetD2D32Async, cuMemsetD2D32Async_ptsz,
	     unsigned int, 4)
