/* SPDX-License-Identifier: Apache-2.0 */
/* Findings and the waterfall as text. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/report_findings.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/text.h"
#include "cmd/progress.h"

#define COSTLIEST	3
#define BAR		40

int findings_load(struct run *run, const struct finding_limits *limits, struct findings *findings)
{
	struct findings_options options = { .limits = limits };
	struct progress progress;
	int result;

	progress_begin(&progress, run, "looking for what costs time");
	result = run_findings(run, &options, findings);
	progress_end(&progress, run);
	return result;
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

/* Words in lines of the style's width, each `indent` from the left; names may hold anything. */
static void print_wrapped(const struct print_style *style, const char *text, int indent)
{
	int used = 0;

	while (*text) {
		size_t length = strcspn(text, " ");
		char word[512], clean[2048];
		int columns;

		snprintf(word, sizeof(word), "%.*s", (int)length, text);
		columns = text_fit(word, -1, clean, sizeof(clean));
		if (used && indent + used + 1 + columns > style->width) {
			putchar('\n');
			used = 0;
		}
		printf("%*s%s", used ? 1 : indent, "", clean);
		used += (used > 0) + columns;
		text += length + strspn(text + length, " ");
	}
	putchar('\n');
}

static void print_fitted(const struct print_style *style, const char *text, int used)
{
	char fitted[4096];
	int room = style->width - used;

	text_fit(text, style->full_names ? -1 : room < 16 ? 16 : room, fitted, sizeof(fitted));
	printf("%s\n", fitted);
}

static void print_evidence(const struct run_finding *f)
{
	char start[32], time[32];

	printf("    see");
	for (int i = 0; i < f->evidence_count; i++) {
		const struct finding_evidence *e = &f->evidence[i];

		printf("%s %s at %s", i ? "," : "", format_ns((double)e->dur_ns, time, sizeof(time)),
		       format_ns((double)e->start_ns, start, sizeof(start)));
		if (e->table[0])
			printf(" (%s %lld)", e->table, (long long)e->row);
	}
	putchar('\n');
}

/* " on GPU 1", or "" where that goes without saying. */
static const char *on_gpu(const struct findings *findings, const struct run_finding *f, char *text,
			  size_t bytes)
{
	bool told = f->gpu >= 0 && findings->waterfalls.count > 1;

	snprintf(text, bytes, told ? " on GPU %d" : "", f->gpu);
	return text;
}

static void print_finding(const struct print_style *style, const struct findings *findings,
			  const struct run_finding *f)
{
	char lost[32], gain[FINDING_GAIN_BYTES], gpu[32], line[FINDING_GAIN_BYTES + 64];

	snprintf(line, sizeof(line), "%-8s %s%s: %s", finding_severity_name(f->severity), f->name,
		 on_gpu(findings, f, gpu, sizeof(gpu)), f->title);
	if (f->severity == FINDING_CRITICAL)
		print_alarm(style, line);
	else
		print_heading(style, line);
	if (f->lost_ns) {
		snprintf(line, sizeof(line), "lost %s (%.1f %%), mending it saves %s",
			 format_ns((double)f->lost_ns, lost, sizeof(lost)),
			 percent(f->lost_ns, f->wall_ns), finding_gain(f, gain));
		print_wrapped(style, line, 4);
	}
	if (f->where[0]) {
		printf("    at ");
		print_fitted(style, f->where, 7);
	}
	if (f->callers[0]) {
		printf("    from ");
		print_fitted(style, f->callers, 9);
	}
	if (f->range[0]) {
		printf("    in range ");
		print_fitted(style, f->range, 13);
	}
	print_wrapped(style, f->advice, 4);
	if (f->evidence_count)
		print_evidence(f);
}

static void print_blinds(const struct print_style *style)
{
	print_heading(style, "What this recording cannot show");
	for (const struct finding_blind *blind = finding_blinds; blind->numbers; blind++) {
		char line[512];

		snprintf(line, sizeof(line), "%s: %s (%s)", blind->what, blind->why, blind->numbers);
		print_wrapped(style, line, 4);
	}
}

void report_findings(const struct print_style *style, const struct findings *findings)
{
	size_t shown = style->rows && style->rows < findings->list.count ? style->rows
		: findings->list.count;
	char warm[32];

	print_heading(style, "Findings");
	if (findings->warm_ns)
		printf("Since the first result was read back, at %s: what was before is warm-up.\n",
		       format_ns((double)findings->warm_ns, warm, sizeof(warm)));
	if (!findings->list.count)
		printf("Nothing costs enough to be told.\n");
	for (size_t i = 0; i < shown; i++) {
		putchar('\n');
		print_finding(style, findings, &findings->list.rows[i]);
	}
	if (shown < findings->list.count)
		printf("\n%zu more; -n 0 prints all\n", findings->list.count - shown);
	putchar('\n');
	print_blinds(style);
}

