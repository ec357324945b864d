/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the views show, read by a thread of its own so that the screen never waits for the file.
 * A snapshot is one consistent reading of the summaries; event rows are never scanned.
 */
#ifndef GPUTRAIL_TUI_DATA_H
#define GPUTRAIL_TUI_DATA_H

#include "analysis/analysis.h"
#include "analysis/callpaths.h"
#include "tui/taken.h"

#define SNAPSHOT_COLUMNS 480	/* points of the charts; wider screens repeat them */

/* Which tree of call paths is read. */
struct paths_how {
	enum callpath_order order;
	enum callpath_metric metric;
	bool interpreter;		/* with the interpreter's own frames */
};

struct timeline_scan;
struct metric_change_list;

struct snapshot {
	struct run_info info;
	struct run_device_list devices;
	struct run_kernel_list kernels, shapes;
	struct run_api_list apis;
	struct run_copy_list copies;
	struct run_memory_list memory;
	struct run_loss_list losses;
	struct run_process_list processes;
	struct run_thread_list threads;
	struct taken taken;
	struct run_bucket_list *buckets;	/* one per device */
	uint64_t chart_from_ns, chart_to_ns;
	struct callpath_tree *paths;	/* grows while it is looked at: see callpath_children() */
	struct paths_how paths_how;
	const struct timeline_scan *scan;	/* complete, or NULL; borrowed */
	const struct metric_change_list *changes;	/* from another recording, or NULL; borrowed */
	uint64_t scan_reached_ns;		/* how far that reading is which is not complete */
	char *scope;				/* text of what all this is narrowed to */
};

void snapshot_free(struct snapshot *snapshot);

struct loader;

/* Begins to read; the run belongs to the loader from now on. NULL: no thread or memory. */
struct loader *loader_start(struct run *run);
/* Interrupts a query in progress, closes the run. */
void loader_stop(struct loader *loader);
/* Becomes readable when something new is there. */
int loader_fd(const struct loader *loader);
/* The newest snapshot if there is one that was not taken yet, else NULL; the caller frees it. */
struct snapshot *loader_take(struct loader *loader);
/* Asks for a reading now, without waiting for it. */
void loader_ask(struct loader *loader);
/* The same, with call paths like this from now on. */
void loader_ask_paths(struct loader *loader, struct paths_how how);
/* The same, narrowed to this scope, whose rows are counted first; snapshots tell theirs. */
void loader_ask_scope(struct loader *loader, const char *scope);
/* Rows counted so far, of how many (0 unknown); false when nothing is being counted. */
bool loader_is_counting(struct loader *loader, uint64_t *done, uint64_t *total);
/* Gives that up: the scope before stays. */
void loader_cancel(struct loader *loader);
/* What it will be narrowed to as far as asked; the caller frees. */
char *loader_scope(struct loader *loader);
/* Waits until all that was asked for has been read; the first reading is asked for at the start. */
void loader_wait(struct loader *loader);
/* The last error in words, "" if the last reading succeeded. */
void loader_error(struct loader *loader, char *out, size_t size);

#endif
