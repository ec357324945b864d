/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Only frames that lack a name or a line are touched, and only files of the recorded build id are
 * believed: a library that was updated since would name everything wrong.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/symbolise.h"

#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/database.h"
#include "collector/lines.h"
#include "collector/name.h"
#include "collector/symbols.h"

#define FILES_MAX 8		/* of one module: the file itself, its debug files, copies */
#define UNNAMED "kind <> 'python' AND (symbol IS NULL OR line IS NULL)"	/* frames */

struct work {
	sqlite3 *sqlite;
	sqlite3_stmt *frames, *set_name, *set_line;
	const char *const *folders;
	const struct symbolise_watch *watch;
	struct symbolising *result;
	uint64_t done, total;		/* frames */
};

struct module_files {
	const char *path;		/* as recorded */
	char hex[80];			/* build id */
	uint8_t id[32];
	size_t id_bytes;
	char files[FILES_MAX][PATH_MAX];
	struct symbols *symbols[FILES_MAX];
	int count;
};

static void fail(struct work *w, const char *what)
{
	w->result->outcome = SYMBOLISE_FAILED;
	snprintf(w->result->detail, sizeof(w->result->detail), "%s: %s", what,
		 sqlite3_errmsg(w->sqlite));
}

/* --- where a module's file is -------------------------------------------------------------- */

static void file_try(struct module_files *m, const char *folder, const char *name, const char *end)
{
	char path[PATH_MAX];

	if (m->count == FILES_MAX ||
	    snprintf(path, sizeof(path), "%s%s%s%s", folder, *folder && *name != '/' ? "/" : "", name,
		     end) >= (int)sizeof(path))
		return;
	for (int i = 0; i < m->count; i++)
		if (!strcmp(m->files[i], path))
			return;
	if (symbols_file_matches(path, m->id, m->id_bytes))
		strcpy(m->files[m->count++], path);
}

static void debug_try(struct module_files *m, const char *folder)
{
	char name[128];

	if (m->id_bytes < 2 ||
	    snprintf(name, sizeof(name), ".build-id/%.2s/%s", m->hex, m->hex + 2) >=
	    (int)sizeof(name))
		return;
	file_try(m, folder, name, ".debug");
	file_try(m, folder, name, "");
}

static void files_find(const struct work *w, struct module_files *m)
{
	const char *base = strrchr(m->path, '/');
	char folder[PATH_MAX];

	base = base ? base + 1 : m->path;
	for (const char *const *f = w->folders; f && *f; f++) {
		file_try(m, *f, m->path, "");
		file_try(m, *f, base, "");
		file_try(m, *f, base, ".debug");
		debug_try(m, *f);
		if (snprintf(folder, sizeof(folder), "%s/usr/lib/debug", *f) < (int)sizeof(folder))
			debug_try(m, folder);
	}
	file_try(m, "", m->path, "");
	debug_try(m, "/usr/lib/debug");
	for (int i = 0; i < m->count; i++)
		m->symbols[i] = symbols_open(m->files[i], m->id, m->id_bytes, NULL);
}

static void files_free(struct module_files *m)
{
	for (int i = 0; i < m->count; i++)
		symbols_close(m->symbols[i]);
}

/* --- frames -------------------------------------------------------------------------------- */

static bool change(struct work *w, sqlite3_stmt *statement)
{
	bool done = sqlite3_step(statement) == SQLITE_DONE && sqlite3_changes(w->sqlite) == 1;

	sqlite3_reset(statement);
	return done;
}

