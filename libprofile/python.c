/* SPDX-License-Identifier: Apache-2.0 */
/* An interpreter in the program itself, in a libpython it is linked with, or in one of a plugin. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "libprofile/python.h"

#include <dlfcn.h>

#include "libprofile/pyframes.h"
#include "libprofile/shim.h"

static void *look_up(const char *symbol)
{
	void *address = real_dlsym(NULL, symbol);	/* RTLD_DEFAULT */
	struct object object;

	if (!address && object_find_kind(OBJECT_PYTHON, &object))
		address = object_symbol(&object, symbol);
	return address;
}

bool python_look(uint32_t *version)
{
	static uint32_t is_kept;
	struct object object;

	if (!pyframes_init(look_up, version))
		return false;
	/* A library stays loaded from now on, since functions of it are called from here. */
	if (!__atomic_exchange_n(&is_kept, 1, __ATOMIC_RELAXED) &&
	    object_of_address(look_up("PyGILState_GetThisThreadState"), &object) &&
	    object_kind_of(object.path) == OBJECT_PYTHON)
		real_dlopen(object.path, RTLD_LAZY | RTLD_NOLOAD);
	return true;
}
