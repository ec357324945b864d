/* SPDX-License-Identifier: Apache-2.0 */
/* The value that would be at `rank`, from 0, if the values were sorted. Reorders them so that those
 * before it are no greater and those behind it no less; in time that grows with their number. */
#ifndef GPUTRAIL_ANALYSIS_RANK_H
#define GPUTRAIL_ANALYSIS_RANK_H

#include <stddef.h>
#include <stdint.h>

uint64_t value_of_rank(uint64_t *values, size_t count, size_t rank);
double real_of_rank(double *values, size_t count, size_t rank);

#endif
