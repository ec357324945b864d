/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often values of each size occurred, for times of any length: exact below 512, within 1/512 of
 * the value above. Memory by need: 2 KiB for each power of two that occurs.
 */
#ifndef GPUTRAIL_ANALYSIS_HISTOGRAM_H
#define GPUTRAIL_ANALYSIS_HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>

enum { HISTOGRAM_PARTS = 512, HISTOGRAM_OCTAVES = 64 - 9 + 1 };

struct histogram {
	uint64_t count, min, max;	/* min and max are of no meaning where count is 0 */
	uint32_t *octaves[HISTOGRAM_OCTAVES];	/* counters; NULL: nothing in them */
};

/* Counters stay at their most. Returns the bytes that were allocated for it, or -1: no memory. */
int histogram_add(struct histogram *histogram, uint64_t value);
/* Would the value be counted without further memory? */
bool histogram_has_room(const struct histogram *histogram, uint64_t value);
/* Adds all that is in another one; -1: no memory. */
int histogram_merge(struct histogram *to, const struct histogram *from);
void histogram_free(struct histogram *histogram);

/* The value that `share` (0..1) of all are not above, to within the width of a counter; 0: empty. */
uint64_t histogram_quantile(const struct histogram *histogram, double share);
/* How many lie in each of the columns between edges[0], edges[1], ... edges[columns], which rise;
 * a counter's are taken to lie evenly. The last column has what is equal to its upper edge, too. */
void histogram_read(const struct histogram *histogram, const double *edges, int columns,
		    double *counts);

#endif
