/* SPDX-License-Identifier: Apache-2.0 */
/* dlsym and dlvsym for the names that concern this library; all others jumped past. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "libprofile/shim.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>

#include "libprofile/cupti_lend.h"
#include "libprofile/interpose.h"

uint32_t interpose_scan_pending;

static const struct interposed pass = { NULL, 0 };

struct lookup {
	void *handle;
	const char *name, *version;	/* version NULL: dlsym */
	const void *caller;
};

static struct interposed answer(void *address)
{
	return (struct interposed){ address, 1 };
}

static void *ask(const struct lookup *lookup, void *handle)
{
	if (lookup->version)
		return real_dlvsym(handle, lookup->name, lookup->version);
	return real_dlsym(handle, lookup->name);
}

/* The loader's own functions: a program that fetches one gets ours, since the calls it makes
 * through it would pass us by. */
static void *loader_wrapper(const void *address)
{
	if (address == (const void *)real_dlsym)
		return (void *)dlsym;
	if (address == (const void *)real_dlvsym)
		return (void *)dlvsym;
	if (address == (const void *)real_dlopen)
		return (void *)dlopen;
	return NULL;
}

static bool is_ours(const void *address, struct object *self)
{
	return object_of_address((const void *)interpose_dlsym, self) &&
		(uintptr_t)address - self->low < self->high - self->low;
}

/* What the caller would have found in its own dependencies, where a private copy of the driver
 * may be that the global scope does not show. */
static void *ask_in_scope_of(const struct lookup *lookup)
{
	struct object object;
	void *handle, *address = NULL;

	if (!object_of_address(lookup->caller, &object) || !object.path[0])
		return NULL;
	handle = real_dlopen(object.path, RTLD_LAZY | RTLD_NOLOAD);
	if (!handle)
		return NULL;
	address = ask(lookup, handle);
	dlclose(handle);
	return address;
}

/* RTLD_DEFAULT, RTLD_NEXT and dlopen(NULL) can answer with our own export although no driver is
 * there. The answer stands only if there would have been one without us. */
static struct interposed answer_behind_us(const struct lookup *lookup)
{
	void *address = ask(lookup, RTLD_NEXT), *lender;

	if (!address)
		address = ask_in_scope_of(lookup);
	/* Asked once more, so that dlerror has a message: programs do not expect none. */
	if (!address)
		return answer(ask(lookup, RTLD_NEXT));
	dlerror();
	lender = cupti_lend_wrapper(lookup->name, address);
	if (lender)
		return answer(lender);
	return answer(entry_replace(address, lookup->name, WIRE_COUNTER_route_dlsym));
}

static struct interposed look_up_driver(const struct lookup *lookup)
{
	struct object caller, self;
	void *address;

	/* The driver and CUPTI must see each other without us in between. */
	if (object_of_address(lookup->caller, &caller) &&
	    (object_kind_of(caller.path) == OBJECT_CUDA ||
	     object_kind_of(caller.path) == OBJECT_CUPTI))
		return pass;
	if (lookup->handle == RTLD_DEFAULT)
		return answer_behind_us(lookup);
	if (lookup->handle == RTLD_NEXT) {
		if (!object_of_address((const void *)interpose_dlsym, &self) ||
		    caller.index >= self.index)
			return pass;
		return answer_behind_us(lookup);
	}
	address = ask(lookup, lookup->handle);
	if (!address)
		return answer(NULL);
	if (is_ours(address, &self))
		return answer_behind_us(lookup);
	if (object_of_address(address, &self) && object_kind_of(self.path) == OBJECT_CUPTI)
		return answer(cupti_lend_wrapper(lookup->name, address));
	if (!object_address_in_cuda(address))
		return answer(address);
	return answer(entry_replace(address, lookup->name, WIRE_COUNTER_route_dlsym));
}

static struct interposed look_up_loader(const struct lookup *lookup)
{
	void *address, *wrapper;

	if (lookup->handle == RTLD_NEXT || lookup->handle == RTLD_DEFAULT)
		return pass;
	address = ask(lookup, lookup->handle);
	wrapper = address ? loader_wrapper(address) : NULL;
	return answer(wrapper ? wrapper : address);
}

static struct interposed look_up(const struct lookup *lookup)
{
	int saved = process_errno_save();
	struct interposed result = pass;
	int row = ENTRY_NONE;

	if (!real_loader_resolve())
		return pass;
	got_scan_if_pending();
	if (lookup->name && !strncmp(lookup->name, "cu", 2))
		row = entry_find(lookup->name);
	if ((row != ENTRY_NONE && entry_wrapper(row)) ||
	    (lookup->name && cupti_lend_wrapper(lookup->name, NULL)))
		result = look_up_driver(lookup);
	else if (lookup->name && (!strcmp(lookup->name, "dlsym") ||
				  !strcmp(lookup->name, "dlvsym") ||
				  !strcmp(lookup->name, "dlopen")))
		result = look_up_loader(lookup);
	process_errno_restore(saved);
	return result;
}

struct interposed interpose_dlsym(void *handle, const char *name, void *unused, void *caller)
{
	struct lookup lookup = { handle, name, NULL, caller };

	(void)unused;
	return look_up(&lookup);
}

struct interposed interpose_dlvsym(void *handle, const char *name, const char *version,
				   void *caller)
{
	struct lookup lookup = { handle, name, version, caller };

	return look_up(&lookup);
}
