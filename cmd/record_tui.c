/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gputrail record --tui: a process in a session of its own records, this one shows the file. What the
 * command writes goes to a log beside the file, so that it cannot spoil the screen.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/record_tui.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analysis/analysis.h"
#include "cmd/cmd.h"
#include "cmd/end_alike.h"
#include "tui/tui.h"

struct session {
	const struct recording *recording;
	pid_t recorder;
	struct recording_begun begun;	/* told by the recorder */
	char log[PATH_MAX + 16];	/* beside the file */
	int log_fd, notes;		/* notes: what the recorder itself had to say */
	int status;			/* of the recorder, when it has ended */
	bool ended;
};

/* --- what the viewer asks ------------------------------------------------------------------ */

static bool reap(struct session *session, int options)
{
	pid_t pid = 0;

	while (!session->ended && (pid = waitpid(session->recorder, &session->status, options)) < 0 &&
	       errno == EINTR)
		;
	session->ended |= pid == session->recorder;
	return session->ended;
}

static bool program_ended(void *arg, char *how, size_t size)
{
	struct session *session = arg;

	if (!reap(session, WNOHANG))
		return false;
	if (WIFEXITED(session->status))
		snprintf(how, size, "ended with exit code %d", WEXITSTATUS(session->status));
	else
		snprintf(how, size, "was ended by signal %d (%s)", WTERMSIG(session->status),
			 strsignal(WTERMSIG(session->status)));
	return true;
}

/* To all of its processes, as ^C in a terminal would be. */
static void program_stop(void *arg, bool kills)
{
	struct session *session = arg;

	if (!session->ended && session->begun.command > 0)
		kill(-session->begun.command, kills ? SIGKILL : SIGINT);
}

/* --- beginning ----------------------------------------------------------------------------- */

/* The log is made before the name of the file is known, which may have the command's number in it. */
static int log_open(struct session *session)
{
	char folder[PATH_MAX];

	snprintf(folder, sizeof(folder), "%s", session->recording->output);
	if (snprintf(session->log, sizeof(session->log), "%s/.gputrail-XXXXXX", dirname(folder)) >=
	    (int)sizeof(session->log))
		session->log[0] = '\0';
	session->log_fd = mkostemp(session->log, O_APPEND | O_CLOEXEC);
	session->notes = session->log_fd < 0 ? -1 : memfd_create("notes", MFD_CLOEXEC);
	if (session->notes >= 0) {
		fchmod(session->log_fd, 0644);
		return 0;
	}
	message("record", "choose a place with room and permission to write, with -o FILE",
		"cannot write beside %s: %s", session->recording->output, strerror(errno));
	return -1;
}

/* FILE.log, or FILE.log.2, ...: what another recording left is kept as that is. */
static void log_name(struct session *session)
{
	char name[sizeof(session->log)];

	for (int number = 1; number < 1000; number++) {
		snprintf(name, sizeof(name), number == 1 ? "%s.log" : "%s.log.%d", session->begun.path,
			 number);
		if (number == 1 && session->recording->force)
			unlink(name);
		if (link(session->log, name) == 0) {
			unlink(session->log);
			memcpy(session->log, name, sizeof(name));
			return;
		}
	}
}

/* The recorder: nothing of it is on the terminal, which may close without ending it. */
static void recorder_run(const struct session *session, int tell)
{
	struct recording recording = *session->recording;
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);

	setsid();
	dup2(nothing, STDIN_FILENO);
	dup2(session->notes, STDOUT_FILENO);
	dup2(session->notes, STDERR_FILENO);
	recording.tell = tell;
	recording.command_output = session->log_fd;
	exit(recording_run(&recording));
}

/* True when the command has begun. */
static bool recorder_start(struct session *session)
{
	int tell[2];
	char *begun = (char *)&session->begun;
	size_t taken = 0;
	ssize_t got = -1;

	if (pipe2(tell, O_CLOEXEC) < 0)
		return false;
	fflush(NULL);
	session->recorder = fork();
	if (session->recorder == 0) {
		close(tell[0]);
		recorder_run(session, tell[1]);
	}
	close(tell[1]);
	while (session->recorder > 0 && taken < sizeof(session->begun) &&
	       ((got = read(tell[0], begun + taken, sizeof(session->begun) - taken)) > 0 ||
		(got < 0 && errno == EINTR)))
		taken += got > 0 ? (size_t)got : 0;
	close(tell[0]);
	return taken == sizeof(session->begun);
}

/* --- the end ------------------------------------------------------------------------------- */

static void print_notes(const struct session *session)
{
	char text[4096];
	ssize_t got;

	lseek(session->notes, 0, SEEK_SET);
	while ((got = read(session->notes, text, sizeof(text))) > 0)
		fwrite(text, 1, (size_t)got, stderr);
}

static void tell_log(const struct session *session)
{
	struct stat status;

	if (fstat(session->log_fd, &status) == 0 && status.st_size == 0)
		unlink(session->log);
	else
		message("record", NULL, "what %s wrote is in %s", session->recording->command[0],
			session->log);
}

static int finish(struct session *session)
{
	if (!reap(session, WNOHANG)) {
		char advice[PATH_MAX + 64];

		snprintf(advice, sizeof(advice), "'gputrail %s' shows it; 'kill -INT %d' stops it",
			 session->begun.path, (int)session->begun.command);
		message("record", advice, "%s runs on as process %d and is being recorded to %s",
			session->recording->command[0], (int)session->begun.command, session->begun.path);
		tell_log(session);
		return EXIT_OK;
	}
	print_notes(session);
	tell_log(session);
	return end_alike(session->status);	/* the recorder has ended as the command did */
}

static int show(struct session *session)
{
	struct tui_program program = { session->recording->command[0], session->log, program_ended,
				       program_stop, session };
	struct tui_options options = { .path = session->begun.path, .ascii = -1, .program = &program };
	char *error = NULL;
	struct run *run = run_open(session->begun.path, &error);

	if (!run || tui_run(run, &options, &error) != TUI_OK)
		message("record", "the program runs on, and is recorded", "%s",
			error ? error : "out of memory");
	free(error);
	return finish(session);
}

int record_tui(const struct recording *recording)
{
	struct session session = { .recording = recording };

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		message("record", "leave --tui away, and open the file with 'gputrail FILE'",
			"--tui needs a terminal for its input and its output");
		return EXIT_USAGE;
	}
	if (log_open(&session) < 0)
		return EXIT_FAILED;
	if (recorder_start(&session)) {
		log_name(&session);
		return show(&session);
	}
	unlink(session.log);
	if (session.recorder < 0) {
		message("record", NULL, "cannot start: %s", strerror(errno));
		return EXIT_FAILED;
	}
	reap(&session, 0);
	print_notes(&session);
	return end_alike(session.status);
}
