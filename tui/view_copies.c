/* SPDX-License-Identifier: Apache-2.0 */
/* Copies and sets by device and kind. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/view.h"

#include <stdio.h>
#include <string.h>

struct copy_row {
	uint64_t key;
	const char *name, *from, *to;
	char operation[32];
	double share, rate;
	uint64_t total, count, average, minimum, maximum, bytes, least, most;
	int64_t device;
};

#define COLUMN(...) GRID_COLUMN(copy_row, __VA_ARGS__)

static const struct column columns[] = {
	COLUMN(share, "Share", SHARE, 0, 0, "part of the GPU time of all copies and sets"),
	COLUMN(total, "Total", TIME, 0, 0, "GPU time"),
	COLUMN(count, "Count", COUNT, 0, 0, "operations"),
	COLUMN(bytes, "Bytes", SIZE, 0, 0, "bytes moved or set"),
	COLUMN(rate, "Per s", RATE, 0, 0, "bytes by GPU time, in units of 1000"),
	COLUMN(average, "Average", TIME, 0, 1, "GPU time of one operation"),
	COLUMN(minimum, "Min", TIME, 0, 5, "shortest operation"),
	COLUMN(maximum, "Max", TIME, 0, 3, "longest operation"),
	COLUMN(least, "Least", SIZE, 0, 6, "smallest operation"),
	COLUMN(most, "Most", SIZE, 0, 4, "largest operation"),
	COLUMN(device, "GPU", NUMBER, 4, 2, "number of the device"),
	COLUMN(from, "From", TEXT, 9, 0, "memory read: pageable, pinned, device..."),
	COLUMN(to, "To", TEXT, 7, 2, "memory written"),
	COLUMN(name, "Operation", TEXT, 15, 0, "direction"),
};

static size_t room(const struct snapshot *snapshot)
{
	return snapshot->copies.count;
}

/* "[CUDA memcpy Host-to-Device]" without what every row has. */
static void operation_name(char *out, size_t size, const char *name)
{
	const char *start = strrchr(name, ' ');

	snprintf(out, size, "%s", start ? start + 1 : name);
	out[strcspn(out, "]")] = '\0';
}

static size_t fill(const struct view *view, const struct snapshot *snapshot, void *rows)
{
	const struct run_copy_list *list = &snapshot->copies;
	struct copy_row *row = rows;
	uint64_t all = 0;

	(void)view;
	for (size_t i = 0; i < list->count; i++)
		all += list->rows[i].total_ns;
	for (size_t i = 0; i < list->count; i++, row++) {
		const struct run_copy *c = &list->rows[i];

		*row = (struct copy_row){
			.key = (uint64_t)(unsigned)c->device << 32 | (unsigned)c->kind,
			.from = run_copy_memory(c->kind, false),
			.to = run_copy_memory(c->kind, true),
			.share = all && c->count ? (double)c->total_ns / (double)all : -1,
			/* Bytes are those of all copies, so all must have times. */
			.rate = c->total_ns && c->count >= c->copies ?
				(double)c->bytes / ((double)c->total_ns * 1e-9) : -1,
			.total = c->count ? c->total_ns : GRID_UNKNOWN,
			.count = c->copies > c->count ? c->copies : c->count,
			.average = c->count ? c->total_ns / c->count : GRID_UNKNOWN,
			.minimum = c->count ? c->min_ns : GRID_UNKNOWN,
			.maximum = c->count ? c->max_ns : GRID_UNKNOWN,
			.bytes = c->bytes,
			.least = c->min_bytes,
			.most = c->max_bytes,
			.device = view_device_ordinal(snapshot, c->device),
		};
		operation_name(row->operation, sizeof(row->operation), c->name);
		row->name = row->operation;
	}
	return list->count;
}

static void terms(const struct view *view, const void *row, const struct snapshot *snapshot,
		  struct scope *terms)
{
	const struct copy_row *r = row;

	(void)view, (void)snapshot;
	view_term_number(terms, SCOPE_DEVICE, r->device);
}

static bool place_of(const struct view *view, const void *row, const struct snapshot *snapshot,
		  struct view_place *place)
{
	const struct copy_row *copy = row;

	(void)view, (void)snapshot;
	place->longest = (struct longest){ LONGEST_COPY, (int64_t)(copy->key & UINT32_MAX),
					   (int64_t)(copy->key >> 32), copy->maximum };
	return copy->maximum && copy->maximum != GRID_UNKNOWN;
}

const struct view_class view_copies = {
	.title = "Copies",
	.short_title = "Copy",
	.noun = "kinds of copies",
	.one = "kind of copies",
	.help = "Copies and memory sets by device and kind: time, bytes and the rate they reached. "
		"Pageable host memory is slower than pinned and makes the host wait.",
	.columns = columns,
	.column_count = COUNT_OF(columns),
	.row_size = sizeof(struct copy_row),
	.empty = "no copies or sets were recorded",
	.room = room,
	.fill = fill,
	.honours = SCOPE_OF_COPIES,
	.terms = terms,
	.place = place_of,
};
