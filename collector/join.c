/* SPDX-License-Identifier: Apache-2.0 */
/* Correlation ids to places: an open-addressing table that forgets by shifting back. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/core.h"

#include <stdlib.h>

#define KIND_SHIFT 29

#define PLACES_MAX (4u << 20)

static uint32_t home(const struct join *join, uint32_t correlation)
{
	return (correlation * 0x9e3779b1u >> 7) & join->mask;
}

static uint32_t slot_of(const struct join *join, uint32_t correlation)
{
	uint32_t at = home(join, correlation);

	while (join->places[at] && join->keys[at] != correlation)
		at = (at + 1) & join->mask;
	return at;
}

struct place join_find(const struct join *join, uint32_t correlation)
{
	uint32_t place;

	if (!join->mask)
		return (struct place){ PLACE_NONE, 0 };
	place = join->places[slot_of(join, correlation)];
	return (struct place){ (enum place_kind)(place >> KIND_SHIFT), place & PLACE_MASK };
}

static bool grow(struct join *join)
{
	struct join old = *join;
	uint32_t size = old.mask ? (old.mask + 1) * 2 : 1024;

	join->keys = malloc(size * sizeof(*join->keys));
	join->places = calloc(size, sizeof(*join->places));
	if (!join->keys || !join->places) {
		join_free(join);
		*join = old;
		return false;
	}
	join->mask = size - 1;
	for (uint32_t i = 0; old.mask && i <= old.mask; i++) {
		if (old.places[i]) {
			uint32_t at = slot_of(join, old.keys[i]);

			join->keys[at] = old.keys[i];
			join->places[at] = old.places[i];
		}
	}
	free(old.keys);
	free(old.places);
	return true;
}

bool join_set(struct join *join, uint32_t correlation, struct place place)
{
	uint32_t at;

	if ((join->count + 1) * 2 > join->mask && (join->count >= PLACES_MAX || !grow(join)))
		return false;
	at = slot_of(join, correlation);
	join->count += join->places[at] == 0;
	join->keys[at] = correlation;
	join->places[at] = (uint32_t)place.kind << KIND_SHIFT | (place.index & PLACE_MASK);
	return true;
}

void join_remove(struct join *join, uint32_t correlation)
{
	uint32_t hole, next;

	if (!join->mask)
		return;
	hole = slot_of(join, correlation);
	if (!join->places[hole])
		return;
	join->count--;
	for (next = (hole + 1) & join->mask; join->places[next]; next = (next + 1) & join->mask) {
		uint32_t from = home(join, join->keys[next]);

		/* Move back what cannot be reached across the hole any more. */
		if (((next - from) & join->mask) >= ((next - hole) & join->mask)) {
			join->keys[hole] = join->keys[next];
			join->places[hole] = join->places[next];
			hole = next;
		}
	}
	join->places[hole] = 0;
}

void join_free(struct join *join)
{
	free(join->keys);
	free(join->places);
	*join = (struct join){ .keys = NULL };
}
