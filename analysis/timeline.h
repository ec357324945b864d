/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The events of a recording one by one in time order, with what they refer to resolved: for
 * exports of whole timelines. Rows are streamed; SQLite sorts, spilling to disk.
 */
#ifndef GPUTRAIL_ANALYSIS_TIMELINE_H
#define GPUTRAIL_ANALYSIS_TIMELINE_H

#include "analysis/lookup.h"

struct timeline {
	struct run *run;
	struct lookup shapes, streams, devices, threads, apis, paths, frames, uses;
	int64_t only_device;		/* of devices with one row; -1 */
	int64_t origin_realtime_ns, graph_launches_max, pid_min;
	uint64_t rows;
};

/* Columns of timeline.shapes and timeline.devices. */
enum { SHAPE_GRID, SHAPE_BLOCK = 3, SHAPE_REGISTERS = 6, SHAPE_SHARED, SHAPE_NAME, SHAPE_DEVICE,
       SHAPE_BLOCKS_PER_SM };
enum { DEVICE_NAME, DEVICE_MEMORY, DEVICE_MAJOR, DEVICE_MINOR, DEVICE_THREADS_PER_SM,
       DEVICE_REGISTERS_PER_BLOCK, DEVICE_SHARED_PER_BLOCK, DEVICE_SMS, DEVICE_REGISTERS_PER_SM,
       DEVICE_SHARED_OPTIN, DEVICE_SHARED_PER_SM, DEVICE_GPU };

/* A kernel, copy or set that ran on a device. */
struct timeline_op {
	uint64_t start_ns, end_ns;
	int64_t correlation;		/* of the call behind it: 8 * row id + table */
	bool is_kernel;
	int kind;			/* copy.kind, unless it is a kernel */
	uint64_t bytes;
	int64_t shape, device, stream;	/* rows; -1 unknown */
	int64_t stream_number, context;	/* as CUDA numbers them; -1 unknown */
	int64_t graph_node, graph_launch;	/* -1: not in a graph */
	const char *name;		/* of a kernel */
};

/* A driver call. */
struct timeline_call {
	uint64_t start_ns, end_ns;
	int64_t correlation;
	int64_t thread, process, pid, tid;
	int64_t device;			/* its work ran on; -1: none, or unknown */
	bool has_work;			/* with GPU times */
	int result;
	int64_t path;
	const char *name, *thread_name, *process_name;
};

/* Device memory in use after an allocation or free. */
struct timeline_memory {
	uint64_t at_ns;
	int64_t device;
	int64_t change;
};

/* What a program marked on a thread, and that has an end. */
enum timeline_range_style { TIMELINE_RANGE_NESTED, TIMELINE_RANGE_FREE, TIMELINE_RANGE_MARK };

struct timeline_range {
	uint64_t start_ns, end_ns;
	int64_t id;			/* row of range */
	int64_t thread, process, pid, tid;
	int64_t color;			/* ARGB, -1 none */
	enum timeline_range_style style;	/* NESTED in others of its thread; FREE: across */
	const char *text, *domain, *category;	/* domain and category NULL: none */
	const char *thread_name;
};

/* Non-zero ends the scan, which then returns it. */
typedef int timeline_op_fn(void *arg, const struct timeline_op *op);
typedef int timeline_call_fn(void *arg, const struct timeline_call *call);
typedef int timeline_memory_fn(void *arg, const struct timeline_memory *memory);
typedef int timeline_range_fn(void *arg, const struct timeline_range *range);

/* -1: see run_error. */
int timeline_open(struct run *run, struct timeline *timeline);
void timeline_close(struct timeline *timeline);
int timeline_ops(struct timeline *timeline, timeline_op_fn *fn, void *arg);
int timeline_calls(struct timeline *timeline, timeline_call_fn *fn, void *arg);
int timeline_memory(struct timeline *timeline, timeline_memory_fn *fn, void *arg);
/* By thread, outer ones first. */
int timeline_ranges(struct timeline *timeline, timeline_range_fn *fn, void *arg);

/* True if the process has contexts or streams on the device. */
bool timeline_uses(const struct timeline *timeline, int64_t process, int64_t device);
/* The frames of a call path, outermost first; returns their number, at most max. */
int timeline_path(const struct timeline *timeline, int64_t path, const char **frames, int max);

#endif
