/* SPDX-License-Identifier: Apache-2.0 */
/* Attributes of functions and kernels; a kernel handle serves wherever a function does. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/core.h"

struct sim_function *sim_function_of(CUfunction handle)
{
	struct sim_function *function = (struct sim_function *)handle;
	uint32_t magic;

	if (!function)
		return NULL;
	magic = __atomic_load_n(&function->magic, __ATOMIC_ACQUIRE);
	if (__builtin_expect(magic == SIM_MAGIC_FUNCTION, 1))
		return function;
	return magic == SIM_MAGIC_KERNEL ? sim_kernel_function((struct sim_library_kernel *)handle) : NULL;
}

CUresult sim_function_get(const struct sim_function *function, CUfunction_attribute attribute,
			  int *value)
{
	switch (attribute) {
	case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
		*value = function->max_threads;
		return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES:
		*value = function->static_shared;
		return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES:
		*value = function->const_bytes;
		return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES:
		*value = function->local_bytes;
		return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_NUM_REGS:
		*value = function->registers;
		return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_PTX_VERSION:
		*value = function->ptx_version;
		return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_BINARY_VERSION:
		*value = function->binary_version;
		return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_CACHE_MODE_CA:
		*value = 0;
		return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
		*value = function->max_dynamic_shared;
		return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
		*value = function->carveout;
		return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_CLUSTER_SIZE_MUST_BE_SET:
		*value = function->needs_cluster;
		return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH:
	case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_HEIGHT:
	case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_DEPTH:
		*value = function->cluster[attribute - CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH];
		return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED:
		*value = function->allows_large_cluster;
		return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE:
		*value = function->cluster_scheduling;
		return CUDA_SUCCESS;
	default:
		return CUDA_ERROR_INVALID_VALUE;
	}
}

CUresult sim_function_set(struct sim_function *function, const struct sim_profile *profile,
			  CUfunction_attribute attribute, int value)
{
	switch (attribute) {
	case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
		if (value < 0 || value > profile->shared_optin - function->static_shared)
			return CUDA_ERROR_INVALID_VALUE;
		function->max_dynamic_shared = value;
		return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
		if (value < -1 || value > 100)
			return CUDA_ERROR_INVALID_VALUE;
		function->carveout = value;
		return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH:
	case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_HEIGHT:
	case CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_DEPTH:
		if (value < 0 || profile->cc_major < 9)
			return CUDA_ERROR_INVALID_VALUE;
		function->cluster[attribute - CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH] = value;
		return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED:
		if (value < 0 || value > 1)
			return CUDA_ERROR_INVALID_VALUE;
		function->allows_large_cluster = value;
		return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE:
		if (value < 0 || value > CU_CLUSTER_SCHEDULING_POLICY_LOAD_BALANCING)
			return CUDA_ERROR_INVALID_VALUE;
		function->cluster_scheduling = value;
		return CUDA_SUCCESS;
	default:
		return CUDA_ERROR_INVALID_VALUE;
	}
}

struct sim_function *sim_function_current(CUfunction handle, CUresult *result)
{
	struct sim_function *function;

	if (!sim_current(result))
		return NULL;
	function = sim_function_of(handle);
	if (!function)
		*result = CUDA_ERROR_INVALID_HANDLE;
	return function;
}

IMPL(cuFuncGetAttribute)(int *pi, CUfunction_attribute attrib, CUfunction hfunc)
{
	CUresult result;
	struct sim_function *function = sim_function_current(hfunc, &result);

	if (!function)
		return result;
	return pi ? sim_function_get(function, attrib, pi) : CUDA_ERROR_INVALID_VALUE;
}

IMPL(cuFuncSetAttribute)(CUfunction hfunc, CUfunction_attribute attrib, int value)
{
	CUresult result;
	struct sim_function *function = sim_function_current(hfunc, &result);

	if (!function)
		return result;
	return sim_function_set(function, function->module->context->device->profile, attrib, value);
}

IMPL(cuFuncSetCacheConfig)(CUfunction hfunc, CUfunc_cache config)
{
	CUresult result;
	struct sim_function *function = sim_function_current(hfunc, &result);

	if (!function)
		return result;
	if (config > CU_FUNC_CACHE_PREFER_EQUAL)
		return CUDA_ERROR_INVALID_VALUE;
	function->cache = (int)config;
	return CUDA_SUCCESS;
}

/* Without effect since Maxwell. */
IMPL(cuFuncSetSharedMemConfig)(CUfunction hfunc, CUsharedconfig config)
{
	CUresult result;

	if (!sim_function_current(hfunc, &result))
		return result;
	return config <= CU_SHARED_MEM_CONFIG_EIGHT_BYTE_BANK_SIZE ? CUDA_SUCCESS :
								      CUDA_ERROR_INVALID_VALUE;
}

IMPL(cuFuncGetModule)(CUmodule *hmod, CUfunction hfunc)
{
	CUresult result;
	struct sim_function *function = sim_function_current(hfunc, &result);

	if (!function)
		return result;
	if (!hmod)
		return CUDA_ERROR_INVALID_VALUE;
	*hmod = (CUmodule)function->module;
	return CUDA_SUCCESS;
}

IMPL(cuFuncGetName)(const char **name, CUfunction hfunc)
{
	CUresult result;
	struct sim_function *function = sim_function_current(hfunc, &result);

	if (!function)
		return result;
	if (!name)
		return CUDA_ERROR_INVALID_VALUE;
	*name = function->name;
	return CUDA_SUCCESS;
}

CUresult sim_function_param(const struct sim_function *function, size_t index, size_t *offset,
			    size_t *bytes)
{
	if (!offset || index >= (size_t)function->param_count)
		return CUDA_ERROR_INVALID_VALUE;
	*offset = function->params[index].offset;
	if (bytes)
		*bytes = function->params[index].bytes;
	return CUDA_SUCCESS;
}

IMPL(cuFuncGetParamInfo)(CUfunction func, size_t paramIndex, size_t *paramOffset, size_t *paramSize)
{
	CUresult result;
	struct sim_function *function = sim_function_current(func, &result);

	return function ? sim_function_param(function, paramIndex, paramOffset, paramSize) : result;
}

/* With lazy loading a function counts as loaded once it has been asked to, or launched. */
IMPL(cuFuncIsLoaded)(CUfunctionLoadingState *state, CUfunction function)
{
	CUresult result;
	struct sim_function *found = sim_function_current(function, &result);

	if (!found)
		return result;
	if (!state)
		return CUDA_ERROR_INVALID_VALUE;
	*state = __atomic_load_n(&found->is_loaded, __ATOMIC_RELAXED) ?
			 CU_FUNCTION_LOADING_STATE_LOADED : CU_FUNCTION_LOADING_STATE_UNLOADED;
	return CUDA_SUCCESS;
}

IMPL(cuFuncLoad)(CUfunction function)
{
	CUresult result;
	struct sim_function *found = sim_function_current(function, &result);

	if (found)
		sim_function_load(found);
	return result;
}
