/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GPU times from CUPTI activity records, joined to calls by the correlation id that the driver-API
 * callback of a launch, copy or set hands over while our wrapper is around the call. No API
 * records are asked for: they would be three records per kernel instead of one.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/cupti.h"

#include <string.h>
#include <time.h>

#include "libprofile/cupti_lend.h"
#include "libprofile/env.h"
#include "libprofile/path.h"

#define PASS_POLLS 200			/* of 1 ms, for calls on their way into the driver */
#define GIVE_UP_PAUSE_NS 20000000
#define GIVE_UP_PAUSES 8

static bool was_started;		/* here or in the process this one was forked from */
static uint32_t started_pid;
static void *subscriber;

/* Work inside of graphs is launched far from the code that it belongs to. The call that makes a
 * node gives it its path; copies of the node, which are what runs, are followed by their ids. */
static void on_node(struct thread *thread, uint32_t cbid, const struct cupti_graph_data *graph)
{
	uint64_t node, original;

	if (!thread->ring || !graph || cupti.GetGraphNodeId(graph->node, &node))
		return;
	if (cbid == CUPTI_NODE_CREATED && !thread->ready && path_is_taken(thread))
		path_graph_node_made(thread, node);
	else if (cbid != CUPTI_NODE_CREATED && graph->original &&
		 !cupti.GetGraphNodeId(graph->original, &original) && original != node)
		path_graph_node(thread, node, original, 0, 0);
}

static void on_callback(void *user, int domain, uint32_t cbid, const void *data)
{
	const struct cupti_callback_data *call = data;
	struct thread *thread = thread_self;

	(void)user;
	if (domain == CUPTI_DOMAIN_RESOURCE && thread)
		on_node(thread, cbid, ((const struct cupti_resource_data *)data)->graph);
	if (domain != CUPTI_DOMAIN_DRIVER || call->site != CUPTI_SITE_ENTER || !thread)
		return;
	__atomic_store_n(&thread->correlation, call->correlation, __ATOMIC_RELAXED);
	__atomic_store_n(&thread->last_correlation, call->correlation, __ATOMIC_RELAXED);
	gpu_window_told(call->correlation);
	/* The runtime can change the current context in ways that no wrapper sees. */
	if (call->context && call->context != thread->context_handle)
		thread->context_known = false;
}

