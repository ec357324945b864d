/* SPDX-License-Identifier: Apache-2.0 */
/* Between reading Kineto's JSON (import_kineto.c) and making events of it (import_event.c). */
#ifndef GPUTRAIL_COLLECTOR_IMPORT_KINETO_H
#define GPUTRAIL_COLLECTOR_IMPORT_KINETO_H

#include "collector/import_internal.h"

enum place { PLACE_NONE, PLACE_TOP, PLACE_EVENT, PLACE_ARGS, PLACE_DEVICE };
enum type { TYPE_TEXT, TYPE_WHOLE, TYPE_TIME, TYPE_THREE, TYPE_EITHER };
enum section { SECTION_NONE, SECTION_EVENTS, SECTION_DEVICES };

enum field {
	FIELD_NONE,
#define FIELD(name, place, type, key) FIELD_##name,
#include "collector/import_fields.def"
#undef FIELD
	FIELDS
};

struct field_def {
	enum place place;
	enum type type;
	size_t key_bytes;
	const char *key;
};
extern const struct field_def kineto_fields[FIELDS];

struct value {
	bool set, wrong;		/* wrong: another type, or out of range */
	int64_t numbers[3];
	char *text;
	size_t capacity;
};

struct kineto_device {			/* as events name it; the place in the list is its ordinal */
	int64_t pid;
	int64_t number;			/* that the device has in its process */
	bool used;
};

struct kineto {
	struct import *im;
	struct kineto_device devices[IMPORT_DEVICES_MAX];
	int depth, section_depth;	/* section_depth: of the list that is read, 0 none */
	enum section section;
	bool bare;			/* the file is a list of events */
	bool events_seen, in_args, key_args;
	enum field field;		/* what the next value is */
	int element;			/* next one of a list of three, -1 no list */
	uint64_t tokens, events;
	struct value values[FIELDS];
};

/* An event or a device is complete, a value at the top level was read. */
bool kineto_event(struct kineto *k);
bool kineto_device(struct kineto *k);
void kineto_top(struct kineto *k, enum field field);
/* After the last event: devices that several processes know by one number are alike. */
void kineto_devices_complete(struct kineto *k);
int64_t kineto_number(const char *text, size_t length, int64_t scale);

#endif
