/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sharing memory with handles of the older kind. A handle names an allocation of its own process;
 * memory of another process cannot be opened, and says so.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <string.h>
#include <unistd.h>

#include "simcuda/core.h"

struct content {
	uint64_t magic, address, bytes, id;
	int64_t process;
};

#define MAGIC 0x63706963756d6973ull

IMPL(cuIpcGetMemHandle)(CUipcMemHandle *pHandle, CUdeviceptr dptr)
{
	struct sim_allocation *allocation;
	struct content content;
	CUresult result;

	if (!sim_current(&result))
		return result;
	allocation = sim_memory_find((void *)(uintptr_t)dptr);
	if (!pHandle || !allocation || allocation->kind != SIM_DEVICE)
		return CUDA_ERROR_INVALID_VALUE;
	content = (struct content) { MAGIC, allocation->base, allocation->bytes, allocation->id,
				     getpid() };
	memset(pHandle, 0, sizeof(*pHandle));
	memcpy(pHandle, &content, sizeof(content));
	return CUDA_SUCCESS;
}

/* The driver, too, refuses a handle in the process that made it. */
IMPL(cuIpcOpenMemHandle_v2)(CUdeviceptr *pdptr, CUipcMemHandle handle, unsigned int Flags)
{
	struct content content;
	CUresult result;

	if (!sim_current(&result))
		return result;
	memcpy(&content, &handle, sizeof(content));
	if (!pdptr || Flags > 1 || content.magic != MAGIC)
		return CUDA_ERROR_INVALID_VALUE;
	return content.process == getpid() ? CUDA_ERROR_INVALID_CONTEXT : CUDA_ERROR_MAP_FAILED;
}

IMPL(cuIpcOpenMemHandle)(CUdeviceptr *pdptr, CUipcMemHandle handle, unsigned int Flags)
{
	return impl_cuIpcOpenMemHandle_v2(pdptr, handle, Flags);
}

/* Nothing was ever opened. */
IMPL(cuIpcCloseMemHandle)(CUdeviceptr dptr)
{
	CUresult result;

	(void)dptr;
	return sim_current(&result) ? CUDA_ERROR_INVALID_VALUE : result;
}
