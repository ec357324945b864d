/* SPDX-License-Identifier: Apache-2.0 */
/* The bounded reorder window: see window.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/window.h"

#include <stdlib.h>
#include <string.h>

void window_init(struct window *window, enum table table, uint32_t rows_max, void *owner)
{
	*window = (struct window){
		.table = table,
		.rows_max = rows_max,
		.owner = owner,
		.row_bytes = (uint32_t)(offsetof(struct window_row, column) +
					sizeof(int64_t) * (size_t)table_columns(table)),
	};
}

void window_free(struct window *window)
{
	free(window->slab);
	free(window->order);
	free(window->incoming);
	free(window->scratch);
}

static struct window_row *row_at(struct window *window, uint64_t sequence)
{
	return (struct window_row *)(window->slab + (sequence & (window->capacity - 1)) *
							    (size_t)window->row_bytes);
}

struct window_row *window_find(struct window *window, uint64_t sequence)
{
	if (sequence < window->tail || sequence >= window->head)
		return NULL;
	return row_at(window, sequence);
}

static bool row_waits(const struct window_row *row)
{
	return (row->flags & (ROW_WAITS | ROW_JOINED | ROW_FINAL)) == ROW_WAITS;
}

static bool slab_grow(struct window *window)
{
	uint32_t capacity = window->capacity ? window->capacity * 2 : 256;
	char *slab = malloc((size_t)capacity * window->row_bytes);

	if (!slab)
		return false;
	for (uint64_t s = window->tail; s < window->head; s++)
		memcpy(slab + (s & (capacity - 1)) * window->row_bytes, row_at(window, s),
		       window->row_bytes);
	free(window->slab);
	window->slab = slab;
	window->capacity = capacity;
	return true;
}

static bool pairs_reserve(struct pair **pairs, uint32_t *capacity, uint32_t count)
{
	return count == 0 || array_reserve(pairs, capacity, count - 1, sizeof(**pairs));
}

/* Sorts what arrived since the last time and merges it into the order, from the end. */
static void merge_incoming(struct window *window)
{
	uint32_t left, right = window->incoming_count, out;
	uint32_t live = window->order_end - window->order_first;

	if (!right || !pairs_reserve(&window->scratch, &window->scratch_capacity, right))
		return;
	if (window->order_first > live) {
		memmove(window->order, window->order + window->order_first,
			live * sizeof(*window->order));
		window->order_first = 0;
		window->order_end = live;
	}
	if (!pairs_reserve(&window->order, &window->order_capacity, window->order_end + right))
		return;
	pairs_sort(window->incoming, right, window->scratch);
	left = window->order_end;
	out = window->order_end += right;
	while (right) {
		if (left > window->order_first &&
		    window->order[left - 1].key > window->incoming[right - 1].key)
			window->order[--out] = window->order[--left];
		else
			window->order[--out] = window->incoming[--right];
	}
	window->incoming_count = 0;
}

static void write_row(struct window *window, struct window_row *row)
{
	window->write(window->owner, window, row);
	row->flags |= ROW_WRITTEN;
}

static void retire(struct window *window, int64_t now, bool all)
{
	while (window->tail < window->head) {
		struct window_row *row = row_at(window, window->tail);
		bool keep = (row->flags & (ROW_WAITS | ROW_FINAL)) == ROW_WAITS && !all &&
			    window->head - window->tail <= window->keep_rows &&
			    row->end > now - 2 * WINDOW_HOLD_NS;

		if (!(row->flags & ROW_WRITTEN) || keep)
			return;
		window->retire(window->owner, window, row, window->tail);
		window->tail++;
	}
}

/* Full: the oldest rows are written as they are until the first of the slab is free. */
static void make_room(struct window *window)
{
	merge_incoming(window);
	while (window->order_first < window->order_end) {
		uint64_t sequence = window->order[window->order_first].value;
		struct window_row *row = row_at(window, sequence);

		if (row_waits(row))
			window->forced++;
		write_row(window, row);
		window->order_first++;
		if (row_at(window, window->tail)->flags & ROW_WRITTEN)
			break;
	}
	while (window->tail < window->head && row_at(window, window->tail)->flags & ROW_WRITTEN) {
		window->retire(window->owner, window, row_at(window, window->tail), window->tail);
		window->tail++;
	}
}

struct window_row *window_push(struct window *window, int64_t start_ns, uint64_t *sequence)
{
	struct window_row *row;

	if (window->head - window->tail >= window->rows_max)
		make_room(window);
	if (window->head - window->tail >= window->capacity && !slab_grow(window))
		return NULL;
	if (!pairs_reserve(&window->incoming, &window->incoming_capacity,
			   window->incoming_count + 1))
		return NULL;
	window->incoming[window->incoming_count++] = (struct pair){
		.key = window->fifo ? (int64_t)window->head : start_ns,
		.value = window->head,
	};
	*sequence = window->head++;
	row = row_at(window, *sequence);
	memset(row, 0, offsetof(struct window_row, column));
	row->column[1] = start_ns;
	return row;
}

void window_release(struct window *window, int64_t now, bool all)
{
	merge_incoming(window);
	while (window->order_first < window->order_end) {
		struct window_row *row = row_at(window, window->order[window->order_first].value);

		if (!all) {
			if (row->column[1] > now - WINDOW_REORDER_NS)
				break;
			if (row_waits(row) &&
			    row->end > now - WINDOW_HOLD_NS)
				break;
		}
		write_row(window, row);
		window->order_first++;
	}
	retire(window, now, all);
}
