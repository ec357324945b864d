/* SPDX-License-Identifier: Apache-2.0 */
/* The reports of `nsys stats`, row by row in bounded memory: docs/csv.md has the definitions. */
#ifndef GPUTRAIL_ANALYSIS_NSYS_H
#define GPUTRAIL_ANALYSIS_NSYS_H

#include "analysis/analysis.h"

enum nsys_report_id {
#define NSYS_REPORT(name, header, ...) NSYS_##name,
#include "analysis/nsys.def"
	NSYS_COUNT
};

/* Which name of a kernel a report shows and groups by: that with template arguments and
 * parameters, the function's own, or the mangled one; the same behind that of the innermost NVTX
 * range around its launch. */
enum nsys_names {
	NSYS_NAMES_FULL, NSYS_NAMES_BASE, NSYS_NAMES_MANGLED,
	NSYS_RANGES_FULL, NSYS_RANGES_BASE, NSYS_RANGES_MANGLED,
	NSYS_NAMES_COUNT
};

struct nsys_report {
	const char *name, *header, *description;
	enum { NSYS_NO_KERNELS, NSYS_KERNELS, NSYS_KERNELS_RANGES } kernels;	/* the choice of names */
};

extern const struct nsys_report nsys_reports[NSYS_COUNT];

struct nsys_cell {
	enum { NSYS_EMPTY, NSYS_INTEGER, NSYS_DECIMAL, NSYS_TEXT } kind;
	int decimals;
	int64_t integer;
	double decimal;
	const char *text;
};

/* One row; non-zero stops the report, which then returns it. */
typedef int nsys_row_fn(void *arg, const struct nsys_cell *cells, int count);

int nsys_report_find(const char *name);		/* -1 if there is none */
/* -1: see run_error. */
int nsys_report_run(struct run *run, enum nsys_report_id report, enum nsys_names names,
		    nsys_row_fn *row, void *arg);

#endif
