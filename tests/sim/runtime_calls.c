/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated runtime as a program uses it that nvcc has compiled, but with the registration
 * of its device code written by hand, so that no nvcc is needed.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "simcuda/cupti.h"
#include "simcuda/runtime.h"

#define COUNT 1024
#define NAME_OFFSET 0
#define MULTIPROCESSORS_OFFSET 384

static const char ptx[] =
	".version 8.0\n.target sm_70\n.address_size 64\n"
	".global .align 4 .u32 counter = 41;\n"
	".const .align 4 .b8 table[64];\n"
	".visible .entry add(.param .u64 add_param_0, .param .u32 add_param_1)\n"
	".maxntid 512, 1, 1\n{\n\t.shared .align 4 .b8 part[2048];\n\tret;\n}\n";

/* The layout of what nvcc embeds: a wrapper around a container with one entry, PTX text. */
static struct {
	uint32_t magic;
	uint16_t version, header_bytes;
	uint64_t bytes;
	struct {
		uint16_t kind, version;
		uint32_t header_bytes;
		uint64_t bytes;
		uint32_t packed_bytes, unknown, minor_major, sm;
		uint64_t unknown_2, flags, unknown_3, raw_bytes;
	} entry;
	char text[(sizeof(ptx) + 7) / 8 * 8];
} container = {
	.magic = 0xba55ed50u, .version = 1, .header_bytes = 16,
	.bytes = sizeof(container) - 16,
	.entry = { .kind = 1, .version = 0x101, .header_bytes = 64,
		   .bytes = sizeof(container.text), .sm = 70 },
};
static struct {
	uint32_t magic, version;
	const void *container;
	void *other;
} wrapper = { 0x466243b1u, 1, &container, NULL };

/* Their addresses are what the program knows kernel and variables by. */
static void add(void)
{
}
static uint32_t counter;
static char table[64];

static void *driver, *cupti;

static void *open_beside(const char *name)
{
	char path[4096];
	const char *build = getenv("top_builddir");

	snprintf(path, sizeof(path), "%s/simcuda/.libs/%s", build ? build : ".", name);
	return dlopen(path, RTLD_NOW | RTLD_GLOBAL);
}

static int prepare(void **state)
{
	void **binary;

	(void)state;
	driver = open_beside("libcuda.so.1");
	cupti = open_beside("libcupti.so.13");
	if (!driver || !cupti)
		return -1;
	memcpy(container.text, ptx, sizeof(ptx));
	binary = __cudaRegisterFatBinary(&wrapper);
	__cudaRegisterFunction(binary, (const char *)(uintptr_t)add, NULL, "add", -1, NULL, NULL, NULL,
			       NULL, NULL);
	__cudaRegisterVar(binary, (char *)&counter, NULL, "counter", 0, sizeof(counter), 0, 0);
	__cudaRegisterVar(binary, table, NULL, "table", 0, sizeof(table), 1, 0);
	__cudaRegisterFatBinaryEnd(binary);
	return 0;
}

/* What nvcc makes of add<<<blocks, threads, shared, stream>>>(pointer, count). */
static cudaError_t launch(unsigned blocks, unsigned threads, size_t shared, CUstream stream,
			  void *pointer)
{
	struct dim3 grid = { blocks, 1, 1 }, block = { threads, 1, 1 };
	unsigned count = COUNT;
	void *params[] = { &pointer, &count };
	CUkernel kernel;
	cudaError_t result;

	if (__cudaPushCallConfiguration(grid, block, shared, stream))
		return cudaErrorLaunchOutOfResources;
	result = __cudaPopCallConfiguration(&grid, &block, &shared, &stream);
	if (result == cudaSuccess)
		result = __cudaGetKernel(&kernel, (const void *)(uintptr_t)add);
	return result == cudaSuccess ?
	       __cudaLaunchKernel(kernel, grid, block, params, shared, stream) : result;
}

