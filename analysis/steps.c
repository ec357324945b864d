/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps: pass 1 finds them (steps_detect.c), pass 2 tells what was in them (steps_measure.c); here
 * they are put in order, and their times become quantiles.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/rank.h"
#include "analysis/scope.h"
#include "analysis/steps_internal.h"

#include <stdlib.h>
#include <string.h>

const char *step_mode_name(enum step_mode mode)
{
	static const char *const names[STEP_MODE_COUNT] = { "eager", "graph", "mixed" };

	return names[mode];
}

const char *step_phase_name(enum step_phase phase)
{
	static const char *const names[STEP_PHASE_COUNT] = {
		[STEP_OTHER] = "other", [STEP_PREFILL] = "prefill", [STEP_DECODE] = "decode",
		[STEP_PREFILL_DECODE] = "prefill+decode",
	};

	return names[phase];
}

static int by_thread(const void *left, const void *right)
{
	const struct step *a = left, *b = right;

	if (a->thread != b->thread)
		return a->thread < b->thread ? -1 : 1;
	return (a->number > b->number) - (a->number < b->number);
}

/* On the device two steps may begin in another order than on the host: such have no period. */
static void periods_make(struct step *steps, size_t count)
{
	for (size_t i = 0; i + 1 < count; i++) {
		struct step *step = &steps[i], *next = &steps[i + 1];

		if (step->thread == next->thread && step->device == next->device && step->gpu_ns &&
		    next->gpu_ns > step->gpu_ns)
			step->period_ns = next->gpu_ns - step->gpu_ns;
	}
}

/* Steps as a run is narrowed: by when they began, their process and device; which kernels, streams
 * and paths they have tells no step from another. */
static int steps_narrow(struct run *run, struct step_result *r)
{
	struct lookup threads;
	size_t kept = 0;
	int result = lookup_load(run, "SELECT id, process FROM thread ORDER BY id", &threads);

	for (size_t i = 0; result == 0 && i < r->step_count; i++) {
		const struct step *step = &r->steps[i];

		if (!scope_sets_pass_time(run->narrowed, step->gpu_ns ? step->gpu_ns : step->host_ns) ||
		    !run_passes(run, SCOPE_PROCESS, lookup_number(&threads, step->thread, 0, 0)) ||
		    !run_passes(run, SCOPE_DEVICE, step->device)) {
			r->kinds[step->kind].steps--;
			continue;
		}
		r->steps[kept++] = *step;
	}
	if (result == 0)
		r->step_count = kept;
	lookup_free(&threads);
	return result;
}

/* The smallest value that `percent` of them do not exceed. */
static uint64_t quantile(uint64_t *values, size_t count, unsigned int percent)
{
	return value_of_rank(values, count, (count * percent + 99) / 100 - 1);
}

static void times_make(uint64_t *periods, size_t count, struct step_times *times)
{
	*times = (struct step_times){ .count = count };
	if (!count)
		return;
	for (size_t i = 0; i < count; i++)
		times->total_ns += periods[i];
	times->min_ns = value_of_rank(periods, count, 0);
	times->p50_ns = quantile(periods, count, 50);
	times->p90_ns = quantile(periods, count, 90);
	times->p99_ns = quantile(periods, count, 99);
	times->max_ns = value_of_rank(periods, count, count - 1);
}

/* Periods of each kind, laid one kind behind the other. */
static int kinds_time(struct run *run, struct step_result *r)
{
	size_t *at = calloc(r->kind_count + 1, sizeof(*at)), *end = calloc(r->kind_count + 1, sizeof(*end));
	uint64_t *periods = calloc(r->step_count + 1, sizeof(*periods));
	int result = at && end && periods ? 0 : run_fail(run, "out of memory");

	for (size_t i = 0; result == 0 && i < r->kind_count; i++)
		at[i + 1] = end[i + 1] = at[i] + r->kinds[i].steps;
	for (size_t i = 0; result == 0 && i < r->step_count; i++)
		if (r->steps[i].period_ns)
			periods[end[r->steps[i].kind]++] = r->steps[i].period_ns;
	for (size_t i = 0; result == 0 && i < r->kind_count; i++)
		times_make(periods + at[i], end[i] - at[i], &r->kinds[i].times);
	free(at);
	free(end);
	free(periods);
	return result;
}

