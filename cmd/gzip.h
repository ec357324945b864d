/* SPDX-License-Identifier: Apache-2.0 */
/* A stream that compresses what is written to it. */
#ifndef GPUTRAIL_CMD_GZIP_H
#define GPUTRAIL_CMD_GZIP_H

#include <stdio.h>

/* Writes gzip to fd, which fclose() closes; errors come from the stream. NULL: errno says why. */
FILE *gzip_open(int fd);

#endif