static void test_devices(void **state)
{
	char properties[2048];
	int count = 0, device = -1, sms = 0, sms_told;
	size_t free_bytes, total_bytes;

	(void)state;
	assert_int_equal(cudaGetDeviceCount(&count), cudaSuccess);
	assert_int_equal(count, 1);
	assert_int_equal(cudaGetDevice(&device), cudaSuccess);
	assert_int_equal(device, 0);
	assert_int_equal(cudaSetDevice(7), cudaErrorInvalidDevice);
	assert_int_equal(cudaGetDeviceProperties(properties, 0), cudaSuccess);
	assert_string_equal(properties + NAME_OFFSET, "NVIDIA H200");
	assert_int_equal(cudaDeviceGetAttribute(&sms, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 0), 0);
	memcpy(&sms_told, properties + MULTIPROCESSORS_OFFSET, sizeof(sms_told));
	assert_int_equal(sms_told, sms);
	assert_int_equal(cudaMemGetInfo(&free_bytes, &total_bytes), cudaSuccess);
	assert_true(free_bytes <= total_bytes && total_bytes > (size_t)1 << 30);
}

static void test_memory(void **state)
{
	uint8_t in[COUNT], out[COUNT];
	void *first, *second, *pinned;
	struct runtime_pointer_attributes attributes;

	(void)state;
	for (int i = 0; i < COUNT; i++)
		in[i] = (uint8_t)(i * 7);
	assert_int_equal(cudaMalloc(&first, COUNT), cudaSuccess);
	assert_int_equal(cudaMallocAsync(&second, COUNT, NULL), cudaSuccess);
	assert_int_equal(cudaMallocHost(&pinned, COUNT), cudaSuccess);
	assert_int_equal(cudaMemcpy(first, in, COUNT, RUNTIME_HOST_TO_DEVICE), cudaSuccess);
	assert_int_equal(cudaMemcpyAsync(second, first, COUNT, RUNTIME_DEVICE_TO_DEVICE, NULL), 0);
	assert_int_equal(cudaMemset_ptds(first, 9, COUNT / 2), cudaSuccess);
	assert_int_equal(cudaMemcpyAsync(pinned, second, COUNT, RUNTIME_COPY_DEFAULT, NULL), 0);
	assert_int_equal(cudaDeviceSynchronize(), cudaSuccess);
	assert_memory_equal(pinned, in, COUNT);
	assert_int_equal(cudaMemcpy(out, first, COUNT, RUNTIME_DEVICE_TO_HOST), cudaSuccess);
	assert_int_equal(out[0], 9);
	assert_int_equal(out[COUNT - 1], in[COUNT - 1]);
	assert_int_equal(cudaMemcpy(out, first, 1, 77), cudaErrorInvalidMemcpyDirection);
	assert_int_equal(cudaPointerGetAttributes(&attributes, first), cudaSuccess);
	assert_int_equal(attributes.type, 2);
	assert_int_equal(cudaPointerGetAttributes(&attributes, pinned), cudaSuccess);
	assert_int_equal(attributes.type, 1);
	assert_int_equal(cudaPointerGetAttributes(&attributes, in), cudaSuccess);
	assert_int_equal(attributes.type, 0);
	assert_int_equal(cudaFreeAsync(second, NULL), cudaSuccess);
	assert_int_equal(cudaFree(first), cudaSuccess);
	assert_int_equal(cudaFree(NULL), cudaSuccess);
	assert_int_equal(cudaFreeHost(pinned), cudaSuccess);
}

static void test_rectangles(void **state)
{
	uint8_t in[4][10], out[4][10];
	size_t pitch;
	void *pitched;

	(void)state;
	memset(in, 3, sizeof(in));
	memset(out, 0, sizeof(out));
	assert_int_equal(cudaMallocPitch(&pitched, &pitch, 10, 4), cudaSuccess);
	assert_true(pitch >= 10);
	assert_int_equal(cudaMemcpy2D(pitched, pitch, in, 10, 10, 4, RUNTIME_HOST_TO_DEVICE), 0);
	assert_int_equal(cudaMemset2D(pitched, pitch, 5, 1, 4), cudaSuccess);
	assert_int_equal(cudaMemcpy2D(out, 10, pitched, pitch, 10, 4, RUNTIME_DEVICE_TO_HOST), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(out[i][0], 5);
		assert_int_equal(out[i][9], 3);
	}
	assert_int_equal(cudaFree(pitched), cudaSuccess);
}

