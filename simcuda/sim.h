/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the simulated CUDA driver (libcuda.so.1): what its files share.
 *
 * entry.c exports every row of driver_api.def. Each exported function looks alike: it tells the
 * listener (the simulated CUPTI) that the call begins, calls impl_<symbol>, tells that it ended.
 * Files implement entry points with IMPL(symbol)(parameters); a symbol nobody implements gets a
 * weak impl_ that returns CUDA_ERROR_NOT_SUPPORTED.
 *
 * Time: every operation has a start and an end on CLOCK_REALTIME-independent CLOCK_MONOTONIC ns,
 * computed when all it waits for is known, so the timeline does not suffer from wake-up jitter.
 * Effects (bytes copied, host functions run) happen on the engine's worker when that time has
 * come; synchronising calls return only after both.
 */
#ifndef GPUTRAIL_SIMCUDA_SIM_H
#define GPUTRAIL_SIMCUDA_SIM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "driver/driver_types.h"

/* The library is built with hidden visibility; only this gets out. */
#define SIM_EXPORT __attribute__((visibility("default")))

#define IMPL(symbol) CUresult impl_##symbol
#define API(symbol, base, tier, since, per_thread, cbid, category, params, args) \
	CUresult impl_##symbol params;
#include "driver/driver_api.def"
#undef API

#define SIM_DEVICES_MAX 16
#define SIM_DRIVER_VERSION_DEFAULT 13000	/* SIMCUDA_DRIVER_VERSION=12040 changes it */

/* --- devices: profiles.def has one row per model ------------------------------------------- */
struct sim_profile {
	const char *key, *name;		/* "H200", "NVIDIA H200" */
	int cc_major, cc_minor, sm_count;
	uint64_t memory_bytes;
	int max_threads_per_sm, max_blocks_per_sm, registers_per_sm;
	int shared_per_sm, shared_per_block, shared_optin, shared_reserved;
	int clock_khz, memory_clock_khz, memory_bus_bits, l2_bytes, copy_engines;
	double tflops_fp16, hbm_gbs, pcie_gbs, nvlink_gbs;	/* for the cost model */
	int pci_device;
};

struct sim_device {
	int ordinal;			/* as the program counts */
	int physical;			/* before CUDA_VISIBLE_DEVICES */
	const struct sim_profile *profile;
	uint64_t used_bytes;		/* device memory, guarded by sim_lock */
	struct sim_context *primary;
	int primary_refs;
	unsigned primary_flags;
	struct sim_engine *engine;	/* owned by engine.c */
	struct sim_meter *meter;	/* owned by meters.c; NULL: nobody wants to know */
	CUmemoryPool default_pool, current_pool;
};
extern struct sim_device sim_devices[SIM_DEVICES_MAX];
extern int sim_device_count;
extern int sim_driver_version;

/* One lock for the driver's tables (contexts, memory, modules). Never held while waiting. */
extern pthread_mutex_t sim_lock;

/* --- contexts ------------------------------------------------------------------------------ */
struct sim_context {
	struct sim_device *device;
	uint32_t id;			/* cuCtxGetId, and CUPTI's contextId */
	unsigned flags;
	bool is_primary, is_destroyed;
	struct sim_stream *legacy;	/* the NULL stream; created by stream.c on demand */
	struct sim_stream *streams;	/* list of all streams of this context */
	uint32_t last_stream_id;	/* owned by stream.c */
	CUresult error;			/* sticky: set by the engine, every later call returns it */
	struct sim_context *opened_next;	/* owned by stream.c: all that are open */
	struct sim_context_settings *settings; /* owned by context.c */
};
/* The calling thread's current context, or NULL. *result says why: NOT_INITIALIZED,
 * INVALID_CONTEXT, CONTEXT_IS_DESTROYED. */
struct sim_context *sim_current(CUresult *result);

