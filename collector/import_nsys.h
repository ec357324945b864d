/* SPDX-License-Identifier: Apache-2.0 */
/* Between what nsys says of the system (import_nsys_target.c) and of what happened (import_nsys.c). */
#ifndef GPUTRAIL_COLLECTOR_IMPORT_NSYS_H
#define GPUTRAIL_COLLECTOR_IMPORT_NSYS_H

#include "collector/import_internal.h"

#define NSYS_TID_MASK 0xffffff

/* The number that a process has for a GPU. */
struct nsys_alias { int64_t pid, number, gpu; };

struct nsys {
	struct import *im;
	sqlite3 *source;
	uint64_t rows, total;
	struct import_device gpus[IMPORT_DEVICES_MAX];	/* by TARGET_INFO_GPU.id */
	struct nsys_alias *aliases;
	uint32_t alias_count, alias_capacity;
	bool aliases_clash;		/* one number means several GPUs: those of all are told apart */
};

static inline int64_t column(sqlite3_stmt *row, int i)
{
	return sqlite3_column_type(row, i) == SQLITE_NULL ? NIL : sqlite3_column_int64(row, i);
}

static inline int64_t column_or(sqlite3_stmt *row, int i, int64_t missing)
{
	return sqlite3_column_type(row, i) == SQLITE_NULL ? missing : sqlite3_column_int64(row, i);
}

static inline const char *text_column(sqlite3_stmt *row, int i)
{
	const unsigned char *text = sqlite3_column_text(row, i);

	return text ? (const char *)text : "";
}

static inline uint32_t small(sqlite3_stmt *row, int i)
{
	int64_t value = column_or(row, i, 0);

	return value < 0 || value > INT32_MAX ? 0 : (uint32_t)value;
}


static inline int64_t nsys_pid(int64_t global)
{
	return global == NIL ? NIL : global >> 24 & NSYS_TID_MASK;
}

/* A row of the tables that tell of the system. */
bool nsys_take_process(struct nsys *n, sqlite3_stmt *row);
bool nsys_take_thread(struct nsys *n, sqlite3_stmt *row);
bool nsys_take_device(struct nsys *n, sqlite3_stmt *row);
bool nsys_take_alias(struct nsys *n, sqlite3_stmt *row);
bool nsys_take_clock(struct nsys *n, sqlite3_stmt *row);
bool nsys_take_version(struct nsys *n, sqlite3_stmt *row);
/* The ordinal of the device that a process calls by this number. */
int64_t nsys_device(struct nsys *n, int64_t pid, int64_t number);

#endif
