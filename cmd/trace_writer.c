/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chrome trace JSON with the names and arguments of PyTorch's profiler, streamed: docs/trace.md.
 *
 * ts and end are each rounded down to whole microseconds, which keeps their order, so that slices
 * that do not overlap do not overlap here either; "start ns" and "duration ns" are exact.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/trace_writer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/json.h"
#include "cmd/lanes.h"
#include "cmd/trace_activity.h"
#include "cmd/trace_event.h"
#include "cmd/trace_ranges.h"
#include "cmd/trace_steps.h"

#define GPU_SORT_INDEX	5000000
#define GPU_PID_SHIFT	5000000		/* added where a recorded process has a device's number */
#define STREAM_SHIFT	1000000		/* tids of streams whose number another one has */
#define LANE_SHIFT	100000000	/* tids of further lanes */
#define FRAMES_MAX	512

struct writer {
	struct timeline *timeline;
	struct json json;
	int64_t device;			/* -1 all */
	int64_t pid_shift;
	struct lanes *gpu, *cpu;
	int64_t *live_bytes;		/* of each device */
	uint8_t *arrived;		/* graph launches whose arrow has its end, a bit each */
	size_t arrived_bytes;
};

/* Wraps: a damaged file may hold any number. */
static int64_t plus(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* What reports call it: its CUDA ordinal, as in Kineto's traces. */
static int64_t gpu_number(const struct writer *w, int64_t device)
{
	return lookup_number(&w->timeline->devices, device, DEVICE_GPU, device);
}

static int64_t gpu_pid(const struct writer *w, int64_t device)
{
	return device < 0 ? GPU_PID_SHIFT - 1 : plus(gpu_number(w, device), w->pid_shift);
}

/* --- the head ------------------------------------------------------------------------------ */

static void device_properties(struct writer *w)
{
	static const struct { const char *key; int column; } properties[] = {
		{ "totalGlobalMem", DEVICE_MEMORY }, { "computeMajor", DEVICE_MAJOR },
		{ "computeMinor", DEVICE_MINOR },
		{ "maxThreadsPerMultiprocessor", DEVICE_THREADS_PER_SM },
		{ "regsPerBlock", DEVICE_REGISTERS_PER_BLOCK },
		{ "sharedMemPerBlock", DEVICE_SHARED_PER_BLOCK }, { "numSms", DEVICE_SMS },
		{ "regsPerMultiprocessor", DEVICE_REGISTERS_PER_SM },
		{ "sharedMemPerBlockOptin", DEVICE_SHARED_OPTIN },
		{ "sharedMemPerMultiprocessor", DEVICE_SHARED_PER_SM },
	};
	const struct lookup *devices = &w->timeline->devices;

	json_open(&w->json, "deviceProperties", '[');
	for (size_t i = 0; i < devices->count; i++) {
		int64_t id = devices->ids[i];

		if (w->device >= 0 && id != w->device)
			continue;
		json_open(&w->json, NULL, '{');
		json_integer(&w->json, "id", gpu_pid(w, id));
		json_text(&w->json, "name", lookup_text(devices, id, DEVICE_NAME, "GPU"));
		for (size_t p = 0; p < sizeof(properties) / sizeof(*properties); p++)
			json_integer(&w->json, properties[p].key,
				     lookup_number(devices, id, properties[p].column, 0));
		json_integer(&w->json, "warpSize", 32);
		json_close(&w->json, '}');
	}
	json_close(&w->json, ']');
}

static void head(struct writer *w)
{
	int64_t world = (int64_t)w->timeline->devices.count;

	json_open(&w->json, NULL, '{');
	json_integer(&w->json, "schemaVersion", 1);
	device_properties(w);
	json_open(&w->json, "distributedInfo", '{');
	json_integer(&w->json, "rank", w->device > 0 ? gpu_number(w, w->device) : 0);
	json_integer(&w->json, "world_size", w->device > 0 ? world : 1);
	json_close(&w->json, '}');
	json_text(&w->json, "displayTimeUnit", "ns");
	json_integer(&w->json, "baseTimeNanoseconds",
		     w->timeline->origin_realtime_ns);
	json_text(&w->json, "traceName", w->timeline->run->path);
	json_open(&w->json, "traceEvents", '[');
}

static void gpu_metadata(struct writer *w)
{
	const struct lookup *devices = &w->timeline->devices;

	for (size_t i = 0; i < devices->count; i++) {
		int64_t id = devices->ids[i], pid = gpu_pid(w, id);
		char label[32];

		if (w->device >= 0 && id != w->device)
			continue;
		snprintf(label, sizeof(label), "GPU %" PRId64, gpu_number(w, id));
		trace_metadata(&w->json, "process_name", pid, 0, "name",
			 lookup_text(devices, id, DEVICE_NAME, "GPU"), 0);
		trace_metadata(&w->json, "process_labels", pid, 0, "labels", label, 0);
		trace_metadata(&w->json, "process_sort_index", pid, 0, "sort_index", NULL,
			 plus(GPU_SORT_INDEX, gpu_number(w, id)));
	}
}

/* --- work on devices ----------------------------------------------------------------------- */

static void copy_name(int kind, char *name, size_t bytes)
{
	static const char *const directions[] = { "Unknown", "HtoD", "DtoH", "HtoA", "AtoH", "AtoA",
						  "AtoD", "DtoA", "DtoD", "HtoH", "PtoP" };
	unsigned direction = (unsigned)kind & 0xff;
	const char *source = run_copy_memory(kind, false);
	const char *destination = run_copy_memory(kind, true);

	if (direction == RUN_COPY_SET) {
		snprintf(name, bytes, "Memset (%s)", *destination ? destination : "Unknown");
		return;
	}
	if (direction >= sizeof(directions) / sizeof(*directions))
		direction = 0;
	snprintf(name, bytes, "Memcpy %s (%s -> %s)", directions[direction],
		 *source ? source : "Unknown", *destination ? destination : "Unknown");
}

static void triple(struct json *json, const char *key, const int64_t *numbers)
{
	json_open(json, key, '[');
	for (int i = 0; i < 3; i++)
		json_integer(json, NULL, numbers[i]);
	json_close(json, ']');
}

static void kernel_arguments(struct writer *w, const struct timeline_op *op)
{
	const struct timeline *t = w->timeline;
	int64_t grid[3], block[3], fit = lookup_number(&t->shapes, op->shape, SHAPE_BLOCKS_PER_SM, -1);
	double sms = (double)lookup_number(&t->devices, op->device, DEVICE_SMS, 0), blocks;
	double threads_max = (double)lookup_number(&t->devices, op->device, DEVICE_THREADS_PER_SM, 0);
	double threads;

	for (int i = 0; i < 3; i++) {
		grid[i] = lookup_number(&t->shapes, op->shape, SHAPE_GRID + i, 1);
		block[i] = lookup_number(&t->shapes, op->shape, SHAPE_BLOCK + i, 1);
	}
	threads = (double)block[0] * (double)block[1] * (double)block[2];
	blocks = sms > 0 ? (double)grid[0] * (double)grid[1] * (double)grid[2] / sms : 0;
	json_integer(&w->json, "registers per thread",
		     lookup_number(&t->shapes, op->shape, SHAPE_REGISTERS, 0));
	json_integer(&w->json, "shared memory", lookup_number(&t->shapes, op->shape, SHAPE_SHARED, 0));
	json_number(&w->json, "blocks per SM", blocks);
	json_number(&w->json, "warps per SM", blocks * threads / 32);
	triple(&w->json, "grid", grid);
	triple(&w->json, "block", block);
	if (fit >= 0 && threads_max > 0 && sms > 0) {
		double resident = blocks < (double)fit ? blocks : (double)fit;
		double percent = resident * threads / threads_max * 100;

		json_integer(&w->json, "est. achieved occupancy %",
			     percent > 0 && percent < 100 ? (int64_t)(percent + 0.5)
							  : percent > 0 ? 100 : 0);
	}
}

/* True once for each graph launch: a flow has one end. */
static bool arrow_arrives(struct writer *w, const struct timeline_op *op)
{
	size_t byte;
	uint8_t bit;

	if (op->graph_launch < 0)
		return op->correlation >= 0 && op->correlation % 8 != 6;
	byte = (size_t)op->graph_launch / 8;
	bit = (uint8_t)(1 << op->graph_launch % 8);
	if (byte >= w->arrived_bytes || w->arrived[byte] & bit)
		return false;
	w->arrived[byte] |= bit;
	return true;
}

/* The tid of a slice, named when it is new; -1 without memory. */
static int64_t gpu_tid(struct writer *w, const struct timeline_op *op)
{
	int64_t pid = gpu_pid(w, op->device), tid;
	struct lane lane;
	char name[64];

	if (lanes_find(&w->gpu, pid, op->stream,
		       op->stream_number < 0 ? STREAM_SHIFT - 1 : op->stream_number,
		       plus(STREAM_SHIFT, op->stream), op->start_ns, op->end_ns, &lane) < 0)
		return -1;
	tid = plus(lane.tid, (int64_t)lane.number * LANE_SHIFT) & INT64_MAX;
	if (!lane.is_new)
		return tid;
	if (op->stream_number < 0)
		snprintf(name, sizeof(name), "unknown stream");
	else
		snprintf(name, sizeof(name), "stream %" PRId64, op->stream_number);
	if (lane.number)
		snprintf(name + strlen(name), sizeof(name) - strlen(name), " (lane %d)",
			 lane.number + 1);
	trace_metadata(&w->json, "thread_name", pid, tid, "name", name, 0);
	trace_metadata(&w->json, "thread_sort_index", pid, tid, "sort_index", NULL, tid);
	return tid;
}

static int no_memory(const struct writer *w)
{
	return run_fail(w->timeline->run, "out of memory");
}

static int op_write(void *arg, const struct timeline_op *op)
{
	struct writer *w = arg;
	struct json *json = &w->json;
	int64_t pid = gpu_pid(w, op->device), tid;
	const char *category = op->is_kernel ? "kernel" : (op->kind & 0xff) == RUN_COPY_SET
			       ? "gpu_memset" : "gpu_memcpy";
	char copy[96];

	if (w->device >= 0 && op->device != w->device)
		return 0;
	tid = gpu_tid(w, op);
	if (tid < 0)
		return no_memory(w);
	copy_name(op->kind, copy, sizeof(copy));
	trace_slice_open(json, category, op->is_kernel ? op->name : copy, pid, tid, op->start_ns,
		   op->end_ns);
	json_integer(json, "device", pid);
	if (op->context >= 0)
		json_integer(json, "context", op->context);
	json_integer(json, "stream", tid);
	if (tid != op->stream_number && op->stream_number >= 0)
		json_integer(json, "stream number", op->stream_number);
	json_integer(json, "correlation", op->correlation);
	if (op->is_kernel) {
		kernel_arguments(w, op);
	} else {
		json_unsigned(json, "bytes", op->bytes);
		if (op->end_ns > op->start_ns)
			json_number(json, "memory bandwidth (GB/s)",
				    (double)op->bytes / (double)(op->end_ns - op->start_ns));
	}
	if (op->graph_node >= 0)
		json_integer(json, "graph node id", op->graph_node);
	trace_slice_close(json);
	if (arrow_arrives(w, op))
		trace_flow(json, true, op->correlation, pid, tid, op->start_ns);
	return ferror(json->out);
}

/* --- calls --------------------------------------------------------------------------------- */

/* Tools know entry points without "_v2", "_ptsz" and the like. */
static void call_name(const char *name, char *plain, size_t bytes)
{
	static const char *const suffixes[] = { "_ptsz", "_ptds" };
	char *version;

	snprintf(plain, bytes, "%s", name);
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		size_t length = strlen(plain), cut = strlen(suffixes[i]);

		if (length > cut && !strcmp(plain + length - cut, suffixes[i]))
			plain[length - cut] = '\0';
	}
	version = strrchr(plain, '_');
	if (version && version[1] == 'v' && version[2] &&
	    strspn(version + 2, "0123456789") == strlen(version + 2))
		*version = '\0';
}

