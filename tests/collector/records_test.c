/* SPDX-License-Identifier: Apache-2.0 */
/* Records to rows: every kind lands, joins hold in any order, nothing is lost in silence. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "collector/fixture.h"

#define US 1000ull
#define MS 1000000ull
#define CALL_HEAD(type, kind_, api_) { .bytes = sizeof(type), .kind = (kind_), .api = (api_) }

static struct wire_copy a_copy(uint64_t begin, uint32_t correlation)
{
	return (struct wire_copy){
		.call = { .head = CALL_HEAD(struct wire_copy, WIRE_COPY, API_cuMemcpyHtoDAsync_v2),
			  .begin = begin,
			  .end = begin + 5 * US,
			  .correlation = correlation,
			  .context = 1 },
		.stream = PRODUCER_STREAM,
		.bytes = 4096,
		.copy_kind = 1,
		.source_kind = 2,
		.destination_kind = 3,
		.is_async = 1,
	};
}

static struct wire_memory a_memory(uint64_t begin, int op, int kind, uint64_t address,
				   uint64_t bytes)
{
	return (struct wire_memory){
		.call = { .head = CALL_HEAD(struct wire_memory, WIRE_MEMORY, API_cuMemAlloc_v2),
			  .begin = begin, .end = begin + US, .context = 1 },
		.address = address, .bytes = bytes, .op = (uint8_t)op, .kind = (uint8_t)kind,
	};
}

static void test_every_kind_lands(void **state)
{
	struct fixture f;
	struct wire_launch launch;
	struct wire_gpu_kernel kernel;
	struct wire_copy copy;
	struct wire_gpu_copy gpu_copy;
	struct wire_set set;
	struct wire_gpu_set gpu_set;
	struct wire_memory memory;
	struct wire_call call;
	struct wire_object object;
	struct wire_graph_launch graph;
	struct wire_def_thread thread = {
		.head = { .bytes = sizeof(thread), .kind = WIRE_DEF_THREAD },
		.tid = 4711,
		.name = "worker",
	};

	(void)state;
	fixture_start(&f, 65536, WIRE_CLOCK_MONOTONIC);
	PUSH(&f.producer, 0, thread);
	producer_define(&f.producer, 0);
	launch = producer_launch(f.now, f.now + 3 * US, 1);
	PUSH(&f.producer, 0, launch);
	kernel = producer_kernel(f.now + 10 * US, f.now + 30 * US, 1);
	PUSH(&f.producer, 1, kernel);
	copy = a_copy(f.now + 4 * US, 2);
	PUSH(&f.producer, 0, copy);
	gpu_copy = (struct wire_gpu_copy){ .gpu = kernel.gpu, .bytes = 4096, .copy_kind = 1,
					   .source_kind = 2, .destination_kind = 3, .is_async = 1 };
	gpu_copy.gpu.head.bytes = sizeof(gpu_copy);
	gpu_copy.gpu.head.kind = WIRE_GPU_COPY;
	gpu_copy.gpu.correlation = 2;
	gpu_copy.gpu.start = f.now + 40 * US;
	gpu_copy.gpu.end = f.now + 45 * US;
	PUSH(&f.producer, 1, gpu_copy);
	set = (struct wire_set){
		.call = { .head = CALL_HEAD(struct wire_set, WIRE_SET, API_cuMemsetD8Async),
			  .begin = f.now + 10 * US,
			  .end = f.now + 11 * US,
			  .correlation = 3,
			  .context = 1 },
		.stream = PRODUCER_STREAM,
		.bytes = 100,
		.memory_kind = 3,
		.is_async = 1,
	};
	PUSH(&f.producer, 0, set);
	gpu_set = (struct wire_gpu_set){ .gpu = gpu_copy.gpu, .bytes = 100, .memory_kind = 3 };
	gpu_set.gpu.head.kind = WIRE_GPU_SET;
	gpu_set.gpu.correlation = 3;
	gpu_set.gpu.start = f.now + 50 * US;
	gpu_set.gpu.end = f.now + 51 * US;
	PUSH(&f.producer, 1, gpu_set);
	memory = a_memory(f.now + 12 * US, WIRE_MEMORY_ALLOC, WIRE_MEMORY_DEVICE, 0x7000, 1 << 20);
	PUSH(&f.producer, 0, memory);
	call = (struct wire_call){ .head = CALL_HEAD(struct wire_call, WIRE_CALL, API_cuInit),
				   .begin = f.now + 13 * US, .end = f.now + 14 * US };
	PUSH(&f.producer, 0, call);
	object = (struct wire_object){
		.call = { .head = CALL_HEAD(struct wire_object, WIRE_OBJECT,
					    API_cuStreamSynchronize),
			  .begin = f.now + 15 * US,
			  .end = f.now + 60 * US,
			  .context = 1 },
		.object = PRODUCER_STREAM,
		.second = 2,
		.value = 3,
	};
	PUSH(&f.producer, 0, object);
	graph = (struct wire_graph_launch){
		.call = { .head = CALL_HEAD(struct wire_graph_launch, WIRE_GRAPH_LAUNCH,
					    API_cuGraphLaunch),
			  .begin = f.now + 61 * US,
			  .end = f.now + 62 * US,
			  .correlation = 4,
			  .context = 1 },
		.stream = PRODUCER_STREAM,
		.graph_exec = 0x9000,
	};
	PUSH(&f.producer, 0, graph);
	producer_define_string(&f.producer, 1, 1, "_Z6kernelIfEvPT_i");
	kernel = producer_kernel(f.now + 70 * US, f.now + 80 * US, 4);
	kernel.gpu.graph = 5;
	kernel.gpu.graph_node = 77;
	PUSH(&f.producer, 1, kernel);
	fixture_finish(&f);

	assert_string_equal(ask_text(&f, "SELECT value FROM meta WHERE key='state'"), "complete");
	assert_int_equal(ask(&f, "SELECT count(*) FROM launch"), 1);
	assert_int_equal(ask(&f, "SELECT dur_ns FROM launch"), 3 * US);
	assert_int_equal(ask(&f, "SELECT gpu_delay_ns FROM launch"), 10 * US);
	assert_int_equal(ask(&f, "SELECT gpu_dur_ns FROM launch"), 20 * US);
	assert_string_equal(ask_text(&f, "SELECT t.name FROM launch l JOIN thread t ON t.id = "
					 "l.thread"),
			    "worker");
	assert_int_equal(ask(&f, "SELECT s.number FROM launch l JOIN stream s ON s.id = l.stream"),
			 7);
	assert_string_equal(ask_text(&f, "SELECT k.name FROM launch l JOIN shape s ON s.id = "
					 "l.shape"
					 " JOIN kernel k ON k.id = s.kernel"),
			    "void kernel<float>(float*, int)");
	assert_string_equal(ask_text(&f, "SELECT short_name FROM kernel"), "kernel");
	assert_int_equal(ask(&f, "SELECT blocks_per_sm FROM shape"), 8);
	assert_string_equal(ask_text(&f, "SELECT limiter FROM shape"), "warps");
	assert_string_equal(ask_text(&f, "SELECT a.name FROM launch l JOIN api a ON a.id = l.api"),
			    "cuLaunchKernel");
	assert_int_equal(ask(&f, "SELECT count(*) FROM copy"), 2);
	assert_int_equal(ask(&f, "SELECT gpu_dur_ns FROM copy WHERE kind = 1 + 2*256 + 3*65536 + "
				 "(1<<24)"),
			 5 * US);
	assert_int_equal(ask(&f, "SELECT gpu_dur_ns FROM copy WHERE kind & 255 = 64"), US);
	assert_int_equal(ask(&f, "SELECT address FROM memory WHERE device = 1 AND bytes = 1048576"),
			 0x7000);
	assert_int_equal(ask(&f, "SELECT live_bytes FROM sum_memory"), 1 << 20);
	assert_int_equal(ask(&f, "SELECT count(*) FROM call"), 2);
	assert_int_equal(ask(&f, "SELECT value FROM call WHERE object = 20480 AND second = 2"), 3);
	assert_int_equal(ask(&f, "SELECT nodes FROM graph_launch"), 1);
	assert_int_equal(ask(&f, "SELECT number FROM graph"), 5);
	assert_int_equal(ask(&f, "SELECT node FROM node n JOIN graph_launch g ON g.id = "
				 "n.graph_launch"),
			 77);
	assert_string_equal(ask_text(&f, "SELECT name FROM device"), "Test device");
	assert_string_equal(ask_text(&f, "SELECT state FROM process"), "exited");
	assert_int_equal(ask(&f, "SELECT count(*) FROM counter WHERE name NOT IN"
				 " ('gpu_joined', 'calls_linked')"), 0);
	assert_int_equal(ask(&f, "SELECT kernels FROM sum_device WHERE device = 1"), 2);
	fixture_remove(&f);
}

/* Host and GPU records of `count` launches in a random order over the rings. */
static void test_join_in_any_order(void **state)
{
	enum { COUNT = 5000 };
	static uint32_t order[2 * COUNT];
	struct fixture f;

	(void)state;
	for (uint32_t i = 0; i < 2 * COUNT; i++)
		order[i] = i;
	for (uint32_t i = 2 * COUNT - 1; i > 0; i--) {
		uint32_t j = test_random() % (i + 1), swap = order[i];

		order[i] = order[j];
		order[j] = swap;
	}
	fixture_start(&f, 1 << 18, WIRE_CLOCK_MONOTONIC);
	for (uint32_t i = 0; i < 2 * COUNT; i++) {
		uint32_t n = order[i] / 2;
		uint64_t at = f.now + n * 10 * US;
		struct wire_launch launch = producer_launch(at, at + US, n + 1);
		struct wire_gpu_kernel kernel =
			producer_kernel(at + 100 * US, at + 100 * US + n + 1, n + 1);

		if (order[i] & 1)
			assert_true(PUSH(&f.producer, (int)(n % 2), launch));
		else
			assert_true(PUSH(&f.producer, 2 + (int)(n % 2), kernel));
		if (i % 500 == 0)
			fixture_step(&f);
	}
	producer_define(&f.producer, 3);	/* definitions may come last */
	fixture_finish(&f);
	assert_int_equal(ask(&f, "SELECT count(*) FROM launch"), COUNT);
	/* Each has the times of its own kernel: the duration is its number. */
	assert_int_equal(ask(&f, "SELECT count(*) FROM launch WHERE gpu_delay_ns = 100000"), COUNT);
	assert_int_equal(ask(&f, "SELECT count(*) FROM launch WHERE gpu_dur_ns ="
				 " (start_ns - (SELECT min(start_ns) FROM launch)) / 10000 + 1"),
			 COUNT);
	assert_int_equal(ask(&f, "SELECT count(*) FROM (SELECT start_ns < lag(start_ns) OVER "
				 "(ORDER BY id)"
				 " AS wrong FROM launch) WHERE wrong"),
			 0);
	assert_int_equal(ask(&f, "SELECT count(*) FROM orphan"), 0);
	assert_int_equal(ask(&f, "SELECT count(*) FROM counter WHERE name NOT IN"
				 " ('gpu_joined', 'calls_linked')"), 0);
	fixture_remove(&f);
}

