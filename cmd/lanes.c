/* SPDX-License-Identifier: Apache-2.0 */
/* Lanes of tracks: see lanes.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/lanes.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

struct track_key {
	int64_t pid, key;
};

struct lanes {
	struct track_key key;
	int64_t tid;
	uint64_t *ends;			/* of the last slice in each lane */
	int count, capacity;
	UT_hash_handle hh;
};

static bool tid_taken(struct lanes *lanes, int64_t pid, int64_t tid)
{
	for (struct lanes *track = lanes; track; track = track->hh.next)
		if (track->key.pid == pid && track->tid == tid)
			return true;
	return false;
}

int lanes_find(struct lanes **lanes, int64_t pid, int64_t key, int64_t wanted, int64_t instead,
	       uint64_t start_ns, uint64_t end_ns, struct lane *lane)
{
	struct track_key search = { pid, key };
	struct lanes *track;
	int i = 0;

	*lane = (struct lane){ 0 };
	HASH_FIND(hh, *lanes, &search, sizeof(search), track);
	if (!track) {
		track = calloc(1, sizeof(*track));
		if (!track)
			return -1;
		track->key = search;
		track->tid = tid_taken(*lanes, pid, wanted) ? instead : wanted;
		lane->is_new_track = true;
		HASH_ADD(hh, *lanes, key, sizeof(track->key), track);
	}
	while (i < track->count && track->ends[i] > start_ns)
		i++;
	if (i == track->count) {
		if (track->count == track->capacity) {
			int capacity = track->capacity ? 2 * track->capacity : 2;
			uint64_t *grown = realloc(track->ends,
						  (size_t)capacity * sizeof(*track->ends));

			if (!grown)
				return -1;
			track->ends = grown;
			track->capacity = capacity;
		}
		track->count++;
		lane->is_new = true;
	}
	track->ends[i] = end_ns;
	lane->tid = track->tid;
	lane->number = i;
	return 0;
}

void lanes_free(struct lanes **lanes)
{
	while (*lanes) {
		struct lanes *track = *lanes;

		HASH_DEL(*lanes, track);
		free(track->ends);
		free(track);
	}
}
