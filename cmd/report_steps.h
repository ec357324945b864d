/* SPDX-License-Identifier: Apache-2.0 */
/* Steps and kernel families as text. */
#ifndef GPUTRAIL_CMD_REPORT_STEPS_H
#define GPUTRAIL_CMD_REPORT_STEPS_H

#include "analysis/analysis.h"
#include "cmd/print.h"

/* rows_given: style->rows counts, else a number that fits a screen. -1: see run_error. */
int report_steps(struct run *run, const struct print_style *style, bool rows_given);
int report_families(struct run *run, const struct print_style *style);

#endif
