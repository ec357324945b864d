/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated CUDA runtime: types and functions that programs see. Layouts are the ABI's of
 * CUDA 13; handles of the runtime are those of the driver.
 */
#ifndef GPUTRAIL_SIMCUDA_RUNTIME_H
#define GPUTRAIL_SIMCUDA_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "driver/driver_types.h"

#define RUNTIME_EXPORT __attribute__((visibility("default")))
#define RUNTIME_VERSION 13000

typedef enum cudaError {
#define ERROR(name, value) name = value,
#include "simcuda/runtime_errors.def"
#undef ERROR
} cudaError_t;

struct dim3 {
	unsigned x, y, z;
};

enum { RUNTIME_HOST_TO_HOST, RUNTIME_HOST_TO_DEVICE, RUNTIME_DEVICE_TO_HOST,
	RUNTIME_DEVICE_TO_DEVICE, RUNTIME_COPY_DEFAULT };

struct runtime_pointer_attributes {
	int type;			/* 0 unregistered, 1 host, 2 device, 3 managed */
	int device;
	void *device_pointer, *host_pointer;
	long reserved[8];
};

struct runtime_function_attributes {
	size_t shared_bytes, const_bytes, local_bytes;
	int max_threads, registers, ptx_version, binary_version, cache_mode;
	int max_dynamic_shared, carveout, cluster_must_be_set, cluster[3];
	int cluster_scheduling, non_portable_cluster;
	int reserved[16];
};

struct runtime_kernel_node {
	void *function;
	struct dim3 grid, block;
	unsigned shared;
	void **params, **extra;
};

#define CALL(name, cbid, version, context, params, args) RUNTIME_EXPORT cudaError_t name params;
#define UNTRACED(name, context, params, args) RUNTIME_EXPORT cudaError_t name params;
#define STREAM(name, twin, cbid, version, twin_cbid, twin_version, params, args) \
	RUNTIME_EXPORT cudaError_t name params;					 \
	RUNTIME_EXPORT cudaError_t twin params;
#include "simcuda/runtime_api.def"
#undef CALL
#undef UNTRACED
#undef STREAM

RUNTIME_EXPORT cudaError_t cudaGetLastError(void);
RUNTIME_EXPORT cudaError_t cudaPeekAtLastError(void);
RUNTIME_EXPORT const char *cudaGetErrorName(cudaError_t error);
RUNTIME_EXPORT const char *cudaGetErrorString(cudaError_t error);

/* What nvcc's host code calls to register a program's device code. */
RUNTIME_EXPORT void **__cudaRegisterFatBinary(void *image);
RUNTIME_EXPORT void __cudaRegisterFatBinaryEnd(void **binary);
RUNTIME_EXPORT void __cudaUnregisterFatBinary(void **binary);
RUNTIME_EXPORT char __cudaInitModule(void **binary);
RUNTIME_EXPORT void __cudaRegisterFunction(void **binary, const char *host, char *device,
					   const char *name, int thread_limit, void *tid, void *bid,
					   struct dim3 *block, struct dim3 *grid, int *warp_size);
RUNTIME_EXPORT void __cudaRegisterVar(void **binary, char *host, char *device, const char *name,
				      int is_external, size_t bytes, int is_constant, int is_global);
RUNTIME_EXPORT void __cudaRegisterManagedVar(void **binary, void **host, char *device,
					     const char *name, int is_external, size_t bytes,
					     int is_constant, int is_global);
RUNTIME_EXPORT unsigned __cudaPushCallConfiguration(struct dim3 grid, struct dim3 block,
						    size_t shared, CUstream stream);
RUNTIME_EXPORT cudaError_t __cudaPopCallConfiguration(struct dim3 *grid, struct dim3 *block,
						      size_t *shared, void *stream);

#endif
