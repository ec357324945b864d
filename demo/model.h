/* SPDX-License-Identifier: Apache-2.0 */
/* The model on the GPU: weights, KV cache, kernels and one forward pass. */
#ifndef GPUTRAIL_DEMO_MODEL_H
#define GPUTRAIL_DEMO_MODEL_H

#include "demo/driver.h"
#include "demo/server.h"

enum kernel {
#define KERNEL(id, module, threads, shared, symbol) KERNEL_##id,
#include "demo/kernels.def"
#undef KERNEL
	KERNEL_COUNT
};

/* An 8-billion-parameter shape, with fewer layers. */
enum { HIDDEN = 4096, HEADS = 32, KV_HEADS = 8, HEAD_DIM = 128, FFN = 14336, VOCABULARY = 128256,
	CHUNK_TOKENS = 512, PROMPT_MAX = 2048 };

struct layer {
	CUdeviceptr qkv, o, gate_up, down, norms;
};

/* Where a forward pass keeps what it computes. */
struct activations {
	CUdeviceptr arena, hidden, residual, qkv, attention, ffn, partial, logits;
	size_t bytes;
};

struct model {
	CUdevice device;
	CUcontext context;
	int sm_count, capability;
	CUfunction functions[KERNEL_COUNT];
	CUstream compute, copy, sampling, side;
	CUevent side_begin, side_end;
	CUmemoryPool pool;
	struct layer *layers;
	CUdeviceptr embedding, lm_head, kv_cache, metadata, tokens, managed;
	size_t kv_bytes;
	struct activations graph_activations;	/* at fixed addresses, for captured steps */
	plant_set plants;			/* of the step being launched */
};

/* One step's shape. */
struct forward {
	int tokens, prefill_tokens, decode_batch, batch;
	bool is_captured;
	struct activations *at;
};

void model_open(struct model *model);
void model_close(struct model *model);
void model_activations_lay(struct activations *at, CUdeviceptr arena, int tokens);
size_t model_activations_bytes(int tokens);
void model_forward(struct model *model, struct forward *forward);
static inline bool model_is_planted(const struct model *model, plant_set bit)
{
	return (model->plants & bit) != 0;
}

/* --- layers.c --- */
void layer_forward(struct model *model, struct forward *forward, int index);
void lm_head_forward(struct model *model, struct forward *forward);
void embedding_forward(struct model *model, struct forward *forward);

/* --- attention.c --- */
void attention_forward(struct model *model, struct forward *forward, int index);

/* --- sampler.c --- */
void sampler_sample(struct model *model, struct forward *forward, CUstream stream);

/* --- launch.c --- */
struct launch {
	enum kernel kernel;
	unsigned x, y, z;		/* grid; 0 means 1 */
	CUstream stream;
	bool is_dependent;		/* may begin while its predecessor ends */
};
void kernels_open(struct model *model);
void kernels_close(void);
/* Loads the kernel's module once more, into the current context. */
void kernel_load_again(enum kernel kernel, CUmodule *module, CUfunction *function);
void launch_kernel(struct model *model, const struct launch *launch, void **arguments);
/* Blocks that fill the device exactly w times with this kernel. */
unsigned launch_full_grid(const struct model *model, enum kernel kernel, unsigned waves);

/* --- graphs.c --- */
void graphs_open(struct model *model);
void graphs_close(void);
/* Smallest captured batch that holds `batch` requests, 0 when none does. */
int graphs_bucket(int batch);
/* Is there a graph for the plants of this step? */
bool graphs_can_launch(const struct model *model, int bucket);
void graphs_launch(struct model *model, int bucket);
/* Captures and instantiates again. */
void graphs_recapture(struct model *model, int bucket);

/* --- planted.c: what the plants do around a step --- */
/* Of the free memory, what the plants will take later. */
size_t planted_reserve(size_t free_bytes);
void planted_open(struct model *model);
void planted_before_forward(struct model *model, const struct plan *plan);
void planted_in_layer(struct model *model, struct forward *forward, int index);
void planted_after_forward(struct model *model, const struct plan *plan);
void planted_per_launch(struct model *model, enum kernel kernel);
void planted_upload_metadata(struct model *model, const struct metadata *metadata);
void planted_close(struct model *model);

#endif
