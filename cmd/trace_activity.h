/* SPDX-License-Identifier: Apache-2.0 */
/* Measured activity in a Chrome trace. */
#ifndef GPUTRAIL_CMD_TRACE_ACTIVITY_H
#define GPUTRAIL_CMD_TRACE_ACTIVITY_H

#include "analysis/analysis.h"
#include "cmd/json.h"

/* Counters of one device under `pid`. 0, or what ended it. */
int trace_activity_write(struct run *run, int64_t device, int64_t pid, struct json *json);

#endif
