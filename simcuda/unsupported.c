/* SPDX-License-Identifier: Apache-2.0 */
/* What an entry point that nobody simulates answers: weak, so that any IMPL() replaces it. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/sim.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"

#define API(symbol, base, tier, since, per_thread, cbid, category, params, args)	\
	__attribute__((weak)) CUresult impl_##symbol params				\
	{										\
		return CUDA_ERROR_NOT_SUPPORTED;					\
	}
#include "driver/driver_api.def"
#undef API
