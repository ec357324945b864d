/* SPDX-License-Identifier: Apache-2.0 */
/* What changed from another recording to this one, figure by figure. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/metrics.h"
#include "tui/view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct diff_row {
	uint64_t key;
	struct grid_figure change, percent, before, after;
	const char *part, *full;
	char *name;			/* the row's own */
};

#define COLUMN(...) GRID_COLUMN(diff_row, __VA_ARGS__)

static const struct column columns[] = {
	COLUMN(change, "Change", FIGURE, 0, 0, "after less before; times are for each step; green is better"),
	COLUMN(percent, "Change %", FIGURE, 9, 0, "of the figure before"),
	COLUMN(before, "Before", FIGURE, 0, 1, "in the first recording; - where it has none"),
	COLUMN(after, "After", FIGURE, 0, 1, "in the second one"),
	COLUMN(part, "Part", TEXT, 10, 0, "step, idle, family, launch, path or gpu: docs/diff.md"),
	COLUMN(name, "Figure", TEXT, 18, 0, "cause, family, launch or blamed function it is of"),
	COLUMN(full, "Name", TEXT, -1, 0, "as 'gputrail diff --fail-if' takes it"),
};

static size_t room(const struct snapshot *snapshot)
{
	return snapshot->changes ? snapshot->changes->count : 0;
}

/* "launch.1a2b3c4d.17.gemm" as "gemm, launch 17 of kind 1a2b3c4d", "step.decode.p50" as "decode p50",
 * "step.p50" as "all p50", "path.sync.f (x.c:1)" as "sync: f (x.c:1)"; others behind their part. */
static char *figure_name(const char *name, const char *part)
{
	size_t length = strlen(part), cause;
	const char *rest = strncmp(name, part, length) == 0 && name[length] == '.' ? name + length + 1 : name;
	char kind[16], *text = NULL;
	unsigned ordinal;
	int used = 0;

	if (strcmp(part, "launch") == 0 && sscanf(rest, "%15[^.].%u.%n", kind, &ordinal, &used) == 2 && used)
		return asprintf(&text, "%s, launch %u of kind %s", rest + used, ordinal, kind) < 0 ?
		       NULL : text;
	if (strcmp(rest, part) == 0)
		return asprintf(&text, "all %s time", part) < 0 ? NULL : text;
	cause = strcspn(rest, ".");
	if (strcmp(part, "step") == 0)
		return asprintf(&text, "%.*s %s", rest[cause] ? (int)cause : 3, rest[cause] ? rest : "all",
				rest[cause] ? rest + cause + 1 : rest) < 0 ? NULL : text;
	if (strcmp(part, "path") == 0 && rest[cause])
		return asprintf(&text, "%.*s: %s", (int)cause, rest, rest + cause + 1) < 0 ? NULL : text;
	return strdup(rest);
}

/* More time is worse; more of the time busy is better; numbers of steps are neither. */
static int tone_of(const struct metric_change *c, double change)
{
	int sign = (change > 0) - (change < 0);

	return c->unit == UNIT_NS ? sign : c->unit == UNIT_PERCENT ? -sign : 0;
}

static size_t fill(const struct view *view, const struct snapshot *snapshot, void *rows)
{
	struct diff_row *row = rows;
	size_t count = 0;

	(void)view;
	for (size_t i = 0; i < room(snapshot); i++) {
		const struct metric_change *c = &snapshot->changes->rows[i];
		double change = metric_change_by(c), percent = metric_change_percent(c);
		enum grid_unit unit = c->unit == UNIT_NS ? GRID_NS : c->unit == UNIT_PERCENT ? GRID_PERCENT :
				      GRID_PLAIN;

		if (change == 0 || !c->matters)
			continue;
		row[count++] = (struct diff_row){
			.key = i + 1,
			.change = { change, unit, true, tone_of(c, change) },
			.percent = { percent, GRID_PERCENT, true, tone_of(c, change) },
			.before = { c->before, unit, false, 0 },
			.after = { c->after, unit, false, 0 },
			.part = metric_part(c->name)->name,
			.full = c->name,
			.name = figure_name(c->name, metric_part(c->name)->name),
		};
	}
	return count;
}

static void release(void *rows, size_t count)
{
	for (struct diff_row *row = rows; count--; row++)
		free(row->name);
}

const struct view_class view_diff = {
	.title = "Diff",
	.noun = "changes",
	.one = "change",
	.help = "What changed from the first recording to the second, which all other views show: times of "
		"steps; for each step its idle time by cause, its kernels' time by family and by "
		"launch, and the functions to blame for idle time. More time is shown in the colour of "
		"faults, less in that of good news. part=idle, part=launch and so on keep one part.",
	.columns = columns,
	.column_count = COUNT_OF(columns),
	.row_size = sizeof(struct diff_row),
	.scope_note = "changes: the whole runs",
	.empty = "nothing changed, or the recordings are still being read",
	.room = room,
	.fill = fill,
	.release = release,
};
