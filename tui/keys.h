/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, their names, and the actions they stand for. */
#ifndef GPUTRAIL_TUI_KEYS_H
#define GPUTRAIL_TUI_KEYS_H

#include <stdbool.h>
#include <stddef.h>

enum action {
	ACTION_NONE,
#define ACTION(id, keys, footer, group, help) ACTION_##id,
#include "tui/actions.def"
#undef ACTION
	ACTION_COUNT
};

enum action_group {
	GROUP_MOVE, GROUP_TABLE, GROUP_TREE, GROUP_TIMELINE, GROUP_SCOPE, GROUP_VIEW, GROUP_GENERAL,
	GROUP_COUNT
};

struct action_info {
	const char *keys, *footer, *help;
	enum action_group group;
};
extern const struct action_info action_table[ACTION_COUNT];
extern const char *const action_group_names[GROUP_COUNT];

/* A key is a character, or a curses key code above all characters. */
#define KEY_CODE(code)	(0x200000 + (code))
#define KEY_NOTHING	0
#define KEY_ESCAPE	27
#define KEY_RETURN	'\n'
#define KEY_RUBOUT	8

/* The key called `name` ("a", "^L", "F1", "Enter"), or KEY_NOTHING. */
int key_parse(const char *name, size_t length);
/* One key for keys that terminals send in several forms. */
int key_normalise(int key);
/* Of GROUP_TREE and GROUP_TIMELINE only the actions of the place where the user is count, and
 * these before all others. */
enum action key_action(int key, enum action_group place);
/* The first key of an action, by name; its function key where it has one and `function` is set. */
void key_of_action(enum action action, bool function, char *out, size_t size);

#endif
