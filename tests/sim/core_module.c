/* SPDX-License-Identifier: Apache-2.0 */
/* Modules and libraries from PTX text: parameters, limits, globals, damage, and exhaustion. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "sim/driver_calls.h"

static const char text[] =
	"// comment .entry not_me()\n"
	".version 8.4\n"
	".target sm_80\n"
	".address_size 64\n"
	"/* .global .u32 nor_me; */\n"
	".visible .global .align 4 .u32 counter = 42;\n"
	".global .align 2 .b8 bytes[6] = {1, 2, 3, 255};\n"
	".const .align 8 .f64 factor = 0d3FF0000000000000;\n"
	".global .align 4 .s32 negative = -7;\n"
	".global .align 16 .b8 big[1000000];\n"
	".global .attribute(.managed) .align 4 .u32 everywhere = 3;\n"
	".extern .shared .align 16 .b8 dynamic[];\n"
	".shared .align 4 .b8 tile[400];\n"
	".func (.param .b32 r) helper(.param .b32 a) { .reg .b32 %r<500>; ret; }\n"
	".visible .entry mixed(\n"
	"	.param .u8 mixed_0,\n"
	"	.param .align 4 .b8 mixed_1[32],\n"
	"	.param .u16 mixed_2,\n"
	"	.param .u64 .ptr .global .align 16 mixed_3,\n"
	"	.param .align 16 .v4 .f32 mixed_4\n"
	")\n"
	".maxntid 128, 2, 1\n"
	".minnctapersm 2\n"
	"{\n"
	"	.reg .pred %p<3>;\n"
	"	.reg .b32 %r<24>;\n"
	"	.reg .b64 %rd<12>;\n"
	"	.local .align 8 .b8 depot[48];\n"
	"	.shared .align 8 .b8 own[100];\n"
	"	mov.u32 %r1, tile;\n"
	"	@%p1 bra $L;\n"
	"	{ .reg .f32 %f<4>; }\n"
	"$L:	ret;\n"
	"}\n"
	".entry empty() { ret; }\n"
	".weak .entry clustered(.param .b64 a) .reqnctapercluster 4, 2 { ret; }\n";

static CUcontext context;

static int start(void **state)
{
	CUresult result = cuInit(0);

	(void)state;
	if (result == CUDA_SUCCESS)
		result = cuDevicePrimaryCtxRetain(&context, 0);
	if (result == CUDA_SUCCESS)
		result = cuCtxSetCurrent(context);
	return result == CUDA_SUCCESS ? 0 : -1;
}

static size_t used_bytes(void)
{
	size_t free, total;

	assert_int_equal(cuMemGetInfo_v2(&free, &total), CUDA_SUCCESS);
	return total - free;
}

static int check_nothing_leaks(void **state)
{
	(void)state;
	return used_bytes() == 0 ? 0 : -1;
}

static int attribute(CUfunction function, CUfunction_attribute which)
{
	int value;

	assert_int_equal(cuFuncGetAttribute(&value, which, function), CUDA_SUCCESS);
	return value;
}

