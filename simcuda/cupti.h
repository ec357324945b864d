/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of the CUPTI interface that the simulated libcupti.so offers. Names and values are
 * the ABI's; record layouts are rows of cupti_records.def.
 */
#ifndef GPUTRAIL_SIMCUDA_CUPTI_H
#define GPUTRAIL_SIMCUDA_CUPTI_H

#include <stddef.h>
#include <stdint.h>

#include "driver/driver_types.h"

#define CUPTI_EXPORT __attribute__((visibility("default")))

#define CUPTI_RESULTS(X)						\
	X(CUPTI_SUCCESS, 0)						\
	X(CUPTI_ERROR_INVALID_PARAMETER, 1)				\
	X(CUPTI_ERROR_INVALID_DEVICE, 2)				\
	X(CUPTI_ERROR_INVALID_CONTEXT, 3)				\
	X(CUPTI_ERROR_INVALID_OPERATION, 7)				\
	X(CUPTI_ERROR_OUT_OF_MEMORY, 8)					\
	X(CUPTI_ERROR_HARDWARE, 9)					\
	X(CUPTI_ERROR_PARAMETER_SIZE_NOT_SUFFICIENT, 10)		\
	X(CUPTI_ERROR_API_NOT_IMPLEMENTED, 11)				\
	X(CUPTI_ERROR_MAX_LIMIT_REACHED, 12)				\
	X(CUPTI_ERROR_NOT_READY, 13)					\
	X(CUPTI_ERROR_NOT_COMPATIBLE, 14)				\
	X(CUPTI_ERROR_NOT_INITIALIZED, 15)				\
	X(CUPTI_ERROR_QUEUE_EMPTY, 18)					\
	X(CUPTI_ERROR_INVALID_STREAM, 20)				\
	X(CUPTI_ERROR_INVALID_KIND, 21)					\
	X(CUPTI_ERROR_DISABLED, 23)					\
	X(CUPTI_ERROR_NOT_SUPPORTED, 27)				\
	X(CUPTI_ERROR_INSUFFICIENT_PRIVILEGES, 35)			\
	X(CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED, 39)		\
	X(CUPTI_ERROR_CONFIDENTIAL_COMPUTING_NOT_SUPPORTED, 41)		\
	X(CUPTI_ERROR_CMP_DEVICE_NOT_SUPPORTED, 42)			\
	X(CUPTI_ERROR_MIG_DEVICE_NOT_SUPPORTED, 43)			\
	X(CUPTI_ERROR_SLI_DEVICE_NOT_SUPPORTED, 44)			\
	X(CUPTI_ERROR_WSL_DEVICE_NOT_SUPPORTED, 45)			\
	X(CUPTI_ERROR_UNKNOWN, 999)

typedef enum {
#define X(name, value) name = value,
	CUPTI_RESULTS(X)
#undef X
	CUPTI_ERROR_FORCE_INT = 0x7fffffff
} CUptiResult;

typedef enum {
	CUPTI_ACTIVITY_KIND_INVALID = 0,
	CUPTI_ACTIVITY_KIND_MEMCPY = 1,
	CUPTI_ACTIVITY_KIND_MEMSET = 2,
	CUPTI_ACTIVITY_KIND_KERNEL = 3,
	CUPTI_ACTIVITY_KIND_DRIVER = 4,
	CUPTI_ACTIVITY_KIND_RUNTIME = 5,
	CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL = 10,
	CUPTI_ACTIVITY_KIND_OVERHEAD = 17,
	CUPTI_ACTIVITY_KIND_MEMCPY2 = 22,
	CUPTI_ACTIVITY_KIND_SYNCHRONIZATION = 38,
	CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION = 39,
	CUPTI_ACTIVITY_KIND_MEMORY2 = 49,
	CUPTI_ACTIVITY_KIND_GRAPH_TRACE = 51,
	CUPTI_ACTIVITY_KIND_LIMIT = 60,
	CUPTI_ACTIVITY_KIND_FORCE_INT = 0x7fffffff
} CUpti_ActivityKind;

typedef enum {
	CUPTI_CB_DOMAIN_INVALID = 0,
	CUPTI_CB_DOMAIN_DRIVER_API = 1,
	CUPTI_CB_DOMAIN_RUNTIME_API = 2,
	CUPTI_CB_DOMAIN_RESOURCE = 3,
	CUPTI_CB_DOMAIN_LIMIT = 7,
	CUPTI_CB_DOMAIN_FORCE_INT = 0x7fffffff
} CUpti_CallbackDomain;

/* Those of the resource domain that this library reports. */
typedef enum {
	CUPTI_CBID_RESOURCE_GRAPHNODE_CREATED = 13,
	CUPTI_CBID_RESOURCE_GRAPHNODE_CLONED = 20,
	CUPTI_CBID_RESOURCE_GRAPH_NODE_UPDATED = 22,
	CUPTI_CBID_RESOURCE_LIMIT = 24,
	CUPTI_CBID_RESOURCE_FORCE_INT = 0x7fffffff
} CUpti_CallbackIdResource;

