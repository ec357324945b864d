/* SPDX-License-Identifier: Apache-2.0 */
/* The members "families" and "steps" of gputrail report --json. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/report_json.h"

#include <stdio.h>
#include <stdlib.h>

#define KINDS_MAX	100		/* those that take most */
#define LAUNCHES_MAX	5		/* of a kind, that differ most in slow steps */

int json_put_families(struct run *run, struct json *json)
{
	const struct families *names = run_families(run);
	struct family_total_list totals;

	if (!names || run_family_totals(run, &totals) < 0)
		return -1;
	json_open(json, "families", '[');
	for (size_t i = 0; i < totals.count; i++) {
		json_open(json, NULL, '{');
		json_text(json, "family", families_name(names, totals.rows[i].of.family));
		json_text(json, "origin", families_origin(names, totals.rows[i].of.origin));
		json_unsigned(json, "total_ns", totals.rows[i].total_ns);
		json_unsigned(json, "calls", totals.rows[i].count);
		json_unsigned(json, "kernels", totals.rows[i].kernels);
		json_close(json, '}');
	}
	json_close(json, ']');
	family_total_list_free(&totals);
	return 0;
}

static void put_times(struct json *json, const struct step_times *times)
{
	json_unsigned(json, "periods", times->count);
	json_unsigned(json, "total_ns", times->total_ns);
	json_unsigned(json, "min_ns", times->min_ns);
	json_unsigned(json, "p50_ns", times->p50_ns);
	json_unsigned(json, "p90_ns", times->p90_ns);
	json_unsigned(json, "p99_ns", times->p99_ns);
	json_unsigned(json, "max_ns", times->max_ns);
}

static void put_sums(struct json *json, const char *key, const struct step_sums *sums,
		     const struct families *names, int families)
{
	json_open(json, key, '{');
	json_unsigned(json, "steps", sums->steps);
	json_unsigned(json, "period_ns", sums->period_ns);
	json_open(json, "idle_by_cause", '{');
	for (int c = 0; c < IDLE_CAUSE_COUNT; c++)
		if (sums->idle_ns[c])
			json_unsigned(json, idle_cause_name((enum idle_cause)c), sums->idle_ns[c]);
	json_close(json, '}');
	json_open(json, "gpu_by_family", '{');
	for (int f = 0; f < families; f++)
		if (sums->family_ns[f])
			json_unsigned(json, families_name(names, f), sums->family_ns[f]);
	json_close(json, '}');
	json_close(json, '}');
}

static double more_of(const struct step_kind *kind, uint32_t ordinal)
{
	const struct step_ordinal *o = &kind->ordinals[ordinal];

	return (double)o->slow_ns / (double)kind->slow.steps -
	       (double)o->typical_ns / (double)kind->typical.steps;
}

/* The launches that take longest in slow steps, compared with typical ones. */
static void put_launches(struct run *run, struct json *json, const struct step_kind *kind)
{
	uint32_t most[LAUNCHES_MAX], count = 0;

	json_open(json, "slow_launches", '[');
	for (uint32_t i = 0; kind->slow.steps && kind->typical.steps && i < kind->ordinal_count; i++) {
		uint32_t at = count;

		if (more_of(kind, i) <= 0)
			continue;
		for (; at && more_of(kind, most[at - 1]) < more_of(kind, i); at--)
			if (at < LAUNCHES_MAX)
				most[at] = most[at - 1];
		if (at < LAUNCHES_MAX)
			most[at] = i;
		count += count < LAUNCHES_MAX;
	}
	for (uint32_t i = 0; i < count; i++) {
		const struct step_ordinal *o = &kind->ordinals[most[i]];
		char *name = o->kernel ? run_kernel_name(run, o->kernel) : NULL;

		json_open(json, NULL, '{');
		json_unsigned(json, "ordinal", most[i]);
		json_text(json, "name", name ? name : "");
		json_integer(json, "graph", o->graph);
		json_number(json, "typical_ns", (double)o->typical_ns / (double)kind->typical.steps);
		json_number(json, "slow_ns", (double)o->slow_ns / (double)kind->slow.steps);
		json_close(json, '}');
		free(name);
	}
	json_close(json, ']');
}

static void put_kind(struct run *run, struct json *json, const struct step_result *steps, size_t i)
{
	const struct step_kind *kind = &steps->kinds[i];
	const struct families *names = run_families(run);
	char signature[20];

	snprintf(signature, sizeof(signature), "%016llx", (unsigned long long)kind->signature);
	json_open(json, NULL, '{');
	json_unsigned(json, "kind", i);
	json_text(json, "signature", signature);
	json_text(json, "mode", step_mode_name(kind->mode));
	json_text(json, "phase", step_phase_name(kind->phase));
	json_unsigned(json, "steps", kind->steps);
	json_unsigned(json, "launches", kind->launches);
	json_integer(json, "graph", kind->graph);
	put_times(json, &kind->times);
	put_sums(json, "all", &kind->all, names, steps->family_count);
	put_sums(json, "typical", &kind->typical, names, steps->family_count);
	put_sums(json, "slow", &kind->slow, names, steps->family_count);
	put_launches(run, json, kind);
	json_close(json, '}');
}

