/* SPDX-License-Identifier: Apache-2.0 */
/* gputrail export --csv: which reports, into which files. */
#ifndef GPUTRAIL_CMD_EXPORT_CSV_H
#define GPUTRAIL_CMD_EXPORT_CSV_H

#include <stdbool.h>

#include "cmd/csv_reports.h"

struct csv_request {
	bool wanted[CSV_REPORTS_MAX][NSYS_NAMES_COUNT];	/* report, names of kernels */
	int count;
};

/* What --csv takes: REPORT[:nvtx-name][:base|:mangled],... or "all". -1: a message was printed. */
int csv_request_add(struct csv_request *request, const char *names);
void csv_list(void);
/* `output` is a folder, or "-" for one report. Returns an exit code; what is wrong was said. */
int export_csv(struct run *run, const struct csv_request *request, const char *input,
	       const char *output, bool force);

#endif
