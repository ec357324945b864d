/* SPDX-License-Identifier: Apache-2.0 */
/* See rank.h: after Hoare, who called it FIND. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/rank.h"

/* Narrows [low, high] to the rank. The middle value is a good pivot where they are nearly sorted. */
#define FIND(type, values, count, rank)						\
	for (size_t low = 0, high = (count) - 1; low < high;) {			\
		type pivot = (values)[low + (high - low) / 2], other;		\
		size_t i = low, j = high;					\
										\
		for (;; i++, j--) {						\
			while ((values)[i] < pivot)				\
				i++;						\
			while (pivot < (values)[j])				\
				j--;						\
			if (i >= j)						\
				break;						\
			other = (values)[i];					\
			(values)[i] = (values)[j];				\
			(values)[j] = other;					\
		}								\
		/* Now i is j, or one behind it. */				\
		if ((rank) < i)							\
			high = i - 1;						\
		else if ((rank) > j)						\
			low = j + 1;						\
		else								\
			break;							\
	}

uint64_t value_of_rank(uint64_t *values, size_t count, size_t rank)
{
	FIND(uint64_t, values, count, rank)
	return values[rank];
}

double real_of_rank(double *values, size_t count, size_t rank)
{
	FIND(double, values, count, rank)
	return values[rank];
}
