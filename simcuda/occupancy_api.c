/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's occupancy questions, answered from the closed form. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/core.h"

#define WARP 32
#define BLOCK_MAX 1024
#define CLUSTER_PORTABLE 8
#define CLUSTER_LARGE 16
#define SMS_PER_GPC 16		/* a cluster lives in one; the last one may be smaller */

static const struct sim_profile *profile_of(const struct sim_function *function)
{
	return function->module->context->device->profile;
}

IMPL(cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags)(int *numBlocks, CUfunction func,
							   int blockSize, size_t dynamicSMemSize,
							   unsigned int flags)
{
	CUresult result;
	struct sim_function *function = sim_function_current(func, &result);

	if (!function)
		return result;
	if (!numBlocks || blockSize <= 0 || flags > CU_OCCUPANCY_DISABLE_CACHING_OVERRIDE)
		return CUDA_ERROR_INVALID_VALUE;
	*numBlocks = sim_occupancy(profile_of(function), function, blockSize, dynamicSMemSize, NULL);
	return CUDA_SUCCESS;
}

IMPL(cuOccupancyMaxActiveBlocksPerMultiprocessor)(int *numBlocks, CUfunction func, int blockSize,
						  size_t dynamicSMemSize)
{
	return impl_cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(numBlocks, func, blockSize,
									 dynamicSMemSize, 0);
}

/* Of all block sizes the one with most threads per SM, the larger block on ties. */
IMPL(cuOccupancyMaxPotentialBlockSizeWithFlags)(int *minGridSize, int *blockSize, CUfunction func,
						CUoccupancyB2DSize blockSizeToDynamicSMemSize,
						size_t dynamicSMemSize, int blockSizeLimit,
						unsigned int flags)
{
	CUresult result;
	struct sim_function *function = sim_function_current(func, &result);
	int limit, best_threads = 0, best_block = 0, best_count = 0;

	if (!function)
		return result;
	if (!minGridSize || !blockSize || flags > CU_OCCUPANCY_DISABLE_CACHING_OVERRIDE)
		return CUDA_ERROR_INVALID_VALUE;
	limit = function->max_threads < BLOCK_MAX ? function->max_threads : BLOCK_MAX;
	if (blockSizeLimit > 0 && blockSizeLimit < limit)
		limit = blockSizeLimit;
	for (int aligned = (limit + WARP - 1) / WARP * WARP; aligned > 0; aligned -= WARP) {
		int block = aligned < limit ? aligned : limit, count;
		size_t dynamic = blockSizeToDynamicSMemSize ? blockSizeToDynamicSMemSize(block) :
							       dynamicSMemSize;

		count = sim_occupancy(profile_of(function), function, block, dynamic, NULL);
		if (block * count > best_threads) {
			best_threads = block * count;
			best_block = block;
			best_count = count;
		}
		if (best_threads == profile_of(function)->max_threads_per_sm)
			break;
	}
	*blockSize = best_block;
	*minGridSize = best_count * profile_of(function)->sm_count;
	return CUDA_SUCCESS;
}

IMPL(cuOccupancyMaxPotentialBlockSize)(int *minGridSize, int *blockSize, CUfunction func,
				       CUoccupancyB2DSize blockSizeToDynamicSMemSize,
				       size_t dynamicSMemSize, int blockSizeLimit)
{
	return impl_cuOccupancyMaxPotentialBlockSizeWithFlags(minGridSize, blockSize, func,
							      blockSizeToDynamicSMemSize,
							      dynamicSMemSize, blockSizeLimit, 0);
}

