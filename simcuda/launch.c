/* SPDX-License-Identifier: Apache-2.0 */
/* Kernel launches of all forms. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/engine.h"

#define GRID_X_MAX 2147483647u
#define GRID_YZ_MAX 65535u
#define BLOCK_XY_MAX 1024u
#define BLOCK_Z_MAX 64u
#define CLUSTER_BLOCKS_MAX 16u

static bool is_sticky(CUresult error)
{
	return error == CUDA_ERROR_LAUNCH_TIMEOUT || error == CUDA_ERROR_ILLEGAL_ADDRESS ||
	       error == CUDA_ERROR_ASSERT ||
	       (error >= CUDA_ERROR_HARDWARE_STACK_ERROR && error <= CUDA_ERROR_LAUNCH_FAILED) ||
	       error == CUDA_ERROR_ECC_UNCORRECTABLE || error == CUDA_ERROR_NVLINK_UNCORRECTABLE;
}

static CUresult check_cluster(const struct sim_kernel *kernel, const struct sim_profile *profile)
{
	unsigned blocks = 1;

	for (int i = 0; i < 3; i++) {
		if (!kernel->cluster[i])
			return CUDA_SUCCESS;	/* none asked for */
		if (kernel->grid[i] % kernel->cluster[i])
			return CUDA_ERROR_INVALID_CLUSTER_SIZE;
		blocks *= kernel->cluster[i];
	}
	if (blocks > 1 && profile->cc_major < 9)
		return CUDA_ERROR_INVALID_CLUSTER_SIZE;
	return blocks > CLUSTER_BLOCKS_MAX ? CUDA_ERROR_INVALID_CLUSTER_SIZE : CUDA_SUCCESS;
}

/* What the hardware refuses, with the driver's errors. */
CUresult sim_kernel_check(const struct sim_kernel *kernel, const struct sim_device *device)
{
	const struct sim_function *function = kernel->function;
	const struct sim_profile *profile = device->profile;
	uint64_t threads = (uint64_t)kernel->block[0] * kernel->block[1] * kernel->block[2];
	uint64_t blocks = (uint64_t)kernel->grid[0] * kernel->grid[1] * kernel->grid[2];
	uint64_t shared = (uint64_t)kernel->dynamic_shared + (unsigned)function->static_shared;
	int per_sm;

	if (!blocks || !threads || kernel->grid[0] > GRID_X_MAX || kernel->grid[1] > GRID_YZ_MAX ||
	    kernel->grid[2] > GRID_YZ_MAX || kernel->block[0] > BLOCK_XY_MAX ||
	    kernel->block[1] > BLOCK_XY_MAX || kernel->block[2] > BLOCK_Z_MAX || threads > 1024)
		return CUDA_ERROR_INVALID_VALUE;
	if (shared > (unsigned)profile->shared_optin ||
	    (shared > (unsigned)profile->shared_per_block &&
	     kernel->dynamic_shared > (unsigned)function->max_dynamic_shared))
		return CUDA_ERROR_INVALID_VALUE;
	if (function->max_threads > 0 && threads > (unsigned)function->max_threads)
		return CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
	per_sm = sim_cost_blocks_per_sm(kernel, profile);
	if (per_sm <= 0)
		return CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
	if (kernel->launch_type == 1 && blocks > (uint64_t)per_sm * (unsigned)profile->sm_count)
		return CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE;
	return check_cluster(kernel, profile);
}

static CUresult launch(struct sim_task *task, CUfunction f, CUstream handle, bool per_thread,
		       void **params, void **extra)
{
	CUresult result = CUDA_SUCCESS, fault = CUDA_SUCCESS;
	struct sim_context *context = sim_current(&result);
	struct sim_stream *stream = context ? sim_stream_of(handle, per_thread, &result) : NULL;
	struct sim_kernel *kernel = &task->kernel;

	if (!stream)
		return result;
	task->kind = SIM_TASK_KERNEL;
	kernel->function = sim_function_of(f);
	if (!kernel->function || context != stream->context)
		return CUDA_ERROR_INVALID_HANDLE;
	if (!__atomic_load_n(&kernel->function->is_loaded, __ATOMIC_RELAXED))
		sim_function_load(kernel->function);
	if ((params && extra) || (kernel->function->param_count && !params && !extra))
		return CUDA_ERROR_INVALID_VALUE;
	result = sim_kernel_check(kernel, stream->context->device);
	if (result)
		return result;
	if (sim_fault("launch", &fault)) {
		if (!is_sticky(fault))
			return fault;
		kernel->fault = fault;
	}
	if (stream->capture)
		return sim_capture_kernel(stream, task, params, extra);
	sim_submit_cost();
	return sim_submit(stream, task, NULL);
}

#define SHAPE { gridDimX, gridDimY, gridDimZ }, .block = { blockDimX, blockDimY, blockDimZ },	\
	      .dynamic_shared = sharedMemBytes

#define LAUNCH_KERNEL(symbol, per_thread)							\
	IMPL(symbol)(CUfunction f, unsigned int gridDimX, unsigned int gridDimY,		\
		     unsigned int gridDimZ, unsigned int blockDimX, unsigned int blockDimY,	\
		     unsigned int blockDimZ, unsigned int sharedMemBytes, CUstream hStream,	\
		     void **kernelParams, void **extra)						\
	{											\
		struct sim_task task = { .kernel = { .grid = SHAPE } };				\
												\
		return launch(&task, f, hStream, per_thread, kernelParams, extra);		\
	}
