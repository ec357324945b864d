/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts what happens inside of driver calls: allocations, by standing in front of malloc, and system
 * calls, which the kernel hands to a handler here meanwhile. Preloaded, and called by rounds.py.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <time.h>
#include <ucontext.h>

#include "driver/driver_types.h"

#define EXPORT __attribute__((visibility("default")))
#define INITIAL __thread __attribute__((tls_model("initial-exec")))

#ifndef PR_SET_SYSCALL_USER_DISPATCH	/* Linux 5.11 */
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_ON 1
#define SYSCALL_DISPATCH_FILTER_ALLOW 0
#define SYSCALL_DISPATCH_FILTER_BLOCK 1
#endif

typedef CUresult launch_function(CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned,
				 unsigned, unsigned, CUstream, void **, void **);

EXPORT unsigned long steady_launches, steady_allocations, steady_system_calls;
static INITIAL bool is_inside;
static INITIAL volatile char selector;		/* BLOCK: system calls go to the handler */
static launch_function *launch;
static volatile enum { IDLE, WAITING, HELD, LAUNCHED } state;	/* of launches below a held GIL */

/* --- allocations --------------------------------------------------------------------------- */

/* glibc's own names, and those that stand in front of them. */
#define ALLOCATOR(name, parameters, arguments)				\
	extern void *__libc_##name parameters;				\
	EXPORT void *name parameters;					\
	EXPORT void *name parameters					\
	{								\
		steady_allocations += is_inside;			\
		return __libc_##name arguments;				\
	}
ALLOCATOR(malloc, (size_t bytes), (bytes))
ALLOCATOR(calloc, (size_t count, size_t bytes), (count, bytes))
ALLOCATOR(realloc, (void *memory, size_t bytes), (memory, bytes))
ALLOCATOR(memalign, (size_t alignment, size_t bytes), (alignment, bytes))

EXPORT int posix_memalign(void **memory, size_t alignment, size_t bytes);

EXPORT int posix_memalign(void **memory, size_t alignment, size_t bytes)
{
	*memory = memalign(alignment, bytes);
	return *memory ? 0 : ENOMEM;
}

/* --- system calls -------------------------------------------------------------------------- */

EXPORT int steady_thread(void);

#if defined(__x86_64__)

/* Counts one for each driver call that makes any: further ones of it go to the kernel. */
static void on_system_call(int signal, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	register uint64_t r10 __asm__("r10") = (uint64_t)registers[REG_R10];
	register uint64_t r8 __asm__("r8") = (uint64_t)registers[REG_R8];
	register uint64_t r9 __asm__("r9") = (uint64_t)registers[REG_R9];
	int64_t result = info->si_syscall;

	(void)signal;
	selector = SYSCALL_DISPATCH_FILTER_ALLOW;
	steady_system_calls++;
	__asm__ volatile("syscall" : "+a"(result)
			 : "D"(registers[REG_RDI]), "S"(registers[REG_RSI]),
			   "d"(registers[REG_RDX]), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	registers[REG_RAX] = result;
}

/* 0: system calls of this thread are counted. */
EXPORT int steady_thread(void)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO | SA_NODEFER };

	action.sa_sigaction = on_system_call;
	return sigaction(SIGSYS, &action, NULL) ||
	       prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &selector);
}

#else

EXPORT int steady_thread(void)
{
	return -1;
}

#endif

/* --- launches ------------------------------------------------------------------------------ */

EXPORT int steady_open(void);
EXPORT int steady_launch(void);
EXPORT int steady_await(void);
EXPORT int steady_below_gil(int count, int control);
EXPORT int steady_hold_gil(int seconds);

EXPORT int steady_open(void)
{
	void *driver = dlopen("libcuda.so.1", RTLD_NOW);
	CUresult (*init)(unsigned flags);

	if (!driver)
		return -1;
	*(void **)&launch = dlsym(driver, "cuLaunchKernel");
	*(void **)&init = dlsym(driver, "cuInit");
	return !launch || !init || init(0);
}

/* The driver below does nothing: what is counted is the recorder's. */
EXPORT int steady_launch(void)
{
	CUresult result;

	is_inside = true;
	selector = SYSCALL_DISPATCH_FILTER_BLOCK;
	result = launch((CUfunction)(uintptr_t)0xf000, 1, 1, 1, 32, 1, 1, 0, NULL, NULL, NULL);
	selector = SYSCALL_DISPATCH_FILTER_ALLOW;
	is_inside = false;
	steady_launches++;
	return (int)result;
}

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static bool await(int wanted, int seconds)
{
	for (int i = 0; i < seconds * 1000 && (int)state != wanted; i++)
		nap();
	return (int)state == wanted;
}

/* Called without the GIL: until the other thread is in steady_below_gil(). */
EXPORT int steady_await(void)
{
	return await(WAITING, 20);
}

/* Called with the GIL: keeps it until the launches of the other thread are done, or for so long.
 * Returns 1 if they came to an end. */
EXPORT int steady_hold_gil(int seconds)
{
	state = HELD;
	return await(LAUNCHED, seconds);
}

/* Called without the GIL; the control takes it once, as a recorder must not. */
EXPORT int steady_below_gil(int count, int control)
{
	int (*ensure)(void), result = 0;
	void (*release)(int state);

	*(void **)&ensure = dlsym(RTLD_DEFAULT, "PyGILState_Ensure");
	*(void **)&release = dlsym(RTLD_DEFAULT, "PyGILState_Release");
	state = WAITING;
	if (!await(HELD, 20))
		return -1;
	for (int i = 0; i < count && !result; i++)
		result = steady_launch();
	if (control)
		release(ensure());
	state = LAUNCHED;
	return result;
}
