/* SPDX-License-Identifier: Apache-2.0 */
/* CUDA graphs of the decode step: one per batch size and set of planted causes. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "demo/model.h"

#define VARIANTS 8

/* Plants that forbid capture, or that are about not having graphs. */
#define EAGER_PLANTS (PLANT_BIT(no_graphs) | PLANT_BIT(launch_bound) | PLANT_BIT(sync_per_layer) | \
	PLANT_BIT(tensormap_in_loop) | PLANT_BIT(attribute_queries) | PLANT_BIT(null_stream) | \
	PLANT_BIT(cross_stream_wait))
/* Plants that change what a graph holds. */
#define GRAPH_PLANTS (PLANT_BIT(tiny_kernels) | PLANT_BIT(redundant_copies) | \
	PLANT_BIT(redundant_casts) | PLANT_BIT(no_pdl) | PLANT_BIT(arch_fallback) | \
	PLANT_BIT(wave_tail) | PLANT_BIT(low_occupancy) | PLANT_BIT(low_coverage) | PLANT_BIT(spill) | \
	PLANT_BIT(exposed_comm) | PLANT_BIT(mega_kernel))

static const int buckets[] = { 1, 2, 4, 8, 12, 16 };
enum { BUCKETS = sizeof(buckets) / sizeof(buckets[0]) };

static struct {
	plant_set plants;
	CUgraphExec executables[BUCKETS];
} variants[VARIANTS];
static int variant_count;

int graphs_bucket(int batch)
{
	int largest = plants_chosen() & PLANT_BIT(graph_miss) ? 2 : buckets[BUCKETS - 1];

	for (int i = 0; i < BUCKETS && buckets[i] <= largest; i++)
		if (batch <= buckets[i])
			return buckets[i];
	return 0;
}

static CUgraphExec graph_capture(struct model *model, int bucket)
{
	struct forward forward = {
		.tokens = bucket, .decode_batch = bucket, .batch = bucket, .is_captured = true,
		.at = &model->graph_activations,
	};
	CUgraph graph = NULL;
	CUgraphExec executable = NULL;

	driver_check(cu.StreamBeginCapture(model->compute, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
		     "cuStreamBeginCapture");
	model_forward(model, &forward);
	driver_check(cu.StreamEndCapture(model->compute, &graph), "cuStreamEndCapture");
	driver_check(cu.GraphInstantiateWithFlags(&executable, graph, 0),
		     "cuGraphInstantiateWithFlags");
	driver_check(cu.GraphUpload(executable, model->compute), "cuGraphUpload");
	driver_check(cu.GraphDestroy(graph), "cuGraphDestroy");
	return executable;
}

static void variant_capture(struct model *model, plant_set plants)
{
	for (int i = 0; i < variant_count; i++)
		if (variants[i].plants == plants)
			return;
	if (variant_count == VARIANTS)
		return;
	model->plants = plants;
	variants[variant_count].plants = plants;
	for (int i = 0; i < BUCKETS; i++)
		if (graphs_bucket(buckets[i]) == buckets[i])
			variants[variant_count].executables[i] = graph_capture(model, buckets[i]);
	variant_count++;
}

void graphs_open(struct model *model)
{
	/* Every set of plants that steps can have is met among the first hundred. */
	for (uint64_t step = 0; step < 100; step++)
		if (!(plants_due(step) & EAGER_PLANTS))
			variant_capture(model, plants_due(step) & GRAPH_PLANTS);
	driver_check(cu.StreamSynchronize(model->compute), "cuStreamSynchronize");
}

void graphs_close(void)
{
	for (int i = 0; i < variant_count; i++)
		for (int j = 0; j < BUCKETS; j++)
			if (variants[i].executables[j])
				cu.GraphExecDestroy(variants[i].executables[j]);
	variant_count = 0;
}

static CUgraphExec *graph_find(const struct model *model, int bucket)
{
	for (int i = 0; i < variant_count; i++) {
		if (variants[i].plants != (model->plants & GRAPH_PLANTS))
			continue;
		for (int j = 0; j < BUCKETS; j++)
			if (buckets[j] == bucket && variants[i].executables[j])
				return &variants[i].executables[j];
	}
	return NULL;
}

bool graphs_can_launch(const struct model *model, int bucket)
{
	return !(model->plants & EAGER_PLANTS) && graph_find(model, bucket);
}

void graphs_launch(struct model *model, int bucket)
{
	driver_check(cu.GraphLaunch(*graph_find(model, bucket), model->compute), "cuGraphLaunch");
}

void graphs_recapture(struct model *model, int bucket)
{
	CUgraphExec *executable = graph_find(model, bucket);

	driver_check(cu.GraphExecDestroy(*executable), "cuGraphExecDestroy");
	*executable = graph_capture(model, bucket);
}
