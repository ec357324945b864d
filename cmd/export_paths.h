/* SPDX-License-Identifier: Apache-2.0 */
/* Call paths for other people's viewers. */
#ifndef GPUTRAIL_CMD_EXPORT_PATHS_H
#define GPUTRAIL_CMD_EXPORT_PATHS_H

#include <stdio.h>

#include "analysis/callpaths.h"

/* One line for each path: "outermost;...;innermost value", as flame graph tools read them. */
int export_folded(const struct callpath_tree *top_down, enum callpath_metric metric, FILE *out);
/* A profile.proto (https://github.com/google/pprof), uncompressed, with all metrics. */
int export_pprof(const struct callpath_tree *top_down, FILE *out);

#endif