typedef enum {
	CUPTI_API_ENTER = 0,
	CUPTI_API_EXIT = 1,
	CUPTI_API_CBSITE_FORCE_INT = 0x7fffffff
} CUpti_ApiCallbackSite;

typedef enum {
	CUPTI_ACTIVITY_ATTR_DEVICE_BUFFER_SIZE = 0,
	CUPTI_ACTIVITY_ATTR_DEVICE_BUFFER_SIZE_CDP = 1,
	CUPTI_ACTIVITY_ATTR_DEVICE_BUFFER_POOL_LIMIT = 2,
	CUPTI_ACTIVITY_ATTR_PROFILING_SEMAPHORE_POOL_SIZE = 3,
	CUPTI_ACTIVITY_ATTR_PROFILING_SEMAPHORE_POOL_LIMIT = 4,
	CUPTI_ACTIVITY_ATTR_ZEROED_OUT_ACTIVITY_BUFFER = 5,
	CUPTI_ACTIVITY_ATTR_DEVICE_BUFFER_PRE_ALLOCATE_VALUE = 6,
	CUPTI_ACTIVITY_ATTR_PROFILING_SEMAPHORE_PRE_ALLOCATE_VALUE = 7,
	CUPTI_ACTIVITY_ATTR_MEM_ALLOCATION_TYPE_HOST_PINNED = 8,
	CUPTI_ACTIVITY_ATTR_PER_THREAD_ACTIVITY_BUFFER = 9,
	CUPTI_ACTIVITY_ATTR_DEVICE_GRAPHS = 10,
	CUPTI_ACTIVITY_ATTR_FORCE_INT = 0x7fffffff
} CUpti_ActivityAttribute;

typedef enum {
	CUPTI_ACTIVITY_THREAD_ID_TYPE_DEFAULT = 0,
	CUPTI_ACTIVITY_THREAD_ID_TYPE_SYSTEM = 1,
	CUPTI_ACTIVITY_THREAD_ID_TYPE_FORCE_INT = 0x7fffffff
} CUpti_ActivityThreadIdType;

#define CUPTI_ACTIVITY_FLAG_FLUSH_FORCED 1u
#define CUPTI_ACTIVITY_OVERHEAD_BUFFER_FLUSH (1u << 16)
#define CUPTI_ACTIVITY_OBJECT_THREAD 2
#define CUPTI_EXTERNAL_CORRELATION_KIND_LIMIT 7
#define CUPTI_SYNCHRONIZATION_INVALID_VALUE 0xffffffffu

typedef uint32_t CUpti_CallbackId;
typedef uint32_t CUpti_ExternalCorrelationKind;
typedef struct CUpti_Subscriber_st *CUpti_SubscriberHandle;
typedef struct {
	uint32_t kind;
} CUpti_Activity;

typedef struct {
	CUpti_ApiCallbackSite callbackSite;
	const char *functionName;
	const void *functionParams;
	void *functionReturnValue;
	const char *symbolName;
	CUcontext context;
	uint32_t contextUid;
	uint64_t *correlationData;
	uint32_t correlationId;
} CUpti_CallbackData;

typedef struct {
	CUcontext context;
	union {
		CUstream stream;
	} resourceHandle;
	void *resourceDescriptor;
} CUpti_ResourceData;

typedef struct {
	CUgraph graph;
	CUgraph originalGraph;
	CUgraphNode node;
	CUgraphNode originalNode;
	CUgraphNodeType nodeType;
	CUgraphNode dependency;
	CUgraphExec graphExec;
} CUpti_GraphData;

typedef struct {
	size_t structSize;
	const char *subscriberName;
	char *oldSubscriberName;
	size_t oldSubscriberSize;
} CUpti_SubscriberParams;

typedef void (*CUpti_CallbackFunc)(void *userdata, CUpti_CallbackDomain domain,
				   CUpti_CallbackId cbid, const void *data);
typedef void (*CUpti_BuffersCallbackRequestFunc)(uint8_t **buffer, size_t *size,
						 size_t *maxNumRecords);
typedef void (*CUpti_BuffersCallbackCompleteFunc)(CUcontext context, uint32_t streamId,
						  uint8_t *buffer, size_t size, size_t validSize);
typedef uint64_t (*CUpti_TimestampCallbackFunc)(void);

#define CUPTI(name, since, params) CUPTI_EXPORT CUptiResult name params;
#include "simcuda/cupti_functions.def"
#undef CUPTI

/* What only the simulated library has: REALTIME minus MONOTONIC as it stamps records. */
CUPTI_EXPORT int64_t simcupti_clock_offset_ns(void);

#endif