static void test_symbols(void **state)
{
	uint32_t value = 0;
	size_t bytes = 0;
	void *address = NULL;

	(void)state;
	assert_int_equal(cudaMemcpyFromSymbol(&value, &counter, 4, 0, RUNTIME_DEVICE_TO_HOST), 0);
	assert_int_equal(value, 41);
	value = 5;
	assert_int_equal(cudaMemcpyToSymbol(table, &value, 4, 60, RUNTIME_HOST_TO_DEVICE), 0);
	assert_int_equal(cudaMemcpyToSymbol(table, &value, 4, 61, RUNTIME_HOST_TO_DEVICE),
			 cudaErrorInvalidValue);
	assert_int_equal(cudaGetSymbolSize(&bytes, table), cudaSuccess);
	assert_int_equal(bytes, 64);
	assert_int_equal(cudaGetSymbolAddress(&address, table), cudaSuccess);
	assert_non_null(address);
	assert_int_equal(cudaGetSymbolAddress(&address, &bytes), cudaErrorInvalidSymbol);
}

static void test_launches(void **state)
{
	struct runtime_function_attributes attributes;
	struct dim3 one = { 1, 1, 1 };
	CUlaunchConfig config = { .gridDimX = 2, .gridDimY = 1, .gridDimZ = 1, .blockDimX = 32,
				  .blockDimY = 1, .blockDimZ = 1 };
	unsigned count = COUNT;
	void *pointer, *params[] = { &pointer, &count };
	const void *function = (const void *)(uintptr_t)add;
	const char *name = NULL;
	int blocks = 0;

	(void)state;
	assert_int_equal(cudaMalloc(&pointer, COUNT), cudaSuccess);
	assert_int_equal(launch(4, 256, 0, NULL, pointer), cudaSuccess);
	assert_int_equal(cudaLaunchKernel(function, one, one, params, 0, NULL), cudaSuccess);
	assert_int_equal(cudaLaunchKernel_ptsz(function, one, one, params, 0, NULL), cudaSuccess);
	assert_int_equal(cudaLaunchKernelExC(&config, function, params), cudaSuccess);
	assert_int_equal(cudaLaunchKernel(&config, one, one, params, 0, NULL),
			 cudaErrorInvalidDeviceFunction);
	assert_int_equal(launch(1, 4096, 0, NULL, pointer), cudaErrorInvalidValue);
	assert_int_equal(cudaDeviceSynchronize(), cudaSuccess);
	assert_int_equal(cudaFuncGetAttributes(&attributes, function), cudaSuccess);
	assert_int_equal(attributes.max_threads, 512);
	assert_int_equal(attributes.shared_bytes, 2048);
	assert_int_equal(cudaFuncGetName(&name, function), cudaSuccess);
	assert_string_equal(name, "add");
	assert_int_equal(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, 256, 0), 0);
	assert_int_equal(blocks, 8);
	assert_int_equal(cudaFree(pointer), cudaSuccess);
}

static void count_call(void *data)
{
	__atomic_fetch_add((int *)data, 1, __ATOMIC_RELAXED);
}

