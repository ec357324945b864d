/* SPDX-License-Identifier: Apache-2.0 */
/* What the plants do around and inside of a step. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "demo/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB ((size_t)1 << 20)
#define WORKSPACE_BYTES (64 * MIB)
#define BIG_WORKSPACE_BYTES (3072 * MIB)
#define PEAK_BYTES (2048 * MIB)
#define LEAK_BYTES (4 * MIB)
#define LEAKS_MAX 4096
#define UPLOAD_BYTES (2 * MIB)
#define OFFLOAD_BYTES (8 * MIB)
#define MANAGED_BYTES (16 * MIB)
#define SEGMENT_BYTES (2 * MIB)
#define DISPATCH_NS 40000	/* host work per launch of a slow framework */
#define SLOW_STEP_NS 4000000
#define SMALL_GRID 24
#define TRITON_STEPS 700
#define MAPS_PER_GEMM 16		/* a grouped GEMM of four experts, four operands each */

static struct {
	CUdeviceptr workspace, big_workspace, peak, inputs, staging;
	CUdeviceptr leaks[LEAKS_MAX];
	int leak_count, leaks_allowed, module_count;
	void *pageable, *pinned;
	CUdeviceptr segment;
	CUmemGenericAllocationHandle segment_handle;
	size_t segment_bytes;
	uint64_t forward_begin_ns;
	CUdevice other_device;
	CUcontext other_context;
	CUmodule other_module;
	CUfunction other_function;
} planted;

static CUdeviceptr allocate(size_t bytes)
{
	CUdeviceptr pointer = 0;

	driver_check(cu.MemAlloc(&pointer, bytes), "cuMemAlloc");
	return pointer;
}

size_t planted_reserve(size_t free_bytes)
{
	plant_set chosen = plants_chosen();
	size_t leaks = free_bytes / 4 / LEAK_BYTES, bytes = 0;

	if (chosen & PLANT_BIT(leak)) {
		planted.leaks_allowed = (int)(leaks < LEAKS_MAX ? leaks : LEAKS_MAX);
		bytes += (size_t)planted.leaks_allowed * LEAK_BYTES;
	}
	if (chosen & PLANT_BIT(big_workspace))
		bytes += BIG_WORKSPACE_BYTES;
	if (chosen & PLANT_BIT(transient_peak))
		bytes += PEAK_BYTES;
	return bytes;
}

/* The same kernel on another device; what was set for the first does not hold there. */
static void open_other_device(struct model *model)
{
	driver_check(cu.DeviceGet(&planted.other_device, 1),
		     "cuDeviceGet(1): wrong-device needs two devices");
	driver_check(cu.DevicePrimaryCtxRetain(&planted.other_context, planted.other_device),
		     "cuDevicePrimaryCtxRetain");
	driver_check(cu.CtxSetCurrent(planted.other_context), "cuCtxSetCurrent");
	kernel_load_again(KERNEL_attention_two_warps, &planted.other_module,
			  &planted.other_function);
	driver_check(cu.CtxSetCurrent(model->context), "cuCtxSetCurrent");
}

static void launch_on_other_device(struct model *model)
{
	char params[128] = { 0 };
	void *arguments[] = { params };

	driver_check(cu.CtxSetCurrent(planted.other_context), "cuCtxSetCurrent");
	if (cu.LaunchKernel(planted.other_function, 264, 1, 1, 64, 1, 1, 90112, NULL, arguments,
			    NULL) != CUDA_SUCCESS)
		atomic_fetch_add(&statistics.failures, 1);
	driver_check(cu.CtxSetCurrent(model->context), "cuCtxSetCurrent");
}

