/* SPDX-License-Identifier: Apache-2.0 */
/* Detectors over launch shapes: what a running kernel leaves unused, and the gaps between kernels. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/findings_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Time that a shape loses by what the detector looks for; 0: it is none of its. */
typedef double lost_fn(const struct finder *finder, enum detector_id id,
		       const struct watch_kernel *k);

/* The worst shapes first, as far as there is room for evidence. */
struct worst {
	const struct watch_kernel *kernels[FINDING_EVIDENCE_MAX];
	double lost_ns[FINDING_EVIDENCE_MAX];
	int count;
};

static bool is_worse(const struct worst *worst, int at, const struct watch_kernel *k, double lost_ns)
{
	if (lost_ns != worst->lost_ns[at])
		return lost_ns > worst->lost_ns[at];
	return k->shape < worst->kernels[at]->shape;
}

static void worst_take(struct worst *worst, const struct watch_kernel *k, double lost_ns)
{
	int at = worst->count < FINDING_EVIDENCE_MAX ? worst->count++ : FINDING_EVIDENCE_MAX;

	for (; at && is_worse(worst, at - 1, k, lost_ns); at--) {
		if (at == FINDING_EVIDENCE_MAX)
			continue;
		worst->kernels[at] = worst->kernels[at - 1];
		worst->lost_ns[at] = worst->lost_ns[at - 1];
	}
	if (at == FINDING_EVIDENCE_MAX)
		return;
	worst->kernels[at] = k;
	worst->lost_ns[at] = lost_ns;
}

/* One finding for a device: the time of all shapes together, told of the worst of them. The lost
 * time is unknown where only the time of the kernels is: `concerns`. */
static int shapes_find(struct finder *finder, enum detector_id id, int device, lost_fn *lost,
		       bool concerns, struct run_finding *finding, struct worst *worst)
{
	double sum = 0;

	*finding = (struct run_finding){ .device = device };
	*worst = (struct worst){ 0 };
	for (const struct watch_kernel *k = finder->watch.kernels; k; k = k->hh.next) {
		double ns = k->device == device && k->count ? lost(finder, id, k) : 0;

		if (ns <= 0)
			continue;
		sum += ns;
		finding->count += k->count;
		if (!finding->first_ns || k->first_ns < finding->first_ns)
			finding->first_ns = k->first_ns;
		if (k->last_ns > finding->last_ns)
			finding->last_ns = k->last_ns;
		worst_take(worst, k, ns);
	}
	*(concerns ? &finding->concerned_ns : &finding->lost_ns) = (uint64_t)sum;
	for (int i = 0; i < worst->count; i++)
		finding_show(finding, "", 0, worst->kernels[i]->worst.stream,
			     worst->kernels[i]->worst.start_ns, worst->kernels[i]->worst.dur_ns);
	if (worst->count)
		finding->path = worst->kernels[0]->worst.path;
	return worst->count;
}

static double fact(const struct watch_kernel *k, int column)
{
	return k->facts && !k->facts[column].is_null ? (double)k->facts[column].number : 0;
}

/* Values of the worst shape for the advice. */
typedef struct finding_values values_fn(const struct finder *finder, const struct watch_kernel *k);

static int each_device(struct finder *finder, enum detector_id id, lost_fn *lost, bool concerns,
		       values_fn *values)
{
	for (size_t i = 0; i < finder->out->idle.device_count; i++) {
		struct run_finding finding;
		struct finding_values told;
		struct worst worst;

		if (!shapes_find(finder, id, finder->out->idle.devices[i].id, lost, concerns, &finding,
				 &worst))
			continue;
		told = values(finder, worst.kernels[0]);
		if (finder_add(finder, id, &finding,
			       strdup(watch_kernel_name(&finder->watch, worst.kernels[0]->shape)),
			       &told) < 0)
			return -1;
	}
	return 0;
}

/* --- what a kernel leaves unused ----------------------------------------------------------- */

static double lost_uncovered(const struct finder *finder, enum detector_id id,
			     const struct watch_kernel *k)
{
	return k->covers < finding_limit(finder->limits, id, "percent") / 100 ? k->uncovered_ns : 0;
}

static struct finding_values tell_blocks(const struct finder *finder, const struct watch_kernel *k)
{
	(void)finder;
	return (struct finding_values){ .a = fact(k, SHAPE_BLOCKS), .b = fact(k, SHAPE_SMS) };
}

int detect_uncovered(struct finder *finder, enum detector_id id)
{
	return each_device(finder, id, lost_uncovered, false, tell_blocks);
}

