/* SPDX-License-Identifier: Apache-2.0 */
/* Sampled CUDA events in a bounded pool, recorded by the program's threads and read by ours. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/events.h"

#include <string.h>

#include "libprofile/env.h"
#include "libprofile/gpu_backend.h"

#define POOL 256u			/* pairs of events */
#define POOL_GRAPHS 64u			/* of them, not for kernels: bursts of these would take all */
#define FIRST_CORRELATION 0x80000000u	/* far from CUPTI's, which may be there later */
#define EVENTS_MAX 4096u		/* ever made: contexts that come and go take theirs with them */
#define KERNELS_PER_SAMPLE 16u
#define GRAPHS_PER_SAMPLE 2u
#define STOP_TRIES 40
#define FRONT_END_NS 2500		/* published for an event: the device does not begin sooner */
#define START_NS 1000			/* and a kernel, to begin behind what was before it */
#define MEASURED 16u			/* pairs before which a third event tells what one takes here */
#define REBASE_NS 4000000000ll		/* a float of milliseconds is exact to 0.5 us up to here */

enum pair_state { PAIR_FREE, PAIR_TAKEN, PAIR_RECORDED };

static struct pair {
	uint32_t state;			/* enum pair_state */
	CUcontext context;		/* that the events belong to; NULL: none made */
	CUevent before, begin, end;	/* before: of the first pairs, right before the begin */
	CUstream stream;
	/* CLOCK_MONOTONIC: before the first event was recorded, before the launch, behind it, and when
	 * the second event was recorded. */
	uint64_t call_ns, launch_ns, launched_ns, recorded_ns;
	uint32_t correlation;
	bool is_graph, per_thread, has_before;
} pairs[POOL];

/* Between two events with nothing between them passes what one of them takes, or what the host took to
 * record the second one where that is longer: the least of some is no less than the former. */
static struct {
	uint32_t tried, taken;
	uint64_t least_ns;
} empty;

/* Begins are measured from one event that has ended; where that lies in time is not known, but no
 * work begins before its call: the latest that this allows is right to a launch's latency. */
static struct {
	CUcontext context;
	CUevent event;
	uint64_t at_ns;
} base;

bool events_on;
static uint32_t events_made, next_correlation;
static struct spinlock pool_lock;	/* between reading events and the end of their context */
static SHIM_TLS uint64_t random_state;

static bool is_chosen(bool is_graph)
{
	uint32_t one_of = is_graph ? GRAPHS_PER_SAMPLE : KERNELS_PER_SAMPLE;

	if (!random_state)
		random_state = clock_wire() * 2654435761u | 1;
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state >> 32) % one_of == 0;
}

static bool make_events(struct pair *pair, CUcontext context)
{
	if (pair->context == context)
		return true;
	if (__atomic_fetch_add(&events_made, 2, __ATOMIC_RELAXED) >= EVENTS_MAX ||
	    real.cuEventCreate(&pair->begin, CU_EVENT_DEFAULT))
		return false;
	if (real.cuEventCreate(&pair->end, CU_EVENT_DEFAULT))
		return false;
	pair->context = context;
	return true;
}

