/* SPDX-License-Identifier: Apache-2.0 */
/* Summaries of intervals in bounded memory: see pyramid.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/pyramid.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define FAN_SHIFT	2			/* four cells make one of the row above */
#define LEVELS_MAX	5
#define CELLS_FIRST	65536u			/* of a lane's finest row at first */
#define CELLS_LEAST	1024u
#define CELLS_ALL	(3u << 20)		/* of all finest rows: 48 MiB, with the rows above 64 */
#define SHIFT_MAX	(63 - 10)		/* 1024 cells then hold all of time */

struct cell {
	float covered_ns;
	uint32_t count;
	int32_t what;
	float weight_ns;		/* by which `what` outweighs all others */
};

struct lane {
	struct lane_key key;
	uint64_t reach_ns;		/* what came before covers all until here, as far as it counts */
	struct cell *levels[LEVELS_MAX];
	UT_hash_handle hh;
};

struct pyramid {
	pthread_mutex_t lock;
	struct lane *lanes;
	size_t lane_count;
	unsigned shift;			/* a finest cell is 2^shift ns wide */
	unsigned cells;			/* of a finest row */
	int levels;
};

struct pyramid *pyramid_new(uint64_t span_ns)
{
	struct pyramid *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	pthread_mutex_init(&p->lock, NULL);
	p->cells = CELLS_FIRST;
	for (unsigned cells = p->cells; p->levels < LEVELS_MAX && cells; cells >>= FAN_SHIFT)
		p->levels++;
	while (p->shift < SHIFT_MAX && (span_ns ? span_ns - 1 : 0) >> p->shift >= p->cells)
		p->shift++;
	return p;
}

static void lane_free(struct lane *lane)
{
	for (int level = 0; level < LEVELS_MAX; level++)
		free(lane->levels[level]);
	free(lane);
}

void pyramid_free(struct pyramid *p)
{
	struct lane *lane, *next;

	if (!p)
		return;
	HASH_ITER(hh, p->lanes, lane, next) {
		HASH_DEL(p->lanes, lane);
		lane_free(lane);
	}
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* The candidate of a majority vote: exact where one thing covers more than half. */
static void vote(struct cell *cell, int32_t what, float weight_ns)
{
	if (cell->what == what || cell->weight_ns <= 0) {
		cell->weight_ns = cell->what == what ? cell->weight_ns + weight_ns : weight_ns;
		cell->what = what;
	} else if (cell->weight_ns >= weight_ns) {
		cell->weight_ns -= weight_ns;
	} else {
		cell->weight_ns = weight_ns - cell->weight_ns;
		cell->what = what;
	}
}

static void merge(struct cell *into, const struct cell *from)
{
	into->covered_ns += from->covered_ns;
	into->count += from->count;
	vote(into, from->what, from->weight_ns);
}

/* The finest row goes; the top one may become too short to be worth its place. */
static void drop_finest(struct pyramid *p)
{
	struct lane *lane, *next;

	HASH_ITER(hh, p->lanes, lane, next) {
		free(lane->levels[0]);
		memmove(lane->levels, lane->levels + 1, (LEVELS_MAX - 1) * sizeof(*lane->levels));
		lane->levels[LEVELS_MAX - 1] = NULL;
	}
	p->levels--;
	p->cells >>= FAN_SHIFT;
	p->shift += FAN_SHIFT;
}

/* All cells become four times as wide: rows move down one level, and the top one is merged. */
static void widen(struct pyramid *p)
{
	struct lane *lane, *next;

	HASH_ITER(hh, p->lanes, lane, next) {
		for (int level = 0; level < p->levels; level++) {
			unsigned cells = p->cells >> (level * FAN_SHIFT), part = cells >> FAN_SHIFT;
			struct cell *row = lane->levels[level];

			if (level + 1 < p->levels) {
				memcpy(row, lane->levels[level + 1], part * sizeof(*row));
			} else {
				for (unsigned i = 0; i < cells; i++) {
					struct cell one = row[i];

					if (i % (1u << FAN_SHIFT) == 0)
						row[i >> FAN_SHIFT] = one;
					else
						merge(&row[i >> FAN_SHIFT], &one);
				}
			}
			memset(row + part, 0, (cells - part) * sizeof(*row));
		}
	}
	p->shift += FAN_SHIFT;
}

static struct lane *lane_find(struct pyramid *p, struct lane_key key)
{
	struct lane_key whole;
	struct lane *lane;

	memset(&whole, 0, sizeof(whole));	/* padding is part of a hash */
	whole.kind = key.kind;
	whole.id = key.id;
	HASH_FIND(hh, p->lanes, &whole, sizeof(whole), lane);
	return lane;
}

static struct lane *lane_new(struct pyramid *p, struct lane_key key)
{
	struct lane *lane = calloc(1, sizeof(*lane));

	while (p->cells > CELLS_LEAST && (p->lane_count + 1) * p->cells > CELLS_ALL)
		drop_finest(p);
	if (!lane)
		return NULL;
	lane->key.kind = key.kind;
	lane->key.id = key.id;
	for (int level = 0; level < p->levels; level++) {
		lane->levels[level] = calloc(p->cells >> (level * FAN_SHIFT), sizeof(struct cell));
		if (!lane->levels[level]) {
			lane_free(lane);
			return NULL;
		}
	}
	HASH_ADD(hh, p->lanes, key, sizeof(lane->key), lane);
	p->lane_count++;
	return lane;
}

static void add_level(struct cell *row, unsigned shift, uint64_t start, uint64_t end, int32_t what)
{
	uint64_t last = end > start ? (end - 1) >> shift : start >> shift;

	row[start >> shift].count++;
	for (uint64_t i = start >> shift; i <= last; i++) {
		uint64_t from = i << shift > start ? i << shift : start;
		uint64_t to = (i + 1) << shift < end ? (i + 1) << shift : end;
		float part = (float)(to - from);

		row[i].covered_ns += part;
		vote(&row[i], what, part > 0 ? part : 1);
	}
}

static int add_one(struct pyramid *p, const struct pyramid_interval *interval)
{
	uint64_t start = interval->start_ns, end = interval->end_ns;
	struct lane *lane = lane_find(p, interval->lane);

	if (end > INT64_MAX || start > end)
		return 0;
	if (!lane && p->lane_count * p->cells >= CELLS_ALL && p->cells <= CELLS_LEAST)
		return 0;
	if (!lane)
		lane = lane_new(p, interval->lane);
	if (!lane)
		return -1;
	while ((end > start ? end - 1 : end) >> p->shift >= p->cells)
		widen(p);
	/* Only what is new to the lane: the work is then bounded by intervals and cells together. */
	if (start < lane->reach_ns)
		start = lane->reach_ns < end ? lane->reach_ns : end;
	lane->reach_ns = end > lane->reach_ns ? end : lane->reach_ns;
	for (int level = 0; level < p->levels; level++)
		add_level(lane->levels[level], p->shift + (unsigned)level * FAN_SHIFT, start, end,
			  (int32_t)interval->what);
	return 0;
}

int pyramid_add(struct pyramid *p, const struct pyramid_interval *intervals, size_t count)
{
	int result = 0;

	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; result == 0 && i < count; i++)
		result = add_one(p, &intervals[i]);
	pthread_mutex_unlock(&p->lock);
	return result;
}

