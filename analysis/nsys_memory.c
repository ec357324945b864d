/* SPDX-License-Identifier: Apache-2.0 */
/* Memory by call path and over time, as rows. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/memory_use.h"
#include "analysis/nsys_internal.h"

#include <stdlib.h>

#define FRAMES	8

static struct nsys_cell gpu_cell(const struct memory_use *use, int device)
{
	for (size_t i = 0; i < use->area_count; i++)
		if (use->areas[i].device == device && device)
			return cell_integer(use->areas[i].gpu);
	return (struct nsys_cell){ .kind = NSYS_EMPTY };
}

static int site_row(struct run *run, const struct memory_use *use, const struct memory_site *s,
		    nsys_row_fn *row, void *arg)
{
	char *path = run_path_name(run, s->path, FRAMES);
	struct nsys_cell cells[] = {
		gpu_cell(use, s->device), cell_integer(s->process),
		cell_text(run_memory_kind(s->kind)), cell_integer((int64_t)s->high_bytes),
		cell_integer((int64_t)s->high_at_ns), cell_integer((int64_t)s->at_high_bytes),
		cell_integer((int64_t)s->live_bytes), cell_integer((int64_t)s->allocs),
		cell_integer((int64_t)s->frees), cell_integer((int64_t)s->allocated_bytes),
		s->frees ? cell_integer((int64_t)(s->lifetime_ns / s->frees)) :
			   (struct nsys_cell){ .kind = NSYS_EMPTY },
		cell_integer(s->grows), cell_text(path ? path : ""),
	};
	int result = row(arg, cells, (int)(sizeof(cells) / sizeof(cells[0])));

	free(path);
	return result;
}

int nsys_mem_sites(struct run *run, nsys_row_fn *row, void *arg)
{
	struct memory_use use;
	int result = run_memory_use(run, &use);

	for (size_t i = 0; result == 0 && i < use.site_count; i++)
		result = site_row(run, &use, &use.sites[i], row, arg);
	memory_use_free(&use);
	return result;
}

static int area_rows(const struct memory_use *use, const struct memory_area *area, nsys_row_fn *row,
		     void *arg)
{
	int result = 0;

	for (uint64_t i = 0; result == 0 && i < MEMORY_COLUMNS; i++) {
		struct nsys_cell cells[] = {
			gpu_cell(use, area->device),
			cell_integer((int64_t)(use->end_ns / MEMORY_COLUMNS * i)),
			cell_integer((int64_t)(use->end_ns / MEMORY_COLUMNS * (i + 1))),
			cell_integer((int64_t)area->usage_bytes[i]),
		};

		result = row(arg, cells, (int)(sizeof(cells) / sizeof(cells[0])));
	}
	return result;
}

int nsys_mem_usage(struct run *run, nsys_row_fn *row, void *arg)
{
	struct memory_use use;
	int result = run_memory_use(run, &use);

	for (size_t i = 0; result == 0 && i < use.area_count; i++)
		result = area_rows(&use, &use.areas[i], row, arg);
	memory_use_free(&use);
	return result;
}
