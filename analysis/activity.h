/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measured activity of the GPUs: the samples, where they come from, and what they say of phases of steps,
 * kernel families and kernels. docs/sm-activity.md explains how a sample gets its owner.
 */
#ifndef GPUTRAIL_ANALYSIS_ACTIVITY_H
#define GPUTRAIL_ANALYSIS_ACTIVITY_H

#include "analysis/analysis.h"

enum activity_metric {
#define METRIC(column, id, factor, most) ACTIVITY_##column,
#include "collector/activity.def"
	ACTIVITY_METRICS
};

/* Where the activity of a device comes from; a row for each device that was asked about. */
struct run_activity_source {
	int device, gpu;
	char *source, *note;		/* gpm, utilization, none */
	uint64_t asked_period_ns, period_ns, samples, cost_ns;	/* period and cost 0: no sample */
	uint64_t overflows;		/* times that samples were lost in the GPU */
};

/* A stretch of time of one device: parts of 1, bytes per second, kHz and mW, < 0 unknown. */
struct activity_sample {
	uint64_t start_ns, dur_ns;
	double metrics[ACTIVITY_METRICS];
	int64_t memory_used_bytes, memory_reserved_bytes;	/* -1 unknown */
};
struct activity_sample_list { struct activity_sample *rows; size_t count; };

enum activity_of { ACTIVITY_OF_GPU, ACTIVITY_OF_PHASE, ACTIVITY_OF_FAMILY, ACTIVITY_OF_KERNEL };
const char *activity_of_name(enum activity_of of);	/* "all", "phase", "family", "kernel" */

/* The samples that belong to one thing. */
struct run_activity {
	enum activity_of of;
	int64_t device, id;
	int gpu;
	char *name;			/* of the device, phase, family or kernel */
	uint64_t samples, time_ns, running_ns;	/* running_ns: kernels ran, as recorded */
	/* Means over known_ns; most: the highest of a sample. < 0 unknown. */
	double mean[ACTIVITY_METRICS], most_sm_active;
	uint64_t known_ns[ACTIVITY_METRICS];	/* the part of time_ns whose samples know the metric */
	double by_shape[2];		/* SM activity and occupancy by the shapes of the kernels */
	int64_t memory_used_bytes;	/* the most, -1 unknown */
};

RUN_LIST(run_activity_source);
RUN_LIST(run_activity);

int run_activity_sources(struct run *run, struct run_activity_source_list *list);
void run_activity_source_list_free(struct run_activity_source_list *list);
/* In order of time; [from, to) or what touches it. */
int run_activity_samples(struct run *run, int64_t device, uint64_t from_ns, uint64_t to_ns,
			 struct activity_sample_list *list);
void activity_sample_list_free(struct activity_sample_list *list);
/* By device; first all of it, then phases, families and kernels, each the one with most time first.
 * Reads all events if there are samples. */
int run_activity(struct run *run, struct run_activity_list *list);
void run_activity_list_free(struct run_activity_list *list);

/* mean[metric] of the time in which kernels ran, 0..1; < 0 unknown, as where it would be far above 1: then
 * work was measured that was not recorded. */
double activity_running(const struct run_activity *row, enum activity_metric metric);

#endif
