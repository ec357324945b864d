/* SPDX-License-Identifier: Apache-2.0 */
/* In what order, and when, the simulated device runs what streams give it. */
#include "sim/engine_world.h"

#include <pthread.h>
#include <string.h>

static CUstream stream_new(unsigned flags)
{
	CUstream stream;

	OK(cuStreamCreate(&stream, flags));
	return stream;
}

static void test_stream_order(void **unused)
{
	CUstream stream = stream_new(CU_STREAM_NON_BLOCKING);
	const struct row *before, *after;

	(void)unused;
	rows_skip();
	gate_close(stream);
	for (int i = 0; i < 50; i++)
		OK(launch(kernel_100us, 10, stream));
	assert_int_equal(cuStreamQuery(stream), CUDA_ERROR_NOT_READY);
	gate_open();
	OK(cuStreamSynchronize(stream));
	OK(cuStreamQuery(stream));
	rows_read();
	assert_int_equal(rows_of("kernel"), 50);
	for (size_t i = 0; i < 50; i++) {
		after = row_of("kernel", i);
		assert_int_equal(after->end_ns - after->start_ns, 100000);
		assert_true(after->start_ns > after->submit_ns);
		assert_string_equal(after->status, "done");
		if (i == 0)
			continue;
		before = row_of("kernel", i - 1);
		assert_true(after->start_ns > before->end_ns);
		assert_string_equal(after->cause, "stream");
		assert_int_equal(after->waited_for, before->id);
	}
	assert_string_equal(row_of("kernel", 0)->cause, "value");
	assert_int_equal(rows_of("sync"), 1);
	assert_true(row_of("sync", 0)->end_ns >= row_of("kernel", 49)->end_ns);
	OK(cuStreamDestroy_v2(stream));
	assert_int_equal(cuStreamQuery(stream), CUDA_ERROR_INVALID_HANDLE);
}

static void test_two_streams_overlap(void **unused)
{
	CUstream a = stream_new(CU_STREAM_NON_BLOCKING), b = stream_new(CU_STREAM_NON_BLOCKING);

	(void)unused;
	rows_skip();
	gate_close(a);
	gate_close(b);
	OK(launch(kernel_1ms, 10, a));
	OK(launch(kernel_1ms, 10, b));
	gate_open();
	OK(cuCtxSynchronize());
	rows_read();
	assert_true(rows_overlap(row_of("kernel", 0), row_of("kernel", 1)));
	assert_true(row_of("kernel", 0)->stream != row_of("kernel", 1)->stream);
}

/* Each of these kernels fills the device, so they take turns however many streams they use. */
static void test_full_device(void **unused)
{
	CUstream a = stream_new(CU_STREAM_NON_BLOCKING), b = stream_new(CU_STREAM_NON_BLOCKING);

	(void)unused;
	rows_skip();
	gate_close(a);
	gate_close(b);
	OK(launch(kernel_1ms, 100000, a));
	OK(launch(kernel_1ms, 100000, b));
	gate_open();
	OK(cuCtxSynchronize());
	rows_read();
	assert_false(rows_overlap(row_of("kernel", 0), row_of("kernel", 1)));
	assert_string_equal(row_of("kernel", 1)->cause, "sm");
	assert_int_equal(row_of("kernel", 1)->waited_for, row_of("kernel", 0)->id);
	assert_int_equal(row_of("kernel", 1)->start_ns, row_of("kernel", 0)->end_ns);
}

static void test_priority(void **unused)
{
	CUstream first = stream_new(CU_STREAM_NON_BLOCKING),
		 low = stream_new(CU_STREAM_NON_BLOCKING), high;
	unsigned long long id;
	int priority;

	(void)unused;
	OK(cuStreamCreateWithPriority(&high, CU_STREAM_NON_BLOCKING, -5));
	OK(cuStreamGetPriority(high, &priority));
	assert_true(priority < 0);
	OK(cuStreamGetId(high, &id));
	rows_skip();
	OK(launch(kernel_100ms, 100000, first));
	OK(launch(kernel_1ms, 100000, low));
	OK(launch(kernel_1ms, 100000, high));
	OK(cuCtxSynchronize());
	rows_read();
	assert_int_equal(row_of("kernel", 1)->stream, id);	/* rows come as they end */
	assert_true(row_of("kernel", 1)->end_ns <= row_of("kernel", 2)->start_ns);
}

