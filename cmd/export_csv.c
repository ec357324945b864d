/* SPDX-License-Identifier: Apache-2.0 */
/* gputrail export --csv. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/export_csv.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/outfile.h"
#include "cmd/progress.h"

/* As after a report's colon, and in the name of its file. */
static const char *const name_arguments[] = {
	[NSYS_NAMES_FULL] = "", [NSYS_NAMES_BASE] = "base", [NSYS_NAMES_MANGLED] = "mangled",
	[NSYS_RANGES_FULL] = "nvtx-name", [NSYS_RANGES_BASE] = "nvtx-name:base",
	[NSYS_RANGES_MANGLED] = "nvtx-name:mangled",
};
#define NAMES_COUNT	((int)NSYS_NAMES_COUNT)

static int names_find(const char *argument)
{
	for (int i = 0; i < NAMES_COUNT; i++)
		if (!strcmp(name_arguments[i], argument))
			return i;
	return -1;
}

static int report_add(struct csv_request *request, const char *text)
{
	char name[64];
	const char *colon = strchr(text, ':');
	int report, names = names_find(colon ? colon + 1 : "");

	snprintf(name, sizeof(name), "%.*s", colon ? (int)(colon - text) : (int)sizeof(name), text);
	report = csv_report_find(name);
	if (report < 0) {
		message("export", "'gputrail export --list' lists the reports", "no report '%s'", name);
		return -1;
	}
	if (names < 0 || !csv_report_has_names(report, (enum nsys_names)names)) {
		message("export", "':base' and ':mangled' choose the names of kernels, ':nvtx-name' puts "
			"their range before them, in reports that 'gputrail export --list' tells",
			"no report '%s'", text);
		return -1;
	}
	request->wanted[report][names] = true;
	return 0;
}

int csv_request_add(struct csv_request *request, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, ",");
		char one[128];

		snprintf(one, sizeof(one), "%.*s", (int)length, text);
		if (!strcmp(one, "all")) {
			for (int i = 0; i < csv_report_count(); i++)
				request->wanted[i][NSYS_NAMES_FULL] = true;
		} else if (report_add(request, one) < 0) {
			return -1;
		}
		text += length + (text[length] == ',');
	}
	request->count = 0;
	for (int i = 0; i < csv_report_count(); i++)
		for (int names = 0; names < NAMES_COUNT; names++)
			request->count += request->wanted[i][names];
	return 0;
}

void csv_list(void)
{
	for (int i = 0; i < csv_report_count(); i++) {
		printf("%s%s%s: %s\n  ", csv_report_name(i),
		       csv_report_has_names(i, NSYS_RANGES_FULL) ? "[:nvtx-name]" : "",
		       csv_report_has_names(i, NSYS_NAMES_BASE) ? "[:base|:mangled]" : "",
		       csv_report_description(i));
		csv_report_header(i, stdout);
	}
}

/* DIR/NAME_REPORT.csv, or DIR/NAME_REPORT_ARGUMENT.csv, with colons as nsys has them in names of files. */
static void file_name(char *path, size_t bytes, const char *directory, const char *input,
		      int report, int names)
{
	const char *base = strrchr(input, '/'), *suffix;
	size_t length;

	base = base ? base + 1 : input;
	suffix = strrchr(base, '.');
	length = suffix && suffix != base ? (size_t)(suffix - base) : strlen(base);
	snprintf(path, bytes, "%s/%.*s_%s%s%s.csv", directory, (int)length, base,
		 csv_report_name(report), names ? "_" : "", name_arguments[names]);
	for (char *colon = strrchr(path, '/'); (colon = strchr(colon, ':'));)
		*colon = '_';
}

/* All of them before any work: an export of many minutes should not end half done for that. */
static int files_check(const struct csv_request *request, const char *input, const char *output,
		       bool force)
{
	struct stat st;

	if (mkdir(output, 0777) < 0 && errno != EEXIST) {
		message("export", NULL, "cannot make the folder '%s': %s", output, strerror(errno));
		return EXIT_FAILED;
	}
	if (stat(output, &st) == 0 && !S_ISDIR(st.st_mode)) {
		message("export", NULL, "'%s' is not a folder", output);
		return EXIT_FAILED;
	}
	for (int i = 0; i < csv_report_count() * NAMES_COUNT; i++) {
		int report = i / NAMES_COUNT, names = i % NAMES_COUNT;
		char path[PATH_MAX];

		file_name(path, sizeof(path), output, input, report, names);
		if (request->wanted[report][names] && !force && access(path, F_OK) == 0) {
			message("export", "--force overwrites it", "'%s' exists", path);
			return EXIT_FAILED;
		}
	}
	return EXIT_OK;
}

/* path NULL: standard output */
static int report_write(struct run *run, int report, int names, const char *path, bool force)
{
	struct outfile file;
	struct progress progress;
	int result;

	if (!outfile_open(&file, path, force))
		return EXIT_FAILED;
	progress_begin(&progress, run, csv_report_name(report));
	result = csv_report_write(run, report, (enum nsys_names)names, file.out);
	progress_end(&progress, run);
	result = outfile_close(&file, run, result);
	if (result == EXIT_OK && path)
		printf("%s\n", path);
	return result;
}

int export_csv(struct run *run, const struct csv_request *request, const char *input,
	       const char *output, bool force)
{
	bool to_stdout = !strcmp(output, "-");
	int result = to_stdout ? EXIT_OK : files_check(request, input, output, force);

	if (result != EXIT_OK)
		return result;
	if (run_freeze(run) < 0) {
		message("export", NULL, "%s", run_error(run));
		return EXIT_INPUT;
	}
	for (int i = 0; result == EXIT_OK && i < csv_report_count() * NAMES_COUNT; i++) {
		int report = i / NAMES_COUNT, names = i % NAMES_COUNT;
		char path[PATH_MAX];

		if (!request->wanted[report][names])
			continue;
		file_name(path, sizeof(path), output, input, report, names);
		result = report_write(run, report, names, to_stdout ? NULL : path, force);
	}
	run_thaw(run);
	return result;
}
