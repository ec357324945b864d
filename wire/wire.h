/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract between the shim (producer, inside the profiled process) and the collector.
 *
 * One memfd per process: a control page block, then rings. The shim makes it on the first CUDA
 * use and passes it over a unix socket (SOCK_SEQPACKET) together with a struct wire_hello.
 * Each thread that records owns one single-producer single-consumer ring of bytes; both sides
 * map a ring's bytes twice in a row, so a record never wraps. Records are 8-byte aligned and
 * start with struct wire_head. When a ring is full the producer counts and drops; nobody waits.
 *
 * Every layout here is fixed-width and asserted; change one and WIRE_VERSION goes up.
 */
#ifndef GPUTRAIL_WIRE_WIRE_H
#define GPUTRAIL_WIRE_WIRE_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_MAGIC		0x4c49415254555047ull	/* "GPUTRAIL", little endian */
#define WIRE_VERSION		5u
#define WIRE_RINGS_MAX		256u
#define WIRE_API_MAX		1024u			/* >= rows of driver_api.def */
#define WIRE_RECORD_MAX		65528u			/* bytes, a multiple of 8 */

/* How wire timestamps of host events (begin, end) are to be read. */
enum wire_clock {
	WIRE_CLOCK_MONOTONIC = 0,	/* CLOCK_MONOTONIC, ns */
	WIRE_CLOCK_TSC = 1,		/* x86 time stamp counter, ticks; the collector converts */
};

enum wire_process_state {
	WIRE_PROCESS_RUNNING = 0,
	WIRE_PROCESS_EXITING = 1,	/* exit handlers ran, GPU times were flushed */
	WIRE_PROCESS_DISABLED = 2,	/* the shim switched itself off; see the counters */
};

enum wire_ring_state {
	WIRE_RING_FREE = 0,		/* may be claimed by a thread (producer sets LIVE) */
	WIRE_RING_LIVE = 1,
	WIRE_RING_CLOSED = 2,		/* its thread ended; the consumer drains, then sets FREE */
};

/* What was lost or could not be done, process wide: one row each in wire/counters.def. */
enum wire_counter {
#define COUNTER(name, text) WIRE_COUNTER_##name,
#include "wire/counters.def"
#undef COUNTER
	WIRE_COUNTER_COUNT
};
#define WIRE_COUNTERS_MAX 64u

#define WIRE_ROUTE(counter) (1u << ((counter) - WIRE_COUNTER_route_linked))
static_assert(WIRE_COUNTER_route_patched - WIRE_COUNTER_route_linked == 3, "routes are neighbours");

/* The last slots of counters[] are measurements instead: 0 is "not measured". */
enum wire_gauge {
	WIRE_GAUGE_EVENT_NS = WIRE_COUNTERS_MAX - 13,	/* least time between two events, nothing between */
	/* The parts of the Python interpreter's loop: of each, module number << 48 | where it begins
	 * and, filled before, where it ends, both as in a native node. */
	WIRE_GAUGE_PYTHON_LOOPS = WIRE_COUNTERS_MAX - 12,
	WIRE_GAUGE_PYTHON_VERSION = WIRE_COUNTERS_MAX - 4,	/* 0x030e0af0 and the like */
	WIRE_GAUGE_PATH_NATIVE_PS,				/* taking a known native path */
	WIRE_GAUGE_PATH_NATIVE_FRAMES,				/* and how deep that was */
	WIRE_GAUGE_PATH_PYTHON_PS,				/* the same for Python's */
};
#define WIRE_PYTHON_LOOPS 4u
static_assert((int)WIRE_COUNTER_COUNT <= (int)WIRE_GAUGE_EVENT_NS, "raise WIRE_COUNTERS_MAX");

/* Which back end delivers GPU times. */
enum wire_backend {
	WIRE_BACKEND_NONE = 0,		/* host side only */
	WIRE_BACKEND_CUPTI = 1,
	WIRE_BACKEND_EVENTS = 2,	/* sampled CUDA events */
};

