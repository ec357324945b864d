/* SPDX-License-Identifier: Apache-2.0 */
/* What a shell may offer: the words that `gputrail COMMAND --help=words` prints. */
#ifndef GPUTRAIL_CMD_COMPLETION_H
#define GPUTRAIL_CMD_COMPLETION_H

#include "cmd/options.h"

/*
 * Lines of name, words and help with tabs between them: "*" for the arguments, then each option.
 * The words are "-" (none), FILE, DIR, COMMAND, TEXT (anything), or what may be given. Options
 * whose argument may be left out end in "=?", those that need one in "=".
 */
void completion_print(const struct cmd_usage *usage);

#endif
