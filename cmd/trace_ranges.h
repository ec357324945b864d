/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges and marks of NVTX in a Chrome trace. */
#ifndef GPUTRAIL_CMD_TRACE_RANGES_H
#define GPUTRAIL_CMD_TRACE_RANGES_H

#include "analysis/timeline.h"
#include "cmd/json.h"

/* Those of processes that use the device, -1: of all. 0, or what ended it. */
int trace_ranges_write(struct timeline *timeline, int64_t device, struct json *json);

#endif
