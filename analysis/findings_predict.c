/* SPDX-License-Identifier: Apache-2.0 */
/* What mending a finding would save, predicted for the steps that its idle time lies in. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/findings_internal.h"
#include "analysis/predict.h"

#include <stdlib.h>

static uint64_t natural(double value)
{
	return value > 0 ? (uint64_t)value : 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What is lost outside of steps keeps its bounds; where that is most of it, all does. */
static void prediction_take(struct run_finding *f, const struct prediction *p)
{
	uint64_t in_steps = least(natural(p->gain_high_ns), f->lost_ns), rest;

	if (!p->steps || in_steps * 2 < f->lost_ns)
		return;
	rest = finding_least_gain(f->lost_ns - in_steps,
				  f->count > p->intervals ? f->count - p->intervals : 0);
	f->is_predicted = true;
	f->gain_low_ns = least(natural(p->gain_low_ns) + rest, f->lost_ns);
	f->gain_ns = least(natural(p->gain_ns) + rest, f->lost_ns);
	f->step_now_ns = natural(p->now_p50_ns);
	f->step_ns = natural(p->p50_ns);
	f->step_low_ns = natural(p->p50_low_ns);
	f->step_high_ns = natural(p->p50_high_ns);
}

static bool is_asked(const struct run_finding *f)
{
	return f->causes && f->lost_ns && f->device >= 0;
}

int findings_predict(struct finder *finder)
{
	struct run_finding_list *list = &finder->out->list;
	struct step_result steps = finder->out->steps;
	struct predict_query *queries = calloc(list->count + 1, sizeof(*queries));
	struct prediction *predictions = calloc(list->count + 1, sizeof(*predictions));
	size_t count = 0, taken = 0;
	int result = 0;

	for (size_t i = 0; queries && i < list->count; i++)
		if (is_asked(&list->rows[i]))
			queries[count++] = (struct predict_query){
				.causes = list->rows[i].causes, .device = list->rows[i].device,
				.mode = -1, .phase = -1, .from_ns = finder->warm_ns };
	steps.idle = finder->out->idle;
	if (!queries || !predictions)
		result = run_fail(finder->run, "out of memory");
	else if (count && steps.step_count)
		result = run_predict(finder->run, &steps, queries, count, predictions);
	for (size_t i = 0; result == 0 && taken < count; i++)
		if (is_asked(&list->rows[i]))
			prediction_take(&list->rows[i], &predictions[taken++]);
	free(queries);
	free(predictions);
	return result;
}
