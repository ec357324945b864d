/* SPDX-License-Identifier: Apache-2.0 */
/* The views of gputrail report as text. */
#ifndef GPUTRAIL_CMD_REPORT_VIEWS_H
#define GPUTRAIL_CMD_REPORT_VIEWS_H

#include <stdbool.h>

#include "analysis/findings.h"
#include "cmd/print.h"
#include "cmd/report_paths.h"

struct report_request {
	struct print_style style;
	const char *sort, *families;	/* a column; a file; NULL: none */
	bool by_shape, json, recount, rows_given, detectors;
	struct report_paths paths;
	struct finding_limits *limits;	/* NULL: the defaults */
};

bool report_is_view(const char *name);
/* name NULL: any view of the overview. */
bool report_has_column(const char *name, const char *key);
/* The named views, or the overview without any. 0, or -1 with run_error(). */
int report_views(struct run *run, const struct report_request *request, int count, char **names);

#endif
