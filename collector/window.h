/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows on their way to the file. A row waits until it is complete (its GPU times came) and old
 * enough that no earlier one is expected, so the file's rows are about in order of time. After
 * it was written it stays findable for a while, for GPU times that come late. All of it bounded:
 * a full window writes its oldest rows as they are.
 */
#ifndef GPUTRAIL_COLLECTOR_WINDOW_H
#define GPUTRAIL_COLLECTOR_WINDOW_H

#include "collector/database.h"
#include "collector/intern.h"

struct process;

struct range_key {			/* what a range says, by the process's own numbers */
	uint32_t text, domain, category, color;
};

enum row_flag {
	ROW_WAITS = 1,			/* GPU times are expected */
	ROW_JOINED = 2,			/* GPU times are there */
	ROW_WRITTEN = 4,
	ROW_CHANGED = 8,		/* GPU times came after it was written */
	ROW_FINAL = 16,			/* its process ended: GPU times will not come */
	ROW_EVENTS = 32,		/* GPU times are from CUDA events */
};

struct window_row {
	struct process *process;
	uint32_t correlation;		/* work inside of graphs: estimate_group of its launch */
	uint32_t config;		/* launches: configuration; 0 none */
	uint32_t flags;			/* enum row_flag */
	uint32_t path;			/* call path, id in the file */
	uint32_t nodes;			/* graph launches: nodes seen; inside of them: the graph */
	uint32_t capture_path;		/* work inside of graphs: that of what made the node, or 0 */
	uint32_t excess_ns;		/* of its GPU time, see struct wire_gpu */
	uint64_t graph_node;		/* work inside of graphs: the node's id; path is its launch's */
	struct range_key range;		/* ranges: becomes column label on writing */
	int64_t end;			/* latest time known of this row, for waiting and zones */
	int64_t written_id;
	int64_t column[TABLE_COLUMNS_MAX];
};

struct window {
	enum table table;
	bool fifo;			/* keep the order of arrival */
	uint32_t rows_max, keep_rows;	/* cap; written rows kept for late GPU times */
	char *slab;
	uint32_t row_bytes;
	uint32_t capacity;		/* of the slab, a power of two */
	uint64_t head, tail;		/* sequence numbers of arrival */
	struct pair *order, *incoming, *scratch;	/* key start_ns, value sequence */
	uint32_t order_first, order_end, order_capacity;
	uint32_t incoming_count, incoming_capacity, scratch_capacity;
	uint64_t forced; /* rows written before their GPU times because it was full */

	void *owner;
	/* Writes the row; sets written_id. */
	void (*write)(void *owner, struct window *window, struct window_row *row);
	/* The row is forgotten now. */
	void (*retire)(void *owner, struct window *window, struct window_row *row,
		       uint64_t sequence);
};

void window_init(struct window *window, enum table table, uint32_t rows_max, void *owner);
void window_free(struct window *window);
/* A new row with `start_ns` set, valid until the next push; NULL: no memory. */
struct window_row *window_push(struct window *window, int64_t start_ns, uint64_t *sequence);
/* The row, or NULL when it is gone. */
struct window_row *window_find(struct window *window, uint64_t sequence);
/* Writes what may be written at `now`; everything if `all`. Then forgets old written rows. */
void window_release(struct window *window, int64_t now, bool all);

#define WINDOW_REORDER_NS 200000000ll	/* how late a row may come and still be in order */
#define WINDOW_HOLD_NS 3000000000ll	/* how long a row waits for its GPU times */

#endif
