/* SPDX-License-Identifier: Apache-2.0 */
/* The view "callpaths" of gputrail report. */
#ifndef GPUTRAIL_CMD_REPORT_PATHS_H
#define GPUTRAIL_CMD_REPORT_PATHS_H

#include <stdbool.h>

#include "analysis/callpaths.h"
#include "cmd/print.h"

struct report_paths {
	enum callpath_order order;
	enum callpath_metric metric;
	double min_percent;		/* smaller branches are left out */
	unsigned int flags;		/* enum callpath_flag */
};

/* -1 when it is neither of top-down, bottom-up, flat. */
int report_paths_order(const char *name);
/* -1 when it is no metric; the names are those of callpath_metric_name(). */
int report_paths_metric(const char *name);
/* Prints the tree. Returns 0, or -1 with run_error(). */
int report_paths(struct run *run, const struct report_paths *how, const struct print_style *style);

#endif
