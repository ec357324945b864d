/* SPDX-License-Identifier: Apache-2.0 */
/* Values counted by size: see histogram.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/histogram.h"

#include <stdlib.h>
#include <string.h>

#define PARTS_BITS 9

/* Octave 0 counts the values below HISTOGRAM_PARTS one by one; each further one spans a power of two. */
static int octave_of(uint64_t value)
{
	return value < HISTOGRAM_PARTS ? 0 : 64 - __builtin_clzll(value) - PARTS_BITS;
}

static double width_of(int octave)
{
	return octave > 0 ? (double)(UINT64_C(1) << (octave - 1)) : 1;
}

static double start_of(int octave, int part)
{
	return octave > 0 ? (HISTOGRAM_PARTS + (double)part) * width_of(octave) : part;
}

static int part_of(int octave, uint64_t value)
{
	return octave > 0 ? (int)((value >> (octave - 1)) - HISTOGRAM_PARTS) : (int)value;
}

static int add(struct histogram *h, int octave, int part, uint32_t count)
{
	uint32_t *counters = h->octaves[octave];
	int bytes = 0;

	if (!counters) {
		bytes = HISTOGRAM_PARTS * (int)sizeof(*counters);
		counters = h->octaves[octave] = calloc(HISTOGRAM_PARTS, sizeof(*counters));
		if (!counters)
			return -1;
	}
	counters[part] = count < UINT32_MAX - counters[part] ? counters[part] + count : UINT32_MAX;
	return bytes;
}

static void widen(struct histogram *h, uint64_t min, uint64_t max, uint64_t count)
{
	if (!h->count || min < h->min)
		h->min = min;
	if (!h->count || max > h->max)
		h->max = max;
	h->count += count;
}

int histogram_add(struct histogram *h, uint64_t value)
{
	int octave = octave_of(value), bytes = add(h, octave, part_of(octave, value), 1);

	if (bytes >= 0)
		widen(h, value, value, 1);
	return bytes;
}

bool histogram_has_room(const struct histogram *h, uint64_t value)
{
	return h->octaves[octave_of(value)];
}

int histogram_merge(struct histogram *to, const struct histogram *from)
{
	for (int octave = 0; octave < HISTOGRAM_OCTAVES; octave++)
		for (int part = 0; from->octaves[octave] && part < HISTOGRAM_PARTS; part++)
			if (from->octaves[octave][part] &&
			    add(to, octave, part, from->octaves[octave][part]) < 0)
				return -1;
	if (from->count)
		widen(to, from->min, from->max, from->count);
	return 0;
}

void histogram_free(struct histogram *h)
{
	for (int octave = 0; octave < HISTOGRAM_OCTAVES; octave++)
		free(h->octaves[octave]);
	memset(h, 0, sizeof(*h));
}

uint64_t histogram_quantile(const struct histogram *h, double share)
{
	double rank = share * (double)h->count, seen = 0;

	if (!h->count)
		return 0;
	if (share <= 0 || share >= 1)
		return share <= 0 ? h->min : h->max;
	for (int octave = 0; octave < HISTOGRAM_OCTAVES; octave++) {
		for (int part = 0; h->octaves[octave] && part < HISTOGRAM_PARTS; part++) {
			uint64_t value;

			seen += h->octaves[octave][part];
			if (!h->octaves[octave][part] || seen < rank)
				continue;
			value = (uint64_t)(start_of(octave, part) + (width_of(octave) - 1) / 2);
			return value < h->min ? h->min : value > h->max ? h->max : value;
		}
	}
	return h->max;
}

void histogram_read(const struct histogram *h, const double *edges, int columns, double *counts)
{
	int column = 0;

	memset(counts, 0, (size_t)columns * sizeof(*counts));
	for (int octave = 0; h->count && octave < HISTOGRAM_OCTAVES; octave++) {
		for (int part = 0; h->octaves[octave] && part < HISTOGRAM_PARTS; part++) {
			double from = start_of(octave, part), to = from + width_of(octave);
			double count = h->octaves[octave][part], width;

			if (count <= 0)
				continue;
			/* What the first and the last counter have lies within min and max. */
			from = from > (double)h->min ? from : (double)h->min;
			to = to < (double)h->max ? to : (double)h->max;
			width = to - from;
			while (column < columns - 1 && edges[column + 1] <= from)
				column++;
			if (width <= 0) {
				counts[column] += from >= edges[0] && from <= edges[columns] ? count : 0;
				continue;
			}
			for (int c = column; c < columns && edges[c] < to; c++) {
				double begin = edges[c] > from ? edges[c] : from;
				double end = edges[c + 1] < to ? edges[c + 1] : to;

				counts[c] += end > begin ? count * (end - begin) / width : 0;
			}
		}
	}
}
