/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels, and the launch shapes of one kernel. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/distribution.h"
#include "tui/quantity.h"
#include "tui/timeline_reader.h"
#include "tui/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kernel_row {
	uint64_t key;
	const char *limiter, *full;
	char *name;	/* the row's own */
	double share, occupancy, waves;
	uint64_t total, count, average, minimum, maximum, deviation, shared;
	int64_t registers, shapes, device;
	char grid[36], block[36];
	const char *grid_text, *block_text;
	int kernel, shape, blocks_per_sm;
};

#define COLUMN(...) GRID_COLUMN(kernel_row, __VA_ARGS__)

static const struct column kernel_columns[] = {
	COLUMN(share, "Share", SHARE, 0, 0, "part of the GPU time of all kernels"),
	COLUMN(total, "Total", TIME, 0, 0, "GPU time of all launches"),
	COLUMN(count, "Count", COUNT, 0, 0, "launches, those inside graphs included"),
	COLUMN(average, "Average", TIME, 0, 0, "GPU time of one launch"),
	COLUMN(minimum, "Min", TIME, 0, 3, "shortest launch"),
	COLUMN(maximum, "Max", TIME, 0, 2, "longest launch"),
	COLUMN(deviation, "StdDev", TIME, 0, 4, "standard deviation of the launches"),
	COLUMN(occupancy, "Occup", RATIO, 0, 1,
	       "theoretical occupancy: resident warps by the most an SM can hold"),
	COLUMN(limiter, "Limit", TEXT, 9, 5, "what keeps the occupancy from being higher"),
	COLUMN(shapes, "Shapes", NUMBER, 0, 6, "different launch configurations; Enter lists them"),
	COLUMN(name, "Kernel", TEXT, 29, 0, "name without namespaces and parameters; i shows all of it"),
	COLUMN(full, "Full name", TEXT, -1, 0, "name with namespaces and parameters"),
};

static const struct column shape_columns[] = {
	COLUMN(share, "Share", SHARE, 0, 0, "part of the GPU time of this kernel"),
	COLUMN(total, "Total", TIME, 0, 0, "GPU time of all launches of this shape"),
	COLUMN(count, "Count", COUNT, 0, 0, "launches of this shape"),
	COLUMN(average, "Average", TIME, 0, 4, "GPU time of one launch"),
	COLUMN(minimum, "Min", TIME, 0, 6, "shortest launch"),
	COLUMN(maximum, "Max", TIME, 0, 5, "longest launch"),
	COLUMN(registers, "Regs", NUMBER, 0, 2, "registers a thread"),
	COLUMN(shared, "Shared", SIZE, 0, 3, "shared memory a block, static and dynamic"),
	COLUMN(occupancy, "Occup", RATIO, 0, 0,
	       "theoretical occupancy: resident warps by the most an SM can hold"),
	COLUMN(limiter, "Limit", TEXT, 9, 0, "what keeps the occupancy from being higher"),
	COLUMN(waves, "Waves", FACTOR, 0, 0,
	       "how often the grid fills the whole GPU; just above 1 wastes nearly half"),
	COLUMN(device, "GPU", NUMBER, 4, 7, "number of the device"),
	COLUMN(block_text, "Block", TEXT, 10, 0, "threads in x, y, z"),
	COLUMN(grid_text, "Grid", TEXT, 11, 0, "blocks in x, y, z"),
};

static size_t kernels_room(const struct snapshot *snapshot)
{
	return snapshot->kernels.count;
}

static size_t shapes_room(const struct snapshot *snapshot)
{
	return snapshot->shapes.count;
}

/* Where the parameter list of a demangled name begins: the bracket that its last one closes. */
static size_t parameters_at(const char *name)
{
	size_t length = strlen(name), depth = 0;

	if (length == 0 || name[length - 1] != ')')
		return length;
	for (size_t i = length; i-- > 0;) {
		depth += name[i] == ')';
		depth -= name[i] == '(';
		if (depth == 0)
			return i > 0 ? i : length;
	}
	return length;
}

/* Where the name without its namespaces begins. */
static size_t own_name_at(const char *name, size_t length)
{
	size_t start = 0;
	int depth = 0;

	if (strstr(name, "operator"))	/* its signs are no brackets */
		return 0;
	for (size_t i = 0; i + 1 < length; i++) {
		depth += !!strchr("<({[", name[i]);
		depth -= !!strchr(">)}]", name[i]);
		if (depth == 0 && name[i] == ':' && name[i + 1] == ':')
			start = i + 2;
	}
	return start < length ? start : 0;
}

char *view_kernel_title(const char *name)
{
	size_t length = parameters_at(name), start;

	if (length > 5 && strncmp(name, "void ", 5) == 0)
		name += 5, length -= 5;
	start = own_name_at(name, length);
	if (length == start)
		return strdup("(no name)");
	return strndup(name + start, length - start);
}