static void test_functions(void **unused)
{
	static const size_t wanted[][2] = { { 0, 1 }, { 4, 32 }, { 36, 2 }, { 40, 8 }, { 48, 16 } };
	CUfunction function, functions[3];
	size_t offset, bytes;
	const char *name;
	unsigned count;
	CUmodule module, owner;

	(void)unused;
	assert_int_equal(cuModuleLoadData(&module, text), CUDA_SUCCESS);
	assert_int_equal(cuModuleGetFunctionCount(&count, module), CUDA_SUCCESS);
	assert_int_equal(count, 3);
	assert_int_equal(cuModuleEnumerateFunctions(functions, 3, module), CUDA_SUCCESS);
	assert_int_equal(cuModuleGetFunction(&function, module, "mixed"), CUDA_SUCCESS);
	assert_ptr_equal(function, functions[0]);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(cuFuncGetParamInfo(function, i, &offset, &bytes), CUDA_SUCCESS);
		assert_int_equal(offset, wanted[i][0]);
		assert_int_equal(bytes, wanted[i][1]);
	}
	assert_int_equal(cuFuncGetParamInfo(function, 5, &offset, &bytes), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(attribute(function, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK), 256);
	assert_int_equal(attribute(function, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES), 500);
	assert_int_equal(attribute(function, CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES), 48);
	assert_in_range(attribute(function, CU_FUNC_ATTRIBUTE_NUM_REGS), 8, 128);
	assert_int_equal(attribute(function, CU_FUNC_ATTRIBUTE_PTX_VERSION), 84);
	assert_int_equal(attribute(function, CU_FUNC_ATTRIBUTE_BINARY_VERSION), 90);
	assert_int_equal(cuFuncGetName(&name, function), CUDA_SUCCESS);
	assert_string_equal(name, "mixed");
	assert_int_equal(cuFuncGetModule(&owner, function), CUDA_SUCCESS);
	assert_ptr_equal(owner, module);
	assert_int_equal(cuModuleGetFunction(&function, module, "empty"), CUDA_SUCCESS);
	assert_int_equal(cuFuncGetParamInfo(function, 0, &offset, &bytes), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(attribute(function, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES), 0);
	assert_int_equal(cuModuleGetFunction(&function, module, "clustered"), CUDA_SUCCESS);
	assert_int_equal(attribute(function, CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_WIDTH), 4);
	assert_int_equal(attribute(function, CU_FUNC_ATTRIBUTE_REQUIRED_CLUSTER_DEPTH), 1);
	assert_int_equal(cuModuleGetFunction(&function, module, "not_me"), CUDA_ERROR_NOT_FOUND);
	assert_int_equal(cuModuleUnload(module), CUDA_SUCCESS);
	assert_int_equal(cuModuleUnload(module), CUDA_ERROR_INVALID_HANDLE);
	assert_int_equal(cuFuncGetName(&name, functions[0]), CUDA_ERROR_INVALID_HANDLE);
}

static void test_opt_in(void **unused)
{
	CUfunction function;
	CUmodule module;
	int blocks;

	(void)unused;
	assert_int_equal(cuModuleLoadData(&module, text), CUDA_SUCCESS);
	assert_int_equal(cuModuleGetFunction(&function, module, "empty"), CUDA_SUCCESS);
	assert_int_equal(attribute(function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES), 49152);
	assert_int_equal(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, 256, 100000),
			 CUDA_SUCCESS);
	assert_int_equal(blocks, 0);
	assert_int_equal(cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
					    232449), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
					    232448), CUDA_SUCCESS);
	assert_int_equal(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, 256, 100000),
			 CUDA_SUCCESS);
	assert_int_equal(blocks, 2);
	assert_int_equal(cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_NUM_REGS, 3),
			 CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuModuleUnload(module), CUDA_SUCCESS);
}

static void test_block_size(void **unused)
{
	CUfunction function;
	CUmodule module;
	int grid, block, blocks;
	size_t dynamic;

	(void)unused;
	assert_int_equal(cuModuleLoadData(&module, text), CUDA_SUCCESS);
	assert_int_equal(cuModuleGetFunction(&function, module, "empty"), CUDA_SUCCESS);
	assert_int_equal(cuOccupancyMaxPotentialBlockSize(&grid, &block, function, NULL, 0, 0),
			 CUDA_SUCCESS);
	assert_int_equal(block, 1024);
	assert_int_equal(grid, 2 * 132);
	assert_int_equal(cuOccupancyMaxPotentialBlockSize(&grid, &block, function, NULL, 40000, 100),
			 CUDA_SUCCESS);
	assert_int_equal(block, 100);
	assert_int_equal(cuOccupancyAvailableDynamicSMemPerBlock(&dynamic, function, 8, 256),
			 CUDA_SUCCESS);
	assert_int_equal(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, 256, dynamic),
			 CUDA_SUCCESS);
	assert_int_equal(blocks, 8);
	assert_int_equal(cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, 256,
								     dynamic + 1), CUDA_SUCCESS);
	assert_int_equal(blocks, 7);
	assert_int_equal(cuModuleUnload(module), CUDA_SUCCESS);
}

