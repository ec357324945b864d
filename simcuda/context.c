/* SPDX-License-Identifier: Apache-2.0 */
/* Contexts: primary and others, and each thread's stack of them. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stdlib.h>
#include <string.h>

#include "simcuda/context.h"

struct sim_context_stack {
	int depth, capacity;
	struct sim_context **items;
};

/* Contexts are never freed: a stale handle must read as destroyed, not crash. */
static struct sim_context **contexts;
static int context_count;
static uint32_t last_id;

static pthread_key_t stack_key;
static pthread_once_t stack_once = PTHREAD_ONCE_INIT;

static void free_stack(void *value)
{
	struct sim_context_stack *stack = value;

	sim_thread.stack = NULL;
	sim_thread.current = NULL;
	free(stack->items);
	free(stack);
}

static void create_stack_key(void)
{
	pthread_key_create(&stack_key, free_stack);
}

static CUresult stack_push(struct sim_context *context)
{
	struct sim_context_stack *stack = sim_thread.stack;

	if (!stack) {
		pthread_once(&stack_once, create_stack_key);
		stack = calloc(1, sizeof(*stack));
		if (!stack)
			return CUDA_ERROR_OUT_OF_MEMORY;
		sim_thread.stack = stack;
		pthread_setspecific(stack_key, stack);
	}
	if (stack->depth == stack->capacity) {
		int capacity = stack->capacity ? 2 * stack->capacity : 4;
		void *items = realloc(stack->items, (size_t)capacity * sizeof(*stack->items));

		if (!items)
			return CUDA_ERROR_OUT_OF_MEMORY;
		stack->items = items;
		stack->capacity = capacity;
	}
	stack->items[stack->depth++] = context;
	sim_thread.current = context;
	return CUDA_SUCCESS;
}

static void stack_pop(void)
{
	struct sim_context_stack *stack = sim_thread.stack;

	stack->depth--;
	sim_thread.current = stack->depth ? stack->items[stack->depth - 1] : NULL;
}

static bool is_destroyed(const struct sim_context *context)
{
	return __atomic_load_n(&context->is_destroyed, __ATOMIC_ACQUIRE);
}

struct sim_context *sim_current(CUresult *result)
{
	struct sim_context *context = sim_thread.current;

	if (!context) {
		*result = atomic_load(&sim_is_ready) ? CUDA_ERROR_INVALID_CONTEXT :
						       CUDA_ERROR_NOT_INITIALIZED;
		return NULL;
	}
	if (is_destroyed(context)) {
		*result = CUDA_ERROR_CONTEXT_IS_DESTROYED;
		return NULL;
	}
	if (__builtin_expect(context->error, 0)) {
		*result = context->error;
		return NULL;
	}
	*result = CUDA_SUCCESS;
	return context;
}

struct sim_context *sim_current_sound(CUresult *result)
{
	struct sim_context *context = sim_current(result);

	if (context && context->error) {
		*result = context->error;
		return NULL;
	}
	return context;
}

bool sim_context_is_valid(CUcontext handle)
{
	bool is_found = false;

	pthread_mutex_lock(&sim_lock);
	for (int i = 0; i < context_count && !is_found; i++)
		is_found = contexts[i] == sim_context_of(handle);
	pthread_mutex_unlock(&sim_lock);
	return is_found && !is_destroyed(sim_context_of(handle));
}

static const size_t default_limits[SIM_LIMITS] = {
	[CU_LIMIT_STACK_SIZE] = 1024,
	[CU_LIMIT_PRINTF_FIFO_SIZE] = 1 << 20,
	[CU_LIMIT_MALLOC_HEAP_SIZE] = 8 << 20,
	[CU_LIMIT_DEV_RUNTIME_SYNC_DEPTH] = 2,
	[CU_LIMIT_DEV_RUNTIME_PENDING_LAUNCH_COUNT] = 2048,
	[CU_LIMIT_MAX_L2_FETCH_GRANULARITY] = 128,
};

