/* SPDX-License-Identifier: Apache-2.0 */
/* Detectors over steps: eager ones that graphs could replay, prompts in their way, waits per layer. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/findings_internal.h"

#include <stdlib.h>
#include <string.h>

#define GRAPH_LAUNCH_NS	500000		/* what a step keeps when a graph replays it */

/* Steps of a device in one mode and phase. */
struct tally {
	uint64_t steps, timed, total_ns;	/* timed: those with a period, which total_ns is of */
	uint64_t idle_ns;			/* by causes that a graph takes away */
	uint64_t busy_ns;			/* of total_ns, without idle time of any cause */
	uint64_t least_ns;			/* shortest period */
	const struct step_kind *kind;		/* with most steps */
};

static void kind_take(struct tally *tally, const struct step_kind *kind)
{
	static const enum idle_cause by_launches[] = {
		IDLE_LAUNCH_BOUND, IDLE_KERNEL_BOUNDARY, IDLE_HOST_BUSY, IDLE_LOOKUPS,
	};
	uint64_t idle_ns = 0;

	tally->steps += kind->steps;
	tally->timed += kind->times.count;
	tally->total_ns += kind->times.total_ns;
	for (size_t i = 0; i < sizeof(by_launches) / sizeof(by_launches[0]); i++)
		tally->idle_ns += kind->all.idle_ns[by_launches[i]];
	for (int cause = 0; cause < IDLE_CAUSE_COUNT; cause++)
		idle_ns += kind->all.idle_ns[cause];
	if (kind->all.period_ns > idle_ns)
		tally->busy_ns += kind->all.period_ns - idle_ns;
	if (kind->times.count && (!tally->least_ns || kind->times.min_ns < tally->least_ns))
		tally->least_ns = kind->times.min_ns;
	if (!tally->kind || kind->steps > tally->kind->steps)
		tally->kind = kind;
}

static bool kind_ran_on(const struct step_result *r, int kind, int device)
{
	for (size_t i = 0; i < r->step_count; i++)
		if (r->steps[i].kind == kind)
			return r->steps[i].device == device;
	return false;
}

static struct tally tally_of(const struct finder *finder, int device, enum step_mode mode,
			     enum step_phase phase, uint64_t at_least)
{
	const struct step_result *r = &finder->out->steps;
	struct tally tally = { 0 };

	for (size_t i = 0; i < r->kind_count; i++)
		if (r->kinds[i].mode == mode && r->kinds[i].phase == phase &&
		    r->kinds[i].steps >= at_least && kind_ran_on(r, (int)i, device))
			kind_take(&tally, &r->kinds[i]);
	return tally;
}

/* The path that launched the first kernel of the step. */
static int64_t launched_at(const struct finder *finder, const struct step_kind *kind)
{
	int64_t wanted = kind->ordinal_count ? kind->ordinals[0].kernel : 0;

	for (const struct watch_kernel *k = finder->watch.kernels; wanted && k; k = k->hh.next) {
		int64_t kernel = 0;

		family_of_shape(&finder->watch.families, k->shape, &kernel);
		if (kernel == wanted && k->worst.path)
			return k->worst.path;
	}
	return 0;
}

static bool has_graphs(const struct finder *finder)
{
	return run_integer(finder->run, "SELECT count(*) FROM sum_api s JOIN api a ON a.id = s.api "
			   "WHERE a.name GLOB 'cu*GraphInstantiate*'", 0) > 0;
}

/* Decode steps of single launches: where no graph exists one would do, else those there do not fit. */
static int eager_on(struct finder *finder, enum detector_id id, int device, bool graphs_fit_not)
{
	uint64_t least_steps = (uint64_t)finding_limit(finder->limits, id, "steps");
	struct tally eager = tally_of(finder, device, STEP_EAGER, STEP_DECODE, least_steps);
	struct tally graph = tally_of(finder, device, STEP_GRAPH, STEP_DECODE, 1);
	struct run_finding finding = { .device = device, .count = eager.steps };
	uint64_t stays = eager.steps * GRAPH_LAUNCH_NS;
	struct finding_values values;

	if (!eager.kind || has_graphs(finder) != graphs_fit_not)
		return 0;
	finding.lost_ns = eager.idle_ns > stays ? eager.idle_ns - stays : 0;
	if (graph.timed && eager.total_ns > eager.timed * graph.least_ns)
		finding.lost_ns = eager.total_ns - eager.timed * graph.least_ns;
	finding.path = launched_at(finder, eager.kind);
	values = (struct finding_values){ .a = eager.kind->launches,
		.b = 100 * (double)eager.steps / (double)(eager.steps + graph.steps) };
	return finder_add(finder, id, &finding, NULL, &values);
}

static int no_graphs_on(struct finder *finder, enum detector_id id, int device)
{
	return eager_on(finder, id, device, false);
}

int detect_no_graphs(struct finder *finder, enum detector_id id)
{
	return finder_each_device(finder, id, no_graphs_on);
}

static int graph_miss_on(struct finder *finder, enum detector_id id, int device)
{
	return eager_on(finder, id, device, true);
}

int detect_graph_miss(struct finder *finder, enum detector_id id)
{
	return finder_each_device(finder, id, graph_miss_on);
}

/* Idle time in a step has other causes, and its own findings. */
static double busy_ns(const struct tally *tally)
{
	return tally->timed ? (double)tally->busy_ns / (double)tally->timed : 0;
}

static int interference_on(struct finder *finder, enum detector_id id, int device)
{
	double ratio = finding_limit(finder->limits, id, "ratio"), alone;
	struct tally decode = { 0 }, both = { 0 };
	struct run_finding finding = { .device = device };
	struct finding_values values;

	for (int mode = 0; mode < STEP_MODE_COUNT; mode++) {
		struct tally d = tally_of(finder, device, (enum step_mode)mode, STEP_DECODE, 1);
		struct tally b = tally_of(finder, device, (enum step_mode)mode, STEP_PREFILL_DECODE, 1);

		decode = d.timed > decode.timed ? d : decode;
		both = b.timed > both.timed ? b : both;
	}
	alone = busy_ns(&decode);
	if (alone <= 0 || busy_ns(&both) < ratio * alone)
		return 0;
	finding.count = both.steps;
	finding.concerned_ns = both.total_ns;
	finding.path = launched_at(finder, both.kind);
	values = (struct finding_values){ .a = busy_ns(&both) / alone, .b = busy_ns(&both),
					  .c = alone };
	return finder_add(finder, id, &finding, NULL, &values);
}

int detect_interference(struct finder *finder, enum detector_id id)
{
	return finder_each_device(finder, id, interference_on);
}

static uint64_t steps_since_warm(const struct finder *finder, int device)
{
	const struct step_result *r = &finder->out->steps;
	uint64_t steps = 0;

	for (size_t i = 0; i < r->step_count; i++)
		steps += r->steps[i].device == device && r->steps[i].gpu_ns >= finder->warm_ns;
	return steps;
}

static int per_layer_on(struct finder *finder, enum detector_id id, int device)
{
	struct run_finding finding = { .device = device };
	uint64_t steps = steps_since_warm(finder, device);
	struct finding_values values;

	finder_idle(finder, detectors[id].causes, &finding);
	values.a = steps ? (double)finding.count / (double)steps : 0;
	if (!steps || values.a < finding_limit(finder->limits, id, "per_step"))
		return 0;
	return finder_add(finder, id, &finding, NULL, &values);
}

int detect_per_layer(struct finder *finder, enum detector_id id)
{
	return finder_each_device(finder, id, per_layer_on);
}
