/* SPDX-License-Identifier: Apache-2.0 */
/* Calls, operations and idle intervals in the terms of a scope: see event_filter.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/event_filter.h"

int event_filter_open(struct run *run, const struct scope_sets *sets, struct event_filter *f)
{
	*f = (struct event_filter){ .run = run, .sets = sets };
	if (lookup_load(run, "SELECT id, process FROM thread ORDER BY id", &f->threads) < 0 ||
	    lookup_load(run, "SELECT id, process, device FROM stream ORDER BY id", &f->streams) < 0 ||
	    lookup_load(run, "SELECT id, device, kernel FROM shape ORDER BY id", &f->shapes) < 0)
		return -1;
	f->graph_call = run_prepare(run, "SELECT thread, path FROM graph_launch WHERE id = ?1");
	return f->graph_call ? 0 : -1;
}

void event_filter_close(struct event_filter *f)
{
	sqlite3_finalize(f->graph_call);
	f->graph_call = NULL;
	lookup_free(&f->threads);
	lookup_free(&f->streams);
	lookup_free(&f->shapes);
}

bool event_filter_passes(const struct event_filter *f, const struct event_subject *s, unsigned int bits)
{
	const int64_t ids[SCOPE_KINDS] = {
		[SCOPE_DEVICE] = s->device, [SCOPE_PROCESS] = s->process, [SCOPE_STREAM] = s->stream,
		[SCOPE_KERNEL] = s->kernel, [SCOPE_PATH] = s->path,
	};

	if (!f->sets)
		return true;
	if (bits & SCOPE_BIT(TIME) && !scope_sets_pass_time(f->sets, s->start))
		return false;
	for (int kind = 0; kind < SCOPE_KINDS; kind++)
		if (kind != SCOPE_TIME && bits >> kind & 1 &&
		    !scope_sets_pass(f->sets, (enum scope_kind)kind, ids[kind]))
			return false;
	return true;
}

int64_t event_filter_device(const struct event_filter *f, int64_t shape, int64_t stream)
{
	int64_t device = shape ? lookup_number(&f->shapes, shape, FILTER_SHAPE_DEVICE, 0) : 0;

	return device ? device : lookup_number(&f->streams, stream, FILTER_STREAM_DEVICE, 0);
}

struct event_subject event_filter_call(const struct event_filter *f, const struct idle_call *call)
{
	return (struct event_subject){
		.start = call->start, .process = lookup_number(&f->threads, call->thread, 0, 0),
		.stream = call->stream, .path = call->path,
	};
}

struct event_subject event_filter_work(const struct event_filter *f, const struct idle_call *call,
				       const struct idle_work *work)
{
	struct event_subject s = event_filter_call(f, call);

	if (work->gpu_start)
		s.start = work->gpu_start;
	if (call->table == EVENT_LAUNCH)
		s.kernel = lookup_number(&f->shapes, work->shape, FILTER_SHAPE_KERNEL, 0);
	s.device = event_filter_device(f, call->table == EVENT_LAUNCH ? work->shape : 0, s.stream);
	return s;
}

static const struct graph_call *graph_call_find(struct event_filter *f, int64_t id)
{
	struct graph_call *found = &f->graph_calls[(uint64_t)id % EVENT_FILTER_CACHED];
	int result;

	if (found->id == id)
		return found;
	sqlite3_reset(f->graph_call);
	sqlite3_bind_int64(f->graph_call, 1, id);
	result = run_step(f->run, f->graph_call);
	*found = (struct graph_call){ .id = id };
	if (result > 0) {
		found->thread = sqlite3_column_int64(f->graph_call, 0);
		found->path = sqlite3_column_int64(f->graph_call, 1);
	}
	sqlite3_reset(f->graph_call);
	return result < 0 ? NULL : found;
}

int event_filter_event(struct event_filter *f, const struct idle_event *event,
		       struct event_subject *s, const struct graph_call **graph)
{
	int64_t thread = event->thread;

	*graph = event->graph_launch ? graph_call_find(f, event->graph_launch) : NULL;
	if (event->graph_launch && !*graph)
		return -1;
	if (*graph && !thread)
		thread = (*graph)->thread;
	*s = (struct event_subject){
		.start = event->start, .device = event->device, .stream = event->op.stream,
		.process = thread ? lookup_number(&f->threads, thread, 0, 0) :
				    lookup_number(&f->streams, event->op.stream, FILTER_STREAM_PROCESS, 0),
		.path = *graph && !event->path ? (*graph)->path : event->path,
		.kernel = event->op.kind == IDLE_KERNEL ?
			lookup_number(&f->shapes, event->op.shape, FILTER_SHAPE_KERNEL, 0) : 0,
	};
	return 0;
}

struct event_subject event_filter_interval(const struct event_filter *f,
					   const struct idle_interval *interval)
{
	return (struct event_subject){
		.start = interval->start_ns, .device = interval->device, .path = interval->path,
		.stream = interval->next.stream,
		.process = interval->thread ? lookup_number(&f->threads, interval->thread, 0, 0) :
			lookup_number(&f->streams, interval->next.stream, FILTER_STREAM_PROCESS, 0),
		.kernel = interval->next.kind == IDLE_KERNEL ?
			lookup_number(&f->shapes, interval->next.shape, FILTER_SHAPE_KERNEL, 0) : 0,
	};
}

bool event_filter_takes_call(const struct event_filter *f, const struct idle_call *call,
			     const struct idle_work *work)
{
	struct event_subject s = event_filter_call(f, call);

	if (!event_filter_passes(f, &s, SCOPE_OF_CALLS))
		return false;
	if (!event_table_has_work(call->table))
		return true;
	s = event_filter_work(f, call, work);
	/* The call's own time counts; which kernels a graph has is not told here. */
	return event_filter_passes(f, &s, (call->table == EVENT_GRAPH_LAUNCH ? SCOPE_OF_COPIES :
					   SCOPE_OF_KERNELS) & ~SCOPE_BIT(TIME));
}

int event_filter_takes_event(struct event_filter *f, const struct idle_event *event)
{
	const struct graph_call *graph;
	struct event_subject s;

	if (event_filter_event(f, event, &s, &graph) < 0)
		return -1;
	return event_filter_passes(f, &s, SCOPE_OF_KERNELS);
}
