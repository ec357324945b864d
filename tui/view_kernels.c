/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels, and the launch shapes of one kernel. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

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
	int kernel;
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

static const struct view_class *kernel_open(const void *row, int *subject, const char **name)
{
	const struct kernel_row *kernel = row;

	*subject = kernel->kernel;
	*name = kernel->name;
	return &view_shapes;
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
	.open = kernel_open,
};

const struct view_class view_shapes = {
	.title = "Shapes",
	.noun = "shapes",
	.one = "shape",
	.help = "The launch configurations of one kernel, with the theoretical occupancy of each "
		"and how many waves its grid makes.",
	.columns = shape_columns,
	.column_count = COUNT_OF(shape_columns),
	.row_size = sizeof(struct kernel_row),
	.empty = "no launches of this kernel any more",
	.room = shapes_room,
	.fill = shapes_fill,
	.release = release,
};
