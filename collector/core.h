/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the collector: the state its files share. */
#ifndef GPUTRAIL_COLLECTOR_CORE_H
#define GPUTRAIL_COLLECTOR_CORE_H

#include "collector/activity.h"
#include "collector/clock.h"
#include "collector/collector.h"
#include "collector/database.h"
#include "collector/estimate.h"
#include "collector/graphcontent.h"
#include "collector/graphnode.h"
#include "collector/intern.h"
#include "collector/summary.h"
#include "collector/window.h"
#include "driver/driver_api.h"
#include "driver/driver_enums.h"
#include "wire/wire.h"

#include <sys/types.h>
#include <uthash.h>

/* A query's "not ready" is an answer, not a failure. */
static inline bool result_is_failure(int64_t result)
{
	return result != CUDA_SUCCESS && result != CUDA_ERROR_NOT_READY;
}

#define ORDINALS_MAX 64
#define CONTEXTS_MAX 4096
#define FUNCTIONS_MAX (1u << 20)
#define WAITING_MAX 65536		/* GPU records whose host call has not come yet */
#define WAITING_NS 2000000000ll		/* how long they wait */

enum collector_counter {
#define COUNTER(name, text) COUNT_##name,
#include "collector/counters.def"
#undef COUNTER
	COUNT_TOTAL
};

/* --- what exists --------------------------------------------------------------------------- */

struct device {
	char uuid[33];			/* hexadecimal, "" unknown */
	bool known;
	struct wire_def_device def;
};

struct kernel {
	uint32_t registers, static_shared_bytes, local_bytes;
	uint32_t max_threads, max_dynamic_shared_bytes;
};

struct text {				/* interned string */
	uint32_t id;
	bool is_list;			/* is in the table arguments */
	UT_hash_handle hh;
	char bytes[];
};

struct stream {
	uint32_t context_id;		/* of the file, 0 unknown */
	uint32_t device;
	uint64_t handle, number;
	int32_t priority;
	uint32_t flags;
	bool defined;
	bool dirty;
	struct process *process;
	uint32_t wire_context;
};

struct graph {
	struct process *process;
	uint64_t handle;
	uint32_t number, nodes, path, updates, node_updates, flags;
	int64_t created_ns, instantiate_ns, update_ns, node_update_ns;
	bool dirty;
};

/* --- per process --------------------------------------------------------------------------- */

struct function {
	uint32_t kernel;		/* id in the file, 0 not defined yet */
	uint32_t registers, static_shared_bytes;
};

struct context {
	uint32_t id;			/* in the file, 0 not defined */
	uint32_t ordinal;
};

/* A launch configuration: the key as the host or the GPU side tells it, resolved on writing. */
struct host_config {
	uint32_t context, function;
	uint32_t grid[3];
	uint16_t block[3], cluster[3];
	uint32_t dynamic_shared_bytes, flags;
};

struct gpu_config {
	uint32_t name, device;
	uint32_t grid[3];
	uint16_t block[3], registers, cluster[3], reserved;
	uint32_t static_shared_bytes, dynamic_shared_bytes, local_bytes, flags;
};

struct resolved {
	uint32_t shape, device;		/* ids in the file; shape 0: not resolved */
};

struct callpath;
struct ring_paths;

struct range_begin {			/* a range that is open */
	struct wire_range record;
	int64_t start;
	uint32_t thread;		/* of the file */
};

struct range_stack {
	struct range_begin *open;
	uint32_t count, capacity;
};

/* What ranges of a process say; range.c. */
struct ranges {
	uint32_t *texts;		/* the process's number to text id */
	uint32_t text_capacity;
	struct intern labels;		/* struct range_key to label_ids[] */
	uint32_t *label_ids, label_capacity;
	struct intern names;		/* what, domain, number to name_texts[] */
	uint32_t *name_texts, name_capacity;
	struct range_start *starts;	/* by id */
};

struct ring {
	const unsigned char *bytes;	/* mapped twice in a row */
	uint64_t size, offset;
	uint32_t generation, thread;	/* thread: id in the file, 0 none yet */
	uint32_t tid;
	bool dead;			/* corrupt: not read again */
	uint64_t dropped;
	struct ring_paths *paths;	/* what its node numbers mean; NULL none yet */
	uint64_t call_begin;		/* of the last call read, in the wire clock */
	int64_t call_start_ns;		/* as its row has it */
	struct range_stack pushes;
};

/* Correlation id to where its host row or waiting GPU record is. */
struct join {
	uint32_t *keys;
	uint32_t *places;		/* 0 empty; else see join.c */
	uint32_t count, mask;
};

