/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cuGetProcAddress: the driver answers, its answer is recognised by address. A driver could hand
 * out an internal address that it does not export; then, and only for addresses inside libcuda,
 * the name, version and flags decide, and the case is counted.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/getproc.h"

#include <string.h>

#define PER_THREAD_FLAG 2u
/* The CUDA version up to which driver_api.def has every variant. Asked for a later one, a driver
 * may answer with a variant of other parameters than any we know. */
#define TABLE_VERSION 13000

static CUresult (*original)(const char *, void **, int, cuuint64_t);
static CUresult (*original_v2)(const char *, void **, int, cuuint64_t,
			       CUdriverProcAddressQueryResult *);

static void replace(const char *symbol, void **pfn, int version, cuuint64_t flags)
{
	void *address = *pfn;
	int row = entry_of_address(address, symbol);

	if (row == ENTRY_NONE) {
		if (!object_address_in_cuda(address))
			return;
		row = entry_find_base(symbol, version, flags & PER_THREAD_FLAG);
		/* Pass-through rows need no wrapper, so nothing is missing there. */
		if (row == ENTRY_NONE || !entry_wrapper(row))
			return;
		process_count(WIRE_COUNTER_unknown_pointers, 1);
		/* The exported function stands in; without one there is nothing to call. */
		if (version > TABLE_VERSION || !real_has(row))
			return;
	}
	if (!entry_wrapper(row))
		return;
	*pfn = entry_wrapper(row);
	process_route(row, WIRE_COUNTER_route_getproc);
}

static CUresult ask(const char *symbol, void **pfn, int version, cuuint64_t flags)
{
	CUresult result = original(symbol, pfn, version, flags);

	if (result == CUDA_SUCCESS && pfn && *pfn && symbol)
		replace(symbol, pfn, version, flags);
	return result;
}

static CUresult ask_v2(const char *symbol, void **pfn, int version, cuuint64_t flags,
		       CUdriverProcAddressQueryResult *status)
{
	CUresult result = original_v2(symbol, pfn, version, flags, status);

	if (result == CUDA_SUCCESS && pfn && *pfn && symbol)
		replace(symbol, pfn, version, flags);
	return result;
}

/* The wrappers call through `real`, recorded or not; so the replacing is put there. */
void getproc_install(void)
{
	original = real.cuGetProcAddress;
	original_v2 = real.cuGetProcAddress_v2;
	if (original)
		real.cuGetProcAddress = ask;
	if (original_v2)
		real.cuGetProcAddress_v2 = ask_v2;
}
