/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's copy calls for two and three dimensions. CUDA arrays are not simulated. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/copy.h"

/* One side of a copy: where its first byte lies. NULL when it is an array. */
static const char *side_start(CUmemorytype type, const void *host, CUdeviceptr device, size_t x,
			      size_t row_bytes)
{
	const char *base = type == CU_MEMORYTYPE_HOST ? host : (const char *)(uintptr_t)device;

	if (type == CU_MEMORYTYPE_ARRAY || !base)
		return NULL;
	return base + row_bytes + x;
}

static bool is_array(CUmemorytype source, CUmemorytype destination)
{
	return source == CU_MEMORYTYPE_ARRAY || destination == CU_MEMORYTYPE_ARRAY;
}

static CUresult copy_of_2d(const CUDA_MEMCPY2D *from, struct sim_copy *copy)
{
	if (!from)
		return CUDA_ERROR_INVALID_VALUE;
	if (is_array(from->srcMemoryType, from->dstMemoryType))
		return CUDA_ERROR_NOT_SUPPORTED;
	*copy = (struct sim_copy){
		.width = from->WidthInBytes, .height = from->Height, .depth = 1,
		.source_pitch = from->srcPitch ? from->srcPitch : from->WidthInBytes,
		.destination_pitch = from->dstPitch ? from->dstPitch : from->WidthInBytes,
	};
	if (copy->source_pitch < copy->width || copy->destination_pitch < copy->width)
		return CUDA_ERROR_INVALID_VALUE;
	copy->source = side_start(from->srcMemoryType, from->srcHost, from->srcDevice,
				  from->srcXInBytes, from->srcY * copy->source_pitch);
	copy->destination = (char *)(uintptr_t)side_start(from->dstMemoryType, from->dstHost,
							  from->dstDevice, from->dstXInBytes,
							  from->dstY * copy->destination_pitch);
	return CUDA_SUCCESS;
}

CUresult sim_copy_of_3d(const CUDA_MEMCPY3D *from, struct sim_copy *copy)
{
	size_t source_rows, destination_rows;

	if (!from)
		return CUDA_ERROR_INVALID_VALUE;
	if (is_array(from->srcMemoryType, from->dstMemoryType))
		return CUDA_ERROR_NOT_SUPPORTED;
	*copy = (struct sim_copy){
		.width = from->WidthInBytes, .height = from->Height, .depth = from->Depth,
		.source_pitch = from->srcPitch ? from->srcPitch : from->WidthInBytes,
		.destination_pitch = from->dstPitch ? from->dstPitch : from->WidthInBytes,
	};
	if (copy->source_pitch < copy->width || copy->destination_pitch < copy->width)
		return CUDA_ERROR_INVALID_VALUE;
	source_rows = from->srcHeight ? from->srcHeight : from->Height;
	destination_rows = from->dstHeight ? from->dstHeight : from->Height;
	copy->source_slice = source_rows * copy->source_pitch;
	copy->destination_slice = destination_rows * copy->destination_pitch;
	copy->source =
		side_start(from->srcMemoryType, from->srcHost, from->srcDevice, from->srcXInBytes,
			   from->srcY * copy->source_pitch + from->srcZ * copy->source_slice);
	copy->destination = (char *)(uintptr_t)side_start(from->dstMemoryType, from->dstHost,
		from->dstDevice, from->dstXInBytes,
		from->dstY * copy->destination_pitch + from->dstZ * copy->destination_slice);
	return CUDA_SUCCESS;
}

static CUresult copy_2d(const CUDA_MEMCPY2D *from, CUstream stream, bool per_thread, bool is_async)
{
	struct sim_copy copy;
	CUresult result = copy_of_2d(from, &copy);

	return result ? result : sim_copy_submit(&copy, stream, per_thread, is_async);
}

static CUresult copy_3d(const CUDA_MEMCPY3D *from, CUstream stream, bool per_thread, bool is_async)
{
	struct sim_copy copy;
	CUresult result = sim_copy_of_3d(from, &copy);

	return result ? result : sim_copy_submit(&copy, stream, per_thread, is_async);
}

static CUresult copy_3d_peer(const CUDA_MEMCPY3D_PEER *from, CUstream stream, bool per_thread,
			     bool is_async)
{
	CUDA_MEMCPY3D plain;

	if (!from)
		return CUDA_ERROR_INVALID_VALUE;
	plain = (CUDA_MEMCPY3D){
		.srcXInBytes = from->srcXInBytes,
		.srcY = from->srcY,
		.srcZ = from->srcZ,
		.srcMemoryType = from->srcMemoryType,
		.srcHost = from->srcHost,
		.srcDevice = from->srcDevice,
		.srcPitch = from->srcPitch,
		.srcHeight = from->srcHeight,
		.dstXInBytes = from->dstXInBytes,
		.dstY = from->dstY,
		.dstZ = from->dstZ,
		.dstMemoryType = from->dstMemoryType,
		.dstHost = from->dstHost,
		.dstDevice = from->dstDevice,
		.dstPitch = from->dstPitch,
		.dstHeight = from->dstHeight,
		.WidthInBytes = from->WidthInBytes,
		.Height = from->Height,
		.Depth = from->Depth,
	};
	return copy_3d(&plain, stream, per_thread, is_async);
}

