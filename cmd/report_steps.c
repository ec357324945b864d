/* SPDX-License-Identifier: Apache-2.0 */
/* Steps: how long they take, what the slow ones have more, and their kinds. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/report_steps.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/predict.h"
#include "analysis/text.h"
#include "cmd/progress.h"

#define ROWS		10		/* where -n does not tell */
#define MORE_MIN_NS	1000.0		/* less is not worth a line */

struct steps_view {
	struct run *run;
	const struct print_style *style;
	const struct step_result *steps;
	const struct run_thread_list *threads;
	size_t rows;
};

static double percent(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : 0;
}

static double per_step(const struct step_sums *sums, uint64_t ns)
{
	return sums->steps ? (double)ns / (double)sums->steps : 0;
}

static uint64_t idle_of(const struct step_sums *sums)
{
	uint64_t ns = 0;

	for (int c = 0; c < IDLE_CAUSE_COUNT; c++)
		ns += sums->idle_ns[c];
	return ns;
}

static void print_threads(const struct steps_view *v)
{
	for (size_t i = 0; i < v->steps->thread_count; i++) {
		const struct step_thread *t = &v->steps->threads[i];
		char name[64] = "";
		int tid = -1;

		for (size_t j = 0; j < v->threads->count; j++) {
			if (v->threads->rows[j].id != t->thread)
				continue;
			tid = v->threads->rows[j].tid;
			text_fit(v->threads->rows[j].name, 40, name, sizeof(name));
		}
		printf("thread %d %s: %llu step%s%s, %.1f %% of its %llu launches are in them\n", tid,
		       name, (unsigned long long)t->steps, t->steps == 1 ? "" : "s",
		       t->annotated ? " as the program marked them" : "",
		       percent((double)t->in_steps, (double)t->launches),
		       (unsigned long long)t->launches);
	}
}

static void print_times(const struct step_times *times)
{
	const uint64_t values[] = { times->p50_ns, times->p90_ns, times->p99_ns, times->max_ns };
	char text[32];

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		printf(" %9s", times->count ? format_ns((double)values[i], text, sizeof(text)) : "-");
}

static void print_groups(const struct steps_view *v)
{
	uint64_t total = 0;

	for (size_t i = 0; i < v->steps->group_count; i++)
		total += v->steps->groups[i].times.total_ns;
	print_heading(v->style, "Steps by mode and phase");
	printf("Time %%   Steps Kinds       p50       p90       p99       Max Idle %%  Mode   Phase\n");
	for (size_t i = 0; i < v->steps->group_count; i++) {
		const struct step_group *g = &v->steps->groups[i];

		printf("%6.1f %7llu %5llu", percent((double)g->times.total_ns, (double)total),
		       (unsigned long long)g->steps, (unsigned long long)g->kinds);
		print_times(&g->times);
		printf(" %6.1f  %-6s %s\n", percent((double)idle_of(&g->all), (double)g->all.period_ns),
		       step_mode_name(g->mode), step_phase_name(g->phase));
	}
}

/* One line of what slow steps have more than typical ones. */
struct more {
	double ns;
	const char *what, *name;
};

static int by_more(const void *left, const void *right)
{
	const struct more *a = left, *b = right;

	return (a->ns < b->ns) - (a->ns > b->ns);
}

