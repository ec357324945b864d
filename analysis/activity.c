/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose the samples of measured activity are: in one pass over the events each sample gets the time of each
 * kernel in it, and is given to the kernel, the family and the phase that had nearly all of it.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/activity.h"

#include "analysis/idle_internal.h"
#include "analysis/steps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define OWNER_SHARE 0.9			/* of a sample's kernel time, or of its time for a phase */
#define FOREIGN_SHARE 1.1		/* of a whole: above it there was other work, not only rounding */
#define RUNNING_SHARE 0.02		/* of a sample's time, below which no kernel explains it */

enum { SHAPE_KERNEL, SHAPE_BLOCKS, SHAPE_THREADS, SHAPE_PER_SM, SHAPE_SMS, SHAPE_SM_THREADS };
static const char shapes_sql[] =
	"SELECT s.id, s.kernel, s.grid_x * s.grid_y * s.grid_z, s.block_x * s.block_y * s.block_z,"
	" s.blocks_per_sm, d.sm_count, d.max_threads_per_sm FROM shape s"
	" LEFT JOIN device d ON d.id = s.device ORDER BY s.id";

/* The time of one kernel in a sample. */
struct part {
	int64_t kernel;
	int family;
	uint64_t ns;
};

/* A kernel that runs on into the next sample. */
struct running {
	int64_t shape;
	uint64_t end_ns;
};

struct device {
	int64_t id;
	int gpu;
	char *name;
	struct activity_sample_list samples;
	uint64_t *running_ns;		/* of each sample */
	size_t at;			/* the sample that is being filled */
	struct { struct running *rows; size_t count; } running;
	struct { struct part *rows; size_t count; } parts;
	uint64_t covered_ns;		/* kernels have run up to here */
	double by_shape[2];		/* of this sample, times ns */
};

struct finder {
	struct run *run;
	struct lookup shapes;
	struct kernel_families families;
	struct device *devices;
	size_t device_count;
	struct run_activity_list *out;
};

const char *activity_of_name(enum activity_of of)
{
	static const char *const names[] = { "all", "phase", "family", "kernel" };

	return names[of];
}

double activity_running(const struct run_activity *row, enum activity_metric metric)
{
	double part;

	if (row->mean[metric] < 0 || !row->running_ns)
		return -1;
	part = row->mean[metric] * (double)row->time_ns / (double)row->running_ns;
	if (part > FOREIGN_SHARE)
		return -1;
	return part > 1 ? 1 : part;
}

/* --- rows ---------------------------------------------------------------------------------------- */

static struct run_activity *row_get(struct finder *f, const struct device *d, enum activity_of of, int64_t id)
{
	struct run_activity *row;

	for (size_t i = f->out->count; i-- > 0;) {
		row = &f->out->rows[i];
		if (row->device == d->id && row->of == of && row->id == id)
			return row;
	}
	row = LIST_ADD(f->out);
	if (!row)
		return NULL;
	*row = (struct run_activity){ .of = of, .device = d->id, .gpu = d->gpu, .id = id,
				      .most_sm_active = -1, .memory_used_bytes = -1 };
	for (int i = 0; i < ACTIVITY_METRICS; i++)
		row->mean[i] = -1;
	return row;
}

/* Means are sums, times ns, until all samples are in; they are of the samples that know the metric. */
static int row_add(struct finder *f, const struct device *d, enum activity_of of, int64_t id, size_t at)
{
	const struct activity_sample *sample = &d->samples.rows[at];
	struct run_activity *row = row_get(f, d, of, id);

	if (!row)
		return run_fail(f->run, "out of memory");
	for (int i = 0; i < ACTIVITY_METRICS; i++)
		if (sample->metrics[i] >= 0) {
			row->mean[i] = (row->known_ns[i] ? row->mean[i] : 0) +
				       sample->metrics[i] * (double)sample->dur_ns;
			row->known_ns[i] += sample->dur_ns;
		}
	for (int i = 0; i < 2; i++)
		row->by_shape[i] += d->by_shape[i];
	row->most_sm_active = fmax(row->most_sm_active, sample->metrics[ACTIVITY_sm_active_ppm]);
	if (sample->memory_used_bytes > row->memory_used_bytes)
		row->memory_used_bytes = sample->memory_used_bytes;
	row->samples++;
	row->time_ns += sample->dur_ns;
	row->running_ns += d->running_ns[at];
	return 0;
}

