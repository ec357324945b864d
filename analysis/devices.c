/* SPDX-License-Identifier: Apache-2.0 */
/* Devices with the busy unions that the recorder keeps. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/internal.h"
#include "analysis/scope.h"

static int device_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct run_device *d;
	int c = 0;

	if (!run_passes(run, SCOPE_DEVICE, row_int(stmt, 0, -1)))
		return 0;
	d = LIST_ADD((struct run_device_list *)arg);
	if (!d)
		return run_fail(run, "out of memory");
	d->id = row_int(stmt, c++, -1);
	d->ordinal = row_int(stmt, c++, -1);
	d->name = row_text(stmt, c++);
	d->cc_major = row_int(stmt, c++, 0);
	d->cc_minor = row_int(stmt, c++, 0);
	d->sm_count = row_int(stmt, c++, 0);
	d->memory_bytes = row_u64(stmt, c++);
	d->first_ns = row_u64(stmt, c++);
	d->last_ns = row_u64(stmt, c++);
	d->busy_ns = row_u64(stmt, c++);
	d->compute_ns = row_u64(stmt, c++);
	d->copy_ns = row_u64(stmt, c++);
	d->kernels = row_u64(stmt, c++);
	d->copies = row_u64(stmt, c++);
	d->sets = row_u64(stmt, c++);
	d->graph_launches = row_u64(stmt, c++);
	d->live_bytes = row_u64(stmt, c++);
	d->high_bytes = row_u64(stmt, c++);
	d->high_at_ns = row_u64(stmt, c++);
	d->gpu = row_int(stmt, c++, -1);
	d->span_ns = d->last_ns > d->first_ns ? d->last_ns - d->first_ns : 0;
	d->idle_ns = d->span_ns > d->busy_ns ? d->span_ns - d->busy_ns : 0;
	return 0;
}

/*
 * The buckets know the most memory that lived on the device at one time, over all kinds and
 * processes; the coarsest level has few of them. Where there are none, it is at least that of
 * the fullest kind. high_at is that kind's, which makes most of it.
 */
int run_devices(struct run *run, struct run_device_list *list)
{
	*list = (struct run_device_list){ 0 };
	if (run_query(run,
		"SELECT d.id, d.ordinal, d.name, d.cc_major, d.cc_minor, d.sm_count, d.memory_bytes,"
		" s.first_ns, s.last_ns, s.busy_ns, s.compute_ns, s.copy_ns,"
		" s.kernels, s.copies, s.sets, s.graph_launches,"
		" m.live, max(m.high, m.live, coalesce((SELECT max(live_bytes) FROM bucket b"
		"  WHERE b.device = d.id AND b.level = (SELECT max(level) FROM bucket)), 0)), m.high_at,"
		" " GPU_NUMBER("d.id") " AS gpu "
		"FROM device d LEFT JOIN sum_device s ON s.device = d.id "
		"LEFT JOIN (SELECT device, sum(live_bytes) live, max(high_bytes) high, high_at_ns high_at"
		"  FROM sum_memory WHERE kind IN (1, 2, 6, 8) GROUP BY device) m ON m.device = d.id "
		"ORDER BY gpu, d.id", device_row, list) < 0) {
		run_device_list_free(list);
		return -1;
	}
	return 0;
}
