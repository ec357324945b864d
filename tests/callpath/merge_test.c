/* SPDX-License-Identifier: Apache-2.0 */
/* Native and Python paths become one: a synthetic process sends them, the file is asked. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/fixture.h"

enum native { OUTER, MIDDLE, LEAF, LOOP, NATIVES, CUT = NATIVES };

/* Functions of this program stand for those of an interpreter: only their addresses are used. */
void path_outer(void);
void path_middle(void);
void path_leaf(void);
void _PyEval_EvalFrameDefault(void);

__attribute__((noinline)) void path_outer(void)
{
	__asm__ volatile("nop; nop; nop; nop; nop; nop");
}

__attribute__((noinline)) void path_middle(void)
{
	__asm__ volatile("nop; nop; nop; nop; nop; nop; nop");
}

__attribute__((noinline)) void path_leaf(void)
{
	__asm__ volatile("nop; nop; nop; nop; nop; nop; nop; nop");
}

__attribute__((noinline)) void _PyEval_EvalFrameDefault(void)
{
	__asm__ volatile("nop; nop; nop; nop; nop; nop; nop; nop; nop");
}

static int first_object(struct dl_phdr_info *info, size_t bytes, void *bias)
{
	(void)bytes;
	*(uint64_t *)bias = info->dlpi_addr;
	return 1;
}

static void define_module(struct producer *p, int ring)
{
	union {
		struct wire_def_module def;
		char bytes[sizeof(struct wire_def_module) + 512];
	} u = { .def = { .head = { .kind = WIRE_DEF_MODULE }, .module = 1 } };
	ssize_t length = readlink("/proc/self/exe", u.def.path, 500);

	assert_true(length > 0);
	u.def.path_bytes = (uint32_t)length + 1;
	u.def.high = UINT64_MAX;
	u.def.head.bytes = (uint16_t)((sizeof(u.def) + (size_t)length + 8) & ~7ull);
	assert_true(producer_push(p, ring, &u, u.def.head.bytes));
}

static void define_code(struct producer *p, int ring, uint32_t code, const char *name)
{
	union {
		struct wire_def_python_code def;
		char bytes[sizeof(struct wire_def_python_code) + 64];
	} u = { .def = { .head = { .bytes = sizeof(u), .kind = WIRE_DEF_PYTHON_CODE }, .code = code,
			 .first_line = 10, .minor = 11, .file_bytes = 5 } };

	u.def.name_bytes = (uint32_t)strlen(name) + 1;
	memcpy(u.def.bytes, "a.py", 5);
	memcpy(u.def.bytes + 5, name, u.def.name_bytes);
	assert_true(PUSH(p, ring, u));
}

static uint32_t next_node;

/* A path, outermost frame first, as nodes of its own; returns the innermost. */
static uint32_t native_path(struct producer *p, int ring, const enum native *frames, int count)
{
	static void (*const functions[NATIVES])(void) = {
		path_outer, path_middle, path_leaf, _PyEval_EvalFrameDefault,
	};
	uint64_t bias = 0;
	uint32_t parent = 0;

	dl_iterate_phdr(first_object, &bias);
	for (int i = 0; i < count; i++) {
		struct wire_def_native_node def = {
			.head = { .bytes = sizeof(def), .kind = WIRE_DEF_NATIVE_NODE },
			.node = ++next_node, .parent = parent,
		};

		if (frames[i] != CUT) {
			def.module = 1;
			def.address = (uint64_t)(uintptr_t)functions[frames[i]] + 4 - bias;
		}

		assert_true(PUSH(p, ring, def));
		parent = next_node;
	}
	return parent;
}

/* Each letter is a function; a capital one is entered from C. '-': cut off. */
static uint32_t python_path(struct producer *p, int ring, const char *frames)
{
	uint32_t parent = 0;

	for (; *frames; frames++) {
		struct wire_def_python_node def = {
			.head = { .bytes = sizeof(def), .kind = WIRE_DEF_PYTHON_NODE },
			.node = ++next_node, .parent = parent,
			.code = *frames == '-' ? 0 : (uint32_t)(*frames | 32) - 'a' + 1,
			.instruction = *frames >= 'A' && *frames < 'a',
		};

		assert_true(PUSH(p, ring, def));
		parent = next_node;
	}
	return parent;
}