/* How much is taken: what is asked for, and what is in effect. Numbers are those of the wire. */
enum wire_detail {
	WIRE_DETAIL_UNTOLD = 0,		/* nobody asked: full */
#define DETAIL(name, text, is_asked, meaning) WIRE_DETAIL_##name,
#include "wire/details.def"
	WIRE_DETAIL_COUNT
};

/* What the collector and `gputrail ctl` ask of the process: fields first, then `sequence` goes up
 * and is woken as a futex. */
struct wire_request {
	uint32_t sequence;
	uint32_t detail;		/* enum wire_detail, one that may be asked for */
	uint32_t is_stopped;		/* 1: take nothing, attach to nothing */
	uint32_t capture_range;		/* 1: cuProfilerStart and Stop clear and set is_stopped */
	uint32_t budget_ppm;		/* of AUTO: most of the run's time that recording may take */
	uint32_t reserved[3];
};

/* The process's answer. */
struct wire_status_now {
	uint32_t sequence;		/* of the request in effect; woken as a futex */
	uint32_t detail;		/* enum wire_detail in effect */
	uint32_t duty_ppm;		/* of the time with GPU detail, as sampling has it now */
	uint32_t overhead_ppm;		/* measured of the recorder, of the last period */
	uint64_t reserved[2];
};

/* An instant that somebody named. Its writer takes a FREE slot, fills it and sets READY. */
enum wire_mark_state { WIRE_MARK_FREE = 0, WIRE_MARK_TAKEN = 1, WIRE_MARK_READY = 2 };
#define WIRE_MARKS 16u
struct wire_mark {
	uint32_t state;			/* enum wire_mark_state */
	uint32_t reserved;
	uint64_t monotonic_ns;
	char     text[112];
};
static_assert(sizeof(struct wire_mark) == 128, "mark");

struct wire_ring {
	/* written by the producer */
	uint64_t head;			/* bytes ever written; release store publishes records */
	uint64_t dropped;		/* records that found the ring full; not GPU's, which count
					   in lost_gpu_records */
	uint64_t offset;		/* of the ring's bytes in the memfd, page aligned */
	uint64_t bytes;			/* size of the ring, power of two, multiple of the page */
	uint32_t state;			/* enum wire_ring_state */
	uint32_t tid;			/* kernel thread id of the owner */
	uint32_t current_api;		/* 1 + row of the call in progress, 0 outside */
	uint32_t generation;		/* goes up each time the ring gets a new owner */
	uint64_t current_begin;		/* wire clock at the begin of that call */
	uint64_t reserved;
	/* written by the consumer */
	uint64_t tail;			/* bytes ever read */
	uint64_t consumer_reserved[7];
};
static_assert(sizeof(struct wire_ring) == 128 && offsetof(struct wire_ring, tail) == 64, "ring");

/* Calls that are counted only (tier 2 and 3, and all calls by route): relaxed atomic adds. */
struct wire_api_stat {
	uint64_t calls;
	uint64_t failed;
	uint64_t ticks;			/* wire clock spent inside */
};

struct wire_control {
	uint64_t magic;
	uint32_t version;
	uint32_t control_bytes;		/* offset of the first ring, page aligned */
	uint32_t pid;
	uint32_t parent_pid;
	uint64_t start_ticks; /* field 22 of /proc/PID/stat: tells pids apart after re-use */
	uint32_t clock;			/* enum wire_clock */
	uint32_t state;			/* enum wire_process_state */
	uint32_t backend;		/* enum wire_backend */
	int32_t  cuda_version;		/* of the driver, 0 unknown */
	uint32_t cupti_version;		/* cuptiGetVersion, 0 none */
	uint32_t ring_count;		/* rings ever made; slots [0, ring_count) are valid */
	uint64_t attach_clock; /* wire clock, CLOCK_MONOTONIC and CLOCK_REALTIME (ns) at attach */
	uint64_t attach_monotonic_ns;
	uint64_t attach_realtime_ns;
	char     backend_note[256];	/* why the back end is what it is, one sentence */
	struct wire_request request;
	struct wire_status_now now;
	struct wire_mark marks[WIRE_MARKS];
	uint64_t counters[WIRE_COUNTERS_MAX];
	struct wire_api_stat api[WIRE_API_MAX];
	/* How an entry point was handed out: WIRE_ROUTE() of each way. A call does not tell. */
	uint8_t routes[WIRE_API_MAX];
	struct wire_ring rings[WIRE_RINGS_MAX];
};

