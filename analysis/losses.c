/* SPDX-License-Identifier: Apache-2.0 */
/* What was lost, and coverage figures: the counters of the file with their meaning. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "analysis/internal.h"

#include "wire/wire.h"

#include <string.h>

/* Counters that tell how the run was covered; every other name counts a loss. */
static const char *const coverage[] = {
	"route_linked", "route_dlsym", "route_getproc", "route_patched", "hook_missing", "forks",
	"cupti_records", "gpu_unwatched", "failed_calls", "captured_launches", "gpu_late",
	"gpu_by_device", "gpu_duplicates", "gpu_extra", "rows_forced", "unknown_frees", "clock_steps",
	"overhead_hook_ns", "overhead_cupti_ns", "overhead_thread_ns", "gpu_edges", "event_samples",
	"gpu_joined", "calls_linked", "calls_dlsym", "calls_getproc", "calls_patched", "calls_several",
	"range_unended", "range_unmatched",
};

static const struct counter_text {
	const char *name, *text;
} texts[] = {
#define COUNTER(name, text) { #name, text },
#include "wire/counters.def"
#include "collector/counters.def"
#undef COUNTER
#define IMPORT_COUNTER(name, text) { #name, text },
#include "collector/import_counters.def"
#undef IMPORT_COUNTER
};

static const char *counter_text(const char *name)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (!strcmp(texts[i].name, name))
			return texts[i].text;
	return "";
}

static bool is_coverage(const char *name)
{
	for (size_t i = 0; i < sizeof(coverage) / sizeof(*coverage); i++)
		if (!strcmp(coverage[i], name))
			return true;
	/* What another tool recorded and we have no place for is no loss of a recording. */
	return !strncmp(name, "import_", 7);
}

static int loss_row(struct run *run, sqlite3_stmt *stmt, void *arg)
{
	struct run_loss *loss = LIST_ADD((struct run_loss_list *)arg);

	if (!loss)
		return run_fail(run, "out of memory");
	loss->name = row_text(stmt, 0);
	loss->text = strdup(counter_text(loss->name));
	loss->value = row_u64(stmt, 1);
	loss->is_loss = !is_coverage(loss->name);
	return 0;
}

int run_losses(struct run *run, struct run_loss_list *list)
{
	*list = (struct run_loss_list){ 0 };
	if (run_query(run, "SELECT name, sum(value) FROM counter GROUP BY name ORDER BY name",
		      loss_row, list) < 0) {
		run_loss_list_free(list);
		return -1;
	}
	return 0;
}
