/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing into a thread's own ring: reserve, fill in place, commit. No lock, no system call; a
 * record that does not fit is counted and dropped.
 */
#ifndef GPUTRAIL_LIBPROFILE_RING_H
#define GPUTRAIL_LIBPROFILE_RING_H

#include "libprofile/shim.h"

/* The consumer may have read on since the last look; if not, the record is lost. */
static __attribute__((noinline, unused)) bool ring_make_room(struct thread *thread, uint32_t bytes)
{
	if (!thread->ring)
		return false;		/* a forked child: the parent's rings are not mapped */
	thread->tail_seen = __atomic_load_n(&thread->ring->tail, __ATOMIC_ACQUIRE);
	if (thread->head + bytes - thread->tail_seen <= thread->ring_bytes)
		return true;
	__atomic_store_n(&thread->ring->dropped, thread->ring->dropped + 1, __ATOMIC_RELAXED);
	return false;
}

static inline void *ring_reserve(struct thread *thread, uint32_t bytes)
{
	if (unlikely(thread->head + bytes - thread->tail_seen > thread->ring_bytes) &&
	    !ring_make_room(thread, bytes))
		return NULL;
	return thread->bytes + (thread->head & thread->mask);
}

static inline void ring_commit(struct thread *thread, uint32_t bytes)
{
	thread->head += bytes;
	__atomic_store_n(&thread->ring->head, thread->head, __ATOMIC_RELEASE);
}

#endif
