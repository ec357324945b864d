/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree of call paths as the lines that are shown of it: what is folded, zoomed into and filtered
 * out. Nodes are remembered by keys made of the names on their path, which survive a new reading.
 */
#ifndef GPUTRAIL_TUI_TREE_H
#define GPUTRAIL_TUI_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analysis/callpaths.h"

#define TREE_ZOOMS_MAX 32

/* What is unfolded where nothing was said. Only children always are: nothing parts there. */
enum tree_mode {
	TREE_LARGE,		/* nodes with a good part of what the tree shows */
	TREE_FOLDED,
	TREE_UNFOLDED,
};

struct tree_fold;

struct tree_line {
	uint32_t node;
	bool has_below, is_folded;
	/*
	 * One character for each level above: '+' and '\' branch off to this line ('\' for the last
	 * time), '|' passes by, ' ' is blank. Only children stay on the level of their parent.
	 */
	char *rails;
};

struct tree {
	struct callpath_tree *paths;		/* borrowed; what lies folded may not be made yet */
	enum callpath_order order;
	enum callpath_metric metric;
	uint64_t *keys;				/* by node */
	bool *kept;				/* by node: it or something below matches */
	uint32_t *previous;			/* by node: sibling, or CALLPATH_NONE */
	uint8_t *naming;			/* by node: see tree_keys.c */
	uint32_t node_count, node_room;		/* of all four */
	uint32_t unfiltered_count;		/* nodes that were there before the filter */
	struct {
		enum tree_mode mode;
		struct tree_fold *said;
	} folds[2];				/* [1] while a filter is set */
	bool is_filtered, is_filter_cut;
	uint64_t zooms[TREE_ZOOMS_MAX];
	int zoom_count;
	uint32_t top;				/* node that the lines begin with or below */
	struct tree_line *lines;
	size_t line_count, line_room;
	bool is_cut;			/* there would be more lines than are unfolded at once */
};

/* Unfolding all stops at as many; what stays folded can be unfolded one by one. */
#define TREE_LINES_MOST	50000
/* So does a filter at as many nodes that it made. */
#define TREE_NODES_MOST	150000

/* tree_keys.c: what the lines need to know of nodes that were made since. False without memory. */
bool tree_add_nodes(struct tree *tree);
/* Nodes from this one on are no more. */
void tree_forget_nodes(struct tree *tree, uint32_t node_count);

void tree_init(struct tree *tree);
void tree_free(struct tree *tree);
/* Other paths, order or metric; the earlier paths must still be there. Zooms that are not in them
 * end. No lines until tree_arrange(). */
bool tree_set_paths(struct tree *tree, struct callpath_tree *paths, enum callpath_order order,
		    enum callpath_metric metric);
/* A node, as a filter or a search sees it. */
typedef bool tree_matches(uint32_t node, void *arg);
/* matches is NULL where there is no filter; with one, what was folded by hand counts apart. */
void tree_filter(struct tree *tree, tree_matches *matches, void *arg);
/* The key of the nearest node at or above this one that stays when the filter goes. */
uint64_t tree_unfiltered_key(const struct tree *tree, uint64_t key);
void tree_filter_changed(struct tree *tree);
/* Makes the lines. */
void tree_arrange(struct tree *tree);

void tree_fold(struct tree *tree, uint32_t node, bool folded);
void tree_fold_all(struct tree *tree, bool folded);
bool tree_zoom(struct tree *tree, uint32_t node);
/* Returns the key of what was zoomed into, or 0 where nothing was. */
uint64_t tree_zoom_out(struct tree *tree);

/* The node with this key, if it was made, or CALLPATH_NONE. */
uint32_t tree_node_of(const struct tree *tree, uint64_t key);
/* The key of the nearest node at or above this one that has a line; 0: none. */
uint64_t tree_nearest_line(const struct tree *tree, uint64_t key);
/* The next kept node after (or before) `from` in the order of lines, folded or not; unfolds what
 * hides it. CALLPATH_NONE: none matches. */
uint32_t tree_search(struct tree *tree, uint32_t from, int direction, tree_matches *matches,
		     void *arg);
/* What the shares are parts of. */
uint64_t tree_whole(const struct tree *tree);

#endif
