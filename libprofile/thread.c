/* SPDX-License-Identifier: Apache-2.0 */
/* One ring per recording thread: claimed on its first event, closed when it ends. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/shim.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libprofile/context.h"
#include "libprofile/env.h"
#include "libprofile/interpose.h"
#include "libprofile/lifecycle.h"
#include "libprofile/nvtx_texts.h"
#include "libprofile/path.h"
#include "libprofile/ring.h"

#define RING_BYTES_FIRST (4u << 20)
#define RING_BYTES_LATER (1u << 20)
#define RINGS_FIRST 16u

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

SHIM_TLS struct thread *thread_self;
static struct spinlock claim_lock;
static pthread_key_t exit_key;
static bool exit_key_made;

static uint64_t ring_bytes_wanted(uint32_t slot)
{
	const char *text = env_get(ENV_GPUTRAIL_RING_BYTES);
	uint64_t bytes = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		bytes = bytes * 10 + (uint64_t)(*text - '0');
	if (*text == 'K' || *text == 'k')
		bytes <<= 10;
	if (*text == 'M' || *text == 'm')
		bytes <<= 20;
	if (bytes >= 65536 && bytes <= 64u << 20 && !(bytes & (bytes - 1)))
		return bytes;
	return slot < RINGS_FIRST ? RING_BYTES_FIRST : RING_BYTES_LATER;
}

/* The most the memfd can grow to. */
uint64_t thread_rings_bytes(void)
{
	uint64_t bytes = 0;

	for (uint32_t slot = 0; slot < WIRE_RINGS_MAX; slot++)
		bytes += ring_bytes_wanted(slot);
	return bytes;
}

/* The program may have closed the descriptor and re-used its number. */
bool thread_memfd_is_ours(void)
{
	struct stat status;

	return !fstat(process.memfd, &status) && status.st_ino == process.memfd_inode &&
		status.st_dev == process.memfd_device;
}

