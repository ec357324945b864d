/* SPDX-License-Identifier: Apache-2.0 */
/* The table of graph nodes: copies in any order, updates, and what goes when there are too many. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "collector/graphnode.h"

#define LATE INT64_MAX

static void test_copies(void **state)
{
	struct graph_nodes nodes = { 0 };

	(void)state;
	assert_int_equal(graph_nodes_path(&nodes, 1, LATE), 0);
	graph_nodes_add(&nodes, 1, 0, 10, 0);
	graph_nodes_add(&nodes, 2, 1, 0, 0);
	graph_nodes_add(&nodes, 3, 2, 0, 0);
	assert_int_equal(graph_nodes_path(&nodes, 3, LATE), 10);
	/* The copies of copies first, as from rings of other threads. */
	graph_nodes_add(&nodes, 6, 5, 0, 0);
	graph_nodes_add(&nodes, 5, 4, 0, 0);
	assert_int_equal(graph_nodes_path(&nodes, 6, LATE), 0);
	graph_nodes_add(&nodes, 4, 0, 20, 0);
	assert_int_equal(graph_nodes_path(&nodes, 6, LATE), 20);
	assert_int_equal(graph_nodes_path(&nodes, 5, LATE), 20);
	/* Nonsense: a ring of copies, a copy of itself, no id. */
	graph_nodes_add(&nodes, 7, 8, 0, 0);
	graph_nodes_add(&nodes, 8, 7, 0, 0);
	assert_int_equal(graph_nodes_path(&nodes, 7, LATE), 0);
	graph_nodes_add(&nodes, 9, 9, 30, 0);
	assert_int_equal(graph_nodes_path(&nodes, 9, LATE), 30);
	graph_nodes_add(&nodes, 0, 0, 30, 0);
	assert_int_equal(graph_nodes_path(&nodes, 0, LATE), 0);
	graph_nodes_free(&nodes);
}

static void test_updates(void **state)
{
	struct graph_nodes nodes = { 0 };

	(void)state;
	graph_nodes_add(&nodes, 1, 0, 10, 100);
	graph_nodes_add(&nodes, 2, 1, 0, 200);
	graph_nodes_add(&nodes, 3, 0, 30, 300);
	graph_nodes_add(&nodes, 2, 3, 0, 400);
	assert_int_equal(graph_nodes_path(&nodes, 2, 399), 10);
	assert_int_equal(graph_nodes_path(&nodes, 2, 400), 30);
	/* By a node nobody knows: the path stays. */
	graph_nodes_add(&nodes, 2, 99, 0, 500);
	assert_int_equal(graph_nodes_path(&nodes, 2, 600), 30);
	graph_nodes_add(&nodes, 99, 0, 50, 450);
	assert_int_equal(graph_nodes_path(&nodes, 2, 600), 50);
	assert_int_equal(graph_nodes_path(&nodes, 2, 450), 30);
	graph_nodes_free(&nodes);
}

/* A graph in use stays while others come and go; what is not used goes. */
static void test_limit(void **state)
{
	struct graph_nodes nodes = { .limit = 1000 };

	(void)state;
	for (uint64_t id = 1; id <= 100; id++)
		graph_nodes_add(&nodes, id << 32 | 1, 0, (uint32_t)id, 0);
	for (uint64_t id = 1000; id < 21000; id++) {
		graph_nodes_add(&nodes, id << 32 | 1, 0, (uint32_t)id, 0);
		assert_int_equal(graph_nodes_path(&nodes, id << 32 | 1, LATE), id);
		for (uint64_t used = 1; used <= 100 && id % 100 == 0; used++)
			assert_int_equal(graph_nodes_path(&nodes, used << 32 | 1, LATE), used);
	}
	assert_int_equal(nodes.count, 1000);
	assert_int_equal(nodes.evicted, 20100 - 1000);
	assert_true(nodes.mask + 1 <= 4096);
	for (uint64_t id = 1000; id < 21000; id++) {
		uint32_t path = graph_nodes_path(&nodes, id << 32 | 1, LATE);

		assert_true(path == id || path == 0);
	}
	graph_nodes_free(&nodes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_updates),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
