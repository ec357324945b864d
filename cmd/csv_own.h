/* SPDX-License-Identifier: Apache-2.0 */
/* Our own CSV reports that are no views of columns.def. */
#ifndef GPUTRAIL_CMD_CSV_OWN_H
#define GPUTRAIL_CMD_CSV_OWN_H

#include "analysis/analysis.h"
#include "analysis/csv.h"

/* start_ns,duration_ns,gpu, then the columns of table activity. */
extern const char csv_activity_header[];

/* Rows without the header. Return 0, -1 with run_error(), or positive when they could not write. */
int csv_bubbles(struct run *run, struct csv *csv);
int csv_bubbles_trace(struct run *run, struct csv *csv);
int csv_steps(struct run *run, struct csv *csv);
int csv_activity_trace(struct run *run, struct csv *csv);
int csv_callpaths(struct run *run, struct csv *csv);

#endif
