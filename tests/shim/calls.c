/* SPDX-License-Identifier: Apache-2.0 */
/* One call or more of every family of recorded entry points, with arguments to be recognised. */
#include <stdint.h>
#include <string.h>

#include "tests/shim/app.h"

#define STREAM ((CUstream)(uintptr_t)0x5000)
#define CAPTURING ((CUstream)(uintptr_t)0x77)	/* the fake driver says so */
#define EVENT ((CUevent)(uintptr_t)0xe000)

static CUfunction function;
static CUmodule module;

static void launches(void)
{
	CUlaunchAttribute attributes[4];
	CUlaunchConfig config = { 8, 1, 1, 256, 1, 1, 1024, STREAM, attributes, 4 };
	CUDA_LAUNCH_PARAMS list[2];

	memset(attributes, 0, sizeof(attributes));
	attributes[0].id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
	attributes[0].value.clusterDim.x = 2;
	attributes[0].value.clusterDim.y = 1;
	attributes[0].value.clusterDim.z = 1;
	attributes[1].id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
	attributes[1].value.programmaticStreamSerializationAllowed = 1;
	attributes[2].id = CU_LAUNCH_ATTRIBUTE_PRIORITY;
	attributes[3].id = CU_LAUNCH_ATTRIBUTE_COOPERATIVE;
	attributes[3].value.cooperative = 1;
	NEED(!cuLaunchKernelEx(&config, function, NULL, NULL));
	NEED(!cuLaunchKernel_ptsz(function, 3, 1, 1, 64, 1, 1, 0, NULL, NULL, NULL));
	NEED(!cuLaunchCooperativeKernel(function, 4, 1, 1, 64, 1, 1, 0, STREAM, NULL));
	memset(list, 0, sizeof(list));
	list[0].function = list[1].function = function;
	list[0].gridDimX = 5;
	list[1].gridDimX = 6;
	NEED(!cuLaunchCooperativeKernelMultiDevice(list, 2, 0));
	NEED(!cuFuncSetBlockShape(function, 16, 2, 1));
	NEED(!cuFuncSetSharedSize(function, 48));
	NEED(!cuLaunchGrid(function, 7, 3));
	NEED(!cuStreamBeginCapture_v2(CAPTURING, CU_STREAM_CAPTURE_MODE_RELAXED));
	NEED(!cuLaunchKernel(function, 9, 1, 1, 64, 1, 1, 0, CAPTURING, NULL, NULL));
	NEED(!cuLaunchKernel(function, 10, 1, 1, 64, 1, 1, 0, STREAM, NULL, NULL));
	NEED(!cuStreamEndCapture(CAPTURING, (CUgraph[]){ NULL }));
	NEED(!cuLaunchKernel(function, 11, 1, 1, 64, 1, 1, 0, CAPTURING, NULL, NULL));
	NEED(!cuGraphLaunch((CUgraphExec)(uintptr_t)0x9000, STREAM));
}

static void copies(void)
{
	CUDA_MEMCPY2D shape;
	CUdeviceptr to[2] = { 0xd1, 0xd2 }, from[2] = { 0xa1, 0xa2 };
	size_t bytes[2] = { 111, 222 };
	char host[64] = { 0 };

	NEED(!cuMemcpyHtoD_v2(0xd000, host, 64));
	NEED(!cuMemcpyDtoHAsync_v2(host, 0xd000, 32, STREAM));
	NEED(!cuMemcpyDtoDAsync_v2_ptsz(0xd000, 0xd100, 16, NULL));
	NEED(!cuMemcpyHtoD(0xd000, host, 8));		/* the 32-bit variant */
	NEED(!cuMemcpyAsync(0xd000, 0xd100, 24, STREAM));
	NEED(!cuMemcpyBatchAsync(to, from, bytes, 2, NULL, NULL, 0, NULL, STREAM));
	memset(&shape, 0, sizeof(shape));
	shape.srcMemoryType = CU_MEMORYTYPE_HOST;
	shape.dstMemoryType = CU_MEMORYTYPE_DEVICE;
	shape.WidthInBytes = 10;
	shape.Height = 3;
	shape.dstPitch = 64;
	NEED(!cuMemcpy2DAsync_v2(&shape, STREAM));
	NEED(!cuMemsetD8Async(0xd000, 7, 100, STREAM));
	NEED(!cuMemsetD32_v2(0xd000, 9, 25));
	NEED(!cuMemsetD2D16_v2(0xd000, 64, 5, 4, 6));
}