static void test_globals(void **unused)
{
	CUdeviceptr address;
	CUmodule module;
	unsigned managed;
	size_t bytes;

	(void)unused;
	assert_int_equal(cuModuleLoadData(&module, text), CUDA_SUCCESS);
	assert_true(used_bytes() > 1000000);
	assert_int_equal(cuModuleGetGlobal_v2(&address, &bytes, module, "counter"), CUDA_SUCCESS);
	assert_int_equal(bytes, 4);
	assert_int_equal(*(int *)(uintptr_t)address, 42);
	assert_int_equal(cuModuleGetGlobal_v2(&address, &bytes, module, "bytes"), CUDA_SUCCESS);
	assert_int_equal(bytes, 6);
	assert_memory_equal((void *)(uintptr_t)address, "\1\2\3\377\0\0", 6);
	assert_int_equal(cuModuleGetGlobal_v2(&address, &bytes, module, "factor"), CUDA_SUCCESS);
	assert_true(*(double *)(uintptr_t)address == 1.0);
	assert_int_equal(cuModuleGetGlobal_v2(&address, NULL, module, "negative"), CUDA_SUCCESS);
	assert_int_equal(*(int *)(uintptr_t)address, -7);
	assert_int_equal(cuModuleGetGlobal_v2(&address, NULL, module, "everywhere"), CUDA_SUCCESS);
	assert_int_equal(cuPointerGetAttribute(&managed, CU_POINTER_ATTRIBUTE_IS_MANAGED, address),
			 CUDA_SUCCESS);
	assert_int_equal(managed, 1);
	assert_int_equal(cuMemFree_v2(address + 1), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuModuleGetGlobal_v2(&address, NULL, module, "tile"), CUDA_ERROR_NOT_FOUND);
	assert_int_equal(cuModuleGetGlobal_v2(&address, NULL, module, "nor_me"), CUDA_ERROR_NOT_FOUND);
	assert_int_equal(cuModuleUnload(module), CUDA_SUCCESS);
}

static void test_library(void **unused)
{
	CUfunction in_first, in_second;
	CUkernel kernel, kernels[3];
	CUcontext other, popped;
	CUlibrary library;
	const char *name;
	unsigned count;
	int value;
	CUmodule module;

	(void)unused;
	assert_int_equal(cuLibraryLoadData(&library, text, NULL, NULL, 0, NULL, NULL, 0), CUDA_SUCCESS);
	assert_int_equal(used_bytes(), 0);	/* nothing is loaded before it is needed */
	assert_int_equal(cuLibraryGetKernelCount(&count, library), CUDA_SUCCESS);
	assert_int_equal(count, 3);
	assert_int_equal(cuLibraryEnumerateKernels(kernels, 3, library), CUDA_SUCCESS);
	assert_int_equal(cuLibraryGetKernel(&kernel, library, "empty"), CUDA_SUCCESS);
	assert_ptr_equal(kernel, kernels[1]);
	assert_int_equal(cuKernelGetName(&name, kernel), CUDA_SUCCESS);
	assert_string_equal(name, "empty");
	assert_int_equal(cuKernelSetAttribute(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 70000,
					      kernel, 0), CUDA_SUCCESS);
	assert_int_equal(cuKernelGetFunction(&in_first, kernel), CUDA_SUCCESS);
	assert_int_equal(attribute(in_first, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES), 70000);
	assert_int_equal(cuKernelSetAttribute(CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 80000,
					      kernel, 0), CUDA_SUCCESS);
	assert_int_equal(attribute(in_first, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES), 80000);
	assert_int_equal(cuKernelGetAttribute(&value, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
					      kernel, 0), CUDA_SUCCESS);
	assert_int_equal(value, 80000);

	/* A kernel serves as a function, each context with its own. */
	assert_int_equal(attribute((CUfunction)kernel, CU_FUNC_ATTRIBUTE_BINARY_VERSION), 90);
	assert_int_equal(cuCtxCreate_v2(&other, 0, 0), CUDA_SUCCESS);
	assert_int_equal(cuKernelGetFunction(&in_second, kernel), CUDA_SUCCESS);
	assert_ptr_not_equal(in_first, in_second);
	assert_int_equal(cuCtxPopCurrent_v2(&popped), CUDA_SUCCESS);
	assert_int_equal(cuCtxDestroy_v2(other), CUDA_SUCCESS);
	assert_int_equal(cuLibraryGetModule(&module, library), CUDA_SUCCESS);
	assert_int_equal(cuModuleUnload(module), CUDA_ERROR_INVALID_HANDLE);
	assert_int_equal(cuLibraryUnload(library), CUDA_SUCCESS);
	assert_int_equal(cuLibraryUnload(library), CUDA_ERROR_INVALID_HANDLE);
	assert_int_equal(cuKernelGetName(&name, kernel), CUDA_ERROR_INVALID_HANDLE);
	assert_int_equal(cuFuncGetName(&name, (CUfunction)kernel), CUDA_ERROR_INVALID_HANDLE);
}

