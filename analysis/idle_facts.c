/* SPDX-License-Identifier: Apache-2.0 */
/* What happened around an idle interval: all that the rules of idle_causes.def ask about. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/idle_internal.h"

#include <stdlib.h>

#include <string.h>

#define COPY_HTOD	1
#define COPY_DTOH	2
#define PAGEABLE	1
#define NEAR_CALLS	4		/* looked at one by one */
#define BACK_MAX	32		/* calls to look back for what a call belongs to */

static bool copy_is(const struct idle_op *op, int kind)
{
	return op->kind != IDLE_KERNEL && (op->kind & 0xff) == kind;
}

static bool copy_pageable(int kind)
{
	return (kind & 0xff) != RUN_COPY_SET &&
	       ((kind >> 8 & 0xff) == PAGEABLE || (kind >> 16 & 0xff) == PAGEABLE);
}

enum idle_cause idle_cause_of_copy(const struct idle_op *copy)
{
	if (copy_pageable(copy->kind))
		return IDLE_PAGEABLE_COPY;
	if (copy_is(copy, COPY_DTOH))
		return IDLE_SYNC_READBACK;
	return copy_is(copy, COPY_HTOD) && copy->bytes <= idle_limits_default.small_copy_bytes
		? IDLE_METADATA_COPIES : IDLE_CAUSE_COUNT;
}

static bool call_is_copy(const struct idle_call *call, int kind)
{
	return call->class == CALL_COPY && (call->kind & 0xff) == kind;
}

