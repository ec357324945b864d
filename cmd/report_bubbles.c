/* SPDX-License-Identifier: Apache-2.0 */
/* Idle time by cause and its longest intervals as text. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/report_bubbles.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/idle.h"
#include "analysis/text.h"
#include "cmd/progress.h"

#define INTERVALS	10		/* where -n does not tell */

struct bubbles {
	struct run *run;
	const struct print_style *style;
	const struct idle_result *idle;
	const struct run_thread_list *threads;
	const struct run_device_list *devices;
};

/* Prints what is left of the line; names may hold anything. */
static void print_rest(const struct bubbles *b, const char *text, int used)
{
	char fitted[4096];
	int room = b->style->width - used;

	text_fit(text, b->style->full_names ? -1 : room < 16 ? 16 : room, fitted, sizeof(fitted));
	printf("%s\n", fitted);
}

static const struct idle_site *site_of(const struct bubbles *b, int device, enum idle_cause cause)
{
	for (size_t i = 0; i < b->idle->site_count; i++) {
		const struct idle_site *site = &b->idle->sites[i];

		if (site->device == device && site->cause == cause && site->path)
			return site;
	}
	return NULL;
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void print_cause(const struct bubbles *b, const struct idle_device *device,
			enum idle_cause cause)
{
	const struct idle_total *total = &device->causes[cause];
	const struct idle_site *site = site_of(b, device->id, cause);
	char time[32], worst[32], *name = site ? idle_path_name(b->run, site->path) : NULL;

	printf("%6.1f %6.1f %9s %9llu %9s  %-17s  ", percent(total->total_ns, device->idle_ns),
	       percent(total->total_ns, device->span_ns),
	       format_ns((double)total->total_ns, time, sizeof(time)),
	       (unsigned long long)total->count,
	       format_ns((double)total->worst.dur_ns, worst, sizeof(worst)),
	       idle_cause_name(cause));
	print_rest(b, name && name[0] ? name : "-", 64);
	free(name);
}

static void print_causes(const struct bubbles *b, const struct idle_device *device)
{
	int order[IDLE_CAUSE_COUNT], count = idle_causes_order(device, order);

	if (!count) {
		printf("It was never idle.\n");
		return;
	}
	printf("Idle %% Wall %%      Time     Count     Worst  Cause              Most of it at\n");
	for (int i = 0; i < count; i++)
		print_cause(b, device, (enum idle_cause)order[i]);
}

static int thread_tid(const struct bubbles *b, int64_t id)
{
	for (size_t i = 0; i < b->threads->count; i++)
		if (b->threads->rows[i].id == id)
			return b->threads->rows[i].tid;
	return -1;
}

static int gpu_number(const struct bubbles *b, int device)
{
	for (size_t i = 0; i < b->devices->count; i++)
		if (b->devices->rows[i].id == device)
			return b->devices->rows[i].gpu;
	return -1;
}

static void print_interval(const struct bubbles *b, const struct idle_interval *interval)
{
	char start[32], time[32], tid[16] = "-", fitted[128];
	char *previous = idle_op_name(b->run, &interval->previous);
	char *next = idle_op_name(b->run, &interval->next), *path = idle_path_name(b->run, interval->path);
	int number = interval->thread ? thread_tid(b, interval->thread) : -1;

	if (number >= 0)
		snprintf(tid, sizeof(tid), "%d", number);
	printf("%9s %9s %3d %8s  %-17s  ", format_ns((double)interval->start_ns, start, sizeof(start)),
	       format_ns((double)interval->dur_ns, time, sizeof(time)), gpu_number(b, interval->device), tid,
	       idle_cause_name(interval->cause));
	print_rest(b, path && path[0] ? path : "-", 54);
	text_fit(previous ? previous : "", 40, fitted, sizeof(fitted));
	printf("%35s%s -> ", "", fitted);
	print_rest(b, next ? next : "", 39 + text_columns(fitted));
	free(previous);
	free(next);
	free(path);
}

static void print_device(const struct bubbles *b, const struct idle_device *device)
{
	char heading[96], idle[32], span[32], copies[32];

	snprintf(heading, sizeof(heading), "Idle time of GPU %d by cause",
		 gpu_number(b, device->id));
	print_heading(b->style, heading);
	printf("idle %s of %s (%.1f %%); busy with copies alone %s\n",
	       format_ns((double)device->idle_ns, idle, sizeof(idle)),
	       format_ns((double)device->span_ns, span, sizeof(span)),
	       percent(device->idle_ns, device->span_ns),
	       format_ns((double)device->copy_only_ns, copies, sizeof(copies)));
	print_causes(b, device);
	putchar('\n');
}

static void print_all(const struct bubbles *b)
{
	for (size_t i = 0; i < b->idle->device_count; i++)
		print_device(b, &b->idle->devices[i]);
	if (!b->idle->device_count)
		printf("No operation of a GPU is in the file.\n");
	if (b->idle->interval_count) {
		print_heading(b->style, "Longest idle intervals");
		printf("    Start      Time GPU   Thread  Cause              "
		       "Blamed, and the operations before -> after\n");
		for (size_t i = 0; i < b->idle->interval_count; i++)
			print_interval(b, &b->idle->intervals[i]);
	}
	if (b->idle->without_call)
		printf("The calls that ended %llu idle intervals are not in the file: their cause is "
		       "unknown, or kernel_boundary if they are short.\n",
		       (unsigned long long)b->idle->without_call);
}

int report_bubbles(struct run *run, const struct print_style *style, bool rows_given)
{
	struct idle_options options = { .intervals = rows_given ? style->rows : INTERVALS };
	struct run_thread_list threads = { 0 };
	struct run_device_list devices = { 0 };
	struct idle_result idle;
	struct progress progress;
	struct bubbles bubbles = { run, style, &idle, &threads, &devices };
	int result;

	if (rows_given && !style->rows)
		options.intervals = SIZE_MAX;
	progress_begin(&progress, run, "looking at idle time");
	result = run_idle(run, &options, &idle);
	progress_end(&progress, run);
	if (result < 0)
		return -1;
	result = run_threads(run, &threads) < 0 || run_devices(run, &devices) < 0 ? -1 : 0;
	if (result == 0)
		print_all(&bubbles);
	run_thread_list_free(&threads);
	run_device_list_free(&devices);
	idle_result_free(&idle);
	return result;
}
