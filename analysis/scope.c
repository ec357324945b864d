/* SPDX-License-Identifier: Apache-2.0 */
/* Terms that narrow a recording, from text and back: see scope.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/scope.h"

#include "analysis/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct scope_kind_info scope_kinds[SCOPE_KINDS] = {
#define SCOPE(identifier, name, sql, example, help) \
	[SCOPE_##identifier] = { name, sql, example, help },
#include "analysis/scope.def"
};

static const struct { const char *name; uint64_t ns; } units[] = {
	{ "s", 1000000000 }, { "ms", 1000000 }, { "us", 1000 }, { "ns", 1 },
};
#define UNITS	(sizeof(units) / sizeof(units[0]))

/* "1.25s", a number without a unit being seconds; exact, which a double is not. -1: no time. */
static int time_parse(const char *text, size_t length, uint64_t *ns)
{
	uint64_t whole = 0, part = 0, scale = 1;
	size_t at = 0, unit = 0;

	for (; at < length && text[at] >= '0' && text[at] <= '9' && whole < UINT64_MAX / 100; at++)
		whole = whole * 10 + (uint64_t)(text[at] - '0');
	if (at == 0)
		return -1;
	if (at < length && text[at] == '.')
		for (at++; at < length && text[at] >= '0' && text[at] <= '9'; at++)
			if (scale < 1000000000) {
				part = part * 10 + (uint64_t)(text[at] - '0');
				scale *= 10;
			}
	while (at < length && unit < UNITS &&
	       (strlen(units[unit].name) != length - at ||
		strncmp(units[unit].name, text + at, length - at) != 0))
		unit++;
	if (unit == UNITS || whole > INT64_MAX / units[unit].ns)
		return -1;
	*ns = whole * units[unit].ns + part * units[unit].ns / scale;
	return *ns <= INT64_MAX ? 0 : -1;
}

static int time_text(char *out, size_t size, uint64_t ns)
{
	size_t unit = 0;
	char digits[16];
	int length;

	while (unit + 1 < UNITS && ns < units[unit].ns)
		unit++;
	/* The digits behind the point, as many as the unit has, without zeros at the end. */
	length = snprintf(digits, sizeof(digits), ".%0*" PRIu64, 9 - 3 * (int)unit,
			  ns % units[unit].ns);
	while (length && (digits[length - 1] == '0' || digits[length - 1] == '.'))
		if (digits[--length] == '.')
			break;
	return snprintf(out, size, "%" PRIu64 "%.*s%s", ns / units[unit].ns, length, digits,
			ns ? units[unit].name : "s");
}

static int range_parse(const char *text, struct scope_term *term)
{
	const char *dots = strstr(text, "..");
	const char *end = dots ? dots + 2 : NULL;

	term->from_ns = 0;
	term->to_ns = INT64_MAX;
	if (!dots || (dots == text && !*end) ||
	    (dots > text && time_parse(text, (size_t)(dots - text), &term->from_ns) < 0) ||
	    (*end && time_parse(end, strlen(end), &term->to_ns) < 0))
		return -1;
	return term->from_ns < term->to_ns ? 0 : -1;
}

/* One value, up to the next blank or, in quotes, to their end; NULL without memory. */
static char *value_take(const char **text)
{
	const char *from = *text;
	char *value = malloc(strlen(from) + 1), *to = value;
	bool quoted = *from == '"';

	if (!value)
		return NULL;
	for (from += quoted; *from && (quoted ? *from != '"' : *from != ' '); from++) {
		if (quoted && *from == '\\' && from[1])
			from++;
		*to++ = *from;
	}
	*to = '\0';
	*text = from + (quoted && *from == '"');
	return value;
}