static void test_duplicates_extras_orphans(void **state)
{
	struct fixture f;
	struct wire_launch launch;
	struct wire_gpu_kernel kernel;

	(void)state;
	fixture_start(&f, 65536, WIRE_CLOCK_MONOTONIC);
	producer_define(&f.producer, 0);
	producer_define_string(&f.producer, 1, 1, "plain_c_kernel");
	launch = producer_launch(f.now, f.now + US, 1);
	PUSH(&f.producer, 0, launch);
	kernel = producer_kernel(f.now + 10 * US, f.now + 20 * US, 1);
	PUSH(&f.producer, 1, kernel);
	PUSH(&f.producer, 1, kernel);			/* the same again */
	kernel.gpu.start += 20 * US;
	kernel.gpu.end += 20 * US;
	PUSH(&f.producer, 1, kernel);			/* another one of the same call */
	kernel = producer_kernel(f.now + 50 * US, f.now + 60 * US, 99);
	PUSH(&f.producer, 1, kernel);			/* nobody launched it */
	kernel = producer_kernel(f.now + 70 * US, f.now + 80 * US, 0);
	PUSH(&f.producer, 1, kernel);			/* no correlation at all */
	launch = producer_launch(f.now + 90 * US, f.now + 91 * US, 5);
	PUSH(&f.producer, 0, launch);			/* its kernel never shows up */
	kernel = producer_kernel(f.now + 92 * US, f.now + 93 * US, 0);
	kernel.gpu.head.result |= WIRE_GPU_DEVICE_LAUNCHED;
	kernel.gpu.graph = 7;
	PUSH(&f.producer, 1, kernel);			/* launched by a kernel */
	fixture_finish(&f);
	assert_int_equal(ask(&f, "SELECT value FROM counter WHERE name = 'gpu_by_device'"), 1);
	assert_int_equal(ask(&f, "SELECT s.flags FROM node n JOIN shape s ON s.id = n.shape"), 256);
	assert_int_equal(ask(&f, "SELECT count(*) FROM orphan o JOIN shape s ON s.id = o.shape"
				 " WHERE s.flags <> 0"), 0);
	assert_int_equal(ask(&f, "SELECT count(*) FROM launch"), 2);
	assert_int_equal(ask(&f, "SELECT count(*) FROM launch WHERE gpu_dur_ns = 10000"), 1);
	assert_int_equal(ask(&f, "SELECT count(*) FROM orphan"), 3);
	assert_int_equal(ask(&f, "SELECT value FROM counter WHERE name = 'gpu_duplicates'"), 1);
	assert_int_equal(ask(&f, "SELECT value FROM counter WHERE name = 'gpu_extra'"), 1);
	assert_int_equal(ask(&f, "SELECT value FROM counter WHERE name = 'gpu_orphans'"), 2);
	assert_int_equal(ask(&f, "SELECT value FROM counter WHERE name = 'gpu_missing'"), 1);
	assert_string_equal(ask_text(&f, "SELECT k.short_name FROM orphan o JOIN shape s ON s.id = "
					 "o.shape"
					 " JOIN kernel k ON k.id = s.kernel WHERE o.correlation = "
					 "99"),
			    "plain_c_kernel");
	assert_int_equal(ask(&f, "SELECT busy_ns FROM sum_device WHERE device = 1"), 41 * US);
	fixture_remove(&f);
}