static void launch(struct fixture *f, int ring, uint32_t native, uint32_t python)
{
	struct wire_launch launch = producer_launch(f->now, f->now + 1000, ++f->producer.correlation);
	struct wire_gpu_kernel kernel = producer_kernel(f->now + 5000, f->now + 5700,
							launch.call.correlation);

	launch.call.native_path = native;
	launch.call.python_path = python;
	assert_true(PUSH(&f->producer, ring, launch));
	assert_true(PUSH(&f->producer, 3, kernel));
	f->now += 10000;
}

static void start(struct fixture *f)
{
	static const char *const codes[] = { "a", "b", "c", "d" };

	fixture_start(f, 1 << 20, WIRE_CLOCK_MONOTONIC);
	producer_define(&f->producer, 0);
	producer_define_string(&f->producer, 3, 1, "_Z6kernelIfEvPT_i");
	define_module(&f->producer, 0);
	for (uint32_t i = 0; i < 4; i++)
		define_code(&f->producer, 0, i + 1, codes[i]);
	next_node = 0;
}

/* Symbols of the launch's path, outermost first. */
static const char *path_of(struct fixture *f, int launch_row)
{
	char sql[600];

	snprintf(sql, sizeof(sql),
		 "WITH RECURSIVE up(path, text) AS ("
		 " SELECT path, '' FROM (SELECT path, row_number() OVER (ORDER BY start_ns) AS n FROM launch)"
		 "  WHERE n = %d UNION ALL"
		 " SELECT p.parent, coalesce(f.symbol, '?') || ' ' || text FROM up"
		 "  JOIN path p ON p.id = up.path JOIN frame f ON f.id = p.frame)"
		 " SELECT rtrim(text) FROM up WHERE path = 0", launch_row);
	return ask_text(f, sql);
}

#define NATIVE(f, ring, ...) native_path(&(f).producer, ring, (const enum native[]){ __VA_ARGS__ }, \
		sizeof((const enum native[]){ __VA_ARGS__ }) / sizeof(enum native))

static void test_merge(void **state)
{
	static const char *const expected[] = {
		"path_outer a b path_middle c d path_leaf",	/* two runs of the interpreter's loop */
		"path_outer a path_leaf",			/* more loops than Python runs */
		"a b",						/* no native frames */
		"a b path_leaf",				/* the outer part was cut off */
		"a b c d path_leaf",				/* Python's outer part has no loop */
		"path_outer _PyEval_EvalFrameDefault path_leaf", /* no Python path was taken */
		"path_outer path_leaf",				/* no interpreter */
		"a path_outer path_leaf",			/* no loop to match: Python is outermost */
		"[truncated] path_leaf",
		"[truncated] a b path_leaf",			/* native frames are cut off */
		"[truncated] path_outer a b path_leaf",		/* Python's */
		"[truncated] path_outer a b path_leaf",		/* between two runs */
		"[truncated] a path_leaf",			/* both, one mark */
	};
	struct fixture f;

	(void)state;
	start(&f);
	launch(&f, 0, NATIVE(f, 0, OUTER, LOOP, MIDDLE, LOOP, LEAF), python_path(&f.producer, 0, "AbCd"));
	launch(&f, 0, NATIVE(f, 0, OUTER, LOOP, LOOP, LEAF), python_path(&f.producer, 0, "A"));
	launch(&f, 0, 0, python_path(&f.producer, 0, "AB"));
	launch(&f, 0, NATIVE(f, 0, LOOP, LEAF), python_path(&f.producer, 0, "AB"));
	launch(&f, 0, NATIVE(f, 0, LOOP, LEAF), python_path(&f.producer, 0, "ABcd"));
	launch(&f, 0, NATIVE(f, 0, OUTER, LOOP, LEAF), 0);
	launch(&f, 0, NATIVE(f, 0, OUTER, LEAF), 0);
	launch(&f, 0, NATIVE(f, 0, OUTER, LEAF), python_path(&f.producer, 0, "A"));
	launch(&f, 0, NATIVE(f, 0, CUT, LEAF), 0);
	launch(&f, 0, NATIVE(f, 0, CUT, LOOP, LEAF), python_path(&f.producer, 0, "AB"));
	launch(&f, 0, NATIVE(f, 0, OUTER, LOOP, LEAF), python_path(&f.producer, 0, "-ab"));
	launch(&f, 0, NATIVE(f, 0, OUTER, LOOP, LOOP, LEAF), python_path(&f.producer, 0, "-Ab"));
	launch(&f, 0, NATIVE(f, 0, CUT, LOOP, LEAF), python_path(&f.producer, 0, "-a"));
	fixture_step(&f);
	fixture_finish(&f);
	assert_int_equal(ask(&f, "SELECT count(*) FROM frame WHERE kind = 'truncated'"), 1);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_string_equal(path_of(&f, (int)i + 1), expected[i]);
	fixture_remove(&f);
}

