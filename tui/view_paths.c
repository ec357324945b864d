/* SPDX-License-Identifier: Apache-2.0 */
/* Call paths as a tree: which code caused the GPU's work, and which the calls of the driver. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct path_row {
	uint64_t key;
	double share;
	uint64_t total, self;
	char *name, *prefix, *source;	/* the row's own */
	int64_t depth;
	uint64_t gpu, gpu_self, host, host_self, launches, launches_self, calls, calls_self;
	uint64_t copied, copied_self, allocated, allocated_self, replayed, replayed_self;
	const char *kind, *module, *function;
	size_t line;
};

#define COLUMN(...) GRID_COLUMN(path_row, __VA_ARGS__)
#define BOTH(field, title, kind) \
	COLUMN(field, title, kind, -1, 0, ""), COLUMN(field##_self, title ", self", kind, -1, 0, "")

/* One table for each unit that the metric can have. */
#define COLUMNS(unit) {										\
	COLUMN(share, "Share", SHARE, 0, 1,							\
	       "part of all, or of the row that was zoomed into"),				\
	COLUMN(total, "Total", unit, 0, 0, "of this function and all that it called on this path"), \
	COLUMN(self, "Self", unit, 0, 2, "of driver calls that this function made itself"),	\
	COLUMN(name, "Function", TEXT, 22, 0, "function (file:line); i shows all of it"),	\
	COLUMN(depth, "Depth", NUMBER, -1, 0, ""),						\
	BOTH(gpu, "GPU time", TIME), BOTH(replayed, "Replayed", TIME),			\
	BOTH(host, "Host time", TIME),								\
	BOTH(launches, "Launches", COUNT), BOTH(calls, "Calls", COUNT),				\
	BOTH(copied, "Copied", SIZE), BOTH(allocated, "Allocated", SIZE),			\
	COLUMN(kind, "Kind", TEXT, -1, 0, ""),							\
	COLUMN(module, "Module", TEXT, -1, 0, ""),						\
	COLUMN(source, "Source", TEXT, -1, 0, ""),						\
	COLUMN(function, "Name", TEXT, -1, 0, ""),						\
}

static const struct column time_columns[] = COLUMNS(TIME);
static const struct column count_columns[] = COLUMNS(COUNT);
static const struct column size_columns[] = COLUMNS(SIZE);

static const struct {
	const char *name;
	const struct column *columns;
	const char *empty;
} metrics[METRIC_COUNT] = {
	[METRIC_GPU] = { "GPU time", time_columns, "no call path has GPU time; m: other metrics" },
	[METRIC_HOST] = { "host time", time_columns, "no call path has host time; m: other metrics" },
	[METRIC_LAUNCHES] = { "launches", count_columns,
			      "no kernel was launched from a known path; m: other metrics" },
	[METRIC_CALLS] = { "driver calls", count_columns, "no call has a path; m: other metrics" },
	[METRIC_COPY] = { "copied bytes", size_columns,
			  "nothing was copied from a known path; m: other metrics" },
	[METRIC_ALLOC] = { "allocated bytes", size_columns,
			   "nothing was allocated from a known path; m: other metrics" },
	[METRIC_REPLAY] = { "GPU time of replayed graphs", time_columns,
			    "no graph was launched from a known path; m: other metrics" },
};

const char *view_paths_metric(enum callpath_metric metric)
{
	return metrics[metric].name;
}