/* The most dynamic shared memory with which numBlocks blocks still fit. */
IMPL(cuOccupancyAvailableDynamicSMemPerBlock)(size_t *dynamicSmemSize, CUfunction func, int numBlocks,
					      int blockSize)
{
	CUresult result;
	struct sim_function *function = sim_function_current(func, &result);
	long share, most;

	if (!function)
		return result;
	if (!dynamicSmemSize || numBlocks <= 0 || blockSize <= 0 || blockSize > BLOCK_MAX)
		return CUDA_ERROR_INVALID_VALUE;
	if (sim_occupancy(profile_of(function), function, blockSize, 0, NULL) < numBlocks)
		return CUDA_ERROR_INVALID_VALUE;
	share = profile_of(function)->shared_per_sm / numBlocks / 128 * 128;
	share -= function->static_shared + profile_of(function)->shared_reserved;
	most = function->max_dynamic_shared;
	if (most > share)
		most = share;
	*dynamicSmemSize = most > 0 ? (size_t)most : 0;
	return CUDA_SUCCESS;
}

/* --- clusters -------------------------------------------------------------------------------- */

/* The cluster size of a launch: its attribute, or what the kernel was compiled with. */
static unsigned cluster_blocks(const struct sim_function *function, const CUlaunchConfig *config)
{
	unsigned blocks = 1;

	for (unsigned i = 0; i < config->numAttrs; i++)
		if (config->attrs[i].id == CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION)
			return config->attrs[i].value.clusterDim.x *
			       config->attrs[i].value.clusterDim.y *
			       config->attrs[i].value.clusterDim.z;
	for (int i = 0; i < 3; i++)
		blocks *= function->cluster[i] > 0 ? (unsigned)function->cluster[i] : 1;
	return blocks;
}

/* Clusters of this many blocks that fit the device: each lies within one group of SMs. */
static int clusters_that_fit(const struct sim_function *function, const CUlaunchConfig *config,
			     unsigned blocks)
{
	const struct sim_profile *profile = profile_of(function);
	unsigned threads = config->blockDimX * config->blockDimY * config->blockDimZ;
	int per_sm = sim_occupancy(profile, function, (int)threads, config->sharedMemBytes, NULL);
	int count = 0;

	for (int left = profile->sm_count; left > 0; left -= SMS_PER_GPC)
		count += (left < SMS_PER_GPC ? left : SMS_PER_GPC) * per_sm / (int)blocks;
	return count;
}

static CUresult check_cluster(const struct sim_function *function, const CUlaunchConfig *config,
			      const int *out)
{
	if (!config || !out || (config->numAttrs && !config->attrs) ||
	    (uint64_t)config->blockDimX * config->blockDimY * config->blockDimZ - 1 >= BLOCK_MAX)
		return CUDA_ERROR_INVALID_VALUE;
	return profile_of(function)->cc_major >= 9 ? CUDA_SUCCESS : CUDA_ERROR_NOT_SUPPORTED;
}

IMPL(cuOccupancyMaxActiveClusters)(int *numClusters, CUfunction func, const CUlaunchConfig *config)
{
	CUresult result;
	struct sim_function *function = sim_function_current(func, &result);
	unsigned blocks;

	if (!function)
		return result;
	result = check_cluster(function, config, numClusters);
	if (result != CUDA_SUCCESS)
		return result;
	blocks = cluster_blocks(function, config);
	if (blocks == 0 ||
	    blocks > (function->allows_large_cluster ? CLUSTER_LARGE : CLUSTER_PORTABLE))
		return CUDA_ERROR_INVALID_CLUSTER_SIZE;
	*numClusters = clusters_that_fit(function, config, blocks);
	return CUDA_SUCCESS;
}

IMPL(cuOccupancyMaxPotentialClusterSize)(int *clusterSize, CUfunction func,
					 const CUlaunchConfig *config)
{
	CUresult result;
	struct sim_function *function = sim_function_current(func, &result);
	unsigned blocks;

	if (!function)
		return result;
	result = check_cluster(function, config, clusterSize);
	if (result != CUDA_SUCCESS)
		return result;
	blocks = function->allows_large_cluster ? CLUSTER_LARGE : CLUSTER_PORTABLE;
	while (blocks > 1 && clusters_that_fit(function, config, blocks) == 0)
		blocks /= 2;
	*clusterSize = clusters_that_fit(function, config, blocks) > 0 ? (int)blocks : 0;
	return CUDA_SUCCESS;
}