/* The cells that [from, to) touches, in proportion. */
static void column_read(const struct cell *row, double width, unsigned cells, double from, double to,
			struct pyramid_column *out)
{
	double first = from / width, last = to / width, covered = 0;
	struct cell sum = { 0 };

	if (last > cells)
		last = cells;
	for (unsigned i = first > 0 ? (unsigned)first : 0; i < last; i++) {
		double begin = i < first ? first : i, end = i + 1 > last ? last : i + 1;
		double part = end - begin;

		covered += part * (double)row[i].covered_ns;
		if (i >= first)
			out->count += row[i].count;
		vote(&sum, row[i].what, (float)(part * (double)row[i].weight_ns));
	}
	out->share = covered / (to - from);
	if (out->share > 1)
		out->share = 1;		/* rounding */
	out->what = sum.what;
}

bool pyramid_read(struct pyramid *p, struct lane_key key, double from_ns, double to_ns, int columns,
		  struct pyramid_column *out)
{
	double step = (to_ns - from_ns) / columns;
	struct lane *lane;
	int level = 0;

	memset(out, 0, (size_t)columns * sizeof(*out));
	pthread_mutex_lock(&p->lock);
	lane = lane_find(p, key);
	while (level + 1 < p->levels &&
	       (double)(1ull << (p->shift + (unsigned)(level + 1) * FAN_SHIFT)) <= step)
		level++;
	for (int i = 0; lane && step > 0 && i < columns; i++) {
		double from = from_ns + step * i;

		if (from + step > 0 && from < (double)INT64_MAX)
			column_read(lane->levels[level],
				    (double)(1ull << (p->shift + (unsigned)level * FAN_SHIFT)),
				    p->cells >> (level * FAN_SHIFT), from, from + step, &out[i]);
	}
	pthread_mutex_unlock(&p->lock);
	return lane;
}

uint64_t pyramid_cell_ns(struct pyramid *p)
{
	uint64_t width;

	pthread_mutex_lock(&p->lock);
	width = 1ull << p->shift;
	pthread_mutex_unlock(&p->lock);
	return width;
}

size_t pyramid_bytes(struct pyramid *p)
{
	size_t bytes = 0;

	pthread_mutex_lock(&p->lock);
	for (int level = 0; level < p->levels; level++)
		bytes += p->lane_count * (p->cells >> (level * FAN_SHIFT)) * sizeof(struct cell);
	pthread_mutex_unlock(&p->lock);
	return bytes;
}
