/* SPDX-License-Identifier: Apache-2.0 */
/* The truth file: whole for every way a process ends, and for processes that fork. */
#include "sim/engine_world.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[] = "/tmp/gputrail-truth-XXXXXX";

/* --- what the children do --------------------------------------------------------------------- */
static int child_open(CUstream *stream)
{
	return world_open(NULL) || cuStreamCreate(stream, CU_STREAM_NON_BLOCKING);
}

/* Ends with three kernels done, one running, one waiting for it. */
static int child_leave_work(void)
{
	CUstream stream;

	if (child_open(&stream))
		return 1;
	for (int i = 0; i < 3; i++)
		if (launch(kernel_100us, 1, stream))
			return 1;
	if (cuStreamSynchronize(stream) || launch(kernel_100ms, 1, stream))
		return 1;
	usleep(1000);
	return launch(kernel_100ms, 1, stream);
}

/* The child of a fork has no device, and writes nothing. */
static int child_fork(void)
{
	CUstream stream;
	int status;
	pid_t pid;

	if (child_open(&stream) || launch(kernel_100us, 1, stream))
		return 1;
	pid = fork();
	if (pid == 0)
		exit(cuStreamSynchronize(stream) == CUDA_SUCCESS);	/* destructors run, too */
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status))
		return 2;
	return launch(kernel_100us, 1, stream) || cuStreamSynchronize(stream);
}

static int child_killed(void)
{
	CUstream stream;

	if (child_open(&stream))
		return 1;
	for (int i = 0; i < 500; i++)
		if (launch(kernel_shaped, 1, stream))
			return 1;
	if (cuStreamSynchronize(stream))
		return 1;
	usleep(200000);		/* the worker writes what there is within a moment */
	raise(SIGTERM);
	return 0;
}

/* --- what comes of it ------------------------------------------------------------------------- */
static int run_child(const char *what)
{
	char truth[96];
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		snprintf(truth, sizeof(truth), "%s/%s-%%p", directory, what);
		setenv("TEST_TRUTH", truth, 1);
		execl("/proc/self/exe", "engine_truth", what, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	rows_read_file(directory, what, pid);
	return status;
}

static size_t rows_with(const char *kind, const char *status)
{
	size_t count = 0;

	for (size_t i = 0; i < row_count; i++)
		count += strcmp(rows[i].kind, kind) == 0 && strcmp(rows[i].status, status) == 0;
	return count;
}

static void test_unfinished_work(void **unused)
{
	(void)unused;
	assert_int_equal(run_child("leave"), 0);
	assert_int_equal(rows_with("kernel", "done"), 3);
	assert_int_equal(rows_with("kernel", "running"), 1);
	assert_int_equal(rows_with("kernel", "queued"), 1);
	for (size_t i = 0; i < row_count; i++)
		if (strcmp(rows[i].kind, "kernel") == 0 && strcmp(rows[i].status, "done") != 0)
			assert_int_equal(rows[i].end_ns, 0);
}

static int count_files(const char *prefix)
{
	DIR *list = opendir(directory);
	struct dirent *entry;
	int count = 0;

	assert_non_null(list);
	while ((entry = readdir(list)))
		count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
	closedir(list);
	return count;
}

static void test_fork(void **unused)
{
	(void)unused;
	assert_int_equal(run_child("fork"), 0);
	assert_int_equal(rows_with("kernel", "done"), 2);
	assert_int_equal(rows_of("kernel"), 2);
	assert_int_equal(count_files("fork-"), 1);
}

static void test_killed(void **unused)
{
	int status = run_child("killed");

	(void)unused;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(rows_with("kernel", "done"), 500);
}

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) == NULL;
}

static int remove_directory(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", directory);
	return system(command);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unfinished_work),
		cmocka_unit_test(test_fork),
		cmocka_unit_test(test_killed),
	};

	if (argc > 1 && strcmp(argv[1], "leave") == 0)
		return child_leave_work();
	if (argc > 1 && strcmp(argv[1], "fork") == 0)
		return child_fork();
	if (argc > 1)
		return child_killed();
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