/* First message on the socket, shim to collector, with the memfd attached (SCM_RIGHTS). */
struct wire_hello {
	uint64_t magic;
	uint32_t version;
	uint32_t pid;
	uint64_t memfd_bytes;
	uint64_t api_hash; /* driver_api_hash(): both sides number entry points alike */
};

/* The answer. status 0: go on; else the shim stays passive. */
struct wire_welcome {
	uint64_t magic;
	uint32_t version;
	uint32_t status;
	char reason[160];		/* of a refusal, a sentence for people; "" none */
};
static_assert(sizeof(struct wire_welcome) == 176, "welcome");

/* Record kinds; the payload struct of each is named in records.def. */
enum wire_kind {
	WIRE_PAD = 0,			/* skip head.bytes */
#define RECORD(name, type) WIRE_##name,
#include "wire/records.def"
#undef RECORD
	WIRE_KIND_COUNT
};

struct wire_head {
	uint16_t bytes;			/* of the whole record, multiple of 8 */
	uint16_t kind;			/* enum wire_kind */
	uint16_t api;			/* row of driver_api.def, for call records */
	uint16_t result;		/* CUresult of the call, for call records */
};

/* Every recorded driver call. Times in the wire clock. */
struct wire_call {
	struct wire_head head;
	uint64_t begin;
	uint64_t end;
	uint32_t native_path;		/* node of the native call path, 0 unknown */
	uint32_t python_path;
	uint32_t correlation;		/* of the GPU back end, 0 none */
	uint32_t context;		/* id of a DEF_CONTEXT, 0 unknown */
};
static_assert(sizeof(struct wire_call) == 40, "call");

enum wire_launch_flag {
	WIRE_LAUNCH_COOPERATIVE = 1,
	WIRE_LAUNCH_PDL = 2,		/* programmatic stream serialization */
	WIRE_LAUNCH_CLUSTER = 4,
	WIRE_LAUNCH_PRIORITY = 8,
	WIRE_LAUNCH_CAPTURED = 16,	/* went into a stream capture: nothing ran */
	WIRE_LAUNCH_PER_THREAD = 32,	/* stream 0 means the per-thread default stream */
	WIRE_LAUNCH_PDL_EVENT = 64,
	WIRE_LAUNCH_DEVICE_UPDATABLE = 128,
	WIRE_LAUNCH_BY_DEVICE = 256,	/* in shapes only: a kernel launched it, no call */
};

struct wire_launch {
	struct wire_call call;
	uint64_t stream;		/* handle */
	uint32_t function;		/* id of a DEF_FUNCTION */
	uint32_t grid[3];
	uint16_t block[3];
	uint16_t cluster[3];
	uint32_t dynamic_shared_bytes;
	uint32_t flags;			/* enum wire_launch_flag */
	uint32_t reserved;
};
static_assert(sizeof(struct wire_launch) == 88, "launch");

struct wire_graph_launch {
	struct wire_call call;
	uint64_t stream;
	uint64_t graph_exec;		/* handle */
	uint32_t flags;
	uint32_t reserved;
};
static_assert(sizeof(struct wire_graph_launch) == 64, "graph launch");

