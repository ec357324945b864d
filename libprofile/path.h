/* SPDX-License-Identifier: Apache-2.0 */
/* The call path of a recorded call: two node numbers of the calling thread's own tries. */
#ifndef GPUTRAIL_LIBPROFILE_PATH_H
#define GPUTRAIL_LIBPROFILE_PATH_H

#include "libprofile/shim.h"

/* Takes both paths of the calling thread as GPUTRAIL_CALLPATH asks for; 0 where there is none.
 * Costs no lock, allocation or syscall when the stack was seen before. */
void path_capture(struct thread *thread, uint32_t *native, uint32_t *python);
/* The call in progress made this node of a graph: it gets the call's path. */
void path_graph_node_made(struct thread *thread, uint64_t node);
/* A node with a path, or a copy of another node. */
void path_graph_node(struct thread *thread, uint64_t node, uint64_t original, uint32_t native,
		     uint32_t python);
bool path_is_taken(const struct thread *thread);
/* The thread has a new ring: its numbers begin anew. */
void path_thread_start(struct thread *thread);
/* After fork: nothing of the parent's is known to the child's collector. */
void path_forget_all(void);

#endif
