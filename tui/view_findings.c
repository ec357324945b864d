/* SPDX-License-Identifier: Apache-2.0 */
/* What costs the GPU time, most first. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/timeline_reader.h"
#include "tui/view.h"

#include <stdlib.h>
#include <string.h>

struct view_place view_evidence_place(const struct run_finding *f, const struct finding_evidence *e)
{
	return (struct view_place){
		.lane = *e->table && e->stream ? (struct lane_key){ LANE_STREAM, e->stream } :
			(struct lane_key){ LANE_IDLE, f->device },
		.start_ns = e->start_ns, .end_ns = e->start_ns + e->dur_ns,
	};
}

struct finding_row {
	uint64_t key;
	const char *severity, *number, *name;	/* of the detector */
	char *title, *where, *what, *advice;	/* the row's own: the next reading has others */
	double share;
	uint64_t lost, gain, gain_least, concerned, count, first, last;
	int64_t gpu;
};

#define COLUMN(...) GRID_COLUMN(finding_row, __VA_ARGS__)

static const struct column columns[] = {
	COLUMN(share, "Share", SHARE, 0, 0, "part of the wall time since the warm-up that is lost"),
	COLUMN(lost, "Lost", TIME, 0, 0,
	       "time of the device that it costs since the warm-up, where that can be told"),
	COLUMN(gain, "Gain", TIME, 0, 2, "what mending it saves at most"),
	COLUMN(count, "Count", COUNT, 0, 3, "times it happened"),
	COLUMN(gpu, "GPU", NUMBER, 4, 4, "number of the device"),
	COLUMN(severity, "Severity", TEXT, 9, 1, "info, warning or critical"),
	COLUMN(title, "Finding", TEXT, 30, 0, "what happens"),
	COLUMN(where, "Where", TEXT, 20, 0, "function to blame: innermost frame of the program's call path"),
	COLUMN(gain_least, "Gain from", TIME, -1, 0, "what mending it saves at least"),
	COLUMN(concerned, "Concerned", TIME, -1, 0,
	       "time of the work it is about, where what is lost cannot be told"),
	COLUMN(first, "First", TIME, -1, 0, "when it first happened"),
	COLUMN(last, "Last", TIME, -1, 0, "when it happened last"),
	COLUMN(what, "What", TEXT, -1, 0, "kernel, call or copy it is told of"),
	COLUMN(number, "Number", TEXT, -1, 0, "in the catalogue of bottlenecks"),
	COLUMN(name, "Detector", TEXT, -1, 0, "that found it"),
	COLUMN(advice, "Advice", TEXT, -1, 0, "what to do"),
};

static size_t room(const struct snapshot *snapshot)
{
	return snapshot->scan ? snapshot->scan->findings.list.count : 0;
}

static uint64_t known(uint64_t ns)
{
	return ns ? ns : GRID_UNKNOWN;
}

static size_t fill(const struct view *view, const struct snapshot *snapshot, void *rows)
{
	struct finding_row *row = rows;
	size_t count = room(snapshot), shown = 0;

	(void)view;
	for (size_t i = 0; i < count; i++) {
		const struct run_finding *f = &snapshot->scan->findings.list.rows[i];

		if (!view_has_device(snapshot, f->device))
			continue;
		shown++;
		*row++ = (struct finding_row){
			.key = i + 1,
			.severity = finding_severity_name(f->severity),
			.number = f->numbers,
			.name = f->name,
			.title = strdup(f->title),
			.where = strdup(f->where ? f->where : ""),
			.what = strdup(f->what ? f->what : ""),
			.advice = strdup(f->advice ? f->advice : ""),
			.share = f->lost_ns && f->wall_ns ? (double)f->lost_ns / (double)f->wall_ns : -1,
			.lost = known(f->lost_ns),
			.gain = known(f->gain_high_ns),
			.gain_least = known(f->gain_low_ns),
			.concerned = known(f->concerned_ns),
			.count = f->count,
			.first = known(f->first_ns),
			.last = known(f->last_ns),
			.gpu = f->gpu,
		};
	}
	return shown;
}

static void release(void *rows, size_t count)
{
	for (struct finding_row *row = rows; count--; row++) {
		free(row->title);
		free(row->where);
		free(row->what);
		free(row->advice);
	}
}

static void terms(const struct view *view, const void *row, const struct snapshot *snapshot,
		  struct scope *terms)
{
	const struct finding_row *r = row;
	char *function = strndup(r->where, strcspn(r->where, "("));

	(void)view, (void)snapshot;
	if (function)
		function[strcspn(function, " ")] = '\0';
	view_term(terms, SCOPE_PATH, function);
	view_term_number(terms, SCOPE_DEVICE, r->gpu);
	free(function);
}

static bool place_of(const struct view *view, const void *row, const struct snapshot *snapshot,
		  struct view_place *place)
{
	size_t index = ((const struct finding_row *)row)->key - 1;
	const struct run_finding *f = snapshot->scan && index < snapshot->scan->findings.list.count ?
				      &snapshot->scan->findings.list.rows[index] : NULL;

	(void)view;
	if (!f || !f->evidence_count)
		return false;
	*place = view_evidence_place(f, &f->evidence[0]);
	return true;
}

const struct view_class view_findings = {
	.title = "Findings",
	.short_title = "Find",
	.noun = "findings",
	.one = "finding",
	.help = "What costs the GPU time, most first: how much is lost, what mending it would save, "
		"and the line of code to blame. Enter tells all of a finding, with advice and evidence; "
		"Enter on a piece of evidence goes to it on the timeline. The whole file is read for "
		"this once, in the background.",
	.columns = columns,
	.column_count = COUNT_OF(columns),
	.row_size = sizeof(struct finding_row),
	.empty = "nothing was found",
	.sort = 1,
	.needs_scan = true,
	.rows_need_scan = true,
	.room = room,
	.fill = fill,
	.release = release,
	.honours = SCOPE_OF_KERNELS,
	.terms = terms,
	.place = place_of,
};
