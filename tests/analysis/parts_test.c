/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the reader on their own: texts, figures, statistics, buckets, interruption. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "analysis/internal.h"
#include "analysis/pile.h"
#include "analysis/stats.h"
#include "analysis/table.h"
#include "analysis/text.h"
#include "tests/analysis/open_with.h"

static void test_decode(void **state)
{
	static const struct { const char *text; uint32_t code; size_t bytes; } cases[] = {
		{ "a", 'a', 1 }, { "\xc3\xa9", 0xe9, 2 }, { "\xe5\xae\xbd", 0x5bbd, 3 },
		{ "\xf0\x9f\x98\x80", 0x1f600, 4 }, { "\xff", 0xfffd, 1 }, { "\xc0\xaf", 0xfffd, 1 },
		{ "\xe2\x82", 0xfffd, 1 }, { "\xed\xa0\x80", 0xfffd, 1 },
		{ "\xf4\x90\x80\x80", 0xfffd, 1 }, { "\x80", 0xfffd, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint32_t code;

		assert_int_equal(text_decode(cases[i].text, &code), cases[i].bytes);
		assert_int_equal(code, cases[i].code);
	}
}

static void test_fit(void **state)
{
	char out[64];

	(void)state;
	assert_int_equal(text_fit("kernel", 10, out, sizeof(out)), 6);
	assert_string_equal(out, "kernel");
	assert_int_equal(text_fit("kernel", 6, out, sizeof(out)), 6);
	assert_string_equal(out, "kernel");
	assert_int_equal(text_fit("kernel", 5, out, sizeof(out)), 5);
	assert_string_equal(out, "kern~");
	assert_int_equal(text_fit("a\033[2Jb", -1, out, sizeof(out)), 6);
	assert_string_equal(out, "a?[2Jb");
	assert_int_equal(text_fit("abcdefgh", -1, out, 5), 4);
	assert_string_equal(out, "abc~");
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		return;
	/* Two columns each: a cut never splits one. */
	assert_int_equal(text_fit("\xe5\xae\xbd\xe5\xae\xbd\xe5\xae\xbd", 5, out, sizeof(out)), 5);
	assert_string_equal(out, "\xe5\xae\xbd\xe5\xae\xbd~");
	assert_int_equal(text_fit("\xe5\xae\xbd\xe5\xae\xbd\xe5\xae\xbd", 4, out, sizeof(out)), 3);
	assert_int_equal(text_columns("\xe5\xae\xbdx"), 3);
	assert_int_equal(text_fit("\xe2\x80\xae" "x", -1, out, sizeof(out)), 2);
	assert_string_equal(out, "?x");
}

static void test_figures(void **state)
{
	static const struct { double ns; const char *text; } times[] = {
		{ 0, "0 ns" }, { 999, "999 ns" }, { 999.6, "1.00 us" }, { 1000, "1.00 us" },
		{ 9994, "9.99 us" }, { 9996, "10.0 us" }, { 99960, "100 us" },
		{ 999600, "1.00 ms" }, { 1.5e9, "1.50 s" }, { 3.6e12, "3600 s" },
	};
	static const struct { double bytes; const char *text; } sizes[] = {
		{ 0, "0 B" }, { 1023, "1023 B" }, { 1024, "1.00 KiB" }, { 1048576, "1.00 MiB" },
		{ 1.5 * (1 << 30), "1.50 GiB" },
	};
	char out[32];

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++)
		assert_string_equal(format_ns(times[i].ns, out, sizeof(out)), times[i].text);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		assert_string_equal(format_bytes(sizes[i].bytes, out, sizeof(out)), sizes[i].text);
}

static void test_constants(void **state)
{
	struct run *run = open_with("");

	(void)state;
	/* run_open compared them with the file that schema.sql made. */
	assert_int_equal(run_integer(run, "PRAGMA application_id", 0), RUN_APPLICATION_ID);
	assert_int_equal(run_integer(run, "PRAGMA user_version", 0), RUN_SCHEMA_VERSION);
	run_close(run);
}

static void test_statistics(void **state)
{
	struct run *run = open_with(
		"INSERT INTO launch (id, thread, dur_ns) VALUES (1,1,4), (2,2,9), (3,1,1), (4,1,3),"
		" (5,2,9), (6,1,2), (7,3,NULL), (8,4,5)");
	struct stats stats;

	(void)state;
	assert_int_equal(stats_run(run, "SELECT thread, dur_ns FROM launch", 1, &stats), 0);
	assert_int_equal(stats.count, 3);
	assert_int_equal(stats.total, 33);
	assert_int_equal(stats.groups[0].key, 2);
	assert_true(stats.groups[0].values[0].median == 9 && stats.groups[0].values[0].stddev == 0);
	assert_int_equal(stats.groups[1].key, 1);
	assert_true(stats.groups[1].values[0].median == 2.5);
	assert_int_equal((int)(stats.groups[1].values[0].stddev * 1000), 1290);
	assert_int_equal(stats.groups[2].values[0].count, 1);
	assert_true(stats.groups[2].values[0].median == 5);
	stats_free(&stats);
	assert_int_equal(stats_run(run, "SELECT nonsense", 1, &stats), -1);
	assert_non_null(strstr(run_error(run), "nonsense"));
	run_close(run);
}

