/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader library: a gputrail file as plain structs. Report, export and the viewer show what
 * it says and never query SQLite themselves.
 *
 * Every run_* query fills a caller-owned list that its _free function releases, or returns -1 and
 * leaves a sentence in run_error(). Queries on a file that is being recorded see what has been
 * committed. Nothing is global; one run belongs to one thread at a time; run_stop() may be
 * called from any thread and makes a query in progress return -1.
 */
#ifndef GPUTRAIL_ANALYSIS_ANALYSIS_H
#define GPUTRAIL_ANALYSIS_ANALYSIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run;

/* Opens a file read-only. NULL: *error (caller frees) says what is wrong and what to do:
 * missing, empty, not a gputrail file, newer schema, damaged. */
struct run *run_open(const char *path, char **error);
void run_close(struct run *run);
const char *run_error(const struct run *run);
/* From any thread or signal handler: queries return -1, the one in progress too, until
 * run_resume(). */
void run_stop(struct run *run);
void run_resume(struct run *run);
/* True when the file changed since the last call (cheap: PRAGMA data_version). */
bool run_changed(struct run *run);

/* Called now and then during long scans, from the thread that asked; total 0 is unknown, done 0
 * too. */
typedef void run_progress_fn(void *arg, uint64_t done, uint64_t total);
void run_on_progress(struct run *run, run_progress_fn *progress, void *arg);

/* Between these, all queries see the file at one moment, even while it is being recorded. */
int run_freeze(struct run *run);
void run_thaw(struct run *run);

struct run_info {
	char *path, *state;		/* recording, complete, truncated */
	bool needs_recovery;		/* truncated, and nobody tidied up yet */
	char *command_line, *host, *created, *tool_version;
	int schema_version;
	uint64_t span_ns;		/* first to last event */
	uint64_t file_bytes;
	int processes, threads;
};
int run_info(struct run *run, struct run_info *info);
void run_info_free(struct run_info *info);

/* What the file does not hold because an older version recorded it. */
struct run_gap {
	char *name;			/* "table.column", or "table" */
	char *text;			/* what is unknown without it */
};

struct run_device {
	int id, ordinal;
	int gpu;			/* what people call it: see GPU_NUMBER */
	char *name;
	int cc_major, cc_minor, sm_count;
	uint64_t memory_bytes;
	uint64_t first_ns, last_ns;	/* first GPU operation's start, last one's end */
	uint64_t span_ns, busy_ns, idle_ns, compute_ns, copy_ns;	/* unions over all streams */
	uint64_t kernels, copies, sets, graph_launches;
	uint64_t live_bytes, high_bytes, high_at_ns;
};

/* One row per kernel, or per shape when by_shape. A kernel's grid, block, blocks_per_sm and
 * limiter are those of the shape that took the most time; occupancy and waves are weighted by
 * time over its shapes. device is -1 when the kernel ran on several. */
struct run_kernel {
	int kernel, shape, device, shapes;
	int gpu;		/* run_device.gpu; -1 when it ran on several */
	char *name, *short_name;
	char *label;		/* short_name, with template arguments where kernels share it */
	const char *family, *origin;	/* see families.h; the run's */
	uint64_t count, total_ns, min_ns, max_ns;	/* of those with GPU times */
	uint64_t launches;		/* outside graphs, with or without GPU times */
	double average_ns, stddev_ns;
	int registers, static_shared_bytes, dynamic_shared_bytes;
	int grid[3], block[3];
	int blocks_per_sm;		/* -1 unknown */
	double occupancy, waves;	/* occupancy 0..1, <0 unknown */
	char *limiter;
};

struct run_api {
	int api;
	char *name, *category;
	uint64_t count, failed, total_ns, min_ns, max_ns;
	bool counted_only;		/* not recorded one by one: min, max, stddev unknown */
	double average_ns, stddev_ns;
};

/* Calls of one entry point that failed in one way. */
struct run_failure {
	int api, result;
	char *name, *error;		/* of the entry point; CUDA_ERROR_... */
	uint64_t count, first_ns;
	int64_t path;			/* call path of the first; 0 unknown */
	char *place;			/* idle_path_name() of that path */
};

