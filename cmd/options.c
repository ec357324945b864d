/* SPDX-License-Identifier: Apache-2.0 */
/* One table of options per command: parsing and --help. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/completion.h"

#define OPTIONS_MAX	48
#define KEY_HELP	'h'
#define HELP_COLUMN	28
#define HELP_WIDTH	96

struct getopt_tables {
	struct option longs[OPTIONS_MAX + 2];
	char shorts[2 * OPTIONS_MAX + 8];
};

static int is_optional(const struct cmd_option *option)
{
	return option->argument[0] == '[';
}

static void tables_make(const struct cmd_usage *usage, struct getopt_tables *tables)
{
	char *s = tables->shorts;
	int n = 0;

	if (usage->stop_at_argument)
		*s++ = '+';
	*s++ = ':';		/* a missing argument is told apart from an unknown option */
	*s++ = KEY_HELP;
	for (const struct cmd_option *o = usage->options; o->name && n < OPTIONS_MAX; o++, n++) {
		tables->longs[n] = (struct option){
			o->name, !o->argument ? no_argument : is_optional(o) ? optional_argument
			: required_argument, NULL, o->key };
		if (o->key < OPTION_LONG) {
			*s++ = (char)o->key;
			if (o->argument)
				*s++ = ':';
		}
	}
	tables->longs[n++] = (struct option){ "help", optional_argument, NULL, KEY_HELP };
	tables->longs[n] = (struct option){ 0 };
	*s = '\0';
}

/* Prints `text` from column `indent` on, broken between words. */
static void print_wrapped(const char *text, int indent)
{
	int column = indent;

	while (*text) {
		int word = (int)strcspn(text, " \n");

		if (column > indent && column + 1 + word > HELP_WIDTH) {
			printf("\n%*s", indent, "");
			column = indent;
		} else if (column > indent) {
			putchar(' ');
			column++;
		}
		printf("%.*s", word, text);
		column += word;
		text += word;
		if (*text == '\n') {
			printf("\n%*s", indent, "");
			column = indent;
		}
		if (*text)
			text++;
	}
	putchar('\n');
}

static void print_option(int key, const char *name, const char *argument, const char *help)
{
	char left[64];
	int used;

	if (key < OPTION_LONG)
		used = snprintf(left, sizeof(left), "  -%c, --%s", key, name);
	else
		used = snprintf(left, sizeof(left), "      --%s", name);
	if (argument)
		used += snprintf(left + used, sizeof(left) - (size_t)used, "%s%s",
				 argument[0] == '[' ? "" : "=", argument);
	if (used >= HELP_COLUMN)
		printf("%s\n%*s", left, HELP_COLUMN, "");
	else
		printf("%-*s", HELP_COLUMN, left);
	print_wrapped(help, HELP_COLUMN);
}

static void usage_print(const struct cmd_usage *usage)
{
	printf("usage: gputrail %s %s\n\n", usage->command, usage->synopsis);
	print_wrapped(usage->purpose, 0);
	putchar('\n');
	for (const struct cmd_option *o = usage->options; o->name; o++)
		print_option(o->key, o->name, o->argument, o->help);
	print_option(KEY_HELP, "help", NULL, "print this text");
	if (usage->more)
		printf("\n%s", usage->more);
}

int options_next(const struct cmd_usage *usage, int argc, char **argv)
{
	struct getopt_tables tables;
	int key;

	tables_make(usage, &tables);
	opterr = 0;
	key = getopt_long(argc, argv, tables.shorts, tables.longs, NULL);
	if (key == -1)
		return OPTIONS_END;
	if (key == KEY_HELP) {
		if (optarg && !strcmp(optarg, "words"))
			completion_print(usage);
		else
			usage_print(usage);
		return OPTIONS_HELP;
	}
	if (key == '?' || key == ':') {
		char advice[128];

		snprintf(advice, sizeof(advice), "'gputrail %s --help' lists the options",
			 usage->command);
		message(usage->command, advice, key == ':' ? "option '%s' needs an argument"
			: "unknown or ambiguous option '%s'", argv[optind - 1]);
		return OPTIONS_WRONG;
	}
	return key;
}

long options_number(const struct cmd_usage *usage, const char *option, const char *text, long min,
		    long max, int *ok)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (end == text || *end || errno || value < min || value > max) {
		message(usage->command, NULL, "--%s needs a number from %ld to %ld, not '%s'",
			option, min, max, text);
		*ok = 0;
	}
	return value;
}
