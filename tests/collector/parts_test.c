/* SPDX-License-Identifier: Apache-2.0 */
/* The collector's parts by themselves: clocks, unions, interning, joins, names, mended JSON, occupancy. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collector/busy.h"
#include "collector/fixture.h"
#include "collector/mend.h"
#include "collector/name.h"
#include "collector/occupancy.h"

/* A counter of 2.6 GHz whose rate drifts as NTP slews the clock. */
static uint64_t drifting_ticks(int64_t ns)
{
	return (uint64_t)((double)ns * 2.6 + (double)ns * (double)ns * 1e-15 * 2.6);
}

static void test_ticks_follow_a_drifting_clock(void **state)
{
	static struct clock_anchor anchors[CLOCK_ANCHORS];
	struct clock clock = { .anchors = anchors, .origin_ns = 1000000 };
	int64_t last = INT64_MIN, worst = 0;

	(void)state;
	for (int64_t ns = 1000000; ns < 60000000000ll; ns += 1500000) {	/* more than fit: thinned */
		struct clock_pair pair = { .ticks = drifting_ticks(ns), .monotonic_ns = ns,
					   .realtime_ns = ns + 77, .ticks_error_ns = 20 };

		clock_add(&clock, &pair);
		for (int64_t before = 1400000; before >= 0; before -= 700000) {
			int64_t got, wanted = ns - before;

			if (wanted < 1000000 || clock.anchor_count < 2)
				continue;
			got = clock_from_ticks(&clock, drifting_ticks(wanted)) + clock.origin_ns;
			worst = llabs(got - wanted) > worst ? llabs(got - wanted) : worst;
			assert_true(got >= last);
			last = got;
		}
	}
	assert_true(worst <= 2);
	for (int64_t ns = 1000000; ns < 59000000000ll;
	     ns += 99999999) /* the far past stays right */
		assert_true(llabs(clock_from_ticks(&clock, drifting_ticks(ns)) + clock.origin_ns -
				  ns) < 100);
	assert_int_equal(clock_from_realtime(&clock, 5000077), 4000000);
	/* Halves of a minute differ by 2e-15 a nanosecond over 30 s: 60 parts in a million. */
	assert_true(llabs(clock_drift_ppb(&clock) - 60000) < 500);
}

static void test_step_of_the_wall_clock(void **state)
{
	static struct clock_anchor anchors[CLOCK_ANCHORS];
	struct clock clock = { .anchors = anchors };
	int64_t offset = 5000000000ll;

	(void)state;
	for (int64_t ns = 0; ns < 200; ns++) {
		struct clock_pair pair = { .ticks = (uint64_t)ns * 1000000,
					   .monotonic_ns = ns * 1000000,
					   .realtime_error_ns = 4 };

		if (ns == 100)
			offset += 3600000000000ll;
		pair.realtime_ns = pair.monotonic_ns + offset + ns % 7;	/* noise is no step */
		clock_add(&clock, &pair);
	}
	assert_int_equal(clock.step_count, 2);
	assert_int_equal(clock_from_realtime(&clock, 5050000000ull), 50000000);
	assert_true(llabs(clock_from_realtime(&clock, 3605150000000ull) - 150000000) < 10);
	assert_int_equal(clock.realtime_error_ns, 4);
	assert_true(llabs(clock_realtime_moved(&clock) - 3600000000000ll) < 10);
}

/* Where the difference of the clocks can be read exactly, nothing is too small to follow. */
static void test_small_steps_of_the_wall_clock(void **state)
{
	static struct clock_anchor anchors[CLOCK_ANCHORS];
	struct clock clock = { .anchors = anchors };

	(void)state;
	for (int64_t ns = 0; ns < 200; ns++) {
		struct clock_pair pair = { .ticks = (uint64_t)ns * 1000000,
					   .monotonic_ns = ns * 1000000 };

		pair.realtime_ns = pair.monotonic_ns + 5000 + (ns >= 100 ? 300 : 0);
		clock_add(&clock, &pair);
	}
	assert_int_equal(clock.step_count, 2);
	assert_int_equal(clock_from_realtime(&clock, 50005000), 50000000);
	assert_int_equal(clock_from_realtime(&clock, 150005300), 150000000);
	assert_int_equal(clock_realtime_moved(&clock), 300);
	assert_int_equal(clock_drift_ppb(&clock), 0);
}

