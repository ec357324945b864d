/* SPDX-License-Identifier: Apache-2.0 */
/* Names and texts of every CUresult. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/core.h"

static const struct {
	CUresult code;
	const char *name, *text;
} errors[] = {
#define ERROR(name, text) { name, #name, text },
#include "simcuda/errors.def"
#undef ERROR
};

IMPL(cuGetErrorName)(CUresult error, const char **pStr)
{
	if (!pStr)
		return CUDA_ERROR_INVALID_VALUE;
	for (size_t i = 0; i < ARRAY_COUNT(errors); i++)
		if (errors[i].code == error) {
			*pStr = errors[i].name;
			return CUDA_SUCCESS;
		}
	*pStr = NULL;
	return CUDA_ERROR_INVALID_VALUE;
}

IMPL(cuGetErrorString)(CUresult error, const char **pStr)
{
	if (!pStr)
		return CUDA_ERROR_INVALID_VALUE;
	for (size_t i = 0; i < ARRAY_COUNT(errors); i++)
		if (errors[i].code == error) {
			*pStr = errors[i].text;
			return CUDA_SUCCESS;
		}
	*pStr = NULL;
	return CUDA_ERROR_INVALID_VALUE;
}
