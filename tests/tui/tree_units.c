/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a tree of call paths: levels, folds, zooms, filter, search, and new readings. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/callers.h"
#include "tui/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Parent and name of each node; the root is node 0, and children follow in the order given. */
struct given {
	uint32_t parent;
	const char *name;
	uint64_t gpu_ns, calls;
};

static struct callpath_tree build(const struct given *given, uint32_t count)
{
	struct callpath_tree tree = {
		.nodes = calloc(count + 1, sizeof(struct callpath_node)),
		.frames = calloc(count + 1, sizeof(struct callpath_frame)),
		.node_count = count + 1, .frame_count = count,
	};
	uint32_t *last = calloc(count + 1, sizeof(*last));	/* child of each so far */

	tree.nodes[0] = (struct callpath_node){ .parent = CALLPATH_NONE, .frame = CALLPATH_NONE,
		.first_child = CALLPATH_NONE, .next_sibling = CALLPATH_NONE };
	for (uint32_t i = 1; i <= count; i++) {
		const struct given *g = &given[i - 1];
		uint32_t *link = last[g->parent] ? &tree.nodes[last[g->parent]].next_sibling :
				 &tree.nodes[g->parent].first_child;

		*link = last[g->parent] = i;
		tree.nodes[i] = (struct callpath_node){ .parent = g->parent, .frame = i - 1,
			.first_child = CALLPATH_NONE, .next_sibling = CALLPATH_NONE,
			.total = { .gpu_ns = g->gpu_ns, .calls = g->calls } };
		tree.frames[i - 1].text = strdup(g->name);
		if (g->parent == 0) {
			tree.nodes[0].total.gpu_ns += g->gpu_ns;
			tree.nodes[0].total.calls += g->calls;
		}
	}
	free(last);
	return tree;
}

static const struct given plain[] = {
	{ 0, "start", 100, 9 }, { 1, "main", 100, 9 }, { 2, "step", 90, 4 }, { 3, "gemm", 90, 2 },
	{ 2, "load", 10, 3 }, { 5, "copy", 7, 2 }, { 5, "set", 3, 1 }, { 2, "idle", 0, 2 },
};
/* The same, read again: it grew, and everything has another number. */
static const struct given grown[] = {
	{ 0, "other", 300, 1 }, { 0, "start", 200, 9 }, { 2, "main", 200, 9 }, { 3, "load", 110, 3 },
	{ 4, "set", 60, 1 }, { 4, "copy", 50, 2 }, { 3, "step", 90, 4 }, { 7, "gemm", 90, 2 },
};

static const char *name_of(const struct tree *tree, uint32_t node)
{
	return tree->paths->frames[tree->paths->nodes[node].frame].text;
}

/* "rails" "marker" "name" of all lines, as one text. */
static void assert_lines(struct tree *tree, const char *expected)
{
	char text[4096] = "";
	size_t used = 0;

	tree_arrange(tree);
	for (size_t i = 0; i < tree->line_count; i++) {
		const struct tree_line *line = &tree->lines[i];

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s%s%s", i ? "," : "",
					 line->rails, line->is_folded ? ">" :
					 line->has_below ? "v" : "", name_of(tree, line->node));
	}
	assert_string_equal(text, expected);
}

static uint32_t node_named(const struct tree *tree, const char *name)
{
	for (uint32_t i = 1; i < tree->paths->node_count; i++)
		if (strcmp(name_of(tree, i), name) == 0)
			return i;
	return CALLPATH_NONE;
}

struct fixture {
	struct callpath_tree paths;
	struct tree tree;
};

static void begin(struct fixture *f, const struct given *given, uint32_t count,
		  enum callpath_order order, enum callpath_metric metric)
{
	f->paths = build(given, count);
	tree_init(&f->tree);
	assert_true(tree_set_paths(&f->tree, &f->paths, order, metric));
	tree_filter(&f->tree, NULL, NULL);
}

static void end(struct fixture *f)
{
	tree_free(&f->tree);
	callpath_tree_free(&f->paths);
}

