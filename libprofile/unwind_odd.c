/* SPDX-License-Identifier: Apache-2.0 */
/* One step by libunwind, from the calling function outwards to the frame in question. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "libprofile/unwind_odd.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

#include "libprofile/unwind.h"

void *(*unwind_odd_open)(const char *path, int mode);
void *(*unwind_odd_symbol)(void *handle, const char *name);

#if defined(__x86_64__)

#define CURSOR_WORDS 256		/* libunwind's unw_cursor_t has 127 */
#define STEPS_MAX 1024
enum { REGISTER_RBP = 6, REGISTER_RSP = 7, REGISTER_RIP = 16 };
enum { NOT_TRIED, OPENING, READY, ABSENT };

static struct {
	uint32_t state;
	int (*getcontext)(ucontext_t *context);
	int (*init_local)(uint64_t *cursor, ucontext_t *context);
	int (*step)(uint64_t *cursor);
	int (*get_reg)(uint64_t *cursor, int number, uint64_t *value);
} libunwind;

static bool libunwind_open(void)
{
	uint32_t state = NOT_TRIED;
	void *handle;

	if (!__atomic_compare_exchange_n(&libunwind.state, &state, OPENING, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_ACQUIRE))
		return state == READY;
	handle = unwind_odd_open ? unwind_odd_open("libunwind.so.8", RTLD_LAZY | RTLD_LOCAL) : NULL;
	if (handle) {
		*(void **)&libunwind.getcontext = unwind_odd_symbol(handle, "_Ux86_64_getcontext");
		*(void **)&libunwind.init_local = unwind_odd_symbol(handle, "_ULx86_64_init_local");
		*(void **)&libunwind.step = unwind_odd_symbol(handle, "_ULx86_64_step");
		*(void **)&libunwind.get_reg = unwind_odd_symbol(handle, "_ULx86_64_get_reg");
	}
	state = libunwind.getcontext && libunwind.init_local && libunwind.step &&
		libunwind.get_reg ? READY : ABSENT;
	__atomic_store_n(&libunwind.state, state, __ATOMIC_RELEASE);
	return state == READY;
}

__attribute__((noinline)) bool unwind_odd_step(const struct unwind_frame *frame,
					       struct unwind_frame *caller)
{
	uint64_t cursor[CURSOR_WORDS], sp = 0;
	ucontext_t context;

	if (!libunwind_open() || libunwind.getcontext(&context) ||
	    libunwind.init_local(cursor, &context))
		return false;
	for (int i = 0; i < STEPS_MAX && sp < frame->sp; i++)
		if (libunwind.step(cursor) <= 0 || libunwind.get_reg(cursor, REGISTER_RSP, &sp))
			return false;
	return sp == frame->sp && libunwind.step(cursor) > 0 &&
	       !libunwind.get_reg(cursor, REGISTER_RIP, &caller->ip) &&
	       !libunwind.get_reg(cursor, REGISTER_RSP, &caller->sp) &&
	       !libunwind.get_reg(cursor, REGISTER_RBP, &caller->rbp);
}

#else

bool unwind_odd_step(const struct unwind_frame *frame, struct unwind_frame *caller)
{
	(void)frame;
	(void)caller;
	return false;
}

#endif
