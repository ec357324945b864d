/* SPDX-License-Identifier: Apache-2.0 */
/* Beginning and ending the use of the terminal, and reading keys from it. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "tui/terminal.h"

#include "tui/keys.h"

#include <curses.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <unistd.h>

#define ESCAPE_DELAY_MS 25

static SCREEN *screen;
static FILE *nowhere_in, *nowhere_out;
static bool gone;
static volatile sig_atomic_t asked_to_end;

/* A hang-up or a plain kill must leave the terminal usable: the main loop ends as by Quit. */
static void on_end(int number)
{
	(void)number;
	asked_to_end = 1;
}

static void catch_signals(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = on_end;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
}

/* setupterm() only tells whether newterm() would fail, which may print on its own. */
static void forget_type(void)
{
	TERMINAL *type = set_curterm(NULL);

	if (type)
		del_curterm(type);
}

static SCREEN *open_in_memory(void)
{
	static const char *const types[] = { "xterm-256color", "xterm", "vt100", "linux", "ansi" };
	SCREEN *opened = NULL;

	nowhere_in = fopen("/dev/null", "re");
	nowhere_out = fopen("/dev/null", "we");
	for (size_t i = 0; nowhere_in && nowhere_out && !opened && i < 5; i++) {
		int status = 0;

		if (setupterm(types[i], fileno(nowhere_out), &status) == OK) {
			forget_type();
			opened = newterm(types[i], nowhere_out, nowhere_in);
		}
	}
	return opened;
}

static int check_type(char **error)
{
	const char *type = getenv("TERM"), *problem = NULL;
	int status = 0;

	if (setupterm(NULL, STDOUT_FILENO, &status) != OK)
		problem = "is unknown here";
	else if (!cursor_address || !*cursor_address)
		problem = "cannot move its cursor";
	forget_type();
	if (problem && asprintf(error, "the terminal type '%s' (TERM) %s; 'gputrail report FILE' "
				"prints the same without", type ? type : "", problem) < 0)
		*error = NULL;
	return problem ? -1 : 0;
}

int terminal_open(bool in_memory, char **error)
{
	*error = NULL;
	if (!in_memory && check_type(error) < 0)
		return -1;
	screen = in_memory ? open_in_memory() : newterm(NULL, stdout, stdin);
	if (!screen) {
		*error = strdup("cannot set up the terminal: no usable terminfo entry");
		return -1;
	}
	set_term(screen);
	raw();			/* ^C and ^Z are keys like any other */
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	meta(stdscr, TRUE);
	set_escdelay(ESCAPE_DELAY_MS);
	curs_set(0);
	if (has_colors()) {
		start_color();
		use_default_colors();
	}
	mousemask(BUTTON1_PRESSED | BUTTON1_RELEASED | BUTTON1_CLICKED | BUTTON1_DOUBLE_CLICKED
		  | BUTTON3_PRESSED
		  | BUTTON4_PRESSED | BUTTON5_PRESSED | BUTTON_SHIFT, NULL);
	mouseinterval(0);
	catch_signals();
	return 0;
}

void terminal_close(void)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
	if (nowhere_in)
		fclose(nowhere_in);
	if (nowhere_out)
		fclose(nowhere_out);
	nowhere_in = nowhere_out = NULL;
}

void terminal_copy(const char *text, size_t bytes)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	if (nowhere_out)
		return;
	fputs("\033]52;c;", stdout);
	for (size_t i = 0; i < bytes; i += 3) {
		unsigned int three = 0;

		for (size_t k = 0; k < 3; k++)
			three = three << 8 | (i + k < bytes ? (unsigned char)text[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			putchar(i + k <= bytes ? digits[three >> (18 - 6 * k) & 63] : '=');
	}
	putchar('\a');
	fflush(stdout);
}

void terminal_suspend(void)
{
	struct sigaction plain, old;

	if (nowhere_in)
		return;
	memset(&plain, 0, sizeof(plain));
	plain.sa_handler = SIG_DFL;
	def_prog_mode();
	endwin();
	/* curses' own handler would restore the screen a second time. */
	sigaction(SIGTSTP, &plain, &old);
	kill(0, SIGTSTP);
	sigaction(SIGTSTP, &old, NULL);
	reset_prog_mode();
	clearok(curscr, TRUE);
	refresh();
}

int terminal_pending_key(void)
{
	wint_t key = 0;

	switch (get_wch(&key)) {
	case OK:
		return key_normalise((int)key);
	case KEY_CODE_YES:
		return key_normalise(KEY_CODE((int)key));
	default:
		return KEY_NOTHING;
	}
}

int terminal_key(int fd, int timeout_ms)
{
	struct pollfd fds[2] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};
	int ready = poll(fds, 2, timeout_ms), key = terminal_pending_key();

	/* Readable, but nothing to read: the other side has closed. */
	if (ready > 0 && (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL)) && key == KEY_NOTHING)
		gone = true;
	return key;
}

bool terminal_is_gone(void)
{
	return gone || asked_to_end;
}
