/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Call paths of imported calls. Kineto tells when each function and operator of a thread ran: what
 * was open when a call began is its path. nsys tells each call's frames itself.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/import_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES_MAX (1u << 20)
#define PATHS_MAX (4u << 20)
#define DEPTH_MAX 1024			/* open at a time in a thread */

enum frame_kind { FRAME_PYTHON, FRAME_NATIVE };

struct frame_key { uint32_t kind, name, module, zero; };
struct path_key { uint32_t parent, frame; };

struct scope { int64_t end; uint32_t frame, path; };	/* path 0: not asked for yet */

struct import_thread_scopes {
	struct scope *open;		/* outermost first */
	uint32_t count, capacity;
};

/* --- frames and paths of the file ---------------------------------------------------------- */

static uint32_t file_module(struct import *im, uint32_t name)
{
	bool is_new;
	uint32_t id;

	im->modules.key_bytes = sizeof(name);
	im->modules.limit = FRAMES_MAX;
	id = name ? intern_add(&im->modules, &name, &is_new) + 1 : 0;
	if (id && is_new)
		database_run(im->db, "INSERT INTO module VALUES (?,?,'')", "it", (int64_t)id,
			     im->text_list[name]->bytes);
	return id;
}

/* "models/llama.py(42): forward" as Kineto writes it; others are a name alone. */
static void write_python(struct import *im, uint32_t id, const char *text)
{
	const char *close = strstr(text, "): "), *open = close, *symbol = text;
	char *file = NULL, *end;
	int64_t line = NIL;

	while (open && open > text && *open != '(')
		open--;
	if (open && *open == '(') {
		line = strtoll(open + 1, &end, 10);
		if (end == close && line >= 0) {
			file = strndup(text, (size_t)(open - text));
			symbol = close + 3;
		} else {
			line = NIL;
		}
	}
	database_run(im->db, "INSERT INTO frame VALUES (?,'python',?,?,?,NULL,NULL,NULL)", "itti",
		     (int64_t)id, symbol, file, line);
	free(file);
}

static uint32_t file_frame(struct import *im, uint32_t staged)
{
	const struct frame_key *key = intern_key(&im->frames, staged);
	const char *text = im->text_list[key->name]->bytes;
	uint32_t module;
	bool is_new;
	uint32_t id;

	im->file_frames.key_bytes = sizeof(staged);
	im->file_frames.limit = FRAMES_MAX;
	id = intern_add(&im->file_frames, &staged, &is_new) + 1;
	if (!id || !is_new)
		return id;
	if (key->kind == FRAME_PYTHON) {
		write_python(im, id, text);
		return id;
	}
	module = file_module(im, key->module);
	database_run(im->db, "INSERT INTO frame VALUES (?,'native',?,NULL,NULL,?,NULL,NULL)", "iti",
		     (int64_t)id, text, module ? (int64_t)module : NIL);
	return id;
}

/* The path that goes on from `parent` with a staged frame; `parent` when there are too many. */
static uint32_t path_child(struct import *im, uint32_t parent, uint32_t staged_frame)
{
	struct path_key key = { parent, file_frame(im, staged_frame) };
	bool is_new;
	uint32_t id;

	im->paths.key_bytes = sizeof(key);
	im->paths.limit = PATHS_MAX;
	id = key.frame ? intern_add(&im->paths, &key, &is_new) + 1 : 0;
	if (!id)
		return parent;
	if (is_new)
		database_run(im->db, "INSERT INTO path VALUES (?,?,?)", "iii", (int64_t)id,
			     (int64_t)parent, (int64_t)key.frame);
	return id;
}

/* --- staging ------------------------------------------------------------------------------- */

/* Objects are named with their address, which differs from call to call. */
static void cut_address(char *name)
{
	char *at = strstr(name, " at 0x");

	if (at && name[0] == '<')
		memmove(at, at + strcspn(at, ">"), strlen(at + strcspn(at, ">")) + 1);
}

static uint32_t staged_frame(struct import *im, enum frame_kind kind, const char *name,
			     const char *module)
{
	struct frame_key key = { .kind = kind };
	char text[1024];
	bool is_new;

	snprintf(text, sizeof(text), "%s", name[0] ? name : "?");
	cut_address(text);
	key.name = import_text(im, text);
	key.module = module && module[0] ? import_text(im, module) : 0;
	im->frames.key_bytes = sizeof(key);
	im->frames.limit = FRAMES_MAX;
	return key.name ? intern_add(&im->frames, &key, &is_new) : INTERN_NONE;
}

bool import_stage_scope(struct import *im, const struct import_scope *scope)
{
	uint32_t frame = staged_frame(im, scope->is_python ? FRAME_PYTHON : FRAME_NATIVE,
				      scope->name, NULL);

	if (frame == INTERN_NONE || scope->start_ns == NIL || scope->dur_ns < 0 ||
	    scope->dur_ns > IMPORT_SPAN_MAX_NS || scope->start_ns < 0 ||
	    scope->start_ns > INT64_MAX - IMPORT_SPAN_MAX_NS) {
		im->counters[IMPORT_import_lost_scopes]++;
		return true;
	}
	return import_stage_insert(im, im->add_scope,
				   (int64_t[]){ scope->pid, scope->tid, scope->start_ns,
						scope->dur_ns, frame }, 5);
}

