/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Figures of a run under names that mean the same in every run, and how two runs differ.
 * docs/diff.md lists the names.
 */
#ifndef GPUTRAIL_ANALYSIS_METRICS_H
#define GPUTRAIL_ANALYSIS_METRICS_H

#include "analysis/analysis.h"
#include "analysis/units.h"

struct run_metric {
	char *name;			/* "step.decode.p50" */
	enum column_unit unit;		/* UNIT_NS, UNIT_COUNT or UNIT_PERCENT */
	double value;
};
RUN_LIST(run_metric);

/* Sorted by name, each once. Reads the whole file. Returns 0, or -1 with run_error(). */
int run_metrics(struct run *run, struct run_metric_list *list);
void run_metric_list_free(struct run_metric_list *list);

/* One name in two runs; what only one of them has is NAN in the other. */
struct metric_change {
	const char *name;		/* of the lists */
	enum column_unit unit;
	double before, after;
	bool matters;			/* to who reads; all matter to conditions */
};
RUN_LIST(metric_change);

/* After less before, and in percent of that before; what is not there counts as 0. */
double metric_change_by(const struct metric_change *change);
double metric_change_percent(const struct metric_change *change);	/* NAN: of nothing */

/* What the names begin with, in the order of reports. */
struct metric_part { const char *name, *heading; };
extern const struct metric_part metric_parts[];
extern const size_t metric_part_count;
const struct metric_part *metric_part(const char *name);	/* of a figure; never NULL */

/* All names of both lists, sorted; the lists must outlive it. -1: no memory. */
int metric_changes(const struct run_metric_list *before, const struct run_metric_list *after,
		   struct metric_change_list *list);
void metric_change_list_free(struct metric_change_list *list);

/*
 * A condition: NAME, > or <, a figure. With a sign the figure is a change ("step.p50>+5%",
 * "idle.sync>+20us", "step.count<-10"), without one the value after ("step.p99>30ms"). Units: %
 * of the value before (with a sign), ns, us, ms, s, or none.
 */
struct metric_limit {
	char name[256];
	bool above, is_change, is_percent;
	double figure;
};
/* -1: it is none; why (of at least 128 bytes) says what is wrong. */
int metric_limit_parse(const char *text, struct metric_limit *limit, char *why, size_t why_bytes);
/* 1 holds, 0 does not, -1: there is no such name in the later run, or in the one before for `<`. */
int metric_limit_holds(const struct metric_limit *limit, const struct metric_change_list *list);

#endif
