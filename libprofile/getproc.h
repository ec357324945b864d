/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GPUTRAIL_LIBPROFILE_GETPROC_H
#define GPUTRAIL_LIBPROFILE_GETPROC_H

#include "libprofile/shim.h"

/* Puts the replacing of answers between the wrappers and the driver's cuGetProcAddress. */
void getproc_install(void);

#endif