static int64_t cpu_tid(struct writer *w, const struct timeline_call *call)
{
	struct lane lane, process;
	char name[128];
	int64_t tid;

	/* Threads of one process that died and came again share their number; so they share this. */
	if (lanes_find(&w->cpu, call->pid, call->tid, call->tid, call->tid, call->start_ns,
		       call->end_ns, &lane) < 0 ||
	    lanes_find(&w->cpu, call->pid, -1, -1, -1, call->start_ns, call->start_ns,
		       &process) < 0)
		return -1;
	if (process.is_new_track) {
		trace_metadata(&w->json, "process_name", call->pid, 0, "name", call->process_name, 0);
		trace_metadata(&w->json, "process_labels", call->pid, 0, "labels", "CPU", 0);
		trace_metadata(&w->json, "process_sort_index", call->pid, 0, "sort_index", NULL,
			 call->pid);
	}
	tid = plus(call->tid, (int64_t)lane.number * LANE_SHIFT) & INT64_MAX;
	if (lane.is_new) {
		snprintf(name, sizeof(name), "thread %" PRId64 " (%s)%s", call->tid,
			 call->thread_name, lane.number ? " (lane)" : "");
		trace_metadata(&w->json, "thread_name", call->pid, tid, "name", name, 0);
		trace_metadata(&w->json, "thread_sort_index", call->pid, tid, "sort_index", NULL, tid);
	}
	return tid;
}

