/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine: launches one step after the other. The streams' order: metadata may be overwritten
 * once the last forward pass is done; a forward pass needs its metadata and the last tokens;
 * sampling needs the logits.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "demo/model.h"

#include <string.h>

#define READBACK_NS 600000	/* what processing the tokens takes the launching thread */

static struct {
	struct model model;
	CUevent metadata_ready, forward_done, tokens_ready[SLOTS];
	struct metadata *metadata[SLOTS];	/* pinned */
	int32_t *tokens[SLOTS];			/* pinned */
} engine;

static CUevent event_create(void)
{
	CUevent event = NULL;

	driver_check(cu.EventCreate(&event, CU_EVENT_DISABLE_TIMING), "cuEventCreate");
	return event;
}

void engine_open(void)
{
	model_open(&engine.model);
	engine.metadata_ready = event_create();
	engine.forward_done = event_create();
	for (int i = 0; i < SLOTS; i++) {
		engine.tokens_ready[i] = event_create();
		driver_check(cu.MemHostAlloc((void **)&engine.metadata[i], sizeof(struct metadata), 0),
			     "cuMemHostAlloc");
		driver_check(cu.MemHostAlloc((void **)&engine.tokens[i],
					     BATCH_MAX * sizeof(int32_t), 0), "cuMemHostAlloc");
	}
	output_open(engine.model.context);
}

void engine_close(void)
{
	cu.CtxSynchronize();
	for (int i = 0; i < SLOTS; i++) {
		cu.EventDestroy(engine.tokens_ready[i]);
		cu.MemFreeHost(engine.metadata[i]);
		cu.MemFreeHost(engine.tokens[i]);
	}
	cu.EventDestroy(engine.metadata_ready);
	cu.EventDestroy(engine.forward_done);
	model_close(&engine.model);
}

/* The embedding of this step reads the tokens of the last one. */
static void wait_for_last_tokens(const struct plan *plan)
{
	driver_check(cu.StreamWaitEvent(engine.model.compute,
					engine.tokens_ready[(plan->step + SLOTS - 1) % SLOTS], 0),
		     "cuStreamWaitEvent");
}

static void upload_metadata(const struct plan *plan, int slot)
{
	struct model *model = &engine.model;

	memcpy(engine.metadata[slot], &plan->metadata, sizeof(plan->metadata));
	if (plan->plants & PLANT_BIT(small_copies)) {
		wait_for_last_tokens(plan);
		planted_upload_metadata(model, engine.metadata[slot]);
		return;
	}
	driver_check(cu.StreamWaitEvent(model->copy, engine.forward_done, 0), "cuStreamWaitEvent");
	driver_check(cu.MemcpyHtoDAsync(model->metadata, engine.metadata[slot],
					sizeof(plan->metadata), model->copy), "cuMemcpyHtoDAsync");
	driver_check(cu.EventRecord(engine.metadata_ready, model->copy), "cuEventRecord");
	driver_check(cu.StreamWaitEvent(model->compute, engine.metadata_ready, 0),
		     "cuStreamWaitEvent");
}

static void forward_graph(const struct plan *plan, int bucket)
{
	struct model *model = &engine.model;
	uint64_t begin_ns;

	if (plan->plants & PLANT_BIT(graph_recapture)) {
		/* As frameworks do: nothing else may run while they capture. */
		driver_check(cu.CtxSynchronize(), "cuCtxSynchronize");
		begin_ns = clock_now_ns();
		graphs_recapture(model, bucket);
		plant_record(PLANT_graph_recapture, begin_ns, "cuGraphInstantiate");
	}
	graphs_launch(model, bucket);
	atomic_fetch_add(&statistics.graph_steps, 1);
}

