/* SPDX-License-Identifier: Apache-2.0 */
/* Traces of other tools (Kineto JSON, nsys's SQLite export) become a gputrail file. */
#ifndef GPUTRAIL_COLLECTOR_IMPORT_H
#define GPUTRAIL_COLLECTOR_IMPORT_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct import_options {
	const char *input, *output;	/* output must not exist, or be replaceable */
	/* Called all along: what is done now, how far; 0 of 0 where nobody knows. May be NULL. */
	void (*progress)(void *arg, const char *what, uint64_t done, uint64_t total);
	void *progress_arg;
	const volatile sig_atomic_t *stop;	/* not 0: give up; NULL: never */
};

enum import_outcome {
	IMPORT_DONE,
	IMPORT_BAD_INPUT,		/* missing, unreadable, malformed, or not a trace */
	IMPORT_FAILED,			/* the file could not be written, or it was stopped */
};

struct import_result {
	enum import_outcome outcome;
	const char *kind;		/* of the source, for people */
	uint64_t calls, kernels, copies, skipped, bytes;
	int64_t span_ns;
	char detail[512];		/* why not; "" when done */
};

/* Writes beside the output first and renames at the end, so that no half file is left. */
void import_file(const struct import_options *options, struct import_result *result);

#endif
