/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the simulated libcupti.so: what its files share. */
#ifndef GPUTRAIL_SIMCUDA_CUPTI_STATE_H
#define GPUTRAIL_SIMCUDA_CUPTI_STATE_H

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "simcuda/cupti.h"
#include "simcuda/sim.h"

/* --- release and faults (cupti_release.c), read once from the environment --------------------- */
struct cupti_faults {
	long refuse;			/* SIMCUPTI_REFUSE: what cuptiSubscribe returns */
	long drop;			/* SIMCUPTI_DROP=n: each n-th record is lost, and counted */
	long zero_times, reversed_times; /* each n-th kernel */
	long pool_records;		/* times that a device buffer has room for */
	bool unordered, hang_flush, newer_than_driver;
	bool no_resources;		/* SIMCUPTI_NO_RESOURCES=1: that domain is not supported */
};
extern struct cupti_faults cupti_faults;
/* An attribute as the client set it (cupti_settings.c). */
uint64_t cupti_attribute(int attribute);
extern int cupti_release;		/* 1304 = 13.4 */
extern uint32_t cupti_api_version;	/* what cuptiGetVersion answers */
/* First line of every function: false when the release lacks it; *result then says how. */
bool cupti_may_run(int since, CUptiResult *result);
/* Keeps the error for cuptiGetLastError. */
CUptiResult cupti_fail(CUptiResult result);

#define CUPTI_BEGIN(since)						\
	do {								\
		CUptiResult begin_result;				\
		if (!cupti_may_run(since, &begin_result))		\
			return cupti_fail(begin_result);		\
	} while (0)

/* --- records (cupti_layout.c) ------------------------------------------------------------------- */
#define CUPTI_RECORD_BYTES_MAX 248

struct cupti_record {
	uint32_t bytes;
	uint8_t data[CUPTI_RECORD_BYTES_MAX] __attribute__((aligned(8)));
};

enum cupti_layout {
#define RECORD(record, kind, header) CUPTI_RECORD_##record,
#define SIZE(record, since, version, bytes)
#define FIELD(record, field, offset, bytes, since)
#include "simcuda/cupti_records.def"
#undef RECORD
#undef SIZE
#undef FIELD
	CUPTI_RECORDS
};

enum cupti_field {
#define RECORD(record, kind, header)
#define SIZE(record, since, version, bytes)
#define FIELD(record, field, offset, bytes, since) CUPTI_FIELD_##record##_##field,
#include "simcuda/cupti_records.def"
#undef RECORD
#undef SIZE
#undef FIELD
	CUPTI_FIELDS
};

/* An empty record of the release's size. */
void cupti_record_begin(struct cupti_record *record, enum cupti_layout layout, uint32_t kind);
/* Stores a field; nothing happens when the release does not have it yet. */
void cupti_record_put(struct cupti_record *record, enum cupti_field field, uint64_t value);
#define PUT(record, layout, field, value) \
	cupti_record_put(record, CUPTI_FIELD_##layout##_##field, (uint64_t)(value))
/* Size of the records of a kind, 0 for kinds that this library never delivers. */
uint32_t cupti_record_bytes(uint32_t kind);
/* Size in a version of the record's struct, 0 when there is none such. */
uint32_t cupti_record_version_bytes(uint32_t kind, uint32_t version);

/* --- clock (cupti_clock.c) ------------------------------------------------------------------------ */
/* A time of CLOCK_MONOTONIC on the client's clock. Where that counts nanoseconds, the two differ by a
 * constant between registrations. */
uint64_t cupti_clock_at(uint64_t monotonic_ns);
uint64_t cupti_now_ns(void);

/* --- buffers (cupti_buffer.c, cupti_flush.c) -------------------------------------------------------- */
/* Takes a record from any thread; calls nothing of the client's. */
void cupti_buffer_append(const struct cupti_record *record);
/* On an application's thread: asks for a buffer when one is wanted. */
void cupti_buffer_supply(void);
extern atomic_bool cupti_buffer_is_wanted;
CUptiResult cupti_buffer_register(CUpti_BuffersCallbackRequestFunc requested,
				  CUpti_BuffersCallbackCompleteFunc completed);
/* Hands all there is to the client on this thread; false: no callbacks are registered. */
bool cupti_buffer_flush(void);
size_t cupti_buffer_take_dropped(void);	/* lost records since the last question */
extern atomic_bool cupti_is_forked;	/* this process is a child without the worker */
extern atomic_bool cupti_buffers_are_zeroed;	/* by the client: no need to do it here */

/* --- activity kinds (cupti_activity.c) --------------------------------------------------------------- */
extern atomic_bool cupti_kinds[CUPTI_ACTIVITY_KIND_LIMIT];
static inline bool cupti_kind_is_on(uint32_t kind)
{
	return atomic_load_explicit(&cupti_kinds[kind], memory_order_relaxed);
}
bool cupti_any_kind_is_on(void);
/* What is recorded of work submitted now: a bit for each kind, and one for calls being watched. What
 * is already on its way is recorded as it was wanted then. */
#define CUPTI_WATCHES_CALLS (1ull << 63)
static_assert(CUPTI_ACTIVITY_KIND_LIMIT < 63, "a bit for each kind");
uint64_t cupti_watched(void);
void cupti_activity(void *user, const struct sim_activity *activity);
uint32_t cupti_thread_id(void);		/* as cuptiSetThreadIdType wants it */

/* --- calls (cupti_callback.c, cupti_api.c) ------------------------------------------------------------ */
#define CUPTI_CBID_LIMIT 1024
/* Switches the records of one API function. */
void cupti_api_switch(CUpti_CallbackDomain domain, uint32_t cbid, bool is_on);
bool cupti_any_api_is_on(void);
bool cupti_any_callback_is_on(void);
bool cupti_has_subscriber(void);
/* One API call on its way, on the calling thread's stack of calls. */
struct cupti_call {
	uint64_t start_ns;
	uint64_t client_data;		/* what correlationData points to */
	uint32_t correlation;
	CUpti_CallbackDomain domain;
	uint32_t cbid;
};
/* While quiet, the thread's calls into the driver are not traced; returns what it was before. */
bool cupti_thread_quiet(bool is_quiet);
void cupti_callback_run(struct cupti_call *call, CUpti_ApiCallbackSite site, const char *name,
			CUcontext context, CUresult *result);
void cupti_node_changed(void *user, const struct sim_node_change *change);
void cupti_api_enter(void *user, uint32_t cbid, const char *name, uint32_t correlation,
		     CUcontext context);
void cupti_api_leave(void *user, uint32_t cbid, const char *name, uint32_t correlation,
		     CUcontext context, CUresult result);

/* --- driver (cupti_driver.c) ---------------------------------------------------------------------------- */
/* Address of a function of the loaded libcuda.so.1, or NULL; kept in *slot once found. */
void *cupti_driver_symbol(_Atomic(void *) *slot, const char *name);
/* Listens while any kind or callback is enabled; false when the driver is not the simulated one. */
bool cupti_driver_attach(void);
void cupti_driver_settle(void);

#endif
