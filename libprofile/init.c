/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attaching: the program's first CUDA call makes the memfd with its control block and offers it
 * to a collector. A forked child starts from nothing again: the page below `threads` is wiped by
 * the kernel at fork, which is how every later look finds out without a handler.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "libprofile/env.h"
#include "libprofile/lifecycle.h"

#define PAGE 4096u
#define LOW_DESCRIPTORS 256

static uint32_t never_alive;
struct process process = { .memfd = -1, .alive = &never_alive };
/* Counted before there is a control block; carried over into it. */
static uint64_t early_counters[WIRE_COUNTERS_MAX];
static uint8_t early_routes[WIRE_API_MAX];

int process_errno_save(void)
{
	return errno;
}

void process_errno_restore(int value)
{
	errno = value;
}

void process_count(enum wire_counter counter, uint64_t amount)
{
	uint64_t *counters = *process.alive ? process.control->counters : early_counters;

	__atomic_fetch_add(&counters[counter], amount, __ATOMIC_RELAXED);
}

void process_route(int row, enum wire_counter route)
{
	uint8_t *routes = *process.alive ? process.control->routes : early_routes;

	__atomic_fetch_or(&routes[row], (uint8_t)WIRE_ROUTE(route), __ATOMIC_RELAXED);
	process_count(route, 1);
}

/* The time stamp counter may be used where it runs at one speed on all cores and the kernel
 * itself trusts it; else the collector could not convert it. */
static bool tsc_is_good(void)
{
#if defined(__x86_64__)
	unsigned a = 0, b = 0, c = 0, d = 0;
	char source[64];

	if (!__get_cpuid(0x80000007, &a, &b, &c, &d) || !(d & 1u << 8))
		return false;
	return util_read_file("/sys/devices/system/clocksource/clocksource0/current_clocksource",
			      source, sizeof(source)) > 0 && !strncmp(source, "tsc", 3);
#else
	return false;
#endif
}

/* Growing a file past RLIMIT_FSIZE would raise SIGXFSZ in the host. */
static bool size_is_allowed(uint64_t bytes)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) ||
		limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > bytes;
}

/* Programs may count on the low descriptor numbers being handed out in order. */
static int move_up(int fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, LOW_DESCRIPTORS);

	if (moved < 0)
		return fd;
	close(fd);
	return moved;
}

