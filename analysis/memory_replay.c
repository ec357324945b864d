/* SPDX-License-Identifier: Apache-2.0 */
/* One event after the other: see memory_replay.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/memory_replay.h"

#include <stdlib.h>
#include <string.h>

#define NONE		UINT32_MAX
#define GROWS_LEAST	8		/* live allocations, to call it growth */

enum { POOL_RESERVED = 5, POOL_RESERVED_HIGH, POOL_USED, POOL_USED_HIGH };	/* CUmemPool_attribute */

static bool is_on_device(int kind)
{
	return kind == WIRE_MEMORY_DEVICE || kind == WIRE_MEMORY_DEVICE_ASYNC ||
	       kind == WIRE_MEMORY_VMM || kind == WIRE_MEMORY_ARRAY;
}

/* Address space and memory that was allocated elsewhere take no memory. */
static bool takes_memory(int kind)
{
	return kind != WIRE_MEMORY_VMM_ADDRESS && kind != WIRE_MEMORY_HOST_REGISTERED &&
	       kind != WIRE_MEMORY_IPC;
}

/* --- usage over time ------------------------------------------------------------------------ */

static void usage_set(struct usage *usage, uint64_t *most, uint64_t end_ns, uint64_t at_ns,
		      uint64_t now)
{
	double share = end_ns ? (double)at_ns / (double)end_ns : 0;
	int column = share >= 1 ? MEMORY_COLUMNS - 1 : (int)(share * MEMORY_COLUMNS);

	for (; usage->column < column; usage->column++)
		if (most[usage->column + 1] < usage->now)
			most[usage->column + 1] = usage->now;
	if (most[usage->column] < now)
		most[usage->column] = now;
	usage->now = now;
}

/* --- what is looked up ---------------------------------------------------------------------- */

static uint32_t area_of(struct replay *r, int device)
{
	struct area *area;

	for (size_t i = 0; i < r->areas.count; i++)
		if (r->areas.rows[i].shown.device == device)
			return (uint32_t)i;
	area = LIST_ADD(&r->areas);
	if (!area)
		return NONE;
	area->shown.device = device;
	area->shown.gpu = (int)lookup_number(&r->devices, device, 1, -1);
	area->shown.limit_bytes = (uint64_t)lookup_number(&r->devices, device, 0, 0);
	return (uint32_t)r->areas.count - 1;
}

static uint32_t site_of(struct replay *r, const struct memory_event *event, int device)
{
	struct site_key key = { event->path, event->process, device, event->kind, 0 };
	struct site_index *found;
	struct site *site;

	HASH_FIND(hh, r->site_indices, &key, sizeof(key), found);
	if (found)
		return found->index;
	found = calloc(1, sizeof(*found));
	site = found ? LIST_ADD(&r->sites) : NULL;
	if (!site) {
		free(found);
		return NONE;
	}
	site->shown = (struct memory_site){ .process = event->process, .device = device,
					    .kind = event->kind, .path = event->path,
					    .first_ns = event->at_ns };
	site->area = area_of(r, device);
	found->key = key;
	found->index = (uint32_t)r->sites.count - 1;
	HASH_ADD(hh, r->site_indices, key, sizeof(found->key), found);
	return site->area == NONE ? NONE : found->index;
}

/* Handles that the program did not make stand for the default pool. */
static uint32_t pool_of(struct replay *r, int process, uint64_t handle)
{
	bool made = false;
	struct pool *pool;

	for (size_t i = 0; i < r->made.count && !made; i++)
		made = r->made.rows[i].process == process && r->made.rows[i].handle == handle;
	if (!made)
		handle = 0;
	for (size_t i = 0; i < r->pools.count; i++)
		if (r->pools.rows[i].shown.process == process &&
		    r->pools.rows[i].shown.handle == handle)
			return (uint32_t)i;
	pool = LIST_ADD(&r->pools);
	if (!pool)
		return NONE;
	pool->shown.process = process;
	pool->shown.handle = handle;
	return (uint32_t)r->pools.count - 1;
}