static void fill_row(struct kernel_row *row, const struct run_kernel *k, const struct snapshot *s)
{
	row->full = k->name && *k->name ? k->name : k->short_name;
	row->name = view_kernel_title(row->full ? row->full : "");
	row->limiter = k->limiter;
	row->total = k->count ? k->total_ns : GRID_UNKNOWN;
	/* Launches without GPU times were launches too. */
	row->count = k->count > k->launches ? k->count : k->launches;
	row->average = k->count ? (uint64_t)(k->average_ns + 0.5) : GRID_UNKNOWN;
	row->minimum = k->count ? k->min_ns : GRID_UNKNOWN;
	row->maximum = k->count ? k->max_ns : GRID_UNKNOWN;
	row->deviation = k->count ? (uint64_t)(k->stddev_ns + 0.5) : GRID_UNKNOWN;
	row->registers = k->registers;
	row->shared = (uint64_t)(k->static_shared_bytes > 0 ? k->static_shared_bytes : 0) +
		      (uint64_t)(k->dynamic_shared_bytes > 0 ? k->dynamic_shared_bytes : 0);
	row->occupancy = k->occupancy;
	row->waves = k->waves;
	row->shapes = k->shapes;
	row->device = view_device_ordinal(s, k->device);
	row->kernel = k->kernel;
	row->shape = k->shape;
	row->blocks_per_sm = k->blocks_per_sm;
	snprintf(row->grid, sizeof(row->grid), "%d, %d, %d", k->grid[0], k->grid[1], k->grid[2]);
	snprintf(row->block, sizeof(row->block), "%d, %d, %d", k->block[0], k->block[1],
		 k->block[2]);
	row->grid_text = row->grid;
	row->block_text = row->block;
}

static size_t kernels_fill(const struct view *view, const struct snapshot *snapshot, void *rows)
{
	const struct run_kernel_list *list = &snapshot->kernels;
	struct kernel_row *row = rows;
	uint64_t all = 0;

	(void)view;
	for (size_t i = 0; i < list->count; i++)
		all += list->rows[i].total_ns;
	for (size_t i = 0; i < list->count; i++, row++) {
		fill_row(row, &list->rows[i], snapshot);
		row->key = (uint64_t)list->rows[i].kernel;
		row->share = all && list->rows[i].count ? (double)row->total / (double)all : -1;
	}
	return list->count;
}

static size_t shapes_fill(const struct view *view, const struct snapshot *snapshot, void *rows)
{
	const struct run_kernel_list *list = &snapshot->shapes;
	struct kernel_row *row = rows;
	uint64_t all = 0;
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++) {
		if (list->rows[i].kernel != view->subject)
			continue;
		fill_row(&row[count], &list->rows[i], snapshot);
		row[count].key = (uint64_t)list->rows[i].shape << 16 |
				 (uint64_t)(list->rows[i].device & 0xFFFF);
		all += list->rows[i].total_ns;
		count++;
	}
	for (size_t i = 0; i < count; i++)
		row[i].share = all && row[i].total != GRID_UNKNOWN ?
			       (double)row[i].total / (double)all : -1;
	return count;
}

static void release(void *rows, size_t count)
{
	for (struct kernel_row *row = rows; count--; row++)
		free(row->name);
}

static void kernel_terms(const struct view *view, const void *row, const struct snapshot *snapshot,
			 struct scope *terms)
{
	(void)view, (void)snapshot;
	view_term(terms, SCOPE_KERNEL, ((const struct kernel_row *)row)->full);
}

static bool kernel_place(const struct view *view, const void *row, const struct snapshot *snapshot,
		  struct view_place *place)
{
	const struct kernel_row *k = row;
	bool is_shape = view->class == &view_shapes;

	(void)snapshot;
	place->longest = (struct longest){ is_shape ? LONGEST_SHAPE : LONGEST_KERNEL,
					   is_shape ? (int64_t)(k->key >> 16) : k->kernel, 0, k->maximum };
	return k->maximum && k->maximum != GRID_UNKNOWN;
}

static const struct view_class *kernel_open(const void *row, int *subject, const char **name)
{
	const struct kernel_row *kernel = row;

	*subject = kernel->kernel;
	*name = kernel->name;
	return &view_shapes;
}

/* --- below the table ----------------------------------------------------------------------- */

static void draw_times(const struct snapshot *s, const struct histogram *times, uint64_t missed,
		       struct rect rect)
{
	char title[96], count[QUANTITY_SIZE];

	if (!s->scan) {
		draw_text(rect.y, rect.x, rect.width, COLOR_OF_DIM,
			  "how long each launch took is shown when the file has been read");
		return;
	}
	if (missed)
		snprintf(title, sizeof(title), "%s launches, without %llu for want of memory:",
			 quantity_text_count(count, times->count), (unsigned long long)missed);
	else
		snprintf(title, sizeof(title), "%s launches:", quantity_text_count(count, times->count));
	distribution_draw(times, title, rect);
}

