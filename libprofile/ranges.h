/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether host memory is pinned, managed or neither, from the allocations seen: a copy says where
 * it came from and went to even when no GPU times tell.
 */
#ifndef GPUTRAIL_LIBPROFILE_RANGES_H
#define GPUTRAIL_LIBPROFILE_RANGES_H

#include "libprofile/record.h"

void ranges_start(void);
void ranges_add(uint64_t address, uint64_t bytes, enum memory_kind kind);
void ranges_remove(uint64_t address);
/* KIND_UNKNOWN where nothing was allocated by the driver: pageable, or not on the host. */
enum memory_kind ranges_find(uint64_t address);

#endif