#define PLAIN plain, sizeof(plain) / sizeof(plain[0])
#define GROWN grown, sizeof(grown) / sizeof(grown[0])

static void paths_part_where_there_is_a_choice(void **state)
{
	struct fixture f;

	(void)state;
	/* What has none of the metric is left out, and does not make a fork. */
	begin(&f, PLAIN, CALLPATH_TOP_DOWN, METRIC_GPU);
	assert_lines(&f.tree, "vstart,vmain,+vstep,|gemm,\\vload, +copy, \\set");
	assert_int_equal(tree_whole(&f.tree), 100);
	end(&f);
	begin(&f, PLAIN, CALLPATH_TOP_DOWN, METRIC_CALLS);
	assert_lines(&f.tree, "vstart,vmain,+vstep,|gemm,+vload,|+copy,|\\set,\\idle");
	end(&f);
	begin(&f, PLAIN, CALLPATH_TOP_DOWN, METRIC_COPY);
	assert_lines(&f.tree, "");
	end(&f);
	/* Several roots branch off as well, but functions of a flat list do not. */
	begin(&f, GROWN, CALLPATH_TOP_DOWN, METRIC_GPU);
	assert_lines(&f.tree, "+other,\\vstart, vmain, +vload, |+set, |\\copy, \\vstep,  gemm");
	end(&f);
	begin(&f, GROWN, CALLPATH_FLAT, METRIC_GPU);
	tree_arrange(&f.tree);
	assert_string_equal(f.tree.lines[0].rails, "");
	assert_string_equal(f.tree.lines[1].rails, "");
	end(&f);
}

static void long_chains_stay_on_one_level(void **state)
{
	static struct given chain[1000];
	static char names[1000][8];
	struct fixture f;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		snprintf(names[i], sizeof(names[i]), "f%u", i);
		chain[i] = (struct given){ i, names[i], 1000, 1 };
	}
	begin(&f, chain, 1000, CALLPATH_TOP_DOWN, METRIC_GPU);
	tree_arrange(&f.tree);
	assert_int_equal(f.tree.line_count, 1000);
	assert_string_equal(f.tree.lines[999].rails, "");
	end(&f);
	/* The deepest that can be recorded, parting everywhere. */
	for (uint32_t i = 0; i < 1000; i++)
		chain[i].parent = i % 2 ? i : i ? i - 1 : 0;
	begin(&f, chain, 1000, CALLPATH_TOP_DOWN, METRIC_GPU);
	tree_fold_all(&f.tree, false);
	tree_arrange(&f.tree);
	assert_int_equal(f.tree.line_count, 1000);
	end(&f);
}

static void folds_hide_what_is_below(void **state)
{
	struct fixture f;
	uint64_t copy;

	(void)state;
	begin(&f, PLAIN, CALLPATH_TOP_DOWN, METRIC_GPU);
	copy = f.tree.keys[node_named(&f.tree, "copy")];
	tree_fold(&f.tree, node_named(&f.tree, "load"), true);
	assert_lines(&f.tree, "vstart,vmain,+vstep,|gemm,\\>load");
	assert_int_equal(tree_nearest_line(&f.tree, copy), f.tree.keys[node_named(&f.tree, "load")]);
	tree_fold(&f.tree, 1, true);
	assert_lines(&f.tree, ">start");
	assert_int_equal(tree_nearest_line(&f.tree, copy), f.tree.keys[1]);
	assert_int_equal(tree_nearest_line(&f.tree, 12345), 0);
	tree_fold(&f.tree, 1, false);
	assert_lines(&f.tree, "vstart,vmain,+vstep,|gemm,\\>load");	/* as it was below */
	tree_fold_all(&f.tree, false);
	assert_lines(&f.tree, "vstart,vmain,+vstep,|gemm,\\vload, +copy, \\set");
	tree_fold_all(&f.tree, true);
	assert_lines(&f.tree, ">start");
	/* One key opens a chain down to where it parts. */
	tree_fold(&f.tree, 1, false);
	assert_lines(&f.tree, "vstart,vmain,+>step,\\>load");
	end(&f);
}