static void call_path(struct writer *w, int64_t path)
{
	const char *frames[FRAMES_MAX];
	int count = timeline_path(w->timeline, path, frames, FRAMES_MAX);

	if (!count)
		return;
	json_open(&w->json, "call path", '[');
	for (int i = 0; i < count; i++)
		json_text(&w->json, NULL, frames[i]);
	json_close(&w->json, ']');
}

static int call_write(void *arg, const struct timeline_call *call)
{
	struct writer *w = arg;
	struct json *json = &w->json;
	char name[128];
	int64_t tid;

	if (w->device >= 0 && call->device != w->device &&
	    (call->device >= 0 || !timeline_uses(w->timeline, call->process, w->device)))
		return 0;
	tid = cpu_tid(w, call);
	if (tid < 0)
		return no_memory(w);
	call_name(call->name, name, sizeof(name));
	trace_slice_open(json, !strncmp(name, "cuda", 4) ? "cuda_runtime" : "cuda_driver", name, call->pid,
		   tid, call->start_ns, call->end_ns);
	json_integer(json, "correlation", call->correlation);
	if (call->result)
		json_integer(json, "result", call->result);
	call_path(w, call->path);
	trace_slice_close(json);
	if (call->has_work)
		trace_flow(json, false, call->correlation, call->pid, tid, call->start_ns);
	return ferror(json->out);
}