void planted_open(struct model *model)
{
	plant_set chosen = plants_chosen();
	uint64_t begin_ns = clock_now_ns();

	planted.inputs = allocate(UPLOAD_BYTES);
	planted.staging = allocate(64 * 1024);
	planted.pageable = malloc(UPLOAD_BYTES);
	if (!planted.pageable)
		abort();
	memset(planted.pageable, 1, UPLOAD_BYTES);
	driver_check(cu.MemHostAlloc(&planted.pinned, OFFLOAD_BYTES, 0), "cuMemHostAlloc");
	if (chosen & PLANT_BIT(managed_memory))
		driver_check(cu.MemAllocManaged(&model->managed, MANAGED_BYTES,
						CU_MEM_ATTACH_GLOBAL), "cuMemAllocManaged");
	if (chosen & PLANT_BIT(wrong_device))
		open_other_device(model);
	if (chosen & PLANT_BIT(big_workspace)) {
		planted.big_workspace = allocate(BIG_WORKSPACE_BYTES);
		plant_record(PLANT_big_workspace, begin_ns, "3072 MiB after the KV pool");
	}
}

void planted_close(struct model *model)
{
	while (planted.leak_count > 0)
		cu.MemFree(planted.leaks[--planted.leak_count]);
	if (planted.big_workspace)
		cu.MemFree(planted.big_workspace);
	if (planted.other_context)
		cu.DevicePrimaryCtxRelease(planted.other_device);
	if (model->managed)
		cu.MemFree(model->managed);
	cu.MemFree(planted.inputs);
	cu.MemFree(planted.staging);
	cu.MemFreeHost(planted.pinned);
	free(planted.pageable);
}

static void launch_gather(struct model *model, CUstream stream, unsigned grid)
{
	struct launch launch = { .kernel = KERNEL_gather, .stream = stream, .x = grid };
	CUdeviceptr output = planted.inputs;
	CUdeviceptr input = model->managed ? model->managed : planted.staging;
	CUdeviceptr index = planted.staging;
	int count = SMALL_GRID * 256;
	void *arguments[] = { &output, &input, &index, &count };

	launch_kernel(model, &launch, arguments);
}

/* PTX as a compiler emits it: thousands of instructions for a fused expression. */
static char *triton_compile(const char *name)
{
	static const char step[] = "\tfma.rn.f32 %f1, %f1, %f2, %f3;\n";
	char *image = NULL;
	size_t bytes = 0;
	FILE *text = open_memstream(&image, &bytes);

	if (!text)
		abort();
	fprintf(text, ".version 7.0\n.target sm_80\n.address_size 64\n.visible .entry %s(\n"
		"\t.param .u64 %s_param_0,\n\t.param .u32 %s_param_1\n)\n.maxntid 128, 1, 1\n"
		".maxnreg 32\n{\n\t.reg .f32 %%f<4>;\n", name, name, name);
	for (int i = 0; i < TRITON_STEPS; i++)
		fputs(step, text);
	fputs("\tnanosleep.u32 8000;\n\tret;\n}\n", text);
	fclose(text);
	return image;
}

/* A kernel for a shape that was not warmed up. */
static void compile_and_load(struct model *model)
{
	char name[64], *image;
	uint32_t count = 4096;
	void *arguments[] = { &planted.inputs, &count };
	CUmodule module = NULL;
	CUfunction function = NULL;

	snprintf(name, sizeof(name), "triton_poi_fused_add_mul_silu_%d", planted.module_count++);
	image = triton_compile(name);
	driver_check(cu.ModuleLoadDataEx(&module, image, 0, NULL, NULL), "cuModuleLoadDataEx");
	free(image);
	driver_check(cu.ModuleGetFunction(&function, module, name), "cuModuleGetFunction");
	driver_check(cu.LaunchKernel(function, (unsigned)model->sm_count * 16, 1, 1, 128, 1, 1, 0,
				     model->compute, arguments, NULL), "cuLaunchKernel");
}

