/* SPDX-License-Identifier: Apache-2.0 */
/* The small ELF file that distributions put, compressed, into .gnu_debugdata of stripped ones. */
#ifndef GPUTRAIL_COLLECTOR_MINIDEBUG_H
#define GPUTRAIL_COLLECTOR_MINIDEBUG_H

#include <stddef.h>
#include <stdint.h>

/* Larger ones are refused: the section names functions only, and its bytes are not to be trusted. */
#define MINIDEBUG_BYTES_MAX (64u << 20)

/* The file behind the section's bytes, to be freed; NULL where they are damaged, too large, there
 * is no memory, or gputrail was built without liblzma. */
uint8_t *minidebug_decode(const uint8_t *section, size_t section_bytes, size_t *bytes);

#endif
