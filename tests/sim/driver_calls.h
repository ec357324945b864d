/* SPDX-License-Identifier: Apache-2.0 */
/* The driver API's prototypes for tests that are linked to the simulated libcuda.so.1. */
#ifndef GPUTRAIL_TESTS_SIM_DRIVER_CALLS_H
#define GPUTRAIL_TESTS_SIM_DRIVER_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "driver/driver_types.h"

#define API(symbol, base, tier, since, per_thread, cbid, category, params, args) \
	CUresult symbol params;
#include "driver/driver_api.def"
#undef API

#define MIB ((size_t)1 << 20)

#endif