static void frame_name(struct work *w, const struct module_files *m, int64_t id, uint64_t address)
{
	const char *mangled = NULL;
	uint64_t start = 0;
	char *name;

	w->result->unnamed++;
	for (int i = 0; i < m->count && !mangled; i++)
		if (m->symbols[i])
			mangled = symbols_find(m->symbols[i], address - 1, &start);
	name = mangled ? name_demangle(mangled) : NULL;
	if (!name)
		return;
	sqlite3_bind_text(w->set_name, 1, name, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(w->set_name, 2, (int64_t)(address - start));
	sqlite3_bind_int64(w->set_name, 3, id);
	w->result->named += change(w, w->set_name);
	free(name);
}

static void frame_line(struct work *w, const struct module_files *m, int64_t id, uint64_t address)
{
	char file[1024];
	int line;

	w->result->unlined++;
	for (int i = 0; i < m->count; i++) {
		if (!lines_find(m->files[i], address - 1, file, sizeof(file), &line))
			continue;
		sqlite3_bind_text(w->set_line, 1, file, -1, SQLITE_TRANSIENT);
		sqlite3_bind_int(w->set_line, 2, line);
		sqlite3_bind_int64(w->set_line, 3, id);
		w->result->lined += change(w, w->set_line);
		return;
	}
}

static void module_frames(struct work *w, int64_t module, const struct module_files *m)
{
	sqlite3_bind_int64(w->frames, 1, module);
	while (sqlite3_step(w->frames) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(w->frames, 0);
		uint64_t address = (uint64_t)sqlite3_column_int64(w->frames, 1);

		if (!sqlite3_column_int(w->frames, 2))
			frame_name(w, m, id, address);
		if (!sqlite3_column_int(w->frames, 3))
			frame_line(w, m, id, address);
		if (w->watch->progress)
			w->watch->progress(w->watch->arg, ++w->done, w->total);
	}
	sqlite3_reset(w->frames);
}

static void id_from_hex(struct module_files *m, const char *hex)
{
	unsigned byte;

	m->id_bytes = 0;
	snprintf(m->hex, sizeof(m->hex), "%s", hex ? hex : "");
	for (const char *c = m->hex; m->id_bytes < sizeof(m->id) && sscanf(c, "%2x", &byte) == 1; c += 2)
		m->id[m->id_bytes++] = (uint8_t)byte;
}

static uint64_t frames_count(sqlite3 *sqlite)
{
	sqlite3_stmt *row;
	uint64_t count = 0;

	if (sqlite3_prepare_v2(sqlite, "SELECT count(*) FROM frame WHERE module IS NOT NULL AND " UNNAMED,
			       -1, &row, NULL) == SQLITE_OK && sqlite3_step(row) == SQLITE_ROW)
		count = (uint64_t)sqlite3_column_int64(row, 0);
	sqlite3_finalize(row);
	return count;
}

static void modules_name(struct work *w)
{
	static const char sql[] = "SELECT id, path, build_id FROM module WHERE id IN (SELECT module FROM"
		" frame WHERE " UNNAMED ") ORDER BY path, id";
	static struct module_files m;
	sqlite3_stmt *modules;

	if (sqlite3_prepare_v2(w->sqlite, sql, -1, &modules, NULL) != SQLITE_OK) {
		fail(w, "reading modules");
		return;
	}
	w->total = frames_count(w->sqlite);
	while (sqlite3_step(modules) == SQLITE_ROW) {
		memset(&m, 0, sizeof(m));
		m.path = (const char *)sqlite3_column_text(modules, 1);
		id_from_hex(&m, (const char *)sqlite3_column_text(modules, 2));
		if (!m.path)
			continue;
		files_find(w, &m);
		module_frames(w, sqlite3_column_int64(modules, 0), &m);
		w->result->modules_missing += m.count == 0;
		if (w->watch->module)
			w->watch->module(m.path, m.hex, m.count ? m.files[0] : NULL);
		files_free(&m);
	}
	sqlite3_finalize(modules);
	lines_close();
}

/* --- the file ------------------------------------------------------------------------------ */

static bool is_recording(sqlite3 *sqlite)
{
	sqlite3_stmt *row;
	bool recording = false;

	if (sqlite3_prepare_v2(sqlite, "SELECT value = 'recording' FROM meta WHERE key = 'state'", -1,
			       &row, NULL) == SQLITE_OK && sqlite3_step(row) == SQLITE_ROW)
		recording = sqlite3_column_int(row, 0);
	sqlite3_finalize(row);
	return recording;
}

static bool is_ours(sqlite3 *sqlite)
{
	sqlite3_stmt *row;
	bool ours = false;

	if (sqlite3_prepare_v2(sqlite, "PRAGMA application_id", -1, &row, NULL) == SQLITE_OK &&
	    sqlite3_step(row) == SQLITE_ROW)
		ours = sqlite3_column_int(row, 0) == APPLICATION_ID;
	sqlite3_finalize(row);
	return ours;
}

static void work_run(struct work *w)
{
	static const char frames[] = "SELECT id, address, symbol IS NOT NULL, line IS NOT NULL FROM frame"
		" WHERE module = ? AND " UNNAMED;
	static const char set_name[] = "UPDATE frame SET symbol = ?, function_offset = ? WHERE id = ?";
	static const char set_line[] = "UPDATE frame SET file = ?, line = ? WHERE id = ?";

	if (sqlite3_exec(w->sqlite, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(w->sqlite, frames, -1, &w->frames, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(w->sqlite, set_name, -1, &w->set_name, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(w->sqlite, set_line, -1, &w->set_line, NULL) != SQLITE_OK)
		fail(w, "cannot be changed");
	else
		modules_name(w);
	sqlite3_finalize(w->frames);
	sqlite3_finalize(w->set_name);
	sqlite3_finalize(w->set_line);
	if (w->result->outcome == SYMBOLISE_DONE &&
	    sqlite3_exec(w->sqlite, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		fail(w, "cannot be written");
}

void symbolise_file(const char *path, const char *const *folders, const struct symbolise_watch *watch,
		    struct symbolising *result)
{
	struct work w = { .folders = folders, .watch = watch, .result = result };

	memset(result, 0, sizeof(*result));
	if (sqlite3_open_v2(path, &w.sqlite, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
	    !is_ours(w.sqlite)) {
		int code = sqlite3_errcode(w.sqlite);
		bool read = code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE;

		result->outcome = read ? SYMBOLISE_NOT_OURS : SYMBOLISE_FAILED;
		snprintf(result->detail, sizeof(result->detail), "%s",
			 read ? "not a gputrail file" : sqlite3_errmsg(w.sqlite));
	} else if (is_recording(w.sqlite)) {
		result->outcome = SYMBOLISE_RECORDING;
	} else {
		work_run(&w);
	}
	sqlite3_close(w.sqlite);
}
