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

#include "libprofile/record.h"
#include "libprofile/rules.h"

/* A program can only get here without a real function through a weak reference. */
#define CALL_REAL(symbol, args) \
	(likely(real.symbol != NULL) || (real_resolve() && real.symbol) ? \
		real.symbol args : CUDA_ERROR_NOT_FOUND)

#define WRAP(symbol, per_thread, params, args, action)				\
	SHIM_EXPORT CUresult symbol params;					\
	SHIM_EXPORT CUresult symbol params					\
	{									\
		struct call shim_call;						\
		CUresult shim_result;						\
										\
		if (!call_enter(&shim_call, API_##symbol, per_thread))		\
			return CALL_REAL(symbol, args);				\
		shim_result = CALL_REAL(symbol, args);				\
		if (call_returned(&shim_call, shim_result)) {			\
			action;							\
			call_leave(&shim_call);					\
		}								\
		return shim_result;						\
	}

#define WRAP_1(symbol, base, per_thread, params, args) \
	WRAP(symbol, per_thread, params, args, call_path(&shim_call); RECORD_##base args)
#define WRAP_2(symbol, base, per_thread, params, args) \
	WRAP(symbol, per_thread, params, args, record_counted(&shim_call))
#define WRAP_3(symbol, base, per_thread, params, args)

#define API(symbol, base, tier, since, per_thread, cbid, category, params, args) \
	WRAP_##tier(symbol, base, per_thread, params, args)
#include "driver/driver_api.def"
#undef API
