/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges and marks of a trace: staged as they come, written when the names of their domains are known. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/import_internal.h"

#include <string.h>

/* In range_name a domain has its name under this category. */
#define DOMAIN_ITSELF (-1)

bool import_stage_range(struct import *im, const struct import_range *range)
{
	uint32_t name = range->name ? import_text(im, range->name) : 0;

	if (range->name && !name)
		return import_fail(im, IMPORT_FAILED, "no memory for another name of a range");
	if (!import_times_usable(im, range->start_ns, range->dur_ns == NIL ? 0 : range->dur_ns))
		return true;
	return import_stage_insert(im, im->add_range,
				   (int64_t[]){ range->pid, range->tid, range->start_ns,
						range->dur_ns, name, range->kind, range->domain,
						range->category, range->color, range->end_tid,
						range->payload_type, range->payload }, 12);
}

bool import_stage_range_name(struct import *im, int64_t pid, int64_t domain, int64_t category,
			     const char *name)
{
	uint32_t text = import_text(im, name);

	return text ? import_stage_insert(im, im->add_range_name,
					  (int64_t[]){ pid, domain,
						       category == NIL ? DOMAIN_ITSELF : category,
						       text }, 4)
		    : import_fail(im, IMPORT_FAILED, "no memory for another name of a domain");
}

enum column {
	C_PID, C_TID, C_START, C_DUR, C_NAME, C_KIND, C_DOMAIN, C_CATEGORY, C_COLOR, C_END_TID,
	C_PAYLOAD_TYPE, C_PAYLOAD, C_DOMAIN_NAME, C_CATEGORY_NAME,
};

static int64_t column(sqlite3_stmt *row, enum column i)
{
	return sqlite3_column_type(row, i) == SQLITE_NULL ? NIL : sqlite3_column_int64(row, i);
}

static int64_t label_of(struct import *im, sqlite3_stmt *row)
{
	struct import_label label = {
		.process = import_process(im, column(row, C_PID)),
		.domain = (uint32_t)sqlite3_column_int64(row, C_DOMAIN_NAME),
		.category_name = (uint32_t)sqlite3_column_int64(row, C_CATEGORY_NAME),
		.text = (uint32_t)sqlite3_column_int64(row, C_NAME),
		.category = column(row, C_CATEGORY),
		.color = column(row, C_COLOR),
	};
	uint32_t id = import_label(im, &label);

	return id ? (int64_t)id : NIL;
}

static bool write_range(struct import *im, sqlite3_stmt *row)
{
	int64_t start = column(row, C_START) - im->origin_ns, dur = column(row, C_DUR);
	int64_t pid = column(row, C_PID), tid = column(row, C_TID), end_tid = column(row, C_END_TID);
	uint32_t thread = import_thread(im, pid, tid, start > 0 ? start : 0);
	int64_t end_thread = end_tid == NIL || end_tid == tid
		? NIL : (int64_t)import_thread(im, pid, end_tid, start > 0 ? start : 0);
	int64_t label = label_of(im, row);
	int64_t *to = database_row(im->db, TABLE_RANGE, start, start + (dur == NIL ? 0 : dur));

	if (!to)
		return import_fail(im, IMPORT_FAILED, "%s", database_error(im->db));
	memcpy(to + 1, (int64_t[]){ start, dur, thread, NIL, column(row, C_KIND), label, NIL,
				    end_thread, column(row, C_PAYLOAD_TYPE), column(row, C_PAYLOAD) },
	       10 * sizeof(*to));
	return true;
}

/* Ranges that lie within the calls and the work; others have nothing to tell. */
bool import_write_ranges(struct import *im)
{
	static const char sql[] =
		"SELECT r.*, d.name, c.name FROM range r"
		" LEFT JOIN range_name d ON d.pid = r.pid AND d.domain = r.domain AND d.category = -1"
		" LEFT JOIN range_name c ON c.pid = r.pid AND c.domain = r.domain"
		" AND c.category = r.category"
		" WHERE start + coalesce(dur, 0) >= ?1 AND start <= ?2"
		" ORDER BY start, dur DESC, r.pid, tid, r.name";
	sqlite3_stmt *row;
	int rc = sqlite3_prepare_v2(im->stage, sql, -1, &row, NULL);
	bool good = true;

	if (rc == SQLITE_OK) {
		sqlite3_bind_int64(row, 1, im->origin_ns);
		sqlite3_bind_int64(row, 2, im->last_ns);
	}
	while (good && rc == SQLITE_OK && (rc = sqlite3_step(row)) == SQLITE_ROW) {
		good = write_range(im, row);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(row);
	return good && (rc == SQLITE_DONE ||
			import_fail(im, IMPORT_FAILED, "sorting events on disk: %s",
				    sqlite3_errmsg(im->stage)));
}
