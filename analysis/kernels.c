/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels and launch shapes, from the recorder's summaries. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/families.h"
#include "analysis/internal.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct shape_sum {
	struct run_kernel row;
	double total, sum_squares;
	double occupancy_weight, waves_weight;	/* of shapes with known occupancy, waves */
	uint64_t dominant;
};

struct shape_sum_list {
	struct shape_sum *rows;
	size_t count;
	bool by_shape;
};

static void shape_describe(struct run_kernel *k, sqlite3_stmt *stmt, int c)
{
	for (int i = 0; i < 3; i++)
		k->grid[i] = row_int(stmt, c++, 0);
	for (int i = 0; i < 3; i++)
		k->block[i] = row_int(stmt, c++, 0);
	k->dynamic_shared_bytes = row_int(stmt, c++, 0);
	k->blocks_per_sm = row_int(stmt, c++, -1);
	free(k->limiter);
	k->limiter = row_text(stmt, c);
}

static struct shape_sum *shape_new(struct shape_sum_list *list, sqlite3_stmt *stmt)
{
	struct shape_sum *sum = LIST_ADD(list);
	struct run_kernel *k;

	if (!sum)
		return NULL;
	k = &sum->row;
	k->kernel = row_int(stmt, 0, -1);
	k->shape = list->by_shape ? row_int(stmt, 1, -1) : -1;
	k->device = row_int(stmt, 2, -1);
	k->gpu = row_int(stmt, 24, -1);
	k->name = row_text(stmt, 3);
	k->short_name = row_text(stmt, 4);
	if (!k->short_name[0]) {
		free(k->short_name);
		k->short_name = strdup(k->name);
	}
	k->registers = row_int(stmt, 5, 0);
	k->static_shared_bytes = row_int(stmt, 6, 0);
	return sum;
}

/* Rows come ordered by kernel and shape, so equal ones follow each other. */
static int shape_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct shape_sum_list *list = arg;
	struct shape_sum *sum = list->count ? &list->rows[list->count - 1] : NULL;
	uint64_t count = row_u64(stmt, 7), total = row_u64(stmt, 8), max = row_u64(stmt, 10);
	uint64_t min = row_u64(stmt, 9);
	double occupancy = sqlite3_column_double(stmt, 12);
	/* Time says how much a shape matters; without GPU times, how often it was launched. */
	uint64_t weight = total ? total : row_u64(stmt, 23);

	if (!sum || sum->row.kernel != row_int(stmt, 0, -1) ||
	    (list->by_shape && sum->row.shape != row_int(stmt, 1, -1)))
		sum = shape_new(list, stmt);
	if (!sum)
		return run_fail(run, "out of memory");
	if (sum->row.device != row_int(stmt, 2, -1))
		sum->row.device = sum->row.gpu = -1;
	if (!sum->row.shapes || weight > sum->dominant) {
		sum->dominant = weight;
		shape_describe(&sum->row, stmt, 14);
	}
	if (count && (!sum->row.count || min < sum->row.min_ns))
		sum->row.min_ns = min;
	sum->row.max_ns = sum->row.max_ns > max ? sum->row.max_ns : max;
	sum->row.shapes++;
	sum->row.count += count;
	sum->row.launches += row_u64(stmt, 23);
	sum->row.total_ns += total;
	sum->sum_squares += sqlite3_column_double(stmt, 11);
	if (sqlite3_column_type(stmt, 12) != SQLITE_NULL) {
		sum->row.occupancy += occupancy * (double)weight;
		sum->occupancy_weight += (double)weight;
	}
	if (sqlite3_column_type(stmt, 13) != SQLITE_NULL) {
		sum->row.waves += sqlite3_column_double(stmt, 13) * (double)weight;
		sum->waves_weight += (double)weight;
	}
	return 0;
}

static int longest_first(const void *a, const void *b)
{
	const struct run_kernel *x = a, *y = b;

	if (x->total_ns != y->total_ns)
		return x->total_ns < y->total_ns ? 1 : -1;
	if (x->launches != y->launches)
		return x->launches < y->launches ? 1 : -1;
	return strcmp(x->name, y->name);
}

/* "gemm" and "void ns::gemm<128, 64>(params)" give "gemm<128, 64>"; NULL if there are none. */
static char *with_template(const char *short_name, const char *name)
{
	size_t length = strlen(short_name), end;
	const char *at = name;
	int depth = 0;

	while (length && (at = strstr(at, short_name)) && at[length] != '<')
		at++;
	if (!length || !at)
		return NULL;
	for (end = length; at[end]; end++) {
		depth += (at[end] == '<') - (at[end] == '>');
		if (!depth)
			return strndup(at, end + 1);
	}
	return NULL;
}

