/* SPDX-License-Identifier: Apache-2.0 */
/* What a recording is narrowed to: sums of rows against SQL, and terms as text. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/internal.h"
#include "analysis/lanes.h"
#include "analysis/scope.h"
#include "tests/analysis/open_with.h"

/* Two devices, two processes, four streams, three kernels with two shapes each; forward calls mlp and
 * attention, main calls forward and load. Every 97th launch has no GPU times. */
static const char rows[] =
	"INSERT INTO process (id, pid, name) VALUES (1, 100, 'server'), (2, 200, 'worker');"
	"INSERT INTO thread (id, process, tid) VALUES (1, 1, 101), (2, 2, 201);"
	"INSERT INTO device (id, ordinal, name) VALUES (1, 0, 'NVIDIA H100'), (2, 1, 'NVIDIA A100');"
	"INSERT INTO stream (id, process, device, handle, number, name) VALUES (1, 1, 1, 0, 7, NULL),"
	" (2, 1, 1, 5, 13, 'copies 70'), (3, 2, 2, 0, 7, NULL), (4, 2, 2, 6, 70, NULL);"
	"INSERT INTO kernel (id, name, short_name) VALUES (1, 'void ns::Gemm<128>(float*)', 'Gemm'),"
	" (2, 'flash_fwd_kernel', 'flash_fwd_kernel'), (3, 'copy gemm tail', 'copy gemm tail');"
	"INSERT INTO shape (id, kernel, device) VALUES (1, 1, 1), (2, 1, 2), (3, 2, 1), (4, 2, 2),"
	" (5, 3, 1), (6, 3, 2);"
	"INSERT INTO api (id, name) VALUES (1, 'cuLaunchKernel'), (2, 'cuMemcpyHtoDAsync_v2'),"
	" (3, 'cuGraphLaunch'), (4, 'cuStreamSynchronize'), (5, 'cuMemAlloc_v2'), (6, 'cuCounted');"
	"INSERT INTO frame (id, kind, symbol, file) VALUES (1, 'native', 'main', 'main.c'),"
	" (2, 'python', 'forward', 'model.py'), (3, 'python', 'mlp', 'model.py'),"
	" (4, 'python', 'attention', 'attention.py'), (5, 'python', 'load', 'weights.py');"
	"INSERT INTO path (id, parent, frame) VALUES (1, 0, 1), (2, 1, 2), (3, 2, 3), (4, 2, 4), (5, 1, 5);"
	"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000) "
	"INSERT INTO launch SELECT i, i * 1000, 100 + i % 50, iif(i % 97, 300 + i % 7, NULL),"
	" iif(i % 97, 500 + i % 1300, NULL), 1 + i % 2, 1 + 2 * (i % 2) + i % 3 % 2,"
	" 1 + i % 2 + 2 * (i % 3), 1, i % 6 FROM n;"
	"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60) "
	"INSERT INTO graph_launch SELECT i, i * 90000 + 5, 40, 600, 900, 1 + i % 2, 1 + 2 * (i % 2), 1, 8,"
	" 3, 5 FROM n;"
	"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 480) "
	"INSERT INTO graph_node (id, stream, shape, path) SELECT i, 1 + 2 * ((1 + i / 8) % 2),"
	" 1 + (1 + i / 8) % 2 + 2 * (i % 3), iif(i % 5, 3, NULL) FROM n;"
	"INSERT INTO replay (id, start_ns, gpu_dur_ns, graph_launch, graph_node)"
	" SELECT id, (1 + id / 8) * 90000 + 700 + id % 8 * 200, 150 + id % 11, min(60, 1 + id / 8), id"
	" FROM graph_node;"
	"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) "
	"INSERT INTO copy SELECT i, i * 6100 + 11, 80, 200, 400 + i % 90, 1 + i % 2,"
	" 1 + 2 * (i % 2) + i % 3 % 2, iif(i % 4, 1, 64), 1000 + i, 2, 1 + i % 5, NULL FROM n;"
	"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 700) "
	"INSERT INTO call SELECT i, i * 8200 + 17, 30 + i, 1 + i % 2, 4, iif(i % 50, 0, 700), 0, 0, 0, i % 6"
	" FROM n;"
	"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 90) "
	"INSERT INTO memory SELECT i, i * 50000, 70, 1 + i % 2, 1 + i % 2, 1, 1 + i % 2, i, 4096 * i,"
	" 0, 0, 5, 1 + i % 5 FROM n;"
	"INSERT INTO sum_memory (process, device, kind, high_bytes) VALUES (1, 1, 1, 10), (1, 2, 1, 200),"
	" (2, 2, 1, 3000);"
	"INSERT INTO sum_api (process, api, count, failed, total_ns) VALUES (1, 6, 5, 0, 50),"
	" (2, 6, 7, 0, 70);"
	"INSERT INTO chunk SELECT 'launch', min(id), max(id), min(start_ns), max(start_ns) + 4000 "
	"FROM launch WHERE id <= 5000 GROUP BY (id - 1) / 500;";

