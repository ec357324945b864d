/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The launch that steps begin with: what comes again and again among the latest launches and copies
 * of a thread, behind a pause of the host. Knows no clock and no process.
 */
#ifndef GPUTRAIL_LIBPROFILE_PERIOD_H
#define GPUTRAIL_LIBPROFILE_PERIOD_H

#include <stdint.h>

#define PERIOD_TOKENS 8192u		/* the latest ones that are looked at */

struct period_token {
	uint32_t symbol;		/* what was launched or copied, never 0 */
	uint32_t at;			/* when, in any unit; may wrap */
};

struct period {
	uint32_t symbol;		/* 0: there are no steps */
	double length;			/* from one to the next on average, in units of `at` */
};

/* `count` tokens, the oldest first, PERIOD_TOKENS at most. Not for two threads at once. */
struct period period_find(const struct period_token *tokens, uint32_t count);

#endif
