/* SPDX-License-Identifier: Apache-2.0 */
/* The event tables as rows of one form. */
#ifndef GPUTRAIL_ANALYSIS_EVENT_ROWS_H
#define GPUTRAIL_ANALYSIS_EVENT_ROWS_H

#include "analysis/internal.h"

enum { EVENT_LAUNCH, EVENT_GRAPH_LAUNCH, EVENT_NODE, EVENT_COPY, EVENT_ORPHAN, EVENT_MEMORY,
       EVENT_CALL, EVENT_TABLES };
enum event_column {
	CALL_START, CALL_DUR, GPU_START, GPU_DUR, THREAD, STREAM, SHAPE, KIND, BYTES, API, PATH,
	GRAPH_LAUNCH, GRAPH, DEVICE, RESULT, OBJECT, ROW_ID,
	GRAPH_NODE,			/* of rows of `replay`: see event_replay_columns */
	EVENT_COLUMNS
};

#define EVENT_BIT(column)	(UINT32_C(1) << (column))

struct event_table {
	const char *name;
	const char *begin;		/* expression: the earliest time of a row */
	const char *columns[EVENT_COLUMNS];	/* their names there; NULL: rows have no such thing */
	bool starts_late;		/* GPU_START counts from CALL_START */
};
extern const struct event_table event_tables[];

/* EVENT_NODE is a view of this table and graph_node, which says what GRAPH_NODE stands for. */
#define EVENT_REPLAY	"replay"
extern const char *const event_replay_columns[EVENT_COLUMNS];

/* Launches, copies and sets, and graph launches: calls that brought work to a device. */
static inline bool event_table_has_work(int table)
{
	return table == EVENT_LAUNCH || table == EVENT_GRAPH_LAUNCH || table == EVENT_COPY;
}

struct event_row {
	int64_t *value;			/* by enum event_column */
	uint32_t known;			/* a bit for each: it is not NULL; its value is 0 otherwise */
};

static inline bool row_has(const struct event_row *row, enum event_column column)
{
	return row->known >> column & 1;
}

/* Whatever a damaged file holds: never negative. */
static inline uint64_t row_natural(const struct event_row *row, enum event_column column)
{
	return row->value[column] > 0 ? (uint64_t)row->value[column] : 0;
}

/* A copy's kind; `missing` for kernels, and for numbers that are none. */
static inline int row_kind(const struct event_row *row, int missing)
{
	int64_t kind = row->value[KIND];

	return !row_has(row, KIND) || kind < INT32_MIN || kind > INT32_MAX ? missing : (int)kind;
}

/* From columns as they are in the table to what their names here say. */
static inline void event_row_settle(int table, struct event_row *row)
{
	if (event_tables[table].starts_late) {
		int64_t *at = &row->value[GPU_START];

		/* As SQLite adds: impossible times stay far away. */
		if (__builtin_add_overflow(*at, row->value[CALL_START], at))
			*at = row->value[CALL_START] < 0 ? INT64_MIN : INT64_MAX;
		if (!row_has(row, CALL_START))
			row->known &= ~(1u << GPU_START);
	}
	/* Work inside a graph has no call of its own; an orphan of kind 0 is a kernel. */
	if (table == EVENT_COPY && row_has(row, GRAPH_LAUNCH))
		row->known &= ~(1u << CALL_START);
	if (table == EVENT_ORPHAN && !row->value[KIND])
		row->known &= ~(1u << KIND);
}

/* SELECT of the columns that the table has, in order of the enum, of rows with ids ?1 to ?2;
 * `function`, which may be "", gets them as arguments. The statement is the caller's; NULL failed. */
sqlite3_stmt *event_rows_prepare(struct run *run, int table, const char *function);
/* The row that the statement stands on; `values` has room for it. */
struct event_row event_row_of(sqlite3_stmt *stmt, int table, int64_t values[EVENT_COLUMNS]);

#endif
