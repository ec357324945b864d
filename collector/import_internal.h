/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the import. A source (Kineto, nsys) stages calls and GPU operations in a private
 * database that SQLite keeps on disk, in whatever order they come; then they are joined, sorted
 * and written as rows. So memory stays bounded by what exists (names, shapes), not by events.
 */
#ifndef GPUTRAIL_COLLECTOR_IMPORT_INTERNAL_H
#define GPUTRAIL_COLLECTOR_IMPORT_INTERNAL_H

#include "collector/database.h"
#include "collector/graphcontent.h"
#include "collector/import.h"
#include "collector/intern.h"
#include "collector/summary.h"
#include "wire/wire.h"

#include <uthash.h>

#define IMPORT_DEVICES_MAX 64
#define IMPORT_COPY_SET 64		/* op.kind of a memset; 0 is a kernel */
/* A pid that the source has as text: with this bit, from bit 32 on the text before the number. */
#define IMPORT_GROUP (1ll << 62)
#define IMPORT_GROUP_SHIFT 32
#define IMPORT_SPAN_MAX_NS (24 * 3600 * 1000000000ll)

enum import_counter {
#define IMPORT_COUNTER(name, text) IMPORT_##name,
#include "collector/import_counters.def"
#undef IMPORT_COUNTER
	IMPORT_COUNTERS
};

struct import_call {
	int64_t pid, tid, correlation, start_ns, dur_ns, result;
	int64_t chain;			/* its frames, as staged; NIL: the scopes around it tell */
	const char *name;
};

struct import_range {			/* marked by the program; NIL: not told */
	enum range_kind kind;
	int64_t pid, tid, start_ns, dur_ns;	/* dur_ns NIL: a mark, or it did not end */
	int64_t domain, category, color, end_tid, payload_type;
	int64_t payload;		/* of floating point the bits of a double */
	const char *name;
};

struct import_label {			/* what ranges say; texts 0: none */
	uint32_t process, domain, category_name, text;
	int64_t category, color;	/* NIL none */
};

struct import_scope {			/* a function or operator that a thread was in */
	int64_t pid, tid, start_ns, dur_ns;
	bool is_python;
	const char *name;
};

struct import_shape {			/* all there is to know of a kernel's launch */
	uint32_t name;
	uint32_t registers, static_shared_bytes, dynamic_shared_bytes, local_bytes;
	uint32_t grid[3], block[3], cluster[3];
};

struct import_op {
	int64_t kind;			/* 0 kernel, else as copy.kind without the async bit */
	int64_t pid;			/* NIL: the source does not tell */
	int64_t device, context, stream, correlation, start_ns, dur_ns, bytes;
	int64_t graph, node;		/* NIL: not inside a graph */
	bool whole_graph;		/* one record for all nodes of a launch */
	struct import_shape shape;
};

enum import_class { CLASS_OTHER, CLASS_LAUNCH, CLASS_COPY, CLASS_GRAPH };

struct import_api {
	uint32_t id;
	enum import_class class;
	UT_hash_handle hh;
	char name[];
};

struct import_text {
	uint32_t id;
	UT_hash_handle hh;
	char bytes[];
};

struct import_device {			/* by ordinal */
	bool known;
	int64_t pid;			/* under which the source names its streams */
	uint32_t id;			/* in the file, 0 not yet */
	struct wire_def_device def;
	char uuid[64];
};

struct import {
	const struct import_options *options;
	struct import_result *result;
	const char *what;		/* is done now, for people */
	struct database *db;
	struct summary *summary;
	sqlite3 *stage;
	sqlite3_stmt *add_call, *add_op, *add_label, *find_label, *add_scope, *add_frame, *add_range,
		*add_range_name;
	sqlite3_stmt *next_scope, *find_chain;
	bool scope_pending;		/* next_scope is on a row */
	uint64_t staged;
	uint64_t counters[IMPORT_COUNTERS];
	int64_t base_ns;		/* what turns the source's times into CLOCK_REALTIME */
	bool base_known;
	int64_t origin_ns, last_ns;
	char source_version[128];

