/* SPDX-License-Identifier: Apache-2.0 */
/* Names of what an idle interval is told with: call paths and operations. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/idle.h"
#include "analysis/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char path_sql[] =
	"WITH RECURSIVE up(frame, parent, depth) AS ("
	" SELECT frame, parent, 0 FROM path WHERE id = ?1"
	" UNION ALL SELECT p.frame, p.parent, up.depth + 1 FROM up JOIN path p ON p.id = up.parent"
	" WHERE up.depth < 1000) "
	"SELECT coalesce(f.symbol, printf('0x%x', f.address)),"
	" coalesce(f.file, (SELECT m.path FROM module m WHERE m.id = f.module), ''),"
	" iif(f.file IS NULL, 0, coalesce(f.line, 0)) "
	"FROM up JOIN frame f ON f.id = up.frame WHERE f.kind <> 'interpreter' "
	"ORDER BY f.kind <> 'python' OR f.file IS NULL, f.kind <> 'python', f.symbol IS NULL, up.depth"
	" LIMIT ?2";

static char *path_format(sqlite3_stmt *stmt)
{
	char *symbol = row_text(stmt, 0), *file = row_text(stmt, 1), *text = NULL;
	const char *slash = file ? strrchr(file, '/') : NULL, *base = slash ? slash + 1 : file;
	int line = row_int(stmt, 2, 0), length = -1;

	if (symbol && file && line)
		length = asprintf(&text, "%s (%s:%d)", symbol, base, line);
	else if (symbol && file)
		length = asprintf(&text, base[0] ? "%s (%s)" : "%s", symbol, base);
	free(symbol);
	free(file);
	return length < 0 ? NULL : text;
}

char *run_path_name(struct run *run, int64_t path, int frames)
{
	sqlite3_stmt *stmt = path ? run_prepare(run, path_sql) : NULL;
	char *text = NULL;

	if (stmt) {
		sqlite3_bind_int64(stmt, 1, path);
		sqlite3_bind_int(stmt, 2, frames);
	}
	while (stmt && run_step(run, stmt) > 0) {
		char *frame = path_format(stmt), *joined = NULL;

		if (!frame || !text) {
			text = text ? text : frame;
			continue;
		}
		if (asprintf(&joined, "%s < %s", text, frame) < 0)
			joined = NULL;
		free(frame);
		if (!joined)
			break;
		free(text);
		text = joined;
	}
	sqlite3_finalize(stmt);
	return text ? text : strdup("");
}

char *idle_path_name(struct run *run, int64_t path)
{
	return run_path_name(run, path, 1);
}

char *idle_op_name(struct run *run, const struct idle_op *op)
{
	sqlite3_stmt *stmt;
	char *text = NULL;

	if (op->kind != IDLE_KERNEL)
		return strdup(run_copy_operation(op->kind));
	stmt = run_prepare(run, "SELECT k.short_name FROM shape s JOIN kernel k ON k.id = s.kernel "
			   "WHERE s.id = ?1");
	if (stmt) {
		sqlite3_bind_int64(stmt, 1, op->shape);
		if (run_step(run, stmt) > 0)
			text = row_text(stmt, 0);
		sqlite3_finalize(stmt);
	}
	return text ? text : strdup("");
}
