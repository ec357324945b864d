/* SPDX-License-Identifier: Apache-2.0 */
/* Naming the native frames of a finished recording, wherever its modules' files now are. */
#ifndef GPUTRAIL_COLLECTOR_SYMBOLISE_H
#define GPUTRAIL_COLLECTOR_SYMBOLISE_H

#include <stdbool.h>
#include <stdint.h>

struct symbolising {
	enum { SYMBOLISE_DONE, SYMBOLISE_NOT_OURS, SYMBOLISE_RECORDING, SYMBOLISE_FAILED } outcome;
	uint64_t unnamed, named;	/* frames without a name before; those that got one */
	uint64_t unlined, lined;	/* the same with file and line */
	uint32_t modules_missing;	/* with such frames, and no file of their build id was found */
	char detail[512];		/* what went wrong */
};

/* What is told meanwhile; either may be NULL. */
struct symbolise_watch {
	/* Each module that has frames to name; `found` is NULL when there is no file for it. */
	void (*module)(const char *module, const char *build_id, const char *found);
	void (*progress)(void *arg, uint64_t done, uint64_t total);	/* frames */
	void *arg;
};

/* folders: NULL terminated, looked into before the recorded paths and /usr/lib/debug. */
void symbolise_file(const char *path, const char *const *folders, const struct symbolise_watch *watch,
		    struct symbolising *result);

#endif