static void test_linker(void **unused)
{
	char other[] = ".version 8.0\n.target sm_80\n.entry second() { ret; }\n";
	CUlinkState state;
	CUfunction function;
	CUmodule module;
	size_t bytes;
	void *image;

	(void)unused;
	assert_int_equal(cuLinkCreate_v2(0, NULL, NULL, &state), CUDA_SUCCESS);
	assert_int_equal(cuLinkAddData_v2(state, CU_JIT_INPUT_PTX, (void *)(uintptr_t)text,
					  sizeof(text), "a", 0, NULL, NULL), CUDA_SUCCESS);
	assert_int_equal(cuLinkAddData_v2(state, CU_JIT_INPUT_PTX, other, sizeof(other), "b", 0, NULL,
					  NULL), CUDA_SUCCESS);
	assert_int_equal(cuLinkAddData_v2(state, CU_JIT_INPUT_PTX, (void *)(uintptr_t) ".oops", 6, "c",
					  0, NULL, NULL), CUDA_ERROR_INVALID_PTX);
	assert_int_equal(cuLinkComplete(state, &image, &bytes), CUDA_SUCCESS);
	assert_int_equal(cuModuleLoadData(&module, image), CUDA_SUCCESS);
	assert_int_equal(cuModuleGetFunction(&function, module, "mixed"), CUDA_SUCCESS);
	assert_int_equal(cuModuleGetFunction(&function, module, "second"), CUDA_SUCCESS);
	assert_int_equal(cuModuleUnload(module), CUDA_SUCCESS);
	assert_int_equal(cuLinkDestroy(state), CUDA_SUCCESS);
	assert_int_equal(cuLinkDestroy(state), CUDA_ERROR_INVALID_HANDLE);
}

/* --- a fat binary packed with LZ4, made by hand ----------------------------------------------------- */

static size_t put_length(unsigned char *out, size_t at, size_t rest)
{
	for (; rest >= 255; rest -= 255)
		out[at++] = 255;
	out[at++] = (unsigned char)rest;
	return at;
}

/* One sequence: literals, and a match unless it is the last. */
static size_t put_sequence(unsigned char *out, size_t at, const char *literals, size_t count,
			   size_t distance, size_t match)
{
	size_t code = match ? match - 4 : 0;

	out[at++] = (unsigned char)((count < 15 ? count : 15) << 4 | (code < 15 ? code : 15));
	if (count >= 15)
		at = put_length(out, at, count - 15);
	memcpy(out + at, literals, count);
	at += count;
	if (!match)
		return at;
	out[at++] = (unsigned char)distance;
	out[at++] = (unsigned char)(distance >> 8);
	return code >= 15 ? put_length(out, at, code - 15) : at;
}

static size_t pack(const char *in, size_t bytes, unsigned char *out)
{
	size_t at = 0, start = 0;

	for (size_t here = 1; here < bytes;) {
		size_t best = 0, distance = 0;

		for (size_t back = 1; back <= here; back++) {
			size_t match = 0;

			while (here + match < bytes && in[here + match] == in[here + match - back])
				match++;
			if (match > best) {
				best = match;
				distance = back;
			}
		}
		if (best < 4 || here + best >= bytes - 5) {
			here++;
			continue;
		}
		at = put_sequence(out, at, in + start, here - start, distance, best);
		here += best;
		start = here;
	}
	return put_sequence(out, at, in + start, bytes - start, 0, 0);
}

