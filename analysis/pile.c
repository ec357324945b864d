/* SPDX-License-Identifier: Apache-2.0 */
/* See pile.h. A natural merge sort: runs that are there are kept. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/pile.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 4096

bool pile_grow(struct pile *pile)
{
	size_t capacity = pile->capacity ? 2 * pile->capacity : CAPACITY_MIN;
	void *rows = realloc(pile->rows, capacity * pile->row_bytes);
	void *spare = rows ? realloc(pile->spare, capacity * pile->row_bytes) : NULL;
	void *order = spare ? realloc(pile->order, capacity * sizeof(*pile->order)) : NULL;
	void *scratch = order ? realloc(pile->scratch, capacity * sizeof(*pile->order)) : NULL;

	pile->rows = rows ? rows : pile->rows;
	pile->spare = spare ? spare : pile->spare;
	pile->order = order ? order : pile->order;
	pile->scratch = scratch ? scratch : pile->scratch;
	if (scratch)
		pile->capacity = capacity;
	return scratch != NULL;
}

static bool keys_in_order(const struct pile *pile, const struct pile_key *a, const struct pile_key *b)
{
	if (a->start != b->start)
		return a->start < b->start;
	return pile->compare(pile->rows + a->row * pile->row_bytes,
			     pile->rows + b->row * pile->row_bytes) <= 0;
}

/* The end of the run that begins at `from`. */
static size_t run_end(const struct pile *pile, const struct pile_key *keys, size_t from)
{
	size_t end = from + 1;

	while (end < pile->count && keys_in_order(pile, &keys[end - 1], &keys[end]))
		end++;
	return end < pile->count ? end : pile->count;
}

static void merge(const struct pile *pile, const struct pile_key *from, size_t middle, size_t end,
		  size_t first, struct pile_key *to)
{
	size_t left = first, right = middle;

	for (size_t i = first; i < end; i++) {
		bool take_left = left < middle &&
			(right == end || keys_in_order(pile, &from[left], &from[right]));

		to[i] = take_left ? from[left++] : from[right++];
	}
}

static bool rows_in_order(const struct pile *pile, const void *a, const void *b)
{
	uint64_t start_a, start_b;

	memcpy(&start_a, a, sizeof(start_a));
	memcpy(&start_b, b, sizeof(start_b));
	return start_a != start_b ? start_a < start_b : pile->compare(a, b) <= 0;
}

bool pile_sort(struct pile *pile)
{
	const char *row = pile->rows + pile->in_order * pile->row_bytes;
	uint64_t last = pile->in_order ? UINT64_MAX : 0, start;

	pile->next = 0;
	for (; pile->in_order < pile->count; pile->in_order++, row += pile->row_bytes, last = start) {
		memcpy(&start, row, sizeof(start));
		if (start <= last && pile->in_order && !rows_in_order(pile, row - pile->row_bytes, row))
			break;
	}
	if (pile->in_order == pile->count)
		return false;
	for (size_t i = 0; i < pile->count; i++) {
		memcpy(&pile->order[i].start, pile->rows + i * pile->row_bytes, sizeof(uint64_t));
		pile->order[i].row = i;
	}
	while (pile->count && run_end(pile, pile->order, 0) < pile->count) {
		struct pile_key *sorted = pile->scratch;

		for (size_t first = 0, end; first < pile->count; first = end) {
			size_t middle = run_end(pile, pile->order, first);

			end = middle < pile->count ? run_end(pile, pile->order, middle) : middle;
			merge(pile, pile->order, middle, end, first, sorted);
		}
		pile->scratch = pile->order;
		pile->order = sorted;
	}
	return true;
}

void pile_settle(struct pile *pile)
{
	size_t kept = 0;
	char *rows = pile->spare;

	if (!pile->next)
		return;
	for (size_t i = pile->next; i < pile->count; i++, kept++)
		memcpy(rows + kept * pile->row_bytes, pile_row(pile, i), pile->row_bytes);
	pile->spare = pile->rows;
	pile->rows = rows;
	pile->count = pile->in_order = kept;
	pile->next = 0;
}

const void *pile_merge_find(struct pile_merge *merge)
{
	const void *first = NULL;

	merge->first = NULL;
	merge->limit = NULL;
	for (size_t i = 0; i < merge->count; i++) {
		struct pile *pile = merge->piles[i];
		const void *row = pile_first(pile);

		if (!row)
			continue;
		if (!first || !rows_in_order(pile, first, row)) {
			merge->limit = first;
			merge->first = pile;
			first = row;
		} else if (!merge->limit || !rows_in_order(pile, merge->limit, row)) {
			merge->limit = row;
		}
	}
	return first;
}

void pile_free(struct pile *pile)
{
	free(pile->rows);
	free(pile->spare);
	free(pile->order);
	free(pile->scratch);
	*pile = (struct pile){ .row_bytes = pile->row_bytes, .compare = pile->compare };
}
