/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the Python interpreter of this process, wherever the program has it. */
#ifndef GPUTRAIL_LIBPROFILE_PYTHON_H
#define GPUTRAIL_LIBPROFILE_PYTHON_H

#include <stdbool.h>
#include <stdint.h>

/* Looks in the global scope, and for a libpython that the program loaded privately; cheap to call
 * again until it says yes. *version as pyframes_init() has it. */
bool python_look(uint32_t *version);

#endif
