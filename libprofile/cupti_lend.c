/* SPDX-License-Identifier: Apache-2.0 */
/* Stands before the functions of CUPTI by which other tools begin and end to trace. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/cupti_lend.h"

#include <dlfcn.h>
#include <string.h>
#include <time.h>

#include "libprofile/control.h"
#include "libprofile/cupti.h"

#define QUIET_NS 1000000000ull		/* between two profiles it is not worth the while */
#define KINDS 256u

enum { LEND_OURS, LEND_WANTED, LEND_OUT };

typedef uint64_t timestamp_callback(void);

static struct {
	uint32_t state;
	uint32_t subscribers;
	uint64_t kinds[KINDS / 64];		/* activity kinds that are on */
	uint64_t used_ns;			/* last call that concerns us */
	cupti_buffer_requested *requested;	/* what it registered; CUPTI keeps one of each */
	cupti_buffer_completed *completed;
	timestamp_callback *clock;
	char borrower[64];
} lent;

/* --- on the control thread ----------------------------------------------------------------- */

bool cupti_lend_is_wanted(void)
{
	return __atomic_load_n(&lent.state, __ATOMIC_ACQUIRE) == LEND_WANTED;
}

bool cupti_lend_is_out(void)
{
	return __atomic_load_n(&lent.state, __ATOMIC_ACQUIRE) == LEND_OUT;
}

void cupti_lend_hand_over(void)
{
	/* It may have registered these before, once for all of its profiles. */
	if (lent.clock && cupti.ActivityRegisterTimestampCallback)
		cupti.ActivityRegisterTimestampCallback(lent.clock);
	if (lent.requested && cupti.ActivityRegisterCallbacks)
		cupti.ActivityRegisterCallbacks(lent.requested, lent.completed);
	__atomic_store_n(&lent.state, LEND_OUT, __ATOMIC_RELEASE);
}

bool cupti_lend_is_subscribed(void)
{
	return cupti_lend_is_out() && __atomic_load_n(&lent.subscribers, __ATOMIC_RELAXED);
}

static bool is_in_use(void)
{
	if (cupti_lend_is_subscribed())
		return true;
	for (unsigned i = 0; i < KINDS / 64; i++)
		if (__atomic_load_n(&lent.kinds[i], __ATOMIC_RELAXED))
			return true;
	return false;
}

bool cupti_lend_is_idle(uint64_t now_ns)
{
	return cupti_lend_is_out() && !is_in_use() &&
		now_ns - __atomic_load_n(&lent.used_ns, __ATOMIC_RELAXED) >= QUIET_NS;
}

