/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The timeline: which stretch of time is shown, the lines of it, and what is under the cursor. The
 * cursor is a moment and a line; zooming keeps its column.
 */
#ifndef GPUTRAIL_TUI_TIMELINE_H
#define GPUTRAIL_TUI_TIMELINE_H

#include "tui/draw.h"
#include "tui/keys.h"
#include "tui/timeline_reader.h"

enum timeline_line_kind { LINE_LANE, LINE_MEMORY, LINE_ACTIVITY };

struct timeline_line {
	enum timeline_line_kind kind;
	size_t lane;			/* of the window's lanes */
	int height;
};

/* What is at the cursor. */
enum timeline_pick { PICK_NOTHING, PICK_EVENT, PICK_IDLE };

struct timeline_view {
	struct timeline_reader *reader;		/* borrowed */
	const struct timeline_scan *scan;	/* borrowed, set by the app; NULL: not begun */
	bool is_scanned;
	uint64_t scanned_ns;
	struct timeline_window *window;		/* NULL: not read yet */
	struct timeline_want asked;

	double from_ns, to_ns, cursor_ns;	/* from 0 on; to 0: all that there is */
	double last_end_ns;			/* of all that was known when it was last refreshed */
	struct timeline_line *lines;
	size_t line_count, line, top;		/* the cursor's line, and the first on the screen */
	int columns, rows;			/* of the last drawing */
	int plot_x, plot_y;
	struct lane_key wanted;			/* the line to go to; id 0: none */
	bool is_moved;				/* the cursor, by the user */
	bool follows;
	double marks[2];
	int mark_count;

	/* Set by steps from event to event; otherwise the column's largest is picked. */
	bool is_held;
	struct run_event held;
	bool is_dragged;
	int drag_x;
};

void timeline_view_free(struct timeline_view *timeline);
/* Takes what the reader has that is new. */
void timeline_refresh(struct timeline_view *timeline);
/* Asks for what the screen needs and has not. */
void timeline_ask(struct timeline_view *timeline);

/* The end of all that is known. */
double timeline_end(const struct timeline_view *timeline);
double timeline_column_ns(const struct timeline_view *timeline);
/* Shows [from, to), kept within the run and above the shortest stretch. */
/* As soon as it is read: the lane, and a stretch of time with what is around it. */
void timeline_jump(struct timeline_view *timeline, struct lane_key lane, uint64_t start_ns,
		   uint64_t end_ns);
void timeline_show(struct timeline_view *timeline, double from_ns, double to_ns);
/* Charts get higher where the screen has more rows than lines. */
void timeline_stretch(struct timeline_view *timeline);
void timeline_zoom(struct timeline_view *timeline, double factor);

/* The bucket that is drawn at a moment; NULL: none. */
const struct run_bucket *timeline_bucket_at(const struct run_bucket_list *list, double at_ns);
/* The most memory, and the mean of the SMs measured as active (< 0 unknown), of what is on the screen: the
 * window holds more on both sides, how much depends. */
uint64_t timeline_memory_peak(const struct timeline_view *timeline, const struct run_bucket_list *list);
double timeline_activity_mean(const struct timeline_view *timeline, const struct run_bucket_list *list);

/* The line drawn at row y of the screen; line_count: none. */
size_t timeline_line_at(const struct timeline_view *timeline, int y);
const struct run_lane *timeline_lane(const struct timeline_view *timeline, size_t line);
/* Do the single events of all that is shown lie in the window? */
bool timeline_has_events(const struct timeline_view *timeline);
/* The events of a lane in the window; *count is 0 where there are none. */
const struct run_event *timeline_events(const struct timeline_view *timeline, struct lane_key lane,
					size_t *count);
/* The idle intervals of a device that are known one by one and touch [from, to), in order. */
const struct idle_interval *timeline_idle(const struct timeline_view *timeline, int64_t device,
					  double from_ns, double to_ns, size_t *count);
/* What is under the cursor. */
enum timeline_pick timeline_pick(const struct timeline_view *timeline, struct run_event *event,
				 struct idle_interval *interval);

/* What at the cursor the recording could be narrowed to: the time between the marks first. */
struct scope;
struct snapshot;
struct view;
struct csv;
/* What is on the screen: single events where these are told apart. */
void timeline_write_csv(const struct view *view, const struct snapshot *snapshot, struct csv *csv);
void timeline_terms(const struct timeline_view *timeline, const struct snapshot *snapshot,
		    struct scope *terms);
/* True when the action was one of the timeline's. */
bool timeline_act(struct timeline_view *timeline, enum action action);
void timeline_click(struct timeline_view *timeline, int y, int x);
/* The end of a drag that began with the click. */
void timeline_release(struct timeline_view *timeline, int y, int x);
void timeline_wheel(struct timeline_view *timeline, int direction, int y, int x, bool pans);

void timeline_draw(struct timeline_view *timeline, struct rect rect);
/* What colour a cause, a kind of call and a piece of work have. */
enum color timeline_cause_color(enum idle_cause cause);
enum color timeline_work_color(int64_t what);
enum color timeline_call_color(enum call_class class);

#endif