static void small_branches_are_folded_at_first(void **state)
{
	static const struct given given[] = {
		{ 0, "main", 1000, 1 }, { 1, "large", 960, 1 }, { 2, "x", 960, 1 },
		{ 1, "small", 40, 1 }, { 4, "y", 40, 1 },
	};
	struct fixture f;

	(void)state;
	begin(&f, given, 5, CALLPATH_TOP_DOWN, METRIC_GPU);
	assert_lines(&f.tree, "vmain,+vlarge,|x,\\>small");
	end(&f);
	begin(&f, given, 5, CALLPATH_BOTTOM_UP, METRIC_GPU);
	assert_lines(&f.tree, ">main");
	end(&f);
}

static void zooms_have_a_root_of_their_own(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, PLAIN, CALLPATH_TOP_DOWN, METRIC_GPU);
	assert_true(tree_zoom(&f.tree, 2));
	assert_lines(&f.tree, "vmain,+vstep,|gemm,\\vload, +copy, \\set");
	assert_true(tree_zoom(&f.tree, node_named(&f.tree, "load")));
	assert_lines(&f.tree, "vload,+copy,\\set");
	assert_int_equal(tree_whole(&f.tree), 10);
	assert_false(tree_zoom(&f.tree, node_named(&f.tree, "load")));	/* it is the root already */
	assert_int_equal(tree_zoom_out(&f.tree), f.tree.keys[node_named(&f.tree, "load")]);
	assert_int_equal(tree_zoom_out(&f.tree), f.tree.keys[2]);
	assert_int_equal(tree_zoom_out(&f.tree), 0);
	assert_lines(&f.tree, "vstart,vmain,+vstep,|gemm,\\vload, +copy, \\set");
	end(&f);
}

static void folds_and_zooms_survive_new_readings(void **state)
{
	struct callpath_tree again = build(GROWN);
	struct fixture f;
	uint64_t copy;

	(void)state;
	begin(&f, PLAIN, CALLPATH_TOP_DOWN, METRIC_GPU);
	copy = f.tree.keys[node_named(&f.tree, "copy")];
	tree_fold(&f.tree, node_named(&f.tree, "step"), true);
	tree_zoom(&f.tree, 2);
	assert_lines(&f.tree, "vmain,+>step,\\vload, +copy, \\set");
	tree_set_paths(&f.tree, &again, CALLPATH_TOP_DOWN, METRIC_GPU);
	tree_filter(&f.tree, NULL, NULL);
	assert_lines(&f.tree, "vmain,+vload,|+set,|\\copy,\\>step");
	assert_string_equal(name_of(&f.tree, tree_node_of(&f.tree, copy)), "copy");
	/* In another order the same names are other nodes, and the zoom is over. */
	tree_set_paths(&f.tree, &again, CALLPATH_BOTTOM_UP, METRIC_GPU);
	tree_filter(&f.tree, NULL, NULL);
	assert_int_equal(f.tree.zoom_count, 0);
	assert_int_equal(tree_node_of(&f.tree, copy), CALLPATH_NONE);
	end(&f);
	callpath_tree_free(&again);
}

static void set_native(struct callpath_tree *paths, const char *function, int line, const char *text)
{
	for (uint32_t i = 0; i < paths->frame_count; i++) {
		struct callpath_frame *frame = &paths->frames[i];

		if (strcmp(frame->text, text) != 0)
			continue;
		frame->function = strdup(function);
		frame->line = line;
	}
}

