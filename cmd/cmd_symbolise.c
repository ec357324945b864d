/* SPDX-License-Identifier: Apache-2.0 */
/* gputrail symbolise: names native frames of a recording later, or on another machine. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/cmd.h"

#include "analysis/analysis.h"
#include "cmd/options.h"
#include "cmd/progress.h"
#include "collector/symbolise.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define FOLDERS_MAX 64

static const struct cmd_option options[] = {
	{ "path", 'p', "DIR", "look for files below DIR first: DIR/RECORDED-PATH, DIR/NAME,"
	  " DIR/.build-id/xx/yyy.debug; may be given more than once" },
	{ "verbose", 'v', NULL, "list every module and the file that was used" },
	{ 0 },
};

static const struct cmd_usage usage = {
	.command = "symbolise",
	.synopsis = "[OPTIONS] FILE",
	.purpose = "Adds function names, source files and lines to native frames of the recording FILE that"
		   " lack them, from files with the recorded build ids: those that DIR holds, those at the"
		   " recorded paths, and debug files below /usr/lib/debug.",
	.options = options,
};

static bool verbose;

static struct progress progress;

static void tell_module(const char *module, const char *build_id, const char *found)
{
	bool is_told = !found || verbose;

	if (is_told)
		progress_finish(&progress);	/* not on the line of what is printed */
	if (!found)
		printf("not found  %s (build id %s)\n", module, *build_id ? build_id : "unknown");
	else if (verbose)
		printf("used       %s\n", found);
}

static int tell(const char *path, const struct symbolising *r)
{
	switch (r->outcome) {
	case SYMBOLISE_DONE:
		printf("%s: named %llu of %llu frames without a name, found the line of %llu of %llu"
		       " without one\n", path, (unsigned long long)r->named,
		       (unsigned long long)r->unnamed, (unsigned long long)r->lined,
		       (unsigned long long)r->unlined);
		if (r->modules_missing)
			message("symbolise", "copy them with their debug files into a folder and name it with"
				" --path", "the files of %u modules are not here", r->modules_missing);
		return EXIT_OK;
	case SYMBOLISE_NOT_OURS:
		message("symbolise", NULL, "%s: %s", path, r->detail);
		return EXIT_INPUT;
	case SYMBOLISE_RECORDING:
		message("symbolise", "wait for its end; if its recorder was killed: gputrail recover",
			"%s is being recorded", path);
		return EXIT_FAILED;
	default:
		message("symbolise", "is there room, and permission to write?", "%s: %s", path, r->detail);
		return EXIT_FAILED;
	}
}

/* Says what is wrong as the other commands do. */
static bool is_readable(const char *path)
{
	char *error;
	struct run *run = run_open(path, &error);

	if (!run) {
		message("symbolise", NULL, "%s", error);
		free(error);
		return false;
	}
	run_close(run);
	return true;
}

int cmd_symbolise(int argc, char **argv)
{
	static const struct symbolise_watch watch = { tell_module, progress_update, &progress };
	const char *folders[FOLDERS_MAX + 1] = { NULL };
	struct symbolising result;
	int key, count = 0;

	while ((key = options_next(&usage, argc, argv)) != OPTIONS_END) {
		if (key == 'p' && count < FOLDERS_MAX)
			folders[count++] = optarg;
		else if (key == 'v')
			verbose = true;
		else
			return key == OPTIONS_HELP ? EXIT_OK : EXIT_USAGE;
	}
	if (argc - optind != 1) {
		message("symbolise", "example: gputrail symbolise run.db --path=symbols", "name one file");
		return EXIT_USAGE;
	}
	if (!is_readable(argv[optind]))
		return EXIT_INPUT;
	progress_start(&progress, "naming frames");
	symbolise_file(argv[optind], folders, &watch, &result);
	progress_finish(&progress);
	return tell(argv[optind], &result);
}
