/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the detectors need of the events, gathered in the pass that finds the idle time: sums per
 * launch shape, kind of copy and idle site, and who left how much of the device unused when.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/findings_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COPY_TO_HOST	2		/* of copy.kind */
#define ACTIVE_MAX	256		/* more than any device runs at a time */

static const char shapes_sql[] =
	"SELECT s.id, k.short_name, s.grid_x * s.grid_y * s.grid_z, s.block_x * s.block_y * s.block_z,"
	" s.blocks_per_sm, s.flags, s.limiter, k.registers, k.local_bytes, s.device, d.sm_count,"
	" d.max_threads_per_sm, d.cc_major,"
	" (SELECT sum(t.total_ns) / nullif(sum(t.count), 0) FROM sum_kernel t WHERE t.shape = s.id),"
	" k.name "
	"FROM shape s LEFT JOIN kernel k ON k.id = s.kernel LEFT JOIN device d ON d.id = s.device "
	"ORDER BY s.id";

static double number(const struct watch_kernel *k, int column)
{
	return k->facts && !k->facts[column].is_null ? (double)k->facts[column].number : 0;
}

const char *watch_kernel_name(const struct watch *watch, int64_t shape)
{
	return lookup_text(&watch->shapes, shape, SHAPE_NAME, "");
}

/* Kernels that hold the device for long by design: their blocks are workers, not work. */
static bool is_persistent(const struct watch *watch, const struct watch_kernel *k, int family,
			  const char *name)
{
	double blocks = number(k, SHAPE_BLOCKS), sms = number(k, SHAPE_SMS);

	if (family == FAMILY_MEGA || strcasestr(name, "persistent") ||
	    (int64_t)number(k, SHAPE_FLAGS) & SHAPE_COOPERATIVE)
		return true;
	return sms > 0 && fmod(blocks, sms) == 0 && blocks <= sms * number(k, SHAPE_PER_SM) &&
	       number(k, SHAPE_AVERAGE) >= watch->opaque_ns;
}

/* How much of the device a launch of this shape can use; the formulas of docs/findings.md. */
static void kernel_facts(const struct watch *watch, struct watch_kernel *k)
{
	int family = family_of_shape(&watch->families, k->shape, NULL).family;
	const char *name = lookup_text(&watch->shapes, k->shape, SHAPE_FULL_NAME, "");
	double blocks, sms, per_sm, warps, slots;

	k->facts = lookup_find(&watch->shapes, k->shape);
	k->covers = k->full = k->fill = 1;
	k->is_collective = family == FAMILY_COLLECTIVE;
	k->is_prompts = family == FAMILY_ATTENTION_PREFILL;
	blocks = number(k, SHAPE_BLOCKS);
	sms = number(k, SHAPE_SMS);
	per_sm = number(k, SHAPE_PER_SM);
	warps = ceil(number(k, SHAPE_THREADS) / 32);
	slots = number(k, SHAPE_SM_THREADS) / 32;
	k->is_known = blocks > 0 && sms > 0 && per_sm > 0 && slots > 0;
	if (!k->is_known)
		return;
	k->is_opaque = is_persistent(watch, k, family, name);
	k->waves = blocks / (sms * per_sm);
	k->occupancy = fmin(per_sm, ceil(blocks / sms)) * warps / slots;
	if (k->is_opaque)
		return;
	k->covers = fmin(1, blocks / sms);
	if (k->waves > 1)
		k->full = k->waves / ceil(k->waves);
	/* Matrix units are busy with a few warps. */
	if (family != FAMILY_GEMM && family != FAMILY_MOE && family != FAMILY_CONVOLUTION)
		k->fill = fmin(1, k->occupancy / watch->low_occupancy);
}

static RECENT_APART struct watch_kernel *kernel_find(struct watch *watch, int64_t shape, int64_t device)
{
	struct watch_kernel *k = RECENT_GET(watch->kernels, watch->recent.kernels, shape, shape);

	if (k && !k->device) {
		k->device = device;
		kernel_facts(watch, k);
	}
	return k;
}

static struct watch_kernel *kernel_get(struct watch *watch, int64_t shape, int64_t device)
{
	struct watch_kernel *k = RECENT_HIT(watch->recent.kernels, shape, shape);

	return k && k->device ? k : kernel_find(watch, shape, device);
}

static struct watch_copy *copy_get(struct watch *watch, const struct idle_event *event)
{
	__typeof__(watch->copies->key) key = { event->device, event->op.kind, event->path };

