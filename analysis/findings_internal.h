/* SPDX-License-Identifier: Apache-2.0 */
/* Findings inside: the table of detectors, what a pass over the events gathers, and thresholds. */
#ifndef GPUTRAIL_ANALYSIS_FINDINGS_INTERNAL_H
#define GPUTRAIL_ANALYSIS_FINDINGS_INTERNAL_H

#include "analysis/findings.h"
#include "analysis/idle_internal.h"

#include "analysis/recent.h"

enum detector_id {
#define DETECTOR(identifier, ...) DETECTOR_##identifier,
#include "analysis/detectors.def"
	DETECTOR_COUNT
};

/* --- what the pass gathers (findings_watch.c) ---------------------------------------------- */

/* Everything but the waterfall's sums is of the time since the warm-up. */
struct watch_spot {			/* the longest of something */
	uint64_t start_ns, dur_ns;
	int64_t path, stream;
};

struct watch_site {			/* idle time of a cause at a call path */
	struct { int64_t device, cause, path; } key;
	uint64_t total_ns, count, first_ns, last_ns;
	struct watch_spot worst[FINDING_EVIDENCE_MAX];	/* longest first; dur_ns 0: no more */
	UT_hash_handle hh;
};

struct watch_kernel {			/* a launch shape, or one of unknown shape: its key is 0 */
	int64_t shape;
	const struct lookup_cell *facts;	/* SHAPE_* columns, NULL: not in the file */
	bool is_known, is_opaque, is_collective, is_prompts;
	double covers;			/* share of the SMs that have a block */
	double full;			/* share of the waves' SM-time that blocks take */
	double fill;			/* share of the warps that would do */
	double occupancy, waves;
	int64_t device;
	uint64_t count, total_ns, gap_ns, first_ns, last_ns;
	double uncovered_ns, tail_ns, occupancy_ns, alone_ns;
	/* Launches with none of another stream's kernels beside them, and with some half the time. */
	struct { uint64_t count, ns; } single, beside;
	struct watch_spot worst;
	UT_hash_handle hh;
};

struct watch_pair {			/* idle time between two shapes that follow on each other */
	struct { int64_t previous, next; } key;
	uint64_t total_ns, count;
	struct watch_spot worst;
	UT_hash_handle hh;
};

/* Read-backs of one size that follow on each other: a server reads a token of each running request
 * after each step, so that their size tells the batch and their distance the step. */
struct watch_level {
	uint64_t bytes, count, start_ns;	/* start_ns: end of the read-back before the first */
	uint64_t total_ns;		/* from each read-back to the next */
	bool prompts;			/* attention over prompts ran in between */
};
struct watch_levels {
	struct watch_level *rows;
	size_t count;
	uint64_t last_ns, prompts;	/* of the read-back before */
};

struct watch_copy {
	struct { int64_t device, kind, path; } key;
	uint64_t count, bytes, total_ns, first_ns, last_ns;
	double alone_ns;		/* while no kernel ran */
	struct watch_spot worst;
	struct watch_levels levels;	/* of copies to the host */
	UT_hash_handle hh;
};

struct watch_active {			/* an operation that runs */
	uint64_t start, end;
	uint64_t beside_ns;		/* while kernels of several streams ran */
	int64_t stream;
	struct watch_kernel *kernel;	/* NULL: a copy or set */
	struct watch_copy *copy;
};

/* A long kernel that runs, or ran last, on a device (findings_blocked.c). */
#define BLOCKED_STREAMS_MAX 16
struct watch_blocked {
	const struct watch_kernel *kernel;	/* NULL: none yet */
	uint64_t start_ns, end_ns, call_ns;
	int64_t stream, path;
	/* Until when other streams have had work since it began; stream 0: none more. */
	struct { int64_t stream; uint64_t end_ns; } reach[BLOCKED_STREAMS_MAX];
};

struct watch_urgent { uint64_t submitted_ns; int64_t stream, path; };

struct watch_blocker {			/* a shape that urgent work waited for */
	const struct watch_kernel *kernel, *urgent;	/* urgent: that waited longest */
	uint64_t count, waited_ns, first_ns, last_ns;
	struct watch_spot worst;	/* the wait, with the path of the long kernel */
};

struct stream_order { uint64_t at_ns; int64_t stream, event; bool is_wait; };
struct stream_orders { struct stream_order *rows; size_t count; };	/* a list */

struct blocking {
	struct run *run;
	double long_ns;			/* see detectors.def */
	bool is_on, orders_loaded;
	struct lookup streams;
	struct stream_orders orders;
	sqlite3_stmt *graph_launch;
	struct watch_blocker *blockers;
	size_t blocker_count;
};
int blocking_open(struct run *run, struct blocking *blocking);
void blocking_forget(struct blocking *blocking);
void blocking_close(struct blocking *blocking);

struct watch_device {
	int64_t id;
	uint64_t now, busy_ns;		/* busy since the warm-up */
	uint64_t prompts;		/* kernels of attention over prompts */
	struct idle_total idle[IDLE_CAUSE_COUNT];
	struct watch_active *active;	/* a list */
	size_t active_count, active_kernels, active_collectives;
	double parts_ns[WATERFALL_PART_COUNT];
	struct watch_blocked blocked;
	UT_hash_handle hh;
};