static void test_events(void **unused)
{
	CUstream a = stream_new(CU_STREAM_NON_BLOCKING), b = stream_new(CU_STREAM_NON_BLOCKING);
	const struct row *first, *second;
	CUevent start, end;
	float ms;

	(void)unused;
	OK(cuEventCreate(&start, CU_EVENT_DEFAULT));
	OK(cuEventCreate(&end, CU_EVENT_DEFAULT));
	assert_int_equal(cuEventElapsedTime(&ms, start, end), CUDA_ERROR_INVALID_HANDLE);
	OK(cuEventQuery(start));
	rows_skip();
	gate_close(a);
	OK(launch(kernel_1ms, 10, a));
	OK(cuEventRecord(start, a));
	OK(cuStreamWaitEvent(b, start, 0));
	OK(launch(kernel_100us, 10, b));
	OK(cuEventRecord(end, b));
	assert_int_equal(cuEventQuery(end), CUDA_ERROR_NOT_READY);
	assert_int_equal(cuEventElapsedTime(&ms, start, end), CUDA_ERROR_NOT_READY);
	gate_open();
	OK(cuEventSynchronize(end));
	OK(cuEventElapsedTime(&ms, start, end));
	rows_read();
	first = row_of("kernel", 0);
	second = row_of("kernel", 1);
	assert_true(second->start_ns > first->end_ns);
	assert_string_equal(second->cause, "event");
	assert_int_equal(second->waited_for, first->id);
	assert_true(
		ms ==
		(float)((double)(row_of("record", 1)->end_ns - row_of("record", 0)->end_ns) / 1e6));
	assert_int_equal(row_of("record", 0)->end_ns, first->end_ns);
	OK(cuEventDestroy_v2(start));
	assert_int_equal(cuEventQuery(start), CUDA_ERROR_INVALID_HANDLE);
	OK(cuEventDestroy_v2(end));
}

static void test_untimed_event(void **unused)
{
	CUevent event, other;
	float ms;

	(void)unused;
	OK(cuEventCreate(&event, CU_EVENT_DISABLE_TIMING));
	OK(cuEventCreate(&other, CU_EVENT_DEFAULT));
	OK(cuEventRecord(event, NULL));
	OK(cuEventRecord(other, NULL));
	OK(cuEventSynchronize(other));
	assert_int_equal(cuEventElapsedTime(&ms, event, other), CUDA_ERROR_INVALID_HANDLE);
}

static void test_legacy_stream(void **unused)
{
	CUstream blocking = stream_new(CU_STREAM_DEFAULT),
		 free_running = stream_new(CU_STREAM_NON_BLOCKING);
	const struct row *before, *legacy, *after, *beside;

	(void)unused;
	rows_skip();
	gate_close(blocking);
	gate_close(free_running);
	OK(launch(kernel_1ms, 10, blocking));
	OK(launch(kernel_100us, 10, NULL));
	OK(launch(kernel_1ms, 20, blocking));
	OK(launch(kernel_1ms, 30, free_running));
	gate_open();
	OK(cuCtxSynchronize());
	rows_read();
	before = beside = legacy = after = NULL;
	for (size_t i = 0; i < 4; i++) {
		const struct row *row = row_of("kernel", i);

		if (strcmp(row->name, "kernel_100us") == 0)
			legacy = row;
		else if (strcmp(row->grid, "10,1,1") == 0)
			before = row;
		else if (strcmp(row->grid, "20,1,1") == 0)
			after = row;
		else
			beside = row;
	}
	assert_true(before && beside && legacy && after);
	assert_int_equal(legacy->stream, 7);
	assert_true(legacy->start_ns > before->end_ns);
	assert_true(after->start_ns > legacy->end_ns);
	assert_string_equal(legacy->cause, "legacy");
	assert_int_equal(legacy->waited_for, before->id);
	assert_int_equal(after->waited_for, legacy->id);
	assert_true(rows_overlap(before, beside));
}

