/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What steps would take without some of their idle time, with bounds; and what a kernel would take
 * without its last, part-filled wave. docs/steps.md tells the formulas and how they were checked.
 */
#ifndef GPUTRAIL_ANALYSIS_PREDICT_H
#define GPUTRAIL_ANALYSIS_PREDICT_H

#include "analysis/steps.h"

#define PREDICT_CAUSE(cause)	(1u << (cause))

struct predict_query {
	unsigned int causes;		/* PREDICT_CAUSE() of the idle time that would go */
	int device;			/* only of this device; 0: any */
	int mode, phase;		/* only in such steps; -1: any */
	uint64_t from_ns;		/* only steps that begin on the device by then; 0: all */
	uint64_t cost_ns;		/* at most, of what comes in its place, for each step */
};

/* Periods of the steps asked about, in ns. */
struct prediction {
	uint64_t steps, intervals;	/* with a period; idle intervals that would go */
	double now_p50_ns, now_mean_ns;
	double p50_ns, p50_low_ns, p50_high_ns;		/* afterwards */
	double mean_ns;
	double gain_ns, gain_low_ns, gain_high_ns;	/* over all of them */
};

/* Returns 0, or -1 with run_error(). */
int run_predict(struct run *run, const struct step_result *steps,
		const struct predict_query *queries, size_t count, struct prediction *predictions);

/* What is worth asking: each group without each of its causes that takes a hundredth of it, and
 * eager decode steps as graphs. */
struct step_prediction {
	const char *without;		/* the cause's name, or "launches one by one" */
	struct predict_query query;
	struct prediction prediction;
};
struct step_prediction_list {
	struct step_prediction *rows;	/* largest gain first */
	size_t count;
};
int run_step_predictions(struct run *run, const struct step_result *steps,
			 struct step_prediction_list *list);
void step_prediction_list_free(struct step_prediction_list *list);

/* A shape whose last wave is part-filled, and others of its kernel that tell what a wave takes. */
struct predict_wave {
	int kernel, shape, shapes;	/* shapes: that the line was drawn through */
	double waves;			/* of the shape; its time is that of the next whole number */
	uint64_t count;			/* launches of the shape */
	double now_ns;			/* mean time of the shape */
	double whole_ns, low_ns, high_ns;	/* if it took as many waves as it fills */
};
struct predict_wave_list {
	struct predict_wave *rows;	/* largest gain over the run first */
	size_t count;
};
int run_predict_waves(struct run *run, struct predict_wave_list *list);
void predict_wave_list_free(struct predict_wave_list *list);

#endif
