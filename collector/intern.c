/* SPDX-License-Identifier: Apache-2.0 */
/* Interning, growing arrays, and a merge sort for nearly sorted input: see intern.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/intern.h"

#include <stdlib.h>
#include <string.h>

/* Keys are multiples of 4 bytes without padding. */
static uint32_t hash_key(const void *key, uint32_t bytes)
{
	const unsigned char *p = key;
	uint64_t hash = 0x9e3779b97f4a7c15ull;
	uint32_t half;
	uint64_t word;

	for (; bytes >= 8; bytes -= 8, p += 8) {
		memcpy(&word, p, 8);
		hash = (hash ^ word) * 0xff51afd7ed558ccdull;
		hash ^= hash >> 32;
	}
	if (bytes >= 4) {
		memcpy(&half, p, 4);
		hash = (hash ^ half) * 0xff51afd7ed558ccdull;
		hash ^= hash >> 32;
	}
	return (uint32_t)hash;
}

static bool intern_grow(struct intern *table)
{
	uint32_t size = table->mask ? (table->mask + 1) * 2 : 64;
	uint32_t *slots = calloc(size, sizeof(*slots));

	if (!slots)
		return false;
	for (uint32_t i = 0; i < table->count; i++) {
		uint32_t at = table->hashes[i] & (size - 1);

		while (slots[at])
			at = (at + 1) & (size - 1);
		slots[at] = i + 1;
	}
	free(table->slots);
	table->slots = slots;
	table->mask = size - 1;
	return true;
}

static uint32_t *find_slot(const struct intern *table, const void *key, uint32_t hash)
{
	uint32_t at = hash & table->mask;

	for (;; at = (at + 1) & table->mask) {
		uint32_t index = table->slots[at];

		if (!index)
			return &table->slots[at];
		index--;
		if (table->hashes[index] == hash &&
		    !memcmp(table->keys + (size_t)index * table->key_bytes, key, table->key_bytes))
			return &table->slots[at];
	}
}

uint32_t intern_find(const struct intern *table, const void *key)
{
	if (!table->mask)
		return INTERN_NONE;
	return *find_slot(table, key, hash_key(key, table->key_bytes)) - 1;
}

static bool keys_reserve(struct intern *table)
{
	uint32_t capacity = table->capacity ? table->capacity * 2 : 32;
	unsigned char *keys;
	uint32_t *hashes;

	if (table->count < table->capacity)
		return true;
	keys = realloc(table->keys, (size_t)capacity * table->key_bytes);
	if (keys)
		table->keys = keys;
	hashes = realloc(table->hashes, capacity * sizeof(*hashes));
	if (hashes)
		table->hashes = hashes;
	if (!keys || !hashes)
		return false;
	table->capacity = capacity;
	return true;
}

uint32_t intern_add(struct intern *table, const void *key, bool *is_new)
{
	uint32_t hash = hash_key(key, table->key_bytes);
	uint32_t *slot;

	*is_new = false;
	if ((table->count + 1) * 2 > table->mask && !intern_grow(table))
		return INTERN_NONE;
	slot = find_slot(table, key, hash);
	if (*slot)
		return *slot - 1;
	if (table->count >= table->limit || !keys_reserve(table))
		return INTERN_NONE;
	memcpy(table->keys + (size_t)table->count * table->key_bytes, key, table->key_bytes);
	table->hashes[table->count] = hash;
	*slot = ++table->count;
	*is_new = true;
	return table->count - 1;
}

void intern_rename(struct intern *table, uint32_t index, const void *key)
{
	memcpy(table->keys + (size_t)index * table->key_bytes, key, table->key_bytes);
	table->hashes[index] = hash_key(key, table->key_bytes);
	/* Probe chains may have run through the old place: lay all of them anew. */
	memset(table->slots, 0, ((size_t)table->mask + 1) * sizeof(*table->slots));
	for (uint32_t i = 0; i < table->count; i++) {
		uint32_t at = table->hashes[i] & table->mask;

		while (table->slots[at])
			at = (at + 1) & table->mask;
		table->slots[at] = i + 1;
	}
}

const void *intern_key(const struct intern *table, uint32_t index)
{
	return table->keys + (size_t)index * table->key_bytes;
}

void intern_free(struct intern *table)
{
	free(table->slots);
	free(table->hashes);
	free(table->keys);
	*table = (struct intern){ .key_bytes = table->key_bytes, .limit = table->limit };
}

bool array_grow(void *array, uint32_t *capacity, uint32_t index, size_t element_bytes)
{
	uint32_t wanted = *capacity ? *capacity : 16;
	char *old, *grown;

	while (wanted <= index)
		wanted *= 2;
	memcpy(&old, array, sizeof(old));
	grown = realloc(old, wanted * element_bytes);
	if (!grown)
		return false;
	memset(grown + *capacity * element_bytes, 0, (wanted - *capacity) * element_bytes);
	memcpy(array, &grown, sizeof(grown));
	*capacity = wanted;
	return true;
}

static size_t run_length(const struct pair *pairs, size_t count)
{
	size_t i = 1;

	while (i < count && pairs[i - 1].key <= pairs[i].key)
		i++;
	return i;
}

/* Merges the sorted [0, middle) and [middle, count). */
static void pairs_merge(struct pair *pairs, size_t middle, size_t count, struct pair *scratch)
{
	size_t left = 0, right = middle, out;

	while (left < middle && pairs[left].key <= pairs[middle].key)
		left++;
	out = left;
	memcpy(scratch + left, pairs + left, (middle - left) * sizeof(*pairs));
	while (left < middle && right < count)
		pairs[out++] = pairs[right].key < scratch[left].key ? pairs[right++]
								     : scratch[left++];
	memcpy(pairs + out, scratch + left, (middle - left) * sizeof(*pairs));
}

void pairs_sort(struct pair *pairs, size_t count, struct pair *scratch)
{
	size_t done, length;

	if (count < 2)
		return;
	done = run_length(pairs, count);
	if (done == count)
		return;
	if (count > 64 && done < count / 8) {	/* many runs: halve instead of merging one by one */
		pairs_sort(pairs, count / 2, scratch);
		pairs_sort(pairs + count / 2, count - count / 2, scratch);
		pairs_merge(pairs, count / 2, count, scratch);
		return;
	}
	for (; done < count; done += length) {
		length = run_length(pairs + done, count - done);
		pairs_merge(pairs, done, done + length, scratch);
	}
}
