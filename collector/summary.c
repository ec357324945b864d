/* SPDX-License-Identifier: Apache-2.0 */
/* Gathering of the live summaries: see summary.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/summary_internal.h"

#include "wire/wire.h"

#include <stdlib.h>
#include <string.h>

#define ALLOCATIONS_MAX (4u << 20)

static void gone(void *arg, const struct allocation *old, uint64_t at_ns);

static void table_init(struct stats_table *table, uint32_t key_words)
{
	table->keys = (struct intern){ .key_bytes = key_words * 4, .limit = 4u << 20 };
}

struct summary *summary_new(void)
{
	struct summary *summary = calloc(1, sizeof(*summary));

	if (!summary)
		return NULL;
	table_init(&summary->kernels, 3);
	table_init(&summary->apis, 2);
	table_init(&summary->copies, 3);
	summary->memory_keys = (struct intern){ .key_bytes = 12, .limit = 1u << 20 };
	summary->bucket_keys = (struct intern){ .key_bytes = 12, .limit = 4u << 20 };
	summary->ledger.gone = gone;
	summary->ledger.arg = summary;
	return summary;
}

static void table_free(struct stats_table *table)
{
	intern_free(&table->keys);
	free(table->rows);
}

void summary_free(struct summary *summary)
{
	if (!summary)
		return;
	table_free(&summary->kernels);
	table_free(&summary->apis);
	table_free(&summary->copies);
	intern_free(&summary->memory_keys);
	intern_free(&summary->bucket_keys);
	free(summary->memory);
	free(summary->buckets);
	ledger_clear(&summary->ledger);
	for (int i = 0; i < DEVICES_MAX; i++) {
		if (!summary->devices[i])
			continue;
		for (int u = 0; u < UNION_COUNT; u++)
			busy_free(&summary->devices[i]->unions[u]);
		free(summary->devices[i]);
	}
	free(summary);
}

static struct stats *stats_of(struct stats_table *table, const uint32_t *key)
{
	uint32_t index = table->last;
	bool is_new;

	if (index >= table->keys.count ||
	    memcmp(intern_key(&table->keys, index), key, table->keys.key_bytes))
		index = intern_add(&table->keys, key, &is_new);
	if (index == INTERN_NONE || !array_reserve(&table->rows, &table->capacity, index,
						   sizeof(*table->rows)))
		return NULL;
	table->last = index;
	table->rows[index].changed = true;
	return &table->rows[index];
}

static void stats_add(struct stats *stats, uint64_t ns)
{
	if (stats->count == 0 || ns < stats->min_ns)
		stats->min_ns = ns;
	if (ns > stats->max_ns)
		stats->max_ns = ns;
	stats->count++;
	stats->total_ns += ns;
	stats->squares += (double)ns * (double)ns;
}

/* --- devices: unions and buckets ----------------------------------------------------------- */

int64_t summary_bucket_width(unsigned level)
{
	int64_t width = BUCKET_NS;

	while (level--)
		width *= 10;
	return width;
}

struct bucket *summary_bucket(struct summary *summary, uint32_t level, uint32_t device,
			      int64_t bucket)
{
	struct bucket_key key = { level, device, (uint32_t)bucket };
	uint32_t index = summary->last_bucket;
	bool is_new;

	if (bucket < 0)
		return NULL;
	if (index < summary->bucket_keys.count &&
	    !memcmp(intern_key(&summary->bucket_keys, index), &key, sizeof(key)))
		return &summary->buckets[index];
	index = intern_add(&summary->bucket_keys, &key, &is_new);
	if (index == INTERN_NONE || !array_reserve(&summary->buckets, &summary->bucket_capacity,
						   index, sizeof(*summary->buckets)))
		return NULL;
	if (is_new)
		summary->buckets[index] = (struct bucket){ .live_bytes = NIL };
	summary->last_bucket = index;
	return &summary->buckets[index];
}

/* Only the finest level is fed; writing adds it up into the others. */
static void covered(void *data, int64_t start, int64_t end)
{
	const struct union_owner *owner = data;

	while (start < end) {
		int64_t number = start / BUCKET_NS, next = (number + 1) * BUCKET_NS;
		struct bucket *bucket = summary_bucket(owner->summary, 0, owner->device, number);

		if (bucket)
			bucket->ns[owner->kind] += (end < next ? end : next) - start;
		start = next;
	}
}

static struct device_summary *device_of(struct summary *summary, uint32_t device)
{
	struct device_summary *d;

	if (device >= DEVICES_MAX)
		device = 0;
	d = summary->devices[device];
	if (!d) {
		d = summary->devices[device] = calloc(1, sizeof(*d));
		if (!d)
			return NULL;
		for (int u = 0; u < UNION_COUNT; u++) {
			d->owners[u] = (struct union_owner){ summary, device, (enum union_kind)u };
			d->unions[u].owner = &d->owners[u];
			d->unions[u].covered = covered;
		}
		for (int level = 0; level < LEVELS; level++)
			d->live_bucket[level] = -1;
	}
	d->changed = true;
	return d;
}

