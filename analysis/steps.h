/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps: the repeating launch period of each thread, found without help of the program, or taken
 * from its ProfilerStep ranges where the file has them. docs/steps.md explains how.
 *
 * A step's period reaches from the start of its first kernel on the device to that of the next
 * step of the same thread, so that periods follow on each other without holes, and the idle time
 * in a period adds up with the device's busy time to the period.
 */
#ifndef GPUTRAIL_ANALYSIS_STEPS_H
#define GPUTRAIL_ANALYSIS_STEPS_H

#include "analysis/families.h"
#include "analysis/idle.h"

enum step_mode { STEP_EAGER, STEP_GRAPH, STEP_MIXED, STEP_MODE_COUNT };
enum step_phase { STEP_OTHER, STEP_PREFILL, STEP_DECODE, STEP_PREFILL_DECODE, STEP_PHASE_COUNT };
const char *step_mode_name(enum step_mode mode);	/* "eager", "graph", "mixed" */
const char *step_phase_name(enum step_phase phase);	/* "other", "prefill", ... */

struct step {
	uint64_t host_ns, host_end_ns;	/* first call's start, last one's end */
	uint64_t gpu_ns, gpu_end_ns;	/* first kernel's start, last operation's end; 0 unknown */
	uint64_t period_ns;		/* to the next step's gpu_ns; 0: none follows */
	uint64_t idle_ns;		/* of the device, in the period */
	int64_t thread;
	int device;			/* of the first kernel; 0 unknown */
	int kind;			/* index of step_result.kinds */
	uint32_t number;		/* of the thread's steps, from 0 */
	uint32_t launches;		/* kernel and graph launches: ordinals are below */
};

/* Sums over a set of steps that have a period. */
struct step_sums {
	uint64_t steps, period_ns, idle_ns[IDLE_CAUSE_COUNT];
	uint64_t *family_ns;		/* by family: families_count(); kernels that began in them */
};

/* What a launch of the period takes, by its ordinal. */
struct step_ordinal {
	int64_t kernel, graph;		/* of the first step of the kind; 0: none */
	uint64_t typical_ns, slow_ns;	/* GPU time, summed over typical and slow steps */
};

struct step_times {
	uint64_t count;			/* with a period */
	uint64_t total_ns, min_ns, p50_ns, p90_ns, p99_ns, max_ns;
};

/* Steps with the same launches in the same order. */
struct step_kind {
	uint64_t signature;		/* the same in other recordings of the same code */
	enum step_mode mode;
	enum step_phase phase;
	uint64_t steps;			/* with or without a period */
	uint32_t launches;
	int64_t graph;			/* the first graph launched; 0 none */
	struct step_times times;
	struct step_sums all, typical, slow;	/* typical: nearest the median; slow: from p99 on */
	struct step_ordinal *ordinals;
	uint32_t ordinal_count;		/* at most STEP_ORDINALS_MAX, 0 for rare kinds */
};
#define STEP_ORDINALS_MAX	4096

/* All kinds of a mode and phase; typical and slow are over those that have slow steps. */
struct step_group {
	enum step_mode mode;
	enum step_phase phase;
	uint64_t kinds, steps;
	struct step_times times;
	struct step_sums all, typical, slow;
};

struct step_thread {
	int64_t thread;
	uint64_t steps, launches, in_steps;	/* launches: all, and those in steps */
	bool annotated;			/* steps are the program's own ranges */
};

/* Idle time of one cause in the period of a step. */
struct step_idle {
	uint32_t step;			/* index of step_result.steps */
	uint32_t cause, intervals;
	uint64_t ns;
	uint64_t copies_ns;		/* of the step's copies that are the cause's, which may stay */
};

struct step_result {
	struct step *steps;		/* by thread, then by number */
	size_t step_count;
	struct { struct step_idle *rows; size_t count; } idles;	/* rising by step for each thread */
	struct step_kind *kinds;	/* largest total period first */
	size_t kind_count;
	struct step_group *groups;	/* the same order */
	size_t group_count;
	struct step_thread *threads;	/* those that launched, by id */
	size_t thread_count;
	int family_count;
	struct idle_result idle;	/* of the same scan */
};

/* Returns 0, or -1 with run_error(). options: of the idle intervals kept, and who
 * else looks on; NULL: none. */
int run_steps(struct run *run, const struct idle_options *options, struct step_result *result);
void step_result_free(struct step_result *result);

/* Each launch with its step, in order of time. Non-zero ends it and is returned. */
struct step_launch {
	const struct step *step;
	uint32_t ordinal;
	int64_t shape, graph;		/* one of them 0 */
	int64_t path;
	uint64_t start_ns, end_ns, gpu_ns, gpu_end_ns;	/* the call; on the device, 0 unknown */
};
typedef int step_launch_fn(void *arg, const struct step_launch *launch);
int run_step_launches(struct run *run, const struct step_result *result, step_launch_fn *fn,
		      void *arg);

#endif
