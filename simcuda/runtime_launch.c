/* SPDX-License-Identifier: Apache-2.0 */
/* Launches, functions and driver entry points of the simulated runtime. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/runtime_state.h"

#define CONFIGURATIONS_MAX 16
#define PER_THREAD_DEFAULT_STREAM 2ull

/* Between the <<<>>> of a launch and the function it calls; they nest in arguments. */
static __thread struct {
	struct {
		struct dim3 grid, block;
		size_t shared;
		CUstream stream;
	} stack[CONFIGURATIONS_MAX];
	unsigned depth;
} configuration;

unsigned __cudaPushCallConfiguration(struct dim3 grid, struct dim3 block, size_t shared,
				     CUstream stream)
{
	unsigned depth = configuration.depth;

	if (depth == CONFIGURATIONS_MAX)
		return 1;
	configuration.stack[depth].grid = grid;
	configuration.stack[depth].block = block;
	configuration.stack[depth].shared = shared;
	configuration.stack[depth].stream = stream;
	configuration.depth++;
	return 0;
}

cudaError_t __cudaPopCallConfiguration(struct dim3 *grid, struct dim3 *block, size_t *shared,
				       void *stream)
{
	unsigned depth = configuration.depth;

	if (!depth)
		return cudaErrorMissingConfiguration;
	configuration.depth = --depth;
	*grid = configuration.stack[depth].grid;
	*block = configuration.stack[depth].block;
	*shared = configuration.stack[depth].shared;
	*(CUstream *)stream = configuration.stack[depth].stream;
	return cudaSuccess;
}

/* A kernel handle is as good as a function's for every launch. */
CUresult impl___cudaLaunchKernel(bool per_thread, CUkernel kernel, struct dim3 grid,
				 struct dim3 block, void **params, size_t shared, CUstream stream)
{
	return DRIVER_STREAM(cuLaunchKernel, cuLaunchKernel_ptsz, (CUfunction)(void *)kernel, grid.x,
			     grid.y, grid.z, block.x, block.y, block.z, (unsigned)shared, stream,
			     params, NULL);
}

CUresult impl_cudaLaunchKernel(bool per_thread, const void *function, struct dim3 grid,
			       struct dim3 block, void **params, size_t shared, CUstream stream)
{
	CUkernel kernel;
	CUresult result = runtime_kernel_find(function, &kernel);

	if (result != CUDA_SUCCESS)
		return result;
	return impl___cudaLaunchKernel(per_thread, kernel, grid, block, params, shared, stream);
}

CUresult impl_cudaLaunchCooperativeKernel(bool per_thread, const void *function, struct dim3 grid,
					  struct dim3 block, void **params, size_t shared,
					  CUstream stream)
{
	CUkernel kernel;
	CUresult result = runtime_kernel_find(function, &kernel);

	if (result != CUDA_SUCCESS)
		return result;
	return DRIVER_STREAM(cuLaunchCooperativeKernel, cuLaunchCooperativeKernel_ptsz,
			     (CUfunction)(void *)kernel, grid.x, grid.y, grid.z, block.x, block.y,
			     block.z, (unsigned)shared, stream, params);
}

/* The runtime's configuration has the driver's layout, with the shared memory as a size_t. */
CUresult impl_cudaLaunchKernelExC(bool per_thread, const CUlaunchConfig *config,
				  const void *function, void **params)
{
	CUkernel kernel;
	CUresult result = runtime_kernel_find(function, &kernel);

	if (result != CUDA_SUCCESS)
		return result;
	return DRIVER_STREAM(cuLaunchKernelEx, cuLaunchKernelEx_ptsz, config,
			     (CUfunction)(void *)kernel, params, NULL);
}

CUresult impl___cudaGetKernel(CUkernel *kernel, const void *function)
{
	return runtime_kernel_find(function, kernel);
}

CUresult impl_cudaGetKernel(CUkernel *kernel, const void *function)
{
	return runtime_kernel_find(function, kernel);
}

/* Attributes and occupancy belong to the function of the current context. */
CUresult impl_cudaGetFuncBySymbol(CUfunction *handle, const void *function)
{
	CUkernel kernel;
	CUresult result = runtime_kernel_find(function, &kernel);

	return result == CUDA_SUCCESS ? DRIVER(cuKernelGetFunction, handle, kernel) : result;
}