static void test_forced_rows_are_completed_late(void **state)
{
	enum { COUNT = 1000, ROWS = 64 };
	struct fixture f;

	(void)state;
	fixture_start(&f, 1 << 18, WIRE_CLOCK_MONOTONIC);
	f.collector->windows[TABLE_LAUNCH].rows_max = ROWS;
	producer_define(&f.producer, 0);
	for (uint32_t i = 0; i < COUNT; i++) {
		struct wire_launch launch =
			producer_launch(f.now + i * US, f.now + i * US + 500, i + 1);

		assert_true(PUSH(&f.producer, 0, launch));
	}
	fixture_step(&f);
	for (uint32_t i = 0; i < COUNT; i++) {
		struct wire_gpu_kernel kernel =
			producer_kernel(f.now + i * US + 10, f.now + i * US + 20, i + 1);

		assert_true(PUSH(&f.producer, 1, kernel));
	}
	fixture_finish(&f);
	assert_int_equal(ask(&f, "SELECT count(*) FROM launch"), COUNT);
	assert_int_equal(ask(&f, "SELECT value FROM counter WHERE name = 'rows_forced'"),
			 COUNT - ROWS);
	/* Those that had to go lost their partner, which says so. */
	assert_int_equal(ask(&f, "SELECT count(*) FROM launch WHERE gpu_dur_ns IS NOT NULL"), ROWS);
	assert_int_equal(ask(&f, "SELECT count(*) FROM orphan"), COUNT - ROWS);
	assert_int_equal(ask(&f, "SELECT kernels FROM sum_device WHERE device = 1"),
			 2 * COUNT - ROWS);
	fixture_remove(&f);
}

