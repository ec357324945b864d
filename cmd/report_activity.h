/* SPDX-License-Identifier: Apache-2.0 */
/* Measured activity in the report: where it comes from and what it is in all. */
#ifndef GPUTRAIL_CMD_REPORT_ACTIVITY_H
#define GPUTRAIL_CMD_REPORT_ACTIVITY_H

#include "analysis/findings.h"
#include "cmd/print.h"

/* Lines for each GPU whose activity was asked for, none for others. `with_source`: and where it comes
 * from, how often, at what cost. Returns how many GPUs, or -1 with run_error(). */
int report_activity(struct run *run, const struct print_style *style, bool with_source);

/* For each waterfall what NVML measured in the same time, beside the SMs that have a block by it; nothing
 * where nothing was measured. Returns 0, or -1 with run_error(). */
int report_activity_waterfalls(struct run *run, const struct print_style *style,
			       const struct findings *findings);

#endif
