/* SPDX-License-Identifier: Apache-2.0 */
/* Families of the kernels of a recording, each name matched once, and GPU time by family. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/families.h"
#include "analysis/internal.h"

#include <stdlib.h>
#include <string.h>

void run_use_families(struct run *run, struct families *families)
{
	families_close(run->families);
	run->families = families;
}

const struct families *run_families(struct run *run)
{
	char *error;

	if (!run->families) {
		run->families = families_open(NULL, &error);
		if (!run->families) {
			run_fail(run, "%s", error ? error : "out of memory");
			free(error);
		}
	}
	return run->families;
}

struct loading {
	const struct families *families;
	struct kernel_families *to;
	struct {
		struct row { int64_t id, kernel; struct family_of of; uint64_t hash; } *rows;
		size_t count;
	} list;
};

/* FNV-1a */
static uint64_t text_hash(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
	return hash;
}

static int kernel_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct loading *loading = arg;
	struct row *row = LIST_ADD(&loading->list);
	char *name = row_text(stmt, 1);

	if (!row || !name) {
		free(name);
		return run_fail(run, "out of memory");
	}
	row->id = sqlite3_column_int64(stmt, 0);
	row->of = families_match(loading->families, name);
	row->hash = text_hash(name);
	free(name);
	return 0;
}

static int shape_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct loading *loading = arg;
	struct row *row = LIST_ADD(&loading->list);

	if (!row)
		return run_fail(run, "out of memory");
	row->id = sqlite3_column_int64(stmt, 0);
	row->kernel = sqlite3_column_int64(stmt, 1);
	row->of = family_of_kernel(loading->to, row->kernel);
	return 0;
}

/* What was loaded as columns; an empty file has one unused row. */
static int columns_take(struct run *run, struct loading *loading, int64_t **ids, int64_t **kernels,
			uint64_t **hashes, struct family_of **of, size_t *count)
{
	size_t rows = loading->list.count + !loading->list.count;

	*ids = calloc(rows, sizeof(**ids));
	*of = calloc(rows, sizeof(**of));
	if (kernels)
		*kernels = calloc(rows, sizeof(**kernels));
	if (hashes)
		*hashes = calloc(rows, sizeof(**hashes));
	if (!*ids || !*of || (kernels && !*kernels) || (hashes && !*hashes))
		return run_fail(run, "out of memory");
	for (size_t i = 0; i < loading->list.count; i++) {
		(*ids)[i] = loading->list.rows[i].id;
		(*of)[i] = loading->list.rows[i].of;
		if (kernels)
			(*kernels)[i] = loading->list.rows[i].kernel;
		if (hashes)
			(*hashes)[i] = loading->list.rows[i].hash;
	}
	*count = loading->list.count;
	free(loading->list.rows);
	loading->list.rows = NULL;
	loading->list.count = 0;
	return 0;
}

int run_kernel_families(struct run *run, struct kernel_families *families)
{
	struct loading loading = { .families = run_families(run), .to = families };
	int result;

	*families = (struct kernel_families){ 0 };
	if (!loading.families)
		return -1;
	result = run_query(run, "SELECT id, coalesce(name, short_name, '') FROM kernel ORDER BY id",
			   kernel_row, &loading);
	if (result == 0)
		result = columns_take(run, &loading, &families->kernels, NULL, &families->name_hash,
				      &families->of_kernel, &families->kernel_count);
	if (result == 0)
		result = run_query(run, "SELECT id, kernel FROM shape ORDER BY id", shape_row, &loading);
	if (result == 0)
		result = columns_take(run, &loading, &families->shapes, &families->kernel_of, NULL,
				      &families->of_shape, &families->shape_count);
	free(loading.list.rows);
	if (result < 0)
		kernel_families_free(families);
	return result;
}

void kernel_families_free(struct kernel_families *families)
{
	free(families->kernels);
	free(families->shapes);
	free(families->of_kernel);
	free(families->name_hash);
	free(families->kernel_of);
	free(families->of_shape);
	*families = (struct kernel_families){ 0 };
}

size_t family_id_search(const int64_t *ids, size_t count, int64_t id)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (ids[middle] < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && ids[low] == id ? low : count;
}

static int by_total(const void *left, const void *right)
{
	const struct family_total *a = left, *b = right;

	if (a->total_ns != b->total_ns)
		return a->total_ns < b->total_ns ? 1 : -1;
	return a->of.family != b->of.family ? a->of.family - b->of.family : a->of.origin - b->of.origin;
}

int run_family_totals(struct run *run, struct family_total_list *list)
{
	const struct families *families = run_families(run);
	struct run_kernel_list kernels;

	*list = (struct family_total_list){ 0 };
	if (!families || run_kernels(run, false, &kernels) < 0)
		return -1;
	for (size_t i = 0; i < kernels.count; i++) {
		struct family_of of = { families_find(families, kernels.rows[i].family),
					families_find_origin(families, kernels.rows[i].origin) };
		struct family_total *total = NULL;

		for (size_t j = 0; j < list->count && !total; j++)
			if (list->rows[j].of.family == of.family && list->rows[j].of.origin == of.origin)
				total = &list->rows[j];
		if (!total)
			total = LIST_ADD(list);
		if (!total) {
			run_kernel_list_free(&kernels);
			family_total_list_free(list);
			return run_fail(run, "out of memory");
		}
		total->of = of;
		total->total_ns += kernels.rows[i].total_ns;
		total->count += kernels.rows[i].count;
		total->kernels++;
	}
	run_kernel_list_free(&kernels);
	if (list->count)
		qsort(list->rows, list->count, sizeof(*list->rows), by_total);
	return 0;
}

void family_total_list_free(struct family_total_list *list)
{
	free(list->rows);
	*list = (struct family_total_list){ 0 };
}