static double lost_tail(const struct finder *finder, enum detector_id id, const struct watch_kernel *k)
{
	if (k->waves > finding_limit(finder->limits, id, "waves") ||
	    1 - k->full < finding_limit(finder->limits, id, "percent") / 100)
		return 0;
	return k->tail_ns;
}

static struct finding_values tell_waves(const struct finder *finder, const struct watch_kernel *k)
{
	(void)finder;
	return (struct finding_values){ .a = k->waves };
}

int detect_wave_tail(struct finder *finder, enum detector_id id)
{
	return each_device(finder, id, lost_tail, false, tell_waves);
}

static double lost_occupancy(const struct finder *finder, enum detector_id id,
			     const struct watch_kernel *k)
{
	(void)finder, (void)id;
	/* Where the grid is what leaves SMs empty, that is another finding. */
	return k->covers < 1 ? 0 : k->occupancy_ns;
}

static struct finding_values tell_occupancy(const struct finder *finder, const struct watch_kernel *k)
{
	(void)finder;
	return (struct finding_values){ .a = 100 * k->occupancy, .text = k->facts[SHAPE_LIMITER].text };
}

int detect_occupancy(struct finder *finder, enum detector_id id)
{
	return each_device(finder, id, lost_occupancy, false, tell_occupancy);
}

static double lost_cast(const struct finder *finder, enum detector_id id, const struct watch_kernel *k)
{
	(void)id;
	return family_of_shape(&finder->watch.families, k->shape, NULL).family == FAMILY_QUANTISE
		? (double)k->total_ns : 0;
}

int detect_casts(struct finder *finder, enum detector_id id)
{
	return each_device(finder, id, lost_cast, false, tell_waves);
}

static double concerned_spill(const struct finder *finder, enum detector_id id,
			      const struct watch_kernel *k)
{
	(void)finder, (void)id;
	return fact(k, SHAPE_LOCAL) > 0 ? (double)k->total_ns : 0;
}

static struct finding_values tell_local(const struct finder *finder, const struct watch_kernel *k)
{
	(void)finder;
	return (struct finding_values){ .a = fact(k, SHAPE_LOCAL) };
}

int detect_spill(struct finder *finder, enum detector_id id)
{
	return each_device(finder, id, concerned_spill, true, tell_local);
}

static double beside_ratio(const struct watch_kernel *k)
{
	return k->single.ns && k->beside.count ? (double)k->beside.ns / (double)k->beside.count /
		((double)k->single.ns / (double)k->single.count) : 0;
}

static double concerned_contention(const struct finder *finder, enum detector_id id,
				   const struct watch_kernel *k)
{
	double ratio = beside_ratio(k), least = finding_limit(finder->limits, id, "launches");

	if (!k->shape || k->is_collective || ratio < finding_limit(finder->limits, id, "ratio") ||
	    (double)k->single.count < least || (double)k->beside.count < least)
		return 0;
	return (double)k->beside.ns * (1 - 1 / ratio);
}

static int contention_on(struct finder *finder, enum detector_id id, int device)
{
	struct run_finding finding;
	struct finding_values values;
	const struct watch_kernel *k;
	struct worst worst;

	if (!shapes_find(finder, id, device, concerned_contention, true, &finding, &worst))
		return 0;
	/* Of all launches only those beside others. */
	finding.count = 0;
	for (k = finder->watch.kernels; k; k = k->hh.next)
		if (k->device == device && concerned_contention(finder, id, k) > 0)
			finding.count += k->beside.count;
	k = worst.kernels[0];
	values = (struct finding_values){ .a = beside_ratio(k),
		.b = (double)k->beside.ns / (double)k->beside.count,
		.c = (double)k->single.ns / (double)k->single.count };
	return finder_add(finder, id, &finding, strdup(watch_kernel_name(&finder->watch, k->shape)),
			  &values);
}

int detect_contention(struct finder *finder, enum detector_id id)
{
	return finder_each_device(finder, id, contention_on);
}

static double busy_of(const struct finder *finder, int64_t device)
{
	const struct watch_device *d = watch_device_find(&finder->watch, device);

	return d ? (double)d->busy_ns : 0;
}

static double concerned_opaque(const struct finder *finder, enum detector_id id,
			       const struct watch_kernel *k)
{
	double share = finding_limit(finder->limits, id, "percent") / 100;

	return k->is_opaque && (double)k->total_ns >= share * busy_of(finder, k->device)
		? (double)k->total_ns : 0;
}