/* copyKind and memoryKind as CUPTI numbers them; 0 unknown. */
struct wire_copy {
	struct wire_call call;
	uint64_t stream;
	uint64_t destination;
	uint64_t source;
	uint64_t bytes;
	uint8_t  copy_kind;
	uint8_t  source_kind;
	uint8_t  destination_kind;
	uint8_t  is_async;
	uint32_t flags;			/* enum wire_launch_flag: CAPTURED, PER_THREAD */
};
static_assert(sizeof(struct wire_copy) == 80, "copy");

struct wire_set {
	struct wire_call call;
	uint64_t stream;
	uint64_t destination;
	uint64_t bytes;
	uint32_t value;
	uint8_t  memory_kind;
	uint8_t  is_async;
	uint16_t flags;
};
static_assert(sizeof(struct wire_set) == 72, "set");

enum wire_memory_op {
	WIRE_MEMORY_ALLOC = 1, WIRE_MEMORY_FREE = 2, WIRE_MEMORY_MAP = 3, WIRE_MEMORY_UNMAP = 4,
};
enum wire_memory_kind {
	WIRE_MEMORY_DEVICE = 1, WIRE_MEMORY_DEVICE_ASYNC = 2, WIRE_MEMORY_MANAGED = 3,
	WIRE_MEMORY_HOST = 4, WIRE_MEMORY_HOST_REGISTERED = 5, WIRE_MEMORY_VMM = 6,
	WIRE_MEMORY_VMM_ADDRESS = 7, WIRE_MEMORY_ARRAY = 8, WIRE_MEMORY_IPC = 9,
};

struct wire_memory {
	struct wire_call call;
	uint64_t address;		/* device pointer, host pointer or handle (VMM create) */
	uint64_t bytes;			/* 0 on frees */
	uint64_t stream;
	uint64_t pool;			/* pool handle; the VMM handle on map */
	uint8_t  op;			/* enum wire_memory_op */
	uint8_t  kind;			/* enum wire_memory_kind */
	uint16_t flags;			/* enum wire_launch_flag */
	uint32_t reserved;
};
static_assert(sizeof(struct wire_memory) == 80, "memory");

/* Any other recorded call; what object, second and value mean is the entry point's matter. */
struct wire_object {
	struct wire_call call;
	uint64_t object;		/* stream, event, graph, module, function, ... */
	uint64_t second;		/* second handle or pointer */
	uint64_t value;			/* size, flags, attribute value, hash of arguments */
};
static_assert(sizeof(struct wire_object) == 64, "object");

/* What of a call's arguments its own record, the one before this of its thread, has no room for. */
struct wire_arguments {
	struct wire_call call;
	uint32_t count;
	uint32_t texts;			/* bit i: value i is the length of a text */
	uint32_t names_bytes;		/* NUL-terminated: what the driver's header calls the values,
					   "Flags" or "pCopy->srcPitch, pCopy->dstPitch" */
	uint32_t reserved;
	uint64_t value[];		/* count values, the names, and the texts without NUL */
};
static_assert(sizeof(struct wire_arguments) == 56, "arguments");

#define WIRE_ARGUMENTS_MAX 16u

/* --- definitions: sent once, before or after their first use, from any ring ---------------- */

struct wire_def_function {
	struct wire_head head;
	uint32_t function;		/* id used in launches, counted from 1 in this process */
	uint32_t registers;
	uint64_t handle;
	uint64_t module;		/* module or library handle, 0 unknown */
	uint32_t static_shared_bytes;
	uint32_t local_bytes;
	uint32_t max_threads;
	uint32_t max_dynamic_shared_bytes;
	uint32_t device;		/* ordinal the attributes belong to */
	uint32_t name_bytes;		/* of the NUL-terminated mangled name that follows */
	char     name[];
};
static_assert(sizeof(struct wire_def_function) == 56, "def function");

struct wire_def_string {
	struct wire_head head;
	uint32_t string;		/* id, counted from 1 in this process */
	uint32_t text_bytes;
	char     text[];
};
static_assert(sizeof(struct wire_def_string) == 16, "def string");