static void test_live_ticks(void **state)
{
	struct clock clock;
	struct timespec pause = { .tv_nsec = 3000000 };

	(void)state;
	assert_int_equal(clock_init(&clock), 0);
	for (int i = 0; i < 10; i++) {
		uint64_t before = producer_now(), ticks = clock_ticks(), after = producer_now();
		int64_t got;

		nanosleep(&pause, NULL);
		clock_sample(&clock);
		got = clock_from_ticks(&clock, ticks);
		assert_true(got >= clock_from_monotonic(&clock, before) - 1000);
		assert_true(got <= clock_from_monotonic(&clock, after) + 1000);
	}
	clock_free(&clock);
}

struct covered {
	unsigned char *map;
	int64_t size, twice;
};

static void note(void *owner, int64_t start, int64_t end)
{
	struct covered *c = owner;

	for (int64_t i = start; i < end; i++)
		c->twice += c->map[i]++ != 0;
}

static void test_union_equals_brute_force(void **state)
{
	enum { SIZE = 60000 };
	static unsigned char wanted[SIZE], got[SIZE];

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct covered c = { .map = got, .size = SIZE };
		struct busy busy = { .covered = note, .owner = &c };
		int64_t total = 0, at = 0;
		int disorder = 1 + (int)(test_random() % 3000);

		memset(wanted, 0, sizeof(wanted));
		memset(got, 0, sizeof(got));
		for (int i = 0; i < 400; i++) {
			int64_t start = at + test_random() % (uint32_t)disorder;
			int64_t end = start + test_random() % 200;

			at += test_random() % 150;
			if (end >= SIZE)
				break;
			memset(wanted + start, 1, (size_t)(end - start));
			busy_add(&busy, start, end);
			if (test_random() % 30 == 0)
				busy_merge(&busy);
		}
		busy_merge(&busy);
		for (int i = 0; i < SIZE; i++)
			total += wanted[i];
		assert_int_equal(busy.total_ns, total);
		assert_int_equal(busy.late_ns, 0);
		assert_int_equal(c.twice, 0);
		assert_memory_equal(wanted, got, SIZE);
		busy_free(&busy);
	}
}

static void test_union_is_bounded(void **state)
{
	struct busy busy = { .spans_max = 100 };

	(void)state;
	for (int64_t i = 0; i < 100000; i++)
		busy_add(&busy, i * 10, i * 10 + 5);
	busy_add(&busy, 3, 8);		/* long forgotten */
	busy_merge(&busy);
	assert_int_equal(busy.total_ns, 500000);
	assert_int_equal(busy.late_ns, 5);
	assert_true(busy.span_count <= 100);
	busy_free(&busy);
}

static void test_interning(void **state)
{
	struct intern table = { .key_bytes = 12, .limit = 5000 };
	bool is_new;

	(void)state;
	for (uint32_t i = 0; i < 6000; i++) {
		uint32_t key[3] = { i * 7, i % 3, 9 };

		assert_int_equal(intern_add(&table, key, &is_new), i < 5000 ? i : INTERN_NONE);
		assert_int_equal(is_new, i < 5000);
	}
	for (uint32_t i = 0; i < 5000; i++) {
		uint32_t key[3] = { i * 7, i % 3, 9 };

		assert_int_equal(intern_add(&table, key, &is_new), i);
		assert_false(is_new);
		assert_memory_equal(intern_key(&table, i), key, sizeof(key));
	}
	intern_free(&table);
}

