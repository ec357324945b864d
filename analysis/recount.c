/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The summaries once more, from the rows, of all or of a part of them: temporary tables of the same
 * names hide those of the file, so that every view shows what the rows add up to.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/bucket_tally.h"
#include "analysis/event_filter.h"
#include "analysis/tally.h"

#include <stdlib.h>
#include <string.h>

#define CACHED	64

struct recount {
	struct run *run;
	struct scope_sets sets;
	struct event_filter filter;
	struct tally *tallies, *recent[TALLY_KINDS][CACHED];
	struct bucket_tally buckets;
	int64_t graph_api;		/* of launches in files that do not tell */
};

static struct tally *tally_get(struct recount *r, enum tally_kind kind, int64_t process,
			       int64_t device, int64_t id)
{
	struct tally probe = { .key = { kind, process, device, id } };
	uint64_t slot = ((uint64_t)id + 7 * (uint64_t)device) % CACHED;
	struct tally **recent = &r->recent[kind][slot], *tally = *recent;

	if (tally && memcmp(&tally->key, &probe.key, sizeof(probe.key)) == 0)
		return tally;
	HASH_FIND(hh, r->tallies, &probe.key, sizeof(probe.key), tally);
	if (!tally) {
		tally = malloc(sizeof(*tally));
		if (!tally) {
			run_fail(r->run, "out of memory");
			return NULL;
		}
		*tally = probe;
		HASH_ADD(hh, r->tallies, key, sizeof(tally->key), tally);
	}
	*recent = tally;
	return tally;
}

static void tally_time(struct tally *t, uint64_t ns)
{
	if (!t->count || ns < t->min)
		t->min = ns;
	if (ns > t->max)
		t->max = ns;
	t->count++;
	t->total += ns;
	t->squares += (double)ns * (double)ns;
}

static void tally_bytes(struct tally *t, uint64_t bytes)
{
	if (!t->all || bytes < t->min_bytes)
		t->min_bytes = bytes;
	if (bytes > t->max_bytes)
		t->max_bytes = bytes;
	t->all++;
	t->bytes += bytes;
}

static void union_add(struct tally *t, int which, uint64_t start, uint64_t end)
{
	if (t->reach[which] < start)
		t->reach[which] = start;
	if (end > t->reach[which]) {
		t->busy[which] += end - t->reach[which];
		t->reach[which] = end;
	}
}

static int path_add(struct recount *r, int64_t path, const struct callpath_sums *more)
{
	struct tally *tally = tally_get(r, TALLY_PATH, 0, 0, path);

	if (!tally)
		return -1;
	tally->path.gpu += more->gpu;
	tally->path.host += more->host;
	tally->path.launches += more->launches;
	tally->path.calls += more->calls;
	tally->path.copied += more->copied;
	tally->path.allocated += more->allocated;
	tally->path.replay += more->replay;
	return 0;
}

/* --- calls --------------------------------------------------------------------------------- */

static int api_add(struct recount *r, const struct idle_call *call, const struct event_subject *s)
{
	int64_t api = call->api || call->table != EVENT_GRAPH_LAUNCH ? call->api : r->graph_api;
	struct callpath_sums sums = { .calls = 1, .host = call->end - call->start };
	struct tally *tally = tally_get(r, TALLY_API, s->process, 0, api);

	if (!tally)
		return -1;
	tally_time(tally, call->end - call->start);
	tally->failed += call->failed;
	if (call->table == EVENT_MEMORY && call->kind == 1)
		sums.allocated = call->bytes;
	return path_add(r, call->path, &sums);
}

/* Work is counted here whether or not its GPU times are known. */
static int launch_add(struct recount *r, const struct idle_call *call, const struct idle_work *work,
		      const struct event_subject *s)
{
	struct tally *kernel = tally_get(r, TALLY_KERNEL, s->process, s->device, work->shape);
	struct tally *device = tally_get(r, TALLY_DEVICE, 0, s->device, 0);

	if (!kernel || !device)
		return -1;
	kernel->all++;
	kernel->launches++;
	kernel->host_ns += call->end - call->start;
	device->launches++;
	return path_add(r, call->path, &(struct callpath_sums){ .launches = 1 });
}

static int copy_add(struct recount *r, int kind, uint64_t bytes, const struct event_subject *s)
{
	struct tally *copy = tally_get(r, TALLY_COPY, s->process, s->device, kind);
	struct tally *device;

	if (!copy)
		return -1;
	tally_bytes(copy, bytes);
	if (!event_filter_passes(&r->filter, s, SCOPE_OF_KERNELS))
		return 0;
	device = tally_get(r, TALLY_DEVICE, 0, s->device, 0);
	if (!device)
		return -1;
	if ((kind & 0xff) == RUN_COPY_SET)
		device->sets++;
	else
		device->copies++;
	return path_add(r, s->path, &(struct callpath_sums){ .copied = bytes });
}

static int call_take(void *arg, const struct idle_call *call, const struct idle_work *work)
{
	struct recount *r = arg;
	struct event_subject s = event_filter_call(&r->filter, call);
	struct tally *device;

	if (event_filter_passes(&r->filter, &s, SCOPE_OF_CALLS) && api_add(r, call, &s) < 0)
		return -1;
	s = event_filter_work(&r->filter, call, work);
	if (call->table == EVENT_LAUNCH)
		return event_filter_passes(&r->filter, &s, SCOPE_OF_KERNELS) ?
		       launch_add(r, call, work, &s) : 0;
	if (call->table == EVENT_COPY)
		return event_filter_passes(&r->filter, &s, SCOPE_OF_COPIES) ?
		       copy_add(r, call->kind, call->bytes, &s) : 0;
	if (call->table != EVENT_GRAPH_LAUNCH || !event_filter_passes(&r->filter, &s, SCOPE_OF_COPIES))
		return 0;
	device = tally_get(r, TALLY_DEVICE, 0, s.device, 0);
	if (!device)
		return -1;
	device->graph_launches++;
	return 0;
}

