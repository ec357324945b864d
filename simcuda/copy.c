/* SPDX-License-Identifier: Apache-2.0 */
/* Copies: kinds of memory, staging of pageable memory, the bytes themselves. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/copy.h"

#include <stdlib.h>
#include <string.h>

#define STAGED_BYTES_MAX 65536	/* pageable copies up to this return once staged */

enum { MEMORY_PAGEABLE = 1, MEMORY_PINNED = 2, MEMORY_DEVICE = 3, MEMORY_MANAGED = 5 };

static size_t extent(size_t width, size_t height, size_t depth, size_t pitch, size_t slice)
{
	return (depth - 1) * slice + (height - 1) * pitch + width;
}

/* *device: NULL for host memory. A mapping of VMM may go on in the next one, so its end is not
 * checked. */
static CUresult side_classify(const char *address, size_t bytes, uint8_t *kind,
			      struct sim_device **device)
{
	struct sim_allocation *allocation = sim_memory_find(address);

	*device = NULL;
	*kind = MEMORY_PAGEABLE;
	if (!address)
		return CUDA_ERROR_INVALID_VALUE;
	if (!allocation)
		return CUDA_SUCCESS;
	*kind = (uint8_t)sim_memory_kind_of(address);
	if (*kind == MEMORY_DEVICE || *kind == MEMORY_MANAGED)
		*device = allocation->device;
	if (allocation->kind != SIM_VMM && *device &&
	    (uintptr_t)address + bytes > allocation->base + allocation->bytes)
		return CUDA_ERROR_INVALID_VALUE;
	return CUDA_SUCCESS;
}

CUresult sim_copy_classify(struct sim_copy *copy)
{
	CUresult result;

	result = side_classify(copy->source, extent(copy->width, copy->height, copy->depth,
						    copy->source_pitch, copy->source_slice),
			       &copy->source_kind, &copy->source_device);
	if (!result)
		result = side_classify(copy->destination,
				       extent(copy->width, copy->height, copy->depth,
					      copy->destination_pitch, copy->destination_slice),
				       &copy->destination_kind, &copy->destination_device);
	if (copy->source_device && copy->destination_device)
		copy->kind = copy->source_device == copy->destination_device ? SIM_COPY_DTOD :
									      SIM_COPY_PTOP;
	else if (copy->source_device)
		copy->kind = SIM_COPY_DTOH;
	else
		copy->kind = copy->destination_device ? SIM_COPY_HTOD : SIM_COPY_HTOH;
	return result;
}

void sim_copy_run(const struct sim_copy *copy)
{
	const char *source;
	char *destination;

	if (copy->height == 1 && copy->depth == 1) {
		memmove(copy->destination, copy->source, copy->width);
		return;
	}
	for (size_t z = 0; z < copy->depth; z++) {
		source = copy->source + z * copy->source_slice;
		destination = copy->destination + z * copy->destination_slice;
		for (size_t y = 0; y < copy->height; y++)
			memmove(destination + y * copy->destination_pitch,
				source + y * copy->source_pitch, copy->width);
	}
}

/* The source as it is now, packed; the caller may change it afterwards. */
static CUresult copy_stage(struct sim_copy *copy)
{
	struct sim_copy pack = *copy;

	copy->staging = malloc(sim_copy_bytes(copy));
	if (!copy->staging)
		return CUDA_ERROR_OUT_OF_MEMORY;
	pack.destination = copy->staging;
	pack.destination_pitch = copy->width;
	pack.destination_slice = copy->width * copy->height;
	sim_copy_run(&pack);
	copy->source = copy->staging;
	copy->source_pitch = pack.destination_pitch;
	copy->source_slice = pack.destination_slice;
	return CUDA_SUCCESS;
}

static bool copy_must_wait(const struct sim_copy *copy, bool is_staged)
{
	if (is_staged)
		return false;
	if (copy->source_kind == MEMORY_PAGEABLE || copy->destination_kind == MEMORY_PAGEABLE)
		return true;
	return !copy->is_async && copy->kind != SIM_COPY_DTOD && copy->kind != SIM_COPY_PTOP;
}

CUresult sim_copy_submit(struct sim_copy *copy, CUstream handle, bool per_thread, bool is_async)
{
	CUresult result = CUDA_SUCCESS;
	struct sim_stream *stream = sim_stream_of(handle, per_thread, &result);
	struct sim_task task = { .kind = SIM_TASK_COPY };
	struct sim_op *op = NULL;
	bool is_staged;

	if (!stream)
		return result;
	if (!sim_copy_bytes(copy))
		return stream->context->error;
	result = sim_copy_classify(copy);
	if (result || sim_fault("copy", &result))
		return result;
	if (!is_async) {
		result = sim_capture_check_unsafe();
		if (result)
			return result;
	}
	copy->is_async = is_async;
	is_staged = !stream->capture && copy->kind == SIM_COPY_HTOD &&
		    copy->source_kind == MEMORY_PAGEABLE &&
		    sim_copy_bytes(copy) <= STAGED_BYTES_MAX;
	if (is_staged)
		result = copy_stage(copy);
	if (result)
		return result;
	task.copy = *copy;
	result = sim_submit(stream, &task, copy_must_wait(copy, is_staged) ? &op : NULL);
	if (result) {
		free(copy->staging);
		return result;
	}
	if (!op)
		return CUDA_SUCCESS;
	sim_op_wait(op, !(stream->context->flags & CU_CTX_SCHED_BLOCKING_SYNC));
	return stream->context->error;
}
