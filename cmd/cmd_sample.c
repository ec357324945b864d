/* SPDX-License-Identifier: Apache-2.0 */
/* gputrail sample: the process that the recorder starts for PM sampling of a device; see collector/pm.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/cmd.h"
#include "collector/pm.h"

#include <stdlib.h>
#include <unistd.h>

int cmd_sample(int argc, char **argv)
{
	struct pm_options options;

	/* What it writes is for programs: nobody is meant to type this. */
	if (argc != 5 || isatty(STDOUT_FILENO)) {
		message("sample", "'gputrail record --sm-activity' starts it",
			"is not a command for people");
		return EXIT_USAGE;
	}
	options = (struct pm_options){ .cuda = argv[1], .cupti = argv[2], .uuid = argv[3],
				       .period_ns = strtoll(argv[4], NULL, 10) };
	return pm_session_run(&options, STDIN_FILENO, STDOUT_FILENO);
}
