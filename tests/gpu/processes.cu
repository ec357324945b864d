// SPDX-License-Identifier: Apache-2.0
// Ways to end, to fork, to have another client of CUPTI; launch rates; clocks; cuBLAS.
#include "program.h"

#include <csignal>
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

__global__ void tick(int *counter)
{
	if (counter)
		*counter += 1;
}

static void work()
{
	for (int i = 0; i < 200; i++)
		tick<<<1, 1>>>(nullptr);
	CHECK(cudaDeviceSynchronize());
	say("kernels tick 200");
}

static void end_exit()
{
	work();
	std::exit(0);
}

static void end_exit_at_once()
{
	work();
	_exit(0);
}

/* Half a second for the periodic flush; what comes after it may be lost. */
static void end_signal(int number)
{
	work();
	usleep(500000);
	raise(number);
}

static void end_abort()
{
	end_signal(SIGABRT);
}

static void end_kill()
{
	end_signal(SIGKILL);
}

static void forked()
{
	for (int i = 0; i < 2; i++) {
		if (fork() == 0) {
			work();
			std::exit(0);
		}
	}
	while (wait(nullptr) > 0)
		;
}

static void *cupti()
{
	static const char *const names[] = { "libcupti.so.13", "libcupti.so.12", "libcupti.so" };

	for (const char *name : names)
		if (void *library = dlopen(name, RTLD_NOW))
			return library;
	skip("no libcupti to open");
}

static void ignore(void *, int, uint32_t, const void *)
{
}

/* Somebody else holds CUPTI: the recording has to say so, and have the host's side. */
static void other_subscriber()
{
	auto subscribe = (int (*)(void **, void (*)(void *, int, uint32_t, const void *), void *))
		dlsym(cupti(), "cuptiSubscribe");
	void *subscriber;
	int result = subscribe(&subscriber, ignore, nullptr);

	say("fact first_subscribe %d", result);
	work();
}

/* CUPTI's clock between two readings of CLOCK_REALTIME. */
static void clocks()
{
	auto timestamp = (int (*)(uint64_t *))dlsym(cupti(), "cuptiGetTimestamp");
	int64_t least = INT64_MAX, most = INT64_MIN, outside = 0;

	CHECK(cudaFree(nullptr));
	for (int i = 0; i < 1000; i++) {
		uint64_t told, before = now_ns(CLOCK_REALTIME);

		if (timestamp(&told))
			skip("cuptiGetTimestamp fails");
		uint64_t after = now_ns(CLOCK_REALTIME);
		int64_t off = int64_t(told - before) - int64_t(after - before) / 2;

		outside += told < before || told > after;
		least = off < least ? off : least;
		most = off > most ? off : most;
	}
	say("fact cupti_minus_realtime_ns %lld to %lld, outside its bracket %lld of 1000",
	    (long long)least, (long long)most, (long long)outside);
}

/* Nothing of the C++ library, so that the programs run where another one is. */
struct times {
	uint64_t *ns;
	size_t count;
};

static times make_times(size_t count)
{
	return { (uint64_t *)std::calloc(count + 1, sizeof(uint64_t)), 0 };
}

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static double percentile(times all, double share)
{
	std::qsort(all.ns, all.count, sizeof(*all.ns), compare);
	return double(all.ns[size_t(share * double(all.count - 1))]);
}

/* Cost of a launch call on the host; the queue is emptied often enough never to be full. */
static void rate()
{
	const char *wanted = std::getenv("GPU_TEST_LAUNCHES");
	size_t count = wanted ? std::strtoul(wanted, nullptr, 10) : 200000;
	times each = make_times(count);
	uint64_t total = 0;

	work();
	for (size_t i = 0; i < count; i++) {
		uint64_t before = now_ns();

		tick<<<1, 1>>>(nullptr);
		each.ns[each.count++] = now_ns() - before;
		total += each.ns[i];
		if (i % 256 == 255)
			CHECK(cudaDeviceSynchronize());
	}
	CHECK(cudaDeviceSynchronize());
	say("kernels tick %zu", count + 200);
	say("fact launch_mean_ns %.1f", double(total) / double(count));
	for (double share : { 0.5, 0.99, 0.999, 1.0 })
		say("fact launch_p%g_ns %.0f", share * 100, percentile(each, share));
}

