/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the functions behind the wrappers: the real loader's and the real driver's. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/shim.h"

#include <dlfcn.h>
#include <link.h>
#include <sched.h>
#include <unistd.h>

#include "libprofile/getproc.h"

struct real_driver real;
static_assert(sizeof(real) == API_COUNT * sizeof(void *), "a slot for each row, in order");
void *(*real_dlsym)(void *, const char *);
void *(*real_dlvsym)(void *, const char *, const char *);
void *(*real_dlopen)(const char *, int);
int (*real_dlclose)(void *);

static uint32_t real_state;	/* 0 not yet, 1 somebody is at it, 2 done */
static uint32_t resolving_pid;

/* The first object behind this library that defines what is still missing: a library preloaded
 * after this one may have its own dlsym, and it has to see the calls too. */
static int find_loader(struct dl_phdr_info *info, size_t size, void *data)
{
	bool *is_behind = data;
	struct object object;

	(void)size;
	if (!*is_behind) {
		*is_behind = (uintptr_t)info->dlpi_addr <= (uintptr_t)find_loader &&
			object_of_address((const void *)find_loader, &object) &&
			object.base == info->dlpi_addr;
		return 0;
	}
	for (int i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type != PT_DYNAMIC)
			continue;
		object.base = info->dlpi_addr;
		object.dynamic = (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
		if (!real_dlsym)
			*(void **)&real_dlsym = object_symbol(&object, "dlsym");
		if (!real_dlvsym)
			*(void **)&real_dlvsym = object_symbol(&object, "dlvsym");
		if (!real_dlopen)
			*(void **)&real_dlopen = object_symbol(&object, "dlopen");
		if (!real_dlclose)
			*(void **)&real_dlclose = object_symbol(&object, "dlclose");
	}
	return real_dlsym && real_dlvsym && real_dlopen && real_dlclose;
}

bool real_loader_resolve(void)
{
	bool is_behind = false;

	if (!real_dlsym || !real_dlvsym || !real_dlopen || !real_dlclose)
		dl_iterate_phdr(find_loader, &is_behind);
	return real_dlsym && real_dlvsym && real_dlopen && real_dlclose;
}

/* What stands behind this library in the search order may be another interposer's function; both
 * that and the driver's own lead to our wrapper. */
static void resolve_row(int row, void **slot, const struct object *cuda, bool *is_global)
{
	const char *symbol = entry_name(row);
	void *next = real_dlsym(RTLD_NEXT, symbol);
	void *own = object_symbol(cuda, symbol);

	*slot = next ? next : own;
	if (!*slot) {
		process_count(WIRE_COUNTER_hook_missing, 1);
		return;
	}
	entry_add_address(own ? own : next, row);
	if (next && next != own)
		entry_add_address(next, row);
	if (next && next == own)
		*is_global = true;
}

static bool resolve_all(void)
{
	void **slots = (void **)&real;
	bool is_global = false;
	struct object cuda;

	if (!real_loader_resolve() || !object_find_kind(OBJECT_CUDA, &cuda))
		return false;
	/* Handed-out pointers outlive a dlclose of the driver; keep it loaded for them. */
	real_dlopen(cuda.path, RTLD_LAZY | RTLD_NOLOAD);
	for (int row = 0; row < (int)API_COUNT; row++)
		resolve_row(row, &slots[row], &cuda, &is_global);
	/* Rows this driver lacks left a message that is not the program's. */
	dlerror();
	/* A driver opened with RTLD_LOCAL was asked for by its handle, past all interposers; one of
	 * them could not even find it from where it stands. */
	for (int row = 0; row < (int)API_COUNT && !is_global; row++) {
		void *own = object_symbol(&cuda, entry_name(row));

		if (own)
			slots[row] = own;
	}
	getproc_install();
	return true;
}

/* Rows lie in `real` in the order of the table. */
bool real_has(int row)
{
	return ((void *const *)&real)[row] != NULL;
}

bool real_resolve(void)
{
	uint32_t state = __atomic_load_n(&real_state, __ATOMIC_ACQUIRE);
	bool is_done;
	int saved;

	if (likely(state == 2))
		return true;
	state = 0;
	if (!__atomic_compare_exchange_n(&real_state, &state, 1, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_ACQUIRE)) {
		while ((state = __atomic_load_n(&real_state, __ATOMIC_ACQUIRE)) == 1 &&
		       (!resolving_pid || resolving_pid == (uint32_t)getpid()))
			sched_yield();
		if (state != 1)
			return state == 2;
		/* Forked from a process that was at it; what is filled already stays right. */
	}
	resolving_pid = (uint32_t)getpid();
	saved = process_errno_save();
	is_done = resolve_all();
	process_errno_restore(saved);
	__atomic_store_n(&real_state, is_done ? 2 : 0, __ATOMIC_RELEASE);
	return is_done;
}