static bool make_memfd(uint32_t control_bytes)
{
	uint64_t bytes = control_bytes + thread_rings_bytes();
	struct stat status;
	int fd;

	if (!size_is_allowed(bytes))
		return false;
	fd = memfd_create("gputrail", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return false;
	fd = move_up(fd);
	process.memfd = fd;
	process.memfd_bytes = bytes;
	process.next_ring_offset = control_bytes;
	if (ftruncate(fd, (off_t)bytes) || fstat(fd, &status) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) ||
	    fallocate(fd, 0, 0, control_bytes))
		return false;
	process.memfd_device = status.st_dev;
	process.memfd_inode = status.st_ino;
	process.control = mmap(NULL, control_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (process.control == MAP_FAILED) {
		process.control = NULL;
		return false;
	}
	return !madvise(process.control, control_bytes, MADV_DONTFORK);
}

static bool make_threads(void)
{
	size_t bytes = PAGE + WIRE_RINGS_MAX * sizeof(struct thread);
	char *memory;

	if (process.threads)
		return true;		/* inherited by a forked child, wiped */
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return false;
	if (madvise(memory, bytes, MADV_WIPEONFORK)) {
		munmap(memory, bytes);
		return false;
	}
	process.threads = (struct thread *)(memory + PAGE);
	process.alive = (uint32_t *)memory;
	return true;
}

static void fill_control(uint32_t control_bytes)
{
	struct wire_control *control = process.control;
	struct timespec realtime;
	int version = 0;

	control->version = WIRE_VERSION;
	control->control_bytes = control_bytes;
	control->pid = (uint32_t)getpid();
	control->parent_pid = (uint32_t)getppid();
	control->start_ticks = util_start_ticks(control->pid, NULL);
	control->clock = process.use_tsc ? WIRE_CLOCK_TSC : WIRE_CLOCK_MONOTONIC;
	control->state = WIRE_PROCESS_RUNNING;
	if (real.cuDriverGetVersion && !real.cuDriverGetVersion(&version))
		control->cuda_version = version;
	clock_gettime(CLOCK_REALTIME, &realtime);
	control->attach_clock = clock_wire();
	control->attach_monotonic_ns = clock_monotonic_ns();
	control->attach_realtime_ns = (uint64_t)realtime.tv_sec * 1000000000u +
		(uint64_t)realtime.tv_nsec;
	memcpy(control->counters, early_counters, sizeof(early_counters));
	memset(early_counters, 0, sizeof(early_counters));
	memcpy(control->routes, early_routes, sizeof(early_routes));
	__atomic_store_n(&control->magic, WIRE_MAGIC, __ATOMIC_RELEASE);
}

static void undo(void)
{
	if (process.control)
		munmap(process.control, process.control->control_bytes);
	process.control = NULL;
	if (process.memfd >= 0)
		close(process.memfd);
	process.memfd = -1;
}

static bool start(void)
{
	uint32_t control_bytes = (uint32_t)((sizeof(struct wire_control) + PAGE - 1) & ~(PAGE - 1));

	if (env_get(ENV_GPUTRAIL_DISABLE)[0] == '1' || !make_memfd(control_bytes))
		return false;
	process.use_tsc = tsc_is_good();
	fill_control(control_bytes);
	if (!make_threads() || !connect_collector())
		return false;
	*process.alive = 1;
	return true;
}

/* A program that only asks what there is does not use CUDA yet. */
static bool is_a_reason(enum driver_api api)
{
	switch (api) {
	case API_cuGetProcAddress:
	case API_cuGetProcAddress_v2:
	case API_cuGetExportTable:
	case API_cuDriverGetVersion:
	case API_cuGetErrorName:
	case API_cuGetErrorString:
		return false;
	default:
		return true;
	}
}

/* A child forked from a recorded process is recorded once it starts CUDA itself. */
static void forget_parent(void)
{
	thread_forget_all();
	lifecycle_forget_all();
	process.control = NULL;
	if (process.memfd >= 0 && thread_memfd_is_ours())
		close(process.memfd);
	process.memfd = -1;
	process.cuda_ready = false;
	__atomic_store_n(&process.state, PROCESS_NEW, __ATOMIC_RELEASE);
}

/* Another thread is at it. In a process forked meanwhile that thread does not exist, and what it
 * had half done is of no use: this process stays passive. */
static bool wait_for_start(void)
{
	struct timespec pause = { 0, 200000 };
	int state;

	while ((state = __atomic_load_n(&process.state, __ATOMIC_ACQUIRE)) == PROCESS_STARTING) {
		if (process.starting_pid && process.starting_pid != (uint32_t)getpid())
			__atomic_store_n(&process.state, PROCESS_OFF, __ATOMIC_RELEASE);
		nanosleep(&pause, NULL);
	}
	return state == PROCESS_LIVE;
}

bool process_attach(enum driver_api api)
{
	int state = __atomic_load_n(&process.state, __ATOMIC_ACQUIRE);

	if (state == PROCESS_LIVE && !*process.alive) {
		if (api != API_cuInit)
			return false;
		forget_parent();
		state = PROCESS_NEW;
	}
	if (state == PROCESS_LIVE)
		return true;
	if (!real_resolve() || state == PROCESS_OFF || !is_a_reason(api))
		return false;
	state = PROCESS_NEW;
	if (!__atomic_compare_exchange_n(&process.state, &state, PROCESS_STARTING, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
		return wait_for_start();
	process.starting_pid = (uint32_t)getpid();
	if (start()) {
		lifecycle_started();
		__atomic_store_n(&process.state, PROCESS_LIVE, __ATOMIC_RELEASE);
		return true;
	}
	undo();
	__atomic_store_n(&process.state, PROCESS_OFF, __ATOMIC_RELEASE);
	return false;
}