/* --- work ---------------------------------------------------------------------------------- */

static int device_add(struct recount *r, const struct idle_event *event)
{
	struct tally *device = tally_get(r, TALLY_DEVICE, 0, event->device, 0);

	if (!device)
		return -1;
	if (!device->count++)
		device->first = event->start;
	if (event->end > device->last)
		device->last = event->end;
	union_add(device, UNION_BUSY, event->start, event->end);
	union_add(device, event->op.kind == IDLE_KERNEL ? UNION_COMPUTE : UNION_COPY, event->start,
		  event->end);
	return bucket_tally_add(&r->buckets, event) < 0 ? run_fail(r->run, "out of memory") : 0;
}

static int kernel_timed(struct recount *r, const struct idle_event *event, const struct event_subject *s,
			bool has_call)
{
	struct tally *kernel = tally_get(r, TALLY_KERNEL, s->process, s->device, event->op.shape);

	if (!kernel)
		return -1;
	tally_time(kernel, event->end - event->start);
	if (has_call)
		return 0;
	kernel->all++;
	tally_get(r, TALLY_DEVICE, 0, s->device, 0)->launches++;
	return 0;
}

static int copy_timed(struct recount *r, const struct idle_event *event, const struct event_subject *s,
		      bool has_call)
{
	struct tally *copy = tally_get(r, TALLY_COPY, s->process, s->device, event->op.kind);

	if (!copy)
		return -1;
	tally_time(copy, event->end - event->start);
	return has_call ? 0 : copy_add(r, event->op.kind, event->op.bytes, s);
}

static int event_take(void *arg, const struct idle_event *event)
{
	struct recount *r = arg;
	bool is_kernel = event->op.kind == IDLE_KERNEL, has_call = event->thread || event->call_end;
	struct callpath_sums sums = { .gpu = event->end - event->start,
				      .launches = is_kernel && !has_call };
	const struct graph_call *graph;
	struct event_subject s;
	bool passes_all;

	if (event_filter_event(&r->filter, event, &s, &graph) < 0)
		return -1;
	passes_all = event_filter_passes(&r->filter, &s, SCOPE_OF_KERNELS);
	if (passes_all && device_add(r, event) < 0)
		return -1;
	if (is_kernel && passes_all && kernel_timed(r, event, &s, has_call) < 0)
		return -1;
	if (!is_kernel && event_filter_passes(&r->filter, &s, SCOPE_OF_COPIES) &&
	    copy_timed(r, event, &s, has_call) < 0)
		return -1;
	/* What no call and no graph launch explains has no path. */
	if (!passes_all || (!has_call && !graph && !event->path))
		return 0;
	return path_add(r, s.path, &sums) < 0 ||
	       (graph && path_add(r, graph->path, &(struct callpath_sums){ .replay = sums.gpu }) < 0) ?
	       -1 : 0;
}

/* --- the whole ----------------------------------------------------------------------------- */

static void recount_free(struct recount *r)
{
	struct tally *tally, *next;

	HASH_ITER(hh, r->tallies, tally, next) {
		HASH_DEL(r->tallies, tally);
		free(tally);
	}
	event_filter_close(&r->filter);
	bucket_tally_close(&r->buckets);
	scope_sets_free(&r->sets);
}

static int count(struct run *run, const struct scope *scope, bool trust)
{
	struct recount r = { .run = run };
	struct idle_sink sink = { .call = call_take, .event = event_take, .arg = &r,
				  .tells_total = true };
	int result = scope_sets_load(run, scope, SCOPE_OF_KERNELS, &r.sets);

	if (result == 0)
		result = event_filter_open(run, &r.sets, &r.filter);
	if (result == 0)
		r.graph_api = run_integer(run, "SELECT a.id FROM api a LEFT JOIN main.sum_api s "
			"ON s.api = a.id WHERE a.name GLOB 'cuGraphLaunch*' ORDER BY s.count DESC", 0);
	scope_sets_span(&r.sets, &sink.from_ns, &sink.to_ns);
	if (result == 0)
		result = bucket_tally_open(run, sink.from_ns, sink.to_ns, &r.buckets);
	if (result == 0)
		result = idle_read(run, trust, &sink);
	if (result == 0)
		result = tallies_write(run, r.tallies, &r.sets);
	if (result == 0)
		result = bucket_tally_write(run, &r.buckets);
	recount_free(&r);
	return result;
}

int run_scope(struct run *run, const struct scope *scope)
{
	int result;

	if (run_freeze(run) < 0)
		return -1;
	result = count(run, scope, true);
	if (result == IDLE_DISORDER)
		result = count(run, scope, false);
	if (result == 0)
		result = run_narrow(run, scope);
	if (result == IDLE_DISORDER)
		result = run_fail(run, "'%s' is damaged (times of rows change while they are read)",
				  run->path);
	/* All of it or nothing: what was counted before is valid yet. */
	if (result < 0)
		sqlite3_exec(run->db, "ROLLBACK TO run", NULL, NULL, NULL);
	run_thaw(run);
	return result;
}

int run_recount(struct run *run)
{
	return run_scope(run, &(struct scope){ 0 });
}
