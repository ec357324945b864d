/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maps from 64 bits to a number that begins at 0, emptied by a new generation. They grow with what
 * is in them, so that those of launches that repeat stay in the cache.
 */
#ifndef GPUTRAIL_ANALYSIS_STEPS_MAP_H
#define GPUTRAIL_ANALYSIS_STEPS_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define MAP_CELLS_MIN	1024
#define MAP_PRIME	0x9e3779b97f4a7c15ull

struct map_cell {
	uint64_t key;
	uint32_t generation, value;
};

struct map {
	struct map_cell *cells;
	size_t mask, used;
	uint32_t generation;
	bool no_memory;			/* it could not grow and forgot what was in it */
};

static inline bool map_make(struct map *map)
{
	map->mask = MAP_CELLS_MIN - 1;
	map->cells = calloc(MAP_CELLS_MIN, sizeof(*map->cells));
	map->generation = 1;
	return map->cells != NULL;
}

static inline void map_free(struct map *map)
{
	free(map->cells);
}

static inline void map_empty(struct map *map)
{
	map->generation++;
	map->used = 0;
}

/* The key's cell, or a free one for it. */
static inline struct map_cell *map_cell_find(const struct map *map, uint64_t key)
{
	size_t i = (size_t)((key * MAP_PRIME) >> 20) & map->mask;

	while (map->cells[i].generation == map->generation && map->cells[i].key != key)
		i = (i + 1) & map->mask;
	return &map->cells[i];
}

static inline bool map_grow(struct map *map)
{
	struct map grown = { .mask = 4 * (map->mask + 1) - 1, .used = map->used, .generation = 1 };

	grown.cells = calloc(grown.mask + 1, sizeof(*grown.cells));
	for (size_t i = 0; grown.cells && i <= map->mask; i++)
		if (map->cells[i].generation == map->generation)
			*map_cell_find(&grown, map->cells[i].key) = (struct map_cell){
				map->cells[i].key, grown.generation, map->cells[i].value };
	if (!grown.cells)
		return false;
	map_free(map);
	*map = grown;
	return true;
}

/* The key's value, until one that is not there is asked for. */
static inline uint32_t *map_at(struct map *map, uint64_t key)
{
	struct map_cell *cell = map_cell_find(map, key);

	if (cell->generation == map->generation)
		return &cell->value;
	if (2 * map->used > map->mask) {
		if (!map_grow(map)) {
			map->no_memory = true;
			map_empty(map);
		}
		cell = map_cell_find(map, key);
	}
	map->used++;
	*cell = (struct map_cell){ key, map->generation, 0 };
	return &cell->value;
}

#endif
