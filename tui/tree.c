/* SPDX-License-Identifier: Apache-2.0 */
/* A tree of call paths as the lines that are shown of it: see tree.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/tree.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define LARGE_SHARE	0.05	/* of the whole: unfolded at first */
#define LEVELS_MAX	1040	/* deeper than any recorded stack */

struct tree_fold {
	UT_hash_handle hh;
	uint64_t key;
	bool folded;
};

static uint64_t total_of(const struct tree *tree, uint32_t node)
{
	return callpath_metric(&tree->paths->nodes[node].total, tree->metric);
}

/* The first child, made if it was not yet. */
static uint32_t child_of(struct tree *tree, uint32_t node)
{
	uint32_t child = callpath_children(tree->paths, node);

	return tree_add_nodes(tree) ? child : CALLPATH_NONE;
}

uint32_t tree_node_of(const struct tree *tree, uint64_t key)
{
	for (uint32_t i = 0; tree->paths && key && i < tree->node_count; i++)
		if (tree->keys[i] == key)
			return i;
	return CALLPATH_NONE;
}

/* --- folds --------------------------------------------------------------------------------- */

static void forget_folds(struct tree *tree, bool filtered, enum tree_mode mode)
{
	struct tree_fold *fold, *next;

	HASH_ITER(hh, tree->folds[filtered].said, fold, next) {
		HASH_DEL(tree->folds[filtered].said, fold);
		free(fold);
	}
	tree->folds[filtered].mode = mode;
}

void tree_fold(struct tree *tree, uint32_t node, bool folded)
{
	struct tree_fold *fold;
	uint64_t key = tree->keys[node];

	HASH_FIND(hh, tree->folds[tree->is_filtered].said, &key, sizeof(key), fold);
	if (!fold) {
		fold = calloc(1, sizeof(*fold));
		if (!fold)
			return;
		fold->key = key;
		HASH_ADD(hh, tree->folds[tree->is_filtered].said, key, sizeof(key), fold);
	}
	fold->folded = folded;
}

void tree_fold_all(struct tree *tree, bool folded)
{
	forget_folds(tree, tree->is_filtered, folded ? TREE_FOLDED : TREE_UNFOLDED);
}

void tree_filter_changed(struct tree *tree)
{
	forget_folds(tree, true, TREE_UNFOLDED);
}

uint64_t tree_whole(const struct tree *tree)
{
	return tree->paths ? total_of(tree, tree->top) : 0;
}

static bool is_folded(const struct tree *tree, uint32_t node, bool is_only)
{
	enum tree_mode mode = tree->folds[tree->is_filtered].mode;
	struct tree_fold *fold;

	HASH_FIND(hh, tree->folds[tree->is_filtered].said, &tree->keys[node], sizeof(uint64_t), fold);
	if (fold)
		return fold->folded;
	if (node == tree->top || is_only)
		return false;
	if (mode != TREE_LARGE)
		return mode == TREE_FOLDED;
	/* From the launching frame up, the first question is which of them; then who calls it. */
	if (tree->order == CALLPATH_BOTTOM_UP)
		return true;
	return (double)total_of(tree, node) < LARGE_SHARE * (double)tree_whole(tree);
}

/* --- lines --------------------------------------------------------------------------------- */

struct walk {
	struct tree *tree;
	char rails[LEVELS_MAX];
};

static void drop_lines(struct tree *tree)
{
	for (size_t i = 0; i < tree->line_count; i++)
		free(tree->lines[i].rails);
	tree->line_count = 0;
}

static struct tree_line *add_line(struct walk *walk, uint32_t node, size_t level)
{
	struct tree *tree = walk->tree;
	struct tree_line *line;

	if (tree->line_count == tree->line_room) {
		size_t room = tree->line_room ? tree->line_room * 2 : 256;
		struct tree_line *lines = realloc(tree->lines, room * sizeof(*lines));

		if (!lines)
			return NULL;
		tree->lines = lines;
		tree->line_room = room;
	}
	line = &tree->lines[tree->line_count];
	*line = (struct tree_line){ .node = node, .rails = strndup(walk->rails, level) };
	if (!line->rails)
		return NULL;
	tree->line_count++;
	return line;
}

