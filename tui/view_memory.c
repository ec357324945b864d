/* SPDX-License-Identifier: Apache-2.0 */
/* Memory by process, device and kind. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/view.h"

struct memory_row {
	uint64_t key;
	const char *kind;
	double share;
	uint64_t high, live, high_at, allocs, frees, failed;
	int64_t pid, device;
};

#define COLUMN(...) GRID_COLUMN(memory_row, __VA_ARGS__)

static const struct column columns[] = {
	COLUMN(share, "Of GPU", SHARE, 0, 1, "high-water mark by the memory of the device"),
	COLUMN(high, "High", SIZE, 0, 0, "most bytes held at once"),
	COLUMN(high_at, "At", TIME, 0, 2, "when that was, from the start of the run"),
	COLUMN(live, "Live", SIZE, 0, 0, "bytes held now, or at the end"),
	COLUMN(allocs, "Allocs", COUNT, 0, 0, "allocations"),
	COLUMN(frees, "Frees", COUNT, 0, 0, "frees"),
	COLUMN(failed, "Failed", FAULTS, 7, 3, "allocations that failed"),
	COLUMN(device, "GPU", NUMBER, 4, 0, "number of the device"),
	COLUMN(pid, "PID", NUMBER, 7, 5, "process"),
	COLUMN(kind, "Kind", TEXT, 15, 0, "kind of memory"),
};

static size_t room(const struct snapshot *snapshot)
{
	return snapshot->memory.count;
}

static uint64_t device_memory(const struct snapshot *s, int device)
{
	for (size_t i = 0; i < s->devices.count; i++)
		if (s->devices.rows[i].id == device)
			return s->devices.rows[i].memory_bytes;
	return 0;
}

static int64_t process_pid(const struct snapshot *s, int process)
{
	for (size_t i = 0; i < s->processes.count; i++)
		if (s->processes.rows[i].id == process)
			return s->processes.rows[i].pid;
	return -1;
}

static size_t fill(const struct view *view, const struct snapshot *snapshot, void *rows)
{
	const struct run_memory_list *list = &snapshot->memory;
	struct memory_row *row = rows;

	(void)view;
	for (size_t i = 0; i < list->count; i++, row++) {
		const struct run_memory *m = &list->rows[i];
		uint64_t all = device_memory(snapshot, m->device);

		*row = (struct memory_row){
			.key = (uint64_t)(unsigned)m->process << 32 |
			       (uint64_t)(m->device & 0xFFFF) << 16 | (m->kind & 0xFFFF),
			.kind = m->kind_name,
			.share = all ? (double)m->high_bytes / (double)all : -1,
			.high = m->high_bytes,
			.live = m->live_bytes,
			.high_at = m->high_at_ns,
			.allocs = m->allocs,
			.frees = m->frees,
			.failed = m->failed,
			.pid = process_pid(snapshot, m->process),
			.device = view_device_ordinal(snapshot, m->device),
		};
	}
	return list->count;
}

const struct view_class view_memory = {
	.title = "Memory",
	.short_title = "Mem",
	.noun = "kinds of memory",
	.one = "kind of memory",
	.help = "Memory held through the driver, by process, device and kind: the high-water mark, "
		"when it was reached, and what is live now or was left at the end.",
	.columns = columns,
	.column_count = COUNT_OF(columns),
	.row_size = sizeof(struct memory_row),
	.empty = "no allocations were recorded",
	.sort = 1,
	.room = room,
	.fill = fill,
};
