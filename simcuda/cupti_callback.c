/* SPDX-License-Identifier: Apache-2.0 */
/* The one subscriber of the simulated CUPTI, and its callbacks around API calls. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "simcuda/cupti_state.h"

#include <stdio.h>

#define SUBSCRIBER_NAME_MAX 128

struct CUpti_Subscriber_st {
	CUpti_CallbackFunc callback;
	void *data;
	char name[SUBSCRIBER_NAME_MAX];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct CUpti_Subscriber_st only;
static _Atomic(struct CUpti_Subscriber_st *) subscriber_now;
static atomic_bool is_enabled[CUPTI_CB_DOMAIN_LIMIT][CUPTI_CBID_LIMIT];
static atomic_int enabled_count;

bool cupti_any_callback_is_on(void)
{
	return atomic_load(&subscriber_now) && atomic_load(&enabled_count) > 0;
}

bool cupti_has_subscriber(void)
{
	return atomic_load(&subscriber_now) != NULL;
}

static void subscribed(CUpti_SubscriberHandle *handle, CUpti_CallbackFunc callback, void *data,
		       const char *name)
{
	only.callback = callback;
	only.data = data;
	snprintf(only.name, sizeof(only.name), "%s", name ? name : "");
	atomic_store(&subscriber_now, &only);
	*handle = &only;
}

static CUptiResult subscribe(CUpti_SubscriberHandle *handle, CUpti_CallbackFunc callback,
			     void *data, CUpti_SubscriberParams *params)
{
	CUptiResult result = CUPTI_SUCCESS;

	if (!handle || (params && params->structSize < sizeof(*params)))
		return CUPTI_ERROR_INVALID_PARAMETER;
	if (cupti_faults.refuse)
		return (CUptiResult)cupti_faults.refuse;
	if (!cupti_driver_attach())
		return CUPTI_ERROR_NOT_INITIALIZED;
	pthread_mutex_lock(&lock);
	if (atomic_load(&subscriber_now)) {
		result = CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED;
		if (params && params->oldSubscriberName && params->oldSubscriberSize)
			snprintf(params->oldSubscriberName, params->oldSubscriberSize, "%s",
				 only.name);
	} else {
		subscribed(handle, callback, data, params ? params->subscriberName : NULL);
	}
	pthread_mutex_unlock(&lock);
	return result;
}

CUptiResult cuptiSubscribe(CUpti_SubscriberHandle *subscriber, CUpti_CallbackFunc callback,
			   void *userdata)
{
	CUPTI_BEGIN(1108);
	return cupti_fail(subscribe(subscriber, callback, userdata, NULL));
}

CUptiResult cuptiSubscribe_v2(CUpti_SubscriberHandle *subscriber, CUpti_CallbackFunc callback,
			      void *userdata, CUpti_SubscriberParams *params)
{
	CUPTI_BEGIN(1300);
	if (!params)
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	return cupti_fail(subscribe(subscriber, callback, userdata, params));
}

static void callback_set(CUpti_CallbackDomain domain, uint32_t cbid, bool is_on)
{
	if (atomic_exchange(&is_enabled[domain][cbid], is_on) != is_on)
		atomic_fetch_add(&enabled_count, is_on ? 1 : -1);
}

static void domain_set(CUpti_CallbackDomain domain, bool is_on)
{
	for (uint32_t cbid = 1; cbid < CUPTI_CBID_LIMIT; cbid++)
		callback_set(domain, cbid, is_on);
}

static bool is_subscriber(CUpti_SubscriberHandle subscriber)
{
	return subscriber && subscriber == atomic_load(&subscriber_now);
}

static bool is_domain(CUpti_CallbackDomain domain)
{
	return domain == CUPTI_CB_DOMAIN_DRIVER_API || domain == CUPTI_CB_DOMAIN_RUNTIME_API ||
	       domain == CUPTI_CB_DOMAIN_RESOURCE;
}

CUptiResult cuptiUnsubscribe(CUpti_SubscriberHandle subscriber)
{
	CUPTI_BEGIN(1108);
	if (!is_subscriber(subscriber))
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	domain_set(CUPTI_CB_DOMAIN_DRIVER_API, false);
	domain_set(CUPTI_CB_DOMAIN_RUNTIME_API, false);
	domain_set(CUPTI_CB_DOMAIN_RESOURCE, false);
	atomic_store(&subscriber_now, NULL);
	cupti_driver_attach();
	return CUPTI_SUCCESS;
}

CUptiResult cuptiSupportedDomains(size_t *domainCount, CUpti_CallbackDomain **domainTable)
{
	static CUpti_CallbackDomain domains[] = {
		CUPTI_CB_DOMAIN_DRIVER_API, CUPTI_CB_DOMAIN_RUNTIME_API, CUPTI_CB_DOMAIN_RESOURCE,
	};

	CUPTI_BEGIN(1108);
	if (!domainCount || !domainTable)
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	*domainCount = sizeof(domains) / sizeof(domains[0]);
	*domainTable = domains;
	return CUPTI_SUCCESS;
}

CUptiResult cuptiGetCallbackState(uint32_t *enable, CUpti_SubscriberHandle subscriber,
				  CUpti_CallbackDomain domain, CUpti_CallbackId cbid)
{
	CUPTI_BEGIN(1108);
	if (!enable || !is_subscriber(subscriber) || !is_domain(domain) || cbid >= CUPTI_CBID_LIMIT)
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	*enable = atomic_load(&is_enabled[domain][cbid]);
	return CUPTI_SUCCESS;
}

/* Domains other than these exist, but nothing is ever reported in them. */
static CUptiResult check_enable(CUpti_SubscriberHandle subscriber, CUpti_CallbackDomain domain)
{
	if (!is_subscriber(subscriber) || domain <= CUPTI_CB_DOMAIN_INVALID ||
	    domain >= CUPTI_CB_DOMAIN_LIMIT)
		return CUPTI_ERROR_INVALID_PARAMETER;
	if (domain == CUPTI_CB_DOMAIN_RESOURCE && cupti_faults.no_resources)
		return CUPTI_ERROR_NOT_SUPPORTED;
	return is_domain(domain) ? CUPTI_SUCCESS : CUPTI_ERROR_NOT_SUPPORTED;
}

