/* SPDX-License-Identifier: Apache-2.0 */
/* Running a command under the collector: see recording.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/recording.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "analysis/table.h"
#include "cmd/cmd.h"
#include "cmd/end_alike.h"
#include "cmd/outfile.h"
#include "cmd/simulated.h"
#include "collector/collector.h"

#define WAIT_MS 10		/* between looks at the rings when all is quiet */
#define GRACE_ROUNDS 50		/* after the command ended, before saying what is waited for */

struct run {
	const struct recording *recording;
	struct collector *collector;
	pid_t child;
	int go, failed;			/* pipes: start the command; errno of its exec */
	int signals;
	sigset_t old_mask;
	int wait_status;
	bool ended, childless, told_broken, told_waiting, interrupted;
	char path[PATH_MAX];
};

bool recording_take_callpath(struct recording *r, const char *text)
{
	static const char *const modes[] = { "native,python", "python,native", "native", "python",
					     "off" };

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(text, modes[i])) {
			r->callpath = modes[i];
			return true;
		}
	message(r->name, NULL, "--callpath takes native,python, native, python or off, not '%s'",
		text);
	return false;
}

int recording_path(const char *pattern, long pid, char *path, size_t path_bytes)
{
	size_t length = 0;
	time_t now = time(NULL);
	struct tm local;

	localtime_r(&now, &local);
	for (; *pattern; pattern++) {
		char piece[256];

		snprintf(piece, sizeof(piece), "%c", *pattern);
		if (*pattern == '%' && pattern[1]) {
			pattern++;
			if (*pattern == 'p')
				snprintf(piece, sizeof(piece), "%ld", pid);
			else if (*pattern == 'h')
				gethostname(piece, sizeof(piece) - 1);
			else if (*pattern == 't')
				strftime(piece, sizeof(piece), "%Y%m%d-%H%M%S", &local);
			else if (*pattern != '%')
				snprintf(piece, sizeof(piece), "%%%c", *pattern);
		}
		if (length + strlen(piece) >= path_bytes)
			return -1;
		memcpy(path + length, piece, strlen(piece) + 1);
		length += strlen(piece);
	}
	path[length] = '\0';
	return length ? 0 : -1;
}

/* Whether the loader finds a driver here; in a child, so that its constructors run nowhere else. */
static bool driver_present(void)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0)
		_exit(dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL) ? 0 : 1);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return child < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int prepend(const char *variable, const char *value, char separator)
{
	const char *old = getenv(variable);
	char *joined = NULL;
	int rc;

	if (!old || !*old)
		return setenv(variable, value, 1);
	if (asprintf(&joined, "%s%c%s", value, separator, old) < 0)
		return -1;
	rc = setenv(variable, joined, 1);
	free(joined);
	return rc;
}

/* Finds our files and the driver. Returns EXIT_OK or the exit code. */
static int check_parts(const struct recording *r, char *shim, char *sim_dir)
{
	if (own_file(FILE_SHIM, shim, PATH_MAX) < 0) {
		message(r->name, "gputrail is not fully built or installed: make install",
			"%s is missing", shim);
		return EXIT_FAILED;
	}
	if (strpbrk(shim, " :")) {
		message(r->name,
			"the loader splits LD_PRELOAD at spaces and colons: install elsewhere",
			"cannot preload '%s'", shim);
		return EXIT_FAILED;
	}
	if (r->simulate && !simulated_is_known(r->simulate)) {
		char advice[128];

		snprintf(advice, sizeof(advice), "--sim knows%s", simulated_devices);
		message(r->name, advice, "there is no simulated device '%s'", r->simulate);
		return EXIT_USAGE;
	}
	if (r->simulate && own_file(FILE_SIM_DIR, sim_dir, PATH_MAX) < 0) {
		message(r->name, "gputrail is not fully built or installed: make install",
			"the simulated driver is missing: %s", sim_dir);
		return EXIT_FAILED;
	}
	if (!r->simulate && !driver_present()) {
		message(r->name,
			"record with --sim to use the simulated driver; 'gputrail doctor' tells "
			"more",
			"there is no CUDA driver here (libcuda.so.1 is not found)");
		return EXIT_NOTHING;
	}
	return EXIT_OK;
}

static void child_environment(const struct recording *r, const char *shim, const char *sim_dir,
			      const char *socket_name)
{
	char name[128];

	const char *nvtx = getenv("GPUTRAIL_NVTX");

	prepend("LD_PRELOAD", shim, ':');
	if (!nvtx || strcmp(nvtx, "off"))
		setenv("NVTX_INJECTION64_PATH", shim, 0);	/* another tool's stays */
	snprintf(name, sizeof(name), "@%s", socket_name);
	setenv("GPUTRAIL_SOCKET", name, 1);
	if (r->ring_bytes)
		setenv("GPUTRAIL_RING_BYTES", r->ring_bytes, 1);
	if (r->callpath)
		setenv("GPUTRAIL_CALLPATH", r->callpath, 1);
	if (r->simulate) {
		prepend("LD_LIBRARY_PATH", sim_dir, ':');
		if (*r->simulate)
			setenv("SIMCUDA_DEVICE", r->simulate, 1);
	}
	for (const char *const *e = r->environment; e && *e; e++)
		putenv((char *)(uintptr_t)*e);
}