static void test_graph_nodes(void **state)
{
	enum { NODES = 2000 };
	struct fixture f;
	struct wire_graph_launch graph;
	struct wire_gpu_copy copy;

	(void)state;
	fixture_start(&f, 1 << 19, WIRE_CLOCK_MONOTONIC);
	producer_define(&f.producer, 0);
	producer_define_string(&f.producer, 1, 1, "node_kernel");
	for (uint32_t i = 0; i < NODES; i++) {
		struct wire_gpu_kernel kernel = producer_kernel(f.now + (10 + i) * US,
								f.now + (10 + i) * US + 700, 8);

		kernel.gpu.graph = 3;
		kernel.gpu.graph_node = i + 1;
		kernel.gpu.stream = 20 + i % 2;
		assert_true(PUSH(&f.producer, 1, kernel));
		if (i == NODES / 2) {	/* half of them are there before the launch is */
			fixture_step(&f);
			graph = (struct wire_graph_launch){
				.call = { .head = CALL_HEAD(struct wire_graph_launch,
							    WIRE_GRAPH_LAUNCH, API_cuGraphLaunch),
					  .begin = f.now,
					  .end = f.now + 5 * US,
					  .correlation = 8,
					  .context = 1 },
				.stream = PRODUCER_STREAM,
				.graph_exec = 0x9000,
			};
			PUSH(&f.producer, 0, graph);
			fixture_step(&f);
		}
	}
	copy = (struct wire_gpu_copy){
		.gpu = producer_kernel(f.now + 2500 * US, f.now + 2501 * US, 8).gpu,
		.bytes = 10,
		.copy_kind = 8,
	};
	copy.gpu.head.kind = WIRE_GPU_COPY;
	copy.gpu.head.bytes = sizeof(copy);
	copy.gpu.graph = 3;
	PUSH(&f.producer, 1, copy);
	fixture_finish(&f);
	assert_int_equal(ask(&f, "SELECT count(*) FROM node WHERE graph_launch = 1"), NODES);
	assert_int_equal(ask(&f, "SELECT count(DISTINCT node) FROM node"), NODES);
	assert_int_equal(ask(&f, "SELECT count(DISTINCT stream) FROM node"), 2);
	assert_int_equal(ask(&f, "SELECT nodes FROM graph_launch"), NODES + 1);
	assert_int_equal(ask(&f, "SELECT gpu_delay_ns FROM graph_launch"), 10 * US);
	assert_int_equal(ask(&f, "SELECT gpu_dur_ns FROM graph_launch"), 2491 * US);
	assert_int_equal(ask(&f, "SELECT count(*) FROM copy WHERE graph_launch = 1 AND "
				 "gpu_delay_ns = 0"),
			 1);
	assert_int_equal(ask(&f, "SELECT nodes FROM graph"), NODES + 1);
	assert_int_equal(ask(&f, "SELECT busy_ns FROM sum_device WHERE device = 1"),
			 NODES * 700 + 1000);
	assert_int_equal(ask(&f, "SELECT count(*) FROM orphan"), 0);
	fixture_remove(&f);
}