bool cupti_lend_take_back(void)
{
	uint32_t state = LEND_OUT;

	if (!is_in_use())
		__atomic_compare_exchange_n(&lent.state, &state, LEND_OURS, false,
					    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	return __atomic_load_n(&lent.state, __ATOMIC_ACQUIRE) == LEND_OURS;
}

static uint64_t realtime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* There is no way back to the default, which reads the same clock. */
bool cupti_lend_clock_restore(void)
{
	return !lent.clock || (cupti.ActivityRegisterTimestampCallback &&
			       !cupti.ActivityRegisterTimestampCallback(realtime_ns));
}

const char *cupti_lend_borrower(void)
{
	return lent.borrower;
}

void cupti_lend_forget(void)
{
	lent.state = LEND_OURS;
	lent.subscribers = 0;
	memset(lent.kinds, 0, sizeof(lent.kinds));
}

/* --- on the program's threads -------------------------------------------------------------- */

static void wait_for_it(void)
{
	uint32_t state = LEND_OURS;

	if (!gpu_backend_holds_cupti() || !control_is_running()) {
		__atomic_compare_exchange_n(&lent.state, &state, LEND_OUT, false, __ATOMIC_ACQ_REL,
					    __ATOMIC_RELAXED);
		return;
	}
	__atomic_compare_exchange_n(&lent.state, &state, LEND_WANTED, false, __ATOMIC_ACQ_REL,
				    __ATOMIC_RELAXED);
	if (!control_wait(&lent.state, LEND_OUT)) {
		process_count(WIRE_COUNTER_flush_timeouts, 1);
		/* Its next calls do not wait as well. */
		__atomic_store_n(&lent.state, LEND_OUT, __ATOMIC_RELEASE);
	}
}

/* The copy of CUPTI that the caller would have called without us. */
static void *next_function(const struct object *caller, const char *name, void *asked)
{
	void *handle = NULL, *address = NULL;
	struct object object;

	if (asked)
		return asked;
	if (!real_loader_resolve())
		return NULL;
	if (caller->path[0])
		handle = real_dlopen(caller->path, RTLD_LAZY | RTLD_NOLOAD);
	if (handle) {
		address = real_dlsym(handle, name);
		dlclose(handle);
	}
	if (!address)
		address = real_dlsym(RTLD_NEXT, name);
	if (!address && object_find_kind(OBJECT_CUPTI, &object))
		address = object_symbol(&object, name);
	dlerror();
	return address;
}

static void *begin(const char *name, void *asked, const void *return_address)
{
	int saved = process_errno_save();
	struct object caller = { .path = "" };
	void *next;

	object_of_address(return_address, &caller);
	next = next_function(&caller, name, asked);
	if (object_kind_of(caller.path) != OBJECT_CUPTI) {
		__atomic_store_n(&lent.used_ns, clock_monotonic_ns(), __ATOMIC_RELAXED);
		if (!cupti_lend_is_out()) {
			if (!caller.path[0] && util_executable(caller.path, sizeof(caller.path)) < 0)
				util_append(caller.path, 0, sizeof(caller.path), "the program");
			util_append(lent.borrower, 0, sizeof(lent.borrower),
				    util_basename(caller.path));
			wait_for_it();
		}
	}
	process_errno_restore(saved);
	return next;
}

static void set_kind(int kind, bool is_on)
{
	uint64_t bit = 1ull << (kind & 63);

	if ((unsigned)kind >= KINDS)
		return;
	if (is_on)
		__atomic_fetch_or(&lent.kinds[kind / 64], bit, __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(&lent.kinds[kind / 64], ~bit, __ATOMIC_RELAXED);
}

static void count_subscribers(int change)
{
	if (change > 0 || lent.subscribers)
		__atomic_fetch_add(&lent.subscribers, (uint32_t)change, __ATOMIC_RELAXED);
}

/* CALL(function, parameters, arguments, what it means once it succeeded) */
#define CALLS(CALL)									\
	CALL(Subscribe, (void **subscriber, cupti_callback *callback, void *user),	\
	     (subscriber, callback, user), count_subscribers(1))			\
	CALL(Subscribe_v2, (void **subscriber, cupti_callback *callback, void *user,	\
			    void *params),						\
	     (subscriber, callback, user, params), count_subscribers(1))		\
	CALL(Unsubscribe, (void *subscriber), (subscriber), count_subscribers(-1))	\
	CALL(Finalize, (void), (), (lent.subscribers = 0, memset(lent.kinds, 0,		\
								  sizeof(lent.kinds))))	\
	CALL(ActivityRegisterCallbacks,							\
	     (cupti_buffer_requested *requested, cupti_buffer_completed *completed),	\
	     (requested, completed),							\
	     (lent.requested = requested, lent.completed = completed))			\
	CALL(ActivityRegisterTimestampCallback, (timestamp_callback *clock), (clock),	\
	     lent.clock = clock)							\
	CALL(ActivityEnable, (int kind), (kind), set_kind(kind, true))			\
	CALL(ActivityDisable, (int kind), (kind), set_kind(kind, false))		\
	CALL(ActivityEnableContext, (CUcontext context, int kind), (context, kind),	\
	     set_kind(kind, true))							\
	CALL(ActivityDisableContext, (CUcontext context, int kind), (context, kind),	\
	     set_kind(kind, false))							\
	CALL(ActivityFlushAll, (uint32_t flags), (flags), (void)0)

#define PLACE(function, params, args, after) PLACE_##function,
enum { CALLS(PLACE) PLACES };
#undef PLACE
static void *asked_for[PLACES];		/* the addresses that programs looked up */

#define WRAPPER(function, params, args, after)							\
	SHIM_EXPORT int cupti##function params;							\
	int cupti##function params								\
	{											\
		int (*next) params, result;							\
												\
		*(void **)&next = begin("cupti" #function, asked_for[PLACE_##function],		\
					__builtin_return_address(0));				\
		if (!next)									\
			return CUPTI_NOT_INITIALIZED;						\
		result = next args;								\
		if (result == CUPTI_OK)								\
			after;									\
		return result;									\
	}
CALLS(WRAPPER)
#undef WRAPPER

void *cupti_lend_wrapper(const char *name, void *address)
{
#define ROW(function, params, args, after) { "cupti" #function, (void *)cupti##function },
	static const struct { const char *name; void *wrapper; } rows[PLACES] = { CALLS(ROW) };
#undef ROW

	for (unsigned i = 0; i < PLACES && !strncmp(name, "cupti", 5); i++) {
		if (strcmp(rows[i].name, name))
			continue;
		if (address)
			asked_for[i] = address;
		return rows[i].wrapper;
	}
	return NULL;
}