/* The child: waits for the word, becomes the command. */
static void child_run(const struct run *run, int go, int failed, const char *shim,
		      const char *sim_dir, const char *socket_name)
{
	char byte;
	int error;

	if (read(go, &byte, 1) != 1)
		_exit(EXIT_FAILED);		/* recording was called off */
	sigprocmask(SIG_SETMASK, &run->old_mask, NULL);
	if (run->recording->command_output) {
		setpgid(0, 0);
		dup2(run->recording->command_output, STDOUT_FILENO);
		dup2(run->recording->command_output, STDERR_FILENO);
	}
	child_environment(run->recording, shim, sim_dir, socket_name);
	execvp(run->recording->command[0], run->recording->command);
	error = errno;
	if (write(failed, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(error == ENOENT ? 127 : 126);
}

static int child_start(struct run *run, const char *shim, const char *sim_dir,
		       const char *socket_name)
{
	int go[2], failed[2];

	if (pipe2(go, O_CLOEXEC) < 0 || pipe2(failed, O_CLOEXEC) < 0)
		return -1;
	run->child = fork();
	if (run->child == 0) {
		close(go[1]);
		child_run(run, go[0], failed[1], shim, sim_dir, socket_name);
	}
	close(go[0]);
	close(failed[1]);
	run->go = go[1];
	run->failed = failed[0];
	return run->child < 0 ? -1 : 0;
}

/* Makes the file, so that what is wrong with it shows before the command runs. */
static int make_file(struct run *run)
{
	const struct recording *r = run->recording;
	struct stat status;
	char *error;

	if (stat(run->path, &status) == 0) {
		if (!S_ISREG(status.st_mode)) {
			message(r->name, "choose another name with -o", "%s is not a regular file",
				run->path);
			return -1;
		}
		if (!r->force) {
			message(r->name, "choose another name with -o, or replace it with --force",
				"%s exists", run->path);
			return -1;
		}
		if (!outfile_idle(r->name, run->path))
			return -1;
		if (unlink(run->path) < 0) {
			message(r->name, "choose another name with -o", "cannot replace %s: %s",
				run->path, strerror(errno));
			return -1;
		}
		outfile_leftovers_remove(run->path);
	}
	if (collector_open_file(run->collector, &error) < 0) {
		message(r->name, "choose a place with room and permission to write, with -o FILE",
			"cannot write %s", error ? error : run->path);
		free(error);
		return -1;
	}
	return 0;
}

static void child_reap(struct run *run)
{
	int status;
	pid_t pid;

	/* What the sampler's thread started is its own. */
	while ((pid = waitpid(-1, &status, WNOHANG | __WNOTHREAD)) > 0) {
		collector_child_ended(run->collector, pid, status);
		if (pid == run->child) {
			run->ended = true;
			run->wait_status = status;
		}
	}
	run->childless = pid < 0 && errno == ECHILD;
}

/* ^C reaches the command by itself, from the terminal; what was sent to us alone is passed on. */
static void signal_pass(struct run *run, const struct signalfd_siginfo *info)
{
	if (run->ended)
		run->interrupted = true;
	else if (info->ssi_code <= 0)
		kill(run->child, (int)info->ssi_signo);
}

static void signals_take(struct run *run)
{
	struct signalfd_siginfo info;

	while (read(run->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo == SIGCHLD)
			child_reap(run);
		else
			signal_pass(run, &info);
}

static void tell_broken(struct run *run)
{
	if (!run->told_broken && collector_broken(run->collector)) {
		run->told_broken = true;
		message(run->recording->name,
			"the program runs on; what was recorded so far is kept",
			"cannot write %s any more: %s", run->path,
			collector_broken(run->collector));
	}
}

static void record_until_done(struct run *run)
{
	int grace = 0;

	while (!run->interrupted) {
		collector_step(run->collector, WAIT_MS, run->signals);
		signals_take(run);
		tell_broken(run);
		if (!run->ended)
			continue;
		if (run->recording->wait_primary)
			break;
		if (run->childless && !collector_clients(run->collector))
			break;
		if (++grace > GRACE_ROUNDS && !run->told_waiting) {
			run->told_waiting = true;
			message(run->recording->name, "^C stops recording and leaves them running",
				"the command ended; waiting for the processes it left behind");
		}
	}
}

/* `path` as a word that a shell reads as it is, so that the line can be copied. */
static void shell_word(const char *path, char *word, size_t bytes)
{
	size_t length = 0;

	if (!path[strcspn(path, " \t\n'\"\\$`&|;<>()*?[]{}#~!")]) {
		snprintf(word, bytes, "%s", path);
		return;
	}
	word[length++] = '\'';
	for (; *path && length + 6 < bytes; path++) {
		if (*path != '\'') {
			word[length++] = *path;
			continue;
		}
		memcpy(word + length, "'\\''", 4);
		length += 4;
	}
	word[length++] = '\'';
	word[length] = '\0';
}

static void tell_result(const struct run *run, const struct collector_figures *figures, int rc,
			const char *error)
{
	const struct recording *r = run->recording;
	char size[32], word[4 * PATH_MAX + 8], advice[sizeof(word) + 32];

	format_bytes((double)figures->file_bytes, size, sizeof(size));
	shell_word(run->path, word, sizeof(word));
	snprintf(advice, sizeof(advice), "next: gputrail %s", word);
	if (rc < 0 && !run->told_broken)
		message(r->name, "what was recorded before is kept", "cannot write %s any more: %s",
			run->path, error ? error : "unknown error");
	if (figures->processes == 0)
		message(r->name,
			"a static or setuid program, or one started inside a container, is not "
			"seen",
			"the program did not use CUDA: nothing was recorded");
	else if (!r->quiet || figures->lost || rc < 0)
		message(r->name, advice,
			"recorded %.1f s, %llu kernels, %llu copies and sets, %llu lost -> %s (%s)",
			(double)figures->span_ns / 1e9, (unsigned long long)figures->kernels,
			(unsigned long long)figures->copies, (unsigned long long)figures->lost,
			run->path, size);
	if (figures->activity[0] && !r->quiet && figures->processes)
		message(r->name, NULL, "SM activity: %s", figures->activity);
}

static void signals_block(struct run *run)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGQUIT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, &run->old_mask);
	run->signals = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int finish(struct run *run, int exec_error)
{
	struct collector_figures figures;
	char *error;
	int rc = collector_close(run->collector, &figures, &error);

	if (exec_error) {
		message(run->recording->name, NULL, "cannot run %s: %s", run->recording->command[0],
			strerror(exec_error));
		unlink(run->path);
	} else {
		tell_result(run, &figures, rc, error);
	}
	free(error);
	return end_alike(run->wait_status);
}

static void tell_begun(const struct run *run)
{
	struct recording_begun begun = { .command = run->child };

	memcpy(begun.path, run->path, sizeof(begun.path));
	if (run->recording->tell && write(run->recording->tell, &begun, sizeof(begun)) < 0)
		return;			/* nobody waits any more */
}

/* The collector exists and the child waits: go. */
static int run_child(struct run *run)
{
	int exec_error = 0;

	if (make_file(run) < 0) {
		struct collector_figures figures;
		char *error;

		close(run->go);
		while (waitpid(run->child, NULL, 0) < 0 && errno == EINTR)
			;
		collector_close(run->collector, &figures, &error);
		free(error);
		return EXIT_FAILED;
	}
	if (write(run->go, "g", 1) != 1)
		return EXIT_FAILED;
	close(run->go);
	if (read(run->failed, &exec_error, sizeof(exec_error)) != (ssize_t)sizeof(exec_error))
		exec_error = 0;
	close(run->failed);
	if (!exec_error)
		tell_begun(run);
	record_until_done(run);
	return finish(run, exec_error);
}

int recording_run(const struct recording *recording)
{
	struct run run = { .recording = recording };
	char shim[PATH_MAX], sim_dir[PATH_MAX] = "", nvml[PATH_MAX + 32], socket_name[64];
	struct collector_options options = {
		.path = run.path,
		.socket_name = socket_name,
		.command = recording->command,
		.simulated = recording->simulate,
		.callpath = recording->callpath,
		.names_nvtx_tool = true,
		.control = recording->control,
	};
	int listener, rc = check_parts(recording, shim, sim_dir);

	if (rc != EXIT_OK)
		return rc;
	if (recording->simulate && recording->control.activity_period_ns) {
		simulated_meters();
		options.nvml = simulated_nvml(sim_dir, nvml, sizeof(nvml));
	}
	/* What the command leaves behind becomes our child: so we know when all of it has ended. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	snprintf(socket_name, sizeof(socket_name), "gputrail-record-%d", (int)getpid());
	listener = collector_listen(socket_name);
	signals_block(&run);
	if (listener < 0 || run.signals < 0 ||
	    child_start(&run, shim, sim_dir, socket_name) < 0) {
		message(recording->name, NULL, "cannot start: %s", strerror(errno));
		return EXIT_FAILED;
	}
	if (recording_path(recording->output, run.child, run.path, sizeof(run.path)) < 0) {
		message(recording->name, NULL, "the file name '%s' is empty or too long",
			recording->output);
		return EXIT_USAGE;
	}
	run.collector = collector_new(&options, listener);
	if (!run.collector) {
		message(recording->name, NULL, "out of memory");
		return EXIT_FAILED;
	}
	return run_child(&run);
}
