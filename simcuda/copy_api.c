/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's copy calls for plain ranges of memory. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/copy.h"

static CUresult copy_range(const void *destination, const void *source, size_t bytes,
			   CUstream stream, bool per_thread, bool is_async)
{
	struct sim_copy copy = { .destination = (char *)(uintptr_t)destination, .source = source,
				 .width = bytes, .height = 1, .depth = 1 };

	return sim_copy_submit(&copy, stream, per_thread, is_async);
}

#define HOST(pointer) (pointer)
#define DEVICE(address) ((const void *)(uintptr_t)(address))

/* One row per pair of memories: synchronous call, its _ptds twin, asynchronous, its _ptsz twin. */
#define COPY_CALLS(sync, sync_ptds, async, async_ptsz, to_type, to, to_value, from_type, from,	\
		   from_value)									\
	IMPL(sync)(to_type to, from_type from, size_t ByteCount)				\
	{											\
		return copy_range(to_value, from_value, ByteCount, NULL, false, false);		\
	}											\
	IMPL(sync_ptds)(to_type to, from_type from, size_t ByteCount)				\
	{											\
		return copy_range(to_value, from_value, ByteCount, NULL, true, false);		\
	}											\
	IMPL(async)(to_type to, from_type from, size_t ByteCount, CUstream hStream)		\
	{											\
		return copy_range(to_value, from_value, ByteCount, hStream, false, true);	\
	}											\
	IMPL(async_ptsz)(to_type to, from_type from, size_t ByteCount, CUstream hStream)	\
	{											\
		return copy_range(to_value, from_value, ByteCount, hStream, true, true);	\
	}

COPY_CALLS(cuMemcpy, cuMemcpy_ptds, cuMemcpyAsync, cuMemcpyAsync_ptsz,
	   CUdeviceptr, dst, DEVICE(dst), CUdeviceptr, src, DEVICE(src))
COPY_CALLS(cuMemcpyHtoD_v2, cuMemcpyHtoD_v2_ptds, cuMemcpyHtoDAsync_v2, cuMemcpyHtoDAsync_v2_ptsz,
	   CUdeviceptr, dstDevice, DEVICE(dstDevice), const void *, srcHost, HOST(srcHost))
COPY_CALLS(cuMemcpyDtoH_v2, cuMemcpyDtoH_v2_ptds, cuMemcpyDtoHAsync_v2, cuMemcpyDtoHAsync_v2_ptsz,
	   void *, dstHost, HOST(dstHost), CUdeviceptr, srcDevice, DEVICE(srcDevice))
COPY_CALLS(cuMemcpyDtoD_v2, cuMemcpyDtoD_v2_ptds, cuMemcpyDtoDAsync_v2, cuMemcpyDtoDAsync_v2_ptsz,
	   CUdeviceptr, dstDevice, DEVICE(dstDevice), CUdeviceptr, srcDevice, DEVICE(srcDevice))

/* The contexts only say where the addresses live, which unified addressing knows already. */
#define PEER_PARAMS										\
	CUdeviceptr dstDevice, CUcontext dstContext, CUdeviceptr srcDevice, CUcontext srcContext, \
		size_t ByteCount

static CUresult copy_peer(CUdeviceptr destination, CUcontext destination_context,
			  CUdeviceptr source, CUcontext source_context, size_t bytes,
			  CUstream stream, bool per_thread, bool is_async)
{
	if (!destination_context || !source_context)
		return CUDA_ERROR_INVALID_CONTEXT;
	return copy_range(DEVICE(destination), DEVICE(source), bytes, stream, per_thread, is_async);
}

IMPL(cuMemcpyPeer)(PEER_PARAMS)
{
	return copy_peer(dstDevice, dstContext, srcDevice, srcContext, ByteCount, NULL, false,
			 false);
}

IMPL(cuMemcpyPeer_ptds)(PEER_PARAMS)
{
	return copy_peer(dstDevice, dstContext, srcDevice, srcContext, ByteCount, NULL, true,
			 false);
}

IMPL(cuMemcpyPeerAsync)(PEER_PARAMS, CUstream hStream)
{
	return copy_peer(dstDevice, dstContext, srcDevice, srcContext, ByteCount, hStream, false,
			 true);
}

IMPL(cuMemcpyPeerAsync_ptsz)(PEER_PARAMS, CUstream hStream)
{
	return copy_peer(dstDevice, dstContext, srcDevice, srcContext, ByteCount, hStream, true,
			 true);
}

/* --- batches: each copy is an operation of its own -------------------------------------------- */
static CUresult copy_batch(CUdeviceptr *destinations, CUdeviceptr *sources, size_t *sizes,
			   size_t count, size_t *failed, CUstream stream, bool per_thread)
{
	CUresult result;

	if (failed)
		*failed = SIZE_MAX;
	if (!destinations || !sources || !sizes || !count)
		return CUDA_ERROR_INVALID_VALUE;
	for (size_t i = 0; i < count; i++) {
		result = sizes[i] ? copy_range(DEVICE(destinations[i]), DEVICE(sources[i]),
					       sizes[i], stream, per_thread, true)
				  : CUDA_ERROR_INVALID_VALUE;
		if (!result)
			continue;
		if (failed)
			*failed = i;
		return result;
	}
	return CUDA_SUCCESS;
}

#define BATCH_PARAMS CUdeviceptr *dsts, CUdeviceptr *srcs, size_t *sizes, size_t count,	\
	CUmemcpyAttributes *attrs, size_t *attrsIdxs, size_t numAttrs

#define BATCH_CALLS(symbol, per_thread)								\
	IMPL(symbol)(BATCH_PARAMS, size_t *failIdx, CUstream hStream)				\
	{											\
		(void)attrs, (void)attrsIdxs, (void)numAttrs;					\
		return copy_batch(dsts, srcs, sizes, count, failIdx, hStream, per_thread);	\
	}
#define BATCH_CALLS_V2(symbol, per_thread)						\
	IMPL(symbol)(BATCH_PARAMS, CUstream hStream)					\
	{										\
		(void)attrs, (void)attrsIdxs, (void)numAttrs;				\
		return copy_batch(dsts, srcs, sizes, count, NULL, hStream, per_thread);	\
	}
BATCH_CALLS(cuMemcpyBatchAsync, false)
BATCH_CALLS(cuMemcpyBatchAsync_ptsz, true)
BATCH_CALLS_V2(cuMemcpyBatchAsync_v2, false)
BATCH_CALLS_V2(cuMemcpyBatchAsync_v2_ptsz, true)
