/* SPDX-License-Identifier: Apache-2.0 */
/* The timeline as a view. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/timeline.h"
#include "tui/view.h"

static void draw(struct view *view, const struct snapshot *snapshot, struct rect rect)
{
	(void)snapshot;
	if (view->timeline)
		timeline_draw(view->timeline, rect);
}

const struct view_class view_timeline = {
	.title = "Timeline",
	.short_title = "Time",
	.noun = "timeline",
	.is_timeline = true,
	.help = "The run in time: for each device when it was busy, why it was idle, its memory and "
		"its streams, then the calls of each thread. Where events are too short to be told "
		"apart, a column is as high as they fill it. Work of a device and the call that "
		"launched it are two sides of one row: c goes from one to the other.",
	.draw = draw,
};
