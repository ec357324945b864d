/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The truth file: what really happened on the simulated device, for tests to compare recordings
 * with. SIMCUDA_TRUTH=FILE, %p for the process id. Tab-separated, one line per operation; whole
 * lines are appended, so several processes may share one file.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/engine.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_BYTES (256 * 1024)
#define FLUSH_BYTES (128 * 1024)
#define FLUSH_NS 20000000
#define LINE_MAX_BYTES 6144

static pthread_mutex_t truth_lock = PTHREAD_MUTEX_INITIALIZER;
static char *buffer;
static size_t used;
static int file = -1;
static uint64_t flushed_ns;
static bool is_on;

static const char header[] =
	"kind\tid\tcorrelation\tpid\ttid\tsubmit_ns\tstart_ns\tend_"
	"ns\tdevice\tcontext\tstream\tname\t"
	"grid\tblock\tcluster\tdynamic_shared\tbytes\tcopy_kind\tsource_kind\tdestination_kind\t"
	"graph\tnode\tcause\twaited_for\tevent\taddress\tstatus\tblocked_ns\n";

static const char *const kind_names[] = {
	[SIM_TASK_EMPTY] = "empty",
	[SIM_TASK_KERNEL] = "kernel",
	[SIM_TASK_COPY] = "copy",
	[SIM_TASK_SET] = "set",
	[SIM_TASK_HOST] = "host",
	[SIM_TASK_RECORD] = "record",
	[SIM_TASK_WAIT] = "wait",
	[SIM_TASK_MEMORY] = "memory",
	[SIM_TASK_VALUE_WRITE] = "value_write",
	[SIM_TASK_VALUE_WAIT] = "value_wait",
	[SIM_TASK_GRAPH] = "graph",
	[SIM_TASK_SYNC] = "sync",
};
static const char *const cause_names[] = {
	[SIM_CAUSE_SUBMIT] = "submit", [SIM_CAUSE_STREAM] = "stream", [SIM_CAUSE_EVENT] = "event",
	[SIM_CAUSE_HOST] = "host", [SIM_CAUSE_LEGACY] = "legacy", [SIM_CAUSE_GRAPH] = "graph",
	[SIM_CAUSE_COPY_ENGINE] = "copy_engine", [SIM_CAUSE_SM] = "sm",
	[SIM_CAUSE_VALUE] = "value",
};
static const char *const copy_names[] = { "unknown", "HtoD", "DtoH", "HtoA", "AtoH", "AtoA", "AtoD",
	"DtoA", "DtoD", "HtoH", "PtoP" };
static const char *const memory_names[] = { "", "pageable", "pinned", "device", "array", "managed",
	"device_static", "managed_static" };
static const char *const sync_names[] = { "", "event", "stream_wait", "stream", "context" };
static const char *const allocation_names[] = {
	[SIM_DEVICE] = "device", [SIM_HOST] = "host", [SIM_REGISTERED] = "registered",
	[SIM_MANAGED] = "managed", [SIM_MODULE_GLOBAL] = "global", [SIM_VMM] = "vmm",
	[SIM_ASYNC] = "async",
};

bool sim_truth_is_on(void)
{
	return is_on;
}

static void write_out(void)
{
	size_t at = 0;
	ssize_t wrote;

	while (at < used) {
		wrote = write(file, buffer + at, used - at);
		if (wrote <= 0) {
			fprintf(stderr,
				"simcuda: cannot write the truth file: %m; it stays incomplete\n");
			is_on = false;
			break;
		}
		at += (size_t)wrote;
	}
	used = 0;
	flushed_ns = sim_now_ns();
}

__attribute__((format(printf, 1, 2))) static void put(const char *format, ...)
{
	va_list arguments;
	int length;

	if (BUFFER_BYTES - used < LINE_MAX_BYTES)
		write_out();
	va_start(arguments, format);
	length = vsnprintf(buffer + used, BUFFER_BYTES - used, format, arguments);
	va_end(arguments);
	if (length > 0 && (size_t)length < BUFFER_BYTES - used)
		used += (size_t)length;
}

/* The path with %p replaced. */
static void truth_path(const char *pattern, char *path, size_t room)
{
	const char *mark = strstr(pattern, "%p");

	if (mark)
		snprintf(path, room, "%.*s%d%s", (int)(mark - pattern), pattern, (int)getpid(),
			 mark + 2);
	else
		snprintf(path, room, "%s", pattern);
}

/* Opened at the first line: a program that never uses the device leaves no file. */
static bool truth_open(void)
{
	char path[4096];
	struct stat status;

	if (!is_on || file >= 0)
		return is_on;
	truth_path(getenv("SIMCUDA_TRUTH"), path, sizeof(path));
	file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	buffer = buffer ? buffer : malloc(BUFFER_BYTES);
	if (file < 0 || !buffer) {
		fprintf(stderr, "simcuda: cannot write SIMCUDA_TRUTH=%s: %m\n", path);
		is_on = false;
		return false;
	}
	used = 0;
	if (fstat(file, &status) == 0 && status.st_size == 0)
		put("%s", header);
	return true;
}

void sim_truth_init(void)
{
	const char *pattern = getenv("SIMCUDA_TRUTH");

	is_on = pattern && *pattern;
}

static uint64_t op_bytes(const struct sim_task *task)
{
	if (task->kind == SIM_TASK_COPY)
		return (uint64_t)task->copy.width * task->copy.height * task->copy.depth;
	if (task->kind == SIM_TASK_SET)
		return (uint64_t)task->set.width * task->set.height * task->set.element_bytes;
	return task->kind == SIM_TASK_MEMORY ? task->memory.allocation_bytes : 0;
}

