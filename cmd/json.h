/* SPDX-License-Identifier: Apache-2.0 */
/* A small JSON writer: valid output whatever bytes the texts hold. */
#ifndef GPUTRAIL_CMD_JSON_H
#define GPUTRAIL_CMD_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *out;
	int depth;
	bool has_items;			/* in the object or array that is open */
	int flat_depth;			/* what is nested deeper goes on one line; 0: nothing */
};

/* key is NULL inside arrays and at the top. */
void json_open(struct json *json, const char *key, char bracket);	/* '{' or '[' */
void json_close(struct json *json, char bracket);			/* '}' or ']' */
void json_text(struct json *json, const char *key, const char *text);
void json_integer(struct json *json, const char *key, int64_t value);
void json_unsigned(struct json *json, const char *key, uint64_t value);
void json_number(struct json *json, const char *key, double value);	/* null if not finite */
void json_bool(struct json *json, const char *key, bool value);
void json_null(struct json *json, const char *key);

#endif
