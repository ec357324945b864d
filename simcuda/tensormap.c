/* SPDX-License-Identifier: Apache-2.0 */
/* Tensor maps: the arguments are checked as documented and packed into the 128 opaque bytes. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <string.h>

#include "simcuda/core.h"

#define ENCODE_COST_NS 900
#define RANK_MAX 5
#define BOX_MAX 256
#define STRIDE_LIMIT ((uint64_t)1 << 40)
#define DIMENSION_LIMIT ((uint64_t)1 << 32)

struct CUtensorMap_st {
	_Alignas(64) cuuint64_t opaque[16];
};

/* Our packing; only this file looks into it. */
struct content {
	uint64_t address;
	uint32_t rank, type;
	uint64_t dimensions[RANK_MAX];
	uint32_t boxes[RANK_MAX];
};
_Static_assert(sizeof(struct content) <= sizeof(struct CUtensorMap_st), "fits the opaque bytes");

/* Bytes of one element of each data type; 4-bit types count as packed pairs or sixteens. */
static unsigned element_bytes(CUtensorMapDataType type)
{
	static const unsigned char bytes[] = { 1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4, 1, 1, 1 };

	return type < ARRAY_COUNT(bytes) ? bytes[type] : 0;
}

static bool shape_is_valid(cuuint32_t rank, const cuuint64_t *dimensions, const cuuint64_t *strides,
			   const cuuint32_t *element_strides, CUtensorMapInterleave interleave)
{
	unsigned alignment = interleave == 2 ? 32 : 16;	/* 32-byte interleave */

	if (rank == 0 || rank > RANK_MAX || (interleave && rank < 3) || interleave > 2)
		return false;
	for (cuuint32_t i = 0; i < rank; i++)
		if (dimensions[i] == 0 || dimensions[i] > DIMENSION_LIMIT ||
		    element_strides[i] == 0 || element_strides[i] > 8)
			return false;
	for (cuuint32_t i = 0; i + 1 < rank; i++)
		if (strides[i] % alignment || strides[i] >= STRIDE_LIMIT)
			return false;
	return true;
}

/* A row of the box: whole 16 bytes, and no longer than the pattern of the swizzle. */
static bool row_is_valid(uint64_t bytes, CUtensorMapSwizzle swizzle)
{
	static const uint64_t most[] = { UINT64_MAX, 32, 64, 128, 128, 128, 128 };

	return bytes % 16 == 0 && bytes <= most[swizzle];
}

static CUresult encode(CUtensorMap *map, CUtensorMapDataType type, cuuint32_t rank, void *address,
		       const cuuint64_t *dimensions, const cuuint32_t *boxes)
{
	struct content content = { .address = (uintptr_t)address, .rank = rank, .type = type };

	sim_host_cost("tensormap", ENCODE_COST_NS);
	for (cuuint32_t i = 0; i < rank; i++) {
		content.dimensions[i] = dimensions[i];
		content.boxes[i] = boxes ? boxes[i] : 0;
	}
	memset(map, 0, sizeof(*map));
	memcpy(map, &content, sizeof(content));
	return CUDA_SUCCESS;
}

static CUresult check_common(const CUtensorMap *map, CUtensorMapDataType type, cuuint32_t rank,
			     const void *address, const cuuint64_t *dimensions,
			     const cuuint64_t *strides, const cuuint32_t *element_strides,
			     CUtensorMapInterleave interleave)
{
	CUresult result;
	struct sim_context *context = sim_current(&result);

	if (!context)
		return result;
	if (context->device->profile->cc_major < 9)
		return CUDA_ERROR_NOT_SUPPORTED;
	if (!map || (uintptr_t)map % 64 || (uintptr_t)address % 16 || !address || !dimensions ||
	    (rank > 1 && !strides) || !element_strides || element_bytes(type) == 0 ||
	    !shape_is_valid(rank, dimensions, strides, element_strides, interleave))
		return CUDA_ERROR_INVALID_VALUE;
	return CUDA_SUCCESS;
}

