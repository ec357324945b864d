/* SPDX-License-Identifier: Apache-2.0 */
/* The variables of env.def. */
#ifndef GPUTRAIL_LIBPROFILE_ENV_H
#define GPUTRAIL_LIBPROFILE_ENV_H

enum env {
#define ENV(name, value, help) ENV_##name,
#include "libprofile/env.def"
#undef ENV
	ENV_COUNT
};

/* The variable's value, or its default when it is unset or empty. */
const char *env_get(enum env which);

#endif