/* fallocate takes the memory now, so that a record never meets a full memory as SIGBUS. */
static unsigned char *ring_map(uint64_t offset, uint64_t bytes)
{
	int prot = PROT_READ | PROT_WRITE;
	unsigned char *both;

	if (!thread_memfd_is_ours() || fallocate(process.memfd, 0, (off_t)offset, (off_t)bytes))
		return NULL;
	both = mmap(NULL, 2 * bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (both == MAP_FAILED)
		return NULL;
	if (mmap(both, bytes, prot, MAP_SHARED | MAP_FIXED, process.memfd, (off_t)offset) !=
		    MAP_FAILED &&
	    mmap(both + bytes, bytes, prot, MAP_SHARED | MAP_FIXED, process.memfd,
		 (off_t)offset) != MAP_FAILED &&
	    !madvise(both, 2 * bytes, MADV_DONTFORK)) {
		madvise(both, bytes, MADV_POPULATE_WRITE);
		madvise(both, 2 * bytes, MADV_DONTDUMP);
		return both;
	}
	munmap(both, 2 * bytes);
	return NULL;
}

static struct thread *ring_make(void)
{
	struct wire_control *control = process.control;
	uint32_t slot = control->ring_count;
	struct thread *thread;
	struct wire_ring *ring;
	uint64_t bytes;

	if (slot >= WIRE_RINGS_MAX)
		return NULL;
	thread = &process.threads[slot];
	ring = &control->rings[slot];
	bytes = ring_bytes_wanted(slot);
	thread->bytes = ring_map(process.next_ring_offset, bytes);
	if (!thread->bytes)
		return NULL;
	thread->slot = slot;
	thread->ring_bytes = bytes;
	thread->mask = bytes - 1;
	ring->offset = process.next_ring_offset;
	ring->bytes = bytes;
	ring->state = WIRE_RING_LIVE;
	process.next_ring_offset += bytes;
	__atomic_store_n(&control->ring_count, slot + 1, __ATOMIC_RELEASE);
	return thread;
}

/* A ring whose thread ended and that the consumer has drained. */
static struct thread *ring_reuse(void)
{
	struct wire_control *control = process.control;

	for (uint32_t slot = 0; slot < control->ring_count; slot++) {
		uint32_t state = WIRE_RING_FREE;

		if (process.threads[slot].bytes &&
		    __atomic_compare_exchange_n(&control->rings[slot].state, &state, WIRE_RING_LIVE,
						false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return &process.threads[slot];
	}
	return NULL;
}

static void send_def_thread(struct thread *thread)
{
	struct wire_def_thread *def = ring_reserve(thread, sizeof(*def));

	if (!def)
		return;
	def->head = (struct wire_head){ .bytes = sizeof(*def), .kind = WIRE_DEF_THREAD };
	def->tid = thread->tid;
	def->ring = thread->slot;
	memset(def->name, 0, sizeof(def->name));
	prctl(PR_GET_NAME, def->name);
	ring_commit(thread, sizeof(*def));
}

static void at_thread_exit(void *data)
{
	thread_close(data);
}

void thread_close(struct thread *thread)
{
	thread_self = NULL;
	if (!thread || !*process.alive || !thread->ring)
		return;
	thread->ready = 0;
	__atomic_store_n(&thread->ring->current_api, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&thread->ring->state, WIRE_RING_CLOSED, __ATOMIC_RELEASE);
}

struct thread *thread_claim(void)
{
	struct thread *thread;

	spin_lock(&claim_lock);
	thread = ring_reuse();
	if (!thread)
		thread = ring_make();
	if (!exit_key_made)
		exit_key_made = !pthread_key_create(&exit_key, at_thread_exit);
	spin_unlock(&claim_lock);
	if (!thread) {
		process_count(WIRE_COUNTER_lost_threads, 1);
		return NULL;
	}
	thread->ring = &process.control->rings[thread->slot];
	thread->tid = (uint32_t)syscall(SYS_gettid);
	thread->ring->tid = thread->tid;
	__atomic_store_n(&thread->ring->generation, thread->ring->generation + 1, __ATOMIC_RELEASE);
	thread->context = 0;
	thread->context_handle = NULL;
	thread->context_known = false;
	memset(thread->functions, 0, sizeof(thread->functions));
	if (exit_key_made)
		pthread_setspecific(exit_key, thread);
	send_def_thread(thread);
	path_thread_start(thread);
	thread->ready = 1;
	return thread;
}

/* Threads for which no ring was left try again only after this many of their calls. */
#define RETRY_CALLS 1024u
static SHIM_TLS uint32_t retry_after;
static SHIM_TLS bool is_attaching;	/* attaching calls CUPTI, which may call the driver */

struct thread *thread_enter_slow(enum driver_api api)
{
	struct thread *thread = thread_self;
	int saved, cancel;

	if (is_attaching || (thread && thread->ring && *process.alive))
		return NULL;		/* a call inside of a wrapped call */
	saved = process_errno_save();
	/* Cancelled half-way, this thread would leave the others waiting for it. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	got_scan_if_pending();
	thread = NULL;
	is_attaching = true;
	if (retry_after) {
		retry_after--;
	} else if (process_attach(api)) {
		thread = thread_self = thread_claim();
		retry_after = thread ? 0 : RETRY_CALLS;
	}
	is_attaching = false;
	pthread_setcancelstate(cancel, NULL);
	process_errno_restore(saved);
	return thread;
}

/* To the look above a range is like a call that only asks: it attaches nothing. */
struct thread *thread_enter_range(void)
{
	struct thread *thread;

	if (__atomic_load_n(&process.state, __ATOMIC_ACQUIRE) != PROCESS_LIVE || !*process.alive)
		return NULL;
	thread = thread_enter_slow(API_cuDriverGetVersion);
	if (!thread)
		process_count(WIRE_COUNTER_lost_ranges, 1);
	return thread;
}

/* After fork the child's copy knows nothing of the parent's rings. */
void thread_forget_all(void)
{
	thread_self = NULL;
	retry_after = 0;
	path_forget_all();
	nvtx_texts_forget();
}