static void print_slow_group(const struct steps_view *v, const struct step_group *g)
{
	const struct families *names = run_families(v->run);
	struct more *more = calloc((size_t)v->steps->family_count + IDLE_CAUSE_COUNT, sizeof(*more));
	double difference = per_step(&g->slow, g->slow.period_ns) -
			    per_step(&g->typical, g->typical.period_ns);
	char slow[32], text[32];
	size_t count = 0;

	if (!more || difference < MORE_MIN_NS) {
		free(more);
		return;
	}
	for (int c = 0; c < IDLE_CAUSE_COUNT; c++)
		more[count++] = (struct more){ per_step(&g->slow, g->slow.idle_ns[c]) -
			per_step(&g->typical, g->typical.idle_ns[c]), "idle",
			idle_cause_name((enum idle_cause)c) };
	for (int f = 0; f < v->steps->family_count; f++)
		more[count++] = (struct more){ per_step(&g->slow, g->slow.family_ns[f]) -
			per_step(&g->typical, g->typical.family_ns[f]), "kernels", families_name(names, f) };
	qsort(more, count, sizeof(*more), by_more);
	printf("%s %s: %llu slow step%s %s, %s more than %llu typical one%s:\n",
	       step_mode_name(g->mode), step_phase_name(g->phase),
	       (unsigned long long)g->slow.steps, g->slow.steps == 1 ? " takes" : "s take",
	       format_ns(per_step(&g->slow, g->slow.period_ns), slow, sizeof(slow)),
	       format_ns(difference, text, sizeof(text)), (unsigned long long)g->typical.steps,
	       g->typical.steps == 1 ? "" : "s");
	for (size_t i = 0; i < count && i < 5 && more[i].ns >= MORE_MIN_NS; i++)
		printf("%12s  %5.1f %%  %-8s %s\n", format_ns(more[i].ns, text, sizeof(text)),
		       percent(more[i].ns, difference), more[i].what, more[i].name);
	free(more);
}

static void print_slow(const struct steps_view *v)
{
	bool any = false;

	for (size_t i = 0; i < v->steps->group_count; i++) {
		const struct step_group *g = &v->steps->groups[i];

		if (!g->slow.steps || !g->typical.steps)
			continue;
		if (!any)
			print_heading(v->style, "What slow steps have more than typical ones");
		any = true;
		print_slow_group(v, g);
	}
	if (any)
		putchar('\n');
}

static void launch_name(const struct steps_view *v, const struct step_ordinal *ordinal, char *text,
			size_t bytes)
{
	char *name = NULL;

	if (ordinal->graph) {
		snprintf(text, bytes, "graph %lld", (long long)ordinal->graph);
		return;
	}
	name = run_kernel_name(v->run, ordinal->kernel);
	text_fit(name ? name : "", v->style->full_names ? -1 : 60, text, bytes);
	free(name);
}

/* The launch that differs most between slow and typical steps of the kind. */
static void print_ordinal(const struct steps_view *v, const struct step_kind *kind)
{
	double most = 0;
	uint32_t which = 0;
	char text[512], more[32];

	for (uint32_t i = 0; i < kind->ordinal_count; i++) {
		double ns = per_step(&kind->slow, kind->ordinals[i].slow_ns) -
			    per_step(&kind->typical, kind->ordinals[i].typical_ns);

		if (ns > most) {
			most = ns;
			which = i;
		}
	}
	if (most < MORE_MIN_NS || !kind->slow.steps)
		return;
	launch_name(v, &kind->ordinals[which], text, sizeof(text));
	printf("%14s slow steps: launch %u takes %s longer: %s\n", "", which,
	       format_ns(most, more, sizeof(more)), text);
}

static void print_kinds(const struct steps_view *v)
{
	print_heading(v->style, "Kinds of steps: the same launches in the same order");
	printf("Kind   Steps Launches Graph       p50       p90       p99       Max Idle %%  Mode   Phase\n");
	for (size_t i = 0; i < v->steps->kind_count && i < v->rows; i++) {
		const struct step_kind *kind = &v->steps->kinds[i];
		char graph[32] = "-";

		if (kind->graph)
			snprintf(graph, sizeof(graph), "%lld", (long long)kind->graph);
		printf("%4zu %7llu %8u %5s", i, (unsigned long long)kind->steps, kind->launches, graph);
		print_times(&kind->times);
		printf(" %6.1f  %-6s %s\n",
		       percent((double)idle_of(&kind->all), (double)kind->all.period_ns),
		       step_mode_name(kind->mode), step_phase_name(kind->phase));
		print_ordinal(v, kind);
	}
	if (v->steps->kind_count > v->rows)
		printf("%zu more kinds; -n 0 shows all\n", v->steps->kind_count - v->rows);
}

