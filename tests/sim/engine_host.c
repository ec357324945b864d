/* SPDX-License-Identifier: Apache-2.0 */
/* Host functions, callbacks and values in simulated streams; what a device error does. */
#include "sim/engine_world.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static CUstream stream_new(void)
{
	CUstream stream;

	OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
	return stream;
}

static void count_up(void *counter)
{
	usleep(2000);
	++*(int *)counter;
}

static void test_sync_waits_for_host_function(void **unused)
{
	CUstream stream = stream_new();
	const struct row *host, *before, *after;
	int counter = 0;

	(void)unused;
	rows_skip();
	OK(launch(kernel_100us, 1, stream));
	OK(cuLaunchHostFunc(stream, count_up, &counter));
	OK(launch(kernel_1ms, 1, stream));
	OK(cuStreamSynchronize(stream));
	assert_int_equal(counter, 1);
	rows_read();
	before = row_of("kernel", 0);
	after = row_of("kernel", 1);
	host = row_of("host", 0);
	assert_true(host->start_ns >= before->end_ns);
	assert_true(host->end_ns - host->start_ns >= 2000000);	/* it slept that long */
	assert_true(after->start_ns > host->end_ns);
	assert_string_equal(after->cause, "host");
	assert_int_equal(after->waited_for, host->id);
}

/* The function must see what the copy before it brought. */
struct seen {
	unsigned char *bytes;
	int sum;
};

static void sum_bytes(void *argument)
{
	struct seen *seen = argument;

	for (int i = 0; i < 100; i++)
		seen->sum += seen->bytes[i];
}

static void test_host_function_sees_copy(void **unused)
{
	CUstream stream = stream_new();
	struct seen seen = { NULL, 0 };
	CUdeviceptr a;

	(void)unused;
	OK(cuMemHostAlloc((void **)&seen.bytes, 100, 0));
	OK(cuMemAlloc_v2(&a, 100));
	OK(cuMemsetD8Async(a, 3, 100, stream));
	OK(cuMemcpyDtoHAsync_v2(seen.bytes, a, 100, stream));
	OK(cuLaunchHostFunc(stream, sum_bytes, &seen));
	OK(cuStreamSynchronize(stream));
	assert_int_equal(seen.sum, 300);
}

static CUresult inside_result;

static void call_cuda(void *event)
{
	inside_result = cuEventQuery(event);
}

static void test_no_cuda_in_host_function(void **unused)
{
	CUstream stream = stream_new();
	CUevent event;

	(void)unused;
	OK(cuEventCreate(&event, CU_EVENT_DEFAULT));
	OK(cuLaunchHostFunc(stream, call_cuda, event));
	OK(cuStreamSynchronize(stream));
	assert_int_equal(inside_result, CUDA_ERROR_NOT_PERMITTED);
	OK(cuEventDestroy_v2(event));
}

static void note_status(CUstream stream, CUresult status, void *seen)
{
	*(CUresult *)seen = status;
	(void)stream;
}

static void test_callback(void **unused)
{
	CUstream stream = stream_new();
	CUresult seen = CUDA_ERROR_UNKNOWN;

	(void)unused;
	OK(cuStreamAddCallback(stream, note_status, &seen, 0));
	OK(cuStreamSynchronize(stream));
	assert_int_equal(seen, CUDA_SUCCESS);
	assert_int_equal(cuStreamAddCallback(stream, note_status, &seen, 1),
			 CUDA_ERROR_INVALID_VALUE);
}

/* A host function that blocks holds its own stream only. */
static void wait_for_post(void *semaphore)
{
	sem_wait(semaphore);
}

static void test_blocked_host_function(void **unused)
{
	CUstream held = stream_new(), other = stream_new();
	unsigned char *host;
	CUdeviceptr a;
	sem_t semaphore;

	(void)unused;
	sem_init(&semaphore, 0, 0);
	OK(cuMemHostAlloc((void **)&host, 64, 0));
	OK(cuMemAlloc_v2(&a, 64));
	OK(cuLaunchHostFunc(held, wait_for_post, &semaphore));
	OK(cuMemsetD8Async(a, 9, 64, other));
	OK(cuMemcpyDtoHAsync_v2(host, a, 64, other));
	OK(cuStreamSynchronize(other));
	assert_int_equal(host[63], 9);
	assert_int_equal(cuStreamQuery(held), CUDA_ERROR_NOT_READY);
	sem_post(&semaphore);
	OK(cuStreamSynchronize(held));
	sem_destroy(&semaphore);
}

