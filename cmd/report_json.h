/* SPDX-License-Identifier: Apache-2.0 */
/* The report as JSON. */
#ifndef GPUTRAIL_CMD_REPORT_JSON_H
#define GPUTRAIL_CMD_REPORT_JSON_H

#include <stdio.h>

#include "analysis/findings.h"

/* -1: a query failed, see run_error; what was written is then cut short. */
int report_json(struct run *run, bool by_shape, const struct finding_limits *limits, FILE *out);

#endif