/* GPU_TEST_STOP names the gputrail whose recording of this process is to stop before it is timed. */
static void stop_recording()
{
	const char *tool = std::getenv("GPU_TEST_STOP");
	char command[4200];

	if (!tool)
		return;
	tick<<<1, 1>>>(nullptr);
	CHECK(cudaDeviceSynchronize());
	std::snprintf(command, sizeof(command), "'%.4096s' ctl stop %d >&2", tool, int(getpid()));
	if (std::system(command))
		std::exit(1);
}

/* Steps of a decode loop in small: kernels one by one, then the same as one graph. */
static void decode()
{
	const char *wanted = std::getenv("GPU_TEST_STEPS");
	int steps = wanted ? std::atoi(wanted) : 300;
	const int kernels = 300;
	times eager = make_times((size_t)steps), replayed = make_times((size_t)steps);
	cudaStream_t stream;
	cudaGraph_t graph;
	cudaGraphExec_t exec;

	CHECK(cudaStreamCreate(&stream));
	CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
	for (int i = 0; i < kernels; i++)
		tick<<<64, 128, 0, stream>>>(nullptr);
	CHECK(cudaStreamEndCapture(stream, &graph));
	CHECK(cudaGraphInstantiate(&exec, graph, 0));
	stop_recording();
	for (int i = 0; i < 2 * steps; i++) {
		uint64_t before = now_ns();

		for (int k = 0; k < kernels && i % 2 == 0; k++)
			tick<<<64, 128, 0, stream>>>(nullptr);
		if (i % 2)
			CHECK(cudaGraphLaunch(exec, stream));
		CHECK(cudaStreamSynchronize(stream));
		times &loop = i % 2 ? replayed : eager;
		loop.ns[loop.count++] = now_ns() - before;
	}
	say("kernels tick %d", 2 * steps * kernels);
	say("graph_launches %d", steps);
	say("fact eager_step_ns %.0f", percentile(eager, 0.5));
	say("fact graph_step_ns %.0f", percentile(replayed, 0.5));
}

/* cuBLAS by hand, so that the program runs where there is none: single precision, 256 x 256. */
static void cublas()
{
	static const char *const names[] = { "libcublas.so.13", "libcublas.so.12", "libcublas.so" };
	const int n = 256;
	const float one = 1, zero = 0;
	void *library = nullptr, *handle = nullptr;
	float *a, *b, *c;

	for (const char *name : names)
		if (!library)
			library = dlopen(name, RTLD_NOW);
	if (!library)
		skip("no libcublas to open");
	auto create = (int (*)(void **))dlsym(library, "cublasCreate_v2");
	auto multiply = (int (*)(void *, int, int, int, int, int, const float *, const float *, int,
				 const float *, int, const float *, float *, int))
		dlsym(library, "cublasSgemm_v2");

	CHECK(cudaMalloc(&a, n * n * sizeof(float)));
	CHECK(cudaMalloc(&b, n * n * sizeof(float)));
	CHECK(cudaMalloc(&c, n * n * sizeof(float)));
	if (create(&handle))
		skip("cublasCreate fails");
	for (int i = 0; i < 50; i++)
		if (multiply(handle, 0, 0, n, n, n, &one, a, n, b, n, &zero, c, n))
			std::exit(1);
	CHECK(cudaDeviceSynchronize());
	say("fact least_kernels 50");
}

const gpu_case process_cases[] = {
	{ "end_exit", end_exit }, { "end_exit_at_once", end_exit_at_once }, { "end_abort", end_abort },
	{ "end_kill", end_kill }, { "forked", forked }, { "other_subscriber", other_subscriber },
	{ "clocks", clocks }, { "rate", rate }, { "decode", decode }, { "cublas", cublas }, {},
};