static void test_failed_and_captured(void **state)
{
	struct fixture f;
	struct wire_launch launch;
	struct wire_memory memory;

	(void)state;
	fixture_start(&f, 65536, WIRE_CLOCK_MONOTONIC);
	producer_define(&f.producer, 0);
	launch = producer_launch(f.now, f.now + US, 1);
	launch.call.head.result = 719;
	PUSH(&f.producer, 0, launch);
	launch = producer_launch(f.now + 2 * US, f.now + 3 * US, 2);
	launch.flags = WIRE_LAUNCH_CAPTURED;
	PUSH(&f.producer, 0, launch);
	memory = a_memory(f.now + 4 * US, WIRE_MEMORY_ALLOC, WIRE_MEMORY_DEVICE, 0, 1ull << 50);
	memory.call.head.result = 2;
	PUSH(&f.producer, 0, memory);
	memory = a_memory(f.now + 6 * US, WIRE_MEMORY_FREE, WIRE_MEMORY_DEVICE, 0xdead000, 0);
	PUSH(&f.producer, 0, memory);
	launch = producer_launch(f.now + 8 * US, f.now + 9 * US, 3);
	launch.call.head.result = 600;	/* not ready: an answer */
	PUSH(&f.producer, 0, launch);
	fixture_finish(&f);
	assert_int_equal(ask(&f, "SELECT count(*) FROM launch"), 0);
	assert_int_equal(ask(&f, "SELECT count(*) FROM call"), 4);
	assert_string_equal(ask_text(&f, "SELECT r.name FROM call c JOIN result r ON r.id = "
					 "c.result"
					 " WHERE c.result NOT IN (0, 2, 600)"),
			    "CUDA_ERROR_LAUNCH_FAILED");
	assert_int_equal(ask(&f, "SELECT failed FROM sum_api s JOIN api a ON a.id = s.api"
			     " WHERE a.name = 'cuLaunchKernel'"), 1);
	assert_int_equal(ask(&f, "SELECT failed FROM sum_memory"), 1);
	assert_int_equal(ask(&f, "SELECT value FROM counter WHERE name = 'captured_launches'"), 1);
	assert_int_equal(ask(&f, "SELECT value FROM counter WHERE name = 'failed_calls'"), 2);
	assert_int_equal(ask(&f, "SELECT value FROM counter WHERE name = 'unknown_frees'"), 1);
	fixture_remove(&f);
}