	return RECENT_GET(watch->copies, watch->recent.copies, key, key);
}

static RECENT_APART struct watch_device *device_make(struct watch *watch, int64_t id)
{
	return RECENT_GET(watch->devices, watch->recent.devices, id, id);
}

static struct watch_device *device_get(struct watch *watch, int64_t id)
{
	struct watch_device *device = RECENT_HIT(watch->recent.devices, id, id);

	return device ? device : device_make(watch, id);
}

struct watch_device *watch_device_find(const struct watch *watch, int64_t id)
{
	struct watch_device *device;

	HASH_FIND(hh, watch->devices, &id, sizeof(id), device);
	return device;
}

/* --- the sweep ----------------------------------------------------------------------------- */

static uint64_t since_warm(const struct watch *watch, uint64_t from, uint64_t to)
{
	if (from < watch->warm_ns)
		from = watch->warm_ns;
	return to > from ? to - from : 0;
}

static void copies_alone(struct watch *watch, struct watch_device *d, uint64_t from, uint64_t to)
{
	double ns = (double)since_warm(watch, from, to) / (double)d->active_count;

	d->parts_ns[WATERFALL_COPY_ALONE] += (double)(to - from);
	for (size_t i = 0; i < d->active_count; i++)
		d->active[i].copy->alone_ns += ns;
}

static void collectives_alone(struct watch *watch, struct watch_device *d, uint64_t from, uint64_t to)
{
	double ns = (double)since_warm(watch, from, to) / (double)d->active_kernels;

	d->parts_ns[WATERFALL_COLLECTIVE_ALONE] += (double)(to - from);
	for (size_t i = 0; i < d->active_count; i++)
		if (d->active[i].kernel)
			d->active[i].kernel->alone_ns += ns;
}

/* Kernels that run together share the SMs by what they would cover alone. */
static void kernels_share(struct watch *watch, struct watch_device *d, uint64_t from, uint64_t to)
{
	double ns = (double)(to - from), warm = (double)since_warm(watch, from, to);
	double cover = 0, scale, empty;

	for (size_t i = 0; i < d->active_count; i++)
		cover += d->active[i].kernel ? d->active[i].kernel->covers : 0;
	scale = cover > 1 ? 1 / cover : 1;
	empty = cover < 1 ? 1 - cover : 0;
	d->parts_ns[WATERFALL_UNCOVERED] += empty * ns;
	for (size_t i = 0; i < d->active_count; i++) {
		struct watch_kernel *k = d->active[i].kernel;
		double part, tail, few;

		if (!k)
			continue;
		part = k->covers * scale;
		tail = part * (1 - k->full);
		few = part * k->full * (1 - k->fill);
		if (!k->is_known || k->is_opaque) {
			d->parts_ns[k->is_known ? WATERFALL_OPAQUE : WATERFALL_UNKNOWN] += part * ns;
			continue;
		}
		if (empty > 0)
			k->uncovered_ns += empty / (double)d->active_kernels * warm;
		if (tail > 0) {
			d->parts_ns[WATERFALL_WAVE_TAIL] += tail * ns;
			k->tail_ns += tail * warm;
		}
		if (few > 0) {
			d->parts_ns[WATERFALL_OCCUPANCY] += few * ns;
			k->occupancy_ns += few * warm;
		}
	}
}

/* Kernels of one stream that overlap were launched so, and wait for each other. */
static void streams_share(struct watch_device *d, uint64_t ns)
{
	int64_t stream = -1;
	bool several = false;

	for (size_t i = 0; i < d->active_count; i++) {
		if (!d->active[i].kernel)
			continue;
		several |= stream >= 0 && d->active[i].stream != stream;
		stream = d->active[i].stream;
	}
	for (size_t i = 0; several && i < d->active_count; i++)
		d->active[i].beside_ns += ns;
}

/* From one moment to the next, between which nothing begins or ends. */
static void segment(struct watch *watch, struct watch_device *d, uint64_t from, uint64_t to)
{
	if (to <= from || !d->active_count)
		return;
	d->busy_ns += since_warm(watch, from, to);
	if (d->active_kernels > 1)
		streams_share(d, to - from);
	if (!d->active_kernels)
		copies_alone(watch, d, from, to);
	else if (d->active_collectives == d->active_kernels)
		collectives_alone(watch, d, from, to);
	else
		kernels_share(watch, d, from, to);
}