static uint32_t next_kept(const struct tree *tree, uint32_t node)
{
	while (node != CALLPATH_NONE && !tree->kept[node])
		node = tree->paths->nodes[node].next_sibling;
	return node;
}

static uint32_t kept_sibling(const struct tree *tree, uint32_t node)
{
	return next_kept(tree, tree->paths->nodes[node].next_sibling);
}

/* What a filter kept was made by it. */
static uint32_t kept_child(struct tree *tree, uint32_t node)
{
	return next_kept(tree, tree->is_filtered ? tree->paths->nodes[node].first_child :
			 child_of(tree, node));
}

/* Unfolded with all others, and there are too many of them; what was said of one by hand holds. */
static bool is_cut(struct tree *tree, uint32_t node)
{
	struct tree_fold *fold;

	if (tree->line_count < TREE_LINES_MOST)
		return false;
	HASH_FIND(hh, tree->folds[tree->is_filtered].said, &tree->keys[node], sizeof(uint64_t), fold);
	tree->is_cut |= !fold;
	return !fold;
}

static void walk_node(struct walk *walk, uint32_t node, size_t level, bool is_only);

static void walk_below(struct walk *walk, uint32_t parent, size_t level, bool has_rails)
{
	uint32_t c = kept_child(walk->tree, parent), next;
	bool is_only = c != CALLPATH_NONE && kept_sibling(walk->tree, c) == CALLPATH_NONE;

	for (; c != CALLPATH_NONE; c = next) {
		next = kept_sibling(walk->tree, c);
		/* A chain of only children is one level: what matters is where paths part. */
		if (is_only || !has_rails || level == LEVELS_MAX) {
			walk_node(walk, c, level, is_only && parent != 0);
			continue;
		}
		walk->rails[level] = next == CALLPATH_NONE ? '\\' : '+';
		walk_node(walk, c, level + 1, false);
	}
}

static void walk_node(struct walk *walk, uint32_t node, size_t level, bool is_only)
{
	struct tree *tree = walk->tree;
	struct tree_line *line = add_line(walk, node, level);

	if (!line)
		return;
	line->has_below = kept_child(tree, node) != CALLPATH_NONE;
	line->is_folded = line->has_below && (is_folded(tree, node, is_only) || is_cut(tree, node));
	if (!line->has_below || line->is_folded)
		return;
	if (level)
		walk->rails[level - 1] = strchr("+|", walk->rails[level - 1]) ? '|' : ' ';
	walk_below(walk, node, level, true);
}

void tree_arrange(struct tree *tree)
{
	struct walk walk = { .tree = tree };

	drop_lines(tree);
	tree->is_cut = tree->is_filtered && tree->is_filter_cut;
	if (!tree->paths)
		return;
	tree->top = tree->zoom_count ?
		    tree_node_of(tree, tree->zooms[tree->zoom_count - 1]) : 0;
	if (tree->top)
		walk_node(&walk, tree->top, 0, false);
	else
		walk_below(&walk, 0, 0, tree->order != CALLPATH_FLAT);
}

/* --- what is shown ------------------------------------------------------------------------- */

void tree_init(struct tree *tree)
{
	memset(tree, 0, sizeof(*tree));
	tree->folds[1].mode = TREE_UNFOLDED;
}

void tree_free(struct tree *tree)
{
	forget_folds(tree, false, TREE_LARGE);
	forget_folds(tree, true, TREE_UNFOLDED);
	drop_lines(tree);
	free(tree->lines);
	free(tree->keys);
	free(tree->kept);
	free(tree->previous);
	free(tree->naming);
	tree_init(tree);
}