struct wire_def_device {
	struct wire_head head;
	uint32_t ordinal;
	uint32_t cc_major, cc_minor;
	uint32_t sm_count;
	uint64_t memory_bytes;
	uint32_t max_threads_per_sm, max_blocks_per_sm;
	uint32_t registers_per_sm, registers_per_block;
	uint32_t shared_per_sm_bytes, shared_per_block_bytes;
	uint32_t shared_optin_bytes, shared_reserved_bytes;
	uint32_t clock_khz, memory_clock_khz;
	uint32_t memory_bus_bits, l2_bytes;
	uint32_t copy_engines, pci_domain;
	uint32_t pci_bus, pci_device;
	uint8_t  uuid[16];
	char     name[96];
};
static_assert(sizeof(struct wire_def_device) == 208, "def device");

struct wire_def_context {
	struct wire_head head;
	uint32_t context;		/* id, counted from 1 in this process */
	uint32_t device;		/* ordinal */
	uint64_t handle;
	uint64_t number;		/* cuCtxGetId, 0 unknown */
};
static_assert(sizeof(struct wire_def_context) == 32, "def context");

struct wire_def_stream {
	struct wire_head head;
	uint32_t context;
	int32_t  priority;
	uint64_t handle;
	uint64_t number;		/* cuStreamGetId, 0 unknown */
	uint32_t flags;
	uint32_t reserved;
};
static_assert(sizeof(struct wire_def_stream) == 40, "def stream");

struct wire_def_thread {
	struct wire_head head;
	uint32_t tid;
	uint32_t ring; /* slot; all further records of this ring are this thread's */
	char     name[16];		/* comm */
};
static_assert(sizeof(struct wire_def_thread) == 32, "def thread");

/* --- call paths: numbers of nodes and codes belong to the ring that defines them; a later
 * definition of the same number replaces it. Node 0 is the root. A child of the root with nothing
 * but zeros, native or Python, stands for the outer frames that were cut off. ------------------ */

#define WIRE_NODES_MAX (1u << 20)

/* A loaded ELF object. Numbers are counted from 1 in the process. */
struct wire_def_module {
	struct wire_head head;
	uint32_t module;
	uint32_t build_id_bytes;	/* 0 unknown */
	uint64_t low, high;		/* addresses covered */
	uint64_t bias;			/* address in memory - address in the file */
	uint8_t  build_id[20];
	uint32_t path_bytes;		/* of the NUL-terminated path that follows */
	char     path[];
};
static_assert(sizeof(struct wire_def_module) == 64, "def module");

struct wire_def_native_node {
	struct wire_head head;
	uint32_t node, parent;
	uint32_t module;		/* 0: code without a file, address is as in memory */
	uint32_t reserved;
	uint64_t address;		/* return address, as the module numbers them */
};
static_assert(sizeof(struct wire_def_native_node) == 32, "def native node");

struct wire_def_python_code {
	struct wire_head head;
	uint32_t code;
	int32_t  first_line;
	uint32_t minor;			/* of Python 3.minor: form of the line table */
	uint32_t file_bytes, name_bytes;	/* NUL-terminated UTF-8, one after the other */
	uint32_t table_bytes;		/* then the line table */
	char     bytes[];
};
static_assert(sizeof(struct wire_def_python_code) == 32, "def python code");

struct wire_def_python_node {
	struct wire_head head;
	uint32_t node, parent;
	uint32_t code;
	uint32_t instruction;		/* byte offset << 1 | 1 if entered from C code */
};
static_assert(sizeof(struct wire_def_python_node) == 24, "def python node");

/* A node of a graph: made by a call with these paths, or a copy of the original. */
struct wire_def_graph_node {
	struct wire_head head;
	uint64_t node;			/* as graph_node of GPU records */
	uint64_t original;		/* 0: made by a call */
	uint64_t at;			/* wire clock: launches before it had the node as it was */
	uint32_t native_path, python_path;
};
static_assert(sizeof(struct wire_def_graph_node) == 40, "def graph node");

/* What an executable graph was made from, after the record of the call that did. Members are
 * numbered from 0 in the executable graph; those of child graphs and bodies come behind. */
