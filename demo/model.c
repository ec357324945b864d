/* SPDX-License-Identifier: Apache-2.0 */
/* Device set-up, weights, KV cache, and the forward pass over all layers. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "demo/model.h"

#include <stdlib.h>

#define GRAPH_TOKENS 64		/* more than any captured step has */

static CUdeviceptr device_allocate(size_t bytes)
{
	CUdeviceptr pointer = 0;

	driver_check(cu.MemAlloc(&pointer, bytes), "cuMemAlloc");
	return pointer;
}

static CUstream stream_create(int priority)
{
	/* The legacy stream waits for blocking streams only; servers avoid those. */
	bool is_blocking = (plants_chosen() & PLANT_BIT(null_stream)) != 0;
	CUstream stream = NULL;

	driver_check(cu.StreamCreateWithPriority(&stream, is_blocking ? 0 : CU_STREAM_NON_BLOCKING,
						 priority), "cuStreamCreateWithPriority");
	return stream;
}

static void model_open_device(struct model *model)
{
	int count = 0, major = 0, minor = 0, least = 0, greatest = 0;

	driver_check(cu.Init(0), "cuInit");
	driver_check(cu.DeviceGetCount(&count), "cuDeviceGetCount");
	driver_check(cu.DeviceGet(&model->device, 0), "cuDeviceGet");
	driver_check(cu.DevicePrimaryCtxRetain(&model->context, model->device),
		     "cuDevicePrimaryCtxRetain");
	driver_check(cu.CtxSetCurrent(model->context), "cuCtxSetCurrent");
	cu.DeviceGetAttribute(&model->sm_count, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT,
			      model->device);
	cu.DeviceGetAttribute(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, model->device);
	cu.DeviceGetAttribute(&minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, model->device);
	model->capability = major * 10 + minor;
	driver_check(cu.CtxGetStreamPriorityRange(&least, &greatest),
		     "cuCtxGetStreamPriorityRange");
	model->compute = stream_create(plants_chosen() & PLANT_BIT(long_kernel) ? greatest : least);
	model->copy = stream_create(greatest);
	model->sampling = stream_create(greatest);
	model->side = stream_create(least);
	driver_check(cu.EventCreate(&model->side_begin, CU_EVENT_DISABLE_TIMING), "cuEventCreate");
	driver_check(cu.EventCreate(&model->side_end, CU_EVENT_DISABLE_TIMING), "cuEventCreate");
}

static void model_open_pool(struct model *model)
{
	CUmemPoolProps properties = {
		.allocType = CU_MEM_ALLOCATION_TYPE_PINNED,
		.location = { .type = CU_MEM_LOCATION_TYPE_DEVICE, .id = model->device },
	};
	cuuint64_t keep_all = UINT64_MAX;

	driver_check(cu.MemPoolCreate(&model->pool, &properties), "cuMemPoolCreate");
	driver_check(cu.MemPoolSetAttribute(model->pool, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD,
					    &keep_all), "cuMemPoolSetAttribute");
}

/* Values do not matter to speed: filled on the device instead of read from a checkpoint. */
static CUdeviceptr weight_create(struct model *model, size_t elements)
{
	CUdeviceptr weight = device_allocate(elements * 2);
	struct launch launch = {
		.kernel = KERNEL_uniform_fill, .stream = model->compute,
		.x = launch_full_grid(model, KERNEL_uniform_fill, 1),
	};
	uint32_t seed = options.seed;
	void *arguments[] = { &weight, &elements, &seed };

	launch_kernel(model, &launch, arguments);
	return weight;
}

static void model_load_weights(struct model *model)
{
	size_t hidden = HIDDEN;

	model->layers = calloc((size_t)options.layers, sizeof(*model->layers));
	if (!model->layers)
		abort();
	model->embedding = weight_create(model, VOCABULARY * hidden);
	model->lm_head = weight_create(model, VOCABULARY * hidden);
	for (int i = 0; i < options.layers; i++) {
		struct layer *layer = &model->layers[i];

		layer->qkv = weight_create(model, hidden * (HEADS + 2 * KV_HEADS) * HEAD_DIM);
		layer->o = weight_create(model, hidden * HEADS * HEAD_DIM);
		layer->gate_up = weight_create(model, hidden * 2 * FFN);
		layer->down = weight_create(model, hidden * FFN);
		layer->norms = weight_create(model, 2 * hidden);
	}
	driver_check(cu.StreamSynchronize(model->compute), "cuStreamSynchronize");
}

