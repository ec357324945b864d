/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tells a code object from another one that came to live at its address. From 3.12 on an
 * interpreter numbers its code objects. Before, pointers would not do: a name, a file's name and a
 * line table often come to live where those of the dead code object were. So what they say is
 * read: of the name the hash, of the table the size and first bytes, of a file's name, which many
 * code objects share, its length, hash and end.
 */
#ifndef GPUTRAIL_LIBPROFILE_PYIDENTITY_H
#define GPUTRAIL_LIBPROFILE_PYIDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "libprofile/pylayout.h"

#define PYIDENTITIES_MAX 256u
#define PYTEXTS_MAX (2 * PYIDENTITIES_MAX)	/* a file, and a name without a hash */

struct pyidentity {
	uint64_t code, stamp;
	uint64_t content;	/* what is read of it every time */
};

struct pytext {
	uint64_t string, stamp, tail_at;
	uint64_t head[2], tail[2];	/* length and hash; its last 16 bytes */
};

/* Code objects, each one once, in the order in which they were met. */
struct pyidentities {
	uint32_t count, text_count;
	uint16_t at[PY_PLACES], text_at[PY_PLACES];	/* by place_of() */
	struct pyidentity list[PYIDENTITIES_MAX];
	struct pytext texts[PYTEXTS_MAX];
};

/* A number, not 0, that differs when another code object came to live at the same address. The
 * code object is alive, and is re-read from now on; `salt` tells interpreters apart. */
uint64_t pyidentity_stamp(const struct py_layout *layout, struct pyidentities *identities,
			  uint64_t code, uint64_t salt);

/* Whether the first `count` code objects, all alive, and `text_count` texts are those of then. */
bool pyidentity_same(const struct py_layout *layout, const struct pyidentities *identities,
		     uint32_t count, uint32_t text_count);

#endif
