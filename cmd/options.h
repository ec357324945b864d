/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of a command from one table: parsing with getopt_long, and the text of --help.
 *
 *	static const struct cmd_option options[] = {
 *		{ "output", 'o', "FILE", "write to FILE" },
 *		{ "json", OPTION_LONG + 0, NULL, "print JSON" },
 *		{ 0 },
 *	};
 */
#ifndef GPUTRAIL_CMD_OPTIONS_H
#define GPUTRAIL_CMD_OPTIONS_H

#define OPTION_LONG	256		/* first key of options without a short form */

struct cmd_option {
	const char *name;		/* long form */
	int key;			/* short form, or OPTION_LONG + n */
	const char *argument;		/* what --help calls it; NULL: takes none;
					   "[=WHAT]": may be left out (long form only) */
	const char *help;
};

struct cmd_usage {
	const char *command;
	const char *synopsis;		/* after "gputrail COMMAND " */
	const char *purpose;		/* a sentence or more */
	const struct cmd_option *options;
	const char *more;		/* printed after the options, or NULL */
	int stop_at_argument;		/* options end at the first argument (record -- CMD) */
};

enum { OPTIONS_END = -1, OPTIONS_WRONG = -2, OPTIONS_HELP = -3 };

/*
 * Like getopt_long: the next option's key, its argument in optarg. OPTIONS_END: the arguments
 * begin at optind. OPTIONS_WRONG: a message was printed, return EXIT_USAGE. OPTIONS_HELP:
 * --help was given and answered, return EXIT_OK. --help=words answers the shells' completions.
 */
int options_next(const struct cmd_usage *usage, int argc, char **argv);

/* A whole number within [min, max], or a message and -1 in *ok. */
long options_number(const struct cmd_usage *usage, const char *option, const char *text, long min,
		    long max, int *ok);

#endif
