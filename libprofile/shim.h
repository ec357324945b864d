/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of libprofile.so: what its files share.
 *
 * Until the program's first CUDA call nothing exists but this library's code and zeroed data:
 * no thread, no descriptor, no mapping. That call attaches (init.c): it makes the memfd, hands it
 * to the collector and lets the calling thread claim a ring. Whatever goes wrong switches
 * recording off for good, and every wrapper then only passes calls through.
 */
#ifndef GPUTRAIL_LIBPROFILE_SHIM_H
#define GPUTRAIL_LIBPROFILE_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "driver/driver_api.h"
#include "driver/driver_types.h"
#include "wire/wire.h"

#define SHIM_EXPORT __attribute__((visibility("default")))
#define SHIM_TLS __thread __attribute__((tls_model("initial-exec")))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* --- the real driver (real.c) ---------------------------------------------------------------- */
struct real_driver {
#define API(symbol, base, tier, since, per_thread, cbid, category, params, args) \
	CUresult (*symbol) params;
#include "driver/driver_api.def"
#undef API
};
extern struct real_driver real;

/* Fills `real` once a libcuda is loaded; true when it is filled. */
bool real_resolve(void);
bool real_has(int row);
/* The libc's dlsym, dlvsym and dlopen, or those of a library preloaded after this one. */
extern void *(*real_dlsym)(void *, const char *);
extern void *(*real_dlvsym)(void *, const char *, const char *);
extern void *(*real_dlopen)(const char *, int);
extern int (*real_dlclose)(void *);
bool real_loader_resolve(void);

/* --- entry points by name and address (entry.c) ---------------------------------------------- */
#define ENTRY_NONE (-1)
int entry_find(const char *symbol);			/* row of an exported name with a wrapper */
int entry_find_base(const char *base, int version, bool per_thread);
int entry_of_address(const void *address, const char *base);
void *entry_wrapper(int row);
const char *entry_name(int row);
void entry_add_address(const void *address, int row);
/* The wrapper that stands for what the driver answered, or `answer` itself. */
void *entry_replace(void *answer, const char *symbol, enum wire_counter route);

/* --- loaded objects (object.c) --------------------------------------------------------------- */
struct object {
	uintptr_t base, low, high;	/* load bias; addresses covered */
	const void *dynamic;
	uintptr_t relro_low, relro_high;
	unsigned index;			/* place in the load order */
	char path[512];
};
enum object_kind { OBJECT_OTHER, OBJECT_CUDA, OBJECT_CUPTI, OBJECT_LIBC, OBJECT_PYTHON, OBJECT_SHIM };
enum object_kind object_kind_of(const char *path);
struct dl_phdr_info;
void object_fill(const struct dl_phdr_info *info, unsigned index, struct object *object);
bool object_find_kind(enum object_kind kind, struct object *object);
bool object_of_address(const void *address, struct object *object);
/* Address of the default version of a symbol that the object itself defines. */
void *object_symbol(const struct object *object, const char *name);
bool object_address_in_cuda(const void *address);

/* --- process (init.c) ------------------------------------------------------------------------ */
enum process_state { PROCESS_NEW, PROCESS_STARTING, PROCESS_LIVE, PROCESS_OFF };

struct process {
	int state;			/* enum process_state */
	int memfd;
	uint32_t starting_pid;		/* who set PROCESS_STARTING */
	bool use_tsc;
	bool is_paused;			/* only calls that later ones depend on are recorded */
	bool exit_registered;
	bool cuda_ready;		/* cuInit succeeded */
	uint64_t memfd_bytes, memfd_device, memfd_inode;
	uint64_t next_ring_offset;
	struct wire_control *control;
	struct thread *threads;		/* WIRE_RINGS_MAX of them; zeroed in a forked child */
	uint32_t *alive;		/* 1 here, 0 in a forked child */
};
extern struct process process;