static void put32(unsigned char *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void test_packed(void **unused)
{
	static _Alignas(8) unsigned char image[16 + 64 + 2 * sizeof(text) + 700];
	char padded[sizeof(text) + 600];
	unsigned char *entry = image + 16;
	CUfunction function;
	CUmodule module;
	size_t packed, bytes = sizeof(padded);

	(void)unused;
	memset(padded, ' ', sizeof(padded));	/* a match that overlaps itself */
	memcpy(padded + sizeof(padded) - sizeof(text), text, sizeof(text));
	packed = pack(padded, bytes, entry + 64);
	assert_true(packed < sizeof(text));
	put32(image, 0xba55ed50);
	put32(image + 4, 1 | 16 << 16);
	put32(image + 8, (uint32_t)(64 + packed));
	put32(entry, 1);			/* PTX */
	put32(entry + 4, 64);
	put32(entry + 8, (uint32_t)packed);
	put32(entry + 16, (uint32_t)packed);
	put32(entry + 28, 80);
	put32(entry + 40, 0x2000);
	put32(entry + 56, (uint32_t)bytes);
	assert_int_equal(cuModuleLoadData(&module, image), CUDA_SUCCESS);
	assert_int_equal(cuModuleGetFunction(&function, module, "mixed"), CUDA_SUCCESS);
	assert_int_equal(attribute(function, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES), 500);
	assert_int_equal(cuModuleUnload(module), CUDA_SUCCESS);
	put32(entry + 56, (uint32_t)bytes - 1);
	assert_int_equal(cuModuleLoadData(&module, image), CUDA_ERROR_INVALID_IMAGE);
	for (size_t i = 0; i < packed; i++) {
		entry[64 + i] ^= 0x55;
		if (cuModuleLoadData(&module, image) == CUDA_SUCCESS)
			assert_int_equal(cuModuleUnload(module), CUDA_SUCCESS);
		entry[64 + i] ^= 0x55;
	}
}

/* A text cut anywhere, or with one byte changed, is refused or read: never a crash, no leak. */
static void test_damage(void **unused)
{
	char copy[sizeof(text)];
	CUmodule module;
	unsigned loaded = 0;

	(void)unused;
	for (size_t length = 0; length < sizeof(text); length++) {
		memcpy(copy, text, length);
		copy[length] = 0;
		if (cuModuleLoadData(&module, copy) == CUDA_SUCCESS)
			assert_int_equal(cuModuleUnload(module), CUDA_SUCCESS);
	}
	for (size_t at = 0; at < sizeof(text) - 1; at++) {
		memcpy(copy, text, sizeof(text));
		copy[at] = (char)("{}()[];,.\"9 "[at % 12]);
		if (cuModuleLoadData(&module, copy) == CUDA_SUCCESS) {
			loaded++;
			assert_int_equal(cuModuleUnload(module), CUDA_SUCCESS);
		}
	}
	assert_in_range(loaded, 1, sizeof(text));
	assert_int_equal(cuModuleLoadData(&module, ""), CUDA_ERROR_INVALID_IMAGE);
	assert_int_equal(cuModuleLoadData(&module, "not a module"), CUDA_ERROR_INVALID_IMAGE);
	assert_int_equal(cuModuleLoadData(&module, ".version 8.0\n.target sm_120\n"),
			 CUDA_ERROR_NO_BINARY_FOR_GPU);
	assert_int_equal(cuModuleLoad(&module, "/nonexistent"), CUDA_ERROR_FILE_NOT_FOUND);
}

/* --- exhaustion: the n-th allocation fails, each n in a process of its own ------------------------ */

/* 0: loading failed as it should, and left nothing behind. */
static int load_with_failing(int nth)
{
	char fault[32];
	CUmodule module = NULL;
	CUlibrary library;
	CUfunction function;
	CUkernel kernel;
	CUresult result;

	snprintf(fault, sizeof(fault), "alloc=%d", nth);
	setenv("SIMCUDA_FAIL", fault, 1);
	if (start(NULL))
		return 1;
	result = cuModuleLoadData(&module, text);
	if (nth <= 6)		/* the module has six variables */
		return result != CUDA_ERROR_OUT_OF_MEMORY || module || used_bytes() ? 2 : 0;
	if (result != CUDA_SUCCESS || cuModuleUnload(module) || used_bytes())
		return 3;
	if (cuLibraryLoadData(&library, text, NULL, NULL, 0, NULL, NULL, 0) ||
	    cuLibraryGetKernel(&kernel, library, "empty"))
		return 4;
	result = cuKernelGetFunction(&function, kernel);
	if (nth <= 12 && (result != CUDA_ERROR_OUT_OF_MEMORY || used_bytes()))
		return 5;
	/* It succeeds the next time. */
	return cuKernelGetFunction(&function, kernel) || cuLibraryUnload(library) || used_bytes() ?
		       6 : 0;
}

/* Every other kind of failure once; the call after it succeeds. 0: all as documented. */
static int meet_each_fault(void)
{
	CUmodule module;
	CUfunction function;
	CUdeviceptr address;
	uint64_t argument = 0;
	void *host, *params[] = { &argument };

	setenv("SIMCUDA_FAIL", "init=1,context=1,module=1,host_alloc=1,launch=2:700", 1);
	if (cuInit(0) != CUDA_ERROR_NO_DEVICE || cuInit(0) != CUDA_SUCCESS)
		return 1;
	if (cuDevicePrimaryCtxRetain(&context, 0) != CUDA_ERROR_OUT_OF_MEMORY || start(NULL))
		return 2;
	if (cuModuleLoadData(&module, text) != CUDA_ERROR_INVALID_IMAGE || used_bytes() ||
	    cuModuleLoadData(&module, text) != CUDA_SUCCESS)
		return 3;
	if (cuMemHostAlloc(&host, 10, 0) != CUDA_ERROR_OUT_OF_MEMORY ||
	    cuMemHostAlloc(&host, 10, 0) != CUDA_SUCCESS)
		return 4;
	/* The device reports a failed kernel later, and from then on nothing works. */
	if (cuModuleGetFunction(&function, module, "clustered") ||
	    cuLaunchKernel(function, 8, 2, 1, 32, 1, 1, 0, NULL, params, NULL) ||
	    cuStreamSynchronize(NULL) ||
	    cuLaunchKernel(function, 8, 2, 1, 32, 1, 1, 0, NULL, params, NULL) ||
	    cuStreamSynchronize(NULL) != CUDA_ERROR_ILLEGAL_ADDRESS)
		return 5;
	return cuMemAlloc_v2(&address, 10) == CUDA_ERROR_ILLEGAL_ADDRESS ? 0 : 6;
}

static int exhaustion_results[13], faults_result;

static int run_exhaustion(void **state)
{
	for (int nth = 1; nth <= 13; nth++) {
		int status = -1;
		pid_t child = fork();

		if (child == 0)
			_exit(load_with_failing(nth));
		waitpid(child, &status, 0);
		exhaustion_results[nth - 1] = status;
	}
	if (fork() == 0)
		_exit(meet_each_fault());
	wait(&faults_result);
	return start(state);
}

static void test_each_fault(void **unused)
{
	(void)unused;
	assert_int_equal(WEXITSTATUS(faults_result), 0);
	assert_true(WIFEXITED(faults_result));
}

static void test_exhaustion(void **unused)
{
	(void)unused;
	for (int nth = 1; nth <= 13; nth++)
		assert_int_equal(exhaustion_results[nth - 1], 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, check_nothing_leaks)
	const struct CMUnitTest tests[] = {
		TEST(test_exhaustion), TEST(test_each_fault), TEST(test_functions),
		TEST(test_opt_in),     TEST(test_block_size), TEST(test_globals),
		TEST(test_library),    TEST(test_linker),     TEST(test_damage),
		TEST(test_packed),
	};

	setenv("SIMCUDA_HOST_SCALE", "0", 1);
	return cmocka_run_group_tests(tests, run_exhaustion, NULL);
}
