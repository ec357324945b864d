/* SPDX-License-Identifier: Apache-2.0 */
/* The view "bubbles" of gputrail report. */
#ifndef GPUTRAIL_CMD_REPORT_BUBBLES_H
#define GPUTRAIL_CMD_REPORT_BUBBLES_H

#include "analysis/analysis.h"
#include "cmd/print.h"

/* Prints the idle time of each device by cause, then its longest intervals: as many as the style
 * says, or ten. Returns 0, or -1 with run_error(). */
int report_bubbles(struct run *run, const struct print_style *style, bool rows_given);

#endif