/* Equal paths of two threads are one row, and nobody's node numbers mean another's path. */
static void test_rings(void **state)
{
	struct fixture f;

	(void)state;
	start(&f);
	launch(&f, 0, NATIVE(f, 0, OUTER, LEAF), 0);
	next_node = 0;
	fixture_step(&f);	/* the module's definition came with ring 0 */
	launch(&f, 1, NATIVE(f, 1, OUTER, LEAF), 0);
	launch(&f, 1, 4711, 4712);
	fixture_step(&f);
	fixture_finish(&f);
	assert_int_equal(ask(&f, "SELECT count(*) FROM launch"), 3);
	assert_int_equal(ask(&f, "SELECT count(*) FROM path"), 2);
	assert_int_equal(ask(&f, "SELECT count(DISTINCT path) FROM launch WHERE path > 0"), 1);
	assert_int_equal(ask(&f, "SELECT count(*) FROM launch WHERE path = 0"), 1);
	fixture_remove(&f);
}

/* A ring gets a new owner, whose numbers begin anew. */
static void test_new_owner(void **state)
{
	struct fixture f;
	uint32_t node;

	(void)state;
	start(&f);
	node = NATIVE(f, 0, OUTER, LEAF);
	launch(&f, 0, node, 0);
	fixture_step(&f);
	f.producer.control->rings[0].tid += 1000;
	f.producer.control->rings[0].generation++;
	launch(&f, 0, node, 0);			/* never defined by the new owner */
	next_node = node - 2;
	assert_int_equal(NATIVE(f, 0, MIDDLE, LEAF), node);
	launch(&f, 0, node, 0);
	fixture_step(&f);
	fixture_finish(&f);
	assert_string_equal(path_of(&f, 1), "path_outer path_leaf");
	assert_string_equal(path_of(&f, 2), "");
	assert_string_equal(path_of(&f, 3), "path_middle path_leaf");
	fixture_remove(&f);
}

/* sum_path is what the rows add up to, and recovering makes it anew from them. */
static void test_sums(void **state)
{
	static const char sums[] =
		"SELECT group_concat(path || ':' || launches || ':' || gpu_ns || ':' || host_ns || ':' ||"
		" calls, ' ') FROM (SELECT * FROM sum_path ORDER BY path)";
	static const char rows[] =
		"SELECT group_concat(path || ':' || n || ':' || gpu || ':' || host || ':' || n, ' ') FROM"
		" (SELECT path, count(*) AS n, sum(gpu_dur_ns) AS gpu, sum(dur_ns) AS host FROM launch"
		"  GROUP BY path ORDER BY path)";
	char before[1024];
	struct recovery recovery;
	uint32_t nodes[3];
	struct fixture f;

	(void)state;
	start(&f);
	nodes[0] = 0;
	nodes[1] = NATIVE(f, 0, OUTER, LEAF);
	nodes[2] = NATIVE(f, 0, MIDDLE, LEAF);
	for (int i = 0; i < 100; i++) {
		launch(&f, 0, nodes[test_random() % 3], 0);
		if (i % 10 == 0)
			fixture_step(&f);
	}
	fixture_step(&f);
	fixture_finish(&f);
	snprintf(before, sizeof(before), "%s", ask_text(&f, sums));
	assert_string_equal(ask_text(&f, rows), before);
	assert_int_equal(ask(&f, "SELECT sum(launches) FROM sum_path"), 100);
	assert_int_equal(ask(&f, "SELECT count(*) FROM sum_path"), 3);
	sqlite3_exec(f.sqlite, "UPDATE meta SET value = 'recording' WHERE key = 'state';"
		     "UPDATE sum_path SET launches = 1, gpu_ns = 2", NULL, NULL, NULL);
	recover_file(f.path, true, NULL, NULL, &recovery);
	assert_int_equal(recovery.outcome, RECOVERY_DONE);
	assert_string_equal(ask_text(&f, sums), before);
	fixture_remove(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_rings),
		cmocka_unit_test(test_new_owner),
		cmocka_unit_test(test_sums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