/* One allocation for all layers, sized by what is left, as servers do. */
static void model_open_kv_cache(struct model *model)
{
	size_t block_bytes = (size_t)options.layers * 2 * KV_HEADS * HEAD_DIM * 2 * BLOCK_TOKENS;
	size_t free_bytes = 0, total_bytes = 0;

	driver_check(cu.MemGetInfo(&free_bytes, &total_bytes), "cuMemGetInfo");
	free_bytes -= planted_reserve(free_bytes);
	if (options.kv_blocks == 0)
		options.kv_blocks = (int)(free_bytes / 10 * 8 / block_bytes);
	if (plants_chosen() & PLANT_BIT(preemption))
		options.kv_blocks = 512;
	model->kv_bytes = block_bytes * (size_t)options.kv_blocks;
	model->kv_cache = device_allocate(model->kv_bytes);
	blocks_open(options.kv_blocks);
}

size_t model_activations_bytes(int tokens)
{
	return (size_t)tokens * 2 *
		(2 * HIDDEN + (HEADS + 2 * KV_HEADS) * HEAD_DIM + 2 * HIDDEN + 3 * FFN);
}

void model_activations_lay(struct activations *at, CUdeviceptr arena, int tokens)
{
	size_t row = (size_t)tokens * 2;

	at->arena = arena;
	at->bytes = model_activations_bytes(tokens);
	at->hidden = arena;
	at->residual = at->hidden + row * HIDDEN;
	at->qkv = at->residual + row * HIDDEN;
	at->attention = at->qkv + row * (HEADS + 2 * KV_HEADS) * HEAD_DIM;
	at->partial = at->attention + row * HIDDEN;
	at->ffn = at->partial + row * HIDDEN;
}

void model_open(struct model *model)
{
	model_open_device(model);
	model_open_pool(model);
	kernels_open(model);
	model_load_weights(model);
	model->metadata = device_allocate(sizeof(struct metadata));
	model->tokens = device_allocate(BATCH_MAX * sizeof(int32_t));
	driver_check(cu.MemsetD32Async(model->tokens, 0, BATCH_MAX, model->compute),
		     "cuMemsetD32Async");
	model_activations_lay(&model->graph_activations,
			      device_allocate(model_activations_bytes(GRAPH_TOKENS)), GRAPH_TOKENS);
	model->graph_activations.logits = device_allocate((size_t)BATCH_MAX * VOCABULARY * 4);
	model_open_kv_cache(model);
	planted_open(model);
	graphs_open(model);
}

void model_close(struct model *model)
{
	graphs_close();
	planted_close(model);
	cu.MemFree(model->kv_cache);
	for (int i = 0; i < options.layers; i++) {
		struct layer *layer = &model->layers[i];

		cu.MemFree(layer->qkv);
		cu.MemFree(layer->o);
		cu.MemFree(layer->gate_up);
		cu.MemFree(layer->down);
		cu.MemFree(layer->norms);
	}
	free(model->layers);
	cu.MemFree(model->embedding);
	cu.MemFree(model->lm_head);
	cu.MemFree(model->metadata);
	cu.MemFree(model->tokens);
	cu.MemFree(model->graph_activations.arena);
	cu.MemFree(model->graph_activations.logits);
	cu.MemPoolDestroy(model->pool);
	cu.EventDestroy(model->side_begin);
	cu.EventDestroy(model->side_end);
	cu.StreamDestroy(model->compute);
	cu.StreamDestroy(model->copy);
	cu.StreamDestroy(model->sampling);
	cu.StreamDestroy(model->side);
	kernels_close();
	cu.DevicePrimaryCtxRelease(model->device);
	blocks_close();
}

/* All layers in one launch: nothing inside of it can be seen from outside. */
static void mega_kernel_forward(struct model *model, struct forward *forward)
{
	struct launch launch = {
		.kernel = KERNEL_mega, .stream = model->compute, .x = (unsigned)model->sm_count,
	};
	CUdeviceptr params[16] = { forward->at->arena, model->kv_cache, model->metadata };
	void *arguments[] = { params };

	launch_kernel(model, &launch, arguments);
}

void model_forward(struct model *model, struct forward *forward)
{
	if (!forward->prefill_tokens && model_is_planted(model, PLANT_BIT(mega_kernel))) {
		mega_kernel_forward(model, forward);
		return;
	}
	embedding_forward(model, forward);
	for (int i = 0; i < options.layers; i++)
		layer_forward(model, forward, i);
	lm_head_forward(model, forward);
}
