/* SPDX-License-Identifier: Apache-2.0 */
/* What the entry points of a recording are about: their call_class, by the patterns of
 * idle_calls.def. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/idle_internal.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct { const char *pattern; enum call_class class; } patterns[] = {
#define IDLE_CALL(pattern, class) { pattern, class },
#include "analysis/idle_calls.def"
};

static int api_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct call_classes *apis = arg;
	struct api_class *api = LIST_ADD(apis);
	char *name = row_text(stmt, 1), as_cuda[64];
	size_t i = 0;

	if (!api || !name) {
		free(name);
		return run_fail(run, "out of memory");
	}
	/* Imported traces of AMD's GPUs: the same runtime with another prefix. */
	if (!strncmp(name, "hip", 3))
		snprintf(as_cuda, sizeof(as_cuda), "cuda%s", name + 3);
	else
		snprintf(as_cuda, sizeof(as_cuda), "%s", name);
	while (fnmatch(patterns[i].pattern, as_cuda, 0))
		i++;
	*api = (struct api_class){ .id = sqlite3_column_int64(stmt, 0),
				   .class = patterns[i].class,
				   .begins_capture = !!strstr(name, "BeginCapture") };
	free(name);
	return 0;
}

int call_classes_load(struct run *run, struct call_classes *apis)
{
	*apis = (struct call_classes){ 0 };
	return run_query(run, "SELECT id, name FROM api ORDER BY id", api_row, apis);
}

void call_classes_free(struct call_classes *apis)
{
	free(apis->rows);
}

const struct api_class *api_find(const struct call_classes *apis, int64_t id)
{
	static const struct api_class other = { .class = CALL_OTHER };
	size_t low = 0, high = apis->count;

	/* Ids usually count from 1 without holes. */
	if (id > 0 && (uint64_t)id <= apis->count && apis->rows[id - 1].id == id)
		return &apis->rows[id - 1];
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (apis->rows[middle].id == id)
			return &apis->rows[middle];
		if (apis->rows[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return &other;
}
