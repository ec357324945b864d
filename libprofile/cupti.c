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

#include "libprofile/env.h"
#include "libprofile/path.h"

static bool was_started;		/* here or in the process this one was forked from */

/* Work inside of graphs is launched far from the code that it belongs to. The call that makes a
 * node gives it its path; copies of the node, which are what runs, are followed by their ids. */
static void on_node(struct thread *thread, uint32_t cbid, const struct cupti_graph_data *graph)
{
	uint64_t node, original;

	if (!thread->ring || !graph || !path_is_taken(thread) ||
	    cupti.GetGraphNodeId(graph->node, &node))
		return;
	if (cbid == CUPTI_NODE_CREATED && !thread->ready)
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
	thread->correlation = call->correlation;
	/* The runtime can change the current context in ways that no wrapper sees. */
	if (call->context && call->context != thread->context_handle)
		thread->context_known = false;
}

/* Callback ids of an older library end earlier; what it does not know cannot be called either. */
static void enable_callbacks(void *subscriber)
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
			cupti.EnableCallback(1, subscriber, CUPTI_DOMAIN_DRIVER, rows[i].cbid);
	}
}

/* A library that does not know them leaves work inside of graphs with the path of its launch. */
static void enable_nodes(void *subscriber)
{
	static const uint32_t cbids[] = { CUPTI_NODE_CREATED, CUPTI_NODE_CLONED,
					  CUPTI_NODE_UPDATED };

	if (!cupti.GetGraphNodeId || !strcmp(env_get(ENV_GPUTRAIL_CALLPATH), "off"))
		return;
	for (size_t i = 0; i < sizeof(cbids) / sizeof(cbids[0]); i++)
		cupti.EnableCallback(1, subscriber, CUPTI_DOMAIN_RESOURCE, cbids[i]);
}

static bool enable_kinds(void)
{
	static const int kinds[] = {
		CUPTI_KIND_CONCURRENT_KERNEL, CUPTI_KIND_MEMCPY, CUPTI_KIND_MEMCPY2,
		CUPTI_KIND_MEMSET,
	};
	uint8_t per_thread = 0;
	size_t bytes = sizeof(per_thread);
	bool any = false;

	/* A buffer for each launching thread would use the pool up. Older libraries do not know
	 * the attribute. */
	cupti.ActivitySetAttribute(CUPTI_ATTRIBUTE_PER_THREAD_BUFFER, &bytes, &per_thread);
	if (cupti.ActivityRegisterCallbacks(cupti_buffer_give, cupti_buffer_take))
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!cupti.ActivityEnable(kinds[i]))
			any = true;
		else
			process_count(WIRE_COUNTER_cupti_errors, 1);
	}
	return any;
}

/* Subscribing tells whether somebody else is there; without it we would silently take over the
 * buffers of a tool that was first. */
static int subscribe(void)
{
	void *subscriber = NULL;
	int result = cupti.Subscribe(&subscriber, on_callback, NULL);

	if (result)
		return result;
	if (enable_kinds()) {
		enable_callbacks(subscriber);
		enable_nodes(subscriber);
		return CUPTI_OK;
	}
	cupti.Unsubscribe(subscriber);
	return CUPTI_NOT_INITIALIZED;
}

static bool start(void)
{
	struct cupti_search search = { 0 };
	bool any = false;
	int result;

	if (was_started) {
		gpu_backend_note("forked from a process that used CUPTI; host times only", "");
		return false;
	}
	if (!cupti_buffers_make() || !cupti_decode_start()) {
		gpu_backend_note("no memory for CUPTI's buffers; host times only", "");
		return false;
	}
	while (cupti_open_next(&search)) {
		any = true;
		result = subscribe();
		if (result == CUPTI_OK) {
			was_started = true;
			process.control->cupti_version = cupti.version;
			return true;
		}
		if (result == CUPTI_OTHER_SUBSCRIBER) {
			process_count(WIRE_COUNTER_cupti_refused, 1);
			gpu_backend_note("another tool in this process uses CUPTI (error 39); "
					 "host times only. Stop that tool to get GPU times", "");
			return false;
		}
		process_count(WIRE_COUNTER_cupti_errors, 1);
		cupti_close();
	}
	gpu_backend_note(any ? "CUPTI did not start, most likely because it is newer than the "
			       "driver; host times only" :
			 "no libcupti found; host times only. Set GPUTRAIL_CUPTI to its path", "");
	return false;
}

static bool cupti_start(void)
{
	char text[24];

	if (!strcmp(env_get(ENV_GPUTRAIL_CUPTI), "off")) {
		gpu_backend_note("switched off by GPUTRAIL_CUPTI=off; host times only", "");
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

/* Forced only now: it gives up on records that are not complete. */
static void cupti_stop(void)
{
	flush(0);
	flush(CUPTI_FLUSH_FORCED);
}

const struct gpu_backend gpu_backend_cupti = {
	.kind = WIRE_BACKEND_CUPTI,
	.start = cupti_start,
	.flush = cupti_flush,
	.stop = cupti_stop,
};