bool import_stage_frame(struct import *im, int64_t chain, int64_t depth, const char *symbol,
			const char *module)
{
	uint32_t frame = staged_frame(im, FRAME_NATIVE, symbol, module);

	if (frame == INTERN_NONE) {
		im->counters[IMPORT_import_lost_scopes]++;
		return true;
	}
	return import_stage_insert(im, im->add_frame, (int64_t[]){ chain, depth, frame }, 3);
}

/* --- the path of a call -------------------------------------------------------------------- */

static struct import_thread_scopes *scopes_of(struct import *im, int64_t pid, int64_t tid)
{
	int64_t key[2] = { pid, tid };
	bool is_new;
	uint32_t index;

	im->scope_threads.key_bytes = sizeof(key);
	im->scope_threads.limit = FRAMES_MAX;
	index = intern_add(&im->scope_threads, key, &is_new);
	if (index == INTERN_NONE || !array_reserve(&im->open_scopes, &im->open_scopes_capacity, index,
						   sizeof(*im->open_scopes)))
		return NULL;
	return &im->open_scopes[index];
}

/* What ended before `now` goes, wherever it is: scopes of a thread need not nest in the trace. */
static void close_ended(struct import_thread_scopes *t, int64_t now)
{
	uint32_t kept = 0, i;

	for (i = 0; i < t->count && t->open[i].end >= now; i++)
		;
	if (i == t->count)
		return;
	for (kept = i; i < t->count; i++) {
		if (t->open[i].end < now)
			continue;
		t->open[kept] = t->open[i];
		t->open[kept++].path = 0;	/* what is around it changed */
	}
	t->count = kept;
}

/* Opens what began up to `now`, of all threads. */
static bool scopes_advance(struct import *im, int64_t now)
{
	sqlite3_stmt *row = im->next_scope;

	while (im->scope_pending && sqlite3_column_int64(row, 2) <= now) {
		int64_t start = sqlite3_column_int64(row, 2);
		struct import_thread_scopes *t = scopes_of(im, sqlite3_column_int64(row, 0),
							   sqlite3_column_int64(row, 1));

		if (t)
			close_ended(t, start);
		if (t && t->count < DEPTH_MAX &&
		    array_reserve(&t->open, &t->capacity, t->count, sizeof(*t->open)))
			t->open[t->count++] = (struct scope){
				.end = start + sqlite3_column_int64(row, 3),
				.frame = (uint32_t)sqlite3_column_int64(row, 4),
			};
		else
			im->counters[IMPORT_import_lost_scopes]++;
		im->scope_pending = sqlite3_step(row) == SQLITE_ROW;
	}
	return true;
}

static uint32_t chain_path(struct import *im, int64_t chain)
{
	uint32_t path = 0;

	sqlite3_bind_int64(im->find_chain, 1, chain);
	while (sqlite3_step(im->find_chain) == SQLITE_ROW)
		path = path_child(im, path, (uint32_t)sqlite3_column_int64(im->find_chain, 0));
	sqlite3_reset(im->find_chain);
	return path;
}

uint32_t import_path(struct import *im, int64_t pid, int64_t tid, int64_t start_ns, int64_t chain)
{
	struct import_thread_scopes *t;
	uint32_t path = 0;

	if (chain != NIL)
		return chain_path(im, chain);
	if (!scopes_advance(im, start_ns) || !im->scope_threads.count)
		return 0;
	t = scopes_of(im, pid, tid);
	if (!t)
		return 0;
	close_ended(t, start_ns);
	for (uint32_t i = 0; i < t->count; i++) {
		if (!t->open[i].path)
			t->open[i].path = path_child(im, path, t->open[i].frame);
		path = t->open[i].path;
	}
	return path;
}

bool import_paths_begin(struct import *im)
{
	static const char scopes[] = "SELECT pid, tid, start, dur, frame FROM scope"
				     " ORDER BY start, dur DESC, id";
	static const char chain[] = "SELECT frame FROM chain WHERE id = ? ORDER BY depth DESC";

	if (!import_stage_run(im, "CREATE INDEX chain_id ON chain (id, depth)") ||
	    sqlite3_prepare_v2(im->stage, scopes, -1, &im->next_scope, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(im->stage, chain, -1, &im->find_chain, NULL) != SQLITE_OK)
		return import_fail(im, IMPORT_FAILED, "sorting events on disk: %s",
				   sqlite3_errmsg(im->stage));
	im->scope_pending = sqlite3_step(im->next_scope) == SQLITE_ROW;
	return true;
}

void import_paths_free(struct import *im)
{
	for (uint32_t i = 0; i < im->open_scopes_capacity; i++)
		free(im->open_scopes[i].open);
	free(im->open_scopes);
	sqlite3_finalize(im->next_scope);
	sqlite3_finalize(im->find_chain);
	intern_free(&im->frames);
	intern_free(&im->file_frames);
	intern_free(&im->paths);
	intern_free(&im->modules);
	intern_free(&im->scope_threads);
}
