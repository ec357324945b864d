/* SPDX-License-Identifier: Apache-2.0 */
/* Beginning and ending the use of the terminal, and reading keys from it. */
#ifndef GPUTRAIL_TUI_TERMINAL_H
#define GPUTRAIL_TUI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

/* Without a terminal the screen exists in memory only, for scripts. -1: *error says why. */
int terminal_open(bool in_memory, char **error);
void terminal_close(void);
/* Asks the terminal to put this on the clipboard (OSC 52); whether it does is its own affair. */
void terminal_copy(const char *text, size_t bytes);
/* Gives the terminal back to the shell until the process is continued. */
void terminal_suspend(void);
/* Waits until a key comes or `fd` becomes readable, at most timeout_ms (-1: for ever). */
int terminal_key(int fd, int timeout_ms);
/* A key that is already there, or KEY_NOTHING. */
int terminal_pending_key(void);
/* True when the terminal is gone: nobody will ever type again. */
bool terminal_is_gone(void);

#endif