static int *last_device(struct replay *r, int process)
{
	struct process_device *row;

	for (size_t i = 0; i < r->last.count; i++)
		if (r->last.rows[i].process == process)
			return &r->last.rows[i].device;
	row = LIST_ADD(&r->last);
	if (!row)
		return NULL;
	row->process = process;
	return &row->device;
}

/* --- allocations ---------------------------------------------------------------------------- */

static void area_changed(struct replay *r, struct area *area, int kind, int64_t bytes, uint64_t at_ns)
{
	area->kind_bytes[kind] += (uint64_t)bytes;
	if (kind == WIRE_MEMORY_VMM_ADDRESS)
		area->range_bytes += (uint64_t)bytes;
	if (!takes_memory(kind))
		return;
	area->used_bytes += (uint64_t)bytes;
	if (r->is_second)
		return;
	usage_set(&area->usage, area->shown.usage_bytes, r->end_ns, at_ns, area->used_bytes);
	if (area->used_bytes > area->shown.high_bytes) {
		area->shown.high_bytes = area->used_bytes;
		area->shown.high_at_ns = at_ns;
		area->high_sequence = r->sequence;
	}
}

static void site_mark(struct site *site, uint64_t at_ns)
{
	uint64_t span = site->shown.last_ns - site->shown.first_ns;

	while (site->mark < SITE_MARKS &&
	       at_ns >= site->shown.first_ns + span / SITE_MARKS * (uint64_t)(site->mark + 1))
		site->marks[site->mark++] = site->used_count;
}

static void site_added(struct replay *r, struct site *site, uint64_t bytes, uint64_t at_ns)
{
	site->used_bytes += bytes;
	site->used_count++;
	if (r->is_second) {
		usage_set(&site->usage, site->shown.usage_bytes, r->end_ns, at_ns,
			  site->used_bytes);
		site_mark(site, at_ns);
	} else if (site->used_bytes > site->shown.high_bytes) {
		site->shown.high_bytes = site->used_bytes;
		site->shown.high_at_ns = at_ns;
	}
}

static void on_gone(void *arg, const struct allocation *a, uint64_t at_ns)
{
	struct replay *r = arg;
	struct area *area = &r->areas.rows[a->area];
	struct site *site = &r->sites.rows[a->site];

	if (!a->is_out)
		area_changed(r, area, a->kind, -(int64_t)a->bytes, at_ns);
	site->used_bytes -= a->bytes;
	site->used_count--;
	if (a->pool != NONE)
		r->pools.rows[a->pool].used_bytes -= a->bytes;
	if (r->is_second) {
		usage_set(&site->usage, site->shown.usage_bytes, r->end_ns, at_ns, site->used_bytes);
		return;
	}
	area->shown.frees++;
	site->shown.frees++;
	site->shown.lifetime_ns += at_ns > a->at_ns ? at_ns - a->at_ns : 0;
	if (a->pool != NONE)
		r->pools.rows[a->pool].shown.frees++;
}

static void on_mapped(void *arg, const struct allocation *a, int64_t bytes)
{
	struct replay *r = arg;

	r->areas.rows[a->area].mapped_bytes += (uint64_t)bytes;
}

static void count_pool(struct replay *r, struct allocation *a, const struct memory_event *event)
{
	struct pool *pool;

	a->pool = event->kind == WIRE_MEMORY_DEVICE_ASYNC ?
		pool_of(r, event->process, event->second) : NONE;
	if (a->pool == NONE)
		return;
	pool = &r->pools.rows[a->pool];
	pool->used_bytes += event->bytes;
	if (r->is_second)
		return;
	pool->shown.allocs++;
	if (pool->used_bytes > pool->shown.high_bytes)
		pool->shown.high_bytes = pool->used_bytes;
}

/* What was live at the high-water, seen when the second pass comes by. */
static void keep_high(struct replay *r, uint32_t index)
{
	struct area *area = &r->areas.rows[index];

	if (!r->is_second || area->high_sequence != r->sequence || !area->shown.high_bytes)
		return;
	memcpy(area->shown.high_kind_bytes, area->kind_bytes, sizeof(area->kind_bytes));
	area->shown.high_mapped_bytes = area->mapped_bytes;
	area->shown.high_range_bytes = area->range_bytes;
	for (size_t i = 0; i < r->sites.count; i++) {
		struct site *site = &r->sites.rows[i];

		if (site->area != index || !takes_memory(site->shown.kind))
			continue;
		site->shown.at_high_bytes = site->used_bytes;
		site->shown.at_high_count = site->used_count;
	}
}

