/* SPDX-License-Identifier: Apache-2.0 */
/* The meta table, the name tables, and the counters that belong to the whole run. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void names_write(struct collector *c)
{
	static const struct {
		const char *name, *category;
	} apis[] = {
#define API(symbol, base, tier, since, per_thread, cbid, category, params, args)                   \
	{ #symbol, #category },
#include "driver/driver_api.def"
#undef API
	};
	static const struct {
		int number;
		const char *name;
	} results[] = {
#define RESULT(name, number) { number, #name },
#include "collector/results.inc"
#undef RESULT
	};

	for (size_t i = 0; i < sizeof(apis) / sizeof(apis[0]); i++)
		database_run(c->db, "INSERT INTO api VALUES (?,?,?)", "itt", (int64_t)i,
			     apis[i].name, apis[i].category);
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		database_run(c->db, "INSERT OR IGNORE INTO result VALUES (?,?)", "it",
			     (int64_t)results[i].number, results[i].name);
}

/* Words joined by spaces, those with special characters in single quotes. */
static void join_words(char *text, size_t bytes, char *const *words)
{
	size_t length = 0;

	text[0] = '\0';
	for (; words && *words && length < bytes - 1; words++) {
		const char *quote = strpbrk(*words, " \t\n'\"\\$`&|;<>()*?") || !**words ? "'" : "";

		length += (size_t)snprintf(text + length, bytes - length, "%s%s%s%s",
					   length ? " " : "", quote, *words, quote);
	}
}

/* Only variables that explain a recording: the rest may hold secrets. */
static void environment_write(struct collector *c)
{
	static const char *const allowed[] = { "CUDA_", "GPUTRAIL_", "SIMCUDA_", "NCCL_", "NVTX_", "OMP_",
					       "LD_PRELOAD=", "LD_LIBRARY_PATH=", "PYTHONPATH=",
					       "PYTORCH_", "VLLM_" };
	static const char *const refused[] = { "KEY", "TOKEN", "SECRET", "PASS" };
	char key[128];

	for (char **variable = environ; *variable; variable++) {
		const char *value = strchr(*variable, '=');
		bool wanted = false;

		for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
			wanted |= !strncmp(*variable, allowed[i], strlen(allowed[i]));
		if (!wanted || !value || value - *variable > 100)
			continue;
		snprintf(key, sizeof(key), "env.%.*s", (int)(value - *variable), *variable);
		for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
			wanted &= strstr(key, refused[i]) == NULL;
		if (wanted)
			database_meta_text(c->db, key, value + 1);
	}
}

static void line_of(const char *path, const char *key, char *text, size_t bytes)
{
	FILE *file = fopen(path, "re");
	char line[512];

	text[0] = '\0';
	while (file && !text[0] && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key))) {
			char *value = strchr(line, ':');

			value = *key && value ? value + 2 : line;
			value[strcspn(value, "\n")] = '\0';
			snprintf(text, bytes, "%s", value);
		}
	if (file)
		fclose(file);
}

/* Field 22 of /proc/self/stat; the name before it may hold anything but ends in the last ')'. */
static int64_t own_start_ticks(void)
{
	char stat[1024], *rest;
	FILE *file = fopen("/proc/self/stat", "re");
	size_t length = file ? fread(stat, 1, sizeof(stat) - 1, file) : 0;

	if (file)
		fclose(file);
	stat[length] = '\0';
	rest = strrchr(stat, ')');
	for (int field = 2; rest && field < 22; field++)
		rest = strchr(rest + 1, ' ');
	return rest ? strtoll(rest, NULL, 10) : 0;
}

static void callpath_write_mode(struct collector *c, const char *mode)
{
	const char *text = mode ? mode : getenv("GPUTRAIL_CALLPATH");
	bool native = !text || !*text || strstr(text, "native");
	bool python = !text || !*text || strstr(text, "python");

	database_meta_text(c->db, "callpath", native ? python ? "native,python" : "native"
						     : python ? "python" : "off");
}

/* Whether ranges of NVTX can come. */
static const char *nvtx_note(const struct collector_options *options)
{
	const char *tool = getenv("NVTX_INJECTION64_PATH"), *wanted = getenv("GPUTRAIL_NVTX");
	size_t length = tool ? strlen(tool) : 0;

	if (wanted && !strcmp(wanted, "off"))
		return "off";
	if (tool && (length < 13 || strcmp(tool + length - 13, "libprofile.so")))
		return "left to the tool that NVTX_INJECTION64_PATH names";
	return tool || options->names_nvtx_tool ? "recorded"
		: "not recorded: NVTX_INJECTION64_PATH does not name libprofile.so";
}

