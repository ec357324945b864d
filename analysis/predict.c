/* SPDX-License-Identifier: Apache-2.0 */
/* Steps without some of their idle time: see predict.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/predict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/internal.h"
#include "analysis/rank.h"

#define BOUNDARY_NS	1000.0		/* between dependent kernels, where the run does not tell */
#define GRAPH_COST_NS	500000		/* of launching a step as a graph: published figures are below */
#define GRAPH_STEPS_MIN	32		/* before capturing is worth it */
#define MODEL_ERROR	0.01		/* of a period: what was off when causes were really removed */
#define RANK_SPREAD	0.98		/* half of 1.96: ranks of a median's 95 % interval, by sqrt(n) */

/* What would go from a step. */
struct removal {
	uint64_t ns, copies_ns;
	uint32_t intervals;
};

static bool asks_about(const struct predict_query *query, const struct step_result *steps,
		       const struct step *step)
{
	const struct step_kind *kind = &steps->kinds[step->kind];

	return step->gpu_ns >= query->from_ns && (!query->device || step->device == query->device) &&
	       (query->mode < 0 || (int)kind->mode == query->mode) &&
	       (query->phase < 0 || (int)kind->phase == query->phase);
}

/* Of every step: a query that does not ask about it does not look. */
static void removals_make(const struct step_result *steps, const struct predict_query *query,
			  struct removal *removals)
{
	memset(removals, 0, steps->step_count * sizeof(*removals));
	for (size_t i = 0; i < steps->idles.count; i++) {
		const struct step_idle *idle = &steps->idles.rows[i];

		if (!(query->causes & PREDICT_CAUSE(idle->cause)))
			continue;
		removals[idle->step].ns += idle->ns;
		removals[idle->step].copies_ns += idle->copies_ns;
		removals[idle->step].intervals += idle->intervals;
	}
}

/* --- figures ------------------------------------------------------------------------------- */

/* What is between kernels that were submitted in time: it stays. */
static double boundary_of(const struct step_result *steps)
{
	uint64_t ns = 0, count = 0;

	for (size_t i = 0; i < steps->idle.device_count; i++) {
		ns += steps->idle.devices[i].causes[IDLE_KERNEL_BOUNDARY].total_ns;
		count += steps->idle.devices[i].causes[IDLE_KERNEL_BOUNDARY].count;
	}
	return count ? (double)ns / (double)count : BOUNDARY_NS;
}

/*
 * What the thread's calls of the step take by themselves: a step cannot be shorter, unless what
 * would go is that the calls are slow.
 */
static double floor_of(const struct predict_query *query, const struct step *step, double removed_ns)
{
	const unsigned int calls = PREDICT_CAUSE(IDLE_LAUNCH_BOUND) | PREDICT_CAUSE(IDLE_HOST_BUSY) |
		PREDICT_CAUSE(IDLE_LOOKUPS) | PREDICT_CAUSE(IDLE_METADATA_COPIES);
	double span = (double)(step->host_end_ns - step->host_ns) - removed_ns;

	return query->causes & calls || span < 0 ? 0 : span;
}

/* The value `spread` ranks from the median. */
static double near_median(double *values, size_t count, double spread)
{
	double rank = (double)((count + 1) / 2 - 1) + spread;

	return real_of_rank(values, count, rank < 0 ? 0 : rank > (double)(count - 1) ? count - 1
			    : (size_t)rank);
}

struct periods {
	double *now, *likely, *best, *worst;
};

static bool periods_make(struct periods *p, size_t count)
{
	*p = (struct periods){ calloc(count, sizeof(double)), calloc(count, sizeof(double)),
			       calloc(count, sizeof(double)), calloc(count, sizeof(double)) };
	return p->now && p->likely && p->best && p->worst;
}

static void periods_free(struct periods *p)
{
	free(p->now);
	free(p->likely);
	free(p->best);
	free(p->worst);
}

static void figures_make(const struct step_result *steps, const struct predict_query *query,
			 const struct removal *removals, const struct periods *p,
			 struct prediction *out)
{
	double boundary = boundary_of(steps), spread;
	size_t n = 0;

