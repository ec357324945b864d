/* SPDX-License-Identifier: Apache-2.0 */
/* Copies and sets by direction, from the recorder's summaries. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/internal.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array)	(sizeof(array) / sizeof(*(array)))

/* copyKind and memoryKind as CUPTI numbers them. */
static const struct {
	const char *direction, *operation;
} copies[] = {
#define DIRECTION(name)	{ name, "[CUDA memcpy " name "]" }
	DIRECTION("Unknown"),
	DIRECTION("Host-to-Device"),
	DIRECTION("Device-to-Host"),
	DIRECTION("Host-to-Array"),
	DIRECTION("Array-to-Host"),
	DIRECTION("Array-to-Array"),
	DIRECTION("Array-to-Device"),
	DIRECTION("Device-to-Array"),
	DIRECTION("Device-to-Device"),
	DIRECTION("Host-to-Host"),
	DIRECTION("Peer-to-Peer"),
#undef DIRECTION
};
static const char *const memory_kinds[] = {
	"", "Pageable", "Pinned", "Device", "Array", "Managed", "Device Static", "Managed Static",
};

static unsigned copy_index(int kind)
{
	unsigned direction = (unsigned)kind & 0xff;

	return direction < COUNT(copies) ? direction : 0;
}

const char *run_copy_operation(int kind)
{
	return (kind & 0xff) == RUN_COPY_SET ? "[CUDA memset]" : copies[copy_index(kind)].operation;
}

const char *run_copy_direction(int kind)
{
	return (kind & 0xff) == RUN_COPY_SET ? "memset" : copies[copy_index(kind)].direction;
}

const char *run_copy_memory(int kind, bool destination)
{
	unsigned memory = (unsigned)kind >> (destination ? 16 : 8) & 0xff;

	return memory_kinds[memory < COUNT(memory_kinds) ? memory : 0];
}

static int copy_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct run_copy *copy = LIST_ADD((struct run_copy_list *)arg);

	if (!copy)
		return run_fail(run, "out of memory");
	copy->device = row_int(stmt, 0, -1);
	copy->kind = row_int(stmt, 1, 0);
	copy->name = strdup(run_copy_operation(copy->kind));
	copy->count = row_u64(stmt, 2);
	copy->total_ns = row_u64(stmt, 3);
	copy->min_ns = row_u64(stmt, 4);
	copy->max_ns = row_u64(stmt, 5);
	copy->bytes = row_u64(stmt, 6);
	copy->min_bytes = row_u64(stmt, 7);
	copy->max_bytes = row_u64(stmt, 8);
	copy->copies = row_u64(stmt, 9);
	copy->gpu = row_int(stmt, 10, -1);
	return 0;
}

int run_copies(struct run *run, struct run_copy_list *list)
{
	*list = (struct run_copy_list){ 0 };
	if (run_query(run,
		"SELECT device, kind, sum(count), sum(total_ns), min(iif(count, min_ns, NULL)),"
		" max(max_ns), sum(bytes), min(min_bytes), max(max_bytes), sum(copies),"
		" " GPU_NUMBER("device") " FROM sum_copy "
		"GROUP BY device, kind ORDER BY 4 DESC, 3 DESC, kind", copy_row, list) < 0) {
		run_copy_list_free(list);
		return -1;
	}
	return 0;
}
