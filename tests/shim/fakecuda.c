/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A libcuda.so.1 that does nothing and says that it succeeded: every entry point of
 * driver_api.def at no cost of its own. The benchmarks subtract it, and the shim's tests use it
 * where they need answers that no honest driver gives. What needs a body is in fakecuda_own.c.
 */
#include "driver/driver_api.h"
#include "driver/driver_types.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"

#define API(symbol, base, tier, since, per_thread, cbid, category, params, args)	\
	__attribute__((weak, visibility("default"))) CUresult symbol params;		\
	CUresult symbol params								\
	{										\
		return CUDA_SUCCESS;							\
	}
#include "driver/driver_api.def"
#undef API