static bool is_of(const struct step_kind *kind, const struct step_group *group)
{
	return kind->mode == group->mode && kind->phase == group->phase;
}

static int group_time(struct run *run, const struct step_result *r, struct step_group *group)
{
	uint64_t *periods = calloc(r->step_count + 1, sizeof(*periods));
	size_t count = 0;

	if (!periods)
		return run_fail(run, "out of memory");
	for (size_t i = 0; i < r->step_count; i++)
		if (r->steps[i].period_ns && is_of(&r->kinds[r->steps[i].kind], group))
			periods[count++] = r->steps[i].period_ns;
	times_make(periods, count, &group->times);
	free(periods);
	return 0;
}

static int sums_open(struct run *run, struct step_sums *sums, int families)
{
	sums->family_ns = calloc((size_t)families, sizeof(*sums->family_ns));
	return sums->family_ns ? 0 : run_fail(run, "out of memory");
}

static void sums_add(struct step_sums *to, const struct step_sums *from, int families)
{
	to->steps += from->steps;
	to->period_ns += from->period_ns;
	for (int i = 0; i < IDLE_CAUSE_COUNT; i++)
		to->idle_ns[i] += from->idle_ns[i];
	for (int i = 0; i < families; i++)
		to->family_ns[i] += from->family_ns[i];
}

static int groups_by_total(const void *left, const void *right)
{
	const struct step_group *a = left, *b = right;

	if (a->times.total_ns != b->times.total_ns)
		return a->times.total_ns < b->times.total_ns ? 1 : -1;
	return a->mode != b->mode ? (int)a->mode - (int)b->mode : (int)a->phase - (int)b->phase;
}

static int groups_make(struct run *run, struct step_result *r)
{
	for (size_t i = 0; i < r->kind_count; i++) {
		const struct step_kind *kind = &r->kinds[i];
		struct step_group *group = NULL;

		if (!kind->steps)
			continue;

		for (size_t j = 0; j < r->group_count && !group; j++)
			if (is_of(kind, &r->groups[j]))
				group = &r->groups[j];
		if (!group) {
			group = list_add((void **)&r->groups, &r->group_count, sizeof(*group));
			if (!group)
				return run_fail(run, "out of memory");
			group->mode = kind->mode;
			group->phase = kind->phase;
			if (sums_open(run, &group->all, r->family_count) < 0 ||
			    sums_open(run, &group->typical, r->family_count) < 0 ||
			    sums_open(run, &group->slow, r->family_count) < 0 ||
			    group_time(run, r, group) < 0)
				return -1;
		}
		group->kinds++;
		group->steps += kind->steps;
		sums_add(&group->all, &kind->all, r->family_count);
		/* Typical steps are for comparing with slow ones: of the same kinds. */
		if (kind->slow.steps)
			sums_add(&group->typical, &kind->typical, r->family_count);
		sums_add(&group->slow, &kind->slow, r->family_count);
	}
	if (r->group_count)
		qsort(r->groups, r->group_count, sizeof(*r->groups), groups_by_total);
	return 0;
}

struct ranked {
	struct step_kind kind;
	size_t was;
};

static int kinds_by_total(const void *left, const void *right)
{
	const struct ranked *a = left, *b = right;

	if (a->kind.times.total_ns != b->kind.times.total_ns)
		return a->kind.times.total_ns < b->kind.times.total_ns ? 1 : -1;
	if (a->kind.steps != b->kind.steps)
		return a->kind.steps < b->kind.steps ? 1 : -1;
	return (a->was > b->was) - (a->was < b->was);
}