static struct sim_context *context_allocate(void)
{
	struct sim_context *context = calloc(1, sizeof(*context));
	void *grown = realloc(contexts, (size_t)(context_count + 1) * sizeof(struct sim_context *));

	if (grown)
		contexts = grown;
	if (context && grown)
		context->settings = calloc(1, sizeof(*context->settings));
	if (!context || !context->settings) {
		free(context);
		return NULL;
	}
	contexts[context_count++] = context;
	return context;
}

static void context_start(struct sim_context *context, struct sim_device *device, unsigned flags)
{
	context->device = device;
	context->id = ++last_id;
	context->flags = flags;
	memset(context->settings, 0, sizeof(*context->settings));
	memcpy(context->settings->limits, default_limits, sizeof(default_limits));
	__atomic_store_n(&context->is_destroyed, false, __ATOMIC_RELEASE);
}

/* The context's work is drained before anything it uses goes away. */
static void context_end(struct sim_context *context)
{
	__atomic_store_n(&context->is_destroyed, true, __ATOMIC_RELEASE);
	sim_context_closed(context);
	sim_module_forget_context(context);
	sim_memory_forget_context(context);
}

static bool flags_are_valid(unsigned flags)
{
	unsigned schedule = flags & CU_CTX_SCHED_MASK;

	return !(flags & ~(unsigned)CU_CTX_FLAGS_MASK) &&
	       (schedule == CU_CTX_SCHED_AUTO || schedule == CU_CTX_SCHED_SPIN ||
		schedule == CU_CTX_SCHED_YIELD || schedule == CU_CTX_SCHED_BLOCKING_SYNC);
}

IMPL(cuCtxCreate_v2)(CUcontext *pctx, unsigned int flags, CUdevice dev)
{
	struct sim_device *device = sim_device_get(dev);
	struct sim_context *context;
	CUresult result;

	if (!pctx || !flags_are_valid(flags))
		return CUDA_ERROR_INVALID_VALUE;
	if (!device)
		return CUDA_ERROR_INVALID_DEVICE;
	if (sim_fault("context", &result))
		return result;
	pthread_mutex_lock(&sim_lock);
	context = context_allocate();
	if (context)
		context_start(context, device, flags);
	pthread_mutex_unlock(&sim_lock);
	if (!context)
		return CUDA_ERROR_OUT_OF_MEMORY;
	sim_context_opened(context);
	sim_host_cost("context", 20000000);
	result = stack_push(context);
	if (result != CUDA_SUCCESS) {
		context_end(context);
		return result;
	}
	*pctx = (CUcontext)context;
	return CUDA_SUCCESS;
}

IMPL(cuCtxCreate)(CUcontext *pctx, unsigned int flags, CUdevice dev)
{
	return impl_cuCtxCreate_v2(pctx, flags, dev);
}

IMPL(cuCtxCreate_v3)(CUcontext *pctx, CUexecAffinityParam *paramsArray, int numParams,
		     unsigned int flags, CUdevice dev)
{
	if (numParams < 0 || (numParams > 0 && !paramsArray))
		return CUDA_ERROR_INVALID_VALUE;
	if (numParams > 0)
		return CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY;
	return impl_cuCtxCreate_v2(pctx, flags, dev);
}

IMPL(cuCtxCreate_v4)(CUcontext *pctx, CUctxCreateParams *ctxCreateParams, unsigned int flags,
		     CUdevice dev)
{
	if (ctxCreateParams && ctxCreateParams->cigParams)
		return CUDA_ERROR_NOT_SUPPORTED;
	if (ctxCreateParams && ctxCreateParams->numExecAffinityParams)
		return CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY;
	return impl_cuCtxCreate_v2(pctx, flags, dev);
}

