/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels of executable graphs, each once: see graphcontent.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "collector/graphcontent.h"

static int64_t known(uint64_t id)
{
	return id ? (int64_t)id : NIL;
}

int64_t graph_content_id(struct graph_content *content, struct database *db,
			 const struct graph_kernel *kernel)
{
	bool is_new;
	uint32_t index;

	content->rows.key_bytes = sizeof(*kernel);
	content->rows.limit = GRAPH_CONTENT_MAX;
	index = intern_add(&content->rows, kernel, &is_new);
	if (index != INTERN_NONE && !is_new)
		return index + 1;
	database_run(db, "INSERT INTO graph_node VALUES (?,?,?,?,?,?)", "iiiiii",
		     (int64_t)++content->count, known(kernel->graph), known(kernel->node),
		     known(kernel->stream), known(kernel->shape), known(kernel->path));
	return content->count;
}

void graph_content_free(struct graph_content *content)
{
	intern_free(&content->rows);
}