static const char *op_name(const struct sim_task *task)
{
	switch (task->kind) {
	case SIM_TASK_KERNEL:
		return task->kernel.function->name;
	case SIM_TASK_SYNC:
		return sync_names[task->sync.kind];
	case SIM_TASK_MEMORY:
		return task->memory.is_free ? "free" : "alloc";
	default:
		return "";
	}
}

static uint32_t op_event(const struct sim_task *task)
{
	if (task->kind == SIM_TASK_RECORD || task->kind == SIM_TASK_WAIT)
		return task->event.id;
	return task->kind == SIM_TASK_SYNC ? task->sync.event : 0;
}

static void put_shape(const struct sim_task *task)
{
	const struct sim_kernel *kernel = &task->kernel;

	if (task->kind != SIM_TASK_KERNEL) {
		put("\t\t\t\t");
		return;
	}
	put("%u,%u,%u\t%u,%u,%u\t%u,%u,%u\t%u\t", kernel->grid[0], kernel->grid[1], kernel->grid[2],
	    kernel->block[0], kernel->block[1], kernel->block[2], kernel->cluster[0],
	    kernel->cluster[1], kernel->cluster[2], kernel->dynamic_shared);
}

static void put_memories(const struct sim_task *task)
{
	if (task->kind == SIM_TASK_COPY)
		put("%s\t%s\t%s\t", copy_names[task->copy.kind],
		    memory_names[task->copy.source_kind & 7],
		    memory_names[task->copy.destination_kind & 7]);
	else if (task->kind == SIM_TASK_SET)
		put("\t\t%s\t", memory_names[task->set.memory_kind & 7]);
	else
		put("\t\t\t");
}

static const char *op_status(const struct sim_op *op)
{
	if (op->is_failed)
		return "failed";
	return op->state == SIM_OP_ENDED     ? "done"
	       : op->state == SIM_OP_RUNNING ? "running"
					     : "queued";
}

void sim_truth_op(const struct sim_op *op)
{
	const struct sim_task *task = &op->task;

	pthread_mutex_lock(&truth_lock);
	if (truth_open()) {
		put("%s\t%llu\t%u\t%d\t%u\t%llu\t%llu\t%llu\t%d\t%u\t%u\t%s\t",
		    kind_names[task->kind], (unsigned long long)op->id, op->correlation,
		    (int)getpid(), op->tid, (unsigned long long)op->submit_ns,
		    (unsigned long long)op->start_ns, (unsigned long long)op->end_ns,
		    op->context->device->ordinal, op->context->id, op->stream ? op->stream->id : 0,
		    op_name(task));
		put_shape(task);
		put("%llu\t", (unsigned long long)op_bytes(task));
		put_memories(task);
		put("%u\t%llu\t%s\t%llu\t%u\t\t%s\t%llu\n", op->graph_id,
		    (unsigned long long)op->node,
		    task->kind == SIM_TASK_SYNC ? "" : cause_names[op->cause],
		    (unsigned long long)op->waited_for, op_event(task), op_status(op),
		    (unsigned long long)op->blocked_ns);
	}
	pthread_mutex_unlock(&truth_lock);
}

void sim_truth_memory(const struct sim_allocation *allocation, bool is_free)
{
	unsigned long long now_ns = sim_now_ns();

	sim_report_memory(allocation, is_free, now_ns);
	if (!is_on)
		return;
	pthread_mutex_lock(&truth_lock);
	if (truth_open())
		put("%s\t%llu\t%u\t%d\t%u\t%llu\t%llu\t%llu\t%d\t%u\t%u\t%s\t\t\t\t\t%"
		    "llu\t\t\t\t0\t0\t\t0\t0\t"
		    "0x%llx\tdone\t0\n",
		    is_free ? "free" : "alloc", (unsigned long long)allocation->id,
		    sim_correlation(), (int)getpid(), sim_thread_id(), now_ns, now_ns, now_ns,
		    allocation->device ? allocation->device->ordinal : -1,
		    allocation->context ? allocation->context->id : 0,
		    allocation->stream ? allocation->stream->id : 0,
		    allocation_names[allocation->kind], (unsigned long long)allocation->bytes,
		    (unsigned long long)allocation->base);
	pthread_mutex_unlock(&truth_lock);
}

void sim_truth_flush(bool is_urgent)
{
	if (!is_on)
		return;
	pthread_mutex_lock(&truth_lock);
	if (file >= 0 && used &&
	    (is_urgent || used > FLUSH_BYTES || sim_now_ns() - flushed_ns > FLUSH_NS))
		write_out();
	pthread_mutex_unlock(&truth_lock);
}

void sim_truth_forget(void)
{
	pthread_mutex_init(&truth_lock, NULL);
	if (file >= 0)
		close(file);
	file = -1;
	used = 0;
	is_on = false;		/* what the parent still runs is the parent's to tell */
}

/* Work the program did not wait for, as it is when the program ends. */
static void put_unfinished(void)
{
	struct sim_context *context;
	struct sim_stream *stream;
	struct sim_op *op;

	for (int i = 0; i < sim_device_count; i++)
		for (context = sim_contexts_of(&sim_devices[i], NULL); context;
		     context = sim_contexts_of(&sim_devices[i], context))
			for (stream = context->streams; stream; stream = stream->next)
				for (op = stream->head; op; op = op->stream_next)
					sim_truth_op(op);
}

void sim_truth_end(void)
{
	if (is_on)
		put_unfinished();
	sim_truth_flush(true);
}
