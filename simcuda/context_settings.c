/* SPDX-License-Identifier: Apache-2.0 */
/* Limits, preferences and peers of contexts. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/context.h"

/* The context of a handle, the current one for NULL. */
static struct sim_context *context_or_current(CUcontext ctx, CUresult *result)
{
	if (!ctx)
		return sim_current(result);
	*result = sim_context_is_valid(ctx) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
	return *result == CUDA_SUCCESS ? sim_context_of(ctx) : NULL;
}

IMPL(cuCtxGetDevice_v2)(CUdevice *device, CUcontext ctx)
{
	CUresult result;
	struct sim_context *context = context_or_current(ctx, &result);

	if (!context)
		return result;
	if (!device)
		return CUDA_ERROR_INVALID_VALUE;
	*device = context->device->ordinal;
	return CUDA_SUCCESS;
}

IMPL(cuCtxGetDevice)(CUdevice *device)
{
	return impl_cuCtxGetDevice_v2(device, NULL);
}

IMPL(cuCtxGetApiVersion)(CUcontext ctx, unsigned int *version)
{
	CUresult result;

	if (!context_or_current(ctx, &result))
		return result;
	if (!version)
		return CUDA_ERROR_INVALID_VALUE;
	*version = 3020;
	return CUDA_SUCCESS;
}

IMPL(cuCtxGetId)(CUcontext ctx, unsigned long long *ctxId)
{
	CUresult result;
	struct sim_context *context = context_or_current(ctx, &result);

	if (!context)
		return result;
	if (!ctxId)
		return CUDA_ERROR_INVALID_VALUE;
	*ctxId = context->id;
	return CUDA_SUCCESS;
}

IMPL(cuCtxGetFlags)(unsigned int *flags)
{
	CUresult result;
	struct sim_context *context = sim_current(&result);

	if (!context)
		return result;
	if (!flags)
		return CUDA_ERROR_INVALID_VALUE;
	*flags = context->flags;
	return CUDA_SUCCESS;
}

IMPL(cuCtxSetFlags)(unsigned int flags)
{
	CUresult result;
	struct sim_context *context = sim_current(&result);

	if (!context)
		return result;
	if (flags & ~(unsigned)CU_CTX_FLAGS_MASK)
		return CUDA_ERROR_INVALID_VALUE;
	context->flags = flags;
	return CUDA_SUCCESS;
}

static bool limit_is_known(const struct sim_context *context, CUlimit limit)
{
	switch (limit) {
	case CU_LIMIT_DEV_RUNTIME_SYNC_DEPTH:
		return context->device->profile->cc_major < 9;
	case CU_LIMIT_STACK_SIZE:
	case CU_LIMIT_PRINTF_FIFO_SIZE:
	case CU_LIMIT_MALLOC_HEAP_SIZE:
	case CU_LIMIT_DEV_RUNTIME_PENDING_LAUNCH_COUNT:
	case CU_LIMIT_MAX_L2_FETCH_GRANULARITY:
	case CU_LIMIT_PERSISTING_L2_CACHE_SIZE:
		return true;
	default:
		return false;
	}
}

IMPL(cuCtxGetLimit)(size_t *pvalue, CUlimit limit)
{
	CUresult result;
	struct sim_context *context = sim_current(&result);

	if (!context)
		return result;
	if (!pvalue)
		return CUDA_ERROR_INVALID_VALUE;
	if (!limit_is_known(context, limit))
		return CUDA_ERROR_UNSUPPORTED_LIMIT;
	*pvalue = context->settings->limits[limit];
	return CUDA_SUCCESS;
}

IMPL(cuCtxSetLimit)(CUlimit limit, size_t value)
{
	CUresult result;
	struct sim_context *context = sim_current(&result);

	if (!context)
		return result;
	if (!limit_is_known(context, limit))
		return CUDA_ERROR_UNSUPPORTED_LIMIT;
	context->settings->limits[limit] = value;
	return CUDA_SUCCESS;
}

IMPL(cuCtxGetCacheConfig)(CUfunc_cache *pconfig)
{
	CUresult result;
	struct sim_context *context = sim_current(&result);

	if (!context)
		return result;
	if (!pconfig)
		return CUDA_ERROR_INVALID_VALUE;
	*pconfig = context->settings->cache;
	return CUDA_SUCCESS;
}

IMPL(cuCtxSetCacheConfig)(CUfunc_cache config)
{
	CUresult result;
	struct sim_context *context = sim_current(&result);

	if (!context)
		return result;
	if (config > CU_FUNC_CACHE_PREFER_EQUAL)
		return CUDA_ERROR_INVALID_VALUE;
	context->settings->cache = config;
	return CUDA_SUCCESS;
}

IMPL(cuCtxGetSharedMemConfig)(CUsharedconfig *pConfig)
{
	CUresult result;
	struct sim_context *context = sim_current(&result);

	if (!context)
		return result;
	if (!pConfig)
		return CUDA_ERROR_INVALID_VALUE;
	*pConfig = CU_SHARED_MEM_CONFIG_FOUR_BYTE_BANK_SIZE;
	return CUDA_SUCCESS;
}