static void test_memory_accounting(void **state)
{
	struct fixture f;
	struct wire_memory memory;
	uint64_t live = 0, high = 0, sizes[64] = { 0 };

	(void)state;
	fixture_start(&f, 1 << 18, WIRE_CLOCK_MONOTONIC);
	producer_define(&f.producer, 0);
	for (uint32_t i = 0; i < 2000; i++) {
		uint32_t slot = test_random() % 64;

		if (sizes[slot]) {
			memory = a_memory(f.now + i * 100 * US, WIRE_MEMORY_FREE,
					  WIRE_MEMORY_DEVICE, 0x10000 + slot * 0x1000, 0);
			live -= sizes[slot];
			sizes[slot] = 0;
		} else {
			sizes[slot] = 1 + test_random() % 100000;
			live += sizes[slot];
			memory = a_memory(f.now + i * 100 * US, WIRE_MEMORY_ALLOC,
					  WIRE_MEMORY_DEVICE, 0x10000 + slot * 0x1000, sizes[slot]);
		}
		high = live > high ? live : high;
		assert_true(PUSH(&f.producer, 0, memory));
	}
	/* Buckets keep the most of their time: a last change alone in its one tells what was before. */
	memory = a_memory(f.now + 300 * MS, WIRE_MEMORY_ALLOC, WIRE_MEMORY_DEVICE, 0x1000, 7);
	assert_true(PUSH(&f.producer, 0, memory));
	fixture_finish(&f);
	assert_int_equal(ask(&f, "SELECT live_bytes FROM sum_memory"), live + 7);
	assert_int_equal(ask(&f, "SELECT high_bytes FROM sum_memory"), high);
	assert_int_equal(ask(&f, "SELECT allocs + frees FROM sum_memory"), 2001);
	for (int level = 0; level < 5; level++) {
		char sql[96];

		snprintf(sql, sizeof(sql), "SELECT max(live_bytes) FROM bucket WHERE level = %d",
			 level);
		assert_int_equal(ask(&f, sql), high);
	}
	assert_int_equal(ask(&f, "SELECT live_bytes FROM bucket WHERE level = 0 AND bucket ="
				 " (SELECT max(start_ns + dur_ns) / 10000000 FROM memory)"), live + 7);
	assert_int_equal(ask(&f, "SELECT live_bytes FROM bucket WHERE level = 0 AND bucket <"
				 " (SELECT max(start_ns + dur_ns) / 10000000 FROM memory)"
				 " ORDER BY bucket DESC"), live);
	fixture_remove(&f);
}

