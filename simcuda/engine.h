/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the simulated driver's engine: streams, operations and their timeline.
 *
 * A task says what is to be done; a graph node holds one, an operation is one on its way through a
 * stream. The timeline is a discrete-event simulation that is never ahead of the real clock:
 * whoever holds the engine's lock may advance it up to now, so start and end of an operation do
 * not depend on who noticed them, and how late. Real effects follow in the order of the ends.
 */
#ifndef GPUTRAIL_SIMCUDA_ENGINE_H
#define GPUTRAIL_SIMCUDA_ENGINE_H

#include "simcuda/sim.h"

#define SIM_STREAM_PENDING_MAX 1024
#define SIM_UNITS_PER_DEVICE 65536u	/* a device's SMs, in shares a kernel can hold */

enum sim_task_kind {
	SIM_TASK_EMPTY,		/* keeps order only */
	SIM_TASK_KERNEL,
	SIM_TASK_COPY,
	SIM_TASK_SET,
	SIM_TASK_HOST,
	SIM_TASK_RECORD,	/* event record */
	SIM_TASK_WAIT,		/* wait for an event */
	SIM_TASK_MEMORY,	/* stream-ordered allocation or free */
	SIM_TASK_VALUE_WRITE,
	SIM_TASK_VALUE_WAIT,
	SIM_TASK_GRAPH,
	SIM_TASK_SYNC,		/* a host thread that waited; never in a stream */
};

struct sim_kernel {
	struct sim_function *function;
	unsigned grid[3], block[3], cluster[3], dynamic_shared;
	int launch_type;		/* CUPTI's: 0 regular, 1 cooperative */
	bool is_programmatic;		/* programmatic stream serialization */
	bool has_priority;
	int priority;
	CUresult fault;			/* what the context gets when it ends */
};

/* CUPTI's copy kinds. */
enum sim_copy_kind { SIM_COPY_UNKNOWN, SIM_COPY_HTOD, SIM_COPY_DTOH, SIM_COPY_HTOA, SIM_COPY_ATOH,
	SIM_COPY_ATOA, SIM_COPY_ATOD, SIM_COPY_DTOA, SIM_COPY_DTOD, SIM_COPY_HTOH, SIM_COPY_PTOP };

struct sim_copy {
	char *destination;
	const char *source;
	size_t width, height, depth;		/* bytes, rows, slices; height and depth >= 1 */
	size_t source_pitch, source_slice, destination_pitch, destination_slice;
	void *staging;				/* freed once copied */
	struct sim_device *source_device, *destination_device;	/* NULL: host */
	uint8_t kind, source_kind, destination_kind;
	bool is_async;
};

struct sim_set {
	char *destination;
	size_t width, height, pitch;		/* elements, rows, bytes */
	uint32_t value;
	uint8_t element_bytes, memory_kind;
	bool is_async;
};

struct sim_host {
	CUhostFn function;
	CUstreamCallback callback;		/* instead of function */
	CUstream stream;
	void *data;
};

struct sim_value {
	void *address;
	uint64_t value;
	unsigned flags;
	bool is_wide;
};

struct sim_graph_plan;

struct sim_task {
	enum sim_task_kind kind;
	union {
		struct sim_kernel kernel;
		struct sim_copy copy;
		struct sim_set set;
		struct sim_host host;
		struct { struct sim_event *event; uint32_t id; } event;
		struct {
			struct sim_allocation *allocation;
			uint64_t allocation_bytes;	/* the allocation goes before the report */
			bool is_free;
		} memory;
		struct sim_value value;
		struct { struct sim_graph_plan *plan; uint32_t id; } graph;
		struct { int kind; uint32_t event; } sync;	/* CUPTI's synchronization types */
	};
};

/* Why an operation did not start earlier. */
enum sim_cause {
	SIM_CAUSE_SUBMIT,
	SIM_CAUSE_STREAM,
	SIM_CAUSE_EVENT,
	SIM_CAUSE_HOST,
	SIM_CAUSE_LEGACY,
	SIM_CAUSE_GRAPH,
	SIM_CAUSE_COPY_ENGINE,
	SIM_CAUSE_SM,
	SIM_CAUSE_VALUE
};

enum sim_op_state { SIM_OP_WAITING, SIM_OP_READY, SIM_OP_RUNNING, SIM_OP_ENDED };

struct sim_edge {
	struct sim_op *to;
	struct sim_edge *next;
	enum sim_cause cause;
};

struct sim_op {
	struct sim_op *stream_next;	/* in submission order */
	struct sim_op *list_next;	/* wait queue of a resource, then list of reports */
	struct sim_op *effect_next;
	struct sim_edge *dependents;
	struct sim_stream *stream;
	struct sim_context *context;
	struct sim_op *graph;		/* the launch this node belongs to */
	uint64_t id, node, waited_for;
	uint64_t submit_ns, ready_ns, start_ns, end_ns, duration_ns;
	uint64_t blocked_ns;		/* the call waited for room in the stream */
	uint64_t estimate_ns;		/* lower bound of the end, made at submission */
	uint64_t effect_mark;		/* effects up to this one are its own or older */
	uint32_t correlation, tid, graph_id;
	int refs, unmet, children;	/* children: nodes of a graph launch still to end */
	unsigned units;
	enum sim_cause cause;
	enum sim_op_state state;
	bool has_effect, is_failed;
	uint64_t watched;		/* what the listener watched when it was submitted */
	struct sim_task task;
};