/* Every kernel and copy with what a scope asks of them, as plainly as SQL can say it. */
#define WORK									\
	"(SELECT coalesce(l.start_ns + l.gpu_delay_ns, l.start_ns) AS at, l.gpu_dur_ns AS dur,"	\
	" l.path AS path, t.process AS process, x.device AS device, x.number AS stream,"	\
	" s.kernel AS kernel, 0 AS is_copy, 0 AS bytes FROM launch l"	\
	" JOIN thread t ON t.id = l.thread JOIN stream x ON x.id = l.stream"	\
	" JOIN shape s ON s.id = l.shape "					\
	"UNION ALL SELECT n.start_ns, n.gpu_dur_ns, coalesce(n.path, g.path), t.process, x.device," \
	" x.number, s.kernel, 0, 0 FROM node n JOIN graph_launch g ON g.id = n.graph_launch" \
	" JOIN thread t ON t.id = g.thread JOIN stream x ON x.id = n.stream" \
	" JOIN shape s ON s.id = n.shape " \
	"UNION ALL SELECT c.start_ns + c.gpu_delay_ns, c.gpu_dur_ns, c.path, t.process, x.device," \
	" x.number, 0, 1, c.bytes FROM copy c JOIN thread t ON t.id = c.thread" \
	" JOIN stream x ON x.id = c.stream)"
#define CALLS \
	"(SELECT start_ns AS at, dur_ns AS dur, thread AS process, path FROM launch " \
	"UNION ALL SELECT start_ns, dur_ns, thread, path FROM graph_launch " \
	"UNION ALL SELECT start_ns, dur_ns, thread, path FROM copy " \
	"UNION ALL SELECT start_ns, dur_ns, thread, path FROM memory " \
	"UNION ALL SELECT start_ns, dur_ns, thread, path FROM call)"