/* Physical memory goes with its handle or its last mapping, whichever is later. */
static void test_memory_that_is_mapped(void **state)
{
	static const struct { int op; uint64_t address, bytes, handle, live; } calls[] = {
		{ WIRE_MEMORY_ALLOC, 0x11, 100, 0, 100 },
		{ WIRE_MEMORY_ALLOC, 0x12, 30, 0, 130 },
		{ WIRE_MEMORY_MAP, 0x4000, 60, 0x11, 130 },
		{ WIRE_MEMORY_MAP, 0x4000 + 60, 40, 0x11, 130 },
		{ WIRE_MEMORY_FREE, 0x11, 0, 0, 130 },		/* still mapped, in two parts */
		{ WIRE_MEMORY_ALLOC, 0x11, 5, 0, 135 },		/* the handle's number comes again */
		{ WIRE_MEMORY_FREE, 0x12, 0, 0, 105 },		/* never mapped */
		{ WIRE_MEMORY_UNMAP, 0x4000, 60, 0, 105 },
		{ WIRE_MEMORY_UNMAP, 0x4000 + 60, 40, 0, 5 },
	};
	struct fixture f;

	(void)state;
	fixture_start(&f, 1 << 18, WIRE_CLOCK_MONOTONIC);
	producer_define(&f.producer, 0);
	for (uint32_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct wire_memory memory = a_memory(f.now + (i + 1) * 20 * MS, calls[i].op,
						     WIRE_MEMORY_VMM, calls[i].address,
						     calls[i].bytes);

		memory.pool = calls[i].handle;
		assert_true(PUSH(&f.producer, 0, memory));
	}
	fixture_finish(&f);
	for (uint32_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		char sql[256];

		snprintf(sql, sizeof(sql), "SELECT live_bytes FROM bucket WHERE level = 0 AND bucket"
			 " <= (SELECT (start_ns + dur_ns) / 10000000 + 1 FROM memory WHERE id = %u)"
			 " ORDER BY bucket DESC", i + 1);
		if (i + 1 < sizeof(calls) / sizeof(calls[0]))
			assert_int_equal(ask(&f, sql), calls[i].live);
	}
	assert_int_equal(ask(&f, "SELECT live_bytes FROM sum_memory"), 5);
	assert_int_equal(ask(&f, "SELECT high_bytes FROM sum_memory"), 135);
	assert_int_equal(ask(&f, "SELECT allocs FROM sum_memory"), 3);
	assert_int_equal(ask(&f, "SELECT frees FROM sum_memory"), 2);
	assert_int_equal(ask(&f, "SELECT count(*) FROM counter WHERE name = 'unknown_frees'"), 0);
	fixture_remove(&f);
}

static void test_ring_full_is_counted(void **state)
{
	struct fixture f;
	struct wire_launch launch;
	int refused = 0;

	(void)state;
	fixture_start(&f, 4096, WIRE_CLOCK_MONOTONIC);
	for (int i = 0; i < 100; i++) {
		launch = producer_launch(f.now + (uint64_t)i, f.now + (uint64_t)i, 0);
		refused += !PUSH(&f.producer, 0, launch);
	}
	assert_true(refused > 0);
	fixture_finish(&f);
	assert_int_equal(ask(&f, "SELECT count(*) FROM launch"), 100 - refused);
	assert_int_equal(ask(&f, "SELECT value FROM counter WHERE name = 'lost_records'"), refused);
	assert_int_equal(f.figures.lost, refused);
	fixture_remove(&f);
}

