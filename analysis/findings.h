/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings: what costs the GPU time, how much, where in the code, and what to do about it. The
 * detectors are the rows of detectors.def; docs/findings.md describes them.
 */
#ifndef GPUTRAIL_ANALYSIS_FINDINGS_H
#define GPUTRAIL_ANALYSIS_FINDINGS_H

#include "analysis/steps.h"
#include "analysis/waterfall.h"

enum finding_severity { FINDING_INFO, FINDING_WARNING, FINDING_CRITICAL };
const char *finding_severity_name(enum finding_severity severity);

/* Something in the recording that shows the finding, to jump to. */
struct finding_evidence {
	const char *table;		/* in the file; "" an interval of a device's time */
	int64_t row;			/* its id; 0: none, only the time is known */
	int64_t stream;			/* 0 unknown */
	uint64_t start_ns, dur_ns;	/* of the GPU's work, or of the call where table is "call" */
};

#define FINDING_EVIDENCE_MAX 5
#define FINDING_GAIN_BYTES 384

/* Times are of the device: lost_ns of its wall time since the warm-up, concerned_ns of the work
 * that the finding is about where what is lost by it cannot be told. */
struct run_finding {
	const char *numbers, *name, *title;	/* of the detector */
	enum finding_severity severity;
	int device, gpu;		/* device.id, run_device.gpu; -1: not of one device */
	uint64_t lost_ns, concerned_ns, count;
	uint64_t wall_ns;		/* what shares are shares of */
	uint32_t causes;		/* bits of the idle causes whose time it is; 0: none */
	uint64_t gain_low_ns, gain_high_ns;	/* bounds of what mending it would save */
	bool is_predicted;		/* by its steps without their idle time; else what follows is 0 */
	uint64_t gain_ns;		/* likely */
	uint64_t step_now_ns, step_ns, step_low_ns, step_high_ns;	/* median periods; afterwards */
	uint64_t first_ns, last_ns;	/* when it happened, as far as known; 0: not */
	int64_t path;			/* call path to blame; 0 unknown */
	char *where;			/* its name: "function (file:line)", "" unknown */
	char *callers;			/* of that, the nearest first: "a (b:1) < c (d:2)", "" unknown */
	char *range;			/* of the program, around most of the evidence; "" none */
	char *what;			/* kernel, call or kind of copy it is about; "" none */
	char *advice;			/* sentences for people */
	struct finding_evidence evidence[FINDING_EVIDENCE_MAX];
	int evidence_count;
};
RUN_LIST(run_finding);

/* Thresholds by name ("sync-readback.warning"), with their defaults. */
struct finding_limits;
struct finding_limits *finding_limits_new(void);	/* NULL: no memory */
void finding_limits_free(struct finding_limits *limits);
/* "NAME=VALUE"; -1 and what is wrong with it in `why`. */
int finding_limits_set(struct finding_limits *limits, const char *text, char *why, size_t why_bytes);
/* A file with one on each line; # begins a comment. */
int finding_limits_read(struct finding_limits *limits, const char *path, char *why,
			size_t why_bytes);

struct finding_limit {
	char name[64];
	double value;
	const char *help;
};
size_t finding_limits_count(void);
void finding_limit_get(const struct finding_limits *limits, size_t index,
		       struct finding_limit *limit);

/* What mending it would save, in words, and whether that is a prediction or bounds; returns text. */
const char *finding_gain(const struct run_finding *finding, char text[FINDING_GAIN_BYTES]);

struct finding_detector {
	const char *numbers, *name, *title, *signature;
};
size_t finding_detectors_count(void);
const struct finding_detector *finding_detector(size_t index);
/* What no recording of this kind can show; NULL behind the last. */
struct finding_blind { const char *numbers, *what, *why; };
extern const struct finding_blind finding_blinds[];

struct findings {
	struct run_finding_list list;	/* critical first, then by lost time */
	struct idle_result idle;
	struct step_result steps;	/* without its idle, which is above */
	struct waterfall_list waterfalls;	/* of the devices that did something, by id */
	uint64_t warm_ns;		/* when the program began to serve; what was before is no loss */
};

struct findings_options {
	const struct finding_limits *limits;	/* NULL: the defaults */
	size_t intervals;		/* see idle_options */
	const struct idle_observer *observer;	/* that sees the pass as well, or NULL */
};

/* Two passes over the recording, one of them to find its steps, and one more to predict steps without
 * idle time. Returns 0, or -1 with run_error(). */
int run_findings(struct run *run, const struct findings_options *options, struct findings *findings);
void findings_free(struct findings *findings);

/* The list alone, with the thresholds that are given. */
int run_findings_list(struct run *run, const struct finding_limits *limits,
		      struct run_finding_list *list);
void run_finding_list_free(struct run_finding_list *list);

/* The finding that costs most, then the next, ...: indices into the list, at most `max`. */
size_t findings_costliest(const struct findings *findings, size_t *indices, size_t max);

#endif
