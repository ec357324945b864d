/* SPDX-License-Identifier: Apache-2.0 */
/* What the cases of the GPU programs share: checks, what they promise, time. */
#ifndef GPUTRAIL_TESTS_GPU_PROGRAM_H
#define GPUTRAIL_TESTS_GPU_PROGRAM_H

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cuda_runtime.h>
#include <time.h>

#define CHECK(call)										\
	do {											\
		cudaError_t check_error = (call);						\
		if (check_error != cudaSuccess) {						\
			std::fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call,	\
				     cudaGetErrorString(check_error));				\
			std::exit(1);								\
		}										\
	} while (0)

/*
 * One line on standard output for everything that a recording of this program has to hold, read
 * by tests/gpu/recordings.py:
 *   kernels NAME COUNT, copies COUNT BYTES, sets COUNT, graph_launches COUNT
 *   event NAME NS     a CUDA event pair around one kernel
 *   used BYTES        device memory in use, as cudaMemGetInfo tells, beyond that at the start
 *   skip REASON       this GPU or driver cannot do it
 *   fact NAME VALUE   for the results
 */
__attribute__((format(printf, 1, 2))) static inline void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	std::vprintf(format, args);
	va_end(args);
	std::putchar('\n');
	std::fflush(stdout);
}

[[noreturn]] static inline void skip(const char *reason)
{
	say("skip %s", reason);
	std::exit(0);
}

static inline uint64_t now_ns(clockid_t clock = CLOCK_MONOTONIC)
{
	timespec t;

	clock_gettime(clock, &t);
	return uint64_t(t.tv_sec) * 1000000000u + uint64_t(t.tv_nsec);
}

/* A driver function, so that programs need not be linked to libcuda. */
template <class Function> static Function driver(const char *name, unsigned version)
{
	void *found = nullptr;
	cudaDriverEntryPointQueryResult status;

	if (cudaGetDriverEntryPointByVersion(name, &found, version, cudaEnableDefault, &status) !=
		    cudaSuccess ||
	    !found)
		skip(name);
	return reinterpret_cast<Function>(found);
}
#define DRIVER(name, version) driver<decltype(&name)>(#name, version)
#define CHECK_DRIVER(call)									\
	do {											\
		CUresult check_result = (call);							\
		if (check_result != CUDA_SUCCESS) {						\
			std::fprintf(stderr, "%s:%d: %s: %d\n", __FILE__, __LINE__, #call,	\
				     int(check_result));					\
			std::exit(1);								\
		}										\
	} while (0)

struct gpu_case {
	const char *name;
	void (*run)();
};
extern const gpu_case launch_cases[], memory_cases[], process_cases[];	/* a NULL name ends each */

#endif
