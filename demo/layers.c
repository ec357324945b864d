/* SPDX-License-Identifier: Apache-2.0 */
/* One transformer layer: norm, qkv, attention, output projection, norm, gated MLP. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "demo/model.h"

#define SKINNY_TOKENS 64	/* up to here decode kernels are faster */

struct gemm_params {		/* 96 bytes, as in gemm.ptx */
	CUdeviceptr a, b, c, workspace;
	int64_t lda, ldb, ldc;
	uint32_t m, n, k, splits;
	float alpha, beta;
	uint64_t epilogue[2];
};
_Static_assert(sizeof(struct gemm_params) == 96, "gemm.ptx has the same size");

static void gemm(struct model *model, const struct forward *forward, enum kernel kernel,
		 struct gemm_params *params)
{
	struct launch launch = { .kernel = kernel, .stream = model->compute, .is_dependent = true };
	void *arguments[] = { params };

	if (model_is_planted(model, PLANT_BIT(arch_fallback)))
		launch.kernel = KERNEL_sm80_gemm;
	params->alpha = 1;
	params->m = (uint32_t)forward->tokens;
	params->splits = 1;
	params->lda = params->k;
	params->ldb = params->k;
	params->ldc = params->n;
	/* Persistent over k; one wave of tiles per 128 rows. */
	launch.x = launch_full_grid(model, launch.kernel, ((unsigned)forward->tokens + 127) / 128);
	if (model_is_planted(model, PLANT_BIT(wave_tail)))
		launch.x += launch_full_grid(model, launch.kernel, 1) / 16;
	launch_kernel(model, &launch, arguments);
}

static void elementwise(struct model *model, enum kernel kernel, CUdeviceptr output,
			CUdeviceptr input, int count)
{
	struct launch launch = {
		.kernel = kernel, .stream = model->compute, .is_dependent = true,
		.x = launch_full_grid(model, kernel, 1),
	};
	void *arguments[] = { &output, &input, &count };

	launch_kernel(model, &launch, arguments);
}

static void elementwise_pair(struct model *model, enum kernel kernel, CUdeviceptr output,
			     CUdeviceptr input, CUdeviceptr other, int count)
{
	struct launch launch = {
		.kernel = kernel, .stream = model->compute, .is_dependent = true,
		.x = launch_full_grid(model, kernel, 1),
	};
	void *arguments[] = { &output, &input, &other, &count };

	launch_kernel(model, &launch, arguments);
}

/* Norm as a framework without fusion computes it. */
static void rms_norm_eager(struct model *model, struct activations *at, CUdeviceptr weight,
			   int count)
{
	elementwise(model, KERNEL_eager_pow, at->partial, at->hidden, count);
	elementwise(model, KERNEL_eager_mean, at->partial, at->partial, count);
	elementwise(model, KERNEL_eager_rsqrt, at->partial, at->partial, count);
	elementwise_pair(model, KERNEL_eager_mul, at->hidden, at->hidden, at->partial, count);
	elementwise_pair(model, KERNEL_eager_mul, at->hidden, at->hidden, weight, count);
}

/* Sum over the ranks of a tensor-parallel group, in the way of everything behind it. */
static void all_reduce(struct model *model, struct forward *forward)
{
	struct launch launch = {
		.kernel = KERNEL_all_reduce, .stream = model->compute, .is_dependent = true, .x = 36,
	};
	CUdeviceptr signals[8] = { forward->at->partial };
	int count = forward->tokens * HIDDEN;
	void *arguments[] = { signals, &forward->at->hidden, &count };

	if (model_is_planted(model, PLANT_BIT(exposed_comm)))
		launch_kernel(model, &launch, arguments);
}

static void rms_norm(struct model *model, struct forward *forward, CUdeviceptr weight)
{
	struct launch launch = {
		.kernel = KERNEL_rms_norm, .stream = model->compute, .is_dependent = true,
		.x = launch_full_grid(model, KERNEL_rms_norm, 1),
	};
	float epsilon = 1e-5f;
	int hidden = HIDDEN;
	struct activations *at = forward->at;
	void *arguments[] = { &at->hidden, &at->residual, &weight, &epsilon, &hidden };

	if (model_is_planted(model, PLANT_BIT(tiny_kernels)))
		rms_norm_eager(model, at, weight, forward->tokens * HIDDEN);
	else
		launch_kernel(model, &launch, arguments);
	if (model_is_planted(model, PLANT_BIT(redundant_copies)))
		driver_check(cu.MemcpyDtoDAsync(at->partial, at->hidden,
						(size_t)forward->tokens * HIDDEN * 2,
						model->compute), "cuMemcpyDtoDAsync");
	if (model_is_planted(model, PLANT_BIT(redundant_casts)))
		elementwise(model, KERNEL_cast, at->partial, at->hidden, forward->tokens * HIDDEN);
}