static void test_join_table_forgets(void **state)
{
	static unsigned char there[4096];
	struct join join = { .keys = NULL };

	(void)state;
	memset(there, 0, sizeof(there));
	for (int i = 0; i < 200000; i++) {
		uint32_t key = test_random() % 4096;

		if (test_random() % 2) {
			assert_true(join_set(&join, key, (struct place){ PLACE_LAUNCH, key }));
			there[key] = 1;
		} else {
			join_remove(&join, key);
			there[key] = 0;
		}
		key = test_random() % 4096;
		assert_int_equal(join_find(&join, key).kind,
				 there[key] ? PLACE_LAUNCH : PLACE_NONE);
		if (there[key])
			assert_int_equal(join_find(&join, key).index, key);
	}
	join_free(&join);
}

static void test_sorting(void **state)
{
	struct pair pairs[500], scratch[500];

	(void)state;
	for (int round = 0; round < 2000; round++) {
		uint32_t count = test_random() % 500, runs = 1 + test_random() % 40;

		for (uint32_t i = 0; i < count; i++)
			pairs[i] = (struct pair){
				.key = (int64_t)(i * runs % (count | 1)) +
				       (int64_t)(test_random() % 3),
				.value = i,
			};
		pairs_sort(pairs, count, scratch);
		for (uint32_t i = 1; i < count; i++)
			assert_true(pairs[i - 1].key < pairs[i].key ||
				    (pairs[i - 1].key == pairs[i].key &&
				     pairs[i - 1].value < pairs[i].value));
	}
}

static void test_names(void **state)
{
	static const char *const names[][2] = {
		{ "plain_kernel", "plain_kernel" },
		{ "_Z6kernelIfEvPT_i", "kernel" },
		{ "_ZN2at6native12_GLOBAL__N_16reduceILi4EEEvPf", "reduce" },
		{ "void at::native::vectorized_elementwise_kernel<4, "
		  "at::native::CUDAFunctor_add<float>, "
		  "std::array<char*, 3ul> >(int, at::native::CUDAFunctor_add<float>, "
		  "std::array<char*, 3ul>)",
		  "vectorized_elementwise_kernel" },
		{ "void (anonymous namespace)::softmax<float, (int)4>(float*)", "softmax" },
		{ "void f<&(g<(A)1>(int)), (bool)0>()", "f" },
		{ "Thing::operator()(int) const", "operator()" },
		{ "bool Thing<int>::operator< <float>(Thing const&)", "operator<" },
		{ "void cub::detail::for_each::static_kernel<x, long, op::{lambda(long)#1}>(long, "
		  "x)",
		  "static_kernel" },
		{ "triton_poi_fused_add_0", "triton_poi_fused_add_0" },
		{ "", "?" },
		{ "<", "?" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *name = name_demangle(names[i][0]), *shorter = name_shorten(name);

		assert_string_equal(shorter, names[i][1]);
		free(name);
		free(shorter);
	}
	for (int i = 0; i < 20000; i++) {	/* any text gives some name */
		char text[40];
		char *shorter;
		uint32_t length = test_random() % 39;

		for (uint32_t k = 0; k < length; k++)
			text[k] = "<>(){}[]:: ab-operator(anonymous namespace)"[test_random() % 43];
		text[length] = '\0';
		shorter = name_shorten(text);
		assert_true(strlen(shorter) <= (length ? length : 1));
		free(shorter);
	}
}

static void test_occupancy(void **state)
{
	struct wire_def_device h100 = {
		.cc_major = 9, .sm_count = 132, .max_threads_per_sm = 2048, .max_blocks_per_sm = 32,
		.registers_per_sm = 65536, .registers_per_block = 65536,
		.shared_per_sm_bytes = 228 << 10, .shared_per_block_bytes = 48 << 10,
		.shared_optin_bytes = 227 << 10, .shared_reserved_bytes = 1024,
	};
	static const struct {
		struct occupancy_launch launch;
		int blocks;
		const char *limiter;
		int64_t waves_x1000;
	} cases[] = {
		{ { .block_threads = 256, .registers = 32, .blocks = 132 * 8 }, 8, "warps", 1000 },
		{ { .block_threads = 256, .registers = 64, .blocks = 132 * 2 },
		  4,
		  "registers",
		  500 },
		{ { .block_threads = 256, .registers = 65, .blocks = 1 }, 3, "registers", 2 },
		{ { .block_threads = 32, .registers = 16, .blocks = 1 }, 32, "blocks", 0 },
		{ { .block_threads = 1024, .registers = 255, .blocks = 1 }, 0, "registers", 0 },
		{ { .block_threads = 128,
		    .registers = 16,
		    .static_shared_bytes = 40 << 10,
		    .blocks = 1 },
		  5,
		  "shared",
		  1 },
		{ { .block_threads = 128,
		    .registers = 16,
		    .dynamic_shared_bytes = 200 << 10,
		    .max_dynamic_shared_bytes = 200 << 10,
		    .blocks = 264 },
		  1,
		  "shared",
		  2000 },
		{ { .block_threads = 128,
		    .registers = 16,
		    .dynamic_shared_bytes = 60 << 10,
		    .blocks = 1 },
		  0,
		  "shared",
		  0 },
		{ { .block_threads = 1025, .registers = 16, .blocks = 1 }, 0, "warps", 0 },
	};
	struct wire_def_device unknown = { .cc_major = 9 };
	struct occupancy o;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(occupancy_compute(&h100, &cases[i].launch, &o), 0);
		assert_int_equal(o.blocks_per_sm, cases[i].blocks);
		assert_string_equal(o.limiter, cases[i].limiter);
		assert_int_equal(o.waves_x1000, cases[i].waves_x1000);
	}
	assert_int_equal(occupancy_compute(&unknown, &cases[0].launch, &o), -1);
}

