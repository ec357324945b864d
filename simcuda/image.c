/* SPDX-License-Identifier: Apache-2.0 */
/* Code images: tells the formats apart and holds what was read from them. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simcuda/core.h"

#define FATBIN_WRAPPER_MAGIC 0x466243b1u
#define FATBIN_CONTAINER_MAGIC 0xba55ed50u

/* Names are kept for the process's life: profilers read them after the module is gone. */
static void *names;
static pthread_mutex_t names_lock = PTHREAD_MUTEX_INITIALIZER;

static int compare_names(const void *left, const void *right)
{
	return strcmp(left, right);
}

const char *sim_name_intern(const char *text, size_t length)
{
	char *copy = strndup(text, length), *kept = NULL;
	void *node;

	if (!copy)
		return NULL;
	pthread_mutex_lock(&names_lock);
	node = tsearch(copy, &names, compare_names);
	if (node)
		kept = *(char **)node;
	pthread_mutex_unlock(&names_lock);
	if (kept != copy)
		free(copy);
	return kept;
}

/* Room for one more row at the end of *rows, which hold *count; NULL when out of memory. */
static void *add_row(void **rows, int *count, size_t row_bytes)
{
	char *grown = *rows;
	void *row;

	if ((*count & (*count - 1)) == 0) {	/* capacities are powers of two */
		grown = realloc(*rows, (*count ? 2 * (size_t)*count : 1) * row_bytes);
		if (!grown)
			return NULL;
		*rows = grown;
	}
	row = grown + (size_t)(*count)++ * row_bytes;
	memset(row, 0, row_bytes);
	return row;
}

struct sim_function *sim_image_add_function(struct sim_image *image, const char *name, size_t length)
{
	const char *kept = sim_name_intern(name, length);
	struct sim_function *function = NULL;

	if (kept)
		function = add_row((void **)&image->functions, &image->function_count,
				   sizeof(*function));
	if (function) {
		function->magic = SIM_MAGIC_FUNCTION;
		function->name = kept;
		function->max_threads = 1024;
		function->carveout = -1;
		function->max_barriers = 1;
	}
	return function;
}

struct sim_global *sim_image_add_global(struct sim_image *image, const char *name, size_t length)
{
	const char *kept = sim_name_intern(name, length);
	struct sim_global *global = NULL;

	if (kept)
		global = add_row((void **)&image->globals, &image->global_count, sizeof(*global));
	if (global)
		global->name = kept;
	return global;
}

struct sim_param *sim_function_add_param(struct sim_function *function)
{
	return add_row((void **)&function->params, &function->param_count,
		       sizeof(*function->params));
}

void sim_image_clear(struct sim_image *image)
{
	for (int i = 0; i < image->function_count; i++)
		free(image->functions[i].params);
	for (int i = 0; i < image->global_count; i++)
		free(image->globals[i].initial);
	free(image->functions);
	free(image->globals);
	*image = (struct sim_image) { 0 };
}

static CUresult read_any(const void *data, const struct sim_profile *profile,
			 struct sim_image *image)
{
	uint32_t magic;

	memcpy(&magic, data, sizeof(magic));
	if (magic == FATBIN_WRAPPER_MAGIC || magic == FATBIN_CONTAINER_MAGIC)
		return sim_image_read_fatbin(data, profile, image);
	if (memcmp(data, "\177ELF", 4) == 0) {
		size_t bytes = sim_image_elf_bytes(data);

		return bytes ? sim_image_read_elf(data, bytes, profile, image) :
			       CUDA_ERROR_INVALID_IMAGE;
	}
	return sim_image_read_ptx(data, strlen(data), profile, image);
}

CUresult sim_image_read(const void *data, const struct sim_profile *profile, struct sim_image *image)
{
	CUresult result;

	*image = (struct sim_image) { 0 };
	result = *(const char *)data ? read_any(data, profile, image) : CUDA_ERROR_INVALID_IMAGE;
	if (result != CUDA_SUCCESS)
		sim_image_clear(image);
	for (int i = 0; i < image->function_count; i++) {
		struct sim_function *function = &image->functions[i];

		function->max_dynamic_shared = profile->shared_per_block - function->static_shared;
		if (function->max_dynamic_shared < 0)
			function->max_dynamic_shared = 0;
	}
	return result;
}

CUresult sim_file_read(const char *path, void **data, size_t *bytes)
{
	FILE *file = fopen(path, "rb");
	char *content = NULL;
	long length = -1;

	if (!file)
		return errno == ENOENT ? CUDA_ERROR_FILE_NOT_FOUND : CUDA_ERROR_OPERATING_SYSTEM;
	if (fseek(file, 0, SEEK_END) == 0)
		length = ftell(file);
	if (length >= 0 && fseek(file, 0, SEEK_SET) == 0)
		content = calloc(1, (size_t)length + 4);
	if (!content || fread(content, 1, (size_t)length, file) != (size_t)length) {
		free(content);
		fclose(file);
		return length < 0 || content ? CUDA_ERROR_OPERATING_SYSTEM :
					       CUDA_ERROR_OUT_OF_MEMORY;
	}
	fclose(file);
	*data = content;
	*bytes = (size_t)length;
	return CUDA_SUCCESS;
}