static void test_streams_and_graphs(void **state)
{
	CUstream stream;
	CUevent begin, end;
	CUgraph graph;
	CUgraphExec exec;
	size_t nodes = 0;
	int calls = 0;
	float milliseconds = -1;

	(void)state;
	assert_int_equal(cudaStreamCreateWithFlags(&stream, 1), cudaSuccess);
	assert_int_equal(cudaEventCreate(&begin), cudaSuccess);
	assert_int_equal(cudaEventCreate(&end), cudaSuccess);
	assert_int_equal(cudaStreamBeginCapture(stream, 2), cudaSuccess);
	assert_int_equal(launch(4, 128, 0, stream, NULL), cudaSuccess);
	assert_int_equal(launch(8, 128, 0, stream, NULL), cudaSuccess);
	assert_int_equal(cudaLaunchHostFunc(stream, count_call, &calls), cudaSuccess);
	assert_int_equal(cudaStreamEndCapture(stream, &graph), cudaSuccess);
	assert_int_equal(cudaGraphGetNodes(graph, NULL, &nodes), cudaSuccess);
	assert_int_equal(nodes, 3);
	assert_int_equal(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
	assert_int_equal(cudaEventRecord(begin, stream), cudaSuccess);
	for (int i = 0; i < 3; i++)
		assert_int_equal(cudaGraphLaunch(exec, stream), cudaSuccess);
	assert_int_equal(cudaEventRecord(end, stream), cudaSuccess);
	assert_int_equal(cudaStreamSynchronize(stream), cudaSuccess);
	assert_int_equal(calls, 3);
	assert_int_equal(cudaStreamQuery(stream), cudaSuccess);
	assert_int_equal(cudaEventElapsedTime(&milliseconds, begin, end), cudaSuccess);
	assert_true(milliseconds > 0);
	assert_int_equal(cudaGraphExecDestroy(exec), cudaSuccess);
	assert_int_equal(cudaGraphDestroy(graph), cudaSuccess);
	assert_int_equal(cudaEventDestroy(begin), cudaSuccess);
	assert_int_equal(cudaEventDestroy(end), cudaSuccess);
	assert_int_equal(cudaStreamDestroy(stream), cudaSuccess);
}

/* As PyTorch captures: asks where it is, orders kernels itself, keeps objects alive by the graph. */
static void test_captures_in_parts(void **state)
{
	CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_INVALIDATED;
	CUgraphNodeParams params = { .type = CU_GRAPH_NODE_TYPE_KERNEL };
	const CUgraphNode *dependencies;
	CUgraphNode first, second, before = NULL;
	unsigned long long condition = 0;
	unsigned count = COUNT;
	size_t inner = 9;
	void *pointer = NULL, *arguments[] = { &pointer, &count };
	CUuserObject object;
	CUstream stream;
	CUgraph graph, during = NULL;
	CUgraphExec exec;
	cuuint64_t id = 0;
	int released = 0;

	(void)state;
	assert_int_equal(cudaStreamCreateWithFlags(&stream, 1), cudaSuccess);
	assert_int_equal(cudaStreamGetCaptureInfo(stream, &status, NULL, NULL, NULL, NULL, NULL), 0);
	assert_int_equal(status, CU_STREAM_CAPTURE_STATUS_NONE);
	assert_int_equal(cudaGraphCreate(&graph, 0), cudaSuccess);
	assert_int_equal(cudaStreamBeginCaptureToGraph(stream, graph, NULL, NULL, 0, 2), cudaSuccess);
	assert_int_equal(launch(1, 32, 0, stream, NULL), cudaSuccess);
	assert_int_equal(cudaStreamGetCaptureInfo(stream, &status, &id, &during, &dependencies, NULL,
						  &inner), cudaSuccess);
	assert_int_equal(status, CU_STREAM_CAPTURE_STATUS_ACTIVE);
	assert_true(id && during == graph && inner == 1);
	first = dependencies[0];
	params.kernel = (CUDA_KERNEL_NODE_PARAMS_v3){
		.func = (CUfunction)(uintptr_t)add, .gridDimX = 3, .gridDimY = 1, .gridDimZ = 1,
		.blockDimX = 64, .blockDimY = 1, .blockDimZ = 1, .kernelParams = arguments,
	};
	assert_int_equal(cudaGraphAddNode(&second, graph, &first, NULL, 1, &params), cudaSuccess);
	assert_int_equal(cudaStreamUpdateCaptureDependencies(stream, &second, NULL, 1, 1), 0);
	assert_int_equal(launch(1, 32, 0, stream, NULL), cudaSuccess);
	assert_int_equal(cudaStreamEndCapture(stream, &graph), cudaSuccess);
	inner = 1;
	assert_int_equal(cudaGraphNodeGetDependencies(second, &before, NULL, &inner), cudaSuccess);
	assert_true(inner == 1 && before == first);
	assert_int_equal(cudaUserObjectCreate(&object, &released, count_call, 2, 1), cudaSuccess);
	assert_int_equal(cudaGraphRetainUserObject(graph, object, 1, 1), cudaSuccess);
	assert_int_equal(cudaUserObjectRelease(object, 1), cudaSuccess);
	assert_int_equal(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
	assert_int_equal(cudaGraphLaunch(exec, stream), cudaSuccess);
	assert_int_equal(cudaStreamSynchronize(stream), cudaSuccess);
	assert_int_equal(released, 0);
	params.kernel.func = (CUfunction)(void *)&count;
	assert_int_equal(cudaGraphAddNode(&second, graph, NULL, NULL, 0, &params),
			 cudaErrorInvalidDeviceFunction);
	assert_int_equal(cudaGraphConditionalHandleCreate((void *)&condition, graph, 1, 1), 0);
	assert_int_not_equal(condition, 0);
	assert_int_equal(cudaGraphExecDestroy(exec), cudaSuccess);
	assert_int_equal(cudaGraphDestroy(graph), cudaSuccess);
	assert_int_equal(released, 1);
	assert_int_equal(cudaStreamDestroy(stream), cudaSuccess);
}

static void test_libraries(void **state)
{
	void *global = NULL;
	CUlibrary library;
	CUkernel kernel;
	unsigned kernels = 0;
	size_t bytes = 0;

	(void)state;
	assert_int_equal(cudaLibraryLoadData(&library, ptx, NULL, NULL, 0, NULL, NULL, 0), 0);
	assert_int_equal(cudaLibraryGetKernelCount(&kernels, library), cudaSuccess);
	assert_int_equal(kernels, 1);
	assert_int_equal(cudaLibraryGetKernel(&kernel, library, "add"), cudaSuccess);
	assert_int_equal(cudaKernelSetAttributeForDevice(kernel,
			 CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 1024, 0), cudaSuccess);
	assert_int_equal(cudaLibraryGetKernel(&kernel, library, "none"), cudaErrorSymbolNotFound);
	assert_int_equal(cudaLibraryGetGlobal(&global, &bytes, library, "counter"), cudaSuccess);
	assert_true(global && bytes == 4);
	assert_int_equal(cudaLibraryUnload(library), cudaSuccess);
}

static void test_errors(void **state)
{
	void *pointer = NULL, *symbol = NULL;
	int status = -1;

	(void)state;
	cudaGetLastError();
	assert_int_equal(cudaMalloc(&pointer, (size_t)1 << 50), cudaErrorMemoryAllocation);
	assert_null(pointer);
	assert_int_equal(cudaPeekAtLastError(), cudaErrorMemoryAllocation);
	assert_int_equal(cudaGetLastError(), cudaErrorMemoryAllocation);
	assert_int_equal(cudaGetLastError(), cudaSuccess);
	assert_string_equal(cudaGetErrorName(cudaErrorMemoryAllocation), "cudaErrorMemoryAllocation");
	assert_string_equal(cudaGetErrorString(cudaErrorMemoryAllocation), "out of memory");
	assert_int_equal(cudaGetDriverEntryPoint("cuMemAlloc", &symbol, 0, &status), cudaSuccess);
	assert_int_equal(status, 0);
	assert_ptr_equal(symbol, dlsym(driver, "cuMemAlloc_v2"));
	assert_int_equal(cudaGetDriverEntryPoint("cuNoSuchThing", &symbol, 0, &status), cudaSuccess);
	assert_null(symbol);
	assert_int_equal(status, 1);
}

static struct {
	uint32_t runtime, driver, runtime_cbid;
} seen;

static void called(void *data, CUpti_CallbackDomain domain, CUpti_CallbackId cbid,
		   const void *call_data)
{
	const CUpti_CallbackData *call = call_data;

	(void)data;
	if (domain == CUPTI_CB_DOMAIN_RUNTIME_API) {
		seen.runtime = call->correlationId;
		seen.runtime_cbid = cbid;
	} else {
		seen.driver = call->correlationId;
	}
}

#define CUPTI(name, since, params) typedef CUptiResult (*name##_function) params;
#include "simcuda/cupti_functions.def"
#undef CUPTI
#define DO(name, ...)									\
	assert_int_equal(((name##_function)dlsym(cupti, #name))(__VA_ARGS__), CUPTI_SUCCESS)

static void test_correlation(void **state)
{
	CUpti_SubscriberHandle subscriber;
	const char *name = NULL;

	(void)state;
	DO(cuptiSubscribe, &subscriber, called, NULL);
	DO(cuptiEnableAllDomains, 1, subscriber);
	assert_int_equal(cudaDeviceSynchronize(), cudaSuccess);
	DO(cuptiGetCallbackName, CUPTI_CB_DOMAIN_RUNTIME_API, seen.runtime_cbid, &name);
	DO(cuptiUnsubscribe, subscriber);
	assert_string_equal(name, "cudaDeviceSynchronize_v3020");
	assert_int_not_equal(seen.runtime, 0);
	assert_int_equal(seen.runtime, seen.driver);
	cudaDeviceSynchronize();
	assert_int_equal(seen.runtime, seen.driver);
}

static struct {
	uint8_t bytes[1 << 16];
	uint64_t begin, end;
	int kernels;
} taken;

static uint64_t ticks_of_a_third(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return ((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec) / 3;
}

static void requested(uint8_t **buffer, size_t *bytes, size_t *records)
{
	*buffer = taken.bytes;
	*bytes = sizeof(taken.bytes);
	*records = 0;
}

static void completed(CUcontext context, uint32_t stream, uint8_t *buffer, size_t bytes, size_t valid)
{
	__typeof__(&cuptiActivityGetNextRecord) next = (__typeof__(next))(uintptr_t)
		dlsym(cupti, "cuptiActivityGetNextRecord");
	CUpti_Activity *record = NULL;

	(void)context;
	(void)stream;
	(void)bytes;
	while (next(buffer, valid, &record) == CUPTI_SUCCESS)
		if (record->kind == CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL) {
			memcpy(&taken.begin, (char *)record + 16, 8);
			memcpy(&taken.end, (char *)record + 24, 8);
			taken.kernels++;
		}
}

/* As PyTorch's profiler: no subscriber, a clock that does not count nanoseconds, and what has ended
 * before the kind is switched off comes with the flush after it. */
static void test_client_without_subscription(void **state)
{
	uint64_t begin;

	(void)state;
	DO(cuptiActivityRegisterTimestampCallback, ticks_of_a_third);
	DO(cuptiActivityRegisterCallbacks, requested, completed);
	DO(cuptiActivityEnable, CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL);
	begin = ticks_of_a_third();
	for (int i = 0; i < 50; i++)
		assert_int_equal(launch(4, 256, 0, NULL, NULL), cudaSuccess);
	assert_int_equal(cudaDeviceSynchronize(), cudaSuccess);
	DO(cuptiActivityDisable, CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL);
	DO(cuptiActivityFlushAll, 1);
	assert_int_equal(taken.kernels, 50);
	assert_true(taken.begin > begin && taken.end < ticks_of_a_third());
	/* 3.4 to 3.6 us, a third of a tick each nanosecond. */
	assert_in_range(taken.end - taken.begin, 1000, 1300);
}

static void test_graph_ids(void **state)
{
	CUstream stream;
	CUgraph graph;
	CUgraphExec exec;
	CUgraphNode nodes[2];
	size_t count = 2;
	uint32_t graph_id = 0, exec_id = 0;
	uint64_t node_ids[2] = { 0, 0 };

	(void)state;
	assert_int_equal(cudaStreamCreate(&stream), cudaSuccess);
	assert_int_equal(cudaStreamBeginCapture(stream, 2), cudaSuccess);
	assert_int_equal(launch(1, 32, 0, stream, NULL), cudaSuccess);
	assert_int_equal(launch(1, 32, 0, stream, NULL), cudaSuccess);
	assert_int_equal(cudaStreamEndCapture(stream, &graph), cudaSuccess);
	assert_int_equal(cudaGraphGetNodes(graph, nodes, &count), cudaSuccess);
	assert_int_equal(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
	DO(cuptiGetGraphId, graph, &graph_id);
	DO(cuptiGetGraphExecId, exec, &exec_id);
	DO(cuptiGetGraphNodeId, nodes[0], &node_ids[0]);
	DO(cuptiGetGraphNodeId, nodes[1], &node_ids[1]);
	assert_int_not_equal(graph_id, 0);
	assert_int_not_equal(exec_id, graph_id);
	assert_int_equal(node_ids[0] >> 32, graph_id);
	assert_int_not_equal(node_ids[0], node_ids[1]);
	assert_int_equal(cudaGraphExecDestroy(exec), cudaSuccess);
	assert_int_equal(cudaGraphDestroy(graph), cudaSuccess);
	assert_int_equal(((cuptiGetGraphId_function)dlsym(cupti, "cuptiGetGraphId"))(NULL, &graph_id),
			 CUPTI_ERROR_INVALID_PARAMETER);
	assert_int_equal(cudaStreamDestroy(stream), cudaSuccess);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_rectangles),
		cmocka_unit_test(test_symbols),
		cmocka_unit_test(test_launches),
		cmocka_unit_test(test_streams_and_graphs),
		cmocka_unit_test(test_captures_in_parts),
		cmocka_unit_test(test_libraries),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_correlation),
		cmocka_unit_test(test_client_without_subscription),
		cmocka_unit_test(test_graph_ids),
	};

	return cmocka_run_group_tests(tests, prepare, NULL);
}
