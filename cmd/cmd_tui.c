/* SPDX-License-Identifier: Apache-2.0 */
/* gputrail tui: opens a recording in the viewer. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/cmd.h"

#include <getopt.h>
#include <stdlib.h>

#include "analysis/analysis.h"
#include "cmd/options.h"
#include "tui/tui.h"

enum { KEY_ASCII = OPTION_LONG, KEY_UNICODE, KEY_KEYS, KEY_SCRIPT, KEY_NO_STATE };

static const struct cmd_option options[] = {
	{ "theme", 't', "NAME", "colours: dark, light, blind or none (default: $GPUTRAIL_THEME, "
	  "else dark; none where $NO_COLOR is set)" },
	{ "ascii", KEY_ASCII, NULL, "draw with ASCII only (default where the locale is not UTF-8)" },
	{ "unicode", KEY_UNICODE, NULL, "draw with line art and block elements" },
	{ "keys", KEY_KEYS, "KEYS", "play KEYS first, such as '2 Down Enter :screen FILE q'" },
	{ "script", KEY_SCRIPT, "FILE", "play the keys in FILE first" },
	{ "no-state", KEY_NO_STATE, NULL, "neither use nor change what is remembered between runs: view, "
	  "filters, orders, theme" },
	{ 0 },
};

static const struct cmd_usage usage = {
	.command = "tui",
	.synopsis = "[OPTIONS] [BEFORE] FILE",
	.purpose = "Opens the recording FILE in the viewer; also while it is being recorded. "
		   "'gputrail FILE' does the same. In the viewer ? shows the keys of the place "
		   "where you are, q goes back and quits. With two recordings it shows what changed from "
		   "BEFORE to FILE as well.",
	.options = options,
};

static int parse(struct tui_options *chosen, int argc, char **argv)
{
	int option;

	while ((option = options_next(&usage, argc, argv)) >= 0) {
		switch (option) {
		case 't':
			chosen->theme = optarg;
			break;
		case KEY_ASCII:
			chosen->ascii = 1;
			break;
		case KEY_UNICODE:
			chosen->ascii = 0;
			break;
		case KEY_KEYS:
			chosen->keys = optarg;
			break;
		case KEY_SCRIPT:
			chosen->script = optarg;
			break;
		case KEY_NO_STATE:
			chosen->no_state = true;
			break;
		}
	}
	return option;
}

int cmd_tui(int argc, char **argv)
{
	struct tui_options chosen = { .ascii = -1 };
	int parsed = parse(&chosen, argc, argv);
	enum tui_result result;
	struct run *run;
	char *error;

	if (parsed != OPTIONS_END)
		return parsed == OPTIONS_HELP ? EXIT_OK : EXIT_USAGE;
	if (optind >= argc || argc - optind > 2) {
		message("tui", "'gputrail record -o FILE -- PROGRAM' makes one",
			"%s", optind < argc ? "two recordings at most" : "no FILE given");
		return EXIT_USAGE;
	}
	chosen.path = argv[argc - 1];
	if (argc - optind == 2)
		chosen.before = argv[optind];
	run = run_open(chosen.path, &error);
	if (!run) {
		message("tui", NULL, "%s", error);
		free(error);
		return EXIT_INPUT;
	}
	result = tui_run(run, &chosen, &error);
	if (result == TUI_OK)
		return EXIT_OK;
	message("tui", NULL, "%s", error ? error : "out of memory");
	free(error);
	return result == TUI_USAGE ? EXIT_USAGE : EXIT_FAILED;
}