static uint32_t cbid_limit(CUpti_CallbackDomain domain)
{
	if (domain != CUPTI_CB_DOMAIN_RESOURCE)
		return CUPTI_CBID_LIMIT;
	return cupti_release < 1300 ? CUPTI_CBID_RESOURCE_GRAPH_NODE_UPDATED :
				      CUPTI_CBID_RESOURCE_LIMIT;
}

CUptiResult cuptiEnableCallback(uint32_t enable, CUpti_SubscriberHandle subscriber,
				CUpti_CallbackDomain domain, CUpti_CallbackId cbid)
{
	CUptiResult result;

	CUPTI_BEGIN(1108);
	result = check_enable(subscriber, domain);
	if (result == CUPTI_SUCCESS && (cbid == 0 || cbid >= cbid_limit(domain)))
		result = CUPTI_ERROR_INVALID_PARAMETER;
	if (result != CUPTI_SUCCESS)
		return cupti_fail(result);
	callback_set(domain, cbid, enable);
	cupti_driver_attach();
	return CUPTI_SUCCESS;
}

CUptiResult cuptiEnableDomain(uint32_t enable, CUpti_SubscriberHandle subscriber,
			      CUpti_CallbackDomain domain)
{
	CUptiResult result;

	CUPTI_BEGIN(1108);
	result = check_enable(subscriber, domain);
	if (result != CUPTI_SUCCESS)
		return cupti_fail(result);
	domain_set(domain, enable);
	cupti_driver_attach();
	return CUPTI_SUCCESS;
}

CUptiResult cuptiEnableAllDomains(uint32_t enable, CUpti_SubscriberHandle subscriber)
{
	CUptiResult result = cuptiEnableDomain(enable, subscriber, CUPTI_CB_DOMAIN_DRIVER_API);

	if (result == CUPTI_SUCCESS)
		result = cuptiEnableDomain(enable, subscriber, CUPTI_CB_DOMAIN_RUNTIME_API);
	if (result == CUPTI_SUCCESS)
		result = cuptiEnableDomain(enable, subscriber, CUPTI_CB_DOMAIN_RESOURCE);
	return result;
}