static void device_work(struct device_summary *d, enum union_kind kind, int64_t start, int64_t ns)
{
	if (!d->used || start < d->first_ns)
		d->first_ns = start;
	if (!d->used || start + ns > d->last_ns)
		d->last_ns = start + ns;
	d->used = true;
	busy_add(&d->unions[UNION_BUSY], start, start + ns);
	busy_add(&d->unions[kind], start, start + ns);
}

int64_t summary_late_ns(const struct summary *summary)
{
	int64_t late = 0;

	for (int i = 0; i < DEVICES_MAX; i++)
		if (summary->devices[i])
			late += summary->devices[i]->unions[UNION_BUSY].late_ns;
	return late;
}

void summary_totals(const struct summary *summary, uint64_t *kernels, uint64_t *copies)
{
	*kernels = *copies = 0;
	for (int i = 0; i < DEVICES_MAX; i++) {
		if (!summary->devices[i])
			continue;
		*kernels += summary->devices[i]->kernels;
		*copies += summary->devices[i]->copies + summary->devices[i]->sets;
	}
}

/* --- rows ---------------------------------------------------------------------------------- */

void summary_kernel_late(struct summary *summary, uint32_t process, uint32_t device,
			 uint32_t shape, int64_t gpu_start, int64_t gpu_ns)
{
	struct stats *stats = stats_of(&summary->kernels, (uint32_t[]){ process, device, shape });
	struct device_summary *d = device_of(summary, device);

	if (stats)
		stats_add(stats, (uint64_t)gpu_ns);
	if (d)
		device_work(d, UNION_COMPUTE, gpu_start, gpu_ns);
}

void summary_kernel(struct summary *summary, uint32_t process, uint32_t device, uint32_t shape,
		    int64_t host_ns, int64_t gpu_start, int64_t gpu_ns)
{
	struct stats *stats = stats_of(&summary->kernels, (uint32_t[]){ process, device, shape });
	struct device_summary *d = device_of(summary, device);

	if (stats && host_ns != NIL) {
		stats->launches++;
		stats->host_ns += (uint64_t)host_ns;
	}
	if (d)
		d->kernels++;
	if (gpu_ns == NIL)
		return;
	if (stats)
		stats_add(stats, (uint64_t)gpu_ns);
	if (d)
		device_work(d, UNION_COMPUTE, gpu_start, gpu_ns);
}

/* Bytes count for every copy, times for those that have them: count is of the latter. */
void summary_copy(struct summary *summary, uint32_t process, uint32_t device, uint32_t kind,
		  uint64_t bytes, int64_t gpu_start, int64_t gpu_ns)
{
	struct stats *stats = stats_of(&summary->copies, (uint32_t[]){ process, device, kind });
	struct device_summary *d = device_of(summary, device);

	if (stats) {
		if (stats->launches == 0 || bytes < stats->min_bytes)
			stats->min_bytes = bytes;
		if (bytes > stats->max_bytes)
			stats->max_bytes = bytes;
		stats->bytes += bytes;
		stats->launches++;
	}
	if (d && (kind & 0xff) == SUMMARY_KIND_SET)
		d->sets++;
	else if (d)
		d->copies++;
	if (gpu_ns != NIL)
		summary_copy_late(summary, process, device, kind, gpu_start, gpu_ns);
}

void summary_copy_late(struct summary *summary, uint32_t process, uint32_t device, uint32_t kind,
		       int64_t gpu_start, int64_t gpu_ns)
{
	struct stats *stats = stats_of(&summary->copies, (uint32_t[]){ process, device, kind });
	struct device_summary *d = device_of(summary, device);

	if (stats)
		stats_add(stats, (uint64_t)gpu_ns);
	if (d)
		device_work(d, UNION_COPY, gpu_start, gpu_ns);
}

void summary_graph_launch(struct summary *summary, uint32_t device)
{
	struct device_summary *d = device_of(summary, device);

	if (d)
		d->graph_launches++;
}

void summary_launched(struct summary *summary, uint32_t device, int64_t start_ns)
{
	struct bucket *bucket = summary_bucket(summary, 0, device, start_ns / BUCKET_NS);

	if (bucket)
		bucket->launches++;
}

void summary_api(struct summary *summary, uint32_t process, uint32_t api, int64_t dur_ns,
		 bool failed)
{
	struct stats *stats = stats_of(&summary->apis, (uint32_t[]){ process, api });

	if (!stats)
		return;
	stats_add(stats, (uint64_t)dur_ns);
	stats->failed += failed;
	stats->launches++;		/* marks: every call was recorded */
}

