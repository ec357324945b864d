/* SPDX-License-Identifier: Apache-2.0 */
/* Detectors over copies: pageable memory, slow links, nothing beside them, clones. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/findings_internal.h"

#include <stdlib.h>
#include <string.h>

enum { KIND_HTOD = 1, KIND_DTOH = 2, KIND_DTOD = 8 };
enum { MEMORY_PAGEABLE = 1 };

/* Time that a sort of copy loses by what the detector looks for; below 0: it is none of its. */
typedef double lost_fn(const struct finder *finder, enum detector_id id, const struct watch_copy *c);

static int operation(const struct watch_copy *c)
{
	return (int)c->key.kind & 0xff;
}

static bool over_the_link(const struct watch_copy *c)
{
	return operation(c) == KIND_HTOD || operation(c) == KIND_DTOH;
}

static double average_bytes(const struct watch_copy *c)
{
	return c->count ? (double)c->bytes / (double)c->count : 0;
}

static int copies_on(struct finder *finder, enum detector_id id, int device, lost_fn *lost)
{
	struct run_finding finding = { .device = device };
	const struct watch_copy *worst = NULL;
	struct finding_values values;
	double most = -1, sum = 0, bytes = 0, ns = 0;

	finder_idle(finder, detectors[id].causes, &finding);
	finding.count = 0;
	for (const struct watch_copy *c = finder->watch.copies; c; c = c->hh.next) {
		double costs = c->key.device == device && c->count ? lost(finder, id, c) : -1;

		if (costs < 0)
			continue;
		sum += costs;
		finding.count += c->count;
		bytes += (double)c->bytes;
		ns += (double)c->total_ns;
		finding_show(&finding, "", 0, c->worst.stream, c->worst.start_ns, c->worst.dur_ns);
		if (costs > most) {
			most = costs;
			worst = c;
		}
	}
	if (!worst)
		return 0;
	finding.lost_ns += (uint64_t)sum;
	finding.path = worst->key.path;
	finding.first_ns = worst->first_ns;
	finding.last_ns = worst->last_ns;
	values = (struct finding_values){ .a = bytes / (double)finding.count,
					  .b = ns > 0 ? bytes / ns * 1e9 : 0 };
	return finder_add(finder, id, &finding,
			  strdup(run_copy_direction((int)worst->key.kind)), &values);
}

static int each_device(struct finder *finder, enum detector_id id, lost_fn *lost)
{
	for (size_t i = 0; i < finder->out->idle.device_count; i++)
		if (copies_on(finder, id, finder->out->idle.devices[i].id, lost) < 0)
			return -1;
	return 0;
}

static double lost_metadata(const struct finder *finder, enum detector_id id,
			    const struct watch_copy *c)
{
	if (operation(c) != KIND_HTOD ||
	    average_bytes(c) > finding_limit(finder->limits, id, "kib") * 1024)
		return -1;
	return c->alone_ns;
}

int detect_metadata(struct finder *finder, enum detector_id id)
{
	return each_device(finder, id, lost_metadata);
}

static double lost_pageable(const struct finder *finder, enum detector_id id,
			    const struct watch_copy *c)
{
	bool pageable = (c->key.kind >> 8 & 0xff) == MEMORY_PAGEABLE ||
			(c->key.kind >> 16 & 0xff) == MEMORY_PAGEABLE;

	if (!over_the_link(c) || !pageable ||
	    average_bytes(c) <= finding_limit(finder->limits, id, "kib") * 1024)
		return -1;
	return c->alone_ns;
}

int detect_pageable(struct finder *finder, enum detector_id id)
{
	return each_device(finder, id, lost_pageable);
}

static double lost_slow(const struct finder *finder, enum detector_id id, const struct watch_copy *c)
{
	double link = finding_limit(finder->limits, id, "gb_per_s");
	double slow = link * finding_limit(finder->limits, id, "percent") / 100;

	/* bytes per ns are GB/s */
	if (!over_the_link(c) || !c->total_ns || (double)c->bytes / (double)c->total_ns >= slow)
		return -1;
	return c->alone_ns;
}

int detect_small_copies(struct finder *finder, enum detector_id id)
{
	return each_device(finder, id, lost_slow);
}

static double lost_offload(const struct finder *finder, enum detector_id id,
			   const struct watch_copy *c)
{
	if (!over_the_link(c) || average_bytes(c) < finding_limit(finder->limits, id, "kib") * 1024)
		return -1;
	return c->alone_ns;
}

int detect_offload(struct finder *finder, enum detector_id id)
{
	return each_device(finder, id, lost_offload);
}

static double lost_clone(const struct finder *finder, enum detector_id id, const struct watch_copy *c)
{
	(void)finder, (void)id;
	return operation(c) == KIND_DTOD ? (double)c->total_ns : -1;
}

int detect_clones(struct finder *finder, enum detector_id id)
{
	return each_device(finder, id, lost_clone);
}