/* The kinds that take most come first; steps are numbered anew. */
static int kinds_rank(struct run *run, struct step_result *r)
{
	struct ranked *ranked = calloc(r->kind_count + 1, sizeof(*ranked));
	int *now = calloc(r->kind_count + 1, sizeof(*now));

	if (!ranked || !now) {
		free(ranked);
		free(now);
		return run_fail(run, "out of memory");
	}
	for (size_t i = 0; i < r->kind_count; i++)
		ranked[i] = (struct ranked){ r->kinds[i], i };
	qsort(ranked, r->kind_count, sizeof(*ranked), kinds_by_total);
	for (size_t i = 0; i < r->kind_count; i++) {
		r->kinds[i] = ranked[i].kind;
		now[ranked[i].was] = (int)i;
	}
	for (size_t i = 0; i < r->step_count; i++)
		r->steps[i].kind = now[r->steps[i].kind];
	free(ranked);
	free(now);
	return 0;
}

static int kinds_open(struct run *run, struct step_result *r)
{
	for (size_t i = 0; i < r->kind_count; i++) {
		struct step_kind *kind = &r->kinds[i];

		if (sums_open(run, &kind->all, r->family_count) < 0 ||
		    sums_open(run, &kind->typical, r->family_count) < 0 ||
		    sums_open(run, &kind->slow, r->family_count) < 0)
			return -1;
	}
	return 0;
}

static int pieces_find(struct run *run, const struct kernel_families *families,
		       struct step_result *r)
{
	struct step_pieces pieces = { .run = run };
	int done = steps_detect(run, families, true, &pieces);

	if (done == IDLE_DISORDER) {
		free(pieces.steps.rows);
		free(pieces.kinds.rows);
		free(pieces.threads.rows);
		pieces = (struct step_pieces){ .run = run };
		done = steps_detect(run, families, false, &pieces);
	}
	if (done == IDLE_DISORDER)
		done = run_fail(run, "'%s' is damaged (times of rows change while they are read)",
				run->path);
	r->steps = pieces.steps.rows;
	r->step_count = pieces.steps.count;
	r->kinds = pieces.kinds.rows;
	r->kind_count = pieces.kinds.count;
	r->threads = pieces.threads.rows;
	r->thread_count = pieces.threads.count;
	return done;
}

static int steps_make(struct run *run, const struct idle_options *options,
		      const struct kernel_families *families, struct step_result *r)
{
	if (pieces_find(run, families, r) < 0)
		return -1;
	if (r->step_count) {
		qsort(r->steps, r->step_count, sizeof(*r->steps), by_thread);
		periods_make(r->steps, r->step_count);
	}
	if (run_is_narrowed(run) && steps_narrow(run, r) < 0)
		return -1;
	if (kinds_time(run, r) < 0 || kinds_rank(run, r) < 0 || kinds_open(run, r) < 0 ||
	    steps_measure(run, options, families, r) < 0)
		return -1;
	return groups_make(run, r);
}

int run_steps(struct run *run, const struct idle_options *options, struct step_result *result)
{
	static const struct idle_options none = { 0 };
	const struct families *names = run_families(run);
	struct kernel_families families;
	int done;

	*result = (struct step_result){ 0 };
	if (!names || run_freeze(run) < 0)
		return -1;
	result->family_count = families_count(names);
	done = run_kernel_families(run, &families);
	if (done == 0)
		done = steps_make(run, options ? options : &none, &families, result);
	kernel_families_free(&families);
	run_thaw(run);
	if (done < 0)
		step_result_free(result);
	return done;
}

static void sums_free(struct step_sums *sums)
{
	free(sums->family_ns);
}

void step_result_free(struct step_result *result)
{
	for (size_t i = 0; i < result->kind_count; i++) {
		sums_free(&result->kinds[i].all);
		sums_free(&result->kinds[i].typical);
		sums_free(&result->kinds[i].slow);
		free(result->kinds[i].ordinals);
	}
	for (size_t i = 0; i < result->group_count; i++) {
		sums_free(&result->groups[i].all);
		sums_free(&result->groups[i].typical);
		sums_free(&result->groups[i].slow);
	}
	free(result->steps);
	free(result->idles.rows);
	free(result->kinds);
	free(result->groups);
	free(result->threads);
	idle_result_free(&result->idle);
	*result = (struct step_result){ 0 };
}
