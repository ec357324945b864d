/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of a run by name: steps, idle causes, families, launches, call paths. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/metrics.h"
#include "analysis/rank.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/internal.h"
#include "analysis/steps.h"

#define KINDS_MAX	16		/* whose launches are compared */
#define SITES_MAX	200		/* call paths to blame, those with most idle time */

struct making {
	struct run *run;
	const struct step_result *steps;
	struct run_metric_list *list;
	double step_count;		/* with a period */
};

static int add(struct making *m, enum column_unit unit, double value, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static int add(struct making *m, enum column_unit unit, double value, const char *format, ...)
{
	struct run_metric *metric = LIST_ADD(m->list);
	va_list args;
	int length;

	va_start(args, format);
	length = metric ? vasprintf(&metric->name, format, args) : -1;
	va_end(args);
	if (length < 0) {
		if (metric)
			metric->name = NULL;
		return run_fail(m->run, "out of memory");
	}
	metric->unit = unit;
	metric->value = value;
	return 0;
}

/* Times of all steps of a phase (STEP_PHASE_COUNT: of all), as "step.PHASE.p50". */
static int add_times(struct making *m, enum step_phase phase)
{
	bool all = phase == STEP_PHASE_COUNT;
	const char *name = all ? "" : step_phase_name(phase), *dot = all ? "" : ".";
	uint64_t *periods = calloc(m->steps->step_count + 1, sizeof(*periods));
	size_t count = 0;
	double total = 0;
	int result = 0;

	if (!periods)
		return run_fail(m->run, "out of memory");
	for (size_t i = 0; i < m->steps->step_count; i++) {
		const struct step *step = &m->steps->steps[i];

		if (!step->period_ns || !(all || m->steps->kinds[step->kind].phase == phase))
			continue;
		periods[count++] = step->period_ns;
		total += (double)step->period_ns;
	}
	if (count) {
		result |= add(m, UNIT_COUNT, (double)count, "step%s%s.count", dot, name);
		result |= add(m, UNIT_NS, total / (double)count, "step%s%s.mean", dot, name);
		for (int p = 50; p <= 99; p += p == 50 ? 40 : 9)
			result |= add(m, UNIT_NS, (double)value_of_rank(periods, count,
						(count * (size_t)p + 99) / 100 - 1),
				      "step%s%s.p%d", dot, name, p);
	}
	if (all)
		m->step_count = (double)count;
	free(periods);
	return result;
}

/* Idle time and families, for each step. */
static int add_parts(struct making *m)
{
	const struct families *names = run_families(m->run);
	double idle = 0;
	int result = 0;

	for (int c = 0; c < IDLE_CAUSE_COUNT; c++) {
		double ns = 0;

		for (size_t i = 0; i < m->steps->group_count; i++)
			ns += (double)m->steps->groups[i].all.idle_ns[c];
		idle += ns;
		/* Causes without time, too: a condition on one may be set before it occurs. */
		result |= add(m, UNIT_NS, ns / m->step_count, "idle.%s",
			      idle_cause_name((enum idle_cause)c));
	}
	result |= add(m, UNIT_NS, idle / m->step_count, "idle");
	for (int f = 0; f < m->steps->family_count; f++) {
		double ns = 0;

		for (size_t i = 0; i < m->steps->group_count; i++)
			ns += (double)m->steps->groups[i].all.family_ns[f];
		if (ns > 0)
			result |= add(m, UNIT_NS, ns / m->step_count, "family.%s",
				      families_name(names, f));
	}
	return result;
}

static int add_launch(struct making *m, const struct step_kind *kind, uint32_t ordinal)
{
	const struct step_ordinal *o = &kind->ordinals[ordinal];
	char *name = o->kernel ? run_kernel_name(m->run, o->kernel) : NULL;
	int result = add(m, UNIT_NS, (double)o->typical_ns / (double)kind->typical.steps,
			 "launch.%08llx.%u.%s", (unsigned long long)(kind->signature >> 32), ordinal,
			 name ? name : "graph");

	free(name);
	return result;
}

/* GPU time of each launch in typical steps of the kinds that take most. */
static int add_launches(struct making *m)
{
	int result = 0;

	for (size_t i = 0; i < m->steps->kind_count && i < KINDS_MAX; i++) {
		const struct step_kind *kind = &m->steps->kinds[i];
		bool seen = false;

		for (size_t j = 0; j < i; j++)	/* graphs of several sizes: the one that takes most */
			seen |= m->steps->kinds[j].signature == kind->signature;
		for (uint32_t o = 0; !seen && kind->typical.steps && o < kind->ordinal_count; o++)
			result |= add_launch(m, kind, o);
	}
	return result;
}

/* Idle time by what is to blame, over `steps`; a function may have several call paths. */
static int add_sites(struct making *m, double steps, const char *prefix)
{
	const struct idle_result *idle = &m->steps->idle;
	int result = 0;

	for (size_t i = 0; result == 0 && i < idle->site_count && i < SITES_MAX; i++) {
		char *name = idle_path_name(m->run, idle->sites[i].path);

		if (name && name[0])
			result = add(m, UNIT_NS, (double)idle->sites[i].total_ns / steps,
				     "%spath.%s.%s", prefix, idle_cause_name(idle->sites[i].cause),
				     name);
		free(name);
	}
	return result;
}

static int add_devices(struct making *m)
{
	struct run_device_list devices;
	int result = 0;

	if (run_devices(m->run, &devices) < 0)
		return -1;
	for (size_t i = 0; result == 0 && i < devices.count; i++) {
		const struct run_device *d = &devices.rows[i];

		if (d->span_ns)
			result = add(m, UNIT_PERCENT, 100.0 * (double)d->busy_ns / (double)d->span_ns,
				     "gpu%d.busy", d->gpu);
	}
	run_device_list_free(&devices);
	return result;
}

static int add_families(struct making *m)
{
	const struct families *names = run_families(m->run);
	struct family_total_list totals;
	int result = 0;

	if (!names || run_family_totals(m->run, &totals) < 0)
		return -1;
	for (size_t i = 0; result == 0 && i < totals.count; i++)
		result = add(m, UNIT_NS, (double)totals.rows[i].total_ns, "run.family.%s",
			     families_name(names, totals.rows[i].of.family));
	family_total_list_free(&totals);
	return result;
}

/* Of the whole run, for all devices together: what there is without steps. */
static int add_run(struct making *m)
{
	const struct idle_result *idle = &m->steps->idle;
	double span = 0, busy = 0;
	int result = 0;

	for (size_t i = 0; i < idle->device_count; i++) {
		span += (double)idle->devices[i].span_ns;
		busy += (double)idle->devices[i].busy_ns;
	}
	for (int c = 0; result == 0 && c < IDLE_CAUSE_COUNT; c++) {
		double ns = 0;

		for (size_t i = 0; i < idle->device_count; i++)
			ns += (double)idle->devices[i].causes[c].total_ns;
		result = add(m, UNIT_NS, ns, "run.idle.%s", idle_cause_name((enum idle_cause)c));
	}
	return result || add(m, UNIT_NS, span, "run.span") || add(m, UNIT_NS, busy, "run.busy") ||
	       add(m, UNIT_NS, span - busy, "run.idle") || add_families(m) ||
	       add_sites(m, 1, "run.") ? -1 : 0;
}

static int by_name(const void *left, const void *right)
{
	const struct run_metric *a = left, *b = right;

	return strcmp(a->name, b->name);
}

/* Sorted; equal names become one with their sum. */
static void names_join(struct run_metric_list *list)
{
	size_t kept = 0;

	if (!list->count)
		return;
	qsort(list->rows, list->count, sizeof(*list->rows), by_name);
	for (size_t i = 1; i < list->count; i++) {
		if (!strcmp(list->rows[kept].name, list->rows[i].name)) {
			list->rows[kept].value += list->rows[i].value;
			free(list->rows[i].name);
		} else {
			list->rows[++kept] = list->rows[i];
		}
	}
	list->count = kept + 1;
}

int run_metrics(struct run *run, struct run_metric_list *list)
{
	struct step_result steps;
	struct making m = { .run = run, .steps = &steps, .list = list };
	int result;

	*list = (struct run_metric_list){ 0 };
	if (run_steps(run, NULL, &steps) < 0)
		return -1;
	result = add_devices(&m) || add_run(&m) || add_times(&m, STEP_PHASE_COUNT) ? -1 : 0;
	for (int phase = 0; result == 0 && phase < STEP_PHASE_COUNT; phase++)
		result = add_times(&m, (enum step_phase)phase);
	if (result == 0 && m.step_count > 0)
		result = add_parts(&m) || add_launches(&m) ||
			 add_sites(&m, m.step_count, "") ? -1 : 0;
	step_result_free(&steps);
	if (result < 0)
		run_metric_list_free(list);
	else
		names_join(list);
	return result;
}

void run_metric_list_free(struct run_metric_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->rows[i].name);
	free(list->rows);
	*list = (struct run_metric_list){ 0 };
}
