/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kernels are for (attention, GEMM, sampling, ...) and who made them (Triton, cuBLAS, ...), by
 * a table of patterns for their names: families.tab, which is built in, with lines of the user's
 * before it. docs/families.md describes the table.
 */
#ifndef GPUTRAIL_ANALYSIS_FAMILIES_H
#define GPUTRAIL_ANALYSIS_FAMILIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run;

enum family {
#define FAMILY(identifier, name, text) FAMILY_##identifier,
#include "analysis/families.def"
	FAMILY_COUNT			/* names only a user's table has follow */
};

struct family_of {
	int family;			/* enum family or above; FAMILY_OTHER where nothing matches */
	int origin;			/* 0 where nothing matches */
};

struct families;

/*
 * The table: `file` (NULL: none), then the user's own ($XDG_CONFIG_HOME/gputrail/families, else
 * ~/.config/gputrail/families, if it is there), then what is built in. NULL: *error (caller frees)
 * tells what is wrong and where.
 */
struct families *families_open(const char *file, char **error);
void families_close(struct families *families);

struct family_of families_match(const struct families *families, const char *kernel_name);
int families_count(const struct families *families);
const char *families_name(const struct families *families, int family);
const char *families_origin(const struct families *families, int origin);	/* "" for 0 */
/* -1 if there is none. */
int families_find(const struct families *families, const char *name);
int families_find_origin(const struct families *families, const char *name);

/* The table that queries of this run use from now on, which the run then owns; without one they
 * open families_open(NULL) when they first need it. */
void run_use_families(struct run *run, struct families *families);
const struct families *run_families(struct run *run);	/* NULL: see run_error */

/* Families of all kernels and launch shapes of a file: each name is matched once. */
struct kernel_families {
	int64_t *kernels, *shapes;	/* ids, rising */
	struct family_of *of_kernel;
	uint64_t *name_hash;		/* of each kernel: equal in all files */
	int64_t *kernel_of;		/* kernel id of each shape */
	struct family_of *of_shape;
	size_t kernel_count, shape_count;
};
int run_kernel_families(struct run *run, struct kernel_families *families);
void kernel_families_free(struct kernel_families *families);

/* Where an id is among rising ones; the count when it is not there. */
size_t family_id_search(const int64_t *ids, size_t count, int64_t id);
static inline size_t family_id_find(const int64_t *ids, size_t count, int64_t id)
{
	/* Mostly ids are 1, 2, 3, ... */
	if (id > 0 && (size_t)id <= count && ids[id - 1] == id)
		return (size_t)id - 1;
	return family_id_search(ids, count, id);
}

static inline struct family_of family_of_kernel(const struct kernel_families *families, int64_t kernel)
{
	size_t at = family_id_find(families->kernels, families->kernel_count, kernel);

	return at < families->kernel_count ? families->of_kernel[at] : (struct family_of){ 0, 0 };
}

static inline uint64_t family_name_hash(const struct kernel_families *families, int64_t kernel)
{
	size_t at = family_id_find(families->kernels, families->kernel_count, kernel);

	return at < families->kernel_count ? families->name_hash[at] : 0;
}

/* *kernel (if not NULL): the shape's kernel, 0 unknown. */
static inline struct family_of family_of_shape(const struct kernel_families *families, int64_t shape,
					       int64_t *kernel)
{
	size_t at = family_id_find(families->shapes, families->shape_count, shape);
	bool known = at < families->shape_count;

	if (kernel)
		*kernel = known ? families->kernel_of[at] : 0;
	return known ? families->of_shape[at] : (struct family_of){ 0, 0 };
}

/* GPU time by family and origin over a whole file, from its summaries; largest first. */
struct family_total {
	struct family_of of;
	uint64_t total_ns, count, kernels;
};
struct family_total_list {
	struct family_total *rows;
	size_t count;
};
int run_family_totals(struct run *run, struct family_total_list *list);
void family_total_list_free(struct family_total_list *list);

#endif
