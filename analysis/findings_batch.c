/* SPDX-License-Identifier: Apache-2.0 */
/* Detectors over the batch of a server, which the sizes of its read-backs tell. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/findings_internal.h"

#include <stdlib.h>

#define TOKEN_BYTES_MAX	8		/* of a request in a read-back: what is more, is no token */

int watch_level_take(struct watch_levels *levels, const struct idle_event *event, uint64_t prompts)
{
	struct watch_level *level = levels->count ? &levels->rows[levels->count - 1] : NULL;
	bool is_first = !level, has_prompts = prompts != levels->prompts;

	if (!level || level->bytes != event->op.bytes || level->prompts != has_prompts) {
		level = LIST_ADD(levels);
		if (!level)
			return -1;
		level->bytes = event->op.bytes;
		level->prompts = has_prompts;
		level->start_ns = is_first ? event->end : levels->last_ns;
	}
	level->count++;
	level->total_ns += !is_first && event->end > levels->last_ns ? event->end - levels->last_ns : 0;
	levels->last_ns = event->end;
	levels->prompts = prompts;
	return 0;
}

/* The copies to the host that are made most often. */
static const struct watch_copy *readbacks_of(const struct finder *finder, int device)
{
	const struct watch_copy *most = NULL;

	for (const struct watch_copy *c = finder->watch.copies; c; c = c->hh.next)
		if (c->key.device == device && c->levels.count && (!most || c->count > most->count))
			most = c;
	return most;
}

/* Bytes of one request; 0: the sizes do not tell. */
static uint64_t token_bytes(const struct watch_levels *levels)
{
	uint64_t unit = 0;

	for (size_t i = 0; i < levels->count; i++)
		for (uint64_t rest = levels->rows[i].bytes; rest; ) {
			uint64_t left = unit % rest;

			unit = rest;
			rest = left;
		}
	return unit <= TOKEN_BYTES_MAX ? unit : 0;
}

static double mean_ns(uint64_t total_ns, uint64_t count)
{
	return count ? (double)total_ns / (double)count : 0;
}

/* --- a batch that shrinks ------------------------------------------------------------------ */

struct fall {
	const struct watch_level *from, *to;	/* `to` is the last */
};

/* Sizes that do not rise, and no prompt after the first. */
static struct fall fall_at(const struct watch_levels *levels, size_t first)
{
	size_t last = first;

	while (last + 1 < levels->count && !levels->rows[last + 1].prompts &&
	       levels->rows[last + 1].bytes <= levels->rows[last].bytes)
		last++;
	return (struct fall){ &levels->rows[first], &levels->rows[last] };
}

/* What a step takes with a batch that is nearly full. */
static double full_step_ns(struct fall fall)
{
	uint64_t total_ns = 0, count = 0;

	for (const struct watch_level *l = fall.from; l <= fall.to; l++)
		if (!l->prompts && l->bytes * 4 >= fall.from->bytes * 3) {
			total_ns += l->total_ns;
			count += l->count;
		}
	return mean_ns(total_ns, count);
}

/* Time with half the batch and less, beyond what the requests' share of a full one would take. */
static void fall_take(struct fall fall, int64_t stream, struct run_finding *finding, double *half_ns)
{
	double full_ns = full_step_ns(fall), lost_ns = 0, ns = 0;
	const struct watch_level *first = NULL;

	for (const struct watch_level *l = fall.from; l <= fall.to; l++) {
		double share = (double)l->bytes / (double)fall.from->bytes;
		double due_ns = share * full_ns * (double)l->count;

		if (share > 0.5)
			continue;
		first = first ? first : l;
		ns += (double)l->total_ns;
		lost_ns += (double)l->total_ns > due_ns ? (double)l->total_ns - due_ns : 0;
		finding->count += l->count;
	}
	if (full_ns <= 0 || !first)
		return;
	finding->lost_ns += (uint64_t)lost_ns;
	finding->first_ns = finding->first_ns ? finding->first_ns : first->start_ns;
	finding->last_ns = first->start_ns + (uint64_t)ns;
	finding_show(finding, "", 0, stream, first->start_ns, (uint64_t)ns);
	*half_ns += ns;
}