IMPL(cuCtxDestroy_v2)(CUcontext ctx)
{
	struct sim_context *context = sim_context_of(ctx);

	if (!ctx)
		return CUDA_ERROR_INVALID_VALUE;
	if (!sim_context_is_valid(ctx))
		return CUDA_ERROR_INVALID_CONTEXT;
	if (context->is_primary)
		return CUDA_ERROR_INVALID_CONTEXT;
	context_end(context);
	if (sim_thread.current == context)
		stack_pop();
	return CUDA_SUCCESS;
}

IMPL(cuCtxDestroy)(CUcontext ctx)
{
	return impl_cuCtxDestroy_v2(ctx);
}

IMPL(cuCtxPushCurrent_v2)(CUcontext ctx)
{
	if (!ctx)
		return CUDA_ERROR_INVALID_VALUE;
	if (!sim_context_is_valid(ctx))
		return CUDA_ERROR_INVALID_CONTEXT;
	return stack_push(sim_context_of(ctx));
}

IMPL(cuCtxPushCurrent)(CUcontext ctx)
{
	return impl_cuCtxPushCurrent_v2(ctx);
}

IMPL(cuCtxPopCurrent_v2)(CUcontext *pctx)
{
	struct sim_context *context = sim_thread.current;

	if (!context)
		return CUDA_ERROR_INVALID_CONTEXT;
	stack_pop();
	if (pctx)
		*pctx = (CUcontext)context;
	return CUDA_SUCCESS;
}

IMPL(cuCtxPopCurrent)(CUcontext *pctx)
{
	return impl_cuCtxPopCurrent_v2(pctx);
}

IMPL(cuCtxSetCurrent)(CUcontext ctx)
{
	if (!ctx) {
		if (sim_thread.current)
			stack_pop();
		return CUDA_SUCCESS;
	}
	if (sim_context_of(ctx) == sim_thread.current && !is_destroyed(sim_thread.current))
		return CUDA_SUCCESS;
	if (!sim_context_is_valid(ctx))
		return CUDA_ERROR_INVALID_CONTEXT;
	if (sim_thread.current)
		stack_pop();
	return stack_push(sim_context_of(ctx));
}

IMPL(cuCtxGetCurrent)(CUcontext *pctx)
{
	if (!pctx)
		return CUDA_ERROR_INVALID_VALUE;
	*pctx = (CUcontext)sim_thread.current;
	return CUDA_SUCCESS;
}

/* --- primary contexts ------------------------------------------------------------------------- */

/* Opening and closing a primary context takes time; who retains it meanwhile has to wait. */
static pthread_mutex_t primary_lock = PTHREAD_MUTEX_INITIALIZER;

/* A primary context keeps its handle for the process's life, whatever happens to its contents.
 * With primary_lock held. */
