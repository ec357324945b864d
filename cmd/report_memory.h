/* SPDX-License-Identifier: Apache-2.0 */
/* The view "memory" of gputrail report. */
#ifndef GPUTRAIL_CMD_REPORT_MEMORY_H
#define GPUTRAIL_CMD_REPORT_MEMORY_H

#include "analysis/analysis.h"
#include "cmd/print.h"

/* Prints usage over time, high-water, holders, leaks, churn and failed allocations; of each list
 * as many rows as the style says, or ten. Returns 0, or -1 with run_error(). */
int report_memory(struct run *run, const struct print_style *style, bool rows_given);

#endif