void meta_start(struct collector *c, const struct collector_options *options)
{
	struct utsname system;
	char text[8192];
	time_t created = (time_t)(c->clock.origin_realtime_ns / 1000000000);
	struct tm utc;

	names_write(c);
	uname(&system);
	gmtime_r(&created, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	database_meta_text(c->db, "created", text);
	database_meta_int(c->db, "schema_version", SCHEMA_VERSION);
	database_meta_text(c->db, "tool_version", PACKAGE_VERSION);
	database_meta_text(c->db, "state", "recording");
	database_meta_text(c->db, "host", system.nodename);
	snprintf(text, sizeof(text), "%s %s %s", system.sysname, system.release, system.machine);
	database_meta_text(c->db, "kernel", text);
	database_meta_text(c->db, "nvtx", nvtx_note(options));
	line_of("/proc/cpuinfo", "model name", text, sizeof(text));
	database_meta_text(c->db, "cpu", text);
	database_meta_int(c->db, "cpus", sysconf(_SC_NPROCESSORS_ONLN));
	line_of("/proc/sys/kernel/random/boot_id", "", text, sizeof(text));
	database_meta_text(c->db, "boot_id", text);
	database_meta_int(c->db, "origin", c->clock.origin_ns);
	database_meta_int(c->db, "origin_realtime", c->clock.origin_realtime_ns);
	database_meta_int(c->db, "collector_pid", getpid());
	database_meta_int(c->db, "collector_start_ticks", own_start_ticks());
	join_words(text, sizeof(text), options->command);
	database_meta_text(c->db, "command_line", text);
	if (options->simulated)
		database_meta_text(c->db, "simulated_device", options->simulated);
	callpath_write_mode(c, options->callpath);
	control_meta(c);
	environment_write(c);
}

static void counters_write(struct collector *c)
{
	static const char *const names[] = {
#define COUNTER(name, text) #name,
#include "collector/counters.def"
#undef COUNTER
	};

	c->counters[COUNT_clock_steps] = c->clock.step_count - 1;
	c->counters[COUNT_busy_late_ns] = (uint64_t)summary_late_ns(c->summary);
	if (c->activity)
		c->counters[COUNT_activity_dropped] = activity_dropped(c->activity);
	c->counters[COUNT_rows_forced] = 0;
	for (int table = 0; table < TABLE_COUNT; table++)
		c->counters[COUNT_rows_forced] += c->windows[table].forced;
	for (unsigned i = 0; i < COUNT_TOTAL; i++) {
		if (c->counters[i])
			database_run(c->db, "INSERT OR REPLACE INTO counter VALUES (0,?,?)", "ti",
				     names[i], (int64_t)c->counters[i]);
		for (uint32_t p = 0; p < c->process_count; p++)
			if (c->processes[p]->counters[i])
				database_run(c->db, "INSERT OR REPLACE INTO counter VALUES (?,?,?)",
					     "iti", (int64_t)c->processes[p]->id, names[i],
					     (int64_t)c->processes[p]->counters[i]);
	}
}

void meta_update(struct collector *c)
{
	struct rusage usage;

	counters_write(c);
	getrusage(RUSAGE_SELF, &usage);
	database_meta_int(c->db, "collector_cpu_ns",
			  (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000 +
			  (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000);
	database_meta_int(c->db, "collector_max_rss_kb", usage.ru_maxrss);
	database_meta_int(c->db, "collector_records", (int64_t)c->records);
	database_meta_int(c->db, "collector_rows", (int64_t)database_rows(c->db));
	database_meta_int(c->db, "clock_error_ns", c->clock.error_ns);
	database_meta_int(c->db, "realtime_error_ns", c->clock.realtime_error_ns);
	database_meta_int(c->db, "clock_drift_ppb", clock_drift_ppb(&c->clock));
	database_meta_int(c->db, "realtime_moved_ns", clock_realtime_moved(&c->clock));
	if (c->last_event_ns >= c->first_event_ns) {
		database_meta_int(c->db, "first_event", c->first_event_ns);
		database_meta_int(c->db, "last_event", c->last_event_ns);
	}
	database_meta_int(c->db, "updated", clock_now(&c->clock));
}