const char *view_paths_order(enum callpath_order order)
{
	static const char *const orders[] = { "top-down", "bottom-up", "flat" };

	return orders[order];
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

char *view_paths_title(const struct callpath_frame *frame)
{
	const char *file = base_name(or_empty(frame->file)), *function = or_empty(frame->function);
	char *title = NULL;
	int made;

	if (!*function || !*file)
		return strdup(or_empty(frame->text));
	made = frame->line > 0 ? asprintf(&title, "%s (%s:%d)", function, file, frame->line) :
				 asprintf(&title, "%s (%s)", function, file);
	return made < 0 ? NULL : title;
}

static char *source_of(const struct callpath_frame *frame)
{
	char *text = NULL;

	if (!*or_empty(frame->file))
		return strdup("");
	if (frame->line <= 0)
		return strdup(frame->file);
	return asprintf(&text, "%s:%d", frame->file, frame->line) < 0 ? NULL : text;
}

static void fill_row(struct path_row *row, const struct tree *tree, uint32_t index)
{
	const struct callpath_node *node = &tree->paths->nodes[index];
	const struct callpath_frame *frame = &tree->paths->frames[node->frame];
	uint64_t whole = tree_whole(tree);

	row->key = tree->keys[index];
	row->total = callpath_metric(&node->total, tree->metric);
	row->self = callpath_metric(&node->self, tree->metric);
	row->share = whole ? (double)row->total / (double)whole : -1;
	row->name = view_paths_title(frame);
	row->source = source_of(frame);
	row->module = frame->module;
	row->function = *or_empty(frame->function) ? frame->function : frame->text;
	row->kind = frame->is_python ? "Python" : frame->is_interpreter ? "interpreter" :
		    frame->is_truncated ? "outer frames were cut off" : "native";
	row->gpu = node->total.gpu_ns, row->gpu_self = node->self.gpu_ns;
	row->host = node->total.host_ns, row->host_self = node->self.host_ns;
	row->launches = node->total.launches, row->launches_self = node->self.launches;
	row->calls = node->total.calls, row->calls_self = node->self.calls;
	row->copied = node->total.copy_bytes, row->copied_self = node->self.copy_bytes;
	row->replayed = node->total.replay_ns, row->replayed_self = node->self.replay_ns;
	row->allocated = node->total.alloc_bytes, row->allocated_self = node->self.alloc_bytes;
	for (uint32_t n = node->parent; n != CALLPATH_NONE && n; n = tree->paths->nodes[n].parent)
		row->depth++;
}

static void release(void *rows, size_t count)
{
	for (struct path_row *row = rows; count--; row++) {
		free(row->name);
		free(row->prefix);
		free(row->source);
	}
}

/* The rails in front of a name, and whether something is folded below it. */
static char *prefix_of(const struct tree_line *line, bool is_flat)
{
	static const char *const art[2][7] = {
		{ "\u2502 ", "\u251c\u2500", "\u2514\u2500", "\u25b8 ", "\u25be ", "\u2500 ", "  " },
		{ "| ", "|-", "`-", "> ", "v ", "- ", "  " },
	};
	const char *const *glyphs = art[draw_is_ascii()];
	size_t levels = strlen(line->rails);
	char *out = malloc(levels * 7 + 8), *at = out;

	if (!out || is_flat) {
		if (out)
			*out = '\0';
		return out;
	}
	for (size_t i = 0; i < levels; i++) {
		char rail = line->rails[i];

		at = stpcpy(at, rail == '|' ? glyphs[0] : rail == '+' ? glyphs[1] :
			    rail == '\\' ? glyphs[2] : "  ");
	}
	if (line->has_below)
		at = stpcpy(at, glyphs[line->is_folded ? 3 : 4]);
	else
		at = stpcpy(at, glyphs[levels && strchr("+\\", line->rails[levels - 1]) ? 5 : 6]);
	return out;
}

struct looking {
	const struct view *view;
	const char *word;	/* NULL: by the filter */
	uint8_t *frames;	/* what was found of each: 1 no, 2 yes; NULL: nodes differ, too */
};

/* Texts are those of a frame; only comparisons are about a node. */
static void looking_begin(struct looking *looking, const struct callpath_tree *paths)
{
	const char *text = looking->word ? "" : looking->view->grid.filter;

	if (paths && !strpbrk(text, "<>="))
		looking->frames = calloc(paths->frame_count + 1, 1);
}

static bool node_matches(uint32_t node, void *arg)
{
	const struct looking *looking = arg;
	const struct grid *grid = &looking->view->grid;
	struct path_row row = { 0 };
	uint32_t frame = looking->view->tree.paths->nodes[node].frame;
	bool matches;

	if (looking->frames && looking->frames[frame])
		return looking->frames[frame] > 1;
	fill_row(&row, &looking->view->tree, node);
	matches = looking->word ? search_matches(grid, &row, looking->word) :
		  filter_matches(grid, &row, grid->filter);
	release(&row, 1);
	if (looking->frames)
		looking->frames[frame] = matches ? 2 : 1;
	return matches;
}

static void show_lines(struct view *view)
{
	struct tree *tree = &view->tree;
	struct path_row *rows;
	uint64_t key;

	tree_arrange(tree);
	rows = calloc(tree->line_count + 1, sizeof(*rows));
	for (size_t i = 0; rows && i < tree->line_count; i++) {
		fill_row(&rows[i], tree, tree->lines[i].node);
		rows[i].prefix = prefix_of(&tree->lines[i], tree->order == CALLPATH_FLAT);
		rows[i].line = i;
	}
	/* What was selected may be folded away now. */
	key = tree_nearest_line(tree, view->grid.selected_key);
	if (key)
		view->grid.selected_key = key;
	view_set_rows(view, rows, rows ? tree->line_count : 0);
}

static void paths_update(struct view *view, const struct snapshot *snapshot)
{
	const struct paths_how *how = &snapshot->paths_how;
	struct grid *grid = &view->grid;
	struct tree *tree = &view->tree;
	struct looking looking = { view, NULL, NULL };
	bool was_filtered = tree->is_filtered, other_metric = tree->metric != how->metric;
	bool is_other_list = tree->order != how->order ||
			     (other_metric && how->order == CALLPATH_FLAT);

	if (is_other_list) {
		grid->has_selected = false;
		grid->selected = grid->top = 0;
	}
	grid->arranged = grid->blank_zeros = true;
	grid->prefix_offset = offsetof(struct path_row, prefix);
	grid->columns = metrics[how->metric].columns;
	grid->empty = grid->filter[0] ? "nothing matches the filter; F shows all rows" :
		      !snapshot->paths->frame_count ?
		      "no call paths were recorded: --callpath=off, or GPUTRAIL_CALLPATH=off" :
		      metrics[how->metric].empty;
	tree_set_paths(tree, snapshot->paths, how->order, how->metric);
	looking_begin(&looking, tree->paths);
	if (!grid->filter[0])
		grid->selected_key = tree_unfiltered_key(tree, grid->selected_key);
	tree_filter(tree, grid->filter[0] ? node_matches : NULL, &looking);
	free(looking.frames);
	if (was_filtered && !tree->is_filtered)
		tree_filter_changed(tree);
	show_lines(view);
	if (other_metric)	/* the largest come first, and into sight */
		grid->top = 0;
	/* The filter may have been typed while this list was still being read. */
	if (is_other_list && grid->filter[0])
		view_paths_select_match(view);
}

void view_paths_select_match(struct view *view)
{
	struct looking looking = { view, NULL, NULL };
	const struct path_row *row = grid_selected(&view->grid);

	if (!row || node_matches(view->tree.lines[row->line].node, &looking))
		return;
	for (size_t i = 0; i < view->tree.line_count; i++) {
		if (node_matches(view->tree.lines[i].node, &looking)) {
			grid_select(&view->grid, i);
			return;
		}
	}
}

bool view_paths_search(struct view *view, const char *word, int direction)
{
	struct looking looking = { view, word, NULL };
	struct tree *tree = &view->tree;
	const struct path_row *row = grid_selected(&view->grid);
	uint32_t from = row ? tree->lines[row->line].node : CALLPATH_NONE, found;

	looking_begin(&looking, tree->paths);
	found = *word && tree->paths ? tree_search(tree, from, direction, node_matches, &looking) :
		CALLPATH_NONE;
	free(looking.frames);
	if (found != CALLPATH_NONE)
		view->grid.selected_key = tree->keys[found];
	show_lines(view);
	return found != CALLPATH_NONE;
}

struct chain { const struct tree *tree; char frames[16][160]; int count; };

/* Frames between those named are allowed: they are not the program's own. */
static bool chain_matches(uint32_t node, void *arg)
{
	const struct chain *chain = arg;
	const struct callpath_tree *paths = chain->tree->paths;
	int at = 0;

	for (; node && node != CALLPATH_NONE && at < chain->count; node = paths->nodes[node].parent) {
		char *title = view_paths_title(&paths->frames[paths->nodes[node].frame]);
		bool same = title && strncmp(title, chain->frames[at], sizeof(chain->frames[at]) - 1) == 0;

		free(title);
		if (!same && at == 0)
			return false;
		at += same;
	}
	return at == chain->count;
}

bool view_paths_find(struct view *view, const char *path)
{
	struct chain chain = { .tree = &view->tree };
	uint32_t found;

	while (*path && chain.count < COUNT_OF(chain.frames)) {
		const char *end = strstr(path, " < ");
		int length = end ? (int)(end - path) : (int)strlen(path);

		snprintf(chain.frames[chain.count++], sizeof(chain.frames[0]), "%.*s", length, path);
		path += length + (end ? 3 : 0);
	}
	found = chain.count && view->tree.paths ?
		tree_search(&view->tree, CALLPATH_NONE, 1, chain_matches, &chain) : CALLPATH_NONE;
	if (found == CALLPATH_NONE)
		return false;
	view->grid.selected_key = view->tree.keys[found];
	show_lines(view);
	return true;
}

unsigned int view_paths_honours(enum callpath_metric metric)
{
	bool of_calls = metric == METRIC_HOST || metric == METRIC_CALLS || metric == METRIC_ALLOC;

	return of_calls ? SCOPE_OF_CALLS : SCOPE_OF_KERNELS;
}

static void terms(const struct view *view, const void *row, const struct snapshot *snapshot,
		  struct scope *terms)
{
	const struct path_row *path = row;

	(void)view, (void)snapshot;
	view_term(terms, SCOPE_PATH, path->function);
}

const struct view_class view_paths = {
	.title = "Call paths",
	.short_title = "Paths",
	.is_tree = true,
	.noun = "callpaths",
	.one = "callpath",
	.help = "Which code caused the work: from the outermost caller down, from the calling "
		"function up, or as a list of functions. Rows without branches stay on one level. "
		"A filter keeps the callers of what matches.",
	.columns = time_columns,
	.column_count = COUNT_OF(time_columns),
	.row_size = sizeof(struct path_row),
	.sort = 1,
	.update = paths_update,
	.release = release,
	.terms = terms,
};