static const struct {
	const char *scope;
	const char *work, *copies, *calls;	/* the same in SQL; copies without kernels */
} cases[] = {
	{ "", "1", "1", "1" },
	/* Between a call and its work. */
	{ "time:1.00015ms..3.5005ms", "at >= 1000150 AND at < 3500500",
	  "at >= 1000150 AND at < 3500500", "at >= 1000150 AND at < 3500500" },
	{ "time:..200us time:5.9ms..", "(at < 200000 OR at >= 5900000)",
	  "(at < 200000 OR at >= 5900000)", "(at < 200000 OR at >= 5900000)" },
	{ "!time:1ms..2ms", "NOT (at >= 1000000 AND at < 2000000)",
	  "NOT (at >= 1000000 AND at < 2000000)", "NOT (at >= 1000000 AND at < 2000000)" },
	{ "device:1", "device = 2", "device = 2", "1" },
	{ "device:H100", "device = 1", "device = 1", "1" },
	{ "process:200", "process = 2", "process = 2", "process = 2" },
	{ "!process:serv", "process = 2", "process = 2", "process = 2" },
	/* 7 is on both devices; stream 70 and the one called "copies 70" are others. */
	{ "stream:7", "stream = 7", "stream = 7", "1" },
	{ "stream:copies", "stream = 13", "stream = 13", "1" },
	{ "stream:default", "stream = 7", "stream = 7", "1" },
	{ "kernel:gemm", "kernel IN (1, 3)", "1", "1" },	/* in the name, or the family */
	{ "kernel:Gemm<", "kernel = 1", "1", "1" },		/* capitals count */
	{ "kernel=\"copy gemm tail\"", "kernel = 3", "1", "1" },
	{ "!kernel:gemm", "kernel NOT IN (1, 3)", "1", "1" },
	{ "path:forward", "path IN (2, 3, 4)", "path IN (2, 3, 4)", "path IN (2, 3, 4)" },
	{ "path:model.py !path:mlp", "path IN (2, 4)", "path IN (2, 4)", "path IN (2, 4)" },
	{ "!path=load", "path NOT IN (5)", "path NOT IN (5)", "path NOT IN (5)" },
	{ "device:0 stream:7 kernel:flash time:2ms..4ms path:forward",
	  "device = 1 AND stream = 7 AND kernel = 2 AND at >= 2000000 AND at < 4000000 AND path IN (2, 3, 4)",
	  "device = 1 AND stream = 7 AND at >= 2000000 AND at < 4000000 AND path IN (2, 3, 4)",
	  "at >= 2000000 AND at < 4000000 AND path IN (2, 3, 4)" },
	{ "device:0 device:1 stream:13", "stream = 13", "stream = 13", "1" },
	{ "device:7", "0", "0", "1" },
};

static void narrow(struct run *run, const char *text)
{
	struct scope scope;
	char why[256] = "";

	if (scope_parse(text, &scope, why, sizeof(why)) < 0)
		fail_msg("%s: %s", text, why);
	if (run_scope(run, &scope) < 0)
		fail_msg("%s: %s", text, run_error(run));
	scope_free(&scope);
}

static void is_sum(struct run *run, const char *scope, const char *counted, const char *from,
		   const char *what, const char *where)
{
	char sql[4096];
	int64_t ours = run_integer(run, counted, -1), truth;

	snprintf(sql, sizeof(sql), "SELECT coalesce(%s, 0) FROM %s WHERE %s", what, from, where);
	truth = run_integer(run, sql, -2);
	if (ours != truth)
		fail_msg("'%s': %s is %lld, %s where %s %lld", scope, counted, (long long)ours, what, where,
			 (long long)truth);
}

static void test_sums(void **state)
{
	struct run *run = open_with(rows);
	char kernels[512], copies[512], all[512];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *scope = cases[i].scope;

		narrow(run, scope);
		snprintf(kernels, sizeof(kernels), "NOT is_copy AND %s", cases[i].work);
		snprintf(copies, sizeof(copies), "is_copy AND %s", cases[i].copies);
		snprintf(all, sizeof(all), "%s AND path > 0", cases[i].work);
#define SUM(column, table) "SELECT coalesce(sum(" column "), 0) FROM sum_" table
		is_sum(run, scope, SUM("total_ns", "kernel"), WORK, "sum(dur)", kernels);
		is_sum(run, scope, SUM("count", "kernel"), WORK, "count(dur)", kernels);
		is_sum(run, scope, "SELECT coalesce(max(max_ns), 0) FROM sum_kernel", WORK,
		       "max(dur)", kernels);
		is_sum(run, scope, "SELECT coalesce(min(min_ns), 0) FROM sum_kernel", WORK,
		       "min(dur)", kernels);
		is_sum(run, scope, SUM("total_ns", "copy"), WORK, "sum(dur)", copies);
		is_sum(run, scope, SUM("copies", "copy"), WORK, "count(*)", copies);
		is_sum(run, scope, SUM("bytes", "copy"), WORK, "sum(bytes)", copies);
		is_sum(run, scope, SUM("gpu_ns", "path WHERE path > 0"), WORK, "sum(dur)", all);
		is_sum(run, scope, SUM("kernels", "device"), WORK, "count(*)", kernels);
		is_sum(run, scope, SUM("total_ns", "api WHERE api < 6"), CALLS, "sum(dur)", cases[i].calls);
		is_sum(run, scope, SUM("count", "api WHERE api < 6"), CALLS, "count(*)", cases[i].calls);
		is_sum(run, scope, SUM("host_ns", "path"), CALLS, "sum(dur)", cases[i].calls);
	}
	run_close(run);
}

