/* SPDX-License-Identifier: Apache-2.0 */
/* gputrail import: traces of torch.profiler and nsys become recordings. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/cmd.h"

#include "analysis/table.h"
#include "cmd/options.h"
#include "cmd/outfile.h"
#include "cmd/progress.h"
#include "collector/import.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const struct cmd_option options[] = {
	{ "output", 'o', "FILE", "write the recording to FILE" },
	{ "force", 'f', NULL, "replace FILE if it is there" },
	{ 0 },
};

static const struct cmd_usage usage = {
	.command = "import",
	.synopsis = "[-f] -o FILE TRACE",
	.purpose = "Makes a recording of TRACE, which is torch.profiler's JSON (.json or .json.gz) or an"
		   " SQLite export of nsys, so that report, export, info and the viewer work on it.",
	.options = options,
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	stop = number;
}

static int tell(const struct import_options *o, const struct import_result *r)
{
	char span[32];

	if (r->outcome != IMPORT_DONE) {
		message("import", r->outcome == IMPORT_BAD_INPUT || stop ? NULL :
			"is there room, and permission to write, beside the output and in TMPDIR?",
			"%s: %s", o->input, r->detail[0] ? r->detail : "no memory");
		return r->outcome == IMPORT_BAD_INPUT ? EXIT_INPUT : EXIT_FAILED;
	}
	fprintf(stderr, "gputrail: %s: %s over %s: %llu calls, %llu kernels, %llu copies and sets\n",
		o->output, r->kind, format_ns((double)r->span_ns, span, sizeof(span)),
		(unsigned long long)r->calls,
		(unsigned long long)r->kernels, (unsigned long long)r->copies);
	if (r->skipped)
		fprintf(stderr, "gputrail: %llu event%s no place in a recording: 'gputrail info %s'"
			" tells which\n", (unsigned long long)r->skipped,
			r->skipped == 1 ? " has" : "s have", o->output);
	return EXIT_OK;
}

int cmd_import(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct import_options import = { .progress = progress_phase, .stop = &stop };
	struct import_result result;
	struct progress progress;
	bool force = false;
	int key;

	while ((key = options_next(&usage, argc, argv)) != OPTIONS_END) {
		if (key == 'o')
			import.output = optarg;
		else if (key == 'f')
			force = true;
		else
			return key == OPTIONS_HELP ? EXIT_OK : EXIT_USAGE;
	}
	if (argc - optind != 1 || !import.output) {
		message("import", "example: gputrail import trace.json.gz -o run.db",
			import.output ? "name one trace" : "-o FILE is needed");
		return EXIT_USAGE;
	}
	import.input = argv[optind];
	if (!outfile_usable("import", import.input, import.output, force))
		return EXIT_FAILED;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	progress_start(&progress, "reading");
	import.progress_arg = &progress;
	import_file(&import, &result);
	progress_finish(&progress);
	return tell(&import, &result);
}
