/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The linker: takes PTX, cubins and fat binaries, takes the time, and gives back an image that
 * cuModuleLoadData reads. Nothing is compiled: the output is the one input, or all of the PTX.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stdlib.h>
#include <string.h>

#include "simcuda/core.h"

#define COMPILE_NS_PER_KB 400000
#define LINK_COST_NS 500000

struct linker {
	char *output;
	size_t bytes;
	CUjitInputType type;
	bool has_input, is_complete;
	struct linker *next;
};

static pthread_mutex_t link_lock = PTHREAD_MUTEX_INITIALIZER;
static struct linker *linkers;

static struct linker *linker_of(CUlinkState state)
{
	struct linker *linker;

	pthread_mutex_lock(&link_lock);
	for (linker = linkers; linker && linker != (struct linker *)state; linker = linker->next)
		;
	pthread_mutex_unlock(&link_lock);
	return linker;
}

IMPL(cuLinkCreate_v2)(unsigned int numOptions, CUjit_option *options, void **optionValues,
		      CUlinkState *stateOut)
{
	struct linker *linker;
	CUresult result;

	if (!sim_current(&result))
		return result;
	if (!stateOut || (numOptions && (!options || !optionValues)))
		return CUDA_ERROR_INVALID_VALUE;
	linker = calloc(1, sizeof(*linker));
	if (!linker)
		return CUDA_ERROR_OUT_OF_MEMORY;
	pthread_mutex_lock(&link_lock);
	linker->next = linkers;
	linkers = linker;
	pthread_mutex_unlock(&link_lock);
	*stateOut = (CUlinkState)linker;
	return CUDA_SUCCESS;
}

IMPL(cuLinkCreate)(unsigned int numOptions, CUjit_option *options, void **optionValues,
		   CUlinkState *stateOut)
{
	return impl_cuLinkCreate_v2(numOptions, options, optionValues, stateOut);
}

/* Takes the data, which it now owns and which ends in zeros. */
static CUresult add_input(struct linker *linker, CUjitInputType type, char *data, size_t bytes)
{
	char *joined;

	if (!linker->has_input) {
		*linker = (struct linker) { data, bytes, type, true, false, linker->next };
		return CUDA_SUCCESS;
	}
	/* Several inputs can be joined only as text. */
	if (type != CU_JIT_INPUT_PTX || linker->type != CU_JIT_INPUT_PTX) {
		free(data);
		return CUDA_ERROR_NOT_SUPPORTED;
	}
	joined = realloc(linker->output, linker->bytes + bytes + 2);
	if (!joined) {
		free(data);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	joined[linker->bytes] = '\n';
	memcpy(joined + linker->bytes + 1, data, bytes);
	linker->bytes += bytes + 1;
	joined[linker->bytes] = 0;
	linker->output = joined;
	free(data);
	return CUDA_SUCCESS;
}

/* Reads the input once, so that a broken one is refused where the real linker does. */
static CUresult check_input(const void *data)
{
	struct sim_image image;
	CUresult result = sim_image_read(data, sim_devices[0].profile, &image);

	sim_image_clear(&image);
	return result;
}

static CUresult add_data(struct linker *linker, CUjitInputType type, const void *data, size_t bytes)
{
	char *copy;
	CUresult result;

	if (type > CU_JIT_INPUT_FATBINARY)	/* objects and libraries need a real linker */
		return type < CU_JIT_NUM_INPUT_TYPES ? CUDA_ERROR_NOT_SUPPORTED :
						       CUDA_ERROR_INVALID_VALUE;
	copy = calloc(1, bytes + 4);
	if (!copy)
		return CUDA_ERROR_OUT_OF_MEMORY;
	memcpy(copy, data, bytes);
	if (type == CU_JIT_INPUT_PTX)
		bytes = strlen(copy);
	result = check_input(copy);
	if (result != CUDA_SUCCESS) {
		free(copy);
		return result == CUDA_ERROR_INVALID_IMAGE && type == CU_JIT_INPUT_PTX ?
			       CUDA_ERROR_INVALID_PTX : result;
	}
	if (type == CU_JIT_INPUT_PTX)
		sim_host_cost("compile", bytes * COMPILE_NS_PER_KB / 1024);
	return add_input(linker, type, copy, bytes);
}

IMPL(cuLinkAddData_v2)(CUlinkState state, CUjitInputType type, void *data, size_t size,
		       const char *name, unsigned int numOptions, CUjit_option *options,
		       void **optionValues)
{
	struct linker *linker = linker_of(state);

	(void)name;
	if (!linker || linker->is_complete)
		return CUDA_ERROR_INVALID_HANDLE;
	if (!data || size < 4 || (numOptions && (!options || !optionValues)))
		return CUDA_ERROR_INVALID_VALUE;
	return add_data(linker, type, data, size);
}

IMPL(cuLinkAddData)(CUlinkState state, CUjitInputType type, void *data, size_t size, const char *name,
		    unsigned int numOptions, CUjit_option *options, void **optionValues)
{
	return impl_cuLinkAddData_v2(state, type, data, size, name, numOptions, options,
				     optionValues);
}

IMPL(cuLinkAddFile_v2)(CUlinkState state, CUjitInputType type, const char *path,
		       unsigned int numOptions, CUjit_option *options, void **optionValues)
{
	struct linker *linker = linker_of(state);
	CUresult result;
	size_t bytes;
	void *data;

	if (!linker || linker->is_complete)
		return CUDA_ERROR_INVALID_HANDLE;
	if (!path || (numOptions && (!options || !optionValues)))
		return CUDA_ERROR_INVALID_VALUE;
	result = sim_file_read(path, &data, &bytes);
	if (result != CUDA_SUCCESS)
		return result;
	result = bytes >= 4 ? add_data(linker, type, data, bytes) : CUDA_ERROR_INVALID_IMAGE;
	free(data);
	return result;
}

IMPL(cuLinkAddFile)(CUlinkState state, CUjitInputType type, const char *path, unsigned int numOptions,
		    CUjit_option *options, void **optionValues)
{
	return impl_cuLinkAddFile_v2(state, type, path, numOptions, options, optionValues);
}

IMPL(cuLinkComplete)(CUlinkState state, void **cubinOut, size_t *sizeOut)
{
	struct linker *linker = linker_of(state);

	if (!linker)
		return CUDA_ERROR_INVALID_HANDLE;
	if (!cubinOut || !linker->has_input)
		return CUDA_ERROR_INVALID_VALUE;
	sim_host_cost("link", LINK_COST_NS);
	linker->is_complete = true;
	*cubinOut = linker->output;
	if (sizeOut)
		*sizeOut = linker->bytes;
	return CUDA_SUCCESS;
}

IMPL(cuLinkDestroy)(CUlinkState state)
{
	struct linker **link, *linker;

	pthread_mutex_lock(&link_lock);
	for (link = &linkers; *link && *link != (struct linker *)state; link = &(*link)->next)
		;
	linker = *link;
	if (linker)
		*link = linker->next;
	pthread_mutex_unlock(&link_lock);
	if (!linker)
		return CUDA_ERROR_INVALID_HANDLE;
	free(linker->output);
	free(linker);
	return CUDA_SUCCESS;
}