/* Callback ids of an older library end earlier; what it does not know cannot be called either. */
static void set_callbacks(bool is_on)
{
	static const struct { uint16_t cbid; char category[24]; } rows[] = {
#define API(symbol, base, tier, since, per_thread, cbid, category, params, args) \
		{ cbid, { #category } },
#include "driver/driver_api.def"
#undef API
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *category = rows[i].category;

		if (rows[i].cbid && (!strcmp(category, "LAUNCH_KERNEL") ||
				     !strcmp(category, "LAUNCH_LEGACY") ||
				     !strcmp(category, "GRAPH_LAUNCH") ||
				     !strcmp(category, "COPY") || !strcmp(category, "SET")))
			cupti.EnableCallback(is_on, subscriber, CUPTI_DOMAIN_DRIVER, rows[i].cbid);
	}
}

/* A library that does not know them leaves work inside of graphs with the path of its launch. */
static void enable_nodes(void)
{
	static const uint32_t cbids[] = { CUPTI_NODE_CREATED, CUPTI_NODE_CLONED,
					  CUPTI_NODE_UPDATED };

	if (!cupti.GetGraphNodeId)
		return;
	for (size_t i = 0; i < sizeof(cbids) / sizeof(cbids[0]); i++)
		cupti.EnableCallback(1, subscriber, CUPTI_DOMAIN_RESOURCE, cbids[i]);
}

/* Launches of graphs as a whole hide what is inside of them. */
static struct { int kind; bool in_graph, in_full, is_on; } kinds[] = {
	{ CUPTI_KIND_GRAPH_TRACE,	true, false, false },
	{ CUPTI_KIND_CONCURRENT_KERNEL,	true, true, false },
	{ CUPTI_KIND_MEMCPY,		true, true, false },
	{ CUPTI_KIND_MEMCPY2,		true, true, false },
	{ CUPTI_KIND_MEMSET,		true, true, false },
};

/* False: not one kind could be had. */
static bool set_kinds(enum wire_detail level)
{
	bool any = false;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		bool wanted = level == WIRE_DETAIL_GRAPH ? kinds[i].in_graph :
			level == WIRE_DETAIL_FULL && kinds[i].in_full;

		if (wanted != kinds[i].is_on) {
			if (wanted ? cupti.ActivityEnable(kinds[i].kind) :
			    cupti.ActivityDisable(kinds[i].kind))
				process_count(WIRE_COUNTER_cupti_errors, 1);
			else
				kinds[i].is_on = wanted;
		}
		any |= kinds[i].is_on;
	}
	return any;
}

/* What is recorded is settled as work reaches the driver, and a call that CUPTI gave an id may be kept
 * from the processor on its way there. One that waits inside of the driver has most likely been there. */
static void let_calls_pass(void)
{
	struct timespec pause = { 0, 1000000 };

	for (int i = 0; i < PASS_POLLS && gpu_window_calls_on_their_way(); i++)
		nanosleep(&pause, NULL);
}

/* Work carries ids only while something asks for them: callbacks are first to come and last to go. */
static void cupti_level(enum wire_detail level)
{
	static bool is_on;

	if (level == WIRE_DETAIL_HOST) {
		if (is_on) {
			gpu_window_close();
			let_calls_pass();
		}
		set_kinds(level);
		if (is_on)
			set_callbacks(false);
		is_on = false;
	} else {
		if (!is_on)
			set_callbacks(true);
		set_kinds(level);
		if (!is_on)
			gpu_window_open();
		is_on = true;
	}
}

/* 0: not a number from 1 to 9999. */
static size_t pool_limit(void)
{
	size_t limit = 0;

	for (const char *c = env_get(ENV_GPUTRAIL_CUPTI_POOL); *c; c++) {
		if (*c < '0' || *c > '9' || limit > 999)
			return 0;
		limit = limit * 10 + (size_t)(*c - '0');
	}
	return limit;
}

static bool register_buffers(void)
{
	uint8_t per_thread = 0;
	size_t bytes = sizeof(per_thread), limit = pool_limit(), limit_bytes = sizeof(limit);

	if (limit && cupti.ActivitySetAttribute(CUPTI_ATTRIBUTE_POOL_LIMIT, &limit_bytes, &limit))
		process_count(WIRE_COUNTER_cupti_errors, 1);

	/* A buffer for each launching thread would use the pool up. Older libraries do not know
	 * the attribute. */
	cupti.ActivitySetAttribute(CUPTI_ATTRIBUTE_PER_THREAD_BUFFER, &bytes, &per_thread);
	return cupti_lend_clock_restore() &&
		!cupti.ActivityRegisterCallbacks(cupti_buffer_give, cupti_buffer_take);
}

/* Subscribing tells whether somebody else is there; without it we would silently take over the
 * buffers of a tool that was first. That a kind can be had tells that the driver takes this CUPTI. */
static int subscribe(void)
{
	int result = cupti.Subscribe(&subscriber, on_callback, NULL);

	if (result)
		return result;
	if (register_buffers() && set_kinds(WIRE_DETAIL_FULL)) {
		enable_nodes();
		return CUPTI_OK;
	}
	cupti.Unsubscribe(subscriber);
	return CUPTI_NOT_INITIALIZED;
}

/* From 13.0 on CUPTI tells who holds it, if that one gave a name. */
static void refused(void)
{
	char name[64] = "";
	struct cupti_subscriber_params params = {
		.bytes = cupti.version >= 130200 ? 40 : 32,
		.name = "gputrail", .other = name, .other_bytes = sizeof(name),
	};
	void *none = NULL;

	process_count(WIRE_COUNTER_cupti_refused, 1);
	if (cupti.Subscribe_v2 && !cupti.Subscribe_v2(&none, on_callback, NULL, &params))
		cupti.Unsubscribe(none);	/* it has just let go; the next attempt will do */
	name[sizeof(name) - 1] = '\0';
	gpu_backend_note(name[0] ? name : "another tool",
			 " holds CUPTI in this process (error 39): stop it to get all GPU times");
}

/* Attached before: the same library again, as what it knew of this process is still right. */
static bool attach_again(void)
{
	int result = subscribe();

	if (result == CUPTI_OTHER_SUBSCRIBER)
		refused();
	else if (result)
		process_count(WIRE_COUNTER_cupti_errors, 1);
	return result == CUPTI_OK;
}

static bool start(void)
{
	struct cupti_search search = { 0 };
	bool any = false;
	int result;

	if (was_started && started_pid == process.control->pid)
		return attach_again();
	if (was_started) {
		gpu_backend_note("forked from a process that used CUPTI", "");
		return false;
	}
	if (!cupti_buffers_make() || !gpu_record_start()) {
		gpu_backend_note("no memory for CUPTI's buffers", "");
		return false;
	}
	while (cupti_open_next(&search)) {
		any = true;
		result = subscribe();
		if (result == CUPTI_OK) {
			was_started = true;
			started_pid = process.control->pid;
			process.control->cupti_version = cupti.version;
			return true;
		}
		if (result == CUPTI_OTHER_SUBSCRIBER) {
			refused();
			return false;
		}
		process_count(WIRE_COUNTER_cupti_errors, 1);
		cupti_close();
	}
	gpu_backend_note(any ? "CUPTI did not start, most likely because it is newer than the "
			       "driver" :
			 "no libcupti found. Set GPUTRAIL_CUPTI to its path", "");
	return false;
}

static bool cupti_attach(void)
{
	char text[24];

	if (!strcmp(env_get(ENV_GPUTRAIL_CUPTI), "events")) {
		gpu_backend_note("GPUTRAIL_CUPTI=events leaves it alone", "");
		return false;
	}
	if (!start())
		return false;
	util_append_number(text, 0, sizeof(text), cupti.version);
	gpu_backend_note("CUPTI API version ", text);
	return true;
}

static void flush(uint32_t flags)
{
	if (cupti.ActivityFlushAll(flags))
		process_count(WIRE_COUNTER_cupti_errors, 1);
	cupti_buffers_drain();
}

static void cupti_flush(void)
{
	flush(0);
}

/* Nothing of CUPTI's stays in the way of a call or a kernel. cuptiFinalize is not for a process
 * that goes on: it waits for contexts, and races with calls in progress. */
static void cupti_detach(void)
{
	flush(0);
	cupti.Unsubscribe(subscriber);
	subscriber = NULL;
}

/* Work that is on its way may take a little; whoever waits for CUPTI does not wait for long work. */
void cupti_give_up(void)
{
	struct timespec pause = { 0, GIVE_UP_PAUSE_NS };
	const uint64_t *counter = &process.control->counters[WIRE_COUNTER_cupti_records];
	uint64_t seen, records = 0;

	cupti_level(WIRE_DETAIL_HOST);
	for (int i = 0; i < GIVE_UP_PAUSES; i++) {
		seen = records;
		flush(0);
		records = __atomic_load_n(counter, __ATOMIC_RELAXED);
		if (i && records == seen)
			break;
		nanosleep(&pause, NULL);
	}
	flush(CUPTI_FLUSH_FORCED);
	cupti.Unsubscribe(subscriber);
	subscriber = NULL;
}

/* Forced only now: it gives up on records that are not complete. */
static void cupti_stop(void)
{
	flush(0);
	flush(CUPTI_FLUSH_FORCED);
}

const struct gpu_backend gpu_backend_cupti = {
	.kind = WIRE_BACKEND_CUPTI,
	.attach = cupti_attach,
	.level = cupti_level,
	.flush = cupti_flush,
	.detach = cupti_detach,
	.stop = cupti_stop,
};
