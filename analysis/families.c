/* SPDX-License-Identifier: Apache-2.0 */
/* The table of kernel families: reading it, and matching names. See families.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/families.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX	256
#define LINES_MAX	4096
#define NAME_BYTES	1024		/* of a kernel's name that is looked at */

/* The built-in table, as text. */
__asm__(".section .rodata\n"
	"gputrail_families_tab: .incbin \"" FAMILIES_TAB "\"\n"
	".byte 0\n"
	".previous\n");
extern const char gputrail_families_tab[] __attribute__((visibility("hidden")));

struct line {
	regex_t pattern;
	bool is_origin;
	int value;
};

struct names {
	char *rows[NAMES_MAX];
	int count;
};

struct families {
	struct line *lines;
	size_t count;
	struct names families, origins;
	locale_t c;			/* patterns mean bytes, whatever the user's locale */
};

static const char *const built_in[FAMILY_COUNT] = {
#define FAMILY(identifier, name, text) [FAMILY_##identifier] = name,
#include "analysis/families.def"
};

static void fail(char **error, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fail(char **error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vasprintf(error, format, args) < 0)
		*error = NULL;
	va_end(args);
}

static int name_find(const struct names *names, const char *name)
{
	for (int i = 0; i < names->count; i++)
		if (!strcmp(names->rows[i], name))
			return i;
	return -1;
}

/* -1 when there is no more room. */
static int name_add(struct names *names, const char *name)
{
	int known = name_find(names, name);

	if (known >= 0 || names->count == NAMES_MAX)
		return known;
	names->rows[names->count] = strdup(name);
	return names->rows[names->count] ? names->count++ : -1;
}

/* "family NAME PATTERN"; false and *error for anything else that is no comment. */
static bool line_read(struct families *f, char *text, const char *file, int number, char **error)
{
	char *what, *name, *pattern, *rest = text, reason[128];
	struct line *line;
	int code;

	text[strcspn(text, "\r\n")] = '\0';
	what = strtok_r(rest, " \t", &rest);
	if (!what || *what == '#')
		return true;
	name = strtok_r(rest, " \t", &rest);
	pattern = rest ? rest + strspn(rest, " \t") : NULL;
	if (!name || !pattern || !*pattern || (strcmp(what, "family") && strcmp(what, "origin"))) {
		fail(error, "%s:%d: not 'family NAME PATTERN' or 'origin NAME PATTERN'", file, number);
		return false;
	}
	if (f->count == LINES_MAX) {
		fail(error, "%s:%d: more than %d lines", file, number, LINES_MAX);
		return false;
	}
	line = realloc(f->lines, (f->count + 1) * sizeof(*line));
	if (!line) {
		fail(error, "out of memory");
		return false;
	}
	f->lines = line;
	line += f->count;
	line->is_origin = *what == 'o';
	line->value = name_add(line->is_origin ? &f->origins : &f->families, name);
	if (line->value < 0) {
		fail(error, "%s:%d: more than %d names", file, number, NAMES_MAX);
		return false;
	}
	code = regcomp(&line->pattern, pattern, REG_EXTENDED | REG_NOSUB);
	if (code) {
		regerror(code, &line->pattern, reason, sizeof(reason));
		fail(error, "%s:%d: '%s' is no regular expression: %s", file, number, pattern, reason);
		return false;
	}
	f->count++;
	return true;
}

static bool stream_read(struct families *f, FILE *in, const char *file, char **error)
{
	char *text = NULL;
	size_t bytes = 0;
	bool good = true;

	for (int number = 1; good && getline(&text, &bytes, in) >= 0; number++)
		good = line_read(f, text, file, number, error);
	if (good && ferror(in)) {
		fail(error, "cannot read '%s': %s", file, strerror(errno));
		good = false;
	}
	free(text);
	fclose(in);
	return good;
}

/* A file that need not be there is not missed, nor one in somebody else's folder. */
static bool file_read(struct families *f, const char *path, bool needed, char **error)
{
	FILE *in = fopen(path, "re");

	if (in)
		return stream_read(f, in, path, error);
	if (!needed)
		return true;
	fail(error, "cannot read '%s': %s", path, strerror(errno));
	return false;
}

static bool user_read(struct families *f, char **error)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	char path[4096];

	if (config && *config == '/')
		snprintf(path, sizeof(path), "%s/gputrail/families", config);
	else if (home && *home)
		snprintf(path, sizeof(path), "%s/.config/gputrail/families", home);
	else
		return true;
	return file_read(f, path, false, error);
}

static bool built_in_read(struct families *f, char **error)
{
	/* fmemopen does not write when it is opened to read. */
	FILE *in = fmemopen((void *)(uintptr_t)gputrail_families_tab,
			    strlen(gputrail_families_tab), "r");

	if (in)
		return stream_read(f, in, "families.tab", error);
	fail(error, "out of memory");
	return false;
}

static bool names_make(struct families *f)
{
	for (int i = 0; i < FAMILY_COUNT; i++)
		if (name_add(&f->families, built_in[i]) != i)
			return false;
	return name_add(&f->origins, "") == 0;
}

struct families *families_open(const char *file, char **error)
{
	struct families *f = calloc(1, sizeof(*f));
	locale_t before;
	bool good;

	*error = NULL;
	if (f)
		f->c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (!f || !f->c || !names_make(f)) {
		fail(error, "out of memory");
		families_close(f);
		return NULL;
	}
	before = uselocale(f->c);
	good = (!file || file_read(f, file, true, error)) && user_read(f, error) &&
	       built_in_read(f, error);
	uselocale(before);
	if (good)
		return f;
	families_close(f);
	return NULL;
}

void families_close(struct families *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->count; i++)
		regfree(&f->lines[i].pattern);
	for (int i = 0; i < f->families.count; i++)
		free(f->families.rows[i]);
	for (int i = 0; i < f->origins.count; i++)
		free(f->origins.rows[i]);
	if (f->c)
		freelocale(f->c);
	free(f->lines);
	free(f);
}

struct family_of families_match(const struct families *f, const char *kernel_name)
{
	struct family_of of = { FAMILY_OTHER, 0 };
	bool has_family = false;
	char name[NAME_BYTES];
	locale_t before = uselocale(f->c);
	size_t length = 0;

	for (; kernel_name[length] && length < sizeof(name) - 1; length++)
		name[length] = (char)tolower((unsigned char)kernel_name[length]);
	name[length] = '\0';
	for (size_t i = 0; i < f->count && !(has_family && of.origin); i++) {
		const struct line *line = &f->lines[i];

		if ((line->is_origin ? of.origin != 0 : has_family) ||
		    regexec(&line->pattern, name, 0, NULL, 0))
			continue;
		if (line->is_origin) {
			of.origin = line->value;
		} else {
			of.family = line->value;
			has_family = true;
		}
	}
	uselocale(before);
	return of;
}

int families_count(const struct families *f)
{
	return f->families.count;
}

const char *families_name(const struct families *f, int family)
{
	return f->families.rows[family >= 0 && family < f->families.count ? family : FAMILY_OTHER];
}

const char *families_origin(const struct families *f, int origin)
{
	return f->origins.rows[origin >= 0 && origin < f->origins.count ? origin : 0];
}

int families_find(const struct families *f, const char *name)
{
	return name_find(&f->families, name);
}

int families_find_origin(const struct families *f, const char *name)
{
	return name_find(&f->origins, name);
}
