/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what the simulated driver reads from each image named: its kernels with their parameters
 * and, with -r, their resources, its globals with their first bytes. With -d it loads every damaged
 * copy of the images instead. Serves core_images.sh.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/driver_calls.h"

static bool wants_resources;

static char *file_read(const char *path, size_t *bytes)
{
	FILE *file = fopen(path, "rb");
	char *data = NULL;
	long length;

	if (file && fseek(file, 0, SEEK_END) == 0 && (length = ftell(file)) >= 0) {
		rewind(file);
		data = calloc(1, (size_t)length + 64);
		*bytes = data ? fread(data, 1, (size_t)length, file) : 0;
	}
	if (file)
		fclose(file);
	return data;
}

static int attribute(CUfunction function, CUfunction_attribute which)
{
	int value = -1;

	cuFuncGetAttribute(&value, which, function);
	return value;
}

static void print_function(CUfunction function)
{
	const char *name = "?";
	size_t offset, bytes;

	cuFuncGetName(&name, function);
	printf("kernel %s", name);
	for (size_t i = 0; cuFuncGetParamInfo(function, i, &offset, &bytes) == CUDA_SUCCESS; i++)
		printf(" %zu:%zu", offset, bytes);
	printf(" threads %d shared %d cluster %d",
	       attribute(function, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK),
	       attribute(function, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES),
	       attribute(function, CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH));
	if (wants_resources)
		printf(" registers %d local %d", attribute(function, CU_FUNC_ATTRIBUTE_NUM_REGS),
		       attribute(function, CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES));
	putchar('\n');
}

static void print_globals(CUmodule module)
{
	static const char *const names[] = { "counter", "table", "weights", "everywhere", "hidden" };
	CUdeviceptr address;
	size_t bytes;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (cuModuleGetGlobal_v2(&address, &bytes, module, names[i]) == CUDA_SUCCESS)
			printf("global %s %zu %08x\n", names[i], bytes,
			       *(unsigned *)(uintptr_t)address);
}

static void print_module(CUmodule module)
{
	CUfunction functions[64];
	unsigned count = 0;

	cuModuleGetFunctionCount(&count, module);
	cuModuleEnumerateFunctions(functions, 64, module);
	for (unsigned i = 0; i < count && i < 64; i++)
		print_function(functions[i]);
	print_globals(module);
}

static void load(const void *image, bool is_quiet)
{
	CUmodule module;
	CUresult result = cuModuleLoadData(&module, image);

	if (result == CUDA_SUCCESS && !is_quiet)
		print_module(module);
	else if (!is_quiet)
		printf("error %d\n", result);
	if (result == CUDA_SUCCESS)
		cuModuleUnload(module);
}

/* Images come without a length: these bytes alone say how far they reach, and no driver can check
 * them. Of a cubin the places of its headers, of a fat binary its first header. */
static bool tells_length(const char *image, size_t at)
{
	return memcmp(image, "\177ELF", 4) == 0 ? at >= 32 && at < 64 : at < 16;
}

/* One byte changed here and there, more often near the beginning. */
static void load_damaged(char *image, size_t bytes)
{
	bool is_text = *image == '/' || *image == '.';
	unsigned seed = 12345;

	for (int i = 0; i < 4000; i++) {
		size_t at;
		char kept;

		seed = seed * 1664525 + 1013904223;
		at = (seed >> 4) % (i < 1000 && bytes > 512 ? 512 : bytes);
		if (!is_text && tells_length(image, at))
			continue;
		kept = image[at];
		image[at] = (char)(seed >> 24);
		load(image, true);
		image[at] = kept;
	}
}

int main(int argc, char **argv)
{
	CUcontext context;
	bool wants_damage = false;

	if (cuInit(0) || cuDevicePrimaryCtxRetain(&context, 0) || cuCtxSetCurrent(context))
		return 1;
	for (int i = 1; i < argc; i++) {
		size_t bytes = 0;
		char *image;

		if (strcmp(argv[i], "-r") == 0) {
			wants_resources = true;
			continue;
		}
		if (strcmp(argv[i], "-d") == 0) {
			wants_damage = true;
			continue;
		}
		image = file_read(argv[i], &bytes);
		if (!image) {
			fprintf(stderr, "cannot read %s\n", argv[i]);
			return 1;
		}
		if (wants_damage)
			load_damaged(image, bytes);
		else
			load(image, false);
		free(image);
	}
	return cuDevicePrimaryCtxRelease_v2(0) != CUDA_SUCCESS;
}