static int term_take(const char **text, struct scope_term *term, char *why, size_t why_bytes)
{
	const char *word = *text + (**text == '!');
	size_t length = strcspn(word, ":= ");
	int kind = 0;

	*term = (struct scope_term){ .negated = **text == '!' };
	while (kind < SCOPE_KINDS && (strlen(scope_kinds[kind].name) != length ||
				      strncmp(scope_kinds[kind].name, word, length) != 0))
		kind++;
	if (kind == SCOPE_KINDS || word[length] == ' ' || !word[length]) {
		int used = snprintf(why, why_bytes, "'%.*s' is no filter: they are",
				    (int)strcspn(*text, " "), *text);

		for (int i = 0; i < SCOPE_KINDS && used > 0 && (size_t)used < why_bytes; i++)
			used += snprintf(why + used, why_bytes - (size_t)used, "%s %s",
					 i ? "," : "", scope_kinds[i].name);
		return -1;
	}
	term->kind = (enum scope_kind)kind;
	term->exact = word[length] == '=';
	*text = word + length + 1;
	term->text = value_take(text);
	if (!term->text || !*term->text || (kind == SCOPE_TIME && range_parse(term->text, term) < 0)) {
		snprintf(why, why_bytes, "'%s:%s' says nothing; an example: %s",
			 scope_kinds[kind].name, term->text ? term->text : "", scope_kinds[kind].example);
		free(term->text);
		return -1;
	}
	if (kind == SCOPE_TIME) {
		free(term->text);
		term->text = NULL;
		term->exact = false;
	}
	return 0;
}

int scope_parse(const char *text, struct scope *scope, char *why, size_t why_bytes)
{
	struct scope_term term;

	*scope = (struct scope){ 0 };
	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		int result = term_take(&text, &term, why, why_bytes);

		if (result == 0 && scope_add(scope, term) < 0) {
			snprintf(why, why_bytes, "out of memory");
			result = -1;
		}
		if (result < 0) {
			scope_free(scope);
			return -1;
		}
	}
	return 0;
}

void scope_free(struct scope *scope)
{
	for (size_t i = 0; i < scope->count; i++)
		free(scope->rows[i].text);
	free(scope->rows);
	*scope = (struct scope){ 0 };
}

static bool is_about_the_same(const struct scope_term *a, const struct scope_term *b)
{
	if (a->kind != b->kind || a->exact != b->exact)
		return false;
	if (a->kind == SCOPE_TIME)
		return a->from_ns == b->from_ns && a->to_ns == b->to_ns;
	return strcmp(a->text, b->text) == 0;
}

int scope_add(struct scope *scope, struct scope_term term)
{
	struct scope_term *added;

	for (size_t i = scope->count; i-- > 0;)
		if (is_about_the_same(&scope->rows[i], &term))
			scope_remove(scope, i);
	added = LIST_ADD(scope);
	if (!added) {
		free(term.text);
		return -1;
	}
	*added = term;
	return 0;
}

void scope_remove(struct scope *scope, size_t index)
{
	/* The room of a list follows from its count at powers of two only: it is made anew. */
	struct scope left = { 0 };

	for (size_t i = 0; i < scope->count; i++) {
		struct scope_term *to = i != index ? LIST_ADD(&left) : NULL;

		if (to)
			*to = scope->rows[i];
		else
			free(scope->rows[i].text);
	}
	free(scope->rows);
	*scope = left;
}

static void value_write(FILE *out, const char *text)
{
	if (*text != '"' && !strchr(text, ' ')) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void term_write(FILE *out, const struct scope_term *term)
{
	char from[40] = "", to[40] = "";

	fprintf(out, "%s%s%c", term->negated ? "!" : "", scope_kinds[term->kind].name,
		term->exact ? '=' : ':');
	if (term->kind != SCOPE_TIME) {
		value_write(out, term->text);
		return;
	}
	if (term->from_ns || term->to_ns == INT64_MAX)
		time_text(from, sizeof(from), term->from_ns);
	if (term->to_ns != INT64_MAX)
		time_text(to, sizeof(to), term->to_ns);
	fprintf(out, "%s..%s", from, to);
}

char *scope_term_text(const struct scope_term *term)
{
	struct scope_term copy = *term;

	return scope_text(&(struct scope){ &copy, 1 });
}

char *scope_text(const struct scope *scope)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	if (!out)
		return NULL;
	for (size_t i = 0; i < scope->count; i++) {
		if (i)
			fputc(' ', out);
		term_write(out, &scope->rows[i]);
	}
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

unsigned int scope_bits(const struct scope *scope)
{
	unsigned int bits = 0;

	for (size_t i = 0; i < scope->count; i++)
		bits |= 1u << scope->rows[i].kind;
	return bits;
}
