/* SPDX-License-Identifier: Apache-2.0 */
/* Allocated memory: what lives, the high-water, and the counts, by process, device and kind. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/internal.h"

#include <string.h>

#define COUNT(array)	(sizeof(array) / sizeof(*(array)))

static const char *const kinds[] = {
	"unknown", "device", "stream-ordered", "managed", "pinned host", "registered host",
	"virtual (VMM)", "VMM address range", "array", "IPC",
};

const char *run_memory_kind(int kind)
{
	return kinds[kind > 0 && (size_t)kind < COUNT(kinds) ? kind : 0];
}

static int memory_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct run_memory *m = LIST_ADD((struct run_memory_list *)arg);

	if (!m)
		return run_fail(run, "out of memory");
	m->process = row_int(stmt, 0, -1);
	m->device = row_int(stmt, 1, -1);
	m->kind = row_int(stmt, 2, 0);
	m->kind_name = strdup(run_memory_kind(m->kind));
	m->live_bytes = row_u64(stmt, 3);
	m->high_bytes = row_u64(stmt, 4);
	m->high_at_ns = row_u64(stmt, 5);
	m->allocs = row_u64(stmt, 6);
	m->frees = row_u64(stmt, 7);
	m->failed = row_u64(stmt, 8);
	m->gpu = row_int(stmt, 9, -1);
	return 0;
}

int run_memory(struct run *run, struct run_memory_list *list)
{
	*list = (struct run_memory_list){ 0 };
	if (run_query(run,
		"SELECT process, device, kind, live_bytes, high_bytes, high_at_ns, allocs, frees,"
		" failed, " GPU_NUMBER("device") " "
		"FROM sum_memory ORDER BY high_bytes DESC, process, device, kind",
		memory_row, list) < 0) {
		run_memory_list_free(list);
		return -1;
	}
	return 0;
}