/* Is the shape in the list before this place? It comes once for each device that it ran on. */
static bool is_seen(const struct snapshot *s, size_t place)
{
	for (size_t i = 0; i < place; i++)
		if (s->shapes.rows[i].shape == s->shapes.rows[place].shape)
			return true;
	return false;
}

/* All shapes of the kernel together. */
static void kernel_pane(const struct view *view, const struct snapshot *s, const void *chosen,
			struct rect rect)
{
	const struct kernel_row *row = chosen;
	struct histogram times = { 0 };
	uint64_t missed = 0;

	(void)view;
	for (size_t i = 0; s->scan && i < s->shapes.count; i++) {
		const struct run_kernel *k = &s->shapes.rows[i];
		const struct shape_times *of = shape_times_find(&s->scan->times, k->shape);

		if (k->kernel != row->kernel || !of || is_seen(s, i))
			continue;
		histogram_merge(&times, &of->times);
		missed += of->missed;
	}
	distribution_rule(rect, row->name);
	rect = (struct rect){ rect.y + 1, rect.x, rect.height - 1, rect.width - 1 };
	draw_times(s, &times, missed, rect);
	histogram_free(&times);
}

static void shape_pane(const struct view *view, const struct snapshot *s, const void *chosen,
		       struct rect rect)
{
	static const struct histogram none;
	const struct kernel_row *row = chosen;
	const struct shape_times *of = s->scan ? shape_times_find(&s->scan->times, row->shape) : NULL;
	char text[256], percent[QUANTITY_SIZE], shared[QUANTITY_SIZE], blocks[64] = "";

	(void)view;
	snprintf(text, sizeof(text), "grid %s, block %s", row->grid, row->block);
	distribution_rule(rect, text);
	rect = (struct rect){ rect.y + 1, rect.x, rect.height - 1, rect.width - 1 };
	if (row->occupancy >= 0) {
		if (row->blocks_per_sm >= 0)
			snprintf(blocks, sizeof(blocks), "; %d block%s on an SM", row->blocks_per_sm,
				 row->blocks_per_sm == 1 ? " fits" : "s fit");
		draw_textf(rect.y, rect.x, rect.width, COLOR_OF_TEXT,
			   "Occupancy %s, limited by %s%s; %.2f waves",
			   quantity_text_percent(percent, row->occupancy),
			   row->limiter && *row->limiter ? row->limiter : "nothing", blocks,
			   row->waves > 0 ? row->waves : 0);
		if (row->registers >= 0)
			draw_textf(rect.y + 1, rect.x, rect.width, COLOR_OF_TEXT,
				   "%lld registers a thread, %s of shared memory a block",
				   (long long)row->registers, quantity_text_bytes(shared, row->shared));
	} else {
		draw_text(rect.y, rect.x, rect.width, COLOR_OF_DIM,
			  "Occupancy and waves are unknown: no shape, or no limits of the device.");
	}
	rect.y += 2, rect.height -= 2;
	draw_times(s, of ? &of->times : &none, of ? of->missed : 0, rect);
}

const struct view_class view_kernels = {
	.title = "Kernels",
	.noun = "kernels",
	.one = "kernel",
	.help = "Where the GPU's compute time went, by kernel. Enter shows the launch shapes of a "
		"kernel: grid, block, occupancy and what limits it.",
	.columns = kernel_columns,
	.column_count = COUNT_OF(kernel_columns),
	.row_size = sizeof(struct kernel_row),
	.empty = "no kernels were recorded",
	.room = kernels_room,
	.fill = kernels_fill,
	.release = release,
	.pane = kernel_pane,
	.pane_room = 40,
	.open = kernel_open,
	.honours = SCOPE_OF_KERNELS,
	.needs_scan = true,
	.terms = kernel_terms,
	.place = kernel_place,
};

const struct view_class view_shapes = {
	.title = "Shapes",
	.noun = "shapes",
	.one = "shape",
	.help = "The launch configurations of one kernel, with the theoretical occupancy of each "
		"and how many waves its grid makes. Below, how long the launches of the chosen "
		"shape took: columns from the shortest to the longest, those beyond the 99th "
		"percentile in another colour.",
	.columns = shape_columns,
	.column_count = COUNT_OF(shape_columns),
	.row_size = sizeof(struct kernel_row),
	.empty = "no launches of this kernel any more",
	.room = shapes_room,
	.fill = shapes_fill,
	.release = release,
	.pane = shape_pane,
	.pane_room = PANE_ROOM,
	.honours = SCOPE_OF_KERNELS,
	.needs_scan = true,
	.terms = kernel_terms,
	.place = kernel_place,
};
