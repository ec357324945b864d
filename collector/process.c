/* SPDX-License-Identifier: Apache-2.0 */
/* One recorded process: its connection, its shared memory, draining its rings. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/callpath.h"
#include "collector/core.h"
#include "collector/range.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HELLO_WAIT_MS 1000
#define RING_MAX_BYTES (1ull << 32)

/* Receives the hello and its descriptor. Returns the descriptor or -1. */
static int receive_hello(int socket, struct wire_hello *hello)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { .iov_base = hello, .iov_len = sizeof(*hello) };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.bytes, .msg_controllen = sizeof(control.bytes),
	};
	struct pollfd ready = { .fd = socket, .events = POLLIN };
	struct cmsghdr *header;
	int fd = -1;

	if (poll(&ready, 1, HELLO_WAIT_MS) != 1 ||
	    recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) != (ssize_t)sizeof(*hello))
		return -1;
	header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
	    header->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

static void answer(int socket, uint32_t status)
{
	struct wire_welcome welcome = { .magic = WIRE_MAGIC,
					.version = WIRE_VERSION,
					.status = status };

	send(socket, &welcome, sizeof(welcome), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Only processes of the same user may be recorded into this user's file. */
static bool peer_allowed(int socket, pid_t *pid)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
		return false;
	*pid = peer.pid;
	return peer.uid == geteuid() || peer.uid == 0 || geteuid() == 0;
}

static bool map_control(struct process *p, const struct wire_hello *hello)
{
	struct stat status;
	struct wire_control *control;

	if (hello->magic != WIRE_MAGIC || hello->version != WIRE_VERSION ||
	    hello->api_hash != driver_api_hash() || fstat(p->memfd, &status) < 0)
		return false;
	/* Without this seal the process could shrink the file and our next read would fault. */
	fcntl(p->memfd, F_ADD_SEALS, F_SEAL_SHRINK);
	p->file_bytes = (uint64_t)status.st_size;
	p->control_bytes = sizeof(*control);
	if (p->file_bytes < p->control_bytes)
		return false;
	control = mmap(NULL, p->control_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, p->memfd, 0);
	if (control == MAP_FAILED)
		return false;
	if (!wire_control_valid(control, p->file_bytes)) {
		munmap(control, p->control_bytes);
		return false;
	}
	p->control = control;
	p->clock = (enum wire_clock)control->clock;
	p->parent_pid = (pid_t)control->parent_pid;
	p->start_ticks = control->start_ticks;
	return true;
}

static void keys_init(struct process *p)
{
	p->stream_keys = (struct intern){ .key_bytes = 16, .limit = 1u << 20 };
	p->gpu_stream_keys = (struct intern){ .key_bytes = 8, .limit = 1u << 20 };
	p->configs = (struct intern){ .key_bytes = sizeof(struct host_config), .limit = 4u << 20 };
	p->gpu_configs =
		(struct intern){ .key_bytes = sizeof(struct gpu_config), .limit = 4u << 20 };
	p->graph_keys = (struct intern){ .key_bytes = 8, .limit = 1u << 20 };
	range_init(&p->ranges);
}

struct process *process_accept(struct collector *c, int socket)
{
	struct process *p = calloc(1, sizeof(*p));
	struct wire_hello hello;

	if (!p || !peer_allowed(socket, &p->pid)) {
		close(socket);
		free(p);
		return NULL;
	}
	p->collector = c;
	p->socket = socket;
	p->exit_status = -1;
	p->state = "running";
	p->end_ns = NIL;
	p->memfd = receive_hello(socket, &hello);
	p->pidfd = -1;
	keys_init(p);
	if (p->memfd < 0 || !map_control(p, &hello)) {
		answer(socket, 1);
		process_free(p);
		return NULL;
	}
	/* In another pid namespace the process knows itself by another number; ours counts. */
	p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	p->start_ns = host_time(p, p->control->attach_clock);
	return p;
}

/* --- rings --------------------------------------------------------------------------------- */

/* The ring's bytes twice in a row, so that a record never wraps. */
static bool map_ring(struct process *p, struct ring *ring, uint64_t offset, uint64_t bytes)
{
	struct stat status;
	unsigned char *base;

	if (ring->bytes && ring->offset == offset && ring->size == bytes)
		return true;
	if (ring->bytes)
		munmap((void *)(uintptr_t)ring->bytes, 2 * ring->size);
	ring->bytes = NULL;
	if (bytes < 4096 || bytes > RING_MAX_BYTES || (bytes & (bytes - 1)) || offset % 4096 ||
	    fstat(p->memfd, &status) < 0 || offset > (uint64_t)status.st_size ||
	    bytes > (uint64_t)status.st_size - offset)
		return false;
	base = mmap(NULL, 2 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		return false;
	if (mmap(base, bytes, PROT_READ, MAP_SHARED | MAP_FIXED, p->memfd, (off_t)offset) ==
		    MAP_FAILED ||
	    mmap(base + bytes, bytes, PROT_READ, MAP_SHARED | MAP_FIXED, p->memfd, (off_t)offset) ==
		    MAP_FAILED) {
		munmap(base, 2 * bytes);
		return false;
	}
	ring->bytes = base;
	ring->size = bytes;
	ring->offset = offset;
	return true;
}

static void ring_dead(struct process *p, struct ring *ring)
{
	ring->dead = true;
	p->counters[COUNT_ring_corrupt]++;
}

/*
 * Copies one record out before looking at it: the process may write to its memory at any time,
 * and what was checked must be what is used. Returns its size, 0 when it makes no sense.
 */
static uint32_t take_record(struct collector *c, const unsigned char *from, uint64_t available)
{
	struct wire_head head;
	uint32_t bytes;

	if (available < sizeof(head))
		return 0;
	memcpy(&head, from, sizeof(head));
	if (head.bytes < sizeof(head) || head.bytes > available)
		return 0;
	memcpy(c->scratch, from, head.bytes);
	if (wire_decode(c->scratch, head.bytes, &bytes) != WIRE_OK || bytes != head.bytes)
		return 0;
	return bytes;
}

static void ring_drain(struct process *p, struct wire_ring *shared, struct ring *ring,
		       uint64_t head)
{
	uint64_t tail = shared->tail;

	if (head - tail > ring->size || head % 8 || tail % 8) {
		ring_dead(p, ring);
		return;
	}
	while (tail != head) {
		uint32_t bytes = take_record(p->collector, ring->bytes + (tail & (ring->size - 1)),
					     head - tail);

		if (!bytes) {
			ring_dead(p, ring);
			return;
		}
		host_record(p, ring, (const struct wire_head *)p->collector->scratch);
		tail += bytes;
		/* Room is given back early: the producer is not to wait for our long rounds. */
		if ((tail & 0xffff) < bytes)
			__atomic_store_n(&shared->tail, tail, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&shared->tail, tail, __ATOMIC_RELEASE);
}

static void count_drops(struct process *p, const struct wire_ring *shared, struct ring *ring)
{
	uint64_t dropped = __atomic_load_n(&shared->dropped, __ATOMIC_RELAXED);

	if (dropped < ring->dropped)	/* a new owner began at zero */
		ring->dropped = 0;
	p->dropped += dropped - ring->dropped;
	ring->dropped = dropped;
}

/* A slot got another owner: its thread is another one. */
static void ring_owner(struct process *p, const struct wire_ring *shared, struct ring *ring)
{
	uint32_t generation = __atomic_load_n(&shared->generation, __ATOMIC_ACQUIRE);

	if (ring->generation == generation && ring->tid)
		return;
	if (ring->thread)
		entity_thread_ended(p, ring->thread, clock_now(&p->collector->clock));
	range_thread_ended(p, ring);
	ring->generation = generation;
	callpath_ring_reset(ring);
	ring->thread = 0;
	ring->tid = shared->tid;
}

static uint32_t ring_count(const struct process *p)
{
	uint32_t count = __atomic_load_n(&p->control->ring_count, __ATOMIC_ACQUIRE);

	return count < WIRE_RINGS_MAX ? count : WIRE_RINGS_MAX;
}

bool process_pending(struct process *p)
{
	uint32_t count = ring_count(p);

	for (uint32_t i = 0; i < count; i++) {
		const struct wire_ring *shared = &p->control->rings[i];

		if (!p->rings[i].dead &&
		    __atomic_load_n(&shared->head, __ATOMIC_RELAXED) != shared->tail)
			return true;
	}
	return false;
}

/* Everything that was in the rings at the time of the call; the clock pair comes after their
 * heads were read, so that all of it lies in the converted past. */
void process_drain(struct process *p)
{
	uint64_t heads[WIRE_RINGS_MAX];
	uint32_t states[WIRE_RINGS_MAX];
	uint32_t count = ring_count(p);
	bool any = false;

	control_marks(p);
	for (uint32_t i = 0; i < count; i++) {
		struct wire_ring *shared = &p->control->rings[i];

		states[i] = __atomic_load_n(&shared->state, __ATOMIC_ACQUIRE);
		heads[i] = __atomic_load_n(&shared->head, __ATOMIC_ACQUIRE);
		any |= heads[i] != shared->tail;
	}
	if (any) {
		clock_sample(&p->collector->clock);
		p->collector->now_ns = clock_now(&p->collector->clock);
	}
	for (uint32_t i = 0; i < count; i++) {
		struct wire_ring *shared = &p->control->rings[i];
		struct ring *ring = &p->rings[i];

		if (ring->dead || states[i] == WIRE_RING_FREE)
			continue;
		ring_owner(p, shared, ring);
		count_drops(p, shared, ring);
		if (heads[i] != shared->tail) {
			if (!map_ring(p, ring, shared->offset, shared->bytes))
				ring_dead(p, ring);
			else
				ring_drain(p, shared, ring, heads[i]);
		}
		if (states[i] == WIRE_RING_CLOSED && heads[i] == shared->tail) {
			ring_owner(p, shared, ring);
			if (ring->thread)
				entity_thread_ended(p, ring->thread,
						    clock_now(&p->collector->clock));
			range_thread_ended(p, ring);
			ring->thread = ring->tid = 0;
			__atomic_store_n(&shared->state, WIRE_RING_FREE, __ATOMIC_RELEASE);
		}
	}
}

/* --- the end ------------------------------------------------------------------------------- */

static bool alive(const struct process *p)
{
	struct pollfd ended = { .fd = p->pidfd, .events = POLLIN };

	if (p->pidfd >= 0)
		return poll(&ended, 1, 0) == 0;
	return kill(p->pid, 0) == 0 || errno == EPERM;
}

/* How a process that is not our child ended: kernels from 6.15 on tell, once it was waited for. */
static void ask_exit_status(struct process *p)
{
	struct {
		uint64_t mask, cgroup;
		uint32_t ids[11];
		int32_t exit_code;
	} info = { .mask = 1u << 3 };		/* PIDFD_INFO_EXIT */

	if (p->exit_status < 0 && p->pidfd >= 0 &&
	    ioctl(p->pidfd, _IOC(_IOC_READ | _IOC_WRITE, 0xff, 11, sizeof(info)), &info) == 0 &&
	    (info.mask & 1u << 3))
		p->exit_status = info.exit_code;
}

static const char *end_state(struct process *p)
{
	uint32_t state = __atomic_load_n(&p->control->state, __ATOMIC_ACQUIRE);

	ask_exit_status(p);
	if (p->exit_status >= 0)
		return (p->exit_status & 0x7f) ? "killed" : "exited";
	if (state == WIRE_PROCESS_EXITING)
		return "exited";
	if (state == WIRE_PROCESS_DISABLED)
		return "detached";
	/* Its connection closed while it lives: it became another program. */
	return alive(p) ? "exited" : "killed";
}

/* No GPU times will come for rows of this process. */
static void finalise_rows(struct process *p)
{
	for (int table = 0; table < TABLE_COUNT; table++) {
		struct window *window = &p->collector->windows[table];

		for (uint64_t s = window->tail; s < window->head; s++) {
			struct window_row *row = window_find(window, s);

			if (row->process == p)
				row->flags |= ROW_FINAL;
		}
	}
}

uint64_t process_counter(const struct process *p, unsigned counter)
{
	return p->control->counters[counter] +
	       (counter == WIRE_COUNTER_lost_records ? p->dropped : 0);
}

void process_counters(struct process *p)
{
	static const struct {
		enum wire_gauge gauge;
		const char *key;
	} gauges[] = {
		{ WIRE_GAUGE_EVENT_NS, "event_pair_ns" },
		{ WIRE_GAUGE_PATH_NATIVE_PS, "callpath_native_ps" },
		{ WIRE_GAUGE_PATH_NATIVE_FRAMES, "callpath_native_frames" },
		{ WIRE_GAUGE_PATH_PYTHON_PS, "callpath_python_ps" },
	};
	struct collector *c = p->collector;
	uint32_t python = (uint32_t)p->control->counters[WIRE_GAUGE_PYTHON_VERSION];
	char version[16];

	if (python) {
		snprintf(version, sizeof(version), "%u.%u.%u", python >> 24, python >> 16 & 0xff,
			 python >> 8 & 0xff);
		database_meta_text(c->db, "python_version", version);
	}
	for (unsigned i = 0; i < WIRE_COUNTER_COUNT; i++) {
		uint64_t value = process_counter(p, i);

		if (value)
			database_run(c->db, "INSERT OR REPLACE INTO counter VALUES (?,?,?)", "iti",
				     (int64_t)p->id, wire_counter_name(i), (int64_t)value);
	}
	for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++)
		if (p->control->counters[gauges[i].gauge])
			database_meta_int(c->db, gauges[i].key,
					  (int64_t)p->control->counters[gauges[i].gauge]);
	memcpy(p->routes, p->control->routes, sizeof(p->routes));
	for (unsigned i = 0; i < WIRE_API_MAX && i < API_COUNT; i++) {
		const struct wire_api_stat *stat = &p->control->api[i];
		int64_t zero = host_time(p, p->control->attach_clock);

		if (stat->calls)
			summary_api_counted(
				c->summary, p->id, i, stat->calls, stat->failed,
				(uint64_t)(host_time(p, p->control->attach_clock + stat->ticks) -
					   zero));
	}
}

/* A wrapper does not know who called it; an entry point that was handed out in one way only was
 * called in that way. What nobody handed out was bound by the loader. */
void process_routes(struct process *p)
{
	static const uint8_t routes[] = {
		WIRE_ROUTE(WIRE_COUNTER_route_linked), WIRE_ROUTE(WIRE_COUNTER_route_dlsym),
		WIRE_ROUTE(WIRE_COUNTER_route_getproc), WIRE_ROUTE(WIRE_COUNTER_route_patched),
	};
	uint64_t calls[sizeof(routes) + 1] = { 0 };

	for (uint32_t api = 0; api < API_COUNT; api++) {
		unsigned route = 0;

		while (p->routes[api] && route < sizeof(routes) && p->routes[api] != routes[route])
			route++;
		calls[route] += summary_api_calls(p->collector->summary, p->id, api);
	}
	memcpy(&p->counters[COUNT_calls_linked], calls, sizeof(calls));
}

void process_look_again(struct process *p)
{
	if (!p->closed || p->exit_status >= 0)
		return;
	ask_exit_status(p);
	if (p->exit_status < 0)
		return;
	p->state = end_state(p);
	entity_process(p);
}

void process_close(struct process *p)
{
	struct collector *c = p->collector;

	if (p->closed)
		return;
	process_drain(p);
	process_drain(p);		/* what came while the first round was under way */
	p->closed = true;
	for (uint32_t i = 0; i < WIRE_RINGS_MAX; i++)
		if (p->rings[i].bytes)
			munmap((void *)(uintptr_t)p->rings[i].bytes, 2 * p->rings[i].size);
	range_process_ended(p);
	gpu_expire_waiting(c, clock_now(&c->clock), false);
	finalise_rows(p);
	join_free(&p->join);
	p->state = end_state(p);
	p->end_ns = clock_now(&c->clock);
	control_end(p, p->end_ns);
	entity_process(p);
	process_counters(p);
	close(p->socket);
	close(p->memfd);		/* `gputrail ctl` looks for it */
	p->socket = p->memfd = -1;
}

void process_free(struct process *p)
{
	if (p->control)
		munmap(p->control, p->control_bytes);
	if (p->socket >= 0)
		close(p->socket);
	if (p->memfd >= 0)
		close(p->memfd);
	if (p->pidfd >= 0)
		close(p->pidfd);
	for (uint32_t i = 0; i < WIRE_RINGS_MAX; i++)
		callpath_ring_reset(&p->rings[i]);
	graph_nodes_free(&p->graph_nodes);
	free(p->modules);
	free(p->functions);
	free(p->strings);
	free(p->contexts);
	intern_free(&p->stream_keys);
	intern_free(&p->gpu_stream_keys);
	intern_free(&p->configs);
	intern_free(&p->gpu_configs);
	intern_free(&p->graph_keys);
	free(p->stream_ids);
	free(p->gpu_streams);
	free(p->resolved);
	free(p->gpu_resolved);
	free(p->graph_ids);
	join_free(&p->join);
	range_free(p);
	free(p);
}
