/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pass 2: what was in the steps. One scan hands over calls, operations and idle intervals in order
 * of time; each thread has a place among its steps, on the host and on the device, that goes along.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/recent.h"
#include "analysis/steps_internal.h"

#include <stdlib.h>
#include <string.h>

#define ORDINAL_STEPS_MIN 8		/* of a kind, before its launches are compared */
#define ORDINALS_TOTAL	(1 << 20)
#define TYPICAL_PERCENT	5		/* around the median */
#define SLOW_STEPS_MIN	20		/* of a kind, before some of them can be slow */

struct place {				/* of a thread */
	int64_t thread;
	size_t first, count;		/* its steps */
	size_t host;			/* from the first, the one we are in; count: before all */
	uint32_t ordinal;
	struct step *step;		/* that began last on the device, NULL: none has */
	uint64_t until_ns;		/* the end of its period */
	const struct step *next;	/* that begins next, NULL: none does */
	struct step_sums *all, *apart;	/* of its kind; apart: typical, slow, or NULL for those between */
	struct { uint64_t ns, copies_ns; uint32_t intervals; } idle[IDLE_CAUSE_COUNT];	/* of the step */
	UT_hash_handle hh;
};

struct measure {
	struct run *run;
	const struct kernel_families *families;
	struct step_result *to;
	struct place *places, *recent[RECENT_ROWS];
	step_launch_fn *launch;
	void *launch_arg;
};

/* Before all steps. */
static void place_reset(const struct measure *m, struct place *place)
{
	place->host = place->count;
	place->ordinal = 0;
	place->step = NULL;
	place->until_ns = 0;
	place->next = &m->to->steps[place->first];
	memset(place->idle, 0, sizeof(place->idle));
}

static int places_make(struct measure *m)
{
	struct step_result *r = m->to;

	for (size_t i = 0, next; i < r->step_count; i = next) {
		struct place *place = calloc(1, sizeof(*place));

		if (!place)
			return run_fail(m->run, "out of memory");
		for (next = i; next < r->step_count && r->steps[next].thread == r->steps[i].thread;)
			next++;
		place->thread = r->steps[i].thread;
		place->first = i;
		place->count = next - i;
		place_reset(m, place);
		HASH_ADD(hh, m->places, thread, sizeof(place->thread), place);
	}
	return 0;
}

/* --- on the host: launches and their ordinals ---------------------------------------------- */

/* The step that holds a call at this time; NULL between steps. */
static struct step *host_step(struct measure *m, struct place *place, uint64_t at)
{
	struct step *steps = m->to->steps + place->first;
	size_t next = place->host == place->count ? 0 : place->host + 1;

	while (next < place->count && steps[next].host_ns <= at) {
		place->host = next++;
		place->ordinal = 0;
	}
	if (place->host == place->count || at > steps[place->host].host_end_ns)
		return NULL;
	return &steps[place->host];
}

static bool is_typical(const struct step_kind *kind, const struct step *step)
{
	uint64_t p50 = kind->times.p50_ns, around = p50 / 100 * TYPICAL_PERCENT;

	return step->period_ns + around >= p50 && step->period_ns <= p50 + around;
}

static bool is_slow(const struct step_kind *kind, const struct step *step)
{
	return kind->times.count >= SLOW_STEPS_MIN && step->period_ns >= kind->times.p99_ns &&
	       !is_typical(kind, step);
}

static void ordinal_take(struct step_kind *kind, const struct step_launch *launch, int64_t kernel)
{
	struct step_ordinal *ordinal = &kind->ordinals[launch->ordinal];
	uint64_t gpu_ns = launch->gpu_end_ns - launch->gpu_ns;

	if (!ordinal->kernel && !ordinal->graph) {
		ordinal->kernel = kernel;
		ordinal->graph = launch->graph;
	}
	if (!launch->step->period_ns)
		return;
	if (is_typical(kind, launch->step))
		ordinal->typical_ns += gpu_ns;
	else if (is_slow(kind, launch->step))
		ordinal->slow_ns += gpu_ns;
}

static RECENT_APART struct place *place_find(struct measure *m, int64_t thread)
{
	return RECENT_FIND(m->places, m->recent, thread, thread);
}