static size_t first_to_end(const struct watch_device *d)
{
	size_t first = 0;

	for (size_t i = 1; i < d->active_count; i++)
		if (d->active[i].end < d->active[first].end)
			first = i;
	return first;
}

static void active_end(const struct watch *watch, struct watch_device *d, size_t which)
{
	const struct watch_active *a = &d->active[which];
	uint64_t ns = a->end - a->start;

	if (a->kernel && a->start >= watch->warm_ns && a->beside_ns == 0) {
		a->kernel->single.count++;
		a->kernel->single.ns += ns;
	} else if (a->kernel && a->start >= watch->warm_ns && a->beside_ns * 2 >= ns) {
		a->kernel->beside.count++;
		a->kernel->beside.ns += ns;
	}
	d->active_kernels -= a->kernel != NULL;
	d->active_collectives -= a->kernel && a->kernel->is_collective;
	d->active[which] = d->active[--d->active_count];
}

static void advance(struct watch *watch, struct watch_device *d, uint64_t to)
{
	while (d->active_count) {
		size_t first = first_to_end(d);

		if (d->active[first].end > to)
			break;
		segment(watch, d, d->now, d->active[first].end);
		d->now = d->active[first].end > d->now ? d->active[first].end : d->now;
		active_end(watch, d, first);
	}
	segment(watch, d, d->now, to);
	d->now = to > d->now ? to : d->now;
}

void watch_finish(struct watch *watch)
{
	for (struct watch_device *d = watch->devices; d; d = d->hh.next)
		while (d->active_count)
			advance(watch, d, d->active[first_to_end(d)].end);
}

/* --- observer ------------------------------------------------------------------------------ */

static void spot_take(struct watch_spot *worst, const struct idle_event *event)
{
	if (event->end - event->start > worst->dur_ns)
		*worst = (struct watch_spot){ event->start, event->end - event->start, event->path,
					      event->op.stream };
}

#define OCCURRED(row, event)						\
	do {								\
		(row)->count++;						\
		(row)->total_ns += (event)->end - (event)->start;	\
		(row)->first_ns = (row)->first_ns ? (row)->first_ns : (event)->start; \
		(row)->last_ns = (event)->end;				\
		spot_take(&(row)->worst, event);			\
	} while (0)

static int event_take(void *arg, const struct idle_event *event)
{
	struct watch *watch = arg;
	struct watch_device *d = device_get(watch, event->device);
	struct watch_active active = { .start = event->start, .end = event->end,
				       .stream = event->op.stream };

	if (!d || (!d->active && !(d->active = calloc(ACTIVE_MAX, sizeof(*d->active)))))
		return run_fail(watch->run, "out of memory");
	if (event->op.kind == IDLE_KERNEL)
		active.kernel = kernel_get(watch, event->op.shape, event->device);
	else
		active.copy = copy_get(watch, event);
	if (!active.kernel && !active.copy)
		return run_fail(watch->run, "out of memory");
	if (watch->blocking.is_on && event->start >= watch->warm_ns &&
	    blocking_take(&watch->blocking, d, active.kernel, event) < 0)
		return -1;
	advance(watch, d, event->start);
	if (d->active_count == ACTIVE_MAX)
		active_end(watch, d, first_to_end(d));
	d->active[d->active_count++] = active;
	d->active_kernels += active.kernel != NULL;
	d->active_collectives += active.kernel && active.kernel->is_collective;
	d->prompts += active.kernel && active.kernel->is_prompts;
	if (event->start < watch->warm_ns)
		return 0;
	if (active.kernel) {
		OCCURRED(active.kernel, event);
		return 0;
	}
	OCCURRED(active.copy, event);
	active.copy->bytes += event->op.bytes;
	if ((event->op.kind & 0xff) == COPY_TO_HOST &&
	    watch_level_take(&active.copy->levels, event, d->prompts) < 0)
		return run_fail(watch->run, "out of memory");
	return 0;
}

static RECENT_APART struct watch_site *site_make(struct watch *watch,
						 __typeof__(watch->sites->key) key)
{
	return RECENT_GET(watch->sites, watch->recent.sites, key, key);
}

static void site_spot(struct watch_site *site, const struct idle_interval *interval)
{
	int at = FINDING_EVIDENCE_MAX;

	while (at && interval->dur_ns > site->worst[at - 1].dur_ns)
		at--;
	if (at == FINDING_EVIDENCE_MAX)
		return;
	memmove(&site->worst[at + 1], &site->worst[at],
		(size_t)(FINDING_EVIDENCE_MAX - 1 - at) * sizeof(site->worst[0]));
	site->worst[at] = (struct watch_spot){ interval->start_ns, interval->dur_ns,
					       interval->path, interval->next.stream };
}

