/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wrappers: one exported function per row of driver_api.def that is recorded (tier 1) or
 * counted (tier 2). Each calls its own variant of the real function with the caller's own
 * arguments and returns its result unchanged.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/shim.h"

#include "libprofile/events.h"
#include "libprofile/graph_parts.h"
#include "libprofile/record.h"
#include "libprofile/rules.h"

/* A program can only get here without a real function through a weak reference. */
#define CALL_REAL(symbol, args) \
	(likely(real.symbol != NULL) || (real_resolve() && real.symbol) ? \
		real.symbol args : CUDA_ERROR_NOT_FOUND)

/* While recording is stopped these categories still are: what they make and change, later records
 * name. The rest is passed through. */
static inline __attribute__((always_inline)) bool is_kept(const char *category)
{
	static const char *const kept[] = {
		"INIT", "CONTEXT", "PROFILER", "STREAM_LIFE", "CAPTURE", "MODULE", "LIBRARY",
		"FUNC_ATTR", "KERNEL_HANDLE", "GRAPH_INSTANTIATE", "GRAPH_EXEC_LIFE", "GRAPH_LIFE",
		"ALLOC", "ALLOC_ASYNC", "ALLOC_MANAGED", "FREE", "HOST_MEM", "MEMPOOL", "VMM", "IPC",
		"ARRAY_TEXTURE",
	};
	bool is = false;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		is |= !__builtin_strcmp(category, kept[i]);
	return is;
}

/* What some calls need done before the driver sees them: BEFORE_<base> is a comma and the code. */
#define BEFORE_cuLaunchKernel ~, events_begin(&shim_call, hStream, false)
#define BEFORE_cuLaunchKernelEx ~, events_begin(&shim_call, config ? config->hStream : NULL, false)
#define BEFORE_cuLaunchCooperativeKernel ~, events_begin(&shim_call, hStream, false)
#define BEFORE_cuGraphLaunch ~, events_begin(&shim_call, hStream, true)
#define BEFORE_cuCtxDestroy ~, events_context_ends(ctx)
#define BEFORE_cuDevicePrimaryCtxRelease ~, events_context_ends(NULL)
#define BEFORE_cuDevicePrimaryCtxReset ~, events_context_ends(NULL)
/* And what a counted call leaves to be known: AFTER_<base> in the same way. */
#define AFTER_cuGraphAddNode ~, graph_parts_added(shim_result, phGraphNode, nodeParams)
#define SECOND(first, second, ...) second
#define SECOND_OF(...) SECOND(__VA_ARGS__, ~)
#define BEFORE(base) SECOND_OF(BEFORE_##base, (void)0)
#define AFTER(base) SECOND_OF(AFTER_##base, (void)0)

#define WRAP(symbol, base, per_thread, is_state, params, args, action)	\
	SHIM_EXPORT CUresult symbol params;					\
	SHIM_EXPORT CUresult symbol params					\
	{									\
		struct call shim_call;						\
		CUresult shim_result;						\
										\
		if ((unlikely(process.is_paused) && !(is_state)) ||		\
		    !call_enter(&shim_call, API_##symbol, per_thread))		\
			return CALL_REAL(symbol, args);				\
		BEFORE(base);							\
		shim_result = CALL_REAL(symbol, args);				\
		if (call_returned(&shim_call, shim_result)) {			\
			events_end(&shim_call);					\
			action;							\
			call_leave(&shim_call);					\
		}								\
		return shim_result;						\
	}

#define WRAP_1(symbol, base, per_thread, category, params, args) \
	WRAP(symbol, base, per_thread, is_kept(category), params, args, \
	     call_path(&shim_call); RECORD_##base args)
#define WRAP_2(symbol, base, per_thread, category, params, args) \
	WRAP(symbol, base, per_thread, false, params, args, \
	     AFTER(base); record_counted(&shim_call))
#define WRAP_3(symbol, base, per_thread, category, params, args)

#define API(symbol, base, tier, since, per_thread, cbid, category, params, args) \
	WRAP_##tier(symbol, base, per_thread, #category, params, args)
#include "driver/driver_api.def"
#undef API
