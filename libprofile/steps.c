/* SPDX-License-Identifier: Apache-2.0 */
/* What threads launch, and where a step begins: see steps.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/steps.h"

#include <string.h>

#include "libprofile/cost.h"
#include "libprofile/gpu_backend.h"
#include "libprofile/period.h"

#define AT_SHIFT 10			/* ticks of the wire clock to units of period_token.at */
#define STEP_NS_MAX 500000000.0		/* longer ones do not fit a period of the governor */
#define STEP_NS_MIN 20000.0

struct step_ring {
	uint32_t count;			/* of tokens ever, by its thread */
	uint32_t last;			/* symbol */
	uint32_t anchor;		/* the symbol that a step begins with, 0 none */
	uint32_t seen;			/* count when it was looked at last, by the control thread */
	struct period_token tokens[PERIOD_TOKENS];
};

bool steps_watched;
static struct step_ring *rings[WIRE_RINGS_MAX];	/* by slot; made by the control thread */
static struct period_token latest[PERIOD_TOKENS];

/* Copies of one sort that follow each other are one. */
void steps_token_slow(const struct call *call, uint32_t symbol)
{
	struct step_ring *ring = __atomic_load_n(&rings[call->thread->slot], __ATOMIC_ACQUIRE);

	if (!ring || call->result != CUDA_SUCCESS || record_is_capturing() ||
	    (symbol >= STEP_COPY && symbol == ring->last))
		return;
	ring->last = symbol;
	ring->tokens[ring->count % PERIOD_TOKENS] = (struct period_token){
		symbol, (uint32_t)(call->begin >> AT_SHIFT) };
	__atomic_store_n(&ring->count, ring->count + 1, __ATOMIC_RELEASE);
	if (unlikely(symbol == __atomic_load_n(&ring->anchor, __ATOMIC_RELAXED)))
		gpu_window_step(call->thread->correlation, call->begin);
}

static uint32_t threads(void)
{
	uint32_t count = __atomic_load_n(&process.control->ring_count, __ATOMIC_ACQUIRE);

	return count < WIRE_RINGS_MAX ? count : WIRE_RINGS_MAX;
}

void steps_watch(bool is_on)
{
	for (uint32_t i = 0; is_on && i < threads(); i++)
		if (!rings[i])
			__atomic_store_n(&rings[i], util_map(sizeof(*rings[i])), __ATOMIC_RELEASE);
	__atomic_store_n(&steps_watched, is_on, __ATOMIC_RELEASE);
}

/* The ring whose thread launched most since the last time. */
static struct step_ring *busiest(void)
{
	struct step_ring *found = NULL;
	uint32_t most = 0;

	for (uint32_t i = 0; i < threads(); i++) {
		struct step_ring *ring = rings[i];
		uint32_t now;

		if (!ring)
			continue;
		__atomic_store_n(&ring->anchor, 0, __ATOMIC_RELAXED);
		now = __atomic_load_n(&ring->count, __ATOMIC_ACQUIRE);
		if (now - ring->seen > most) {
			most = now - ring->seen;
			found = ring;
		}
		ring->seen = now;
	}
	return found;
}

/* The latest tokens in order; those that its thread may have written over meanwhile are left out. */
static uint32_t copy_latest(const struct step_ring *ring)
{
	uint32_t end = ring->seen, first = end > PERIOD_TOKENS ? end - PERIOD_TOKENS : 0, now;

	for (uint32_t i = first; i != end; i++)
		latest[i - first] = ring->tokens[i % PERIOD_TOKENS];
	now = __atomic_load_n(&ring->count, __ATOMIC_ACQUIRE) + 1;
	if (now - first <= PERIOD_TOKENS)
		return end - first;
	now -= first + PERIOD_TOKENS;
	if (now >= end - first)
		return 0;
	memmove(latest, latest + now, (end - first - now) * sizeof(*latest));
	return end - first - now;
}

uint64_t steps_find(void)
{
	struct step_ring *ring = busiest();
	struct period period;
	double ns;

	if (!ring)
		return 0;
	period = period_find(latest, copy_latest(ring));
	ns = period.length * (1u << AT_SHIFT) * cost_ns_per_tick();
	if (!period.symbol || ns < STEP_NS_MIN || ns > STEP_NS_MAX)
		return 0;
	__atomic_store_n(&ring->anchor, period.symbol, __ATOMIC_RELAXED);
	return (uint64_t)ns;
}

/* In a forked child. */
void steps_forget(void)
{
	steps_watched = false;
	memset(rings, 0, sizeof(rings));
}
