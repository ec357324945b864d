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
static void make_keys(struct tree *tree)
{
	const struct callpath_tree *paths = tree->paths;

	tree->keys[0] = mix((uint64_t)tree->order + 1);
	for (uint32_t i = 1; i < paths->node_count; i++) {
		const struct callpath_node *node = &paths->nodes[i];
		const struct callpath_frame *frame = &paths->frames[node->frame];
		bool by_name = tree->order != CALLPATH_FLAT && is_first_of_name(paths, i);

		tree->keys[i] = mix(tree->keys[node->parent] * 3 ^
				    text_hash(by_name ? frame->function : frame->text));
		tree->keys[i] += !tree->keys[i];
	}
}

uint32_t tree_node_of(const struct tree *tree, uint64_t key)
{
	for (uint32_t i = 0; tree->paths && key && i < tree->paths->node_count; i++)
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

static uint64_t total_of(const struct tree *tree, uint32_t node)
{
	return callpath_metric(&tree->paths->nodes[node].total, tree->metric);
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
	bool ignore_folds;
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

static void walk_node(struct walk *walk, uint32_t node, size_t level, bool is_only);

static void walk_below(struct walk *walk, uint32_t parent, size_t level, bool has_rails)
{
	const struct callpath_node *nodes = walk->tree->paths->nodes;
	uint32_t c = next_kept(walk->tree, nodes[parent].first_child), next;
	bool is_only = c != CALLPATH_NONE &&
		       next_kept(walk->tree, nodes[c].next_sibling) == CALLPATH_NONE;

	for (; c != CALLPATH_NONE; c = next) {
		next = next_kept(walk->tree, nodes[c].next_sibling);
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
	line->has_below = next_kept(tree, tree->paths->nodes[node].first_child) != CALLPATH_NONE;
	line->is_folded = line->has_below && is_folded(tree, node, is_only) && !walk->ignore_folds;
	if (!line->has_below || line->is_folded)
		return;
	if (level)
		walk->rails[level - 1] = strchr("+|", walk->rails[level - 1]) ? '|' : ' ';
	walk_below(walk, node, level, true);
}

static void make_lines(struct tree *tree, bool ignore_folds)
{
	struct walk walk = { .tree = tree, .ignore_folds = ignore_folds };

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

void tree_arrange(struct tree *tree)
{
	make_lines(tree, false);
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

bool tree_set_paths(struct tree *tree, const struct callpath_tree *paths, enum callpath_order order,
		    enum callpath_metric metric)
{
	uint64_t *keys = calloc(paths->node_count + 1, sizeof(*keys));
	bool *kept = calloc(paths->node_count + 1, sizeof(*kept));

	free(tree->keys);
	free(tree->kept);
	drop_lines(tree);
	tree->keys = keys;
	tree->kept = kept;
	tree->paths = keys && kept && paths->node_count ? paths : NULL;
	tree->order = order;
	tree->metric = metric;
	tree->top = 0;
	if (!tree->paths)
		return false;
	make_keys(tree);
	while (tree->zoom_count) {
		uint32_t node = tree_node_of(tree, tree->zooms[tree->zoom_count - 1]);

		if (node != CALLPATH_NONE && total_of(tree, node))
			break;
		tree->zoom_count--;
	}
	return true;
}

void tree_filter(struct tree *tree, tree_matches *matches, void *arg)
{
	const struct callpath_node *nodes = tree->paths ? tree->paths->nodes : NULL;

	tree->is_filtered = matches != NULL;
	if (!nodes)
		return;
	memset(tree->kept, 0, tree->paths->node_count * sizeof(*tree->kept));
	/* Children have higher numbers than their parents. */
	for (uint32_t i = tree->paths->node_count - 1; i > 0; i--) {
		if (!tree->kept[i])
			tree->kept[i] = total_of(tree, i) && (!matches || matches(i, arg));
		if (tree->kept[i])
			tree->kept[nodes[i].parent] = true;
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

/* All lines as if nothing were folded are the order in which to search. */
uint32_t tree_search(struct tree *tree, uint32_t from, int direction, tree_matches *matches,
		     void *arg)
{
	uint32_t found = CALLPATH_NONE;
	size_t start = 0, count;

	make_lines(tree, true);
	count = tree->line_count;
	while (start < count && tree->lines[start].node != from)
		start++;
	if (start == count)
		start = direction > 0 ? count - 1 : 0;
	for (size_t i = 1; i <= count && found == CALLPATH_NONE; i++) {
		uint32_t node = tree->lines[(start + (direction > 0 ? i : count - i)) % count].node;

		if (matches(node, arg))
			found = node;
	}
	if (found != CALLPATH_NONE && found != tree->top)
		for (uint32_t n = tree->paths->nodes[found].parent; n && n != tree->top;
		     n = tree->paths->nodes[n].parent)
			tree_fold(tree, n, false);
	make_lines(tree, false);
	return found;
}
