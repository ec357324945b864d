/* SPDX-License-Identifier: Apache-2.0 */
/* The collector: takes records from shims and writes the file. One thread, never blocks them. */
#ifndef GPUTRAIL_COLLECTOR_COLLECTOR_H
#define GPUTRAIL_COLLECTOR_COLLECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector/control.h"

struct collector;

struct collector_options {
	const char *path;		/* of the file, must not exist */
	const char *socket_name;	/* abstract, without the leading "@" */
	char *const *command;		/* NULL terminated, for meta; may be NULL */
	const char *simulated;		/* device of the simulated driver, NULL a real one */
	const char *callpath;		/* what paths are taken; NULL: as this environment says */
	const char *nvml;		/* library that measures activity; NULL: the loader's */
	bool names_nvtx_tool;		/* to the command, unless this environment names another */
	struct control_options control;
};

struct collector_figures {
	uint64_t kernels, copies, events, lost, file_bytes;
	uint32_t processes;
	int64_t span_ns;		/* first to last event */
	char activity[256];		/* why activity was not measured as asked for, or "" */
};

/* Listens on the abstract socket; -1 with errno (EADDRINUSE: another collector has the name). */
int collector_listen(const char *socket_name);
/* Takes over `listener` (closes it with the collector). The file is made when the first process
 * connects or at collector_open_file(). NULL: no memory. */
struct collector *collector_new(const struct collector_options *options, int listener);
/* Makes the file now; 0 or -1 with a sentence in *error (caller frees). */
int collector_open_file(struct collector *collector, char **error);

/* One round: accepts, drains, writes when due. Waits at most `wait_ms` for something to do,
 * less when `extra_fd` (or -1) becomes readable. */
void collector_step(struct collector *collector, int wait_ms, int extra_fd);
/* Processes connected now; ever. */
uint32_t collector_clients(const struct collector *collector);
uint32_t collector_processes(const struct collector *collector);
/* Tells how a child ended (wait status). */
void collector_child_ended(struct collector *collector, pid_t pid, int wait_status);
/* NULL, or why nothing more is written. */
const char *collector_broken(const struct collector *collector);
/* Drains and closes everything and finishes the file; frees. 0, or -1 if something could not be
 * written. A file without any process is removed. */
int collector_close(struct collector *collector, struct collector_figures *figures, char **error);

/* Finishing a file whose recorder died. */
struct recovery {
	enum recovery_outcome {
		RECOVERY_DONE,		/* summaries and zone map are made anew from the rows */
		RECOVERY_HEALTHY,	/* nothing to do */
		RECOVERY_RECORDING,	/* its recorder is alive */
		RECOVERY_NOT_OURS,	/* missing, unreadable, or not a gputrail file */
		RECOVERY_FAILED,
	} outcome;
	uint64_t events, kernels, copies;
	int64_t span_ns;
	long recorder_pid;
	char detail[512];		/* what went wrong; what is still wrong with the file */
};
/* Called all along: what is done now, and how many rows of all, or 0 of 0 where nobody knows. */
typedef void recovery_progress_fn(void *arg, const char *what, uint64_t done, uint64_t total);
/* is_ours: the recorder is this process, and done. progress may be NULL. */
void recover_file(const char *path, bool is_ours, recovery_progress_fn *progress, void *arg,
		  struct recovery *recovery);
/* The process that is recording into `path`; 0: none. */
long recovery_recorder(const char *path);

#endif