static int site_take(struct watch *watch, const struct idle_interval *interval, uint64_t ns)
{
	__typeof__(watch->sites->key) key = { interval->device, interval->cause, interval->path };
	struct watch_site *site = RECENT_HIT(watch->recent.sites, key, key);

	if (!site)
		site = site_make(watch, key);
	if (!site)
		return run_fail(watch->run, "out of memory");
	site->total_ns += ns;
	site->count++;
	site->first_ns = site->first_ns ? site->first_ns : interval->start_ns;
	site->last_ns = interval->start_ns + interval->dur_ns;
	site_spot(site, interval);
	return 0;
}

static RECENT_APART struct watch_pair *pair_make(struct watch *watch,
						 __typeof__(watch->pairs->key) key)
{
	return RECENT_GET(watch->pairs, watch->recent.pairs, key, key);
}

/* Between kernels that follow on each other, the second of which could have begun earlier. */
static int pair_take(struct watch *watch, const struct idle_interval *interval)
{
	__typeof__(watch->pairs->key) key = { interval->previous.shape, interval->next.shape };
	struct watch_pair *pair = RECENT_HIT(watch->recent.pairs, key, key);

	if (!pair)
		pair = pair_make(watch, key);
	if (!pair)
		return run_fail(watch->run, "out of memory");
	pair->total_ns += interval->dur_ns;
	pair->count++;
	if (interval->dur_ns > pair->worst.dur_ns)
		pair->worst = (struct watch_spot){ interval->start_ns, interval->dur_ns,
						   interval->path, interval->next.stream };
	return 0;
}

static int interval_take(void *arg, const struct idle_interval *interval,
			 const struct idle_event *next)
{
	struct watch *watch = arg;
	struct watch_device *d = device_get(watch, interval->device);
	uint64_t ns = since_warm(watch, interval->start_ns, interval->start_ns + interval->dur_ns);
	struct watch_kernel *kernel = NULL;

	if (!ns)
		return 0;
	if (next->op.kind == IDLE_KERNEL)
		kernel = kernel_get(watch, next->op.shape, next->device);
	if (!d || (next->op.kind == IDLE_KERNEL && !kernel))
		return run_fail(watch->run, "out of memory");
	d->idle[interval->cause].total_ns += ns;
	d->idle[interval->cause].count++;
	if (kernel && (interval->cause == IDLE_KERNEL_BOUNDARY || interval->cause == IDLE_LAUNCH_BOUND))
		kernel->gap_ns += ns;
	if (kernel && interval->cause == IDLE_KERNEL_BOUNDARY &&
	    interval->previous.kind == IDLE_KERNEL &&
	    interval->previous.stream == interval->next.stream && pair_take(watch, interval) < 0)
		return -1;
	return site_take(watch, interval, ns);
}

static void gathered_free(struct watch *watch)
{
	for (struct watch_device *d = watch->devices; d; d = d->hh.next)
		free(d->active);
	for (struct watch_copy *c = watch->copies; c; c = c->hh.next)
		free(c->levels.rows);
	ROWS_FREE(watch->devices);
	ROWS_FREE(watch->sites);
	ROWS_FREE(watch->kernels);
	ROWS_FREE(watch->pairs);
	ROWS_FREE(watch->copies);
	blocking_forget(&watch->blocking);
	memset(&watch->recent, 0, sizeof(watch->recent));
}

static int begin(void *arg)
{
	gathered_free(arg);
	return 0;
}

struct idle_observer watch_observer(struct watch *watch)
{
	return (struct idle_observer){ .begin = begin, .event = event_take,
				       .interval = interval_take, .arg = watch };
}

int watch_open(struct watch *watch)
{
	if (lookup_load(watch->run, "SELECT d.id, d.sm_count, " GPU_NUMBER("d.id")
			" FROM device d ORDER BY d.id", &watch->gpus) < 0 ||
	    blocking_open(watch->run, &watch->blocking) < 0 ||
	    run_kernel_families(watch->run, &watch->families) < 0)
		return -1;
	return lookup_load(watch->run, shapes_sql, &watch->shapes);
}

void watch_close(struct watch *watch)
{
	gathered_free(watch);
	blocking_close(&watch->blocking);
	lookup_free(&watch->shapes);
	lookup_free(&watch->gpus);
	kernel_families_free(&watch->families);
}