static void test_buckets(void **state)
{
	/* 20 buckets of 10 ms, the i-th busy for i hundred thousand ns; level 1 sums ten each. */
	struct run *run = open_with(
		"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 19) "
		"INSERT INTO bucket SELECT 0, 1, i, i * 100000, i * 50000, i * 1000, i, 100 + i FROM n;"
		"INSERT INTO bucket SELECT 1, device, bucket / 10, sum(busy_ns), sum(compute_ns),"
		" sum(copy_ns), sum(launches), max(live_bytes) FROM bucket GROUP BY bucket / 10");
	struct run_bucket_list list;
	uint64_t busy = 0, launches = 0;

	(void)state;
	assert_int_equal(run_buckets(run, 1, 0, 200000000, 20, &list), 0);
	assert_int_equal(list.count, 20);
	assert_int_equal(list.rows[7].busy_ns, 700000);
	assert_int_equal(list.rows[7].live_bytes, 107);
	run_bucket_list_free(&list);
	assert_int_equal(run_buckets(run, 1, 0, 200000000, 7, &list), 0);
	assert_true(list.count <= 7);
	for (size_t i = 0; i < list.count; i++) {
		busy += list.rows[i].busy_ns;
		launches += list.rows[i].launches;
	}
	assert_in_range(busy, 19000000 - 10, 19000000 + 10);
	assert_in_range(launches, 185, 195);
	run_bucket_list_free(&list);
	assert_int_equal(run_buckets(run, 1, 0, 200000000, 2, &list), 0);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.rows[0].busy_ns, 4500000);
	assert_int_equal(list.rows[1].busy_ns, 14500000);
	assert_int_equal(list.rows[1].live_bytes, 119);
	run_bucket_list_free(&list);
	assert_int_equal(run_buckets(run, 1, 5, 5, 10, &list), 0);
	assert_int_equal(list.count, 0);
	run_close(run);
}

struct watch {
	struct run *run;
	int calls;
};

static void interrupt_at_once(void *arg, uint64_t done, uint64_t total)
{
	struct watch *watch = arg;

	(void)done;
	(void)total;
	watch->calls++;
	run_stop(watch->run);
}

static void test_interrupt(void **state)
{
	struct run *run = open_with(
		"INSERT INTO graph_node (id, stream, shape) VALUES (1, 1, 1);"
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) "
		"INSERT INTO replay (start_ns, gpu_dur_ns, graph_node) SELECT i * 10, 5, 1 FROM n");
	struct watch watch = { .run = run };

	(void)state;
	run_on_progress(run, interrupt_at_once, &watch);
	assert_int_equal(run_recount(run), -1);
	assert_string_equal(run_error(run), "interrupted");
	assert_true(watch.calls > 0);
	run_on_progress(run, NULL, NULL);
	run_resume(run);
	assert_int_equal(run_recount(run), 0);
	assert_int_equal(run_integer(run, "SELECT busy_ns FROM sum_device", 0), 1000000);
	run_close(run);
}

static void test_changed(void **state)
{
	struct run *run;
	sqlite3 *db;

	(void)state;
	run = open_with("INSERT INTO meta VALUES ('state', 'recording')");
	assert_false(run_changed(run));
	assert_int_equal(sqlite3_open(database, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "INSERT INTO meta VALUES ('x', 1)", NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
	assert_true(run_changed(run));
	assert_false(run_changed(run));
	run_close(run);
}

struct piled { uint64_t start, serial; };

static int by_serial(const void *left, const void *right)
{
	const struct piled *a = left, *b = right;

	return (a->serial > b->serial) - (a->serial < b->serial);
}

static int by_start(const void *left, const void *right)
{
	const struct piled *a = left, *b = right;

	return a->start != b->start ? (a->start > b->start ? 1 : -1) : by_serial(a, b);
}

/* Rows in runs, at random and alike come off in order, however often it is settled in between. */
static void test_pile(void **state)
{
	static struct piled rows[20000];
	struct pile pile = { .row_bytes = sizeof(rows[0]), .compare = by_serial };
	size_t count = sizeof(rows) / sizeof(rows[0]), added = 0, taken = 0;

	(void)state;
	srand(3);
	for (size_t i = 0; i < count; i++)
		rows[i] = (struct piled){ i / 7 * 3 + (uint64_t)rand() % (i % 1000 < 20 ? 5000 : 9),
					  (uint64_t)rand() % 4 };
	while (taken < count) {
		size_t batch = (size_t)rand() % 3000;
		const struct piled *row;

		for (; batch-- && added < count; added++)
			memcpy(pile_add(&pile), &rows[added], sizeof(rows[0]));
		qsort(rows + taken, added - taken, sizeof(rows[0]), by_start);
		pile_sort(&pile);
		for (size_t n = (size_t)rand() % 2000; n-- && (row = pile_first(&pile)); taken++) {
			assert_memory_equal(row, &rows[taken], sizeof(*row));
			pile_take(&pile);
		}
		pile_settle(&pile);
	}
	pile_sort(&pile);
	assert_null(pile_first(&pile));
	pile_free(&pile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pile), cmocka_unit_test(test_decode), cmocka_unit_test(test_fit),
		cmocka_unit_test(test_figures), cmocka_unit_test(test_constants),
		cmocka_unit_test(test_statistics), cmocka_unit_test(test_buckets),
		cmocka_unit_test(test_interrupt), cmocka_unit_test(test_changed),
	};
	int fd = mkstemp(database), result;

	if (fd < 0)
		return 1;
	close(fd);
	result = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(database);
	return result;
}