LAUNCH_KERNEL(cuLaunchKernel, false)
LAUNCH_KERNEL(cuLaunchKernel_ptsz, true)

#define LAUNCH_COOPERATIVE(symbol, per_thread)							\
	IMPL(symbol)(CUfunction f, unsigned int gridDimX, unsigned int gridDimY,		\
		     unsigned int gridDimZ, unsigned int blockDimX, unsigned int blockDimY,	\
		     unsigned int blockDimZ, unsigned int sharedMemBytes, CUstream hStream,	\
		     void **kernelParams)							\
	{											\
		struct sim_task task = { .kernel = { .launch_type = 1, .grid = SHAPE } };	\
												\
		return launch(&task, f, hStream, per_thread, kernelParams, NULL);		\
	}
LAUNCH_COOPERATIVE(cuLaunchCooperativeKernel, false)
LAUNCH_COOPERATIVE(cuLaunchCooperativeKernel_ptsz, true)

/* False for an attribute a launch cannot have. */
bool sim_kernel_attribute(struct sim_kernel *kernel, CUlaunchAttributeID id,
			  const CUlaunchAttributeValue *value)
{
	switch (id) {
	case CU_LAUNCH_ATTRIBUTE_COOPERATIVE:
		kernel->launch_type = value->cooperative ? 1 : 0;
		break;
	case CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION:
		kernel->cluster[0] = value->clusterDim.x;
		kernel->cluster[1] = value->clusterDim.y;
		kernel->cluster[2] = value->clusterDim.z;
		break;
	case CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION:
		kernel->is_programmatic = value->programmaticStreamSerializationAllowed;
		break;
	case CU_LAUNCH_ATTRIBUTE_PRIORITY:
		kernel->has_priority = true;
		kernel->priority = value->priority;
		break;
	case CU_LAUNCH_ATTRIBUTE_SYNCHRONIZATION_POLICY:
		return false;
	default:
		return id < CU_LAUNCH_ATTRIBUTE_MAX;
	}
	return true;
}

static struct sim_event *config_event(const CUlaunchConfig *config)
{
	for (unsigned i = 0; i < config->numAttrs; i++) {
		if (config->attrs[i].id == CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_EVENT)
			return sim_event_of(config->attrs[i].value.programmaticEvent.event);
		if (config->attrs[i].id == CU_LAUNCH_ATTRIBUTE_LAUNCH_COMPLETION_EVENT)
			return sim_event_of(config->attrs[i].value.launchCompletionEvent.event);
	}
	return NULL;
}

static CUresult launch_ex(const CUlaunchConfig *config, CUfunction f, bool per_thread,
			  void **params, void **extra)
{
	struct sim_task task = { .kind = SIM_TASK_KERNEL };
	struct sim_kernel *kernel = &task.kernel;
	struct sim_event *event;
	CUresult result;

	if (!config || (config->numAttrs && !config->attrs))
		return CUDA_ERROR_INVALID_VALUE;
	kernel->grid[0] = config->gridDimX;
	kernel->grid[1] = config->gridDimY;
	kernel->grid[2] = config->gridDimZ;
	kernel->block[0] = config->blockDimX;
	kernel->block[1] = config->blockDimY;
	kernel->block[2] = config->blockDimZ;
	kernel->dynamic_shared = config->sharedMemBytes;
	for (unsigned i = 0; i < config->numAttrs; i++)
		if (!sim_kernel_attribute(kernel, config->attrs[i].id, &config->attrs[i].value))
			return CUDA_ERROR_INVALID_VALUE;
	result = launch(&task, f, config->hStream, per_thread, params, extra);
	event = result ? NULL : config_event(config);
	if (!event)
		return result;
	return per_thread ? impl_cuEventRecord_ptsz((CUevent)event, config->hStream) :
			    impl_cuEventRecord((CUevent)event, config->hStream);
}

IMPL(cuLaunchKernelEx)(const CUlaunchConfig *config, CUfunction f, void **kernelParams,
		void **extra)
{
	return launch_ex(config, f, false, kernelParams, extra);
}

IMPL(cuLaunchKernelEx_ptsz)(const CUlaunchConfig *config, CUfunction f, void **kernelParams,
			    void **extra)
{
	return launch_ex(config, f, true, kernelParams, extra);
}

/* The real call also makes the launches wait for each other's streams; here each is ordered by
 * its own stream. */
IMPL(cuLaunchCooperativeKernelMultiDevice)(CUDA_LAUNCH_PARAMS *list, unsigned int count,
					   unsigned int flags)
{
	CUresult result = CUDA_SUCCESS;

	if (!list || !count || flags & ~3u)
		return CUDA_ERROR_INVALID_VALUE;
	for (unsigned i = 0; i < count && !result; i++) {
		struct sim_stream *stream = sim_stream_of(list[i].hStream, false, &result);
		CUcontext before;

		if (!stream || stream->is_legacy)
			return stream ? CUDA_ERROR_INVALID_VALUE : result;
		impl_cuCtxPushCurrent_v2((CUcontext)stream->context);
		result = impl_cuLaunchCooperativeKernel(list[i].function, list[i].gridDimX,
			list[i].gridDimY, list[i].gridDimZ, list[i].blockDimX, list[i].blockDimY,
			list[i].blockDimZ, list[i].sharedMemBytes, list[i].hStream,
			list[i].kernelParams);
		impl_cuCtxPopCurrent_v2(&before);
	}
	return result;
}
