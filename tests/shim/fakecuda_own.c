/* SPDX-License-Identifier: Apache-2.0 */
/* Entry points of the fake libcuda.so.1 that have to give something back. */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver/driver_api.h"
#include "driver/driver_types.h"

#define EXPORT __attribute__((visibility("default")))
#define FAKE(symbol, params) EXPORT CUresult symbol params; EXPORT CUresult symbol params

#define API(symbol, base, tier, since, per_thread, cbid, category, params, args) \
	CUresult symbol params;
#include "driver/driver_api.def"
#undef API

static const struct { const char *symbol, *base; void *address; int since; bool per_thread; } rows[] = {
#define API(symbol, base, tier, since, per_thread, cbid, category, params, args) \
	{ #symbol, #base, (void *)symbol, since, per_thread },
#include "driver/driver_api.def"
#undef API
};

/* FAKECUDA_FAIL=N: launches, allocations, event records and loads of files answer N. */
static int failure(void)
{
	static int result = -1;
	const char *text;

	if (result < 0) {
		text = getenv("FAKECUDA_FAIL");
		result = text ? atoi(text) : 0;
	}
	return result;
}

/* FAKECUDA_ALIEN=NAME or all: cuGetProcAddress hands out functions that are not exported. */
#define API(symbol, base, tier, since, per_thread, cbid, category, params, args)	\
	static CUresult alien_##symbol params						\
	{										\
		return symbol args;							\
	}
#include "driver/driver_api.def"
#undef API

static void *const aliens[] = {
#define API(symbol, base, tier, since, per_thread, cbid, category, params, args) \
	(void *)alien_##symbol,
#include "driver/driver_api.def"
#undef API
};

static void *find(const char *name, int version, bool per_thread)
{
	const char *alien = getenv("FAKECUDA_ALIEN");
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].base, name) || rows[i].since > version ||
		    (rows[i].per_thread && !per_thread))
			continue;
		if (best == SIZE_MAX || rows[i].since > rows[best].since ||
		    (rows[i].since == rows[best].since && rows[i].per_thread))
			best = i;
	}
	if (best == SIZE_MAX)
		return NULL;
	return alien && (!strcmp(alien, name) || !strcmp(alien, "all")) ? aliens[best] :
		rows[best].address;
}

FAKE(cuGetProcAddress, (const char *symbol, void **pfn, int version, cuuint64_t flags))
{
	*pfn = find(symbol, version, flags & 2);
	return *pfn ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}

FAKE(cuGetProcAddress_v2, (const char *symbol, void **pfn, int version, cuuint64_t flags,
			   CUdriverProcAddressQueryResult *status))
{
	*pfn = find(symbol, version, flags & 2);
	if (status)
		*status = *pfn ? CU_GET_PROC_ADDRESS_SUCCESS : CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
	return CUDA_SUCCESS;
}

FAKE(cuDriverGetVersion, (int *version))
{
	*version = 13000;
	return CUDA_SUCCESS;
}

/* One context for everybody, a device that exists, handles that count up. */
static char context_storage;

static void *handle(void)
{
	static uintptr_t last = 0x100000;

	return (void *)__atomic_add_fetch(&last, 0x100, __ATOMIC_RELAXED);
}

FAKE(cuCtxGetCurrent, (CUcontext *context))
{
	*context = (CUcontext)(void *)&context_storage;
	return CUDA_SUCCESS;
}

FAKE(cuDevicePrimaryCtxRetain, (CUcontext *context, CUdevice device))
{
	(void)device;
	return cuCtxGetCurrent(context);
}

FAKE(cuCtxGetDevice, (CUdevice *device))
{
	*device = 0;
	return CUDA_SUCCESS;
}

FAKE(cuDeviceGetAttribute, (int *value, CUdevice_attribute attribute, CUdevice device))
{
	(void)device;
	*value = (int)attribute;
	return CUDA_SUCCESS;
}

FAKE(cuDeviceGetName, (char *name, int bytes, CUdevice device))
{
	(void)device;
	strncpy(name, "Fake GPU", (size_t)bytes);
	return CUDA_SUCCESS;
}

FAKE(cuFuncGetAttribute, (int *value, CUfunction_attribute attribute, CUfunction function))
{
	(void)function;
	*value = 10 + (int)attribute;
	return CUDA_SUCCESS;
}

FAKE(cuFuncGetName, (const char **name, CUfunction function))
{
	(void)function;
	*name = "named_by_driver";
	return CUDA_SUCCESS;
}

FAKE(cuStreamIsCapturing, (CUstream stream, CUstreamCaptureStatus *status))
{
	*status = stream == (CUstream)(uintptr_t)0x77 ? CU_STREAM_CAPTURE_STATUS_ACTIVE :
		CU_STREAM_CAPTURE_STATUS_NONE;
	return CUDA_SUCCESS;
}

FAKE(cuModuleLoadData, (CUmodule *module, const void *image))
{
	(void)image;
	*module = handle();
	return CUDA_SUCCESS;
}

FAKE(cuModuleLoad, (CUmodule *module, const char *file))
{
	(void)file;
	*module = handle();
	return (CUresult)failure();
}

FAKE(cuModuleGetFunction, (CUfunction *function, CUmodule module, const char *name))
{
	(void)module;
	(void)name;
	/* FAKECUDA_REUSE=1: an unloaded function's address is the next one's. */
	*function = getenv("FAKECUDA_REUSE") ? (CUfunction)(uintptr_t)0x200000 : handle();
	return CUDA_SUCCESS;
}

FAKE(cuStreamCreate, (CUstream *stream, unsigned flags))
{
	(void)flags;
	*stream = handle();
	return CUDA_SUCCESS;
}

FAKE(cuMemAlloc_v2, (CUdeviceptr *pointer, size_t bytes))
{
	(void)bytes;
	*pointer = (CUdeviceptr)(uintptr_t)handle();
	return (CUresult)failure();
}

FAKE(cuMemAllocManaged, (CUdeviceptr *pointer, size_t bytes, unsigned flags))
{
	(void)flags;
	*pointer = 0x77000000 + bytes;
	return CUDA_SUCCESS;
}

FAKE(cuMemHostAlloc, (void **pointer, size_t bytes, unsigned flags))
{
	(void)flags;
	*pointer = malloc(bytes);
	return CUDA_SUCCESS;
}

FAKE(cuEventCreate, (CUevent *event, unsigned flags))
{
	(void)flags;
	*event = handle();
	return (CUresult)failure();
}

FAKE(cuCtxSetLimit, (CUlimit limit, size_t value))
{
	(void)limit;
	(void)value;
	return (CUresult)failure();
}

/* FAKECUDA_DIE=1: the process is killed while this call is going on. */
FAKE(cuCtxSynchronize, (void))
{
	if (getenv("FAKECUDA_DIE"))
		kill(getpid(), SIGKILL);
	return CUDA_SUCCESS;
}