static void test_wait_for_null_stream(void **unused)
{
	CUstream blocking = stream_new(CU_STREAM_DEFAULT),
		 apart = stream_new(CU_STREAM_NON_BLOCKING);

	(void)unused;
	gate_close(apart);
	OK(launch(kernel_100ms, 1, blocking));
	OK(cuStreamSynchronize(NULL));
	OK(cuStreamQuery(blocking));
	assert_int_equal(cuStreamQuery(apart), CUDA_ERROR_NOT_READY);
	gate_open();
	OK(cuStreamSynchronize(apart));
}

static void *use_thread_stream(void *id)
{
	uint64_t argument = 0;
	void *arguments[] = { &argument };

	if (cuCtxSetCurrent(world_context) || cuStreamGetId(CU_STREAM_PER_THREAD, id) ||
	    cuLaunchKernel_ptsz(kernel_1ms, 5, 1, 1, 128, 1, 1, 0, NULL, arguments, NULL) ||
	    cuStreamSynchronize_ptsz(NULL))
		*(unsigned long long *)id = 0;
	return NULL;
}

static void test_thread_streams(void **unused)
{
	unsigned long long mine, theirs = 0;
	pthread_t thread;

	(void)unused;
	rows_skip();
	assert_int_equal(pthread_create(&thread, NULL, use_thread_stream, &theirs), 0);
	use_thread_stream(&mine);
	pthread_join(thread, NULL);
	rows_read();
	assert_true(mine && theirs && mine != theirs);
	assert_int_equal(rows_of("kernel"), 2);
	assert_true(row_of("kernel", 0)->stream != row_of("kernel", 1)->stream);
	assert_true(row_of("kernel", 0)->tid != row_of("kernel", 1)->tid);
	for (size_t i = 0; i < 2; i++)
		assert_true(row_of("kernel", i)->stream == mine ||
			    row_of("kernel", i)->stream == theirs);
}

/* The 1025th launch waits for the first to end: that is the bound of the queue. */
static void test_back_pressure(void **unused)
{
	CUstream stream = stream_new(CU_STREAM_NON_BLOCKING);
	const struct row *blocked, *first;

	(void)unused;
	rows_skip();
	for (int i = 0; i < 1025; i++)
		OK(launch(i ? kernel_shaped : kernel_100ms, 10, stream));
	rows_read();
	first = row_of("kernel", 0);
	assert_string_equal(first->name, "_ZN4test12kernel_100msEPi");
	OK(cuCtxSynchronize());
	rows_read();
	assert_int_equal(rows_of("kernel"), 1025);
	blocked = row_of("kernel", 1024);
	assert_true(blocked->submit_ns < first->end_ns);
	assert_true(blocked->submit_ns + blocked->blocked_ns >= first->end_ns);
	assert_int_equal(row_of("kernel", 1023)->blocked_ns, 0);
	assert_true(blocked->start_ns > row_of("kernel", 1023)->end_ns);
}

/* Same seed, same ids, same shapes: the shape decides the duration within the jitter. */
static void test_shape_decides(void **unused)
{
	uint64_t small, large;

	(void)unused;
	rows_skip();
	OK(launch(kernel_shaped, 1, NULL));
	OK(launch(kernel_shaped, 1000000, NULL));
	OK(cuCtxSynchronize());
	rows_read();
	small = row_of("kernel", 0)->end_ns - row_of("kernel", 0)->start_ns;
	large = row_of("kernel", 1)->end_ns - row_of("kernel", 1)->start_ns;
	assert_in_range(small, 3300, 3700);
	assert_true(large > 100 * small);
}

static void test_two_devices(void **unused)
{
	CUcontext other;
	CUstream mine = stream_new(CU_STREAM_NON_BLOCKING), theirs;
	CUevent event;

	(void)unused;
	OK(cuDevicePrimaryCtxRetain(&other, 1));
	OK(cuCtxPushCurrent_v2(other));
	OK(cuStreamCreate(&theirs, CU_STREAM_NON_BLOCKING));
	assert_int_equal(launch(kernel_100us, 10, mine), CUDA_ERROR_INVALID_HANDLE);
	OK(cuCtxPopCurrent_v2(&other));
	OK(cuEventCreate(&event, CU_EVENT_DISABLE_TIMING));
	rows_skip();
	gate_close(mine);
	OK(launch(kernel_1ms, 10, mine));
	OK(cuEventRecord(event, mine));
	OK(cuStreamWaitEvent(theirs, event, 0));
	gate_open();
	OK(cuStreamSynchronize(theirs));
	assert_int_equal(cuEventRecord(event, theirs), CUDA_ERROR_INVALID_HANDLE);
	rows_read();
	assert_int_equal(row_of("wait", 0)->device, 1);
	assert_true(row_of("wait", 0)->end_ns >= row_of("kernel", 0)->end_ns);
	assert_int_equal(row_of("wait", 0)->waited_for, row_of("kernel", 0)->id);
	OK(cuDevicePrimaryCtxRelease_v2(1));
}

