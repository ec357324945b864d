/* SPDX-License-Identifier: Apache-2.0 */
/* The CUDA driver as the demo server reaches it: opened at run time, resolved by name. */
#ifndef GPUTRAIL_DEMO_DRIVER_H
#define GPUTRAIL_DEMO_DRIVER_H

#include "driver/driver_types.h"

/* Prototypes, for their types only: nothing here is linked to the driver. */
#define API(symbol, base, tier, since, per_thread, cbid, category, params, args) \
	CUresult CUDAAPI symbol params;
#include "driver/driver_api.def"
#undef API

struct driver {
#define CALL(name, symbol) __typeof__(symbol) *name;
#include "demo/driver_calls.def"
#undef CALL
	__typeof__(cuGetProcAddress_v2) *GetProcAddress;
};
extern struct driver cu;

/* Opens libcuda.so.1 and fills cu. Returns 0, or -1 after saying what is missing. */
int driver_open(void);

/* Prints "server: CALL: ERROR" and ends the process with status 1 when result is an error. */
void driver_check(CUresult result, const char *call);
const char *driver_error_name(CUresult result);

#endif
