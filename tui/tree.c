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

/* --- keys ---------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t value)
{
	value ^= value >> 31;
	value *= 0x9E3779B97F4A7C15u;
	value ^= value >> 29;
	value *= 0xBF58476D1CE4E5B9u;
	return value ^ value >> 32;
}

static uint64_t text_hash(const char *text)
{
	uint64_t hash = 0xCBF29CE484222325u;

	for (; text && *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001B3u;
	return hash;
}

/* Lines of native functions are known only when the recording is complete: of the siblings with one
 * name the first line keeps the key that the name alone had before. */
static bool is_first_of_name(const struct callpath_tree *paths, uint32_t index)
{
	const struct callpath_node *node = &paths->nodes[index];
	const struct callpath_frame *frame = &paths->frames[node->frame];

	if (frame->is_python || !frame->function || !*frame->function)
		return false;
	for (uint32_t s = paths->nodes[node->parent].first_child; s != CALLPATH_NONE;
	     s = paths->nodes[s].next_sibling) {
		const struct callpath_frame *other = &paths->frames[paths->nodes[s].frame];

		if (s != index && !other->is_python && other->function &&
		    (other->line < frame->line || (other->line == frame->line && other < frame)) &&
		    strcmp(other->function, frame->function) == 0)
			return false;
	}
	return true;
}

/* Zero is no key: it says "none". */
static uint64_t make_key(const struct tree *tree, uint32_t index)
{
	const struct callpath_node *node = &tree->paths->nodes[index];
	const struct callpath_frame *frame;
	uint64_t key;

	if (index == 0)
		return mix((uint64_t)tree->order + 1);
	frame = &tree->paths->frames[node->frame];
	key = mix(tree->keys[node->parent] * 3 ^
		  text_hash(tree->order != CALLPATH_FLAT && is_first_of_name(tree->paths, index) ?
			    frame->function : frame->text));
	return key + !key;
}

static uint64_t total_of(const struct tree *tree, uint32_t node)
{
	return callpath_metric(&tree->paths->nodes[node].total, tree->metric);
}

/* What a node that was made since is to the lines. A filter has made all that it can keep. */
static bool add_nodes(struct tree *tree)
{
	uint32_t count = tree->paths->node_count;

	if (count > tree->node_room) {
		uint64_t *keys = realloc(tree->keys, 2 * (size_t)count * sizeof(*keys));
		bool *kept;

		tree->keys = keys ? keys : tree->keys;
		kept = keys ? realloc(tree->kept, 2 * (size_t)count * sizeof(*kept)) : NULL;
		if (!kept)
			return false;
		tree->kept = kept;
		tree->node_room = 2 * count;
	}
	for (; tree->node_count < count; tree->node_count++) {
		tree->keys[tree->node_count] = make_key(tree, tree->node_count);
		tree->kept[tree->node_count] = !tree->is_filtered && total_of(tree, tree->node_count);
	}
	return true;
}

/* The first child, made if it was not yet. */
static uint32_t child_of(struct tree *tree, uint32_t node)
{
	uint32_t child = callpath_children(tree->paths, node);

	return add_nodes(tree) ? child : CALLPATH_NONE;
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

static uint32_t kept_child(struct tree *tree, uint32_t node)
{
	return next_kept(tree, child_of(tree, node));
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
	line->is_folded = line->has_below && is_folded(tree, node, is_only);
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
	tree->paths = paths->node_count ? paths : NULL;
	tree->order = order;
	tree->metric = metric;
	tree->top = tree->node_count = 0;
	if (!tree->paths || !add_nodes(tree))
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

/* In the order of lines, in which all that follows goes through them. */
static void make_below(struct tree *tree, uint32_t node)
{
	for (uint32_t c = child_of(tree, node); c != CALLPATH_NONE;
	     c = tree->paths->nodes[c].next_sibling)
		if (total_of(tree, c))
			make_below(tree, c);
}

void tree_filter(struct tree *tree, tree_matches *matches, void *arg)
{
	tree->is_filtered = matches != NULL;
	if (!tree->paths)
		return;
	if (matches)
		make_below(tree, 0);
	memset(tree->kept, 0, tree->node_count * sizeof(*tree->kept));
	/* Children have higher numbers than their parents. */
	for (uint32_t i = tree->node_count - 1; i > 0; i--) {
		if (!tree->kept[i])
			tree->kept[i] = total_of(tree, i) && (!matches || matches(i, arg));
		if (tree->kept[i])
			tree->kept[tree->paths->nodes[i].parent] = true;
	}
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

/* The line after a node, if nothing were folded; after the last and CALLPATH_NONE comes the first. */
static uint32_t line_after(struct tree *tree, uint32_t node)
{
	uint32_t next;

	if (node == CALLPATH_NONE)
		return first_line(tree);
	next = kept_child(tree, node);
	for (; next == CALLPATH_NONE && node && node != tree->top;
	     node = tree->paths->nodes[node].parent)
		next = kept_sibling(tree, node);
	return next == CALLPATH_NONE ? first_line(tree) : next;
}

static uint32_t line_before(struct tree *tree, uint32_t node)
{
	uint32_t before = CALLPATH_NONE, parent;

	if (node == CALLPATH_NONE || node == first_line(tree))
		return last_below(tree, tree->top);
	parent = tree->paths->nodes[node].parent;
	for (uint32_t c = kept_child(tree, parent); c != node && c != CALLPATH_NONE;
	     c = kept_sibling(tree, c))
		before = c;
	return before == CALLPATH_NONE ? parent : last_below(tree, before);
}

static uint32_t next_match(struct tree *tree, uint32_t from, int direction, tree_matches *matches,
			   void *arg)
{
	uint32_t (*step)(struct tree *, uint32_t) = direction > 0 ? line_after : line_before;
	uint32_t first = step(tree, from), node = first;

	while (node != CALLPATH_NONE && node && !matches(node, arg)) {
		node = step(tree, node);
		if (node == first)
			return CALLPATH_NONE;
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
