/* SPDX-License-Identifier: Apache-2.0 */
/* The summary of a recording as OpenMetrics text, for Prometheus and its kin. */
#ifndef GPUTRAIL_CMD_OPENMETRICS_H
#define GPUTRAIL_CMD_OPENMETRICS_H

#include <stdio.h>

#include "analysis/analysis.h"

/* Returns 0, or -1 with run_error(); what was written is then cut short. */
int openmetrics_write(struct run *run, FILE *out);

#endif