	struct import_text *texts, **text_list;
	uint32_t text_count, text_capacity;
	struct import_api *apis, **api_list;
	uint32_t api_count, api_capacity;
	struct intern shapes, kernels, file_shapes, processes, threads, contexts, streams, graphs;
	struct graph_content graph_content;
	struct intern labels, frames, file_frames, modules, paths, scope_threads;
	struct import_thread_scopes *open_scopes;	/* by number in scope_threads */
	uint32_t open_scopes_capacity;
	struct import_device devices[IMPORT_DEVICES_MAX];
	uint32_t device_count;
	struct import_sum {
		int64_t launches, gpu_ns, host_ns, calls, copy_bytes, replay_gpu_ns;
	} *sums;			/* by path */
	uint32_t sum_capacity;
};

/* Remembers the first reason; always returns false. */
bool import_fail(struct import *im, enum import_outcome outcome, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static inline bool import_failed(const struct import *im)
{
	return im->result->outcome != IMPORT_DONE;
}
/* Tells progress; false when it is to stop. */
bool import_step(struct import *im, uint64_t done, uint64_t total);
bool import_begin(struct import *im, const char *what);

/* import_stage.c */
bool import_stage_open(struct import *im);
void import_stage_close(struct import *im);
bool import_stage_call(struct import *im, const struct import_call *call);
bool import_stage_op(struct import *im, const struct import_op *op);
/* Name of a thread, or of a process with tid -1; of a stream of device `pid` with gpu set. */
bool import_stage_label(struct import *im, bool gpu, int64_t pid, int64_t tid, const char *name);
/* Copies the label into text, "" when there is none. */
void import_stage_find_label(struct import *im, bool gpu, int64_t pid, int64_t tid, char *text,
			     size_t bytes);
bool import_stage_run(struct import *im, const char *sql);
bool import_stage_insert(struct import *im, sqlite3_stmt *statement, const int64_t *values,
			 int count);
uint32_t import_text(struct import *im, const char *bytes);	/* 0: no memory */

/* Whether the time can be; those that cannot are counted. */
bool import_times_usable(struct import *im, int64_t start, int64_t dur);

/* import_range.c */
bool import_stage_range(struct import *im, const struct import_range *range);
/* Of a domain of the process, or, unless it is NIL, of a category in it. */
bool import_stage_range_name(struct import *im, int64_t pid, int64_t domain, int64_t category,
			     const char *name);
bool import_write_ranges(struct import *im);

/* import_path.c */
bool import_stage_scope(struct import *im, const struct import_scope *scope);
/* A frame of a chain of calls; depth 0 is the innermost. module NULL: unknown. */
bool import_stage_frame(struct import *im, int64_t chain, int64_t depth, const char *symbol,
			const char *module);
bool import_paths_begin(struct import *im);
void import_paths_free(struct import *im);
/* The path of a call, 0 none; to be asked in order of start_ns, a time of the source. */
uint32_t import_path(struct import *im, int64_t pid, int64_t tid, int64_t start_ns, int64_t chain);

/* import_api.c: name as the source has it, version suffixes are cut; NULL: no memory */
struct import_api *import_api(struct import *im, const char *name);
bool import_api_write(struct import *im);

/* import_entity.c: ids of the file */
uint32_t import_process(struct import *im, int64_t pid);
uint32_t import_thread(struct import *im, int64_t pid, int64_t tid, int64_t now_ns);
uint32_t import_device(struct import *im, int64_t ordinal);
uint32_t import_stream(struct import *im, const struct import_op *op);
uint32_t import_label(struct import *im, const struct import_label *label);
uint32_t import_shape(struct import *im, uint32_t staged_shape, uint32_t device);
/* What a source does not tell of a device but its compute capability does. */
void import_device_complete(struct wire_def_device *def);

/* the sources: stage everything */
bool import_kineto(struct import *im);
bool import_nsys(struct import *im);

/* import_write.c: staged to rows and summaries */
bool import_write(struct import *im);

#endif
