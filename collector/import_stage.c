/* SPDX-License-Identifier: Apache-2.0 */
/* The private database that holds events until they can be joined. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/import_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXTS_MAX (1u << 20)
#define TICK_INSTRUCTIONS 1000000	/* of SQLite's machine: some tens of ms */

static const char stage_schema[] =
	"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-32000;"
	"PRAGMA locking_mode=EXCLUSIVE; PRAGMA temp_store=FILE;"
	"CREATE TABLE call (id INTEGER PRIMARY KEY, pid INTEGER, tid INTEGER, correlation INTEGER,"
	" start INTEGER, dur INTEGER, result INTEGER, api INTEGER, class INTEGER, chain INTEGER);"
	"CREATE TABLE op (id INTEGER PRIMARY KEY, kind INTEGER, pid INTEGER, device INTEGER,"
	" context INTEGER, stream INTEGER, correlation INTEGER, start INTEGER, dur INTEGER,"
	" bytes INTEGER, graph INTEGER, node INTEGER, whole INTEGER, shape INTEGER, call INTEGER);"
	"CREATE TABLE scope (id INTEGER PRIMARY KEY, pid INTEGER, tid INTEGER, start INTEGER,"
	" dur INTEGER, frame INTEGER);"
	"CREATE TABLE range (pid INTEGER, tid INTEGER, start INTEGER, dur INTEGER, name INTEGER,"
	" kind INTEGER, domain INTEGER, category INTEGER, color INTEGER, end_tid INTEGER,"
	" payload_type INTEGER, payload INTEGER);"
	"CREATE TABLE range_name (pid INTEGER, domain INTEGER, category INTEGER, name INTEGER,"
	" PRIMARY KEY (pid, domain, category)) WITHOUT ROWID;"
	"CREATE TABLE chain (id INTEGER, depth INTEGER, frame INTEGER);"
	"CREATE TABLE label (gpu INTEGER, pid INTEGER, tid INTEGER, name TEXT,"
	" PRIMARY KEY (gpu, pid, tid)) WITHOUT ROWID;"
	"BEGIN";

bool import_stage_run(struct import *im, const char *sql)
{
	if (sqlite3_exec(im->stage, sql, NULL, NULL, NULL) == SQLITE_OK)
		return true;
	return import_fail(im, IMPORT_FAILED, "sorting events on disk: %s",
			   sqlite3_errmsg(im->stage));
}

/* Called by SQLite inside of long statements; not 0 ends them. */
static int still_at_it(void *arg)
{
	return !import_step(arg, 0, 0);
}

bool import_stage_open(struct import *im)
{
	static const char add_call[] = "INSERT INTO call VALUES (NULL,?,?,?,?,?,?,?,?,?)";
	static const char add_op[] =
		"INSERT INTO op VALUES (NULL,?,?,?,?,?,?,?,?,?,?,?,?,?,NULL)";
	static const char add_label[] = "INSERT OR IGNORE INTO label VALUES (?,?,?,?)";
	static const char find_label[] =
		"SELECT name FROM label WHERE gpu = ? AND pid = ? AND tid = ?";

	const struct { const char *sql; sqlite3_stmt **statement; } statements[] = {
		{ add_call, &im->add_call },
		{ add_op, &im->add_op },
		{ add_label, &im->add_label },
		{ find_label, &im->find_label },
		{ "INSERT INTO scope VALUES (NULL,?,?,?,?,?)", &im->add_scope },
		{ "INSERT INTO chain VALUES (?,?,?)", &im->add_frame },
		{ "INSERT INTO range VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", &im->add_range },
		{ "INSERT OR REPLACE INTO range_name VALUES (?,?,?,?)", &im->add_range_name },
	};
	bool good;

	im->shapes.key_bytes = sizeof(struct import_shape);
	im->shapes.limit = TEXTS_MAX;
	good = sqlite3_open("", &im->stage) == SQLITE_OK && import_stage_run(im, stage_schema);
	if (good)
		sqlite3_progress_handler(im->stage, TICK_INSTRUCTIONS, still_at_it, im);
	for (size_t i = 0; good && i < sizeof(statements) / sizeof(statements[0]); i++)
		good = sqlite3_prepare_v2(im->stage, statements[i].sql, -1, statements[i].statement,
					  NULL) == SQLITE_OK;
	return good || import_fail(im, IMPORT_FAILED, "sorting events on disk: %s",
				   sqlite3_errmsg(im->stage));
}

