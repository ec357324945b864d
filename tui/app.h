/* SPDX-License-Identifier: Apache-2.0 */
/* The running viewer: its views, what lies over them, and where the mouse can click. */
#ifndef GPUTRAIL_TUI_APP_H
#define GPUTRAIL_TUI_APP_H

#include "tui/diff.h"
#include "tui/popup.h"
#include "tui/prompt.h"
#include "tui/script.h"
#include "tui/tui.h"
#include "tui/view.h"

#define VIEW_COUNT	12
#define WIDTH_LEAST	40
#define HEIGHT_LEAST	10
#define UNDO_MOST	32

enum app_mode { MODE_VIEW, MODE_POPUP, MODE_PROMPT };

#define PLACES_MOST	64

/* Somewhere that the user has been. */
struct place {
	int view;
	const struct view_class *below;	/* what was opened there, or NULL */
	int subject;
	char subject_name[256];
	uint64_t key;			/* of the row; 0: none */
	char *scope;
	double from_ns, to_ns, cursor_ns;	/* on the timeline; else 0 */
	struct lane_key lane;
};
struct place_stack { struct place places[PLACES_MOST]; int count; };

/* How a table was looked at last: those that Enter opens come and go. */
#define LOOKS	(VIEW_COUNT + 4)
struct look {
	const struct view_class *class;
	int sort;
	bool reverse;
	uint8_t choice[GRID_COLUMNS_MAX];
};

/* A stretch of a line that does something when clicked. */
struct hit {
	int y, x, width;
	enum action action;
	int argument;
};

struct app {
	struct loader *loader;
	struct diff_reader *diff;	/* NULL: nothing to compare with */
	struct timeline_reader *reader;	/* NULL: could not be started */
	struct snapshot *snapshot;	/* NULL until the file has been read once */
	const char *path;

	struct view views[VIEW_COUNT];
	struct view below[VIEW_COUNT];	/* what Enter opened in each view */
	bool is_below[VIEW_COUNT];
	struct look looks[LOOKS];
	int current;

	enum app_mode mode;
	struct popup popup;
	enum action popup_for;		/* SORT_MENU: the popup chooses a column */
	struct prompt prompt;
	enum action prompt_for;		/* SEARCH, FILTER or EXPORT */
	char before_prompt[GRID_WORD_MAX];
	size_t before_selected;
	uint64_t before_key;

	struct scope scope;		/* what all views are narrowed to, once it was counted */
	struct scope offered;		/* terms to choose from */
	char *undo[UNDO_MOST];		/* scopes before */
	int undo_count;
	int hit_argument;		/* of the click that is acted on */
	struct place_stack past, future;
	char last_scope[8192];		/* of the last time, to be set when there is a screen */
	bool theme_is_given, awaits_moment;

	char message[512];
	enum color message_color;
	char reading_error[512], timeline_error[512];
	struct paths_how paths_how;	/* as last asked for */
	const struct tui_program *program;	/* NULL: none */
	bool program_ended;
	int64_t log_bytes;		/* of its output, as last shown */
	char path_to_find[1024];	/* when these are there; "" none */
	struct rect body;
	int top;			/* line below the tabs and the filters */
	struct hit hits[64];
	int hit_count;
	struct script script;
	bool in_memory, quit;
};

