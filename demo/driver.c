/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the CUDA driver and resolves its entry points as a CUDA runtime does. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "demo/driver.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#define BUILT_FOR_CUDA 12080

struct driver cu;

const char *driver_error_name(CUresult result)
{
	const char *name = NULL;

	if (!cu.GetErrorName || cu.GetErrorName(result, &name) != CUDA_SUCCESS || !name)
		return "unknown error";
	return name;
}

void driver_check(CUresult result, const char *call)
{
	if (result == CUDA_SUCCESS)
		return;
	fprintf(stderr, "server: %s: %s (%d)\n", call, driver_error_name(result), (int)result);
	exit(EXIT_FAILURE);
}

static int driver_resolve(const char *base, void **pointer)
{
	CUdriverProcAddressQueryResult status = CU_GET_PROC_ADDRESS_SUCCESS;
	CUresult result = cu.GetProcAddress(base, pointer, BUILT_FOR_CUDA,
					    CU_GET_PROC_ADDRESS_DEFAULT, &status);

	if (result == CUDA_SUCCESS && *pointer)
		return 0;
	fprintf(stderr, "server: this driver has no %s for CUDA %d.%d\n", base,
		BUILT_FOR_CUDA / 1000, BUILT_FOR_CUDA % 1000 / 10);
	return -1;
}

int driver_open(void)
{
	void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);

	if (!library) {
		fprintf(stderr, "server: no CUDA driver: %s\n"
			"install one, or run on the simulated GPU: gputrail demo\n", dlerror());
		return -1;
	}
	*(void **)&cu.GetProcAddress = dlsym(library, "cuGetProcAddress_v2");
	if (!cu.GetProcAddress) {
		fprintf(stderr, "server: the CUDA driver is older than 12.0: %s\n", dlerror());
		return -1;
	}
#define CALL(name, symbol) \
	if (driver_resolve("cu" #name, (void **)&cu.name)) \
		return -1;
#include "demo/driver_calls.def"
#undef CALL
	return 0;
}