static int shrinking_on(struct finder *finder, enum detector_id id, int device)
{
	const struct watch_copy *c = readbacks_of(finder, device);
	uint64_t unit = c ? token_bytes(&c->levels) : 0;
	double left = finding_limit(finder->limits, id, "percent") / 100;
	double least = finding_limit(finder->limits, id, "requests") * (double)unit;
	struct run_finding finding = { .device = device };
	struct finding_values values = { 0 };
	struct fall fall;

	for (size_t i = 0; unit && i < c->levels.count; i = (size_t)(fall.to - c->levels.rows) + 1) {
		fall = fall_at(&c->levels, i);
		if ((double)fall.from->bytes < least ||
		    (double)fall.to->bytes > left * (double)fall.from->bytes)
			continue;
		fall_take(fall, c->worst.stream, &finding, &values.c);
		values.a = (double)(fall.from->bytes / unit);
		values.b = (double)(fall.to->bytes / unit);
	}
	if (!finding.count)
		return 0;
	finding.path = c->key.path;
	return finder_add(finder, id, &finding, NULL, &values);
}

/* --- prompts that come again --------------------------------------------------------------- */

struct prompt_sums {
	uint64_t bursts, outputs;	/* outputs in bytes */
	uint64_t steps, ns, plain_steps, plain_ns;	/* with prompts, and without */
};

static struct prompt_sums prompts_sum(const struct watch_levels *levels)
{
	struct prompt_sums sums = { 0 };

	for (size_t i = 0; i < levels->count; i++) {
		const struct watch_level *l = &levels->rows[i];

		sums.bursts += l->prompts && (!i || !l[-1].prompts);
		sums.outputs += l->bytes * l->count;
		*(l->prompts ? &sums.steps : &sums.plain_steps) += l->count;
		*(l->prompts ? &sums.ns : &sums.plain_ns) += l->total_ns;
	}
	return sums;
}

static int preemption_on(struct finder *finder, enum detector_id id, int device)
{
	const struct watch_copy *c = readbacks_of(finder, device);
	uint64_t unit = c ? token_bytes(&c->levels) : 0;
	struct run_finding finding = { .device = device };
	struct finding_values values = { 0 };
	struct prompt_sums sums;
	double minutes = (double)finder_wall(finder, device) / 60e9, plain_ns;

	if (!unit)
		return 0;
	sums = prompts_sum(&c->levels);
	if ((double)sums.bursts < finding_limit(finder->limits, id, "prompts") ||
	    (double)sums.bursts < finding_limit(finder->limits, id, "per_minute") * minutes)
		return 0;
	values.a = (double)(sums.outputs / unit) / (double)sums.bursts;
	if (values.a >= finding_limit(finder->limits, id, "outputs"))
		return 0;
	plain_ns = mean_ns(sums.plain_ns, sums.plain_steps) * (double)sums.steps;
	finding.concerned_ns = (double)sums.ns > plain_ns ? sums.ns - (uint64_t)plain_ns : 0;
	finding.count = sums.bursts;
	finding.path = c->key.path;
	finding.first_ns = c->first_ns;
	finding.last_ns = c->last_ns;
	for (size_t i = 0; i < c->levels.count; i++)
		if (c->levels.rows[i].prompts)
			finding_show(&finding, "", 0, c->worst.stream, c->levels.rows[i].start_ns,
				     c->levels.rows[i].total_ns);
	return finder_add(finder, id, &finding, NULL, &values);
}

int detect_shrinking(struct finder *finder, enum detector_id id)
{
	return finder_each_device(finder, id, shrinking_on);
}

int detect_preemption(struct finder *finder, enum detector_id id)
{
	return finder_each_device(finder, id, preemption_on);
}