/* One whose events are of this context, or have not been made. */
static struct pair *pair_take(CUcontext context, bool is_graph)
{
	for (uint32_t i = is_graph ? 0 : POOL_GRAPHS; i < POOL; i++) {
		struct pair *pair = &pairs[i];
		uint32_t state = PAIR_FREE;

		if (__atomic_load_n(&pair->state, __ATOMIC_RELAXED) != PAIR_FREE ||
		    (pair->context && pair->context != context) ||
		    !__atomic_compare_exchange_n(&pair->state, &state, PAIR_TAKEN, false,
						 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			continue;
		if (make_events(pair, context))
			return pair;
		__atomic_store_n(&pair->state, PAIR_FREE, __ATOMIC_RELEASE);
		return NULL;
	}
	return NULL;
}

static CUresult record(const struct pair *pair, CUevent event)
{
	return pair->per_thread && real.cuEventRecord_ptsz ?
		real.cuEventRecord_ptsz(event, pair->stream) : real.cuEventRecord(event, pair->stream);
}

static void record_before(struct pair *pair)
{
	pair->has_before = false;
	if (__atomic_load_n(&empty.tried, __ATOMIC_RELAXED) >= MEASURED ||
	    __atomic_fetch_add(&empty.tried, 1, __ATOMIC_RELAXED) >= MEASURED)
		return;
	if (!pair->before && real.cuEventCreate(&pair->before, CU_EVENT_DEFAULT))
		pair->before = NULL;
	pair->has_before = pair->before && !record(pair, pair->before);
}

/* While any stream of the process captures nothing is inserted: into a capture it would become part
 * of the graph, and into the legacy stream it may not go. */
void events_begin_slow(struct call *call, CUstream stream, bool is_graph)
{
	CUcontext context = NULL;
	struct pair *pair;

	if (!is_chosen(is_graph) || record_is_capturing() || real.cuCtxGetCurrent(&context) || !context)
		return;
	pair = pair_take(context, is_graph);
	if (!pair)
		return;
	pair->stream = stream;
	pair->per_thread = call->per_thread;
	pair->is_graph = is_graph;
	record_before(pair);
	pair->call_ns = clock_monotonic_ns();
	if (record(pair, pair->begin)) {
		__atomic_store_n(&pair->state, PAIR_FREE, __ATOMIC_RELEASE);
		return;
	}
	pair->launch_ns = clock_monotonic_ns();
	call->sample = (uint32_t)(pair - pairs) + 1;
	call->begin = clock_wire();	/* that was no part of the call */
}

/* A capture that began meanwhile in another thread fails the record, and only that. */
void events_end_slow(struct call *call)
{
	struct pair *pair = &pairs[call->sample - 1];

	pair->launched_ns = clock_monotonic_ns();
	if (call->result || record_is_capturing() || record(pair, pair->end)) {
		__atomic_store_n(&pair->state, PAIR_FREE, __ATOMIC_RELEASE);
		return;
	}
	pair->recorded_ns = clock_monotonic_ns();
	pair->correlation = FIRST_CORRELATION +
		(__atomic_fetch_add(&next_correlation, 1, __ATOMIC_RELAXED) & INT32_MAX);
	call->thread->correlation = pair->correlation;
	__atomic_store_n(&pair->state, PAIR_RECORDED, __ATOMIC_RELEASE);
}

/* What lies around a kernel at least: as published, or more if events take longer here. */
static uint64_t front_end_ns(void)
{
	return empty.taken && empty.least_ns + START_NS > FRONT_END_NS ? empty.least_ns + START_NS :
									 FRONT_END_NS;
}

/* What lies between the first event and the work: a device with nothing else to do met the event
 * before the launch had come. From its start, which `place` is right about but for a latency that
 * both have, to the launch it waited: that is no part of the work. Of the launch's call it may
 * have waited for a part, and for itself it needs some time: by so much the rest may be too long.
 * Work that was over before the second event came may have been as short as can be. The bound is
 * never less than what was left out. */
static void waited_for_launch(const struct pair *pair, uint64_t start_ns, uint64_t *dur_ns,
			      uint64_t *excess_ns)
{
	uint64_t waited_ns = start_ns < pair->launch_ns ? pair->launch_ns - start_ns : 0;
	uint64_t begun_ns = start_ns < pair->launch_ns ? pair->launch_ns : start_ns;
	uint64_t elapsed_ns = *dur_ns;

	/* As long as that it cannot have been: when the event was is not known so well yet. */
	if (waited_ns >= elapsed_ns)
		waited_ns = 0;
	*dur_ns -= waited_ns;
	*excess_ns = front_end_ns() +
		(begun_ns < pair->launched_ns ? pair->launched_ns - begun_ns : 0);
	if (*excess_ns < waited_ns)
		*excess_ns = waited_ns;
	if (*excess_ns > elapsed_ns || start_ns + elapsed_ns < pair->recorded_ns)
		*excess_ns = elapsed_ns;
}

static void send(const struct pair *pair, uint64_t start_ns, uint64_t dur_ns, uint64_t excess_ns)
{
	uint32_t name = pair->is_graph ? gpu_record_name("graph") : 0;
	struct wire_gpu_kernel *record = gpu_record_reserve(sizeof(*record));

	if (!record) {
		process_count(WIRE_COUNTER_lost_gpu_records, 1);
		return;
	}
	*record = (struct wire_gpu_kernel){
		.gpu = {
			.head = { .bytes = sizeof(*record), .kind = WIRE_GPU_KERNEL,
				  .result = WIRE_GPU_CLOCK_MONOTONIC | WIRE_GPU_SAMPLED },
			.start = start_ns, .end = start_ns + dur_ns,
			.correlation = pair->correlation,
			.excess_ns = (uint32_t)excess_ns,
		},
		.name = name,
	};
	gpu_record_commit(sizeof(*record));
	process_count(WIRE_COUNTER_event_samples, 1);
}

/* Signed: pairs are not read in the order of their time. */
static bool elapsed_ns(CUevent from, CUevent to, int64_t *ns)
{
	float ms = 0;

	if (real.cuEventElapsedTime(&ms, from, to))
		return false;
	*ns = (int64_t)((double)ms * 1e6);
	return true;
}

/* When it began, see `base`; false: nothing is known of it. Its begin may become the new base. */
static bool place(struct pair *pair, uint64_t *start_ns)
{
	CUevent old = base.event;
	int64_t since_ns;

	if (base.context != pair->context) {
		base.context = pair->context;
		base.event = pair->begin;
		*start_ns = base.at_ns = pair->call_ns;
		pair->context = NULL;	/* its other event is given up: contexts seldom change */
		return true;
	}
	if (!elapsed_ns(base.event, pair->begin, &since_ns))
		return false;
	if (base.at_ns + (uint64_t)since_ns < pair->call_ns)
		base.at_ns = pair->call_ns - (uint64_t)since_ns;
	*start_ns = base.at_ns + (uint64_t)since_ns;
	if (since_ns > REBASE_NS) {
		base.event = pair->begin;
		base.at_ns = *start_ns;
		pair->begin = old;
	}
	return true;
}

static void read_before(struct pair *pair)
{
	int64_t elapsed;

	if (!pair->has_before || !elapsed_ns(pair->before, pair->begin, &elapsed) || elapsed < 0)
		return;
	if (!empty.taken++ || (uint64_t)elapsed < empty.least_ns)
		empty.least_ns = (uint64_t)elapsed;
	process.control->counters[WIRE_GAUGE_EVENT_NS] = empty.least_ns ? empty.least_ns : 1;
}

static void read_pair(struct pair *pair)
{
	CUresult result = real.cuEventQuery(pair->end);
	uint64_t start_ns, end_ns, dur_ns, excess_ns;
	int64_t elapsed;

	if (result == CUDA_ERROR_NOT_READY)
		return;
	if (result == CUDA_SUCCESS)
		read_before(pair);
	if (result == CUDA_SUCCESS && elapsed_ns(pair->begin, pair->end, &elapsed) &&
	    elapsed >= 0 && place(pair, &start_ns)) {
		dur_ns = (uint64_t)elapsed;
		end_ns = start_ns + dur_ns;
		waited_for_launch(pair, start_ns, &dur_ns, &excess_ns);
		send(pair, end_ns - dur_ns, dur_ns, excess_ns);
	} else {
		process_count(WIRE_COUNTER_event_failures, 1);
	}
	__atomic_store_n(&pair->state, PAIR_FREE, __ATOMIC_RELEASE);
}

static void events_flush(void)
{
	spin_lock(&pool_lock);
	for (uint32_t i = 0; i < POOL; i++)
		if (__atomic_load_n(&pairs[i].state, __ATOMIC_ACQUIRE) == PAIR_RECORDED)
			read_pair(&pairs[i]);
	spin_unlock(&pool_lock);
}

/* What runs now has no time after the exit: it is waited for a little. */
static void events_stop(void)
{
	struct timespec pause = { 0, 5000000 };
	bool is_left = true;

	events_on = false;
	for (int tries = 0; tries < STOP_TRIES && is_left; tries++) {
		events_flush();
		is_left = false;
		for (uint32_t i = 0; i < POOL; i++)
			is_left |= __atomic_load_n(&pairs[i].state, __ATOMIC_ACQUIRE) != PAIR_FREE;
		if (is_left)
			nanosleep(&pause, NULL);
	}
}

void events_context_ends(CUcontext context)
{
	if (likely(!events_made))
		return;
	spin_lock(&pool_lock);
	for (uint32_t i = 0; i < POOL; i++) {
		if (context && pairs[i].context != context)
			continue;
		pairs[i].context = NULL;
		pairs[i].before = NULL;
		__atomic_store_n(&pairs[i].state, PAIR_FREE, __ATOMIC_RELEASE);
	}
	if (!context || base.context == context)
		base.context = NULL;
	spin_unlock(&pool_lock);
}

static bool events_attach(void)
{
	if (!strcmp(env_get(ENV_GPUTRAIL_EVENTS), "off") || !gpu_record_start())
		return false;
	return real.cuEventCreate && real.cuEventRecord && real.cuEventQuery &&
		real.cuEventElapsedTime && real.cuCtxGetCurrent && real.cuStreamIsCapturing;
}

static void events_level(enum wire_detail level)
{
	bool is_on = level != WIRE_DETAIL_HOST;

	if (is_on && !gpu_window.is_open)
		gpu_window = (struct gpu_window){ .first = FIRST_CORRELATION, .is_open = true };
	__atomic_store_n(&events_on, is_on, __ATOMIC_RELEASE);
}

static void events_detach(void)
{
	gpu_window = (struct gpu_window){ .is_open = false };
}

const struct gpu_backend gpu_backend_events = {
	.kind = WIRE_BACKEND_EVENTS,
	.attach = events_attach,
	.level = events_level,
	.flush = events_flush,
	.detach = events_detach,
	.stop = events_stop,
};

void events_forget(void)
{
	events_on = false;
	events_made = next_correlation = 0;
	memset(&empty, 0, sizeof(empty));
	base.context = NULL;
	memset(pairs, 0, sizeof(pairs));
}