/* --- memory and all of it ------------------------------------------------------------------ */

static int memory_write(void *arg, const struct timeline_memory *memory)
{
	struct writer *w = arg;
	const struct lookup *devices = &w->timeline->devices;
	size_t i = 0;

	if (memory->device < 0 || (w->device >= 0 && memory->device != w->device))
		return 0;
	while (devices->ids[i] != memory->device)
		i++;
	w->live_bytes[i] = plus(w->live_bytes[i], memory->change);
	trace_event_open(&w->json, "C", NULL, "Device memory", gpu_pid(w, memory->device), 0);
	json_unsigned(&w->json, "ts", memory->at_ns / 1000);
	json_open(&w->json, "args", '{');
	json_integer(&w->json, "bytes", w->live_bytes[i] > 0 ? w->live_bytes[i] : 0);
	json_close(&w->json, '}');
	json_close(&w->json, '}');
	return ferror(w->json.out);
}

/* Of the device, or of all. */
static int activity_write(struct writer *w)
{
	const struct lookup *devices = &w->timeline->devices;
	int result = 0;

	for (size_t i = 0; result == 0 && i < devices->count; i++)
		if (w->device < 0 || devices->ids[i] == w->device)
			result = trace_activity_write(w->timeline->run, devices->ids[i],
						      gpu_pid(w, devices->ids[i]), &w->json);
	return result;
}

/* --- marks --------------------------------------------------------------------------------- */

static int pid_of(const struct run_process_list *processes, int id)
{
	for (size_t i = 0; i < processes->count; i++)
		if (processes->rows[i].id == id)
			return processes->rows[i].pid;
	return 0;
}

static int marks_write(struct writer *w)
{
	struct run_process_list processes;
	struct run_mark_list marks;

	if (run_processes(w->timeline->run, &processes) < 0)
		return -1;
	if (run_marks(w->timeline->run, &marks) < 0) {
		run_process_list_free(&processes);
		return -1;
	}
	for (size_t i = 0; i < marks.count; i++) {
		trace_event_open(&w->json, "i", "mark", marks.rows[i].text,
			   pid_of(&processes, marks.rows[i].process), 0);
		json_unsigned(&w->json, "ts", marks.rows[i].start_ns / 1000);
		json_text(&w->json, "s", "g");
		json_close(&w->json, '}');
	}
	run_mark_list_free(&marks);
	run_process_list_free(&processes);
	return 0;
}

static int writer_init(struct writer *w)
{
	int64_t launches = w->timeline->graph_launches_max;
	size_t devices = w->timeline->devices.count;

	for (size_t i = 0; i < devices; i++)
		if (w->timeline->pid_min <= gpu_number(w, w->timeline->devices.ids[i]))
			w->pid_shift = GPU_PID_SHIFT;
	w->arrived_bytes = launches > 0 && launches < INT64_C(1) << 36 ? (size_t)launches / 8 + 1 : 0;
	w->arrived = calloc(w->arrived_bytes + 1, 1);
	w->live_bytes = calloc(devices + 1, sizeof(*w->live_bytes));
	return w->arrived && w->live_bytes ? 0 : no_memory(w);
}

int trace_write(struct timeline *timeline, int64_t device, FILE *out)
{
	struct writer w = {
		.timeline = timeline, .device = device,
		.json = { .out = out, .flat_depth = 2 },
	};
	int result = writer_init(&w);

	__fsetlocking(out, FSETLOCKING_BYCALLER);
	if (result == 0) {
		head(&w);
		gpu_metadata(&w);
		result = timeline_ops(timeline, op_write, &w);
	}
	if (result == 0)
		result = timeline_calls(timeline, call_write, &w);
	if (result == 0)
		result = timeline_memory(timeline, memory_write, &w);
	if (result == 0)
		result = activity_write(&w);
	if (result == 0)
		result = trace_ranges_write(timeline, device, &w.json);
	if (result == 0)
		result = trace_steps_write(timeline, device, &w.json);
	if (result == 0)
		result = marks_write(&w);
	json_close(&w.json, ']');
	json_close(&w.json, '}');
	lanes_free(&w.gpu);
	lanes_free(&w.cpu);
	free(w.arrived);
	free(w.live_bytes);
	return result;
}