static void print_prediction(const struct step_prediction *row)
{
	const struct prediction *p = &row->prediction;
	char now[32], after[32], low[32], high[32], gain[32];

	printf("%9s %9s %9s .. %-9s %9s  %s %s without %s\n", format_ns(p->now_p50_ns, now, sizeof(now)),
	       format_ns(p->p50_ns, after, sizeof(after)), format_ns(p->p50_low_ns, low, sizeof(low)),
	       format_ns(p->p50_high_ns, high, sizeof(high)), format_ns(p->gain_ns, gain, sizeof(gain)),
	       step_mode_name((enum step_mode)row->query.mode),
	       step_phase_name((enum step_phase)row->query.phase), row->without);
}

static void print_wave(const struct steps_view *v, const struct predict_wave *w)
{
	char now[32], after[32], low[32], high[32], gain[32], fitted[256];
	char *name = run_kernel_name(v->run, w->kernel);

	text_fit(name ? name : "", 60, fitted, sizeof(fitted));
	free(name);
	printf("%9s %9s %9s .. %-9s %9s  a launch of %s at %.2f waves, if these were whole\n",
	       format_ns(w->now_ns, now, sizeof(now)), format_ns(w->whole_ns, after, sizeof(after)),
	       format_ns(w->low_ns, low, sizeof(low)), format_ns(w->high_ns, high, sizeof(high)),
	       format_ns((w->now_ns - w->whole_ns) * (double)w->count, gain, sizeof(gain)), fitted,
	       w->waves);
}

static int print_predictions(const struct steps_view *v)
{
	struct step_prediction_list steps;
	struct predict_wave_list waves;

	if (run_step_predictions(v->run, v->steps, &steps) < 0)
		return -1;
	if (run_predict_waves(v->run, &waves) < 0) {
		step_prediction_list_free(&steps);
		return -1;
	}
	if (steps.count + waves.count) {
		print_heading(v->style, "Predictions: medians now, afterwards, and the gain over the run");
		printf("      Now     After       Low .. High           Gain  What\n");
	}
	for (size_t i = 0; i < steps.count && i < v->rows; i++)
		print_prediction(&steps.rows[i]);
	for (size_t i = 0; i < waves.count && i < v->rows; i++)
		print_wave(v, &waves.rows[i]);
	if (steps.count + waves.count)
		putchar('\n');
	step_prediction_list_free(&steps);
	predict_wave_list_free(&waves);
	return 0;
}

int report_steps(struct run *run, const struct print_style *style, bool rows_given)
{
	struct run_thread_list threads;
	struct step_result steps;
	struct steps_view view = { run, style, &steps, &threads, ROWS };
	struct progress progress;
	int result;

	if (rows_given)
		view.rows = style->rows ? style->rows : SIZE_MAX;
	if (run_threads(run, &threads) < 0)
		return -1;
	progress_begin(&progress, run, "looking for steps");
	result = run_steps(run, NULL, &steps);
	progress_end(&progress, run);
	if (result < 0) {
		run_thread_list_free(&threads);
		return -1;
	}
	print_heading(style, "Steps");
	print_threads(&view);
	if (!steps.step_count) {
		printf("No launches that repeat were found, and no ProfilerStep ranges.\n");
	} else {
		putchar('\n');
		print_groups(&view);
		putchar('\n');
		print_slow(&view);
		result = print_predictions(&view);
		print_kinds(&view);
	}
	step_result_free(&steps);
	run_thread_list_free(&threads);
	return result;
}

int report_families(struct run *run, const struct print_style *style)
{
	const struct families *names = run_families(run);
	struct family_total_list totals;
	uint64_t all = 0;

	if (!names || run_family_totals(run, &totals) < 0)
		return -1;
	for (size_t i = 0; i < totals.count; i++)
		all += totals.rows[i].total_ns;
	print_heading(style, "GPU time by kernel family");
	printf("Time %%      Time   Kernels      Count  Family             Origin\n");
	for (size_t i = 0; i < totals.count; i++) {
		const struct family_total *t = &totals.rows[i];
		const char *origin = families_origin(names, t->of.origin);
		char time[32];

		printf("%6.1f %9s %9llu %10llu  %-18s %s\n", percent((double)t->total_ns, (double)all),
		       format_ns((double)t->total_ns, time, sizeof(time)), (unsigned long long)t->kernels,
		       (unsigned long long)t->count, families_name(names, t->of.family),
		       origin[0] ? origin : "-");
	}
	family_total_list_free(&totals);
	return 0;
}