/* How many of the thread's calls began before `at`, which is mostly near the last of them. */
static size_t calls_before(const struct idle_thread *thread, uint64_t at)
{
	size_t low = 0, high = thread->count, back = 1;

	for (int i = 0; i < NEAR_CALLS; i++, high--)
		if (!high || thread->calls[high - 1].start < at)
			return high;
	while (back < high && thread->calls[high - back].start >= at) {
		high -= back;
		back *= 2;
	}
	low = back < high ? high - back : 0;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (thread->calls[middle].start < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint64_t overlap(uint64_t start, uint64_t end, uint64_t from, uint64_t to)
{
	start = start > from ? start : from;
	end = end < to ? end : to;
	return end > start ? end - start : 0;
}

/* What a thread does between one look-up and the next belongs to them. */
static bool goes_on(const struct idle_call *before, const struct idle_call *call, uint64_t boundary_ns)
{
	return before && before->class == CALL_LOOKUP && call->class == CALL_LOOKUP &&
	       call->start <= before->end + boundary_ns;
}

static inline struct idle_share *share_add(struct idle_facts *f, enum call_class class, uint64_t ns)
{
	struct idle_share *share = &f->shares[class];

	if (!(f->classes >> class & 1))
		*share = (struct idle_share){ 0 };
	f->classes |= 1u << class;
	share->ns += ns;
	if (share->ns > f->most_ns)
		f->most_ns = share->ns;
	return share;
}

static void outside_add(struct idle_facts *f, uint64_t from, uint64_t to, bool capturing)
{
	if (to <= from)
		return;
	if (capturing) {
		share_add(f, CALL_GRAPH, to - from);
		return;
	}
	f->outside_ns += to - from;
	if (to - from > f->stretch_ns)
		f->stretch_ns = to - from;
}

/* Splits the interval up to the launch call among the thread's calls and the time outside them.
 * i: how many of the calls began before it. */
static void tally(const struct idle_gap *gap, size_t i, struct idle_facts *f)
{
	const struct idle_thread *t = gap->thread;
	uint64_t until = gap->next->call_start < gap->end ? gap->next->call_start : gap->end;
	uint64_t at = gap->start;
	const struct idle_call *before = NULL;
	struct idle_share *share;
	bool capturing = false;

	for (i -= i > 0; i < t->count && t->calls[i].start < gap->end; i++) {
		const struct idle_call *c = &t->calls[i];
		uint64_t ns = overlap(c->start, c->end, at, gap->end);

		if (goes_on(before, c, gap->limits->boundary_ns))
			ns += overlap(before->end, c->start, at, gap->end);
		else
			outside_add(f, at, c->start < until ? c->start : until, capturing);
		before = c;
		capturing = c->capturing;
		at = c->end > at ? c->end : at;
		share = share_add(f, c->class, ns);
		if (ns > share->longest_ns) {
			share->longest_ns = ns;
			share->path = c->path;
		}
		if (call_is_copy(c, COPY_HTOD) && c->bytes <= gap->limits->small_copy_bytes)
			f->small_htod_ns += ns;
	}
	outside_add(f, at, until, capturing);
}

/* The synchronisation or copy that held the thread when the device became idle; i as above. */
static void held(const struct idle_gap *gap, size_t i, struct idle_facts *f)
{
	const struct idle_thread *t = gap->thread;
	size_t back = i > BACK_MAX ? i - BACK_MAX : 0;

	while (i-- > back) {
		const struct idle_call *c = &t->calls[i];

		if (c->end + gap->limits->boundary_ns < gap->start)
			return;
		if (call_is_copy(c, COPY_DTOH) && c->end >= gap->start && !(c->kind >> 24 & 1)) {
			f->synced = f->readback = true;
			f->sync_path = c->path;
		}
		if (c->class == CALL_COPY && copy_pageable(c->kind)) {
			f->held_by_pageable = true;
			f->pageable_path = c->path;
		}
		/* cuMemFree and its like wait for the device. */
		if (c->class == CALL_ALLOC && c->start < gap->start && c->end >= gap->start) {
			f->held_by_allocation = true;
			f->held_path = c->path;
		}
		if (c->class == CALL_SYNC) {
			f->synced = true;
			f->sync_path = c->path;
			break;
		}
	}
	/* Was it the result of a copy that the thread waited for? */
	if (!f->synced || f->readback)
		return;
	f->readback = copy_is(&gap->previous->op, COPY_DTOH);
	for (size_t n = 0; !f->readback && n < BACK_MAX && i-- > 0; n++) {
		if (t->calls[i].class == CALL_LAUNCH)
			return;
		f->readback = call_is_copy(&t->calls[i], COPY_DTOH);
	}
}

static bool is_work(enum call_class class)
{
	return class == CALL_LAUNCH || class == CALL_COPY;
}

/* What the thread did before the launch call: its last work, and waits put on the stream. */
static void before_call(const struct idle_gap *gap, struct idle_facts *f)
{
	const struct idle_thread *t = gap->thread;
	int64_t handle = lookup_number(&gap->names->streams, gap->next->op.stream, STREAM_HANDLE, -1);
	size_t i = calls_before(t, gap->next->call_start);
	bool worked = false;

	f->pace_ns = UINT64_MAX;
	for (size_t n = 0; n < BACK_MAX && i-- > 0; n++) {
		const struct idle_call *c = &t->calls[i];

		if (c->class == CALL_WAIT && c->stream == handle) {
			f->waits_for_stream = gap->previous->op.stream != gap->next->op.stream;
			f->wait_path = c->path;
		}
		f->host_function |= c->class == CALL_HOST_FUNCTION;
		if (is_work(c->class) && !worked) {
			worked = true;
			f->pace_ns = gap->next->call_start - (c->end < gap->next->call_start
				? c->end : gap->next->call_start);
		}
		/* Waits before the last work on this stream were that work's. */
		if (is_work(c->class) && c->stream == gap->next->op.stream)
			return;
	}
}

/* No thread of the process began anything but polls and waits. */
static bool is_quiet(const struct idle_gap *gap)
{
	uint64_t until = gap->next->call_start < gap->end ? gap->next->call_start : gap->end;

	for (const struct idle_thread *t = gap->threads; t; t = t->hh.next) {
		if (t->process != gap->thread->process)
			continue;
		for (size_t i = calls_before(t, gap->start); i < t->count; i++) {
			/* What leads up to the launch, or followed from the work before, is no work. */
			if (t->calls[i].start >= until)
				break;
			if (is_work(t->calls[i].class) &&
			    t->calls[i].start + gap->limits->pace_ns < until &&
			    t->calls[i].start > gap->start + gap->limits->pace_ns)
				return false;
		}
	}
	return true;
}

static int period_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct unmeasured_period *period = LIST_ADD((struct unmeasured *)arg);

	if (!period)
		return run_fail(run, "out of memory");
	*period = (struct unmeasured_period){ sqlite3_column_int64(stmt, 0), row_u64(stmt, 1),
		sqlite3_column_type(stmt, 2) == SQLITE_NULL ? UINT64_MAX : row_u64(stmt, 2) };
	return 0;
}

/* The periods of a process lie one behind the other. */
static bool is_unmeasured(const struct idle_gap *gap)
{
	const struct unmeasured *list = &gap->names->unmeasured;
	size_t low = 0, high = list->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct unmeasured_period *at = &list->rows[middle];

		if (at->process < gap->thread->process ||
		    (at->process == gap->thread->process && at->start < gap->end))
			low = middle + 1;
		else
			high = middle;
	}
	return low && list->rows[low - 1].process == gap->thread->process &&
	       list->rows[low - 1].end > gap->start;
}