struct sim_capture;
struct sim_node_set {
	CUgraphNode *nodes;
	size_t count;
};

#define SIM_MAGIC_STREAM 0x5354524du
#define SIM_MAGIC_EVENT 0x45564e54u

struct sim_stream {
	uint32_t magic;
	uint32_t id;			/* cuStreamGetId, and CUPTI's streamId */
	struct sim_context *context;
	struct sim_stream *next;	/* in the context */
	struct sim_stream *all_next;	/* of all there ever were */
	struct sim_op *head, *tail;	/* not ended yet */
	unsigned pending;
	uint64_t last_end_ns, last_id, estimate_ns;
	enum sim_cause last_cause;
	int priority;
	unsigned flags;
	bool is_legacy, is_thread, is_destroyed;
	struct sim_capture *capture;	/* NULL when not capturing */
	struct sim_node_set capture_set; /* what the next captured node depends on */
	CUlaunchAttributeValue attributes[CU_LAUNCH_ATTRIBUTE_NVLINK_UTIL_CENTRIC_SCHEDULING + 1];
};

struct sim_event {
	uint32_t magic;
	uint32_t id;
	unsigned flags;
	int refs;
	struct sim_context *context;
	struct sim_op *op;		/* last record, NULL when never recorded */
	uint64_t capture_id;		/* recorded inside this capture, 0: not captured */
	struct sim_node_set capture_set; /* what the capturing stream depended on at the record */
	struct sim_event *next_free;
};

struct sim_queue {
	struct sim_op *head;
};						/* sorted: priority, then time ready */

enum sim_copy_engine {
	SIM_ENGINE_HTOD,
	SIM_ENGINE_DTOH,
	SIM_ENGINE_DTOD,
	SIM_ENGINE_PEER,
	SIM_ENGINES
};

/* What one device has to give. */
struct sim_engine {
	unsigned free_units;
	struct sim_queue compute;
	struct sim_op *copying[SIM_ENGINES];
	struct sim_queue copies[SIM_ENGINES];
	uint64_t sm_freed_by, copy_freed_by[SIM_ENGINES];
};

/* --- engine.c: the timeline. All with sim_engine_lock held. ----------------------------------- */
extern pthread_mutex_t sim_engine_lock;
extern pthread_cond_t sim_progress;	/* an operation of unknown length has ended */
extern uint64_t sim_time_ns;		/* the timeline is settled up to here */

struct sim_op *sim_op_new(const struct sim_task *task);
void sim_op_ref(struct sim_op *op);
void sim_op_unref(struct sim_op *op);
void sim_op_link(struct sim_op *before, struct sim_op *op, enum sim_cause cause);
void sim_op_release(struct sim_op *op);		/* all its edges are made */
void sim_op_finish(struct sim_op *op, uint64_t end_ns);	/* operations of unknown length */
/* Settles everything up to now_ns; may leave some when there is a lot, then returns false. */
bool sim_engine_advance(uint64_t now_ns);
uint64_t sim_engine_next_ns(void);		/* time of the next event, UINT64_MAX: none */
void sim_engine_forget(void);		/* in a forked child: nothing of the parent runs here */

/* --- resource.c: who may use SMs and copy engines, with the lock held ------------------------- */
void sim_resource_init(struct sim_engine *engine);
/* Starts the operation now, or queues it; started operations go to sim_op_start. */
void sim_resource_take(struct sim_op *op, uint64_t now_ns);
void sim_resource_give(struct sim_op *op, uint64_t now_ns);
void sim_op_start(struct sim_op *op, uint64_t now_ns);

/* --- submit.c --------------------------------------------------------------------------------- */
/* Gives the task to the stream: captured there, or made an operation. *op (may be NULL) gets the
 * operation with a reference, NULL when captured. */
CUresult sim_submit(struct sim_stream *stream, const struct sim_task *task, struct sim_op **op);
/* An operation with its costs, in no order yet; with the lock held. */
struct sim_op *sim_op_prepare(const struct sim_task *task, struct sim_stream *stream,
			      uint64_t submit_ns, uint32_t correlation);
uint32_t sim_thread_id(void);
/* The same for a wait for a foreign operation; dependency may be NULL. */
CUresult sim_submit_after(struct sim_stream *stream, const struct sim_task *task,
			  struct sim_op *dependency, struct sim_op **op);

/* --- stream.c: every context that is open, one after the other; the lock need not be held ----- */
struct sim_context *sim_contexts_of(struct sim_device *device, struct sim_context *after);

