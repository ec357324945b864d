/* SPDX-License-Identifier: Apache-2.0 */
/* Launches of before CUDA 4: shape and arguments are set on the function, then it is launched. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/engine.h"

#include <stdlib.h>
#include <string.h>

#define ARGUMENTS_MAX 4096

/* What was set for one function; few programs use these calls, so a list is enough. */
struct legacy {
	struct legacy *next;
	CUfunction function;
	int block[3];
	unsigned shared, bytes;
	char arguments[ARGUMENTS_MAX];
};

static struct legacy *legacies;
static pthread_mutex_t legacy_lock = PTHREAD_MUTEX_INITIALIZER;

static struct legacy *legacy_of(CUfunction function)
{
	struct legacy *legacy;

	if (!sim_function_of(function))
		return NULL;
	pthread_mutex_lock(&legacy_lock);
	for (legacy = legacies; legacy && legacy->function != function; legacy = legacy->next)
		;
	if (!legacy) {
		legacy = calloc(1, sizeof(*legacy));
		if (legacy) {
			legacy->function = function;
			legacy->block[0] = legacy->block[1] = legacy->block[2] = 1;
			legacy->next = legacies;
			legacies = legacy;
		}
	}
	pthread_mutex_unlock(&legacy_lock);
	return legacy;
}

IMPL(cuFuncSetBlockShape)(CUfunction hfunc, int x, int y, int z)
{
	struct legacy *legacy = legacy_of(hfunc);

	if (!legacy)
		return CUDA_ERROR_INVALID_HANDLE;
	if (x < 1 || y < 1 || z < 1)
		return CUDA_ERROR_INVALID_VALUE;
	legacy->block[0] = x;
	legacy->block[1] = y;
	legacy->block[2] = z;
	return CUDA_SUCCESS;
}

IMPL(cuFuncSetSharedSize)(CUfunction hfunc, unsigned int bytes)
{
	struct legacy *legacy = legacy_of(hfunc);

	if (!legacy)
		return CUDA_ERROR_INVALID_HANDLE;
	legacy->shared = bytes;
	return CUDA_SUCCESS;
}

IMPL(cuParamSetSize)(CUfunction hfunc, unsigned int numbytes)
{
	struct legacy *legacy = legacy_of(hfunc);

	if (!legacy)
		return CUDA_ERROR_INVALID_HANDLE;
	if (numbytes > ARGUMENTS_MAX)
		return CUDA_ERROR_INVALID_VALUE;
	legacy->bytes = numbytes;
	return CUDA_SUCCESS;
}

static CUresult param_set(CUfunction function, int offset, const void *value, unsigned bytes)
{
	struct legacy *legacy = legacy_of(function);

	if (!legacy)
		return CUDA_ERROR_INVALID_HANDLE;
	if (offset < 0 || !value || bytes > ARGUMENTS_MAX ||
	    (unsigned)offset > ARGUMENTS_MAX - bytes)
		return CUDA_ERROR_INVALID_VALUE;
	memcpy(legacy->arguments + offset, value, bytes);
	return CUDA_SUCCESS;
}

IMPL(cuParamSetf)(CUfunction hfunc, int offset, float value)
{
	return param_set(hfunc, offset, &value, sizeof(value));
}

IMPL(cuParamSeti)(CUfunction hfunc, int offset, unsigned int value)
{
	return param_set(hfunc, offset, &value, sizeof(value));
}

IMPL(cuParamSetv)(CUfunction hfunc, int offset, void *ptr, unsigned int numbytes)
{
	return param_set(hfunc, offset, ptr, numbytes);
}

static CUresult legacy_launch(CUfunction function, int width, int height, CUstream stream)
{
	struct legacy *legacy = legacy_of(function);
	size_t bytes;
	void *extra[5];

	if (!legacy)
		return CUDA_ERROR_INVALID_HANDLE;
	if (width < 1 || height < 1)
		return CUDA_ERROR_INVALID_VALUE;
	bytes = legacy->bytes;
	extra[0] = (void *)1;		/* argument buffer */
	extra[1] = legacy->arguments;
	extra[2] = (void *)2;		/* its size */
	extra[3] = &bytes;
	extra[4] = NULL;
	return impl_cuLaunchKernel(function, (unsigned)width, (unsigned)height, 1,
				   (unsigned)legacy->block[0], (unsigned)legacy->block[1],
				   (unsigned)legacy->block[2], legacy->shared, stream, NULL, extra);
}

IMPL(cuLaunch)(CUfunction f)
{
	return legacy_launch(f, 1, 1, NULL);
}

IMPL(cuLaunchGrid)(CUfunction f, int grid_width, int grid_height)
{
	return legacy_launch(f, grid_width, grid_height, NULL);
}

IMPL(cuLaunchGridAsync)(CUfunction f, int grid_width, int grid_height, CUstream hStream)
{
	return legacy_launch(f, grid_width, grid_height, hStream);
}