static void test_values(void **unused)
{
	CUstream writer = stream_new(), reader = stream_new();
	const struct row *before, *after;
	CUdeviceptr flag;
	uint64_t seen;

	(void)unused;
	OK(cuMemAlloc_v2(&flag, 8));
	OK(cuMemsetD8_v2(flag, 0, 8));
	OK(cuCtxSynchronize());
	rows_skip();
	OK(cuStreamWaitValue64_v2(reader, flag, 5, CU_STREAM_WAIT_VALUE_EQ));
	OK(launch(kernel_100us, 1, reader));
	OK(launch(kernel_1ms, 1, writer));
	OK(cuStreamWriteValue64_v2(writer, flag, 5, 0));
	OK(cuStreamSynchronize(reader));
	OK(cuMemcpyDtoH_v2(&seen, flag, 8));
	assert_int_equal(seen, 5);
	rows_read();
	before = row_of("kernel", 0);
	after = row_of("kernel", 1);
	assert_true(after->start_ns > before->end_ns);
	assert_string_equal(after->cause, "value");
}

/* --- errors: in children, since a device error is for ever ------------------------------------ */
static void in_child(const char *fail)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		setenv("SIMCUDA_FAIL", fail, 1);
		execl("/proc/self/exe", "engine_host", fail, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define EXPECT(call, wanted)				\
	do {						\
		if ((call) != (wanted))			\
			return (__LINE__ & 126) | 1;	\
	} while (0)

static int sticky_error(void)
{
	CUstream stream;
	CUdeviceptr address;
	int counter = 0;

	EXPECT(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING), CUDA_SUCCESS);
	EXPECT(launch(kernel_100us, 1, stream), CUDA_SUCCESS);
	EXPECT(launch(kernel_100us, 1, stream), CUDA_SUCCESS);	/* accepted, fails on the device */
	EXPECT(cuLaunchHostFunc(stream, count_up, &counter), CUDA_SUCCESS);
	EXPECT(cuStreamSynchronize(stream), CUDA_ERROR_ILLEGAL_ADDRESS);
	EXPECT(counter, 0);		/* nothing runs after the error */
	EXPECT(launch(kernel_100us, 1, stream), CUDA_ERROR_ILLEGAL_ADDRESS);
	EXPECT(cuMemAlloc_v2(&address, 16), CUDA_ERROR_ILLEGAL_ADDRESS);
	EXPECT(cuCtxSynchronize(), CUDA_ERROR_ILLEGAL_ADDRESS);
	return 0;
}

static int refused_launch(void)
{
	EXPECT(launch(kernel_100us, 1, NULL), CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
	EXPECT(launch(kernel_100us, 1, NULL), CUDA_SUCCESS);
	EXPECT(cuCtxSynchronize(), CUDA_SUCCESS);
	return 0;
}

static void test_sticky_error(void **unused)
{
	(void)unused;
	in_child("launch=2:700");
}

static void test_refused_launch(void **unused)
{
	(void)unused;
	in_child("launch=1:701");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sync_waits_for_host_function),
		cmocka_unit_test(test_host_function_sees_copy),
		cmocka_unit_test(test_no_cuda_in_host_function),
		cmocka_unit_test(test_callback),
		cmocka_unit_test(test_blocked_host_function),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_sticky_error),
		cmocka_unit_test(test_refused_launch),
	};
	int result;

	if (argc > 1) {
		if (world_open(NULL))
			return 126;
		result = strcmp(argv[1], "launch=2:700") == 0 ? sticky_error() : refused_launch();
		world_close(NULL);
		return result;
	}
	return cmocka_run_group_tests(tests, world_open, world_close);
}
