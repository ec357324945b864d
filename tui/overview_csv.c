/* SPDX-License-Identifier: Apache-2.0 */
/* The overview as CSV: one row for each figure and each point of the charts. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/overview.h"

#include "analysis/csv.h"
#include "tui/timeline_reader.h"
#include "tui/view.h"

#include <math.h>

#define LIST_ROWS	20	/* of kernels and of entry points: all of them have views */

enum { HAS_GPU = 1, HAS_STRETCH = 2, HAS_TIME = 4, HAS_COUNT = 8, HAS_BYTES = 16 };

enum part { PART_LOSS, PART_DEVICE, PART_FINDING, PART_WATERFALL, PART_CHART, PART_MEMORY, PART_KERNEL,
	    PART_CALL };
static const struct { const char *name; unsigned int has; } parts[] = {
	[PART_LOSS] = { "loss", HAS_COUNT },
	[PART_DEVICE] = { "device busy", HAS_GPU | HAS_STRETCH | HAS_TIME | HAS_COUNT | HAS_BYTES },
	[PART_FINDING] = { "finding", HAS_GPU | HAS_STRETCH | HAS_TIME | HAS_COUNT },
	[PART_WATERFALL] = { "SM-time", HAS_GPU | HAS_TIME },
	[PART_CHART] = { "chart", HAS_GPU | HAS_STRETCH | HAS_TIME },
	[PART_MEMORY] = { "chart", HAS_GPU | HAS_STRETCH | HAS_BYTES },
	[PART_KERNEL] = { "kernel", HAS_TIME | HAS_COUNT },
	[PART_CALL] = { "call", HAS_TIME | HAS_COUNT },
};

struct line {
	enum part part;
	const char *name, *where;
	int64_t gpu;			/* negative: of none */
	uint64_t start_ns, end_ns;	/* end 0: unknown */
	uint64_t ns, of_ns;		/* of 0: unknown */
	uint64_t count, bytes;
};

static void integer_if(struct csv *csv, bool is_known, uint64_t value)
{
	if (is_known)
		csv_integer(csv, (int64_t)value);
	else
		csv_empty(csv);
}

static void write_line(struct csv *csv, const struct line *line)
{
	unsigned int has = parts[line->part].has;
	bool has_stretch = has & HAS_STRETCH && line->end_ns, has_time = has & HAS_TIME && line->of_ns;

	csv_text(csv, parts[line->part].name);
	integer_if(csv, has & HAS_GPU && line->gpu >= 0, (uint64_t)line->gpu);
	csv_text(csv, line->name);
	csv_text(csv, line->where ? line->where : "");
	integer_if(csv, has_stretch, line->start_ns);
	integer_if(csv, has_stretch, line->end_ns);
	integer_if(csv, has_time, line->ns);
	csv_real(csv, has_time ? (double)line->ns / (double)line->of_ns : NAN);
	integer_if(csv, has & HAS_COUNT, line->count);
	integer_if(csv, has & HAS_BYTES, line->bytes);
	csv_end_line(csv);
}

static void write_findings(struct csv *csv, const struct findings *findings)
{
	for (size_t i = 0; i < findings->list.count; i++) {
		const struct run_finding *f = &findings->list.rows[i];

		write_line(csv, &(struct line){ .part = PART_FINDING, .gpu = f->gpu, .name = f->title,
			.where = f->where, .start_ns = f->first_ns, .end_ns = f->last_ns,
			.ns = f->lost_ns, .of_ns = f->lost_ns ? f->wall_ns : 0, .count = f->count });
	}
}

static void write_waterfalls(struct csv *csv, const struct findings *findings)
{
	for (size_t i = 0; i < findings->waterfalls.count; i++) {
		const struct waterfall *w = &findings->waterfalls.rows[i];
		int order[WATERFALL_ROWS], count = waterfall_order(w, order);

		for (int k = 0; k < count; k++)
			write_line(csv, &(struct line){ .part = PART_WATERFALL, .gpu = w->gpu,
				.name = waterfall_row_name(order[k]),
				.ns = waterfall_row_ns(w, order[k]), .of_ns = w->span_ns });
	}
}

static void write_charts(struct csv *csv, const struct snapshot *s, size_t device)
{
	for (size_t i = 0; s->buckets && i < s->buckets[device].count; i++) {
		const struct run_bucket *b = &s->buckets[device].rows[i];
		struct line line = { .part = PART_CHART, .gpu = s->devices.rows[device].gpu,
				     .start_ns = b->start_ns, .end_ns = b->start_ns + b->width_ns,
				     .of_ns = b->width_ns };

		line.name = "GPU busy";
		line.ns = b->busy_ns;
		write_line(csv, &line);
		line.name = "Copies";
		line.ns = b->copy_ns;
		write_line(csv, &line);
		line.part = PART_MEMORY;
		line.name = "Memory";
		line.bytes = b->live_bytes;
		if (s->memory.count)
			write_line(csv, &line);
	}
}

static void write_lists(struct csv *csv, const struct snapshot *s)
{
	uint64_t kernels = overview_kernel_total(s), calls = 0;

	for (size_t i = 0; i < s->kernels.count && i < LIST_ROWS; i++) {
		const struct run_kernel *k = &s->kernels.rows[i];

		write_line(csv, &(struct line){ .part = PART_KERNEL,
			.name = *k->name ? k->name : k->short_name, .ns = k->total_ns, .of_ns = kernels,
			.count = k->count });
	}
	for (size_t i = 0; i < s->apis.count; i++)
		calls += s->apis.rows[i].total_ns;
	for (size_t i = 0; i < s->apis.count && i < LIST_ROWS; i++) {
		const struct run_api *a = &s->apis.rows[i];

		write_line(csv, &(struct line){ .part = PART_CALL, .name = a->name, .ns = a->total_ns,
			.of_ns = calls, .count = a->count });
	}
}

void overview_write_csv(const struct view *view, const struct snapshot *s, struct csv *csv)
{
	static const char *const titles[] = {
		"Part", "GPU", "Name", "Where", "Start (ns)", "End (ns)", "Time (ns)", "Share", "Count",
		"Memory (bytes)",
	};

	(void)view;
	for (int i = 0; i < COUNT_OF(titles); i++)
		csv_text(csv, titles[i]);
	csv_end_line(csv);
	for (size_t i = 0; i < s->losses.count; i++)
		if (s->losses.rows[i].is_loss && s->losses.rows[i].value)
			write_line(csv, &(struct line){ .part = PART_LOSS, .name = s->losses.rows[i].name,
				.count = s->losses.rows[i].value });
	for (size_t i = 0; i < s->devices.count; i++) {
		const struct run_device *d = &s->devices.rows[i];

		write_line(csv, &(struct line){ .part = PART_DEVICE, .gpu = d->gpu, .name = d->name,
			.start_ns = d->first_ns, .end_ns = d->last_ns, .ns = d->busy_ns,
			.of_ns = d->span_ns, .count = d->kernels, .bytes = d->high_bytes });
	}
	if (s->scan) {
		write_findings(csv, &s->scan->findings);
		write_waterfalls(csv, &s->scan->findings);
	}
	for (size_t i = 0; i < s->devices.count; i++)
		write_charts(csv, s, i);
	write_lists(csv, s);
}
