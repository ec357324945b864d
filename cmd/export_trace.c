/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a trace export: which, where, compressed or not, and never half of one. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "cmd/export_trace.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/outfile.h"
#include "cmd/progress.h"
#include "cmd/trace_writer.h"

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length > end_length && !strcmp(text + length - end_length, end);
}

/* path NULL: standard output */
static int trace_file(struct run *run, struct timeline *timeline, int64_t device, const char *path,
		      bool force)
{
	struct outfile file;
	struct progress progress;
	int result;

	if (!outfile_open(&file, path, force))
		return EXIT_FAILED;
	progress_begin(&progress, run, "trace");
	result = trace_write(timeline, device, file.out);
	progress_end(&progress, run);
	return outfile_close(&file, run, result);
}

/* NAME.json.gz becomes NAME.gpuN.json.gz. */
static void device_path(char *path, size_t bytes, const char *output, int64_t device)
{
	const char *suffix = ends_with(output, ".gz") ? ".json.gz" : ".json";
	size_t length = strlen(output);

	if (ends_with(output, ".gz"))
		length -= strlen(".gz");
	if (length > 5 && !strncmp(output + length - 5, ".json", 5))
		length -= 5;
	snprintf(path, bytes, "%.*s.gpu%" PRId64 "%s", (int)length, output, device, suffix);
}

static int64_t gpu_number(const struct timeline *timeline, int64_t device)
{
	return lookup_number(&timeline->devices, device, DEVICE_GPU, device);
}

/* -1: no device has that number. */
static int64_t gpu_find(const struct timeline *timeline, int64_t gpu)
{
	for (size_t i = 0; i < timeline->devices.count; i++)
		if (gpu_number(timeline, timeline->devices.ids[i]) == gpu)
			return timeline->devices.ids[i];
	return -1;
}

static int trace_each(struct run *run, struct timeline *timeline,
		      const struct trace_request *request)
{
	int result = EXIT_OK;

	for (size_t i = 0; result == EXIT_OK && i < timeline->devices.count; i++) {
		int64_t device = timeline->devices.ids[i];
		char path[PATH_MAX];

		device_path(path, sizeof(path), request->output, gpu_number(timeline, device));
		result = trace_file(run, timeline, device, path, request->force);
		if (result == EXIT_OK)
			printf("%s\n", path);
	}
	return result;
}

static int trace_any(struct run *run, struct timeline *timeline,
		     const struct trace_request *request)
{
	int64_t device = -1;

	if (request->gpu) {
		char *end;

		device = gpu_find(timeline, strtoll(request->gpu, &end, 10));
		if (*end || end == request->gpu || device < 0) {
			message("export", "'gputrail report FILE devices' lists them",
				"no GPU '%s' in the recording", request->gpu);
			return EXIT_USAGE;
		}
	}
	if (request->per_device)
		return trace_each(run, timeline, request);
	return trace_file(run, timeline, device, request->output, request->force);
}

int export_trace(struct run *run, const struct trace_request *request)
{
	struct timeline timeline;
	int result = EXIT_INPUT;

	if (run_freeze(run) < 0) {
		message("export", NULL, "%s", run_error(run));
		return EXIT_INPUT;
	}
	if (timeline_open(run, &timeline) < 0) {
		message("export", NULL, "%s", run_error(run));
	} else {
		result = trace_any(run, &timeline, request);
		timeline_close(&timeline);
	}
	run_thaw(run);
	return result;
}