/* --- memory -------------------------------------------------------------------------------- */
enum sim_memory_kind {
	SIM_DEVICE, SIM_HOST, SIM_REGISTERED, SIM_MANAGED, SIM_MODULE_GLOBAL, SIM_VMM, SIM_ASYNC,
};
#define SIM_NOWHERE (-2)
struct sim_allocation {
	uintptr_t base;			/* address the program sees; real memory behind it */
	size_t bytes;
	enum sim_memory_kind kind;
	struct sim_device *device;	/* owner; NULL for host memory */
	struct sim_context *context;
	struct sim_stream *stream;	/* of stream-ordered allocations */
	CUmemoryPool pool;
	uint64_t id;
	unsigned flags;			/* as given to the call that made it */
	size_t charged_bytes;		/* counted in device->used_bytes for it; 0: a pool pays */
	bool is_freeing;		/* its stream-ordered free is on the way */
	bool is_synchronous;		/* CU_POINTER_ATTRIBUTE_SYNC_MEMOPS */
	bool is_read_mostly;		/* managed: advice */
	int preferred;			/* managed: advised device, -1 host, SIM_NOWHERE none */
	int location;			/* managed: last prefetched to, -1 host, SIM_NOWHERE never */
};
/* Allocation holding address, or NULL (pageable host memory). Thread safe. */
struct sim_allocation *sim_memory_find(const void *address);
/* CUPTI memory kind of an address: 1 pageable, 2 pinned, 3 device, 5 managed. */
int sim_memory_kind_of(const void *address);
/* Stream-ordered allocation's release when its stream gets there; called by the engine. */
void sim_memory_release(struct sim_allocation *allocation);
/* What pools hold beyond their release threshold goes back; synchronising calls do this. */
void sim_pools_trim(struct sim_device *device);

/* --- functions ----------------------------------------------------------------------------- */
struct sim_param { uint32_t offset, bytes; };
struct sim_function {
	uint32_t magic;			/* SIM_MAGIC_FUNCTION; CUkernel handles have SIM_MAGIC_KERNEL */
	const char *name;		/* mangled, lives as long as the process */
	struct sim_module *module;
	struct sim_context *context;	/* where it is loaded; NULL once it is not any more */
	int registers, static_shared, local_bytes, const_bytes, max_threads;
	int max_dynamic_shared, carveout, max_barriers, binary_version, ptx_version;
	int cluster[3], cluster_scheduling;
	int needs_cluster, allows_large_cluster, cache;
	int is_loaded;			/* lazy loading: 0 until first use */
	int param_count;
	struct sim_param *params;
	void *cost;			/* cached row of the cost file, one block made by cost.c */
};
/* A CUfunction, or a CUkernel cast to one, or NULL if the handle is neither. */
struct sim_function *sim_function_of(CUfunction handle);
/* The same for a call that needs a current context; NULL: *result says why. */
struct sim_function *sim_function_current(CUfunction handle, CUresult *result);
/* What a first launch does under lazy loading; costs nothing later. */
void sim_function_load(struct sim_function *function);
/* Theoretical blocks per SM by the public closed form; *limiter may be NULL. */
int sim_occupancy(const struct sim_profile *profile, const struct sim_function *function,
		  int block_threads, size_t dynamic_shared, const char **limiter);

/* --- engine (engine.c, stream.c, ...) ------------------------------------------------------- */
struct sim_stream;
struct sim_stream *sim_stream_of(CUstream handle, bool per_thread, CUresult *result);
void sim_context_opened(struct sim_context *context);	/* called by context.c */
void sim_context_closed(struct sim_context *context);	/* drains, then frees its streams */
CUresult sim_context_synchronize(struct sim_context *context);
CUresult sim_device_synchronize(struct sim_device *device); /* implicit sync of frees, loads */
/* Orders a stream-ordered alloc or free into its stream; the engine calls
 * sim_memory_release(allocation) when a free is reached. */
CUresult sim_stream_memory_op(struct sim_stream *stream, struct sim_allocation *allocation, bool is_free);
uint64_t sim_now_ns(void);				/* CLOCK_MONOTONIC */
/* Reports every operation that has ended by now; for a profiler's flush. */
SIM_EXPORT void simcuda_settle(void);
/* Occupies host time as real calls do (allocation, module load): SIMCUDA cost model. */
void sim_host_cost(const char *what, uint64_t default_ns);
/* The same for a kernel launch or the record of an event: SIMCUDA_SUBMIT_NS. */
void sim_submit_cost(void);

/* --- faults (fault.c): SIMCUDA_FAIL="alloc=7,launch=100:719,..." ----------------------------- */
/* True when this call of `what` is to fail; *result then holds the error. */
bool sim_fault(const char *what, CUresult *result);

