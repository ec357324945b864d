/* SPDX-License-Identifier: Apache-2.0 */
/* Lines about measured activity: see report_activity.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/report_activity.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "analysis/activity.h"

static const struct { enum activity_metric metric; const char *text; } told[] = {
	{ ACTIVITY_gpu_busy_ppm, "busy" },
	{ ACTIVITY_sm_active_ppm, "SMs" },
	{ ACTIVITY_occupancy_ppm, "warps" },
	{ ACTIVITY_tensor_ppm, "tensor cores" },
	{ ACTIVITY_dram_ppm, "DRAM" },
};

/* Mean over the samples that know it; < 0: none does. */
static double mean(const struct activity_sample_list *list, enum activity_metric metric)
{
	double total = 0, time = 0;

	for (size_t i = 0; i < list->count; i++)
		if (list->rows[i].metrics[metric] >= 0) {
			total += list->rows[i].metrics[metric] * (double)list->rows[i].dur_ns;
			time += (double)list->rows[i].dur_ns;
		}
	return time > 0 ? total / time : -1;
}

static int append(char *line, size_t bytes, const char *text)
{
	size_t length = strlen(line);

	return snprintf(line + length, bytes - length, "%s%s", length ? ", " : "", text);
}

static int figures(struct run *run, const struct run_activity_source *source, char *line, size_t bytes)
{
	struct activity_sample_list list;
	char text[64];

	if (run_activity_samples(run, source->device, 0, INT64_MAX, &list) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
		double part = mean(&list, told[i].metric);

		snprintf(text, sizeof(text), "%s %.1f %%", told[i].text, 100 * part);
		if (part >= 0)
			append(line, bytes, text);
	}
	activity_sample_list_free(&list);
	return 0;
}

static void print_source(const struct print_style *style, const struct run_activity_source *source)
{
	char line[256], period[32], asked[32], cost[32];
	int length;

	if (!source->samples)
		return;
	length = snprintf(line, sizeof(line), "%s, %llu samples, one every %s (asked for: %s)",
			  source->source, (unsigned long long)source->samples,
			  format_ns((double)source->period_ns, period, sizeof(period)),
			  format_ns((double)source->asked_period_ns, asked, sizeof(asked)));
	if (source->overflows)
		snprintf(line + length, sizeof(line) - (size_t)length,
			 "; the GPU's buffer was full %llu times: samples are missing",
			 (unsigned long long)source->overflows);
	else if (source->cost_ns)
		snprintf(line + length, sizeof(line) - (size_t)length, ", %s of NVML's time each",
			 format_ns((double)source->cost_ns, cost, sizeof(cost)));
	print_fact(style, "  source", line);
}

static int print_device(struct run *run, const struct print_style *style,
			const struct run_activity_source *source, bool with_source)
{
	char line[512] = "", text[600];

	if (figures(run, source, line, sizeof(line)) < 0)
		return -1;
	snprintf(text, sizeof(text), "GPU %d: %s", source->gpu, line[0] ? line : "not measured");
	print_fact(style, "activity", text);
	if (source->note[0])
		print_fact(style, "  because", source->note);
	if (with_source)
		print_source(style, source);
	return 0;
}

int report_activity(struct run *run, const struct print_style *style, bool with_source)
{
	struct run_activity_source_list list;
	int result = 0;

	if (run_activity_sources(run, &list) < 0)
		return -1;
	for (size_t i = 0; result == 0 && i < list.count; i++)
		result = print_device(run, style, &list.rows[i], with_source);
	if (result == 0)
		result = (int)list.count;
	run_activity_source_list_free(&list);
	return result;
}

/* The part of the time in which an SM had a block, by the waterfall's parts; what persistent kernels and
 * those of unknown shape do counts as all of them. */
static double waterfall_covered(const struct waterfall *w)
{
	static const enum waterfall_part without[] = { WATERFALL_COPY_ALONE, WATERFALL_UNCOVERED,
						       WATERFALL_WAVE_TAIL };
	uint64_t none_ns = 0;

	for (int i = 0; i < IDLE_CAUSE_COUNT; i++)
		none_ns += w->idle_ns[i];
	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++)
		none_ns += w->parts_ns[without[i]];
	return w->span_ns > none_ns ? 1 - (double)none_ns / (double)w->span_ns : 0;
}

static int print_waterfall(struct run *run, const struct print_style *style, const struct waterfall *w,
			   const struct idle_device *device)
{
	struct activity_sample_list list;
	char line[256];
	double part;

	if (run_activity_samples(run, w->device, device->first_ns, device->last_ns, &list) < 0)
		return -1;
	part = mean(&list, ACTIVITY_sm_active_ppm);
	activity_sample_list_free(&list);
	if (part < 0)
		return 0;
	snprintf(line, sizeof(line), "GPU %d: NVML measured %.1f %% of the SMs as active in this time; above "
		 "%.1f %% have a block", w->gpu, 100 * part, 100 * waterfall_covered(w));
	print_fact(style, "measured", line);
	return 0;
}

int report_activity_waterfalls(struct run *run, const struct print_style *style,
			       const struct findings *findings)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < findings->waterfalls.count; i++)
		for (size_t k = 0; result == 0 && k < findings->idle.device_count; k++)
			if (findings->idle.devices[k].id == findings->waterfalls.rows[i].device)
				result = print_waterfall(run, style, &findings->waterfalls.rows[i],
							 &findings->idle.devices[k]);
	return result;
}
