/* SPDX-License-Identifier: Apache-2.0 */
/* Begins and ends of ranges become rows, in whatever order they are read, and bounded. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "collector/fixture.h"

#define MS 1000000ull

static void range_begins(struct fixture *f, int ring, enum wire_nvtx_op op, uint64_t at, uint64_t id,
			 uint32_t domain)
{
	struct wire_range range = {
		.head = { .bytes = sizeof(range), .kind = WIRE_RANGE, .api = (uint16_t)op },
		.at = at, .id = id, .text = 1, .domain = domain,
	};

	PUSH(&f->producer, ring, range);
}

static void range_ends(struct fixture *f, int ring, enum wire_nvtx_op op, uint64_t at, uint64_t id,
		       uint32_t domain)
{
	struct wire_range_end end = {
		.head = { .bytes = sizeof(end), .kind = WIRE_RANGE_END, .api = (uint16_t)op },
		.at = at, .id = id, .domain = domain,
	};

	PUSH(&f->producer, ring, end);
}

/* Ring 0 is read first: an end may come before its begin, a text after all that use it. */
static void test_ranges_are_paired(void **state)
{
	struct { struct wire_def_string def; char text[8]; } text = { 0 };
	struct fixture f;

	(void)state;
	fixture_start(&f, 65536, WIRE_CLOCK_MONOTONIC);
	producer_define(&f.producer, 0);
	range_ends(&f, 0, WIRE_NVTX_END, f.now + 9 * MS, 1, 0);
	range_ends(&f, 0, WIRE_NVTX_END, f.now + 9 * MS, 2, 0);		/* never begun */
	range_begins(&f, 1, WIRE_NVTX_START, f.now + 4 * MS, 1, 0);
	range_begins(&f, 1, WIRE_NVTX_START, f.now + 4 * MS, 3, 0);	/* never ended */
	/* Domains have levels of their own, and cross. */
	range_begins(&f, 1, WIRE_NVTX_PUSH, f.now + 10 * MS, 0, 0);
	range_begins(&f, 1, WIRE_NVTX_PUSH, f.now + 11 * MS, 0, 5);
	range_ends(&f, 1, WIRE_NVTX_POP, f.now + 12 * MS, 0, 0);
	range_ends(&f, 1, WIRE_NVTX_POP, f.now + 14 * MS, 0, 5);
	/* The end of level 1 was lost: a new begin at its level tells. */
	range_begins(&f, 1, WIRE_NVTX_PUSH, f.now + 20 * MS, 0, 0);
	range_begins(&f, 1, WIRE_NVTX_PUSH, f.now + 21 * MS, 1, 0);
	range_begins(&f, 1, WIRE_NVTX_PUSH, f.now + 22 * MS, 1, 0);
	range_ends(&f, 1, WIRE_NVTX_POP, f.now + 23 * MS, 1, 0);
	range_ends(&f, 1, WIRE_NVTX_POP, f.now + 24 * MS, 0, 0);
	/* Begins that were not recorded leave their ends. */
	range_begins(&f, 1, WIRE_NVTX_PUSH, f.now + 30 * MS, 0, 0);
	range_ends(&f, 1, WIRE_NVTX_POP, f.now + 31 * MS, 1, 0);
	range_ends(&f, 1, WIRE_NVTX_POP, f.now + 36 * MS, 0, 0);
	text.def.head = (struct wire_head){ .bytes = sizeof(text), .kind = WIRE_DEF_TEXT };
	text.def.string = 1;
	text.def.text_bytes = 5;
	memcpy(text.def.text, "late", 5);
	PUSH(&f.producer, 1, text);
	fixture_step(&f);
	fixture_finish(&f);
	assert_string_equal(ask_text(&f, "SELECT group_concat(kind || ':' || coalesce(dur_ns / 1000000, '-'))"
				     " FROM (SELECT * FROM range ORDER BY start_ns, id)"),
			    "2:5,2:-,1:2,1:3,1:4,1:-,1:1,1:6");
	assert_int_equal(ask(&f, "SELECT count(*) FROM range WHERE end_thread IS NOT NULL"), 1);
	assert_int_equal(ask(&f, "SELECT count(*) FROM range JOIN label l ON l.id = label"
			     " WHERE text = 'late'"), 8);
	assert_int_equal(ask(&f, "SELECT value FROM counter WHERE name = 'range_unmatched'"), 2);
	assert_int_equal(ask(&f, "SELECT value FROM counter WHERE name = 'range_unended'"), 2);
	fixture_remove(&f);
}

static void test_open_ranges_are_bounded(void **state)
{
	struct fixture f;

	(void)state;
	fixture_start(&f, 1 << 20, WIRE_CLOCK_MONOTONIC);
	for (uint64_t i = 0; i < 5000; i++)
		range_begins(&f, 0, WIRE_NVTX_PUSH, f.now + i, i, 0);
	fixture_step(&f);
	for (uint64_t round = 0; round < 7; round++) {
		for (uint64_t i = 0; i < 10000; i++)
			range_begins(&f, 0, WIRE_NVTX_START, f.now + 5000, round * 10000 + i, 0);
		fixture_step(&f);
	}
	fixture_finish(&f);
	assert_int_equal(ask(&f, "SELECT value FROM counter WHERE name = 'range_refused'"),
			 5000 - 4096 + 70000 - 65536);
	assert_int_equal(ask(&f, "SELECT count(*) FROM range WHERE dur_ns IS NULL"), 4096 + 70000);
	fixture_remove(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges_are_paired),
		cmocka_unit_test(test_open_ranges_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
