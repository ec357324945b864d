/* SPDX-License-Identifier: Apache-2.0 */
/* Steps that were found in a Chrome trace. */
#ifndef GPUTRAIL_CMD_TRACE_STEPS_H
#define GPUTRAIL_CMD_TRACE_STEPS_H

#include "analysis/timeline.h"
#include "cmd/json.h"

/* Of each process the steps of the thread that has most of them, on the device, -1: on any. Nothing
 * where the program marked its steps: those are among its ranges. 0, or what ended it. */
int trace_steps_write(struct timeline *timeline, int64_t device, struct json *json);

#endif
