/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of call paths from the calling function up, of which each node's callers are made when asked for. */
#ifndef GPUTRAIL_ANALYSIS_CALLERS_H
#define GPUTRAIL_ANALYSIS_CALLERS_H

#include "analysis/callpaths.h"

#define CALLPATH_DEPTH_MAX 1024u	/* frames of a path from the innermost; the rest is left out */

struct callpath {
	uint32_t parent;		/* index, 0 none; always below the path's own */
	uint32_t frame;			/* index of the tree, CALLPATH_NONE hidden or unknown */
	struct callpath_totals totals;
};

/* Makes the first level below the root, which is there. Takes `paths` over (malloc), even on
 * failure. Returns false when memory is short. */
bool callers_begin(struct callpath_tree *tree, struct callpath *paths, uint32_t path_count,
		   enum callpath_metric metric);
void callers_free(struct callpath_callers *callers);

void callpath_totals_add(struct callpath_totals *to, const struct callpath_totals *from);
bool callpath_is_used(const struct callpath *path);
/* Makes room for array[index], zeroed; `array` points to the pointer. */
bool callpath_room(void *array, uint32_t *capacity, uint32_t index, size_t bytes);
/* Makes these nodes the children of `parent`, largest first. */
void callpath_link_children(struct callpath_tree *tree, uint32_t parent, uint32_t *children,
			    uint32_t count, enum callpath_metric metric);

#endif
