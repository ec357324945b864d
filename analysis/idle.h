/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The idle time of each device, from the start of its first operation to the end of its last,
 * split into causes. Every idle interval of the union over all streams has exactly one, so that
 * the causes add up to the idle time to the nanosecond. docs/bubbles.md explains the rules.
 */
#ifndef GPUTRAIL_ANALYSIS_IDLE_H
#define GPUTRAIL_ANALYSIS_IDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run;

enum idle_cause {
#define IDLE_CAUSE(identifier, name, text) IDLE_##identifier,
#include "analysis/idle_causes.def"
	IDLE_CAUSE_COUNT
};
const char *idle_cause_name(enum idle_cause cause);
const char *idle_cause_text(enum idle_cause cause);

/* What the rules compare with; idle_limits_default() has the values that are documented. */
struct idle_limits {
	uint64_t boundary_ns;		/* between operations that follow on each other */
	uint64_t latency_ns;		/* from a launch call's start to the work's */
	uint64_t pace_ns;		/* from launch to launch of a thread that does nothing else */
	uint64_t long_launch_ns;	/* a launch call that must be loading code */
	uint64_t sync_host_ns;		/* host work that may follow a synchronisation */
	uint64_t small_gap_ns, large_gap_ns;	/* without work of any thread */
	uint64_t small_copy_bytes;
	unsigned int share_percent;	/* of an interval, to be its cause */
};
extern const struct idle_limits idle_limits_default;

/* What a driver call is about, as far as it matters to the GPU. */
enum call_class {
	CALL_OTHER, CALL_LAUNCH, CALL_COPY, CALL_SYNC, CALL_POLL, CALL_WAIT, CALL_ALLOC,
	CALL_MODULE, CALL_LOOKUP, CALL_GRAPH, CALL_PROFILER, CALL_HOST_FUNCTION, CALL_CLASS_COUNT
};

#define IDLE_KERNEL	-1		/* idle_op.kind of kernels; others as copy.kind */

struct idle_op {
	int kind;
	int64_t shape, stream;		/* 0 unknown */
	uint64_t bytes;
};

struct idle_interval {
	int device;
	enum idle_cause cause;
	uint64_t start_ns, dur_ns;
	int64_t thread;			/* that launched the next operation; 0 unknown */
	int64_t path;			/* call path to blame; 0 unknown */
	struct idle_op previous, next;
};

/* What one call path is to blame for; path 0 stands for those without. */
struct idle_site {
	int device;
	enum idle_cause cause;
	int64_t path;
	uint64_t total_ns, count;
};

struct idle_total {
	uint64_t total_ns, count;
	struct idle_interval worst;	/* the longest; the first of equal ones */
};

struct idle_device {
	int id;
	uint64_t first_ns, last_ns, span_ns, busy_ns, idle_ns;
	uint64_t copy_only_ns;		/* busy with copies and sets while no kernel ran */
	struct idle_total causes[IDLE_CAUSE_COUNT];
};

/* The causes that occur, the one with most time first. Returns how many. */
int idle_causes_order(const struct idle_device *device, int order[IDLE_CAUSE_COUNT]);

struct idle_observer;			/* idle_internal.h */

struct idle_options {
	const struct idle_limits *limits;	/* NULL: the default */
	size_t intervals;		/* how many of the longest to keep, SIZE_MAX: all */
	const struct idle_observer *observer;	/* NULL: none */
};

struct idle_result {
	struct idle_device *devices;	/* by id; only those that did something */
	size_t device_count;
	struct idle_interval *intervals;	/* longest first */
	size_t interval_count;
	struct idle_site *sites;	/* largest total first */
	size_t site_count;
	uint64_t without_call;		/* operations after idle time whose call is not known */
};

/* Returns 0, or -1 with run_error(). */
int run_idle(struct run *run, const struct idle_options *options, struct idle_result *result);
void idle_result_free(struct idle_result *result);

/* "function (file:line)" of the innermost frame that is the program's: of Python where there is
 * one. "" for none; the caller frees. */
char *idle_path_name(struct run *run, int64_t path);
/* Short name of a kernel, or a copy's as run_copy_operation(); the caller frees. */
char *idle_op_name(struct run *run, const struct idle_op *op);

#endif
