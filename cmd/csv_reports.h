/* SPDX-License-Identifier: Apache-2.0 */
/* Every report that can be written as CSV: those of nsys, and our own views. */
#ifndef GPUTRAIL_CMD_CSV_REPORTS_H
#define GPUTRAIL_CMD_CSV_REPORTS_H

#include <stdbool.h>
#include <stdio.h>

#include "analysis/analysis.h"
#include "analysis/nsys.h"

#define CSV_REPORTS_MAX	64

/* How many there are; those of nsys are the first NSYS_COUNT. */
int csv_report_count(void);
const char *csv_report_name(int report);
const char *csv_report_description(int report);
/* -1 if there is none. */
int csv_report_find(const char *name);
/* Whether it can show kernels by these names, so that --csv=REPORT:base means something. */
bool csv_report_has_names(int report, enum nsys_names names);
void csv_report_header(int report, FILE *out);
/* Header and rows. Returns 0, -1 with run_error(), or positive when it could not write. */
int csv_report_write(struct run *run, int report, enum nsys_names names, FILE *out);

#endif
