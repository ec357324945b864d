/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, their names, and the actions they stand for. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/keys.h"

#include "tui/wide.h"

#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct action_info action_table[ACTION_COUNT] = {
#define ACTION(id, keys, footer, group, help) [ACTION_##id] = { keys, footer, help, GROUP_##group },
#include "tui/actions.def"
#undef ACTION
};

const char *const action_group_names[GROUP_COUNT] = {
	[GROUP_MOVE] = "Moving",
	[GROUP_TABLE] = "Tables",
	[GROUP_TREE] = "Trees",
	[GROUP_TIMELINE] = "Timeline",
	[GROUP_SCOPE] = "Filters of all views",
	[GROUP_VIEW] = "Views",
	[GROUP_GENERAL] = "Everywhere",
};

static const struct {
	const char *name;
	int key;
} key_names[] = {
	{ "Up", KEY_CODE(KEY_UP) },       { "Down", KEY_CODE(KEY_DOWN) },
	{ "Left", KEY_CODE(KEY_LEFT) },   { "Right", KEY_CODE(KEY_RIGHT) },
	{ "PgUp", KEY_CODE(KEY_PPAGE) },  { "PgDn", KEY_CODE(KEY_NPAGE) },
	{ "Home", KEY_CODE(KEY_HOME) },   { "End", KEY_CODE(KEY_END) },
	{ "S-Tab", KEY_CODE(KEY_BTAB) },  { "Tab", '\t' },
	{ "Enter", KEY_RETURN },          { "Esc", KEY_ESCAPE },
	{ "Space", ' ' },                 { "Backspace", KEY_RUBOUT },
	{ "Delete", KEY_CODE(KEY_DC) },
};

int key_parse(const char *name, size_t length)
{
	wchar_t one[2];
	char copy[16];

	if (length == 0 || length >= sizeof(copy))
		return KEY_NOTHING;
	memcpy(copy, name, length);
	copy[length] = '\0';
	for (size_t i = 0; i < sizeof(key_names) / sizeof(key_names[0]); i++)
		if (strcmp(copy, key_names[i].name) == 0)
			return key_names[i].key;
	if (copy[0] == 'F' && copy[1] >= '1' && copy[1] <= '9' && atoi(copy + 1) <= 12)
		return KEY_CODE(KEY_F(atoi(copy + 1)));
	if (length == 2 && copy[0] == '^' && copy[1] >= '@' && copy[1] <= '_')
		return copy[1] - '@';
	return wide_decode(copy, one, 2, false) == 1 ? (int)one[0] : KEY_NOTHING;
}

int key_normalise(int key)
{
	switch (key) {
	case '\r':
	case KEY_CODE(KEY_ENTER):
		return KEY_RETURN;
	case 127:
	case KEY_CODE(KEY_BACKSPACE):
		return KEY_RUBOUT;
	default:
		return key;
	}
}

/* Calls for each key of an action would be clumsy: *cursor walks over the names instead. */
static int next_key(const char **cursor)
{
	size_t length;
	int key;

	*cursor += strspn(*cursor, " ");
	length = strcspn(*cursor, " ");
	key = key_parse(*cursor, length);
	*cursor += length;
	return key;
}

static bool action_has_key(int action, int key)
{
	const char *cursor = action_table[action].keys;

	while (*cursor)
		if (next_key(&cursor) == key)
			return true;
	return false;
}

enum action key_action(int key, enum action_group place)
{
	enum action found = ACTION_NONE;

	for (int action = ACTION_NONE + 1; action < ACTION_COUNT; action++) {
		enum action_group group = action_table[action].group;
		bool is_local = group == GROUP_TREE || group == GROUP_TIMELINE;

		if ((is_local && group != place) || !action_has_key(action, key))
			continue;
		if (is_local || found == ACTION_NONE)
			found = (enum action)action;
	}
	return found;
}

void key_of_action(enum action action, bool function, char *out, size_t size)
{
	const char *keys = action_table[action].keys, *f = keys;

	for (f = strchr(keys, 'F'); function && f; f = strchr(f + 1, 'F')) {
		if (f[1] >= '1' && f[1] <= '9') {
			keys = f;
			break;
		}
	}
	snprintf(out, size, "%.*s", (int)strcspn(keys, " "), keys);
}