static void forward_eager(const struct plan *plan)
{
	struct model *model = &engine.model;
	struct activations activations = { .logits = model->graph_activations.logits };
	struct forward forward = {
		.tokens = plan->metadata.token_count, .prefill_tokens = plan->prefill_tokens,
		.decode_batch = plan->decode_count, .batch = plan->count, .at = &activations,
	};
	CUdeviceptr arena = 0;

	driver_check(cu.MemAllocFromPoolAsync(&arena, model_activations_bytes(forward.tokens),
					      model->pool, model->compute),
		     "cuMemAllocFromPoolAsync");
	model_activations_lay(&activations, arena, forward.tokens);
	model_forward(model, &forward);
	driver_check(cu.MemFreeAsync(arena, model->compute), "cuMemFreeAsync");
	atomic_fetch_add(&statistics.eager_steps, 1);
	atomic_fetch_add(&statistics.prefill_tokens, plan->prefill_tokens);
}

static void execute_model(const struct plan *plan)
{
	struct model *model = &engine.model;
	int bucket = plan->prefill_tokens ? 0 : graphs_bucket(plan->decode_count);

	wait_for_last_tokens(plan);
	if (bucket && graphs_can_launch(model, bucket))
		forward_graph(plan, bucket);
	else
		forward_eager(plan);
	driver_check(cu.EventRecord(engine.forward_done, model->compute), "cuEventRecord");
}

static void sample_tokens(const struct plan *plan, int slot)
{
	struct model *model = &engine.model;
	struct forward forward = { .batch = plan->count };

	driver_check(cu.StreamWaitEvent(model->sampling, engine.forward_done, 0),
		     "cuStreamWaitEvent");
	sampler_sample(model, &forward, model->sampling);
	driver_check(cu.MemcpyDtoHAsync(engine.tokens[slot], model->tokens,
					(size_t)plan->count * sizeof(int32_t), model->sampling),
		     "cuMemcpyDtoHAsync");
	driver_check(cu.EventRecord(engine.tokens_ready[slot], model->sampling), "cuEventRecord");
}

/* The launching thread itself waits for the tokens and processes them: no look-ahead. */
static void wait_for_tokens(const struct output *output)
{
	uint64_t begin_ns = clock_now_ns();

	driver_check(cu.StreamSynchronize(engine.model.sampling), "cuStreamSynchronize");
	output_process(output);
	host_work(READBACK_NS);
	plant_record(PLANT_sync_readback, begin_ns, "cuStreamSynchronize");
}

static void poll_for_tokens(const struct output *output)
{
	uint64_t begin_ns = clock_now_ns();

	while (cu.EventQuery(output->tokens_ready) == CUDA_ERROR_NOT_READY)
		host_work(2000);
	plant_record(PLANT_polling, begin_ns, "cuEventQuery");
}

static void engine_output(const struct plan *plan, int slot)
{
	struct output output = {
		.step = plan->step, .tokens_ready = engine.tokens_ready[slot],
		.tokens = engine.tokens[slot], .count = plan->count,
	};

	for (int i = 0; i < plan->count; i++) {
		output.request_ids[i] = plan->items[i].request_id;
		output.has_token[i] = plan->items[i].has_output;
	}
	output_push(&output);
	if (plan->count > 0 && plan->plants & PLANT_BIT(sync_readback))
		wait_for_tokens(&output);
	if (plan->count > 0 && plan->plants & PLANT_BIT(polling))
		poll_for_tokens(&output);
}

static void engine_step(const struct plan *plan)
{
	int slot = (int)(plan->step % SLOTS);
	uint64_t begin_ns;

	while (sem_wait(&steps_allowed))
		;
	begin_ns = clock_now_ns();
	engine.model.plants = plan->plants;
	if (plan->count > 0) {
		planted_before_forward(&engine.model, plan);
		upload_metadata(plan, slot);
		execute_model(plan);
		sample_tokens(plan, slot);
		planted_after_forward(&engine.model, plan);
	}
	engine_output(plan, slot);
	if (plan->count > 0)
		step_record(plan->step, begin_ns, !plan->prefill_tokens ? "decode"
			    : plan->decode_count ? "prefill+decode" : "prefill");
}

void engine_run(void)
{
	struct output end = { .is_end = true };

	for (;;) {
		struct plan *plan = scheduler_next_plan();

		if (plan->is_end)
			break;
		engine_step(plan);
		scheduler_give_back(plan);
	}
	output_push(&end);
}
