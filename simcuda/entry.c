/* SPDX-License-Identifier: Apache-2.0 */
/* The exported driver API: every row of driver_api.def, and the listener that watches it. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/core.h"

#include "driver/driver_api.h"

__thread struct sim_thread sim_thread __attribute__((tls_model("initial-exec")));

static _Atomic(const struct sim_listener *) listener;
static _Atomic uint32_t last_correlation;

/* Calls the real driver answers without cuInit. */
static const bool is_early[API_COUNT] = {
	[API_cuInit] = true,
	[API_cuDriverGetVersion] = true,
	[API_cuGetErrorName] = true,
	[API_cuGetErrorString] = true,
	[API_cuGetExportTable] = true,
	[API_cuGetProcAddress] = true,
	[API_cuGetProcAddress_v2] = true,
	[API_cuProfilerInitialize] = true,
	[API_cuCoredumpGetAttributeGlobal] = true,
	[API_cuCoredumpSetAttributeGlobal] = true,
};

SIM_EXPORT void simcuda_listen(const struct sim_listener *next)
{
	atomic_store(&listener, next);
}

static _Atomic uint64_t watched;

SIM_EXPORT void simcuda_watch(uint64_t bits)
{
	atomic_store(&watched, bits);
}

uint64_t sim_watched(void)
{
	return atomic_load_explicit(&watched, memory_order_relaxed);
}

uint32_t sim_correlation(void)
{
	return sim_thread.correlation;
}

void sim_report(const struct sim_activity *activity)
{
	const struct sim_listener *watching = atomic_load_explicit(&listener, memory_order_acquire);

	if (watching && watching->activity)
		watching->activity(watching->user, activity);
}

void sim_report_node(const struct sim_node_change *change)
{
	const struct sim_listener *watching = atomic_load_explicit(&listener, memory_order_acquire);

	if (watching && watching->node)
		watching->node(watching->user, change);
}

static inline void call_begin(void)
{
	if (sim_thread.depth++ == 0)
		sim_thread.correlation = 1 + atomic_fetch_add_explicit(&last_correlation, 1,
								       memory_order_relaxed);
}

static inline void call_end(void)
{
	sim_thread.depth--;
}

SIM_EXPORT uint32_t simcuda_correlation(void)
{
	return sim_thread.correlation;
}

static inline bool may_run(enum driver_api api)
{
	return atomic_load_explicit(&sim_is_ready, memory_order_acquire) || is_early[api];
}

static void tell_enter(const struct sim_listener *watching, uint32_t cbid, const char *name)
{
	if (watching->enter)
		watching->enter(watching->user, cbid, name, sim_thread.correlation,
				(CUcontext)sim_thread.current);
}

static void tell_leave(const struct sim_listener *watching, uint32_t cbid, const char *name,
		       CUresult result)
{
	if (watching->leave)
		watching->leave(watching->user, cbid, name, sim_thread.correlation,
				(CUcontext)sim_thread.current, result);
}

SIM_EXPORT void simcuda_runtime_enter(uint32_t cbid, const char *name)
{
	const struct sim_listener *watching = atomic_load_explicit(&listener, memory_order_acquire);

	call_begin();
	if (watching)
		tell_enter(watching, cbid | SIM_CBID_RUNTIME, name);
}

SIM_EXPORT void simcuda_runtime_leave(uint32_t cbid, const char *name, int result)
{
	const struct sim_listener *watching = atomic_load_explicit(&listener, memory_order_acquire);

	if (watching)
		tell_leave(watching, cbid | SIM_CBID_RUNTIME, name, (CUresult)result);
	call_end();
}

/* None of the names used here may be that of a parameter: "result" is one. */
#define API(symbol, base, tier, since, per_thread, cbid, category, params, args)		\
	SIM_EXPORT CUresult symbol params;							\
	SIM_EXPORT CUresult symbol params							\
	{											\
		const struct sim_listener *watching =						\
			atomic_load_explicit(&listener, memory_order_acquire);			\
		CUresult answer;								\
												\
		call_begin();									\
		if (__builtin_expect(watching != NULL, 0))					\
			tell_enter(watching, cbid, #symbol);					\
		answer = may_run(API_##symbol) ? impl_##symbol args : CUDA_ERROR_NOT_INITIALIZED; \
		if (__builtin_expect(watching != NULL, 0))					\
			tell_leave(watching, cbid, #symbol, answer);				\
		call_end();									\
		return answer;									\
	}
#include "driver/driver_api.def"
#undef API