static int call_take(void *arg, const struct idle_call *call, const struct idle_work *work)
{
	struct measure *m = arg;
	struct step_launch launch = { .shape = work->shape, .graph = work->graph, .path = call->path,
				      .start_ns = call->start, .end_ns = call->end,
				      .gpu_ns = work->gpu_start, .gpu_end_ns = work->gpu_end };
	struct place *place;
	struct step_kind *kind;
	int64_t kernel = 0;

	if (work->shape <= 0 && work->graph <= 0)
		return 0;
	place = RECENT_HIT(m->recent, thread, call->thread);
	if (!place)
		place = place_find(m, call->thread);
	launch.step = place ? host_step(m, place, call->start) : NULL;
	if (!launch.step)
		return 0;
	launch.ordinal = place->ordinal++;
	if (m->launch)
		return m->launch(m->launch_arg, &launch);
	kind = &m->to->kinds[launch.step->kind];
	if (launch.ordinal < kind->ordinal_count) {
		if (launch.shape > 0)
			family_of_shape(m->families, launch.shape, &kernel);
		ordinal_take(kind, &launch, kernel);
	}
	return 0;
}

/* --- on the device: families and idle time ------------------------------------------------- */

/* What was idle in the step so far. */
static int idles_take(struct measure *m, struct place *place)
{
	for (uint32_t cause = 0; place->step && cause < IDLE_CAUSE_COUNT; cause++) {
		struct step_idle *idle;

		if (!place->idle[cause].intervals)
			continue;
		idle = LIST_ADD(&m->to->idles);
		if (!idle)
			return run_fail(m->run, "out of memory");
		*idle = (struct step_idle){ (uint32_t)(place->step - m->to->steps), cause,
					    place->idle[cause].intervals, place->idle[cause].ns,
					    place->idle[cause].copies_ns };
		place->step->idle_ns += idle->ns;
		place->all->idle_ns[cause] += idle->ns;
		if (place->apart)
			place->apart->idle_ns[cause] += idle->ns;
	}
	memset(place->idle, 0, sizeof(place->idle));
	return 0;
}

/* Begun on the device, or nowhere. What comes from other devices may be ahead of this one. */
static inline bool has_begun(const struct step *step, int64_t device, uint64_t at)
{
	return step && at >= step->gpu_ns && (step->device == device || !step->gpu_ns);
}

/* To the last step that has begun. */
static int place_advance(struct measure *m, struct place *place, int64_t device, uint64_t at)
{
	struct step *steps = m->to->steps, *step = place->step;
	const struct step *end = steps + place->first + place->count;
	struct step_kind *kind;

	if (idles_take(m, place) < 0)
		return -1;
	while (has_begun(place->next, device, at)) {
		step = &steps[place->next - steps];
		place->next = step + 1 < end ? step + 1 : NULL;
	}
	kind = &m->to->kinds[step->kind];
	place->step = step;
	place->until_ns = step->gpu_ns + step->period_ns;
	place->all = &kind->all;
	place->apart = is_typical(kind, step) ? &kind->typical
		: is_slow(kind, step) ? &kind->slow : NULL;
	return 0;
}

/* Is the thread in a step's period on this device? -1: failed. */
static inline int is_in_step(struct measure *m, struct place *place, int64_t device, uint64_t at)
{
	if (has_begun(place->next, device, at) && place_advance(m, place, device, at) < 0)
		return -1;
	return at < place->until_ns && place->step->device == device;
}

static int event_take(void *arg, const struct idle_event *event)
{
	struct measure *m = arg;
	bool is_copy = event->op.kind != IDLE_KERNEL;
	enum idle_cause brings = is_copy ? idle_cause_of_copy(&event->op) : IDLE_CAUSE_COUNT;
	int family = is_copy ? FAMILY_COPY
		: family_of_shape(m->families, event->op.shape, NULL).family;
	uint64_t ns = event->end - event->start;

	for (struct place *place = m->places; place; place = place->hh.next) {
		int is_in = is_in_step(m, place, event->device, event->start);

		if (is_in < 0)
			return -1;
		if (!is_in)
			continue;
		place->all->family_ns[family] += ns;
		if (brings != IDLE_CAUSE_COUNT)
			place->idle[brings].copies_ns += ns;
		if (place->apart)
			place->apart->family_ns[family] += ns;
	}
	return 0;
}

static int interval_take(void *arg, const struct idle_interval *interval,
			 const struct idle_event *ended_by)
{
	struct measure *m = arg;

	(void)ended_by;
	/* The interval ends where a step may begin: its own step is the one it began in. */
	for (struct place *place = m->places; place; place = place->hh.next) {
		int is_in = is_in_step(m, place, interval->device, interval->start_ns);

		if (is_in < 0)
			return -1;
		place->idle[interval->cause].ns += is_in ? interval->dur_ns : 0;
		place->idle[interval->cause].intervals += (uint32_t)is_in;
	}
	return 0;
}

/* --- all of it ----------------------------------------------------------------------------- */

static void sums_count(struct step_sums *sums, const struct step *step)
{
	sums->steps++;
	sums->period_ns += step->period_ns;
}

