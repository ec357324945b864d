/* SPDX-License-Identifier: Apache-2.0 */
/* The recording as one HTML page that needs nothing else. */
#ifndef GPUTRAIL_CMD_EXPORT_HTML_H
#define GPUTRAIL_CMD_EXPORT_HTML_H

#include <stdio.h>

#include "analysis/analysis.h"

/* Returns 0, -1 with run_error(), or positive when it could not write. */
int export_html(struct run *run, FILE *out);

#endif
