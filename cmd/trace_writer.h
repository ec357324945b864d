/* SPDX-License-Identifier: Apache-2.0 */
/* One Chrome trace from a timeline. */
#ifndef GPUTRAIL_CMD_TRACE_WRITER_H
#define GPUTRAIL_CMD_TRACE_WRITER_H

#include <stdio.h>

#include "analysis/timeline.h"

/* device -1: all of them. 0, -1 (see run_error), or 1: writing failed, see errno. */
int trace_write(struct timeline *timeline, int64_t device, FILE *out);

#endif