void summary_api_counted(struct summary *summary, uint32_t process, uint32_t api, uint64_t calls,
			 uint64_t failed, uint64_t total_ns)
{
	struct stats *stats = stats_of(&summary->apis, (uint32_t[]){ process, api });

	if (!stats || stats->launches)
		return;
	stats->count = calls;
	stats->failed = failed;
	stats->total_ns = total_ns;
}

uint64_t summary_api_calls(const struct summary *summary, uint32_t process, uint32_t api)
{
	uint32_t index = intern_find(&summary->apis.keys, (uint32_t[]){ process, api });

	return index == INTERN_NONE ? 0 : summary->apis.rows[index].count;
}

/* --- memory -------------------------------------------------------------------------------- */

static bool on_device(uint32_t kind)
{
	return kind == WIRE_MEMORY_DEVICE || kind == WIRE_MEMORY_DEVICE_ASYNC ||
	       kind == WIRE_MEMORY_VMM || kind == WIRE_MEMORY_ARRAY;
}

static void live_touch(struct summary *summary, uint32_t level, uint32_t device, int64_t bucket,
		       uint64_t live_bytes)
{
	struct bucket *b = summary_bucket(summary, level, device, bucket);

	if (b && (int64_t)live_bytes > b->live_bytes)
		b->live_bytes = (int64_t)live_bytes;
}

void summary_live_carry(struct summary *summary, uint32_t device, int64_t now_ns)
{
	struct device_summary *d = summary->devices[device];

	for (uint32_t level = 0; level < LEVELS; level++) {
		int64_t now = now_ns / summary_bucket_width(level), last = d->live_bucket[level];

		if (last < 0 || now <= last)
			continue;
		live_touch(summary, level, device, last + 1, d->live_bytes);
		d->live_bucket[level] = last + 1;
	}
}

static void live_change(struct summary *summary, uint32_t device, int64_t delta, int64_t at_ns)
{
	struct device_summary *d = device_of(summary, device);

	if (!d)
		return;
	if (device >= DEVICES_MAX)
		device = 0;
	summary_live_carry(summary, device, at_ns);
	for (uint32_t level = 0; level < LEVELS; level++) {
		int64_t now = at_ns / summary_bucket_width(level);

		live_touch(summary, level, device, now, d->live_bytes);
		live_touch(summary, level, device, now, d->live_bytes + (uint64_t)delta);
		if (now > d->live_bucket[level])
			d->live_bucket[level] = now;
	}
	d->live_bytes += (uint64_t)delta;
}

static struct live *live_of(struct summary *summary, uint32_t process, uint32_t device,
			    uint32_t kind)
{
	uint32_t key[] = { process, device, kind };
	bool is_new;
	uint32_t index = intern_add(&summary->memory_keys, key, &is_new);

	if (index == INTERN_NONE || !array_reserve(&summary->memory, &summary->memory_capacity,
						   index, sizeof(*summary->memory)))
		return NULL;
	summary->memory[index].changed = true;
	return &summary->memory[index];
}

static void allocated(struct summary *summary, const struct memory_event *event)
{
	struct live *live = live_of(summary, (uint32_t)event->process, (uint32_t)event->device,
				    (uint32_t)event->kind);

	if (!live || HASH_COUNT(summary->ledger.found) >= ALLOCATIONS_MAX ||
	    !ledger_alloc(&summary->ledger, event))
		return;
	live->allocs++;
	live->live_bytes += event->bytes;
	if (live->live_bytes > live->high_bytes) {
		live->high_bytes = live->live_bytes;
		live->high_at_ns = (int64_t)event->at_ns;
	}
	if (on_device((uint32_t)event->kind))
		live_change(summary, (uint32_t)event->device, (int64_t)event->bytes,
			    (int64_t)event->at_ns);
}

static void gone(void *arg, const struct allocation *old, uint64_t at_ns)
{
	struct summary *summary = arg;
	struct live *live = live_of(summary, old->key.process, (uint32_t)old->device,
				    (uint32_t)old->kind);

	if (live) {
		live->frees++;
		live->live_bytes -= old->bytes;
	}
	if (on_device((uint32_t)old->kind))
		live_change(summary, (uint32_t)old->device, -(int64_t)old->bytes, (int64_t)at_ns);
}

bool summary_memory(struct summary *summary, const struct memory_event *event)
{
	switch (event->op) {
	case WIRE_MEMORY_ALLOC:
		allocated(summary, event);
		return true;
	case WIRE_MEMORY_FREE:
		return ledger_free(&summary->ledger, event) || !event->address;
	case WIRE_MEMORY_MAP:
		ledger_map(&summary->ledger, event);
		return true;
	case WIRE_MEMORY_UNMAP:
		ledger_unmap(&summary->ledger, event);
		return true;
	default:
		return true;
	}
}

void summary_memory_failed(struct summary *summary, uint32_t process, uint32_t device,
			   uint32_t kind)
{
	struct live *live = live_of(summary, process, device, kind);

	if (live)
		live->failed++;
}