static void test_corrupt_ring_stops_alone(void **state)
{
	struct fixture f;
	struct wire_launch launch;
	uint64_t garbage[8] = { 0xffff000300020001ull };

	(void)state;
	fixture_start(&f, 4096, WIRE_CLOCK_MONOTONIC);
	launch = producer_launch(f.now, f.now, 0);
	PUSH(&f.producer, 0, launch);
	PUSH(&f.producer, 0, garbage);
	PUSH(&f.producer, 1, launch);
	fixture_step(&f);
	f.producer.control->rings[2].head = 1ull << 40;	/* more than the ring holds */
	f.producer.control->rings[3].offset = 1ull << 50;
	PUSH(&f.producer, 3, launch);
	PUSH(&f.producer, 1, launch);
	fixture_finish(&f);
	assert_int_equal(ask(&f, "SELECT count(*) FROM launch"), 3);
	assert_int_equal(ask(&f, "SELECT value FROM counter WHERE name = 'ring_corrupt'"), 3);
	fixture_remove(&f);
}

/* `texts`: bit i tells that value i is the length of a part of `text`. */
static void push_arguments(struct fixture *f, uint64_t begin, const char *names, uint32_t texts,
			   const char *text, const uint64_t *values, uint32_t count)
{
	union {
		struct wire_arguments arguments;
		char bytes[512];
	} u = { .arguments = {
		.call = { .head = { .kind = WIRE_ARGUMENTS, .api = API_cuModuleLoad },
			  .begin = begin, .end = begin + US },
		.count = count, .texts = texts, .names_bytes = (uint32_t)strlen(names) + 1,
	} };
	char *at = u.bytes + sizeof(u.arguments);

	memcpy(at, values, count * sizeof(*values));
	at += count * sizeof(*values);
	memcpy(at, names, strlen(names) + 1);
	at += strlen(names) + 1;
	memcpy(at, text, strlen(text));
	at += strlen(text);
	u.arguments.call.head.bytes = (uint16_t)((at - u.bytes + 7) & ~7);
	producer_push(&f->producer, 0, &u, u.arguments.call.head.bytes);
}

static void test_arguments_follow_their_call(void **state)
{
	struct fixture f;
	struct wire_memory memory;

	(void)state;
	fixture_start(&f, 65536, WIRE_CLOCK_MONOTONIC);
	producer_define(&f.producer, 0);
	for (uint64_t i = 0; i < 3; i++) {
		memory = a_memory(f.now + i * MS, WIRE_MEMORY_ALLOC, WIRE_MEMORY_HOST, 4096 * i, 64);
		PUSH(&f.producer, 0, memory);
		push_arguments(&f, f.now + i * MS, "p->one, two", 2, "a\"\n",
			       (uint64_t[]){ i / 2, 3 }, 2);
	}
	push_arguments(&f, f.now + 5 * MS, "Flags", 0, "", (uint64_t[]){ 7 }, 1);
	fixture_step(&f);
	fixture_finish(&f);
	assert_int_equal(ask(&f, "SELECT count(*) FROM arguments"), 2);
	assert_string_equal(ask_text(&f, "SELECT json FROM arguments ORDER BY id"),
			    "{\"one\":0,\"two\":\"a\\u0022\\u000a\"}");
	assert_int_equal(ask(&f, "SELECT group_concat(json_extract(json, '$.one'), '') FROM (SELECT"
			     " json FROM memory m JOIN call_arguments ca USING (start_ns, thread)"
			     " JOIN arguments a ON a.id = ca.arguments ORDER BY m.id)"), 1);
	assert_int_equal(ask(&f, "SELECT count(*) FROM call_arguments"), 3);
	assert_int_equal(ask(&f, "SELECT value FROM counter WHERE name = 'lost_arguments'"), 1);
	fixture_remove(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind_lands),
		cmocka_unit_test(test_join_in_any_order),
		cmocka_unit_test(test_duplicates_extras_orphans),
		cmocka_unit_test(test_forced_rows_are_completed_late),
		cmocka_unit_test(test_graph_nodes),
		cmocka_unit_test(test_failed_and_captured),
		cmocka_unit_test(test_memory_accounting),
		cmocka_unit_test(test_memory_that_is_mapped),
		cmocka_unit_test(test_arguments_follow_their_call),
		cmocka_unit_test(test_ring_full_is_counted),
		cmocka_unit_test(test_corrupt_ring_stops_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