static void folds_survive_the_coming_of_lines(void **state)
{
	static const struct given live[] = { { 0, "main (x)", 9, 1 }, { 1, "step (x)", 9, 1 },
					     { 2, "a", 5, 1 }, { 2, "b", 4, 1 } };
	static const struct given complete[] = { { 0, "main (m.c:3)", 9, 1 },
		{ 1, "step (m.c:9)", 5, 1 }, { 1, "step (m.c:7)", 4, 1 }, { 2, "a", 5, 1 },
		{ 3, "b", 4, 1 } };
	struct callpath_tree again = build(complete, 5);
	struct fixture f;

	(void)state;
	begin(&f, live, 4, CALLPATH_TOP_DOWN, METRIC_GPU);
	set_native(&f.paths, "main", 0, "main (x)");
	set_native(&f.paths, "step", 0, "step (x)");
	set_native(&again, "main", 3, "main (m.c:3)");
	set_native(&again, "step", 9, "step (m.c:9)");
	set_native(&again, "step", 7, "step (m.c:7)");
	tree_set_paths(&f.tree, &f.paths, CALLPATH_TOP_DOWN, METRIC_GPU);
	tree_filter(&f.tree, NULL, NULL);
	tree_zoom(&f.tree, 1);
	tree_fold(&f.tree, 2, true);
	assert_lines(&f.tree, "vmain (x),>step (x)");
	tree_set_paths(&f.tree, &again, CALLPATH_TOP_DOWN, METRIC_GPU);
	tree_filter(&f.tree, NULL, NULL);
	assert_int_equal(f.tree.zoom_count, 1);
	assert_lines(&f.tree, "vmain (m.c:3),+vstep (m.c:9),|a,\\>step (m.c:7)");
	assert_int_not_equal(f.tree.keys[2], f.tree.keys[3]);
	end(&f);
	callpath_tree_free(&again);
}

struct wanted {
	const struct tree *tree;
	const char *part;
};

static bool has_part(uint32_t node, void *arg)
{
	const struct wanted *wanted = arg;

	return strstr(name_of(wanted->tree, node), wanted->part) != NULL;
}

static void filters_keep_callers(void **state)
{
	struct fixture f;
	struct wanted copy = { &f.tree, "copy" }, none = { &f.tree, "nothing" };

	(void)state;
	begin(&f, PLAIN, CALLPATH_TOP_DOWN, METRIC_GPU);
	tree_fold_all(&f.tree, true);
	tree_filter(&f.tree, has_part, &copy);
	assert_lines(&f.tree, "vstart,vmain,vload,copy");
	tree_fold(&f.tree, node_named(&f.tree, "load"), true);
	assert_lines(&f.tree, "vstart,vmain,>load");
	tree_filter(&f.tree, has_part, &none);
	assert_lines(&f.tree, "");
	tree_filter(&f.tree, NULL, NULL);	/* what was folded before the filter still is */
	assert_lines(&f.tree, ">start");
	end(&f);
}

static void searches_find_what_is_folded(void **state)
{
	struct fixture f;
	struct wanted t = { &f.tree, "t" }, none = { &f.tree, "nothing" };
	uint32_t found;

	(void)state;
	begin(&f, PLAIN, CALLPATH_TOP_DOWN, METRIC_GPU);
	tree_fold_all(&f.tree, true);
	found = tree_search(&f.tree, 1, 1, has_part, &t);
	assert_string_equal(name_of(&f.tree, found), "step");
	assert_lines(&f.tree, "vstart,vmain,+>step,\\>load");
	found = tree_search(&f.tree, found, 1, has_part, &t);
	assert_string_equal(name_of(&f.tree, found), "set");
	assert_lines(&f.tree, "vstart,vmain,+>step,\\vload, +copy, \\set");
	found = tree_search(&f.tree, found, 1, has_part, &t);
	assert_string_equal(name_of(&f.tree, found), "start");	/* from the end to the beginning */
	found = tree_search(&f.tree, found, -1, has_part, &t);
	assert_string_equal(name_of(&f.tree, found), "set");
	assert_int_equal(tree_search(&f.tree, found, 1, has_part, &none), CALLPATH_NONE);
	end(&f);
}

