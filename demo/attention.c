/* SPDX-License-Identifier: Apache-2.0 */
/* Attention over the paged KV cache: whole prompts' pieces, and single tokens with a split KV. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "demo/model.h"

#include <math.h>

struct paged_kv_params {	/* 128 bytes, as in attention.ptx */
	CUdeviceptr query, cache, block_tables, sequence_lengths, output, partial;
	int64_t block_stride, head_stride, row_stride;
	int32_t batch, heads, kv_heads, head_dim, splits, max_blocks, block_tokens, query_tokens;
	float scale, softcap;
	int64_t window;
	uint64_t reserved;
};
_Static_assert(sizeof(struct paged_kv_params) == 128, "attention.ptx has the same size");

static void attention_prefill(struct model *model, struct paged_kv_params *params)
{
	struct launch launch = {
		.kernel = KERNEL_attention_prefill, .stream = model->compute, .is_dependent = true,
		.x = launch_full_grid(model, KERNEL_attention_prefill,
				      ((unsigned)params->query_tokens + 127) / 128),
	};
	void *arguments[] = { params };

	launch_kernel(model, &launch, arguments);
}

static void attention_combine(struct model *model, struct paged_kv_params *params)
{
	struct launch launch = {
		.kernel = KERNEL_attention_combine, .stream = model->compute, .is_dependent = true,
		.x = launch_full_grid(model, KERNEL_attention_combine, 1),
	};
	void *arguments[] = { params };

	launch_kernel(model, &launch, arguments);
}

static enum kernel attention_decode_kernel(const struct model *model)
{
	if (model_is_planted(model, PLANT_BIT(low_coverage)))
		return KERNEL_attention_few_sms;
	if (model_is_planted(model, PLANT_BIT(low_occupancy)))
		return KERNEL_attention_two_warps;
	if (model_is_planted(model, PLANT_BIT(spill)))
		return KERNEL_attention_spilling;
	if (model_is_planted(model, PLANT_BIT(arch_fallback)))
		return KERNEL_triton_attention;
	return KERNEL_attention_decode;
}

static void attention_decode(struct model *model, struct paged_kv_params *params)
{
	struct launch launch = {
		.kernel = attention_decode_kernel(model), .stream = model->compute,
		.is_dependent = true,
	};
	unsigned full = launch_full_grid(model, launch.kernel, 1);
	void *arguments[] = { params };

	/* As many parts of the KV as fill the device; one part only where the split is missing. */
	launch.z = (unsigned)params->batch;
	launch.y = KV_HEADS;
	launch.x = full / (launch.y * launch.z);
	if (launch.kernel == KERNEL_attention_few_sms) {
		launch.x = 1;
		launch.y = 2;
	}
	if (launch.x == 0)
		launch.x = 1;
	params->splits = (int32_t)launch.x;
	launch_kernel(model, &launch, arguments);
	if (params->splits > 1)
		attention_combine(model, params);
}

void attention_forward(struct model *model, struct forward *forward, int index)
{
	struct activations *at = forward->at;
	struct paged_kv_params params = {
		.query = at->qkv, .output = at->attention, .partial = at->partial,
		.cache = model->kv_cache + model->kv_bytes / (size_t)options.layers * (size_t)index,
		.block_tables = model->metadata, .sequence_lengths = model->metadata,
		.block_stride = BLOCK_TOKENS * KV_HEADS * HEAD_DIM, .head_stride = HEAD_DIM,
		.row_stride = (HEADS + 2 * KV_HEADS) * HEAD_DIM,
		.heads = HEADS, .kv_heads = KV_HEADS, .head_dim = HEAD_DIM, .splits = 1,
		.max_blocks = BLOCKS_PER_REQUEST, .block_tokens = BLOCK_TOKENS,
		.scale = 1 / sqrtf(HEAD_DIM),
	};

	if (forward->prefill_tokens > 0) {
		params.batch = forward->batch - forward->decode_batch;
		params.query_tokens = forward->prefill_tokens;
		attention_prefill(model, &params);
	}
	if (forward->decode_batch > 0) {
		params.batch = forward->decode_batch;
		params.query_tokens = 1;
		attention_decode(model, &params);
	}
}
