/* SPDX-License-Identifier: Apache-2.0 */
/* Idle time inside: events in order, calls of each thread, facts about an interval. */
#ifndef GPUTRAIL_ANALYSIS_IDLE_INTERNAL_H
#define GPUTRAIL_ANALYSIS_IDLE_INTERNAL_H

#include "analysis/event_rows.h"
#include "analysis/families.h"
#include "analysis/idle.h"
#include "analysis/internal.h"
#include "analysis/lookup.h"

#include <uthash.h>

struct api_class {
	int64_t id;
	enum call_class class;
	bool begins_capture;
};
struct call_classes { struct api_class *rows; size_t count; };	/* a list, by id */
int call_classes_load(struct run *run, struct call_classes *apis);
void call_classes_free(struct call_classes *apis);
/* Never NULL: unknown entry points are CALL_OTHER. */
const struct api_class *api_find(const struct call_classes *apis, int64_t id);

/* A call on the host. */
struct idle_call {
	uint64_t start, end;
	int64_t thread, path, stream;	/* stream: id in the file, or handle for CALL_WAIT */
	uint64_t bytes;
	int kind;			/* of a copy; of memory, memory.op */
	enum call_class class;
	int api;
	uint8_t table;			/* EVENT_LAUNCH, ... */
	bool failed;
	bool capturing;			/* until the next call a capture goes on */
};

/* An operation on a device, with the call that brought it where that is in the same row. */
struct idle_event {
	uint64_t start, end;
	int64_t device, graph_launch;	/* graph_launch 0: none */
	uint64_t call_start, call_end;
	int64_t thread, path;		/* thread 0: no call known */
	struct idle_op op;
};

/* What a launch, graph launch, copy or set brought to a device; shape and graph 0: none, times 0:
 * not known. */
struct idle_work {
	int64_t shape, graph;
	uint64_t gpu_start, gpu_end;
};

struct call_row {
	struct idle_call call;
	struct idle_work work;
};

/* Of two struct call_row, or struct idle_event: as qsort() asks. */
int idle_call_order(const void *left, const void *right);
int idle_event_order(const void *left, const void *right);

/* Called in order of start. No event: they are not read. */
struct idle_sink {
	int (*call)(void *arg, const struct idle_call *call, const struct idle_work *work);
	int (*event)(void *arg, const struct idle_event *event);
	void *arg;
	bool work_only;			/* calls that brought work, and nothing else */
	uint32_t unused;		/* EVENT_BIT of columns that may be left at 0 */
	/* Rows that lie wholly outside of [from, to) may be left out; to 0: all come. */
	uint64_t from_ns, to_ns;
	bool tells_total;		/* progress out of all rows; false where this is one pass of many */
};

/* Reads everything, in bounded memory as far as the file's rows are about in order. When an event
 * is handed out, all calls that began before it have been. */
#define IDLE_DISORDER	-2		/* the zone map is wrong: read again without trust in it */
int idle_read(struct run *run, bool trust, const struct idle_sink *sink);

/* Calls of a thread in order of their start. */
struct idle_thread {
	int64_t id, process;
	struct idle_call *calls;
	size_t count, capacity;
	UT_hash_handle hh;
};

/* Columns of idle_names.streams. */
enum { STREAM_HANDLE, STREAM_FLAGS };

/* Time of a process of which only a sample of the GPU's work, or nothing, was measured. */
struct unmeasured_period { int64_t process; uint64_t start, end; };

struct idle_names {
	struct lookup streams;		/* stream: handle, flags */
	struct kernel_families families;
	struct unmeasured { struct unmeasured_period *rows; size_t count; } unmeasured;	/* a list */
	bool waits_hidden;		/* made elsewhere, by something that records no stream waits */
};
int idle_names_load(struct run *run, struct idle_names *names);
void idle_names_free(struct idle_names *names);

/* The thread's calls of a class in an interval. */
struct idle_share {
	uint64_t ns, longest_ns;
	int64_t path;			/* of the longest */
};

struct idle_facts {
	uint64_t gap_ns, since_call_ns, late_ns, pace_ns, launch_ns, outside_ns, stretch_ns, small_htod_ns;
	int64_t sync_path, pageable_path, wait_path, held_path;
	bool has_call, submitted, next_small_htod, previous_small_htod, next_pageable;
	bool waits_for_stream, collective, legacy_stream, legacy_wait, host_function;
	bool hidden_wait, beside_copy, unmeasured;
	bool held_by_pageable, held_by_allocation, synced, readback, quiet;
	uint32_t classes;		/* a bit for each of the shares that is set */
	uint64_t most_ns;		/* of the largest share */
	struct idle_share shares[CALL_CLASS_COUNT];
};

static inline struct idle_share idle_share(const struct idle_facts *f, enum call_class class)
{
	return f->classes >> class & 1 ? f->shares[class] : (struct idle_share){ 0 };
}

/* An interval that ends with `next`; thread is the one that launched it, or NULL. */
struct idle_gap {
	uint64_t start, end;
	const struct idle_event *next, *previous;
	const struct idle_thread *thread, *threads;
	const struct idle_limits *limits;
	const struct idle_names *names;
};

/* Sees what the one pass over a recording sees: further analyses need none of their own. Calls come
 * before the operations that they brought, an interval before the operation that ends it. */
struct idle_observer {
	int (*begin)(void *arg);	/* once, or again when the pass is begun anew */
	int (*event)(void *arg, const struct idle_event *event);
	int (*interval)(void *arg, const struct idle_interval *interval,
			const struct idle_event *next);
	void *arg;
	/* NULL: not asked for. */
	int (*call)(void *arg, const struct idle_call *call, const struct idle_work *work);
	const struct idle_observer *next;	/* that sees the same, or NULL */
	bool sees_all;			/* also what the run is narrowed to leave out */
};

struct idle_longest { struct idle_interval *rows; size_t count, most; };	/* a list */
/* Kept if it is among the longest; -1 without memory. */
int idle_longest_take(struct idle_longest *longest, const struct idle_interval *interval);
/* The longest first; nothing can be taken afterwards. */
void idle_longest_sort(struct idle_longest *longest);

void idle_facts(const struct idle_gap *gap, struct idle_facts *facts);
bool idle_most(const struct idle_facts *f, const struct idle_limits *is, enum call_class class);
/* Of idle time that such a copy brings, or IDLE_CAUSE_COUNT. */
enum idle_cause idle_cause_of_copy(const struct idle_op *copy);

#endif