/* --- wait.c ----------------------------------------------------------------------------------- */
void sim_op_wait(struct sim_op *op, bool may_spin);	/* without the lock; takes the reference */
bool sim_op_is_complete(struct sim_op *op);			/* with the lock */
/* The stream's last operation with a reference, NULL when idle. */
struct sim_op *sim_stream_tail(struct sim_stream *stream);
CUresult sim_stream_wait(struct sim_stream *stream, int sync_kind, uint32_t event);
void sim_progress_wait(uint64_t until_ns);	/* with the lock; until an end no clock foretells */
void sim_sleep_until(uint64_t time_ns, bool may_spin);
/* Puts a host's wait on record. */
void sim_sync_report(struct sim_context *context, struct sim_stream *stream, int sync_kind,
		     uint32_t event, uint64_t begin_ns);
enum { SIM_SYNC_EVENT = 1, SIM_SYNC_STREAM_WAIT = 2, SIM_SYNC_STREAM = 3, SIM_SYNC_CONTEXT = 4 };

/* --- worker.c --------------------------------------------------------------------------------- */
void sim_worker_start(void);			/* once per process, cheap afterwards */
void sim_worker_kick(void);			/* with the lock held: there is work */
void sim_effects_run(uint64_t mark);		/* with the lock, which it drops while working */
void sim_effect_add(struct sim_op *op);
void sim_report_add(struct sim_op *op);
void sim_host_add(struct sim_op *op);
void sim_host_expect(void);			/* with the lock held: one has been submitted */
void sim_poll_add(struct sim_op *op);
extern uint64_t sim_effects_added, sim_effects_done;
extern __thread bool sim_in_host_function;
void sim_copy_run(const struct sim_copy *copy);
void sim_set_run(const struct sim_set *set);

/* --- stream.c --------------------------------------------------------------------------------- */
struct sim_event *sim_event_of(CUevent handle);
void sim_event_set(struct sim_event *event, struct sim_op *op);	/* with the lock held */
CUresult sim_event_status(struct sim_event *event, uint64_t *time_ns);

/* --- set.c ------------------------------------------------------------------------------------ */
CUresult sim_set_classify(struct sim_set *set);

/* --- launch.c --------------------------------------------------------------------------------- */
CUresult sim_kernel_check(const struct sim_kernel *kernel, const struct sim_device *device);
bool sim_kernel_attribute(struct sim_kernel *kernel, CUlaunchAttributeID id,
			  const CUlaunchAttributeValue *value);

/* --- cost.c ----------------------------------------------------------------------------------- */
uint64_t sim_cost_latency(uint64_t id);		/* from submission to the earliest start */
uint64_t sim_cost_gap(const struct sim_op *op);	/* after the operation before it */
/* Occupancy, remembered for the shapes seen last; needs no lock. */
int sim_cost_blocks_per_sm(const struct sim_kernel *kernel, const struct sim_profile *profile);
/* Sets duration_ns and units. */
void sim_cost_of(struct sim_op *op);
/* Share of the time in which the tensor cores of its SMs work; bytes of device memory it moves. */
double sim_cost_tensor(const struct sim_kernel *kernel);
double sim_cost_bytes(const struct sim_kernel *kernel, double blocks);
void sim_cost_init(void);			/* reads the environment, at the first context */
double sim_environment_double(const char *name, double fallback);

/* --- meters.c --------------------------------------------------------------------------------- */
void sim_meters_init(void);
void sim_meters_open(struct sim_device *device);	/* at its first context */
void sim_meters_op(const struct sim_op *op, bool starts, uint64_t now_ns);	/* with the lock held */
void sim_meters_end(void);
void sim_meters_forget(void);			/* in a forked child */

/* --- truth.c ---------------------------------------------------------------------------------- */
void sim_truth_init(void);
bool sim_truth_is_on(void);
void sim_truth_op(const struct sim_op *op);
void sim_truth_flush(bool is_urgent);
void sim_truth_forget(void);			/* in a forked child */
void sim_truth_end(void);

/* --- capture.c -------------------------------------------------------------------------------- */
CUresult sim_capture_add(struct sim_stream *stream, const struct sim_task *task);
/* An error when a capture going on in this or another thread forbids an unsafe call. */
CUresult sim_capture_check_unsafe(void);
CUresult sim_capture_wait_event(struct sim_stream *stream, struct sim_event *event);
CUresult sim_capture_record_event(struct sim_stream *stream, struct sim_event *event);
CUresult sim_capture_kernel(struct sim_stream *stream, const struct sim_task *task, void **params,
			    void **extra);
/* What synchronising or asking this stream does to a capture, as an error. */
CUresult sim_capture_check_sync(struct sim_stream *stream);
/* Work that cannot be captured: invalidates the capture and says so. */
CUresult sim_capture_unsupported(struct sim_stream *stream);
/* Work or a wait on the NULL stream while a blocking stream of its context captures: 906. */
CUresult sim_capture_check_legacy(struct sim_stream *stream);
void sim_event_uncapture(struct sim_event *event);
void sim_capture_invalidate(struct sim_stream *stream);

/* --- graph_plan.c: expands a launch into its nodes, with the lock held ------------------------ */
int sim_graph_expand(struct sim_op *launch, uint64_t now_ns);
void sim_graph_plan_unref(struct sim_graph_plan *plan);
uint64_t sim_graph_plan_estimate(const struct sim_graph_plan *plan);

#endif