struct wire_def_graph_parts {
	struct wire_head head;
	uint64_t graph_exec;		/* handle */
	uint32_t first;			/* number of the first member here; edges: 0 */
	uint32_t count;			/* of struct wire_graph_member or wire_graph_edge that follow */
};
static_assert(sizeof(struct wire_def_graph_parts) == 24, "def graph parts");

struct wire_graph_member {
	uint64_t node;			/* id of the node that was copied */
	uint32_t parent;		/* 1 + number of the member it is inside of, 0 none */
	uint8_t  type;			/* CUgraphNodeType */
	uint8_t  condition;		/* 1 + CUgraphConditionalNodeType, 0 not known or none */
	uint16_t body;			/* of its parent: which */
};
struct wire_graph_edge {
	uint32_t from, to;		/* numbers of members: `to` waits for `from` */
	uint8_t  type, from_port, to_port, reserved;	/* as in CUgraphEdgeData */
	uint32_t reserved2;
};
#define WIRE_GRAPH_PART_BYTES 16u
static_assert(sizeof(struct wire_graph_member) == WIRE_GRAPH_PART_BYTES &&
	      sizeof(struct wire_graph_edge) == WIRE_GRAPH_PART_BYTES, "graph parts");

/* --- ranges and marks of NVTX. Texts and domains have numbers of their own, counted from 1 in the
 * process; domain 0 is the default one, text 0 none. ---------------------------------------- */

enum wire_nvtx_op {
	WIRE_NVTX_PUSH = 1,		/* ends by a POP of its thread, domain and level */
	WIRE_NVTX_START = 2,		/* ends by an END of its id, on any thread */
	WIRE_NVTX_MARK = 3,		/* an instant */
	WIRE_NVTX_POP = 4,
	WIRE_NVTX_END = 5,
};
#define WIRE_RANGE_TEXTS_MAX 49152u
#define WIRE_RANGE_DOMAINS_MAX 64u

/* What a payload is: NVTX's own numbers. Floating point comes as the bits of a double. */
enum wire_payload {
	WIRE_PAYLOAD_NONE = 0, WIRE_PAYLOAD_UINT64 = 1, WIRE_PAYLOAD_INT64 = 2,
	WIRE_PAYLOAD_DOUBLE = 3, WIRE_PAYLOAD_UINT32 = 4, WIRE_PAYLOAD_INT32 = 5,
	WIRE_PAYLOAD_FLOAT = 6,
};

struct wire_range {
	struct wire_head head;		/* api holds enum wire_nvtx_op, result enum wire_payload */
	uint64_t at;			/* wire clock */
	uint64_t id;			/* START: counted from 1 in this process; PUSH: its level */
	uint64_t payload;
	uint32_t text, domain;
	uint32_t category;		/* 0 none */
	uint32_t color;			/* ARGB, 0 none */
};
static_assert(sizeof(struct wire_range) == 48, "range");

struct wire_range_end {
	struct wire_head head;		/* api holds POP or END */
	uint64_t at;
	uint64_t id;			/* as at its begin */
	uint32_t domain;
	uint32_t reserved;
};
static_assert(sizeof(struct wire_range_end) == 32, "range end");

enum wire_name_of { WIRE_NAME_DOMAIN = 1, WIRE_NAME_CATEGORY = 2, WIRE_NAME_THREAD = 3 };

struct wire_def_name {
	struct wire_head head;		/* api holds enum wire_name_of */
	uint32_t domain;		/* that is named, or whose category is */
	uint32_t number;		/* the category, or the thread's kernel id */
	uint32_t text;			/* defined before, in this ring */
	uint32_t reserved;
};
static_assert(sizeof(struct wire_def_name) == 24, "def name");

/* From here on this is taken. */
struct wire_level {
	struct wire_head head;
	uint64_t at;			/* wire clock */
	uint32_t detail;		/* enum wire_detail in effect */
	uint32_t cause;			/* enum wire_cause */
};
static_assert(sizeof(struct wire_level) == 24, "level");