static void memory(void)
{
	CUDA_ARRAY_DESCRIPTOR array = { 10, 4, CU_AD_FORMAT_FLOAT, 2 };
	CUmemGenericAllocationHandle handle = 0;
	CUdeviceptr pointer, device;
	CUarray made;
	void *host;

	NEED(!cuMemAlloc_v2(&pointer, 4096));
	device = pointer;
	NEED(!cuMemAllocAsync(&pointer, 512, STREAM));
	NEED(!cuMemFreeAsync(0xd000, STREAM));
	NEED(!cuMemHostAlloc(&host, 2048, 2));
	NEED(!cuMemcpyHtoDAsync_v2(device, (char *)host + 2000, 20, STREAM));
	NEED(!cuMemFreeHost(host));
	NEED(!cuMemcpyHtoD_v2(device, host, 22));
	NEED(!cuMemHostRegister_v2(host, 1000, 0));
	NEED(!cuMemAllocManaged(&pointer, 300, 1));
	NEED(!cuMemcpy(device + 8, pointer + 100, 21));
	NEED(!cuMemFree_v2(device));
	NEED(!cuMemAddressReserve(&pointer, 1 << 21, 0, 0, 0));
	NEED(!cuMemCreate(&handle, 1 << 21, NULL, 0));
	NEED(!cuMemMap(0xd000, 1 << 21, 0, 0x4444, 0));
	NEED(!cuMemUnmap(0xd000, 1 << 21));
	NEED(!cuMemRelease(0x4444));
	NEED(!cuArrayCreate_v2(&made, &array));
}

static void others(void)
{
	CUmodule file;
	char map[128] __attribute__((aligned(64))) = { 1 };
	CUgraphExec exec;
	CUstream stream;
	CUevent event;
	CUgraph graph = (CUgraph)(uintptr_t)0x6000;

	NEED(!cuStreamCreate(&stream, 1));
	NEED(!cuEventCreate(&event, 2));
	NEED(!cuEventRecord(EVENT, STREAM));
	NEED(!cuStreamWaitEvent(STREAM, EVENT, 0));
	NEED(!cuEventSynchronize(EVENT));
	NEED(!cuStreamSynchronize(STREAM));
	NEED(!cuCtxSynchronize());
	NEED(!cuGraphInstantiateWithFlags(&exec, graph, 3));
	NEED(!cuGraphExecUpdate_v2((CUgraphExec)(uintptr_t)0x9000, graph, NULL));
	NEED(!cuGraphExecDestroy((CUgraphExec)(uintptr_t)0x9000));
	NEED(!cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 65536));
	NEED(!cuTensorMapEncodeTiled((CUtensorMap *)(void *)map, 0, 2, (void *)(uintptr_t)0xd000, NULL,
				     NULL, NULL, NULL, 0, 0, 0, 0));
	NEED(!cuCtxSetLimit(CU_LIMIT_STACK_SIZE, 1));
	NEED(!cuCtxSetLimit(CU_LIMIT_STACK_SIZE, 2));
	NEED(!cuModuleLoad(&file, "/no.such/module.cubin"));
	NEED(!cuModuleUnload(module));
}

static void failures(void)
{
	CUmodule file;
	CUdeviceptr pointer;
	CUevent event;

	NEED(cuMemAlloc_v2(&pointer, 77) == CUDA_ERROR_OUT_OF_MEMORY);
	NEED(cuCtxSetLimit(CU_LIMIT_STACK_SIZE, 2) == CUDA_ERROR_OUT_OF_MEMORY);
	NEED(cuEventCreate(&event, 0) == CUDA_ERROR_OUT_OF_MEMORY);
	NEED(cuModuleLoad(&file, (const char *)1) == CUDA_ERROR_OUT_OF_MEMORY);
}

int main(int argc, char **argv)
{
	CUcontext context;

	NEED(!cuInit(0));
	NEED(!cuDevicePrimaryCtxRetain(&context, 0));
	NEED(!cuCtxSetCurrent(context));
	NEED(!cuModuleLoadData(&module, "x"));
	NEED(!cuModuleGetFunction(&function, module, "kernel_of_calls"));
	if (argc > 1 && !strcmp(argv[1], "fail")) {
		failures();
		return 0;
	}
	launches();
	copies();
	memory();
	others();
	return 0;
}
