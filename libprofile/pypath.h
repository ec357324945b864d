/* SPDX-License-Identifier: Apache-2.0 */
/* Python call paths as nodes of a per-thread trie; code objects are described once. */
#ifndef GPUTRAIL_LIBPROFILE_PYPATH_H
#define GPUTRAIL_LIBPROFILE_PYPATH_H

#include <stdbool.h>
#include <stdint.h>

#include "libprofile/pyframes.h"
#include "libprofile/trie.h"

/* Sends the description of code object number `id`; false: not now. */
typedef bool pypath_tell_code(void *user, uint32_t id, uint64_t code);

struct pypath;

/* Node keys: code id << 32 | instruction << 1 | is_entry. Paths deeper than depth_limit (at most
 * PYFRAMES_DEPTH_MAX) lose their outermost frames, for which a node TRIE_CUT stands. NULL: no
 * memory. */
struct pypath *pypath_new(trie_tell *tell_node, pypath_tell_code *tell_code, void *user,
			  uint32_t depth_limit);
/* Called, if not NULL, for each path that was cut, and each node or code object that found its
 * table full. */
extern void (*pypath_on_truncated)(void), (*pypath_on_full)(void);
/* Called, if not NULL, after nodes of a path were told, with its frames. */
extern void (*pypath_on_new)(void *user, const struct pywalk *walk);
void pypath_free(struct pypath *paths);

/* The calling thread's Python path, 0 outside Python. No GIL, lock, allocation or syscall. */
uint32_t pypath_node(struct pypath *paths);

#endif