static const char *callback_name(CUpti_CallbackDomain domain, uint32_t cbid)
{
	static const struct {
		CUpti_CallbackDomain domain;
		uint32_t cbid;
		const char *name;
	} names[] = {
#define API(symbol, base, tier, since, per_thread, id, category, params, args) \
		{ CUPTI_CB_DOMAIN_DRIVER_API, id, #symbol },
#include "driver/driver_api.def"
#undef API
#define CALL(name, id, version, context, params, args) \
		{ CUPTI_CB_DOMAIN_RUNTIME_API, id, #name "_v" #version },
#define UNTRACED(name, context, params, args)
#define STREAM(name, twin, id, version, twin_id, twin_version, params, args) \
		{ CUPTI_CB_DOMAIN_RUNTIME_API, id, #name "_v" #version }, \
		{ CUPTI_CB_DOMAIN_RUNTIME_API, twin_id, #twin "_v" #twin_version },
#include "simcuda/runtime_api.def"
#undef CALL
#undef UNTRACED
#undef STREAM
		{ CUPTI_CB_DOMAIN_RESOURCE, CUPTI_CBID_RESOURCE_GRAPHNODE_CREATED,
		  "GRAPHNODE_CREATED" },
		{ CUPTI_CB_DOMAIN_RESOURCE, CUPTI_CBID_RESOURCE_GRAPHNODE_CLONED,
		  "GRAPHNODE_CLONED" },
		{ CUPTI_CB_DOMAIN_RESOURCE, CUPTI_CBID_RESOURCE_GRAPH_NODE_UPDATED,
		  "GRAPH_NODE_UPDATED" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].domain == domain && names[i].cbid == cbid && cbid)
			return names[i].name;
	}
	return NULL;
}

CUptiResult cuptiGetCallbackName(CUpti_CallbackDomain domain, uint32_t cbid, const char **name)
{
	CUPTI_BEGIN(1108);
	if (!name || !callback_name(domain, cbid))
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	*name = callback_name(domain, cbid);
	return CUPTI_SUCCESS;
}

void cupti_callback_run(struct cupti_call *call, CUpti_ApiCallbackSite site, const char *name,
			CUcontext context, CUresult *result)
{
	struct CUpti_Subscriber_st *subscriber;
	CUpti_CallbackData data;
	uint32_t context_id = 0;

	if (!atomic_load_explicit(&is_enabled[call->domain][call->cbid], memory_order_relaxed))
		return;
	subscriber = atomic_load(&subscriber_now);
	if (!subscriber || !subscriber->callback)
		return;
	if (context)
		cuptiGetContextId(context, &context_id);
	data = (CUpti_CallbackData){
		.callbackSite = site,
		.functionName = name,
		.functionReturnValue = result,
		.context = context,
		.contextUid = context_id,
		.correlationData = &call->client_data,
		.correlationId = call->correlation,
	};
	subscriber->callback(subscriber->data, call->domain, call->cbid, &data);
}

void cupti_node_changed(void *user, const struct sim_node_change *change)
{
	uint32_t cbid = change->event;
	struct CUpti_Subscriber_st *subscriber;
	CUpti_GraphData graph = {
		.graph = change->graph,
		.originalGraph = change->original_graph,
		.node = change->node,
		.originalNode = change->original,
		.nodeType = change->type,
	};
	CUpti_ResourceData data = { .context = change->context, .resourceDescriptor = &graph };
	bool was_quiet;

	(void)user;
	if (!atomic_load_explicit(&is_enabled[CUPTI_CB_DOMAIN_RESOURCE][cbid],
				  memory_order_relaxed))
		return;
	subscriber = atomic_load(&subscriber_now);
	if (!subscriber || !subscriber->callback)
		return;
	was_quiet = cupti_thread_quiet(true);
	subscriber->callback(subscriber->data, CUPTI_CB_DOMAIN_RESOURCE, cbid, &data);
	cupti_thread_quiet(was_quiet);
}

CUptiResult cuptiIsTracingSessionRunning(uint8_t *isRunning)
{
	CUPTI_BEGIN(1302);
	if (!isRunning)
		return cupti_fail(CUPTI_ERROR_INVALID_PARAMETER);
	*isRunning = atomic_load(&subscriber_now) != NULL || cupti_any_kind_is_on();
	return CUPTI_SUCCESS;
}

/* Ends all tracing; what has been gathered can still be flushed. */
CUptiResult cuptiFinalize(void)
{
	CUPTI_BEGIN(1108);
	for (uint32_t kind = 1; kind < CUPTI_ACTIVITY_KIND_LIMIT; kind++) {
		if (cupti_kind_is_on(kind))
			cuptiActivityDisable((CUpti_ActivityKind)kind);
	}
	if (atomic_load(&subscriber_now))
		cuptiUnsubscribe(atomic_load(&subscriber_now));
	return CUPTI_SUCCESS;
}
