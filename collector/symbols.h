/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of functions in ELF files, from a sorted table of our own: made once for a file, 50 ns a
 * look-up. (dladdr and dwfl_module_addrinfo search all symbols for each address.)
 */
#ifndef GPUTRAIL_COLLECTOR_SYMBOLS_H
#define GPUTRAIL_COLLECTOR_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbols;

/*
 * Reads .symtab of `path` and of its separate debug file (found by build id below `debug_path`,
 * which may be NULL, and /usr/lib/debug), .gnu_debugdata where neither has one, and .dynsym. A file
 * that is missing, not ELF, or whose build id is another one than `build_id` (when
 * build_id_bytes > 0) gives a table without names. NULL only without memory.
 */
struct symbols *symbols_open(const char *path, const uint8_t *build_id, size_t build_id_bytes,
			     const char *debug_path);
void symbols_close(struct symbols *symbols);

/* Whether `path` is an ELF file with this build id; with build_id_bytes 0, whether it is ELF. */
bool symbols_file_matches(const char *path, const uint8_t *build_id, size_t build_id_bytes);

/* The function that holds `address` (a virtual address as the file numbers them, ip - bias).
 * Returns its mangled name, which lives as long as the table, and its start; NULL if unnamed. */
const char *symbols_find(const struct symbols *symbols, uint64_t address, uint64_t *start);

/* Names from a /tmp/perf-PID.map ("START SIZE name" in hexadecimal) as JIT compilers write it.
 * `old` is an earlier answer for the same file or NULL; it is returned when the file has not
 * changed, else freed. NULL: there is no such file. */
struct symbols *symbols_perf_map(const char *path, struct symbols *old);

/* Whether a function of this (mangled) name is there: a linear search. */
bool symbols_has(const struct symbols *symbols, const char *name);
size_t symbols_count(const struct symbols *symbols);

#endif