/* What is not there row by row: memory, calls that were only counted; and lists. */
static void test_rest(void **state)
{
	struct run *run = open_with(rows);
	struct run_device_list devices;
	struct run_process_list processes;

	(void)state;
	narrow(run, "process:100");
	assert_int_equal(run_integer(run, "SELECT sum(high_bytes) FROM sum_memory", 0), 210);
	assert_int_equal(run_integer(run, "SELECT sum(count) FROM sum_api WHERE api = 6", 0), 5);
	assert_int_equal(run_processes(run, &processes), 0);
	assert_int_equal(processes.count, 1);
	run_process_list_free(&processes);
	narrow(run, "device:1");
	assert_int_equal(run_integer(run, "SELECT sum(high_bytes) FROM sum_memory", 0), 3200);
	assert_int_equal(run_devices(run, &devices), 0);
	assert_true(devices.count == 1 && devices.rows[0].gpu == 1);
	run_device_list_free(&devices);
	narrow(run, "time:1ms..");
	assert_int_equal(run_integer(run, "SELECT count(*) FROM sum_api WHERE api = 6", -1), 0);
	assert_int_equal(run_unscope(run), 0);
	assert_int_equal(run_integer(run, "SELECT sum(count) FROM sum_api", 0), 12);
	assert_int_equal(run_devices(run, &devices), 0);
	assert_int_equal(devices.count, 2);
	run_device_list_free(&devices);
	run_close(run);
}

/* What a timeline shows of GPU work, or of calls. */
struct seen { int64_t count, ns; };

static struct seen seen_of(const struct run_window *window, enum lane_kind lane)
{
	struct seen seen = { 0, 0 };

	for (size_t i = 0; i < window->count; i++)
		if (window->events[i].lane.kind == lane) {
			seen.count++;
			seen.ns += (int64_t)(window->events[i].end_ns - window->events[i].start_ns);
		}
	return seen;
}

static int64_t times_count(const struct shape_times_list *times)
{
	int64_t count = 0;

	for (size_t i = 0; i < times->count; i++)
		count += (int64_t)times->rows[i].times.count;
	return count;
}

static void says(struct run *run, const char *scope, const char *what, int64_t ours, const char *from,
		 const char *sum, const char *where)
{
	char sql[4096];
	int64_t truth;

	snprintf(sql, sizeof(sql), "SELECT coalesce(%s, 0) FROM %s WHERE %s", sum, from, where);
	truth = run_integer(run, sql, -2);
	if (ours != truth)
		fail_msg("'%s': %s is %lld, %s where %s %lld", scope, what, (long long)ours, sum, where,
			 (long long)truth);
}

/* The timeline and the pass over all rows leave out the same as the sums. */
static void test_timeline(void **state)
{
	struct run *run = open_with(rows);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *scope = cases[i].scope;
		struct shape_times_list times = { 0 };
		struct lanes_scan how = { .pyramid = pyramid_new(7000000), .times = &times };
		struct run_window window;
		struct findings findings;
		struct seen work, calls;
		char where[512];

		narrow(run, scope);
		assert_int_equal(run_window(run, 0, 7000000, 100000, &window), 0);
		work = seen_of(&window, LANE_STREAM);
		calls = seen_of(&window, LANE_THREAD);
		says(run, scope, "work on the timeline", work.count, WORK, "count(dur)", cases[i].work);
		says(run, scope, "its time", work.ns, WORK, "sum(dur)", cases[i].work);
		/* Those that brought work are told apart by it, too. */
		if (strcmp(cases[i].calls, "1") != 0 && strstr(cases[i].work, "device") == NULL)
			says(run, scope, "calls", calls.ns, CALLS, "sum(dur)", cases[i].calls);
		assert_int_equal(run_scan(run, &how, &findings), 0);
		snprintf(where, sizeof(where), "NOT is_copy AND %s", cases[i].work);
		says(run, scope, "times of shapes", times_count(&times), WORK, "count(dur)", where);
		findings_free(&findings);
		shape_times_list_free(&times);
		pyramid_free(how.pyramid);
		run_window_free(&window);
	}
	run_close(run);
}

