/* SPDX-License-Identifier: Apache-2.0 */
/* Demangling and shortening: see name.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/name.h"

#include <stdlib.h>
#include <string.h>

#define MANGLED_MAX 16384	/* the demangler's time and stack grow with the name */

/* libstdc++'s C interface; <cxxabi.h> is a C++ header. */
extern char *__cxa_demangle(const char *mangled, char *buffer, size_t *length, int *status);

char *name_demangle(const char *mangled)
{
	char *name = NULL;
	int status;

	if (!strncmp(mangled, "_Z", 2) && strlen(mangled) < MANGLED_MAX)
		name = __cxa_demangle(mangled, NULL, NULL, &status);
	return name ? name : strdup(mangled);
}

static int starts(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

/* Length of an operator's symbol after "operator", so that its < > ( ) are not brackets. */
static size_t operator_length(const char *text)
{
	static const char *const symbols[] = { "()", "<=>", "<<=", ">>=", "->*", "<<", ">>", "<=",
					       ">=", "->", "<", ">" };

	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++)
		if (starts(text, symbols[i]))
			return strlen(symbols[i]);
	return 0;
}

/* Text in any kind of brackets that starts at `text`: its length, brackets included. */
static size_t bracketed(const char *text)
{
	int depth = 0;
	size_t i = 0;

	do {
		if (strchr("<({[", text[i]))
			depth++;
		else if (text[i] == '>' && i > 0 && text[i - 1] == '-')
			;
		else if (strchr(">)}]", text[i]))
			depth--;
		i++;
	} while (text[i] && depth > 0);
	return i;
}

char *name_shorten(const char *name)
{
	static const char anonymous[] = "(anonymous namespace)";
	char *shorter = malloc(strlen(name) + 1);
	size_t out = 0;

	if (!shorter)
		return NULL;
	while (*name) {
		size_t skip = 0;

		if (starts(name, "operator")) {
			size_t symbol = operator_length(name + 8);

			memcpy(shorter + out, name, 8 + symbol);
			out += 8 + symbol;
			name += 8 + symbol;
			name += starts(name, " <");
			continue;
		}
		if (starts(name, anonymous))
			skip = sizeof(anonymous) - 1;
		else if (*name == '<' || *name == '{')
			skip = bracketed(name);
		else if (*name == '(' && out > 0 && !starts(shorter, "decltype"))
			break;			/* the parameters: nothing follows that counts */
		else if (*name == '(')
			skip = bracketed(name);
		else if (*name == ' ' || starts(name, "::"))
			skip = *name == ' ' ? 1 : 2;
		if (skip && (*name == ' ' || *name == ':') && name[skip])
			out = 0;		/* what was before is a type or a namespace */
		if (!skip)
			shorter[out++] = *name++;
		name += skip;
	}
	shorter[out] = '\0';
	if (!out) {
		free(shorter);
		return strdup("?");
	}
	return shorter;
}
