/* SPDX-License-Identifier: Apache-2.0 */
/* gputrail export --sqlite: a file with the tables of nsys's SQLite export. */
#ifndef GPUTRAIL_CMD_EXPORT_TABLES_H
#define GPUTRAIL_CMD_EXPORT_TABLES_H

#include <stdbool.h>

#include "analysis/analysis.h"

/* Returns an exit code; what is wrong was said. */
int export_tables(struct run *run, const char *input, const char *output, bool force);

#endif