void report_costliest(const struct print_style *style, const struct findings *findings)
{
	size_t indices[COSTLIEST], count = findings_costliest(findings, indices, COSTLIEST);

	print_heading(style, "Costliest findings");
	if (!count)
		printf("Nothing costs enough to be told.\n");
	for (size_t i = 0; i < count; i++) {
		const struct run_finding *f = &findings->list.rows[indices[i]];
		char lost[32], gpu[32], place[4096];

		printf("%9s %5.1f %%  %-8s  %-22s  ", format_ns((double)f->lost_ns, lost, sizeof(lost)),
		       percent(f->lost_ns, f->wall_ns), finding_severity_name(f->severity), f->name);
		snprintf(place, sizeof(place), "%s%s", f->where[0] ? f->where : f->what,
			 on_gpu(findings, f, gpu, sizeof(gpu)));
		print_fitted(style, place, 54);
	}
	if (findings->list.count > count)
		printf("%zu more; 'gputrail report FILE findings' tells all, and what to do\n",
		       findings->list.count - count);
}

/* --- waterfall ----------------------------------------------------------------------------- */

static void print_part(const char *name, uint64_t ns, uint64_t span_ns, int depth, const char *text)
{
	int bar = (int)(percent(ns, span_ns) * BAR / 100 + 0.5);
	char time[32];

	printf("%6.1f %%  %9s  ", percent(ns, span_ns), format_ns((double)ns, time, sizeof(time)));
	for (int i = 0; i < BAR; i++)
		putchar(i < bar ? '#' : i == 0 && ns ? '|' : ' ');
	printf("  %*s%-*s %s\n", depth, "", 19 - depth, name, text);
}

static void print_waterfall(const struct print_style *style, const struct waterfall *w)
{
	char heading[128], span[32], sms[32] = "";
	uint64_t idle_ns = 0;

	if (w->sm_count)	/* an imported trace may not tell */
		snprintf(sms, sizeof(sms), "the %d SMs of ", w->sm_count);
	snprintf(heading, sizeof(heading), "Where the time of %sGPU %d went, of %s", sms, w->gpu,
		 format_ns((double)w->span_ns, span, sizeof(span)));
	print_heading(style, heading);
	for (int i = 0; i < IDLE_CAUSE_COUNT; i++)
		idle_ns += w->idle_ns[i];
	print_part("idle", idle_ns, w->span_ns, 0, "no operation ran");
	for (int i = 0; i < IDLE_CAUSE_COUNT; i++)
		if (w->idle_ns[i])
			print_part(idle_cause_name((enum idle_cause)i), w->idle_ns[i], w->span_ns, 2,
				   idle_cause_text((enum idle_cause)i));
	for (int i = 0; i < WATERFALL_PART_COUNT; i++)
		if (w->parts_ns[i] || i == WATERFALL_USEFUL)
			print_part(waterfall_part_name((enum waterfall_part)i), w->parts_ns[i],
				   w->span_ns, 0, waterfall_part_text((enum waterfall_part)i));
}

void report_waterfall(const struct print_style *style, const struct findings *findings)
{
	for (size_t i = 0; i < findings->waterfalls.count; i++) {
		if (i)
			putchar('\n');
		print_waterfall(style, &findings->waterfalls.rows[i]);
	}
	if (!findings->waterfalls.count)
		printf("No operation of a GPU is in the file.\n");
}

/* --- detectors ----------------------------------------------------------------------------- */

void report_detectors(const struct print_style *style, const struct finding_limits *limits)
{
	struct finding_limit limit;

	for (size_t i = 0; i < finding_detectors_count(); i++) {
		const struct finding_detector *d = finding_detector(i);
		char line[256];

		snprintf(line, sizeof(line), "%s (%s): %s", d->name, d->numbers, d->title);
		print_heading(style, line);
		print_wrapped(style, d->signature, 4);
		for (size_t k = 0; k < finding_limits_count(); k++) {
			finding_limit_get(limits, k, &limit);
			if (!strncmp(limit.name, d->name, strlen(d->name)) &&
			    limit.name[strlen(d->name)] == '.')
				printf("    %-36s %6g  %s\n", limit.name, limit.value, limit.help);
		}
	}
}