static void qkv_proj(struct model *model, struct forward *forward, int index)
{
	struct activations *at = forward->at;
	struct gemm_params params = {
		.a = at->hidden, .b = model->layers[index].qkv, .c = at->qkv,
		.n = (HEADS + 2 * KV_HEADS) * HEAD_DIM, .k = HIDDEN,
	};

	gemm(model, forward, forward->tokens > SKINNY_TOKENS ? KERNEL_prefill_qkv :
	     KERNEL_decode_qkv, &params);
}

static void rope_and_cache_write(struct model *model, struct forward *forward, int index)
{
	struct launch launch = {
		.kernel = KERNEL_rope_cache, .stream = model->compute, .is_dependent = true,
		.x = launch_full_grid(model, KERNEL_rope_cache, 1),
	};
	CUdeviceptr cache = model->kv_cache + model->kv_bytes / (size_t)options.layers * (size_t)index;
	CUdeviceptr positions = model->metadata, slots = model->metadata;
	int tokens = forward->tokens;
	void *arguments[] = { &forward->at->qkv, &cache, &positions, &slots, &tokens };

	if (model_is_planted(model, PLANT_BIT(tiny_kernels))) {
		elementwise(model, KERNEL_eager_neg_cat, forward->at->partial, forward->at->qkv, tokens);
		elementwise_pair(model, KERNEL_eager_mul, forward->at->partial, forward->at->qkv,
				 positions, tokens);
		elementwise_pair(model, KERNEL_eager_mul, forward->at->qkv, forward->at->partial,
				 positions, tokens);
	}
	launch_kernel(model, &launch, arguments);
}

static void o_proj(struct model *model, struct forward *forward, int index)
{
	struct activations *at = forward->at;
	struct gemm_params params = {
		.a = at->attention, .b = model->layers[index].o, .c = at->hidden,
		.n = HIDDEN, .k = HEADS * HEAD_DIM,
	};

	gemm(model, forward, forward->tokens > SKINNY_TOKENS ? KERNEL_prefill_o : KERNEL_decode_o,
	     &params);
	all_reduce(model, forward);
}

static void activation(struct model *model, struct forward *forward)
{
	struct activations *at = forward->at;
	CUdeviceptr product = at->ffn + (CUdeviceptr)forward->tokens * 2 * FFN * 2;
	int count = forward->tokens * FFN;

	if (model_is_planted(model, PLANT_BIT(tiny_kernels))) {
		elementwise(model, KERNEL_eager_sigmoid, product, at->ffn, count);
		elementwise_pair(model, KERNEL_eager_mul, product, product, at->ffn, count);
		elementwise_pair(model, KERNEL_eager_mul, product, product, at->ffn, count);
		return;
	}
	elementwise(model, KERNEL_silu_mul, product, at->ffn, count);
}

static void mlp_forward(struct model *model, struct forward *forward, int index)
{
	struct activations *at = forward->at;
	bool is_skinny = forward->tokens <= SKINNY_TOKENS;
	struct gemm_params gate_up = {
		.a = at->hidden, .b = model->layers[index].gate_up, .c = at->ffn,
		.n = 2 * FFN, .k = HIDDEN,
	};
	struct gemm_params down = {
		.a = at->ffn, .b = model->layers[index].down, .c = at->hidden,
		.n = HIDDEN, .k = FFN,
	};

	gemm(model, forward, is_skinny ? KERNEL_decode_gate_up : KERNEL_prefill_gate_up, &gate_up);
	activation(model, forward);
	gemm(model, forward, is_skinny ? KERNEL_decode_down : KERNEL_prefill_down, &down);
	all_reduce(model, forward);
}

void layer_forward(struct model *model, struct forward *forward, int index)
{
	struct layer *layer = &model->layers[index];

	rms_norm(model, forward, layer->norms);
	qkv_proj(model, forward, index);
	rope_and_cache_write(model, forward, index);
	attention_forward(model, forward, index);
	o_proj(model, forward, index);
	rms_norm(model, forward, layer->norms + HIDDEN * 2);
	mlp_forward(model, forward, index);
	planted_in_layer(model, forward, index);
}

void embedding_forward(struct model *model, struct forward *forward)
{
	struct launch launch = {
		.kernel = KERNEL_embedding, .stream = model->compute,
		.x = launch_full_grid(model, KERNEL_embedding, 1),
	};
	int tokens = forward->tokens;
	void *arguments[] = { &forward->at->hidden, &model->embedding, &model->tokens, &tokens };

	launch_kernel(model, &launch, arguments);
}

void lm_head_forward(struct model *model, struct forward *forward)
{
	struct gemm_params params = {
		.a = forward->at->hidden, .b = model->lm_head, .c = forward->at->logits,
		.n = VOCABULARY, .k = HIDDEN,
	};
	struct forward last_rows = { .tokens = forward->batch };

	rms_norm(model, forward, model->layers[0].norms);
	gemm(model, &last_rows, KERNEL_lm_head, &params);
}