/* Of the trees from the calling function up only what is shown is there. */
static struct callpath_tree build_callers(uint64_t launch_ns)
{
	static const char *const names[] = { "launch", "copy", "step", "main", "load" };
	/* main > step > launch, main > load > copy, main > load > launch */
	static const struct { uint32_t parent, frame; bool is_used; } given[] = {
		{ 0, 3, false }, { 1, 2, false }, { 2, 0, true }, { 1, 4, false }, { 4, 1, true },
		{ 4, 0, true },
	};
	struct callpath *paths = calloc(7, sizeof(*paths));
	struct callpath_tree tree = {
		.nodes = calloc(1, sizeof(struct callpath_node)), .node_count = 1,
		.frames = calloc(5, sizeof(struct callpath_frame)), .frame_count = 5,
	};

	for (uint32_t i = 0; i < 5; i++)
		tree.frames[i].text = strdup(names[i]);
	for (uint32_t i = 0; i < 6; i++)
		paths[i + 1] = (struct callpath){ .parent = given[i].parent, .frame = given[i].frame,
			.totals = { .calls = given[i].is_used,
				    .gpu_ns = given[i].is_used ? launch_ns + i : 0 } };
	tree.nodes[0] = (struct callpath_node){ .parent = CALLPATH_NONE, .frame = CALLPATH_NONE,
		.first_child = CALLPATH_NONE, .next_sibling = CALLPATH_NONE };
	assert_true(callers_begin(&tree, paths, 7, METRIC_GPU));
	return tree;
}

static void begin_callers(struct fixture *f)
{
	f->paths = build_callers(50);
	tree_init(&f->tree);
	assert_true(tree_set_paths(&f->tree, &f->paths, CALLPATH_BOTTOM_UP, METRIC_GPU));
	tree_filter(&f->tree, NULL, NULL);
}

static void callers_come_with_the_lines(void **state)
{
	struct fixture f;
	struct wanted main = { &f.tree, "main" };
	uint32_t found, made;

	(void)state;
	begin_callers(&f);
	assert_lines(&f.tree, "+>launch,\\>copy");
	made = f.paths.node_count;
	assert_int_equal(node_named(&f.tree, "main"), CALLPATH_NONE);	/* two levels below */
	tree_fold(&f.tree, node_named(&f.tree, "copy"), false);
	assert_lines(&f.tree, "+>launch,\\vcopy, vload, main");
	assert_true(f.paths.node_count > made);
	end(&f);
	begin_callers(&f);
	tree_arrange(&f.tree);
	found = tree_search(&f.tree, CALLPATH_NONE, -1, has_part, &main);
	assert_string_equal(name_of(&f.tree, found), "main");
	assert_lines(&f.tree, "+>launch,\\vcopy, vload, main");
	end(&f);
	begin_callers(&f);
	tree_filter(&f.tree, has_part, &main);
	assert_lines(&f.tree, "+vlaunch,|+vload,||main,|\\vstep,| main,\\vcopy, vload, main");
	end(&f);
}

static void callers_are_there_again_after_new_readings(void **state)
{
	struct callpath_tree again = build_callers(70);
	struct fixture f;
	uint64_t main;

	(void)state;
	begin_callers(&f);
	tree_arrange(&f.tree);
	tree_fold(&f.tree, node_named(&f.tree, "copy"), false);
	tree_arrange(&f.tree);
	assert_true(tree_zoom(&f.tree, node_named(&f.tree, "main")));
	tree_arrange(&f.tree);
	main = f.tree.keys[f.tree.top];
	tree_set_paths(&f.tree, &again, CALLPATH_BOTTOM_UP, METRIC_GPU);
	tree_filter(&f.tree, NULL, NULL);
	assert_lines(&f.tree, "main");
	assert_int_equal(f.tree.keys[f.tree.top], main);
	tree_zoom_out(&f.tree);
	assert_lines(&f.tree, "+>launch,\\vcopy, vload, main");
	end(&f);
	callpath_tree_free(&again);
}

