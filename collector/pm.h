/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PM sampling: CUPTI reads the GPU's counters 20 to 10,000 times a second. It runs in a process of its
 * own, `gputrail sample`, so that nothing of it is in the recorded program, and what it may do wrong
 * harms neither that nor the recorder. Messages come over a pipe.
 */
#ifndef GPUTRAIL_COLLECTOR_PM_H
#define GPUTRAIL_COLLECTOR_PM_H

#include <stdio.h>
#include <sys/types.h>

#include "collector/sampler.h"

#define PM_PERIOD_MAX_NS 50000000ll	/* slower ones are NVML's */

enum pm_kind {
	PM_BEGUN = 1,			/* text: what is to be known of the samples, or "" */
	PM_SAMPLE,
	PM_OVERFLOW,			/* samples were lost before the next one */
	PM_ENDED,			/* text: why; nothing comes any more */
};

struct pm_message {
	uint32_t kind, reserved;
	int64_t start_ns, end_ns;	/* CLOCK_MONOTONIC */
	union {
		double metrics[SAMPLER_METRICS];	/* as in struct sampler_sample */
		char text[200];
	};
};

/* --- in the process that samples (pm_session.c) -------------------------------------------------- */

struct pm_options {
	const char *cuda, *cupti;	/* files of libcuda and libcupti; cupti "": the system's */
	const char *uuid;		/* of the device, 32 hexadecimal digits */
	int64_t period_ns;
};

/* Samples until `input` ends, writes messages to `output`. Returns an exit status. */
int pm_session_run(const struct pm_options *options, int input, int output);

/* --- in the recorder (pm_process.c) --------------------------------------------------------------- */

struct pm_process {
	pid_t pid;			/* 0: there is none */
	int input, output;		/* its standard input; what it writes */
	size_t held;			/* bytes of the message to be */
	struct pm_message message;
};

/* The libcuda and libcupti that a recorded process has loaded. */
struct pm_libraries {
	char cuda[4096], cupti[4096];
};
/* False: it has not loaded both. */
bool pm_libraries_find(struct pm_libraries *libraries, pid_t recorded);

/* Starts it for a device. The thread that does has to be the one that stops it: the recorder does not
 * wait for children of other threads than its first one. False: errno tells. */
bool pm_process_start(struct pm_process *process, const struct pm_libraries *libraries, const char *uuid,
		      int64_t period_ns);
/* The next message, if there is one by now; *ended: there will be none any more. */
const struct pm_message *pm_process_next(struct pm_process *process, bool *ended);
/* Has it write what is left and end; messages can still be read. */
void pm_process_finish(struct pm_process *process);
/* Ends it now. */
void pm_process_stop(struct pm_process *process);

#endif