static void put_group(struct run *run, struct json *json, const struct step_result *steps, size_t i)
{
	const struct step_group *group = &steps->groups[i];
	const struct families *names = run_families(run);

	json_open(json, NULL, '{');
	json_text(json, "mode", step_mode_name(group->mode));
	json_text(json, "phase", step_phase_name(group->phase));
	json_unsigned(json, "steps", group->steps);
	json_unsigned(json, "kinds", group->kinds);
	put_times(json, &group->times);
	put_sums(json, "all", &group->all, names, steps->family_count);
	put_sums(json, "typical", &group->typical, names, steps->family_count);
	put_sums(json, "slow", &group->slow, names, steps->family_count);
	json_close(json, '}');
}

static void put_threads(struct json *json, const struct step_result *steps)
{
	json_open(json, "threads", '[');
	for (size_t i = 0; i < steps->thread_count; i++) {
		json_open(json, NULL, '{');
		json_integer(json, "thread", steps->threads[i].thread);
		json_unsigned(json, "steps", steps->threads[i].steps);
		json_unsigned(json, "launches", steps->threads[i].launches);
		json_unsigned(json, "launches_in_steps", steps->threads[i].in_steps);
		json_bool(json, "annotated", steps->threads[i].annotated);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void put_predictions(struct json *json, const struct step_prediction_list *list)
{
	json_open(json, "predictions", '[');
	for (size_t i = 0; i < list->count; i++) {
		const struct step_prediction *row = &list->rows[i];
		const struct prediction *p = &row->prediction;

		json_open(json, NULL, '{');
		json_text(json, "mode", step_mode_name((enum step_mode)row->query.mode));
		json_text(json, "phase", step_phase_name((enum step_phase)row->query.phase));
		json_text(json, "without", row->without);
		json_unsigned(json, "steps", p->steps);
		json_unsigned(json, "intervals", p->intervals);
		json_number(json, "now_p50_ns", p->now_p50_ns);
		json_number(json, "p50_ns", p->p50_ns);
		json_number(json, "p50_low_ns", p->p50_low_ns);
		json_number(json, "p50_high_ns", p->p50_high_ns);
		json_number(json, "now_mean_ns", p->now_mean_ns);
		json_number(json, "mean_ns", p->mean_ns);
		json_number(json, "gain_ns", p->gain_ns);
		json_number(json, "gain_low_ns", p->gain_low_ns);
		json_number(json, "gain_high_ns", p->gain_high_ns);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void put_waves(struct run *run, struct json *json, const struct predict_wave_list *list)
{
	json_open(json, "waves", '[');
	for (size_t i = 0; i < list->count; i++) {
		const struct predict_wave *w = &list->rows[i];
		char *name = run_kernel_name(run, w->kernel);

		json_open(json, NULL, '{');
		json_text(json, "name", name ? name : "");
		json_integer(json, "shape", w->shape);
		json_integer(json, "fitted_shapes", w->shapes);
		json_number(json, "waves", w->waves);
		json_unsigned(json, "launches", w->count);
		json_number(json, "now_ns", w->now_ns);
		json_number(json, "whole_ns", w->whole_ns);
		json_number(json, "low_ns", w->low_ns);
		json_number(json, "high_ns", w->high_ns);
		json_close(json, '}');
		free(name);
	}
	json_close(json, ']');
}

int json_put_steps(struct run *run, struct json *json, const struct step_result *steps)
{
	struct step_prediction_list predictions = { 0 };
	struct predict_wave_list waves = { 0 };
	int result = run_step_predictions(run, steps, &predictions);

	if (result == 0)
		result = run_predict_waves(run, &waves);
	if (result < 0)
		goto out;
	json_open(json, "steps", '{');
	json_unsigned(json, "count", steps->step_count);
	json_unsigned(json, "kind_count", steps->kind_count);
	put_threads(json, steps);
	json_open(json, "groups", '[');
	for (size_t i = 0; i < steps->group_count; i++)
		put_group(run, json, steps, i);
	json_close(json, ']');
	json_open(json, "kinds", '[');
	for (size_t i = 0; i < steps->kind_count && i < KINDS_MAX; i++)
		put_kind(run, json, steps, i);
	json_close(json, ']');
	put_predictions(json, &predictions);
	put_waves(run, json, &waves);
	json_close(json, '}');
out:
	step_prediction_list_free(&predictions);
	predict_wave_list_free(&waves);
	return result;
}