struct process {
	struct collector *collector;
	uint32_t id;
	pid_t pid, parent_pid;
	uint64_t start_ticks;
	int socket, pidfd, memfd;
	struct wire_control *control;
	uint64_t control_bytes, file_bytes;
	enum wire_clock clock;
	bool closed, reported;
	const char *state;		/* as in the file */
	int64_t start_ns, end_ns;	/* end_ns NIL while it runs */
	int exit_status;		/* wait status, -1 unknown */
	struct ring rings[WIRE_RINGS_MAX];

	struct function *functions;
	uint32_t function_capacity;
	uint32_t *strings;		/* wire string id to text id */
	uint32_t string_capacity;
	struct context *contexts;
	uint32_t context_capacity;
	uint32_t devices[ORDINALS_MAX];	/* ordinal to device id, 0 unknown */
	struct intern stream_keys;	/* struct stream_key to stream_ids[] */
	uint32_t *stream_ids, stream_capacity;
	struct intern gpu_stream_keys;	/* CUPTI's context and stream to gpu_streams[] */
	struct gpu_stream {
		uint32_t id;		/* in the file, 0 not known yet */
		uint32_t correlation;	/* of its latest record */
	} *gpu_streams;
	uint32_t gpu_stream_capacity;
	struct intern configs, gpu_configs;
	struct resolved *resolved, *gpu_resolved;
	uint32_t resolved_capacity, gpu_resolved_capacity;
	struct intern graph_keys;
	uint32_t *graph_ids, graph_capacity;
	struct graph_nodes graph_nodes;
	uint32_t *modules;		/* module number to 1 + index of callpath.h */
	uint32_t module_capacity;
	struct join join;
	struct ranges ranges;
	uint64_t dropped;		/* records that found a ring full */
	bool is_sampled;		/* GPU times are taken of a part: the rest is estimated */
	uint32_t detail_row;		/* of table detail: what is taken now, 0 none */
	uint64_t counters[COUNT_TOTAL];
	uint8_t routes[API_COUNT];	/* as struct wire_control has them */
};

/* A GPU record that came before its host call. */
struct waiting {
	struct process *process;
	int64_t arrived_ns;
	uint32_t next;			/* 1 + index of the next one of the same correlation */
	uint32_t last;			/* of the first one: the chain's end */
	uint32_t taken;
	union {
		struct wire_gpu gpu;
		struct wire_gpu_kernel kernel;
		struct wire_gpu_copy copy;
		struct wire_gpu_set set;
	} record;
};

struct collector {
	struct database *db;
	struct collector_options options;
	char *path;
	uint32_t idle_rounds;
	struct clock clock;
	struct summary *summary;
	struct estimate *estimate;
	struct callpath *callpath;
	struct activity *activity;	/* NULL: nobody asked for it */
	struct window windows[TABLE_COUNT];
	int listener;
	struct process **processes;
	uint32_t process_count, process_capacity, open_count;
	uint32_t thread_count, detail_count, label_count;
	bool control_runs;		/* the time between --delay and the end of --duration */

	struct text *texts;
	struct text **text_list;
	uint32_t text_count, text_capacity;
	uint32_t list_count;		/* texts that are in the table arguments */
	struct intern kernel_keys, shape_keys;
	struct graph_content graph_content;
	struct kernel *kernels;
	uint32_t kernel_capacity;
	struct device devices[ORDINALS_MAX * 4];
	uint32_t device_count, context_count;
	struct stream *streams;
	uint32_t stream_count, stream_capacity;
	bool streams_changed, graphs_changed;
	struct graph *graphs;
	uint32_t graph_count, graph_capacity;

	struct waiting *waiting;
	uint64_t waiting_head, waiting_tail;
	uint64_t counters[COUNT_TOTAL];
	uint64_t records;
	int64_t now_ns;			/* of the round under way */
	int64_t committed_ns, summarised_ns, first_event_ns, last_event_ns;
	bool stopped;			/* the file cannot be written any more */
	unsigned char scratch[WIRE_RECORD_MAX + 8] __attribute__((aligned(8)));
};

/* entity.c: interning what exists; all return ids of the file, 0 on failure */
uint32_t entity_text(struct collector *c, const char *text);
uint32_t entity_kernel(struct collector *c, const char *mangled, const struct kernel *kernel);
uint32_t entity_device(struct process *p, uint32_t ordinal);
void entity_define_device(struct process *p, const struct wire_def_device *def);
void entity_define_function(struct process *p, const struct wire_def_function *def);
void entity_define_string(struct process *p, const struct wire_def_string *def);
void entity_define_context(struct process *p, const struct wire_def_context *def);
uint32_t entity_context_device(struct process *p, uint32_t wire_context);
void entity_process(struct process *p);
uint32_t entity_thread(struct process *p, uint32_t tid, const char *name, int64_t now_ns);
void entity_thread_ended(struct process *p, uint32_t thread, int64_t now_ns);