/* Accepted and without effect since Maxwell. */
IMPL(cuCtxSetSharedMemConfig)(CUsharedconfig config)
{
	CUresult result;

	if (!sim_current(&result))
		return result;
	return config <= CU_SHARED_MEM_CONFIG_EIGHT_BYTE_BANK_SIZE ? CUDA_SUCCESS :
								      CUDA_ERROR_INVALID_VALUE;
}

IMPL(cuCtxGetStreamPriorityRange)(int *leastPriority, int *greatestPriority)
{
	CUresult result;

	if (!sim_current(&result))
		return result;
	if (leastPriority)
		*leastPriority = 0;
	if (greatestPriority)
		*greatestPriority = -5;
	return CUDA_SUCCESS;
}

IMPL(cuCtxResetPersistingL2Cache)(void)
{
	CUresult result;

	sim_current(&result);
	return result;
}

IMPL(cuCtxGetExecAffinity)(CUexecAffinityParam *pExecAffinity, CUexecAffinityType type)
{
	CUresult result;

	if (!sim_current(&result))
		return result;
	if (!pExecAffinity || type != CU_EXEC_AFFINITY_TYPE_SM_COUNT)
		return CUDA_ERROR_INVALID_VALUE;
	return CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY;
}

/* --- peers --------------------------------------------------------------------------------------- */

/* Boards without NVLink here are consumer boards, whose driver refuses peer access. */
static bool can_access(const struct sim_device *device, const struct sim_device *peer)
{
	return device != peer && device->profile->nvlink_gbs > 0;
}

IMPL(cuDeviceCanAccessPeer)(int *canAccessPeer, CUdevice dev, CUdevice peerDev)
{
	struct sim_device *device = sim_device_get(dev), *peer = sim_device_get(peerDev);

	if (!canAccessPeer)
		return CUDA_ERROR_INVALID_VALUE;
	if (!device || !peer)
		return CUDA_ERROR_INVALID_DEVICE;
	*canAccessPeer = can_access(device, peer);
	return CUDA_SUCCESS;
}

IMPL(cuCtxEnablePeerAccess)(CUcontext peerContext, unsigned int Flags)
{
	CUresult result;
	struct sim_context *context = sim_current(&result);
	struct sim_device *peer;

	if (!context)
		return result;
	if (Flags)
		return CUDA_ERROR_INVALID_VALUE;
	if (!sim_context_is_valid(peerContext))
		return CUDA_ERROR_INVALID_CONTEXT;
	peer = sim_context_of(peerContext)->device;
	if (peer == context->device)
		return CUDA_ERROR_INVALID_DEVICE;
	if (!can_access(context->device, peer))
		return CUDA_ERROR_PEER_ACCESS_UNSUPPORTED;
	pthread_mutex_lock(&sim_lock);
	if (context->settings->is_peer[peer->ordinal])
		result = CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED;
	context->settings->is_peer[peer->ordinal] = true;
	pthread_mutex_unlock(&sim_lock);
	return result;
}

IMPL(cuCtxDisablePeerAccess)(CUcontext peerContext)
{
	CUresult result;
	struct sim_context *context = sim_current(&result);
	int peer;

	if (!context)
		return result;
	if (!sim_context_is_valid(peerContext))
		return CUDA_ERROR_INVALID_CONTEXT;
	peer = sim_context_of(peerContext)->device->ordinal;
	pthread_mutex_lock(&sim_lock);
	if (!context->settings->is_peer[peer])
		result = CUDA_ERROR_PEER_ACCESS_NOT_ENABLED;
	context->settings->is_peer[peer] = false;
	pthread_mutex_unlock(&sim_lock);
	return result;
}

IMPL(cuDeviceGetP2PAttribute)(int *value, CUdevice_P2PAttribute attrib, CUdevice srcDevice,
			      CUdevice dstDevice)
{
	struct sim_device *source = sim_device_get(srcDevice), *target = sim_device_get(dstDevice);

	if (!source || !target)
		return CUDA_ERROR_INVALID_DEVICE;
	if (!value || source == target)
		return source == target && value ? CUDA_ERROR_INVALID_DEVICE :
						   CUDA_ERROR_INVALID_VALUE;
	switch (attrib) {
	case CU_DEVICE_P2P_ATTRIBUTE_PERFORMANCE_RANK:
	case CU_DEVICE_P2P_ATTRIBUTE_ONLY_PARTIAL_NATIVE_ATOMIC_SUPPORTED:
		*value = 0;
		return CUDA_SUCCESS;
	case CU_DEVICE_P2P_ATTRIBUTE_ACCESS_SUPPORTED:
	case CU_DEVICE_P2P_ATTRIBUTE_NATIVE_ATOMIC_SUPPORTED:
	case CU_DEVICE_P2P_ATTRIBUTE_CUDA_ARRAY_ACCESS_SUPPORTED:
		*value = can_access(source, target);
		return CUDA_SUCCESS;
	default:
		return CUDA_ERROR_INVALID_VALUE;
	}
}