static void test_attributes_of_launch(void **unused)
{
	CUlaunchAttribute attributes[2] = { { .id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION },
					    { .id = CU_LAUNCH_ATTRIBUTE_PRIORITY } };
	CUlaunchConfig config = { .gridDimX = 8,
				  .gridDimY = 1,
				  .gridDimZ = 1,
				  .blockDimX = 32,
				  .blockDimY = 1,
				  .blockDimZ = 1,
				  .attrs = attributes,
				  .numAttrs = 2 };
	uint64_t argument = 0;
	void *arguments[] = { &argument };

	(void)unused;
	attributes[0].value.clusterDim.x = 4;
	attributes[0].value.clusterDim.y = attributes[0].value.clusterDim.z = 1;
	rows_skip();
	OK(cuLaunchKernelEx(&config, kernel_100us, arguments, NULL));
	attributes[0].value.clusterDim.x = 3;
	assert_int_equal(cuLaunchKernelEx(&config, kernel_100us, arguments, NULL),
			 CUDA_ERROR_INVALID_CLUSTER_SIZE);
	OK(cuCtxSynchronize());
	rows_read();
	assert_int_equal(rows_of("kernel"), 1);
	assert_string_equal(row_of("kernel", 0)->cluster, "4,1,1");
}

static void test_refused_launches(void **unused)
{
	uint64_t argument = 0;
	void *arguments[] = { &argument };
	CUfunction f = kernel_100us;

	(void)unused;
	assert_int_equal(launch(f, 0, NULL), CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuLaunchKernel(f, 1, 1, 1, 1025, 1, 1, 0, NULL, arguments, NULL),
			 CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuLaunchKernel(f, 1, 70000, 1, 32, 1, 1, 0, NULL, arguments, NULL),
			 CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuLaunchKernel(f, 1, 1, 1, 32, 1, 1, 100000, NULL, arguments, NULL),
			 CUDA_ERROR_INVALID_VALUE);	/* no opt-in for so much shared memory */
	assert_int_equal(cuLaunchKernel(f, 1, 1, 1, 32, 1, 1, 0, NULL, NULL, NULL),
			 CUDA_ERROR_INVALID_VALUE);
	assert_int_equal(cuLaunchKernel(NULL, 1, 1, 1, 32, 1, 1, 0, NULL, arguments, NULL),
			 CUDA_ERROR_INVALID_HANDLE);
	assert_int_equal(cuLaunchCooperativeKernel(f, 1000000, 1, 1, 32, 1, 1, 0, NULL, arguments),
			 CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE);
}

static void test_old_launch(void **unused)
{
	(void)unused;
	rows_skip();
	OK(cuFuncSetBlockShape(kernel_100us, 64, 2, 1));
	OK(cuParamSetSize(kernel_100us, 8));
	OK(cuParamSeti(kernel_100us, 0, 1));
	OK(cuLaunchGrid(kernel_100us, 3, 2));
	OK(cuCtxSynchronize());
	rows_read();
	assert_string_equal(row_of("kernel", 0)->grid, "3,2,1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream_order),
		cmocka_unit_test(test_two_streams_overlap),
		cmocka_unit_test(test_full_device),
		cmocka_unit_test(test_priority),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_untimed_event),
		cmocka_unit_test(test_legacy_stream),
		cmocka_unit_test(test_wait_for_null_stream),
		cmocka_unit_test(test_thread_streams),
		cmocka_unit_test(test_back_pressure),
		cmocka_unit_test(test_shape_decides),
		cmocka_unit_test(test_two_devices),
		cmocka_unit_test(test_attributes_of_launch),
		cmocka_unit_test(test_refused_launches),
		cmocka_unit_test(test_old_launch),
	};

	return cmocka_run_group_tests(tests, world_open, world_close);
}