struct watch {
	struct run *run;
	uint64_t warm_ns;
	double low_occupancy, opaque_ns;	/* see detectors.def */
	struct lookup shapes, gpus;
	struct kernel_families families;
	struct watch_device *devices;
	struct watch_site *sites;
	struct watch_kernel *kernels;
	struct watch_pair *pairs;
	struct watch_copy *copies;
	struct {
		struct watch_device *devices[RECENT_ROWS];
		struct watch_site *sites[RECENT_ROWS];
		struct watch_kernel *kernels[RECENT_ROWS];
		struct watch_pair *pairs[RECENT_ROWS];
		struct watch_copy *copies[RECENT_ROWS];
	} recent;
	struct blocking blocking;
};
/* Before the device's sweep goes on to the event; kernel NULL: a copy or set. 0 or -1. */
int blocking_take(struct blocking *blocking, struct watch_device *device,
		  const struct watch_kernel *kernel, const struct idle_event *event);

/* Columns of watch.gpus, by device.id. */
enum { GPU_SMS, GPU_NUMBERED };
/* Columns of watch.shapes. */
enum { SHAPE_NAME, SHAPE_BLOCKS, SHAPE_THREADS, SHAPE_PER_SM, SHAPE_FLAGS, SHAPE_LIMITER,
       SHAPE_REGISTERS, SHAPE_LOCAL, SHAPE_DEVICE, SHAPE_SMS, SHAPE_SM_THREADS, SHAPE_CC,
       SHAPE_AVERAGE, SHAPE_FULL_NAME };
#define SHAPE_COOPERATIVE	1
#define SHAPE_PDL		2

int watch_open(struct watch *watch);
void watch_close(struct watch *watch);
struct idle_observer watch_observer(struct watch *watch);
/* Ends what still runs. */
void watch_finish(struct watch *watch);
struct watch_device *watch_device_find(const struct watch *watch, int64_t id);
const char *watch_kernel_name(const struct watch *watch, int64_t shape);

/* A read-back more; 0 or -1 without memory (findings_batch.c). */
int watch_level_take(struct watch_levels *levels, const struct idle_event *event, uint64_t prompts);

/* --- evaluators ---------------------------------------------------------------------------- */

struct finder {
	struct run *run;
	const struct finding_limits *limits;
	struct watch watch;
	uint64_t warm_ns, last_ns;	/* last_ns: end of the last operation of any device */
	struct findings *out;
};

/* Makes findings of the detector; 0 or -1. */
typedef int detector_fn(struct finder *finder, enum detector_id id);
detector_fn detect_idle, detect_sql, detect_uncovered, detect_wave_tail, detect_occupancy,
	detect_spill, detect_tiny, detect_opaque, detect_collective, detect_no_pdl,
	detect_pageable, detect_small_copies, detect_offload, detect_clones,
	detect_metadata, detect_growth, detect_casts, detect_no_graphs, detect_graph_miss,
	detect_interference, detect_per_layer, detect_shrinking, detect_preemption,
	detect_contention, detect_blocked;

struct detector {
	struct finding_detector text;
	detector_fn *detect;
	uint32_t causes;		/* bits of idle causes whose time is lost by it */
	const char *sql;		/* see findings_sql.c */
	const char *advice;		/* template, see findings_text.c */
};
extern const struct detector detectors[DETECTOR_COUNT];
#define CAUSE(identifier) (UINT32_C(1) << IDLE_##identifier)
_Static_assert(IDLE_CAUSE_COUNT <= 32, "detector.causes has a bit for each");

double finding_limit(const struct finding_limits *limits, enum detector_id id, const char *key);

/* Figures that only the advice tells. */
struct finding_values { double a, b, c; const char *text; };

/* Wall time of a device since the warm-up, as far as it was measured; of the longest one for -1. */
uint64_t finder_wall(const struct finder *finder, int device);
/* Adds a finding if what it costs is at least the detector's `least`: fills wall, severity, gain,
 * where and advice from the rest. Takes `what`, which may be NULL. 0 or -1. */
int finder_add(struct finder *finder, enum detector_id id, struct run_finding *finding, char *what,
	       const struct finding_values *values);
int finder_each_device(struct finder *finder, enum detector_id id,
		       int (*detect)(struct finder *finder, enum detector_id id, int device));
/* The least that `lost_ns` in `count` pieces would save. */
uint64_t finding_least_gain(uint64_t lost_ns, uint64_t count);
/* Puts predictions in the place of bounds where there are steps; 0 or -1. */
int findings_predict(struct finder *finder);
/* Names the ranges that findings lie in; 0 or -1. */
int findings_name_ranges(struct finder *finder);
int waterfall_make(struct finder *finder);

/* Evidence, as far as there is room. */
void finding_show(struct run_finding *finding, const char *table, int64_t row, int64_t stream,
		  uint64_t start_ns, uint64_t dur_ns);
/* Lost time, count, path and evidence of idle causes on a device. */
void finder_idle(const struct finder *finder, uint32_t causes, struct run_finding *finding);

char *finding_advice(const char *template, const struct run_finding *finding,
		     const struct finding_values *values);

#endif