/* By cause, over all devices. */
static void idle_of(struct run *run, const char *scope, int64_t idle[IDLE_CAUSE_COUNT])
{
	struct idle_options options = { .intervals = SIZE_MAX };
	struct idle_result result;
	uint64_t listed = 0, summed = 0;

	narrow(run, scope);
	assert_int_equal(run_idle(run, &options, &result), 0);
	memset(idle, 0, IDLE_CAUSE_COUNT * sizeof(*idle));
	for (size_t d = 0; d < result.device_count; d++)
		for (int c = 0; c < IDLE_CAUSE_COUNT; c++) {
			idle[c] += (int64_t)result.devices[d].causes[c].total_ns;
			summed += result.devices[d].causes[c].total_ns;
		}
	for (size_t i = 0; i < result.interval_count; i++)
		listed += result.intervals[i].dur_ns;
	assert_int_equal(listed, summed);
	idle_result_free(&result);
}

/* What passes a filter and what passes its opposite is all idle time, each cause for itself. */
static void test_idle(void **state)
{
	static const char *const terms[] = {
		"time:1ms..3.5ms", "device:1", "process:200", "stream:7", "kernel:flash", "path:forward",
	};
	struct run *run = open_with(rows);
	int64_t all[IDLE_CAUSE_COUNT], with[IDLE_CAUSE_COUNT], without[IDLE_CAUSE_COUNT];

	(void)state;
	idle_of(run, "", all);
	for (size_t i = 0; i < sizeof(terms) / sizeof(terms[0]); i++) {
		int64_t some = 0, rest = 0;
		char opposite[64];

		snprintf(opposite, sizeof(opposite), "!%s", terms[i]);
		idle_of(run, terms[i], with);
		idle_of(run, opposite, without);
		for (int c = 0; c < IDLE_CAUSE_COUNT; c++) {
			if (with[c] + without[c] != all[c])
				fail_msg("%s: %s is %lld and %lld of %lld", terms[i],
					 idle_cause_name((enum idle_cause)c), (long long)with[c],
					 (long long)without[c], (long long)all[c]);
			some += with[c];
			rest += without[c];
		}
		if (!some || !rest)
			fail_msg("%s: nothing to tell apart", terms[i]);
	}
	run_close(run);
}

/* Charts are of what passes; memory in them is as it was held. */
static void test_buckets(void **state)
{
	static const char buckets[] = "INSERT INTO bucket VALUES (0, 1, 0, 111, 111, 0, 3, 77),"
		" (1, 1, 0, 111, 111, 0, 3, 77), (0, 2, 0, 5, 5, 0, 1, NULL);"
		"INSERT OR REPLACE INTO meta VALUES ('last_event', 6500000);";
	struct run_bucket_list list;
	uint64_t busy = 0, from, to;
	char sql[sizeof(rows) + sizeof(buckets)];
	struct run *run;

	(void)state;
	snprintf(sql, sizeof(sql), "%s%s", rows, buckets);
	run = open_with(sql);
	narrow(run, "kernel:gemm time:1ms..3ms");
	run_narrowed_span(run, &from, &to);
	assert_true(from == 1000000 && to == 3000000);
	assert_int_equal(run_buckets(run, 1, 0, 10000000, 100, &list), 0);
	for (size_t i = 0; i < list.count; i++)
		busy += list.rows[i].busy_ns;
	assert_int_equal(busy, run_integer(run, "SELECT busy_ns FROM sum_device WHERE device = 1", -1));
	assert_int_equal(list.rows[0].live_bytes, 77);
	run_bucket_list_free(&list);
	/* A run is shorter than its last bucket: all of that is in what there is of it. */
	busy = 0;
	assert_int_equal(run_buckets(run, 1, 0, run_end_ns(run), 100, &list), 0);
	for (size_t i = 0; i < list.count; i++)
		busy += list.rows[i].busy_ns;
	assert_true(run_end_ns(run) < 10000000);
	assert_int_equal(busy, run_integer(run, "SELECT busy_ns FROM sum_device WHERE device = 1", -1));
	run_bucket_list_free(&list);
	assert_int_equal(run_integer(run, "SELECT sum(busy_ns) FROM bucket WHERE level = 0", -1),
			 run_integer(run, "SELECT sum(busy_ns) FROM bucket WHERE level = 1", -2));
	assert_int_equal(run_unscope(run), 0);
	assert_int_equal(run_integer(run, "SELECT sum(busy_ns) FROM bucket WHERE level = 0", -1), 116);
	run_close(run);
}

