/* SPDX-License-Identifier: Apache-2.0 */
/* API calls as the simulated CUPTI sees them: records, and external correlation. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/cupti_state.h"

#include <sys/syscall.h>
#include <unistd.h>

#define CALL_DEPTH_MAX 8
#define EXTERNAL_DEPTH_MAX 64

static atomic_bool api_is_on[CUPTI_CB_DOMAIN_RUNTIME_API + 1][CUPTI_CBID_LIMIT];
static atomic_int api_count;
static atomic_int thread_id_type;

static __thread struct {
	struct cupti_call calls[CALL_DEPTH_MAX];
	unsigned depth;
	bool is_inside;			/* calls that CUPTI or its client makes are not traced */
} thread;

static __thread struct {
	uint64_t ids[EXTERNAL_DEPTH_MAX];
	unsigned depth;
} external[CUPTI_EXTERNAL_CORRELATION_KIND_LIMIT];

bool cupti_thread_quiet(bool is_quiet)
{
	bool was_quiet = thread.is_inside;

	thread.is_inside = is_quiet;
	return was_quiet;
}

void cupti_api_switch(CUpti_CallbackDomain domain, uint32_t cbid, bool is_on)
{
	if (atomic_exchange(&api_is_on[domain][cbid], is_on) != is_on)
		atomic_fetch_add(&api_count, is_on ? 1 : -1);
}

bool cupti_any_api_is_on(void)
{
	return atomic_load_explicit(&api_count, memory_order_relaxed) > 0;
}

uint32_t cupti_thread_id(void)
{
	static __thread uint32_t tid;

	if (atomic_load_explicit(&thread_id_type, memory_order_relaxed) !=
	    CUPTI_ACTIVITY_THREAD_ID_TYPE_SYSTEM)
		return (uint32_t)pthread_self();
	if (!tid)
		tid = (uint32_t)syscall(SYS_gettid);
	return tid;
}

CUptiResult cuptiSetThreadIdType(CUpti_ActivityThreadIdType type)
{
	CUPTI_BEGIN(1108);
	if (type != CUPTI_ACTIVITY_THREAD_ID_TYPE_DEFAULT &&
	    type != CUPTI_ACTIVITY_THREAD_ID_TYPE_SYSTEM)
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	atomic_store(&thread_id_type, (int)type);
	return CUPTI_SUCCESS;
}

CUptiResult cuptiGetThreadIdType(CUpti_ActivityThreadIdType *type)
{
	CUPTI_BEGIN(1108);
	if (!type)
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	*type = (CUpti_ActivityThreadIdType)atomic_load(&thread_id_type);
	return CUPTI_SUCCESS;
}

CUptiResult cuptiActivityPushExternalCorrelationId(CUpti_ExternalCorrelationKind kind, uint64_t id)
{
	CUPTI_BEGIN(1108);
	if (kind == 0 || kind >= CUPTI_EXTERNAL_CORRELATION_KIND_LIMIT)
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	if (external[kind].depth == EXTERNAL_DEPTH_MAX)
		return cupti_fail(CUPTI_ERROR_OUT_OF_MEMORY);
	external[kind].ids[external[kind].depth++] = id;
	return CUPTI_SUCCESS;
}

CUptiResult cuptiActivityPopExternalCorrelationId(CUpti_ExternalCorrelationKind kind,
						  uint64_t *lastId)
{
	CUPTI_BEGIN(1108);
	if (kind == 0 || kind >= CUPTI_EXTERNAL_CORRELATION_KIND_LIMIT)
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	if (!external[kind].depth)
		return cupti_fail(CUPTI_ERROR_QUEUE_EMPTY);
	external[kind].depth--;
	if (lastId)
		*lastId = external[kind].ids[external[kind].depth];
	return CUPTI_SUCCESS;
}

static bool is_recorded(const struct cupti_call *call)
{
	return atomic_load_explicit(&api_is_on[call->domain][call->cbid], memory_order_relaxed);
}

/* One record per kind with an id pushed; comes before the record of the call itself. */
static void report_external(const struct cupti_call *call)
{
	struct cupti_record record;

	for (uint32_t kind = 1; kind < CUPTI_EXTERNAL_CORRELATION_KIND_LIMIT; kind++) {
		if (!external[kind].depth)
			continue;
		cupti_record_begin(&record, CUPTI_RECORD_external_correlation,
				   CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION);
		PUT(&record, external_correlation, externalKind, kind);
		PUT(&record, external_correlation, externalId,
		    external[kind].ids[external[kind].depth - 1]);
		PUT(&record, external_correlation, correlationId, call->correlation);
		cupti_buffer_append(&record);
	}
}

static void report_call(const struct cupti_call *call, CUresult result)
{
	struct cupti_record record;

	cupti_record_begin(&record, CUPTI_RECORD_api,
			   call->domain == CUPTI_CB_DOMAIN_DRIVER_API ?
			   CUPTI_ACTIVITY_KIND_DRIVER : CUPTI_ACTIVITY_KIND_RUNTIME);
	PUT(&record, api, cbid, call->cbid);
	PUT(&record, api, start, call->start_ns);
	PUT(&record, api, end, cupti_now_ns());
	PUT(&record, api, processId, getpid());
	PUT(&record, api, threadId, cupti_thread_id());
	PUT(&record, api, correlationId, call->correlation);
	PUT(&record, api, returnValue, result);
	cupti_buffer_append(&record);
}

void cupti_api_enter(void *user, uint32_t cbid, const char *name, uint32_t correlation,
		     CUcontext context)
{
	bool is_runtime = cbid & SIM_CBID_RUNTIME;
	struct cupti_call *call;

	(void)user;
	cbid &= ~SIM_CBID_RUNTIME;
	if (thread.is_inside || cbid >= CUPTI_CBID_LIMIT)
		return;
	/* Nested calls share the outermost one's id: another id means that ends were missed. */
	if (thread.depth && thread.calls[0].correlation != correlation)
		thread.depth = 0;
	if (thread.depth == CALL_DEPTH_MAX)
		return;
	thread.is_inside = true;
	call = &thread.calls[thread.depth++];
	call->domain = is_runtime ? CUPTI_CB_DOMAIN_RUNTIME_API : CUPTI_CB_DOMAIN_DRIVER_API;
	call->cbid = cbid;
	call->correlation = correlation;
	call->client_data = 0;
	call->start_ns = is_recorded(call) ? cupti_now_ns() : 0;
	/* Releases below 12.8 report the id even when the call is filtered out. */
	if (thread.depth == 1 && cupti_kind_is_on(CUPTI_ACTIVITY_KIND_EXTERNAL_CORRELATION) &&
	    (is_recorded(call) || (cupti_release < 1208 && cupti_any_api_is_on())))
		report_external(call);
	cupti_callback_run(call, CUPTI_API_ENTER, name, context, NULL);
	thread.is_inside = false;
}

void cupti_api_leave(void *user, uint32_t cbid, const char *name, uint32_t correlation,
		     CUcontext context, CUresult result)
{
	struct cupti_call *call;

	(void)user;
	if (thread.is_inside || !thread.depth)
		return;
	call = &thread.calls[thread.depth - 1];
	if (call->correlation != correlation || call->cbid != (cbid & ~SIM_CBID_RUNTIME))
		return;
	thread.is_inside = true;
	cupti_callback_run(call, CUPTI_API_EXIT, name, context, &result);
	if (call->start_ns && is_recorded(call))
		report_call(call, result);
	thread.depth--;
	cupti_buffer_supply();
	thread.is_inside = false;
}