/* The view on the screen, and its table or NULL. */
struct view *app_view(struct app *app);
struct grid *app_grid(struct app *app);
void app_message(struct app *app, enum color color, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* screen.c */
void app_draw(struct app *app);
/* Makes a stretch of a line do something when clicked, until the next drawing. */
void app_add_hit(struct app *app, int y, int x, int width, enum action action, int argument);
/* act.c */
void app_act(struct app *app, enum action action);
void app_key(struct app *app, int key);
void app_click(struct app *app, int y, int x, bool is_double);
/* Where the mouse is; (-1, -1) where that is not known. */
/* What lies below a row of the current view. */
void app_open_below(struct app *app, const struct view_class *class, int subject, const char *name);
void app_close_below(struct app *app);
void app_wheel(struct app *app, int direction, int y, int x);
/* export_app.c */
/* Writes what is shown as CSV; a file of that name stays as it is. */
void app_export(struct app *app, const char *path);
/* tree_act.c */
/* True when the action was one of the tree's. */
bool app_act_tree(struct app *app, enum action action);
bool app_is_tree(struct app *app);
/* Does the place where the user is have this action? */
bool app_offers(struct app *app, enum action action);
void app_choose_metric(struct app *app, int metric);
/* Also where the table does not filter by itself. */
void app_set_filter(struct app *app, const char *filter);
/* Goes to this path in the call paths by the metric, as soon as these are there. */
void app_go_path(struct app *app, const char *path, enum callpath_metric metric);
void app_find_path(struct app *app);
/* True when the next snapshot will show other call paths. */
bool app_awaits_paths(const struct app *app);
/* scope_app.c */
/* True when the action was about filters of all views. */
bool app_act_scope(struct app *app, enum action action);
/* Asks for this scope, if it is another one. */
void app_scope_show(struct app *app, const char *text);
/* Adds terms as they were typed. */
void app_scope_type(struct app *app, const char *text);
/* What was chosen of the menu that was opened for `action`. */
void app_scope_choose(struct app *app, enum action action, int index);
/* After a reading: a scope that could not be had is none. */
void app_scope_follow(struct app *app);
/* False: nothing is being counted. */
bool app_scope_cancel(struct app *app);
/* True when the next snapshot will be narrowed to something else. */
bool app_awaits_scope(const struct app *app);
/* Lines that it took. */
int app_draw_scope(struct app *app, int y);
/* places.c */
/* Before going elsewhere. */
void app_note_place(struct app *app);
void app_forget_places(struct app *app);
/* True when the action was to go back or forward. */
bool app_act_places(struct app *app, enum action action);
/* How many views there are: the last compares with another recording. */
int app_view_count(const struct app *app);
/* jump_app.c */
/* True when the action was to go to another place of the same thing, or to copy it. */
bool app_act_jump(struct app *app, enum action action);
/* Where a row's longest event was found to be. */
void app_arrive(struct app *app);
/* state.c */
/* Before anything is opened; when a table below another is opened, and before it is closed. */
void app_init_looks(struct app *app);
void app_take_look(struct app *app, struct view *view);
void app_keep_look(struct app *app, const struct view *view);
/* From the last time: theme, orders, columns, and of this recording the view and the filters. */
void app_remember(struct app *app);
void app_resume_scope(struct app *app);
void app_save_state(struct app *app);
/* timeline_app.c */
/* What is on the screen, or NULL where that is no timeline. */
struct timeline_view *app_timeline(struct app *app);
/* Whose keys come before all others: GROUP_TREE, GROUP_TIMELINE, or none of them. */
enum action_group app_place(struct app *app);
/* When it is first on the screen. */
void app_open_timeline(struct app *app);
/* Takes what was read in the background. */
void app_refresh_timeline(struct app *app);
/* For scripts: until all is there that the screen shows. */
void app_wait_timeline(struct app *app);
/* True when the action was one of the timeline's. */
bool app_act_timeline(struct app *app, enum action action);
/* findings_app.c */
/* The finding under the cursor in full, with its evidence to choose from. */
void app_show_finding(struct app *app);
/* Goes to what the row is about. */
void app_go(struct app *app, const struct view_place *place);
/* Goes to the timeline, to the evidence in this line of that window. */
void app_open_evidence(struct app *app, int line);
/* Chooses and opens findings and kernels of the overview; false: that was not meant. */
bool app_act_overview(struct app *app, enum action action);
bool app_click_overview(struct app *app, int y, bool is_double);
/* program_app.c */
/* Ends the viewer, or asks what is to become of the program that still runs. */
void app_leave(struct app *app);
void app_choose_leaving(struct app *app, int choice);
void app_show_log(struct app *app);
int64_t app_log_size(const struct app *app);
/* Takes what became of the program. */
void app_refresh_program(struct app *app);
/* windows.c */
void app_show_help(struct app *app);
void app_show_details(struct app *app);
void app_show_sort_menu(struct app *app);
/* The columns of the table to choose from, and what was chosen there. */
void app_show_columns(struct app *app, int selected);
void app_choose_column(struct app *app, int line);
/* Of terms: those to remove, or those to choose from for `action`. */
void app_scope_menu(struct app *app, const char *title, const struct scope *terms,
		    enum action action);

#endif
