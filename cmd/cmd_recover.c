/* SPDX-License-Identifier: Apache-2.0 */
/* gputrail recover: finishes a file whose recorder was killed. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/progress.h"
#include "collector/collector.h"

#include <getopt.h>
#include <stdio.h>

static const struct cmd_option options[] = { { 0 } };

static const struct cmd_usage usage = {
	.command = "recover",
	.synopsis = "FILE",
	.purpose = "Finishes a recording whose recorder was killed: brings back all rows that were "
		   "written,"
		   " makes the summaries anew from them and marks the file as truncated. Any other "
		   "file is"
		   " left as it is.",
	.options = options,
};

static int tell(const char *path, const struct recovery *r)
{
	switch (r->outcome) {
	case RECOVERY_HEALTHY:
		printf("%s: nothing to do, the recording is %s\n", path, r->detail);
		return EXIT_OK;
	case RECOVERY_DONE:
		printf("%s: the recorder was killed; %llu rows over %.1f s are there (%llu "
		       "kernels, %llu copies)\n"
		       "%s: made the summaries anew from them; marked as truncated: what happened "
		       "in the"
		       " last moments is missing\n",
		       path, (unsigned long long)r->events, (double)r->span_ns / 1e9,
		       (unsigned long long)r->kernels, (unsigned long long)r->copies, path);
		if (r->detail[0])
			message("recover", "some rows may be damaged", "%s: %s", path, r->detail);
		return EXIT_OK;
	case RECOVERY_RECORDING:
		message("recover", "stop that first; the file can be read meanwhile",
			"%s is being recorded by process %ld", path, r->recorder_pid);
		return EXIT_FAILED;
	case RECOVERY_NOT_OURS:
		message("recover", NULL, "%s: %s", path, r->detail);
		return EXIT_INPUT;
	default:
		message("recover", "is there room, and permission to write?", "%s: %s", path,
			r->detail);
		return EXIT_FAILED;
	}
}

int cmd_recover(int argc, char **argv)
{
	struct recovery recovery;
	struct progress progress;
	int key;

	while ((key = options_next(&usage, argc, argv)) != OPTIONS_END)
		return key == OPTIONS_HELP ? EXIT_OK : EXIT_USAGE;
	if (argc - optind != 1) {
		message("recover", "example: gputrail recover run.db", "name one file");
		return EXIT_USAGE;
	}
	progress_start(&progress, "opening");
	recover_file(argv[optind], false, progress_phase, &progress, &recovery);
	progress_finish(&progress);
	return tell(argv[optind], &recovery);
}