/* --- the sample that is being filled -------------------------------------------------------------- */

/* What the device does while this shape runs alone: SMs with a block, and warps, over its waves. */
static void shape_use(const struct lookup_cell *facts, double use[2])
{
	double blocks, sms, room, full, rest, waves, slots;

	use[0] = use[1] = 0;
	if (!facts)
		return;
	blocks = (double)facts[SHAPE_BLOCKS].number;
	sms = (double)facts[SHAPE_SMS].number;
	room = sms * (double)facts[SHAPE_PER_SM].number;
	slots = sms * (double)facts[SHAPE_SM_THREADS].number / 32;
	if (blocks <= 0 || room <= 0 || slots <= 0)
		return;
	full = floor(blocks / room);
	rest = blocks - full * room;
	waves = full + (rest > 0);
	use[0] = (full + (rest > 0 ? fmin(1, rest / sms) : 0)) / waves;
	use[1] = blocks / waves * ceil((double)facts[SHAPE_THREADS].number / 32) / slots;
}

static int part_add(struct finder *f, struct device *d, int64_t shape, uint64_t from_ns, uint64_t to_ns)
{
	const struct lookup_cell *facts = lookup_find(&f->shapes, shape);
	int64_t kernel = facts ? facts[SHAPE_KERNEL].number : 0;
	uint64_t ns = to_ns - from_ns;
	struct part *part = NULL;
	double use[2];

	shape_use(facts, use);
	for (int i = 0; i < 2; i++)
		d->by_shape[i] += use[i] * (double)ns;
	for (size_t i = 0; i < d->parts.count && !part; i++)
		if (d->parts.rows[i].kernel == kernel)
			part = &d->parts.rows[i];
	if (!part) {
		part = LIST_ADD(&d->parts);
		if (!part)
			return run_fail(f->run, "out of memory");
		part->kernel = kernel;
		part->family = family_of_shape(&f->families, shape, NULL).family;
	}
	part->ns += ns;
	/* Kernels come in order of their start. */
	if (to_ns > d->covered_ns) {
		d->running_ns[d->at] += to_ns - (from_ns > d->covered_ns ? from_ns : d->covered_ns);
		d->covered_ns = to_ns;
	}
	return 0;
}

static int sample_give(struct finder *f, struct device *d)
{
	uint64_t total_ns = 0, family_ns = 0, dur_ns = d->samples.rows[d->at].dur_ns;
	const struct part *kernel = NULL;
	int family = -1;

	for (int i = 0; i < 2; i++)
		d->by_shape[i] = fmin(d->by_shape[i], (double)dur_ns);
	for (size_t i = 0; i < d->parts.count; i++) {
		const struct part *part = &d->parts.rows[i];
		uint64_t ns = 0;

		total_ns += part->ns;
		if (!kernel || part->ns > kernel->ns)
			kernel = part;
		for (size_t k = 0; k < d->parts.count; k++)
			if (d->parts.rows[k].family == part->family)
				ns += d->parts.rows[k].ns;
		if (ns > family_ns) {
			family_ns = ns;
			family = part->family;
		}
	}
	if (row_add(f, d, ACTIVITY_OF_GPU, 0, d->at) < 0)
		return -1;
	if (!kernel || (double)d->running_ns[d->at] < RUNNING_SHARE * (double)dur_ns)
		return 0;
	if ((double)family_ns >= OWNER_SHARE * (double)total_ns &&
	    row_add(f, d, ACTIVITY_OF_FAMILY, family, d->at) < 0)
		return -1;
	return (double)kernel->ns >= OWNER_SHARE * (double)total_ns && kernel->kernel ?
		       row_add(f, d, ACTIVITY_OF_KERNEL, kernel->kernel, d->at) : 0;
}

/* The next sample begins with what still runs. */
static int sample_next(struct finder *f, struct device *d)
{
	size_t kept = 0;

	if (sample_give(f, d) < 0)
		return -1;
	d->at++;
	d->parts.count = 0;
	d->by_shape[0] = d->by_shape[1] = 0;
	for (size_t i = 0; i < d->running.count && d->at < d->samples.count; i++) {
		const struct activity_sample *s = &d->samples.rows[d->at];
		struct running running = d->running.rows[i];
		uint64_t end_ns = s->start_ns + s->dur_ns;

		if (running.end_ns > s->start_ns &&
		    part_add(f, d, running.shape, s->start_ns,
			     running.end_ns < end_ns ? running.end_ns : end_ns) < 0)
			return -1;
		if (running.end_ns > end_ns)
			d->running.rows[kept++] = running;
	}
	d->running.count = kept;
	return 0;
}

