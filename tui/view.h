/* SPDX-License-Identifier: Apache-2.0 */
/* A view shows one side of the run; each has a file view_<name>.c. */
#ifndef GPUTRAIL_TUI_VIEW_H
#define GPUTRAIL_TUI_VIEW_H

#include "analysis/scope.h"
#include "tui/data.h"
#include "tui/draw.h"
#include "tui/grid.h"
#include "tui/timeline.h"
#include "tui/tree.h"

#define VIEW_CHOICES	64
#define PANE_ROOM	16	/* lines of the view from which on there may be a pane */

struct csv;

struct view {
	const struct view_class *class;
	struct grid grid;	/* unused where the class has no columns */
	void *rows;		/* owned; the grid's rows */
	size_t row_count;
	int subject;		/* of a view below another one: the kernel or process it is about */
	char subject_name[256];
	struct tree tree;	/* of views that are trees */
	/* Of views that are no table but have lines to open: the one chosen, and where each is. */
	int chosen, choices;
	struct view_choice {
		int y;
		size_t finding, kernel;	/* which one, from 1; 0: not one */
	} choice[VIEW_CHOICES];
	struct timeline_view *timeline;	/* of the timeline, once it was looked at */
};

/* Somewhere else in the viewer that a row is about. */
struct view_place {
	struct lane_key lane;		/* on the timeline, for this stretch of time */
	uint64_t start_ns, end_ns;
	/* Instead, in the call paths by this metric: "innermost frame < its caller < ..." */
	const char *path;
	enum callpath_metric metric;
	struct longest longest;		/* dur_ns not 0: instead, wherever this is */
};

struct view_class {
	const char *title;	/* on the tab */
	const char *short_title;	/* there, where it is narrow; NULL: the same */
	bool is_tree, is_timeline;
	bool needs_scan;	/* updated when the whole file has been read as well */
	bool rows_need_scan;	/* there are none before */
	const char *noun, *one;	/* "kernels", "kernel": what the rows are */
	const char *help;	/* what the view tells, for the help window */
	const struct column *columns;
	int column_count;
	size_t row_size;
	const char *empty;
	int sort;		/* column at first */
	/* Most rows there can be, and filling them in: returns how many. Texts stay the snapshot's. */
	size_t (*room)(const struct snapshot *snapshot);
	size_t (*fill)(const struct view *view, const struct snapshot *snapshot, void *rows);
	/* Releases what the rows own besides themselves; NULL: nothing. */
	void (*release)(void *rows, size_t count);
	/* Instead of room and fill: rows that come in an order of their own. */
	void (*update)(struct view *view, const struct snapshot *snapshot);
	/* SCOPE_BIT of the filters of all views that this one can honour; the bar tells which it
	 * cannot, or that something on the screen is not narrowed at all. */
	unsigned int honours;
	const char *scope_note;
	/* What the row could narrow the recording to, the likeliest first; row NULL: no table. */
	void (*terms)(const struct view *view, const void *row, const struct snapshot *snapshot,
		      struct scope *terms);
	/* Views without a table draw themselves. */
	void (*draw)(struct view *view, const struct snapshot *snapshot, struct rect rect);
	void (*write_csv)(const struct view *view, const struct snapshot *snapshot, struct csv *csv);
	/* What is told of the chosen row below the table, where the view has `pane_room` lines at least. */
	void (*pane)(const struct view *view, const struct snapshot *snapshot, const void *row,
		     struct rect rect);
	int pane_room;
	/* What Enter opens for this row; NULL: its details. The subject and its name are set. */
	const struct view_class *(*open)(const void *row, int *subject, const char **name);
	/* Where on the timeline the row is; false: nowhere. */
	bool (*place)(const struct view *view, const void *row, const struct snapshot *snapshot,
		      struct view_place *place);
	/* Where Enter goes for this row; NULL: nowhere. */
	void (*jump)(const void *row, struct view_place *place);
};

extern const struct view_class view_overview, view_kernels, view_shapes, view_apis, view_copies,
	view_memory, view_processes, view_threads, view_losses, view_paths, view_timeline,
	view_findings, view_steps, view_step_list, view_holders,
	view_diff;

void view_init(struct view *view, const struct view_class *class);
void view_free(struct view *view);
void view_update(struct view *view, const struct snapshot *snapshot);
/* Parts the place for the table from that of the pane; the latter's height is 0 where there is none. */
struct rect view_split(const struct view *view, struct rect *table);
/* Hands rows to the view's table; the view owns them from now on. */
void view_set_rows(struct view *view, void *rows, size_t count);

struct view_place view_evidence_place(const struct run_finding *finding,
				      const struct finding_evidence *evidence);
/* For view_class.terms; "" and negative numbers are left out. */
void view_term(struct scope *terms, enum scope_kind kind, const char *text);
void view_term_number(struct scope *terms, enum scope_kind kind, int64_t number);

/* Filters that this metric can honour: GPU work is told apart by more than calls are. */
unsigned int view_paths_honours(enum callpath_metric metric);
/* "top-down", and "GPU time" or what else paths are compared by. */
const char *view_paths_order(enum callpath_order order);
const char *view_paths_metric(enum callpath_metric metric);
/* The name that the tree shows; the caller frees it. */
char *view_paths_title(const struct callpath_frame *frame);
/* The node of the first of these frames whose callers have the others among them; false: there is none. */
bool view_paths_find(struct view *view, const char *path);
/* With a new filter, from a caller that is only kept to the first row that matches. */
void view_paths_select_match(struct view *view);
/* The next node that holds the word in a text that can be shown. */
bool view_paths_search(struct view *view, const char *word, int direction);

/* What users call the device, or -1. */
int64_t view_device_ordinal(const struct snapshot *snapshot, int device);
/* What the system calls the process, or -1. */
int64_t view_process_pid(const struct snapshot *snapshot, int process);
/* False: filters of all views left it out. */
bool view_has_device(const struct snapshot *snapshot, int device);
/* "void serve::gemm<float>(float*)" is known as "gemm<float>"; the caller frees it. */
char *view_kernel_title(const char *name);

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

#endif
