/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows gathered about in order of time and taken off in order. Mostly they come in order; else as a
 * few sorted runs, so that a merge of runs sorts them in little more than a pass, and only keys are
 * moved.
 */
#ifndef GPUTRAIL_ANALYSIS_PILE_H
#define GPUTRAIL_ANALYSIS_PILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pile_key { uint64_t start; size_t row; };

struct pile {
	size_t row_bytes;		/* set by the owner; a row begins with its uint64_t start */
	int (*compare)(const void *, const void *);	/* of rows that start together */
	char *rows, *spare;
	struct pile_key *order, *scratch;	/* not used while all rows lie in order */
	size_t count, capacity;
	size_t next;			/* in order, first that was not taken */
	size_t in_order;		/* leading rows that lie in order */
};

/* Makes room for rows; false without memory. */
bool pile_grow(struct pile *pile);
/* One more row, not zeroed; NULL without memory. */
static inline void *pile_add(struct pile *pile)
{
	if (pile->count == pile->capacity && !pile_grow(pile))
		return NULL;
	return pile->rows + pile->count++ * pile->row_bytes;
}
/* Sorts what is there: pile_first() and pile_take() hand it out. False: it lay in order. */
bool pile_sort(struct pile *pile);
/* The row that is `at` in order. */
static inline const char *pile_row(const struct pile *pile, size_t at)
{
	if (pile->in_order < pile->count)
		at = pile->order[at].row;
	return pile->rows + at * pile->row_bytes;
}
/* The earliest row, NULL when all were taken. */
static inline const void *pile_first(const struct pile *pile)
{
	return pile->next < pile->count ? pile_row(pile, pile->next) : NULL;
}
static inline void pile_take(struct pile *pile)
{
	pile->next++;
}
/* Keeps only what was not taken, so that more can be added. */
void pile_settle(struct pile *pile);
void pile_free(struct pile *pile);

/* Sorted piles as one, whose earliest row is first->first; rows of one sort. */
#define PILES_MAX 8
struct pile_merge {
	struct pile *piles[PILES_MAX];
	size_t count;
	struct pile *first;		/* NULL: not known */
	const void *limit;		/* the earliest row of the others, NULL: none */
};
/* To be asked anew whenever a pile was sorted. */
static inline void pile_merge_begin(struct pile_merge *merge)
{
	merge->first = NULL;
}
/* Finds the pile that has the earliest row; NULL when all were taken. */
const void *pile_merge_find(struct pile_merge *merge);
static inline const void *pile_merge_first(struct pile_merge *merge)
{
	const void *row = merge->first ? pile_first(merge->first) : NULL;

	if (row && (!merge->limit || *(const uint64_t *)row < *(const uint64_t *)merge->limit))
		return row;
	return pile_merge_find(merge);
}

#endif
