/* SPDX-License-Identifier: Apache-2.0 */
/* What the file is: meta, and whether its recorder still lives. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* A recorder in another pid namespace is known only by what it writes. */
#define FRESH_SECONDS	3

static bool is_fresh(const char *path, const char *suffix)
{
	char name[4096 + 8];
	struct stat st;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	return stat(name, &st) == 0 && time(NULL) - st.st_mtime < FRESH_SECONDS;
}

static bool boot_is_same(const char *boot_id)
{
	char now[64] = "";
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
	bool same = false;

	if (file && fgets(now, sizeof(now), file)) {
		now[strcspn(now, "\n")] = '\0';
		same = !strcmp(now, boot_id);
	}
	if (file)
		fclose(file);
	return same;
}

/*
 * Field 22 of /proc/PID/stat; 0 if there is no such process or only its zombie, which stays for
 * long in containers whose first process collects no children. The name, field 2, may hold
 * anything, so counting starts after the last ')'.
 */
static unsigned long long process_start_ticks(int pid)
{
	char path[64], line[1024] = "", *at;
	unsigned long long ticks = 0;
	char state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fgets(line, sizeof(line), file) && (at = strrchr(line, ')')))
		sscanf(at + 1, " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		       "%*s %*s %*s %*s %llu", &state, &ticks);
	fclose(file);
	return state == 'Z' || state == 'X' ? 0 : ticks;
}

bool run_recorder_alive(struct run *run)
{
	char *state = run_meta(run, "state"), *boot = NULL;
	bool alive = false;
	int64_t pid, ticks;

	if (!state || strcmp(state, "recording"))
		goto out;
	boot = run_meta(run, "boot_id");
	pid = run_integer(run, "SELECT value FROM meta WHERE key = 'collector_pid'", 0);
	ticks = run_integer(run, "SELECT value FROM meta WHERE key = 'collector_start_ticks'", 0);
	if (boot && boot_is_same(boot) && pid > 0 && ticks > 0 &&
	    process_start_ticks((int)pid) == (unsigned long long)ticks)
		alive = true;
	else if (is_fresh(run->path, "") || is_fresh(run->path, "-wal"))
		alive = true;
out:
	free(state);
	free(boot);
	return alive;
}

static uint64_t file_size(const char *path, const char *suffix)
{
	char name[4096 + 8];
	struct stat st;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	return stat(name, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* First to last event: the recorder notes both; else zone maps, device summaries and processes
 * know them about. */
static uint64_t run_span_ns(struct run *run)
{
	int64_t noted = run_integer(run, "SELECT l.value - f.value FROM meta f, meta l "
				    "WHERE f.key = 'first_event' AND l.key = 'last_event'", -1);
	int64_t first = run_integer(run,
		"SELECT min(v) FROM (SELECT min(min_ns) v FROM chunk UNION ALL "
		"SELECT min(first_ns) FROM sum_device WHERE last_ns > 0 UNION ALL "
		"SELECT min(start_ns) FROM process)", 0);
	int64_t last = run_integer(run,
		"SELECT max(v) FROM (SELECT max(max_ns) v FROM chunk UNION ALL "
		"SELECT max(last_ns) FROM sum_device UNION ALL "
		"SELECT max(end_ns) FROM process)", 0);

	if (noted >= 0)
		return (uint64_t)noted;
	return last > first ? (uint64_t)last - (uint64_t)first : 0;
}

/* Views print these as they are: absent is empty. */
static char *meta_text(struct run *run, const char *key)
{
	char *text = run_meta(run, key);

	return text ? text : strdup("");
}

int run_info(struct run *run, struct run_info *info)
{
	char *state;

	memset(info, 0, sizeof(*info));
	state = run_meta(run, "state");
	if (state && !strcmp(state, "complete")) {
		info->state = strdup("complete");
	} else if (run_recorder_alive(run)) {
		info->state = strdup("recording");
	} else {
		info->state = strdup("truncated");
		info->needs_recovery = state && !strcmp(state, "recording");
	}
	free(state);
	info->path = strdup(run->path);
	info->command_line = meta_text(run, "command_line");
	info->host = meta_text(run, "host");
	info->created = meta_text(run, "created");
	info->tool_version = meta_text(run, "tool_version");
	info->schema_version = (int)run_integer(run, "PRAGMA user_version", 0);
	info->span_ns = run_span_ns(run);
	info->file_bytes = file_size(run->path, "") + file_size(run->path, "-wal");
	info->processes = (int)run_integer(run, "SELECT count(*) FROM process", -1);
	info->threads = (int)run_integer(run, "SELECT count(*) FROM thread", -1);
	if (info->processes < 0 || info->threads < 0) {
		run_info_free(info);
		return -1;
	}
	return 0;
}

void run_info_free(struct run_info *info)
{
	free(info->path);
	free(info->state);
	free(info->command_line);
	free(info->host);
	free(info->created);
	free(info->tool_version);
	memset(info, 0, sizeof(*info));
}

static int fact_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct run_fact *fact = LIST_ADD((struct run_fact_list *)arg);

	if (!fact)
		return run_fail(run, "out of memory");
	fact->key = row_text(stmt, 0);
	fact->value = row_text(stmt, 1);
	return 0;
}

int run_facts(struct run *run, struct run_fact_list *list)
{
	*list = (struct run_fact_list){ 0 };
	if (run_query(run, "SELECT key, value FROM meta WHERE key NOT IN ('state', 'tool_version',"
		      " 'command_line', 'host', 'created') ORDER BY key", fact_row, list) < 0) {
		run_fact_list_free(list);
		return -1;
	}
	return 0;
}