struct run_copy {
	int device, kind, gpu;
	char *name;			/* "[CUDA memcpy Host-to-Device]" */
	uint64_t count, total_ns, min_ns, max_ns;	/* of those with GPU times */
	uint64_t copies;		/* with or without GPU times; so are the bytes */
	uint64_t bytes, min_bytes, max_bytes;
};

struct run_memory {
	int process, device, kind, gpu;
	char *kind_name;
	uint64_t live_bytes, high_bytes, high_at_ns, allocs, frees, failed;
};

struct run_loss {
	char *name, *text;
	uint64_t value;
	bool is_loss;			/* false: coverage figure */
};

struct run_process {
	int id, pid;
	char *name, *command_line, *state, *backend, *backend_note;
	uint64_t start_ns, end_ns;
};

/* Work whose GPU times were taken of a part only: what was measured, and what is estimated of the
 * rest, with a 95 % bound. kernel 0: copies of a kind. */
struct run_sample {
	int kernel, kind;
	char *name;
	uint64_t measured, measured_ns, missing, estimate_ns, error_ns;
	bool is_bounded;		/* false: error_ns is not known, or that of a part only */
};

struct run_detail {			/* what was taken of a process when */
	int process;
	uint64_t start_ns, end_ns;	/* end 0: to the end of what was recorded */
	char *level, *cause;
};

struct run_mark {			/* an instant that somebody named */
	int process;
	uint64_t start_ns;
	char *text;
};

struct run_graph {			/* an executable graph */
	int id, process, number;	/* number: CUPTI's, -1 unknown */
	uint64_t nodes;			/* GPU operations, the most seen in one launch */
	uint64_t launches, timed;	/* timed: of these with GPU times */
	uint64_t total_ns, host_ns;	/* from first to last operation; in the launch calls */
	uint64_t created_ns, instantiate_ns;
	uint64_t updates, node_updates, update_ns;	/* of all of it, of one node; time of both */
	uint64_t chain;			/* operations that run one after the other; 0 unknown */
	char *kinds;			/* what it was made from; NULL unknown */
	bool is_made;			/* its instantiation was seen */
	bool by_device;			/* device code may launch it */
	int64_t path;			/* of that; 0 unknown */
	char *where;			/* its innermost frames of the program */
};

struct run_graph_node {			/* a kernel in an executable graph */
	int graph, stream;		/* ids of the file */
	uint64_t node, source;		/* CUPTI's ids; of what it was copied from, 0 unknown */
	int64_t member;			/* that one's number in the graph; -1 unknown */
	char *before, *around;		/* numbers that it waits for; kind of what it is inside of; or NULL */
	uint64_t place;			/* in the order in which they begin, from 1 */
	uint64_t at_ns;			/* its begin after that of the first one, on average */
	uint64_t replays, total_ns, min_ns, max_ns;
	char *name;
	int grid[3], block[3];
	int64_t path;			/* of the call that captured it; 0 unknown */
	char *where;
};

struct run_range {			/* ranges of NVTX that say the same */
	char *name;			/* domain, colon, text */
	bool is_nested;			/* pushed and popped, not started and ended */
	uint64_t count, threads;
	uint64_t host_ns, self_ns, min_ns, max_ns;	/* self: without the ranges inside */
	double level;			/* of nested ones, 0 outermost; the mean */
	uint64_t operations, total_ns;	/* GPU work that was launched in them */
	uint64_t span_ns, busy_count;	/* from its first to its last; ranges that launched any */
};

struct run_thread {
	int id, process, tid;
	char *name;
	uint64_t start_ns, end_ns;	/* end 0: still running */
};

struct run_bucket {			/* for charts */
	uint64_t start_ns, width_ns, busy_ns, compute_ns, copy_ns, launches, live_bytes;
	double sm_active;		/* measured, 0..1; < 0: not known */
};

struct run_fact {			/* of meta: clocks, environment, ...; or of an event */
	char *key, *value;
};

/* A list of any of the structs above; `free_row` releases what one row owns. */
#define RUN_LIST(type) struct type##_list { struct type *rows; size_t count; }
RUN_LIST(run_device);
RUN_LIST(run_kernel);
RUN_LIST(run_api);
RUN_LIST(run_copy);
RUN_LIST(run_memory);
RUN_LIST(run_loss);
RUN_LIST(run_process);
RUN_LIST(run_thread);
RUN_LIST(run_fact);
RUN_LIST(run_bucket);
RUN_LIST(run_failure);
RUN_LIST(run_gap);
RUN_LIST(run_sample);
RUN_LIST(run_detail);
RUN_LIST(run_mark);
RUN_LIST(run_range);
RUN_LIST(run_graph);
RUN_LIST(run_graph_node);