#define SYNC_CALL(symbol, type, copy, per_thread)		\
	IMPL(symbol)(const type *pCopy)				\
	{							\
		return copy(pCopy, NULL, per_thread, false);	\
	}
#define ASYNC_CALL(symbol, type, copy, per_thread)		\
	IMPL(symbol)(const type *pCopy, CUstream hStream)	\
	{							\
		return copy(pCopy, hStream, per_thread, true);	\
	}

SYNC_CALL(cuMemcpy2D_v2, CUDA_MEMCPY2D, copy_2d, false)
SYNC_CALL(cuMemcpy2D_v2_ptds, CUDA_MEMCPY2D, copy_2d, true)
SYNC_CALL(cuMemcpy2DUnaligned_v2, CUDA_MEMCPY2D, copy_2d, false)
SYNC_CALL(cuMemcpy2DUnaligned_v2_ptds, CUDA_MEMCPY2D, copy_2d, true)
ASYNC_CALL(cuMemcpy2DAsync_v2, CUDA_MEMCPY2D, copy_2d, false)
ASYNC_CALL(cuMemcpy2DAsync_v2_ptsz, CUDA_MEMCPY2D, copy_2d, true)
SYNC_CALL(cuMemcpy3D_v2, CUDA_MEMCPY3D, copy_3d, false)
SYNC_CALL(cuMemcpy3D_v2_ptds, CUDA_MEMCPY3D, copy_3d, true)
ASYNC_CALL(cuMemcpy3DAsync_v2, CUDA_MEMCPY3D, copy_3d, false)
ASYNC_CALL(cuMemcpy3DAsync_v2_ptsz, CUDA_MEMCPY3D, copy_3d, true)
SYNC_CALL(cuMemcpy3DPeer, CUDA_MEMCPY3D_PEER, copy_3d_peer, false)
SYNC_CALL(cuMemcpy3DPeer_ptds, CUDA_MEMCPY3D_PEER, copy_3d_peer, true)
ASYNC_CALL(cuMemcpy3DPeerAsync, CUDA_MEMCPY3D_PEER, copy_3d_peer, false)
ASYNC_CALL(cuMemcpy3DPeerAsync_ptsz, CUDA_MEMCPY3D_PEER, copy_3d_peer, true)

/* --- batches of three-dimensional copies ------------------------------------------------------ */
static CUresult operand_of(const CUmemcpy3DOperand *operand, const CUextent3D *extent,
			   const char **address, size_t *pitch, size_t *slice)
{
	size_t rows;

	if (operand->type != CU_MEMCPY_OPERAND_TYPE_POINTER)
		return CUDA_ERROR_NOT_SUPPORTED;
	*address = (const char *)(uintptr_t)operand->op.ptr.ptr;
	*pitch = operand->op.ptr.rowLength ? operand->op.ptr.rowLength : extent->width;
	rows = operand->op.ptr.layerHeight ? operand->op.ptr.layerHeight : extent->height;
	*slice = rows * *pitch;
	return CUDA_SUCCESS;
}

static CUresult copy_3d_batch(size_t count, CUDA_MEMCPY3D_BATCH_OP *list, size_t *failed,
			      CUstream stream, bool per_thread)
{
	CUresult result = CUDA_SUCCESS;
	struct sim_copy copy;
	const char *destination;
	size_t i;

	if (failed)
		*failed = SIZE_MAX;
	if (!count || !list)
		return CUDA_ERROR_INVALID_VALUE;
	for (i = 0; i < count && !result; i++) {
		copy = (struct sim_copy){ .width = list[i].extent.width,
					  .height = list[i].extent.height,
					  .depth = list[i].extent.depth };
		result = operand_of(&list[i].src, &list[i].extent, &copy.source, &copy.source_pitch,
				    &copy.source_slice);
		if (!result)
			result = operand_of(&list[i].dst, &list[i].extent, &destination,
					    &copy.destination_pitch, &copy.destination_slice);
		if (!result) {
			copy.destination = (char *)(uintptr_t)destination;
			result = sim_copy_submit(&copy, stream, per_thread, true);
		}
	}
	if (result && failed)
		*failed = i - 1;
	return result;
}

#define BATCH_CALL(symbol, per_thread)								\
	IMPL(symbol)(size_t numOps, CUDA_MEMCPY3D_BATCH_OP *opList, size_t *failIdx,		\
		     unsigned long long flags, CUstream hStream)				\
	{											\
		return flags ? CUDA_ERROR_INVALID_VALUE :					\
			       copy_3d_batch(numOps, opList, failIdx, hStream, per_thread);	\
	}
#define BATCH_CALL_V2(symbol, per_thread)							\
	IMPL(symbol)(size_t numOps, CUDA_MEMCPY3D_BATCH_OP *opList, unsigned long long flags,	\
		     CUstream hStream)								\
	{											\
		return flags ? CUDA_ERROR_INVALID_VALUE :					\
			       copy_3d_batch(numOps, opList, NULL, hStream, per_thread);	\
	}
BATCH_CALL(cuMemcpy3DBatchAsync, false)
BATCH_CALL(cuMemcpy3DBatchAsync_ptsz, true)
BATCH_CALL_V2(cuMemcpy3DBatchAsync_v2, false)
BATCH_CALL_V2(cuMemcpy3DBatchAsync_v2_ptsz, true)
