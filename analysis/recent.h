/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of a uthash whose keys are made of int64_t. A scan asks for the same few rows again and
 * again: those asked for last are found without hashing, in `recent`, an array of RECENT_ROWS
 * pointers that begins as NULL and is cleared when rows are freed.
 */
#ifndef GPUTRAIL_ANALYSIS_RECENT_H
#define GPUTRAIL_ANALYSIS_RECENT_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define RECENT_ROWS	64

static inline size_t recent_slot(const void *key, size_t bytes)
{
	uint64_t sum = 0, word;

	for (size_t i = 0; i < bytes / sizeof(word); i++) {
		memcpy(&word, (const char *)key + i * sizeof(word), sizeof(word));
		sum = (sum ^ word) * 0x9e3779b97f4a7c15ull;
	}
	return sum / (UINT64_MAX / RECENT_ROWS + 1);
}

/* The row whose `field` is `wanted` if it was asked for last of those that share its place, or
 * NULL. Who asks this first and leaves the rest to a function of its own, RECENT_APART, saves what
 * calling that one costs. */
#define RECENT_APART __attribute__((noinline))
#define RECENT_HIT(recent, field, wanted)							\
	({											\
		__typeof__((recent)[0]) hit_ = (recent)[recent_slot(&(wanted), sizeof(wanted))]; \
												\
		hit_ && !memcmp(&hit_->field, &(wanted), sizeof(wanted)) ? hit_ : NULL;		\
	})

/* The row whose `field` is `wanted`, or NULL. */
#define RECENT_FIND(head, recent, field, wanted)						\
	({											\
		__typeof__(&(recent)[0]) slot_ = &(recent)[recent_slot(&(wanted), sizeof(wanted))]; \
												\
		if (!*slot_ || memcmp(&(*slot_)->field, &(wanted), sizeof(wanted)))		\
			HASH_FIND(hh, head, &(wanted), sizeof(wanted), *slot_);			\
		*slot_;										\
	})

/* The same, or else a new one, zeroed; NULL without memory. */
#define RECENT_GET(head, recent, field, wanted)							\
	({											\
		__typeof__(head) row_ = RECENT_FIND(head, recent, field, wanted);		\
												\
		if (!row_) {									\
			row_ = calloc(1, sizeof(*row_));					\
			if (row_) {								\
				row_->field = wanted;						\
				HASH_ADD(hh, head, field, sizeof(wanted), row_);		\
			}									\
		}										\
		row_;										\
	})

#define ROWS_FREE(head)							\
	do {								\
		__typeof__(head) row_, next_;				\
									\
		HASH_ITER(hh, head, row_, next_) {			\
			HASH_DEL(head, row_);				\
			free(row_);					\
		}							\
	} while (0)

#endif