IMPL(cuTensorMapEncodeTiled)(CUtensorMap *tensorMap, CUtensorMapDataType tensorDataType,
			     cuuint32_t tensorRank, void *globalAddress, const cuuint64_t *globalDim,
			     const cuuint64_t *globalStrides, const cuuint32_t *boxDim,
			     const cuuint32_t *elementStrides, CUtensorMapInterleave interleave,
			     CUtensorMapSwizzle swizzle, CUtensorMapL2promotion l2Promotion,
			     CUtensorMapFloatOOBfill oobFill)
{
	CUresult result = check_common(tensorMap, tensorDataType, tensorRank, globalAddress, globalDim,
				       globalStrides, elementStrides, interleave);

	if (result != CUDA_SUCCESS)
		return result;
	if (!boxDim || swizzle > 6 || l2Promotion > 3 || oobFill > 1)
		return CUDA_ERROR_INVALID_VALUE;
	for (cuuint32_t i = 0; i < tensorRank; i++)
		if (boxDim[i] == 0 || boxDim[i] > BOX_MAX)
			return CUDA_ERROR_INVALID_VALUE;
	if (interleave == 0 && !row_is_valid(boxDim[0] * element_bytes(tensorDataType), swizzle))
		return CUDA_ERROR_INVALID_VALUE;
	return encode(tensorMap, tensorDataType, tensorRank, globalAddress, globalDim, boxDim);
}

IMPL(cuTensorMapEncodeIm2col)(CUtensorMap *tensorMap, CUtensorMapDataType tensorDataType,
			      cuuint32_t tensorRank, void *globalAddress,
			      const cuuint64_t *globalDim, const cuuint64_t *globalStrides,
			      const int *pixelBoxLowerCorner, const int *pixelBoxUpperCorner,
			      cuuint32_t channelsPerPixel, cuuint32_t pixelsPerColumn,
			      const cuuint32_t *elementStrides, CUtensorMapInterleave interleave,
			      CUtensorMapSwizzle swizzle, CUtensorMapL2promotion l2Promotion,
			      CUtensorMapFloatOOBfill oobFill)
{
	CUresult result = check_common(tensorMap, tensorDataType, tensorRank, globalAddress, globalDim,
				       globalStrides, elementStrides, interleave);

	if (result != CUDA_SUCCESS)
		return result;
	if (tensorRank < 3 || !pixelBoxLowerCorner || !pixelBoxUpperCorner ||
	    channelsPerPixel == 0 || channelsPerPixel > 256 || pixelsPerColumn == 0 ||
	    pixelsPerColumn > 1024 || swizzle > 6 || l2Promotion > 3 || oobFill > 1)
		return CUDA_ERROR_INVALID_VALUE;
	return encode(tensorMap, tensorDataType, tensorRank, globalAddress, globalDim, NULL);
}

IMPL(cuTensorMapEncodeIm2colWide)(CUtensorMap *tensorMap, CUtensorMapDataType tensorDataType,
				  cuuint32_t tensorRank, void *globalAddress,
				  const cuuint64_t *globalDim, const cuuint64_t *globalStrides,
				  int pixelBoxLowerCornerWidth, int pixelBoxUpperCornerWidth,
				  cuuint32_t channelsPerPixel, cuuint32_t pixelsPerColumn,
				  const cuuint32_t *elementStrides,
				  CUtensorMapInterleave interleave, CUtensorMapIm2ColWideMode mode,
				  CUtensorMapSwizzle swizzle, CUtensorMapL2promotion l2Promotion,
				  CUtensorMapFloatOOBfill oobFill)
{
	CUresult result;
	struct sim_context *context = sim_current(&result);

	if (!context)
		return result;
	if (context->device->profile->cc_major < 10)
		return CUDA_ERROR_NOT_SUPPORTED;
	result = check_common(tensorMap, tensorDataType, tensorRank, globalAddress, globalDim,
			      globalStrides, elementStrides, interleave);
	if (result != CUDA_SUCCESS)
		return result;
	if (tensorRank < 3 || pixelBoxLowerCornerWidth < -32768 || pixelBoxUpperCornerWidth > 32767 ||
	    channelsPerPixel == 0 || channelsPerPixel > 256 || pixelsPerColumn == 0 ||
	    pixelsPerColumn > 1024 || mode > 1 || swizzle > 6 || l2Promotion > 3 || oobFill > 1)
		return CUDA_ERROR_INVALID_VALUE;
	return encode(tensorMap, tensorDataType, tensorRank, globalAddress, globalDim, NULL);
}

IMPL(cuTensorMapReplaceAddress)(CUtensorMap *tensorMap, void *globalAddress)
{
	uint64_t address = (uintptr_t)globalAddress;
	CUresult result;

	if (!sim_current(&result))
		return result;
	if (!tensorMap || !globalAddress || address % 16)
		return CUDA_ERROR_INVALID_VALUE;
	sim_host_cost("tensormap", ENCODE_COST_NS / 3);
	memcpy((char *)tensorMap + offsetof(struct content, address), &address, sizeof(address));
	return CUDA_SUCCESS;
}