/* --- the listener: simulated CUPTI ---------------------------------------------------------- */
enum sim_activity_kind { SIM_ACTIVITY_KERNEL, SIM_ACTIVITY_COPY, SIM_ACTIVITY_PEER_COPY,
	SIM_ACTIVITY_SET, SIM_ACTIVITY_GRAPH, SIM_ACTIVITY_SYNC, SIM_ACTIVITY_HOST,
	SIM_ACTIVITY_MEMORY };
struct sim_activity {
	enum sim_activity_kind kind;
	uint64_t start_ns, end_ns;	/* CLOCK_MONOTONIC */
	uint32_t correlation;
	uint64_t watched;		/* as simcuda_watch had it when the work was submitted */
	int device;
	uint32_t context, stream;
	uint32_t graph;			/* id of the executable graph, 0 outside */
	uint64_t graph_node;
	const struct sim_function *function;
	unsigned grid[3], block[3], cluster[3], dynamic_shared;
	int launch_type, priority;
	uint64_t bytes;
	uint64_t address;		/* of memory allocated or released, of the kind source_kind */
	uint32_t value;			/* of a set; of a sync CUPTI's type: 1 event, 2 wait, 3 stream,
					 * 4 context; of memory 1 allocation, 2 release */
	int copy_kind, source_kind, destination_kind, is_async, peer_device;
};
/* A node of a graph came to be or changed; the numbers are those of CUPTI's callbacks. */
enum sim_node_event { SIM_NODE_CREATED = 13, SIM_NODE_CLONED = 20, SIM_NODE_UPDATED = 22 };
struct sim_node_change {
	enum sim_node_event event;
	CUcontext context;
	CUgraph graph, original_graph;
	CUgraphNode node, original;	/* original: what it was copied or updated from, or NULL */
	CUgraphNodeType type;
};
struct sim_listener {
	void (*enter)(void *user, uint32_t cbid, const char *name, uint32_t correlation,
		      CUcontext context);
	void (*leave)(void *user, uint32_t cbid, const char *name, uint32_t correlation,
		      CUcontext context, CUresult result);
	void (*activity)(void *user, const struct sim_activity *activity);
	/* On the thread of the call, during it. */
	void (*node)(void *user, const struct sim_node_change *change);
	void *user;
};
/* Exported for libcupti.so; one listener at a time, NULL removes it. */
SIM_EXPORT void simcuda_listen(const struct sim_listener *listener);
/* What the listener wants to know of work submitted from now on; bits are its own matter. */
SIM_EXPORT void simcuda_watch(uint64_t bits);
uint64_t sim_watched(void);
/* Correlation id of the calling thread's outermost API call; our runtime shares it with the
 * driver calls it makes (simcuda_runtime_enter/leave, exported for libcudart). */
uint32_t sim_correlation(void);
#define SIM_CBID_RUNTIME 0x40000000u	/* in a cbid told to the listener: of the runtime's API */
SIM_EXPORT void simcuda_runtime_enter(uint32_t cbid, const char *name);
SIM_EXPORT void simcuda_runtime_leave(uint32_t cbid, const char *name, int result);
SIM_EXPORT uint32_t simcuda_correlation(void);	/* sim_correlation() for the other libraries */
/* Called by the engine when an operation's times are known and it has ended. */
void sim_report(const struct sim_activity *activity);
void sim_report_node(const struct sim_node_change *change);
/* An allocation made, or one about to be given back (report.c). */
void sim_report_memory(const struct sim_allocation *allocation, bool is_free, uint64_t now_ns);
/* Ids of graphs as activities carry them (report.c). */
SIM_EXPORT CUresult simcuda_graph_id(CUgraph handle, uint32_t *id);
SIM_EXPORT CUresult simcuda_graph_exec_id(CUgraphExec handle, uint32_t *id);
SIM_EXPORT CUresult simcuda_graph_node_id(CUgraphNode handle, uint64_t *id);

/* --- meters (meters.c): SIMCUDA_METERS=FILE, for the simulated NVML ---------------------------- */
/* Tells what the device's memory holds; with sim_lock held. */
void sim_meters_memory(struct sim_device *device);

/* --- truth file (truth.c): SIMCUDA_TRUTH=FILE, one line per operation ------------------------- */
/* Called for each allocation made, and before each is given back. */
void sim_truth_memory(const struct sim_allocation *allocation, bool is_free);
#endif
