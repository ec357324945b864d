/* SPDX-License-Identifier: Apache-2.0 */
/* Fixed-size keys to dense numbers: 0, 1, 2, ... in order of first sight. Bounded. */
#ifndef GPUTRAIL_COLLECTOR_INTERN_H
#define GPUTRAIL_COLLECTOR_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INTERN_NONE UINT32_MAX

struct intern {
	uint32_t key_bytes, limit;	/* key size, most keys; set by the owner */
	uint32_t count, capacity, mask;
	uint32_t *slots;		/* number + 1, 0 empty */
	uint32_t *hashes;
	unsigned char *keys;
};

/* The number of `key`, made on first sight (*is_new); INTERN_NONE when full. */
uint32_t intern_add(struct intern *table, const void *key, bool *is_new);
/* The number of `key`, or INTERN_NONE. */
uint32_t intern_find(const struct intern *table, const void *key);
/* Key number `index` gets another key: the old one is forgotten. */
void intern_rename(struct intern *table, uint32_t index, const void *key);
const void *intern_key(const struct intern *table, uint32_t index);
void intern_free(struct intern *table);

/* Makes room for element `index` of a growing array of zeroed elements; false: no memory. */
bool array_grow(void *array, uint32_t *capacity, uint32_t index, size_t element_bytes);

static inline bool array_reserve(void *array, uint32_t *capacity, uint32_t index,
				 size_t element_bytes)
{
	return index < *capacity || array_grow(array, capacity, index, element_bytes);
}

/* Pairs sorted by their first member; made for arrays that are mostly sorted runs. */
struct pair {
	int64_t key;
	uint64_t value;
};
/* Sorts in place; scratch has room for count pairs. Stable. */
void pairs_sort(struct pair *pairs, size_t count, struct pair *scratch);

#endif
