/* SPDX-License-Identifier: Apache-2.0 */
/* What a shell may offer, from the options' tables and completion.def. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/completion.h"

#include <stdio.h>
#include <string.h>

/* Lists that stand elsewhere: each is one string literal made of its table's rows. */
static const char devices[] =
#define PROFILE(key, ...) #key " "
#include "simcuda/profiles.def"
#undef PROFILE
	;
static const char plants[] =
#define PLANT(identifier, name, ...) name " "
#include "demo/plants.def"
#undef PLANT
	;
static const char reports[] = "all "
#define NSYS_REPORT(name, ...) #name " "
#include "analysis/nsys.def"
#define CSV_VIEW(name, ...) "gputrail_" #name " "
#define CSV_REPORT(name, ...) "gputrail_" #name " "
#include "cmd/csv_reports.def"
	;

static const struct { const char *command, *option, *words; } option_words[] = {
#define OPTION_WORDS(command, option, words)	{ command, option, words },
#define ARGUMENTS(...)
#include "cmd/completion.def"
};

static const struct { const char *command, *words; } arguments[] = {
#define OPTION_WORDS(...)
#define ARGUMENTS(command, words)		{ command, words },
#include "cmd/completion.def"
};

#define COUNT(array)	(sizeof(array) / sizeof(*(array)))
#define VIEWS		"Views: "

static const char *words_of(const char *command, const struct cmd_option *option)
{
	if (!option->argument)
		return "-";
	for (size_t i = 0; i < COUNT(option_words); i++)
		if (!strcmp(option_words[i].option, option->name) &&
		    (!option_words[i].command[0] || !strcmp(option_words[i].command, command)))
			return option_words[i].words;
	if (strstr(option->argument, "FILE") || strstr(option->argument, "OUTPUT") ||
	    strstr(option->argument, "PATTERN"))
		return "FILE";
	return strstr(option->argument, "DIR") ? "DIR" : "TEXT";
}

static void print_arguments(const struct cmd_usage *usage)
{
	for (size_t i = 0; i < COUNT(arguments); i++)
		if (!strcmp(arguments[i].command, usage->command)) {
			printf("*\t%s\t\n", arguments[i].words);
			return;
		}
	printf("*\tFILE");
	if (usage->more && !strncmp(usage->more, VIEWS, strlen(VIEWS)))
		for (const char *c = usage->more + strlen(VIEWS) - 1; *c && *c != '\n'; c++)
			if (*c != ',')
				putchar(*c);
	printf("\t\n");
}

void completion_print(const struct cmd_usage *usage)
{
	print_arguments(usage);
	for (const struct cmd_option *o = usage->options; o->name; o++)
		printf("--%s%s\t%s\t%s\n", o->name,
		       !o->argument ? "" : o->argument[0] == '[' ? "=?" : "=",
		       words_of(usage->command, o), o->help);
	printf("--help\t-\tprint this text\n");
}