CUresult impl_cudaFuncGetName(const char **name, const void *function)
{
	CUfunction handle;
	CUresult result = impl_cudaGetFuncBySymbol(&handle, function);

	return result == CUDA_SUCCESS ? DRIVER(cuFuncGetName, name, handle) : result;
}

CUresult impl_cudaFuncGetAttributes(struct runtime_function_attributes *attributes,
				    const void *function)
{
	struct runtime_function_attributes values = { 0 };
	int shared = 0, constant = 0, local = 0;
	const struct {
		CUfunction_attribute attribute;
		int *value;
	} wanted[] = {
		{ CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, &values.max_threads },
		{ CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, &shared },
		{ CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES, &constant },
		{ CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES, &local },
		{ CU_FUNC_ATTRIBUTE_NUM_REGS, &values.registers },
		{ CU_FUNC_ATTRIBUTE_PTX_VERSION, &values.ptx_version },
		{ CU_FUNC_ATTRIBUTE_BINARY_VERSION, &values.binary_version },
		{ CU_FUNC_ATTRIBUTE_CACHE_MODE_CA, &values.cache_mode },
		{ CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, &values.max_dynamic_shared },
		{ CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT, &values.carveout },
		{ CU_FUNC_ATTRIBUTE_CLUSTER_SIZE_MUST_BE_SET, &values.cluster_must_be_set },
		{ CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH, &values.cluster[0] },
		{ CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_HEIGHT, &values.cluster[1] },
		{ CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_DEPTH, &values.cluster[2] },
	};
	CUfunction handle;
	CUresult result = impl_cudaGetFuncBySymbol(&handle, function);

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]) && result == CUDA_SUCCESS; i++)
		result = DRIVER(cuFuncGetAttribute, wanted[i].value, wanted[i].attribute, handle);
	if (result != CUDA_SUCCESS)
		return result;
	values.shared_bytes = (size_t)shared;
	values.const_bytes = (size_t)constant;
	values.local_bytes = (size_t)local;
	*attributes = values;
	return CUDA_SUCCESS;
}

CUresult impl_cudaFuncSetAttribute(const void *function, int attribute, int value)
{
	CUfunction handle;
	CUresult result = impl_cudaGetFuncBySymbol(&handle, function);

	if (result != CUDA_SUCCESS)
		return result;
	return DRIVER(cuFuncSetAttribute, handle, (CUfunction_attribute)attribute, value);
}

CUresult impl_cudaFuncSetCacheConfig(const void *function, int config)
{
	CUfunction handle;
	CUresult result = impl_cudaGetFuncBySymbol(&handle, function);

	return result == CUDA_SUCCESS ? DRIVER(cuFuncSetCacheConfig, handle, (CUfunc_cache)config) :
					result;
}

CUresult impl_cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks,
								     const void *function,
								     int block_size, size_t shared,
								     unsigned flags)
{
	CUfunction handle;
	CUresult result = impl_cudaGetFuncBySymbol(&handle, function);

	if (result != CUDA_SUCCESS)
		return result;
	return DRIVER(cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags, blocks, handle,
		      block_size, shared, flags);
}

CUresult impl_cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, const void *function,
							    int block_size, size_t shared)
{
	return impl_cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(blocks, function,
									   block_size, shared, 0);
}

CUresult impl_cudaOccupancyAvailableDynamicSMemPerBlock(size_t *bytes, const void *function,
							int blocks, int block_size)
{
	CUfunction handle;
	CUresult result = impl_cudaGetFuncBySymbol(&handle, function);

	if (result != CUDA_SUCCESS)
		return result;
	return DRIVER(cuOccupancyAvailableDynamicSMemPerBlock, bytes, handle, blocks, block_size);
}

CUresult impl_cudaGetDriverEntryPointByVersion(bool per_thread, const char *symbol, void **pointer,
					       unsigned version, unsigned long long flags, int *status)
{
	CUdriverProcAddressQueryResult found = CU_GET_PROC_ADDRESS_SUCCESS;
	CUresult result;

	if (!flags && per_thread)
		flags = PER_THREAD_DEFAULT_STREAM;
	result = DRIVER(cuGetProcAddress_v2, symbol, pointer, (int)version, flags, &found);
	if (status)
		*status = (int)found;
	return result;
}

CUresult impl_cudaGetDriverEntryPoint(bool per_thread, const char *symbol, void **pointer,
				      unsigned long long flags, int *status)
{
	return impl_cudaGetDriverEntryPointByVersion(per_thread, symbol, pointer, RUNTIME_VERSION,
						     flags, status);
}