static int on_begin(void *arg)
{
	struct finder *f = arg;

	for (size_t i = 0; i < f->out->count; i++)
		free(f->out->rows[i].name);
	f->out->count = 0;
	for (size_t i = 0; i < f->device_count; i++) {
		struct device *d = &f->devices[i];

		memset(d->running_ns, 0, d->samples.count * sizeof(*d->running_ns));
		d->at = d->running.count = d->parts.count = 0;
		d->covered_ns = 0;
		d->by_shape[0] = d->by_shape[1] = 0;
	}
	return 0;
}

static int on_interval(void *arg, const struct idle_interval *interval, const struct idle_event *next)
{
	(void)arg;
	(void)interval;
	(void)next;
	return 0;
}

static int on_event(void *arg, const struct idle_event *event)
{
	struct finder *f = arg;
	struct device *d = NULL;
	const struct activity_sample *s;
	uint64_t from_ns, end_ns;

	for (size_t i = 0; i < f->device_count && !d; i++)
		if (f->devices[i].id == event->device)
			d = &f->devices[i];
	if (!d || event->op.kind != IDLE_KERNEL)
		return 0;
	while (d->at < d->samples.count &&
	       event->start >= d->samples.rows[d->at].start_ns + d->samples.rows[d->at].dur_ns)
		if (sample_next(f, d) < 0)
			return -1;
	if (d->at == d->samples.count)
		return 0;
	s = &d->samples.rows[d->at];
	end_ns = s->start_ns + s->dur_ns;
	from_ns = event->start > s->start_ns ? event->start : s->start_ns;
	if (event->end > end_ns) {
		struct running *running = LIST_ADD(&d->running);

		if (!running)
			return run_fail(f->run, "out of memory");
		*running = (struct running){ event->op.shape, event->end };
	}
	if (event->end <= from_ns)
		return 0;
	return part_add(f, d, event->op.shape, from_ns, event->end < end_ns ? event->end : end_ns);
}

/* --- phases of steps ------------------------------------------------------------------------------- */

/* A sample is a phase's when its steps hold nearly all of it. */
static int phases_give(struct finder *f, struct device *d, const struct step_result *steps)
{
	uint64_t (*held)[STEP_PHASE_COUNT] = calloc(d->samples.count + 1, sizeof(*held));
	int result = held ? 0 : run_fail(f->run, "out of memory");

	for (size_t i = 0; held && i < steps->step_count; i++) {
		const struct step *step = &steps->steps[i];
		uint64_t end_ns = step->gpu_ns + step->period_ns;
		size_t low = 0, high = d->samples.count;

		if (step->device != d->id || !step->gpu_ns || !step->period_ns)
			continue;
		while (low < high) {	/* the first that ends after the step began */
			size_t middle = (low + high) / 2;
			const struct activity_sample *s = &d->samples.rows[middle];

			if (s->start_ns + s->dur_ns > step->gpu_ns)
				high = middle;
			else
				low = middle + 1;
		}
		for (; low < d->samples.count && d->samples.rows[low].start_ns < end_ns; low++) {
			const struct activity_sample *s = &d->samples.rows[low];
			uint64_t from = s->start_ns > step->gpu_ns ? s->start_ns : step->gpu_ns;
			uint64_t to = s->start_ns + s->dur_ns < end_ns ? s->start_ns + s->dur_ns : end_ns;

			held[low][steps->kinds[step->kind].phase] += to - from;
		}
	}
	d->by_shape[0] = d->by_shape[1] = 0;
	for (size_t at = 0; result == 0 && at < d->samples.count; at++)
		for (int phase = 0; result == 0 && phase < STEP_PHASE_COUNT; phase++)
			if ((double)held[at][phase] >= OWNER_SHARE * (double)d->samples.rows[at].dur_ns)
				result = row_add(f, d, ACTIVITY_OF_PHASE, phase, at);
	free(held);
	return result;
}

/* --- the whole -------------------------------------------------------------------------------------- */

static int device_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct finder *f = arg;
	struct { struct device *rows; size_t count; } list = { f->devices, f->device_count };
	struct device *d = LIST_ADD(&list);

	f->devices = list.rows;
	f->device_count = list.count;
	if (!d)
		return run_fail(run, "out of memory");
	d->id = row_id(stmt, 0);
	d->gpu = row_int(stmt, 1, -1);
	d->name = row_text(stmt, 2);
	return 0;
}

