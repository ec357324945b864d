/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Views as tables: the columns of columns.def over the lists of analysis.h, so that whoever
 * shows them needs to know neither the structs nor the units.
 */
#ifndef GPUTRAIL_ANALYSIS_TABLE_H
#define GPUTRAIL_ANALYSIS_TABLE_H

#include "analysis/analysis.h"
#include "analysis/units.h"

enum view_id {
	VIEW_DEVICES, VIEW_KERNELS, VIEW_APIS, VIEW_FAILURES, VIEW_COPIES, VIEW_MEMORY,
	VIEW_LOSSES, VIEW_PROCESSES, VIEW_FINDINGS, VIEW_SAMPLES, VIEW_DETAIL, VIEW_MARKS,
	VIEW_GRAPHS, VIEW_NODES,
	VIEW_ACTIVITY, VIEW_RANGES,
	VIEW_COUNT
};

enum column_level { LEVEL_ALWAYS, LEVEL_WIDE, LEVEL_DATA };

struct value;
typedef void column_read_fn(const void *row, uint64_t total_ns, struct value *value);

struct column {
	const char *key, *title;
	enum column_unit unit;
	int width;
	enum column_level level;
	const char *description;
	column_read_fn *read;
};

struct view {
	const char *key, *title;
	const struct column *columns;
	int column_count;
};

extern const struct view views[VIEW_COUNT];

/* One cell. text is set for UNIT_TEXT and UNIT_NAME, number for the others. */
struct value {
	enum column_unit unit;
	bool known;
	double number;
	const char *text;
	char buffer[48];		/* for texts made up on the way */
};

struct table {
	enum view_id view;
	void *rows;			/* of the view's struct, see analysis.h */
	size_t count, row_bytes;
	uint64_t total_ns;		/* what shares are shares of */
};

/* `view` with every row. by_shape: one kernel row per launch shape. */
int table_load(struct run *run, enum view_id view, bool by_shape, struct table *table);
void table_free(struct table *table);
/* A value's text lives as long as both the table and *value. */
void table_value(const struct table *table, size_t row, int column, struct value *value);
int view_column(enum view_id view, const char *key);	/* -1 if there is none */
/* Figures fall, ids and texts rise, unknown ones come last; equal rows keep their order. */
int table_sort(struct table *table, int column);

/* A value for people ("12.3 ms", "1.50 GiB", "-" when unknown). Returns out. */
char *value_format(const struct value *value, char *out, size_t out_bytes);
char *format_ns(double ns, char *out, size_t out_bytes);
char *format_bytes(double bytes, char *out, size_t out_bytes);
/* Bytes per second, in units of 1000 as links are measured: "25.6 GB/s". */
char *format_rate(double bytes_per_second, char *out, size_t out_bytes);

#endif