/* Names of copy.kind and memory.kind values; never NULL. */
#define RUN_COPY_SET	64		/* copy_kind of memory sets */
const char *run_copy_operation(int kind);	/* "[CUDA memcpy Host-to-Device]" */
const char *run_copy_direction(int kind);	/* "Host-to-Device" */
const char *run_copy_memory(int kind, bool destination);
const char *run_memory_kind(int kind);

/* "function (file:line)" of the innermost `frames` frames that are the program's, those of Python
 * first, joined by " < " where there are several. "" for none; the caller frees. */
char *run_path_name(struct run *run, int64_t path, int frames);

/* Makes all further queries of this handle count the file's rows instead of reading the
 * summaries that its recorder kept: slow on large files, and exact whatever happened to the
 * recorder. Memory is not recounted. */
int run_recount(struct run *run);
/* The same of a part of the recording. What begins in a stretch of time is in it; work outside of a
 * call path's functions, and so on, counts nowhere. Progress counts rows. */
struct scope;
int run_scope(struct run *run, const struct scope *scope);
/* Nothing is counted, but lists of devices, processes, threads and lanes leave out what it does. */
int run_narrow(struct run *run, const struct scope *scope);
void run_widen(struct run *run);
/* Ends both: the recorder's summaries are read again. */
int run_unscope(struct run *run);

int run_devices(struct run *run, struct run_device_list *list);
/* Longest total first. */
int run_kernels(struct run *run, bool by_shape, struct run_kernel_list *list);
int run_apis(struct run *run, struct run_api_list *list);
/* Most frequent first. */
int run_failures(struct run *run, struct run_failure_list *list);
/* Belongs to the run; empty for a file of this version. */
const struct run_gap_list *run_gaps(const struct run *run);
int run_copies(struct run *run, struct run_copy_list *list);
int run_memory(struct run *run, struct run_memory_list *list);
int run_losses(struct run *run, struct run_loss_list *list);
int run_processes(struct run *run, struct run_process_list *list);
/* Largest total first; empty where nothing was sampled. */
int run_samples(struct run *run, struct run_sample_list *list);
/* Both in order of time. */
int run_detail(struct run *run, struct run_detail_list *list);
int run_marks(struct run *run, struct run_mark_list *list);
/* Longest total first; the second reads all kernels inside of graphs. */
int run_graphs(struct run *run, struct run_graph_list *list);
int run_graph_nodes(struct run *run, struct run_graph_node_list *list);
/* Most GPU work first; reads all events of threads with ranges. Work in several is in each. */
int run_ranges(struct run *run, struct run_range_list *list);
/* Short name of a kernel; the caller frees. NULL: not there, or no memory. */
char *run_kernel_name(struct run *run, int64_t kernel);
int run_facts(struct run *run, struct run_fact_list *list);
int run_threads(struct run *run, struct run_thread_list *list);
/* At most `columns` buckets of one device over [from_ns, to_ns). */
int run_buckets(struct run *run, int device, uint64_t from_ns, uint64_t to_ns, int columns,
		struct run_bucket_list *list);

void run_device_list_free(struct run_device_list *list);
void run_kernel_list_free(struct run_kernel_list *list);
void run_api_list_free(struct run_api_list *list);
void run_copy_list_free(struct run_copy_list *list);
void run_memory_list_free(struct run_memory_list *list);
void run_loss_list_free(struct run_loss_list *list);
void run_process_list_free(struct run_process_list *list);
void run_thread_list_free(struct run_thread_list *list);
void run_fact_list_free(struct run_fact_list *list);
void run_sample_list_free(struct run_sample_list *list);
void run_detail_list_free(struct run_detail_list *list);
void run_mark_list_free(struct run_mark_list *list);
void run_range_list_free(struct run_range_list *list);
void run_graph_list_free(struct run_graph_list *list);
void run_graph_node_list_free(struct run_graph_node_list *list);
void run_bucket_list_free(struct run_bucket_list *list);
void run_failure_list_free(struct run_failure_list *list);
void run_gap_list_free(struct run_gap_list *list);

#endif