	*out = (struct prediction){ 0 };
	for (size_t i = 0; i < steps->step_count; i++) {
		const struct step *step = &steps->steps[i];
		const struct removal *removal = &removals[i];
		double period = (double)step->period_ns, ns = (double)removal->ns, kept;

		if (!step->period_ns || !asks_about(query, steps, step))
			continue;
		kept = fmin(boundary * removal->intervals, ns);
		p->now[n] = period;
		p->best[n] = fmax(period - ns - (double)removal->copies_ns, 0);
		p->likely[n] = fmax(period - ns + kept, 0);
		p->worst[n] = fmin(period, fmax(p->likely[n] + (double)query->cost_ns,
						floor_of(query, step, ns)));
		out->now_mean_ns += period;
		out->mean_ns += p->likely[n];
		out->gain_ns += period - p->likely[n];
		out->gain_high_ns += ns;
		out->gain_low_ns += period - p->worst[n];
		out->intervals += removal->intervals;
		n++;
	}
	out->steps = n;
	if (!n)
		return;
	out->now_mean_ns /= (double)n;
	out->mean_ns /= (double)n;
	spread = RANK_SPREAD * sqrt((double)n);
	out->now_p50_ns = near_median(p->now, n, 0);
	out->p50_ns = near_median(p->likely, n, 0);
	out->p50_low_ns = near_median(p->best, n, -spread) * (1 - MODEL_ERROR);
	out->p50_high_ns = near_median(p->worst, n, spread) * (1 + MODEL_ERROR);
}

int run_predict(struct run *run, const struct step_result *steps,
		const struct predict_query *queries, size_t count, struct prediction *predictions)
{
	struct removal *removals = calloc(steps->step_count + 1, sizeof(*removals));
	struct periods periods;
	bool has_room = periods_make(&periods, steps->step_count + 1) && removals;

	for (size_t q = 0; has_room && q < count; q++) {
		removals_make(steps, &queries[q], removals);
		figures_make(steps, &queries[q], removals, &periods, &predictions[q]);
	}
	periods_free(&periods);
	free(removals);
	return has_room ? 0 : run_fail(run, "out of memory");
}

/* --- what is worth asking ------------------------------------------------------------------ */

static int ask(struct run *run, struct step_prediction_list *list, const char *without,
	       struct predict_query query)
{
	struct step_prediction *row = LIST_ADD(list);

	if (!row)
		return run_fail(run, "out of memory");
	*row = (struct step_prediction){ .without = without, .query = query };
	return 0;
}

static int ask_group(struct run *run, struct step_prediction_list *list, const struct step_group *group)
{
	struct predict_query graph = { .causes = PREDICT_CAUSE(IDLE_LAUNCH_BOUND) |
		PREDICT_CAUSE(IDLE_LOOKUPS), .mode = (int)group->mode, .phase = (int)group->phase,
		.cost_ns = GRAPH_COST_NS };
	uint64_t launches = group->all.idle_ns[IDLE_LAUNCH_BOUND] + group->all.idle_ns[IDLE_LOOKUPS];
	int result = 0;

	/* Prompts differ in length, so that their launches cannot be captured. */
	if (group->mode == STEP_EAGER && group->phase == STEP_DECODE &&
	    group->times.count >= GRAPH_STEPS_MIN && launches * 100 >= group->all.period_ns)
		result = ask(run, list, "launches one by one", graph);
	for (int c = 0; result == 0 && c < IDLE_CAUSE_COUNT; c++)
		if (c != IDLE_KERNEL_BOUNDARY && group->all.idle_ns[c] * 100 >= group->all.period_ns &&
		    group->all.period_ns)
			result = ask(run, list, idle_cause_name((enum idle_cause)c), (struct predict_query){
				.causes = PREDICT_CAUSE(c), .mode = (int)group->mode,
				.phase = (int)group->phase });
	return result;
}

static int by_gain(const void *left, const void *right)
{
	const struct step_prediction *a = left, *b = right;

	if (a->prediction.gain_ns != b->prediction.gain_ns)
		return a->prediction.gain_ns < b->prediction.gain_ns ? 1 : -1;
	return (a->query.causes > b->query.causes) - (a->query.causes < b->query.causes);
}

int run_step_predictions(struct run *run, const struct step_result *steps,
			 struct step_prediction_list *list)
{
	struct predict_query *queries;
	struct prediction *predictions;
	int result = 0;

	*list = (struct step_prediction_list){ 0 };
	for (size_t i = 0; result == 0 && i < steps->group_count; i++)
		result = ask_group(run, list, &steps->groups[i]);
	queries = calloc(list->count + 1, sizeof(*queries));
	predictions = calloc(list->count + 1, sizeof(*predictions));
	if (result == 0 && (!queries || !predictions))
		result = run_fail(run, "out of memory");
	for (size_t i = 0; result == 0 && i < list->count; i++)
		queries[i] = list->rows[i].query;
	if (result == 0 && list->count)
		result = run_predict(run, steps, queries, list->count, predictions);
	for (size_t i = 0; result == 0 && i < list->count; i++)
		list->rows[i].prediction = predictions[i];
	free(queries);
	free(predictions);
	if (result < 0)
		step_prediction_list_free(list);
	else if (list->count)
		qsort(list->rows, list->count, sizeof(*list->rows), by_gain);
	return result;
}

void step_prediction_list_free(struct step_prediction_list *list)
{
	free(list->rows);
	*list = (struct step_prediction_list){ 0 };
}
