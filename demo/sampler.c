/* SPDX-License-Identifier: Apache-2.0 */
/* From logits to tokens: penalties and temperature, top-k, top-p, draw. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "demo/model.h"

struct sampling_params {	/* 48 bytes, as in sampling.ptx */
	CUdeviceptr metadata;
	uint64_t seed, offset;
	int32_t batch, vocabulary;
	uint64_t reserved[2];
};
_Static_assert(sizeof(struct sampling_params) == 48, "sampling.ptx has the same size");

static void logits_process(struct model *model, enum kernel kernel, CUstream stream,
			   CUdeviceptr logits, struct sampling_params *params)
{
	struct launch launch = {
		.kernel = kernel, .stream = stream, .is_dependent = true,
		.x = launch_full_grid(model, kernel, 1),
	};
	void *arguments[] = { &logits, params };

	launch_kernel(model, &launch, arguments);
}

static void token_draw(struct model *model, CUstream stream, CUdeviceptr logits,
		       struct sampling_params *params)
{
	struct launch launch = {
		.kernel = KERNEL_sample, .stream = stream, .is_dependent = true,
		.x = launch_full_grid(model, KERNEL_sample, 1),
	};
	void *arguments[] = { &logits, &model->tokens, params };

	launch_kernel(model, &launch, arguments);
}

void sampler_sample(struct model *model, struct forward *forward, CUstream stream)
{
	CUdeviceptr logits = model->graph_activations.logits;
	struct sampling_params params = {
		.metadata = model->metadata, .seed = options.seed, .batch = forward->batch,
		.vocabulary = VOCABULARY,
	};

	logits_process(model, KERNEL_penalty, stream, logits, &params);
	logits_process(model, KERNEL_top_k, stream, logits, &params);
	logits_process(model, KERNEL_top_p, stream, logits, &params);
	token_draw(model, stream, logits, &params);
}
