/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the simulated runtime: what its files share. */
#ifndef GPUTRAIL_SIMCUDA_RUNTIME_STATE_H
#define GPUTRAIL_SIMCUDA_RUNTIME_STATE_H

#include "simcuda/runtime.h"

/* --- driver (runtime_driver.c) ------------------------------------------------------------------ */
/* One pointer per row of driver_api.def, NULL where the driver has no such function. */
struct runtime_driver {
#define API(symbol, base, tier, since, per_thread, cbid, category, params, args) \
	CUresult (*symbol) params;
#include "driver/driver_api.def"
#undef API
};
extern struct runtime_driver runtime_driver;
/* Calls a driver function that may be missing. */
#define DRIVER(symbol, ...)								\
	(runtime_driver.symbol ? runtime_driver.symbol(__VA_ARGS__) : CUDA_ERROR_NOT_SUPPORTED)
/* The same for a function with a per-thread twin; per_thread is a variable of the caller. */
#define DRIVER_STREAM(symbol, twin, ...)						\
	(per_thread ? DRIVER(twin, __VA_ARGS__) : DRIVER(symbol, __VA_ARGS__))

/* Finds the driver once per process. */
CUresult runtime_driver_open(void);
/* Tell the simulated driver about calls; nothing happens on another one. */
void runtime_call_begin(uint32_t cbid, const char *name);
void runtime_call_end(uint32_t cbid, const char *name, int result);

/* --- contexts (runtime_device.c) ------------------------------------------------------------------ */
/* Makes the device's primary context current unless a context is. */
CUresult runtime_context_ensure(void);

/* --- registered code (runtime_register.c) ----------------------------------------------------------- */
CUresult runtime_kernel_find(const void *function, CUkernel *kernel);
CUresult runtime_symbol_find(const void *symbol, CUdeviceptr *address, size_t *bytes);

/* --- implementations, one for a call and its twin ------------------------------------------------------ */
#define RUNTIME_WITH_FLAG(...) (bool per_thread, __VA_ARGS__)
#define CALL(name, cbid, version, context, params, args) CUresult impl_##name params;
#define UNTRACED(name, context, params, args) CUresult impl_##name params;
#define STREAM(name, twin, cbid, version, twin_cbid, twin_version, params, args) \
	CUresult impl_##name RUNTIME_WITH_FLAG params;
#include "simcuda/runtime_api.def"
#undef CALL
#undef UNTRACED
#undef STREAM

static inline CUdeviceptr runtime_address(const void *pointer)
{
	return (CUdeviceptr)(uintptr_t)pointer;
}

#endif