void import_stage_close(struct import *im)
{
	struct import_text *text, *next;

	sqlite3_finalize(im->add_call);
	sqlite3_finalize(im->add_op);
	sqlite3_finalize(im->add_label);
	sqlite3_finalize(im->find_label);
	sqlite3_finalize(im->add_scope);
	sqlite3_finalize(im->add_frame);
	sqlite3_finalize(im->add_range);
	sqlite3_finalize(im->add_range_name);
	import_paths_free(im);
	sqlite3_close(im->stage);
	HASH_ITER(hh, im->texts, text, next) {
		HASH_DEL(im->texts, text);
		free(text);
	}
	free(im->text_list);
	intern_free(&im->shapes);
}

uint32_t import_text(struct import *im, const char *bytes)
{
	size_t length = strlen(bytes);
	struct import_text *text;

	HASH_FIND(hh, im->texts, bytes, length, text);
	if (text)
		return text->id;
	if (im->text_count >= TEXTS_MAX ||
	    !array_reserve(&im->text_list, &im->text_capacity, im->text_count + 1,
			   sizeof(struct import_text *)))
		return 0;
	text = malloc(sizeof(*text) + length + 1);
	if (!text)
		return 0;
	memcpy(text->bytes, bytes, length + 1);
	text->id = ++im->text_count;
	im->text_list[text->id] = text;
	HASH_ADD_KEYPTR(hh, im->texts, text->bytes, length, text);
	return text->id;
}

/* Runs an INSERT with these numbers; NIL is NULL. */
bool import_stage_insert(struct import *im, sqlite3_stmt *statement, const int64_t *values,
			 int count)
{
	for (int i = 0; i < count; i++) {
		if (values[i] == NIL)
			sqlite3_bind_null(statement, i + 1);
		else
			sqlite3_bind_int64(statement, i + 1, values[i]);
	}
	sqlite3_step(statement);
	if (sqlite3_reset(statement) != SQLITE_OK)
		return import_fail(im, IMPORT_FAILED, "sorting events on disk: %s",
				   sqlite3_errmsg(im->stage));
	return true;
}

bool import_times_usable(struct import *im, int64_t start, int64_t dur)
{
	if (start != NIL && dur >= 0 && dur <= IMPORT_SPAN_MAX_NS && start >= 0 &&
	    start < INT64_MAX - IMPORT_SPAN_MAX_NS)
		return true;
	im->counters[IMPORT_import_bad_times]++;
	return false;
}

bool import_stage_call(struct import *im, const struct import_call *call)
{
	struct import_api *api = import_api(im, call->name);

	if (!api)
		return import_fail(im, IMPORT_FAILED, "no memory for another name of a call");
	if (!import_times_usable(im, call->start_ns, call->dur_ns))
		return true;
	im->staged++;
	return import_stage_insert(im, im->add_call,
		      (int64_t[]){ call->pid, call->tid, call->correlation, call->start_ns,
				   call->dur_ns, call->result, api->id, api->class, call->chain },
		      9);
}

bool import_stage_op(struct import *im, const struct import_op *op)
{
	int64_t shape = NIL;
	bool is_new;

	if (op->device < 0 || op->device >= IMPORT_DEVICES_MAX)
		return import_fail(im, IMPORT_BAD_INPUT,
				   "a GPU operation is of device %lld; only 0 to %d can be",
				   (long long)op->device, IMPORT_DEVICES_MAX - 1);
	if (!import_times_usable(im, op->start_ns, op->dur_ns))
		return true;
	if (op->kind == 0) {
		shape = intern_add(&im->shapes, &op->shape, &is_new);
		if (shape == INTERN_NONE)
			return import_fail(im, IMPORT_FAILED, "too many launch configurations");
	}
	im->staged++;
	return import_stage_insert(im, im->add_op,
		      (int64_t[]){ op->kind, op->pid, op->device, op->context, op->stream,
				   op->correlation, op->start_ns, op->dur_ns, op->bytes, op->graph,
				   op->node, op->whole_graph, shape },
		      13);
}

bool import_stage_label(struct import *im, bool gpu, int64_t pid, int64_t tid, const char *name)
{
	sqlite3_bind_text(im->add_label, 4, name, -1, SQLITE_TRANSIENT);
	return import_stage_insert(im, im->add_label, (int64_t[]){ gpu, pid, tid }, 3);
}

void import_stage_find_label(struct import *im, bool gpu, int64_t pid, int64_t tid, char *text,
			     size_t bytes)
{
	text[0] = '\0';
	sqlite3_bind_int64(im->find_label, 1, gpu);
	sqlite3_bind_int64(im->find_label, 2, pid);
	sqlite3_bind_int64(im->find_label, 3, tid);
	if (sqlite3_step(im->find_label) == SQLITE_ROW && sqlite3_column_text(im->find_label, 0))
		snprintf(text, bytes, "%s", (const char *)sqlite3_column_text(im->find_label, 0));
	sqlite3_reset(im->find_label);
	while (text[0] && text[strlen(text) - 1] == ' ')
		text[strlen(text) - 1] = '\0';
}
