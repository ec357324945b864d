/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows gathered about in order of time and taken off in order. They come as a few sorted runs, so
 * that a merge of runs sorts them in little more than a pass, and only keys are moved.
 */
#ifndef GPUTRAIL_ANALYSIS_PILE_H
#define GPUTRAIL_ANALYSIS_PILE_H

#include <stddef.h>
#include <stdint.h>

struct pile_key { uint64_t start; size_t row; };

struct pile {
	size_t row_bytes;		/* set by the owner; a row begins with its uint64_t start */
	int (*compare)(const void *, const void *);	/* of rows that start together */
	char *rows, *spare;
	struct pile_key *order, *scratch;
	size_t count, capacity;
	size_t next;			/* in order, first that was not taken */
};

/* Room for one more row, not zeroed; NULL without memory. */
void *pile_add(struct pile *pile);
/* Sorts what is there: pile_first() and pile_take() hand it out. */
void pile_sort(struct pile *pile);
/* The earliest row, NULL when all were taken. */
static inline const void *pile_first(const struct pile *pile)
{
	return pile->next < pile->count ?
		pile->rows + pile->order[pile->next].row * pile->row_bytes : NULL;
}
static inline void pile_take(struct pile *pile)
{
	pile->next++;
}
/* Keeps only what was not taken, so that more can be added. */
void pile_settle(struct pile *pile);
void pile_free(struct pile *pile);

#endif
