/* SPDX-License-Identifier: Apache-2.0 */
/* The part of CUPTI that is used, and how the files of this back end share it. */
#ifndef GPUTRAIL_LIBPROFILE_CUPTI_H
#define GPUTRAIL_LIBPROFILE_CUPTI_H

#include "libprofile/gpu_backend.h"

enum {
	CUPTI_OK = 0,
	CUPTI_END_OF_BUFFER = 12,	/* MAX_LIMIT_REACHED */
	CUPTI_NOT_INITIALIZED = 15,
	CUPTI_OTHER_SUBSCRIBER = 39,
};
enum { CUPTI_KIND_MEMCPY = 1, CUPTI_KIND_MEMSET = 2, CUPTI_KIND_CONCURRENT_KERNEL = 10,
	CUPTI_KIND_MEMCPY2 = 22, CUPTI_KIND_GRAPH_TRACE = 51 };
enum { CUPTI_DOMAIN_DRIVER = 1, CUPTI_DOMAIN_RESOURCE = 3 };
enum { CUPTI_NODE_CREATED = 13, CUPTI_NODE_CLONED = 20, CUPTI_NODE_UPDATED = 22 };
enum { CUPTI_SITE_ENTER = 0 };
enum { CUPTI_ATTRIBUTE_POOL_LIMIT = 2, CUPTI_ATTRIBUTE_PER_THREAD_BUFFER = 9 };
#define CUPTI_FLUSH_FORCED 1u
#define CUPTI_VERSION_NULL_BUFFER 27u	/* first that takes NULL for "no buffer" */

struct cupti_callback_data {
	int site;
	const char *function;
	const void *params;
	void *result;
	const char *symbol;
	CUcontext context;
	uint32_t context_uid;
	uint64_t *data;
	uint32_t correlation;
};

struct cupti_graph_data {
	CUgraph graph, original_graph;
	CUgraphNode node, original;
	int type;
	CUgraphNode dependency;
	CUgraphExec executable;
};

struct cupti_resource_data {
	CUcontext context;
	void *handle;
	const struct cupti_graph_data *graph;
};

struct cupti_subscriber_params {
	size_t bytes;			/* 32, from 13.2 on 40 */
	const char *name;
	char *other;
	size_t other_bytes;
	uint64_t allow_others;
};

static_assert(offsetof(struct cupti_callback_data, context) == 40 &&
	      offsetof(struct cupti_callback_data, correlation) == 64 &&
	      offsetof(struct cupti_resource_data, graph) == 16 &&
	      offsetof(struct cupti_graph_data, node) == 16 &&
	      offsetof(struct cupti_graph_data, original) == 24 &&
	      sizeof(struct cupti_graph_data) == 56, "tests/sim/headers.sh has them, too");

typedef void cupti_callback(void *user, int domain, uint32_t cbid, const void *data);
typedef void cupti_buffer_requested(uint8_t **buffer, size_t *bytes, size_t *records);
typedef void cupti_buffer_completed(CUcontext context, uint32_t stream, uint8_t *buffer,
				    size_t bytes, size_t valid_bytes);

struct cupti {
	void *handle;
	uint32_t version;
	int (*GetVersion)(uint32_t *version);
	int (*Subscribe)(void **subscriber, cupti_callback *callback, void *user);
	int (*Unsubscribe)(void *subscriber);
	int (*EnableCallback)(uint32_t enable, void *subscriber, int domain, uint32_t cbid);
	int (*ActivityRegisterCallbacks)(cupti_buffer_requested *, cupti_buffer_completed *);
	int (*ActivityEnable)(int kind);
	int (*ActivityDisable)(int kind);
	int (*ActivityGetNextRecord)(uint8_t *buffer, size_t valid_bytes, uint8_t **record);
	int (*ActivityGetNumDroppedRecords)(CUcontext context, uint32_t stream, size_t *dropped);
	int (*ActivityFlushAll)(uint32_t flags);
	int (*ActivitySetAttribute)(int attribute, size_t *bytes, void *value);
	int (*Subscribe_v2)(void **subscriber, cupti_callback *callback, void *user,
			    struct cupti_subscriber_params *params);	/* from 13.0 on */
	/* NULL where there is none. */
	int (*GetGraphNodeId)(CUgraphNode node, uint64_t *id);
	int (*ActivityRegisterTimestampCallback)(uint64_t (*clock)(void));
};
extern struct cupti cupti;

/* Loads the next candidate library and fills `cupti`; false when there are no more.
 * (cupti_find.c) */
struct cupti_search {
	unsigned step, detail;
};
bool cupti_open_next(struct cupti_search *search);
void cupti_close(void);

/* Buffers between CUPTI and the flush thread (cupti_buffer.c). */
bool cupti_buffers_make(void);
cupti_buffer_requested cupti_buffer_give;
cupti_buffer_completed cupti_buffer_take;
/* Decodes and frees every completed buffer. */
void cupti_buffers_drain(void);

/* Leaves CUPTI to another tool, at once: what is complete is taken out, and no buffer stays in it. */
void cupti_give_up(void);

/* One activity record into the calling thread's ring (cupti_decode.c). */
void cupti_decode(const uint8_t *record);

#endif