static bool allocate(struct replay *r, const struct memory_event *event)
{
	int device = is_on_device(event->kind) || event->kind == WIRE_MEMORY_VMM_ADDRESS ?
		event->device : 0;
	uint32_t index = site_of(r, event, device);
	struct allocation *a = index == NONE ? NULL : ledger_alloc(&r->ledger, event);
	int *last = last_device(r, event->process);
	struct site *site;

	if (!a || !last)
		return false;
	site = &r->sites.rows[index];
	a->site = index;
	a->area = site->area;
	if (event->device)
		*last = event->device;
	count_pool(r, a, event);
	if (!r->is_second) {
		struct memory_area *area = &r->areas.rows[a->area].shown;

		area->allocs++;
		area->allocated_bytes += takes_memory(event->kind) ? event->bytes : 0;
		site->shown.allocs++;
		site->shown.allocated_bytes += event->bytes;
		site->shown.last_ns = event->at_ns;
	}
	site_added(r, site, event->bytes, event->at_ns);
	area_changed(r, &r->areas.rows[a->area], event->kind, (int64_t)event->bytes, event->at_ns);
	keep_high(r, a->area);
	return true;
}

bool replay_memory(struct replay *r, const struct memory_event *event)
{
	if (event->kind < 0 || event->kind >= MEMORY_KINDS || event->bytes > INT64_MAX / 2)
		return true;		/* damage */
	switch (event->op) {
	case WIRE_MEMORY_ALLOC:
		return allocate(r, event);
	case WIRE_MEMORY_FREE:
		ledger_free(&r->ledger, event);
		return true;
	case WIRE_MEMORY_MAP:
		return ledger_map(&r->ledger, event);
	case WIRE_MEMORY_UNMAP:
		ledger_unmap(&r->ledger, event);
		return true;
	default:
		return true;
	}
}

/* --- the rest ------------------------------------------------------------------------------- */

bool replay_failure(struct replay *r, struct memory_failure *failure)
{
	const int *last = last_device(r, failure->process);
	struct memory_failure *kept;
	uint32_t index;

	if (!last || r->is_second)
		return last != NULL;
	failure->device = is_on_device(failure->kind) ? *last : 0;
	index = area_of(r, failure->device);
	if (index == NONE)
		return false;
	r->areas.rows[index].shown.failed++;
	if (r->failures.count >= MEMORY_FAILURES)
		return true;
	failure->used_bytes = r->areas.rows[index].used_bytes;
	failure->limit_bytes = r->areas.rows[index].shown.limit_bytes;
	for (size_t i = 0; i < r->sites.count; i++) {
		const struct site *site = &r->sites.rows[i];

		if (site->area == index && takes_memory(site->shown.kind) &&
		    site->used_bytes > failure->holder_bytes) {
			failure->holder_bytes = site->used_bytes;
			failure->holder = site->shown.path;
		}
	}
	kept = LIST_ADD(&r->failures);
	if (kept)
		*kept = *failure;
	return kept != NULL;
}

/* object: bytes free, second: bytes in all */
bool replay_info(struct replay *r, const struct memory_event *event)
{
	const int *last = last_device(r, event->process);
	uint32_t index = last ? area_of(r, *last) : NONE;
	struct memory_area *area;

	if (index == NONE || r->is_second || !event->second)
		return index != NONE;
	area = &r->areas.rows[index].shown;
	if (!area->asked++ || event->address < area->least_free_bytes) {
		area->least_free_bytes = event->address;
		area->least_free_at_ns = event->at_ns;
		area->least_free_used_bytes = r->areas.rows[index].used_bytes;
	}
	area->total_bytes = event->second;
	return true;
}