/* An allocator with expandable segments that never settles. */
static void segments_churn(struct model *model, long step)
{
	CUmemAllocationProp properties = {
		.type = CU_MEM_ALLOCATION_TYPE_PINNED,
		.location = { .type = CU_MEM_LOCATION_TYPE_DEVICE, .id = model->device },
	};
	CUmemAccessDesc access = {
		.location = properties.location, .flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE,
	};

	if (planted.segment) {
		driver_check(cu.MemUnmap(planted.segment, planted.segment_bytes), "cuMemUnmap");
		driver_check(cu.MemRelease(planted.segment_handle), "cuMemRelease");
		driver_check(cu.MemAddressFree(planted.segment, planted.segment_bytes),
			     "cuMemAddressFree");
	}
	planted.segment_bytes = SEGMENT_BYTES * (size_t)(1 + step % 7);
	driver_check(cu.MemAddressReserve(&planted.segment, planted.segment_bytes, 0, 0, 0),
		     "cuMemAddressReserve");
	driver_check(cu.MemCreate(&planted.segment_handle, planted.segment_bytes, &properties, 0),
		     "cuMemCreate");
	driver_check(cu.MemMap(planted.segment, planted.segment_bytes, 0, planted.segment_handle, 0),
		     "cuMemMap");
	driver_check(cu.MemSetAccess(planted.segment, planted.segment_bytes, &access, 1),
		     "cuMemSetAccess");
}

/* Asks for more than there is, then goes on without, as a caching allocator's retry does. */
static void allocate_too_much(void)
{
	size_t free_bytes = 0, total_bytes = 0;
	CUdeviceptr pointer = 0;

	driver_check(cu.MemGetInfo(&free_bytes, &total_bytes), "cuMemGetInfo");
	if (cu.MemAlloc(&pointer, free_bytes + 1024 * MIB) == CUDA_SUCCESS)
		driver_check(cu.MemFree(pointer), "cuMemFree");
	else
		atomic_fetch_add(&statistics.failures, 1);
}

/* A block size no device has: the request is given up, the server goes on. */
static void launch_impossible(struct model *model)
{
	uint32_t count = 1;
	void *arguments[] = { &planted.inputs, &planted.inputs, &count };
	CUresult result = cu.LaunchKernel(model->functions[KERNEL_silu_mul], 1, 1, 1, 2048, 1, 1, 0,
					  model->compute, arguments, NULL);

	if (result != CUDA_SUCCESS)
		atomic_fetch_add(&statistics.failures, 1);
}

static void offload_and_reload(struct model *model)
{
	driver_check(cu.MemcpyDtoHAsync(planted.pinned, model->kv_cache, OFFLOAD_BYTES,
					model->compute), "cuMemcpyDtoHAsync");
	driver_check(cu.MemcpyHtoDAsync(model->kv_cache, planted.pinned, OFFLOAD_BYTES,
					model->compute), "cuMemcpyHtoDAsync");
}

static void touch_managed(struct model *model)
{
	for (size_t i = 0; i < MANAGED_BYTES; i += 65536)
		((volatile char *)(uintptr_t)model->managed)[i]++;
	launch_gather(model, model->compute, launch_full_grid(model, KERNEL_gather, 1));
}

static void prepare_inputs_slowly(void)
{
	host_work(SLOW_STEP_NS);
}

static void upload_pageable(struct model *model)
{
	driver_check(cu.MemcpyHtoDAsync(planted.inputs, planted.pageable, UPLOAD_BYTES,
					model->compute), "cuMemcpyHtoDAsync");
}

/* Another model's work, which nothing of the step waits for. */
static void launch_long_kernel(struct model *model)
{
	struct launch launch = { .kernel = KERNEL_rerank, .stream = model->side,
				 .x = launch_full_grid(model, KERNEL_rerank, 1) };
	CUdeviceptr params[16] = { planted.inputs };
	void *arguments[] = { params };

	launch_kernel(model, &launch, arguments);
}

static void leak(void)
{
	if (planted.leak_count < planted.leaks_allowed)
		planted.leaks[planted.leak_count++] = allocate(LEAK_BYTES);
}