static void steps_count(struct step_result *r)
{
	for (size_t i = 0; i < r->step_count; i++) {
		const struct step *step = &r->steps[i];
		struct step_kind *kind = &r->kinds[step->kind];

		if (!step->period_ns)
			continue;
		sums_count(&kind->all, step);
		if (is_typical(kind, step))
			sums_count(&kind->typical, step);
		else if (is_slow(kind, step))
			sums_count(&kind->slow, step);
	}
}

static int ordinals_open(struct measure *m)
{
	size_t total = 0;

	for (size_t i = 0; i < m->to->kind_count && total < ORDINALS_TOTAL; i++) {
		struct step_kind *kind = &m->to->kinds[i];

		if (kind->steps < ORDINAL_STEPS_MIN || !kind->launches)
			continue;
		kind->ordinal_count = kind->launches < STEP_ORDINALS_MAX ? kind->launches
									: STEP_ORDINALS_MAX;
		kind->ordinals = calloc(kind->ordinal_count, sizeof(*kind->ordinals));
		if (!kind->ordinals) {
			kind->ordinal_count = 0;
			return run_fail(m->run, "out of memory");
		}
		total += kind->ordinal_count;
	}
	return 0;
}

/* Which attention ran tells prompts from tokens; a hundredth may be of the step beside. */
static void phases_tell(struct step_result *r)
{
	for (size_t i = 0; i < r->kind_count; i++) {
		const uint64_t *ns = r->kinds[i].all.family_ns;
		uint64_t prefill = ns[FAMILY_ATTENTION_PREFILL], decode = ns[FAMILY_ATTENTION_DECODE];
		bool has_prefill = prefill && prefill * 100 >= decode;
		bool has_decode = decode && decode * 100 >= prefill;

		r->kinds[i].phase = has_prefill && has_decode ? STEP_PREFILL_DECODE
			: has_prefill ? STEP_PREFILL : has_decode ? STEP_DECODE : STEP_OTHER;
	}
}

/* Before the scan, or before it is begun anew. */
static int begin(void *arg)
{
	struct measure *m = arg;
	struct step_result *r = m->to;
	size_t family_bytes = (size_t)r->family_count * sizeof(uint64_t);

	for (struct place *place = m->places; place; place = place->hh.next)
		place_reset(m, place);
	r->idles.count = 0;
	for (size_t i = 0; i < r->step_count; i++)
		r->steps[i].idle_ns = 0;
	for (size_t i = 0; i < r->kind_count; i++) {
		struct step_kind *kind = &r->kinds[i];
		struct step_sums *sums[] = { &kind->all, &kind->typical, &kind->slow };

		for (int j = 0; j < 3; j++) {
			memset(sums[j]->family_ns, 0, family_bytes);
			memset(sums[j]->idle_ns, 0, sizeof(sums[j]->idle_ns));
		}
		if (kind->ordinals)
			memset(kind->ordinals, 0, kind->ordinal_count * sizeof(*kind->ordinals));
	}
	return 0;
}

int steps_measure(struct run *run, const struct idle_options *options,
		  const struct kernel_families *families, struct step_result *result)
{
	struct measure m = { .run = run, .families = families, .to = result };
	struct idle_observer observer = { .begin = begin, .call = call_take, .event = event_take,
					  .interval = interval_take, .arg = &m,
					  .next = options->observer, .sees_all = true };
	struct idle_options idle = *options;
	int done = places_make(&m);

	idle.observer = &observer;
	if (done == 0)
		done = ordinals_open(&m);
	if (done == 0)
		done = run_idle(run, &idle, &result->idle);
	for (struct place *place = m.places; done == 0 && place; place = place->hh.next)
		done = idles_take(&m, place);
	if (done == 0) {
		steps_count(result);
		phases_tell(result);
		done = steps_name_phases(run, result);
	}
	ROWS_FREE(m.places);
	return done;
}

int run_step_launches(struct run *run, const struct step_result *result, step_launch_fn *fn,
		      void *arg)
{
	/* Only places change. */
	struct measure m = { .run = run, .to = (struct step_result *)(uintptr_t)result, .launch = fn,
			     .launch_arg = arg };
	struct idle_sink sink = { .call = call_take, .arg = &m, .work_only = true };
	int done = run_freeze(run);

	if (done == 0) {
		done = places_make(&m);
		if (done == 0)
			done = idle_read(run, true, &sink);
		if (done == IDLE_DISORDER)
			done = run_fail(run, "'%s' is damaged (its chunks do not tell the times of its "
					"rows)", run->path);
		ROWS_FREE(m.places);
		run_thaw(run);
	}
	return done;
}
