/* SPDX-License-Identifier: Apache-2.0 */
/* The views "findings" and "waterfall" of gputrail report, and the head of the overview. */
#ifndef GPUTRAIL_CMD_REPORT_FINDINGS_H
#define GPUTRAIL_CMD_REPORT_FINDINGS_H

#include "analysis/findings.h"
#include "cmd/print.h"

/* run_findings with a progress bar. */
int findings_load(struct run *run, const struct finding_limits *limits, struct findings *findings);

void report_findings(const struct print_style *style, const struct findings *findings);
void report_waterfall(const struct print_style *style, const struct findings *findings);
/* The three costliest, a line each. */
void report_costliest(const struct print_style *style, const struct findings *findings);
/* The table of detectors with the thresholds in force. */
void report_detectors(const struct print_style *style, const struct finding_limits *limits);

#endif