static int compare_keys(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Keys of what lies above the lines, in order; it has to be made again before other keys are found. */
static uint64_t *open_keys(const struct tree *tree, size_t *count)
{
	uint64_t *keys = malloc((tree->line_count + LEVELS_MAX) * sizeof(*keys));
	uint32_t last = CALLPATH_NONE;

	*count = 0;
	if (!keys || !tree->paths)
		return keys;
	for (size_t i = 0; i < tree->line_count; i++) {
		uint32_t parent = tree->paths->nodes[tree->lines[i].node].parent;

		if (parent != last && parent != CALLPATH_NONE)
			keys[(*count)++] = tree->keys[parent];
		last = parent;
	}
	for (uint32_t n = tree->top; n && *count < tree->line_count + LEVELS_MAX;
	     n = tree->paths->nodes[n].parent)
		keys[(*count)++] = tree->keys[n];
	qsort(keys, *count, sizeof(*keys), compare_keys);
	return keys;
}

bool tree_set_paths(struct tree *tree, struct callpath_tree *paths, enum callpath_order order,
		    enum callpath_metric metric)
{
	size_t open_count = 0;
	uint64_t *open = paths == tree->paths ? NULL : open_keys(tree, &open_count);

	drop_lines(tree);
	if (paths != tree->paths)
		tree->unfiltered_count = UINT32_MAX;	/* a filter has made none of them */
	tree->paths = paths->node_count ? paths : NULL;
	tree->order = order;
	tree->metric = metric;
	tree->top = 0;
	tree_forget_nodes(tree, 0);
	if (!tree->paths || !tree_add_nodes(tree))
		tree->paths = NULL;
	for (uint32_t i = 0; tree->paths && open && i < tree->node_count; i++)
		if (bsearch(&tree->keys[i], open, open_count, sizeof(*open), compare_keys))
			child_of(tree, i);
	free(open);
	while (tree->paths && tree->zoom_count) {
		uint32_t node = tree_node_of(tree, tree->zooms[tree->zoom_count - 1]);

		if (node != CALLPATH_NONE && total_of(tree, node))
			break;
		tree->zoom_count--;
	}
	return tree->paths != NULL;
}

/* What is below a node was made and is not needed: whoever asks makes it again. */
static void unmake(struct tree *tree, uint32_t node, uint32_t node_count)
{
	callpath_unmake(tree->paths, node, node_count);
	tree_forget_nodes(tree, node_count);
}

struct keeping {
	struct tree *tree;
	tree_matches *matches;
	void *arg;
	uint32_t most;			/* nodes that may be there */
};

/* Keeps what matches, and what is above that; nodes made for nothing go again. */
static bool keep_below(struct keeping *k, uint32_t node)
{
	struct tree *tree = k->tree;
	bool any = false;

	for (uint32_t c = child_of(tree, node); c != CALLPATH_NONE; c = tree->paths->nodes[c].next_sibling) {
		uint32_t made = tree->node_count;
		bool below = false;

		tree->kept[c] = false;
		if (!total_of(tree, c))
			continue;
		if (made < k->most)
			below = keep_below(k, c);
		else
			tree->is_filter_cut = true;
		if (!below && tree->node_count > made)
			unmake(tree, c, made);
		tree->kept[c] = below || k->matches(c, k->arg);
		any |= tree->kept[c];
	}
	return any;
}

/* All nodes that were made since there were so many. */
static void forget_since(struct tree *tree, uint32_t count)
{
	if (!tree->paths->callers || tree->node_count <= count)
		return;
	for (uint32_t i = 0; i < count; i++)
		if (tree->paths->nodes[i].first_child != CALLPATH_NONE &&
		    tree->paths->nodes[i].first_child >= count)
			callpath_unmake(tree->paths, i, tree->paths->node_count);
	callpath_drop(tree->paths, count);
	tree_forget_nodes(tree, count);
}

uint64_t tree_unfiltered_key(const struct tree *tree, uint64_t key)
{
	uint32_t node = tree_node_of(tree, key);

	if (!tree->is_filtered || !tree->paths || !tree->paths->callers || node == CALLPATH_NONE)
		return key;
	while (node >= tree->unfiltered_count)
		node = tree->paths->nodes[node].parent;
	return node ? tree->keys[node] : key;
}

void tree_filter(struct tree *tree, tree_matches *matches, void *arg)
{
	struct keeping keeping = { tree, matches, arg, TREE_NODES_MOST };
	bool was_filtered = tree->is_filtered;

	tree->is_filtered = matches != NULL;
	tree->is_filter_cut = false;
	if (!tree->paths)
		return;
	/* The last filter made too many for the next one to begin with. */
	if (was_filtered)
		forget_since(tree, tree->unfiltered_count);
	tree->unfiltered_count = tree->node_count;
	keeping.most += tree->node_count;
	if (matches)
		tree->kept[0] = keep_below(&keeping, 0);
	else
		for (uint32_t i = 0; i < tree->node_count; i++)
			tree->kept[i] = total_of(tree, i);
}

bool tree_zoom(struct tree *tree, uint32_t node)
{
	if (node == tree->top || tree->zoom_count == TREE_ZOOMS_MAX)
		return false;
	tree->zooms[tree->zoom_count++] = tree->keys[node];
	return true;
}

uint64_t tree_zoom_out(struct tree *tree)
{
	return tree->zoom_count ? tree->zooms[--tree->zoom_count] : 0;
}

uint64_t tree_nearest_line(const struct tree *tree, uint64_t key)
{
	uint32_t node = tree_node_of(tree, key);

	for (; node != CALLPATH_NONE && node; node = tree->paths->nodes[node].parent)
		for (size_t i = 0; i < tree->line_count; i++)
			if (tree->lines[i].node == node)
				return tree->keys[node];
	return 0;
}

static uint32_t last_below(struct tree *tree, uint32_t node)
{
	for (uint32_t child = kept_child(tree, node); child != CALLPATH_NONE;) {
		uint32_t next = kept_sibling(tree, child);

		node = next == CALLPATH_NONE ? child : node;
		child = next == CALLPATH_NONE ? kept_child(tree, node) : next;
	}
	return node;
}

static uint32_t first_line(struct tree *tree)
{
	return tree->top ? tree->top : kept_child(tree, 0);
}

/* A search has seen all below a node, and made it: since then there are nodes from this number on. */
static void leave(struct tree *tree, uint32_t node, uint32_t since)
{
	uint32_t first = tree->paths->nodes[node].first_child;

	for (uint32_t c = first; c != CALLPATH_NONE; c = tree->paths->nodes[c].next_sibling)
		first = c < first ? c : first;
	if (first != CALLPATH_NONE && first >= since)
		unmake(tree, node, first);
}

/* The line after a node, if nothing were folded; after the last and CALLPATH_NONE comes the first. */
static uint32_t line_after(struct tree *tree, uint32_t node, uint32_t since)
{
	uint32_t next;

	if (node == CALLPATH_NONE)
		return first_line(tree);
	next = kept_child(tree, node);
	for (; next == CALLPATH_NONE && node && node != tree->top;
	     node = tree->paths->nodes[node].parent) {
		leave(tree, node, since);
		next = kept_sibling(tree, node);
	}
	return next == CALLPATH_NONE ? first_line(tree) : next;
}

static uint32_t line_before(struct tree *tree, uint32_t node, uint32_t since)
{
	uint32_t before;

	if (node != CALLPATH_NONE)
		leave(tree, node, since);
	if (node == CALLPATH_NONE || node == first_line(tree))
		return last_below(tree, tree->top);
	before = tree->previous[node];
	while (before != CALLPATH_NONE && !tree->kept[before])
		before = tree->previous[before];
	return before == CALLPATH_NONE ? tree->paths->nodes[node].parent : last_below(tree, before);
}

static uint32_t next_match(struct tree *tree, uint32_t from, int direction, tree_matches *matches,
			   void *arg)
{
	uint32_t (*step)(struct tree *, uint32_t, uint32_t) = direction > 0 ? line_after : line_before;
	uint32_t since = tree->node_count, first = step(tree, from, since), node = first;
	uint64_t first_key = first != CALLPATH_NONE ? tree->keys[first] : 0;

	while (node != CALLPATH_NONE && node && !matches(node, arg)) {
		node = step(tree, node, since);
		/* What was made again may have another number. */
		if (node != CALLPATH_NONE && tree->keys[node] == first_key) {
			forget_since(tree, since);
			return CALLPATH_NONE;
		}
	}
	return node ? node : CALLPATH_NONE;	/* the root, which is no line, has nothing below */
}

uint32_t tree_search(struct tree *tree, uint32_t from, int direction, tree_matches *matches,
		     void *arg)
{
	uint32_t found = next_match(tree, from, direction, matches, arg);

	if (found != CALLPATH_NONE && found != tree->top)
		for (uint32_t n = tree->paths->nodes[found].parent; n && n != tree->top;
		     n = tree->paths->nodes[n].parent)
			tree_fold(tree, n, false);
	tree_arrange(tree);
	return found;
}
