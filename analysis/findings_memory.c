/* SPDX-License-Identifier: Apache-2.0 */
/* The detector of memory that grows without end, over the replay of all allocations. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/findings_internal.h"
#include "analysis/memory_use.h"

static const struct memory_area *area_of(const struct memory_use *use, int device)
{
	for (size_t i = 0; i < use->area_count; i++)
		if (use->areas[i].device == device)
			return &use->areas[i];
	return NULL;
}

/* Bytes per second that a call path adds. */
static double pace(const struct memory_site *site)
{
	uint64_t ns = site->last_ns > site->first_ns ? site->last_ns - site->first_ns : 0;

	return ns ? (double)site->high_bytes / (double)ns * 1e9 : 0;
}

static int growth_add(struct finder *finder, enum detector_id id, const struct memory_area *area,
		      const struct memory_site *site, double bytes_per_s)
{
	struct run_finding finding = { .device = area->device, .count = site->allocs,
				       .path = site->path, .first_ns = site->first_ns,
				       .last_ns = site->last_ns };
	double left = area->limit_bytes > area->high_bytes
		? (double)(area->limit_bytes - area->high_bytes) : 0;
	struct finding_values values = { bytes_per_s, (double)area->high_bytes,
					 left / bytes_per_s * 1e9, NULL };

	if (left / bytes_per_s >= finding_limit(finder->limits, id, "seconds"))
		return 0;
	return finder_add(finder, id, &finding, NULL, &values);
}

static int growth_on(struct finder *finder, enum detector_id id, const struct memory_use *use,
		     int device)
{
	const struct memory_area *area = area_of(use, device);
	const struct memory_site *worst = NULL;
	double bytes_per_s = 0, bytes = 0;

	for (size_t i = 0; area && i < use->site_count; i++) {
		const struct memory_site *site = &use->sites[i];

		if (site->device != device || !site->grows)
			continue;
		bytes_per_s += pace(site);
		bytes += (double)site->high_bytes;
		if (!worst || site->high_bytes > worst->high_bytes)
			worst = site;
	}
	if (!worst || bytes_per_s <= 0 || bytes < finding_limit(finder->limits, id, "mib") * 1048576)
		return 0;
	return growth_add(finder, id, area, worst, bytes_per_s);
}

int detect_growth(struct finder *finder, enum detector_id id)
{
	struct memory_use use;
	int result = run_memory_use(finder->run, &use);

	if (result < 0)
		return -1;
	for (size_t i = 0; result == 0 && i < finder->out->idle.device_count; i++)
		result = growth_on(finder, id, &use, finder->out->idle.devices[i].id);
	memory_use_free(&use);
	return result;
}
