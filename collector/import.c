/* SPDX-License-Identifier: Apache-2.0 */
/* Telling one kind of trace from another, and the file around what they hold. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/import_internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

bool import_fail(struct import *im, enum import_outcome outcome, const char *format, ...)
{
	va_list args;

	if (import_failed(im))
		return false;
	im->result->outcome = outcome;
	va_start(args, format);
	vsnprintf(im->result->detail, sizeof(im->result->detail), format, args);
	va_end(args);
	return false;
}

bool import_step(struct import *im, uint64_t done, uint64_t total)
{
	if (im->options->stop && *im->options->stop)
		return import_fail(im, IMPORT_FAILED, "stopped by a signal");
	if (im->options->progress)
		im->options->progress(im->options->progress_arg, im->what, done, total);
	return !import_failed(im);
}

bool import_begin(struct import *im, const char *what)
{
	im->what = what;
	return import_step(im, 0, 0);
}

/* What the first bytes say the file is. */
static bool sniff(struct import *im, bool *is_sqlite)
{
	struct stat status;
	char head[16] = "";
	FILE *file;
	size_t length;

	if (stat(im->options->input, &status) < 0)
		return import_fail(im, IMPORT_BAD_INPUT, "%s", strerror(errno));
	if (!S_ISREG(status.st_mode))
		return import_fail(im, IMPORT_BAD_INPUT, "not a regular file");
	if (status.st_size == 0)
		return import_fail(im, IMPORT_BAD_INPUT, "the file is empty");
	im->result->bytes = (uint64_t)status.st_size;
	file = fopen(im->options->input, "re");
	if (!file)
		return import_fail(im, IMPORT_BAD_INPUT, "%s", strerror(errno));
	length = fread(head, 1, sizeof(head), file);
	fclose(file);
	*is_sqlite = length == sizeof(head) && !memcmp(head, "SQLite format 3", 16);
	if (!memcmp(head, "NVIDIA", 6) || !memcmp(head, "QDSTRM", 6))
		return import_fail(im, IMPORT_BAD_INPUT, "nsys's own report cannot be read: make"
				   " the SQLite file with 'nsys export --type=sqlite' first");
	return true;
}

static void meta_write(struct import *im)
{
	char text[64];
	time_t now = time(NULL);
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	database_meta_text(im->db, "created", text);
	database_meta_int(im->db, "schema_version", SCHEMA_VERSION);
	database_meta_text(im->db, "tool_version", PACKAGE_VERSION);
	database_meta_text(im->db, "state", "complete");
	database_meta_text(im->db, "import.source", im->result->kind);
	database_meta_text(im->db, "import.file", im->options->input);
	if (im->source_version[0])
		database_meta_text(im->db, "import.version", im->source_version);
	database_meta_int(im->db, "import.bytes", (int64_t)im->result->bytes);
	database_meta_int(im->db, "origin", im->origin_ns);
	if (im->base_known)
		database_meta_int(im->db, "origin_realtime",
				  (int64_t)((uint64_t)im->base_ns + (uint64_t)im->origin_ns));
	database_meta_int(im->db, "first_event", 0);
	database_meta_int(im->db, "last_event", im->result->span_ns);
	database_meta_text(im->db, "callpath", im->paths.count ? "imported" : "off");
}

static void counters_write(struct import *im)
{
	static const char *const names[] = {
#define IMPORT_COUNTER(name, text) #name,
#include "collector/import_counters.def"
#undef IMPORT_COUNTER
	};
	int64_t late = summary_late_ns(im->summary);

	for (int i = 0; i < IMPORT_COUNTERS; i++)
		if (im->counters[i])
			database_run(im->db, "INSERT INTO counter VALUES (0,?,?)", "ti", names[i],
				     (int64_t)im->counters[i]);
	if (late)
		database_run(im->db, "INSERT INTO counter VALUES (0,'busy_late_ns',?)", "i", late);
	for (int i = IMPORT_import_annotations; i <= IMPORT_import_bad_times; i++)
		im->result->skipped += im->counters[i];
}

static void make_file(struct import *im, bool is_sqlite, const char *path)
{
	char *error = NULL;

	im->what = "reading";
	if (!import_stage_open(im) || !(is_sqlite ? import_nsys(im) : import_kineto(im)))
		return;
	im->db = database_create(path, &error);
	im->summary = summary_new();
	if (!im->db || !im->summary)
		import_fail(im, IMPORT_FAILED, "%s", error ? error : "no memory");
	free(error);
	if (import_failed(im) || !import_write(im))
		return;
	meta_write(im);
	counters_write(im);
	database_commit(im->db);
	if (database_error(im->db))
		import_fail(im, IMPORT_FAILED, "%s", database_error(im->db));
}

static void forget(struct import *im)
{
	struct import_api *api, *next;

	HASH_ITER(hh, im->apis, api, next) {
		HASH_DEL(im->apis, api);
		free(api);
	}
	free(im->api_list);
	intern_free(&im->kernels);
	intern_free(&im->file_shapes);
	intern_free(&im->processes);
	intern_free(&im->threads);
	intern_free(&im->contexts);
	intern_free(&im->streams);
	intern_free(&im->graphs);
	graph_content_free(&im->graph_content);
	intern_free(&im->labels);
	free(im->sums);
	import_stage_close(im);
	summary_free(im->summary);
}

/* What SQLite keeps beside a file; with the file itself from suffix 0 on. */
static void remove_from(const char *path, size_t first)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
	char name[4096];

	for (size_t i = first; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (snprintf(name, sizeof(name), "%s%s", path, suffixes[i]) < (int)sizeof(name))
			unlink(name);
}

void import_file(const struct import_options *options, struct import_result *result)
{
	struct import *im = calloc(1, sizeof(*im));
	char path[4096];
	bool is_sqlite = false;

	*result = (struct import_result){ .kind = "unknown" };
	if (!im) {
		result->outcome = IMPORT_FAILED;
		return;
	}
	im->options = options;
	im->result = result;
	if (snprintf(path, sizeof(path), "%s.import-%d", options->output, (int)getpid()) >=
	    (int)sizeof(path))
		import_fail(im, IMPORT_FAILED, "the name of the output is too long");
	if (import_failed(im) || !sniff(im, &is_sqlite)) {
		free(im);
		return;
	}
	result->kind = is_sqlite ? "nsys (SQLite export)" : "torch.profiler (Kineto JSON)";
	make_file(im, is_sqlite, path);
	forget(im);
	if (im->db && database_close(im->db) < 0)
		import_fail(im, IMPORT_FAILED, "the file could not be written to the end");
	if (!import_failed(im)) {
		/* SQLite would take those of a file that was there before for the new one's. */
		remove_from(options->output, 1);
		if (rename(path, options->output) < 0)
			import_fail(im, IMPORT_FAILED, "%s: %s", options->output, strerror(errno));
	}
	if (import_failed(im))
		remove_from(path, 0);
	free(im);
}