static int devices_load(struct finder *f)
{
	if (run_query(f->run, "SELECT DISTINCT device, " GPU_NUMBER("activity.device") ","
		      " (SELECT name FROM device WHERE id = activity.device) FROM activity ORDER BY device",
		      device_row, f) < 0)
		return -1;
	for (size_t i = 0; i < f->device_count; i++) {
		struct device *d = &f->devices[i];

		if (run_activity_samples(f->run, d->id, 0, INT64_MAX, &d->samples) < 0)
			return -1;
		d->running_ns = calloc(d->samples.count + 1, sizeof(*d->running_ns));
		if (!d->running_ns)
			return run_fail(f->run, "out of memory");
	}
	return 0;
}

static void finder_free(struct finder *f)
{
	for (size_t i = 0; i < f->device_count; i++) {
		activity_sample_list_free(&f->devices[i].samples);
		free(f->devices[i].name);
		free(f->devices[i].running_ns);
		free(f->devices[i].running.rows);
		free(f->devices[i].parts.rows);
	}
	free(f->devices);
	lookup_free(&f->shapes);
	kernel_families_free(&f->families);
}

static int row_compare(const void *a, const void *b)
{
	const struct run_activity *x = a, *y = b;

	if (x->device != y->device)
		return x->device < y->device ? -1 : 1;
	if (x->of != y->of)
		return x->of < y->of ? -1 : 1;
	if (x->time_ns != y->time_ns)
		return x->time_ns > y->time_ns ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

static char *row_name(const struct finder *f, const struct run_activity *row)
{
	switch (row->of) {
	case ACTIVITY_OF_PHASE:
		return strdup(step_phase_name((enum step_phase)row->id));
	case ACTIVITY_OF_FAMILY:
		return strdup(families_name(run_families(f->run), (int)row->id));
	case ACTIVITY_OF_KERNEL:
		return run_kernel_name(f->run, row->id);
	default:
		for (size_t i = 0; i < f->device_count; i++)
			if (f->devices[i].id == row->device)
				return strdup(f->devices[i].name);
		return NULL;
	}
}

/* Sums become means. A phase's kernels are not known, but how long they ran. */
static void rows_finish(struct finder *f)
{
	for (size_t i = 0; i < f->out->count; i++) {
		struct run_activity *row = &f->out->rows[i];
		bool has_shapes = row->of != ACTIVITY_OF_PHASE && row->running_ns;

		for (int m = 0; m < ACTIVITY_METRICS && row->time_ns; m++)
			if (row->known_ns[m])
				row->mean[m] /= (double)row->known_ns[m];
		for (int s = 0; s < 2; s++)
			row->by_shape[s] = has_shapes ? row->by_shape[s] / (double)row->running_ns : -1;
		row->name = row_name(f, row);
	}
	qsort(f->out->rows, f->out->count, sizeof(*f->out->rows), row_compare);
}

static int find(struct finder *f)
{
	struct idle_observer observer = { .begin = on_begin, .event = on_event,
					 .interval = on_interval, .arg = f };
	struct idle_options options = { .observer = &observer };
	struct step_result steps;
	int result = 0;

	if (lookup_load(f->run, shapes_sql, &f->shapes) < 0 ||
	    run_kernel_families(f->run, &f->families) < 0 || run_steps(f->run, &options, &steps) < 0)
		return -1;
	for (size_t i = 0; result == 0 && i < f->device_count; i++) {
		struct device *d = &f->devices[i];

		while (result == 0 && d->at < d->samples.count)
			result = sample_next(f, d);
		if (result == 0)
			result = phases_give(f, d, &steps);
	}
	step_result_free(&steps);
	rows_finish(f);
	return result;
}

int run_activity(struct run *run, struct run_activity_list *list)
{
	struct finder finder = { .run = run, .out = list };
	int result;

	*list = (struct run_activity_list){ 0 };
	result = devices_load(&finder);
	if (result == 0 && finder.device_count)
		result = find(&finder);
	finder_free(&finder);
	if (result < 0)
		run_activity_list_free(list);
	return result < 0 ? -1 : 0;
}

void run_activity_list_free(struct run_activity_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->rows[i].name);
	free(list->rows);
	*list = (struct run_activity_list){ 0 };
}
