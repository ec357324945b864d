/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the simulated runtime finds the driver: as the real one does, by dlopen, one dlsym and
 * cuGetProcAddress for everything else.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/runtime_state.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "driver/driver_api.h"

#define PER_THREAD_DEFAULT_STREAM 2
#define DRIVER_VERSION_MIN 12000	/* first with libraries, which registered code needs */

struct runtime_driver runtime_driver;

static const struct {
	const char *base;
	int since;
	bool per_thread;
} rows[API_COUNT] = {
#define API(symbol, base, tier, since, per_thread, cbid, category, params, args) \
	{ #base, since, per_thread },
#include "driver/driver_api.def"
#undef API
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CUresult open_result = CUDA_ERROR_NOT_INITIALIZED;
static void (*call_begin)(uint32_t cbid, const char *name);
static void (*call_end)(uint32_t cbid, const char *name, int result);

static void resolve(CUresult (*get)(const char *, void **, int, cuuint64_t,
				    CUdriverProcAddressQueryResult *))
{
	CUdriverProcAddressQueryResult status;
	char *slot = (char *)&runtime_driver;
	void *pointer;

	for (int i = 0; i < API_COUNT; i++, slot += sizeof(pointer)) {
		pointer = NULL;
		if (rows[i].since <= RUNTIME_VERSION &&
		    get(rows[i].base, &pointer, rows[i].since,
			rows[i].per_thread ? PER_THREAD_DEFAULT_STREAM : 0, &status) == CUDA_SUCCESS)
			memcpy(slot, &pointer, sizeof(pointer));
	}
}

static void driver_open(void)
{
	void *handle = dlopen("libcuda.so.1", RTLD_NOW);
	int version = 0;
	CUresult (*get)(const char *, void **, int, cuuint64_t, CUdriverProcAddressQueryResult *);

	if (!handle) {
		open_result = (CUresult)cudaErrorInsufficientDriver;
		return;
	}
	get = (CUresult (*)(const char *, void **, int, cuuint64_t,
			    CUdriverProcAddressQueryResult *))dlsym(handle, "cuGetProcAddress_v2");
	if (!get) {
		open_result = (CUresult)cudaErrorInsufficientDriver;
		return;
	}
	resolve(get);
	/* Not part of a driver: only the simulated one has them. */
	call_begin = (void (*)(uint32_t, const char *))dlsym(handle, "simcuda_runtime_enter");
	call_end = (void (*)(uint32_t, const char *, int))dlsym(handle, "simcuda_runtime_leave");
	if (DRIVER(cuDriverGetVersion, &version) != CUDA_SUCCESS || version < DRIVER_VERSION_MIN)
		open_result = (CUresult)cudaErrorInsufficientDriver;
	else
		open_result = DRIVER(cuInit, 0);
}

CUresult runtime_driver_open(void)
{
	pthread_once(&once, driver_open);
	return open_result;
}

void runtime_call_begin(uint32_t cbid, const char *name)
{
	if (call_begin)
		call_begin(cbid, name);
}

void runtime_call_end(uint32_t cbid, const char *name, int result)
{
	if (call_end)
		call_end(cbid, name, result);
}
