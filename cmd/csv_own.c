/* SPDX-License-Identifier: Apache-2.0 */
/* Idle time and call paths as CSV. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/csv_own.h"

#include <stdlib.h>
#include <uthash.h>

#include "analysis/callpaths.h"
#include "analysis/idle.h"

#define INTERVALS_MAX	200000

/* Names that many rows share: each is asked for once. */
struct name {
	struct { int64_t number; int kind; int pad; } key;
	char *text;
	UT_hash_handle hh;
};

enum { NAME_PATH = -2 };		/* kinds of operations are idle_op.kind, from -1 on */

struct idle_csv {
	struct run *run;
	struct csv *csv;
	struct idle_result idle;
	struct run_device_list devices;
	struct run_thread_list threads;
	struct name *names;
};

static const char *name_of(struct idle_csv *c, int kind, int64_t number, const struct idle_op *op)
{
	struct name key = { .key = { number, kind, 0 } }, *name;

	HASH_FIND(hh, c->names, &key.key, sizeof(key.key), name);
	if (name)
		return name->text;
	name = malloc(sizeof(*name));
	if (!name)
		return "";
	*name = key;
	name->text = kind == NAME_PATH ? idle_path_name(c->run, number) : idle_op_name(c->run, op);
	if (!name->text) {
		free(name);
		return "";
	}
	HASH_ADD(hh, c->names, key, sizeof(name->key), name);
	return name->text;
}

static const char *place_name(struct idle_csv *c, int64_t path)
{
	return path ? name_of(c, NAME_PATH, path, NULL) : "";
}

static const char *op_name(struct idle_csv *c, const struct idle_op *op)
{
	return name_of(c, op->kind, op->kind == IDLE_KERNEL ? op->shape : 0, op);
}

static void put_gpu(const struct idle_csv *c, int device)
{
	for (size_t i = 0; i < c->devices.count; i++)
		if (c->devices.rows[i].id == device) {
			csv_integer(c->csv, c->devices.rows[i].gpu);
			return;
		}
	csv_empty(c->csv);
}

static void put_tid(const struct idle_csv *c, int64_t thread)
{
	for (size_t i = 0; i < c->threads.count; i++)
		if (c->threads.rows[i].id == thread) {
			csv_integer(c->csv, c->threads.rows[i].tid);
			return;
		}
	csv_empty(c->csv);
}

static int idle_open(struct idle_csv *c, struct run *run, struct csv *csv, size_t intervals)
{
	struct idle_options options = { .intervals = intervals };

	*c = (struct idle_csv){ .run = run, .csv = csv };
	if (run_idle(run, &options, &c->idle) < 0 || run_devices(run, &c->devices) < 0 ||
	    run_threads(run, &c->threads) < 0)
		return -1;
	return 0;
}

static int idle_close(struct idle_csv *c, int result)
{
	struct name *name, *next;

	idle_result_free(&c->idle);
	run_device_list_free(&c->devices);
	run_thread_list_free(&c->threads);
	HASH_ITER(hh, c->names, name, next) {
		HASH_DEL(c->names, name);
		free(name->text);
		free(name);
	}
	return result < 0 ? -1 : ferror(c->csv->out) ? 1 : 0;
}

static void put_percent(struct csv *csv, uint64_t part, uint64_t whole)
{
	csv_decimal(csv, whole ? 100.0 * (double)part / (double)whole : 0, 2);
}

/* The path that lost most by a cause; sites are sorted by what they lost. */
static void put_site(struct idle_csv *c, int device, enum idle_cause cause)
{
	for (size_t i = 0; i < c->idle.site_count; i++) {
		const struct idle_site *site = &c->idle.sites[i];

		if (site->device == device && site->cause == cause && site->path) {
			csv_text(c->csv, place_name(c, site->path));
			csv_integer(c->csv, (int64_t)site->total_ns);
			return;
		}
	}
	csv_empty(c->csv);
	csv_empty(c->csv);
}

static void put_cause(struct idle_csv *c, const struct idle_device *device, enum idle_cause cause)
{
	const struct idle_total *total = &device->causes[cause];

	put_gpu(c, device->id);
	csv_text(c->csv, idle_cause_name(cause));
	csv_integer(c->csv, (int64_t)total->total_ns);
	csv_integer(c->csv, (int64_t)total->count);
	put_percent(c->csv, total->total_ns, device->idle_ns);
	put_percent(c->csv, total->total_ns, device->span_ns);
	csv_integer(c->csv, (int64_t)total->worst.dur_ns);
	csv_integer(c->csv, (int64_t)total->worst.start_ns);
	put_site(c, device->id, cause);
	csv_end_line(c->csv);
}

int csv_bubbles(struct run *run, struct csv *csv)
{
	struct idle_csv c;
	int result = idle_open(&c, run, csv, 0);

	for (size_t i = 0; result == 0 && i < c.idle.device_count; i++) {
		int order[IDLE_CAUSE_COUNT], count = idle_causes_order(&c.idle.devices[i], order);

		for (int n = 0; n < count; n++)
			put_cause(&c, &c.idle.devices[i], (enum idle_cause)order[n]);
	}
	return idle_close(&c, result);
}

static int by_start(const void *a, const void *b)
{
	const struct idle_interval *x = a, *y = b;

	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	return (x->device > y->device) - (x->device < y->device);
}

int csv_bubbles_trace(struct run *run, struct csv *csv)
{
	struct idle_csv c;
	int result = idle_open(&c, run, csv, INTERVALS_MAX);

	if (result == 0 && c.idle.interval_count)
		qsort(c.idle.intervals, c.idle.interval_count, sizeof(*c.idle.intervals), by_start);
	for (size_t i = 0; result == 0 && i < c.idle.interval_count; i++) {
		const struct idle_interval *interval = &c.idle.intervals[i];

		csv_integer(csv, (int64_t)interval->start_ns);
		csv_integer(csv, (int64_t)interval->dur_ns);
		put_gpu(&c, interval->device);
		put_tid(&c, interval->thread);
		csv_text(csv, idle_cause_name(interval->cause));
		csv_text(csv, place_name(&c, interval->path));
		csv_text(csv, op_name(&c, &interval->previous));
		csv_text(csv, op_name(&c, &interval->next));
		csv_end_line(csv);
	}
	return idle_close(&c, result);
}

int csv_callpaths(struct run *run, struct csv *csv)
{
	struct callpath_tree tree;

	if (run_callpaths(run, CALLPATH_FLAT, METRIC_GPU, CALLPATH_INTERPRETER, &tree) < 0)
		return -1;
	for (uint32_t i = tree.nodes[0].first_child; i != CALLPATH_NONE;
	     i = tree.nodes[i].next_sibling) {
		const struct callpath_node *node = &tree.nodes[i];
		const struct callpath_frame *frame = &tree.frames[node->frame];

		csv_text(csv, frame->function[0] ? frame->function : frame->text);
		csv_text(csv, frame->file);
		if (frame->line)
			csv_integer(csv, frame->line);
		else
			csv_empty(csv);
		csv_text(csv, frame->module);
		for (int metric = 0; metric < METRIC_COUNT; metric++) {
			csv_integer(csv, (int64_t)callpath_metric(&node->total,
								  (enum callpath_metric)metric));
			csv_integer(csv, (int64_t)callpath_metric(&node->self,
								  (enum callpath_metric)metric));
		}
		csv_end_line(csv);
	}
	callpath_tree_free(&tree);
	return ferror(csv->out) ? 1 : 0;
}
