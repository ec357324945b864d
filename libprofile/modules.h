/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of the loaded objects that call paths go through. */
#ifndef GPUTRAIL_LIBPROFILE_MODULES_H
#define GPUTRAIL_LIBPROFILE_MODULES_H

#include <stdbool.h>
#include <stdint.h>

#include "libprofile/shim.h"

/* Once, before the others. */
void modules_start(void);
/* The thread's ring has no definitions yet. */
void modules_thread_start(const struct thread *thread);
/* In a forked child. */
void modules_forget_all(void);

/* Number of the loaded object that holds the address, after its definition was sent to this
 * thread's ring; 0 for code without a file. *ok false: the definition could not be sent now. No
 * lock and no system call for an object that is known. */
uint32_t module_number(struct thread *thread, uintptr_t address, struct object *object, bool *ok);

#endif