/* Looking for what is not there leaves nothing behind, and what was made for a filter goes with it. */
static void what_was_not_found_is_not_kept(void **state)
{
	struct fixture f;
	struct wanted none = { &f.tree, "nothing" }, main = { &f.tree, "main" };
	uint32_t made;

	(void)state;
	begin_callers(&f);
	assert_lines(&f.tree, "+>launch,\\>copy");
	made = f.paths.node_count;
	assert_int_equal(tree_search(&f.tree, CALLPATH_NONE, 1, has_part, &none), CALLPATH_NONE);
	assert_int_equal(tree_search(&f.tree, 1, -1, has_part, &none), CALLPATH_NONE);
	assert_int_equal(f.paths.node_count, made);
	tree_filter(&f.tree, has_part, &none);
	assert_int_equal(f.paths.node_count, made);
	assert_lines(&f.tree, "");
	tree_filter(&f.tree, has_part, &main);
	assert_true(f.paths.node_count > made);
	assert_int_equal(tree_unfiltered_key(&f.tree, f.tree.keys[node_named(&f.tree, "main")]),
			 f.tree.keys[node_named(&f.tree, "load")]);
	tree_filter(&f.tree, NULL, NULL);
	assert_int_equal(f.paths.node_count, made);
	/* And all can be made again. */
	tree_fold_all(&f.tree, false);
	assert_lines(&f.tree, "+vlaunch,|+vload,||main,|\\vstep,| main,\\vcopy, vload, main");
	end(&f);
}

#define MANY	(TREE_LINES_MOST + 1000)

/* Siblings that go by one name are told apart at once; more lines than anybody reads are not made. */
static void wide_trees_are_cut(void **state)
{
	struct given *given = calloc(2 * MANY, sizeof(*given));
	struct callpath_tree paths;
	struct tree tree;
	uint32_t last;

	(void)state;
	for (uint32_t i = 0; i < 2 * MANY; i++)
		given[i] = (struct given){ i < MANY ? 0 : i - MANY + 1, "same", 10, 1 };
	paths = build(given, 2 * MANY);
	for (uint32_t i = 0; i < paths.frame_count; i++) {
		free(paths.frames[i].text);
		assert_true(asprintf(&paths.frames[i].text, "same (model.c:%u)", i + 1) > 0);
		paths.frames[i].function = strdup("same");
		paths.frames[i].line = (int)i + 1;
	}
	tree_init(&tree);
	assert_true(tree_set_paths(&tree, &paths, CALLPATH_TOP_DOWN, METRIC_GPU));
	tree_filter(&tree, NULL, NULL);
	tree_fold_all(&tree, false);
	tree_arrange(&tree);
	assert_true(tree.is_cut);
	assert_in_range(tree.line_count, MANY, TREE_LINES_MOST + MANY);
	last = tree.lines[tree.line_count - 1].node;
	assert_true(tree.lines[tree.line_count - 1].is_folded);
	tree_fold(&tree, last, false);		/* what is asked for by hand is there */
	tree_arrange(&tree);
	assert_false(tree.lines[tree.line_count - 1].is_folded);
	for (int i = 0; i < 3; i++)
		last = tree_search(&tree, last, -1, has_part, &(struct wanted){ &tree, "same" });
	assert_int_equal(tree_node_of(&tree, tree.keys[last]), last);
	tree_free(&tree);
	callpath_tree_free(&paths);
	free(given);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_part_where_there_is_a_choice),
		cmocka_unit_test(long_chains_stay_on_one_level),
		cmocka_unit_test(folds_hide_what_is_below),
		cmocka_unit_test(small_branches_are_folded_at_first),
		cmocka_unit_test(zooms_have_a_root_of_their_own),
		cmocka_unit_test(folds_and_zooms_survive_new_readings),
		cmocka_unit_test(folds_survive_the_coming_of_lines),
		cmocka_unit_test(filters_keep_callers),
		cmocka_unit_test(searches_find_what_is_folded),
		cmocka_unit_test(callers_come_with_the_lines),
		cmocka_unit_test(callers_are_there_again_after_new_readings),
		cmocka_unit_test(what_was_not_found_is_not_kept),
		cmocka_unit_test(wide_trees_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