/* Attaches when this call is a reason to; true when recording is on. */
bool process_attach(enum driver_api api);
void process_count(enum wire_counter counter, uint64_t amount);
/* A way into the driver was handed out: counts it, and keeps it for the calls that take it. */
void process_route(int row, enum wire_counter route);
/* The host must not see what the shim's own work leaves in errno. */
int process_errno_save(void);
void process_errno_restore(int value);

/* Passes the memfd to a collector; false: nobody wants it (connect.c). */
bool connect_collector(void);
/* Starts `gputrail collect` for the tree below root (start_collector.c). */
bool collector_start(const char *socket_name, uint32_t root);

/* --- threads and rings (thread.c) ------------------------------------------------------------ */
#define FUNCTION_CACHE 256u

struct function_cache {
	uint64_t handle;
	uint32_t id, generation;
};

/* Most calls make one node; copies of a batch make one each. */
#define GRAPH_NODES_MAX 64u

struct thread {
	uint32_t ready;			/* a ring is there and no wrapped call is in progress */
	uint32_t slot;
	struct wire_ring *ring;		/* in the control block */
	unsigned char *bytes;		/* the ring's bytes, mapped twice in a row */
	uint64_t mask, ring_bytes;
	uint64_t head, tail_seen;
	uint32_t context;		/* id of the current context */
	uint32_t correlation;		/* set by the GPU back end during a call */
	uint32_t last_correlation;	/* greatest it ever set here */
	uint32_t calls;			/* recorded or counted; for what that costs see cost.h */
	uint32_t leave_samples;
	uint64_t leave_ticks;		/* wire clock between the driver's return and ours, sampled */
	uint64_t launch_ticks[2];	/* in the driver, with GPU detail off and on */
	uint64_t launches[2];
	CUcontext context_handle;
	bool context_known;
	uint32_t tid;
	uint32_t path_generation, path_loads;
	struct unwinder *unwinder;	/* NULL: native paths are off */
	struct pypath *pypath;		/* NULL: off, or no interpreter that can be read */
	uint32_t graph_node_count;	/* made by the call in progress, for its path */
	uint64_t graph_nodes[GRAPH_NODES_MAX];
	struct function_cache functions[FUNCTION_CACHE];
};

extern SHIM_TLS struct thread *thread_self;

/* The calling thread's state after a slow look; NULL when this call is not to be recorded. */
struct thread *thread_enter_slow(enum driver_api api);
/* The same for a range of NVTX, which is no reason to attach. */
struct thread *thread_enter_range(void);
/* A ring for the calling thread. */
struct thread *thread_claim(void);
void thread_close(struct thread *thread);

static inline uint64_t clock_monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline uint64_t clock_wire(void)
{
#if defined(__x86_64__)
	if (likely(process.use_tsc))
		return __builtin_ia32_rdtsc();
#endif
	return clock_monotonic_ns();
}

/* --- small helpers (util.c): no allocation, no stdio ----------------------------------------- */
int util_read_file(const char *path, char *text, size_t bytes);
size_t util_append(char *text, size_t at, size_t bytes, const char *more);
size_t util_append_number(char *text, size_t at, size_t bytes, uint64_t value);
uint64_t util_hash(const void *bytes, size_t count);
uint64_t util_start_ticks(uint32_t pid, uint32_t *parent);
bool util_ends_with(const char *text, const char *end);
const char *util_basename(const char *path);
int util_executable(char *path, size_t bytes);	/* of this process; -1 unknown */

/*
 * A limit to waiting for another thread or process. It counts the time between two looks up to a few
 * pauses only: what is longer was a machine, or a debugger, that let neither of the two run.
 */
struct patience {
	uint64_t left_ns, seen_ns, most_ns;
};
struct patience patience_of(uint64_t limit_ns, uint64_t pause_ns);
bool patience_left(struct patience *patience);	/* asked at each look */

struct spinlock {
	uint32_t owner;			/* process id of the holder, 0 free */
};
void spin_lock(struct spinlock *lock);
void spin_unlock(struct spinlock *lock);
/* Zeroed memory that costs nothing until it is touched; NULL when there is none. */
void *util_map(size_t bytes);

#endif