static CUresult primary_open(struct sim_device *device)
{
	struct sim_context *context;

	pthread_mutex_lock(&sim_lock);
	if (device->primary_refs++ > 0) {
		pthread_mutex_unlock(&sim_lock);
		return CUDA_SUCCESS;
	}
	context = device->primary ? device->primary : context_allocate();
	if (!context) {
		device->primary_refs--;
		pthread_mutex_unlock(&sim_lock);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	context->is_primary = true;
	context_start(context, device, device->primary_flags);
	device->primary = context;
	pthread_mutex_unlock(&sim_lock);
	sim_context_opened(context);
	sim_host_cost("context", 20000000);
	return CUDA_SUCCESS;
}

IMPL(cuDevicePrimaryCtxRetain)(CUcontext *pctx, CUdevice dev)
{
	struct sim_device *device = sim_device_get(dev);
	CUresult result;

	if (!pctx)
		return CUDA_ERROR_INVALID_VALUE;
	if (!device)
		return CUDA_ERROR_INVALID_DEVICE;
	if (sim_fault("context", &result))
		return result;
	pthread_mutex_lock(&primary_lock);
	result = primary_open(device);
	pthread_mutex_unlock(&primary_lock);
	if (result == CUDA_SUCCESS)
		*pctx = (CUcontext)device->primary;
	return result;
}

static CUresult primary_close(CUdevice dev, bool is_reset)
{
	struct sim_device *device = sim_device_get(dev);
	CUresult result = CUDA_SUCCESS;
	bool is_last = false;

	if (!device)
		return CUDA_ERROR_INVALID_DEVICE;
	pthread_mutex_lock(&primary_lock);
	pthread_mutex_lock(&sim_lock);
	if (device->primary_refs > 0) {
		device->primary_refs = is_reset ? 0 : device->primary_refs - 1;
		is_last = device->primary_refs == 0;
	} else if (!is_reset) {
		result = CUDA_ERROR_INVALID_CONTEXT;
	}
	pthread_mutex_unlock(&sim_lock);
	if (is_last)
		context_end(device->primary);
	pthread_mutex_unlock(&primary_lock);
	return result;
}

IMPL(cuDevicePrimaryCtxRelease_v2)(CUdevice dev)
{
	return primary_close(dev, false);
}

IMPL(cuDevicePrimaryCtxRelease)(CUdevice dev)
{
	return primary_close(dev, false);
}

IMPL(cuDevicePrimaryCtxReset_v2)(CUdevice dev)
{
	return primary_close(dev, true);
}

IMPL(cuDevicePrimaryCtxReset)(CUdevice dev)
{
	return primary_close(dev, true);
}

IMPL(cuDevicePrimaryCtxSetFlags_v2)(CUdevice dev, unsigned int flags)
{
	struct sim_device *device = sim_device_get(dev);

	if (!device)
		return CUDA_ERROR_INVALID_DEVICE;
	if (!flags_are_valid(flags))
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim_lock);
	device->primary_flags = flags;
	if (device->primary)
		device->primary->flags = flags;
	pthread_mutex_unlock(&sim_lock);
	return CUDA_SUCCESS;
}

/* The first version refused to change the flags of an active context. */
IMPL(cuDevicePrimaryCtxSetFlags)(CUdevice dev, unsigned int flags)
{
	struct sim_device *device = sim_device_get(dev);

	if (device && device->primary_refs > 0 && device->primary_flags != flags)
		return CUDA_ERROR_PRIMARY_CONTEXT_ACTIVE;
	return impl_cuDevicePrimaryCtxSetFlags_v2(dev, flags);
}

IMPL(cuDevicePrimaryCtxGetState)(CUdevice dev, unsigned int *flags, int *active)
{
	struct sim_device *device = sim_device_get(dev);

	if (!device)
		return CUDA_ERROR_INVALID_DEVICE;
	if (!flags || !active)
		return CUDA_ERROR_INVALID_VALUE;
	pthread_mutex_lock(&sim_lock);
	*flags = device->primary_flags;
	*active = device->primary_refs > 0;
	pthread_mutex_unlock(&sim_lock);
	return CUDA_SUCCESS;
}

/* --- the old attach and detach ------------------------------------------------------------------- */

IMPL(cuCtxAttach)(CUcontext *pctx, unsigned int flags)
{
	CUresult result;
	struct sim_context *context = sim_current(&result);

	if (!context)
		return result;
	if (!pctx || flags)
		return CUDA_ERROR_INVALID_VALUE;
	__atomic_add_fetch(&context->settings->attachments, 1, __ATOMIC_RELAXED);
	*pctx = (CUcontext)context;
	return CUDA_SUCCESS;
}

IMPL(cuCtxDetach)(CUcontext ctx)
{
	struct sim_context *context = sim_context_of(ctx);

	if (!ctx || !sim_context_is_valid(ctx) || context != sim_thread.current)
		return CUDA_ERROR_INVALID_CONTEXT;
	if (__atomic_sub_fetch(&context->settings->attachments, 1, __ATOMIC_RELAXED) >= 0)
		return CUDA_SUCCESS;
	return impl_cuCtxDestroy_v2(ctx);
}