enum wire_cause {
#define CAUSE(name, text) WIRE_CAUSE_##name,
#include "wire/details.def"
	WIRE_CAUSE_COUNT
};

/* --- GPU side, from the back end. Times: CLOCK_REALTIME ns as CUPTI gives them ------------- */

enum wire_gpu_flag {
	WIRE_GPU_BAD_TIME = 1,		/* start or end 0, or end < start: times are not valid */
	WIRE_GPU_DEVICE_LAUNCHED = 2,
	WIRE_GPU_CLOCK_MONOTONIC = 4,	/* times are CLOCK_MONOTONIC ns instead */
	WIRE_GPU_SAMPLED = 8,		/* from CUDA events: see excess_ns */
	WIRE_GPU_EDGE = 16,		/* launched as GPU detail began or ended: perhaps for no call */
};

struct wire_gpu {
	struct wire_head head;		/* api unused; result holds enum wire_gpu_flag */
	uint64_t start;
	uint64_t end;
	uint32_t correlation;
	uint32_t device;		/* ordinal */
	uint32_t context;		/* CUPTI context id */
	uint32_t stream;		/* CUPTI stream id */
	uint64_t graph_node;		/* 0 outside graphs */
	uint32_t graph;			/* CUPTI id of the executable graph, 0 outside */
	uint32_t excess_ns;		/* SAMPLED: the time may be too long by so much */
};
static_assert(sizeof(struct wire_gpu) == 56, "gpu");

struct wire_gpu_kernel {
	struct wire_gpu gpu;
	uint32_t name;			/* id of a DEF_STRING: mangled name */
	uint32_t grid[3];
	uint16_t block[3];
	uint16_t registers;
	uint32_t static_shared_bytes;
	uint32_t dynamic_shared_bytes;
	uint32_t local_bytes;
	uint16_t cluster[3];
	uint8_t  launch_type;
	uint8_t  priority_known;
	int32_t  priority;
	uint32_t shared_executed_bytes;
};
static_assert(sizeof(struct wire_gpu_kernel) == 56 + 52 + 4, "gpu kernel");

struct wire_gpu_copy {
	struct wire_gpu gpu;
	uint64_t bytes;
	uint8_t  copy_kind, source_kind, destination_kind, is_async;
	uint32_t peer_device;		/* destination ordinal of peer copies, else UINT32_MAX */
};
static_assert(sizeof(struct wire_gpu_copy) == 72, "gpu copy");

struct wire_gpu_set {
	struct wire_gpu gpu;
	uint64_t bytes;
	uint32_t value;
	uint32_t memory_kind;
};
static_assert(sizeof(struct wire_gpu_set) == 72, "gpu set");

/* The answer of wire_next: the record, or why there is none. */
enum wire_status { WIRE_OK, WIRE_EMPTY, WIRE_CORRUPT };

/*
 * Decodes the record at `bytes` of which `available` bytes are readable. Never reads past them,
 * whatever they hold. WIRE_OK: *record_bytes is the record's size, its payload has the size that
 * its kind demands and its strings end in NUL. WIRE_EMPTY: nothing there. WIRE_CORRUPT: stop
 * reading this ring.
 */
enum wire_status wire_decode(const void *bytes, uint64_t available, uint32_t *record_bytes);

/* Checks a mapped control block of `bytes` bytes: magic, version, rings inside the file. */
int wire_control_valid(const struct wire_control *control, uint64_t file_bytes);

/* Name of a record kind or counter for people; never NULL. */
const char *wire_kind_name(unsigned kind);
const char *wire_counter_name(unsigned counter);
const char *wire_counter_text(unsigned counter);
const char *wire_detail_name(unsigned detail);
const char *wire_cause_name(unsigned cause);
/* The detail of that name which may be asked for, or UNTOLD. */
enum wire_detail wire_detail_asked(const char *name);

#endif