static struct finding_values tell_busy(const struct finder *finder, const struct watch_kernel *k)
{
	double busy_ns = fmax(1, busy_of(finder, k->device));

	return (struct finding_values){ .a = 100 * (double)k->total_ns / busy_ns };
}

int detect_opaque(struct finder *finder, enum detector_id id)
{
	return each_device(finder, id, concerned_opaque, true, tell_busy);
}

/* --- communication ------------------------------------------------------------------------- */

static double lost_alone(const struct finder *finder, enum detector_id id, const struct watch_kernel *k)
{
	(void)finder, (void)id;
	return k->alone_ns;
}

int detect_collective(struct finder *finder, enum detector_id id)
{
	for (size_t i = 0; i < finder->out->idle.device_count; i++) {
		int device = finder->out->idle.devices[i].id;
		struct run_finding finding, waits = { .device = device };
		struct worst worst;

		if (!shapes_find(finder, id, device, lost_alone, false, &finding, &worst))
			continue;
		finder_idle(finder, detectors[id].causes, &waits);
		finding.lost_ns += waits.lost_ns;
		if (finder_add(finder, id, &finding,
			       strdup(watch_kernel_name(&finder->watch, worst.kernels[0]->shape)),
			       NULL) < 0)
			return -1;
	}
	return 0;
}

/* --- between kernels ----------------------------------------------------------------------- */

static double lost_tiny(const struct finder *finder, enum detector_id id, const struct watch_kernel *k)
{
	double us = finding_limit(finder->limits, id, "us");

	/* A shape without gaps before it counts too, if with next to nothing. */
	return (double)k->total_ns < us * 1e3 * (double)k->count ? (double)k->gap_ns + 1e-3 : 0;
}

int detect_tiny(struct finder *finder, enum detector_id id)
{
	double share = finding_limit(finder->limits, id, "percent") / 100;

	for (size_t i = 0; i < finder->out->idle.device_count; i++) {
		int device = finder->out->idle.devices[i].id;
		struct run_finding finding;
		struct worst worst;
		uint64_t kernels = 0;

		for (const struct watch_kernel *k = finder->watch.kernels; k; k = k->hh.next)
			kernels += k->device == device ? k->count : 0;
		if (!shapes_find(finder, id, device, lost_tiny, false, &finding, &worst) ||
		    (double)finding.count < share * (double)kernels)
			continue;
		if (finder_add(finder, id, &finding,
			       strdup(watch_kernel_name(&finder->watch, worst.kernels[0]->shape)),
			       NULL) < 0)
			return -1;
	}
	return 0;
}

/* Graph nodes do not tell how they were launched: there the length of the gap does. */
static bool pair_without_pdl(const struct watch_kernel *next, const struct watch_pair *pair,
			     double graph_ns)
{
	double average = (double)pair->total_ns / (double)pair->count;

	return fact(next, SHAPE_CC) >= 9 && !((int64_t)fact(next, SHAPE_FLAGS) & SHAPE_PDL) &&
	       average >= graph_ns;
}

static int no_pdl_on(struct finder *finder, enum detector_id id, int device)
{
	double graph_ns = finding_limit(finder->limits, id, "graph_ns");
	struct run_finding finding = { .device = device };
	const struct watch_pair *worst = NULL;
	char *what = NULL;

	for (const struct watch_pair *pair = finder->watch.pairs; pair; pair = pair->hh.next) {
		struct watch_kernel *next;

		HASH_FIND(hh, finder->watch.kernels, &pair->key.next, sizeof(pair->key.next), next);
		if (!next || next->device != device || !pair_without_pdl(next, pair, graph_ns))
			continue;
		finding.lost_ns += pair->total_ns;
		finding.count += pair->count;
		if (!worst || pair->total_ns > worst->total_ns)
			worst = pair;
	}
	if (!worst)
		return 0;
	finding.path = worst->worst.path;
	finding_show(&finding, "", 0, worst->worst.stream, worst->worst.start_ns, worst->worst.dur_ns);
	if (asprintf(&what, "%s -> %s", watch_kernel_name(&finder->watch, worst->key.previous),
		     watch_kernel_name(&finder->watch, worst->key.next)) < 0)
		what = NULL;
	return finder_add(finder, id, &finding, what, NULL);
}

int detect_no_pdl(struct finder *finder, enum detector_id id)
{
	for (size_t i = 0; i < finder->out->idle.device_count; i++)
		if (no_pdl_on(finder, id, finder->out->idle.devices[i].id) < 0)
			return -1;
	return 0;
}
