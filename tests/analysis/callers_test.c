/* SPDX-License-Identifier: Apache-2.0 */
/* Call paths from the calling function up: all nodes against all paths, and none before it is asked for. */
#include "analysis/callers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FRAMES	5u	/* few, so that paths meet; every sixth path hides its frame */

/* As they would be taken over by a tree. */
static struct callpath *random_paths(uint32_t count, bool is_chain)
{
	struct callpath *paths = calloc(count, sizeof(*paths));

	assert_non_null(paths);
	srand(1);
	for (uint32_t i = 1; i < count; i++) {
		uint64_t used = rand() % 3 != 0;

		paths[i] = (struct callpath){ .parent = is_chain ? i - 1 : (uint32_t)rand() % i,
			.frame = rand() % 6 ? (uint32_t)rand() % FRAMES : CALLPATH_NONE,
			.totals = { .gpu_ns = used * ((uint64_t)rand() % 100), .calls = used } };
	}
	return paths;
}

struct fixture {
	struct callpath *paths;
	uint32_t path_count;
	struct callpath_tree tree;
};

static void begin(struct fixture *f, uint32_t count, bool is_chain)
{
	*f = (struct fixture){ .paths = random_paths(count, is_chain), .path_count = count };
	f->tree.nodes = calloc(1, sizeof(*f->tree.nodes));
	assert_non_null(f->tree.nodes);
	f->tree.nodes[0] = (struct callpath_node){ .parent = CALLPATH_NONE,
		.frame = CALLPATH_NONE, .first_child = CALLPATH_NONE,
		.next_sibling = CALLPATH_NONE };
	f->tree.node_count = 1;
	assert_true(callers_begin(&f->tree, f->paths, count, METRIC_GPU));
}

static void end(struct fixture *f)
{
	callpath_tree_free(&f->tree);
}

/* What the paths have whose innermost frames are these; `ended` of it has no others. */
static void sums_of(const struct fixture *f, const uint32_t *frames, uint32_t depth,
		    struct callpath_totals *all, struct callpath_totals *ended)
{
	memset(all, 0, sizeof(*all));
	memset(ended, 0, sizeof(*ended));
	for (uint32_t i = 1; i < f->path_count; i++) {
		uint32_t at = 0, p;

		for (p = i; p; p = f->paths[p].parent) {
			if (f->paths[p].frame == CALLPATH_NONE)
				continue;
			if (at == depth || f->paths[p].frame != frames[at])
				break;
			at++;
		}
		if (at != depth || !callpath_is_used(&f->paths[i]))
			continue;
		callpath_totals_add(all, &f->paths[i].totals);
		if (!p)
			callpath_totals_add(ended, &f->paths[i].totals);
	}
}

static uint32_t check_below(struct fixture *f, uint32_t node, uint32_t *frames, uint32_t depth)
{
	struct callpath_totals all, ended;
	uint64_t before = UINT64_MAX;
	uint32_t seen = 1, child = callpath_children(&f->tree, node);

	sums_of(f, frames, depth, &all, &ended);
	assert_memory_equal(&f->tree.nodes[node].total, &all, sizeof(all));
	for (uint32_t c = child; c != CALLPATH_NONE; c = f->tree.nodes[c].next_sibling) {
		assert_true(c > node);
		assert_int_equal(f->tree.nodes[c].parent, node);
		assert_true(f->tree.nodes[c].total.gpu_ns <= before);
		before = f->tree.nodes[c].total.gpu_ns;
		frames[depth] = f->tree.nodes[c].frame;
		callpath_totals_add(&ended, &f->tree.nodes[c].total);
		seen += check_below(f, c, frames, depth + 1);
	}
	/* Nothing is missing, and asking again makes nothing. */
	assert_memory_equal(&ended, &all, sizeof(all));
	assert_int_equal(callpath_children(&f->tree, node), child);
	return seen;
}

static void all_nodes_have_what_their_paths_have(void **state)
{
	uint32_t frames[CALLPATH_DEPTH_MAX + 1];
	struct fixture f;
	uint32_t seen;

	(void)state;
	begin(&f, 400, false);
	seen = check_below(&f, 0, frames, 0);
	assert_int_equal(seen, f.tree.node_count);
	assert_true(f.tree.node_count > 400);
	end(&f);
}

static void self_is_of_those_who_called_the_driver(void **state)
{
	struct callpath_totals self = { 0 };
	struct fixture f;

	(void)state;
	begin(&f, 400, false);
	callpath_totals_add(&self, &f.tree.nodes[0].self);
	assert_true(self.calls > 0);		/* of paths that show nothing */
	for (uint32_t i = 0; i < 20; i++)
		callpath_children(&f.tree, i);
	for (uint32_t i = 1; i < f.tree.node_count; i++) {
		if (f.tree.nodes[i].parent == 0)
			assert_memory_equal(&f.tree.nodes[i].self, &f.tree.nodes[i].total,
					    sizeof(self));
		else
			assert_int_equal(f.tree.nodes[i].self.calls, 0);
		callpath_totals_add(&self, &f.tree.nodes[i].self);
	}
	assert_memory_equal(&self, &f.tree.nodes[0].total, sizeof(self));
	end(&f);
}

static void callers_are_made_when_asked_for(void **state)
{
	struct fixture f;
	uint32_t first, count;

	(void)state;
	begin(&f, 400, false);
	assert_int_equal(f.tree.node_count, 1 + FRAMES);
	first = f.tree.nodes[0].first_child;
	assert_int_equal(f.tree.nodes[first].first_child, CALLPATH_NONE);
	assert_int_not_equal(callpath_children(&f.tree, first), CALLPATH_NONE);
	assert_in_range(f.tree.node_count, 1 + FRAMES + 1, 1 + FRAMES + FRAMES);
	/* What was looked at can be forgotten, and the rest is as it was. */
	callpath_drop(&f.tree, 1 + FRAMES);
	first = f.tree.nodes[first].next_sibling;
	count = 0;
	for (uint32_t c = callpath_children(&f.tree, first); c != CALLPATH_NONE;
	     c = f.tree.nodes[c].next_sibling, count++)
		assert_int_equal(f.tree.nodes[c].parent, first);
	assert_int_equal(f.tree.node_count, 1 + FRAMES + count);
	end(&f);
}

static void paths_end_at_the_deepest_level(void **state)
{
	struct fixture f;
	uint32_t depth = 0;

	(void)state;
	begin(&f, 3 * CALLPATH_DEPTH_MAX, true);
	for (uint32_t i = 1; i < f.path_count; i++)
		f.paths[i].frame = 0;	/* what callers there are is not decided yet */
	for (uint32_t n = f.tree.nodes[0].first_child; n != CALLPATH_NONE;
	     n = callpath_children(&f.tree, n))
		depth++;
	assert_int_equal(depth, CALLPATH_DEPTH_MAX);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_nodes_have_what_their_paths_have),
		cmocka_unit_test(self_is_of_those_who_called_the_driver),
		cmocka_unit_test(callers_are_made_when_asked_for),
		cmocka_unit_test(paths_end_at_the_deepest_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