static void test_text(void **state)
{
	static const struct { const char *typed, *said; } texts[] = {
		{ "  device:0   !kernel:copy ", "device:0 !kernel:copy" },
		{ "time:1.20s..3s", "time:1.2s..3s" },
		{ "time:1.234567891..2", "time:1.234567891s..2s" },
		{ "time:0..1500us", "time:..1.5ms" },
		{ "time:90ns..", "time:90ns.." },
		{ "kernel=\"a \\\"b\\\" c\"", "kernel=\"a \\\"b\\\" c\"" },
		{ "stream:7 stream:7", "stream:7" },
		{ "stream:7 !stream:7", "!stream:7" },
		{ "", "" },
	};
	static const char *const wrong[] = {
		"gemm", "device:", "time:3s", "time:3s..1s", "time:..", "time:1x..2x", "!", "kernel: x",
		"time:1s..99999999999999999999s",
	};
	struct scope scope;
	char why[256], *text;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(scope_parse(texts[i].typed, &scope, why, sizeof(why)), 0);
		text = scope_text(&scope);
		assert_string_equal(text, texts[i].said);
		scope_free(&scope);
		/* What it says is read again as the same. */
		assert_int_equal(scope_parse(texts[i].said, &scope, why, sizeof(why)), 0);
		free(text);
		text = scope_text(&scope);
		assert_string_equal(text, texts[i].said);
		free(text);
		scope_free(&scope);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		*why = '\0';
		if (scope_parse(wrong[i], &scope, why, sizeof(why)) == 0)
			fail_msg("'%s' is taken", wrong[i]);
		assert_true(*why && scope.count == 0);
	}
}

static void interrupt_at_once(void *arg, uint64_t done, uint64_t total)
{
	(void)done, (void)total;
	run_stop(arg);
}

/* What was counted before stays when counting is given up. */
static void test_cancel(void **state)
{
	struct run *run = open_with(rows);
	struct scope scope;
	char why[256];
	int64_t before;

	(void)state;
	narrow(run, "device:0");
	before = run_integer(run, "SELECT sum(total_ns) FROM sum_kernel", 0);
	assert_int_equal(scope_parse("kernel:flash", &scope, why, sizeof(why)), 0);
	run_on_progress(run, interrupt_at_once, run);
	assert_int_equal(run_scope(run, &scope), -1);
	run_resume(run);
	run_on_progress(run, NULL, NULL);
	assert_int_equal(run_integer(run, "SELECT sum(total_ns) FROM sum_kernel", 0), before);
	assert_int_equal(run_scope(run, &scope), 0);
	assert_true(run_integer(run, "SELECT sum(total_ns) FROM sum_kernel", 0) != before);
	scope_free(&scope);
	run_close(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums), cmocka_unit_test(test_rest),
		cmocka_unit_test(test_timeline),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_buckets), cmocka_unit_test(test_text),
		cmocka_unit_test(test_cancel),
	};
	int fd = mkstemp(database), result;

	if (fd < 0)
		return 1;
	close(fd);
	result = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(database);
	return result;
}
