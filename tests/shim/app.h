/* SPDX-License-Identifier: Apache-2.0 */
/* What the little programs of the shim's tests share: the driver's prototypes and fatal errors. */
#ifndef GPUTRAIL_TESTS_SHIM_APP_H
#define GPUTRAIL_TESTS_SHIM_APP_H

#include <stdio.h>
#include <stdlib.h>

#include "driver/driver_types.h"

#define API(symbol, base, tier, since, per_thread, cbid, category, params, args) \
	CUresult symbol params;
#include "driver/driver_api.def"
#undef API

#define NEED(condition) do {							\
	if (!(condition)) {							\
		fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);	\
		exit(1);							\
	}									\
} while (0)

#endif