/* Profilers that leave out cheap calls leave out the waits that streams put on each other. */
int idle_names_load(struct run *run, struct idle_names *names)
{
	int done = lookup_load(run, "SELECT id, handle, flags FROM stream", &names->streams);
	struct call_classes apis = { 0 };

	if (done == 0)
		done = run_kernel_families(run, &names->families);
	if (done == 0)
		done = call_classes_load(run, &apis);
	if (done == 0)
		done = run_query(run, "SELECT process, start_ns, end_ns FROM detail "
				 "WHERE level NOT IN ('full', 'graph') ORDER BY process, start_ns",
				 period_row, &names->unmeasured);
	names->waits_hidden = run_integer(run, "SELECT count(*) FROM meta WHERE key = 'import.source'", 0);
	for (size_t i = 0; i < apis.count; i++)
		names->waits_hidden &= apis.rows[i].class != CALL_WAIT;
	call_classes_free(&apis);
	return done;
}

void idle_names_free(struct idle_names *names)
{
	lookup_free(&names->streams);
	kernel_families_free(&names->families);
	free(names->unmeasured.rows);
}

static bool is_collective(const struct idle_gap *gap, const struct idle_op *op)
{
	return op->kind == IDLE_KERNEL &&
	       family_of_shape(&gap->names->families, op->shape, NULL).family == FAMILY_COLLECTIVE;
}

static bool on_legacy(const struct idle_gap *gap, const struct idle_op *op)
{
	return lookup_number(&gap->names->streams, op->stream, STREAM_HANDLE, -1) == 0;
}

static bool on_blocking(const struct idle_gap *gap, const struct idle_op *op)
{
	return lookup_number(&gap->names->streams, op->stream, STREAM_FLAGS, -1) == 0;
}

static void facts_of_ops(const struct idle_gap *gap, struct idle_facts *f)
{
	const struct idle_op *next = &gap->next->op, *previous = &gap->previous->op;
	uint64_t small = gap->limits->small_copy_bytes;

	f->next_small_htod = copy_is(next, COPY_HTOD) && next->bytes <= small;
	f->previous_small_htod = copy_is(previous, COPY_HTOD) && previous->bytes <= small;
	f->next_pageable = next->kind != IDLE_KERNEL && copy_pageable(next->kind);
	f->beside_copy = next->kind != IDLE_KERNEL || previous->kind != IDLE_KERNEL;
	f->hidden_wait = gap->names->waits_hidden && gap->names->streams.count > 1;
	f->legacy_stream = next->stream != previous->stream &&
			   (on_legacy(gap, next) || on_legacy(gap, previous));
	/* The streams are known to wait for each other, however short that is. */
	f->legacy_wait = f->legacy_stream && on_blocking(gap, on_legacy(gap, next) ? previous : next);
}

void idle_facts(const struct idle_gap *gap, struct idle_facts *f)
{
	/* Copied, since compilers clear so few bytes by an instruction that takes long to begin. */
	static const struct idle_facts none;
	const struct idle_event *next = gap->next;
	size_t from;

	memcpy(f, &none, offsetof(struct idle_facts, shares));
	f->gap_ns = gap->end - gap->start;
	f->pace_ns = UINT64_MAX;
	facts_of_ops(gap, f);
	f->has_call = gap->thread != NULL;
	if (!f->has_call)
		return;
	f->since_call_ns = gap->end > next->call_start ? gap->end - next->call_start : 0;
	f->late_ns = overlap(next->call_end, gap->end, gap->start, gap->end);
	/* What the work waited for counts, not what came before, if that took longer. */
	f->unmeasured = is_unmeasured(gap);
	f->submitted = next->call_start <= gap->start ||
		       (f->late_ns > gap->limits->latency_ns && f->late_ns > f->gap_ns / 2);
	f->launch_ns = overlap(next->call_start, next->call_end, gap->start, gap->end);
	before_call(gap, f);
	if (f->submitted) {
		/* Names are looked at only for what is long enough to matter. */
		f->collective = f->gap_ns > gap->limits->boundary_ns &&
				(is_collective(gap, &next->op) || is_collective(gap, &gap->previous->op));
		return;
	}
	from = calls_before(gap->thread, gap->start + 1);
	tally(gap, from, f);
	held(gap, from, f);
	f->quiet = f->stretch_ns >= gap->limits->small_gap_ns && is_quiet(gap);
}

/* The thread spent a good part of the interval in such calls, and in no others more. */
bool idle_most(const struct idle_facts *f, const struct idle_limits *is, enum call_class class)
{
	uint64_t ns = idle_share(f, class).ns;

	return ns && ns == f->most_ns && ns >= f->gap_ns * is->share_percent / 100;
}
