/* SPDX-License-Identifier: Apache-2.0 */
/* A recording as Chrome trace JSON, in the dialect of PyTorch's profiler: docs/trace.md. */
#ifndef GPUTRAIL_CMD_EXPORT_TRACE_H
#define GPUTRAIL_CMD_EXPORT_TRACE_H

#include <stdbool.h>

#include "analysis/analysis.h"

struct trace_request {
	const char *output;		/* file; NULL or "-": standard output */
	const char *gpu;		/* number as given; NULL: all of them */
	bool per_device;		/* a file for each */
	bool force;
};

/* Returns an exit code; what is wrong was said. */
int export_trace(struct run *run, const struct trace_request *request);

#endif
