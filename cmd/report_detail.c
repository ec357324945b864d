/* SPDX-License-Identifier: Apache-2.0 */
/* What was taken, where that was not everything. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/report_detail.h"

#include <stdio.h>
#include <string.h>

#include "analysis/table.h"

#define LEVELS_MAX 8

struct share {
	const char *level;
	uint64_t total_ns;
};

/* Summed over processes; a span that has not ended lasts as long as anything was recorded. */
static size_t shares_add(struct share *shares, size_t count, const struct run_detail *detail,
			 uint64_t last_ns)
{
	uint64_t end_ns = detail->end_ns ? detail->end_ns : last_ns;
	size_t i = 0;

	while (i < count && strcmp(shares[i].level, detail->level))
		i++;
	if (i == LEVELS_MAX)
		return count;
	if (i == count)
		shares[count++] = (struct share){ detail->level, 0 };
	if (end_ns > detail->start_ns)
		shares[i].total_ns += end_ns - detail->start_ns;
	return count;
}

static void shares_print(const struct share *shares, size_t count, const struct print_style *style)
{
	char line[256] = "";
	size_t length = 0;
	uint64_t total_ns = 0;

	for (size_t i = 0; i < count; i++)
		total_ns += shares[i].total_ns;
	if (!total_ns || (count == 1 && !strcmp(shares[0].level, "full")))
		return;
	for (size_t i = 0; i < count && length < sizeof(line); i++) {
		char time[32];

		length += (size_t)snprintf(line + length, sizeof(line) - length, "%s%s %s (%.1f %%)",
					   i ? ", " : "", shares[i].level,
					   format_ns((double)shares[i].total_ns, time, sizeof(time)),
					   100.0 * (double)shares[i].total_ns / (double)total_ns);
	}
	print_fact(style, "taken", line);
}

int report_detail(struct run *run, const struct print_style *style)
{
	struct run_detail_list list;
	struct share shares[LEVELS_MAX];
	uint64_t last_ns = 0;
	size_t count = 0;

	if (run_detail(run, &list) < 0)
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		const struct run_detail *detail = &list.rows[i];
		uint64_t known_ns = detail->end_ns ? detail->end_ns : detail->start_ns;

		last_ns = known_ns > last_ns ? known_ns : last_ns;
	}
	for (size_t i = 0; i < list.count; i++)
		count = shares_add(shares, count, &list.rows[i], last_ns);
	shares_print(shares, count, style);
	run_detail_list_free(&list);
	return 0;
}

static uint64_t counter(const struct run_loss_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++)
		if (!strcmp(list->rows[i].name, name))
			return list->rows[i].value;
	return 0;
}

int report_coverage(struct run *run, const struct print_style *style)
{
	struct run_loss_list list;
	uint64_t joined, orphans, hook, cupti, thread;
	char line[160], times[3][32];

	if (run_losses(run, &list) < 0)
		return -1;
	joined = counter(&list, "gpu_joined");
	orphans = counter(&list, "gpu_orphans");
	hook = counter(&list, "overhead_hook_ns");
	cupti = counter(&list, "overhead_cupti_ns");
	thread = counter(&list, "overhead_thread_ns");
	run_loss_list_free(&list);
	if (joined + orphans) {
		snprintf(line, sizeof(line), "%llu GPU operations, %.2f %% joined to their call",
			 (unsigned long long)(joined + orphans),
			 100.0 * (double)joined / (double)(joined + orphans));
		print_fact(style, "coverage", line);
	}
	if (hook + cupti + thread) {
		snprintf(line, sizeof(line), "hooks %s, CUPTI %s, own thread %s",
			 format_ns((double)hook, times[0], sizeof(times[0])),
			 cupti ? format_ns((double)cupti, times[1], sizeof(times[1]))
			       : "not measured",
			 format_ns((double)thread, times[2], sizeof(times[2])));
		print_fact(style, "own cost", line);
	}
	return 0;
}