void planted_before_forward(struct model *model, const struct plan *plan)
{
#define DO(id, action, detail)						\
	do {								\
		if (plan->plants & PLANT_BIT(id)) {			\
			uint64_t begin_ns = clock_now_ns();		\
									\
			action;						\
			plant_record(PLANT_##id, begin_ns, detail);	\
		}							\
	} while (0)
	DO(host_slow, prepare_inputs_slowly(), "prepare_inputs_slowly");
	DO(jit_in_loop, compile_and_load(model), "cuModuleLoadDataEx");
	DO(long_kernel, launch_long_kernel(model), "1.5 ms");
	DO(pageable_copies, upload_pageable(model), "2 MiB");
	DO(kv_offload, offload_and_reload(model), "8 MiB each way");
	DO(alloc_in_loop, planted.workspace = allocate(WORKSPACE_BYTES), "cuMemAlloc");
	DO(fragmentation, segments_churn(model, plan->step), "cuMemMap");
	DO(leak, leak(), "4 MiB");
	DO(oom, allocate_too_much(), "cuMemAlloc");
	DO(wrong_device, launch_on_other_device(model), "88 KiB of shared memory");
	DO(launch_failure, launch_impossible(model), "2048 threads");
	DO(managed_memory, touch_managed(model), "16 MiB");
	DO(transient_peak, driver_check(cu.MemAllocAsync(&planted.peak, PEAK_BYTES, model->compute),
					"cuMemAllocAsync"), "2048 MiB");
	planted.forward_begin_ns = clock_now_ns();
}

/* Plants whose doing is spread over the launches of a step: one fact for all of them. */
#define SPREAD_PLANTS (PLANT_BIT(small_copies) | PLANT_BIT(launch_bound) | PLANT_BIT(tiny_kernels) | \
	PLANT_BIT(sync_per_layer) | PLANT_BIT(no_graphs) | \
	PLANT_BIT(attribute_queries) | PLANT_BIT(no_pdl) | PLANT_BIT(redundant_copies) | \
	PLANT_BIT(redundant_casts) | PLANT_BIT(cross_stream_wait) | PLANT_BIT(null_stream) | \
	PLANT_BIT(arch_fallback) | PLANT_BIT(wave_tail) | PLANT_BIT(low_occupancy) | \
	PLANT_BIT(low_coverage) | PLANT_BIT(spill) | \
	PLANT_BIT(exposed_comm) | PLANT_BIT(mega_kernel))

void planted_after_forward(struct model *model, const struct plan *plan)
{
	if (plan->plants & PLANT_BIT(transient_peak))
		driver_check(cu.MemFreeAsync(planted.peak, model->compute), "cuMemFreeAsync");
	DO(alloc_in_loop, driver_check(cu.MemFree(planted.workspace), "cuMemFree"), "cuMemFree");
#undef DO
	if (plan->plants & PLANT_BIT(long_prefill) && plan->prefill_tokens > CHUNK_TOKENS)
		plant_record(PLANT_long_prefill, planted.forward_begin_ns, "whole prompts");
	if (plan->plants & PLANT_BIT(graph_miss) && !plan->prefill_tokens && plan->decode_count > 2)
		plant_record(PLANT_graph_miss, planted.forward_begin_ns, "eager decode");
	if (plan->plants & PLANT_BIT(shrinking_batch) && !plan->prefill_tokens &&
	    plan->decode_count <= options.batch / 2)
		plant_record(PLANT_shrinking_batch, planted.forward_begin_ns, "half empty");
	for (int i = 0; i < PLANT_COUNT; i++)
		if (plan->plants & SPREAD_PLANTS & (plant_set)1 << i)
			plant_record((enum plant)i, planted.forward_begin_ns, "step");
}

