/* SPDX-License-Identifier: Apache-2.0 */
/* What trampoline.S calls, and the look at libraries opened with RTLD_DEEPBIND (got.c). */
#ifndef GPUTRAIL_LIBPROFILE_INTERPOSE_H
#define GPUTRAIL_LIBPROFILE_INTERPOSE_H

#include <stdint.h>

/* Returned in two registers; is_answered 0: jump to the real function. */
struct interposed {
	void *address;
	uint64_t is_answered;
};

extern uint32_t interpose_scan_pending;	/* a library was opened with RTLD_DEEPBIND */

void *dlsym(void *handle, const char *name);
void *dlvsym(void *handle, const char *name, const char *version);
void *dlopen(const char *path, int mode);
struct interposed interpose_dlsym(void *handle, const char *name, void *unused, void *caller);
struct interposed interpose_dlvsym(void *handle, const char *name, const char *version,
				   void *caller);
/* Patches objects that bound our names past this library. */
void got_scan(void);
/* Counts what programs and libraries linked to the driver bound to our wrappers. */
void got_count_linked(void);
static inline void got_scan_if_pending(void)
{
	if (__builtin_expect(__atomic_load_n(&interpose_scan_pending, __ATOMIC_ACQUIRE), 0))
		got_scan();
}

#endif
