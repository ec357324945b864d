/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and commands played instead of typed. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/script.h"

#include "tui/keys.h"
#include "tui/wide.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRIPT_BYTES_MOST (1 << 20)

static const struct {
	const char *name;
	enum script_kind kind;
	int arguments;
} commands[] = {
	{ ":screen", SCRIPT_SCREEN, 1 },	/* FILE */
	{ ":reload", SCRIPT_RELOAD, 0 },
	{ ":size", SCRIPT_SIZE, 1 },		/* WIDTHxHEIGHT */
	{ ":click", SCRIPT_CLICK, 1 },		/* COLUMN,LINE from 0 */
	{ ":wheel", SCRIPT_WHEEL, 1 },		/* up or down */
};

static struct script_step *add(struct script *script, enum script_kind kind, int key)
{
	struct script_step *steps = script->steps;

	if ((script->count & (script->count - 1)) == 0)		/* room doubles */
		steps = realloc(steps, (script->count ? script->count * 2 : 1) * sizeof(*steps));
	if (!steps)
		return NULL;
	script->steps = steps;
	steps[script->count] = (struct script_step){ .kind = kind, .key = key };
	return &steps[script->count++];
}

/* The next word; quotes make one word of several and are kept as its first character. */
static size_t next_word(const char **cursor, const char **word)
{
	size_t length;

	for (;;) {
		*cursor += strspn(*cursor, " \t\r\n");
		if (**cursor != '#' || (*cursor)[1] != ' ')
			break;
		*cursor += strcspn(*cursor, "\n");	/* a comment */
	}
	*word = *cursor;
	if ((**cursor == '"' || **cursor == '\'') && (*cursor)[1] > ' ' &&
	    strchr(*cursor + 1, **cursor))
		length = (size_t)(strchr(*cursor + 1, **cursor) - *cursor) + 1;
	else
		length = strcspn(*cursor, " \t\r\n");
	*cursor += length;
	return length;
}

static int add_text(struct script *script, const char *text, size_t length)
{
	char *copy = strndup(text, length);
	wchar_t *wide = calloc(length + 1, sizeof(*wide));
	size_t count = copy && wide ? wide_decode(copy, wide, length, false) : 0;
	int result = copy && wide ? 0 : -1;

	for (size_t i = 0; i < count; i++)
		if (!add(script, SCRIPT_KEY, (int)wide[i]))
			result = -1;
	free(copy);
	free(wide);
	return result;
}

static bool argument_fits(struct script_step *step)
{
	switch (step->kind) {
	case SCRIPT_SIZE:
		return sscanf(step->file, "%dx%d", &step->x, &step->y) == 2 && step->x > 0 &&
		       step->x <= 1000 && step->y > 0 && step->y <= 1000;
	case SCRIPT_CLICK:
		return sscanf(step->file, "%d,%d", &step->x, &step->y) == 2;
	case SCRIPT_WHEEL:
		step->y = strcmp(step->file, "up") == 0 ? -1 : 1;
		return step->y < 0 || strcmp(step->file, "down") == 0;
	default:
		return step->file[0] != '\0';
	}
}

static int add_command(struct script *script, const char *word, size_t length, const char **cursor)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct script_step *step;
		const char *argument;

		if (strlen(commands[i].name) != length || strncmp(commands[i].name, word, length) != 0)
			continue;
		step = add(script, commands[i].kind, 0);
		if (!step)
			return -1;
		if (!commands[i].arguments)
			return 0;
		length = next_word(cursor, &argument);
		if (length > 2 && (*argument == '"' || *argument == '\''))
			argument++, length -= 2;
		step->file = strndup(argument, length);
		return step->file && argument_fits(step) ? 0 : -1;
	}
	return -1;
}

int script_parse(struct script *script, const char *text, char **error)
{
	const char *cursor = text, *word;
	size_t length;

	while ((length = next_word(&cursor, &word)) > 0) {
		int result, key;

		if ((*word == '"' || *word == '\'') && length > 2)
			result = add_text(script, word + 1, length - 2);
		else if (*word == ':' && length > 1)
			result = add_command(script, word, length, &cursor);
		else
			result = (key = key_parse(word, length)) != KEY_NOTHING &&
				 add(script, SCRIPT_KEY, key) ? 0 : -1;
		if (result < 0) {
			if (asprintf(error, "'%.*s' is no key and no command", (int)length, word) < 0)
				*error = NULL;
			return -1;
		}
	}
	return 0;
}

int script_read(struct script *script, const char *path, char **error)
{
	FILE *file = fopen(path, "re");
	char *text = calloc(1, SCRIPT_BYTES_MOST + 1);
	int result = -1;

	if (!file || !text) {
		if (asprintf(error, "cannot read script '%s': %s", path, strerror(errno)) < 0)
			*error = NULL;
	} else {
		size_t length = fread(text, 1, SCRIPT_BYTES_MOST, file);

		text[length] = '\0';
		result = script_parse(script, text, error);
	}
	if (file)
		fclose(file);
	free(text);
	return result;
}

void script_free(struct script *script)
{
	for (size_t i = 0; i < script->count; i++)
		free(script->steps[i].file);
	free(script->steps);
	memset(script, 0, sizeof(*script));
}

const struct script_step *script_next(struct script *script)
{
	static const struct script_step end = { .kind = SCRIPT_END };

	return script->next < script->count ? &script->steps[script->next++] : &end;
}
