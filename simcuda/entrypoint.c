/* SPDX-License-Identifier: Apache-2.0 */
/* cuGetProcAddress: the newest variant of an entry point that the caller's version may have. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <string.h>

#include "simcuda/core.h"

#define API(symbol, base, tier, since, per_thread, cbid, category, params, args) \
	SIM_EXPORT CUresult symbol params;
#include "driver/driver_api.def"
#undef API

struct entry_point {
	const char *base;
	int since;
	bool is_per_thread;
	void (*function)(void);
};

static const struct entry_point entry_points[] = {
#define API(symbol, base, tier, since, per_thread, cbid, category, params, args) \
	{ #base, since, per_thread, (void (*)(void))symbol },
#include "driver/driver_api.def"
#undef API
};

/* A newer variant wins; among twins of one version the per-thread one, which is a candidate only
 * where it was asked for. */
static bool is_better(const struct entry_point *candidate, const struct entry_point *best)
{
	if (!best)
		return true;
	if (candidate->since != best->since)
		return candidate->since > best->since;
	return candidate->is_per_thread;
}

static CUresult look_up(const char *symbol, void **pfn, int version, cuuint64_t flags,
			CUdriverProcAddressQueryResult *status)
{
	bool wants_per_thread = flags & CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM;
	const struct entry_point *best = NULL;
	bool is_known = false;
	int have;

	impl_cuDriverGetVersion(&have);
	if (!symbol || !pfn || version > have || version < 0 || flags > 2)
		return CUDA_ERROR_INVALID_VALUE;
	for (size_t i = 0; i < ARRAY_COUNT(entry_points); i++) {
		const struct entry_point *candidate = &entry_points[i];

		if (strcmp(candidate->base, symbol) != 0 || candidate->since > have ||
		    (candidate->is_per_thread && !wants_per_thread))
			continue;
		is_known = true;
		if (candidate->since <= version && is_better(candidate, best))
			best = candidate;
	}
	memset(pfn, 0, sizeof(*pfn));
	if (best)
		memcpy(pfn, &best->function, sizeof(*pfn));
	*status = best	   ? CU_GET_PROC_ADDRESS_SUCCESS :
		  is_known ? CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT :
			     CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
	return CUDA_SUCCESS;
}

IMPL(cuGetProcAddress)(const char *symbol, void **pfn, int cudaVersion, cuuint64_t flags)
{
	CUdriverProcAddressQueryResult status;

	return look_up(symbol, pfn, cudaVersion, flags, &status);
}

IMPL(cuGetProcAddress_v2)(const char *symbol, void **pfn, int cudaVersion, cuuint64_t flags,
			  CUdriverProcAddressQueryResult *symbolStatus)
{
	CUdriverProcAddressQueryResult status;
	CUresult result = look_up(symbol, pfn, cudaVersion, flags, &status);

	if (result == CUDA_SUCCESS && symbolStatus)
		*symbolStatus = status;
	return result;
}

/*
 * The private tables are not simulated, and above all not the one by which NVIDIA's runtime asks
 * the driver for a proof of authenticity: programs use the driver API or our own runtime.
 */
IMPL(cuGetExportTable)(const void **ppExportTable, const CUuuid *pExportTableId)
{
	if (!ppExportTable || !pExportTableId)
		return CUDA_ERROR_INVALID_VALUE;
	*ppExportTable = NULL;
	return CUDA_ERROR_NOT_FOUND;
}