/* Mended in pieces of each size, the same comes out. */
static void test_mending(void **state)
{
	static const struct { const char *broken, *whole; unsigned places; } pairs[] = {
		{ "\xef\xbb\xbf{}", "{}", 1 },
		{ "{\"a\": [-inf, NaN,-nan,Infinity ,1e-5, -2, 3E+5]}",
		  "{\"a\": [null ,null,null,null ,1e-5 ,-2 ,3E+5]}", 4 },
		{ "{\"a\":[1, ] ,\n}", "{\"a\":[1 ] \n}", 2 },
		{ "\"C:\\users\\\\x\\q\\u00e9\\u12\\\"\"", "\"C:\\\\users\\\\x\\\\q\\u00e9\\\\u12\\\"\"", 3 },
		{ "\"a\tb, ] nan\"", "\"a b, ] nan\"", 1 },
		{ "[true,false,null,\"nan\",-5.5,{\"inf\":[]}]",
		  "[true,false,null,\"nan\",-5.5,{\"inf\":[]}]", 0 },
		{ "[1,,nanometre,-", "[1,,nanometre,-", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		for (size_t piece = 1; piece <= strlen(pairs[i].broken); piece++) {
			const char *in = pairs[i].broken, *end = in + strlen(in);
			unsigned char out[512] = "";
			struct mend mend = { 0 };
			size_t used = 0;

			while (in < end) {
				size_t left = (size_t)(end - in), bytes = piece < left ? piece : left;

				used += mend_bytes(&mend, (const unsigned char *)in, bytes, out + used);
				in += bytes;
			}
			used += mend_end(&mend, out + used);
			assert_string_equal((char *)out, pairs[i].whole);
			assert_int_equal(used, strlen(pairs[i].whole));
			assert_int_equal(mend.mended, pairs[i].places);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ticks_follow_a_drifting_clock),
		cmocka_unit_test(test_step_of_the_wall_clock),
		cmocka_unit_test(test_small_steps_of_the_wall_clock),
		cmocka_unit_test(test_live_ticks),
		cmocka_unit_test(test_union_equals_brute_force),
		cmocka_unit_test(test_union_is_bounded),
		cmocka_unit_test(test_interning),
		cmocka_unit_test(test_join_table_forgets),
		cmocka_unit_test(test_sorting),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_mending),
		cmocka_unit_test(test_occupancy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