struct name_use {
	const char *short_name;
	int kernel;
	bool shared;
	UT_hash_handle hh;
};

/* The names of different kernels must differ in a table as far as they do. */
static void labels_make(struct run_kernel_list *list)
{
	struct name_use *uses = calloc(list->count + 1, sizeof(*uses)), *names = NULL;

	for (size_t i = 0; uses && i < list->count; i++) {
		struct run_kernel *k = &list->rows[i];
		struct name_use *use;

		HASH_FIND_STR(names, k->short_name, use);
		if (!use) {
			use = &uses[i];
			*use = (struct name_use){ .short_name = k->short_name, .kernel = k->kernel };
			HASH_ADD_KEYPTR(hh, names, use->short_name, strlen(use->short_name), use);
		} else if (use->kernel != k->kernel) {
			use->shared = true;
		}
	}
	for (size_t i = 0; i < list->count; i++) {
		struct run_kernel *k = &list->rows[i];
		struct name_use *use = NULL;

		if (names)
			HASH_FIND_STR(names, k->short_name, use);
		k->label = use && use->shared ? with_template(k->short_name, k->name) : NULL;
		if (!k->label)
			k->label = strdup(k->short_name);
	}
	HASH_CLEAR(hh, names);
	free(uses);
}

/* One pass over the summaries; a shape that ran in several processes is one row. */
static const char shape_sql[] =
	"SELECT k.id, s.id, s.device, k.name, k.short_name, k.registers, k.static_shared_bytes,"
	" sum(m.count), sum(m.total_ns), min(iif(m.count, m.min_ns, NULL)),"
	" max(m.max_ns), total(m.sum_squares),"
	" s.blocks_per_sm * ((s.block_x * s.block_y * s.block_z + 31) / 32) * 32.0 /"
	"  nullif(d.max_threads_per_sm, 0),"
	" s.waves_x1000 / 1000.0,"
	" s.grid_x, s.grid_y, s.grid_z, s.block_x, s.block_y, s.block_z,"
	" s.dynamic_shared_bytes, s.blocks_per_sm, s.limiter, sum(m.launches),"
	" " GPU_NUMBER("s.device") " "
	"FROM sum_kernel m JOIN shape s ON s.id = m.shape JOIN kernel k ON k.id = s.kernel "
	"LEFT JOIN device d ON d.id = m.device "
	"GROUP BY k.id, s.id ORDER BY k.id, s.id";

int run_kernels(struct run *run, bool by_shape, struct run_kernel_list *list)
{
	struct shape_sum_list sums = { .by_shape = by_shape };
	const struct families *families = run_families(run);
	int result = families ? run_query(run, shape_sql, shape_row, &sums) : -1;

	*list = (struct run_kernel_list){ 0 };
	for (size_t i = 0; i < sums.count; i++) {
		struct shape_sum *sum = &sums.rows[i];
		struct run_kernel *k = LIST_ADD(list);

		if (!k) {
			result = run_fail(run, "out of memory");
			free(sum->row.name);
			free(sum->row.short_name);
			free(sum->row.limiter);
			continue;
		}
		*k = sum->row;
		k->average_ns = k->count ? (double)k->total_ns / (double)k->count : 0;
		k->stddev_ns = stddev_from_sums(k->count, (double)k->total_ns, sum->sum_squares);
		k->occupancy = sum->occupancy_weight > 0 ? k->occupancy / sum->occupancy_weight : -1;
		k->waves = sum->waves_weight > 0 ? k->waves / sum->waves_weight : -1;
	}
	free(sums.rows);
	if (result < 0) {
		run_kernel_list_free(list);
		return -1;
	}
	labels_make(list);
	for (size_t i = 0; i < list->count; i++) {
		struct family_of of = families_match(families, list->rows[i].name);

		list->rows[i].family = families_name(families, of.family);
		list->rows[i].origin = families_origin(families, of.origin);
	}
	if (list->count)
		qsort(list->rows, list->count, sizeof(*list->rows), longest_first);
	return 0;
}

char *run_kernel_name(struct run *run, int64_t kernel)
{
	sqlite3_stmt *stmt = run_prepare(run, "SELECT short_name FROM kernel WHERE id = ?1");
	char *name = NULL;

	if (stmt) {
		sqlite3_bind_int64(stmt, 1, kernel);
		if (run_step(run, stmt) > 0)
			name = row_text(stmt, 0);
		sqlite3_finalize(stmt);
	}
	return name;
}
