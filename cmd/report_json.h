/* SPDX-License-Identifier: Apache-2.0 */
/* The report as JSON. */
#ifndef GPUTRAIL_CMD_REPORT_JSON_H
#define GPUTRAIL_CMD_REPORT_JSON_H

#include <stdio.h>

#include "analysis/findings.h"
#include "analysis/predict.h"
#include "cmd/json.h"

/* -1: a query failed, see run_error; what was written is then cut short. */
int report_json(struct run *run, bool by_shape, const struct finding_limits *limits, FILE *out);

/* Parts of it, as members of the object that is open. */
int json_put_families(struct run *run, struct json *json);
int json_put_steps(struct run *run, struct json *json, const struct step_result *steps);

#endif