/* arguments.c: `arguments` belong to the call that was read last from `ring` */
void arguments_record(struct process *p, const struct ring *ring,
		      const struct wire_arguments *arguments);

/* stream.c: streams and graphs */
void stream_define(struct process *p, const struct wire_def_stream *def);
/* Stream of a call: handle as the program gave it; per_thread: 0 means the thread's own. */
uint32_t stream_of_call(struct process *p, uint32_t wire_context, uint64_t handle, bool per_thread,
			uint32_t thread);
/* Stream of a GPU record by CUPTI's ids; `known` (or 0): the stream of its host call. */
uint32_t stream_of_gpu(struct process *p, const struct wire_gpu *gpu, uint32_t known);
/* Notes the record's correlation; returns the one before it on that stream, 0 if it is the same. */
uint32_t stream_advance(struct process *p, const struct wire_gpu *gpu);
uint32_t stream_device(struct collector *c, uint32_t stream);
void stream_write(struct collector *c);
uint32_t graph_of_launch(struct process *p, uint64_t handle, int64_t now_ns);
/* Successful calls that began then and took so long. */
void graph_created(struct process *p, uint64_t handle, int64_t start_ns, int64_t dur_ns,
		   uint32_t path, uint32_t flags);
void graph_updated(struct process *p, uint64_t handle, int64_t start_ns, int64_t dur_ns,
		   bool is_one_node);
/* Members or edges of an executable graph that was created (graphcontent.c). */
void graph_parts(struct process *p, const struct wire_def_graph_parts *def);
void graph_destroyed(struct process *p, uint64_t handle);
void graph_seen(struct collector *c, uint32_t graph, uint32_t number, uint32_t nodes);
void graph_write(struct collector *c);

/* shape.c: launch configurations */
uint32_t shape_host_config(struct process *p, const struct wire_launch *launch);
uint32_t shape_gpu_config(struct process *p, const struct wire_gpu_kernel *kernel);
struct resolved shape_of_host(struct process *p, uint32_t config);
struct resolved shape_of_gpu(struct process *p, uint32_t config);

/* join.c */
#define PLACE_MASK 0x1fffffffu	/* a place keeps this much of a sequence number */
enum place_kind { PLACE_NONE, PLACE_LAUNCH, PLACE_GRAPH, PLACE_COPY, PLACE_WAITING = 4 };
struct place {
	enum place_kind kind;
	uint32_t index;			/* low bits of the row's sequence, or waiting index */
};
struct place join_find(const struct join *join, uint32_t correlation);
bool join_set(struct join *join, uint32_t correlation, struct place place);
void join_remove(struct join *join, uint32_t correlation);
void join_free(struct join *join);

/* host.c, gpu.c: records to rows */
void host_record(struct process *p, struct ring *ring, const struct wire_head *head);
void gpu_record(struct process *p, const struct wire_gpu *gpu);
/* Takes GPU records that waited for this correlation. */
void gpu_take_waiting(struct process *p, uint32_t correlation, uint32_t index);
/* GPU records nobody asked for in time become orphans. */
void gpu_expire_waiting(struct collector *c, int64_t now_ns, bool all);
/* The thread of a ring, as the file numbers it. */
uint32_t ring_thread(struct process *p, struct ring *ring, int64_t now_ns);
int64_t host_time(const struct process *p, uint64_t wire_time);
/* Whether something can have happened then: not reversed, not long before the run or after now. */
bool times_plausible(const struct collector *c, int64_t start, int64_t end);

/* row.c: what happens when a row goes to the file */
void row_write(void *owner, struct window *window, struct window_row *row);
void row_retire(void *owner, struct window *window, struct window_row *row, uint64_t sequence);

/* process.c */
struct process *process_accept(struct collector *c, int socket);
void process_drain(struct process *p);
bool process_pending(struct process *p);	/* a ring has something */
void process_close(struct process *p);
/* A closed process whose end was not known yet: perhaps it is now. */
void process_look_again(struct process *p);
void process_counters(struct process *p);
/* Calls by the way into the driver, from the calls so far. */
void process_routes(struct process *p);
uint64_t process_counter(const struct process *p, unsigned counter);	/* enum wire_counter */
void process_free(struct process *p);

/* control.c */
void control_meta(struct collector *c);
void control_accept(struct process *p);	/* before the process is welcomed */
void control_step(struct collector *c, int64_t now_ns);
void control_level(struct process *p, const struct wire_level *level);
void control_end(struct process *p, int64_t at_ns);
void control_marks(struct process *p);

/* meta.c */
void meta_start(struct collector *c, const struct collector_options *options);
void meta_update(struct collector *c);

#endif
