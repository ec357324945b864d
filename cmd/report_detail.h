/* SPDX-License-Identifier: Apache-2.0 */
/* What was taken, where that was not everything: for the head of the report. */
#ifndef GPUTRAIL_CMD_REPORT_DETAIL_H
#define GPUTRAIL_CMD_REPORT_DETAIL_H

#include "analysis/analysis.h"
#include "cmd/print.h"

/* How many GPU operations are known with their call, and what recording cost the program. */
int report_coverage(struct run *run, const struct print_style *style);
/* 0, or -1 with run_error(). Prints nothing when all of it was taken all the time. */
int report_detail(struct run *run, const struct print_style *style);

#endif