/* object: pool, second: the answer, value: the attribute */
bool replay_pool(struct replay *r, const struct memory_event *event, bool is_made)
{
	uint32_t index;
	struct memory_pool *pool;

	if (r->is_second)
		return true;
	if (is_made) {
		struct pool_made *row = LIST_ADD(&r->made);

		if (!row)
			return false;
		*row = (struct pool_made){ event->process, event->address };
		return true;
	}
	if (event->bytes < POOL_RESERVED || event->bytes > POOL_USED_HIGH)
		return true;
	index = pool_of(r, event->process, event->address);
	if (index == NONE)
		return false;
	pool = &r->pools.rows[index].shown;
	pool->told_ns = event->at_ns;
	*(event->bytes == POOL_RESERVED ? &pool->reserved_bytes :
	  event->bytes == POOL_RESERVED_HIGH ? &pool->reserved_high_bytes :
	  event->bytes == POOL_USED ? &pool->used_bytes : &pool->used_high_bytes) = event->second;
	return true;
}

/* Its memory is gone with it, but nobody freed it. */
void replay_exit(struct replay *r, int process, uint64_t at_ns)
{
	for (struct allocation *a = r->ledger.all; a; a = a->next) {
		if ((int)a->key.process != process || a->is_out)
			continue;
		area_changed(r, &r->areas.rows[a->area], a->kind, -(int64_t)a->bytes, at_ns);
		a->is_out = true;
	}
}

/* Accumulates: many are live, ever more of them from quarter to quarter of the time in which it
 * allocates, which lasts as long as there is GPU work, and most were never given back in it. */
static bool site_grows(const struct replay *r, const struct site *site)
{
	const struct memory_site *s = &site->shown;

	if (!takes_memory(s->kind) || site->mark < SITE_MARKS ||
	    s->last_ns < r->work_ns - r->work_ns / SITE_MARKS)
		return false;
	for (int i = 1; i < SITE_MARKS; i++)
		if (site->marks[i] <= site->marks[i - 1])
			return false;
	return site->marks[SITE_MARKS - 1] >= GROWS_LEAST &&
	       2 * site->marks[SITE_MARKS - 1] >= s->allocs;
}

void replay_end(struct replay *r)
{
	for (size_t i = 0; i < r->areas.count; i++) {
		struct area *area = &r->areas.rows[i];

		if (!r->is_second)
			usage_set(&area->usage, area->shown.usage_bytes, r->end_ns, r->end_ns,
				  area->used_bytes);
		area->used_bytes = area->mapped_bytes = area->range_bytes = 0;
		memset(area->kind_bytes, 0, sizeof(area->kind_bytes));
	}
	for (size_t i = 0; i < r->sites.count; i++) {
		struct site *site = &r->sites.rows[i];

		site->shown.live_bytes = site->used_bytes;
		site->shown.live_count = site->used_count;
		if (r->is_second) {
			usage_set(&site->usage, site->shown.usage_bytes, r->end_ns, r->end_ns,
				  site->used_bytes);
			site->shown.grows = site_grows(r, site);
			r->areas.rows[site->area].shown.live_bytes +=
				takes_memory(site->shown.kind) ? site->used_bytes : 0;
		}
		site->used_bytes = site->used_count = 0;
	}
	for (size_t i = 0; i < r->pools.count; i++) {
		r->pools.rows[i].shown.live_bytes = r->pools.rows[i].used_bytes;
		r->pools.rows[i].used_bytes = 0;
	}
}

void replay_start(struct replay *r)
{
	*r = (struct replay){ 0 };
	r->ledger.gone = on_gone;
	r->ledger.mapped = on_mapped;
	r->ledger.arg = r;
}

void replay_free(struct replay *r)
{
	struct site_index *index, *next;

	ledger_clear(&r->ledger);
	HASH_ITER(hh, r->site_indices, index, next) {
		HASH_DEL(r->site_indices, index);
		free(index);
	}
	lookup_free(&r->threads);
	lookup_free(&r->devices);
	free(r->areas.rows);
	free(r->sites.rows);
	free(r->pools.rows);
	for (size_t i = 0; r->failures.rows && i < r->failures.count; i++) {
		free(r->failures.rows[i].call);
		free(r->failures.rows[i].error);
	}
	free(r->failures.rows);
	free(r->last.rows);
	free(r->made.rows);
}