void planted_upload_metadata(struct model *model, const struct metadata *metadata)
{
	static const size_t fields[] = {
		offsetof(struct metadata, positions), offsetof(struct metadata, sequence_lengths),
		offsetof(struct metadata, query_starts), offsetof(struct metadata, slot_mapping),
		offsetof(struct metadata, temperature), offsetof(struct metadata, top_p),
		offsetof(struct metadata, top_k),
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		driver_check(cu.MemcpyHtoDAsync(model->metadata + fields[i],
						(const char *)metadata + fields[i],
						BATCH_MAX * sizeof(int32_t), model->compute),
			     "cuMemcpyHtoDAsync");
	for (int i = 0; i < metadata->batch; i++)
		driver_check(cu.MemcpyHtoDAsync(model->metadata + offsetof(struct metadata,
									   block_tables[i]),
						metadata->block_tables[i],
						sizeof(metadata->block_tables[i]), model->compute),
			     "cuMemcpyHtoDAsync");
}

static void retrieve_per_layer(struct model *model)
{
	driver_check(cu.MemcpyDtoHAsync(planted.pinned, planted.staging, 64, model->compute),
		     "cuMemcpyDtoHAsync");
	driver_check(cu.StreamSynchronize(model->compute), "cuStreamSynchronize");
	driver_check(cu.MemcpyHtoDAsync(planted.staging, planted.pinned, 4096, model->compute),
		     "cuMemcpyHtoDAsync");
	launch_gather(model, model->compute, launch_full_grid(model, KERNEL_gather, 1));
}

static void detour_over_side_stream(struct model *model)
{
	driver_check(cu.EventRecord(model->side_begin, model->compute), "cuEventRecord");
	driver_check(cu.StreamWaitEvent(model->side, model->side_begin, 0), "cuStreamWaitEvent");
	launch_gather(model, model->side, SMALL_GRID);
	driver_check(cu.EventRecord(model->side_end, model->side), "cuEventRecord");
	driver_check(cu.StreamWaitEvent(model->compute, model->side_end, 0), "cuStreamWaitEvent");
}

static void serialise_by_legacy_stream(struct model *model)
{
	launch_gather(model, model->side, SMALL_GRID);
	driver_check(cu.MemsetD8Async(planted.staging, 0, 256, NULL), "cuMemsetD8Async");
	launch_gather(model, model->compute, SMALL_GRID);
}

void planted_in_layer(struct model *model, struct forward *forward, int index)
{
	(void)index;
	if (forward->is_captured)
		return;
	if (model_is_planted(model, PLANT_BIT(sync_per_layer)))
		retrieve_per_layer(model);
	if (model_is_planted(model, PLANT_BIT(cross_stream_wait)))
		detour_over_side_stream(model);
	if (model_is_planted(model, PLANT_BIT(null_stream)))
		serialise_by_legacy_stream(model);
}

static void encode_tensor_map(struct model *model)
{
	_Alignas(64) unsigned char map[128];
	cuuint64_t dimensions[2] = { HIDDEN, FFN }, strides[1] = { HIDDEN * 2 };
	cuuint32_t box[2] = { 64, 128 }, steps[2] = { 1, 1 };
	void *encode = NULL;
	CUdriverProcAddressQueryResult status;

	driver_check(cu.GetProcAddress("cuTensorMapEncodeTiled", &encode, 12080,
				       CU_GET_PROC_ADDRESS_DEFAULT, &status), "cuGetProcAddress");
	driver_check(((__typeof__(cuTensorMapEncodeTiled) *)encode)((CUtensorMap *)map, 9, 2,
		(void *)(uintptr_t)model->layers[0].gate_up, dimensions, strides, box, steps,
		0, 3, 2, 0), "cuTensorMapEncodeTiled");
}

/* What could have been asked and set once, at every launch. */
static void query_attributes(struct model *model, enum kernel kernel)
{
	int value = 0;

	driver_check(cu.FuncSetAttribute(model->functions[kernel],
					 CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT, 100),
		     "cuFuncSetAttribute");
	cu.DeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, model->device);
	cu.FuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_NUM_REGS, model->functions[kernel]);
	cu.OccupancyMaxActiveBlocksPerMultiprocessor(&value, model->functions[kernel], 128, 0);
	cu.PointerGetAttribute(&value, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, model->kv_cache);
}

void planted_per_launch(struct model *model, enum kernel kernel)
{
	bool is_gemm = kernel >= KERNEL_decode_qkv && kernel <= KERNEL_prefill_down;
	uint64_t begin_ns;

	if (model_is_planted(model, PLANT_BIT(launch_bound)))
		host_work(DISPATCH_NS);
	if (model_is_planted(model, PLANT_BIT(tensormap_in_loop)) && is_gemm) {
		begin_ns = clock_now_ns();
		for (int i = 0; i < MAPS_PER_GEMM; i++)
			encode_tensor_map(model);
		plant_record(PLANT_tensormap_in_loop, begin_ns, "cuTensorMapEncodeTiled");
	}
	if (model_is_planted(model, PLANT_BIT(attribute_queries)))
		query_attributes(model, kernel);
}
