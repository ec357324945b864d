/* SPDX-License-Identifier: Apache-2.0 */
/* What is missing from the recording, and how the driver was reached. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/view.h"

struct loss_row {
	uint64_t key, lost, covered;
	const char *name, *text;
};

#define COLUMN(...) GRID_COLUMN(loss_row, __VA_ARGS__)

static const struct column columns[] = {
	COLUMN(lost, "Lost", FAULTS, 9, 0, "how often something went missing; 0 is what you want"),
	COLUMN(covered, "Seen", COUNT, 0, 0, "how often something was done that is no loss"),
	COLUMN(name, "Counter", TEXT, 20, 1, "name in the file and in reports"),
	COLUMN(text, "Meaning", TEXT, 0, 0, "what it says about the figures"),
};

static size_t room(const struct snapshot *snapshot)
{
	return snapshot->losses.count;
}

static size_t fill(const struct view *view, const struct snapshot *snapshot, void *rows)
{
	struct loss_row *row = rows;

	(void)view;
	for (size_t i = 0; i < snapshot->losses.count; i++, row++) {
		const struct run_loss *loss = &snapshot->losses.rows[i];
		uint64_t hash = 14695981039346656037u;

		for (const char *c = loss->name; *c; c++)
			hash = (hash ^ (unsigned char)*c) * 1099511628211u;
		row->key = hash;
		row->lost = loss->is_loss ? loss->value : GRID_UNKNOWN;
		row->covered = loss->is_loss ? GRID_UNKNOWN : loss->value;
		row->name = loss->name;
		row->text = loss->text && *loss->text ? loss->text : loss->name;
	}
	return snapshot->losses.count;
}

const struct view_class view_losses = {
	.title = "Losses",
	.short_title = "Loss",
	.noun = "counters",
	.one = "counter",
	.help = "Whether the recording is whole: everything that was dropped is counted here, and "
		"by which ways the program reached the driver.",
	.columns = columns,
	.column_count = COUNT_OF(columns),
	.row_size = sizeof(struct loss_row),
	.empty = "nothing was lost: there are no counters",
	.sort = 0,
	.room = room,
	.fill = fill,
};
